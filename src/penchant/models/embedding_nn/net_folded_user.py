"""Fold-in of a new user in a neural model: the most plausible row of the first layer's inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from penchant.arrays.types import Float32Array, Int32Array
from penchant.models.answers import Attribution
from penchant.models.embedding_nn.net_attribution import net_answer, net_parts
from penchant.models.embedding_nn.net_fold_in import fold_in_net

if TYPE_CHECKING:
    from penchant.models.embedding_nn.embedding_nn import EmbeddingNN

__all__ = ["EmbeddingNNUser"]


@dataclass(frozen=True, eq=False)
class EmbeddingNNUser:
    """Somebody new to an `EmbeddingNN`: see `models.answers.FoldedUser`.

    Attributes:
        model: the network; items and layers are held still.
        item_idx, rating: the ratings.
        rating_scale: (lo, hi).
    """

    model: EmbeddingNN
    item_idx: Int32Array
    rating: Float32Array
    rating_scale: tuple[float, float]

    @cached_property
    def _row(self) -> Float32Array:
        return fold_in_net(self.model, self.item_idx, self.rating, self.rating_scale)

    @property
    def posterior(self) -> NoReturn:
        """Refused: the row is a point."""
        self.model.refuse("has no posterior of a row", "a dot_bias model has")

    def scores(self, item_idx: Int32Array) -> Float32Array:
        """Predictions of items, not clipped, shape (n,)."""
        return self._alone.predict(np.zeros(len(item_idx), np.int32), item_idx)

    @cached_property
    def _alone(self) -> EmbeddingNN:
        """The model with this person as its only user."""
        return replace(self.model, user_inputs=self._row[None])

    def variance(self, item_idx: Int32Array) -> None:  # noqa: ARG002
        """Not known."""
        return

    def with_rating(self, item: int, rating: float) -> None:  # noqa: ARG002
        """The row has to be found anew."""
        return

    def attribution(self, item: int) -> Attribution:
        """The prediction of one item along the network's tangents, and what it rests on."""
        own = self._row.astype(np.float64)
        parts = net_parts(self.model, own, self.item_idx, self.rating, self.rating_scale)
        return Attribution(net_answer(self.model, own, item), parts, is_exact=False)
