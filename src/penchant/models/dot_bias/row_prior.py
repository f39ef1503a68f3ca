"""Prior and posterior of a row: what is believed of it before its ratings, and what is known after them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.models.array_checks import Arrays, double, not_negative, number, positive_definite, shape_of, single
from penchant.models.linear import inverse
from penchant.models.model import Setting

__all__ = ["RowPosterior", "RowPrior", "cold_mean", "row_shares"]

_FEW = 8  # ratings at which the choice of what to rate counts half; by held-out users and items of MovieLens-100k
_LEAST_VARIANCE = 1e-6  # of rows, where all are alike: a prior needs a precision
_HALF_KNOWN = 10  # ratings after which a row tells of itself as much as of its prior


def cold_mean(theta: Float32Array, counts: Int64Array, effects: Float64Array | None) -> Float64Array:
    """What a row is before anybody was asked about it: the mean of whole rows less what their features add, (size,).

    A row with n ratings counts n / (n + 10) times: one with two ratings tells of its prior more than of itself, and
    rows that few have chosen are not what a new row is like.

    Args:
        theta: the rows [p, b], (n_rows, size).
        counts: ratings of each row, (n_rows,).
        effects: what features add to the prior mean of each row, (n_rows, size), or None.
    """
    rest = theta.astype(np.float64) if effects is None else theta - effects
    return row_shares(counts) @ rest


def row_shares(counts: Int64Array) -> Float64Array:
    """How much each row counts in `cold_mean`, (n_rows,), all together 1.

    Args:
        counts: ratings of each row.
    """
    weights = counts / (counts + _HALF_KNOWN)
    shares: Float64Array = weights / weights.sum()
    return shares


@dataclass(frozen=True, eq=False)
class RowPrior:
    """What is believed of a row theta = [p, b] before its ratings are seen.

        theta ~ N(mean + f B + |N|^-1/2 sum_(j in N) Y_j,  (n^count_power precision)^-1)

    where f are the features of the row (age, genre), N are the rows of the other side that it has a rating with,
    whatever the rating, and n (at least 1) is how many. With `count_power` 0 and without weights this is an ordinary
    Gaussian prior; ALS with weighted regularisation has another power; Bayes learns B and Y.

    Of a row without any ratings, N says nothing: it is not a row that nobody chose, but one that nobody has been asked
    about yet. It is believed to be like any whole row, choices and all: N(cold_mean + f B, cold_precision^-1). And a
    few ratings are a few of the choices that there will be, so with a `cold_mean` the mean goes from one to the other:

        f B + c mean_cold + (1 - c) (mean + |N|^-1/2 sum_(j in N) Y_j),     c = 8 / (n + 8)

    Its precision is then that of a row without ratings, however many there are: `precision` is what is left open where
    all choices are known, and where they were learned along with Y. Taken for those of somebody new it would be far too
    sure.

    Attributes:
        mean: shape (n_factors + 1,); the bias is the last.
        precision: shape (n_factors + 1, n_factors + 1), symmetric and positive definite.
        count_power: 0 to 1.
        implicit_weights: Y, float32, shape (rows of the other side, n_factors + 1), or None.
        feature_weights: B, float32, shape (n_features, n_factors + 1), or None.
        feature_errors: posterior standard deviation of the bias column of B, float32, (n_features,); None without B.
        cold_mean, cold_precision: of any whole row, before choices are looked at, in the shapes of `mean` and
            `precision`; None (default) where they are the same.

    Source: Y is the implicit term of SVD++ (Koren 2008, "Factorization meets the neighborhood"); B is that of Macau
    (Simm et al. 2015).
    """

    mean: Float64Array
    precision: Float64Array
    count_power: float = 0.0
    implicit_weights: Float32Array | None = None
    feature_weights: Float32Array | None = None
    feature_errors: Float32Array | None = None
    cold_mean: Float64Array | None = None
    cold_precision: Float64Array | None = None

    @classmethod
    def of_rows(cls, rows: Float64Array) -> RowPrior:
        """The mean and the covariance of rows that were trained, (n, n_factors + 1).

        The covariance is a little wider than theirs, so that it has an inverse where rows are alike or few.
        """
        variance = np.cov(rows, rowvar=False, ddof=0).reshape(rows.shape[1], -1)
        floor = _LEAST_VARIANCE + 1e-3 * np.trace(variance) / len(variance)
        return cls(rows.mean(axis=0), inverse(variance + floor * np.eye(len(variance))))

    @property
    def n_features(self) -> int:
        """How many features it has weights of."""
        return 0 if self.feature_weights is None else len(self.feature_weights)

    def expected(self, others: Int32Array, features: FeatureRow | None = None) -> Float64Array:
        """The prior mean of a row, shape (n_factors + 1,).

        Args:
            others: rows of the other side that it has ratings with.
            features: what is known of it; None (default) for nothing.
        """
        mean = self.mean.copy()
        if self.implicit_weights is not None and len(others):
            mean += self.implicit_weights[others].sum(axis=0, dtype=np.float64) / np.sqrt(len(others))
        if self.cold_mean is not None:
            mean = self.cold_mean + self.choice_share(len(others)) * (mean - self.cold_mean)
        if self.feature_weights is not None and features is not None:
            mean += features.values.astype(np.float64) @ self.feature_weights[features.columns]
        return mean

    def choice_share(self, n_ratings: int) -> float:
        """1 - c: how far the choices of a row with so many ratings are believed, 0 to 1."""
        return 1.0 if self.cold_mean is None else n_ratings / (n_ratings + _FEW)

    def precision_of(self, n_ratings: int) -> Float64Array:
        """The precision of a row's prior given how many ratings it has, (n_factors + 1, n_factors + 1)."""
        if self.cold_precision is not None:
            return self.cold_precision
        precision: Float64Array = max(n_ratings, 1) ** self.count_power * self.precision
        return precision

    def with_others(self, n_rows: int) -> RowPrior:
        """The same prior where the other side has grown to `n_rows`: what a new row says about others is nothing."""
        if self.implicit_weights is None or len(self.implicit_weights) == n_rows:
            return self
        more = np.zeros((n_rows - len(self.implicit_weights), self.implicit_weights.shape[1]), dtype=np.float32)
        grown = np.concatenate([self.implicit_weights, more])
        return replace(self, implicit_weights=grown)

    def with_features(self, kept: Sequence[int]) -> RowPrior:
        """The same prior with only these features, by their number; without weights where none is left."""
        weights, errors = self.feature_weights, self.feature_errors
        rows = list(kept)
        return replace(
            self,
            feature_weights=weights[rows] if weights is not None and rows else None,
            feature_errors=errors[rows] if errors is not None and rows else None,
        )

    def arrays(self, side: str) -> dict[str, NDArray[np.generic]]:
        """Its arrays under their names in a model file; `side` is "user" or "item"."""
        found: dict[str, NDArray[np.generic]] = {
            f"{side}_prior_mean": self.mean,
            f"{side}_prior_precision": self.precision,
        }
        optional = {
            f"{side}_implicit_weights": self.implicit_weights,
            f"{side}_feature_weights": self.feature_weights,
            f"{side}_feature_errors": self.feature_errors,
            f"{side}_cold_mean": self.cold_mean,
            f"{side}_cold_precision": self.cold_precision,
        }
        return found | {name: array for name, array in optional.items() if array is not None}

    @classmethod
    def from_arrays(
        cls, arrays: Arrays, settings: Mapping[str, Setting], side: str, n_factors: int, n_others: int
    ) -> RowPrior:
        """Rebuild the prior of one side.

        Args:
            arrays, settings: those of the model.
            side: "user" or "item".
            n_factors: columns of P and Q.
            n_others: rows of the other side.

        Raises:
            FormatError: an array or setting is missing, or does not fit.
        """
        size = n_factors + 1
        name = f"{side}_prior_precision"
        implicit, weights = f"{side}_implicit_weights", f"{side}_feature_weights"
        errors = f"{side}_feature_errors"
        n_features = shape_of(arrays, weights)[0] if weights in arrays else None
        cold, cold_precision = f"{side}_cold_mean", f"{side}_cold_precision"
        has_cold = cold in arrays or cold_precision in arrays
        return cls(
            double(arrays, f"{side}_prior_mean", size),
            positive_definite(double(arrays, name, size, size), name),
            number(settings, f"{side}_prior_count_power", 0, 1),
            single(arrays, implicit, n_others, size) if implicit in arrays else None,
            None if n_features is None else single(arrays, weights, n_features, size),
            None if n_features is None else not_negative(single(arrays, errors, n_features), errors),
            double(arrays, cold, size) if has_cold else None,
            positive_definite(double(arrays, cold_precision, size, size), cold_precision) if has_cold else None,
        )


@dataclass(frozen=True, eq=False)
class RowPosterior:
    """A row after its ratings: theta ~ N(mean, covariance), shapes (n_factors + 1,) and its square."""

    mean: Float64Array
    covariance: Float64Array
