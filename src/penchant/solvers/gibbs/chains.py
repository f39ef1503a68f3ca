"""Markov chains side by side: a training under way, what is kept of its draws, and the model they make."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.kernels.csr import GroupedRatings, group_by_row
from penchant.kernels.parallel import one_blas_thread, thread_pool
from penchant.models.dot_bias import DotBias, RowPrior, Spread
from penchant.solvers.gibbs.chain import Chain, FeatureBlock, SideData
from penchant.solvers.gibbs.draw_sums import SideMean, Summary, centred
from penchant.solvers.gibbs.new_row_priors import cold_mean, cold_precision, estimate_prior, known_rows
from penchant.solvers.gibbs.probes import Probes, row_variances

if TYPE_CHECKING:
    from penchant.arrays.feature_rows import FeatureRows
    from penchant.solvers.solver import TrainingData

__all__ = ["Run", "Threads"]

_BLOCK = 1 << 20  # training ratings that are predicted at once


class Threads:
    """Threads for chains, and within chains for runs of rows where there are more threads than chains; a context.

    In it BLAS works on one thread: its own threads would fight ours for the processors, and wait in loops for each
    other. On a busy machine that made a training of two seconds take a minute.
    """

    def __init__(self, n_threads: int, n_chains: int) -> None:
        self._n_chains, self._n_threads = min(n_threads, n_chains), n_threads // n_chains
        self._stack = ExitStack()
        self._rows: Executor | None = None

    def __enter__(self) -> Self:
        self._stack.enter_context(one_blas_thread())
        self._chains = self._stack.enter_context(thread_pool(self._n_chains))
        if self._n_threads > 1:
            self._rows = self._stack.enter_context(thread_pool(self._n_threads * self._n_chains))
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def sweep(self, chains: list[Chain]) -> None:
        """Move every chain on by one draw; the first exception of one is raised after all have ended."""
        futures = [self._chains.submit(chain.sweep, self._rows, self._n_threads) for chain in chains]
        for future in futures:
            future.exception()
        for future in futures:
            future.result()

    def beside(self, work: Callable[[], object]) -> Future[object]:
        """Start some work on a thread of the chains, for the time in which they rest."""
        return self._chains.submit(work)


class Run:
    """Chains on the same ratings and the sums over their draws since the last `clear`.

    Args:
        data: what to learn from.
        n_factors: columns of a draw and of the model.
        n_chains: how many chains.
        implicit: whether the choice of items and of users is a feature.
        rng: every chain gets a random stream of its own from it.

    Attributes:
        chains: the chains.
        moved: by how much the predictions of the training ratings moved from the last epoch to this one: root mean
            square, as a share of the standard deviation of the noise.
    """

    def __init__(
        self, data: TrainingData, n_factors: int, n_chains: int, *, implicit: bool, rng: np.random.Generator
    ) -> None:
        seeds = rng.integers(0, 2**63, n_chains + 2)
        self._data = data
        self._mean = float(data.rating.mean(dtype=np.float64))
        # Ratings that are all equal have no spread: next to none, so that draws stay next to their mean.
        self._spread = float(data.rating.std(dtype=np.float64)) or 1e-6 * (abs(self._mean) or 1.0)
        target = ((data.rating - self._mean) / self._spread).astype(np.float32)
        self._by_user = group_by_row(data.user_idx, data.item_idx, target, data.n_users)
        self._by_item = group_by_row(data.item_idx, data.user_idx, target, data.n_items)
        self._implicit = implicit
        users = SideData(self._by_user, _blocks(self._by_user, self._by_item, data.user_features, implicit))
        items = SideData(self._by_item, _blocks(self._by_item, self._by_user, data.item_features, implicit))
        pairs = Probes.pairs(
            data.user_idx, data.item_idx, data.n_users, data.n_items, np.random.default_rng(seeds[n_chains])
        )
        self._pairs = pairs
        self._finish_seed = int(seeds[n_chains + 1])
        self.chains = [Chain(users, items, n_factors, np.random.default_rng(seed)) for seed in seeds[:n_chains]]
        self._probes = Probes(*pairs)
        self._summary = Summary(users, items, n_factors)
        self._predicted: Float32Array = np.zeros(len(data.rating), dtype=np.float32)
        self.moved = math.inf

    def clear(self) -> None:
        """Forget the draws so far; the chains go on from where they are."""
        self._summary.clear()
        self._probes.clear()

    def keep(self, threads: Threads | None = None) -> None:
        """Add the present state of every chain to the sums.

        Args:
            threads: where probes are followed while factors are summed up; None (default) for one after the other.
        """
        probing = None if threads is None else threads.beside(self._probe)
        for chain in self.chains:
            self._summary.add(chain)
        if probing is None:
            self._probe()
        else:
            probing.result()

    def _probe(self) -> None:
        for chain in self.chains:
            self._probes.add(chain)

    def epoch(self) -> tuple[DotBias, float, Callable[[], DotBias]]:
        """The model of the draws since the last `clear`: a draft that predicts, its loss, and what finishes it."""
        posterior = centred(self._summary.mean(self._spread))
        sides = (
            _Finishing(posterior.users, self._by_user, self._data.user_features, self._implicit),
            _Finishing(posterior.items, self._by_item, self._data.item_features, self._implicit),
        )
        draft = self._draft(*sides, posterior.noise_variance)
        variance = self._probes.variance(self._summary.n_draws) * self._spread**2
        return draft, self._loss(draft), lambda: self._finished(draft, *sides, variance)

    def _draft(self, users: _Finishing, items: _Finishing, noise_variance: float) -> DotBias:
        return DotBias(
            global_mean=self._mean,
            user_biases=users.theta[:, -1].copy(),
            item_biases=items.theta[:, -1].copy(),
            user_factors=np.ascontiguousarray(users.theta[:, :-1]),
            item_factors=np.ascontiguousarray(items.theta[:, :-1]),
            user_prior=RowPrior(users.cold_mean, np.diag(1 / users.variances)),
            item_prior=RowPrior(items.cold_mean, np.diag(1 / items.variances)),
            noise_precision=1 / noise_variance,
        )

    def _finished(self, draft: DotBias, users: _Finishing, items: _Finishing, variance: Float64Array) -> DotBias:
        """The draft with the priors of new rows and the variances of ratings."""
        data, rng = self._data, np.random.default_rng(self._finish_seed)
        noise = 1 / draft.noise_precision
        with one_blas_thread():  # as in `Threads`
            of_user, of_item = row_variances(*self._pairs, variance, data.n_users, data.n_items)
            user_prior = users.prior(items.mean, self._spread, noise, rng)
            item_prior = items.prior(users.mean, self._spread, noise, rng)
            model = replace(draft, user_prior=user_prior, item_prior=item_prior)
            of_user[~users.is_rated], of_item[~items.is_rated] = model.cold_variances()
        return replace(model, spread=Spread(users.mean.noise, items.mean.noise, of_user, of_item))

    def _loss(self, draft: DotBias) -> float:
        """Mean squared error on the training ratings; notes how far predictions moved."""
        data, squares, moves = self._data, 0.0, 0.0
        for start in range(0, len(data.rating), _BLOCK):
            part = slice(start, start + _BLOCK)
            predicted = draft.predict(data.user_idx[part], data.item_idx[part]).clip(*data.rating_scale)
            squares += float(np.square(predicted - data.rating[part], dtype=np.float64).sum())
            moves += float(np.square(predicted - self._predicted[part], dtype=np.float64).sum())
            self._predicted[part] = predicted
        self.moved = math.sqrt(moves / len(data.rating) * draft.noise_precision)
        return squares / len(data.rating)


class _Finishing:
    """Posterior means of one side on their way into a model.

    Attributes:
        mean: as they were summed up.
        theta: rows [p, b], (n_rows, size) float32; one without ratings is `cold_mean` and what its features add.
        is_rated: whether a row has ratings.
        effects: what features add to the prior mean of each row, or None.
        cold_mean: of a row without ratings, (size,).
        variances: a prior guess of the variances of [p, b].
    """

    def __init__(self, mean: SideMean, ratings: GroupedRatings, features: FeatureRows | None, implicit: bool) -> None:
        self.mean = mean
        self._ratings = ratings
        self._implicit = mean.weights[0] if implicit else None
        self._weights: Float32Array | None = None
        self._errors: Float32Array | None = None
        self.effects: Float64Array | None = None
        if features is not None:
            explicit = slice(int(implicit), None)
            self._weights = np.concatenate(mean.weights[explicit])
            self._errors = np.concatenate(mean.weight_errors[explicit])
            self.effects = features.dot(self._weights)
        self._counts = np.diff(ratings.indptr)
        self.is_rated = self._counts > 0
        self.theta = np.column_stack([mean.factors, mean.biases]).astype(np.float32)
        self.cold_mean = cold_mean(self.theta, self._counts, self.effects)
        cold = 0 if self.effects is None else self.effects[~self.is_rated]
        self.theta[~self.is_rated] = self.cold_mean + cold
        factor, bias = mean.variances
        self.variances = np.append(np.full(mean.factors.shape[1], factor), bias)

    def prior(self, other: SideMean, spread: float, noise_variance: float, rng: np.random.Generator) -> RowPrior:
        """The prior of a new row, given the other side; `rng` chooses the rows that it is estimated from."""
        rows = known_rows(
            self._ratings, spread, self.mean.noise, other, noise_variance, self._implicit, self.effects, rng
        )
        mean, precision, still_open = estimate_prior(rows, self.mean.mean, self.variances)
        cold = cold_precision(self.theta, self._counts, self.effects, still_open, self.variances)
        return RowPrior(mean, precision, 0.0, self._implicit, self._weights, self._errors, self.cold_mean, cold)


def _blocks(
    ratings: GroupedRatings, others: GroupedRatings, features: FeatureRows | None, implicit: bool
) -> list[FeatureBlock]:
    """The features of one side: which rows of the other side it has ratings with, and those that were given."""
    blocks = []
    if implicit:
        degree = np.maximum(np.diff(ratings.indptr), 1)
        scale = (1 / np.sqrt(degree)).astype(np.float32)
        blocks.append(FeatureBlock(*_choices(ratings, others), scale))
    if features is not None:
        indptr, rows, values = features.by_feature()
        ones = np.ones(features.n_rows, dtype=np.float32)
        for start, stop in zip(features.blocks[:-1], features.blocks[1:], strict=True):
            blocks.append(FeatureBlock(indptr[start : stop + 1], rows, values, ones))
    return blocks


def _choices(ratings: GroupedRatings, others: GroupedRatings) -> tuple[Int64Array, Int32Array, Float32Array]:
    """How often each row of the other side occurs with each of this one: entries by the other side's rows.

    A pair that occurs more than once is one entry with its count: one by one, they would be drawn as if they were
    features of different rows. Without such pairs the values are empty, for ones.
    """
    rows = np.repeat(np.arange(ratings.n_rows, dtype=np.int32), np.diff(ratings.indptr))
    by_other = group_by_row(ratings.others, rows, ratings.target, others.n_rows)  # rows ascend within each
    n = len(rows)
    is_first = np.ones(n, dtype=np.bool_)
    is_first[1:] = by_other.others[1:] != by_other.others[:-1]
    is_first[by_other.indptr[:-1][by_other.indptr[:-1] < n]] = True
    if is_first.all():
        return others.indptr, others.others, np.empty(0, np.float32)
    first = np.flatnonzero(is_first)
    counts = np.diff(first, append=n).astype(np.float32)
    return np.searchsorted(first, by_other.indptr).astype(np.int64), by_other.others[first], counts
