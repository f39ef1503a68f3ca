"""Compressed sparse rows: ratings grouped by user or item, the order in which least squares reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.arrays.types import Float32Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["GroupedRatings", "group_by_row", "scatter_by_row", "scatter_by_row_readable"]


@dataclass(frozen=True, eq=False)
class GroupedRatings:
    """Ratings of one side, row after row (compressed sparse rows).

    Row `i` has the entries `indptr[i]` to `indptr[i + 1]` of `others` (row numbers of the other side) and `target`.
    """

    indptr: Int64Array
    others: Int32Array
    target: Float32Array

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1


def group_by_row(rows: Int32Array, others: Int32Array, target: Float32Array, n_rows: int) -> GroupedRatings:
    """Group ratings by `rows`, keeping the order within a row; a counting sort, O(n)."""
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n_rows), out=indptr[1:])
    grouped = GroupedRatings(indptr, np.empty(len(rows), dtype=np.int32), np.empty(len(rows), dtype=np.float32))
    scatter_by_row(rows, others, target, indptr[:-1].copy(), grouped.others, grouped.target)
    return grouped


@kernel
def scatter_by_row(
    rows: Int32Array,
    others: Int32Array,
    target: Float32Array,
    next_free: Int64Array,
    others_out: Int32Array,
    target_out: Float32Array,
) -> None:
    """Put entry t at the next free place of its row; `next_free` starts at the row starts and is used up."""
    for t in range(len(rows)):
        at = next_free[rows[t]]
        others_out[at] = others[t]
        target_out[at] = target[t]
        next_free[rows[t]] = at + 1


def scatter_by_row_readable(
    rows: Int32Array,
    others: Int32Array,
    target: Float32Array,
    next_free: Int64Array,
    others_out: Int32Array,
    target_out: Float32Array,
) -> None:
    """What `scatter_by_row` does, as a stable sort."""
    order = np.argsort(rows, kind="stable")
    others_out[:] = others[order]
    target_out[:] = target[order]
    next_free += np.bincount(rows, minlength=len(next_free))
