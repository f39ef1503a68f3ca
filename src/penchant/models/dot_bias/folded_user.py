"""Fold-in of a new user: the Gaussian posterior of the row given a few ratings; one rating more is of rank one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.models.answers import Attribution
from penchant.models.dot_bias.dot_attribution import dot_bias_answer, dot_bias_parts
from penchant.models.dot_bias.fold_in import design_of
from penchant.models.dot_bias.row_prior import RowPosterior

if TYPE_CHECKING:
    from penchant.models.dot_bias.dot_bias import DotBias

__all__ = ["DotBiasUser"]


@dataclass(frozen=True, eq=False)
class DotBiasUser:
    """Somebody new to a `DotBias`: see `models.answers.FoldedUser`.

    Attributes:
        model: whose items are held still.
        item_idx, rating: the ratings.
        features: what else is known of the person; None for nothing.
        known_row: the posterior, where it has been found already.
        known_pull: what the ratings add to Lambda m, likewise.
    """

    model: DotBias
    item_idx: Int32Array
    rating: Float32Array
    features: FeatureRow | None
    known_row: RowPosterior | None = None
    known_pull: Float64Array | None = None

    @cached_property
    def posterior(self) -> RowPosterior:
        """N(m, Sigma) of [p, b] given the ratings."""
        if self.known_row is not None:
            return self.known_row
        return self.model.fold_in_user(self.item_idx, self.rating, self.features)

    def scores(self, item_idx: Int32Array) -> Float32Array:
        """Predictions of items, not clipped, shape (n,)."""
        return self._alone.predict(np.zeros(len(item_idx), np.int32), item_idx)

    @cached_property
    def _alone(self) -> DotBias:
        """The model with this person as its only user."""
        theta = self.posterior.mean.astype(np.float32)
        return replace(self.model, user_factors=theta[None, :-1], user_biases=theta[-1:], spread=None)

    def variance(self, item_idx: Int32Array) -> Float64Array | None:
        """Variance of the ratings around their predictions, shape (n,); None of a model without a spread.

            s s_i / alpha + x_i^T Sigma x_i + v_i

        the noise of a person of whom nothing is known, what the ratings leave open of the row, and what is not known
        of the item.
        """
        model = self.model
        if model.spread is None:
            return None
        x = design_of(model.item_factors, item_idx)
        open_still = np.einsum("nk,kl,nl->n", x, self.posterior.covariance, x)
        noise = model.spread.mean_user_noise * model.spread.item_noise[item_idx].astype(np.float64)
        variance: Float64Array = noise / model.noise_precision + open_still + model.spread.item_variance[item_idx]
        return variance

    def attribution(self, item: int) -> Attribution:
        """The prediction of one item, and what it rests on."""
        model, theta = self.model, self.posterior.mean
        parts = dot_bias_parts(model, theta, self.item_idx, self.rating, features=self.features)
        return Attribution(dot_bias_answer(model, theta, item), parts, model.y_range is None)

    def with_rating(self, item: int, rating: float) -> DotBiasUser | None:
        """One more rating changes the posterior of a Gaussian row by a term of rank one, O(n_factors^2).

            Sigma'  =  Sigma - w (Sigma x) (Sigma x)^T / (1 + w x^T Sigma x)
            m'      =  Sigma' (Lambda_0 m_0' + sum_j w_j x_j (r_j - mu - b_j))

        with the prior's mean m_0' for the choices made so far. None where the prior's precision counts ratings (as
        after ALS) and behind a sigmoid: the row has to be found anew.
        """
        prior = self.model.user_prior
        is_additive = prior.count_power == 0 or prior.cold_precision is not None
        if self.model.y_range is not None or not is_additive:
            return None
        item_idx, ratings = np.append(self.item_idx, np.int32(item)), np.append(self.rating, np.float32(rating))
        (x, weight), pull = self._pull_of(item, rating)
        towards = self.posterior.covariance @ x
        covariance = self.posterior.covariance - np.outer(towards, towards) * (weight / (1 + weight * x @ towards))
        covariance = (covariance + covariance.T) / 2
        pulls = self._pull + pull
        start = prior.precision_of(len(item_idx)) @ prior.expected(item_idx, self.features)
        row = RowPosterior(covariance @ (start + pulls), covariance)
        return DotBiasUser(self.model, item_idx, ratings, self.features, row, pulls)

    @cached_property
    def _pull(self) -> Float64Array:
        """What the ratings add to Lambda m: sum_j w_j x_j (r_j - mu - b_j)."""
        if self.known_pull is not None:
            return self.known_pull
        pulls = np.zeros(self.model.n_factors + 1)
        for item, rating in zip(self.item_idx.tolist(), self.rating.tolist(), strict=True):
            pulls += self._pull_of(item, rating)[1]
        return pulls

    def _pull_of(self, item: int, rating: float) -> tuple[tuple[Float64Array, float], Float64Array]:
        """A rating's x and weight w, and w x (r - mu - b)."""
        model = self.model
        x = design_of(model.item_factors, np.array([item], np.int32))[0]
        weight = model.noise_precision
        if model.spread is not None:
            # in single precision, as `fold_in_user` has it: one by one is then all at once to the last digits
            weight /= float(model.spread.item_noise[item] * model.spread.mean_user_noise)
        return (x, weight), weight * x * (rating - model.global_mean - float(model.item_biases[item]))
