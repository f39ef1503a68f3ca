"""Ingest report: what happened to a table on its way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penchant.text import counted

__all__ = ["Report"]

_COUNTS = {
    "last": "the last one counts",
    "first": "the first one counts",
    "mean": "their mean counts",
    "sum": "their weights are added up",
    "error": "refused",
}


@dataclass(frozen=True)
class Report:
    """What happened to a table on its way in; `print(ratings.report)` tells it in words. Frozen.

    Attributes:
        source: a path, or what kind of table in memory it was.
        n_rows: rows of the source, including those dropped and merged.
        n_ratings: ratings that were kept; 0 where the table holds choices.
        n_choices: choices that were kept; 0 where the table holds ratings.
        n_users, n_items: users and items that were kept.
        columns: role ("user", "item", "rating", "weight", "timestamp", "title") -> (name of the column, "given" or
            "recognised").
        rating_scale: (lo, hi); None where there are no ratings.
        scale_from: "given" by the caller, or "inferred": the lowest and highest rating found.
        duplicates: what became of pairs that occur twice: "last", "first", "mean", "sum" or "error".
        n_duplicates: rows that went that way.
        n_dropped: rows left out by `invalid="drop"`.
        dropped_rows: the first ten of them, counted from 0.
        dropped_for: reason -> number of rows.
        encoding: of a text file, else None.
        timestamp: unit and rounding of the timestamps, else None.
        notes: everything else that had to be decided.

    >>> from penchant.data.ratings import Ratings
    >>> ratings = Ratings.from_arrays(["ann", "ann", "bob"], ["Alien", "Alien", "Heat"], [3, 4, 5])
    >>> print(ratings.report)
    arrays: 3 rows, 2 ratings of 2 items by 2 users
    user = column 'user' (given); item = column 'item' (given); rating = column 'rating' (given)
    rating scale 3 to 5 (inferred)
    1 row with an already rated pair: the last one counts
    """

    source: str = ""
    n_rows: int = 0
    n_ratings: int = 0
    n_choices: int = 0
    n_users: int = 0
    n_items: int = 0
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rating_scale: tuple[float, float] | None = None
    scale_from: str = "inferred"
    duplicates: str = "last"
    n_duplicates: int = 0
    n_dropped: int = 0
    dropped_rows: tuple[int, ...] = ()
    dropped_for: Mapping[str, int] = field(default_factory=dict)
    encoding: str | None = None
    timestamp: str | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """All fields as what JSON can hold."""
        plain: dict[str, object] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain["columns"] = {role: {"name": name, "from": how} for role, (name, how) in self.columns.items()}
        plain["rating_scale"] = None if self.rating_scale is None else list(self.rating_scale)
        plain["dropped_rows"] = list(self.dropped_rows)
        plain["dropped_for"] = dict(self.dropped_for)
        plain["notes"] = list(self.notes)
        return plain

    def __str__(self) -> str:
        kept = counted(self.n_choices, "choice") if self.n_choices else counted(self.n_ratings, "rating")
        lines = [
            f"{self.source or 'nothing read'}: {counted(self.n_rows, 'row')}, {kept} "
            f"of {counted(self.n_items, 'item')} by {counted(self.n_users, 'user')}"
        ]
        if self.columns:
            lines.append("; ".join(f"{role} = column {name!r} ({how})" for role, (name, how) in self.columns.items()))
        if self.rating_scale is not None:
            lines.append(f"rating scale {self.rating_scale[0]:g} to {self.rating_scale[1]:g} ({self.scale_from})")
        if self.n_duplicates:
            done = "chosen" if self.n_choices else "rated"
            lines.append(f"{counted(self.n_duplicates, 'row')} with an already {done} pair: {_COUNTS[self.duplicates]}")
        if self.n_dropped:
            told = [(count, reason) for reason, count in self.dropped_for.items()]
            reasons = ", ".join(counted(n, why) if why.endswith("line") else f"{n:,} {why}" for n, why in told)
            first = ", ".join(map(str, self.dropped_rows))
            lines.append(f"{counted(self.n_dropped, 'row')} dropped ({reasons}), the first: {first}")
        if self.encoding is not None and self.encoding != "utf-8":
            lines.append(f"encoding {self.encoding}")
        if self.timestamp is not None:
            lines.append(f"timestamps: {self.timestamp}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])
