"""The compiled least-squares kernels against their readable twins. Also run with the JIT off, for coverage."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from penchant.kernels.als_sweep import (
    design_width,
    solve_rows,
    solve_rows_readable,
    squared_errors,
    squared_errors_readable,
)
from penchant.kernels.csr import GroupedRatings, group_by_row, scatter_by_row, scatter_by_row_readable


def problem(
    n_rows: int, n_others: int, n_factors: int, n_ratings: int, seed: int
) -> tuple[GroupedRatings, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, max(n_rows - 1, 1), n_ratings).astype(np.int32)  # the last row has no ratings
    others = rng.integers(0, n_others, n_ratings).astype(np.int32)
    target = rng.standard_normal(n_ratings).astype(np.float32)
    design = np.zeros((n_others + 1, design_width(n_factors)), dtype=np.float32)
    design[:-1, :n_factors] = rng.standard_normal((n_others, n_factors))
    design[:-1, n_factors] = 1
    bias = rng.standard_normal(n_others).astype(np.float32)
    return group_by_row(rows, others, target, n_rows), design, bias


def empty_side(n_rows: int, n_factors: int) -> tuple[np.ndarray, np.ndarray]:
    design = np.zeros((n_rows + 1, design_width(n_factors)), dtype=np.float32)
    design[:-1, n_factors] = 1
    return design, np.zeros(n_rows, dtype=np.float32)


@pytest.mark.parametrize("n_factors", [0, 1, 7, 8, 10])
@pytest.mark.parametrize("count_power", [0.0, 0.5, 1.0])
def test_solve_rows_is_its_twin(n_factors: int, count_power: float) -> None:
    grouped, design, bias = problem(7, 9, n_factors, 60, seed=n_factors)
    ridge = np.full(n_factors + 1, 0.7)
    out, out_bias = empty_side(7, n_factors)
    twin, twin_bias = empty_side(7, n_factors)
    args = (grouped.indptr, grouped.others, grouped.target, design, bias, ridge, count_power)
    solve_rows(0, 7, *args, out, out_bias)
    solve_rows_readable(0, 7, *args, twin, twin_bias)
    assert np.allclose(out, twin, atol=2e-5)
    assert np.allclose(out_bias, twin_bias, atol=2e-5)
    assert (out[6, :n_factors] == 0).all()
    assert out_bias[6] == 0


@pytest.mark.parametrize("n_ratings", [1, 2, 7, 8, 9, 255, 256, 257, 300])
def test_any_number_of_ratings_in_a_row(n_ratings: int) -> None:
    grouped, design, bias = problem(1, 20, 3, n_ratings, seed=n_ratings)
    ridge = np.full(4, 0.3)
    out, out_bias = empty_side(1, 3)
    twin, twin_bias = empty_side(1, 3)
    args = (grouped.indptr, grouped.others, grouped.target, design, bias, ridge, 0.5)
    solve_rows(0, 1, *args, out, out_bias)
    solve_rows_readable(0, 1, *args, twin, twin_bias)
    assert np.allclose(out, twin, atol=2e-5)
    assert np.allclose(out_bias, twin_bias, atol=2e-5)


def test_solve_rows_is_ridge_regression() -> None:
    grouped, design, bias = problem(2, 30, 4, 80, seed=3)
    out, out_bias = empty_side(2, 4)
    solve_rows(0, 1, grouped.indptr, grouped.others, grouped.target, design, bias, np.full(5, 2.0), 0.0, out, out_bias)
    rated = grouped.others[: grouped.indptr[1]]
    ridge = Ridge(alpha=2.0, fit_intercept=False).fit(design[rated, :5], grouped.target[: len(rated)] - bias[rated])
    assert np.allclose(np.r_[out[0, :4], out_bias[0]], ridge.coef_, atol=2e-5)


def test_only_the_rows_asked_for_are_written() -> None:
    grouped, design, bias = problem(6, 5, 2, 40, seed=1)
    out, out_bias = empty_side(6, 2)
    before = out.copy()
    solve_rows(2, 4, grouped.indptr, grouped.others, grouped.target, design, bias, np.ones(3), 1.0, out, out_bias)
    assert np.array_equal(out[[0, 1, 4, 5, 6]], before[[0, 1, 4, 5, 6]])
    assert (out_bias[[0, 1, 4, 5]] == 0).all()
    assert (out_bias[2:4] != 0).all()


def test_hardly_any_penalty_stays_finite() -> None:
    grouped, design, bias = problem(2, 3, 6, 30, seed=5)  # three directions for six factors
    design *= 1e3
    out, out_bias = empty_side(2, 6)
    solve_rows(
        0, 2, grouped.indptr, grouped.others, grouped.target, design, bias, np.full(7, 1e-12), 0.0, out, out_bias
    )
    assert np.isfinite(out).all()
    assert np.isfinite(out_bias).all()


@pytest.mark.parametrize("n_factors", [0, 3, 8])
def test_squared_errors_is_its_twin(n_factors: int) -> None:
    grouped, other_design, other_bias = problem(6, 9, n_factors, 50, seed=2)
    rng = np.random.default_rng(8)
    design, bias = empty_side(6, n_factors)
    design[:-1, :n_factors] = rng.standard_normal((6, n_factors))
    bias[:] = rng.standard_normal(6)
    ours, twin = np.zeros(6), np.zeros(6)
    args = (grouped.indptr, grouped.others, grouped.target, other_design, other_bias, design, bias, -0.5, 0.8)
    squared_errors(0, 6, *args, ours)
    squared_errors_readable(0, 6, *args, twin)
    assert np.allclose(ours, twin, rtol=1e-4)
    assert ours[5] == 0
    assert ours.sum() > 0
    partly = np.zeros(6)
    squared_errors(1, 3, *args, partly)
    assert partly.tolist() == [0, *ours[1:3], 0, 0, 0]


def test_scatter_by_row_is_its_twin() -> None:
    rng = np.random.default_rng(0)
    rows, others = rng.integers(0, 5, 40).astype(np.int32), rng.integers(0, 9, 40).astype(np.int32)
    target = rng.standard_normal(40).astype(np.float32)
    starts = np.r_[0, np.cumsum(np.bincount(rows, minlength=6))][:-1].astype(np.int64)
    results = []
    for function in (scatter_by_row, scatter_by_row_readable):
        free, where, what = starts.copy(), np.zeros(40, np.int32), np.zeros(40, np.float32)
        function(rows, others, target, free, where, what)
        results.append((free, where, what))
    for ours, twin in zip(*results, strict=True):
        assert np.array_equal(ours, twin)
