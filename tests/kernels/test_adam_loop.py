"""The fused loop against its readable twin: rows that a batch does not touch move all the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.kernels.adam_loop import (
    Side,
    Steps,
    _step_readable,
    adam_batches,
    adam_batches_readable,
    catch_up_rows,
    row_width,
)

N_FACTORS = 3


def a_side(rng: np.random.Generator, n_rows: int, bias: int, dtype: type = np.float32) -> Side:
    rows = np.zeros((n_rows, row_width(N_FACTORS)), dtype)
    rows[:, :N_FACTORS] = rng.normal(0, 0.3, (n_rows, N_FACTORS))
    rows[:, bias] = rng.normal(0, 0.3, n_rows)
    return Side(rows, 0 * rows, 0 * rows, np.zeros(n_rows, np.int64), np.full(n_rows, -1, np.int32), bias)


def in_double(side: Side) -> Side:
    return side._replace(**{name: getattr(side, name).astype(np.float64) for name in ("rows", "mean", "square")})


def steps_of(
    n_steps: int, first: int, lr: np.ndarray, mom: np.ndarray, wd: float, y_range: tuple[float, float]
) -> Steps:
    t = first + np.arange(1, n_steps + 1)
    kept = np.cumprod(1 - lr * wd)
    rate, scale = lr / (1 - mom**t) / kept, np.sqrt(1 / (1 - 0.99**t))
    return Steps(first, np.r_[0, rate], np.r_[0, mom], np.r_[1, kept], np.r_[0, scale], 0.99, 1e-5, 0.3, *y_range)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.sampled_from([(0.0, 0.0), (0.0, 5.5)]),
    st.sampled_from([0.0, 0.1, 5.0]),
    st.booleans(),
)
def test_it_does_what_its_twin_does(seed, batch_size, y_range, wd, is_cycle):
    rng = np.random.default_rng(seed)
    n_users, n_items, n_ratings, n_steps = 40, 30, 60, 40  # a batch touches few of the rows, some are never touched
    user_idx = rng.integers(0, n_users, n_ratings).astype(np.int32)
    item_idx = (n_items * rng.random(n_ratings) ** 3).astype(np.int32)  # some often, some hardly ever
    rating = rng.integers(1, 6, n_ratings).astype(np.float32)
    users, items = a_side(rng, n_users, N_FACTORS), a_side(rng, n_items, N_FACTORS + 1)
    slow_users, slow_items = in_double(users), in_double(items)
    for first in (0, n_steps):  # moments go on from run to run
        order = rng.integers(0, n_ratings, n_steps * batch_size)
        lr = np.linspace(0.001, 0.03, n_steps) if is_cycle else np.full(n_steps, 0.01)
        mom = np.linspace(0.95, 0.85, n_steps) if is_cycle else np.full(n_steps, 0.9)
        steps = steps_of(n_steps, first, lr, mom, wd, y_range)
        losses, slow_losses = np.empty(n_steps, np.float32), np.empty(n_steps, np.float32)
        table = (order, batch_size, user_idx, item_idx, rating)
        adam_batches(*table, users, items, steps, losses)
        catch_up_rows(users, n_steps, steps)
        catch_up_rows(items, n_steps, steps)
        adam_batches_readable(*table, slow_users, slow_items, steps, slow_losses)
    np.testing.assert_allclose(losses, slow_losses, rtol=1e-4, atol=1e-5)
    for fast, slow in ((users, slow_users), (items, slow_items)):
        np.testing.assert_allclose(fast.rows, slow.rows, atol=5e-5)
        np.testing.assert_allclose(fast.mean, slow.mean, atol=5e-5)
        np.testing.assert_allclose(fast.square, slow.square, atol=5e-5)
        np.testing.assert_array_equal(fast.updated, slow.updated)
        assert (fast.slots == -1).all()
        assert not fast.rows[:, N_FACTORS + 2 :].any()


def test_a_row_whose_gradients_have_faded_only_decays():
    """After hundreds of steps without a rating nothing is left of the mean of gradients."""
    rng = np.random.default_rng(0)
    side = a_side(rng, 2, N_FACTORS)
    side.mean[0], side.square[0] = 0.1, 0.01
    slow = in_double(side)
    n_steps = 900
    steps = steps_of(n_steps, 50, np.full(n_steps, 0.01), np.full(n_steps, 0.9), 0.1, (0.0, 0.0))
    side.updated[:] = slow.updated[:] = 50
    catch_up_rows(side, n_steps, steps)
    for step in range(1, n_steps + 1):
        _step_readable(slow, np.zeros_like(slow.rows), step, steps)
    np.testing.assert_allclose(side.rows, slow.rows, rtol=1e-5)
    assert side.mean[0].max() < 1e-9
    np.testing.assert_allclose(side.square, slow.square, rtol=1e-4, atol=1e-30)


@pytest.mark.parametrize(("n_factors", "width"), [(0, 8), (6, 8), (7, 16), (10, 16), (50, 56)])
def test_width(n_factors, width):
    assert row_width(n_factors) == width
