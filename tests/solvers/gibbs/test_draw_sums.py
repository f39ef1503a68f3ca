"""What is kept of draws: sums against the plain means of everything that the chain was seen to hold."""

from __future__ import annotations

import numpy as np
import pytest
from tests.solvers.gibbs.synthetic import World, features, some_pairs, training_data

from penchant.solvers.gibbs.draw_sums import PosteriorMean, Summary, centred


@pytest.fixture
def world() -> World:
    return make(3)


def make(n_factors: int) -> World:
    rng = np.random.default_rng(0)
    users, items = some_pairs(rng, 15, 10, 90)
    of_users = features(np.c_[np.eye(2)[rng.integers(0, 2, 15)], rng.standard_normal(15)], [2, 1])
    data = training_data(users, items, rng.standard_normal(90), 15, 10, user_features=of_users)
    return World.make(data, n_factors)


def summary_of(world: World, n_factors: int) -> Summary:
    return Summary(*world.data, n_factors)


def followed(world: World, n_factors: int, n_draws: int, spread: float) -> tuple[PosteriorMean, dict[str, np.ndarray]]:
    """The posterior mean of some draws, and beside it the same by hand."""
    summary = summary_of(world, n_factors)
    seen: dict[str, list[np.ndarray]] = {}
    for _ in range(n_draws):
        world.chain.sweep()
        summary.add(world.chain)
        seen.setdefault("noise_variance", []).append(np.array(spread**2 / world.chain.alpha))
        taste = world.chain.users.factors @ world.chain.items.factors.T
        seen.setdefault("taste", []).append(spread * taste)
        for name, (side, _) in zip(("user", "item"), world.sides, strict=True):
            other = world.chain.items if name == "user" else world.chain.users
            seen.setdefault(f"{name} biases", []).append(spread * side.bias)
            seen.setdefault(f"{name} noise", []).append(1 / side.kappa.astype(np.float64))
            seen.setdefault(f"{name} m", []).append(np.array(spread * side.mean[-1]))
            seen.setdefault(f"{name} m taste", []).append(spread * other.factors[:, :n_factors] @ side.mean[:-1])
            variances = 1 / side.precision
            seen.setdefault(f"{name} factor variance", []).append(spread * variances[:-1].mean())
            seen.setdefault(f"{name} bias variance", []).append(spread**2 * variances[-1])
            for block, weights in enumerate(side.weights):
                seen.setdefault(f"{name} B {block}", []).append(spread * weights.biases.astype(np.float64))
                with_others = weights.factors @ other.factors.T
                seen.setdefault(f"{name} B taste {block}", []).append(spread * with_others)
                effect = weights.biases + with_others.mean(axis=1, dtype=np.float64)  # on everybody
                seen.setdefault(f"{name} effect {block}", []).append(spread * effect)
        assert summary.n_draws == len(seen["taste"])
    means = {what: np.mean(each, axis=0) for what, each in seen.items()}
    return summary.mean(spread), means | {f"{what} sd": np.std(each, axis=0) for what, each in seen.items()}


@pytest.mark.parametrize("spread", [1.0, 2.5])
def test_plain_means_are_those_of_the_draws_in_rating_units(world: World, spread: float) -> None:
    found, by_hand = followed(world, 3, 30, spread)
    assert found.noise_variance == pytest.approx(by_hand["noise_variance"])
    for name, side in (("user", found.users), ("item", found.items)):
        assert np.allclose(side.biases, by_hand[f"{name} biases"], atol=1e-5)
        assert np.allclose(side.noise, by_hand[f"{name} noise"], rtol=1e-5)
        assert side.mean[-1] == pytest.approx(by_hand[f"{name} m"])
        assert side.variances[0] == pytest.approx(by_hand[f"{name} factor variance"])
        assert side.variances[1] == pytest.approx(by_hand[f"{name} bias variance"])
        for block, (weights, errors) in enumerate(zip(side.weights, side.weight_errors, strict=True)):
            assert np.allclose(weights[:, -1], by_hand[f"{name} B {block}"], atol=1e-5)
            assert np.allclose(errors, by_hand[f"{name} effect {block} sd"] * np.sqrt(30 / 29), atol=1e-4)
        assert side.factors.dtype == side.biases.dtype == side.noise.dtype == np.float32
        assert side.factors.flags.c_contiguous
    assert len(found.users.weights) == 3
    assert len(found.items.weights) == 1


