"""Weights of choices: what learners make of counts and seconds, and what a choice without a weight counts."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array

__all__ = ["transformed", "usual_weight"]


def transformed(weight: Float32Array) -> Float32Array | None:
    """What a solver makes of counts or seconds: w' = log(1 + w / median), scaled to mean 1; None if all are equal.

    A song that was played a hundred times as often counts some seven times as much, so that a few heavy users do not
    drown the rest. The unit does not matter: seconds and minutes give the same.

    Args:
        weight: of each choice, all above 0, shape (n,).

    Source: after the logarithmic confidence of Hu, Koren, Volinsky (2008), section 4.
    """
    if len(weight) == 0 or weight.min() == weight.max():
        return None
    value = np.log1p(weight.astype(np.float64) / float(np.median(weight)))
    scaled: Float32Array = np.maximum(value / value.mean(), 1e-3).astype(np.float32)
    return scaled


def usual_weight(weight: Float32Array) -> float:
    """The weight that `transformed` makes 1, which is the mean: that of a choice of which only "chosen" is known.

    Args:
        weight: of all choices, above 0, shape (n,); without any the answer is 1.

    >>> usual_weight(np.array([2.0, 2.0], np.float32))
    2.0
    """
    if len(weight) == 0 or weight.min() == weight.max():
        return float(weight[0]) if len(weight) else 1.0
    median = float(np.median(weight))
    return float(median * np.expm1(np.log1p(weight.astype(np.float64) / median).mean()))
