"""Attribution of a prediction to the ratings behind it, in parts that add up (exact for linear models)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.models.answers import Answer, RowParts
from penchant.models.dot_bias.fold_in import design_of
from penchant.models.dot_bias.row_prior import RowPrior
from penchant.models.link import rating_of, slope_of
from penchant.models.row_attribution import row_parts

if TYPE_CHECKING:
    from penchant.models.dot_bias.dot_bias import DotBias

__all__ = ["dot_bias_answer", "dot_bias_parts", "secant"]

_FLATTEST = 1e-3  # least slope of a sigmoid as a share of its steepest, as in `fold_in`


def dot_bias_parts(
    model: DotBias,
    theta: Float64Array,
    item_idx: Int32Array,
    rating: Float32Array,
    noise: float | None = None,
    features: FeatureRow | None = None,
) -> RowParts:
    """The parts of a user's row theta = [p, b] in a DotBias.

    Behind a sigmoid f the row is where the equation with f's tangents in place of f holds (see `fold_in`):
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
