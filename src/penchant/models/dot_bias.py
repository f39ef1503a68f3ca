"""DotBias: r_ui ~ mu + b_u + b_i + p_u . q_i, the lecture's model and penchant's main one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from penchant.arrays import Float32Array, Float64Array, Int32Array
from penchant.errors import FormatError
from penchant.models.protocol import Setting

__all__ = ["DotBias", "RowPosterior", "RowPrior"]

_LEAST_PRECISION = 1e-100  # and its inverse the largest: ratings of any unit that float32 holds stay well within
_BLOCK = 16_384  # pairs a block of `predict`: gathered rows then stay in the processor's cache


@dataclass(frozen=True, eq=False)
class RowPrior:
    """What is believed of a row theta = [p, b] before its ratings are seen.

    theta ~ N(mean, (n^count_power * precision)^-1), n being the number of ratings of the row (at least 1).
    With `count_power` 0 this is an ordinary Gaussian prior; ALS with weighted regularisation has another power.

    Attributes:
        mean: shape (n_factors + 1,); the bias is the last.
        precision: shape (n_factors + 1, n_factors + 1), symmetric and positive definite.
        count_power: 0 to 1.
    """

    mean: Float64Array
    precision: Float64Array
    count_power: float = 0.0


@dataclass(frozen=True, eq=False)
class RowPosterior:
    """A row after its ratings: theta ~ N(mean, covariance), shapes (n_factors + 1,) and its square."""

    mean: Float64Array
    covariance: Float64Array


@dataclass(frozen=True, eq=False)
class DotBias:
    """Dot product of factors plus biases (notation: docs/notation.md).

        r_ui  ~  mu + b_u + b_i + p_u . q_i,     error ~ N(0, 1 / alpha)

    A row without ratings is its prior mean, so a prediction for a cold user or item is the mean and the other
    side's bias.

    Attributes:
        global_mean: mu, in rating units.
        user_biases, item_biases: b, float32, shapes (n_users,), (n_items,), in rating units.
        user_factors, item_factors: P and Q, float32, shapes (n_users, n_factors), (n_items, n_factors).
        user_prior, item_prior: what a row is before its ratings; `fold_in_user` and `fold_in_item` start there.
        noise_precision: alpha, 1 / variance of a rating given the model.

    Source: Koren, Bell, Volinsky (2009), "Matrix Factorization Techniques for Recommender Systems".
    """

    kind: ClassVar[str] = "dot_bias"

    global_mean: float
    user_biases: Float32Array
    item_biases: Float32Array
    user_factors: Float32Array
    item_factors: Float32Array
    user_prior: RowPrior
    item_prior: RowPrior
    noise_precision: float

    @property
    def n_users(self) -> int:
        return len(self.user_biases)

    @property
    def n_items(self) -> int:
        return len(self.item_biases)

    @property
    def n_factors(self) -> int:
        return int(self.user_factors.shape[1])

    def predict(self, user_idx: Int32Array, item_idx: Int32Array) -> Float32Array:
        """Mu + b_u + b_i + p_u . q_i of every pair, shape (n,), not clipped."""
        predicted = np.empty(len(user_idx), dtype=np.float32)
        for start in range(0, len(user_idx), _BLOCK):
            users, items = user_idx[start : start + _BLOCK], item_idx[start : start + _BLOCK]
            # `take` copies rows at more than twice the speed of `factors[rows]`.
            block = np.einsum("nk,nk->n", self.user_factors.take(users, axis=0), self.item_factors.take(items, axis=0))
            block += self.user_biases.take(users)
            block += self.item_biases.take(items)
            block += np.float32(self.global_mean)
            predicted[start : start + _BLOCK] = block
        return predicted

    def fold_in_user(self, item_idx: Int32Array, rating: Float32Array) -> RowPosterior:
        """The row of somebody who gave `rating` to `item_idx`, other rows held still: see `_fold_in`."""
        return _fold_in(self.item_factors, self.item_biases, item_idx, rating - self.global_mean, self, self.user_prior)

    def fold_in_item(self, user_idx: Int32Array, rating: Float32Array) -> RowPosterior:
        """The row of an item that `user_idx` gave `rating`, other rows held still: see `_fold_in`."""
        return _fold_in(self.user_factors, self.user_biases, user_idx, rating - self.global_mean, self, self.item_prior)

    def with_rows(self, n_users: int, n_items: int) -> DotBias:
        """The same model with cold rows appended, each its prior's mean, up to `n_users` and `n_items` rows."""
        user_factors, user_biases = _grown(self.user_factors, self.user_biases, self.user_prior, n_users)
        item_factors, item_biases = _grown(self.item_factors, self.item_biases, self.item_prior, n_items)
        return replace(
            self,
            user_factors=user_factors,
            user_biases=user_biases,
            item_factors=item_factors,
            item_biases=item_biases,
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        return {
            "user_biases": self.user_biases,
            "item_biases": self.item_biases,
            "user_factors": self.user_factors,
            "item_factors": self.item_factors,
            "user_prior_mean": self.user_prior.mean,
            "user_prior_precision": self.user_prior.precision,
            "item_prior_mean": self.item_prior.mean,
            "item_prior_precision": self.item_prior.precision,
        }

    def settings(self) -> dict[str, Setting]:
        return {
            "global_mean": self.global_mean,
            "noise_precision": self.noise_precision,
            "user_prior_count_power": self.user_prior.count_power,
            "item_prior_count_power": self.item_prior.count_power,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], settings: Mapping[str, Setting]) -> DotBias:
        """Rebuild from `arrays()` and `settings()`.

        Raises:
            FormatError: an array or setting is missing, or has another type or shape than the rest asks for.
        """
        n_users, n_factors = _shape_of(arrays, "user_factors")
        n_items, _ = _shape_of(arrays, "item_factors")
        row = n_factors + 1

        def single(name: str, *shape: int) -> Float32Array:
            return cast("Float32Array", _checked(arrays, name, np.dtype(np.float32), shape))

        def double(name: str, *shape: int) -> Float64Array:
            return cast("Float64Array", _checked(arrays, name, np.dtype(np.float64), shape))

        def prior(side: str) -> RowPrior:
            name = f"{side}_prior_precision"
            return RowPrior(
                double(f"{side}_prior_mean", row),
                _positive_definite(double(name, row, row), name),
                _number(settings, f"{side}_prior_count_power", 0, 1),
            )

        return cls(
            global_mean=_number(settings, "global_mean"),
            user_biases=single("user_biases", n_users),
            item_biases=single("item_biases", n_items),
            user_factors=single("user_factors", n_users, n_factors),
            item_factors=single("item_factors", n_items, n_factors),
            user_prior=prior("user"),
            item_prior=prior("item"),
            noise_precision=_number(settings, "noise_precision", _LEAST_PRECISION, 1 / _LEAST_PRECISION),
        )


