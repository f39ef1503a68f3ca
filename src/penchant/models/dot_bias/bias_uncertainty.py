"""Standard errors of biases: how sure a model is of the bias of each row, given its ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.models.answers import Side
from penchant.models.dot_bias.fold_in import design_of
from penchant.models.dot_bias.row_prior import RowPrior
from penchant.models.linear import inverse, lower_root
from penchant.models.link import slope_of

if TYPE_CHECKING:
    from penchant.models.dot_bias.dot_bias import DotBias

__all__ = ["bias_deviations"]

_MOST_NUMBERS = 4_000_000  # in the products of the rows that are worked on at once


def bias_deviations(model: DotBias, seen: SeenRatings, side: Side) -> Float64Array:
    """Standard deviation of each row's bias, shape (n_rows,), in the unit of the biases.

        Lambda = n^power precision + sum_j w_j x_j x_j^T,     deviation^2 = f (Lambda^-1)_bb

    The covariance of the whole row in closed form, the bias its last entry: a row with few ratings has nearly what its
    prior leaves open, and one whose raters all have the same taste can't tell bias from factors. It takes the other
    side's rows for known, which they are not. A model with a spread (by Bayes) has seen how far its draws differ on
    what the row adds to predictions: f is that variance over the one that Lambda^-1 leaves open, at least 1. Without a
    spread f is 1, and rows with many ratings come out too sure.

    Args:
        model: the model.
        seen: its training ratings.
        side: "user" or "item".
    """
    rows = _Rows(model, seen, side)
    step = max(1, _MOST_NUMBERS // rows.design.shape[1] ** 2)
    parts = [rows.bias_variances(start, min(start + step, rows.n)) for start in range(0, rows.n, step)]
    deviations: Float64Array = np.sqrt(np.concatenate([np.empty(0), *parts]))
    return deviations


class _Rows:
    """One side of a model with its ratings grouped by row, and the other side's rows x = [q, 1]."""

    def __init__(self, model: DotBias, seen: SeenRatings, side: Side) -> None:
        from penchant.kernels.csr import GroupedRatings, group_by_row

        self._model, spread = model, model.spread
        users = np.repeat(np.arange(seen.n_users, dtype=np.int32), seen.user_counts())
        is_item = side == "item"
        if is_item:
            self._ratings = group_by_row(seen.item_idx, users, seen.rating, model.n_items)
        else:
            self._ratings = GroupedRatings(seen.with_users(model.n_users).indptr, seen.item_idx, seen.rating)
        other = "user" if is_item else "item"
        self.n: int = getattr(model, f"n_{side}s")
        self._prior: RowPrior = getattr(model, f"{side}_prior")
        self._factors: Float32Array = getattr(model, f"{side}_factors")
        self._biases: Float32Array = getattr(model, f"{side}_biases")
        self._other_biases: Float32Array = getattr(model, f"{other}_biases")
        others: Float32Array = getattr(model, f"{other}_factors")
        self.design = design_of(others, np.arange(len(others), dtype=np.int32))
        self._noise: Float32Array | None = None if spread is None else getattr(spread, f"{side}_noise")
        self._other_noise: Float32Array | None = None if spread is None else getattr(spread, f"{other}_noise")
        self._variance: Float32Array | None = None if spread is None else getattr(spread, f"{side}_variance")

    def bias_variances(self, start: int, stop: int) -> Float64Array:
        """Of the rows `start` to `stop`."""
        precisions = self._precisions(start, stop)
        if self._variance is None:
            # (Lambda^-1)_bb is 1 / L_bb^2 where Lambda = L L^T and b is the last row
            exact: Float64Array = lower_root(precisions)[:, -1, -1] ** -2.0
            return exact
        covariances = inverse(precisions)
        square = self.design.T @ self.design / max(len(self.design), 1)
        left_open = np.einsum("nij,ij->n", covariances, square)
        wider: Float64Array = np.maximum(self._variance[start:stop] / left_open, 1)
        return covariances[:, -1, -1] * wider

    def _precisions(self, start: int, stop: int) -> Float64Array:
        from penchant.kernels.parallel import available_threads, for_row_blocks, thread_pool
        from penchant.kernels.products import add_products

        ends, size = self._ratings.indptr[start : stop + 1], self.design.shape[1]
        entries = slice(ends[0], ends[-1])
        indptr, others = ends - ends[0], self._ratings.others[entries]
        grams, unused = np.zeros((stop - start, size, size)), np.zeros((stop - start, size))
        weights = self._weights(np.repeat(np.arange(start, stop), np.diff(indptr)), others)
        arrays = (indptr, others, weights, np.zeros(len(others)), self.design, grams, unused)
        n_threads = available_threads()
        with thread_pool(n_threads) as pool:
            for_row_blocks(pool, indptr, n_threads, lambda first, last: add_products(first, last, *arrays))
        counts = np.diff(indptr)
        power: Float64Array = np.maximum(counts, 1).astype(np.float64)[:, None, None] ** self._prior.count_power
        # Not `precision_of`, which is for somebody new: what a trained row's choices say was learned with it. What
        # that is too sure of, the spread makes up for. With the wide prior, intervals of rows with few ratings came out
        # twice as wide as those of the draws.
        grams += power * self._prior.precision
        if self._prior.cold_precision is not None:
            grams[counts == 0] = self._prior.cold_precision
        return grams

    def _weights(self, rows: Int64Array, others: Int32Array) -> Float64Array:
        """W of each rating; behind a sigmoid along its tangent."""
        model = self._model
        weights = np.full(len(rows), model.noise_precision)
        if self._noise is not None and self._other_noise is not None:
            weights /= self._noise[rows].astype(np.float64) * self._other_noise[others]
        if model.y_range is not None:
            taste = np.einsum("nk,nk->n", self._factors[rows], self.design[others, :-1])
            eta = model.global_mean + self._biases[rows].astype(np.float64) + self._other_biases[others] + taste
            weights *= slope_of(eta, model.y_range) ** 2
        return weights
