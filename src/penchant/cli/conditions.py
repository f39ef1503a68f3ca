"""Filters of items as they are typed: --where genres=Comedy --where year=1990..1999 --without genres=Horror."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.errors import ParameterError

if TYPE_CHECKING:
    from penchant.data.attributes import Attributes

__all__ = ["WhereOption", "WithoutOption", "condition"]

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="NAME=VALUE",
        help="Only items with this: genres=Comedy, 'genres=Comedy|Drama' (either), year=1990..1999, year=1990.. "
        "(several: all of them).",
        show_default=False,
    ),
]
WithoutOption = Annotated[
    list[str] | None,
    typer.Option(
        "--without", metavar="NAME=VALUE", help="No items with this, written as for --where.", show_default=False
    ),
]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_RANGE = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?")


def condition(
    where: Sequence[str] | None, without: Sequence[str] | None, attributes: Attributes
) -> dict[str, object] | None:
    """What `recommend(where=...)` takes, or None where nothing is asked.

    Raises:
        ParameterError: no attribute of that name, or a value that does not fit it.
    """
    asked: dict[str, list[object]] = {}
    for flag, texts in (("--where", where), ("--without", without)):
        for text in texts or ():
            name, value = _parsed(flag, text, attributes)
            asked.setdefault(name, []).append(value if flag == "--where" else {"not": value})
    return {name: {"all": values} for name, values in asked.items()} or None


def _parsed(flag: str, text: str, attributes: Attributes) -> tuple[str, object]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if name not in attributes:
        near = difflib.get_close_matches(name, list(attributes), n=1)
        known = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(attributes) or 'none'}"
        raise ParameterError(f"{flag} {text}: no attribute {name!r} of items; {known}")
    if not equals:
        value = "1"  # a column of 0 and 1
    is_number = attributes[name].dtype.kind in "if"
    parts = [_value(part.strip(), is_number) for part in value.split("|")]
    if None in parts or "" in parts:
        wanted = "a number, or a range such as 1990..1999" if is_number else "a value, such as Comedy"
        raise ParameterError(f"{flag} {text}: use {name}= and {wanted}")
    return name, parts[0] if len(parts) == 1 else {"any": parts}


def _value(text: str, is_number: bool) -> object:
    if not is_number:
        return text
    ends = _RANGE.fullmatch(text)
    if ends and text != "..":
        return tuple(None if end is None else float(end) for end in ends.groups())
    return float(text) if re.fullmatch(_NUMBER, text) else None
