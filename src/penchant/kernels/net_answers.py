"""Neural network, forward pass: pair by pair, so that an answer does not depend on what else is asked."""

from __future__ import annotations

import math

import numpy as np

from penchant.arrays.types import Float32Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["net_answers"]


@kernel
def net_answers(
    user_idx: Int32Array,
    item_idx: Int32Array,
    users: Float32Array,
    items: Float32Array,
    flat: Float32Array,
    sizes: Int64Array,
    lo: float,
    hi: float,
    answers: Float32Array,
) -> None:
    """Predict pairs: h_1 = users[u] + items[i], then h <- W relu(h) + b for each further layer.

    Args:
        user_idx, item_idx: the pairs.
        users, items: what each row gives to the first layer, shapes (n_users, sizes[0]), (n_items, sizes[0]).
        flat: W transposed and b of each further layer, end to end.
        sizes: neurons of each layer; the last is 1.
        lo, hi: ends of the sigmoid, equal where there is none.
        answers: written, shape (n,).
    """
    here, there = np.empty(sizes.max(), np.float32), np.empty(sizes.max(), np.float32)
    span = np.float32(hi - lo)
    for at in range(len(user_idx)):
        p, q = users[user_idx[at]], items[item_idx[at]]
        for k in range(sizes[0]):
            here[k] = p[k] + q[k]
        start = 0
        for layer in range(1, len(sizes)):
            width, size = sizes[layer - 1], sizes[layer]
            bias = flat[start + width * size : start + width * size + size]
            out = there[:size]
            for j in range(size):
                out[j] = bias[j]
            for k in range(width):
                h, w = max(here[k], np.float32(0)), flat[start + k * size : start + (k + 1) * size]
                for j in range(size):
                    out[j] += h * w[j]
            here, there = there, here
            start += width * size + size
        eta = here[0]
        answers[at] = np.float32(lo) + span / (np.float32(1) + math.exp(-eta)) if span > 0 else eta
