"""One training of ChoiceALS while it goes on: both sides, their penalty, and the model as it is after a sweep."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from penchant.arrays.types import Float32Array
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.choice_rows import SolvedPart, unchosen_target
from penchant.solvers.choice.choice_data import ChoiceData
from penchant.solvers.choice.finish import canonical, solved_rows
from penchant.solvers.choice.sides import Sides

__all__ = ["ALSRun", "Threads", "factors_for", "solved_model"]

_START = 0.1  # length of an item's first row
_STEP = 32  # numbers of columns are multiples of it
_MOST = 256
_LONG, _MORE = 10_000, 1.5


@dataclass(frozen=True)
class Threads:
    """A pool of threads, and how many they are."""

    pool: Executor
    n: int


class ALSRun:
    """Rows of users and items, swept again and again.

    Args:
        data: the choices.
        n_factors: columns.
        unchosen_weight: a0.
        reg: the penalty to start with.
        reg_power: how penalties grow with the cells of a row.
        block: columns that are solved together.
        rng: draws the first rows of items.
        threads: share out the rows.
    """

    def __init__(
        self,
        data: ChoiceData,
        n_factors: int,
        unchosen_weight: float,
        reg: float,
        reg_power: float,
        block: int,
        rng: np.random.Generator,
        threads: Threads,
    ) -> None:
        self._data, self._n_factors, self._block = data, n_factors, block
        self._unchosen_weight, self._reg_power, self._threads = unchosen_weight, reg_power, threads
        self._sides = Sides(data, n_factors, unchosen_weight)
        self._grown = [
            side.cell_weights(unchosen_weight, n_others) ** reg_power
            for side, n_others in ((self._sides.users, data.n_items), (self._sides.items, data.n_users))
        ]
        start = rng.standard_normal((data.n_items, n_factors))
        self._sides.items.factors[:, :n_factors] = _START / np.sqrt(n_factors) * start
        self.set_reg(reg)
        self._sweep_users()

    def set_reg(self, reg: float) -> None:
        """Go on with this penalty."""
        self._reg = reg
        for side, grown in zip((self._sides.users, self._sides.items), self._grown, strict=True):
            side.prior.ridge[:] = reg * grown

    def sweep(self) -> None:
        """Solve items and then users, so that the rows of users are those of the items as they are now."""
        sides = self._sides
        sides.sweep(self._threads.pool, self._threads.n, sides.items, sides.users, self._block)
        self._sweep_users()

    def user_factors(self) -> Float32Array:
        """A copy of P; zero for users without choices."""
        rows = self._sides.users.factors[:, : self._n_factors]
        made: Float32Array = rows * (self._data.counts() > 0)[:, None].astype(np.float32)
        return made

    def item_factors(self) -> Float32Array:
        """A copy of Q."""
        return self._sides.items.factors[:, : self._n_factors].copy()

    @property
    def item_biases(self) -> Float32Array:
        """What popularity alone expects of each item's cells."""
        return self._sides.items.bias

    def part(self) -> SolvedPart:
        """How rows of users are solved."""
        k = self._n_factors
        return SolvedPart(self._unchosen_weight, np.zeros(k), np.full(k, float(self._reg)), float(self._reg_power))

    @property
    def is_solved(self) -> bool:
        """Whether rows of users are whole solutions, not steps of blocks towards them."""
        return self._block >= self._n_factors

    def draft(self) -> ChoiceModel:
        """The model with users' rows as the last sweep left them: the model itself where `is_solved`."""
        return solved_model(self._data, self.user_factors(), self.item_factors(), self.part())

    def solved(self, draft: ChoiceModel) -> ChoiceModel:
        """The model of a draft: users' rows solved whole; may be called while the pool of threads is closed."""
        from penchant.kernels.parallel import thread_pool

        part, q = draft.solved, draft.item_factors
        if part is None:
            raise TypeError("a draft with solved columns is needed")
        with thread_pool(self._threads.n) as pool:
            return solved_model(self._data, solved_rows(pool, self._threads.n, self._data, q, part), q, part)

    def _sweep_users(self) -> None:
        sides = self._sides
        sides.sweep(self._threads.pool, self._threads.n, sides.users, sides.items, self._block)


def factors_for(data: ChoiceData) -> int:
    """How many columns a table carries: about the square root of its shorter side, half more where that is long."""
    shorter = min(data.n_users, data.n_items)
    wanted = np.sqrt(shorter) * (_MORE if shorter > _LONG else 1)
    return int(np.clip(_STEP * round(wanted / _STEP), _STEP, _MOST))


def solved_model(
    data: ChoiceData, user_factors: Float32Array, item_factors: Float32Array, part: SolvedPart
) -> ChoiceModel:
    """A model of solved columns alone, its columns in canonical order and sign.

    Args:
        data: the choices.
        user_factors, item_factors: P and Q.
        part: how rows of users are solved.
    """
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
