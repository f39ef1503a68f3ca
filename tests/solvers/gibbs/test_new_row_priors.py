"""The prior of a new row: what is estimated from known rows, and whether fold-in with it does what training would."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tests.solvers.gibbs.synthetic import features, some_pairs, training_data

import penchant as pt
from penchant.arrays.feature_rows import FeatureRow
from penchant.fitting.fit import training_data as arrays_of
from penchant.kernels.csr import GroupedRatings, group_by_row
from penchant.models.dot_bias import DotBias
from penchant.solvers.bayes import Bayes
from penchant.solvers.gibbs.draw_sums import SideMean
from penchant.solvers.gibbs.new_row_priors import KnownRows, cold_mean, cold_precision, estimate_prior, known_rows
from penchant.solvers.solver import TrainingData

MEAN = np.array([0.5, -1.0, 0.3])
COVARIANCE = np.array([[0.6, 0.2, -0.1], [0.2, 0.3, 0.05], [-0.1, 0.05, 0.2]])


def rows_of(n: int, n_ratings: int, noise: float = 0.5, seed: int = 0, offset: float = 0.0) -> KnownRows:
    """Rows from N(MEAN + offset_r, COVARIANCE), each with some ratings of random items."""
    rng = np.random.default_rng(seed)
    offsets = offset * rng.standard_normal((n, 3))
    theta = MEAN + offsets + rng.multivariate_normal(np.zeros(3), COVARIANCE, n)
    x = np.concatenate([rng.standard_normal((n, n_ratings, 2)), np.ones((n, n_ratings, 1))], axis=2)
    y = np.einsum("nij,nj->ni", x, theta) + noise * rng.standard_normal((n, n_ratings))
    return KnownRows(np.einsum("nia,nib->nab", x, x) / noise**2, np.einsum("nia,ni->na", x, y) / noise**2, offsets)


@pytest.mark.parametrize("n_ratings", [3, 40])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_mean_and_covariance_are_found(n_ratings: int, offset: float) -> None:
    """Few ratings leave each row uncertain: the covariance is that of rows, not of what is known of them."""
    mean, precision, _ = estimate_prior(rows_of(2000, n_ratings, offset=offset), np.zeros(3), np.full(3, 0.3))
    assert np.allclose(mean, MEAN, atol=4 * np.sqrt(COVARIANCE.max() / 2000 * 2))
    assert np.allclose(np.linalg.inv(precision), COVARIANCE, atol=0.06)
    assert np.array_equal(precision, precision.T)


def test_without_rows_the_guess_stays() -> None:
    nothing = KnownRows(np.zeros((0, 3, 3)), np.zeros((0, 3)), np.zeros((0, 3)))
    mean, precision, _ = estimate_prior(nothing, MEAN, np.array([0.5, 0.25, 2.0]))
    assert np.array_equal(mean, MEAN)
    assert np.allclose(precision, np.diag([2, 4, 0.5]))


@pytest.mark.parametrize("n_ratings", [1, 50])
def test_one_row_moves_the_guess_a_little_and_keeps_it_proper(n_ratings: int) -> None:
    guess = np.full(3, 0.4)
    mean, precision, _ = estimate_prior(rows_of(1, n_ratings), np.zeros(3), guess)
    assert np.isfinite(mean).all()
    covariance = np.linalg.inv(precision)
    assert np.linalg.eigvalsh(covariance).min() > 0.1
    assert np.allclose(np.diag(covariance), guess, rtol=0.5)


def test_a_guess_of_nothing_is_no_division_by_zero() -> None:
    mean, precision, _ = estimate_prior(rows_of(5, 4), np.zeros(3), np.zeros(3))
    assert np.isfinite(mean).all()
    assert np.isfinite(precision).all()
    np.linalg.cholesky(precision)


def test_more_steps_hardly_move_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.solvers.gibbs import new_row_priors as priors

    rows = rows_of(600, 10)
    _, few, _ = estimate_prior(rows, np.zeros(3), np.full(3, 0.3))
    monkeypatch.setattr(priors, "_STEPS", 200)
    _, many, _ = estimate_prior(rows, np.zeros(3), np.full(3, 0.3))
    assert np.allclose(np.linalg.inv(few), np.linalg.inv(many), atol=0.02 * COVARIANCE.max())


def side(n: int, n_factors: int, seed: int = 0) -> SideMean:
    rng = np.random.default_rng(seed)
    return SideMean(
        factors=rng.standard_normal((n, n_factors)).astype(np.float32),
        biases=rng.standard_normal(n).astype(np.float32),
        mean=np.zeros(n_factors + 1),
        weights=[],
        weight_errors=[],
        noise=rng.uniform(0.5, 2, n).astype(np.float32),
        variances=(0.3, 0.2),
    )


def table(n_rows: int, n_others: int, n: int, seed: int = 0) -> GroupedRatings:
    rng = np.random.default_rng(seed)
    rows, others = some_pairs(rng, n_rows, n_others, n)
    target = rng.standard_normal(n).astype(np.float32)
    return group_by_row(rows.astype(np.int32), others.astype(np.int32), target, n_rows + 1)  # the last has none


@pytest.mark.parametrize("with_implicit", [True, False])
@pytest.mark.parametrize("with_effects", [True, False])
def test_known_rows_are_the_sums_of_the_fold_in(with_implicit: bool, with_effects: bool) -> None:
    ratings, other, rng = table(12, 9, 60), side(9, 2), np.random.default_rng(4)
    implicit = rng.standard_normal((9, 3)).astype(np.float32) if with_implicit else None
    effects = rng.standard_normal((13, 3)) if with_effects else None
    own_noise = np.random.default_rng(8).uniform(0.5, 2, len(ratings.indptr) - 1).astype(np.float32)
    found = known_rows(ratings, 1.3, own_noise, other, 0.4, implicit, effects, np.random.default_rng(5))
    order = np.random.default_rng(5).permutation(np.flatnonzero(np.diff(ratings.indptr)))
    assert len(found.products) == len(order)
    for at, row in enumerate(order):
        own = slice(ratings.indptr[row], ratings.indptr[row + 1])
        rated = ratings.others[own]
        x = np.c_[other.factors[rated], np.ones(len(rated))].astype(np.float64)
        weights = 1 / (0.4 * own_noise[row] * other.noise[rated].astype(np.float64))
        y = 1.3 * ratings.target[own] - other.biases[rated]
        assert np.allclose(found.products[at], (x.T * weights) @ x, rtol=1e-5)
        assert np.allclose(found.right[at], (x.T * weights) @ y, rtol=1e-4, atol=1e-5)
        offset = np.zeros(3)
        if implicit is not None:
            offset += implicit[rated].sum(0) / np.sqrt(len(rated))
        if effects is not None:
            offset += effects[row]
        assert np.allclose(found.offsets[at], offset, atol=1e-5)


def test_known_rows_are_a_thousand_at_most_and_chosen_at_random() -> None:
    ratings = table(1500, 10, 6000)
    chosen = [
        known_rows(
            ratings, 1.0, np.ones(ratings.n_rows, np.float32), side(10, 1), 1.0, None, None, np.random.default_rng(seed)
        )
        for seed in (0, 1)
    ]
    assert all(len(each.products) == 1000 for each in chosen)
    assert not np.array_equal(chosen[0].right, chosen[1].right)


def test_known_rows_have_hardly_more_ratings_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.solvers.gibbs import new_row_priors as priors

    monkeypatch.setattr(priors, "_MOST_RATINGS", 100)
    ratings = table(200, 10, 1000)
    found = known_rows(
        ratings, 1.0, np.ones(ratings.n_rows, np.float32), side(10, 1), 1.0, None, None, np.random.default_rng(0)
    )
    used = found.products[:, -1, -1]  # the bias: the sum of weights 1 / s
    assert 10 < len(used) < 60
    assert 50 < used.sum() < 250


def last_model(data: TrainingData, **settings: object) -> DotBias:
    *_, last = Bayes(**{"n_factors": 4, "n_draws": 80, "n_burn": 15} | settings).epochs(data)
    return last.model


@pytest.fixture(scope="module")
def sample() -> TrainingData:
    return arrays_of(pt.load_dataset("sample"))


@pytest.mark.parametrize("implicit", [True, False])
def test_fold_in_of_a_trained_rows_own_ratings_lands_near_it(sample: TrainingData, implicit: bool) -> None:
    """Near, not on it: the row is a mean over draws of the other side, fold-in holds that side still."""
    model = last_model(sample, implicit=implicit)
    everything = np.arange(sample.n_items, dtype=np.int32)
    apart, size = [], []
    for user in range(0, 200, 4):
        own = sample.user_idx == user
        row = model.fold_in_user(sample.item_idx[own], sample.rating[own]).mean
        folded = model.item_factors @ row[:-1] + row[-1]
        trained = model.predict(np.full(100, user, np.int32), everything) - model.item_biases - model.global_mean
        apart.append(np.mean((folded - trained) ** 2))
        size.append(np.mean(trained**2))
    assert np.sqrt(np.mean(apart)) < 0.25 * np.sqrt(np.mean(size))


@pytest.mark.parametrize("which", ["user", "item"])
def test_fold_in_is_the_dense_posterior_with_choices_features_and_noise(which: str) -> None:
    """By hand: Lambda = prior + sum_j alpha / s_j x x^T; the prior mean is m + f B + |N|^-1/2 sum Y, towards that of
    a cold row by 8 / (n + 8)."""
    rng = np.random.default_rng(6)
    users, items = some_pairs(rng, 30, 20, 300)
    of_users, of_items = rng.standard_normal((30, 2)), np.eye(3)[rng.integers(0, 3, 20)]
    data = training_data(
        users,
        items,
        rng.integers(1, 6, 300),
        user_features=features(of_users, [1, 1]),
        item_features=features(of_items, [3]),
    )
    model = last_model(data)
    others = np.array([3, 7, 11, 2], dtype=np.int32)
    rating = np.array([5, 1, 4, 2], dtype=np.float32)
    if which == "user":
        feature = FeatureRow(np.array([0, 1], np.int32), np.array([0.7, -2.0], np.float32))
        found = model.fold_in_user(others, rating, feature)
        prior, q, b, s = model.user_prior, model.item_factors, model.item_biases, model.spread.item_noise
        own = model.spread.mean_user_noise
    else:
        feature = FeatureRow(np.array([2], np.int32), np.array([1.0], np.float32))
        found = model.fold_in_item(others, rating, feature)
        prior, q, b, s = model.item_prior, model.user_factors, model.user_biases, model.spread.user_noise
        own = model.spread.mean_item_noise
    precision = prior.cold_precision.copy()
    chosen = prior.mean + prior.implicit_weights[others].astype(np.float64).sum(0) / 2
    expected = 8 / 12 * prior.cold_mean + 4 / 12 * chosen  # four ratings
    for column, value in zip(feature.columns, feature.values, strict=True):
        expected += float(value) * prior.feature_weights[column].astype(np.float64)
    right = precision @ expected
    for j, r in zip(others, rating, strict=True):
        x = np.append(q[j], 1).astype(np.float64)
        weight = model.noise_precision / float(s[j]) / own
        precision += weight * np.outer(x, x)
        right += weight * x * (float(r) - model.global_mean - float(b[j]))
    assert np.allclose(found.mean, np.linalg.solve(precision, right), atol=1e-6)
    assert np.allclose(found.covariance, np.linalg.inv(precision), atol=1e-6)
    without = dataclasses.replace(prior, implicit_weights=None, feature_weights=None, feature_errors=None)
    plain = dataclasses.replace(model, **{f"{which}_prior": without})
    fold = plain.fold_in_user if which == "user" else plain.fold_in_item
    assert not np.allclose(fold(others, rating).mean, found.mean, atol=1e-4)


def test_fold_in_of_new_users_is_about_as_good_as_training_them(movielens_100k: Path) -> None:
    """150 users of ml-100k: half of their ratings given, the other half to be predicted."""
    ratings = arrays_of(pt.load_dataset("ml-100k"))
    rng = np.random.default_rng(1)
    users = rng.choice(ratings.n_users, 150, replace=False)
    is_new = np.isin(ratings.user_idx, users)
    is_given = is_new & (rng.random(len(is_new)) < 0.5)
    asked = np.flatnonzero(is_new & ~is_given)

    def part(mask: np.ndarray) -> TrainingData:
        taken = (each[mask] for each in (ratings.user_idx, ratings.item_idx, ratings.rating))
        return TrainingData(*taken, ratings.n_users, ratings.n_items, ratings.rating_scale)

    settings = {"n_factors": 8, "n_draws": 60, "n_burn": 12}
    without, retrained = last_model(part(~is_new), **settings), last_model(part(~is_new | is_given), **settings)
    folded = without
    for user in users:
        own = is_given & (ratings.user_idx == user)
        folded = folded.with_row("user", without.fold_in_user(ratings.item_idx[own], ratings.rating[own]))
    place = np.zeros(ratings.n_users, np.int32)
    place[users] = ratings.n_users + np.arange(150)
    truth = ratings.rating[asked]

    def mse(model: DotBias, rows: np.ndarray) -> float:
        predicted = model.predict(rows.astype(np.int32), ratings.item_idx[asked]).clip(*ratings.rating_scale)
        return float(np.mean((predicted - truth) ** 2))

    mean_of_items = mse(without.with_rows(ratings.n_users + 1, ratings.n_items), np.full(len(asked), ratings.n_users))
    ours, theirs = mse(folded, place[ratings.user_idx[asked]]), mse(retrained, ratings.user_idx[asked])
    assert ours < 1.02 * theirs < 0.9 * mean_of_items
    deviation = np.sqrt(folded.variance(place[ratings.user_idx[asked]], ratings.item_idx[asked]))
    predicted = folded.predict(place[ratings.user_idx[asked]], ratings.item_idx[asked])
    lo, hi = np.clip([predicted - 1.645 * deviation, predicted + 1.645 * deviation], 1, 5)
    assert np.mean((lo <= truth) & (truth <= hi)) == pytest.approx(0.9, abs=0.04)


def test_a_cold_row_is_like_whole_rows_that_are_known_well() -> None:
    """Rows with hardly any ratings count little, and what features add is taken away first."""
    rng = np.random.default_rng(3)
    effects = np.where(np.arange(3000)[:, None] % 2 == 0, [1.0, 0.0, -2.0], 0.0)
    theta = (effects + MEAN + rng.standard_normal((3000, 3)) * [1.0, 2.0, 0.5]).astype(np.float32)
    counts = np.full(3000, 10_000)
    theta[:500], counts[:500] = 1e3, 0  # without ratings: no say at all
    assert np.allclose(cold_mean(theta, counts, effects), MEAN, atol=0.15)
    still_open = np.diag([0.5, 0.0, 0.25])
    precision = cold_precision(theta, counts, effects, still_open, np.ones(3))
    assert np.allclose(np.linalg.inv(precision), np.diag([1.5, 4.0, 0.5]), atol=0.3)
    counts[500:1750] = 1  # with one rating: 1/11 of the say of a row with thousands
    theta[500:1750] = 11
    share = 1250 / 11 / (1250 / 11 + 1250 * 0.999)
    rest = MEAN * (1 - share) + share * (11 - effects[500:1750].mean(axis=0))
    assert np.allclose(cold_mean(theta, counts, effects), rest, atol=0.15)
