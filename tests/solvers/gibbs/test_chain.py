"""One chain: what its state keeps in step, and what a sweep does not depend on. Its posterior: test_posterior."""

from __future__ import annotations

import numpy as np
import pytest
from tests.solvers.gibbs.synthetic import World, features, prior_mean, some_pairs, training_data

from penchant.kernels.gibbs_sweep import lanes
from penchant.kernels.parallel import thread_pool


def world(n_factors: int = 3, *, implicit: bool = True, seed: int = 0) -> World:
    """30 users with three features, 20 items with one, 250 ratings; the last user and the last item have none."""
    rng = np.random.default_rng(seed)
    users, items = some_pairs(rng, 29, 19, 250)
    of_users = np.c_[np.eye(2)[rng.integers(0, 2, 30)], rng.standard_normal(30)]
    of_items = rng.standard_normal((20, 1))
    data = training_data(
        users,
        items,
        rng.standard_normal(250),
        30,
        20,
        user_features=features(of_users, [2, 1]),
        item_features=features(of_items, [1]),
    )
    return World.make(data, n_factors, implicit=implicit, seed=seed)


def state(world: World) -> list[np.ndarray]:
    found = [np.array(world.chain.alpha)]
    for side, _ in world.sides:
        found += [side.factors, side.bias, side.kappa, side.mean, side.precision, side.squares]
        for weights in side.weights:
            found += [weights.factors, weights.biases, weights.precision]
    return [np.array(array) for array in found]


@pytest.mark.parametrize("n_factors", [0, 1, 3, 8, 9])
def test_shapes_and_what_stays_zero(n_factors: int) -> None:
    one = world(n_factors)
    for _ in range(5):
        one.chain.sweep()
    for side, data in one.sides:
        assert side.factors.shape == (data.n_rows, lanes(n_factors))
        assert (side.factors[:, n_factors:] == 0).all()
        assert side.kappa.shape == (data.n_rows,)
        assert (side.kappa > 0).all()
        assert side.mean.shape == side.precision.shape == (n_factors + 1,)
        for block, weights in zip(data.blocks, side.weights, strict=True):
            assert weights.factors.shape == (block.n_features, lanes(n_factors))
            assert (weights.factors[:, n_factors:] == 0).all()
    assert all(np.isfinite(array).all() for array in state(one))


def test_the_blocks_of_features_are_the_choices_and_then_those_that_were_given() -> None:
    one = world()
    assert [block.n_features for block in one.data[0].blocks] == [20, 2, 1]
    assert [block.n_features for block in one.data[1].blocks] == [30, 1]
    assert [block.n_features for block in world(implicit=False).data[0].blocks] == [2, 1]


def test_the_prior_means_are_kept_in_step_with_the_weights() -> None:
    """They are brought up to date by what a weight changes; after many sweeps they still are m + F B."""
    one = world()
    for _ in range(300):
        one.chain.sweep()
    for side, data in one.sides:
        factors, bias = prior_mean(side, data)
        assert np.allclose(side._prior_factors[:, :3], factors, atol=1e-4)
        assert np.allclose(side._prior_bias, bias, atol=1e-4)
        assert np.abs(factors).max() > 1e-2


def test_squares_are_those_of_the_state_that_they_were_drawn_with() -> None:
    one = world()
    for _ in range(3):
        one.chain.sweep()
    users, items = one.sides[0][0], one.sides[1][0]
    ratings = one.data[1].ratings  # items are drawn last: theirs are the squares that alpha is drawn from
    rows = np.repeat(np.arange(20), np.diff(ratings.indptr))
    error = ratings.target - one.predict(ratings.others, rows)
    by_hand = np.bincount(rows, weights=users.kappa[ratings.others] * error**2, minlength=20)
    assert np.allclose(items.squares, by_hand, rtol=1e-3, atol=1e-5)


def test_a_seed_makes_the_chain() -> None:
    one, same, other = world(seed=1), world(seed=1), world(seed=2)
    for each in (one, same, other):
        for _ in range(3):
            each.chain.sweep()
    assert all(np.array_equal(*pair) for pair in zip(state(one), state(same), strict=True))
    assert not np.array_equal(one.chain.users.factors, other.chain.users.factors)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_rows_may_be_shared_out_among_threads(n_threads: int) -> None:
    alone, shared = world(n_factors=9), world(n_factors=9)
    with thread_pool(n_threads) as pool:
        for _ in range(5):
            alone.chain.sweep()
            shared.chain.sweep(pool, n_threads)
    assert all(np.array_equal(*pair) for pair in zip(state(alone), state(shared), strict=True))


def test_rows_without_ratings_are_drawn_from_the_prior_mean() -> None:
    """Their mean over draws is that of m + F B: features say something of a row that nobody has rated."""
    one = world(n_factors=1, implicit=False)
    drawn, expected = [], []
    for _ in range(1500):
        one.chain.sweep()
        side = one.chain.users
        drawn.append([side.factors[29, 0], side.bias[29]])
        expected.append([side._prior_factors[29, 0], side._prior_bias[29]])
    apart = np.array(drawn) - np.array(expected)
    assert np.abs(apart.mean(0) / (apart.std(0) / np.sqrt(1500))).max() < 4
    assert apart.std(0).min() > 0
