"""Matching of titles and ids to items: by id, exact title, or normalised title and year. Nothing is guessed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from penchant.data.attributes import Attributes
from penchant.data.imports.site_exports import Entry
from penchant.data.imports.title_forms import Title, parse_title
from penchant.data.vocab import Vocab

__all__ = ["Candidates", "ItemIndex", "settled"]

_ID_COLUMNS = {  # attributes that hold ids of other places, in lower case and without anything but letters and digits
    "imdb": ("imdbid", "imdb", "const", "tconst"),
    "goodreads": ("goodreadsbookid", "goodreadsid"),
    "isbn": ("isbn", "isbn10", "isbn13"),
}
_UNKNOWN_YEAR = 2  # as far apart as years that are not known are taken to be; one year apart is nearer


class Candidates(NamedTuple):
    """Rows of items that an entry may be of, and how well they fit.

    Attributes:
        rows: one where it is clear, several where it is not, none where there is no such item.
        rank: (how it was found, years apart): the lower, the surer.
    """

    rows: tuple[int, ...]
    rank: tuple[int, int]


class ItemIndex:
    """Items by their ids, titles and years, to be found by what other places call them.

    Args:
        items: the ids.
        attributes: what is known of items: title, year, and ids of other places (imdb_id, isbn, ...).
    """

    def __init__(self, items: Vocab, attributes: Attributes) -> None:
        self._ids = _ids_by_kind(items, attributes)
        texts: Sequence[str | None] = [] if attributes.titles is None else attributes.titles.tolist()
        years = _years(attributes)
        self._years: list[int | None] = [None] * len(items)
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._names: dict[str, list[int]] = defaultdict(list)
        self._all_names: dict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(texts):
            if text is None:
                continue
            title = parse_title(text)
            self._years[row] = title.year if years[row] is None else years[row]
            self._exact[text].append(row)
            self._names[title.name].append(row)
            for name in {title.name, *title.others}:
                self._all_names[name].append(row)

    def find(self, entry: Entry) -> Candidates:
        """The rows that fit an entry best.

        An id says it all. Then come, each only where the one before finds nothing: the very title; the same name;
        another name (in parentheses, or the original title). Items whose year is known to be more than one off do not
        count; of the others, those of the same year come first, then those one year off, then those of unknown years.

        Args:
            entry: what was rated.
        """
        by_id = {row for kind, text in entry.ids.items() for row in self._ids[kind].get(_plain_id(kind, text), ())}
        titles = [parse_title(text, entry.year) for text in entry.titles]
        if by_id and "item" in entry.ids:  # "300" may be an id and a title
            by_id |= {row for text in entry.titles for row in self._exact.get(text, ())}
        if by_id:
            return Candidates(tuple(sorted(by_id)), (0, 0))
        year = next((title.year for title in titles if title.year is not None), None)
        tiers: tuple[tuple[Mapping[str, list[int]], Iterable[str]], ...] = (
            (self._exact, _with_year(entry.titles, year)),
            (self._names, [title.name for title in titles[:1]]),
            (self._all_names, _every_name(titles)),
        )
        for tier, (rows_of, names) in enumerate(tiers, start=1):
            rows = {row for name in names for row in rows_of.get(name, ())}
            apart = {row: _years_apart(year, self._years[row]) for row in rows}
            if tier == 1 and year is not None:  # the very title of an item of unknown year is no more than its name
                apart = {row: years for row, years in apart.items() if years != _UNKNOWN_YEAR}
            nearest = min((years for years in apart.values() if years is not None), default=None)
            if nearest is not None:
                return Candidates(tuple(sorted(row for row in rows if apart.get(row) == nearest)), (tier, nearest))
        return Candidates((), (len(tiers) + 1, 0))


def settled(entries: Sequence[Entry], found: Sequence[Candidates]) -> list[Candidates]:
    """The same with every item claimed once: two names can't be the same film, so the one that fits better has it.

    Where both fit as well, neither does. The same name twice is the same film twice.

    Args:
        entries: what was rated.
        found: where each may belong.
    """
    claims: dict[int, list[int]] = defaultdict(list)
    for at, one in enumerate(found):
        if len(one.rows) == 1:
            claims[one.rows[0]].append(at)
    kept = list(found)
    for ats in claims.values():
        best = min(found[at].rank for at in ats)
        names = {(entries[at].titles, entries[at].year) for at in ats if found[at].rank == best}
        for at in ats:
            if found[at].rank > best:
                kept[at] = Candidates((), found[at].rank)
            elif len(names) > 1 and best[0] > 0:
                kept[at] = Candidates((*found[at].rows, *found[at].rows), best)
    return kept


def _with_year(texts: Iterable[str], year: int | None) -> list[str]:
    return [form for text in texts for form in (text, f"{text} ({year})")]


def _every_name(titles: Iterable[Title]) -> list[str]:
    return [name for title in titles for name in (title.name, *title.others)]


def _years_apart(one: int | None, other: int | None) -> int | None:
    """0 or 1; 2 where one is not known; None where they are further apart."""
    if one is None or other is None:
        return _UNKNOWN_YEAR
    return abs(one - other) if abs(one - other) <= 1 else None


def _years(attributes: Attributes) -> list[int | None]:
    column = attributes.get("year")
    if column is None or column.dtype.kind not in "if":
        return [None] * attributes.n_rows
    return [int(year) if np.isfinite(year) else None for year in column.tolist()]


def _ids_by_kind(items: Vocab, attributes: Attributes) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {kind: defaultdict(list) for kind in ("item", *_ID_COLUMNS)}
    for row, value in enumerate(items):
        found["item"][str(value)].append(row)
        if isinstance(value, str):  # a number could be anybody's
            for kind in ("imdb", "isbn"):
                _add(found[kind], kind, value, row)
    for name, column in attributes.items():
        plain = re.sub(r"[^a-z0-9]", "", name.casefold())
        for kind in (kind for kind, names in _ID_COLUMNS.items() if plain in names):
            for row, value in enumerate(column.tolist()):
                _add(found[kind], kind, value, row, is_that_kind=True)
    return found


def _add(rows_of: dict[str, list[int]], kind: str, value: Hashable, row: int, *, is_that_kind: bool = False) -> None:
    if value is None or value != value or isinstance(value, tuple):
        return
    text = str(int(value)) if isinstance(value, float) else str(value)
    looks_like_it = re.fullmatch(r"tt\d+" if kind == "imdb" else r"[\dX-]{9,17}", text) is not None
    if (is_that_kind or looks_like_it) and row not in rows_of[_plain_id(kind, text)]:
        rows_of[_plain_id(kind, text)].append(row)


def _plain_id(kind: str, text: str) -> str:
    """An id in one spelling: tt0133093 is 133093 in MovieLens; hyphens and zeros of an ISBN come and go."""
    if kind == "imdb":
        text = text.removeprefix("tt")
    return text if kind == "item" else text.replace("-", "").lstrip("0") or "0"
