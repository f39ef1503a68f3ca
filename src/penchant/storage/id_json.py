"""Ids of any supported type as one JSON text, and back: each comes out equal and of the same type.

    None, True, False, "text"    null, true, false, "text"
    12                           {"int": "12"}
    1.5                          {"float": "1.5"}                       shortest text that reads back the same; nan, inf
    b"..."                       {"bytes": "6162"}                      hexadecimal
    UUID, date, datetime         {"uuid": ...} {"date": ...} {"datetime": ...}        ISO 8601 for dates
    (1, "a")                     {"tuple": [{"int": "1"}, "a"]}         nested at most 16 deep

Numbers are written as text because JSON leaves open how large and how exact a number may be.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

from penchant.errors import FormatError, UnsupportedError
from penchant.storage.strict_json import JSON, parse_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

__all__ = ["ids_from_json", "ids_to_json"]

_TUPLES = 16  # tuples inside one another


def ids_to_json(ids: Sequence[object], kind: str) -> str:
    """A JSON array, ASCII only, of one tagged value an id.

    Args:
        ids: ids in row order.
        kind: "user" or "item", for messages.

    Raises:
        UnsupportedError: an id is of another type; the message names it and its row.

    >>> ids_to_json(["ann", 7, (1, None)], "user")
    '["ann",{"int":"7"},{"tuple":[{"int":"1"},null]}]'
    """
    tagged: list[JSON] = []
    for row, value in enumerate(ids):
        try:
            tagged.append(_tag(value, _TUPLES))
        except UnsupportedError as error:
            raise UnsupportedError(
                f"{kind} id {_shown(value)} (row {row}) {error}: make the ids int, str, UUID, date or tuples of these"
            ) from error
    return write_json(tagged)


def ids_from_json(raw: bytes, name: str) -> list[Hashable]:
    """The ids that `ids_to_json` wrote.

    Args:
        raw: the JSON.
        name: names it in messages.

    Raises:
        FormatError: the bytes are anything else.

    >>> ids_from_json(b'["ann",{"int":"7"},{"tuple":[{"int":"1"},null]}]', "users.ids")
    ['ann', 7, (1, None)]
    """
    listed = parse_json(raw, name)
    if not isinstance(listed, list):
        raise FormatError(f"{name} is not a list of ids")
    return [_untag(value, name, _TUPLES) for value in listed]


def _shown(value: object) -> str:
    try:
        return repr(value)[:80]
    except ValueError:  # Python does not print integers of thousands of digits
        return "of thousands of digits"


def _tag(value: object, depth: int) -> JSON:
    kind = type(value)  # exactly: of a subclass more than its value would have to be kept
    if value is None or isinstance(value, bool) or (isinstance(value, str) and kind is str):
        return value
    if isinstance(value, tuple) and kind is tuple:
        if depth == 0:
            raise UnsupportedError(f"has more than {_TUPLES} tuples inside one another")
        return {"tuple": [_tag(part, depth - 1) for part in value]}
    if isinstance(value, datetime) and value.tzinfo is not None and type(value.tzinfo) is not timezone:
        raise UnsupportedError("has a time zone by name: a file keeps fixed offsets such as UTC only")
    for tag, (name, write, _) in _TAGS.items():
        if f"{kind.__module__}.{kind.__qualname__}" == name:
            try:
                return {tag: write(value)}
            except ValueError as error:  # an integer of thousands of digits
                raise UnsupportedError(f"can't be written: {error}") from error
    raise UnsupportedError(f"is of type {kind.__name__}, which a file can't hold")


def _untag(value: JSON, name: str, depth: int) -> Hashable:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((tag, content),) = value.items()
        if tag == "tuple" and isinstance(content, list) and depth > 0:
            return tuple(_untag(part, name, depth - 1) for part in content)
        if tag in _TAGS and isinstance(content, str):
            _, write, read = _TAGS[tag]
            try:
                made = read(content)
            except (ValueError, OverflowError) as error:
                raise FormatError(f"{name}: {content[:80]!r} is no {tag}: {error}") from error
            if write(made) == content:  # one id has one text: " 7", "+7" and "0_7" are not the text of 7
                return made
            raise FormatError(f"{name}: {content[:80]!r} is not how {tag} {made!r} is written")
    raise FormatError(f"{name} holds an id that is none of the kinds that the format knows")


def _read_uuid(text: str) -> Hashable:
    from uuid import UUID

    return UUID(text)


# Tag: the type's full name, how its value becomes a text, and how a text becomes the value.
_TAGS: dict[str, tuple[str, Callable[..., str], Callable[[str], Hashable]]] = {
    "int": ("builtins.int", str, int),
    "float": ("builtins.float", repr, float),
    "bytes": ("builtins.bytes", bytes.hex, bytes.fromhex),
    "uuid": ("uuid.UUID", str, _read_uuid),
    "date": ("datetime.date", date.isoformat, date.fromisoformat),
    "datetime": ("datetime.datetime", datetime.isoformat, datetime.fromisoformat),
}
