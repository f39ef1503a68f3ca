"""Normal equations: sums over the ratings of a row that a least-squares problem is made of."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float64Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["add_products", "add_products_readable"]


@kernel
def add_products(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    weights: Float64Array,
    target: Float64Array,
    design: Float64Array,
    grams: Float64Array,
    right: Float64Array,
) -> None:
    """Add sum w x x^T to `grams` and sum w y x to `right`, for the rows `start` to `stop`, over their ratings.

    Args:
        start, stop: which rows; no others are written.
        indptr, others: ratings grouped by row, and the row of the other side that each is with.
        weights, target: w and y of each rating.
        design: x of each row of the other side, shape (n_others, size).
        grams: (n_rows, size, size).
        right: (n_rows, size).
    """
    size = design.shape[1]
    for row in range(start, stop):
        for t in range(indptr[row], indptr[row + 1]):
            x = design[others[t]]
            for i in range(size):
                scaled = weights[t] * x[i]
                right[row, i] += scaled * target[t]
                for k in range(size):
                    grams[row, i, k] += scaled * x[k]


def add_products_readable(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    weights: Float64Array,
    target: Float64Array,
    design: Float64Array,
    grams: Float64Array,
    right: Float64Array,
) -> None:
    """What `add_products` does, in NumPy."""
    for row in range(start, stop):
        mine = slice(indptr[row], indptr[row + 1])
        x = design[others[mine]]
        weighted = x * weights[mine, np.newaxis]
        grams[row] += weighted.T @ x
        right[row] += weighted.T @ target[mine]
