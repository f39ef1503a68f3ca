"""A DotBias after a user went: every number that sums over users or ratings, made anew from those who are left."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from penchant.arrays.types import BoolArray, Float32Array, Float64Array
from penchant.models.answers import Change, Remainder, Side, Triples
from penchant.models.dot_bias.refresh import refresh
from penchant.models.dot_bias.row_prior import RowPrior, cold_mean

if TYPE_CHECKING:
    from penchant.arrays.feature_rows import FeatureRows
    from penchant.models.dot_bias.dot_bias import DotBias

__all__ = ["recount"]

_SIDES: tuple[Side, Side] = ("user", "item")
_LEAST_NOISE = 1e-6  # floor of the noise variance, in units of the ratings' own, as for ALS
_STEPS = 256  # of a number that is rounded: its noise, or itself, is so many steps


def recount(model: DotBias, left: Remainder | None, *, anew: bool) -> DotBias:
    """The model without what its sums tell of a user who went, whose row is gone already.

    A sum over n and the n - 1 that are left give the n-th. So from what is left come

    - mu, where it is the mean of all ratings: everybody's predictions move by as much as the mean does;
    - rows of items that nobody has rated any more: they become cold rows;
    - the noise 1 / alpha where it is the error on the training ratings, and with it a ridge, which is in units of it;
    - priors that are means of rows, and cold rows, which are such means;
    - for `Bayes`, the place of zero: factors of all users have the mean zero, and without one of them that mean was
      the negative of the one that is missing.

    Args:
        model: without the user's row.
        left: what is left; None where the ratings were not kept: then mu and the noise are rounded to a 256th.
        anew: solve all rows again, items, users, items, if the model is one of `ALS`: its rows are exact solutions, so
            that each equation tells the rating that is missing in it. One pass over both sides is not undone by
            algebra: it has fewer equations than unknowns in one of its directions.
    """
    if left is None:
        return _without_ratings(model)
    if model.y_range is None and model.global_mean != 0:
        mean = left.seen.rating.mean(dtype=np.float64) if len(left.seen) else np.mean(left.rating_scale)
        model = replace(model, global_mean=float(mean))
    model = _emptied(model, left)
    if model.spread is not None:
        return _cold_rows(_centred(model), left)
    model = _with_ridges(model, left.spread_ratio)
    if anew and model.y_range is None and _is_ridge(model.user_prior) and len(left.seen):
        model = _solved(model, left)
    model = _with_row_priors(model, [left.seen.user_counts() > 0, left.seen.item_counts(model.n_items) > 0])
    return _with_noise(model, left)


def _without_ratings(model: DotBias) -> DotBias:
    """What can be done without the ratings: cold rows are those that are the prior's mean, to the bit."""
    if model.y_range is None:
        step = 2.0 ** round(math.log2(model.noise_precision**-0.5 / _STEPS))
        model = replace(model, global_mean=round(model.global_mean / step) * step)
    if model.spread is not None:
        return _centred(model)
    model = _scaled(model, _rounded(model.noise_precision) / model.noise_precision)
    known = []
    for side in _SIDES:
        cold = getattr(model, f"{side}_prior").mean.astype(np.float32)
        known.append((_theta(model, side) != cold).any(axis=1))
    return _with_row_priors(model, known)


def _rounded(number: float) -> float:
    step = 2.0 ** math.floor(math.log2(number / _STEPS))
    return round(number / step) * step


def _theta(model: DotBias, side: Side) -> Float32Array:
    rows: Float32Array = np.column_stack([getattr(model, f"{side}_factors"), getattr(model, f"{side}_biases")])
    return rows


def _with_rows(model: DotBias, side: Side, theta: Float32Array | Float64Array) -> DotBias:
    single = theta.astype(np.float32)
    factors, biases = np.ascontiguousarray(single[:, :-1]), single[:, -1].copy()
    if side == "user":
        return replace(model, user_factors=factors, user_biases=biases)
    return replace(model, item_factors=factors, item_biases=biases)


def _effects(prior: RowPrior, features: FeatureRows | None) -> Float64Array | None:
    return None if features is None or prior.feature_weights is None else features.dot(prior.feature_weights)


def _emptied(model: DotBias, left: Remainder) -> DotBias:
    """Items that nobody has rated any more are as nobody had ever rated them, in every array."""
    rows, prior, spread = left.emptied, model.item_prior, model.spread
    if len(rows) == 0:
        return model
    theta, effects = _theta(model, "item"), _effects(prior, left.item_features)
    theta[rows] = prior.expected(np.empty(0, np.int32)) + (0 if effects is None else effects[rows])
    model = _with_rows(model, "item", theta)
    if model.user_prior.implicit_weights is not None:
        weights = model.user_prior.implicit_weights.copy()
        weights[rows] = 0
        model = replace(model, user_prior=replace(model.user_prior, implicit_weights=weights))
    if spread is None:
        return model
    noise, variance = spread.item_noise.copy(), spread.item_variance.copy()
    others = np.delete(noise, rows)
    noise[rows] = others.mean(dtype=np.float64) if len(others) else 1
    variance[rows] = model.cold_variances()[1]
    return replace(model, spread=replace(spread, item_noise=noise, item_variance=variance))


