"""Top-N of many users at once: scores by matrix products of small blocks, the best kept while they go by."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["best_of_rows", "best_of_rows_readable", "tiled"]

_CHUNK = 32  # scores that are compared with the threshold at once
_TILE = 512  # items a tile: the scores of a hundred users then stay in the processor's cache


def tiled(right: Float32Array) -> Float32Array:
    """Rows of items as `best_of_rows` reads them: cut into tiles, each transposed, the last filled up with zeros.

    Args:
        right: one row an item, shape (n_items, width), n_items at least 1.

    Returns:
        Shape (n_tiles, width, items a tile).
    """
    n_items, width = right.shape
    size = min(_TILE, n_items)
    n_tiles = (n_items + size - 1) // size
    filled = np.zeros((n_tiles * size, width), dtype=np.float32)
    filled[:n_items] = right
    return np.ascontiguousarray(filled.reshape(n_tiles, size, width).transpose(0, 2, 1))


@kernel
def best_of_rows(
    left: Float32Array,
    tiles: Float32Array,
    lengths: Float32Array,
    reach: Float32Array,
    n_items: int,
    indptr: Int64Array,
    excluded: Int32Array,
    items: Int32Array,
    scores: Float32Array,
) -> None:
    """For every row of `left` the items with the highest scores, best first; equal scores by item number.

    The scores of row u are left_u . right_i. They are never all in memory: a tile of them is made, excluded items are
    set to minus infinity, and what beats the worst of the best so far takes its place in a heap. Most scores do not:
    32 at a time are compared with the threshold and passed over. Tiles are not looked at from where no item can reach
    the worst of the best of any row: with the strongest items first, most are not.

    Args:
        left: one row a user, shape (n_users, width).
        tiles: the items, from `tiled`.
        lengths: of the users, at least 0, shape (n_users,).
        reach: (n_tiles, 2): no item of tile t or a later one scores more than lengths_u reach_t0 + reach_t1.
        n_items: how many items there are.
        indptr, excluded: items that row u may not have: `excluded[indptr[u]:indptr[u + 1]]`, in any order.
        items: (n_users, n) int32, written; -1 where a user has fewer.
        scores: (n_users, n) float32, written; minus infinity where a user has fewer.
    """
    n_users, size, n = len(left), tiles.shape[2], items.shape[1]
    made = np.empty((n_users, size), np.float32)
    next_excluded = indptr[:n_users].copy()
    barred = excluded.copy()
    for user in range(n_users):
        barred[indptr[user] : indptr[user + 1]] = np.sort(excluded[indptr[user] : indptr[user + 1]])
    lowest = np.float32(-np.inf)
    items[:] = -1
    scores[:] = lowest
    for tile in range(len(tiles)):
        if not _can_reach(lengths, reach[tile], scores):
            break
        np.dot(left, tiles[tile], made)
        first = tile * size
        stop = min(size, n_items - first)
        for user in range(n_users):
            row = made[user]
            at = next_excluded[user]
            while at < indptr[user + 1] and barred[at] < first + stop:
                row[barred[at] - first] = lowest
                at += 1
            next_excluded[user] = at
            _keep_best(row, first, stop, items[user], scores[user])
    for user in range(n_users):
        for last in range(n - 1, 0, -1):  # the worst goes to the end, then the worst of the rest before it
            items[user, 0], items[user, last] = items[user, last], items[user, 0]
            scores[user, 0], scores[user, last] = scores[user, last], scores[user, 0]
            _sift_down(items[user], scores[user], last)


@kernel
def _can_reach(lengths: Float32Array, reach: Float32Array, scores: Float32Array) -> bool:
    """Whether an item of a tile, or of a later one, may take a place in the heap of any user."""
    for user in range(len(lengths)):  # noqa: SIM110 - compiled, and a generator is not
        if not lengths[user] * reach[0] + reach[1] < scores[user, 0]:
            return True
    return False


@kernel
def _keep_best(row: Float32Array, first: int, stop: int, items: Int32Array, scores: Float32Array) -> None:
    """Let those of `row` that beat the worst of a heap into it; `row[0]` is the score of item `first`."""
    threshold = scores[0]
    for start in range(0, stop, _CHUNK):
        end = min(start + _CHUNK, stop)
        if end - start == _CHUNK:
            beats = False
            for at in range(start, start + _CHUNK):
                beats |= row[at] > threshold
            if not beats:
                continue
        for at in range(start, end):
            if row[at] > threshold:  # one that ties has a higher number than those in the heap
                items[0] = first + at
                scores[0] = row[at]
                _sift_down(items, scores, len(items))
                threshold = scores[0]


@kernel
def _sift_down(items: Int32Array, scores: Float32Array, size: int) -> None:
    """Let the first of a heap sink to its place: the worst is first, of equal scores that of the highest number."""
    item, score = items[0], scores[0]
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        right = child + 1
        if right < size and (
            scores[right] < scores[child] or (scores[right] == scores[child] and items[right] > items[child])
        ):
            child = right
        if scores[child] > score or (scores[child] == score and items[child] < item):
            break
        items[at], scores[at] = items[child], scores[child]
        at = child
    items[at], scores[at] = item, score


def best_of_rows_readable(
    left: Float32Array,
    tiles: Float32Array,
    lengths: Float32Array,
    reach: Float32Array,
    n_items: int,
    indptr: Int64Array,
    excluded: Int32Array,
    items: Int32Array,
    scores: Float32Array,
) -> None:
    """What `best_of_rows` does, by sorting all scores; `lengths` and `reach` are not needed."""
    del lengths, reach
    right = tiles.transpose(0, 2, 1).reshape(-1, left.shape[1])[:n_items]
    made = left @ right.T
    items[:], scores[:] = -1, -np.inf
    for user in range(len(left)):
        order = np.lexsort((np.arange(n_items), -made[user]))  # the best first, then by item
        out = excluded[indptr[user] : indptr[user + 1]]
        best = order[~np.isin(order, out)][: items.shape[1]]
        items[user, : len(best)] = best
        scores[user, : len(best)] = made[user, best]
