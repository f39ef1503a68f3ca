"""Who chose what, kept in step with new rows, new choices and people who leave; with stars and without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penchant as pt
from penchant.arrays.choice_weights import transformed, usual_weight
from penchant.errors import DataError, ParameterError, UnknownIdError, UnsupportedError
from penchant.models.choice.choice_counts import counts_of, recounted
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.no_stars import NoStars

ALS = pt.ChoiceALS(n_factors=4, reg=3.0, n_epochs=2)
LEARNERS = {
    "als": ALS,
    "ease": pt.EASE(n_factors=6),
    "mix": pt.ChoiceMix(ease=pt.EASE(n_factors=6), factors=ALS),
    "bayes": pt.ChoiceBayes(n_factors=3, n_draws=4, n_burn=2, n_chains=2),
}


def sample() -> pt.Ratings:
    return pt.load_dataset("sample")


def plays() -> pt.Choices:
    """The sample's choices, weighing 1 to 5."""
    ratings = sample()
    return replace(ratings.choices(), weight=ratings.rating)


@pytest.fixture(scope="module")
def recs() -> dict[str, pt.Recommender]:
    """With both; without stars; without stars, all choices weighing the same."""
    return {
        "both": pt.fit(sample(), pt.ALS(n_factors=3, n_epochs=3), choices=LEARNERS["mix"]),
        "plays": pt.fit(plays(), LEARNERS["mix"]),
        "likes": pt.fit(sample().choices(), LEARNERS["mix"]),
    }


@pytest.fixture(params=["both", "plays", "likes"])
def rec(request: pytest.FixtureRequest, recs: dict[str, pt.Recommender]) -> pt.Recommender:
    return recs[request.param]


def model_of(rec: pt.Recommender) -> ChoiceModel:
    assert rec._state.choices is not None
    return rec._state.choices.model


def in_step(rec: pt.Recommender) -> None:
    """Popularity and biases are what the table that is kept says, by the solver's own rule."""
    model, seen = model_of(rec), rec._state.seen
    assert seen is not None
    assert (model.n_users, model.n_items) == (rec.n_users, rec.n_items)
    popularity = (seen.item_counts(rec.n_items) / rec.n_users).astype(np.float32)
    assert (model.item_popularity == popularity).all()
    assert model.item_biases == pytest.approx(model.biases_of(popularity), rel=1e-5, abs=1e-7)


def row_by_hand(rec: pt.Recommender, user: object) -> np.ndarray[Any, Any]:
    """What folding in all of a user's choices gives."""
    seen, row = rec._state.seen, rec.users.index(user)
    assert seen is not None
    weight = None if rec.model.knows_stars else transformed(seen.rating)
    part = None if weight is None else weight[seen.indptr[row] : seen.indptr[row + 1]]
    return model_of(rec).fold_in_user(seen.items_of(row), part).factors


def told(rec: pt.Recommender, **rows: object) -> dict[str, object]:
    """Some choices in the form that `update` takes: with stars where these are known."""
    n = len(rows["user"])  # type: ignore[arg-type]
    name = "rating" if rec.model.knows_stars else "weight"
    return {"rating" if name == "rating" else "weight": [3.0] * n, **rows}


# -- popularity and biases --


@pytest.mark.parametrize("name", list(LEARNERS))
def test_biases_follow_popularity_as_the_solver_makes_them(name: str) -> None:
    model = model_of(pt.fit(sample().choices(), LEARNERS[name]))
    assert model.biases_of(model.item_popularity) == pytest.approx(model.item_biases, rel=1e-5, abs=1e-7)
    again = recounted(model, counts_of(model), model.n_users)
    assert (again.item_popularity == model.item_popularity).all()


def test_what_a_learner_would_say_of_other_counts() -> None:
    """Somebody less, who chose one item alone: as if the table had never had them, for biases and popularity."""
    table = sample().choices()
    rec = pt.fit(table, LEARNERS["als"])
    some = np.flatnonzero(table.user_idx != 7)
    left = pt.fit(table.take(some), replace(ALS, unchosen_weight=model_of(rec).solved.unchosen_weight))  # type: ignore[union-attr]
    found, wanted = model_of(rec.forget(table.users[7])), model_of(left)
    share = 1 - 1 / rec.n_users  # the other table still has a row for them
    wanted_popularity = wanted.item_popularity / np.float32(share)
    assert found.item_popularity == pytest.approx(wanted_popularity, rel=1e-5)
    assert found.item_biases == pytest.approx(wanted.biases_of(wanted_popularity), rel=1e-4)


# -- a row more --


