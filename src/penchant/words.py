"""How numbers are put into words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(1682, "item")
    ('1 row', '1,682 items')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
