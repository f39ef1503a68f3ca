"""Intervals of predicted ratings, and rows ranked by bias."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array, Int64Array
from penchant.checks import is_whole, require, require_share
from penchant.errors import ParameterError
from penchant.text import Argument

__all__ = ["RatingInterval", "bias_ranking", "normal_quantile", "rating_interval"]


def bias_ranking(
    biases: NDArray[np.floating],
    counts: Int64Array | None,
    *,
    n: int | None = None,
    worst: bool = False,
    min_ratings: int = 0,
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
        raise ParameterError(Argument("min_ratings"), " needs the training ratings, which this file was saved without")
    order = np.argsort(biases if worst else -biases, kind="stable")
    if min_ratings and counts is not None:
        order = order[counts[order] >= min_ratings]
    return order[:n]


class RatingInterval(NamedTuple):
    """A predicted rating and where the rating itself is likely to lie: low <= rating <= high."""

    predicted: Any
    low: Any
    high: Any


def rating_interval(
    predicted: Float32Array, variance: Float64Array, share: float, rating_scale: tuple[float, float]
) -> RatingInterval:
    """Prediction interval: where a share of ratings lies around predictions.

        [mean - z sd, mean + z sd],     z the (1 + share) / 2 quantile of the standard normal,

    each end clipped to the scale. A rating is held where low <= rating <= high. Ratings come in steps and intervals do
    not: one interval may hold two steps or three, so the share is that of many ratings, not of one pair.

    Args:
        predicted: means before they are clipped, shape (n,).
        variance: of the rating around the mean, shape (n,).
        share: more than 0 and less than 1.
        rating_scale: (lo, hi).

    Returns:
        predicted (clipped), low and high, float32, shape (n,) each.

    Raises:
        ParameterError: `share` is no share.

    >>> f"{rating_interval(np.float32([4.0]), np.array([1.0]), 0.5, (1, 5)).low[0]:.2f}"
    '3.33'
    """
    require_share("interval", share, 0.9)
    half = normal_quantile(share) * np.sqrt(variance)
    lo, hi = rating_scale
    columns = (predicted, predicted - half, predicted + half)
    return RatingInterval(*(np.clip(column, lo, hi).astype(np.float32) for column in columns))


def normal_quantile(share: float) -> float:
    """How many standard deviations to either side of the mean hold this share of a normal distribution.

    >>> f"{normal_quantile(0.9):.3f}"
    '1.645'
    """
    from scipy.special import ndtri

    return float(ndtri((1 + share) / 2))
