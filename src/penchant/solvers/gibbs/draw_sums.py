"""Posterior means: sums over draws from which the mean of everything is one division away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array
from penchant.solvers.gibbs.chain import Chain, Side, SideData
from penchant.solvers.gibbs.collapse import RunningProduct

__all__ = ["PosteriorMean", "SideMean", "Summary", "centred"]


@dataclass(frozen=True, eq=False)
class SideMean:
    """Posterior means of one side, in rating units and in the columns of the collapsed model.

    Attributes:
        factors, biases: (n_rows, n_factors) and (n_rows,), float32.
        mean: m, (n_factors + 1,).
        weights: B of each block of features, (n_features, n_factors + 1), float32.
        weight_errors: posterior standard deviation of the effect on everybody (see `centred`) of each row of B,
            (n_features,), float32.
        noise: 1 / kappa, (n_rows,), float32.
        variances: 1 / lambda: of a factor (mean over factors) and of the bias.
    """

    factors: Float32Array
    biases: Float32Array
    mean: Float64Array
    weights: Sequence[Float32Array]
    weight_errors: Sequence[Float32Array]
    noise: Float32Array
    variances: tuple[float, float]


@dataclass(frozen=True, eq=False)
class PosteriorMean:
    """Posterior means of both sides, and of the noise variance 1 / alpha."""

    users: SideMean
    items: SideMean
    noise_variance: float


def centred(posterior: PosteriorMean) -> PosteriorMean:
    """The same predictions by factors whose mean row is zero.

    With p the mean row of P and q that of Q,

        b_u + b_i + p_u . q_i  =  (b_u + q . (p_u - p)) + (b_i + p . q_i) + (p_u - p) . (q_i - q)

    What a chain calls factor and what it calls bias is its own affair: the left side holds for every split of the two.
    On the right, biases are what holds for everybody and everything, and factors are taste. So biases can be ranked,
    and the last column of B is the effect of a feature on everybody.
    """
    p = posterior.users.factors.mean(axis=0, dtype=np.float64)
    q = posterior.items.factors.mean(axis=0, dtype=np.float64)
    items = _less(_with_shared(posterior.items, p), q)
    users = _with_shared(_less(posterior.users, p), q)
    return PosteriorMean(users, items, posterior.noise_variance)


def _with_shared(side: SideMean, shared: Float64Array) -> SideMean:
    """The side with what its factors give to everybody, `shared` . q, in its biases too."""
    change = np.eye(len(shared) + 1)
    change[:-1, -1] = shared
    factor, bias = side.variances
    return replace(
        side,
        biases=(side.biases + side.factors @ shared).astype(np.float32),
        mean=side.mean @ change,
        weights=[(weights @ change).astype(np.float32) for weights in side.weights],
        variances=(factor, bias + factor * float(shared @ shared)),
    )


def _less(side: SideMean, shared: Float64Array) -> SideMean:
    """The side with `shared` taken away from every row of its factors."""
    return replace(side, factors=(side.factors - shared).astype(np.float32), mean=side.mean - np.append(shared, 0))


class Summary:
    """Sums over draws: factors as a running product, everything else as plain sums in float64.

    Args:
        users, items: the two sides.
        n_factors: columns of a draw, and of the model that is made of them.
    """

    def __init__(self, users: SideData, items: SideData, n_factors: int) -> None:
        self._sides = _SideSums(users, n_factors), _SideSums(items, n_factors)
        more = [sum(block.n_features for block in side.blocks) + 1 for side in (users, items)]
        self._product = RunningProduct(n_factors, users.n_rows, items.n_rows, *more)
        self._noise_variance = 0.0

    @property
    def n_draws(self) -> int:
        """How many draws it holds."""
        return self._product.n_draws

    def clear(self) -> None:
        """Forget all draws."""
        self._product.clear()
        for side in self._sides:
            side.clear()
        self._noise_variance = 0.0

    def add(self, chain: Chain) -> None:
        """Add the present state of a chain as one draw."""
        tables = []
        sides = chain.users, chain.items
        means = [side.factors.mean(axis=0) for side in reversed(sides)]
        for sums, side, other_mean in zip(self._sides, sides, means, strict=True):
            sums.add(side, other_mean)
            mean = side.mean[None, :-1].astype(np.float32)
            tables.append([side.factors, *(weights.factors for weights in side.weights), mean])
        self._product.add(*tables)
        self._noise_variance += 1 / chain.alpha

    def mean(self, spread: float) -> PosteriorMean:
        """Posterior means in rating units.

        Args:
            spread: standard deviation of the ratings, whose units the draws are in.
        """
        tables = self._product.mean()
        users, items = (sums.mean(table, self.n_draws, spread) for sums, table in zip(self._sides, tables, strict=True))
        return PosteriorMean(users, items, self._noise_variance / self.n_draws * spread**2)


class _SideSums:
    """Sums over draws of what one side has besides factors."""

    def __init__(self, data: SideData, n_factors: int) -> None:
        self._n_factors = n_factors
        self._sizes = [block.n_features for block in data.blocks]
        self._n_rows = data.n_rows
        self.clear()

    def clear(self) -> None:
        self._bias = np.zeros(self._n_rows)
        self._noise = np.zeros(self._n_rows)
        self._weight_biases = [np.zeros(size) for size in self._sizes]
        self._effects = [np.zeros(size) for size in self._sizes]
        self._effect_squares = [np.zeros(size) for size in self._sizes]
        self._mean_bias = 0.0
        self._variances = np.zeros(2)

    def add(self, side: Side, other_mean: Float32Array) -> None:
        """Add a draw; `other_mean` is the mean row of the other side's factors."""
        self._bias += side.bias
        self._noise += 1 / side.kappa.astype(np.float64)
        each = zip(self._weight_biases, self._effects, self._effect_squares, side.weights, strict=True)
        for total, effects, squares, weights in each:
            total += weights.biases
            effect = weights.biases + weights.factors @ other_mean  # on everybody: see `centred`
            effects += effect
            squares += np.square(effect, dtype=np.float64)
        self._mean_bias += float(side.mean[-1])
        inverse = 1 / side.precision
        self._variances += inverse[:-1].mean() if self._n_factors else 0.0, inverse[-1]

    def mean(self, table: Float32Array, n_draws: int, spread: float) -> SideMean:
        """Posterior means; `table` has the factors of rows, of weights block by block, and of m."""
        scaled = table * np.float32(np.sqrt(spread))
        ends = np.cumsum([self._n_rows, *self._sizes])
        blocks = np.split(scaled, ends)
        biases = [total / n_draws * spread for total in self._weight_biases]
        pairs = zip(blocks[1:-1], biases, strict=True)
        unbiased = n_draws / max(n_draws - 1, 1)
        moments = ((one / n_draws, two / n_draws) for one, two in zip(self._effects, self._effect_squares, strict=True))
        errors = (np.sqrt(unbiased * np.maximum(two - one**2, 0)) * spread for one, two in moments)
        factor_variance, bias_variance = self._variances / n_draws
        return SideMean(
            factors=np.ascontiguousarray(blocks[0]),
            biases=(self._bias / n_draws * spread).astype(np.float32),
            mean=np.append(blocks[-1][0].astype(np.float64), self._mean_bias / n_draws * spread),
            weights=[np.column_stack([factors, bias]).astype(np.float32) for factors, bias in pairs],
            weight_errors=[error.astype(np.float32) for error in errors],
            noise=(self._noise / n_draws).astype(np.float32),
            variances=(float(factor_variance) * spread, float(bias_variance) * spread**2),
        )
