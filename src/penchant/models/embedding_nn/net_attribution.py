"""Attribution of a neural prediction by integrated gradients, from a person of whom nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.models.answers import Answer, RowParts
from penchant.models.embedding_nn.net_fold_in import net_prior, net_slopes
from penchant.models.row_attribution import row_parts

if TYPE_CHECKING:
    from penchant.models.embedding_nn.embedding_nn import EmbeddingNN

__all__ = ["net_answer", "net_parts"]

_STEPS = 64  # of the way from the cold row to the person's


def net_parts(
    model: EmbeddingNN,
    row: Float64Array,
    item_idx: Int32Array,
    rating: Float32Array,
    rating_scale: tuple[float, float],
) -> RowParts:
    """The parts of row - cold, where cold is the model's user of whom nothing is known.

    The row of somebody new is where the equation with the network's tangents in place of it holds (see `fold_in_net`),
    and there it is shared out as that of a linear model. It is approximate: another rating would have other tangents.

    Args:
        model: the network; its items are held still.
        row: the user's, (n_neurons,).
        item_idx, rating: the user's ratings.
        rating_scale: (lo, hi).
    """
    away = row - model.user_cold
    predicted, slopes = net_slopes(model, row + model.item_inputs[item_idx].astype(np.float64))
    precision, weight = net_prior(model, rating_scale)
    target = rating - predicted + slopes @ away
    nothing = np.zeros(len(row))
    return row_parts(away, slopes, target, np.full(len(rating), weight), precision, nothing, nothing)


def net_answer(model: EmbeddingNN, row: Float64Array, item: int) -> Answer:
    """What a network f predicts for a user's row and one item, in parts.

        mean = f(cold, cold),     item_bias = f(cold, item) - mean,     user_bias = f(row, cold) - mean

    and taste is the rest. What the user adds is shared out by the mean slope of f on the straight way from the cold
    row to the user's, which adds up.

    Args:
        model: the network.
        row: the user's, (n_neurons,).
        item: row number of the item.

    Source: Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep networks".
    """
    cold, away = model.user_cold.astype(np.float64), row - model.user_cold
    items = np.stack([model.item_cold, model.item_inputs[item]]).astype(np.float64)
    ends = np.concatenate([cold + items, row + items])
    (mean, with_item, with_user, both), _ = net_slopes(model, ends)
    way = cold + (np.arange(_STEPS)[:, None] + 0.5) / _STEPS * away
    on_bias, on_both = (net_slopes(model, way + one)[1].mean(axis=0) for one in items)
    user_bias = float(with_user - mean)
    taste = float(both - with_item) - user_bias
    return Answer(float(mean), float(with_item - mean), user_bias, taste, on_bias, on_both - on_bias)
