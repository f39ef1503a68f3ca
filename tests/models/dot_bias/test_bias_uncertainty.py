"""How sure a model is of a bias: beside the covariance of a fold-in, and beside a truth that is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.random_models import random_model, random_seen

import penchant as pt
from penchant.arrays.seen_ratings import SeenRatings
from penchant.models.dot_bias.bias_uncertainty import bias_deviations
from penchant.models.dot_bias.fold_in import design_of
from penchant.models.link import slope_of


def of_item(seen: SeenRatings, item: int) -> np.ndarray:
    users = np.repeat(np.arange(seen.n_users), seen.user_counts())
    return users[seen.item_idx == item].astype(np.int32)


@pytest.mark.parametrize("seed", range(4))
def test_without_a_spread_it_is_that_of_the_fold_in(seed: int) -> None:
    model, seen = random_model(seed), random_seen(seed)
    items, users = bias_deviations(model, seen, "item"), bias_deviations(model, seen, "user")
    for item in range(model.n_items):
        raters = of_item(seen, item)
        covariance = model.fold_in_item(raters, np.zeros(len(raters), np.float32)).covariance
        assert items[item] == pytest.approx(np.sqrt(covariance[-1, -1]))
    for user in range(model.n_users):
        rated = seen.items_of(user)
        covariance = model.fold_in_user(rated, np.zeros(len(rated), np.float32)).covariance
        assert users[user] == pytest.approx(np.sqrt(covariance[-1, -1]))


@pytest.mark.parametrize("seed", range(4))
def test_with_a_spread_it_is_widened_to_what_draws_differ_by(seed: int) -> None:
    model, seen = random_model(seed, rich=True), random_seen(seed)
    found, spread = bias_deviations(model, seen, "item"), model.spread
    everybody = design_of(model.user_factors, np.arange(model.n_users, dtype=np.int32))
    for item in range(model.n_items):
        raters = of_item(seen, item)
        design = design_of(model.user_factors, raters)
        weights = model.noise_precision / (spread.item_noise[item] * spread.user_noise[raters].astype(float))
        prior = model.item_prior.precision if len(raters) else model.item_prior.cold_precision
        covariance = np.linalg.inv(prior + (design * weights[:, None]).T @ design)
        left_open = np.mean([x @ covariance @ x for x in everybody])
        factor = max(spread.item_variance[item] / left_open, 1)
        assert found[item] == pytest.approx(np.sqrt(covariance[-1, -1] * factor))


def test_behind_a_sigmoid_ratings_count_along_its_tangent() -> None:
    model, seen = random_model(2, y_range=(0.5, 5.5)), random_seen(2)
    found = bias_deviations(model, seen, "item")
    for item in range(model.n_items):
        raters = of_item(seen, item)
        design = design_of(model.user_factors, raters)
        theta = np.append(model.item_factors[item], model.item_biases[item])
        eta = model.global_mean + model.user_biases[raters] + design @ theta
        weights = model.noise_precision * slope_of(eta, model.y_range) ** 2
        covariance = np.linalg.inv(model.item_prior.precision_of(len(raters)) + (design * weights[:, None]).T @ design)
        assert found[item] == pytest.approx(np.sqrt(covariance[-1, -1]), rel=1e-5)


def test_rows_beyond_those_with_ratings_have_the_prior() -> None:
    model, seen = random_model(1), random_seen(1)
    grown = model.with_rows(model.n_users + 2, model.n_items + 1)
    prior = np.sqrt(np.linalg.inv(model.user_prior.precision)[-1, -1])
    np.testing.assert_allclose(bias_deviations(grown, seen, "user")[-2:], prior)
    assert len(bias_deviations(grown, seen, "item")) == model.n_items + 1


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = random_model(5, rich=True), random_seen(5)
    whole = bias_deviations(model, seen, "item")
    monkeypatch.setattr("penchant.models.dot_bias.bias_uncertainty._MOST_NUMBERS", 40)
    np.testing.assert_allclose(bias_deviations(model, seen, "item"), whole)
    none = replace(model.with_rows(7, 9), item_biases=model.item_biases[:0], item_factors=model.item_factors[:0])
    assert len(bias_deviations(replace(none, spread=None), random_seen(5, n=0), "item")) == 0


def test_intervals_of_biases_agree_between_two_halves_of_the_ratings() -> None:
    """Two models of halves of the ratings are two looks at the same biases: they differ as their intervals say."""
    ratings = pt.load_dataset("sample")
    halves = ratings.split(0.5, rng=0)
    bayes = pt.Bayes(n_factors=2, n_draws=80, n_burn=20, n_chains=2)
    one, two = (bayes.fit(half).item_biases(interval=0.68).set_index("item_id") for half in (halves.train, halves.test))
    two = two.loc[one.index]
    counted = (one["n_ratings"] >= 3) & (two["n_ratings"] >= 3)
    apart = (one["bias"] - two["bias"])[counted]
    expected = np.hypot(one["high"] - one["low"], two["high"] - two["low"])[counted] / 2
    assert 0.6 < np.sqrt(np.mean(apart**2) / np.mean(expected**2)) < 1.6
