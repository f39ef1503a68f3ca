"""New users and items in a trained recommender, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import (
    UnsupportedError,
)
from penchant.models.dot_bias import DotBias

FEATURES = {"item_features": ("genres", "year"), "user_features": ("age", "occupation")}


@pytest.fixture(scope="module")
def sample() -> Ratings:
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def rec(sample: Ratings) -> pt.Recommender:
    return pt.Bayes(n_factors=3, n_draws=40, n_burn=10, n_chains=2, **FEATURES).fit(sample)


@pytest.fixture(scope="module")
def als(sample: Ratings) -> pt.Recommender:
    return pt.ALS(n_factors=3, n_epochs=30).fit(sample)


def model_of(rec: pt.Recommender) -> DotBias:
    assert isinstance(rec.model, DotBias)
    return rec.model


def last(rec: pt.Recommender, side: str) -> np.ndarray[Any, Any]:
    """The last row [p, b] of a side."""
    arrays = rec.model.arrays()
    return np.append(arrays[f"{side}_factors"][-1], arrays[f"{side}_biases"][-1])


def by_hand(model: DotBias, rows: list[int], ratings: list[float], features: np.ndarray[Any, Any]) -> Any:
    """A user's posterior mean as one ridge regression: its ratings, and the prior as further observations."""
    prior = model.user_prior
    chosen = prior.mean + prior.implicit_weights[rows].sum(axis=0) / np.sqrt(max(len(rows), 1))  # type: ignore[index]
    share = 8 / (len(rows) + 8)
    mean = share * prior.cold_mean + (1 - share) * chosen + features @ prior.feature_weights
    root = np.linalg.cholesky(prior.cold_precision).T
    x = np.column_stack([model.item_factors[rows], np.ones(len(rows))]).astype(np.float64)
    y = np.array(ratings) - model.global_mean - model.item_biases[rows]
    noise = model.spread.item_noise[rows] * model.spread.mean_user_noise  # type: ignore[union-attr]
    weight = np.sqrt(model.noise_precision / noise)
    left = np.concatenate([root, x * weight[:, None]])
    right = np.concatenate([root @ mean, y * weight])
    return np.linalg.lstsq(left, right, rcond=None)[0]


# -- what a new row is --


def test_a_new_user_is_the_posterior_given_ratings_and_features(rec: pt.Recommender) -> None:
    rows, ratings = [3, 50, 7], [5.0, 1.0, 4.0]
    known = {"age": 40, "occupation": "student"}
    given = {rec.items[row]: rating for row, rating in zip(rows, ratings, strict=True)}
    grown = rec.add_user("new", features=known, ratings=given)
    labels = rec._state.user_features.labels()  # type: ignore[union-attr]
    age = rec._state.user_features.columns[0]  # type: ignore[union-attr]
    features = np.array([float(value == "student") for _, value in labels])
    features[0] = (40 - age.mean) / age.deviation
    assert last(grown, "user") == pytest.approx(by_hand(model_of(rec), rows, ratings, features), abs=1e-5)
    assert grown.users[-1] == "new"


def test_a_new_user_of_whom_nothing_is_known_is_the_prior(rec: pt.Recommender) -> None:
    grown = rec.add_user("new")
    assert last(grown, "user") == pytest.approx(model_of(rec).user_prior.cold_mean, abs=1e-6)


def test_a_new_item_without_ratings_is_what_its_features_let_expect(rec: pt.Recommender) -> None:
    horror, comedy, nothing = (
        rec.add_item(900, features=features)
        for features in ({"genres": ("Horror",), "year": 1960}, {"genres": ("Comedy",), "year": 1999}, None)
    )
    prior = model_of(rec).item_prior
    encoder = rec._state.item_features
    assert encoder is not None
    assert prior.feature_weights is not None
    row = encoder.row({"genres": ("Horror",), "year": 1960})
    effect = row.values @ prior.feature_weights[row.columns]
    assert last(horror, "item") == pytest.approx(prior.cold_mean + effect, abs=1e-6)
    assert last(nothing, "item") == pytest.approx(prior.cold_mean, abs=1e-6)
    assert last(horror, "item").tolist() != last(comedy, "item").tolist()


def test_als_folds_a_user_in_as_it_trained_it(als: pt.Recommender, sample: Ratings) -> None:
    """After enough sweeps the row that training found and the row that fold-in finds are one."""
    row = 17
    mine = sample.user_idx == row
    given = {
        sample.items[int(item)]: float(r) for item, r in zip(sample.item_idx[mine], sample.rating[mine], strict=True)
    }
    grown = als.add_user("twin", ratings=given)
    trained = np.append(model_of(als).user_factors[row], model_of(als).user_biases[row])
    assert last(grown, "user") == pytest.approx(trained, abs=0.02)


