"""Ratings: a checked table of who gave what how many stars, ready for a solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Int32Array
from penchant.checks import check_ratings
from penchant.data.attributes import Attributes
from penchant.data.choices import Choices
from penchant.data.ingest import Report
from penchant.data.interactions import Interactions, Split
from penchant.data.vocab import Vocab
from penchant.errors import ParameterError
from penchant.text import Argument

if TYPE_CHECKING:
    from penchant.data.ingest.pipeline import Reading
    from penchant.data.tables import Table

__all__ = ["Ratings", "Split", "read_ratings"]

_READ_CHOICES = "Then penchant.read_choices reads them"


@dataclass(frozen=True, eq=False, repr=False)
class Ratings(Interactions):
    """A checked table of ratings: 12 bytes a rating, 16 with timestamps. Frozen.

    Make one with `Ratings.from_frame`, `Ratings.from_arrays`, `penchant.read_ratings` or `penchant.load_dataset`;
    the constructor itself is for code that has row numbers at hand: it checks what it is given, and copies nothing.

    Attributes:
        user_idx, item_idx: row numbers in `users` and `items`, int32, shape (n,), in the order of the source.
        rating: float32, shape (n,), all finite and within `rating_scale`.
        users, items: the vocabularies. A part of a split keeps those of the whole, so an id may have no rating here.
        rating_scale: (lo, hi), the lowest and highest rating that can be given.
        time_offset: uint32 steps since `time_origin`, shape (n,), or None; see `timestamp`.
        user_attributes, item_attributes: what is known of each row of `users` and `items` besides ratings.
        report: what was read, taken, inferred, merged and dropped on the way in.

    Raises:
        ParameterError: arrays of other types or of different lengths, or no such scale.
        DataError: a row number that a vocabulary does not have, or a rating outside the scale.
    """

    noun: ClassVar[str] = "rating"
    value_column: ClassVar[str] = "rating"

    user_idx: Int32Array
    item_idx: Int32Array
    rating: Float32Array
    users: Vocab
    items: Vocab
    rating_scale: tuple[float, float]
    time_offset: NDArray[np.uint32] | None = None
    time_origin: int = 0
    user_attributes: Attributes = field(default_factory=lambda: Attributes(n_rows=0))
    item_attributes: Attributes = field(default_factory=lambda: Attributes(n_rows=0))
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self._check_and_freeze()
        check_ratings(self.rating, self.rating_scale)

    # -- in --

    @classmethod
    def from_frame(
        cls,
        data: object,
        *,
        user: str | None = None,
        item: str | None = None,
        rating: str | None = None,
        timestamp: str | bool | None = None,
        items: object = None,
        users: object = None,
        rating_scale: tuple[float, float] | None = None,
        duplicates: str = "last",
        invalid: str = "error",
    ) -> Ratings:
        """Ratings from a table in memory, which is read and never changed.

        Args:
            data: a pandas or polars DataFrame, a pyarrow Table, anything with `__arrow_c_stream__`, or a dict of
                columns (lists, arrays); dicts and columns of Python objects may hold ids of any hashable type.
            user, item, rating, timestamp: names of columns. None recognises them (`userId`, `movie_id`, `title`,
                `stars`, `date`, ...; ids are preferred to titles); `report` says what was taken. `timestamp=False`
                leaves times out. Dates become seconds since 1970.
            items, users: a table, or the path of one, with what is known of items or users; it is joined on the
                column of ids. A column called title, name or movie_title gives the titles to show. `item="title"`,
                where only `items` has that column, makes the title the id.
            rating_scale: (lowest, highest) rating that can be given; None takes the lowest and highest found.
            duplicates: which rating counts of a pair that was rated twice: "last" or "first" (in time; among equal
                times, and without times, in the order of rows), "mean", or "error" (default "last").
            invalid: what to do with a row whose id, rating or time is missing or no good: "error", or "drop" it
                (default "error").

        Raises:
            ColumnError: a column is missing, or several could be meant.
            DataError: a row is no good (the message has its number, from 0, and the value), or there is none.
            ParameterError: an argument is out of its range.

        >>> films = {"movieId": [7, 8], "title": ["Alien", "Heat"]}
        >>> table = {"userId": ["ann", "ann", "bob"], "movieId": [7, 8, 7], "stars": [5, 3, 4]}
        >>> Ratings.from_frame(table, items=films)
        Ratings(3 ratings, 2 users, 2 items, scale 3 to 5, density 75.00%)
        >>> list(Ratings.from_frame(table, items=films, item="title").items)
        ['Alien', 'Heat']
        """
        from penchant.data.tables import MemoryTable

        return _read(
            MemoryTable(data),
            rating_scale,
            user=user,
            item=item,
            value=rating,
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
        rating: object,
        timestamp: object = None,
        *,
        items: object = None,
        users: object = None,
        rating_scale: tuple[float, float] | None = None,
        duplicates: str = "last",
        invalid: str = "error",
    ) -> Ratings:
        """Ratings from `user_ids`, `item_ids`, `rating`: lists or arrays of one length, read and never changed.

        Args:
            user_ids, item_ids: any hashable ids, one a rating.
            rating: numbers, one a rating.
            timestamp: numbers or dates, one a rating; or None.
            items, users, rating_scale, duplicates, invalid: as for `from_frame`, and so are the errors.

        >>> Ratings.from_arrays(["ann", "bob"], [7, 7], [5, 3.5])
        Ratings(2 ratings, 2 users, 1 item, scale 3.5 to 5, density 100.00%)
        """
        from penchant.data.tables import MemoryTable

        columns = {"user": user_ids, "item": item_ids, "rating": rating}
        if timestamp is not None:
            columns["timestamp"] = timestamp
        return _read(
            MemoryTable(columns, label="arrays"),
            rating_scale,
            user="user",
            item="item",
            value="rating",
            timestamp=None if timestamp is None else "timestamp",
            items=items,
            users=users,
            duplicates=duplicates,
            invalid=invalid,
        )

    # -- other tables --

    def widened(self, other: Ratings) -> Ratings:
        """The same ratings on the smallest scale that holds this one and that of `other`."""
        (lo, hi), (low, high) = self.rating_scale, other.rating_scale
        return self.replaced(rating_scale=(min(lo, low), max(hi, high)))

    def choices(self) -> Choices:
        """Who rated what, whatever the rating, as a table of choices: each has weight 1.

        Vocabularies, times and attributes are shared. `ratings.take(ratings.rating >= 4).choices()` counts only what
        was liked.

        >>> Ratings.from_arrays(["ann", "bob"], [7, 7], [1, 5]).choices()
        Choices(2 choices, 2 users, 1 item, density 100.00%)
        """
        return Choices(
            user_idx=self.user_idx,
            item_idx=self.item_idx,
            weight=np.ones(len(self), dtype=np.float32),
            users=self.users,
            items=self.items,
            time_offset=self.time_offset,
            time_origin=self.time_origin,
            user_attributes=self.user_attributes,
            item_attributes=self.item_attributes,
            report=replace(
                self.report,
                n_ratings=0,
                n_choices=len(self),
                rating_scale=None,
                notes=(*self.report.notes, "each rating was taken as a choice, whatever its stars"),
            ),
        )

    def __repr__(self) -> str:
        lo, hi = self.rating_scale
        return self._told(f"scale {lo:g} to {hi:g}")


def require_ratings(value: object, name: str) -> None:
    """Refuse a table that is not `Ratings` yet.

    Raises:
        ParameterError: it is not.
    """
    if isinstance(value, Choices):
        told = " is a table of choices, and this needs stars: read ratings with penchant.read_ratings"
        raise ParameterError(Argument(name), told)
    if not isinstance(value, Ratings):
        told = f" is a {type(value).__name__}: make Ratings of it first, with penchant.Ratings.from_frame(...)"
        raise ParameterError(Argument(name), told)


def _read(table: Table, rating_scale: tuple[float, float] | None, **how: Unpack[Reading]) -> Ratings:
    """What every reader ends with: the columns, and their scale where it is not given."""
    from penchant.data.ingest.measure import stars
    from penchant.data.ingest.pipeline import ingest

    made = ingest(table, stars(rating_scale), **how)
    lo, hi = map(float, made.found if rating_scale is None else rating_scale)
    notes = made.report.notes
    if lo == hi or (made.values == made.values[0]).all():
        same = float(made.values[0])
        notes += (f"all ratings are {same:g}: there is no taste to learn; are these clicks or sales? {_READ_CHOICES}",)
    scale_from = "inferred" if rating_scale is None else "given"
    report = replace(made.report, rating_scale=(lo, hi), scale_from=scale_from, notes=notes)
    return Ratings(rating=made.values, rating_scale=(lo, hi), report=report, **made.shared())


def read_ratings(
    source: object,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    timestamp: str | bool | None = None,
    items: object = None,
    users: object = None,
    rating_scale: tuple[float, float] | None = None,
    duplicates: str = "last",
    invalid: str = "error",
    sep: str | None = None,
    columns: Sequence[str] | None = None,
    encoding: str | None = None,
    filesystem: object = None,
) -> Ratings:
    """Ratings from a file, or from several as one table: CSV, TSV, `::`, JSON lines, Parquet, Arrow (Feather).

    A text file is read a few megabytes at a time and never is in memory as a whole. Compressed files (gzip, bzip2,
    zstandard, lz4) are recognised by their first bytes.

    Args:
        source: a path, a glob, an address such as s3://bucket/ratings.parquet, or a list of these.
        user, item, rating, timestamp, items, users, rating_scale, duplicates, invalid: as for `Ratings.from_frame`.
        sep: what separates columns; None looks at the first lines.
        columns: names of the columns of a file without a header, such as MovieLens' u.data.
        encoding: of a text file; None takes UTF-8 and, where that fails, Latin-1, and `report` says so.
        filesystem: a pyarrow or fsspec filesystem that `source` is a path on.

    Raises:
        SourceError: there is no such file, it can't be reached, or it is truncated or damaged.
        ColumnError: a column is missing, or several could be meant.
        DataError: the file is empty, not text in that encoding, or a row is no good; the message has row and line.
        ParameterError: an argument is out of its range.

    A file of text cannot say of what type an id is. Ids that all look like whole numbers (in the first megabyte
    without leading zeros) become integers; else they stay text, all of them.
    """
    from penchant.data.tables import open_files

    return _read(
        open_files(source, sep=sep, columns=columns, encoding=encoding, filesystem=filesystem),
        rating_scale,
        user=user,
        item=item,
        value=rating,
        timestamp=timestamp,
        items=items,
        users=users,
        duplicates=duplicates,
        invalid=invalid,
    )
