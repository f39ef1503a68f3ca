"""Scores that lists are ordered by: a model's predictions, how often an item was rated, or any other order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from penchant.ranking.order_scores import order_scores

if TYPE_CHECKING:
    from penchant.arrays.types import Float32Array, Int64Array
    from penchant.models.choice.choice_model import ChoiceModel
    from penchant.models.choice.ranking_order import RankingOrder
    from penchant.models.model import Model

__all__ = ["ByChance", "MostRated", "Predictions", "Scorer"]


class Scorer(Protocol):
    """Whatever can put all items in an order for a user, the highest score first."""

    def scores(self, user_idx: Int64Array) -> Float32Array:
        """The scores of all items for some users, shape (m, n_items).

        Only the order of a row matters, so a row may be shifted and stretched. A score may be infinite, not NaN.

        Args:
            user_idx: row numbers of users, shape (m,); also of those without training ratings.
        """
        ...


@dataclass(frozen=True, eq=False)
class Predictions:
    """Items in the order of a model's predictions, before they are clipped to the scale.

    Args:
        model: whose predictions.
    """

    model: Model

    def scores(self, user_idx: Int64Array) -> Float32Array:
        """Predictions of all items, shape (m, n_items); those of a linear form without mu and the user's bias."""
        form = self.model.linear_form()
        if form is not None:
            # The user's bias and mu move all scores of a user alike: they change no rank.
            return form.user_factors[user_idx] @ form.item_factors.T + form.item_biases
        return _all_predictions(self.model, user_idx)


@dataclass(frozen=True, eq=False)
class MostRated:
    """The same order for everybody: the item with the most ratings first.

    Args:
        item_counts: ratings of each item in training, shape (n_items,).

    >>> MostRated(np.array([3, 0, 7])).scores(np.array([0, 1])).tolist()
    [[3.0, 0.0, 7.0], [3.0, 0.0, 7.0]]
    """

    item_counts: Int64Array

    def scores(self, user_idx: Int64Array) -> Float32Array:
        """The counts, once a user, shape (m, n_items)."""
        counts = self.item_counts.astype(np.float32)
        return np.broadcast_to(counts, (len(user_idx), len(counts)))


@dataclass(frozen=True, eq=False)
class ByChance:
    """Items in the order of the chance that somebody chooses them, or that somebody chooses and likes them.

    Args:
        choices: the model of choices.
        order: makes chances of scores.
        stars: the model of ratings, for the chance to like; None (default) for the order of choice alone.
    """

    choices: ChoiceModel
    order: RankingOrder
    stars: Model | None = None

    def scores(self, user_idx: Int64Array) -> Float32Array:
        """Logarithms of chances of all items, shape (m, n_items)."""
        choice = self.choices.scores(self.choices.user_factors[user_idx])
        predicted = None if self.stars is None else _all_predictions(self.stars, user_idx)
        return order_scores(choice, predicted, order=self.order).astype(np.float32)


def _all_predictions(model: Model, user_idx: Int64Array) -> Float32Array:
    """What a model says of all items for some users, (m, n_items), pair by pair."""
    n_users, n_items = len(user_idx), model.n_items
    users = np.repeat(user_idx.astype(np.int32), n_items)
    items = np.tile(np.arange(n_items, dtype=np.int32), n_users)
    return model.predict(users, items).reshape(n_users, n_items)
