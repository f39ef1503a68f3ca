"""Top-N lists of all users, in blocks: what `top_n` says of each, many at a time, in row numbers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array
from penchant.models.answers import LinearForm
from penchant.models.link import slope_of
from penchant.models.model import Model
from penchant.ranking.top_n import top_n

__all__ = ["TopLists", "top_lists"]

_SPARE = 6  # items beyond n whose scores are made exactly: those that rounding may have put on the wrong side
_AT_ONCE = 128  # users whose scores a thread makes at once
_SLACK = 1 + 1e-4  # of bounds, for what products round
_EPSILON = float(np.finfo(np.float32).eps)


class TopLists(NamedTuple):
    """Lists of some users, one after another: the four columns have one entry an item of a list.

    `rank` starts at 1, `predicted` is not clipped.
    """

    user_idx: Int32Array
    rank: Int32Array
    item_idx: Int32Array
    predicted: Float32Array

    def take(self, entries: BoolArray | Int64Array) -> TopLists:
        """Some of the entries."""
        return TopLists(self.user_idx[entries], self.rank[entries], self.item_idx[entries], self.predicted[entries])


def top_lists(
    model: Model,
    n: int,
    *,
    seen: SeenRatings | None = None,
    restrict: Int32Array | None = None,
    block_size: int = 8192,
    n_threads: int | None = None,
) -> Iterator[TopLists]:
    """The `n` items with the highest predictions of every user, best first, equal ones in row order.

    Of a model with a linear form a block of scores is one product of matrices. It rounds otherwise than `predict`, so
    the best n + 6 of it are predicted exactly and ranked by that. Where ties might put more than these among the best
    n, all items of the user are predicted. The lists are those of `top_n(model.predict(...), n)`, to the bit.

    Args:
        model: any model; those without a linear form are asked user by user.
        n: how many, at least 1; fewer come back where there are fewer.
        seen: ratings to leave out; None (default) leaves out nothing.
        restrict: the only items to choose from, row numbers; None (default) for all.
        block_size: users a block (default 8192); decides the memory, not the result.
        n_threads: None (default) for all processors. The result does not depend on it.
    """
    from penchant.kernels.parallel import available_threads, thread_pool

    n_items = model.n_items
    allowed = np.arange(n_items, dtype=np.int32) if restrict is None else np.unique(restrict).astype(np.int32)
    blocks = [(start, min(start + block_size, model.n_users)) for start in range(0, model.n_users, block_size)]
    form = model.linear_form()
    if form is None or len(allowed) == 0 or model.n_users == 0:
        for start, stop in blocks:
            yield _joined([_exactly(model, user, n, seen, allowed) for user in range(start, stop)])
        return
    products = _Products(model, form, allowed, n, seen)
    with thread_pool(n_threads or available_threads()) as pool:
        for start, stop in blocks:
            yield products.lists(pool, start, stop)


def _exactly(model: Model, user: int, n: int, seen: SeenRatings | None, allowed: Int32Array) -> TopLists:
    """One user's list, by predicting all items."""
    items = allowed if seen is None else allowed[~np.isin(allowed, seen.items_of(user), assume_unique=True)]
    predicted = model.predict(np.full(len(items), user, np.int32), items)
    best = top_n(predicted, n)
    rank = np.arange(1, len(best) + 1, dtype=np.int32)
    return TopLists(np.full(len(best), user, np.int32), rank, items[best], predicted[best])


def _joined(lists: list[TopLists]) -> TopLists:
    return TopLists(*(np.concatenate(columns) for columns in zip(*lists, strict=True)))


def _reach(lengths: Float64Array, biases: Float32Array, size: int) -> Float32Array:
    """What items from each tile on can score at most, (n_tiles, 2): a length, times the user's, and a bias.

    |p . q + b| is at most |p| |q| + b (Cauchy, Schwarz).

    Args:
        lengths, biases: of the items, in the order of the tiles.
        size: items a tile.
    """
    highest = [np.maximum.accumulate(each[::-1])[::-1][::size] for each in (lengths, biases.astype(np.float64))]
    found: Float32Array = np.column_stack([highest[0], highest[1] + (_SLACK - 1) * np.abs(highest[1])]).astype(
        np.float32
    )
    return found


