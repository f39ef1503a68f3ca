"""Fold-in: the posterior of one new row given its ratings, all other rows held still."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.models.dot_bias.row_prior import RowPosterior, RowPrior
from penchant.models.linear import inverse
from penchant.models.link import YRange, rating_of, slope_of

__all__ = ["design_of", "fold_in"]

_ROUNDS = 50  # Gauss-Newton needs five or so
_SETTLED = 1e-9  # a step this small, in the unit of the row, is the last
_FLATTEST = 1e-3  # least slope of the sigmoid, as a share of its steepest: a rating far out would be divided by nothing


def design_of(factors: Float32Array, rows: Int32Array) -> Float64Array:
    """Rows x = [q, 1] of the other side, shape (n, n_factors + 1).

    Args:
        factors: of the other side.
        rows: which of them.
    """
    design = np.ones((len(rows), factors.shape[1] + 1))
    design[:, :-1] = factors[rows]
    return design


def fold_in(
    design: Float64Array,
    offset: Float64Array,
    rating: Float32Array,
    weights: Float64Array,
    prior: RowPrior,
    expected: Float64Array,
    y_range: YRange,
) -> RowPosterior:
    """Gaussian posterior of one row theta = [p, b] given its ratings and the other side's rows x = [q, 1].

        Lambda = n^power * precision + sum_j w_j x_j x_j^T
        mean   = Lambda^-1 (n^power * precision mean_0 + sum_j w_j x_j (r_j - mu - b_j)),     w_j = alpha / (s s_j)

    mean_0 is what the prior expects of a row with these features and these ratings, s the mean noise of its side. One
    (n_factors + 1)-square solve. For ALS this is the very equation that trained the row.

    Behind a sigmoid f it is the Gaussian around the most plausible row (Laplace's approximation): the same equation
    with f in place by its tangent, w_j f'^2 for w_j and eta_j + (r_j - f(eta_j)) / f' for r_j, until it settles
    (Gauss-Newton, steps halved where they overshoot).

    Args:
        design: X, shape (n, n_factors + 1).
        offset: mu + b_j, shape (n,).
        rating: r_j, shape (n,).
        weights: w_j, shape (n,).
        prior: of the row.
        expected: mean_0, shape (n_factors + 1,).
        y_range: ends of the sigmoid; None for none.
    """
    precision = prior.precision_of(len(rating))
    target = rating.astype(np.float64)
    if y_range is None:
        return _solve(design, target - offset, weights, precision, expected)

    def misfit(theta: Float64Array) -> float:
        error = target - rating_of(offset + design @ theta, y_range)
        return float(weights @ error**2 + (theta - expected) @ precision @ (theta - expected))

    steepest = (y_range[1] - y_range[0]) / 4
    theta = expected
    for _ in range(_ROUNDS):
        taste = design @ theta
        slope = np.maximum(slope_of(offset + taste, y_range), _FLATTEST * steepest)
        working = taste + (target - rating_of(offset + taste, y_range)) / slope
        row = _solve(design, working, weights * slope**2, precision, expected)
        step, before = row.mean - theta, misfit(theta)
        while misfit(theta + step) > before and np.abs(step).max() > _SETTLED:
            step = step / 2
        theta = theta + step
        if np.abs(step).max() <= _SETTLED:
            break
    return RowPosterior(theta, row.covariance)


def _solve(
    design: Float64Array, target: Float64Array, weights: Float64Array, precision: Float64Array, expected: Float64Array
) -> RowPosterior:
    weighted = design * weights[:, None]
    covariance = inverse(precision + weighted.T @ design)
    covariance = (covariance + covariance.T) / 2
    return RowPosterior(covariance @ (precision @ expected + weighted.T @ target), covariance)
