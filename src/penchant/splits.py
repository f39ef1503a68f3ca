"""Ways to hold out ratings, each for another question. All return a `Split`, which unpacks as `train, test = split`.

    Ratings.split     a random share                       how well are missing ratings filled in?
    k_folds           every rating held out once           the same, with an error bar
    last_n            the latest ratings of each user      what will this person like next?
    by_time           everything after a moment            what would have happened in production?
    cold_users        all ratings of some users            what can be said to somebody new?
    cold_items        all ratings of some items            what can be said of something new?
    given             two tables that are split already    published splits, contests
    movielens         the published splits of ml-100k      numbers that compare with papers

Both parts keep the vocabularies of the whole table. A split says how many users and items of its test part are cold,
that is without a rating to learn from: `split.cold_users`, `split.cold_items`, `split.cold_ratings`.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import BoolArray, Int32Array, Int64Array
from penchant.checks import generator, is_real, is_whole, require, require_share
from penchant.data.attributes import Attributes
from penchant.data.ratings import Ratings, Split, require_ratings
from penchant.data.vocab import Vocab
from penchant.errors import DataError, ParameterError
from penchant.text import Argument, Setting, counted

__all__ = ["by_time", "cold_items", "cold_users", "given", "k_folds", "last_n", "movielens"]

_MOVIELENS = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")
_MOVIELENS_ROWS = 100_000
# CRC-32 of the user ids of u.data in the order of the file, as little-endian int32: tells the file's order from others.
_MOVIELENS_ORDER = 3_601_440_155


@dataclass(frozen=True, eq=False, repr=False)
class Folds(Sequence[Split]):
    """The splits of `k_folds`, each made when it is asked for: k of them at once would be k tables in memory.

    Attributes:
        ratings: the whole table.
        k: how many splits there are.
        fold: which split each rating is held out in, 0 to k - 1, int32, shape (n,).
    """

    ratings: Ratings
    k: int
    fold: Int32Array

    def __len__(self) -> int:
        return self.k

    @overload
    def __getitem__(self, number: int) -> Split: ...

    @overload
    def __getitem__(self, number: slice) -> list[Split]: ...

    def __getitem__(self, number: int | slice) -> Split | list[Split]:
        asked = range(self.k)[number]  # an IndexError where there is none, as of a list
        if isinstance(asked, range):
            return [self[one] for one in asked]
        return self.ratings.split_by(self.fold == asked)

    def __repr__(self) -> str:
        return f"Folds({counted(self.k, 'split')} of {counted(len(self.ratings), 'rating')})"


def k_folds(ratings: Ratings, k: int = 5, *, rng: int | np.random.Generator = 0) -> Folds:
    """Deal the ratings into k parts at random; each part is the test part of one split.

    Args:
        ratings: the table.
        k: number of splits, at least 2 and at most the number of ratings (default 5).
        rng: seed or generator (default 0).

    Returns:
        A sequence of k splits, each made when it is asked for. Every rating is in exactly one test part; sizes differ
        by at most one.

    Raises:
        ParameterError: k out of range, or `ratings` is another kind of table.

    >>> import penchant
    >>> ratings = penchant.load_dataset("sample")
    >>> sum(len(split.test) for split in k_folds(ratings, 4)) == len(ratings)
    True
    """
    require_ratings(ratings, "ratings")
    require(is_whole(k, 2) and k <= len(ratings), "k", k, f"2 to {len(ratings)}, the number of ratings")
    fold = np.empty(len(ratings), dtype=np.int32)
    fold[generator(rng).permutation(len(ratings))] = np.arange(len(ratings)) % k
    return Folds(ratings, int(k), fold)


def last_n(ratings: Ratings, n: int = 1) -> Split:
    """Hold out the latest n ratings of each user.

    Without timestamps, and among equal ones, a later row counts as later. Nobody loses the only rating left: a user
    with m ratings has min(n, m - 1) of them held out, so no user is cold.

    Args:
        ratings: the table.
        n: ratings to hold out a user, at least 1 (default 1).

    Raises:
        ParameterError: n below 1, nobody has two ratings, or `ratings` is another kind of table.

    >>> import penchant
    >>> split = last_n(penchant.load_dataset("sample"), 2)
    >>> int(split.test.user_counts().max()), split.cold_users
    (2, 0)
    """
    require_ratings(ratings, "ratings")
    require(is_whole(n, 1), "n", n, "a whole number of at least 1")
    n = min(int(n), len(ratings))  # what fits no machine's integer means "all but one", too
    time = ratings.time_offset
    # Both sorts are stable, so rows of the same user and time stay in the order of the table.
    order = np.argsort(ratings.user_idx, kind="stable") if time is None else np.lexsort((time, ratings.user_idx))
    counts = ratings.user_counts()
    behind = np.repeat(np.cumsum(counts), counts) - np.arange(len(ratings))  # 1 for the latest rating of a user
    held_out = np.zeros(len(ratings), dtype=np.bool_)
    held_out[order] = behind <= np.repeat(np.minimum(n, counts - 1), counts)
    if not held_out.any():
        raise ParameterError("every user has a single rating: there is none to hold out and learn from the rest")
    return ratings.split_by(held_out)


def by_time(ratings: Ratings, test_size: float = 0.2, *, cutoff: float | None = None) -> Split:
    """Hold out everything after a moment, the same for all users: the past predicts the future.

    Every training timestamp is smaller than every test timestamp: ratings of the same moment stay on one side, so the
    test part can be somewhat smaller or larger than asked for.

    Args:
        ratings: the table, with timestamps.
        test_size: share of the ratings to hold out, more than 0 and less than 1 (default 0.2). The nearest possible
            share is taken.
        cutoff: the first moment of the test part, in the unit of `ratings.timestamp`; used instead of `test_size`.

    Raises:
        DataError: the ratings have no timestamps, or all have the same.
        ParameterError: `test_size` out of range, nothing is before or after the cutoff, or `ratings` is another kind
            of table.

    >>> import penchant
    >>> train, test = by_time(penchant.load_dataset("sample"), 0.1)
    >>> bool(train.timestamp.max() < test.timestamp.min())
    True
    """
    require_ratings(ratings, "ratings")
    time = ratings.timestamp
    if time is None:
        told = "the ratings have no timestamps, so they can't be split by time: name the column, "
        raise DataError(told, Setting("timestamp", text=""))
    if cutoff is None:
        cutoff = _cutoff(np.sort(time), test_size)
    require(is_real(cutoff), "cutoff", cutoff, "a moment in the unit of the timestamps")
    held_out = time >= cutoff
    if held_out.all() or not held_out.any():
        raise ParameterError(
            Argument("cutoff"),
            f" is {cutoff}: all ratings are {'after' if held_out.all() else 'before'} it; "
            f"use a moment after {time.min()} and not after {time.max()}",
        )
    return ratings.split_by(held_out)


def _cutoff(times: Int64Array, test_size: float) -> int:
    """The moment that splits sorted times nearest to the asked share, both sides having at least one."""
    require_share("test_size", test_size)
    starts = np.flatnonzero(np.diff(times)) + 1  # where a new moment begins: the possible sizes of the training part
    if len(starts) == 0:
        raise DataError(f"all {len(times)} ratings have the timestamp {times[0]}: there is no before and after")
    nearest = np.argmin(np.abs(starts - (1 - test_size) * len(times)))
    return int(times[starts[nearest]])


def cold_users(ratings: Ratings, share: float = 0.2, *, rng: int | np.random.Generator = 0) -> Split:
    """Hold out all ratings of some users, so that every user of the test part is new to the model.

    Args:
        ratings: the table.
        share: share of the users that have ratings to hold out, more than 0 and less than 1 (default 0.2); at least
            one is.
        rng: seed or generator (default 0).

    Raises:
        ParameterError: `share` out of range, there is a single user, or `ratings` is another kind of table.

    >>> import penchant
    >>> split = cold_users(penchant.load_dataset("sample"), 0.1)
    >>> split.cold_users
    20
    """
    require_ratings(ratings, "ratings")
    return ratings.split_by(_chosen(ratings.user_counts(), share, rng, "user")[ratings.user_idx])


def cold_items(ratings: Ratings, share: float = 0.2, *, rng: int | np.random.Generator = 0) -> Split:
    """Hold out all ratings of some items, so that every item of the test part is new to the model.

    Args:
        ratings: the table.
        share: share of the items that have ratings to hold out, more than 0 and less than 1 (default 0.2); at least
            one is.
        rng: seed or generator (default 0).

    Raises:
        ParameterError: `share` out of range, there is a single item, or `ratings` is another kind of table.

    >>> import penchant
    >>> split = cold_items(penchant.load_dataset("sample"), 0.1)
    >>> split.cold_items
    10
    """
    require_ratings(ratings, "ratings")
    return ratings.split_by(_chosen(ratings.item_counts(), share, rng, "item")[ratings.item_idx])


def _chosen(counts: Int64Array, share: float, rng: int | np.random.Generator, what: str) -> BoolArray:
    """A mask of rows of a vocabulary: some of those that have ratings, and not all."""
    require_share("share", share)
    rated = np.flatnonzero(counts)
    if len(rated) < 2:
        raise ParameterError(f"there is a single {what}: none can be held out with another left to learn from")
    n = min(max(round(share * len(rated)), 1), len(rated) - 1)
    mask = np.zeros(len(counts), dtype=np.bool_)
    mask[generator(rng).permutation(rated)[:n]] = True
    return mask


def given(train: Ratings, test: Ratings) -> Split:
    """Join two tables that are split already, such as u1.base and u1.test, in one pair of vocabularies.

    Ids of both parts get a row, in sorted order where ids can be sorted, else those of `train` first. Attributes that
    both parts know are taken from `train`. The rating scale is the smallest that holds both. Pairs that are in both
    parts stay in both, and `split.test.report.notes` says how many they are.

    Args:
        train: the table to learn from.
        test: the table to predict, read apart from `train`.

    Raises:
        DataError: the ids of one part are integers and those of the other are not.
        ParameterError: a part is another kind of table.

    >>> import penchant
    >>> train = penchant.Ratings.from_arrays(["ann", "bob"], [1, 2], [5, 3])
    >>> test = penchant.Ratings.from_arrays(["cat", "bob"], [1, 1], [4, 2])
    >>> given(train, test)
    Split(train 2, test 2; cold in test: 1 user, 0 items, 1 rating)
    """
    require_ratings(train, "train")
    require_ratings(test, "test")
    users, items = _merged(train.users, test.users), _merged(train.items, test.items)
    scale = (
        min(train.rating_scale[0], test.rating_scale[0]),
        max(train.rating_scale[1], test.rating_scale[1]),
    )
    user_attributes = _merged_attributes(users, train.users, train.user_attributes, test.users, test.user_attributes)
    item_attributes = _merged_attributes(items, train.items, train.item_attributes, test.items, test.item_attributes)

    def moved(part: Ratings) -> Ratings:
        return replace(
            part,
            user_idx=users.indices(part.users.ids)[part.user_idx],
            item_idx=items.indices(part.items.ids)[part.item_idx],
            users=users,
            items=items,
            rating_scale=scale,
            user_attributes=user_attributes,
            item_attributes=item_attributes,
        )

    train, test = moved(train), moved(test)
    n_both = int(np.isin(_pairs(test), _pairs(train)).sum())
    if n_both:
        are = "is" if n_both == 1 else "are"
        note = f"{counted(n_both, 'pair')} of user and item {are} in the training part too"
        test = replace(test, report=replace(test.report, notes=(*test.report.notes, note)))
    return Split(train, test)


def _pairs(ratings: Ratings) -> Int64Array:
    return ratings.user_idx.astype(np.int64) * ratings.n_items + ratings.item_idx


def _merged(train: Vocab, test: Vocab) -> Vocab:
    if train.is_integer != test.is_integer and len(train) and len(test):
        raise DataError(
            f"{train.kind} ids of the training part are like {train[0]!r} and those of the test part like {test[0]!r}: "
            "read both parts with ids of the same type"
        )
    if train.is_integer and test.is_integer:
        return Vocab(np.union1d(train.ids, test.ids), kind=train.kind)
    ids: list[Hashable] = list(dict.fromkeys([*train, *test]))
    with contextlib.suppress(TypeError):  # ids of several types have no order: they stay as they came
        ids.sort()  # type: ignore[call-arg]
    return Vocab(ids, kind=train.kind)


def _merged_attributes(
    merged: Vocab, train: Vocab, of_train: Attributes, test: Vocab, of_test: Attributes
) -> Attributes:
    """Attributes of a merged vocabulary; a row that is in both takes those of the training part."""
    sources = [(of_test, test), (of_train, train)]  # the later one overwrites
    columns = {}
    for name in dict.fromkeys([*of_train, *of_test]):
        parts = [(attributes[name], merged.indices(vocab.ids)) for attributes, vocab in sources if name in attributes]
        columns[name] = _scattered(name, parts, len(merged))
    return Attributes(columns, n_rows=len(merged))


def _scattered(name: str, parts: list[tuple[NDArray[np.generic], Int32Array]], n_rows: int) -> NDArray[np.generic]:
    """Columns of parts in one column of `n_rows`; rows that no part knows are nan, None or the empty tuple."""
    kinds = {column.dtype == np.object_ for column, _ in parts}
    if len(kinds) > 1:
        raise DataError(f"attribute {name!r} is a number in one part and a text in the other")
    known = np.zeros(n_rows, dtype=np.bool_)
    for _, rows in parts:
        known[rows] = True
    if kinds == {True}:
        many = any(isinstance(value, tuple) for column, _ in parts for value in column[:1])
        merged = np.empty(n_rows, dtype=np.object_)
        for row in np.flatnonzero(~known):
            merged[row] = () if many else None
    elif known.all() and all(column.dtype == np.int64 for column, _ in parts):
        merged = np.empty(n_rows, dtype=np.int64)
    else:
        merged = np.full(n_rows, np.nan)
    for column, rows in parts:
        merged[rows] = column
    return merged


def movielens(ratings: Ratings, name: str) -> Split:
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
    if name not in _MOVIELENS:
        raise ParameterError(f"no MovieLens split {name!r}: use one of {', '.join(_MOVIELENS)}")
    advice = 'take penchant.load_dataset("ml-100k") as it comes, with movie ids as the ids'
    if len(ratings) != _MOVIELENS_ROWS:
        raise DataError(
            f"split {name} is of the {_MOVIELENS_ROWS:,} ratings of MovieLens-100k, not of {len(ratings):,}: {advice}"
        )
    if not ratings.users.is_integer or _order(ratings) != _MOVIELENS_ORDER:
        raise DataError(f"the split {name} is defined by the order of rows in u.data, and these are not: {advice}")
    return ratings.split_by(_movielens_mask(ratings.user_idx, name))


def _order(ratings: Ratings) -> int:
    return zlib.crc32(ratings.users.ids[ratings.user_idx].astype("<i4").tobytes())


def _movielens_mask(user_idx: Int32Array, name: str) -> BoolArray:
    """Rows of the test part, shape (n,), for rows in the order of u.data."""
    row = np.arange(len(user_idx))
    if name in ("ua", "ub"):
        order = np.argsort(user_idx, kind="stable")
        counts = np.bincount(user_idx)
        nth = np.empty(len(user_idx), dtype=np.int64)  # of its user, from 0
        nth[order] = row - np.repeat(np.cumsum(counts) - counts, counts)
        first = 0 if name == "ua" else 10
        mask: BoolArray = (nth >= first) & (nth < first + 10)
        return mask
    fifth = len(user_idx) // 5
    k = int(name[1])
    inside: BoolArray = (row >= (k - 1) * fifth) & (row < k * fifth)
    return inside
