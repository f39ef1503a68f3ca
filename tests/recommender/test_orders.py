"""Lists by both, by choice and by stars: what each is, its dials, whom it is for, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import penchant as pt
from penchant.arrays.choice_weights import usual_weight
from penchant.errors import DataError, ParameterError, UnknownIdError, UnsupportedError

CHOICES = pt.ChoiceALS(n_factors=8, reg=3.0, n_epochs=3)


@pytest.fixture(scope="module")
def ratings() -> pt.Ratings:
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def both(ratings: pt.Ratings) -> pt.Recommender:
    return pt.fit(ratings, pt.ALS(n_factors=4, n_epochs=5), choices=CHOICES)


@pytest.fixture(scope="module")
def clicks(ratings: pt.Ratings) -> pt.Recommender:
    return pt.fit(ratings.choices(), CHOICES)


@pytest.fixture(scope="module")
def stars(ratings: pt.Ratings) -> pt.Recommender:
    return pt.fit(ratings, pt.ALS(n_factors=4, n_epochs=5), choices=False)


def test_the_score_is_the_product_of_two_chances(both: pt.Recommender) -> None:
    learned, user = both.choices, both.users[3]
    assert learned is not None
    everything = both.recommend(user, n=1000, exclude_seen=False)
    choice = both.recommend(user, n=1000, exclude_seen=False, by="choice").set_index("item_id")["score"]
    at = everything.set_index("item_id")
    predicted = both.predict(list(at.index), user)
    unclipped = (at["predicted"] > 1) & (at["predicted"] < 5)
    liked = np.exp(learned.order.log_liked(predicted))
    wanted = choice.loc[at.index] * liked
    np.testing.assert_allclose(at["score"][unclipped], wanted[unclipped], rtol=1e-4)
    assert (np.diff(everything["score"]) <= 0).all()
    assert everything["score"].between(0, 1).all()


def test_orders_and_columns(both: pt.Recommender, stars: pt.Recommender, clicks: pt.Recommender) -> None:
    user = both.users[0]
    assert both.recommend(user).equals(both.recommend(user, by="both"))
    assert both.recommend(user, by="stars").equals(stars.recommend(user))
    assert list(both.recommend(user, by="choice")) == ["rank", "item_id", "title", "score", "predicted"]
    assert list(both.recommend(user, by="stars")) == ["rank", "item_id", "title", "predicted"]
    assert list(clicks.recommend(user)) == ["rank", "item_id", "title", "score"]
    assert clicks.recommend(user)["item_id"].tolist() == both.recommend(user, by="choice")["item_id"].tolist()


def test_everybody_gets_the_list_of_one(both: pt.Recommender, clicks: pt.Recommender) -> None:
    for rec, by in ((both, "both"), (both, "choice"), (both, "stars"), (clicks, None)):
        table = pa.Table.from_batches(rec.recommend_all(n=7, by=by, min_ratings=20)).to_pandas()
        for user in list(rec.users)[::37]:
            own = table[table["user_id"] == user].drop(columns="user_id").reset_index(drop=True)
            one = rec.recommend(user, n=7, by=by, min_ratings=20)
            assert own.to_dict("list") == one.to_dict("list")


def test_popularity_goes_from_niche_to_mainstream(both: pt.Recommender) -> None:
    assert both.choices is not None
    share = dict(zip(both.items, both.choices.model.item_popularity.tolist(), strict=True))

    def mean_share(dial: float) -> float:
        lists = [both.recommend(user, popularity=dial)["item_id"] for user in list(both.users)[:40]]
        return float(np.mean([share[item] for one in lists for item in one]))

    niche, learned, mainstream = map(mean_share, (-1, 0, 1))
    assert niche < learned < mainstream
    for wrong in (1.5, "high", float("nan")):
        with pytest.raises(ParameterError, match="popularity"):
            both.recommend(both.users[0], popularity=wrong)
    with pytest.raises(ParameterError, match="popularity"):
        both.recommend(both.users[0], by="stars", popularity=0.5)


def test_rare_items_are_left_out(both: pt.Recommender, ratings: pt.Ratings) -> None:
    counts = dict(zip(ratings.items, ratings.item_counts().tolist(), strict=True))
    for by in ("both", "stars"):
        listed = both.recommend(both.users[0], n=1000, by=by, min_ratings=80)["item_id"]
        assert len(listed)
        assert min(counts[item] for item in listed) >= 80
    with pytest.raises(ParameterError, match="min_ratings"):
        both.recommend(both.users[0], min_ratings=-1)


def test_somebody_new_by_what_they_chose(both: pt.Recommender, clicks: pt.Recommender) -> None:
    some = list(both.items)[:4]
    for rec in (both, clicks):
        listed = rec.recommend(chosen=some)
        assert not set(listed["item_id"]) & set(some)
        assert rec.recommend(chosen=some, exclude_seen=False, n=1000)["item_id"].isin(some).any()
    mixed = both.recommend(ratings={some[0]: 5, some[1]: 4}, chosen=some[2:])
    assert not set(mixed["item_id"]) & set(some)
    profile = both.fold_in({some[0]: 5, some[1]: 4}, chosen=some[2:])
    assert both.recommend(ratings=profile).equals(mixed)
    assert repr(profile) == "Profile(2 ratings, 2 choices)"
    rated = profile.with_rating(some[2], 3)
    assert repr(rated) == "Profile(3 ratings, 1 choice)"
    assert len(clicks.recommend(chosen=[])) == 10  # a stranger gets what is most chosen


def test_choices_move_the_list(clicks: pt.Recommender) -> None:
    """Somebody who chose what a user chose gets that user's list."""
    user = clicks.users[7]
    chosen = [clicks.items[row] for row in clicks._state.seen.items_of(7)]
    assert clicks.recommend(chosen=chosen)["item_id"].tolist() == clicks.recommend(user)["item_id"].tolist()