def test_a_new_user_is_folded_in(rec: pt.Recommender) -> None:
    given: Any = (
        {"ratings": {rec.items[3]: 5.0, rec.items[8]: 2.0}}
        if rec.model.knows_stars
        else {"chosen": [rec.items[3], rec.items[8]]}
    )
    grown = rec.add_user("new", **given)
    in_step(grown)
    assert (model_of(grown).user_factors[:-1] == model_of(rec).user_factors).all()
    folded = rec.fold_in(chosen=[rec.items[3], rec.items[8]]).choice_row()
    assert model_of(grown).user_factors[-1] == pytest.approx(folded, rel=1e-4, abs=1e-5)
    assert rec.items[3] not in grown.recommend("new", 100)["item_id"].tolist()


def test_a_new_user_without_choices_gets_the_most_chosen(rec: pt.Recommender) -> None:
    grown = rec.add_user("new")
    in_step(grown)
    popular = grown.items.ids[np.argmax(model_of(grown).item_popularity)]
    assert grown.recommend("new", 1, by="choice")["item_id"].tolist() == [popular]


def test_weights_count_in_a_new_row(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["plays"]
    often, seldom = (rec.add_user("new", chosen={rec.items[3]: w, rec.items[8]: 2.0}) for w in (5.0, 0.1))
    in_step(often)
    score = [
        one.recommend("new", 100, by="choice", exclude_seen=False).set_index("item_id")["score"]
        for one in (often, seldom)
    ]
    assert model_of(often).user_factors[-1] == pytest.approx(
        row_by_hand(rec_with(rec, often), "new"), rel=1e-4, abs=1e-5
    )
    assert not score[0].equals(score[1])


def rec_with(before: pt.Recommender, after: pt.Recommender) -> pt.Recommender:
    """A recommender after a row came, with the popularity that its row was made by."""
    learned = after._state.choices
    assert learned is not None
    old = model_of(before)
    model = replace(learned.model, item_popularity=old.item_popularity, item_biases=old.item_biases)
    return pt.Recommender(replace(after._state, choices=replace(learned, model=model)))


def test_a_new_item_goes_to_those_who_are_like_its_people(rec: pt.Recommender) -> None:
    seen = rec._state.seen
    assert seen is not None
    anchor = int(np.argmax(seen.item_counts(rec.n_items)))
    people = [rec.users[int(row)] for row in np.unique(seen.user_idx()[seen.item_idx == anchor])]
    given: Any = {"ratings": dict.fromkeys(people, 4.0)} if rec.model.knows_stars else {"chosen_by": people}
    grown = rec.add_item(8888, **given)
    in_step(grown)
    assert (model_of(grown).user_factors == model_of(rec).user_factors).all()
    scores = model_of(grown).scores(model_of(grown).user_factors)
    chose = np.isin(rec.users.ids, people)
    assert scores[chose, -1].mean() > scores[~chose, -1].mean()
    assert np.corrcoef(scores[:, -1], scores[:, anchor])[0, 1] > 0.8


def test_other_words_for_choices_are_refused(recs: dict[str, pt.Recommender]) -> None:
    stars, likes = recs["both"], recs["likes"]
    with pytest.raises(UnsupportedError, match=r"chosen are choices without stars.*ratings="):
        stars.add_user("new", chosen=[stars.items[0]])
    with pytest.raises(UnsupportedError, match=r"ratings are stars.*chosen="):
        likes.add_user("new", ratings={likes.items[0]: 1.0})
    with pytest.raises(UnsupportedError, match=r"ratings are stars.*chosen_by="):
        likes.add_item(8888, ratings={likes.users[0]: 1.0})
    with pytest.raises(UnknownIdError):
        likes.add_user("new", chosen=[8888])
    with pytest.raises(DataError, match="above 0"):
        likes.add_user("new", chosen={likes.items[0]: 0})
    with pytest.raises(DataError, match="twice"):
        likes.add_user("new", chosen=[likes.items[0], likes.items[0]])
    with pytest.raises(DataError, match="once by its title"):
        likes.add_user("new", chosen=[likes.items[0], likes.item_attributes["title"][0]])
    with pytest.raises(ParameterError, match="chosen is 'Alien'"):
        likes.add_user("new", chosen="Alien")
    with pytest.raises(UnsupportedError, match="new_ratings are choices"):
        stars.update(sample().choices())


def test_rows_without_the_training_table(tmp_path: Path) -> None:
    rec = pt.fit(plays(), LEARNERS["mix"], keep_ratings=False)
    grown = pt.load(rec.add_user("new", chosen={rec.items[0]: 2.0}).save(tmp_path / "a.penchant"))
    before, after = counts_of(model_of(rec)), counts_of(model_of(grown))
    assert (after - before).tolist() == [1] + [0] * (rec.n_items - 1)
    with pytest.raises(UnsupportedError, match="update needs the training choices"):
        rec.update({"user": [1], "item": [8888]})


# -- choices more --


def test_update_makes_rows_anew(rec: pt.Recommender) -> None:
    user, other = rec.users[0], rec.users[5]
    open_items = rec.recommend(user, 3, by="choice")["item_id"].tolist()
    after = rec.update(told(rec, user=[user] * 3 + [999], item=[*open_items, rec.items[0]]))
    in_step(after)
    for one in (user, 999):
        assert model_of(after).user_factors[after.users.index(one)] == pytest.approx(
            row_by_hand(after, one), rel=1e-4, abs=1e-5
        )
    row = rec.users.index(other)
    assert (model_of(after).user_factors[row] == model_of(rec).user_factors[row]).all()
    assert (model_of(after).item_factors == model_of(rec).item_factors).all()
    assert not set(open_items) & set(after.recommend(user, 100)["item_id"].tolist())


def test_update_folds_in_new_items_and_those_who_chose_them(rec: pt.Recommender) -> None:
    users = rec.users.ids.tolist()[:8]
    after = rec.update(told(rec, user=[*users, 999], item=[8888] * 9))
    in_step(after)
    model = model_of(after)
    assert np.abs(model.item_factors[-1]).max() > 0
    for one in (*users, 999):
        assert model.user_factors[after.users.index(one)] == pytest.approx(row_by_hand(after, one), rel=1e-3, abs=1e-4)
    twice = after.update(told(rec, user=[users[0]], item=[9999]))
    assert twice.n_items == rec.n_items + 2
    in_step(twice)


def test_another_rating_of_a_known_pair_is_no_new_choice(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["both"]
    seen = rec._state.seen
    assert seen is not None
    item = rec.items[int(seen.items_of(0)[0])]
    after = rec.update({"user": [rec.users[0]], "item": [item], "rating": [1.0 + (seen.ratings_of(0)[0] < 3)]})
    assert after is not rec
    assert after._state.choices is rec._state.choices


def test_weights_add_up_and_likes_are_no_news(recs: dict[str, pt.Recommender]) -> None:
    likes, played = recs["likes"], recs["plays"]
    user = likes.users[0]
    assert likes._state.seen is not None
    item = likes.items[int(likes._state.seen.items_of(0)[0])]
    assert likes.update({"user": [user], "item": [item]}) is likes
    after = played.update({"user": [user], "item": [item], "plays": [2.5]})
    assert after._state.seen is not None
    assert played._state.seen is not None
    assert after._state.seen.ratings_of(0)[0] == played._state.seen.ratings_of(0)[0] + 2.5
    told_now: Any = after.info()["training"]
    assert told_now["updates"]["n_changed"] == 1
    assert told_now["updates"]["n_choices"] == 0


def test_forms_of_new_choices(recs: dict[str, pt.Recommender], tmp_path: Path) -> None:
    rec = recs["plays"]
    ratings = pt.Ratings.from_arrays([999], [rec.items[0]], [4.0])
    path = tmp_path / "new.csv"
    path.write_text(f"user,item\n999,{rec.items[0]}\n")
    for new in (ratings, ratings.choices(), path, {"user": [999], "item": [rec.items[0]]}):
        after = rec.update(new)
        assert after.n_users == rec.n_users + 1
        in_step(after)
    usual = rec.update(ratings)._state.seen
    assert usual is not None
    assert usual.ratings_of(rec.n_users)[0] == pytest.approx(usual_weight(plays().weight), rel=1e-5)
    assert rec.update({"user": [], "item": []}) is rec


def test_the_usual_weight_is_the_one_that_counts_one() -> None:
    weight = np.random.default_rng(0).lognormal(size=999).astype(np.float32)
    found = transformed(np.append(weight, np.float32(usual_weight(weight))))
    assert found is not None
    assert found[-1] == pytest.approx(1, abs=0.01)
    assert usual_weight(np.empty(0, np.float32)) == 1


# -- somebody less --


def test_after_forget_popularity_counts_those_who_remain(rec: pt.Recommender, tmp_path: Path) -> None:
    gone = rec.users[3]
    for refresh_items in (False, True):
        after = rec.forget(gone, refresh_items=refresh_items)
        in_step(after)
        in_step(pt.load(after.save(tmp_path / "a.penchant")))
        seen, model = after._state.seen, model_of(after)
        assert seen is not None
        weight = None if rec.model.knows_stars else transformed(seen.rating)
        for row in (0, 3, 100):  # popularity is in the rule that makes rows of users
            own = slice(int(seen.indptr[row]), int(seen.indptr[row + 1]))
            wanted = model.fold_in_user(seen.item_idx[own], None if weight is None else weight[own]).factors
            # items are folded in anew after the users
            assert refresh_items or model.user_factors[row] == pytest.approx(wanted, abs=1e-3)


def test_what_they_chose_can_t_be_read_off_the_file(rec: pt.Recommender, tmp_path: Path) -> None:
    """Who knows all others' choices takes their counts off what the file tells: nothing is left of the person."""
    seen = rec._state.seen
    assert seen is not None
    theirs = np.zeros(rec.n_items, np.int64)
    theirs[seen.items_of(3)] = 1
    others = seen.item_counts(rec.n_items) - theirs

    def read_off(one: pt.Recommender) -> np.ndarray[Any, Any]:
        """How many more chose each item than the others, by popularity and by biases."""
        model = model_of(one)
        by_popularity = model.item_popularity.astype(np.float64) * model.n_users - others
        curve = np.arange(model.n_users + 1) / model.n_users
        biases = model.biases_of(curve.astype(np.float32))
        by_bias = np.interp(model.item_biases, biases, np.arange(model.n_users + 1)) - others
        return np.stack([by_popularity, by_bias])

    assert (np.rint(read_off(rec)) == theirs).all()  # the attack works while they are there
    gone = pt.load(rec.forget(rec.users[3]).save(tmp_path / "gone.penchant"))
    assert np.abs(read_off(gone)).max() < 0.01
    assert gone._state.choices is not None
    assert gone._state.choices.training["n_choices"] == int(others.sum())
    if not rec.model.knows_stars:
        assert gone._state.training["n_choices"] == int(others.sum())


def test_refreshed_items_are_those_of_the_others(rec: pt.Recommender) -> None:
    seen = rec._state.seen
    assert seen is not None
    plain, after = (model_of(rec.forget(rec.users[3], refresh_items=each)) for each in (False, True))
    theirs = seen.items_of(3)
    stays = np.setdiff1d(np.arange(rec.n_items), theirs)
    assert (after.item_factors[stays] == plain.item_factors[stays]).all()
    assert (after.item_inputs[stays] == plain.item_inputs[stays]).all()
    left = seen.without_user(3)
    weight = None if rec.model.knows_stars else transformed(left.rating)
    for item in theirs[:5]:
        at = np.flatnonzero(left.item_idx == item)
        part = None if weight is None else weight[at]
        wanted = plain.fold_in_item(left.user_idx()[at], part)
        assert after.item_factors[item] == pytest.approx(wanted.factors, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", list(LEARNERS))
def test_a_folded_item_scores_as_the_trained_one_does(name: str) -> None:
    rec = pt.fit(sample().choices(), LEARNERS[name])
    model, seen = model_of(rec), rec._state.seen
    assert seen is not None
    alike = []
    for item in np.flatnonzero(seen.item_counts(rec.n_items) >= 30):
        users = seen.user_idx()[seen.item_idx == item]
        row = model.fold_in_item(users)
        trained = model.scores(model.user_factors)[:, item]
        alike.append(np.corrcoef(trained, model.user_factors @ row.factors)[0, 1])
        assert row.bias == pytest.approx(float(model.item_biases[item]), rel=1e-4)
    assert np.mean(alike) > 0.85


def test_an_item_that_only_they_chose(rec: pt.Recommender) -> None:
    there = rec.update(told(rec, user=[rec.users[3]], item=[8888]))
    after = there.forget(rec.users[3], refresh_items=True)
    model = model_of(after)
    assert not model.item_factors[-1].any()
    assert model.item_popularity[-1] == 0


@pytest.mark.parametrize("both", [True, False])
def test_forget_without_the_training_table(both: bool) -> None:
    """Nobody knows what they chose: the row goes, popularity stays as it was."""
    if both:
        solver = pt.ALS(n_factors=3, n_epochs=2)
        rec = pt.fit(sample(), solver, choices=LEARNERS["mix"], keep_ratings=False)
    else:
        rec = pt.fit(sample().choices(), LEARNERS["mix"], keep_ratings=False)
    after = rec.forget(rec.users[3])
    assert (model_of(after).user_factors == np.delete(model_of(rec).user_factors, 3, axis=0)).all()
    assert (model_of(after).item_popularity == model_of(rec).item_popularity).all()
    with pytest.raises(UnsupportedError, match="keep_ratings"):
        rec.forget(rec.users[3], refresh_items=True)


def test_the_last_one_leaves(tmp_path: Path) -> None:
    rec = pt.fit(pt.Choices.from_arrays(["ann", "ann"], ["x", "y"]), ALS)
    after = pt.load(rec.forget("ann").save(tmp_path / "a.penchant"))
    assert isinstance(after.model, NoStars)
    assert after.n_users == 0
    assert after.add_user("bob", chosen=["x"]).n_users == 1


def test_files_of_format_1_know_no_choices() -> None:
    rec = pt.load(Path(__file__).parents[1] / "files" / "v1.penchant")
    assert rec._state.choices is None
    assert rec.forget(rec.users[0])._state.choices is None
    assert rec.add_user("somebody new")._state.choices is None
    with pytest.raises(UnsupportedError, match="knows stars and no choices"):
        rec.recommend(rec.users[0], by="choice")
