"""ALS: learn a DotBias by alternating least squares, each row's factors and bias solved together."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array
from penchant.checks import generator, is_real, is_whole, require, require_threads
from penchant.models.dot_bias import DotBias, RowPrior
from penchant.solvers.solver import Epoch, FitsRatings, TrainingData

if TYPE_CHECKING:
    from penchant.kernels.csr import GroupedRatings

__all__ = ["ALS"]

_START_SPREAD = 0.1  # standard deviation of the first item factors, in units of the ratings' own
_LEAST_NOISE = 1e-6  # floor of the noise variance, in units of the ratings' own: all-equal ratings leave none


@dataclass(frozen=True, kw_only=True)
class ALS(FitsRatings):
    """Alternating least squares for explicit ratings.

    With y = (r - mu) / sd, the ratings centred and in units of their standard deviation, it lowers

        sum_(u,i) (y_ui - b_u - b_i - p_u . q_i)^2
            + sum_u n_u^reg_power (reg |p_u|^2 + bias_reg b_u^2) + sum_i n_i^reg_power (reg |q_i|^2 + bias_reg b_i^2)

    where n_u and n_i count the ratings of a row. An epoch solves every user exactly, the items held still, then every
    item. Since y has no unit, the same `reg` serves a scale of 1 to 5 and one of 0 to 100.

    Args:
        n_factors: columns of P and Q (default 10); 0 learns the biases only.
        n_epochs: sweeps over both sides (default 15).
        reg: penalty of the factors, more than 0 (default 1.1).
        bias_reg: penalty of the biases, more than 0 (default 1.0).
        reg_power: how penalties grow with the ratings of a row (default 0.5): 0 is plain ridge, a Gaussian prior;
            1 is the "weighted lambda regularisation" of ALS-WR.
        rng: seed or generator of the first item factors (default 0).
        n_threads: None (default) for all processors that this process may use. The result does not depend on it.

    Raises:
        ParameterError: a value out of its range.

    Source: Zhou, Wilkinson, Schreiber, Pan (2008), "Large-scale Parallel Collaborative Filtering for the Netflix
    Prize"; biases as in Koren, Bell, Volinsky (2009).
    """

    name: ClassVar[str] = "als"

    n_factors: int = 10
    n_epochs: int = 15
    reg: float = 1.1
    bias_reg: float = 1.0
    reg_power: float = 0.5
    rng: int | np.random.Generator = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("n_factors", "n_epochs"):
            require(is_whole(getattr(self, name)), name, getattr(self, name), "a whole number")
        require(0 <= self.n_factors <= 1024, "n_factors", self.n_factors, "0 to 1024")
        require(self.n_epochs >= 1, "n_epochs", self.n_epochs, "at least 1")
        for name in ("reg", "bias_reg"):
            value = getattr(self, name)
            require(is_real(value) and 0 < value < 1e9, name, value, "a number more than 0, such as 1.0")
        require(is_real(self.reg_power) and 0 <= self.reg_power <= 1, "reg_power", self.reg_power, "0 to 1")
        generator(self.rng)
        require_threads(self.n_threads)

    def is_compiled(self) -> bool:
        from penchant.kernels.als_sweep import solve_rows, squared_errors
        from penchant.kernels.csr import scatter_by_row
        from penchant.kernels.jit import is_compiled

        return is_compiled(scatter_by_row) and is_compiled(solve_rows) and is_compiled(squared_errors)

    def epochs(self, data: TrainingData) -> Iterator[Epoch[DotBias]]:
        """Yield the model after each sweep over both sides; see `Solver.epochs`."""
        from penchant.kernels.csr import group_by_row
        from penchant.kernels.parallel import available_threads, thread_pool

        mean = float(data.rating.mean(dtype=np.float64))
        spread = float(data.rating.std(dtype=np.float64)) or 1.0
        target = ((data.rating - mean) / spread).astype(np.float32)
        by_user = group_by_row(data.user_idx, data.item_idx, target, data.n_users)
        by_item = group_by_row(data.item_idx, data.user_idx, target, data.n_items)
        users, items = _Side(data.n_users, self.n_factors), _Side(data.n_items, self.n_factors)
        start = generator(self.rng).standard_normal((data.n_items, self.n_factors))
        items.design[:-1, : self.n_factors] = _START_SPREAD * start
        n_threads = self.n_threads or available_threads()
        with thread_pool(n_threads) as pool:
            for _ in range(self.n_epochs):
                self._solve_side(pool, n_threads, by_user, items, users)
                self._solve_side(pool, n_threads, by_item, users, items)
                lo, hi = ((end - mean) / spread for end in data.rating_scale)
                loss = spread**2 * _mean_squared_error(pool, n_threads, by_user, items, users, lo, hi)
                yield Epoch(self._model(users, items, mean, spread, loss), loss)

    def _solve_side(self, pool: Executor, n_threads: int, ratings: GroupedRatings, held: _Side, solved: _Side) -> None:
        """Solve every row of `solved` while `held` stays as it is."""
        from penchant.kernels.als_sweep import solve_rows
        from penchant.kernels.parallel import for_row_blocks

        ridge = self._ridge(1.0)

        def solve(start: int, stop: int) -> None:
            solve_rows(
                start,
                stop,
                ratings.indptr,
                ratings.others,
                ratings.target,
                held.design,
                held.bias,
                ridge,
                float(self.reg_power),
                solved.design,
                solved.bias,
            )

        for_row_blocks(pool, ratings.indptr, n_threads, solve)

    def _ridge(self, spread: float) -> Float64Array:
        """Penalties of [p, b] for ratings whose standard deviation is `spread`, times its square.

        Factors in rating units are sqrt(spread) times those that were solved for, biases spread times.
        """
        ridge = np.full(self.n_factors + 1, float(self.reg) * spread)
        ridge[-1] = self.bias_reg
        return ridge

    def _model(self, users: _Side, items: _Side, mean: float, spread: float, loss: float) -> DotBias:
        """The model in rating units, with the prior and the noise that make fold-in the equation of the sweep."""
        n, root = self.n_factors, np.float32(np.sqrt(spread))
        alpha = 1.0 / max(loss, _LEAST_NOISE * spread**2)
        prior = RowPrior(np.zeros(n + 1), np.diag(alpha * self._ridge(spread)), float(self.reg_power))
        return DotBias(
            global_mean=mean,
            user_biases=users.bias * np.float32(spread),
            item_biases=items.bias * np.float32(spread),
            user_factors=users.design[:-1, :n] * root,
            item_factors=items.design[:-1, :n] * root,
            user_prior=prior,
            item_prior=prior,
            noise_precision=alpha,
        )


def _mean_squared_error(
    pool: Executor, n_threads: int, ratings: GroupedRatings, others: _Side, rows: _Side, lo: float, hi: float
) -> float:
    """Of clipped predictions on the training ratings, in units of their variance."""
    from penchant.kernels.als_sweep import squared_errors
    from penchant.kernels.parallel import for_row_blocks

    errors = np.zeros(len(rows.bias))

    def measure(start: int, stop: int) -> None:
        squared_errors(
            start,
            stop,
            ratings.indptr,
            ratings.others,
            ratings.target,
            others.design,
            others.bias,
            rows.design,
            rows.bias,
            lo,
            hi,
            errors,
        )

    for_row_blocks(pool, ratings.indptr, n_threads, measure)
    return float(errors.sum()) / len(ratings.target)


class _Side:
    """Rows of one side as the kernel reads them: factors, a one, zeros; and a last row of zeros."""

    def __init__(self, n_rows: int, n_factors: int) -> None:
        from penchant.kernels.als_sweep import design_width

        self.design: Float32Array = np.zeros((n_rows + 1, design_width(n_factors)), dtype=np.float32)
        self.design[:-1, n_factors] = 1
        self.bias: Float32Array = np.zeros(n_rows, dtype=np.float32)
