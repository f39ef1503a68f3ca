"""Ratings: a checked table of who gave what how many stars, ready for a solver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penchant.arrays.types import Float32Array, Int32Array, Int64Array
from penchant.checks import check_ratings, generator, require, require_share, row_numbers
from penchant.data.attributes import Attributes
from penchant.data.ingest import Report
from penchant.data.vocab import Vocab
from penchant.errors import DataError, ParameterError
from penchant.text import Argument, counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ratings", "Split", "read_ratings"]


@dataclass(frozen=True, eq=False, repr=False)
class Ratings:
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
        arrays = (self.user_idx, self.item_idx, self.rating, self.time_offset)
        check_ratings(*arrays, n_users=len(self.users), n_items=len(self.items), rating_scale=self.rating_scale)
        for name, known in (("user_attributes", self.users), ("item_attributes", self.items)):
            attributes: Attributes = getattr(self, name)
            if not attributes:  # nothing is known: a table without columns, of any number of rows
                object.__setattr__(self, name, Attributes(n_rows=len(known)))
            elif attributes.n_rows != len(known):
                raise DataError(f"{name} has {counted(attributes.n_rows, 'row')} for {counted(len(known), known.kind)}")
        for name in ("user_idx", "item_idx", "rating", "time_offset"):
            array = getattr(self, name)
            if array is not None:  # a view is made read-only, not the caller's array
                view = array.view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

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
        from penchant.data.ingest.pipeline import ingest
        from penchant.data.tables import MemoryTable

        made = ingest(
            MemoryTable(data),
            user=user,
            item=item,
            rating=rating,
            timestamp=timestamp,
            items=items,
            users=users,
            rating_scale=rating_scale,
            duplicates=duplicates,
            invalid=invalid,
        )
        return cls(**vars(made))

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
        from penchant.data.ingest.pipeline import ingest
        from penchant.data.tables import MemoryTable

        columns = {"user": user_ids, "item": item_ids, "rating": rating}
        if timestamp is not None:
            columns["timestamp"] = timestamp
        made = ingest(
            MemoryTable(columns, label="arrays"),
            user="user",
            item="item",
            rating="rating",
            timestamp=None if timestamp is None else "timestamp",
            items=items,
            users=users,
            rating_scale=rating_scale,
            duplicates=duplicates,
            invalid=invalid,
        )
        return cls(**vars(made))

    # -- sizes --

    def __len__(self) -> int:
        return len(self.rating)

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def density(self) -> float:
        """Share of all user-item pairs that are rated, 0 to 1."""
        return len(self) / (self.n_users * self.n_items)

    @property
    def timestamp(self) -> Int64Array | None:
        """When each rating was given, int64, shape (n,), in the unit of the source (seconds for dates), or None."""
        return None if self.time_offset is None else self.time_offset.astype(np.int64) + self.time_origin

    def user_counts(self) -> Int64Array:
        """Ratings of each user, shape (n_users,)."""
        return np.bincount(self.user_idx, minlength=self.n_users)

    def item_counts(self) -> Int64Array:
        """Ratings of each item, shape (n_items,)."""
        return np.bincount(self.item_idx, minlength=self.n_items)

    def titles(self) -> NDArray[np.object_] | None:
        """The title of each item, shape (n_items,), or None where the items have none."""
        return self.item_attributes.titles

    # -- parts --

    def take(self, rows: ArrayLike) -> Ratings:
        """The ratings of some rows (an array or list of numbers, or a mask), with the same vocabularies.

        Raises:
            ParameterError: a number is of no row, or a mask has another length.
        """
        rows = row_numbers(rows, len(self))
        return replace(
            self,
            user_idx=self.user_idx[rows],
            item_idx=self.item_idx[rows],
            rating=self.rating[rows],
            time_offset=None if self.time_offset is None else self.time_offset[rows],
        )

    def split(self, test_size: float = 0.2, *, rng: int | np.random.Generator = 0) -> Split:
        """Hold out a random share of the ratings: `train, test = ratings.split(0.2, rng=42)`.

        Args:
            test_size: share of the ratings to hold out, more than 0 and less than 1 (default 0.2).
            rng: seed or generator (default 0).

        Raises:
            ParameterError: `test_size` out of range, or so small or large that a part would be empty.

        Other splits (k-fold, per user, by time, the official MovieLens ones) are in `penchant.splits`.
        """
        require_share("test_size", test_size)
        n_test = round(test_size * len(self))
        wanted = f"a share that leaves some of the {len(self)} ratings to both parts"
        require(0 < n_test < len(self), "test_size", test_size, wanted)
        held_out = np.zeros(len(self), dtype=np.bool_)
        held_out[generator(rng).permutation(len(self))[:n_test]] = True
        return self.split_by(held_out)

    def split_by(self, held_out: ArrayLike) -> Split:
        """Split by a mask of rows, shape (n,), an array or a list: True goes to the test part.

        Raises:
            ParameterError: the mask has another length, or a part would be empty.
        """
        mask = np.asarray(held_out)
        if mask.shape != (len(self),) or mask.dtype != np.bool_:
            raise ParameterError(f"a mask of {len(self)} booleans is needed, not {mask.dtype}{mask.shape}")
        if mask.all() or not mask.any():
            raise ParameterError(f"{int(mask.sum())} of {len(self)} ratings held out: one part would be empty")
        return Split(self.take(~mask), self.take(mask))

    # -- out --

    def to_frame(self) -> pd.DataFrame:
        """A pandas table with the caller's ids: user_id, item_id, rating, and timestamp and title where known."""
        import pandas as pd

        columns: dict[str, object] = {
            "user_id": self.users.ids[self.user_idx],
            "item_id": self.items.ids[self.item_idx],
            "rating": self.rating,
        }
        if self.timestamp is not None:
            columns["timestamp"] = self.timestamp
        if (titles := self.titles()) is not None:
            columns["title"] = titles[self.item_idx]
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        lo, hi = self.rating_scale
        return (
            f"Ratings({counted(len(self), 'rating')}, {counted(self.n_users, 'user')}, "
            f"{counted(self.n_items, 'item')}, scale {lo:g} to {hi:g}, density {self.density:.2%})"
        )


