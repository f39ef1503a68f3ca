"""Vectors of choice: rows of a ChoiceModel that can be compared, of items and of users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float64Array
from penchant.models.answers import Side
from penchant.models.choice.choice_model import ChoiceModel

__all__ = ["choice_vectors"]


def choice_vectors(model: ChoiceModel, side: Side) -> Float64Array:
    """Rows of one side, each column by how far the other side carries it, float64, shape (n_rows, n_factors).

        a_ik  =  q_ik rms(p_k)

    Columns of two learners stand side by side in a mix, and the scale of a column is shared between both sides as it
    happens. What it adds to scores is not: that is what a vector has, and what cosines compare.

    Args:
        model: of choices.
        side: "user" or "item".
    """
    rows, others = (
        (model.item_factors, model.user_factors) if side == "item" else (model.user_factors, model.item_factors)
    )
    return rows.astype(np.float64) * _root_mean_squares(others)


def _root_mean_squares(rows: NDArray[np.floating]) -> Float64Array:
    """Of each column; 1 for no rows."""
    if not len(rows):
        return np.ones(rows.shape[1])
    found: Float64Array = np.sqrt(np.mean(np.square(rows, dtype=np.float64), axis=0))
    return found
