"""Attribution of a row to the ratings behind it: the posterior mean of a linear model, shared out exactly."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float64Array
from penchant.models.answers import RowParts
from penchant.models.linear import solved

__all__ = ["row_parts"]


def row_parts(
    theta: Float64Array,
    design: Float64Array,
    target: Float64Array,
    weights: Float64Array,
    precision: Float64Array,
    prior: Float64Array,
    features: Float64Array,
    choices: Float64Array | None = None,
) -> RowParts:
    """Share out a row among what it was made of.

        theta  =  Lambda^-1 (Lambda_0 (prior + features + sum_j choice_j) + sum_j w_j x_j y_j)  +  beyond,
        Lambda =  Lambda_0 + sum_j w_j x_j x_j^T

    The posterior mean of a row is linear in its ratings, so the part of rating j is Lambda^-1 (w_j x_j y_j + Lambda_0
    choice_j): had the person given what the item gets from anybody (y_j = 0), the row would differ by the first term.

    Args:
        theta: the row, shape (size,).
        design: rows x_j, shape (n, size).
        target: y_j, shape (n,).
        weights: w_j, shape (n,).
        precision: Lambda_0, (size, size).
        prior, features: what the prior mean is made of, (size,) each.
        choices: what having chosen item j adds to the prior mean, (n, size); None (default) for nothing.

    >>> one = np.ones((2, 1))
    >>> row_parts(np.zeros(1), one, np.array([3.0, -1.0]), np.ones(2), np.eye(1), np.zeros(1), np.zeros(1)).ratings
    array([[ 1.        ],
           [-0.33333333]])
    """
    weighted = design * weights[:, None]
    right = [weighted * target[:, None], (precision @ prior)[None], (precision @ features)[None]]
    if choices is not None:
        right[0] = right[0] + choices @ precision.T
    parts: Float64Array = solved(precision + weighted.T @ design, np.concatenate(right).T).T
    return RowParts(parts[:-2], parts[-2], parts[-1], theta - parts.sum(axis=0))
