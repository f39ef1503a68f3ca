"""Ways to hold out rows of a table of ratings or choices, each for another question.

    Ratings.split     a random share                       how well are missing ratings filled in?
    k_folds           every row held out once              the same, with an error bar
    last_n            the latest rows of each user         what will this person like next?
    by_time           everything after a moment            what would have happened in production?
    new_users         some users, but for a known part     how well is somebody new served, once a little is known?
    cold_users        all rows of some users               what can be said to somebody new?
    cold_items        all rows of some items               what can be said of something new?
    given             two tables that are split already    published splits, contests
    movielens         the published splits of ml-100k      numbers that compare with papers

All but `new_users` return a `Split`, which unpacks as `train, test = split`. All parts keep the vocabularies of the
whole table. A split says how many users and items of its test part are cold, that is without a row to learn from:
`split.cold_users`, `split.cold_items`, `split.cold_rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, overload

import numpy as np

from penchant.arrays.types import BoolArray, Int32Array, Int64Array
from penchant.checks import generator, is_real, is_whole, require, require_share
from penchant.data.interactions import Interactions, NewUserSplit, Split, Table, require_interactions
from penchant.data.merging import in_one_vocabulary
from penchant.data.ratings import Ratings, require_ratings
from penchant.data.sources import movielens_splits
from penchant.errors import DataError, ParameterError
from penchant.text import Argument, Setting, counted

__all__ = ["by_time", "cold_items", "cold_users", "given", "k_folds", "last_n", "movielens", "new_users"]


@dataclass(frozen=True, eq=False, repr=False)
class Folds(Sequence[Split[Table]], Generic[Table]):
    """The splits of `k_folds`, each made when it is asked for: k of them at once would be k tables in memory.

    Attributes:
        table: the whole table.
        k: how many splits there are.
        fold: which split each row is held out in, 0 to k - 1, int32, shape (n,).
    """

    table: Table
    k: int
    fold: Int32Array

    def __len__(self) -> int:
        return self.k

    @overload
    def __getitem__(self, number: int) -> Split[Table]: ...

    @overload
    def __getitem__(self, number: slice) -> list[Split[Table]]: ...

    def __getitem__(self, number: int | slice) -> Split[Table] | list[Split[Table]]:
        asked = range(self.k)[number]  # an IndexError where there is none, as of a list
        if isinstance(asked, range):
            return [self[one] for one in asked]
        return self.table.split_by(self.fold == asked)

    def __repr__(self) -> str:
        return f"Folds({counted(self.k, 'split')} of {counted(len(self.table), self.table.noun)})"


def k_folds(table: Table, k: int = 5, *, rng: int | np.random.Generator = 0) -> Folds[Table]:
    """Deal the rows into k parts at random; each part is the test part of one split.

    Args:
        table: ratings or choices.
        k: number of splits, at least 2 and at most the number of rows (default 5).
        rng: seed or generator (default 0).

    Returns:
        A sequence of k splits, each made when it is asked for. Every row is in exactly one test part; sizes differ by
        at most one.

    Raises:
        ParameterError: k out of range, or `table` is neither ratings nor choices.

    >>> import penchant
    >>> ratings = penchant.load_dataset("sample")
    >>> sum(len(split.test) for split in k_folds(ratings, 4)) == len(ratings)
    True
    """
    require_interactions(table, "table")
    require(is_whole(k, 2) and k <= len(table), "k", k, f"2 to {len(table)}, the number of {table.noun}s")
    fold = np.empty(len(table), dtype=np.int32)
    fold[generator(rng).permutation(len(table))] = np.arange(len(table)) % k
    return Folds(table, int(k), fold)


def last_n(table: Table, n: int = 1) -> Split[Table]:
    """Hold out the latest n rows of each user.

    Without timestamps, and among equal ones, a later row counts as later. Nobody loses the only row left: a user with
    m rows has min(n, m - 1) of them held out, so no user is cold.

    Args:
        table: ratings or choices.
        n: rows to hold out a user, at least 1 (default 1).

    Raises:
        ParameterError: n below 1, nobody has two rows, or `table` is neither ratings nor choices.

    >>> import penchant
    >>> split = last_n(penchant.load_dataset("sample"), 2)
    >>> int(split.test.user_counts().max()), split.cold_users
    (2, 0)
    """
    require_interactions(table, "table")
    require(is_whole(n, 1), "n", n, "a whole number of at least 1")
    n = min(int(n), len(table))  # what fits no machine's integer means "all but one", too
    time = table.time_offset
    # Both sorts are stable, so rows of the same user and time stay in the order of the table.
    order = np.argsort(table.user_idx, kind="stable") if time is None else np.lexsort((time, table.user_idx))
    counts = table.user_counts()
    behind = np.repeat(np.cumsum(counts), counts) - np.arange(len(table))  # 1 for the latest rating of a user
    held_out = np.zeros(len(table), dtype=np.bool_)
    held_out[order] = behind <= np.repeat(np.minimum(n, counts - 1), counts)
    if not held_out.any():
        raise ParameterError(f"every user has a single {table.noun}: there is none to hold out and learn from the rest")
    return table.split_by(held_out)


def by_time(table: Table, test_size: float = 0.2, *, cutoff: float | None = None, min_train: int = 0) -> Split[Table]:
    """Hold out everything after a moment, the same for all users: the past predicts the future.

    Every training timestamp is smaller than every test timestamp: rows of the same moment stay on one side, so the
    test part can be somewhat smaller or larger than asked for.

    Many users of the test part come after the moment and have no row to learn from, or hardly one. `min_train=5` judges
    only those who are known: who has fewer rows in the training part keeps those, and loses the rows of the test part,
    which are then in neither part. `split.test.report.notes` says how many they are.

    Args:
        table: ratings or choices, with timestamps.
        test_size: share of the rows to hold out, more than 0 and less than 1 (default 0.2). The nearest possible share
            is taken, before `min_train` leaves rows out.
        cutoff: the first moment of the test part, in the unit of `table.timestamp`; used instead of `test_size`.
        min_train: the fewest rows in the training part of a user of the test part, at least 0 (default 0).

    Raises:
        DataError: the rows have no timestamps, or all have the same.
        ParameterError: `test_size` or `min_train` out of range, nothing is before or after the cutoff, no user of the
            test part has `min_train` rows to learn from, or `table` is neither ratings nor choices.

    >>> import penchant
    >>> train, test = by_time(penchant.load_dataset("sample"), 0.1)
    >>> bool(train.timestamp.max() < test.timestamp.min())
    True
    """
    require_interactions(table, "table")
    require(is_whole(min_train, 0), "min_train", min_train, "a whole number of at least 0")
    time = table.timestamp
    if time is None:
        told = f"the {table.noun}s have no timestamps, so they can't be split by time: name the column, "
        raise DataError(told, Setting("timestamp", text=""))
    if cutoff is None:
        cutoff = _cutoff(np.sort(time), test_size, table.noun)
    require(is_real(cutoff), "cutoff", cutoff, "a moment in the unit of the timestamps")
    held_out = time >= cutoff
    if held_out.all() or not held_out.any():
        raise ParameterError(
            Argument("cutoff"),
            f" is {cutoff}: all {table.noun}s are {'after' if held_out.all() else 'before'} it; "
            f"use a moment after {time.min()} and not after {time.max()}",
        )
    split = table.split_by(held_out)
    return split if min_train == 0 else _of_known_users(split, min_train)


def _of_known_users(split: Split[Table], min_train: int) -> Split[Table]:
    """The same split, without the test rows of users with fewer than `min_train` training rows."""
    train, test = split
    known = train.user_counts() >= min_train
    kept = known[test.user_idx]
    if not kept.any():
        raise ParameterError(
            Argument("min_train"),
            f" is {min_train}: no user of the test part has so many {test.noun}s to learn from",
        )
    n_users = int(((test.user_counts() > 0) & ~known).sum())
    note = (
        f"{counted(int((~kept).sum()), test.noun)} of {counted(n_users, 'user')} with fewer than {min_train} in the "
        "training part left out of the test part"
    )
    return Split(train, test.take(kept).noted(note) if n_users else test)


def _cutoff(times: Int64Array, test_size: float, noun: str) -> int:
    """The moment that splits sorted times nearest to the asked share, both sides having at least one."""
    require_share("test_size", test_size)
    starts = np.flatnonzero(np.diff(times)) + 1  # where a new moment begins: the possible sizes of the training part
    if len(starts) == 0:
        raise DataError(f"all {len(times)} {noun}s have the timestamp {times[0]}: there is no before and after")
    nearest = np.argmin(np.abs(starts - (1 - test_size) * len(times)))
    return int(times[starts[nearest]])


def cold_users(table: Table, share: float = 0.2, *, rng: int | np.random.Generator = 0) -> Split[Table]:
    """Hold out all rows of some users, so that every user of the test part is new to the model.

    Args:
        table: ratings or choices.
        share: share of the users that have rows to hold out, more than 0 and less than 1 (default 0.2); at least
            one is.
        rng: seed or generator (default 0).

    Raises:
        ParameterError: `share` out of range, there is a single user, or `table` is neither ratings nor choices.

    >>> import penchant
    >>> split = cold_users(penchant.load_dataset("sample"), 0.1)
    >>> split.cold_users
    20
    """
    require_interactions(table, "table")
    return table.split_by(_chosen(table.user_counts(), share, rng, "user")[table.user_idx])


def cold_items(table: Table, share: float = 0.2, *, rng: int | np.random.Generator = 0) -> Split[Table]:
    """Hold out all rows of some items, so that every item of the test part is new to the model.

    Args:
        table: ratings or choices.
        share: share of the items that have rows to hold out, more than 0 and less than 1 (default 0.2); at least
            one is.
        rng: seed or generator (default 0).

    Raises:
        ParameterError: `share` out of range, there is a single item, or `table` is neither ratings nor choices.

    >>> import penchant
    >>> split = cold_items(penchant.load_dataset("sample"), 0.1)
    >>> split.cold_items
    10
    """
    require_interactions(table, "table")
    return table.split_by(_chosen(table.item_counts(), share, rng, "item")[table.item_idx])


def _chosen(counts: Int64Array, share: float, rng: int | np.random.Generator, what: str) -> BoolArray:
    """A mask of rows of a vocabulary: some of those that have a count, and not all."""
    require_share("share", share)
    rated = np.flatnonzero(counts)
    if len(rated) < 2:
        raise ParameterError(f"there is a single {what}: none can be held out with another left to learn from")
    n = min(max(round(share * len(rated)), 1), len(rated) - 1)
    mask = np.zeros(len(counts), dtype=np.bool_)
    mask[generator(rng).permutation(rated)[:n]] = True
    return mask


def new_users(
    table: Table, share: float = 0.1, *, known: float = 0.8, rng: int | np.random.Generator = 0
) -> NewUserSplit[Table]:
    """Hold some users out as a whole; part of their rows may be used to fold them in, the rest is the test.

    This is the split of strong generalisation (Marlin 2004; Liang et al. 2018, "Variational Autoencoders for
    Collaborative Filtering"). Most visitors of a real service are like this: something is known of them, and nothing
    was learned from them.

    Of a user with m rows, a random `known` m of them, rounded, are the known part: at least 1 and at most m - 1. So
    only users with two rows or more are held out.

    For a validation part, split the training part again.

    Args:
        table: ratings or choices.
        share: share of the users with two rows or more to hold out, more than 0 and less than 1 (default 0.1); at
            least one is.
        known: share of the rows of each of them to fold in with, more than 0 and less than 1 (default 0.8).
        rng: seed or generator (default 0).

    Raises:
        ParameterError: `share` or `known` out of range, fewer than two users have two rows, or `table` is neither
            ratings nor choices.

    >>> import penchant
    >>> new_users(penchant.load_dataset("sample"), 0.1)
    NewUserSplit(train 5,..., fold_in ..., test ...; 20 new users; cold in test: 0 items)
    """
    require_interactions(table, "table")
    require_share("known", known, 0.8)
    rng = generator(rng)
    counts = table.user_counts()
    is_new = _chosen(np.where(counts > 1, counts, 0), share, rng, "user with more than one row")
    rows = np.flatnonzero(is_new[table.user_idx])
    rows = rows[np.lexsort((rng.random(len(rows)), table.user_idx[rows]))]  # user by user, shuffled within each
    own = counts[is_new]
    n_known = np.clip(np.rint(known * own), 1, own - 1).astype(np.int64)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(own) - own, own)  # within the rows of a user
    is_known = np.zeros(len(table), dtype=np.bool_)
    is_known[rows] = place < np.repeat(n_known, own)
    held_out = is_new[table.user_idx]
    return NewUserSplit(table.take(~held_out), table.take(is_known), table.take(held_out & ~is_known))


def given(train: Table, test: Table) -> Split[Table]:
    """Join two tables that are split already, such as u1.base and u1.test, in one pair of vocabularies.

    Ids of both parts get a row, in sorted order where ids can be sorted, else those of `train` first. Attributes that
    both parts know are taken from `train`. The rating scale, if there is one, is the smallest that holds both. Pairs
    that are in both parts stay in both, and `split.test.report.notes` says how many they are.

    Args:
        train: ratings or choices to learn from.
        test: the table to predict, of the same kind, read apart from `train`.

    Raises:
        DataError: the ids of one part are integers and those of the other are not.
        ParameterError: a part is neither ratings nor choices, or they are not of the same kind.

    >>> import penchant
    >>> train = penchant.Ratings.from_arrays(["ann", "bob"], [1, 2], [5, 3])
    >>> test = penchant.Ratings.from_arrays(["cat", "bob"], [1, 1], [4, 2])
    >>> given(train, test)
    Split(train 2, test 2; cold in test: 1 user, 0 items, 1 rating)
    """
    require_interactions(train, "train")
    require_interactions(test, "test")
    if train.noun != test.noun:
        raise ParameterError(
            Argument("train"),
            f" is a table of {train.noun}s and ",
            Argument("test"),
            f" one of {test.noun}s: make both choices, with .choices()",
        )
    train, test = in_one_vocabulary(train, test)
    n_both = int(np.isin(_pairs(test), _pairs(train)).sum())
    if n_both:
        are = "is" if n_both == 1 else "are"
        test = test.noted(f"{counted(n_both, 'pair')} of user and item {are} in the training part too")
    return Split(train, test)


def _pairs(table: Interactions) -> Int64Array:
    return table.user_idx.astype(np.int64) * table.n_items + table.item_idx


def movielens(ratings: Ratings, name: str) -> Split[Ratings]:
    """The splits that are published with MovieLens-100k, so that errors can be compared with those in papers.

        u1 ... u5   the test part of u{k} is rows (k-1) * 20,000 to k * 20,000 of u.data
        ua, ub      the test part is the 1st to 10th (ua), 11th to 20th (ub) row of each user in u.data

    These are the rules of the scripts mku.sh and allbut.pl that come with the data; no further file is needed.

    Args:
        ratings: `penchant.load_dataset("ml-100k")`, with its 100,000 rows in the order of u.data.
        name: "u1", "u2", "u3", "u4", "u5", "ua" or "ub".

    Raises:
        ParameterError: another name, or `ratings` is another kind of table.
        DataError: the ratings are not those of u.data in its order, for which the rule alone holds.
    """
    require_ratings(ratings, "ratings")
    return ratings.split_by(movielens_splits.held_out(ratings, name))
