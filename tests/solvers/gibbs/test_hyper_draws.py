"""Draws of the hyper-parameters against their posteriors, worked out on a grid from prior and likelihood."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from penchant.solvers.gibbs.hyper_draws import (
    _DEGREES,
    RATE,
    draw_noise_precision,
    draw_noise_scale,
    draw_prior,
    draw_weight_precision,
    noise_constants,
)

N_DRAWS = 4000


def on_a_grid(log_density: Callable[[float], float], lo: float, hi: float) -> stats.rv_histogram:
    """The distribution with this log density, which needs no normalising, between two positive numbers."""
    edges = np.geomspace(lo, hi, 4001)
    middle = np.sqrt(edges[1:] * edges[:-1])
    logs = np.array([log_density(x) for x in middle])
    mass = np.exp(logs - logs.max()) * np.diff(edges)
    return stats.rv_histogram((mass / mass.sum(), edges), density=False)


def assert_drawn_from(draws: np.ndarray, distribution: stats.rv_histogram) -> None:
    assert stats.kstest(draws, distribution.cdf).pvalue > 1e-3
    error = distribution.std() / np.sqrt(len(draws))
    assert abs(draws.mean() - distribution.mean()) < 4 * error


@pytest.mark.parametrize("n", [1, 3, 12])
def test_mean_and_precision_of_rows_are_drawn_from_their_joint_posterior(n: int) -> None:
    """With m integrated out, rows are N(0, (I + 1 1^T) / lambda); given lambda, m is normal as always."""
    rng = np.random.default_rng(n)
    rest = np.zeros((n, 8), dtype=np.float32)
    rest[:, :2] = rng.normal([0.4, -2], [0.5, 1.5], (n, 2))
    rest_bias = rng.normal(1, 0.3, n).astype(np.float32)
    draws = [draw_prior(rng, rest, rest_bias, 2) for _ in range(N_DRAWS)]
    means, precisions = (np.array(each) for each in zip(*draws, strict=True))
    assert means.shape == precisions.shape == (N_DRAWS, 3)
    for d, x in enumerate([*rest[:, :2].T, rest_bias]):
        shape = np.eye(n) + 1
        inside, logdet = float(x @ np.linalg.solve(shape, x)), np.linalg.slogdet(shape)[1]
        posterior = on_a_grid(
            lambda x, inside=inside, logdet=logdet: -RATE * x + 0.5 * (n * np.log(x) - logdet - x * inside),
            1e-5,
            2000,
        )
        assert_drawn_from(precisions[:, d], posterior)
        standard = (means[:, d] - x.sum() / (n + 1)) * np.sqrt((n + 1) * precisions[:, d])
        assert stats.kstest(standard, "norm").pvalue > 1e-3
        assert abs(np.corrcoef(standard, np.log(precisions[:, d]))[0, 1]) < 4 / np.sqrt(N_DRAWS)


def test_columns_that_are_not_in_use_have_no_say() -> None:
    rest = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    other = rest.copy()
    other[:, 3:] = 1e6
    for one, two in zip(
        draw_prior(np.random.default_rng(1), rest, rest[:, 0], 3),
        draw_prior(np.random.default_rng(1), other, rest[:, 0], 3),
        strict=True,
    ):
        assert np.array_equal(one, two)


def test_without_factors_there_is_the_bias_alone() -> None:
    mean, precision = draw_prior(np.random.default_rng(0), np.zeros((5, 8), np.float32), np.ones(5, np.float32), 0)
    assert mean.shape == precision.shape == (1,)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_precision_of_weights(n: int) -> None:
    rng = np.random.default_rng(n)
    weights = np.zeros((n, 8), dtype=np.float32)
    weights[:, 0] = 0.3 * rng.standard_normal(n)
    biases = (2 * rng.standard_normal(n)).astype(np.float32)
    draws = np.array([draw_weight_precision(rng, weights, biases, 1) for _ in range(N_DRAWS)])
    for d, values in enumerate([weights[:, 0].astype(np.float64), biases.astype(np.float64)]):
        squares = float(values @ values)
        posterior = on_a_grid(lambda tau, s=squares: -RATE * tau + 0.5 * (n * np.log(tau) - tau * s), 1e-5, 2000)
        assert_drawn_from(draws[:, d], posterior)


@pytest.mark.parametrize(("n", "squares"), [(1, 0.0), (4, 9.0), (60, 12.0)])
def test_precision_of_the_noise(n: int, squares: float) -> None:
    rng = np.random.default_rng(n)
    draws = np.array([draw_noise_precision(rng, n, squares) for _ in range(N_DRAWS)])
    posterior = on_a_grid(lambda alpha: -alpha + 0.5 * (n * np.log(alpha) - alpha * squares), 1e-4, 200)
    assert_drawn_from(draws, posterior)


def draw_scale(rng: np.random.Generator, counts: np.ndarray, squares: np.ndarray, alpha: float) -> np.ndarray:
    return draw_noise_scale(rng, counts, squares, alpha, noise_constants(counts))


def errors_of(rng: np.random.Generator, nu: float, counts: np.ndarray, alpha: float) -> np.ndarray:
    """Sums of squared errors of rows whose kappa is Gamma(nu / 2, nu / 2)."""
    kappa = rng.gamma(nu / 2, 2 / nu, len(counts))
    return 2 * rng.gamma(np.maximum(counts, 1e-9) / 2) / (alpha * kappa)


@pytest.mark.parametrize("nu", [2, 8, 64])
def test_the_degrees_of_freedom_of_the_noise_scale_are_found(nu: int) -> None:
    """Many rows leave no doubt of nu; rows without ratings then get Gamma(nu / 2, nu / 2), of variance 2 / nu."""
    rng = np.random.default_rng(nu)
    n, alpha = 20_000, 1.5
    counts = np.r_[np.full(n, 30), np.zeros(n)].astype(np.int64)
    drawn = draw_scale(rng, counts, errors_of(rng, nu, counts, alpha), alpha)
    assert drawn.dtype == np.float32
    mine = drawn[n:].astype(np.float64)
    assert mine.mean() == pytest.approx(1, abs=5 * np.sqrt(2 / nu / n))
    assert mine.var() == pytest.approx(2 / nu, rel=0.1)


def test_the_degrees_of_freedom_are_drawn_from_their_posterior_on_the_grid() -> None:
    """Few rows leave several degrees possible: how often each is drawn shows in what a row without ratings gets.

    By hand: with kappa integrated out, errors of a row are multivariate t with nu degrees of freedom.
    """
    rng = np.random.default_rng(0)
    counts, alpha = np.array([4, 2, 7, 0]), 2.0
    errors = [rng.standard_normal(n) * s for n, s in zip(counts, (0.3, 2.0, 0.7, 1.0), strict=True)]
    logs = [
        sum(
            stats.multivariate_t(np.zeros(len(each)), np.eye(len(each)) / alpha, df=nu).logpdf(each)
            for each in errors
            if len(each)
        )
        for nu in _DEGREES
    ]
    share = np.exp(logs - np.max(logs))
    share /= share.sum()
    assert share.max() < 0.5  # or this would tell nothing
    squares = np.array([each @ each for each in errors])
    draws = np.array([draw_scale(rng, counts, squares, alpha)[3] for _ in range(N_DRAWS)])

    def mixture(x: np.ndarray) -> np.ndarray:
        each = [stats.gamma(nu / 2, scale=2 / nu).cdf(x) for nu in _DEGREES]
        return np.einsum("g,gn->n", share, np.array(each))

    assert stats.kstest(draws.astype(np.float64), mixture).pvalue > 1e-3


def test_the_noise_scale_of_a_row_follows_its_errors() -> None:
    """nu is 8 beyond doubt here; kappa ~ Gamma((nu + n) / 2, (nu + alpha squares) / 2)."""
    rng = np.random.default_rng(5)
    n, alpha = 20_000, 2.0
    counts = np.r_[np.full(n, 40), np.repeat([0, 3, 50], 200)].astype(np.int64)
    squares = errors_of(rng, 8, counts, alpha)
    squares[n:] = np.repeat([0.0, 6.0, 10.0], 200)
    drawn = np.concatenate([draw_scale(rng, counts, squares, alpha)[n:].reshape(3, 200) for _ in range(10)], 1)
    for mine, (count, square) in zip(drawn.astype(np.float64), ((0, 0.0), (3, 6.0), (50, 10.0)), strict=True):
        expected = stats.gamma((8 + count) / 2, scale=2 / (8 + alpha * square))
        assert stats.kstest(mine, expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize("squares", [0.0, 1e12])
def test_the_noise_scale_stays_within_what_float32_can_weigh(squares: float) -> None:
    drawn = draw_scale(np.random.default_rng(0), np.full(3, 10**6), np.full(3, squares), 1e4)
    assert ((drawn >= np.float32(1e-4)) & (drawn <= np.float32(1e4))).all()


def test_the_degrees_of_freedom_do_not_stick() -> None:
    """Drawn given the present kappas they would stay where they start: rows of 20 ratings, nu is 6, kappa starts at 1.

    One draw is enough to leave a spread that is right, for nothing that is drawn depends on where kappa was.
    """
    rng = np.random.default_rng(7)
    counts = np.full(3000, 20)
    drawn = draw_scale(rng, counts, errors_of(rng, 6, counts, 1.0), 1.0)
    assert drawn.astype(np.float64).var() == pytest.approx(2 / 6, rel=0.15)
