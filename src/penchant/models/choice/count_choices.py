"""A ChoiceModel after a user went: popularity, and all that rests on it, from the choices of those who are left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Float64Array

if TYPE_CHECKING:
    from penchant.models.choice.choice_model import ChoiceModel

__all__ = ["count_choices"]


def count_choices(model: ChoiceModel, choices: SeenRatings, *, is_weighted: bool = False) -> ChoiceModel:
    """The model without what its sums tell of a user who went, whose row is gone already.

    The share of n users who chose an item and the choices of n - 1 of them tell whether the last one did. So

    - popularity is counted again, and biases follow it as they did before;
    - items that nobody has chosen any more lose their rows;
    - the mean row of choices is that of those who are left, as long as it was before in units of such a mean, to two
      digits (how each user counted in it, the model does not know);
    - rows of users are made anew by the model's own rule: the mean row is in all of them.

    What rows of items learned from the user among others stays in them: only a new training is without it.

    Args:
        model: without the user's row.
        choices: who chose what, and with which weight, of those who are left.
        is_weighted: whether weights count (default False).
    """
    counts = choices.item_counts(model.n_items)
    popularity = (counts / max(model.n_users, 1)).astype(np.float32)
    factors, inputs = model.item_factors.copy(), model.item_inputs.copy()
    factors[counts == 0], inputs[counts == 0] = 0, 0
    counted = replace(
        model,
        item_popularity=popularity,
        item_biases=_biases(model, popularity),
        item_factors=factors,
        item_inputs=inputs,
        input_mean=_mean_row(model, popularity, inputs),
    )
    everybody = np.arange(model.n_users, dtype=np.int64)
    weight = choices.rating if is_weighted else None
    return counted.with_choices(everybody, choices.indptr, choices.item_idx, weight)


def _biases(model: ChoiceModel, popularity: Float32Array) -> Float32Array:
    """Biases of other popularities, as those of the model go with its own."""
    order = np.argsort(model.item_popularity, kind="stable")
    if len(order) == 0:
        return model.item_biases
    found = np.interp(popularity, model.item_popularity[order], model.item_biases[order])
    return found.astype(np.float32)


def _mean_row(model: ChoiceModel, popularity: Float32Array, inputs: Float32Array) -> Float64Array:
    was = model.item_popularity.astype(np.float64) @ model.item_inputs
    length = float(was @ was)
    scale = float(f"{float(model.input_mean @ was) / length:.2g}") if length > 0 else 1.0
    mean: Float64Array = scale * (popularity.astype(np.float64) @ inputs)
    return mean
