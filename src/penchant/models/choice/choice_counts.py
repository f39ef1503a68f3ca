"""A ChoiceModel after choices came or went: popularity and biases counted anew, rows of items folded in anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.types import Float32Array, Int32Array, Int64Array
from penchant.models.choice.choice_model import ChoiceModel

__all__ = ["counts_of", "recounted", "with_items_anew"]


def counts_of(model: ChoiceModel) -> Int64Array:
    """How many users chose each item, as its popularity says, shape (n_items,)."""
    return np.rint(model.item_popularity.astype(np.float64) * model.n_users).astype(np.int64)


def recounted(model: ChoiceModel, counts: NDArray[np.integer], n_users: int) -> ChoiceModel:
    """The same model with popularity and biases from how many users chose each item now.

    Args:
        model: with its rows, and with popularity and biases that go together, by whose rule the new biases are made.
        counts: of each item, shape (n_items,).
        n_users: how many users there are.
    """
    popularity = (counts / max(n_users, 1)).astype(np.float32)
    return replace(model, item_popularity=popularity, item_biases=model.biases_of(popularity))


def with_items_anew(
    model: ChoiceModel,
    items: NDArray[np.integer],
    choosers: Sequence[tuple[Int32Array, Float32Array | None]],
    features: Sequence[FeatureRow | None],
) -> ChoiceModel:
    """The same model with the rows of some items folded in anew, users held still; biases and popularity stay.

    Args:
        model: all rows are made from it as it is, so their order does not matter.
        items: whose rows.
        choosers: of each item, the users who chose it and the weights of their choices, None for 1 each.
        features: of each, None where nothing is known.
    """
    factors, inputs = model.item_factors.copy(), model.item_inputs.copy()
    for item, (users, weight), known in zip(items, choosers, features, strict=True):
        row = model.fold_in_item(users, weight, known)
        factors[item], inputs[item] = row.factors, row.inputs
    return replace(model, item_factors=factors, item_inputs=inputs)
