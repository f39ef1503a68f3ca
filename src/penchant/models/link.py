"""From what a model adds up to a rating: as it is, or through a sigmoid."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array

__all__ = ["YRange", "rating_of", "slope_of"]

YRange = tuple[float, float] | None
Floats = TypeVar("Floats", Float32Array, Float64Array)


def rating_of(eta: Floats, y_range: YRange) -> Floats:
    """Ratings that sums stand for: eta, or lo + (hi - lo) / (1 + exp(-eta)).

    Args:
        eta: sums, any shape.
        y_range: (lo, hi); None for no sigmoid.
    """
    if y_range is None:
        return eta
    from scipy.special import expit

    lo, hi = y_range
    rating: Floats = (expit(eta) * (hi - lo) + lo).astype(eta.dtype)
    return rating


def slope_of(eta: Float64Array, y_range: tuple[float, float]) -> Float64Array:
    """How fast the rating rises with the sum, (hi - lo) s (1 - s) where s is the sigmoid of eta.

    Args:
        eta: sums, any shape.
        y_range: (lo, hi).
    """
    share = 1 / (1 + np.exp(-np.clip(eta, -500, 500)))
    slope: Float64Array = (y_range[1] - y_range[0]) * share * (1 - share)
    return slope
