"""Where a user's row of a ChoiceModel goes with one more choice, for every item at once."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float64Array, Int32Array
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.choice_rows import SolvedPart, unchosen_target

__all__ = ["rows_with_one_more", "rows_with_one_more_readable"]


def rows_with_one_more(model: ChoiceModel, item_idx: Int32Array) -> Float64Array:
    """The row of somebody who chose `item_idx` if they chose one more item, for each item; (n_items, n_factors).

    A summed column gains the item's row. The solved columns are one solve for all items: with A p = b the equations of
    the choices that there are, their ridge that of one more, a choice of item j adds t q q^T to A and y q to b, so

        p_j  =  p + A^-1 q_j (y_j - t q_j . p) / (1 + t q_j . A^-1 q_j),     t = 1 - a0,     y_j = 1 - t o_j

    Rows of items in `item_idx` are of no use: they are chosen already.

    Args:
        model: of choices.
        item_idx: what was chosen, each weighing 1; may be empty.

    Source: the formula of Sherman and Morrison (1950).
    """
    n, k = len(item_idx), model.n_solved
    rows = np.empty((model.n_items, model.n_factors))
    if model.solved is not None:
        rows[:, :k] = _solved_rows(model, model.solved, item_idx)
    inputs = model.item_inputs.astype(np.float64)
    known = (n + 1) / (n + 1 + model.few)
    rows[:, k:] = inputs + inputs[item_idx].sum(axis=0) - known * model.input_mean
    return rows


def _solved_rows(model: ChoiceModel, part: SolvedPart, item_idx: Int32Array) -> Float64Array:
    n, a0, root = len(item_idx), part.unchosen_weight, np.sqrt(part.scale)
    q = model.item_factors[:, : part.n_solved].astype(np.float64) / root
    offsets = unchosen_target(model.item_popularity, a0).astype(np.float64)
    more = 1 - a0
    chosen = q[item_idx]
    pull = part.ridge(n + 1.0, n + 1, len(q)) * part.precision
    left = a0 * (q.T @ q) + more * (chosen.T @ chosen) + np.diag(pull)
    target = 1 - more * offsets
    right = pull * part.mean - a0 * (offsets @ q) + target[item_idx] @ chosen
    solved = np.linalg.solve(left, np.column_stack([right, q.T]))
    row, towards = solved[:, 0], solved[:, 1:].T
    step = (target - more * (q @ row)) / (1 + more * np.einsum("nk,nk->n", q, towards))
    found: Float64Array = (row + towards * step[:, None]) * root
    return found


def rows_with_one_more_readable(model: ChoiceModel, item_idx: Int32Array) -> Float64Array:
    """What `rows_with_one_more` does, item by item.

    Args:
        model, item_idx: as there.
    """
    everything = np.arange(model.n_items, dtype=np.int32)
    return np.stack([model.fold_in_user(np.append(item_idx, item)).factors for item in everything])
