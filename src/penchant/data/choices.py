"""Choices: a checked table of who chose what (clicks, plays, purchases, likes), ready for a solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Int32Array
from penchant.checks import check_weights
from penchant.data.attributes import Attributes
from penchant.data.ingest import Report
from penchant.data.interactions import Interactions
from penchant.data.vocab import Vocab

if TYPE_CHECKING:
    from penchant.data.ingest.pipeline import Reading
    from penchant.data.tables import Table

__all__ = ["Choices", "read_choices"]


@dataclass(frozen=True, eq=False, repr=False)
class Choices(Interactions):
    """A checked table of choices, without stars: 12 bytes a choice, 16 with timestamps. Frozen.

    c_ui = 1 where u chose i; that a pair is not in the table says only that it was not chosen, not that it was
    disliked. A weight says how often, or how much, in the unit of the source (plays, purchases, seconds); a solver
    decides what it makes of it, and the table keeps it as it came.

    There are no negative choices. A row is refused whose weight is zero or negative: leave it out (`invalid="drop"`),
    or, where people say what they like *and* what they dislike, give both as stars and make `penchant.Ratings`.

    Make one with `Choices.from_frame`, `Choices.from_arrays`, `penchant.read_choices` or `Ratings.choices`; the
    constructor itself is for code that has row numbers at hand: it checks what it is given, and copies nothing.

    Attributes:
        user_idx, item_idx: row numbers in `users` and `items`, int32, shape (n,), in the order of the source.
        weight: float32, shape (n,), all finite and above 0; ones where nothing else is known.
        users, items: the vocabularies. A part of a split keeps those of the whole, so an id may have no choice here.
        time_offset: uint32 steps since `time_origin`, shape (n,), or None; see `timestamp`.
        user_attributes, item_attributes: what is known of each row of `users` and `items` besides choices.
        report: what was read, taken, inferred, merged and dropped on the way in.

    Raises:
        ParameterError: arrays of other types or of different lengths.
        DataError: a row number that a vocabulary does not have, or a weight that is not finite and above 0.
    """

    noun: ClassVar[str] = "choice"
    value_column: ClassVar[str] = "weight"

    user_idx: Int32Array
    item_idx: Int32Array
    weight: Float32Array
    users: Vocab
    items: Vocab
    time_offset: NDArray[np.uint32] | None = None
    time_origin: int = 0
    user_attributes: Attributes = field(default_factory=lambda: Attributes(n_rows=0))
    item_attributes: Attributes = field(default_factory=lambda: Attributes(n_rows=0))
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self._check_and_freeze()
        check_weights(self.weight)

    # -- in --

    @classmethod
    def from_frame(
        cls,
        data: object,
        *,
        user: str | None = None,
        item: str | None = None,
        weight: str | bool | None = None,
        timestamp: str | bool | None = None,
        items: object = None,
        users: object = None,
        duplicates: str = "sum",
        invalid: str = "error",
    ) -> Choices:
        """Choices from a table in memory, which is read and never changed. Each row is a choice.

        Args:
            data: a pandas or polars DataFrame, a pyarrow Table, anything with `__arrow_c_stream__`, or a dict of
                columns (lists, arrays); dicts and columns of Python objects may hold ids of any hashable type.
            user, item, timestamp, items, users: as for `penchant.Ratings.from_frame`.
            weight: the column that says how often or how much; None recognises it (`count`, `plays`, `quantity`,
                `seconds`, ...), and without one each row has weight 1. `weight=False` gives every row weight 1.
            duplicates: what becomes of a pair that occurs in several rows: "sum" adds up their weights, and the last
                time counts; "last" or "first" (in time; among equal times, and without times, in the order of rows)
                keeps one row; "error" refuses it (default "sum").
            invalid: what to do with a row whose id or time is missing or no good, or whose weight is not above 0:
                "error", or "drop" it (default "error").

        A column of ratings is not read: whoever rated something chose it, whatever the stars. `report` says so.

        Raises:
            ColumnError: a column is missing, or several could be meant.
            DataError: a row is no good (the message has its number, from 0, and the value), or there is none.
            ParameterError: an argument is out of its range.

        >>> table = {"user": ["ann", "ann", "bob"], "song": ["Aria", "Aria", "Waltz"], "plays": [2, 1, 5]}
        >>> choices = Choices.from_frame(table, item="song")
        >>> choices
        Choices(2 choices, 2 users, 2 items, weights 3 to 5, density 50.00%)
        """
        from penchant.data.tables import MemoryTable

        return _read(
            MemoryTable(data),
            user=user,
            item=item,
            value=weight,
            timestamp=timestamp,
            items=items,
            users=users,
            duplicates=duplicates,
            invalid=invalid,
        )

    @classmethod
    def from_arrays(
        cls,
        user_ids: object,
        item_ids: object,
        weight: object = None,
        timestamp: object = None,
        *,
        items: object = None,
        users: object = None,
        duplicates: str = "sum",
        invalid: str = "error",
    ) -> Choices:
        """Choices from `user_ids` and `item_ids`: lists or arrays of one length, read and never changed.

        Args:
            user_ids, item_ids: any hashable ids, one a choice.
            weight: numbers above 0, one a choice; or None: each has weight 1.
            timestamp: numbers or dates, one a choice; or None.
            items, users, duplicates, invalid: as for `from_frame`, and so are the errors.

        >>> Choices.from_arrays(["ann", "bob", "bob"], [7, 7, 9])
        Choices(3 choices, 2 users, 2 items, density 75.00%)
        """
        from penchant.data.tables import MemoryTable

        given = {"user": user_ids, "item": item_ids, "weight": weight, "timestamp": timestamp}
        return _read(
            MemoryTable({name: column for name, column in given.items() if column is not None}, label="arrays"),
            user="user",
            item="item",
            value=False if weight is None else "weight",
            timestamp=False if timestamp is None else "timestamp",
            items=items,
            users=users,
            duplicates=duplicates,
            invalid=invalid,
        )

    # -- what it says --

    @property
    def is_weighted(self) -> bool:
        """Whether some choices weigh more than others."""
        return len(self) > 0 and bool(self.weight.min() < self.weight.max())

    def choices(self) -> Choices:
        """This table; a table of ratings has the same method, so that code can ask either who chose what."""
        return self

    def __repr__(self) -> str:
        weights = f"weights {self.weight.min():g} to {self.weight.max():g}" if self.is_weighted else ""
        return self._told(*filter(None, [weights]))


def _read(table: Table, **how: Unpack[Reading]) -> Choices:
    """What every reader ends with."""
    from penchant.data.ingest.measure import weights
    from penchant.data.ingest.pipeline import ingest
    from penchant.data.ingest.recognise import has_column

    made = ingest(table, weights(), **how)
    choices = Choices(weight=made.values, report=made.report, **made.shared())
    rated = has_column(table.names, "rating")
    if rated is None or rated in {name for name, _ in made.report.columns.values()}:
        return choices
    return choices.noted(
        f"column {rated!r} is not read: each row is a choice, whatever its stars; as a table of ratings it has "
        "them, too"
    )


def read_choices(
    source: object,
    *,
    user: str | None = None,
    item: str | None = None,
    weight: str | bool | None = None,
    timestamp: str | bool | None = None,
    items: object = None,
    users: object = None,
    duplicates: str = "sum",
    invalid: str = "error",
    sep: str | None = None,
    columns: Sequence[str] | None = None,
    encoding: str | None = None,
    filesystem: object = None,
) -> Choices:
    """Choices from a file, or from several as one table: clicks, plays, purchases, likes.

    Files are read as `penchant.read_ratings` reads them (CSV, TSV, JSON lines, Parquet, Arrow; compressed, many at
    once, in the cloud), without a column of ratings.

    Args:
        source: a path, a glob, an address such as s3://bucket/plays.parquet, or a list of these.
        user, item, weight, timestamp, items, users, duplicates, invalid: as for `Choices.from_frame`.
        sep, columns, encoding, filesystem: as for `penchant.read_ratings`.

    Raises:
        SourceError: there is no such file, it can't be reached, or it is truncated or damaged.
        ColumnError: a column is missing, or several could be meant.
        DataError: the file is empty, not text in that encoding, or a row is no good; the message has row and line.
        ParameterError: an argument is out of its range.
    """
    from penchant.data.tables import open_files

    return _read(
        open_files(source, sep=sep, columns=columns, encoding=encoding, filesystem=filesystem),
        user=user,
        item=item,
        value=weight,
        timestamp=timestamp,
        items=items,
        users=users,
        duplicates=duplicates,
        invalid=invalid,
    )
