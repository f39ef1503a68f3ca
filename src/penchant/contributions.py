"""Whose doing a row is: the part of each rating in what a person is taken for, so that the parts add up to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from penchant.arrays import Float32Array, Float64Array, Int32Array
from penchant.models.dot_bias import DotBias
from penchant.models.fold_in import design_of
from penchant.models.link import rating_of, slope_of
from penchant.models.row_prior import RowPrior
from penchant.sparse import FeatureRow

__all__ = ["Answer", "RowParts", "dot_bias_answer", "dot_bias_parts", "row_parts", "secant"]

_FLATTEST = 1e-3  # least slope of a sigmoid as a share of its steepest, as in `models.fold_in`


class RowParts(NamedTuple):
    """Parts of a row theta, each of shape (size,), `ratings` of shape (n, size); all together they are theta.

    Attributes:
        ratings: the part of each rating.
        prior: what a row is pulled to before anything is known of it.
        features: what its features add to that.
        beyond: what theta has and these ratings do not explain.
    """

    ratings: Float64Array
    prior: Float64Array
    features: Float64Array
    beyond: Float64Array


class Answer(NamedTuple):
    """One predicted rating in parts, in rating units: mean + item_bias + user_bias + taste is the prediction.

    The last two are linear in the row: `on_bias` . theta = user_bias and `on_taste` . theta = taste, so each part of
    a row has its part in them.

    Attributes:
        mean, item_bias, user_bias, taste: the parts.
        on_bias, on_taste: shape (size,) each.
        before_sigmoid: mu, b_i, b_u and p . q in the unit of the sum; None without a sigmoid.
    """

    mean: float
    item_bias: float
    user_bias: float
    taste: float
    on_bias: Float64Array
    on_taste: Float64Array
    before_sigmoid: tuple[float, float, float, float] | None = None


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
    parts: Float64Array = np.linalg.solve(precision + weighted.T @ design, np.concatenate(right).T).T.astype(np.float64)
    return RowParts(parts[:-2], parts[-2], parts[-1], theta - parts.sum(axis=0))


def dot_bias_parts(
    model: DotBias,
    theta: Float64Array,
    item_idx: Int32Array,
    rating: Float32Array,
    noise: float | None = None,
    features: FeatureRow | None = None,
) -> RowParts:
    """The parts of a user's row theta = [p, b] in a DotBias.

    Behind a sigmoid f the row is where the equation with f's tangents in place of f holds (see `models.fold_in`):
    y_j is then (r_j - f(eta_j)) / f'(eta_j) + x_j . theta, about what the sum would have to be for r_j.

    Args:
        model: whose items are held still.
        theta: the row, (n_factors + 1,).
        item_idx, rating: the user's ratings.
        noise: s of the user; None (default) for the mean of all users.
        features: of the user; None (default) for nothing.
    """
    prior = model.user_prior
    design = design_of(model.item_factors, item_idx)
    offset = model.global_mean + model.item_biases[item_idx].astype(np.float64)
    weights = np.full(len(item_idx), model.noise_precision)
    if model.spread is not None:
        weights /= model.spread.item_noise[item_idx] * (model.spread.mean_user_noise if noise is None else noise)
    target = rating.astype(np.float64) - offset
    if model.y_range is not None:
        eta = offset + design @ theta
        steepest = (model.y_range[1] - model.y_range[0]) / 4
        slope = np.maximum(slope_of(eta, model.y_range), _FLATTEST * steepest)
        target = design @ theta + (rating.astype(np.float64) - rating_of(eta, model.y_range)) / slope
        weights = weights * slope**2
    anybody = prior.expected(item_idx[:0])
    of_features = prior.expected(item_idx[:0], features) - anybody
    precision = prior.precision_of(len(item_idx))
    return row_parts(theta, design, target, weights, precision, anybody, of_features, _choices(prior, item_idx))


def _choices(prior: RowPrior, item_idx: Int32Array) -> Float64Array | None:
    """What having chosen each item adds to the prior mean, beside that of somebody who was not asked yet.

    The mean of a row with ratings is that of nobody, before its choices are added, so what it lacks goes to them in
    equal parts, (1 - c) (|N|^-1/2 Y_j + (mean - cold_mean) / |N|). A choice then counts for what it is beside others.
    """
    n = len(item_idx)
    if n == 0 or (prior.implicit_weights is None and prior.cold_mean is None):
        return None
    lacking = prior.mean - prior.expected(item_idx[:0])
    choices = np.tile(lacking / n, (n, 1))
    if prior.implicit_weights is not None:
        choices += prior.implicit_weights[item_idx] / np.sqrt(n)
    return choices * prior.choice_share(n)


def dot_bias_answer(model: DotBias, theta: Float64Array, item: int) -> Answer:
    """What a DotBias predicts for a user's row and one item, in parts.

    With a sigmoid f, the mean is f(mu) and the item's bias f(mu + b_i) - f(mu). What the user adds is shared out along
    the secant: its parts are multiplied by (f(eta) - f(mu + b_i)) / (eta - mu - b_i), the mean slope of f on the way,
    so that they add up.

    Args:
        model: the model.
        theta: the user's row [p, b], (n_factors + 1,).
        item: row number of the item.

    Source: the mean slope on a straight way is that of Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep
    networks".
    """
    factors = model.item_factors[item].astype(np.float64)
    mu, item_bias = float(model.global_mean), float(model.item_biases[item])
    user_bias, taste = float(theta[-1]), float(theta[:-1] @ factors)
    on_bias, on_taste = np.append(np.zeros(len(factors)), 1.0), np.append(factors, 0.0)
    if model.y_range is None:
        return Answer(mu, item_bias, user_bias, taste, on_bias, on_taste)
    slope = secant(mu + item_bias, mu + item_bias + user_bias + taste, model.y_range)
    low, high = rating_of(np.array([mu, mu + item_bias]), model.y_range)
    sums = (mu, item_bias, user_bias, taste)
    parts = (float(low), float(high - low), slope * user_bias, slope * taste)
    return Answer(*parts, slope * on_bias, slope * on_taste, sums)


def secant(start: float, end: float, y_range: tuple[float, float]) -> float:
    """The mean slope of the sigmoid between two sums.

    >>> f"{secant(-1.0, 1.0, (0, 1)):.4f} {secant(0.0, 0.0, (0, 1)):.4f}"
    '0.2311 0.2500'
    """
    half = (end - start) / 2
    if abs(half) < 1e-4:  # the slope in the middle, which is then as good, and a difference of ratings would be noise
        return float(slope_of(np.array([(start + end) / 2]), y_range)[0])
    low, high = rating_of(np.array([start, end]), y_range)
    return float((high - low) / (end - start))
