"""Pairs of a user and an item that occur more than once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.grow import BLOCK, Growing
from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.data.tables.table import worker_count

__all__ = ["Policy", "Repeats", "repeated_pairs", "repeats_of"]

Policy: TypeAlias = Literal["last", "first", "mean", "sum", "error"]
_ENOUGH = 1 << 20  # rows from which on threads are worth starting


@dataclass(frozen=True)
class Repeats:
    """What to do about the pairs that occur more than once.

    Attributes:
        drop: rows that do not stand for their pair, ascending.
        keep: for each such pair, the row that does.
        total: for each such pair, the sum of its values, float64.
        count: for each such pair, in how many rows it occurs.
        first: the earliest row that repeats a pair, and the row before it with that pair.
    """

    drop: Int64Array
    keep: Int64Array
    total: Float64Array
    count: Int64Array
    first: tuple[int, int]


def repeated_pairs(user_idx: Int32Array, item_idx: Int32Array, n_items: int) -> Int64Array:
    """The pairs that occur more than once, as `user * n_items + item`, ascending.

    O(n) where the rows are sorted by user and item, as published files often are; else the pairs are sorted, those of
    some users in each thread.
    """
    if not len(user_idx) or _ascending(user_idx, item_idx, n_items):
        return np.empty(0, dtype=np.int64)
    workers = worker_count() if len(user_idx) > _ENOUGH else 1
    edges = np.linspace(0, int(user_idx.max()) + 1, workers + 1).astype(np.int64)

    def of_some_users(at: int) -> Int64Array:
        keys = _keys_of(user_idx, item_idx, n_items, int(edges[at]), int(edges[at + 1]))
        keys.sort()
        found = [keys[start : start + BLOCK][_repeats(keys, start)] for start in range(0, len(keys), BLOCK)]
        repeated: Int64Array = np.concatenate([keys[:0], *found])
        return np.compress(np.append(True, repeated[1:] != repeated[:-1])[: len(repeated)], repeated)

    with ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(of_some_users, range(workers))))


def _ascending(user_idx: Int32Array, item_idx: Int32Array, n_items: int) -> bool:
    """Whether each pair comes after the one before it, so that none occurs twice."""
    previous = -1
    for start in range(0, len(user_idx), BLOCK):
        keys = _keys(user_idx[start : start + BLOCK], item_idx[start : start + BLOCK], n_items)
        if keys[0] <= previous or (keys[1:] <= keys[:-1]).any():
            return False
        previous = int(keys[-1])
    return True


def _keys_of(user_idx: Int32Array, item_idx: Int32Array, n_items: int, low: int, high: int) -> Int64Array:
    """The pairs of the users from `low` to `high - 1`, in row order."""
    growing = Growing(np.int64, capacity=int(1.1 * len(user_idx) * (high - low) / (int(user_idx.max()) + 1)) + 1)
    for start in range(0, len(user_idx), BLOCK):
        keys = _keys(user_idx[start : start + BLOCK], item_idx[start : start + BLOCK], n_items)
        growing.extend(keys[(keys >= low * n_items) & (keys < high * n_items)])
    return growing.finish()  # type: ignore[return-value]


def _keys(user_idx: Int32Array, item_idx: Int32Array, n_items: int) -> Int64Array:
    """One number a pair."""
    keys: Int64Array = np.multiply(user_idx, n_items, dtype=np.int64)
    keys += item_idx
    return keys


def _repeats(keys: Int64Array, start: int) -> NDArray[np.bool_]:
    """For a block of sorted keys, which are equal to the key after them."""
    block = keys[start : start + BLOCK]
    after = keys[start + 1 : start + BLOCK + 1]
    equal = np.zeros(len(block), dtype=np.bool_)
    equal[: len(after)] = block[: len(after)] == after
    return equal


def repeats_of(
    user_idx: Int32Array,
    item_idx: Int32Array,
    values: Float32Array,
    times: NDArray[np.integer] | None,
    *,
    n_items: int,
    pairs: Int64Array,
    first: bool = False,
) -> Repeats:
    """Choose one row for each repeated pair.

    Args:
        user_idx: row numbers of the users.
        item_idx: row numbers of the items.
        values: the ratings, or the weights.
        times: in any unit, or None: then the order of rows decides.
        n_items: as for `repeated_pairs`.
        pairs: what it returned, at least one.
        first: keep the earliest row of a pair, not the latest; among equal times the order of rows decides.
    """
    rows = _rows_with(pairs, user_idx, item_idx, n_items)
    keys = _keys(user_idx[rows], item_idx[rows], n_items)
    in_source = np.argsort(keys, kind="stable")
    again = np.flatnonzero(keys[in_source][1:] == keys[in_source][:-1])
    earliest = again[np.argmin(rows[in_source[again + 1]])]
    earliest_pair = (int(rows[in_source[earliest + 1]]), int(rows[in_source[earliest]]))
    order = in_source if times is None else np.lexsort((times[rows], keys))
    starts = np.flatnonzero(np.append(True, keys[order][1:] != keys[order][:-1]))
    ends = np.append(starts[1:], len(rows))
    chosen = order[starts if first else ends - 1]
    total = np.add.reduceat(values[rows[order]].astype(np.float64), starts)
    return Repeats(np.delete(rows, chosen), rows[chosen], total, ends - starts, earliest_pair)


def _rows_with(pairs: Int64Array, user_idx: Int32Array, item_idx: Int32Array, n_items: int) -> Int64Array:
    found = []
    for start in range(0, len(user_idx), BLOCK):
        keys = _keys(user_idx[start : start + BLOCK], item_idx[start : start + BLOCK], n_items)
        at = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
        found.append(np.flatnonzero(pairs[at] == keys) + start)
    return np.concatenate(found)
