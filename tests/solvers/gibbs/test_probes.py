"""What is not known of a row: variances of predictions over draws, split into users' and items' parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.solvers.gibbs.synthetic import World, some_pairs, training_data

import penchant as pt
from penchant.fitting.fit import training_data as arrays_of
from penchant.models.dot_bias import DotBias
from penchant.solvers.bayes import Bayes
from penchant.solvers.gibbs.probes import Probes, row_variances
from penchant.solvers.solver import TrainingData


@given(n_users=st.integers(1, 12), n_items=st.integers(1, 12), seed=st.integers(0, 99))
def test_variances_that_add_up_are_taken_apart_exactly(n_users: int, n_items: int, seed: int) -> None:
    """Of all pairs. A part may move from all users to all items: sums say nothing of that."""
    rng = np.random.default_rng(seed)
    of_user, of_item = rng.uniform(1, 1.5, n_users), rng.uniform(1, 1.5, n_items)
    users, items = np.divmod(np.arange(n_users * n_items), n_items)
    found = row_variances(
        users.astype(np.int32), items.astype(np.int32), of_user[users] + of_item[items], n_users, n_items
    )
    assert [each.dtype for each in found] == [np.float32, np.float32]
    assert np.allclose(found[0][users] + found[1][items], of_user[users] + of_item[items], rtol=1e-4, atol=1e-4)
    assert found[0].min() >= 0
    assert found[1].min() >= 0


def test_variances_from_the_pairs_that_are_followed() -> None:
    """Eight pairs a row are enough: additive variances come back within a hundredth."""
    rng = np.random.default_rng(0)
    of_user, of_item = rng.gamma(2, 0.1, 200), rng.gamma(2, 0.1, 90)
    asked = some_pairs(rng, 200, 90, 3000)
    users, items = Probes.pairs(*(each.astype(np.int32) for each in asked), 200, 90, rng)
    found = row_variances(users, items, of_user[users] + of_item[items], 200, 90)
    total, true = found[0][:, None] + found[1], of_user[:, None] + of_item
    assert np.abs(total - true).mean() < 0.01 * true.mean()


def test_noise_of_single_pairs_is_averaged_and_nothing_falls_below_zero() -> None:
    rng = np.random.default_rng(1)
    users, items = (each.astype(np.int32) for each in some_pairs(rng, 50, 40, 1000))
    of_user = np.where(np.arange(50) < 25, 0.0, 0.4)
    variance = of_user[users] * rng.chisquare(20, 1000) / 20
    found_user, found_item = row_variances(users, items, variance, 50, 40)
    assert found_user.min() == 0
    assert found_user[25:].mean() == pytest.approx(0.4, rel=0.1)
    assert found_item.mean() < 0.04


def test_rows_without_pairs_and_no_pairs_at_all() -> None:
    nothing = np.zeros(0, np.int32)
    for found in row_variances(nothing, nothing, np.zeros(0), 3, 2):
        assert (found == 0).all()
    one = np.zeros(1, np.int32)
    found_user, found_item = row_variances(one, one, np.array([0.5]), 3, 2)
    assert np.isfinite(found_user).all()
    assert found_user[0] + found_item[0] == pytest.approx(0.5)


def test_pairs_are_eight_a_row_with_whom_it_meets() -> None:
    rng = np.random.default_rng(2)
    popular = np.where(rng.random(4000) < 0.7, 3, rng.integers(0, 20, 4000))
    users, items = Probes.pairs(rng.integers(0, 50, 4000).astype(np.int32), popular.astype(np.int32), 60, 25, rng)
    assert len(users) == len(items) == 8 * (60 + 25)
    assert users.dtype == items.dtype == np.int32
    assert (np.bincount(users, minlength=60) >= 8).all()  # those without ratings too
    assert (np.bincount(items, minlength=25) >= 8).all()
    assert np.mean(items[: 8 * 60] == 3) == pytest.approx(0.7, abs=0.08)
    assert users[8 * 60 :].max() < 50


def test_the_variance_of_a_probe_is_that_over_the_draws() -> None:
    rng = np.random.default_rng(3)
    users, items = some_pairs(rng, 12, 9, 60)
    world = World.make(training_data(users, items, rng.standard_normal(60), 12, 9), 2)
    probes = Probes(users.astype(np.int32), items.astype(np.int32))
    for _ in range(3):  # forgotten
        world.chain.sweep()
        probes.add(world.chain)
    probes.clear()
    seen = []
    for _ in range(25):
        world.chain.sweep()
        probes.add(world.chain)
        seen.append(world.predict(users, items))
    assert np.allclose(probes.variance(25), np.var(seen, axis=0, ddof=1), rtol=1e-3, atol=1e-5)


def test_one_draw_knows_no_variance() -> None:
    world = World.make(training_data([0, 1], [0, 1], [1.0, 2.0]), 1)
    probes = Probes(np.array([0], np.int32), np.array([1], np.int32))
    world.chain.sweep()
    probes.add(world.chain)
    assert probes.variance(1) == pytest.approx(0, abs=1e-6)


def hold(model: DotBias, data: TrainingData, z: float) -> np.ndarray:
    """Whether mean -+ z standard deviations, clipped to the scale, holds each rating."""
    mean = model.predict(data.user_idx, data.item_idx)
    deviation = z * np.sqrt(model.variance(data.user_idx, data.item_idx))
    lo, hi = np.clip([mean - deviation, mean + deviation], *data.rating_scale)
    return (lo <= data.rating) & (data.rating <= hi)


@pytest.mark.parametrize("implicit", [True, False])
def test_intervals_hold_as_many_held_out_ratings_as_they_say(movielens_100k: Path, implicit: bool) -> None:
    train, test = pt.load_dataset("ml-100k").split(0.2, rng=42)
    solver = Bayes(n_factors=8, n_draws=60, n_burn=12, implicit=implicit)
    *_, last = solver.epochs(arrays_of(train))
    data = arrays_of(test)
    few = train.user_counts()[data.user_idx] <= 20
    assert few.sum() > 500
    held = hold(last.model, data, 1.645)
    assert held.mean() == pytest.approx(0.9, abs=0.02)
    assert held[few].mean() == pytest.approx(0.9, abs=0.04)
    held = hold(last.model, data, 0.674)
    assert held.mean() == pytest.approx(0.5, abs=0.03)
    assert held[few].mean() == pytest.approx(0.5, abs=0.07)


def test_what_is_not_known_shrinks_with_the_number_of_ratings() -> None:
    data = arrays_of(pt.load_dataset("sample"))
    *_, last = Bayes(n_factors=4, n_draws=80, n_burn=15).epochs(data)
    variance = last.model.spread.user_variance
    counts = np.bincount(data.user_idx, minlength=data.n_users)
    many = counts > np.median(counts)
    assert variance[many].mean() < 0.8 * variance[~many].mean()