class _Products:
    """Lists of a model with a linear form, by products of matrices.

    Args:
        model, form: whose lists.
        allowed: items to choose from, ascending, at least one.
        n, seen: as for `top_lists`.
    """

    def __init__(self, model: Model, form: LinearForm, allowed: Int32Array, n: int, seen: SeenRatings | None) -> None:
        from threadpoolctl import ThreadpoolController

        from penchant.kernels.best_of_rows import tiled

        self._model, self._form, self._allowed, self._n, self._seen = model, form, allowed, n, seen
        right = np.column_stack([form.item_factors[allowed], form.item_biases[allowed]]).astype(np.float32)
        self._user_lengths = np.sqrt(np.square(form.user_factors, dtype=np.float64).sum(axis=1))
        lengths = np.sqrt(np.square(right[:, :-1], dtype=np.float64).sum(axis=1))
        strongest = np.argsort(-(lengths * self._user_lengths.mean() + right[:, -1]), kind="stable")
        self._strongest = allowed[strongest]
        self._tiles = tiled(right[strongest])
        self._reach = _reach(lengths[strongest], right[strongest, -1], self._tiles.shape[2])
        self._n_kept = min(n + _SPARE, len(allowed))
        self._longest = float(lengths.max())
        self._largest = abs(form.global_mean) + float(np.abs(right[:, -1]).max())
        self._place = np.full(model.n_items, -1, dtype=np.int32)
        self._place[self._strongest] = np.arange(len(allowed), dtype=np.int32)
        self._blas = ThreadpoolController()

    def lists(self, pool: Executor, start: int, stop: int) -> TopLists:
        """Lists of the users `start` to `stop`."""
        items, scores = self._kept(pool, start, stop)
        lists = self._ranked(np.arange(start, stop, dtype=np.int32), items)
        unsure = np.flatnonzero(~self._is_sure(np.arange(start, stop), scores))
        if len(unsure) == 0:
            return lists
        is_unsure = np.zeros(stop - start, dtype=np.bool_)
        is_unsure[unsure] = True
        sure = lists.take(~is_unsure[lists.user_idx - start])
        whole = [_exactly(self._model, start + int(user), self._n, self._seen, self._allowed) for user in unsure]
        mixed = _joined([sure, *whole])
        return mixed.take(np.argsort(mixed.user_idx, kind="stable"))

    def _kept(self, pool: Executor, start: int, stop: int) -> tuple[Int32Array, Float32Array]:
        """Places in `_strongest` of the best n + 6 of each user, and scores; -1 where there are fewer."""
        from penchant.kernels.best_of_rows import best_of_rows

        form, n_users = self._form, stop - start
        left = np.ones((n_users, form.n_factors + 1), dtype=np.float32)
        left[:, :-1] = form.user_factors[start:stop]
        lengths = (self._user_lengths[start:stop] * _SLACK).astype(np.float32)
        indptr, excluded = self._excluded(start, stop)
        items = np.empty((n_users, self._n_kept), dtype=np.int32)
        scores = np.empty((n_users, self._n_kept), dtype=np.float32)

        def work(first: int) -> None:
            last = min(first + _AT_ONCE, n_users)
            best_of_rows(
                left[first:last],
                self._tiles,
                lengths[first:last],
                self._reach,
                len(self._allowed),
                indptr[first : last + 1],
                excluded,
                items[first:last],
                scores[first:last],
            )

        with self._blas.limit(limits=1, user_api="blas"):  # the threads are ours
            for _ in pool.map(work, range(0, n_users, _AT_ONCE)):
                pass
        return items, scores

    def _excluded(self, start: int, stop: int) -> tuple[Int64Array, Int32Array]:
        """What each user has seen, as places in `_strongest`."""
        if self._seen is None:
            return np.zeros(stop - start + 1, dtype=np.int64), np.empty(0, dtype=np.int32)
        ends = self._seen.indptr[start : stop + 1]
        places = self._place[self._seen.item_idx[ends[0] : ends[-1]]]
        before = np.concatenate([[0], np.cumsum(places >= 0)])
        return before[ends - ends[0]], places[places >= 0]

    def _ranked(self, users: Int32Array, places: Int32Array) -> TopLists:
        """The best n of some items of each user, by exact predictions."""
        there = places >= 0
        rows = np.repeat(users, there.sum(axis=1))
        items = self._strongest[places[there]]
        predicted = self._model.predict(rows, items)
        order = np.lexsort((items, -predicted, rows))  # by user, then the best first, then by item
        rows, items, predicted = rows[order], items[order], predicted[order]
        counts = there.sum(axis=1)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        rank = (np.arange(len(rows)) - first + 1).astype(np.int32)
        best = rank <= self._n
        return TopLists(rows[best], rank[best], items[best], predicted[best])

    def _is_sure(self, users: Int64Array, scores: Float32Array) -> BoolArray:
        """Whether no item but those kept can be among a user's best n, however products and predictions round.

        A sum of K + 3 float32 numbers is off by at most (K + 3) eps / 2 times the sum of their sizes, which
        |p| |q| + |b_u| + |b_i| + |mu| bounds. So the worst that is kept must lie further below the n-th best than what
        two such sums may be off, made in two ways. Behind a sigmoid the same distance counts in ratings.
        """
        if self._n_kept == len(self._allowed):
            return np.ones(len(users), dtype=np.bool_)
        form = self._form
        lengths = self._user_lengths[users]
        biases = form.user_biases[users].astype(np.float64)
        sizes = lengths * self._longest + np.abs(biases) + self._largest
        margin: Float64Array = 2 * (form.n_factors + 3) * _EPSILON * sizes
        nth, worst = scores[:, self._n - 1].astype(np.float64), scores[:, -1].astype(np.float64)
        if form.y_range is not None:
            known = np.where(np.isfinite(nth), nth, 0) + biases + form.global_mean
            ends = max(map(abs, form.y_range))
            # the slope falls to a third at most within a step of 1 of its argument
            rounding = 3 * 16 * _EPSILON * ends / np.maximum(slope_of(known, form.y_range), 1e-30)
            margin = np.where(margin + rounding < 1, margin + rounding, np.inf)
        is_sure: BoolArray = (worst == -np.inf) | (worst < nth - margin)
        return is_sure
