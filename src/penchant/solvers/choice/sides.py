"""Both sides of a table of choices as the kernel reads them, and a sweep over one of them."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array
from penchant.kernels.choice_sweep import choice_width, sweep_choices
from penchant.kernels.csr import GroupedRatings
from penchant.kernels.parallel import for_row_blocks
from penchant.models.choice.choice_rows import unchosen_target
from penchant.solvers.choice.choice_data import ChoiceData

__all__ = ["Prior", "Side", "Sides"]


class Prior:
    """Prior of the rows of one side while it is swept.

    Attributes:
        mean: (1, width) float32, of every row.
        precision: (n_factors,) float32.
        ridge: (n_rows,) float32, what the precision of each row is multiplied with.
    """

    def __init__(self, n_rows: int, n_factors: int) -> None:
        self.mean: Float32Array = np.zeros((1, choice_width(n_factors)), np.float32)
        self.precision: Float32Array = np.ones(n_factors, np.float32)
        self.ridge: Float32Array = np.ones(n_rows, np.float32)


class Side:
    """One side: its choices, its factors, what popularity expects of its cells.

    Attributes:
        grouped: choices by row, the weights as `target`.
        factors: (n_rows, width) float32, zero beyond the factors.
        bias: (n_rows,) float32.
        prior: of the rows.
    """

    def __init__(self, grouped: GroupedRatings, bias: Float32Array, n_factors: int) -> None:
        self.grouped = grouped
        self.factors: Float32Array = np.zeros((grouped.n_rows, choice_width(n_factors)), np.float32)
        self.bias = bias
        self.prior = Prior(grouped.n_rows, n_factors)

    def cell_weights(self, unchosen_weight: float, n_others: int) -> Float64Array:
        """Weight of all cells of each row, float64, (n_rows,)."""
        starts = self.grouped.indptr
        total = np.concatenate([[0.0], np.cumsum(self.grouped.target, dtype=np.float64)])[starts]
        found: Float64Array = np.diff(total) + unchosen_weight * (n_others - np.diff(starts))
        return found


class Sides:
    """Users and items with factors of the same columns.

    Args:
        data: the choices.
        n_factors: columns.
        unchosen_weight: a0, the weight of a cell that was not chosen.
    """

    def __init__(self, data: ChoiceData, n_factors: int, unchosen_weight: float) -> None:
        self.n_factors, self.unchosen_weight = n_factors, unchosen_weight
        offsets = unchosen_target(data.popularity, unchosen_weight)
        self.users = Side(data.by_user, np.zeros(data.n_users, np.float32), n_factors)
        self.items = Side(data.by_item, offsets, n_factors)
        self._none: Float32Array = np.zeros((0, n_factors), np.float32)
        self._nothing: Float64Array = np.zeros(0)

    def sweep(
        self,
        pool: Executor | None,
        n_threads: int,
        solved: Side,
        held: Side,
        block: int,
        noise: float = 0.0,
        normals: Float32Array | None = None,
        squares: Float64Array | None = None,
    ) -> None:
        """Solve or draw every row of one side, see `kernels.choice_sweep`.

        Args:
            pool: threads that share out the rows; None for this one alone.
            n_threads: how many there are.
            solved, held: the side that changes, and the one that stays.
            block: columns that are solved together.
            noise: standard deviation of a cell of weight 1 (default 0.0); a draw only.
            normals: of a draw, (n_rows, n_factors); None (default) for the solution.
            squares: (n_rows,), see the kernel; None (default) where nobody asks.
        """
        q, grouped, prior = held.factors, solved.grouped, solved.prior
        sums = (q.T @ q, q.sum(axis=0), held.bias @ q)
        draws = self._none if normals is None else normals
        errors = self._nothing if squares is None else squares

        def solve(start: int, stop: int) -> None:
            sweep_choices(
                start, stop, grouped.indptr, grouped.others, grouped.target, self.unchosen_weight, q, held.bias,
                solved.bias, *sums, prior.precision, prior.ridge, prior.mean, block, noise, draws, solved.factors,
                errors,
            )  # fmt: skip

        if pool is None:
            solve(0, grouped.n_rows)
        else:
            for_row_blocks(pool, grouped.indptr, n_threads, solve)
