"""ChoiceALS: factors of who chose what by alternating least squares over all cells, chosen or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from penchant.checks import generator, is_real, is_whole, require, require_threads
from penchant.models.choice.choice_model import ChoiceModel
from penchant.solvers.choice_solver import LearnsChoices
from penchant.solvers.solver import Epoch

if TYPE_CHECKING:
    from penchant.solvers.choice.als_run import ALSRun, Threads
    from penchant.solvers.choice.candidates import Candidate
    from penchant.solvers.choice.choice_data import ChoiceData
    from penchant.solvers.choice.held_out_choices import HeldOut

__all__ = ["ChoiceALS", "check_threads", "check_unchosen"]

_LARGE = 50_000  # rows of both sides from which on fewer penalties are tried
_TRIED = 64  # columns, at most, while penalties are tried
_FIRST_SWEEPS, _NEXT_SWEEPS = 4, 2
_WHOLE = 96  # columns up to which all are solved together; more go in blocks
_BLOCK = 64


@dataclass(frozen=True)
class _Family:
    """Penalties that belong together with how cells weigh; of equals the strongest stays nearest to popularity."""

    ratio: float | None  # weight of all cells not chosen, over that of the chosen; None: each weighs `unchosen`
    unchosen: float
    reg_power: float
    regs: tuple[float, ...]
    few_regs: tuple[float, ...]


_EACH_CELL = _Family(None, 0.1, 0.0, (8.0, 5.0, 3.0, 1.8, 1.0), (3.0, 1.0))
_BY_DENSITY = _Family(10.0, 1.0, 1.0, (0.03, 0.017, 0.01, 0.0055, 0.003), (0.017, 0.0055))


@dataclass(frozen=True, kw_only=True)
class ChoiceALS(LearnsChoices):
    """Alternating least squares over all cells of a table of choices.

    A cell is 1 where u chose i, else 0. A cell of 0 has the weight a0. o_i = f_i / (f_i + a0 (1 - f_i)) is what the
    popularity f_i alone expects of the cells of item i. The solver minimises

        sum_ui a_ui (c_ui - o_i - p_u . q_i)^2 + reg (sum_u n_u^reg_power |p_u|^2 + sum_i n_i^reg_power |q_i|^2)

    where a_ui is the weight of a choice, or a0, and n_u and n_i are the sums of the weights of a row's cells. Sums over
    all cells cost what those over the choices cost (see `kernels.choice_sweep`). Factors explain what popularity does
    not, so a row of few choices stays near the most chosen items.

    Args:
        n_factors: columns; None (default) for about the square root of the shorter side of the table, half more of it
            where that is more than 10,000 rows; 32 to 256.
        n_epochs: sweeps over both sides (default 8).
        reg: penalty, more than 0; None (default) for the one that finds the most of a validation part (`hold_out`),
            learned from the other choices with at most 64 columns.
        reg_power: how penalties grow with the cells of a row, 0 to 1; None (default): see below.
        unchosen_weight: a0, more than 0 and at most 1; None (default): see below.
        block: columns that are solved together; None (default) for all of up to 96, and 64 of more: quicker, as in
            iALS++.
        rng: seed or generator of the first item factors (default 0).
        n_threads: None (default) for all processors that this process may use. The result does not depend on it.

    Where all three are None, the validation part decides between two families: a0 = 0.1, reg_power 0 and penalties from
    1 to 8; or the a0 with which all cells not chosen weigh ten times what the chosen do, reg_power 1 and penalties from
    0.003 to 0.03. The first is better on dense and on large tables, the second on thin ones. Where some are given, the
    others are those of the first family.

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
    reg_power: float | None = None
    unchosen_weight: float | None = None
    block: int | None = None
    rng: int | np.random.Generator = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        fits = self.n_factors is None or (is_whole(self.n_factors, 1) and self.n_factors <= 4096)
        require(fits, "n_factors", self.n_factors, "a whole number from 1 to 4096, or None")
        require(is_whole(self.n_epochs, 1), "n_epochs", self.n_epochs, "a whole number of at least 1")
        fits = self.reg is None or (is_real(self.reg) and 0 < self.reg < 1e9)
        require(fits, "reg", self.reg, "a number more than 0, such as 3, or None")
        fits = self.reg_power is None or (is_real(self.reg_power) and 0 <= self.reg_power <= 1)
        require(fits, "reg_power", self.reg_power, "a number from 0 to 1, or None")
        check_unchosen(self.unchosen_weight)
        fits = self.block is None or is_whole(self.block, 1)
        require(fits, "block", self.block, "a whole number of at least 1, or None")
        generator(self.rng)
        check_threads(self.n_threads)

    def is_compiled(self) -> bool:
        from penchant.kernels.choice_sweep import sweep_choices
        from penchant.kernels.csr import scatter_by_row
        from penchant.kernels.jit import is_compiled
        from penchant.solvers.choice.held_out_choices import gains_of_rows

        used = (scatter_by_row, sweep_choices, *(() if self.reg is not None else (gains_of_rows,)))
        return all(is_compiled(each) for each in used)

    def epochs(self, data: ChoiceData) -> Iterator[Epoch[ChoiceModel]]:
        """Yield the model after each sweep over both sides; see `Solver.epochs`."""
        from penchant.kernels.parallel import available_threads, one_blas_thread, thread_pool
        from penchant.solvers.choice.als_run import Threads, factors_for
        from penchant.solvers.choice.finish import mean_squared_error

        if self.reg is None:
            yield from self._best(data).epochs(data)
            return
        rng, a0 = generator(self.rng), self.unchosen()
        k, n_threads = self.n_factors or factors_for(data), self.n_threads or available_threads()
        with one_blas_thread(), thread_pool(n_threads) as pool:
            run = self._run(data, k, float(self.reg), rng, Threads(pool, n_threads))
            for _ in range(self.n_epochs):
                run.sweep()
                draft = run.draft()
                finish = None if run.is_solved else partial(run.solved, draft)
                yield Epoch(draft, mean_squared_error(draft, data, a0), finish)

    def unchosen(self) -> float:
        """a0."""
        return _EACH_CELL.unchosen if self.unchosen_weight is None else float(self.unchosen_weight)

    def candidates(self, held: HeldOut, rng: np.random.Generator) -> list[Candidate]:
        """Trained on what was not held out, one for each penalty of each family; in each the strongest first.

        Args:
            held: the validation part.
            rng: draws the first rows of items.
        """
        data = held.rest
        if self.reg is not None:
            return self.trained(held, (self.reg,), rng)
        is_free = self.unchosen_weight is None and self.reg_power is None
        found: list[Candidate] = []
        for family in (_EACH_CELL, _BY_DENSITY) if is_free else (_EACH_CELL,):
            a0 = family.unchosen if family.ratio is None else data.unchosen_weight(family.ratio)
            one = replace(self, unchosen_weight=a0, reg_power=family.reg_power) if is_free else self
            regs = family.regs if data.n_users + data.n_items < _LARGE else family.few_regs
            found += one.trained(held, regs, rng)
        return found

    def trained(self, held: HeldOut, regs: tuple[float, ...], rng: np.random.Generator) -> list[Candidate]:
        """Candidates of some penalties, strongest first. One training serves all: it goes on from the weakest.

        Args:
            held: the validation part.
            regs: the penalties, strongest first.
            rng: draws the first rows of items.
        """
        from penchant.kernels.parallel import available_threads, one_blas_thread, thread_pool
        from penchant.solvers.choice.als_run import Threads, factors_for
        from penchant.solvers.choice.candidates import Candidate

        k, n_threads = min(self.n_factors or factors_for(held.rest), _TRIED), self.n_threads or available_threads()
        found: list[Candidate] = []
        with one_blas_thread(), thread_pool(n_threads) as pool:
            run = self._run(held.rest, k, float(regs[-1]), rng, Threads(pool, n_threads))
            for reg in regs[::-1]:
                run.set_reg(float(reg))
                for _ in range(_NEXT_SWEEPS if found else _FIRST_SWEEPS):
                    run.sweep()
                tables = run.user_factors(), run.item_factors()
                learner = replace(self, reg=float(reg))
                found.append(Candidate(float(reg), run.item_biases, *tables, held.users, learner))
        return found[::-1]

    def _run(self, data: ChoiceData, k: int, reg: float, rng: np.random.Generator, threads: Threads) -> ALSRun:
        from penchant.solvers.choice.als_run import ALSRun

        block = self.block or (k if k <= _WHOLE else _BLOCK)
        return ALSRun(data, k, self.unchosen(), reg, float(self.reg_power or 0), block, rng, threads)

    def _best(self, data: ChoiceData) -> ChoiceALS:
        """This learner with the penalty, and the family, that find the most of a validation part."""
        from penchant.solvers.choice.candidates import most_found
        from penchant.solvers.choice.held_out_choices import hold_out

        rng = generator(self.rng)
        held = hold_out(data, rng)
        found = self.candidates(held, rng)
        best = found[most_found([each.gains(held) for each in found])].learner
        return best if isinstance(best, ChoiceALS) else replace(self, reg=_EACH_CELL.regs[0])


def check_unchosen(value: float | None) -> None:
    """Refuse a weight of the cells not chosen that is no number more than 0 and at most 1, or None."""
    fits = value is None or (is_real(value) and 0 < value <= 1)
    require(fits, "unchosen_weight", value, "a number more than 0 and at most 1, or None to take it from the data")


def check_threads(n_threads: int | None) -> None:
    """Refuse a number of threads that is none."""
    require_threads(n_threads)
