"""Ledgers: parts that add up, as lines of text and as rows of a table with bars."""

from __future__ import annotations

from collections.abc import Hashable
from html import escape

__all__ = ["html_row", "line", "plain", "signed"]

_WIDTH = 52  # of names in plain text
_POSITIVE, _NEGATIVE = "#0072b2", "#d55e00"  # told apart by the colour-blind, too (Okabe, Ito)


def signed(value: float, digits: int = 2) -> str:
    """A part with its sign; what rounds to nothing is +0.00.

    Args:
        value: of the part.
        digits: decimals (default 2).
    """
    told = f"{value:+.{digits}f}"
    return told.replace("-", "+") if float(told) == 0 else told


def line(name: str, value: float, *, sign: bool, digits: int = 2) -> str:
    """One part as a line of plain text.

    Args:
        name: of the part; a long one is cut.
        value: of the part.
        sign: whether to write a plus.
        digits: decimals (default 2).
    """
    short = name if len(name) <= _WIDTH else f"{name[: _WIDTH - 3]}..."
    return f"{short:<{_WIDTH}}{signed(value, digits) if sign else f'{value:.{digits}f}':>7}"


def html_row(name: str, value: float, most: float, digits: int = 2) -> str:
    """One part; with a bar to the right or to the left of the middle, as long as its share of the longest.

    Args:
        name: of the part.
        value: of the part.
        most: the longest; 0 for no bar and no sign.
        digits: decimals (default 2).
    """
    bar = ""
    if most:
        length = 50 * abs(value) / most
        side = f"margin-left:{50 if value >= 0 else 50 - length:.1f}%;width:{length:.1f}%"
        colour = _POSITIVE if value >= 0 else _NEGATIVE
        bar = f"<div style='width:12em'><div style='{side};height:0.8em;background:{colour}'></div></div>"
    told = signed(value, digits) if most else f"{value:.{digits}f}"
    return (
        f"<tr><td style='text-align:left'>{escape(name)}</td><td style='text-align:right'>{told}</td>"
        f"<td>{bar}</td></tr>"
    )


def plain(value: Hashable | None) -> object:
    """An id as JSON can hold it; what is neither a number nor a text becomes one."""
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
