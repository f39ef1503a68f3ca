"""Active learning without stars: which items to ask a new person about, whether they chose them."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import BoolArray, Float64Array, Int32Array
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.choice_moves import rows_with_one_more
from penchant.ranking.top_n import top_n

__all__ = ["choice_questions"]


def choice_questions(
    model: ChoiceModel, chosen: Int32Array, known: Float64Array, mask: BoolArray, n: int
) -> tuple[Int32Array, Float64Array]:
    """The items of which it is most worth to know whether a person chose them.

        gain_j  =  P(yes) sqrt(sum_i f_i (s_i' - s_i)^2 / sum_i f_i)

    s are the scores of items as they are, and s' if the person chose j, too; f is the popularity, because the head of
    lists matters. A "no" moves nothing: what was not chosen counts as not chosen already. So this is how far an answer
    is expected to move the list. All n are taken at once.

    Args:
        model: of choices.
        chosen: rows of the items that the person has chosen.
        known: the chance of a yes, of each item, shape (n_items,).
        mask: which items may be asked about.
        n: how many questions.

    Returns:
        Rows of items, and the gain of each in units of the score.
    """
    moves = rows_with_one_more(model, chosen) - model.fold_in_user(chosen).factors
    q, f = model.item_factors.astype(np.float64), model.item_popularity.astype(np.float64)
    weight = f / max(float(f.sum()), 1e-300)
    moments = q.T @ (q * weight[:, None])
    squares = np.einsum("nk,nk->n", moves @ moments, moves)
    gain = known * np.sqrt(np.maximum(squares, 0))
    rows = top_n(gain, n, restrict=np.flatnonzero(mask).astype(np.int32))
    return rows, gain[rows]
