"""ChoiceALS: factors of who chose what by alternating least squares over all cells, chosen or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from penchant.arrays.types import Float32Array
from penchant.checks import generator, is_real, is_whole, require, require_threads
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.choice_rows import SolvedPart, unchosen_target
from penchant.solvers.solver import Epoch

if TYPE_CHECKING:
    from penchant.solvers.choice.choice_data import ChoiceData

__all__ = ["ChoiceALS", "check_threads", "check_unchosen"]

_RATIO = 10.0  # weight of all cells not chosen, over that of the chosen
_START = 0.1  # length of an item's first row
_REGS = (0.1, 0.03, 0.01, 0.003)  # of equals the strongest: it stays nearest to popularity
_TRIED = 4
_WHOLE = 96  # columns up to which all are solved together; more go in blocks
_BLOCK = 64


@dataclass(frozen=True, kw_only=True)
class ChoiceALS:
    """Alternating least squares over all cells of a table of choices.

    A cell is 1 where u chose i, else 0 and weighs a0 only. With o_i what popularity alone expects of an item's cells,
    it lowers

        sum_ui a_ui (c_ui - o_i - p_u . q_i)^2 + reg (sum_u n_u^reg_power |p_u|^2 + sum_i n_i^reg_power |q_i|^2)

    where a_ui is the weight of a choice, or a0, and n_u and n_i are the sums of the weights of a row's cells. Sums over
    all cells cost what those over the choices cost (see `kernels.choice_sweep`). Factors explain what popularity does
    not, so a row of few choices stays near the most chosen items.

    Args:
        n_factors: columns; None (default) for 64.
        n_epochs: sweeps over both sides (default 8).
        reg: penalty, more than 0; None (default) for the one of 0.003, 0.01, 0.03 and 0.1 that finds the most of a
            validation part: a tenth of the choices, learned from the others in four epochs of at most 64 columns.
        reg_power: how penalties grow with the cells of a row, 0 to 1 (default 1.0).
        unchosen_weight: a0, more than 0 and at most 1; None (default) for the weight with which all cells not chosen
            weigh ten times what the chosen do.
        block: columns that are solved together; None (default) for all of up to 96, and 64 of more: quicker, as in
            iALS++.
        rng: seed or generator of the first item factors (default 0).
        n_threads: None (default) for all processors that this process may use. The result does not depend on it.

    Raises:
        ParameterError: a value out of its range.

    Source: Hu, Koren, Volinsky (2008), "Collaborative filtering for implicit feedback datasets"; penalties: Rendle,
    Krichene, Zhang, Koren (2022), "Revisiting the performance of iALS on item recommendation benchmarks"; blocks:
    Rendle et al. (2021), "iALS++: speeding up matrix factorization with subspace optimization". Popularity taken off
    before is ours: docs/decisions/0008-choices.md.
    """

    name: ClassVar[str] = "choice_als"

    n_factors: int | None = None
    n_epochs: int = 8
    reg: float | None = None
    reg_power: float = 1.0
    unchosen_weight: float | None = None
    block: int | None = None
    rng: int | np.random.Generator = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        fits = self.n_factors is None or (is_whole(self.n_factors, 1) and self.n_factors <= 4096)
        require(fits, "n_factors", self.n_factors, "a whole number from 1 to 4096, or None")
        require(is_whole(self.n_epochs, 1), "n_epochs", self.n_epochs, "a whole number of at least 1")
        fits = self.reg is None or (is_real(self.reg) and 0 < self.reg < 1e9)
        require(fits, "reg", self.reg, "a number more than 0, such as 0.01, or None")
        fits = is_real(self.reg_power) and 0 <= self.reg_power <= 1
        require(fits, "reg_power", self.reg_power, "a number from 0 to 1")
        check_unchosen(self.unchosen_weight)
        fits = self.block is None or is_whole(self.block, 1)
        require(fits, "block", self.block, "a whole number of at least 1, or None")
        generator(self.rng)
        check_threads(self.n_threads)

    def is_compiled(self) -> bool:
        from penchant.kernels.choice_sweep import sweep_choices
        from penchant.kernels.csr import scatter_by_row
        from penchant.kernels.jit import is_compiled

        return is_compiled(scatter_by_row) and is_compiled(sweep_choices)

    def epochs(self, data: ChoiceData) -> Iterator[Epoch[ChoiceModel]]:
        """Yield the model after each sweep over both sides; see `Solver.epochs`."""
        from penchant.kernels.parallel import available_threads, one_blas_thread, thread_pool
        from penchant.solvers.choice.finish import mean_squared_error, solved_rows
        from penchant.solvers.choice.sides import Sides

        k, rng = self.n_factors or 64, generator(self.rng)
        block = self.block or (k if k <= _WHOLE else _BLOCK)
        a0 = data.unchosen_weight(_RATIO) if self.unchosen_weight is None else float(self.unchosen_weight)
        sides = Sides(data, k, a0)
        reg = self._best_reg(data, rng) if self.reg is None else float(self.reg)
        for side, n_others in ((sides.users, data.n_items), (sides.items, data.n_users)):
            side.prior.ridge[:] = reg * side.cell_weights(a0, n_others) ** self.reg_power
        start = rng.standard_normal((data.n_items, k))
        sides.items.factors[:, :k] = _START / np.sqrt(k) * start
        part = SolvedPart(a0, np.zeros(k), np.full(k, reg), float(self.reg_power))
        n_threads = self.n_threads or available_threads()
        with one_blas_thread(), thread_pool(n_threads) as pool:
            for _ in range(self.n_epochs):
                sides.sweep(pool, n_threads, sides.users, sides.items, block)
                sides.sweep(pool, n_threads, sides.items, sides.users, block)
                item_factors = sides.items.factors[:, :k]
                model = solved_model(data, solved_rows(pool, n_threads, data, item_factors, part), item_factors, part)
                yield Epoch(model, mean_squared_error(model, data, a0))

    def _best_reg(self, data: ChoiceData, rng: np.random.Generator) -> float:
        """The penalty that finds the most of a tenth of the choices, learned from the others."""
        from penchant.solvers.choice.held_out_choices import hold_out

        held, found = hold_out(data, rng), []
        k, seed = min(self.n_factors or 64, 64), int(rng.integers(0, 2**31))
        for reg in _REGS:
            *_, last = replace(self, n_factors=k, n_epochs=_TRIED, reg=reg, rng=seed).epochs(held.rest)
            model = last.model
            rows = model.user_factors[held.users]
            found.append(held.of_ranks(model.item_biases, rows, model.item_factors, [k])[0])
        return _REGS[int(np.argmax(found))]


def solved_model(
    data: ChoiceData, user_factors: Float32Array, item_factors: Float32Array, part: SolvedPart
) -> ChoiceModel:
    """A model of solved columns alone, its columns in canonical order and sign.

    Args:
        data: the choices.
        user_factors, item_factors: P and Q.
        part: how rows of users are solved.
    """
    from penchant.solvers.choice.finish import canonical

    order, signs = canonical(item_factors)
    turned = SolvedPart(
        part.unchosen_weight, part.mean[order] * signs, part.precision[order], part.count_power, part.scale
    )
    return ChoiceModel(
        item_biases=unchosen_target(data.popularity, part.unchosen_weight),
        item_popularity=data.popularity,
        user_factors=np.ascontiguousarray(user_factors[:, order] * signs),
        item_factors=np.ascontiguousarray(item_factors[:, order] * signs),
        item_inputs=np.zeros((data.n_items, 0), np.float32),
        input_mean=np.zeros(0),
        solved=turned,
    )


def check_unchosen(value: float | None) -> None:
    """Refuse a weight of the cells not chosen that is no number more than 0 and at most 1, or None."""
    fits = value is None or (is_real(value) and 0 < value <= 1)
    require(fits, "unchosen_weight", value, "a number more than 0 and at most 1, or None to take it from the data")


def check_threads(n_threads: int | None) -> None:
    """Refuse a number of threads that is none."""
    require_threads(n_threads)
