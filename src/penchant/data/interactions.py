"""Interactions: what every table of users and items has, ratings and choices alike, and its splits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penchant.arrays.types import Float32Array, Int32Array, Int64Array
from penchant.checks import check_interactions, generator, require, require_share, row_numbers
from penchant.data.attributes import Attributes
from penchant.data.ingest import Report
from penchant.data.vocab import Vocab
from penchant.errors import DataError, ParameterError
from penchant.text import Argument, counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Interactions", "NewUserSplit", "Split", "Table", "require_interactions"]


class Interactions:
    """A checked table of which user met which item: the base of `penchant.Ratings` and `penchant.Choices`. Frozen.

    A subclass is a frozen dataclass that declares these fields, and a column of its own that says how it went. What
    needs stars is on `Ratings` only; everything here holds for both.

    Attributes:
        user_idx, item_idx: row numbers in `users` and `items`, int32, shape (n,), in the order of the source.
        users, items: the vocabularies. A part of a split keeps those of the whole, so an id may have no row here.
        time_offset: uint32 steps since `time_origin`, shape (n,), or None; see `timestamp`.
        user_attributes, item_attributes: what is known of each row of `users` and `items` besides the table itself.
        report: what was read, taken, inferred, merged and dropped on the way in.
        noun: what a row is called, "rating" or "choice".
        value_column: the name of the column that says how it went, "rating" or "weight".
    """

    noun: ClassVar[str]
    value_column: ClassVar[str]

    user_idx: Int32Array
    item_idx: Int32Array
    users: Vocab
    items: Vocab
    time_offset: NDArray[np.uint32] | None
    time_origin: int
    user_attributes: Attributes
    item_attributes: Attributes
    report: Report

    @property
    def _values(self) -> Float32Array:
        values: Float32Array = getattr(self, self.value_column)
        return values

    def _check_and_freeze(self) -> None:
        """Refuse columns that do not fit together, and make them read-only: what each constructor ends with."""
        check_interactions(
            self.user_idx,
            self.item_idx,
            self.time_offset,
            (self.value_column, self._values),
            noun=self.noun,
            n_users=len(self.users),
            n_items=len(self.items),
        )
        for name, known in (("user_attributes", self.users), ("item_attributes", self.items)):
            attributes: Attributes = getattr(self, name)
            if not attributes:  # nothing is known: a table without columns, of any number of rows
                object.__setattr__(self, name, Attributes(n_rows=len(known)))
            elif attributes.n_rows != len(known):
                raise DataError(f"{name} has {counted(attributes.n_rows, 'row')} for {counted(len(known), known.kind)}")
        for name, array in self._columns().items():  # a view is made read-only, not the caller's array
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def _columns(self) -> dict[str, NDArray[np.generic]]:
        """The arrays with one value a row."""
        names = ("user_idx", "item_idx", self.value_column, "time_offset")
        return {name: array for name in names if (array := getattr(self, name)) is not None}

    def replaced(self, **changes: object) -> Self:
        """The same table with other fields, checked as a new one is."""
        return replace(self, **changes)  # type: ignore[type-var]  # each subclass is a dataclass

    def noted(self, note: str) -> Self:
        """The same table with one more note in its report."""
        return self.replaced(report=replace(self.report, notes=(*self.report.notes, note)))

    def widened(self, other: Self) -> Self:
        """The same table, with room for what another table of its kind holds: `Ratings` widen their scale.

        Args:
            other: the table to make room for.
        """
        del other  # without a scale there is always room
        return self

    # -- sizes --

    def __len__(self) -> int:
        return len(self.user_idx)

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def density(self) -> float:
        """Share of all user-item pairs that are in the table, 0 to 1."""
        return len(self) / (self.n_users * self.n_items)

    @property
    def timestamp(self) -> Int64Array | None:
        """When each row came about, int64, shape (n,), in the unit of the source (seconds for dates), or None."""
        return None if self.time_offset is None else self.time_offset.astype(np.int64) + self.time_origin

    def user_counts(self) -> Int64Array:
        """Rows of each user, shape (n_users,)."""
        return np.bincount(self.user_idx, minlength=self.n_users)

    def item_counts(self) -> Int64Array:
        """Rows of each item, shape (n_items,)."""
        return np.bincount(self.item_idx, minlength=self.n_items)

    def titles(self) -> NDArray[np.object_] | None:
        """The title of each item, shape (n_items,), or None where the items have none."""
        return self.item_attributes.titles

    # -- parts --

    def take(self, rows: ArrayLike) -> Self:
        """Some rows of the table (an array or list of numbers, or a mask), with the same vocabularies.

        Raises:
            ParameterError: a number is of no row, or a mask has another length.
        """
        picked = row_numbers(rows, len(self))
        return self.replaced(**{name: array[picked] for name, array in self._columns().items()})

    def split(self, test_size: float = 0.2, *, rng: int | np.random.Generator = 0) -> Split[Self]:
        """Hold out a random share of the rows: `train, test = ratings.split(0.2, rng=42)`.

        Args:
            test_size: share of the rows to hold out, more than 0 and less than 1 (default 0.2).
            rng: seed or generator (default 0).

        Raises:
            ParameterError: `test_size` out of range, or so small or large that a part would be empty.

        Other splits (k-fold, per user, by time, new users, the official MovieLens ones) are in `penchant.splits`.
        """
        require_share("test_size", test_size)
        n_test = round(test_size * len(self))
        wanted = f"a share that leaves some of the {len(self)} {self.noun}s to both parts"
        require(0 < n_test < len(self), "test_size", test_size, wanted)
        held_out = np.zeros(len(self), dtype=np.bool_)
        held_out[generator(rng).permutation(len(self))[:n_test]] = True
        return self.split_by(held_out)

    def split_by(self, held_out: ArrayLike) -> Split[Self]:
        """Split by a mask of rows, shape (n,), an array or a list: True goes to the test part.

        Raises:
            ParameterError: the mask has another length, or a part would be empty.
        """
        mask = np.asarray(held_out)
        if mask.shape != (len(self),) or mask.dtype != np.bool_:
            raise ParameterError(f"a mask of {len(self)} booleans is needed, not {mask.dtype}{mask.shape}")
        if mask.all() or not mask.any():
            raise ParameterError(f"{int(mask.sum())} of {len(self)} {self.noun}s held out: one part would be empty")
        return Split(self.take(~mask), self.take(mask))

    # -- out --

    def to_frame(self) -> pd.DataFrame:
        """A pandas table with the caller's ids: user_id, item_id, rating or weight; timestamp and title if known."""
        import pandas as pd

        columns: dict[str, object] = {
            "user_id": self.users.ids[self.user_idx],
            "item_id": self.items.ids[self.item_idx],
            self.value_column: self._values,
        }
        if self.timestamp is not None:
            columns["timestamp"] = self.timestamp
        if (titles := self.titles()) is not None:
            columns["title"] = titles[self.item_idx]
        return pd.DataFrame(columns)

    def _told(self, *more: str) -> str:
        """What `repr` says: sizes, what only this kind of table has, and the density."""
        sizes = (counted(len(self), self.noun), counted(self.n_users, "user"), counted(self.n_items, "item"))
        return f"{type(self).__name__}({', '.join([*sizes, *more, f'density {self.density:.2%}'])})"


