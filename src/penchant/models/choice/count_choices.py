"""A ChoiceModel after a user went: popularity, and all that rests on it, from the choices of those who are left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Float64Array
from penchant.models.choice.choice_counts import recounted

if TYPE_CHECKING:
    from penchant.models.choice.choice_model import ChoiceModel

__all__ = ["count_choices", "users_anew"]


def count_choices(
    model: ChoiceModel,
    choices: SeenRatings,
    weight: Float32Array | None = None,
    user_power: float = 0.5,
) -> ChoiceModel:
    """The model without what its sums tell of a user who went, whose row is gone already.

    The share of n users who chose an item and the choices of n - 1 of them tell whether the last one did. So

    - popularity is counted again, and biases follow it as they did before;
    - items that nobody has chosen any more lose their rows;
    - the mean row of choices is that of those who are left.

    What rows of items learned from the user among others stays in them: only a new training is without it. Rows of
    users are to be made anew then (`users_anew`): popularity and the mean row are in all of them.

    Args:
        model: without the user's row; popularity and biases still count the user.
        choices: who chose what, of those who are left.
        weight: how much each of these counts, shape (n,); None (default) for 1 each.
        user_power: how users weigh in the mean row: see `EASE` (default 0.5).
    """
    counts = choices.item_counts(model.n_items)
    factors, inputs = model.item_factors.copy(), model.item_inputs.copy()
    factors[counts == 0], inputs[counts == 0] = 0, 0
    mean = _mean_choices(choices, model.n_items, weight, user_power) @ inputs.astype(np.float64)
    left = replace(model, item_factors=factors, item_inputs=inputs, input_mean=mean)
    return recounted(left, counts, model.n_users)


def users_anew(model: ChoiceModel, choices: SeenRatings, weight: Float32Array | None = None) -> ChoiceModel:
    """The model with the rows of all users made anew from their choices, by its own rule.

    Args:
        model: as it is.
        choices: who chose what.
        weight: how much each counts, shape (n,); None (default) for 1 each.
    """
    everybody = np.arange(model.n_users, dtype=np.int64)
    return model.with_choices(everybody, choices.indptr, choices.item_idx, weight)


def _mean_choices(choices: SeenRatings, n_items: int, weight: Float32Array | None, user_power: float) -> Float64Array:
    """The mean row of choices, users weighing n_u^-user_power, with mean 1; shape (n_items,)."""
    counts = choices.user_counts()
    each = np.maximum(counts, 1).astype(np.float64) ** -user_power
    each /= each.mean() if len(each) else 1.0
    row = np.repeat(each, counts) * (1.0 if weight is None else weight)
    mean: Float64Array = np.bincount(choices.item_idx, row, minlength=n_items) / max(len(counts), 1)
    return mean
