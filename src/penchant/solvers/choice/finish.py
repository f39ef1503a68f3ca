"""From factors to a ChoiceModel: rows of users by the rule of the model, signs and order of columns, the loss."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int64Array
from penchant.kernels.choice_sweep import choice_width, sweep_choices
from penchant.kernels.parallel import for_row_blocks
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.choice_rows import SolvedPart, unchosen_target
from penchant.solvers.choice.choice_data import ChoiceData

__all__ = ["canonical", "mean_squared_error", "row_weights", "signs_of", "solved_rows", "summed_rows"]


def signs_of(columns: Float32Array) -> Float32Array:
    """1 or -1 for each column, so that its largest loading becomes positive; float32, shape (n_columns,)."""
    loading = columns[np.abs(columns).argmax(axis=0), np.arange(columns.shape[1])]
    return np.where(loading < 0, np.float32(-1), np.float32(1))


def canonical(item_factors: Float32Array) -> tuple[Int64Array, Float32Array]:
    """Signs and order of columns that two machines agree upon: the largest loading positive, columns by size.

    Args:
        item_factors: Q.

    Returns:
        The order of the columns, and the signs of the columns in that order; shapes (n_factors,).
    """
    sizes = np.square(item_factors, dtype=np.float64).sum(axis=0)
    order = np.argsort(-sizes, kind="stable").astype(np.int64)
    return order, signs_of(item_factors)[order]


def summed_rows(data: ChoiceData, inputs: Float32Array, input_mean: Float64Array, few: float) -> Float32Array:
    """Rows of summed columns, x E - (1 - k) m, of all users; zero without choices. See `ChoiceModel`."""
    counts = data.counts()
    known = (counts / (counts + few) if few > 0 else (counts > 0)).astype(np.float32)
    rows: Float32Array = data.matrix() @ inputs
    rows -= known[:, None] * input_mean.astype(np.float32)
    return rows


def solved_rows(
    pool: Executor, n_threads: int, data: ChoiceData, item_factors: Float32Array, part: SolvedPart
) -> Float32Array:
    """Rows of solved columns of all users, (n_users, n_solved); zero without choices. See `SolvedPart`.

    Args:
        pool, n_threads: see `for_row_blocks`.
        data: the choices.
        item_factors: Q, not scaled, (n_items, n_solved).
        part: how they are solved; its scale is left out.
    """
    k, grouped, a0 = part.n_solved, data.by_user, part.unchosen_weight
    width = choice_width(k)
    q, prior = np.zeros((data.n_items, width), np.float32), np.zeros((1, width), np.float32)
    q[:, :k], prior[0, :k] = item_factors, part.mean
    offsets, rows = unchosen_target(data.popularity, a0), np.zeros((data.n_users, width), np.float32)
    sums = (q.T @ q, q.sum(axis=0), offsets @ q)
    cells = row_weights(data, a0)
    ridge = (cells**part.count_power).astype(np.float32)
    none, nothing = np.zeros((0, k), np.float32), np.zeros(0)
    zeros, precision = np.zeros(data.n_users, np.float32), part.precision.astype(np.float32)

    def solve(start: int, stop: int) -> None:
        sweep_choices(
            start, stop, grouped.indptr, grouped.others, grouped.target, a0, q, offsets, zeros, *sums, precision, ridge,
            prior, k, 0.0, none, rows, nothing,
        )  # fmt: skip

    for_row_blocks(pool, grouped.indptr, n_threads, solve)
    found: Float32Array = rows[:, :k] * (np.diff(grouped.indptr) > 0)[:, None].astype(np.float32)
    return found


def row_weights(data: ChoiceData, unchosen_weight: float) -> Float64Array:
    """Weight of all cells of each user, float64, shape (n_users,)."""
    weight = np.bincount(data.user_idx, data.weights, minlength=data.n_users)
    found: Float64Array = weight + unchosen_weight * (data.n_items - data.counts())
    return found


def mean_squared_error(model: ChoiceModel, data: ChoiceData, unchosen_weight: float) -> float:
    """Weighted mean over all cells of (c - score)^2, those not chosen with `unchosen_weight`, in closed form."""
    p, q, b = (each.astype(np.float64) for each in (model.user_factors, model.item_factors, model.item_biases))
    everywhere = len(p) * (b @ b) + 2 * p.sum(axis=0) @ (b @ q) + np.sum((p.T @ p) * (q.T @ q))
    at = model.predict(data.user_idx, data.item_idx).astype(np.float64)
    weight = data.weights.astype(np.float64)
    chosen = np.sum(weight * (1 - at) ** 2 - unchosen_weight * at**2)
    cells = weight.sum() + unchosen_weight * (float(data.n_users) * data.n_items - data.n_choices)
    return float(max(unchosen_weight * everywhere + chosen, 0.0) / cells)