Table = TypeVar("Table", bound=Interactions)
"""Ratings where ratings were given, choices where choices were."""


def require_interactions(value: object, name: str) -> None:
    """Refuse a table that is neither `Ratings` nor `Choices` yet.

    Raises:
        ParameterError: it is not.
    """
    if not isinstance(value, Interactions):
        raise ParameterError(
            Argument(name),
            f" is a {type(value).__name__}: make Ratings of it first, with penchant.Ratings.from_frame(...), or, "
            "without stars, Choices, with penchant.Choices.from_frame(...)",
        )


@dataclass(frozen=True, eq=False, repr=False)
class Split(Generic[Table]):
    """Two parts of a table of ratings or choices; unpacks as `train, test = split`.

    An id is cold when the test part has it and the training part does not: a model can say of it only what it
    believes of anybody.
    """

    train: Table
    test: Table

    def __post_init__(self) -> None:
        if self.train.users is not self.test.users or self.train.items is not self.test.items:
            raise DataError("the parts of a split must share their vocabularies")

    def __iter__(self) -> Iterator[Table]:
        return iter((self.train, self.test))

    @property
    def cold_users(self) -> int:
        """Users of the test part without a row in the training part."""
        return int(((self.test.user_counts() > 0) & (self.train.user_counts() == 0)).sum())

    @property
    def cold_items(self) -> int:
        """Items of the test part without a row in the training part."""
        return int(((self.test.item_counts() > 0) & (self.train.item_counts() == 0)).sum())

    @property
    def cold_rows(self) -> int:
        """Rows of the test part whose user or item is cold."""
        cold_user = self.train.user_counts()[self.test.user_idx] == 0
        cold_item = self.train.item_counts()[self.test.item_idx] == 0
        return int((cold_user | cold_item).sum())

    def __repr__(self) -> str:
        cold = {"user": self.cold_users, "item": self.cold_items, self.train.noun: self.cold_rows}
        told = ", ".join(counted(n, noun) for noun, n in cold.items())
        return f"Split(train {len(self.train):,}, test {len(self.test):,}; cold in test: {told})"


@dataclass(frozen=True, eq=False, repr=False)
class NewUserSplit(Generic[Table]):
    """A table without some users, and what is known and asked of them: `train, fold_in, test = split`.

    The model is learned from `train`, in which these users have no row at all. Then each of them is folded in with the
    rows of `fold_in`, as somebody who comes to a trained recommender, and judged by the rows of `test`.

    All three parts share the vocabularies of the whole table, so a row number means the same in each.

    Attributes:
        train: all rows of the other users.
        fold_in: what is known of each new user.
        test: what each new user rated or chose besides.
    """

    train: Table
    fold_in: Table
    test: Table

    def __iter__(self) -> Iterator[Table]:
        return iter((self.train, self.fold_in, self.test))

    @property
    def n_new_users(self) -> int:
        """How many users are new."""
        return int((self.test.user_counts() > 0).sum())

    @property
    def cold_items(self) -> int:
        """Items of the test part without a row in the training part: no model can know anything of them."""
        return Split(self.train, self.test).cold_items

    def __repr__(self) -> str:
        sizes = f"train {len(self.train):,}, fold_in {len(self.fold_in):,}, test {len(self.test):,}"
        new, cold = counted(self.n_new_users, "new user"), counted(self.cold_items, "item")
        return f"NewUserSplit({sizes}; {new}; cold in test: {cold})"