def _fold_in(
    factors: Float32Array,
    biases: Float32Array,
    rows: Int32Array,
    centred: Float32Array,
    model: DotBias,
    prior: RowPrior,
) -> RowPosterior:
    """Gaussian posterior of one row given its ratings and the other side's rows x = [q, 1].

        Lambda = n^power * precision + alpha * sum x x^T
        mean   = Lambda^-1 (n^power * precision mean_0 + alpha * sum x (r - mu - b_other))

    One (n_factors + 1)-square solve. For ALS this is the very equation that trained the row.
    """
    design = np.ones((len(rows), factors.shape[1] + 1))
    design[:, :-1] = factors[rows]
    target = centred.astype(np.float64) - biases[rows]
    weighted = max(len(rows), 1) ** prior.count_power * prior.precision
    precision = weighted + model.noise_precision * design.T @ design
    covariance = np.linalg.inv(precision)
    covariance = (covariance + covariance.T) / 2
    mean = covariance @ (weighted @ prior.mean + model.noise_precision * design.T @ target)
    return RowPosterior(mean, covariance)


def _grown(
    factors: Float32Array, biases: Float32Array, prior: RowPrior, n_rows: int
) -> tuple[Float32Array, Float32Array]:
    more = n_rows - len(biases)
    new = np.tile(prior.mean.astype(np.float32), (more, 1))
    return np.concatenate([factors, new[:, :-1]]), np.concatenate([biases, new[:, -1]])


def _shape_of(arrays: Mapping[str, NDArray[np.generic]], name: str) -> tuple[int, int]:
    if name not in arrays or arrays[name].ndim != 2:
        raise FormatError(f"the model's array {name!r} is missing or is no table")
    return int(arrays[name].shape[0]), int(arrays[name].shape[1])


def _checked(
    arrays: Mapping[str, NDArray[np.generic]], name: str, dtype: np.dtype[np.generic], shape: tuple[int, ...]
) -> NDArray[np.generic]:
    if name not in arrays:
        raise FormatError(f"the model's array {name!r} is missing")
    array = arrays[name]
    if array.dtype != dtype or array.shape != shape:
        raise FormatError(f"the model's array {name!r} is {array.dtype}{array.shape}, not {dtype}{shape}")
    if not np.isfinite(array).all():
        raise FormatError(f"the model's array {name!r} holds values that are not finite")
    return array


def _positive_definite(precision: Float64Array, name: str) -> Float64Array:
    """The matrix, if it can be the precision of a Gaussian: else fold-in would fail long after loading."""
    if not np.array_equal(precision, precision.T) or np.linalg.eigvalsh(precision)[0] <= 0:
        raise FormatError(f"the model's array {name!r} is not symmetric and positive definite")
    return precision


def _number(settings: Mapping[str, Setting], name: str, lowest: float = -math.inf, highest: float = math.inf) -> float:
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FormatError(f"the model's setting {name!r} is {value!r}, not a finite number")
    if not lowest <= value <= highest:
        raise FormatError(f"the model's setting {name!r} is {value!r}, not between {lowest:g} and {highest:g}")
    return float(value)
