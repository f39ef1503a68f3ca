"""Intervals of ratings and effects of features (bias rankings: tests/recommender/test_recommender.py)."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import penchant as pt
from penchant.analysis.intervals import bias_ranking, rating_interval
from penchant.errors import ParameterError, UnsupportedError

QUICK = pt.Bayes(n_factors=2, n_draws=40, n_burn=10, n_chains=2)


# -- intervals --


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_an_interval_is_as_wide_as_the_normal_distribution_says(share: float) -> None:
    mean, variance = np.float32([3.0, 2.5]), np.array([0.25, 0.04])
    found = rating_interval(mean, variance, share, (-100, 100))
    z = NormalDist().inv_cdf((1 + share) / 2)
    assert found.predicted.tolist() == mean.tolist()
    assert found.low == pytest.approx([3 - z * 0.5, 2.5 - z * 0.2])
    assert found.high == pytest.approx([3 + z * 0.5, 2.5 + z * 0.2])


def test_an_interval_stays_on_the_scale() -> None:
    found = rating_interval(np.float32([6.0, 0.0, 4.9]), np.array([0.01, 0.01, 4.0]), 0.9, (1, 5))
    assert found.predicted.tolist() == pytest.approx([5, 1, 4.9])
    assert found.high.tolist() == [5, 1, 5]
    assert found.low.tolist()[:2] == [5, 1]  # all of it is above the scale: the highest rating it is
    assert found.low[2] < found.predicted[2]


@pytest.mark.parametrize("share", [0, 1, -0.1, 90, float("nan"), "0.9", True, None])
def test_a_share_is_between_0_and_1(share: object) -> None:
    with pytest.raises(ParameterError, match=r"interval is .*: use a share between 0 and 1, such as 0\.9$"):
        rating_interval(np.float32([3.0]), np.array([1.0]), share, (1, 5))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def split() -> pt.ratings.Split:
    return pt.load_dataset("sample").split(0.25, rng=3)


@pytest.fixture(scope="module")
def sure(split: pt.ratings.Split) -> pt.Recommender:
    return QUICK.fit(split.train)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_intervals_hold_the_share_of_held_out_ratings(
    sure: pt.Recommender, split: pt.ratings.Split, share: float
) -> None:
    """Ratings come in steps, so the share is met within a few hundredths and not exactly."""
    table = split.test.to_frame()
    found = sure.predict(table[["user_id", "item_id"]], interval=share)
    held = (found["low"] <= table["rating"].to_numpy()) & (table["rating"].to_numpy() <= found["high"])
    assert held.mean() == pytest.approx(share, abs=0.06)


def test_the_more_is_known_of_a_user_the_smaller_the_variance(sure: pt.Recommender, split: pt.ratings.Split) -> None:
    counts = np.bincount(split.train.user_idx, minlength=split.train.n_users)
    order = np.argsort(counts, kind="stable")
    unknown = sure.model.spread.user_variance  # type: ignore[attr-defined]
    assert np.median(unknown[order[:40]]) > 1.5 * np.median(unknown[order[-40:]])


def test_intervals_of_one_of_many_and_of_a_table(sure: pt.Recommender) -> None:
    users, items = sure.users.ids[:3], sure.items.ids[:3]
    one = sure.predict(items[0], user_id=users[0], interval=0.8)
    assert one._fields == ("predicted", "low", "high")
    assert all(isinstance(value, float) for value in one)
    assert one.predicted == sure.predict(items[0], user_id=users[0])
    many = sure.predict(items, user_id=users, interval=0.8)
    assert list(many) == ["predicted", "low", "high"]
    assert tuple(many.iloc[0]) == pytest.approx(tuple(one))
    assert many["predicted"].tolist() == sure.predict(items, user_id=users).tolist()
    table = sure.predict(pd.DataFrame({"user": users, "item": items}), interval=0.8)
    pd.testing.assert_frame_equal(table, many)
    assert len(sure.predict([], user_id=[], interval=0.8)) == 0
    assert len(sure.predict(items[:1], user_id=users[0], interval=0.8)) == 1  # a list of one is many


def test_a_model_that_does_not_know_how_sure_it_is_says_who_does(split: pt.ratings.Split) -> None:
    rec = pt.ALS(n_factors=1, n_epochs=1).fit(split.train)
    with pytest.raises(UnsupportedError, match=r"how sure it is: one learned by penchant\.Bayes\(\) does"):
        rec.predict(rec.items[0], user_id=rec.users[0], interval=0.9)


# -- effects --


@pytest.fixture(scope="module")
def planted() -> pt.Ratings:
    """Films whose ratings depend on genre (Good +1, Bad -1) and year (+0.5 a standard deviation); users on nothing."""
    rng = np.random.default_rng(8)
    n_users, n_items = 150, 120
    genres = rng.choice(["Good", "Bad", "Plain"], n_items)
    year = rng.integers(1950, 2001, n_items)
    age = rng.integers(18, 80, n_users)
    level = np.select([genres == "Good", genres == "Bad"], [1.0, -1.0], 0.0) + 0.5 * (year - year.mean()) / year.std()
    user, item = np.divmod(rng.permutation(n_users * n_items)[:6000], n_items)
    rating = 5 + level[item] + rng.normal(0, 0.3, n_users)[user] + rng.normal(0, 0.5, len(user))
    items = {"item": np.arange(n_items), "genres": [(genre,) for genre in genres.tolist()], "year": year}
    users = {"user": np.arange(n_users), "age": age, "sex": rng.choice(["F", "M"], n_users)}
    return pt.Ratings.from_arrays(
        user, item, rating.clip(0, 10), rating_scale=(0, 10), items=pd.DataFrame(items), users=pd.DataFrame(users)
    )


@pytest.fixture(scope="module")
def effects(planted: pt.Ratings) -> pt.Recommender:
    return pt.Bayes(
        n_factors=4, n_draws=100, n_burn=20, n_chains=2, item_features=("genres", "year"), user_features=("age", "sex")
    ).fit(planted)


def test_effects_that_are_there_are_found(effects: pt.Recommender) -> None:
    table = effects.feature_effects()
    assert list(table) == ["side", "attribute", "value", "effect", "low", "high"]
    items = table[table["side"] == "item"]
    assert items["attribute"].tolist() == ["genres"] * 3 + ["year"]
    assert items["value"].tolist()[:3] == ["Good", "Plain", "Bad"]  # highest first within an attribute
    effect = items.set_index("value")["effect"]
    assert effect["Good"] - effect["Bad"] == pytest.approx(2, abs=0.2)
    assert effect.iloc[-1] == pytest.approx(0.5, abs=0.15)
    assert (table["low"] <= table["effect"]).all()
    assert (table["effect"] <= table["high"]).all()
    good, bad = (items.set_index("value").loc[name] for name in ("Good", "Bad"))
    assert good["low"] > bad["high"]


def test_effects_that_are_not_there_are_not_found(effects: pt.Recommender) -> None:
    users = effects.feature_effects(interval=0.95).query("side == 'user'")
    assert users["attribute"].tolist() == ["age", "sex", "sex"]
    assert (users["effect"].abs() < 0.2).all()
    assert ((users["low"] < 0) & (users["high"] > 0)).all()


def test_a_larger_share_is_a_wider_interval(effects: pt.Recommender) -> None:
    half, nearly_all = (effects.feature_effects(interval=share) for share in (0.5, 0.99))
    assert half["effect"].tolist() == nearly_all["effect"].tolist()
    ratio = (nearly_all["high"] - nearly_all["low"]) / (half["high"] - half["low"])
    assert ratio.to_numpy() == pytest.approx(NormalDist().inv_cdf(0.995) / NormalDist().inv_cdf(0.75))
    for share in (0, 1, 90):
        with pytest.raises(ParameterError, match=r"interval is .*, such as 0\.9$"):
            effects.feature_effects(interval=share)


def test_a_model_without_features_says_how_to_have_some(sure: pt.Recommender) -> None:
    with pytest.raises(UnsupportedError, match=r"trained without features: use penchant\.Bayes\(item_features="):
        sure.feature_effects()


def test_effects_outlive_a_file(effects: pt.Recommender, tmp_path: object) -> None:
    again = pt.load(effects.save(tmp_path / "a.penchant"))  # type: ignore[operator]
    pd.testing.assert_frame_equal(again.feature_effects(), effects.feature_effects())


# -- bias rankings, on arrays --


def test_ties_are_in_the_order_of_rows() -> None:
    biases = np.float32([0.5, 1, 0.5, 1])
    assert bias_ranking(biases, None).tolist() == [1, 3, 0, 2]
    assert bias_ranking(biases, None, worst=True).tolist() == [0, 2, 1, 3]
    with pytest.raises(ParameterError, match="min_ratings needs the training ratings"):
        bias_ranking(biases, None, min_ratings=1)
