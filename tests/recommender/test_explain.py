"""`Recommender.explain`: what it says, how it looks, and what it refuses."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.random_models import random_model
from tests.toy_model import Means

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import DataError, ParameterError, UnknownIdError, UnsupportedError
from penchant.models.dot_bias.dot_attribution import row_parts, secant
from penchant.models.link import rating_of
from penchant.recommender.explanation import Effect, Explanation, RatingEffect


@pytest.fixture(scope="module")
def sample() -> Ratings:
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def rec(sample: Ratings) -> pt.Recommender:
    return pt.ALS(n_factors=4).fit(sample)


@pytest.fixture(scope="module")
def bayes(sample: Ratings) -> pt.Recommender:
    quick = pt.Bayes(n_factors=3, n_draws=40, n_burn=10, n_chains=2, user_features=("age",), item_features=("genres",))
    return quick.fit(sample)


def made(**changes: object) -> Explanation:
    parts = {
        "item_id": 7,
        "title": "Alien <1979>",
        "user_id": None,
        "mean": 3.5,
        "item_bias": 0.5,
        "user_bias": -0.1,
        "taste": 0.3,
        "ratings": (RatingEffect(1, "Brazil", 5.0, 0.1, 0.31), RatingEffect(2, None, 2.0, -0.2, -0.006)),
        "n_others": 3,
        "others": Effect(0.0, 0.0),
        "prior": Effect(0.0, -0.004),
        "features": None,
        "beyond": Effect(0.0, 0.0),
        "rating_scale": (1.0, 5.0),
    }
    return Explanation(**(parts | changes))  # type: ignore[arg-type]


# -- what it says --


def test_the_strongest_ratings_come_first_and_have_their_titles(rec: pt.Recommender, sample: Ratings) -> None:
    user = sample.users[3]
    why = rec.explain(sample.items[5], user)
    seen = rec._state.seen
    rated = dict(zip(sample.items.ids[seen.items_of(3)].tolist(), seen.ratings_of(3).tolist(), strict=True))
    assert {one.item_id: one.rating for one in why.ratings} == rated
    strengths = [abs(one.total) for one in why.ratings]
    assert strengths == sorted(strengths, reverse=True)
    titles = dict(zip(sample.items.ids.tolist(), sample.item_attributes.titles.tolist(), strict=True))
    assert all(one.title == titles[one.item_id] for one in why.ratings)
    assert why.title == titles[sample.items[5]]
    assert why.predicted == pytest.approx(rec.predict(sample.items[5], user), abs=1e-5)
    assert rec.explain(why.title, user).to_dict() == why.to_dict()  # by its title


def test_after_als_training_knew_next_to_nothing_beyond_the_ratings(rec: pt.Recommender, sample: Ratings) -> None:
    explained = [rec.explain(item, user) for user in sample.users.ids[:20] for item in sample.items.ids[:5]]
    beyond = np.array([one.beyond.total for one in explained])
    whole = np.array([one.user_bias + one.taste for one in explained])
    assert np.sqrt(np.mean(beyond**2)) < 0.03 * np.sqrt(np.mean(whole**2))


def test_liking_what_is_alike_counts_for_it(rec: pt.Recommender) -> None:
    """Two people, one who likes what is most similar to an item and one who dislikes it."""
    item = rec.item_biases(1)["item_id"][0]
    alike = rec.similar_items(item, 1)["item_id"][0]
    good, bad = (rec.explain(item, ratings={alike: stars}).ratings[0] for stars in (5, 1))
    assert good.on_taste > 0 > bad.on_taste
    assert good.total > 0 > bad.total


def test_the_others_are_told_together(rec: pt.Recommender, sample: Ratings) -> None:
    every = rec.explain(sample.items[0], sample.users[0])
    few = rec.explain(sample.items[0], sample.users[0], n=2)
    assert few.ratings == every.ratings[:2]
    assert few.n_others == len(every.ratings) - 2
    assert few.others.total == pytest.approx(sum(one.total for one in every.ratings[2:]))
    assert few.beyond.total == pytest.approx(every.beyond.total)
    assert rec.explain(sample.items[0], sample.users[0], n=0).ratings == ()
    assert every.n_others == 0
    assert "others" not in every.to_dict()


def test_features_have_a_part_of_their_own(bayes: pt.Recommender, sample: Ratings) -> None:
    young, old = (
        bayes.explain(sample.items[0], ratings=bayes.fold_in({sample.items[1]: 4}, features={"age": age}))
        for age in (15, 70)
    )
    assert young.features != old.features
    assert young.prior == old.prior
    mean = float(np.nanmean(sample.user_attributes["age"].astype(float)))
    usual = bayes.explain(sample.items[0], ratings=bayes.fold_in({sample.items[1]: 4}, features={"age": mean}))
    assert usual.features.total == pytest.approx(0, abs=1e-6)
    assert bayes.explain(sample.items[0], sample.users[0]).features.total != 0
    assert pt.ALS(n_factors=1, n_epochs=1).fit(sample).explain(sample.items[0], sample.users[0]).features is None


def test_nobody_in_particular_gets_what_is_believed_of_anybody(bayes: pt.Recommender, sample: Ratings) -> None:
    why = bayes.explain(sample.items[0], ratings={}, by="stars")
    assert why.ratings == ()
    assert why.prior.total == pytest.approx(why.user_bias + why.taste)
    assert str(why) == "You have rated nothing yet, so this is what is expected of anybody"


def test_a_profile_is_explained_as_its_ratings_are(bayes: pt.Recommender, sample: Ratings) -> None:
    ratings = {sample.items[1]: 5, sample.items[2]: 1}
    profile = bayes.fold_in({sample.items[1]: 5}).with_rating(sample.items[2], 1)
    one, two = (bayes.explain(sample.items[0], ratings=given).to_frame() for given in (ratings, profile))
    np.testing.assert_allclose(one["total"], two["total"], atol=1e-7)


def test_users_that_came_later_are_explained(bayes: pt.Recommender, sample: Ratings) -> None:
    grown = bayes.add_user("new", ratings={sample.items[1]: 5})
    why = grown.explain(sample.items[0], "new")
    assert [one.rating for one in why.ratings] == [5]
    assert abs(why.beyond.total) < 1e-6  # a fold-in is its ratings, but for float32
    assert len(grown.add_user("silent").explain(sample.items[0], "silent").ratings) == 0


def test_without_the_training_ratings_the_four_parts_are_told(sample: Ratings) -> None:
    rec = pt.ALS(n_factors=2).fit(sample, keep_ratings=False)
    why = rec.explain(sample.items[0], sample.users[0], by="stars")
    assert why.ratings is None
    assert why.beyond == Effect(why.user_bias, why.taste) or why.prior.total != 0
    assert why.to_frame()["total"].sum() == pytest.approx(why.prediction)
    assert "kept without them" in str(why)
    assert why.to_dict()["ratings"] is None
    assert len(rec.explain(sample.items[0], ratings={sample.items[1]: 3}).ratings) == 1


def test_a_sigmoid_is_shared_out_along_its_secant(sample: Ratings) -> None:
    rec = pt.Adam(n_factors=2, n_epochs=2, y_range=(0.5, 5.5), rng=0).fit(sample)
    why = rec.explain(sample.items[0], sample.users[0])
    mu, item_bias, user_bias, taste = why.before_sigmoid
    assert not why.is_exact
    assert "about" in str(why)
    link = (0.5, 5.5)
    low, high = rating_of(np.array([mu + item_bias, mu + item_bias + user_bias + taste]), link)
    assert why.prediction == pytest.approx(high)
    assert why.mean + why.item_bias == pytest.approx(low)
    slope = secant(mu + item_bias, mu + item_bias + user_bias + taste, link)
    assert (why.user_bias, why.taste) == pytest.approx((slope * user_bias, slope * taste))
    assert rec.explain(sample.items[0], sample.users[0]).to_dict()["before_sigmoid"] == list(why.before_sigmoid)


@pytest.mark.parametrize(("start", "end"), [(-3.0, 2.0), (0.3, 0.3), (0.5, 0.5 + 1e-5), (2.0, -1.0), (40.0, -40.0)])
def test_the_secant_is_the_mean_slope(start: float, end: float) -> None:
    ways = np.linspace(start, end, 200_001)
    share = 1 / (1 + np.exp(-ways))
    assert secant(start, end, (1.0, 6.0)) == pytest.approx(np.mean(5 * share * (1 - share)), rel=1e-3)


def test_effects_of_a_network_are_near_to_leaving_ratings_out(sample: Ratings) -> None:
    rec = pt.NeuralNet(rng=0).fit(sample)
    ratings = {
        item: float(stars) for item, stars in zip(sample.items.ids[:6].tolist(), (5, 1, 4, 2, 5, 3), strict=True)
    }
    effects, gaps = [], []
    for item in sample.items.ids[10:25].tolist():
        why = rec.explain(item, ratings=ratings)
        assert not why.is_exact
        for one in why.ratings:
            rest = {other: stars for other, stars in ratings.items() if other != one.item_id}
            effects.append(one.total)
            gaps.append(rec.predict(item, ratings=ratings) - rec.predict(item, ratings=rest))
    assert np.corrcoef(effects, gaps)[0, 1] > 0.7


def test_a_row_is_shared_out_by_one_solve() -> None:
    """Beside the normal equations written out."""
    rng = np.random.default_rng(0)
    design, target, weights = rng.normal(size=(5, 3)), rng.normal(size=5), rng.uniform(0.5, 2, 5)
    precision, prior, features = np.diag([1.0, 2.0, 3.0]), rng.normal(size=3), rng.normal(size=3)
    choices = rng.normal(size=(5, 3))
    total = np.linalg.inv(precision + sum(w * np.outer(x, x) for w, x in zip(weights, design, strict=True)))
    theta = rng.normal(size=3)
    parts = row_parts(theta, design, target, weights, precision, prior, features, choices)
    for j in range(5):
        expected = total @ (weights[j] * design[j] * target[j] + precision @ choices[j])
        np.testing.assert_allclose(parts.ratings[j], expected)
    np.testing.assert_allclose(parts.prior, total @ precision @ prior)
    np.testing.assert_allclose(parts.features, total @ precision @ features)
    assert parts.beyond == pytest.approx(theta - parts.ratings.sum(axis=0) - parts.prior - parts.features)


# -- how it looks --


def test_the_sentence() -> None:
    assert str(made()) == "Because you gave 5 to Brazil (+0.41) and 2 to 2 (-0.21)"
    assert str(made(is_exact=False)) == "Because you gave 5 to Brazil (about +0.41) and 2 to 2 (about -0.21)"
    many = tuple(RatingEffect(item, f"Film {item}", 3.5, 0.0, 0.4 - item / 10) for item in range(4))
    assert str(made(ratings=many)).endswith("3.5 to Film 0 (+0.40), 3.5 to Film 1 (+0.30) and 3.5 to Film 2 (+0.20)")
    weak = (RatingEffect(1, "Brazil", 5.0, 0.0, 0.001),)
    assert str(made(ratings=weak)) == "None of your ratings moved this by as much as 0.005 stars"
    assert str(made(ratings=None)).startswith("Which of your ratings moved this is not known")


def test_the_sums() -> None:
    lines = repr(made()).splitlines()
    assert lines[0] == "Alien <1979> for somebody new: 4.20 stars"
    told = {line[:52].strip(): line[52:].strip() for line in lines[1:]}
    assert told == {
        "mean of all ratings": "3.50",
        "item bias": "+0.50",
        "user bias": "-0.10",
        "taste": "+0.30",
        "= prediction": "4.20",
        "of user bias and taste,": "+0.20",
        "5 to Brazil": "+0.41",
        "2 to 2": "-0.21",
        "3 other ratings": "+0.00",
    }
    clipped = made(mean=5.0, user_id="ann", beyond=Effect(0.0, -0.25))
    assert clipped.is_clipped
    assert clipped.predicted == 5.0
    text = repr(clipped)
    assert "for user ann: 5.00 stars" in text
    assert "5.70  (5.00 on the scale)" in text
    assert re.search(r"what training found beyond these ratings +-0.25", text)
    many = tuple(RatingEffect(item, "A very long title " * 5, 3.0, 0.0, 0.3) for item in range(12))
    long = repr(made(ratings=many, n_others=0)).splitlines()
    assert max(map(len, long)) < 80
    assert any("2 other ratings" in line and "+0.60" in line for line in long)
    assert "where the model starts" in repr(made(is_exact=False))


class Tags(HTMLParser):
    """Whether every tag is closed, and what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_the_table_of_a_notebook() -> None:
    page = made(ratings=(RatingEffect(1, "<script>", 5.0, 0.0, -0.3),))._repr_html_()
    reader = Tags()
    reader.feed(page)
    assert reader.open == []
    assert "<script>" not in page
    assert "5 to <script>" in reader.said
    assert "Alien <1979> for somebody new: 4.20 stars" in reader.said
    assert page.count("<tr>") == 8
    assert made(item_bias=0.0, user_bias=0.0, taste=0.0, ratings=(), n_others=0, prior=Effect(0, 0))._repr_html_()


