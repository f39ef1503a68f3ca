"""Lists by chance for all users, in blocks: what `Chances.best` says of each, many at a time, in row numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import BoolArray, Float64Array, Int32Array, Int64Array
from penchant.models.model import Model
from penchant.ranking.by_chance import Chances, Stars
from penchant.ranking.top_n_all import TopLists, top_lists

__all__ = ["ChanceLists", "chance_lists"]

_LOOKED_AT = 64  # items of each user whose chance to like is asked for at first
_AT_ONCE = 64  # users whose scores of all items are in memory at once


class ChanceLists(NamedTuple):
    """Lists of some users, one after another: the four columns have one entry an item of a list.

    `rank` starts at 1; `score` is the logarithm of the chance, as `Chances` makes it.
    """

    user_idx: Int32Array
    rank: Int32Array
    item_idx: Int32Array
    score: Float64Array

    def take(self, entries: BoolArray | Int64Array) -> ChanceLists:
        """Some of the entries."""
        return ChanceLists(self.user_idx[entries], self.rank[entries], self.item_idx[entries], self.score[entries])


def chance_lists(
    chances: Chances,
    stars: Model | None,
    n: int,
    *,
    seen: SeenRatings | None = None,
    restrict: Int32Array | None = None,
    block_size: int = 8192,
    n_threads: int | None = None,
) -> Iterator[ChanceLists]:
    """The `n` items with the highest chance of every user, best first, equal ones in row order.

    A block of users gets the items that they would choose by `top_lists`; those are ordered by both chances. Users
    whose list is not settled by these are asked one by one, and so is everybody where the dial of popularity is turned.
    The lists are those of `Chances.best`, to the bit.

    Args:
        chances: the order.
        stars: predicts ratings, for the chance to like; None for choice alone.
        n: how many, at least 1; fewer come back where there are fewer.
        seen, restrict, block_size, n_threads: as for `top_lists`.
    """
    model = chances.choices
    if chances.popularity:
        for start in range(0, model.n_users, block_size):
            users = np.arange(start, min(start + block_size, model.n_users), dtype=np.int32)
            yield _one_by_one(chances, stars, users, n, seen, restrict)
        return
    m = n if stars is None else max(_LOOKED_AT, 4 * n)
    blocks = top_lists(model, m, seen=seen, restrict=restrict, block_size=block_size, n_threads=n_threads)
    for found in blocks:
        lists, unsure = _ranked(chances, stars, found, n, m)
        if len(unsure) == 0:
            yield lists
            continue
        sure = lists.take(~np.isin(lists.user_idx, unsure))
        mixed = _joined([sure, _one_by_one(chances, stars, unsure, n, seen, restrict)])
        yield mixed.take(np.argsort(mixed.user_idx, kind="stable"))


def _ranked(chances: Chances, stars: Model | None, found: TopLists, n: int, m: int) -> tuple[ChanceLists, Int32Array]:
    """The best n of the items found, and the users for whom others might be among them."""
    users, items = found.user_idx, found.item_idx
    base = chances.of(found.predicted, items, None)
    score = base if stars is None else chances.of(found.predicted, items, _of_pairs(stars, users))
    order = np.lexsort((items, -score, users))
    users, items, score = users[order], items[order], score[order]
    first, counts = _starts(users)
    rank = np.arange(len(users)) - np.repeat(first, counts) + 1
    best: BoolArray = rank <= n
    lists = ChanceLists(users[best], rank[best].astype(np.int32), items[best], score[best])
    if stars is None:
        return lists, np.empty(0, np.int32)
    lowest = np.minimum.reduceat(base, _starts(found.user_idx)[0]) if len(base) else np.empty(0)
    nth = score[first + np.minimum(counts, n) - 1]
    unsure = (counts >= m) & ~(nth > lowest)
    return lists, users[first][unsure]


def _starts(users: Int32Array) -> tuple[Int64Array, Int64Array]:
    """Where each user's entries begin, and how many there are."""
    first = np.flatnonzero(np.diff(users, prepend=-1))
    return first, np.diff(first, append=len(users))


def _of_pairs(stars: Model, users: Int32Array) -> Stars:
    return lambda items: stars.predict(users, items)


def _one_by_one(
    chances: Chances,
    stars: Model | None,
    users: Int32Array,
    n: int,
    seen: SeenRatings | None,
    restrict: Int32Array | None,
) -> ChanceLists:
    """Lists of some users by `Chances.best`, scores of choice made for many at once."""
    rows, lists = chances.choices.user_factors, []
    for start in range(0, len(users), _AT_ONCE):
        some = users[start : start + _AT_ONCE]
        for user, choice in zip(some, chances.choices.scores(rows[some]), strict=True):
            items, scores = chances.best_of(
                choice,
                rows[user],
                n,
                None if stars is None else _of_user(stars, int(user)),
                exclude=None if seen is None else seen.items_of(int(user)),
                restrict=restrict,
            )
            rank = np.arange(1, len(items) + 1, dtype=np.int32)
            lists.append(ChanceLists(np.full(len(items), user, np.int32), rank, items, scores))
    return _joined(lists)


def _of_user(stars: Model, user: int) -> Stars:
    return lambda items: stars.predict(np.full(len(items), user, np.int32), items)


def _joined(lists: list[ChanceLists]) -> ChanceLists:
    return ChanceLists(*(np.concatenate(columns) for columns in zip(*lists, strict=True)))
