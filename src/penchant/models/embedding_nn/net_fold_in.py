"""Fold-in of a new user in the neural model: the row of first-layer inputs that explains the ratings best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.models.linear import inverse, solved
from penchant.models.link import rating_of, slope_of

if TYPE_CHECKING:
    from penchant.models.embedding_nn.embedding_nn import EmbeddingNN

__all__ = ["fold_in_net", "net_prior", "net_slopes"]

_NOISE = 0.2  # standard deviation of a rating around a good prediction, as a share of the width of the scale
_ROUNDS = 30
_LEAST_VARIANCE = 1e-3  # of the rows, as a share of their mean variance: a prior needs a precision
_SETTLED = 1e-6
_FLATTEST = 1e-3  # least slope of the sigmoid, as a share of its steepest


def fold_in_net(
    model: EmbeddingNN, item_idx: Int32Array, rating: Float32Array, rating_scale: tuple[float, float]
) -> Float32Array:
    """The user row u that is most plausible given ratings, items and layers held still.

        sum_j (r_j - f(u + i_j))^2 / sigma^2 + (u - m)^T S^-1 (u - m)

    where f is the network, m and S are mean and covariance of the rows that were trained, and sigma is a fifth of the
    scale. It is found by Gauss-Newton from m, with steps halved where they overshoot: without ratings it is m, the
    model's cold row. An approximation: retraining would move items and layers, too.

    Args:
        model: the network.
        item_idx, rating: the ratings.
        rating_scale: (lo, hi).
    """
    prior_mean = model.user_cold.astype(np.float64)
    if len(item_idx) == 0:
        return model.user_cold
    precision, weight = net_prior(model, rating_scale)
    items, target = model.item_inputs[item_idx].astype(np.float64), rating.astype(np.float64)

    def misfit(row: Float64Array) -> float:
        error = target - net_slopes(model, row + items)[0]
        return float(weight * error @ error + (row - prior_mean) @ precision @ (row - prior_mean))

    row = prior_mean
    for _ in range(_ROUNDS):
        predicted, slopes = net_slopes(model, row + items)
        hessian = precision + weight * slopes.T @ slopes
        step = solved(hessian, weight * slopes.T @ (target - predicted) - precision @ (row - prior_mean))
        before = misfit(row)
        while misfit(row + step) > before and np.abs(step).max() > _SETTLED:
            step = step / 2
        row = row + step
        if np.abs(step).max() <= _SETTLED:
            break
    return row.astype(np.float32)


def net_prior(model: EmbeddingNN, rating_scale: tuple[float, float]) -> tuple[Float64Array, float]:
    """What is believed of a user row before ratings and of a rating given the row: S^-1, and 1 / sigma^2.

    Args:
        model: the network.
        rating_scale: (lo, hi).
    """
    rows = model.user_inputs.astype(np.float64) - model.user_cold.astype(np.float64)
    variance = rows.T @ rows / max(len(rows), 1)
    floor = _LEAST_VARIANCE * np.trace(variance) / len(variance) + 1e-9
    precision: Float64Array = inverse(variance + floor * np.eye(len(variance)))
    return precision, 1 / (_NOISE * (rating_scale[1] - rating_scale[0]) or 1.0) ** 2


def net_slopes(model: EmbeddingNN, inputs: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Predictions of inputs to the first layer, (n,), and their derivatives by these inputs, (n, n_neurons).

    Args:
        model: the network.
        inputs: sums of a user's and an item's row, (n, n_neurons).
    """
    hidden, masks = inputs, []
    for layer in model.layers:
        masks.append(hidden > 0)
        hidden = np.where(masks[-1], hidden, 0) @ layer.weight.T.astype(np.float64) + layer.bias
    eta = hidden[:, 0]
    slopes = np.ones((len(inputs), 1))
    for layer, mask in zip(reversed(model.layers), reversed(masks), strict=True):
        slopes = (slopes @ layer.weight.astype(np.float64)) * mask
    if model.y_range is None:
        return eta, slopes
    steep = np.maximum(slope_of(eta, model.y_range), _FLATTEST * (model.y_range[1] - model.y_range[0]) / 4)
    return rating_of(eta, model.y_range), slopes * steep[:, None]