def test_ratings_of_somebody_new_help(sample: Ratings) -> None:
    """Half the ratings of people who were held out predict their other half, better than nothing does."""
    split = pt.splits.cold_users(sample, share=0.2, rng=1)
    rec = pt.Bayes(n_factors=3, n_draws=60, n_burn=10, n_chains=2).fit(split.train)
    table = split.test.to_frame()
    errors: dict[str, list[float]] = {"none": [], "half": []}
    for user, theirs in table.groupby("user_id"):
        given, asked = theirs.iloc[::2], theirs.iloc[1::2]
        if len(asked) == 0:
            continue
        ratings = dict(zip(given["item_id"], given["rating"], strict=True))
        for name, known in (("none", {}), ("half", ratings)):
            predicted = rec.add_user(("new", user), ratings=known).predict(
                asked["item_id"], user_id=[("new", user)] * len(asked)
            )
            errors[name] += ((predicted - asked["rating"].to_numpy()) ** 2).tolist()
    assert np.mean(errors["half"]) < 0.85 * np.mean(errors["none"])


def test_features_of_something_new_help() -> None:
    """A model that knows genre and year is nearer to the truth of new films than one that does not."""
    rng = np.random.default_rng(3)
    n_users, n_items = 100, 80
    genre = rng.choice(["a", "b"], n_items)
    user, item = np.divmod(rng.permutation(n_users * n_items)[:3000], n_items)
    rating = (3 + (genre == "a")[item] - (genre == "b")[item] + rng.normal(0, 0.3, len(user))).clip(1, 5)
    items = pd.DataFrame({"item": np.arange(n_items), "genre": genre.tolist()})
    ratings = Ratings.from_arrays(user, item, rating, rating_scale=(1, 5), items=items)
    rec = pt.Bayes(n_factors=1, n_draws=40, n_chains=2, item_features=("genre",)).fit(ratings)
    for name, truth in (("a", 4), ("b", 2)):
        grown = rec.add_item("new", features={"genre": name})
        assert np.mean(grown.predict(["new"] * n_users, user_id=grown.users.ids)) == pytest.approx(truth, abs=0.3)


# -- what is around it --


def test_the_old_recommender_stays_as_it_is(rec: pt.Recommender) -> None:
    before = {name: array.copy() for name, array in rec.model.arrays().items()}
    grown = rec.add_user("new", ratings={rec.items[0]: 5}).add_item("film", ratings={"new": 3, rec.users[0]: 1})
    assert (grown.n_users, grown.n_items) == (rec.n_users + 1, rec.n_items + 1)
    assert "new" not in rec.users
    assert all(np.array_equal(array, rec.model.arrays()[name]) for name, array in before.items())
    users, items = rec.users.ids[:20], rec.items.ids[:20]
    assert grown.predict(items, user_id=users).tolist() == rec.predict(items, user_id=users).tolist()


@pytest.mark.parametrize("new_id", ["new", 1000, np.int64(1000), ("a", 1), 2.5])
def test_ids_keep_their_type(rec: pt.Recommender, new_id: Any) -> None:
    grown = rec.add_user(new_id)
    assert grown.users[-1] == new_id
    assert grown.users.ids.tolist()[:-1] == rec.users.ids.tolist()
    assert grown.users.is_integer is isinstance(new_id, int | np.integer)
    assert grown.predict(rec.items[0], user_id=new_id) > 0


def test_what_somebody_new_has_rated_is_not_recommended(rec: pt.Recommender) -> None:
    best = rec.recommend(rec.users[0], 3, exclude_seen=False)["item_id"].tolist()
    grown = rec.add_user("new", ratings=dict.fromkeys(best, 5))
    shown = grown.recommend("new", rec.n_items)
    assert len(shown) == rec.n_items - 3
    assert not set(best) & set(shown["item_id"])
    again = grown.add_item("film", features={"title": "Signal from Nowhere"}, ratings={"new": 5})
    assert "film" not in again.recommend("new", again.n_items)["item_id"].tolist()
    for user in rec.users.ids[:3].tolist():
        table = again.recommend(user, again.n_items)
        assert table.set_index("item_id").loc["film", "title"] == "Signal from Nowhere"
    assert again.item_biases().set_index("item_id").loc["film", "n_ratings"] == 1


def test_a_new_item_is_known_by_its_title(rec: pt.Recommender) -> None:
    grown = rec.add_item("film", features={"title": "Signal from Nowhere", "year": 1980, "genres": ["Sci-Fi"]})
    user = rec.users[0]
    assert grown.predict("Signal from Nowhere", user_id=user) == grown.predict("film", user_id=user)
    assert {name: column[-1] for name, column in grown.item_attributes.items()} == {
        "title": "Signal from Nowhere",
        "year": 1980,
        "genres": ("Sci-Fi",),
    }
    untold = rec.add_item("film")
    assert untold.item_attributes["title"][-1] is None
    assert untold.item_attributes["genres"][-1] == ()
    assert np.isnan(untold.item_attributes["year"][-1])
    assert untold.predict("film", user_id=user) > 0


