"""Bayes: learn a DotBias as the posterior mean of a Gibbs sampler, collapsed to a few factors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from penchant.checks import generator, is_real, is_whole, require, require_threads
from penchant.models.dot_bias import DotBias
from penchant.solvers.solver import Epoch, FitsRatings, TrainingData

__all__ = ["Bayes"]

_ROUNDS_PER_EPOCH = 5


@dataclass(frozen=True, kw_only=True)
class Bayes(FitsRatings):
    """Bayesian matrix factorisation: the mean of many plausible models, kept as one small one.

        r_ui    ~  N(mu + b_u + b_i + p_u . q_i,  1 / (alpha kappa_u kappa_i))
        theta_u = [p_u, b_u]  ~  N(m + f_u B + |N(u)|^-1/2 sum_(j in N(u)) Y_j,  diag(lambda)^-1)

    and the same for items; f_u are the features of the user, N(u) the items that the user rated, whatever the rating.
    All hyper-parameters (m, B, Y, lambda, alpha, kappa) have vague conjugate priors and are drawn too, so there is
    nothing to tune. Chains start at random, make `n_burn` sweeps each that are not kept, and then share `n_draws`
    draws among them. Several chains find several explanations of the same ratings, and their mean is better than that
    of one chain with as many draws.

    The mean of the draws' P Q^T is collapsed by a truncated singular value decomposition into `n_factors` columns
    again. What is kept is an ordinary `DotBias`, with the prior of a new row and the variance of a rating beside it.

    Args:
        n_factors: columns of P and Q (default 16), in the draws and in the model; 0 learns the biases only. More than
            half a million ratings bear 32.
        n_draws: draws that are kept, of all chains together, rounded up to a multiple of `n_chains` (default 200).
        n_burn: sweeps of each chain before its first draw is kept (default 20).
        n_chains: chains (default 4). They run side by side on the threads.
        implicit: let the choice of items say something of a user, and the choice of users of an item (default True).
        user_features, item_features: names of attributes of the ratings, such as ("age", "sex") and ("genres", "year"),
            that the prior means are regressed on (default none). Numbers are standardised, texts and tags are one
            feature a value.
        tolerance: stop early when five rounds of draws have moved the predictions of the training ratings by less than
            this share of the noise's standard deviation, root mean square (default 0, never). With 0.005 a large
            `n_draws` ends where more draws no longer pay.
        rng: seed or generator (default 0).
        n_threads: None (default) for all processors that this process may use. The result does not depend on it.

    Raises:
        ParameterError: a value out of its range.

    Source: Salakhutdinov, Mnih (2008), "Bayesian probabilistic matrix factorization using MCMC"; implicit features of
    both sides: Rendle, Zhang, Koren (2019), "On the difficulty of evaluating baselines"; noise by row:
    Lakshminarayanan, Bouchard, Archambeau (2011), "Robust Bayesian matrix factorisation".
    """

    name: ClassVar[str] = "bayes"

    n_factors: int = 16
    n_draws: int = 200
    n_burn: int = 20
    n_chains: int = 4
    implicit: bool = True
    user_features: tuple[str, ...] = ()
    item_features: tuple[str, ...] = ()
    tolerance: float = 0
    rng: int | np.random.Generator = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        least = {"n_factors": 0, "n_draws": 1, "n_burn": 0, "n_chains": 1}
        most = {"n_factors": 256, "n_draws": 10**7, "n_burn": 10**7, "n_chains": 256}
        for name in least:
            value, fits = getattr(self, name), is_whole(getattr(self, name), least[name])
            wanted = f"a whole number from {least[name]} to {most[name]}"
            require(fits and value <= most[name], name, value, wanted)
        require(isinstance(self.implicit, bool), "implicit", self.implicit, "True or False")
        for name in ("user_features", "item_features"):
            names = getattr(self, name)
            fits = isinstance(names, tuple | list) and all(isinstance(each, str) for each in names)
            require(fits, name, names, "a tuple of names of attributes")
            object.__setattr__(self, name, tuple(names))
        fits = is_real(self.tolerance) and 0 <= self.tolerance < 1
        require(fits, "tolerance", self.tolerance, "a number of at least 0 and less than 1, such as 0.005")
        generator(self.rng)
        require_threads(self.n_threads)

    @property
    def n_epochs(self) -> int:
        """Epochs that it reports: five rounds of all chains each, first those of the burn-in."""
        return math.ceil(self.n_burn / _ROUNDS_PER_EPOCH) + math.ceil(self._n_rounds / _ROUNDS_PER_EPOCH)

    @property
    def _n_rounds(self) -> int:
        return math.ceil(self.n_draws / self.n_chains)

    def is_compiled(self) -> bool:
        from penchant.kernels.csr import scatter_by_row
        from penchant.kernels.gibbs_sweep import draw_rows, draw_weights
        from penchant.kernels.jit import is_compiled
        from penchant.kernels.moments import add_predictions

        return all(is_compiled(each) for each in (scatter_by_row, draw_rows, draw_weights, add_predictions))

    def epochs(self, data: TrainingData) -> Iterator[Epoch[DotBias]]:
        """Yield the mean of the draws so far every five rounds; see `Solver.epochs`.

        The model of an epoch of the burn-in is the mean of the chains' last draws alone.
        """
        from penchant.kernels.parallel import available_threads
        from penchant.solvers.gibbs.chains import Run, Threads

        run = Run(data, self.n_factors, self.n_chains, implicit=self.implicit, rng=generator(self.rng))
        with Threads(self.n_threads or available_threads(), self.n_chains) as threads:
            for n_rounds, is_kept in ((self.n_burn, False), (self._n_rounds, True)):
                run.clear()
                for done in range(1, n_rounds + 1):
                    threads.sweep(run.chains)
                    ends = done % _ROUNDS_PER_EPOCH == 0 or done == n_rounds
                    if is_kept or ends:
                        run.keep(threads)
                    if ends:
                        yield Epoch(*run.epoch())
                    if not is_kept:
                        run.clear()
                    elif ends and done > _ROUNDS_PER_EPOCH and run.moved < self.tolerance:
                        return