def test_groups(both: pt.Recommender) -> None:
    members = [both.users[0], {both.items[0]: 5}, both.fold_in(chosen=[both.items[1]])]
    for how in ("mean", "least_misery"):
        listed = both.recommend(users=members, how=how, diversity=0.2)
        assert listed["score"].between(0, 1).all()
    lowest = both.recommend(users=members, how="least_misery")
    assert lowest["score"].is_monotonic_decreasing


def test_what_is_refused(both: pt.Recommender, stars: pt.Recommender, clicks: pt.Recommender) -> None:
    user = both.users[0]
    with pytest.raises(ParameterError, match="'both', 'stars', 'choice'"):
        both.recommend(user, by="taste")
    for by in ("both", "choice"):
        with pytest.raises(UnsupportedError, match="no choices"):
            stars.recommend(user, by=by)
    for call in (
        lambda: clicks.recommend(user, by="stars"),
        lambda: clicks.recommend(user, by="both"),
        lambda: clicks.recommend(user, interval=0.9),
        lambda: clicks.recommend(ratings={clicks.items[0]: 1}),
        lambda: stars.recommend(chosen=[stars.items[0]]),
    ):
        with pytest.raises(UnsupportedError):
            call()
    for wrong in ("abc", {both.items[0]: 5}, 7):
        with pytest.raises((ParameterError, UnknownIdError)):
            both.recommend(chosen=wrong)
    with pytest.raises(ParameterError, match="say who"):
        both.recommend(user, chosen=[both.items[0]])
    with pytest.raises(ParameterError, match="Profile"):
        both.fold_in(both.fold_in({}), features={"age": 3})


def test_a_file_holds_both(both: pt.Recommender, clicks: pt.Recommender, tmp_path: Path) -> None:
    for rec in (both, clicks):
        again = pt.load(rec.save(tmp_path / "rec.penchant"))
        assert again.recommend(rec.users[5]).equals(rec.recommend(rec.users[5]))
        assert again.choices is not None
        assert rec.choices is not None
        assert again.choices.order == rec.choices.order
        assert again.choices.solver == rec.choices.solver
        assert again.save(tmp_path / "twice.penchant").read_bytes() == (tmp_path / "rec.penchant").read_bytes()


