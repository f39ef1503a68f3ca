"""Profile: somebody without a row in the model, known by a few ratings."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from penchant.arrays import Float32Array, Float64Array, Int32Array
from penchant.checks import is_real
from penchant.errors import DataError, UnsupportedError
from penchant.models.dot_bias import DotBias, RowPosterior
from penchant.models.embedding_nn import EmbeddingNN
from penchant.models.fold_in import design_of
from penchant.models.net_fold_in import fold_in_net
from penchant.models.protocol import Model
from penchant.naming import ItemNames
from penchant.person import unsure
from penchant.sparse import FeatureRow
from penchant.words import a_model, counted

__all__ = ["Profile"]


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """A person's ratings and the row that the model makes of them; frozen. Made by `Recommender.fold_in`.

    `recommend(ratings=profile)`, `predict(item, ratings=profile)` and `explain(item, ratings=profile)` take it. It is
    kept apart from the model: nothing in the recommender knows of it.

    Attributes:
        model: what predicts.
        rating_scale: (lo, hi).
        item_idx, rating: what the person has rated, in the order of telling.
        features: what else is known of the person; None for nothing.
    """

    model: Model
    names: ItemNames
    rating_scale: tuple[float, float]
    item_idx: Int32Array
    rating: Float32Array
    features: FeatureRow | None = None
    known_row: RowPosterior | None = None
    known_pull: Float64Array | None = None

    @cached_property
    def row(self) -> RowPosterior:
        """The posterior of [p, b] given the ratings, for a `DotBias`.

        Raises:
            UnsupportedError: another kind of model.
        """
        if self.known_row is not None:
            return self.known_row
        return self._dot.fold_in_user(self.item_idx, self.rating, self.features)

    def with_rating(self, item: Hashable, rating: float) -> Profile:
        """The same person with one more rating; one that was given before is replaced.

        One more rating changes the posterior of a Gaussian row by a term of rank one, O(n_factors^2):

            Sigma'  =  Sigma - w (Sigma x) (Sigma x)^T / (1 + w x^T Sigma x)
            m'      =  Sigma' (Lambda_0 m_0' + sum_j w_j x_j (r_j - mu - b_j))

        with the prior's mean m_0' for the choices made so far. Where the prior's precision counts ratings (as after
        ALS), behind a sigmoid and in a neural model the row is found anew, in a millisecond or so.

        Args:
            item: its id or exact title.
            rating: stars.

        Raises:
            UnknownIdError: no such item; near ones are suggested.
            DataError: a rating outside the scale.
        """
        lo, hi = self.rating_scale
        if not is_real(rating) or not lo <= rating <= hi:
            raise DataError(f"the rating of {item!r} is {rating!r}: use a number from {lo:g} to {hi:g}")
        new = int(self.names.rows([item])[0])
        kept = self.item_idx != new
        grown = replace(
            self,
            item_idx=np.append(self.item_idx[kept], np.int32(new)),
            rating=np.append(self.rating[kept], np.float32(rating)),
            known_row=None,
            known_pull=None,
        )
        if kept.all() and self._is_additive:
            return self._updated(grown, new, float(rating))
        return grown

    @property
    def _is_additive(self) -> bool:
        """Whether one more rating leaves the prior's precision as it is, and the link is the identity."""
        model = self.model
        if not isinstance(model, DotBias) or model.y_range is not None:
            return False
        return model.user_prior.count_power == 0 or model.user_prior.cold_precision is not None

    @cached_property
    def _pull(self) -> Float64Array:
        """What the ratings add to Lambda m: sum_j w_j x_j (r_j - mu - b_j)."""
        if self.known_pull is not None:
            return self.known_pull
        pulls = np.zeros(self._dot.n_factors + 1)
        for item, rating in zip(self.item_idx.tolist(), self.rating.tolist(), strict=True):
            pulls += self._pull_of(item, rating)[1]
        return pulls

    def _updated(self, grown: Profile, item: int, rating: float) -> Profile:
        """The grown profile with its row, by one term of rank one."""
        prior = self._dot.user_prior
        (x, weight), pull = self._pull_of(item, rating)
        towards = self.row.covariance @ x
        covariance = self.row.covariance - np.outer(towards, towards) * (weight / (1 + weight * x @ towards))
        covariance = (covariance + covariance.T) / 2
        pulls = self._pull + pull
        start = prior.precision_of(len(grown)) @ prior.expected(grown.item_idx, self.features)
        return replace(grown, known_row=RowPosterior(covariance @ (start + pulls), covariance), known_pull=pulls)

    def _pull_of(self, item: int, rating: float) -> tuple[tuple[Float64Array, float], Float64Array]:
        """A rating's x and weight w, and w x (r - mu - b)."""
        model = self._dot
        x = design_of(model.item_factors, np.array([item], np.int32))[0]
        weight = model.noise_precision
        if model.spread is not None:
            # in single precision, as `fold_in_user` has it: one by one is then all at once to the last digits
            weight /= float(model.spread.item_noise[item] * model.spread.mean_user_noise)
        return (x, weight), weight * x * (rating - model.global_mean - float(model.item_biases[item]))

    @property
    def _dot(self) -> DotBias:
        if not isinstance(self.model, DotBias):
            raise UnsupportedError(f"{a_model(self.model.kind)} has no posterior of a row; a dot_bias model has")
        return self.model

    def scores(self, item_idx: Int32Array) -> Float32Array:
        """Predictions of items, not clipped, shape (n,).

        Args:
            item_idx: their row numbers.
        """
        return self._alone.predict(np.zeros(len(item_idx), np.int32), item_idx)

    @cached_property
    def _alone(self) -> Model:
        """The model with this person as its only user."""
        model = self.model
        if isinstance(model, DotBias):
            theta = self.row.mean.astype(np.float32)
            return replace(model, user_factors=theta[None, :-1], user_biases=theta[-1:], spread=None)
        if isinstance(model, EmbeddingNN):
            row = fold_in_net(model, self.item_idx, self.rating, self.rating_scale)
            return replace(model, user_inputs=row[None])
        raise UnsupportedError(f"{a_model(model.kind)} can't take in a person; dot_bias and embedding_nn models can")

    def variance(self, item_idx: Int32Array) -> Float64Array:
        """Variance of the ratings around their predictions, shape (n,).

            s s_i / alpha + x_i^T Sigma x_i + v_i

        the noise of a person of whom nothing is known, what the ratings leave open of the row, and what is not known
        of the item.

        Args:
            item_idx: row numbers of the items.

        Raises:
            UnsupportedError: the model does not know how sure it is.
        """
        model = self.model
        if not isinstance(model, DotBias) or model.spread is None:
            return unsure()
        x = design_of(model.item_factors, item_idx)
        open_still = np.einsum("nk,kl,nl->n", x, self.row.covariance, x)
        noise = model.spread.mean_user_noise * model.spread.item_noise[item_idx].astype(np.float64)
        variance: Float64Array = noise / model.noise_precision + open_still + model.spread.item_variance[item_idx]
        return variance

    def rated(self, what: str) -> Int32Array:  # noqa: ARG002 - a profile always knows
        """Row numbers of the items that the person has rated.

        Args:
            what: the argument that asks.
        """
        return self.item_idx

    def __len__(self) -> int:
        """How many ratings it has."""
        return len(self.item_idx)

    def __repr__(self) -> str:
        return f"Profile({counted(len(self), 'rating')})"
