"""What is kept of the draws: sums from which the posterior means of everything are one division away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.arrays import Float32Array, Float64Array
from penchant.solvers.gibbs.chain import Chain, Side, SideData
from penchant.solvers.gibbs.collapse import RunningProduct

__all__ = ["PosteriorMean", "SideMean", "Summary"]


@dataclass(frozen=True, eq=False)
class SideMean:
    """Posterior means of one side, in rating units and in the columns of the collapsed model.

    Attributes:
        factors, biases: (n_rows, n_factors) and (n_rows,), float32.
        mean: m, (n_factors + 1,).
        weights: B of each block of features, (n_features, n_factors + 1), float32.
        weight_errors: posterior standard deviation of the bias column of each B, (n_features,), float32.
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
        for sums, side in zip(self._sides, (chain.users, chain.items), strict=True):
            sums.add(side)
            mean = side.mean[None, :-1].astype(np.float32)
            tables.append([side.factors[:-1], *(weights.factors for weights in side.weights), mean])
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
        self._weight_squares = [np.zeros(size) for size in self._sizes]
        self._mean_bias = 0.0
        self._variances = np.zeros(2)

    def add(self, side: Side) -> None:
        self._bias += side.bias
        self._noise += 1 / side.scale[:-1].astype(np.float64)
        for total, squares, weights in zip(self._weight_biases, self._weight_squares, side.weights, strict=True):
            total += weights.biases
            squares += np.square(weights.biases, dtype=np.float64)
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
        squares = (total / n_draws * spread**2 for total in self._weight_squares)
        unbiased = n_draws / max(n_draws - 1, 1)
        errors = (np.sqrt(unbiased * np.maximum(two - one**2, 0)) for one, two in zip(biases, squares, strict=True))
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
