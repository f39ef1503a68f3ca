"""What a trained model says about people and things."""

from __future__ import annotations

import numpy as np

from penchant.arrays import Float32Array, Int64Array
from penchant.checks import is_whole, require
from penchant.errors import ParameterError

__all__ = ["bias_ranking"]


def bias_ranking(
    biases: Float32Array, counts: Int64Array | None, *, n: int | None = None, worst: bool = False, min_ratings: int = 0
) -> Int64Array:
    """Row numbers ranked by learned bias, the largest first; ties by row number.

    A bias is what is left of a row's ratings when taste (p_u . q_i) and the other side's biases are taken away: an
    item with a large b_i is liked even by people whose taste it does not meet.

    Args:
        biases: b of every row, shape (n_rows,), in rating units.
        counts: training ratings of every row, shape (n_rows,), or None where they were not kept.
        n: how many rows; None (default) for all.
        worst: the smallest bias first (default False).
        min_ratings: leave out rows with fewer training ratings (default 0).

    Raises:
        ParameterError: `n` or `min_ratings` is negative, or `min_ratings` is given and `counts` are not known.

    >>> bias_ranking(np.float32([0.1, -0.4, 0.9]), np.array([5, 9, 1]), n=2, min_ratings=2).tolist()
    [0, 1]
    """
    require(n is None or is_whole(n, 0), "n", n, "a whole number of at least 0, or None for all")
    require(is_whole(min_ratings, 0), "min_ratings", min_ratings, "a whole number of at least 0")
    if min_ratings and counts is None:
        raise ParameterError("min_ratings needs the training ratings, which this file was saved without")
    order = np.argsort(biases if worst else -biases, kind="stable")
    if min_ratings and counts is not None:
        order = order[counts[order] >= min_ratings]
    return order[:n]