def test_the_frame() -> None:
    frame = made(features=Effect(0.25, 0.25)).to_frame()
    assert frame["part"].tolist() == [
        "mean",
        "item_bias",
        "rating",
        "rating",
        "others",
        "prior",
        "features",
        "beyond",
    ]
    assert frame.loc[2, ["item_id", "title", "rating", "on_user_bias", "on_taste", "total"]].tolist() == [
        1,
        "Brazil",
        5.0,
        0.1,
        0.31,
        pytest.approx(0.41),
    ]
    np.testing.assert_allclose(frame["total"][2:], (frame["on_user_bias"] + frame["on_taste"])[2:])


def test_as_json(rec: pt.Recommender, sample: Ratings) -> None:
    told = rec.explain(sample.items[0], sample.users[0], by="stars", n=3).to_dict()
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again == told
    assert len(told["ratings"]) == 3
    assert told["text"].startswith("Because you gave ")
    assert made(item_id=np.int64(3)).to_dict()["item_id"] == 3
    assert made(item_id=(1, 2), user_id=b"x").to_dict()["item_id"] == "(1, 2)"


# -- what it refuses --


def test_who_and_what_must_be_known(rec: pt.Recommender, sample: Ratings) -> None:
    item = sample.items[0]
    with pytest.raises(ParameterError, match="say who"):
        rec.explain(item)
    with pytest.raises(ParameterError, match="say who"):
        rec.explain(item, sample.users[0], ratings={item: 3})
    with pytest.raises(UnknownIdError):
        rec.explain("nothing", sample.users[0])
    with pytest.raises(UnknownIdError):
        rec.explain(item, "nobody")
    with pytest.raises(DataError, match="use a number from 1 to 5"):
        rec.explain(item, ratings={item: 9})
    for n in (-1, 1.5, "3", True):
        with pytest.raises(ParameterError, match=r"n is .*: use a whole number of at least 0, or None for all"):
            rec.explain(item, sample.users[0], n=n)


def test_a_model_of_another_kind_is_not_taken_apart(rec: pt.Recommender, sample: Ratings) -> None:
    from dataclasses import replace

    other = pt.Recommender(replace(rec._state, model=Means().fit(sample).model))
    with pytest.raises(
        UnsupportedError, match=r"this model \(two_means\) can't be taken apart; dot_bias and embedding_nn"
    ):
        other.explain(sample.items[0], sample.users[0])
    with pytest.raises(UnsupportedError):
        other.explain(sample.items[0], ratings={sample.items[1]: 3})


def test_biases_alone_are_explained_too() -> None:
    model = random_model(0, n_factors=0)
    parts = model.fold_in_user(np.array([1, 2], np.int32), np.float32([5, 4]))
    assert parts.mean.shape == (1,)
    rec = pt.ALS(n_factors=0).fit(pt.load_dataset("sample"))
    why = rec.explain(rec.items[0], ratings={rec.items[1]: 5})
    assert why.taste == 0
    assert why.ratings[0].on_user_bias > 0
