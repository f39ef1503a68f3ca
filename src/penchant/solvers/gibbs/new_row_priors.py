"""Empirical prior of a new row of a collapsed model: mean and covariance, estimated from known rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int64Array
from penchant.kernels.csr import GroupedRatings
from penchant.models.dot_bias.row_prior import cold_mean, row_shares
from penchant.solvers.gibbs.draw_sums import SideMean

__all__ = ["KnownRows", "cold_mean", "cold_precision", "estimate_prior", "known_rows"]

_MOST_ROWS = 1000
_LEAST_ROWS = 100
_MOST_RATINGS = 200_000
_MOST_NUMBERS = 500_000  # in the products of all rows together
_STEPS = 12  # of expectation and maximisation; the covariance then moves by less than a hundredth


@dataclass(frozen=True, eq=False)
class KnownRows:
    """Rows with ratings, as sums over these.

    Attributes:
        products: sum of w x x^T of each row, shape (n, size, size), with x = [q, 1] of the other side.
        right: sum of w x y, (n, size).
        offsets: what its features and its choice of items add to the prior mean of each row, (n, size).
    """

    products: Float64Array
    right: Float64Array
    offsets: Float64Array


def known_rows(
    ratings: GroupedRatings,
    spread: float,
    noise: Float32Array,
    other: SideMean,
    noise_variance: float,
    implicit: Float32Array | None,
    effects: Float64Array | None,
    rng: np.random.Generator,
) -> KnownRows:
    """Some rows of one side, chosen at random among those that have ratings.

    At most 1,000 rows with 200,000 ratings; fewer, but not less than 100, where there are many factors.

    Args:
        ratings: of this side by row, centred, in units of `spread`.
        spread: standard deviation of the ratings.
        noise: 1 / kappa of this side's rows.
        other: the other side of the collapsed model, in rating units.
        noise_variance: 1 / alpha, in squared rating units.
        implicit: weights of the implicit features, or None.
        effects: what other features add to the prior mean of each row, (n_rows, size), or None.
        rng: chooses the rows.
    """
    size = other.factors.shape[1] + 1
    rows = _chosen(np.diff(ratings.indptr), size, rng)
    products, right = np.zeros((len(rows), size, size)), np.zeros((len(rows), size))
    offsets = np.zeros((len(rows), size))
    for at, row in enumerate(rows):
        entries = slice(ratings.indptr[row], ratings.indptr[row + 1])
        others = ratings.others[entries]
        design = np.ones((len(others), size))
        design[:, :-1] = other.factors[others]
        weighted = design / (noise_variance * float(noise[row]) * other.noise[others].astype(np.float64))[:, None]
        products[at] = weighted.T @ design
        right[at] = weighted.T @ (ratings.target[entries] * spread - other.biases[others].astype(np.float64))
        if implicit is not None:
            offsets[at] = implicit[others].sum(axis=0, dtype=np.float64) / np.sqrt(len(others))
        if effects is not None:
            offsets[at] += effects[row]
    return KnownRows(products, right, offsets)


def estimate_prior(
    rows: KnownRows, mean: Float64Array, variances: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Mean and precision of theta - offset over the rows that are known, by expectation-maximisation.

        V_r   = (C^-1 + sum w x x^T)^-1,      t_r = V_r (C^-1 (m + offset_r) + sum w x y)
        m     = mean of (t_r - offset_r),     C = (S + sum of ((t_r - offset_r - m)(...)^T + V_r)) / (n + n_0)

    The collapsed rows are means, and closer together than rows are: the covariance of a row is that of the means and
    what is left open of each. S is n_0 = size + 2 times diag(variances), an inverse-Wishart prior, which keeps C
    proper where there are hardly any rows.

    Args:
        rows: what is known.
        mean: where to start, and what stays where there are no rows, (size,).
        variances: prior guess of C's diagonal, (size,).

    Returns:
        mean (size,), precision (size, size), and the mean of V (size, size), zero where there are no rows.

    Source: Dempster, Laird, Rubin (1977), "Maximum likelihood from incomplete data via the EM algorithm".
    """
    n, size = rows.right.shape
    guess = np.diag(np.maximum(variances, 1e-100))  # of any unit
    covariance, n_0 = guess, size + 2
    still_open = np.zeros((size, size))
    for _ in range(_STEPS if n else 0):
        precision = np.linalg.inv(covariance)
        open_still = np.linalg.inv(precision + rows.products)
        right = (mean + rows.offsets) @ precision + rows.right
        rest = np.einsum("nij,nj->ni", open_still, right) - rows.offsets
        mean = rest.mean(axis=0)
        apart = rest - mean
        covariance = (n_0 * guess + apart.T @ apart + open_still.sum(axis=0)) / (n + n_0)
        covariance = (covariance + covariance.T) / 2
        still_open = open_still.mean(axis=0)
    return mean, _inverse(covariance), still_open


def cold_precision(
    theta: Float32Array,
    counts: Int64Array,
    effects: Float64Array | None,
    still_open: Float64Array,
    variances: Float64Array,
) -> Float64Array:
    """The precision of a whole row around `cold_mean`, (size, size): covariance of the means, and what is left open.

    Args:
        theta, counts, effects: as for `cold_mean`.
        still_open: mean covariance of a row given its ratings, (size, size).
        variances: prior guess of the diagonal, as in `estimate_prior`.
    """
    rest = theta.astype(np.float64) if effects is None else theta - effects
    shares = row_shares(counts)
    apart = rest - shares @ rest
    size, n = apart.shape[1], int((counts > 0).sum())
    guess = np.diag(np.maximum(variances, 1e-100))
    covariance = (apart.T * shares) @ apart + still_open
    return _inverse(((size + 2) * guess + n * covariance) / (n + size + 2))


def _inverse(covariance: Float64Array) -> Float64Array:
    precision = np.linalg.inv(covariance).astype(np.float64)
    return (precision + precision.T) / 2


def _chosen(counts: Int64Array, size: int, rng: np.random.Generator) -> Int64Array:
    n_rows = min(_MOST_ROWS, max(_LEAST_ROWS, _MOST_NUMBERS // size**2))
    rows = rng.permutation(np.flatnonzero(counts > 0))[:n_rows]
    enough = int(np.searchsorted(np.cumsum(counts[rows]), _MOST_RATINGS)) + 1
    return rows[:enough]
