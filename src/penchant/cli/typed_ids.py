"""Ids as a shell gives them, as text, turned into the ids of a vocabulary: "42" is 42 where ids are integers."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from penchant.cli.output import as_text

if TYPE_CHECKING:
    from penchant.data.vocab import Vocab
    from penchant.recommender.recommender import Recommender

__all__ = ["alike_ids", "item_id", "match_ids", "user_id"]

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


def user_id(text: str, recommender: Recommender) -> Hashable:
    """The user meant by `text`; where there is none, what the recommender will name in its error."""
    return _match(text, recommender.users)


def item_id(text: str, recommender: Recommender) -> Hashable:
    """The item meant by `text`: an id, else a title, which stays as it is. Ids win."""
    found = _match(text, recommender.items)
    if found in recommender.items or "title" not in recommender.item_attributes:
        return found
    return text if text in set(recommender.item_attributes["title"].tolist()) else found


def match_ids(values: Sequence[object], vocab: Vocab) -> list[Hashable]:
    """Ids from a file, turned into those of the vocabulary where only the type differs."""
    by_text = None if vocab.is_integer else _by_text(vocab)
    matched: dict[tuple[type, object], Hashable] = {}  # by type too, since 1 == 1.0 == True

    def match(value: object) -> Hashable:
        key = type(value), value if isinstance(value, Hashable) else as_text(value)
        if key not in matched:
            matched[key] = value if value in vocab else _match(as_text(value), vocab, by_text)
        return matched[key]

    return [match(value) for value in values]


def alike_ids(values: Sequence[object], vocab: Vocab) -> list[Hashable]:
    """The same as `match_ids`, and ids that are new as the vocabulary's are: text where these are text, or UUIDs."""
    matched = match_ids(values, vocab)
    kinds = {int} if vocab.is_integer else set(map(type, vocab))
    if kinds in ({int}, {str}):
        return matched
    if kinds == {UUID}:
        return [_uuid(value) for value in matched]
    given = (value if isinstance(value, Hashable) else as_text(value) for value in values)
    return [match if match in vocab else value for match, value in zip(matched, given, strict=True)]


def _uuid(value: Hashable) -> Hashable:
    try:
        return UUID(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _match(text: str, vocab: Vocab, by_text: dict[str, Hashable] | None = None) -> Hashable:
    if vocab.is_integer:
        return int(text) if _INTEGER.fullmatch(text) else text
    by_text = _by_text(vocab) if by_text is None else by_text
    if text in by_text:
        return by_text[text]
    try:
        return by_text.get(str(UUID(text)), text)
    except ValueError:
        return text


def _by_text(vocab: Vocab) -> dict[str, Hashable]:
    """Every id under the text that the shell shows for it; where two share a text, the one that is text wins."""
    found = {as_text(value): value for value in vocab}
    found.update((value, value) for value in vocab if isinstance(value, str))
    return found