def test_orders_are_judged_side_by_side(ratings: pt.Ratings) -> None:
    train, test = ratings.split(0.2, rng=1)
    rec = pt.fit(train, pt.ALS(n_factors=4, n_epochs=5))
    card = rec.evaluate(test)
    assert list(card.orders) == ["stars", "choice"]
    alone = pt.fit(train, pt.ALS(n_factors=4, n_epochs=5), choices=False).evaluate(test)
    assert card.orders["stars"].ndcg == alone.ndcg
    assert card.rmse == alone.rmse
    assert card.ndcg > max(card.orders["stars"].ndcg, card.baselines["most rated"].ndcg)
    clicks = pt.fit(train.choices()).evaluate(test.choices())
    assert np.isnan(clicks.rmse)
    assert clicks.ndcg > 0.97 * clicks.baselines["most rated"].ndcg  # its people choose by popularity, nearly
    assert "choices of" in str(clicks)
    with pytest.raises(DataError):
        rec.evaluate(test.take(np.zeros(len(test), bool)))
    with pytest.raises(ParameterError, match="table of choices"):
        rec.evaluate(test.choices())


def test_new_users_are_folded_in_to_be_judged(ratings: pt.Ratings) -> None:
    split = pt.splits.new_users(ratings, 0.2, rng=0)
    rec = pt.fit(split.train, pt.ALS(n_factors=4, n_epochs=5), choices=CHOICES)
    stranger, card = rec.evaluate(split.test), rec.evaluate(split.test, known=split.fold_in)
    assert card.rmse < stranger.rmse
    assert card.orders["choice"].ndcg != stranger.orders["choice"].ndcg
    assert card.n_cold_users == 0 < stranger.n_cold_users
    # the same as asking for each of them with the known part at hand
    user = int(split.test.user_idx[0])
    own = split.fold_in.user_idx == user
    told = dict(zip(ratings.items.ids[split.fold_in.item_idx[own]], split.fold_in.rating[own].tolist(), strict=True))
    pairs = split.test.take(split.test.user_idx == user)
    errors = rec.predict(list(ratings.items.ids[pairs.item_idx]), ratings=told) - pairs.rating
    one = rec.evaluate(pairs, known=split.fold_in)
    assert one.rmse == pytest.approx(float(np.sqrt(np.mean(errors**2))), rel=1e-3)
    clicks = pt.fit(split.train.choices(), CHOICES)
    assert clicks.evaluate(split.test, known=split.fold_in).ndcg == pytest.approx(card.orders["choice"].ndcg, abs=0.1)
    ids = pt.Ratings.from_arrays(["new"] * 5, list(ratings.items)[:5], [5, 4, 3, 4, 5])
    assert rec.evaluate(ids.take(np.arange(5) > 2), known=ids.take(np.arange(5) < 3)).n_cold_users == 0


def test_what_is_known_of_new_users_is_of_the_right_kind(ratings: pt.Ratings) -> None:
    split = pt.splits.new_users(ratings, 0.2, rng=0)
    rec = pt.fit(split.train, pt.ALS(n_factors=4, n_epochs=2), choices=CHOICES)
    with pytest.raises(ParameterError, match="known is a table of choices"):
        rec.evaluate(split.test, known=split.fold_in.choices())
    # without stars a rating is a choice that weighs what choices do, whatever the unit of weights
    plays = split.train.choices()
    plays = replace(plays, weight=np.random.default_rng(0).integers(50, 900, len(plays)).astype(np.float32))
    clicks = pt.fit(plays, CHOICES)
    usual = split.fold_in.choices()
    usual = replace(usual, weight=np.full(len(usual), usual_weight(plays.weight), np.float32))
    wanted, found = (clicks.evaluate(split.test, known=known) for known in (usual, split.fold_in))
    assert found.to_dict() == wanted.to_dict()
