"""Incremental refit: rows brought up to date with ratings that came or went, all other rows held still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.feature_rows import FeatureRows
from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.models.answers import Change, Refreshed, Side, Triples
from penchant.models.dot_bias.fold_in import design_of
from penchant.models.dot_bias.row_prior import RowPrior
from penchant.models.linear import inverse, solved
from penchant.models.link import rating_of, slope_of

if TYPE_CHECKING:
    from penchant.models.dot_bias.dot_bias import DotBias

__all__ = ["Change", "Refreshed", "Triples", "refresh"]

_MOST_NUMBERS = 4_000_000  # in the products of the rows that are worked on at once
_ROUNDS = 50  # of Gauss-Newton behind a sigmoid, which needs five or so
_SETTLED = 1e-6  # a step this small is the last: rows are kept in float32
_FLATTEST = 1e-3  # least slope of a sigmoid, as a share of its steepest, as for `fold_in`


def refresh(model: DotBias, side: Side, change: Change, features: FeatureRows | None = None) -> Refreshed:
    """Each touched row of one side given what came and went, all of the other side's rows held still.

    A row theta = [p, b] with ratings r_j by rows x_j = [q_j, 1] of the other side rests on

        Lambda = n^power * precision + sum_(kept) w_j x_j x_j^T,     w_j = alpha / (s s_j)

    What was learned of it is theta, and how firmly is Lambda. What came is folded in to that as into any prior:

        theta'  =  theta + Lambda'^-1 [ L' (m' - theta) - L (m - theta)
                                        + sum_(came) w_j x_j e_j - sum_(gone) w_j x_j e_j ]

    where e_j = r_j - mu - b_j - theta . x_j is how far the row missed a rating, L = n^power * precision and m are the
    prior's precision and mean given the ratings before, L', m' and Lambda' the same after. A row without ratings
    before is just its posterior, as by `fold_in_user`. Had theta been the minimum given the ratings before, as after
    ALS, theta' is the minimum given those after. Where it was not (the rows of Bayes are means of many models, and
    know more than the rows beside them can tell), what it knew stays.

    Behind a sigmoid the ratings before, and those that went, count along their tangents at theta.

    With a `spread`, s is the row's own noise, and what is not known of the row shrinks (or grows) as x^T Lambda^-1 x.

    Args:
        model: with a row for everybody.
        side: "user" or "item".
        change: what became of the ratings.
        features: of all rows of this side, if the model has weights of them; None (default) for none.
    """
    held = _Held(model, side, features)
    touched = change.touched(side)
    theta = held.theta.copy()
    variance = None if held.variance is None else held.variance.copy()
    moved, is_new = np.zeros(len(touched)), np.zeros(len(touched), np.bool_)
    for part in _blocks(len(touched), theta.shape[1]):
        rows = touched[part]
        made = _Rows(held, rows, change)
        apart = made.after - held.theta[rows]
        moved[part] = held.steepest * np.sqrt(np.einsum("ni,ij,nj->n", apart, held.square, apart))
        is_new[part] = made.n_before == 0
        theta[rows] = made.after
        if variance is not None:
            variance[rows] = made.variance
    return Refreshed(held.with_rows(theta, variance), touched, moved, is_new)


def _blocks(n: int, size: int) -> Iterator[slice]:
    step = max(1, _MOST_NUMBERS // size**2)
    return (slice(start, start + step) for start in range(0, n, step))


class _Held:
    """A model as the rows of one side see it: their tables, and the other side, which is held still."""

    def __init__(self, model: DotBias, side: Side, features: FeatureRows | None) -> None:
        other = "item" if side == "user" else "user"
        self._model, self.side = model, side
        self.prior: RowPrior = getattr(model, f"{side}_prior")
        factors, biases = getattr(model, f"{side}_factors"), getattr(model, f"{side}_biases")
        self.theta: Float64Array = np.column_stack([factors, biases]).astype(np.float64)
        others: Float32Array = getattr(model, f"{other}_factors")
        self.design = design_of(others, np.arange(len(others), dtype=np.int32))
        self.offset: Float64Array = model.global_mean + getattr(model, f"{other}_biases").astype(np.float64)
        self.square: Float64Array = self.design.T @ self.design / max(len(others), 1)
        spread = model.spread
        self.noise: Float32Array | None = None if spread is None else getattr(spread, f"{side}_noise")
        self.other_noise: Float32Array | None = None if spread is None else getattr(spread, f"{other}_noise")
        self.variance: Float32Array | None = None if spread is None else getattr(spread, f"{side}_variance")
        self.y_range = model.y_range
        self.steepest = 1.0 if model.y_range is None else (model.y_range[1] - model.y_range[0]) / 4
        weights = self.prior.feature_weights
        self._effects = None if features is None or weights is None else features.dot(weights)

    def weights(self, rows: Int64Array, others: Int32Array) -> Float64Array:
        """W of ratings of these rows by those of the other side, before a sigmoid has its say."""
        weights = np.full(len(rows), self._model.noise_precision)
        if self.noise is not None and self.other_noise is not None:
            weights /= self.noise[rows].astype(np.float64) * self.other_noise[others]
        return weights

    def effects(self, rows: Int64Array) -> Float64Array:
        """What features add to the prior means of some rows, (n, size)."""
        size = self.theta.shape[1]
        return np.zeros((len(rows), size)) if self._effects is None else self._effects[rows]

    def with_rows(self, theta: Float64Array, variance: Float32Array | None) -> DotBias:
        """The model with other rows on this side."""
        single = theta.astype(np.float32)
        factors, biases = np.ascontiguousarray(single[:, :-1]), single[:, -1].copy()
        spread = self._model.spread
        if self.side == "user":
            if spread is not None and variance is not None:
                spread = replace(spread, user_variance=variance)
            return replace(self._model, spread=spread, user_factors=factors, user_biases=biases)
        if spread is not None and variance is not None:
            spread = replace(spread, item_variance=variance)
        return replace(self._model, spread=spread, item_factors=factors, item_biases=biases)


@dataclass(frozen=True, eq=False)
class _Part:
    """Ratings of some rows, grouped: `places` among these rows, the other side's rows, values, and where rows start."""

    places: Int64Array
    others: Int32Array
    rating: Float32Array
    indptr: Int64Array

    @classmethod
    def of(cls, triples: Triples, side: Side, rows: Int64Array, n_rows: int) -> _Part:
        place = np.full(n_rows, -1, np.int64)
        place[rows] = np.arange(len(rows))
        mine, others = triples.of(side)
        places = place[mine]
        wanted = np.flatnonzero(places >= 0)
        order = wanted[np.argsort(places[wanted], kind="stable")]
        indptr = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(np.bincount(places[order], minlength=len(rows)), out=indptr[1:])
        return cls(places[order], others[order], triples.rating[order], indptr)

    @property
    def counts(self) -> Int64Array:
        return np.diff(self.indptr)

    def sums(self, weights: Float32Array) -> Float64Array:
        """The sum of the other side's rows of a table over the ratings of each row."""
        from scipy.sparse import csr_array

        shape = (len(self.indptr) - 1, len(weights))
        chosen = csr_array((np.ones(len(self.others)), self.others, self.indptr), shape=shape)
        total: Float64Array = chosen @ weights.astype(np.float64)
        return total


