"""SeenRatings: who rated what in training, so that a user's own ratings are one slice away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from penchant.errors import ParameterError
from penchant.text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penchant.arrays.types import Float32Array, Int32Array, Int64Array

__all__ = ["SeenRatings"]


@dataclass(frozen=True, eq=False, repr=False)
class SeenRatings:
    """Ratings grouped by user (compressed sparse rows): 8 bytes a rating, 8 a user. Frozen.

    User `row` rated `item_idx[indptr[row]:indptr[row + 1]]`, items in ascending order, and gave them
    `rating[indptr[row]:indptr[row + 1]]`. The arrays are kept as they are, made read-only, not copied.

    Attributes:
        indptr: where each user's slice starts, and after the last where it ends; int64, shape (n_users + 1,).
        item_idx: row numbers of items, int32, shape (n,).
        rating: float32, shape (n,), in rating units.

    Raises:
        ParameterError: types or shapes do not fit together, or `indptr` does not rise from 0 to n.

    >>> seen = SeenRatings.from_pairs(np.array([1, 0, 1]), np.array([7, 2, 3]), np.array([5.0, 1.0, 4.0]), n_users=3)
    >>> seen.items_of(1).tolist(), seen.ratings_of(1).tolist(), len(seen)
    ([3, 7], [4.0, 5.0], 3)
    """

    indptr: Int64Array
    item_idx: Int32Array
    rating: Float32Array

    def __post_init__(self) -> None:
        wanted = {"indptr": np.int64, "item_idx": np.int32, "rating": np.float32}
        for name, dtype in wanted.items():
            array: NDArray[np.generic] = getattr(self, name)
            if array.dtype != dtype or array.ndim != 1:
                raise ParameterError(
                    f"seen ratings: {name} is {array.dtype}{array.shape}, not a row of {dtype.__name__}"
                )
        if len(self.item_idx) != len(self.rating):
            raise ParameterError(f"seen ratings: {len(self.item_idx)} items for {len(self.rating)} ratings")
        ends = self.indptr
        if len(ends) == 0 or ends[0] != 0 or ends[-1] != len(self.rating) or bool((ends[1:] < ends[:-1]).any()):
            raise ParameterError(f"seen ratings: indptr must rise from 0 to the number of ratings, {len(self.rating)}")
        for name in wanted:
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @classmethod
    def from_pairs(
        cls,
        user_idx: NDArray[np.integer],
        item_idx: NDArray[np.integer],
        rating: NDArray[np.floating],
        n_users: int,
    ) -> SeenRatings:
        """Group ratings by user; the arrays given are left as they are. Of a pair that occurs twice, the last counts.

        Args:
            user_idx: row number of each rating's user, shape (n,), in any order.
            item_idx: row number of each rating's item, shape (n,).
            rating: shape (n,), in rating units.
            n_users: number of user rows; a user may have no rating.

        Raises:
            ParameterError: lengths differ, or a row number is negative or not less than `n_users`.
        """
        if not len(user_idx) == len(item_idx) == len(rating):
            raise ParameterError(
                f"{len(user_idx)} users, {len(item_idx)} items and {len(rating)} ratings do not pair up"
            )
        if len(user_idx) and not (user_idx.min() >= 0 and user_idx.max() < n_users and item_idx.min() >= 0):
            raise ParameterError(f"row numbers of users must be 0 to {n_users - 1}, those of items at least 0")
        width = int(item_idx.max()) + 1 if len(item_idx) else 1
        # One whole number a pair sorts by user and then by item in a single pass.
        pairs = user_idx.astype(np.int64) * width + item_idx
        order = np.argsort(pairs)
        items = item_idx[order]
        twice = np.flatnonzero(items[1:] == items[:-1])  # few: of one user, or last of one and first of the next
        if (pairs[order[twice]] == pairs[order[twice + 1]]).any():
            order = np.argsort(pairs, kind="stable")
            order = order[np.r_[pairs[order[1:]] != pairs[order[:-1]], True]]
            items, user_idx = item_idx[order], user_idx[order]
        indptr = np.zeros(n_users + 1, dtype=np.int64)
        np.cumsum(np.bincount(user_idx, minlength=n_users), out=indptr[1:])
        return cls(indptr, items.astype(np.int32), rating[order].astype(np.float32))

    def __len__(self) -> int:
        """How many ratings there are."""
        return len(self.rating)

    @property
    def n_users(self) -> int:
        """How many user rows there are, with and without ratings."""
        return len(self.indptr) - 1

    def user_counts(self) -> Int64Array:
        """Ratings of each user, shape (n_users,)."""
        return np.diff(self.indptr)

    def item_counts(self, n_items: int) -> Int64Array:
        """Ratings of each item, shape (n_items,)."""
        return np.bincount(self.item_idx, minlength=n_items)

    def user_idx(self) -> Int32Array:
        """Row number of each rating's user, shape (n,)."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.user_counts())

    def find(self, user_idx: NDArray[np.integer], item_idx: NDArray[np.integer]) -> Int64Array:
        """Where the ratings of some pairs are in `item_idx` and `rating`, shape (n,); -1 for a pair without one.

        Args:
            user_idx, item_idx: row numbers of the pairs, shape (n,); those that are not here have no ratings.
        """
        if len(self) == 0 or len(user_idx) == 0:
            return np.full(len(user_idx), -1, dtype=np.int64)
        width = max(int(self.item_idx.max()), int(item_idx.max())) + 1
        held = self.user_idx().astype(np.int64) * width + self.item_idx  # rising
        pairs = user_idx.astype(np.int64) * width + item_idx
        at = np.minimum(np.searchsorted(held, pairs), len(held) - 1)
        return np.where(held[at] == pairs, at, -1)

    def with_ratings(
        self, user_idx: NDArray[np.integer], item_idx: NDArray[np.integer], rating: NDArray[np.floating]
    ) -> SeenRatings:
        """The same with more ratings; of a pair that is here already, the new one counts.

        Args:
            user_idx, item_idx, rating: the new ratings, shape (n,), each pair once; users must have a row here.
        """
        at = self.find(user_idx, item_idx)
        known = at >= 0
        ratings = self.rating.copy()
        ratings[at[known]] = rating[known]
        users, items, more = user_idx[~known], item_idx[~known], rating[~known]
        order = np.lexsort((items, users))
        users, items, more = users[order], items[order], more[order]
        width = int(max(self.item_idx.max(initial=0), items.max(initial=0))) + 1
        held = self.user_idx().astype(np.int64) * width + self.item_idx
        places = np.searchsorted(held, users.astype(np.int64) * width + items)
        indptr = self.indptr + np.concatenate([[0], np.cumsum(np.bincount(users, minlength=self.n_users))])
        return SeenRatings(
            indptr,
            np.insert(self.item_idx, places, items.astype(np.int32)),
            np.insert(ratings, places, more.astype(np.float32)),
        )

    def without_user(self, row: int) -> SeenRatings:
        """The same without one user: rows behind move up by one. Nothing of the user's is left in the new arrays.

        Raises:
            ParameterError: there is no such user row.
        """
        mine = self._slice(row)
        ends = np.delete(self.indptr, row + 1)
        ends[row + 1 :] -= mine.stop - mine.start
        return SeenRatings(ends, np.delete(self.item_idx, mine), np.delete(self.rating, mine))

    def with_users(self, n_users: int) -> SeenRatings:
        """The same ratings with users without any appended, up to `n_users` rows.

        Raises:
            ParameterError: `n_users` is less than there are.
        """
        if n_users < self.n_users:
            raise ParameterError(f"{self.n_users} user rows can't become {n_users}")
        more = np.full(n_users - self.n_users, len(self), dtype=np.int64)
        return self if len(more) == 0 else SeenRatings(np.r_[self.indptr, more], self.item_idx, self.rating)

    def items_of(self, row: int) -> Int32Array:
        """Row numbers of the items that a user rated, ascending, a read-only view.

        Raises:
            ParameterError: there is no such user row.
        """
        return self.item_idx[self._slice(row)]

    def ratings_of(self, row: int) -> Float32Array:
        """What a user gave to `items_of(row)`, in the same order, a read-only view.

        Raises:
            ParameterError: there is no such user row.
        """
        return self.rating[self._slice(row)]

    def count_pairs(self, user_idx: NDArray[np.integer], item_idx: NDArray[np.integer]) -> int:
        """How many pairs of a user and an item are among the ratings here; rows that are not here count as none.

        Args:
            user_idx, item_idx: row numbers of the pairs, shape (n,).
        """
        return int((self.find(user_idx, item_idx) >= 0).sum())

    def _slice(self, row: int) -> slice:
        if not 0 <= row < self.n_users:
            raise ParameterError(f"no user row {row}: rows are 0 to {self.n_users - 1}")
        return slice(int(self.indptr[row]), int(self.indptr[row + 1]))

    def __repr__(self) -> str:
        return f"SeenRatings({counted(len(self), 'rating')} of {counted(self.n_users, 'user')})"
