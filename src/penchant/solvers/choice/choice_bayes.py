"""ChoiceBayes: factors of who chose what by Gibbs sampling over all cells, collapsed into one small model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from penchant.arrays.types import Float64Array
from penchant.checks import generator, is_whole, require
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.choice_rows import SolvedPart
from penchant.solvers.choice.choice_als import check_threads, check_unchosen
from penchant.solvers.choice_solver import LearnsChoices
from penchant.solvers.solver import Epoch

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from penchant.solvers.choice.choice_chain import Chain
    from penchant.solvers.choice.choice_data import ChoiceData
    from penchant.solvers.gibbs.collapse import RunningProduct

__all__ = ["ChoiceBayes", "ChoiceEpoch"]

_RATIO = 10.0  # weight of all cells not chosen, over that of the chosen
_ROUNDS_PER_EPOCH = 5


class ChoiceEpoch(Epoch[ChoiceModel]):
    """An epoch of a sampler.

    Attributes:
        r_hat: rank-normalised split R-hat of each hyper-parameter over the chains, by name; near 1 where they agree.
            Empty before there are four rounds.
    """

    def __init__(self, draft: ChoiceModel, train_loss: float, r_hat: dict[str, float]) -> None:
        super().__init__(draft, train_loss)
        self.r_hat = r_hat


@dataclass(frozen=True, kw_only=True)
class ChoiceBayes(LearnsChoices):
    """Bayesian factorisation of choices over all cells: nothing to tune, the mean of many plausible models.

        c_ui ~ N(o_i + p_u . q_i, 1 / (alpha a_ui)),   p_u ~ N(m, diag(lambda)^-1),   the same for q_i

    a_ui is the weight of a choice, or a0 where there is none; o_i what popularity alone expects. m, lambda and alpha
    are drawn. Chains run side by side. The mean of all draws' P Q^T is collapsed to `n_factors` columns, and rows of
    users are then solved by the rule that folds in new ones.

    Args:
        n_factors: columns (default 32).
        n_draws: draws that are kept, of all chains together (default 40).
        n_burn: sweeps of each chain before its first draw is kept (default 15).
        n_chains: chains (default 4).
        unchosen_weight: a0, more than 0 and at most 1; None (default) for the weight with which all cells not chosen
            weigh ten times what the chosen do.
        rng: seed or generator (default 0).
        n_threads: None (default) for all processors that this process may use. The result does not depend on it.

    Raises:
        ParameterError: a value out of its range.

    Source: Salakhutdinov, Mnih (2008), "Bayesian probabilistic matrix factorization using MCMC", over all cells as in
    Hu, Koren, Volinsky (2008); R-hat: Vehtari et al. (2021), "Rank-normalization, folding, and localization".
    """

    name: ClassVar[str] = "choice_bayes"

    n_factors: int = 32
    n_draws: int = 40
    n_burn: int = 15
    n_chains: int = 4
    unchosen_weight: float | None = None
    rng: int | np.random.Generator = field(default=0)
    n_threads: int | None = None

    def __post_init__(self) -> None:
        least = {"n_factors": 1, "n_draws": 1, "n_burn": 0, "n_chains": 1}
        for name, lowest in least.items():
            value = getattr(self, name)
            fits = is_whole(value, lowest) and value <= 10**6
            require(fits, name, value, f"a whole number of at least {lowest}")
        check_unchosen(self.unchosen_weight)
        generator(self.rng)
        check_threads(self.n_threads)

    @property
    def n_epochs(self) -> int:
        """Epochs that it reports: one of the burn-in, and one for every five rounds of draws."""
        return 1 + math.ceil(self._n_rounds / _ROUNDS_PER_EPOCH)

    @property
    def _n_rounds(self) -> int:
        return math.ceil(self.n_draws / self.n_chains)

    def is_compiled(self) -> bool:
        from penchant.kernels.choice_sweep import sweep_choices
        from penchant.kernels.csr import scatter_by_row
        from penchant.kernels.jit import is_compiled

        return is_compiled(scatter_by_row) and is_compiled(sweep_choices)

    def epochs(self, data: ChoiceData) -> Iterator[ChoiceEpoch]:
        """Yield the mean of the draws so far every five rounds; the first is that of the burn-in's last draws."""
        from penchant.kernels.parallel import available_threads, one_blas_thread, thread_pool
        from penchant.solvers.choice.choice_chain import Chain
        from penchant.solvers.gibbs.collapse import RunningProduct

        a0 = data.unchosen_weight(_RATIO) if self.unchosen_weight is None else float(self.unchosen_weight)
        seeds = generator(self.rng).integers(0, 2**63, self.n_chains)
        _ = data.by_user, data.by_item, data.popularity  # made once, before threads ask for them
        chains = [Chain(data, self.n_factors, a0, np.random.default_rng(seed)) for seed in seeds]
        product = RunningProduct(self.n_factors, data.n_users, data.n_items)
        n_threads = self.n_threads or available_threads()
        with one_blas_thread(), thread_pool(n_threads) as pool:
            for _ in range(self.n_burn):
                _sweep(pool, chains)
            _keep(product, chains)
            yield self._epoch(pool, n_threads, data, product, chains, a0)
            product.clear()
            for chain in chains:
                chain.trace.clear()
            for done in range(1, self._n_rounds + 1):
                _sweep(pool, chains)
                _keep(product, chains)
                if done % _ROUNDS_PER_EPOCH == 0 or done == self._n_rounds:
                    yield self._epoch(pool, n_threads, data, product, chains, a0)

    def _epoch(
        self,
        pool: Executor,
        n_threads: int,
        data: ChoiceData,
        product: RunningProduct,
        chains: list[Chain],
        unchosen_weight: float,
    ) -> ChoiceEpoch:
        """The collapsed mean, its users' rows solved with the mean prior of the draws."""
        from penchant.solvers.choice.als_run import solved_model
        from penchant.solvers.choice.choice_chain import split_r_hat
        from penchant.solvers.choice.finish import mean_squared_error, solved_rows

        users, items = product.mean()
        k = self.n_factors
        alpha = float(np.mean([chain.alpha for chain in chains]))
        spread: Float64Array = np.square(users, dtype=np.float64).mean(axis=0)
        precision = 1 / (alpha * np.maximum(spread, 1e-12))
        part = SolvedPart(unchosen_weight, np.zeros(k), np.minimum(precision, 1e6), 0.0)
        rows = solved_rows(pool, n_threads, data, items, part)
        model = solved_model(data, rows, items, part)
        r_hat = split_r_hat([chain.trace for chain in chains])
        return ChoiceEpoch(model, mean_squared_error(model, data, unchosen_weight), r_hat)


def _sweep(pool: Executor, chains: list[Chain]) -> None:
    futures = [pool.submit(chain.sweep) for chain in chains]
    for future in futures:
        future.exception()
    for future in futures:
        future.result()


def _keep(product: RunningProduct, chains: list[Chain]) -> None:
    for chain in chains:
        product.add([chain.sides.users.factors], [chain.sides.items.factors])