@pytest.mark.parametrize("spread", [1.0, 2.5])
def test_factors_are_the_truncated_mean_of_products(world: World, spread: float) -> None:
    found, by_hand = followed(world, 3, 12, spread)
    u, s, vt = np.linalg.svd(by_hand["taste"])
    exact = (u[:, :3] * s[:3]) @ vt[:3]
    assert np.allclose(found.users.factors @ found.items.factors.T, exact, atol=2e-3 * np.abs(exact).max())


def test_weights_and_prior_means_are_in_the_columns_of_the_collapsed_model(world: World) -> None:
    """With one draw nothing is truncated: what they add to a prediction is what they added in the draw."""
    found, by_hand = followed(world, 3, 1, 1.7)
    for name, side, other in (("user", found.users, found.items), ("item", found.items, found.users)):
        assert np.allclose(other.factors @ side.mean[:-1], by_hand[f"{name} m taste"], atol=2e-3)
        for block, weights in enumerate(side.weights):
            assert np.allclose(weights[:, :-1] @ other.factors.T, by_hand[f"{name} B taste {block}"], atol=2e-3)
        assert np.allclose(side.weight_errors[0], 0, atol=1e-3)


def test_clear_forgets_the_draws(world: World) -> None:
    summary = summary_of(world, 3)
    for _ in range(4):
        world.chain.sweep()
        summary.add(world.chain)
    summary.clear()
    assert summary.n_draws == 0
    world.chain.sweep()
    summary.add(world.chain)
    fresh = summary_of(world, 3)
    fresh.add(world.chain)
    one, two = summary.mean(1.0), fresh.mean(1.0)
    assert one.noise_variance == two.noise_variance
    for ours, theirs in ((one.users, two.users), (one.items, two.items)):
        for name in ("factors", "biases", "mean", "noise"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name))
        assert ours.variances == theirs.variances


def test_a_mean_is_not_changed_by_later_draws(world: World) -> None:
    summary = summary_of(world, 3)
    world.chain.sweep()
    summary.add(world.chain)
    early = summary.mean(1.0)
    kept = [early.users.factors.copy(), early.users.biases.copy(), early.items.weights[0].copy()]
    for _ in range(40):
        world.chain.sweep()
        summary.add(world.chain)
    now = [early.users.factors, early.users.biases, early.items.weights[0]]
    assert all(np.array_equal(*pair) for pair in zip(kept, now, strict=True))


def test_without_factors_there_are_biases_only() -> None:
    found, by_hand = followed_without_factors()
    assert found.users.factors.shape == (15, 0)
    assert found.users.mean.shape == (1,)
    assert found.users.variances[0] == 0
    assert found.users.weights[0].shape == (10, 1)
    assert np.allclose(found.users.biases, by_hand, atol=1e-5)


def followed_without_factors() -> tuple[PosteriorMean, np.ndarray]:
    world = make(0)
    summary = summary_of(world, 0)
    seen = []
    for _ in range(6):
        world.chain.sweep()
        summary.add(world.chain)
        seen.append(world.chain.users.bias.copy())
    return summary.mean(1.0), np.mean(seen, axis=0)


def test_centred_factors_predict_the_same_and_leave_biases_whole(world: World) -> None:
    found, _ = followed(world, 3, 12, 1.5)
    moved = centred(found)

    def predicted(posterior: PosteriorMean) -> np.ndarray:
        users, items = posterior.users, posterior.items
        return users.factors @ items.factors.T + users.biases[:, None] + items.biases

    assert np.allclose(predicted(moved), predicted(found), atol=1e-4)
    for old, old_other, new, other in (
        (found.users, found.items, moved.users, moved.items),
        (found.items, found.users, moved.items, moved.users),
    ):
        assert np.allclose(new.factors.mean(axis=0), 0, atol=1e-5)
        assert not np.allclose(old.factors.mean(axis=0), 0, atol=1e-3)
        for one, two in zip(old.weights, new.weights, strict=True):  # they add as much to a prediction as before
            plain = one[:, :-1] @ old_other.factors.T + one[:, -1:]
            assert np.allclose(two[:, :-1] @ other.factors.T + two[:, -1:], plain, atol=1e-4)
        cold = old.mean[:-1] @ old_other.factors.T + old.mean[-1] + old_other.biases
        assert np.allclose(new.mean[:-1] @ other.factors.T + new.mean[-1] + other.biases, cold, atol=1e-4)
