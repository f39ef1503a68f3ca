"""One Markov chain: a state of everything that is drawn, and the sweep that moves it on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.kernels.csr import GroupedRatings
from penchant.kernels.gibbs_sweep import draw_rows, draw_weights, lanes
from penchant.kernels.parallel import for_row_blocks
from penchant.solvers.gibbs.hyper_draws import (
    draw_noise_precision,
    draw_noise_scale,
    draw_prior,
    draw_weight_precision,
    noise_constants,
)

__all__ = ["Chain", "FeatureBlock", "Side", "SideData"]

_START_SPREAD = 0.3  # standard deviation of the first factors, in units of the ratings' own


@dataclass(frozen=True, eq=False)
class FeatureBlock:
    """Features of the rows of one side that share a prior of their weights, in the order of `kernels.gibbs_sweep`.

    Attributes:
        indptr, rows: entries by feature.
        values: of each entry; empty for ones.
        row_scale: what the entries of a row are multiplied by, shape (n_rows,).
    """

    indptr: Int64Array
    rows: Int32Array
    values: Float32Array
    row_scale: Float32Array

    @property
    def n_features(self) -> int:
        return len(self.indptr) - 1


@dataclass(frozen=True, eq=False)
class SideData:
    """What all chains know of one side: its ratings by row, in units of their standard deviation, and its features."""

    ratings: GroupedRatings
    blocks: Sequence[FeatureBlock]

    @property
    def n_rows(self) -> int:
        return self.ratings.n_rows


class _Weights:
    """Weights B of one block of features as they are now, and their precisions tau."""

    def __init__(self, block: FeatureBlock, width: int, n_factors: int) -> None:
        self.factors: Float32Array = np.zeros((block.n_features, width), dtype=np.float32)
        self.biases: Float32Array = np.zeros(block.n_features, dtype=np.float32)
        self.precision: Float64Array = np.full(n_factors + 1, 10.0)


class Side:
    """Rows of one side as they are now: theta = [factors, bias], the prior they are drawn from, and noise scales.

    Attributes:
        factors: (n_rows, width) float32, zeros up to whole registers.
        bias: (n_rows,).
        kappa: how regular the ratings of each row are, (n_rows,).
        mean, precision: m and lambda, (n_factors + 1,).
        weights: of each block of features.
    """

    def __init__(self, data: SideData, n_factors: int, rng: np.random.Generator) -> None:
        width = lanes(n_factors)
        self._data = data
        self._n_factors = n_factors
        self._counts = np.diff(data.ratings.indptr)
        self._noise_constants = noise_constants(self._counts)
        self.factors: Float32Array = np.zeros((data.n_rows, width), dtype=np.float32)
        start = rng.standard_normal((data.n_rows, n_factors), dtype=np.float32)
        self.factors[:, :n_factors] = np.float32(_START_SPREAD) * start
        self.bias: Float32Array = np.zeros(data.n_rows, dtype=np.float32)
        self.kappa: Float32Array = np.ones(data.n_rows, dtype=np.float32)
        self.mean: Float64Array = np.zeros(n_factors + 1)
        self.weights = [_Weights(block, width, n_factors) for block in data.blocks]
        self.squares: Float64Array = np.zeros(data.n_rows)
        self.precision: Float64Array = np.ones(n_factors + 1)
        self._prior_factors: Float32Array = np.zeros((data.n_rows, width), dtype=np.float32)
        self._prior_bias: Float32Array = np.zeros(data.n_rows, dtype=np.float32)

    def draw_prior(self, rng: np.random.Generator) -> None:
        """Draw m and lambda, then each block's weights and tau, given the rows."""
        n_factors = self._n_factors
        rest = self.factors - self._prior_factors
        rest[:, :n_factors] += self.mean[:-1].astype(np.float32)
        rest_bias = self.bias - self._prior_bias + np.float32(self.mean[-1])
        self.mean, self.precision = draw_prior(rng, rest, rest_bias, n_factors)
        rest[:, :n_factors] -= self.mean[:-1].astype(np.float32)
        rest_bias -= np.float32(self.mean[-1])
        for block, weights in zip(self._data.blocks, self.weights, strict=True):
            draw_weights(
                0,
                block.n_features,
                block.indptr,
                block.rows,
                block.values,
                block.row_scale,
                self.precision.astype(np.float32),
                weights.precision.astype(np.float32),
                rng.standard_normal((block.n_features, n_factors + 1), dtype=np.float32),
                rest,
                rest_bias,
                weights.factors,
                weights.biases,
            )
            weights.precision = draw_weight_precision(rng, weights.factors, weights.biases, n_factors)
        np.subtract(self.factors, rest, out=self._prior_factors)
        np.subtract(self.bias, rest_bias, out=self._prior_bias)

    def draw_rows(
        self, other: Side, alpha: float, rng: np.random.Generator, pool: Executor | None, n_threads: int
    ) -> None:
        """Draw every row given the other side, then the noise scale of each."""
        ratings = self._data.ratings
        normals = rng.standard_normal((self._data.n_rows, self._n_factors + 1), dtype=np.float32)
        precision = self.precision.astype(np.float32)

        def draw(start: int, stop: int) -> None:
            draw_rows(
                start,
                stop,
                ratings.indptr,
                ratings.others,
                ratings.target,
                other.factors,
                other.bias,
                other.kappa,
                self._prior_factors,
                self._prior_bias,
                precision,
                alpha,
                self.kappa,
                normals,
                self.factors,
                self.bias,
                self.squares,
            )

        if pool is None:
            draw(0, self._data.n_rows)
        else:
            for_row_blocks(pool, ratings.indptr, n_threads, draw)
        self.kappa = draw_noise_scale(rng, self._counts, self.squares, alpha, self._noise_constants)


class Chain:
    """A chain of draws with a random stream of its own, so that chains may run in any order and on any thread."""

    def __init__(self, users: SideData, items: SideData, n_factors: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._n_ratings = len(users.ratings.target)
        self.alpha = 1.0
        self.users = Side(users, n_factors, rng)
        self.items = Side(items, n_factors, rng)

    def sweep(self, pool: Executor | None = None, n_threads: int = 1) -> None:
        """Draw everything once: users' prior and rows, items' prior and rows, noise.

        Args:
            pool: threads for runs of rows; None (default) for this thread alone.
            n_threads: how many those are (default 1).
        """
        for side, other in ((self.users, self.items), (self.items, self.users)):
            side.draw_prior(self._rng)
            side.draw_rows(other, self.alpha, self._rng, pool, n_threads)
        squares = float(self.items.squares @ self.items.kappa.astype(np.float64))
        self.alpha = draw_noise_precision(self._rng, self._n_ratings, squares)
