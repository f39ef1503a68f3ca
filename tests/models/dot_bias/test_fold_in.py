"""A row given its ratings behind a sigmoid: the most plausible one, found by another optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from penchant.errors import FormatError
from penchant.models.array_checks import y_range_of
from penchant.models.dot_bias import DotBias, RowPrior
from penchant.models.dot_bias.fold_in import fold_in
from penchant.models.link import rating_of, slope_of


def problem(seed: int, n: int, k: int = 3):
    rng = np.random.default_rng(seed)
    design = np.column_stack([rng.normal(0, 0.8, (n, k)), np.ones(n)])
    rating = rng.integers(1, 6, n).astype(np.float32)
    root = rng.normal(size=(k + 1, k + 1))
    prior = RowPrior(rng.normal(0, 0.2, k + 1), root @ root.T + np.eye(k + 1))
    return design, rng.normal(0, 0.5, n), rating, rng.uniform(0.2, 3, n), prior, prior.mean


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 40), st.sampled_from([(0.0, 5.5), (0.5, 5.5), (1.0, 5.0), (-2.0, 9.0)]))
def test_behind_a_sigmoid_it_is_the_most_plausible_row(seed, n, y_range):
    design, offset, rating, weights, prior, expected = problem(seed, n)

    def misfit(theta):
        error = rating - rating_of(offset + design @ theta, y_range)
        return weights @ error**2 + (theta - expected) @ prior.precision @ (theta - expected)

    row = fold_in(design, offset, rating, weights, prior, expected, y_range)
    best = optimize.minimize(misfit, row.mean, method="BFGS", options={"gtol": 1e-9})
    assert misfit(row.mean) <= best.fun + 1e-6 * max(1, best.fun)
    assert misfit(row.mean) <= misfit(expected) + 1e-12
    assert (np.linalg.eigvalsh(row.covariance) > 0).all()
    if n == 0:
        np.testing.assert_allclose(row.mean, expected)


def test_a_wide_sigmoid_is_nearly_a_straight_line():
    """Between ends far away the link is linear: lo + (hi - lo) / 2 + eta (hi - lo) / 4."""
    design, offset, rating, weights, prior, expected = problem(0, 30)
    lo, hi = -400.0, 406.0
    slope = (hi - lo) / 4
    bent = fold_in(design, offset / slope, rating, weights, prior, expected, (lo, hi))
    straight = fold_in(design * slope, offset + (lo + hi) / 2, rating, weights, prior, expected, None)
    np.testing.assert_allclose(bent.mean, straight.mean, atol=1e-4)
    np.testing.assert_allclose(bent.covariance, straight.covariance, rtol=1e-2, atol=1e-6)


def test_link_and_its_slope():
    eta = np.linspace(-8, 8, 41)
    nearby = (rating_of(eta + 1e-6, (1.0, 6.0)) - rating_of(eta - 1e-6, (1.0, 6.0))) / 2e-6
    np.testing.assert_allclose(slope_of(eta, (1.0, 6.0)), nearby, atol=1e-8)
    assert rating_of(np.float32([0]), (1, 6)).tolist() == [3.5]
    assert rating_of(np.float32([2.5]), None).tolist() == [2.5]
    assert np.isfinite(slope_of(np.array([-1e6, 1e6]), (0.0, 1.0))).all()


def model(y_range):
    rng = np.random.default_rng(0)
    prior = RowPrior(np.zeros(3), np.eye(3))
    tables = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in ((4,), (5,), (4, 2), (5, 2))]
    return DotBias(0.1, *tables, prior, prior, 2.0, y_range=y_range)


def test_a_model_with_a_sigmoid_predicts_through_it_and_is_kept_with_it():
    plain, bent = model(None), model((0.5, 5.5))
    users, items = np.arange(4, dtype=np.int32), np.arange(4, dtype=np.int32)
    eta = plain.predict(users, items)
    np.testing.assert_allclose(bent.predict(users, items), 0.5 + 5 / (1 + np.exp(-eta)), rtol=1e-6)
    again = DotBias.from_arrays(bent.arrays(), bent.settings())
    assert again.y_range == (0.5, 5.5)
    assert (again.predict(users, items) == bent.predict(users, items)).all()
    assert "y_range" not in plain.settings()
    row = bent.fold_in_user(np.array([0, 3], np.int32), np.float32([5, 5]))
    grown = bent.with_row("user", row)
    assert grown.predict(np.int32([4]), np.int32([0])) > bent.with_rows(5, 5).predict(np.int32([4]), np.int32([0]))


@pytest.mark.parametrize(
    "wrong", [3.0, [1.0], [1.0, 2.0, 3.0], [2.0, 1.0], [1.0, 1.0], ["a", "b"], [0.0, float("inf")]]
)
def test_a_file_with_another_range_is_refused(wrong):
    with pytest.raises(FormatError, match="y_range"):
        y_range_of({"y_range": wrong})
