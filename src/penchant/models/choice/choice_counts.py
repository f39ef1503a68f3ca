"""A ChoiceModel after choices came or went: popularity and biases counted anew, rows of items folded in anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.choice_rows import ItemChoiceRow, unchosen_target

__all__ = ["biases_of", "counts_of", "folded_items", "recounted", "with_items_anew"]


def counts_of(model: ChoiceModel) -> Int64Array:
    """How many users chose each item, as its popularity says, shape (n_items,)."""
    return np.rint(model.item_popularity.astype(np.float64) * model.n_users).astype(np.int64)


def biases_of(model: ChoiceModel, popularity: Float32Array) -> Float32Array:
    """The biases that go with other shares of the users, by the rule by which the model has its own.

        b_i  =  s f_i / (f_i + a0 (1 - f_i)) + c f_i

    f is the popularity; s is the scale of the solved columns and a0 the weight of their unchosen cells, 0 without such
    columns; c is what the learner of summed columns and popularity itself count. The model keeps s, and its own biases
    tell c.

    Args:
        model: whose rule it is.
        popularity: f, shape (n_items,).
    """
    whole = _expected(model, popularity) + _summed_share(model) * popularity.astype(np.float64)
    found: Float32Array = whole.astype(np.float32)
    return found


def _summed_share(model: ChoiceModel) -> float:
    """What the learner of summed columns and popularity count: c of `biases_of`."""
    own = model.item_popularity.astype(np.float64)
    squares = float(own @ own)
    rest = model.item_biases.astype(np.float64) - _expected(model, model.item_popularity)
    return float(rest @ own) / squares if squares > 0 else 1.0


def _unit(model: ChoiceModel) -> float:
    """The score of a cell that its learners expect to be 1: their shares in the model together."""
    return (0.0 if model.solved is None else model.solved.scale) + _summed_share(model)


def _expected(model: ChoiceModel, popularity: Float32Array) -> Float64Array:
    """What the solved columns expect of popularity alone; zero without such columns."""
    if model.solved is None:
        return np.zeros(len(popularity))
    return model.solved.scale * unchosen_target(popularity, model.solved.unchosen_weight).astype(np.float64)


def recounted(
    model: ChoiceModel, counts: NDArray[np.integer], n_users: int, rule: ChoiceModel | None = None
) -> ChoiceModel:
    """The same model with popularity and biases from how many users chose each item now.

    Args:
        model: with its rows.
        counts: of each item, shape (n_items,).
        n_users: how many users there are.
        rule: the model as it was before rows came, by whose rule biases go; None (default) for `model` itself.
    """
    popularity = (counts / max(n_users, 1)).astype(np.float32)
    biases = biases_of(model if rule is None else rule, popularity)
    return replace(model, item_popularity=popularity, item_biases=biases)


def folded_items(
    model: ChoiceModel,
    choosers: Sequence[tuple[Int32Array, Float32Array | None]],
    features: Sequence[FeatureRow | None],
) -> list[ItemChoiceRow]:
    """Rows of items, folded in from those who chose them, users held still: see `ChoiceModel.fold_in_item`.

    Least squares is about cells that are 1 or 0. Scores of a mix are in another unit, so its items are taken to that
    of the cells before, and back after.

    Args:
        model: all rows are made from it as it is, so their order does not matter.
        choosers: of each item, the users who chose it and the weights of their choices, None for 1 each.
        features: of each, None where nothing is known.
    """
    unit = _unit(model)
    size = np.float32(unit)
    weights = model.item_feature_weights
    cells = replace(
        model,
        item_factors=model.item_factors / size,
        item_biases=model.item_biases / size,
        item_feature_weights=None if weights is None else weights / size,
    )
    found = []
    for (users, weight), known in zip(choosers, features, strict=True):
        row = cells.fold_in_item(users, weight, known)
        found.append(replace(row, bias=row.bias * unit, factors=row.factors * unit))
    return found


def with_items_anew(
    model: ChoiceModel,
    items: NDArray[np.integer],
    choosers: Sequence[tuple[Int32Array, Float32Array | None]],
    features: Sequence[FeatureRow | None],
) -> ChoiceModel:
    """The same model with the rows of some items folded in anew, users held still; biases and popularity stay.

    Args:
        model: as it is.
        items: whose rows.
        choosers, features: as for `folded_items`.
    """
    factors, inputs = model.item_factors.copy(), model.item_inputs.copy()
    for item, row in zip(items, folded_items(model, choosers, features), strict=True):
        factors[item], inputs[item] = row.factors, row.inputs
    return replace(model, item_factors=factors, item_inputs=inputs)