class _Rows:
    """Some touched rows of one side, made anew.

    Attributes:
        n_before: ratings of each before.
        after: theta of each, (n, size).
        variance: what is not known of each; None where the model does not say.
    """

    def __init__(self, held: _Held, rows: Int64Array, change: Change) -> None:
        self._held, self._rows = held, rows
        kept, came, gone = (_Part.of(part, held.side, rows, len(held.theta)) for part in change)
        self.n_before = kept.counts + gone.counts
        n_after = kept.counts + came.counts
        mean_before, mean_after = (
            self._prior_mean(n, kept, more) for n, more in ((self.n_before, gone), (n_after, came))
        )
        prior_before, prior_after = self._prior_precision(self.n_before), self._prior_precision(n_after)
        was_cold = self.n_before == 0
        theta = np.where(was_cold[:, None], mean_before, held.theta[rows])
        kept_gram, _ = self._products(kept, theta)
        gone_gram, gone_right = self._products(gone, theta)
        before, between = prior_before + kept_gram + gone_gram, prior_after + kept_gram
        right = _times(prior_after, mean_after - theta) - _times(prior_before, mean_before - theta) - gone_right
        theta = theta + _solved(between, right)
        # exact, not the end of a sum: nothing is known of these but the prior
        is_prior = was_cold | (kept.counts == 0)
        theta[is_prior] = mean_after[is_prior]
        self.after = self._folded(theta, between, came)
        came_gram, _ = self._products(came, self.after)
        self.variance = self._variance(before, between + came_gram, n_after)

    def _prior_mean(self, counts: Int64Array, kept: _Part, more: _Part) -> Float64Array:
        prior = self._held.prior
        mean = np.tile(prior.mean, (len(counts), 1))
        if prior.implicit_weights is not None:
            total = kept.sums(prior.implicit_weights) + more.sums(prior.implicit_weights)
            mean += total / np.sqrt(np.maximum(counts, 1))[:, None]
        if prior.cold_mean is not None:
            believed = np.array([prior.choice_share(n) for n in counts.tolist()])
            mean = prior.cold_mean + believed[:, None] * (mean - prior.cold_mean)
        return mean + self._held.effects(self._rows)

    def _prior_precision(self, counts: Int64Array) -> Float64Array:
        prior = self._held.prior
        if prior.cold_precision is not None:
            return np.tile(prior.cold_precision, (len(counts), 1, 1))
        precision: Float64Array = (
            np.maximum(counts, 1).astype(np.float64)[:, None, None] ** prior.count_power * prior.precision
        )
        return precision

    def _products(self, part: _Part, theta: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Sum w x x^T and sum w x e of each row, with e what theta misses; of a sigmoid its tangent."""
        from penchant.kernels.parallel import available_threads, for_row_blocks, thread_pool
        from penchant.kernels.products import add_products

        held, size = self._held, theta.shape[1]
        grams, right = np.zeros((len(theta), size, size)), np.zeros((len(theta), size))
        if len(part.others) == 0:
            return grams, right
        weights = held.weights(self._rows[part.places], part.others)
        taste = held.offset[part.others] + np.einsum("nk,nk->n", theta[part.places], held.design[part.others])
        missed = part.rating - rating_of(taste, held.y_range)
        if held.y_range is not None:
            slope = np.maximum(slope_of(taste, held.y_range), _FLATTEST * held.steepest)
            weights, missed = weights * slope**2, missed / slope
        n_threads = available_threads()
        arrays = (part.indptr, part.others, weights, missed, held.design, grams, right)
        with thread_pool(n_threads) as pool:
            for_row_blocks(pool, part.indptr, n_threads, lambda start, stop: add_products(start, stop, *arrays))
        return grams, right

    def _folded(self, theta: Float64Array, precision: Float64Array, came: _Part) -> Float64Array:
        """Rows N(theta, precision^-1) given the ratings that came: one solve; behind a sigmoid several (Gauss-Newton).

        Steps that overshoot are halved, as for `fold_in`.
        """
        grams, right = self._products(came, theta)
        if self._held.y_range is None:
            return theta + _solved(precision + grams, right)
        found = theta
        for _ in range(_ROUNDS):
            step = _solved(precision + grams, right - _times(precision, found - theta))
            before = self._misfit(found, theta, precision, came)
            for _ in range(_ROUNDS):
                is_worse = self._misfit(found + step, theta, precision, came) > before
                if not (is_worse & (np.abs(step).max(axis=1) > _SETTLED)).any():
                    break
                step[is_worse] /= 2
            found = found + step
            if np.abs(step).max() <= _SETTLED:
                break
            grams, right = self._products(came, found)
        return found

    def _misfit(self, found: Float64Array, theta: Float64Array, precision: Float64Array, came: _Part) -> Float64Array:
        """What Gauss-Newton lowers, of each row: squared errors of the ratings that came, and the way from theta."""
        held = self._held
        taste = held.offset[came.others] + np.einsum("nk,nk->n", found[came.places], held.design[came.others])
        missed = came.rating - rating_of(taste, held.y_range)
        weights = held.weights(self._rows[came.places], came.others)
        far = np.einsum("ni,ni->n", found - theta, _times(precision, found - theta))
        total: Float64Array = far + np.bincount(came.places, weights=weights * missed**2, minlength=len(found))
        return total

    def _variance(self, before: Float64Array, after: Float64Array, n_after: Int64Array) -> Float32Array | None:
        """What is not known of each row: as much less than it was as theory says; the theory where it was new, or is.

        Args:
            before, after: the precision of each row.
            n_after: ratings of each; what was known of a row without any must not show in it.
        """
        held = self._held
        if held.variance is None:
            return None
        open_before, open_after = (np.einsum("nij,ji->n", inverse(one), held.square) for one in (before, after))
        was = np.where(self.n_before == 0, open_before, held.variance[self._rows])
        changed = np.where(n_after == 0, open_after, was * open_after / open_before)
        variance: Float32Array = changed.astype(np.float32)
        return variance


def _times(matrices: Float64Array, vectors: Float64Array) -> Float64Array:
    product: Float64Array = np.matmul(matrices, vectors[:, :, None])[:, :, 0]
    return product


def _solved(matrices: Float64Array, right: Float64Array) -> Float64Array:
    """Where the right side is zero, exactly zero."""
    solution: Float64Array = solved(matrices, right[:, :, None])[:, :, 0]
    return solution
