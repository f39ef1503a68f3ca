"""Hyper-parameter draws, each from its conjugate posterior given everything else.

All ratings are in units of their own standard deviation here, so one set of vague priors serves every scale.
"""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int64Array

__all__ = ["draw_noise_precision", "draw_noise_scale", "draw_prior", "draw_weight_precision", "noise_constants"]

# Precisions of rows and of weights are Gamma(1, RATE) before: a rate of 1 holds the variances of small tables up.
RATE = 0.1
# Degrees of freedom that the spread of noise among rows may have; the largest is next to none.
_SUREST = 30.0  # noise of 0.18 standard deviations of the ratings; people's is above 0.5
_DEGREES = np.array([1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256])


def draw_prior(
    rng: np.random.Generator, rest: Float32Array, rest_bias: Float32Array, n_factors: int
) -> tuple[Float64Array, Float64Array]:
    """Draw mean m and precisions lambda of the rows of one side, their features' part taken away.

        rest_rd ~ N(m_d, 1 / lambda_d),     m_d ~ N(0, 1 / lambda_d),     lambda_d ~ Gamma(1, RATE)

    Args:
        rng: where the draws come from.
        rest, rest_bias: theta - F B, shapes (n_rows, width) and (n_rows,).
        n_factors: columns of `rest` that are in use.

    Returns:
        m and lambda, shapes (n_factors + 1,), the bias last.

    Source: the Normal-Gamma prior of Gelman et al., "Bayesian Data Analysis", 3.3, one column at a time.
    """
    n = len(rest_bias)
    means = np.append(rest[:, :n_factors].mean(axis=0, dtype=np.float64), rest_bias.mean(dtype=np.float64))
    squares = np.append(
        np.square(rest[:, :n_factors]).sum(axis=0, dtype=np.float64), np.square(rest_bias).sum(dtype=np.float64)
    )
    within = np.maximum(squares - n * means**2, 0)
    rate = RATE + 0.5 * (within + n * means**2 / (1 + n))
    precision = rng.gamma(1 + 0.5 * n, 1 / rate)
    mean = n * means / (1 + n) + rng.standard_normal(n_factors + 1) / np.sqrt((1 + n) * precision)
    return mean, precision


def draw_weight_precision(
    rng: np.random.Generator, weights: Float32Array, weight_biases: Float32Array, n_factors: int
) -> Float64Array:
    """Draw tau, precisions of the weights of one block of features: B_fd ~ N(0, 1 / tau_d), tau_d ~ Gamma(1, RATE)."""
    squares = np.append(
        np.square(weights[:, :n_factors]).sum(axis=0, dtype=np.float64), np.square(weight_biases).sum(dtype=np.float64)
    )
    return rng.gamma(1 + 0.5 * len(weights), 1 / (RATE + 0.5 * squares))


def draw_noise_precision(rng: np.random.Generator, n_ratings: int, squares: float) -> float:
    """Draw alpha given the sum of squared errors, each times the noise scale of its row: alpha ~ Gamma(1, 1) before.

    At most `_SUREST`: ratings that are explained perfectly would make rows more certain than float32 can bear.
    """
    return min(float(rng.gamma(1 + 0.5 * n_ratings, 1 / (1 + 0.5 * squares))), _SUREST)


def noise_constants(counts: Int64Array) -> Float64Array:
    """What the likelihood of each nu in `draw_noise_scale` owes to the numbers of ratings of the rows alone."""
    from scipy.special import gammaln

    rows = np.bincount(counts)  # how many have so many ratings
    seen = np.flatnonzero(rows)
    half = 0.5 * _DEGREES
    each = gammaln(half[:, None] + 0.5 * seen) - (gammaln(half) - half * np.log(half))[:, None]
    constants: Float64Array = each @ rows[seen]
    return constants


def draw_noise_scale(
    rng: np.random.Generator, counts: Int64Array, squares: Float64Array, alpha: float, constants: Float64Array
) -> Float32Array:
    """Draw kappa of every row: how much more (above 1), or less, regular its ratings are than those of others.

        error_t ~ N(0, 1 / (alpha kappa_row kappa_other)),     kappa_row ~ Gamma(nu / 2, nu / 2)

    nu, the degrees of freedom, is drawn first, from a grid on which it is uniform before, with kappa integrated out:

        p(nu | errors)  ~  prod_r  Gamma((nu + n_r) / 2) / Gamma(nu / 2)  (nu / 2)^(nu / 2)
                                   ((nu + alpha squares_r) / 2)^(-(nu + n_r) / 2)

    Given kappa it would not move: the present kappas of thousands of rows fit hardly any nu but their own.

    Args:
        rng: where the draws come from.
        counts: ratings of each row.
        squares: sum of each row's squared errors, each times kappa_other.
        alpha: noise precision.
        constants: `noise_constants(counts)`.

    Source: Lakshminarayanan, Bouchard, Archambeau (2011), "Robust Bayesian matrix factorisation".
    """
    half = 0.5 * _DEGREES[:, None]
    weighted = 0.5 * alpha * squares
    likelihood = constants - ((half + 0.5 * counts) * np.log(half + weighted)).sum(axis=1)
    share = np.exp(likelihood - likelihood.max())
    nu = rng.choice(_DEGREES, p=share / share.sum())
    drawn = rng.gamma(0.5 * (nu + counts), 1 / (0.5 * nu + weighted))
    # A row that fits perfectly must not outweigh all others beyond what float32 can tell apart.
    kept: Float32Array = np.clip(drawn, 1e-4, 1e4).astype(np.float32)
    return kept
