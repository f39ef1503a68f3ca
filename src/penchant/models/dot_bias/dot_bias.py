"""DotBias: r_ui ~ mu + b_u + b_i + p_u . q_i, penchant's model of stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.feature_rows import FeatureRow, FeatureRows
from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.errors import DataError
from penchant.models.answers import (
    Attribution,
    Change,
    FeatureEffects,
    LinearForm,
    Questions,
    Refreshed,
    Remainder,
    ScoringRule,
    Side,
)
from penchant.models.array_checks import number, shape_of, single, y_range_of
from penchant.models.dot_bias.bias_uncertainty import bias_deviations
from penchant.models.dot_bias.dot_attribution import dot_bias_answer, dot_bias_parts
from penchant.models.dot_bias.fold_in import design_of, fold_in
from penchant.models.dot_bias.folded_user import DotBiasUser
from penchant.models.dot_bias.recount import recount
from penchant.models.dot_bias.refresh import refresh
from penchant.models.dot_bias.row_prior import RowPosterior, RowPrior
from penchant.models.dot_bias.spread import Spread
from penchant.models.linear import inverse
from penchant.models.link import rating_of
from penchant.models.model import Model, Setting

__all__ = ["DotBias", "RowPosterior", "RowPrior", "Spread"]

_LEAST_PRECISION = 1e-100  # and its inverse the largest: ratings of any unit that float32 holds stay well within
_BLOCK = 16_384  # pairs a block of `predict`: gathered rows then stay in the processor's cache


@dataclass(frozen=True, eq=False)
class DotBias(Model):
    """Dot product of factors plus biases (notation: docs/notation.md).

        r_ui  ~  mu + b_u + b_i + p_u . q_i,     error ~ N(0, 1 / alpha)

    With a `y_range` (lo, hi), the right side goes through a sigmoid first, and mu, biases and factors have its unit
    instead of that of ratings:

        r_ui  ~  lo + (hi - lo) / (1 + exp(-(mu + b_u + b_i + p_u . q_i)))

    A row without ratings is its prior mean, so a prediction for a cold user or item says what is believed of anybody
    (with a zero mean, as after ALS: mu and the other side's bias).

    Attributes:
        global_mean: mu.
        user_biases, item_biases: b, float32, shapes (n_users,), (n_items,).
        user_factors, item_factors: P and Q, float32, shapes (n_users, n_factors), (n_items, n_factors).
        user_prior, item_prior: what a row is before its ratings; `fold_in_user` and `fold_in_item` start there.
        noise_precision: alpha, 1 / variance of a rating given the model.
        spread: how noise and what is not known differ by row; None where the solver does not say (then the noise is
            the same for all, and there are no intervals).
        y_range: ends of the sigmoid; None (default) without one: then all of the above is in rating units.

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
    spread: Spread | None = None
    y_range: tuple[float, float] | None = None

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
        """What the model expects of every pair, shape (n,), not clipped."""
        predicted = np.empty(len(user_idx), dtype=np.float32)
        for start in range(0, len(user_idx), _BLOCK):
            users, items = user_idx[start : start + _BLOCK], item_idx[start : start + _BLOCK]
            # `take` copies rows at more than twice the speed of `factors[rows]`.
            block = np.einsum("nk,nk->n", self.user_factors.take(users, axis=0), self.item_factors.take(items, axis=0))
            block += self.user_biases.take(users)
            block += self.item_biases.take(items)
            block += np.float32(self.global_mean)
            predicted[start : start + _BLOCK] = rating_of(block, self.y_range)
        return predicted

    def variance(self, user_idx: Int32Array, item_idx: Int32Array) -> Float64Array | None:
        """Variance of the rating of each pair around its prediction, shape (n,); None without `spread`."""
        return None if self.spread is None else self.spread.variance(user_idx, item_idx, self.noise_precision)

    def fold_in_user(
        self, item_idx: Int32Array, rating: Float32Array, features: FeatureRow | None = None
    ) -> RowPosterior:
        """The row of somebody who gave `rating` to `item_idx`, other rows held still: see `fold_in.fold_in`.

        Args:
            item_idx, rating: the ratings; none leave the prior.
            features: what else is known of the row; None (default) for nothing.
        """
        design = design_of(self.item_factors, item_idx)
        offset = self.global_mean + self.item_biases[item_idx].astype(np.float64)
        weights = np.full(len(item_idx), self.noise_precision)
        if self.spread is not None:
            weights /= self.spread.item_noise[item_idx] * self.spread.mean_user_noise
        prior = self.user_prior
        return fold_in(design, offset, rating, weights, prior, prior.expected(item_idx, features), self.y_range)

    def fold_in_item(
        self, user_idx: Int32Array, rating: Float32Array, features: FeatureRow | None = None
    ) -> RowPosterior:
        """The row of an item that `user_idx` gave `rating`, other rows held still: see `fold_in.fold_in`.

        Args:
            user_idx, rating: the ratings; none leave the prior.
            features: as for `fold_in_user`.
        """
        design = design_of(self.user_factors, user_idx)
        offset = self.global_mean + self.user_biases[user_idx].astype(np.float64)
        weights = np.full(len(user_idx), self.noise_precision)
        if self.spread is not None:
            weights /= self.spread.user_noise[user_idx] * self.spread.mean_item_noise
        prior = self.item_prior
        return fold_in(design, offset, rating, weights, prior, prior.expected(user_idx, features), self.y_range)

    def cold_variances(self) -> tuple[float, float]:
        """What is not known of a prediction for a user without ratings, and for such an item: v of these rows."""
        return _cold_variance(self.user_prior, self.item_factors), _cold_variance(self.item_prior, self.user_factors)

    def with_rows(self, n_users: int, n_items: int) -> DotBias:
        """The same model with cold rows appended, each its prior's mean, up to `n_users` and `n_items` rows."""
        user_factors, user_biases = _grown(self.user_factors, self.user_biases, self.user_prior, n_users)
        item_factors, item_biases = _grown(self.item_factors, self.item_biases, self.item_prior, n_items)
        spread = self.spread
        if spread is not None:
            spread = spread.with_rows(n_users, n_items, *self.cold_variances())
        return replace(
            self,
            user_factors=user_factors,
            user_biases=user_biases,
            item_factors=item_factors,
            item_biases=item_biases,
            user_prior=self.user_prior.with_others(n_items),
            item_prior=self.item_prior.with_others(n_users),
            spread=spread,
        )

    def with_row(self, side: Side, row: RowPosterior) -> DotBias:
        """The same model with one more row.

        Args:
            side: "user" or "item".
            row: from `fold_in_user` or `fold_in_item`.
        """
        is_item = side == "item"
        grown = self.with_rows(self.n_users + (not is_item), self.n_items + is_item)
        theta = row.mean.astype(np.float32)
        factors, biases = f"{side}_factors", f"{side}_biases"
        table, column = getattr(grown, factors).copy(), getattr(grown, biases).copy()
        table[-1], column[-1] = theta[:-1], theta[-1]
        spread = grown.spread
        if spread is not None:
            variance = getattr(spread, f"{side}_variance").copy()
            variance[-1] = _open_variance(row.covariance, self.user_factors if is_item else self.item_factors)
            spread = replace(spread, **{f"{side}_variance": variance})
        return replace(grown, spread=spread, **{factors: table, biases: column})

    def linear_form(self) -> LinearForm:
        """The model's own arrays."""
        return LinearForm(
            self.global_mean,
            self.user_biases,
            self.item_biases,
            self.user_factors,
            self.item_factors,
            self.y_range,
        )

    def row_vectors(self, side: Side) -> Float32Array:
        """P or Q."""
        return self.user_factors if side == "user" else self.item_factors

    def bias_deviations(self, seen: SeenRatings, side: Side) -> Float64Array:
        """See `bias_uncertainty.bias_deviations`."""
        return bias_deviations(self, seen, side)

    def _prior(self, side: Side) -> RowPrior:
        return self.user_prior if side == "user" else self.item_prior

    def n_features(self, side: Side) -> int:
        """How many features the prior of a side is regressed on."""
        return self._prior(side).n_features

    def feature_effects(self, side: Side) -> FeatureEffects | None:
        """The weights of features in the prior mean of the bias, and their errors."""
        weights, errors = self._prior(side).feature_weights, self._prior(side).feature_errors
        if weights is None or errors is None:
            return None
        return FeatureEffects(weights[:, -1].astype(np.float64), errors.astype(np.float64))

    def fold_in(
        self,
        item_idx: Int32Array,
        rating: Float32Array,
        features: FeatureRow | None,
        rating_scale: tuple[float, float],  # noqa: ARG002
    ) -> DotBiasUser:
        """Somebody new; the row is found when it is first asked for."""
        return DotBiasUser(self, item_idx, rating, features)

    def attribution(
        self,
        user: int,
        item: int,
        item_idx: Int32Array,
        rating: Float32Array,
        features: FeatureRow | None,
        rating_scale: tuple[float, float],  # noqa: ARG002
    ) -> Attribution:
        """Exact without a sigmoid; behind one along its tangents: see `dot_attribution`."""
        theta = np.append(self.user_factors[user], self.user_biases[user]).astype(np.float64)
        noise = None if self.spread is None else float(self.spread.user_noise[user])
        parts = dot_bias_parts(self, theta, item_idx, rating, noise, features)
        return Attribution(dot_bias_answer(self, theta, item), parts, self.y_range is None)

    def questions(self) -> Questions:
        """The items' rows [q, 1], and the noise of a rating by somebody of whom nothing is known."""
        if self.y_range is not None:
            return super().questions()
        design = design_of(self.item_factors, np.arange(self.n_items, dtype=np.int32))
        if self.spread is None:
            return Questions(design, np.full(self.n_items, 1 / self.noise_precision))
        noise = self.spread.item_noise.astype(np.float64) * (self.spread.mean_user_noise / self.noise_precision)
        return Questions(design, noise)

    def scoring_rule(self) -> ScoringRule:
        """The items' side, and what it takes to fold somebody in."""
        weights = np.full(self.n_items, self.noise_precision)
        if self.spread is not None:
            weights /= self.spread.item_noise * self.spread.mean_user_noise
        return ScoringRule(self.linear_form(), weights, self.user_prior)

    def with_new_row(
        self, side: Side, others: Int32Array, rating: Float32Array, features: FeatureRow | None
    ) -> DotBias:
        """The same model with one more row, which float32 can hold.

        Raises:
            DataError: there is no finite row for these ratings or features.
        """
        fold_in_side = self.fold_in_item if side == "item" else self.fold_in_user
        problem = DataError(
            f"the model has no finite row for this {side}: its ratings or features are too extreme for it"
        )
        with np.errstate(all="ignore"):  # what overflows is found below
            try:
                row = fold_in_side(others, rating, features)
            except DataError as error:
                raise problem from error
            fits = np.isfinite(row.mean.astype(np.float32)).all() and np.isfinite(row.covariance).all()
        if not fits:
            raise problem
        return self.with_row(side, row)

    def require_extendable(self, side: Side) -> None:
        """It is."""

    def require_refreshable(self) -> None:
        """It is."""

    def require_unlearnable(self) -> None:
        """It is."""

    def refreshed(self, side: Side, change: Change, features: FeatureRows | None) -> Refreshed:
        """See `refresh.refresh`."""
        return refresh(self, side, change, features)

    def unlearned(self, side: Side, change: Change, features: FeatureRows | None) -> DotBias:
        """The rows of one side as they are without ratings that went: see `refresh.refresh`."""
        return cast("DotBias", refresh(self, side, change, features).model)

    def without_user(self, row: int) -> DotBias:
        """The model with one user's numbers taken out of every array: see `Model.without_user`."""
        prior, spread = self.item_prior, self.spread
        if prior.implicit_weights is not None:
            prior = replace(prior, implicit_weights=np.delete(prior.implicit_weights, row, axis=0))
        return replace(
            self,
            user_biases=np.delete(self.user_biases, row),
            user_factors=np.delete(self.user_factors, row, axis=0),
            item_prior=prior,
            spread=None if spread is None else spread.without_user(row),
        )

    def recounted(self, left: Remainder | None, *, anew: bool = False) -> DotBias:
        """Means, noise and priors without a user who went: see `recount.recount`."""
        return recount(self, left, anew=anew)

    def with_user_features(self, kept: Sequence[int]) -> DotBias:
        """The model with only these features in the prior of users."""
        return replace(self, user_prior=self.user_prior.with_features(kept))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        spread = {} if self.spread is None else self.spread.arrays()
        return (
            {
                "user_biases": self.user_biases,
                "item_biases": self.item_biases,
                "user_factors": self.user_factors,
                "item_factors": self.item_factors,
            }
            | self.user_prior.arrays("user")
            | self.item_prior.arrays("item")
            | spread
        )

    def settings(self) -> dict[str, Setting]:
        y_range: dict[str, Setting] = {} if self.y_range is None else {"y_range": list(self.y_range)}
        return y_range | {
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
        n_users, n_factors = shape_of(arrays, "user_factors")
        n_items, _ = shape_of(arrays, "item_factors")
        return cls(
            global_mean=number(settings, "global_mean"),
            user_biases=single(arrays, "user_biases", n_users),
            item_biases=single(arrays, "item_biases", n_items),
            user_factors=single(arrays, "user_factors", n_users, n_factors),
            item_factors=single(arrays, "item_factors", n_items, n_factors),
            user_prior=RowPrior.from_arrays(arrays, settings, "user", n_factors, n_items),
            item_prior=RowPrior.from_arrays(arrays, settings, "item", n_factors, n_users),
            noise_precision=number(settings, "noise_precision", _LEAST_PRECISION, 1 / _LEAST_PRECISION),
            spread=Spread.from_arrays(arrays, n_users, n_items),
            y_range=y_range_of(settings),
        )


def _cold_variance(prior: RowPrior, other_factors: Float32Array) -> float:
    return _open_variance(inverse(prior.precision_of(0)), other_factors)


def _open_variance(covariance: Float64Array, other_factors: Float32Array) -> float:
    """What a row's covariance leaves open of a prediction: the mean of x^T covariance x over the other side's rows."""
    if len(other_factors) == 0:
        return float(covariance[-1, -1])
    design = design_of(other_factors, np.arange(len(other_factors), dtype=np.int32))
    return float(np.mean(np.sum(design @ covariance * design, axis=1)))


def _grown(
    factors: Float32Array, biases: Float32Array, prior: RowPrior, n_rows: int
) -> tuple[Float32Array, Float32Array]:
    more = n_rows - len(biases)
    cold = prior.expected(np.empty(0, np.int32))
    new = np.tile(cold.astype(np.float32), (more, 1))
    return np.concatenate([factors, new[:, :-1]]), np.concatenate([biases, new[:, -1]])
