"""Sums and sums of squares of predictions over draws, from which their uncertainty is estimated."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.kernels.jit import kernel

__all__ = ["add_predictions", "add_predictions_readable"]


@kernel
def add_predictions(
    user_idx: Int32Array,
    item_idx: Int32Array,
    user_factors: Float32Array,
    user_bias: Float32Array,
    item_factors: Float32Array,
    item_bias: Float32Array,
    total: Float64Array,
    squares: Float64Array,
) -> None:
    """Add the prediction b_u + b_i + p_u . q_i of each pair to `total`, and its square to `squares`.

    Args:
        user_idx, item_idx: the pairs, (n,).
        user_factors, item_factors: (n_users, width) and (n_items, width).
        user_bias, item_bias: (n_users,) and (n_items,).
        total, squares: (n,), updated in place.
    """
    width = user_factors.shape[1]
    for t in range(len(user_idx)):
        p, q = user_factors[user_idx[t]], item_factors[item_idx[t]]
        value = user_bias[user_idx[t]] + item_bias[item_idx[t]]
        for k in range(width):
            value += p[k] * q[k]
        total[t] += value
        squares[t] += np.float64(value) * value


def add_predictions_readable(
    user_idx: Int32Array,
    item_idx: Int32Array,
    user_factors: Float32Array,
    user_bias: Float32Array,
    item_factors: Float32Array,
    item_bias: Float32Array,
    total: Float64Array,
    squares: Float64Array,
) -> None:
    """What `add_predictions` does, in NumPy."""
    value = user_bias[user_idx] + item_bias[item_idx] + (user_factors[user_idx] * item_factors[item_idx]).sum(axis=1)
    total += value
    squares += value.astype(np.float64) ** 2