def _centred(model: DotBias) -> DotBias:
    """The same predictions by factors of users whose mean is zero: see `solvers.gibbs.draw_sums.centred`."""
    if model.n_users == 0:
        return model
    shared = model.user_factors.mean(axis=0, dtype=np.float64)
    change, back = np.eye(len(shared) + 1), np.eye(len(shared) + 1)
    change[:-1, -1], back[:-1, -1] = shared, -shared
    users, items, apart = model.user_prior, model.item_prior, np.append(shared, 0)
    cold = items.cold_precision
    return replace(
        model,
        user_factors=(model.user_factors - shared).astype(np.float32),
        item_biases=(model.item_biases + model.item_factors @ shared).astype(np.float32),
        user_prior=replace(
            users, mean=users.mean - apart, cold_mean=None if users.cold_mean is None else users.cold_mean - apart
        ),
        item_prior=replace(
            items,
            mean=items.mean @ change,
            precision=_symmetric(back @ items.precision @ back.T),
            implicit_weights=_changed(items.implicit_weights, change),
            feature_weights=_changed(items.feature_weights, change),
            cold_mean=None if items.cold_mean is None else items.cold_mean @ change,
            cold_precision=None if cold is None else _symmetric(back @ cold @ back.T),
        ),
    )


def _changed(weights: Float32Array | None, change: Float64Array) -> Float32Array | None:
    return None if weights is None else (weights @ change).astype(np.float32)


def _symmetric(matrix: Float64Array) -> Float64Array:
    return (matrix + matrix.T) / 2


def _cold_rows(model: DotBias, left: Remainder) -> DotBias:
    """The mean of whole rows again, and with it the rows of those who have rated nothing."""
    counts = (left.seen.user_counts(), left.seen.item_counts(model.n_items))
    for side, n, features in zip(_SIDES, counts, (left.user_features, left.item_features), strict=True):
        prior: RowPrior = getattr(model, f"{side}_prior")
        if prior.cold_mean is None or not n.any():
            continue
        theta, effects = _theta(model, side), _effects(prior, features)
        mean = cold_mean(theta, n, effects)
        theta[n == 0] = mean + (0 if effects is None else effects[n == 0])
        prior, model = replace(prior, cold_mean=mean), _with_rows(model, side, theta)
        model = replace(model, user_prior=prior) if side == "user" else replace(model, item_prior=prior)
    return model


def _is_ridge(prior: RowPrior) -> bool:
    """Whether a prior is the penalty of ALS, which is no mean of rows, but in units of the ratings' spread."""
    return not prior.mean.any() and prior.cold_mean is None and prior.n_features == 0


def _with_ridges(model: DotBias, spread_ratio: float) -> DotBias:
    """The penalty of factors for the spread that ratings have now; that of biases does not depend on it."""
    scale = np.full(model.n_factors + 1, math.sqrt(spread_ratio))
    scale[-1] = 1
    for side in _SIDES:
        prior: RowPrior = getattr(model, f"{side}_prior")
        if _is_ridge(prior):
            prior = replace(prior, precision=prior.precision * np.outer(scale, scale))
            model = replace(model, user_prior=prior) if side == "user" else replace(model, item_prior=prior)
    return model


def _scaled(model: DotBias, ratio: float) -> DotBias:
    """The noise's precision times a number, and with it a penalty, which is kept in units of it."""
    model = replace(model, noise_precision=model.noise_precision * ratio)
    users, items = (
        replace(prior, precision=prior.precision * ratio) if _is_ridge(prior) else prior
        for prior in (model.user_prior, model.item_prior)
    )
    return replace(model, user_prior=users, item_prior=items)


def _solved(model: DotBias, left: Remainder) -> DotBias:
    none = np.empty(0, np.int32)
    nothing = Triples(none, none, np.empty(0, np.float32))
    change = Change(nothing, Triples(left.seen.user_idx(), left.seen.item_idx, left.seen.rating), nothing)
    sides: tuple[Side, ...] = ("item", "user", "item")
    for side in sides:
        model = cast("DotBias", refresh(model, side, change).model)
    return model


def _with_row_priors(model: DotBias, known: list[BoolArray]) -> DotBias:
    """Priors that are the mean and the covariance of rows, of the rows that are left; cold rows are that mean."""
    for side, has_ratings in zip(_SIDES, known, strict=True):
        prior: RowPrior = getattr(model, f"{side}_prior")
        if _is_ridge(prior) or not has_ratings.any():
            continue
        theta = _theta(model, side)
        prior = RowPrior.of_rows(theta[has_ratings].astype(np.float64))
        theta[~has_ratings] = prior.mean
        model = _with_rows(model, side, theta)
        model = replace(model, user_prior=prior) if side == "user" else replace(model, item_prior=prior)
    return model


def _with_noise(model: DotBias, left: Remainder) -> DotBias:
    """The noise as the error of clipped predictions on the ratings that are left."""
    rating = left.seen.rating
    if len(rating) == 0:
        return model
    error = model.predict(left.seen.user_idx(), left.seen.item_idx).clip(*left.rating_scale) - rating
    least = _LEAST_NOISE * (float(rating.var(dtype=np.float64)) or 1.0)
    noise = max(float(np.mean(np.square(error, dtype=np.float64))), least)
    return _scaled(model, 1 / (noise * model.noise_precision))