def test_items_are_named_by_title_and_users_by_id(rec: pt.Recommender) -> None:
    title = str(rec.item_attributes["title"][4])
    by_title, by_id = (rec.add_user("new", ratings={name: 5}) for name in (title, rec.items[4]))
    assert last(by_title, "user").tolist() == last(by_id, "user").tolist()


def test_it_can_be_kept(rec: pt.Recommender, tmp_path: Path) -> None:
    grown = rec.add_user("new", features={"age": 30}, ratings={rec.items[0]: 5}).add_item(
        ("film", 1), features={"year": 1990, "genres": ("Drama",)}, ratings={"new": 3}
    )
    again = pt.load(grown.save(tmp_path / "a.penchant"))
    assert again.predict(("film", 1), user_id="new", interval=0.9) == grown.predict(
        ("film", 1), user_id="new", interval=0.9
    )
    assert len(again.recommend("new", 1000)) == grown.n_items - 2
    more = again.add_user("newer", ratings={("film", 1): 4})
    assert more.n_users == grown.n_users + 1


def test_intervals_of_the_new_narrow_with_what_is_known(rec: pt.Recommender) -> None:
    def width(grown: pt.Recommender) -> float:
        found = grown.predict(grown.items.ids, user_id=["new"] * grown.n_items, interval=0.5)
        return float((found["high"] - found["low"]).mean())

    ratings = dict.fromkeys(rec.items.ids[::2].tolist(), 3)
    few = dict(list(ratings.items())[:5])
    widths = [width(rec.add_user("new", ratings=known)) for known in ({}, few, ratings)]
    assert widths[0] > widths[1] > widths[2] > 0


def test_baselines_grow_too(rec: pt.Recommender) -> None:
    grown = rec.add_user("new", ratings={rec.items[0]: 5}).add_item("film")
    test = Ratings.from_arrays(["new", "new"], ["film", rec.items[3]], [4.0, 2.0], rating_scale=(1, 5))
    card = grown.evaluate(test)
    assert list(card.baselines) == ["global mean", "item mean", "bias only", "most rated"]
    assert "0 users and 1 item without training ratings" in str(card)  # the user has one, the item none


def test_without_kept_ratings(sample: Ratings) -> None:
    rec = pt.ALS(n_factors=1, n_epochs=2).fit(sample, keep_ratings=False).add_user("new", ratings={sample.items[0]: 5})
    assert rec.predict(sample.items[1], user_id="new") > 0
    with pytest.raises(UnsupportedError, match="keep_ratings"):
        rec.recommend("new")


def test_attributes_that_the_model_was_not_trained_with_are_kept(als: pt.Recommender) -> None:
    grown = als.add_item("film", features={"year": 1966, "genres": ("Western", "Anything")})
    assert grown.item_attributes["genres"][-1] == ("Western", "Anything")
    assert last(grown, "item") == pytest.approx(model_of(als).item_prior.mean, abs=1e-6)


@pytest.mark.parametrize("of", [pd.Series, lambda pairs: pd.Series(pairs, dtype=object).to_dict()])
def test_ratings_and_features_may_be_a_series(rec: pt.Recommender, of: Any) -> None:
    ratings, features = {rec.items[0]: 5.0, rec.items[1]: 1.0}, {"age": 30, "occupation": "student"}
    grown = rec.add_user("new", ratings=of(ratings), features=of(features))
    assert (
        last(grown, "user").tolist() == last(rec.add_user("new", ratings=ratings, features=features), "user").tolist()
    )
    assert (
        last(rec.add_item("film", ratings=pd.Series(dtype=float)), "item").tolist()
        == last(rec.add_item("film"), "item").tolist()
    )


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT])
def test_every_way_to_say_that_nothing_is_known(rec: pt.Recommender, nothing: Any) -> None:
    names = ("title", "year", "genres")
    grown, untold = rec.add_item("film", features=dict.fromkeys(names, nothing)), rec.add_item("film")
    assert last(grown, "item").tolist() == last(untold, "item").tolist()
    assert grown.item_attributes["title"][-1] is None
    assert grown.item_attributes["genres"][-1] == ()
    assert np.isnan(grown.item_attributes["year"][-1])


def test_values_of_numpy_and_yes_and_no_are_taken(rec: pt.Recommender) -> None:
    features = {"title": np.str_("Signal"), "genres": [np.str_("Comedy")], "year": np.float32(1999)}
    grown = rec.add_item("film", features=features)
    assert [type(grown.item_attributes[name][-1]) for name in ("title", "genres")] == [str, tuple]
    assert grown.item_attributes["year"][-1] == 1999
    assert [rec.add_user("new", features={"age": age}).user_attributes["age"][-1] for age in (True, np.False_)] == [
        1,
        0,
    ]
