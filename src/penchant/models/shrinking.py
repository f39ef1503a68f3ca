"""A model without one of its users."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from penchant.errors import UnsupportedError
from penchant.models.dot_bias import DotBias
from penchant.models.embedding_nn import EmbeddingNN
from penchant.models.protocol import Model
from penchant.words import a_model

__all__ = ["without_user"]


def without_user(model: Model, row: int) -> Model:
    """The model with one user's numbers taken out of every array; users behind move up by one.

    What it predicts for others is the same, bit for bit. Rows of items, weights and layers were learned with the
    user's ratings among others, and stay as they are.

    Args:
        model: of any kind.
        row: the user's.

    Raises:
        UnsupportedError: it is of a kind whose arrays are not known here.
    """
    if isinstance(model, EmbeddingNN):
        return replace(model, user_inputs=np.delete(model.user_inputs, row, axis=0))
    if not isinstance(model, DotBias):
        raise UnsupportedError(f"{a_model(model.kind)} can't forget a user: train it again without the user's ratings")
    prior, spread = model.item_prior, model.spread
    if prior.implicit_weights is not None:
        prior = replace(prior, implicit_weights=np.delete(prior.implicit_weights, row, axis=0))
    if spread is not None:
        spread = replace(
            spread,
            user_noise=np.delete(spread.user_noise, row),
            user_variance=np.delete(spread.user_variance, row),
        )
    return replace(
        model,
        user_biases=np.delete(model.user_biases, row),
        user_factors=np.delete(model.user_factors, row, axis=0),
        item_prior=prior,
        spread=spread,
    )