def require_ratings(value: object, name: str) -> None:
    """Refuse a table that is not `Ratings` yet.

    Raises:
        ParameterError: it is not.
    """
    if not isinstance(value, Ratings):
        told = f" is a {type(value).__name__}: make Ratings of it first, with penchant.Ratings.from_frame(...)"
        raise ParameterError(Argument(name), told)


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Two parts of a table of ratings; unpacks as `train, test = split`.

    An id is cold when the test part has it and the training part does not: a model can say of it only what it
    believes of anybody.
    """

    train: Ratings
    test: Ratings

    def __post_init__(self) -> None:
        if self.train.users is not self.test.users or self.train.items is not self.test.items:
            raise DataError("the parts of a split must share their vocabularies")

    def __iter__(self) -> Iterator[Ratings]:
        return iter((self.train, self.test))

    @property
    def cold_users(self) -> int:
        """Users of the test part without a rating in the training part."""
        return int(((self.test.user_counts() > 0) & (self.train.user_counts() == 0)).sum())

    @property
    def cold_items(self) -> int:
        """Items of the test part without a rating in the training part."""
        return int(((self.test.item_counts() > 0) & (self.train.item_counts() == 0)).sum())

    @property
    def cold_ratings(self) -> int:
        """Ratings of the test part whose user or item is cold."""
        cold_user = self.train.user_counts()[self.test.user_idx] == 0
        cold_item = self.train.item_counts()[self.test.item_idx] == 0
        return int((cold_user | cold_item).sum())

    def __repr__(self) -> str:
        cold = {"user": self.cold_users, "item": self.cold_items, "rating": self.cold_ratings}
        told = ", ".join(counted(n, noun) for noun, n in cold.items())
        return f"Split(train {len(self.train):,}, test {len(self.test):,}; cold in test: {told})"


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
    from penchant.data.ingest.pipeline import ingest
    from penchant.data.tables import open_files

    made = ingest(
        open_files(source, sep=sep, columns=columns, encoding=encoding, filesystem=filesystem),
        user=user,
        item=item,
        rating=rating,
        timestamp=timestamp,
        items=items,
        users=users,
        rating_scale=rating_scale,
        duplicates=duplicates,
        invalid=invalid,
    )
    return Ratings(**vars(made))
