"""A person who was forgotten, looked for in the saved file by somebody who knows all other people's ratings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.edits.forget_attacks import (
    Person,
    by_equations,
    by_means,
    by_noise,
    item_sums,
    nearness,
    own_row,
    person,
    rows_by_sums,
    share_found,
)

import penchant as pt
from penchant.arrays.seen_ratings import SeenRatings
from penchant.data.ratings import Ratings
from penchant.models.dot_bias import DotBias
from penchant.solvers.baselines import baselines
from penchant.solvers.solver import TrainingData

SOLVERS = {
    "als": pt.ALS(n_factors=3),
    "adam": pt.Adam(n_factors=3, n_epochs=2),
    "bayes": pt.Bayes(n_factors=3, n_draws=20, n_burn=5, n_chains=2),
    "bayes with features": pt.Bayes(n_factors=3, n_draws=20, n_burn=5, n_chains=2, user_features=("age",)),
    "neural": pt.NeuralNet(n_epochs=1),
}
WAYS = ["at once", "before an update", "after an update"]
AT = 3


@pytest.fixture(scope="module")
def recs() -> dict[str, pt.Recommender]:
    return {name: solver.fit(pt.load_dataset("sample")) for name, solver in SOLVERS.items()}


def more(rec: pt.Recommender, *, theirs: bool) -> pt.Recommender:
    """With ratings more, of somebody new, of somebody known, and of the person or not."""
    users = [7777, rec.users[0], rec.users[AT] if theirs else rec.users[5]]
    return rec.update({"user": users, "item": list(rec.items)[:3], "rating": [4.0, 5.0, 1.0]})


@pytest.fixture(params=[(name, way) for name in SOLVERS for way in WAYS], ids=lambda param: " ".join(param))
def case(
    request: pytest.FixtureRequest, recs: dict[str, pt.Recommender], tmp_path: Path
) -> tuple[pt.Recommender, pt.Recommender, Person]:
    """A recommender with the person, the saved one without, and the person."""
    name, way = request.param
    rec = recs[name]
    if name == "neural" and way != "at once":
        pytest.skip("a network takes in no ratings")
    if way == "after an update":
        rec = more(rec, theirs=True)
    after = rec.forget(rec.users[AT])
    if way == "before an update":
        after = more(after, theirs=False)
    return rec, pt.load(after.save(tmp_path / "after.penchant")), person(rec, AT)


def left(rec: pt.Recommender) -> SeenRatings:
    assert rec._state.seen is not None
    return rec._state.seen


def guessed(rec: pt.Recommender, who: Person) -> float:
    """What anybody finds who guesses that the person thinks as others do."""
    counts, sums = item_sums(left(rec), rec.n_items)
    return share_found(np.round(sums / np.maximum(counts, 1)), who)


# -- the attacks, on files of the kind that there were --


def test_the_attacks_find_a_person_whose_row_alone_was_taken_out(recs: dict[str, pt.Recommender]) -> None:
    """They are worth something: every one of them returns what was to be forgotten."""
    als, bayes, adam, net = (recs[name] for name in ("als", "bayes", "adam", "neural"))
    who, others = person(als, AT), left(als).without_user(AT)
    item_mean, biases = (als._state.baselines[name].without_user(AT) for name in ("item mean", "bias only"))
    model = als.model.without_user(AT)
    assert isinstance(model, DotBias)
    assert isinstance(item_mean, DotBias)
    assert isinstance(biases, DotBias)
    assert share_found(by_means(item_mean, others), who) == 1
    assert share_found(by_equations(biases, others), who) > 0.9
    assert share_found(by_equations(model, others), who) > 0.9
    total = (len(others) + len(who.items)) * model.global_mean - others.rating.sum(dtype=np.float64)
    assert total == pytest.approx(who.ratings.sum(), abs=0.01)
    for rec in (bayes, adam, net):
        assert nearness(rows_by_sums(rec.model.without_user(AT), others), person(rec, AT)) < 0.01


# -- and on those that there are --


def test_no_mean_gives_a_rating_away(case: tuple[pt.Recommender, pt.Recommender, Person]) -> None:
    _, after, who = case
    assert list(after._state.baselines) == ["global mean", "item mean", "bias only"]
    for model in (*after._state.baselines.values(), after.model):
        if isinstance(model, DotBias):
            assert share_found(by_means(model, left(after)), who) < guessed(after, who) + 0.2
            assert share_found(by_equations(model, left(after)), who) < guessed(after, who) + 0.2


@pytest.mark.parametrize("name", ["als", "bayes"])
@pytest.mark.parametrize("grows", [False, True])
def test_the_mean_of_all_is_that_of_those_who_are_left(recs: dict[str, pt.Recommender], name: str, grows: bool) -> None:
    """So that, times any count, it tells of them alone."""
    rec = more(recs[name], theirs=True) if grows else recs[name]
    after = rec.forget(rec.users[AT])
    assert after.info()["training"]["n_ratings"] == len(left(after))  # type: ignore[index,call-overload]
    for model in (after.model, *after._state.baselines.values()):
        assert isinstance(model, DotBias)
        assert model.global_mean == pytest.approx(left(after).rating.mean(dtype=np.float64), abs=1e-12)


def test_no_mean_of_rows_gives_the_row_away(case: tuple[pt.Recommender, pt.Recommender, Person]) -> None:
    _, after, who = case
    assert nearness(rows_by_sums(after.model, left(after)), who) > 0.3


def test_the_noise_gives_no_squares_away(case: tuple[pt.Recommender, pt.Recommender, Person]) -> None:
    before, after, who = case
    if not isinstance(after.model, DotBias) or after.model.spread is not None or "updates" in str(after.info()):
        pytest.skip("its noise is no error on the training ratings")
    rest, scale = left(before).without_user(AT), after.rating_scale
    alone = len(who.items) / after.model.noise_precision
    assert by_noise(after.model, rest, scale, len(who.items)) == pytest.approx(alone, rel=1e-3)


def test_baselines_are_learned_from_those_who_are_left(recs: dict[str, pt.Recommender]) -> None:
    after = recs["als"].forget(recs["als"].users[AT])
    seen = left(after)
    data = TrainingData(seen.user_idx(), seen.item_idx, seen.rating, after.n_users, after.n_items, after.rating_scale)
    for name, fresh in baselines(data).items():
        for key, array in fresh.arrays().items():
            assert (after._state.baselines[name].arrays()[key] == array).all(), (name, key)
        assert after._state.baselines[name].settings() == fresh.settings()


def test_losses_are_told_in_three_digits_and_updates_as_a_number(recs: dict[str, pt.Recommender]) -> None:
    rec = more(recs["als"], theirs=True)
    after = rec.forget(rec.users[AT])
    for record in after._state.history:
        loss = record["train_loss"]
        assert isinstance(loss, float)
        assert loss == float(f"{loss:.3g}")
    assert after.info()["training"]["updates"] == {"n_updates": 1}  # type: ignore[index,call-overload]
    assert more(after, theirs=False).info()["training"]["updates"]["n_updates"] == 2  # type: ignore[index,call-overload]


def only_theirs() -> Ratings:
    """Ratings of people, of whom one rated a film that nobody else did."""
    rng = np.random.default_rng(1)
    pairs = [(user, item) for user in range(30) for item in range(20) if rng.random() < 0.6]
    pairs.append((AT, 20))
    stars = [float(rng.integers(1, 6)) for _ in pairs]
    return Ratings.from_arrays(*zip(*pairs, strict=True), stars, rating_scale=(1, 5))


@pytest.mark.parametrize("name", ["als", "adam", "bayes", "neural"])
@pytest.mark.parametrize("refresh_items", [None, False])
def test_an_item_that_only_they_rated_is_like_one_that_nobody_rated(name: str, refresh_items: bool | None) -> None:
    rec = SOLVERS[name].fit(only_theirs())
    after = rec.forget(AT, refresh_items=refresh_items)
    row, nobody = after.items.index(20), after.model.with_rows(after.n_users, after.n_items + 1)
    for key, array in nobody.arrays().items():
        if key.startswith("item_") and len(array) == after.n_items + 1:
            assert np.allclose(array[row], array[-1], atol=1e-5), key
    weights = nobody.arrays().get("user_implicit_weights")
    assert weights is None or not weights[row].any()


def test_predictions_for_others_move_by_little(recs: dict[str, pt.Recommender]) -> None:
    for rec in recs.values():
        gone = rec.users[AT]
        others = [user for user in rec.users if user != gone]
        for refresh_items, most in ((False, 0.01), (None, 0.15)):
            after = rec.forget(gone, refresh_items=refresh_items)
            for item in list(rec.items)[::11]:
                apart = np.asarray(after.predict(item, others)) - np.asarray(rec.predict(item, others))
                assert np.sqrt(np.mean(apart**2)) < most


# -- without the ratings --


@pytest.mark.parametrize("name", ["als", "adam", "bayes", "neural"])
def test_without_ratings_nothing_exact_is_left(name: str) -> None:
    ratings = pt.load_dataset("sample")
    kept, rec = SOLVERS[name].fit(ratings), SOLVERS[name].fit(ratings, keep_ratings=False)
    who, others = person(kept, AT), left(kept).without_user(AT)
    after = rec.forget(rec.users[AT])
    assert dict(after._state.baselines) == {}
    assert "n_ratings" not in after._state.training
    assert nearness(rows_by_sums(after.model, others), who) > 0.3 or name == "bayes"
    if isinstance(after.model, DotBias) and after.model.y_range is None:
        sums = (len(others) + len(who.items)) * after.model.global_mean - others.rating.sum(dtype=np.float64)
        assert abs(sums - who.ratings.sum()) > 1
    assert own_row(after.model, 0).shape == who.row.shape


def test_the_same_without_a_user_whose_ratings_were_not_counted(recs: dict[str, pt.Recommender]) -> None:
    """Somebody without ratings leaves no sum behind: everything stays."""
    rec = recs["als"].add_user("new")
    after = rec.forget("new", refresh_items=False)
    for name, array in recs["als"].model.arrays().items():
        assert np.allclose(after.model.arrays()[name], array, rtol=1e-6), name


def test_a_snapshot_keeps_its_other_parts(recs: dict[str, pt.Recommender]) -> None:
    state = recs["als"]._state
    assert pt.Recommender(replace(state, history=())).forget(state.users[AT])._state.history == []
