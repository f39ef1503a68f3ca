"""New ratings in a trained recommender."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.toy_model import Means

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import AmbiguousTitleError, ColumnError, DataError, ParameterError, UnsupportedError
from penchant.models.dot_bias import DotBias

FEATURES = {"item_features": ("genres", "year"), "user_features": ("age", "occupation")}
SOLVERS = {
    "als": pt.ALS(n_factors=3, n_epochs=10),
    "bayes": pt.Bayes(n_factors=3, n_draws=40, n_burn=10, n_chains=2, **FEATURES),
    "adam": pt.Adam(n_factors=3, n_epochs=3),
}


@pytest.fixture(scope="module")
def sample() -> Ratings:
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def recs(sample: Ratings) -> dict[str, pt.Recommender]:
    return {name: solver.fit(sample) for name, solver in SOLVERS.items()}


@pytest.fixture(params=list(SOLVERS))
def rec(request: pytest.FixtureRequest, recs: dict[str, pt.Recommender]) -> pt.Recommender:
    return recs[request.param]


@pytest.fixture(scope="module")
def als(recs: dict[str, pt.Recommender]) -> pt.Recommender:
    return recs["als"]


def table(*rows: tuple[object, object, float]) -> dict[str, list[object]]:
    return {name: [row[at] for row in rows] for at, name in enumerate(("user", "item", "rating"))}


def dot_bias(rec: pt.Recommender) -> DotBias:
    assert isinstance(rec.model, DotBias)
    return rec.model


def known(rec: pt.Recommender) -> dict[tuple[object, object], float]:
    """The ratings that a recommender has kept, by user and item."""
    seen = rec._state.seen
    assert seen is not None
    pairs = zip(seen.user_idx().tolist(), seen.item_idx.tolist(), seen.rating.tolist(), strict=True)
    return {(rec.users[user], rec.items[item]): rating for user, item, rating in pairs}


def updates(rec: pt.Recommender) -> dict[str, Any]:
    told: Any = rec.info()["training"]
    return told["updates"]  # type: ignore[no-any-return]


# -- nothing --


@pytest.mark.parametrize(
    "nothing",
    [
        table(),
        pd.DataFrame({"user": [], "item": [], "rating": []}),
        pa.table(
            {"user": pa.array([], pa.int64()), "item": pa.array([], pa.int64()), "rating": pa.array([], pa.float64())}
        ),
    ],
    ids=["dict", "pandas", "pyarrow"],
)
def test_update_with_nothing_is_the_identity(rec: pt.Recommender, nothing: object) -> None:
    assert rec.update(nothing) is rec


def test_what_is_known_already_is_nothing_new(rec: pt.Recommender, sample: Ratings) -> None:
    assert rec.update(sample) is rec
    assert rec.update(sample.take(np.zeros(0, np.int64))) is rec
    assert rec.update(sample.take(np.arange(100)[::-1])) is rec


# -- what changes --


def test_rows_without_new_ratings_stay_to_the_bit(rec: pt.Recommender) -> None:
    before = {name: array.copy() for name, array in rec.model.arrays().items()}
    after = rec.update(table((rec.users[5], rec.items[9], 5.0), (rec.users[5], rec.items[20], 1.0)))
    for name, array in after.model.arrays().items():
        n_rows = {"user": rec.n_users, "item": rec.n_items}[name.split("_")[0]]
        if "prior" in name or "weights" in name or "errors" in name or "cold" in name or "noise" in name:
            assert array.tobytes() == before[name].tobytes()
        else:
            touched = [5] if name.startswith("user") else [9, 20]
            stays = np.setdiff1d(np.arange(n_rows), touched)
            assert array[stays].tobytes() == before[name][stays].tobytes()
    assert all(array.tobytes() == before[name].tobytes() for name, array in rec.model.arrays().items())


def test_it_learns_from_what_came(rec: pt.Recommender) -> None:
    user, item = rec.users[5], rec.items[9]
    predicted = [rec.update(table((user, item, rating))).predict(item, user) for rating in (1.0, 3.0, 5.0)]
    assert predicted[0] < predicted[1] < predicted[2]


def test_after_als_a_user_is_what_training_would_find(sample: Ratings) -> None:
    """The users of the updated model are those that fold-in finds given all ratings, items held still."""
    train, more = sample.split(0.1, rng=3)
    rec = pt.ALS(n_factors=3, n_epochs=60).fit(train)
    after = dot_bias(rec.update(more))
    before = dot_bias(rec)
    for user in np.unique(more.user_idx)[:20]:
        mine = sample.user_idx == user
        row = before.fold_in_user(sample.item_idx[mine], sample.rating[mine]).mean
        assert np.append(after.user_factors[user], after.user_biases[user]) == pytest.approx(row, abs=0.01)


@pytest.mark.parametrize("name", list(SOLVERS))
def test_it_comes_near_to_a_new_training(sample: Ratings, name: str) -> None:
    """Of what a new training gains by the last fifth of the ratings, an update gains at least half."""
    train, test = sample.split(0.2, rng=1)
    first, more = train.split(0.3, rng=2)
    rec = SOLVERS[name].fit(first)
    stale, updated, trained = (
        float(one.evaluate(test).table.loc["model", "mse"]) for one in (rec, rec.update(more), SOLVERS[name].fit(train))
    )
    assert updated < stale
    if name != "adam":  # three epochs are far from a minimum
        assert stale - updated > 0.5 * (stale - trained)


def test_in_parts_or_at_once(als: pt.Recommender) -> None:
    rng = np.random.default_rng(0)
    new = [(int(user), int(item), float(rng.integers(1, 6))) for user, item in rng.integers(1, 90, (40, 2))]
    at_once, in_parts = als.update(table(*new)), als
    for start in range(0, 40, 10):
        in_parts = in_parts.update(table(*new[start : start + 10]))
    assert known(at_once) == known(in_parts)
    apart = at_once.predict(als.items.ids[:50], als.users.ids[:50]) - in_parts.predict(
        als.items.ids[:50], als.users.ids[:50]
    )
    assert np.abs(apart).max() < 0.1


# -- ratings, ids, attributes --


def test_the_new_rating_of_a_pair_counts(rec: pt.Recommender) -> None:
    (user, item), rating = next(iter(known(rec).items()))
    other = 1.0 if rating > 3 else 5.0
    after = rec.update(table((user, item, 3.0 if rating != 3 else 2.0), (user, item, other)))
    assert known(after) == known(rec) | {(user, item): other}
    assert (after.predict(item, user) > rec.predict(item, user)) is (other > rating)
    assert updates(after)["n_changed"] == 1
    assert updates(after)["n_ratings"] == 0


def test_new_users_and_items_get_rows(rec: pt.Recommender) -> None:
    after = rec.update(table((7777, rec.items[0], 5.0), (7777, 8888, 4.0), (rec.users[0], 8888, 4.0)))
    assert after.users[-1] == 7777
    assert after.items[-1] == 8888
    assert after.users.ids.tolist()[:-1] == rec.users.ids.tolist()
    assert rec.items[0] not in after.recommend(7777, 1000)["item_id"].tolist()
    assert len(after.recommend(7777, 1000)) == after.n_items - 2
    assert after.item_attributes["title"][-1] is None
    assert after.item_attributes["genres"][-1] == ()
    assert np.isnan(after.item_attributes["year"][-1])
    assert {name: updates(after)[name] for name in ("n_users", "n_items", "n_ratings")} == {
        "n_users": 1,
        "n_items": 1,
        "n_ratings": 3,
    }


def test_a_new_user_is_the_one_that_is_added(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["bayes"]
    given = {rec.items[0]: 5.0, rec.items[7]: 1.0, rec.items[11]: 3.0}
    users = {"user": ["new"], "age": [30.0], "occupation": ["student"]}
    new = table(*(("new", item, rating) for item, rating in given.items()))
    after = rec.update(Ratings.from_frame(new, users=users, rating_scale=(1, 5)))
    added = rec.add_user("new", features={"age": 30.0, "occupation": "student"}, ratings=given)
    assert dot_bias(after).user_factors[-1] == pytest.approx(dot_bias(added).user_factors[-1], abs=1e-5)
    assert after.user_attributes["occupation"][-1] == "student"
    spreads = [dot_bias(one).spread for one in (after, added)]
    assert spreads[0].user_variance[-1] == pytest.approx(spreads[1].user_variance[-1], rel=0.02)  # type: ignore[union-attr]


def test_attributes_of_new_items_are_kept(als: pt.Recommender) -> None:
    films = {"item": [8888, 9999], "title": ["Signal", None], "genres": [["War"], []], "shelf": ["a", "b"]}
    new = Ratings.from_frame(table((1, 8888, 5.0), (1, 9999, 4.0)), items=films, rating_scale=(1, 5))
    after = als.update(new)
    assert after.predict("Signal", user_id=1) == after.predict(8888, user_id=1)
    assert after.item_attributes["genres"].tolist()[-2:] == [("War",), ()]
    assert np.isnan(after.item_attributes["year"][-2:]).all()
    assert list(after.item_attributes) == list(als.item_attributes)
    assert updates(after)["latest"][-1]["left_out"] == ["shelf"]


def test_items_may_go_by_their_title(als: pt.Recommender) -> None:
    titles = als.item_attributes["title"]
    by_title = als.update(table((1, str(titles[9]), 5.0), (2, str(titles[11]), 1.0)))
    by_id = als.update(table((1, als.items[9], 5.0), (2, als.items[11], 1.0)))
    assert by_title.items is als.items
    assert all(
        array.tobytes() == by_id.model.arrays()[name].tobytes() for name, array in by_title.model.arrays().items()
    )


def test_ids_of_any_type(tmp_path: Path) -> None:
    rec = SOLVERS["als"].fit(Ratings.from_arrays(["ann", ("bob", 1)], ["x", "y"], [1.0, 5.0]))
    after = rec.update(Ratings.from_arrays([("bob", 1), "cy", 3], ["x", "z", "x"], [2.0, 3.0, 4.0]))
    assert list(after.users) == ["ann", ("bob", 1), "cy", 3]
    assert list(pt.load(after.save(tmp_path / "a.penchant")).users) == list(after.users)


def test_any_table_and_a_file(als: pt.Recommender, tmp_path: Path) -> None:
    new = table((1, 2, 5.0), (2, 3, 1.0))
    path = tmp_path / "new.csv"
    pd.DataFrame(new).to_csv(path, index=False)
    wanted = als.update(new).model.arrays()
    for given_as in (
        pd.DataFrame(new),
        pa.table(new),
        path,
        str(path),
        [path],
        Ratings.from_frame(new, rating_scale=(1, 5)),
    ):
        found = als.update(given_as).model.arrays()
        assert all(array.tobytes() == found[name].tobytes() for name, array in wanted.items())


def test_only_ids_with_ratings_come_from_a_part_of_a_split(als: pt.Recommender) -> None:
    whole = Ratings.from_frame(table((7, 8888, 5.0), (7777, 9999, 4.0), (8, 3, 1.0)), rating_scale=(1, 5))
    after = als.update(whole.take([0]))
    assert after.n_users == als.n_users
    assert list(after.items)[als.n_items :] == [8888]


# -- around the model --


def test_baselines_know_what_came(als: pt.Recommender, sample: Ratings) -> None:
    train, more = sample.split(0.3, rng=0)
    rec = SOLVERS["als"].fit(train)
    ours, theirs = (one._state.baselines for one in (rec.update(more), als))
    assert list(ours) == list(theirs)
    for name, base in ours.items():
        apart = base.arrays()["item_biases"] - theirs[name].arrays()["item_biases"]
        if name == "bias only":  # in closed form from the biases before, and with the mean of before
            assert np.abs(apart).mean() < 0.1
        else:
            assert base.settings()["global_mean"] == pytest.approx(theirs[name].settings()["global_mean"], abs=1e-6)
            assert np.abs(apart).max() < 1e-6


def test_it_can_be_kept_and_updated_again(rec: pt.Recommender, tmp_path: Path) -> None:
    after = rec.update(table((7777, 3, 5.0), (7777, 8888, 1.0)))
    again = pt.load(after.save(tmp_path / "a.penchant"))
    assert again.info() == after.info()
    more = table((7777, 5, 2.0), (1, 8888, 5.0))
    ours, theirs = again.update(more), after.update(more)
    assert ours.predict(ours.items.ids, 7777).tobytes() == theirs.predict(theirs.items.ids, 7777).tobytes()
    told = updates(ours)
    assert told["n_updates"] == 2
    assert told["n_ratings"] == 4
    assert [one["n_items"] for one in told["latest"]] == [1, 0]


def test_what_is_told_does_not_grow_with_the_number_of_updates(als: pt.Recommender) -> None:
    rec = als
    for item in range(2, 16):
        rec = rec.update(table((7777, item, 3.0)))
    assert updates(rec)["n_updates"] == 14
    assert len(updates(rec)["latest"]) == 10


def test_how_far_it_moved_is_told(als: pt.Recommender) -> None:
    after = als.update(table((1, 2, 5.0), (2, 2, 1.0)))
    (record,) = updates(after)["latest"]
    assert record["touched_users"] == 2 / als.n_users
    assert record["touched_items"] == 1 / als.n_items
    users = np.array([0, 1])
    apart = [after.model.predict(np.full(100, u, np.int32), np.arange(100, dtype=np.int32)) for u in users]
    assert 0 < record["moved_users"] < max(float(np.abs(one).max()) for one in apart)
    (nobody,) = updates(als.update(table((7777, 8888, 3.0))))["latest"]
    assert nobody["moved_users"] is nobody["moved_items"] is None


def test_intervals_narrow(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["bayes"]
    unrated = rec.recommend(rec.users[3], 30)["item_id"].tolist()
    after = rec.update(table(*((rec.users[3], item, 3.0) for item in unrated[:25])))
    ours, theirs = (dot_bias(one).spread for one in (after, rec))
    assert ours is not None
    assert theirs is not None
    assert ours.user_variance[3] < theirs.user_variance[3]


# -- what can't be --


@pytest.mark.parametrize(("rating", "told"), [(5.5, "5.5"), (0.0, "0")])
def test_ratings_outside_the_scale(als: pt.Recommender, rating: float, told: str) -> None:
    with pytest.raises(DataError, match="scale"):
        als.update(table((1, 2, rating)))
    with pytest.raises(DataError, match=rf"user 1 gave item 2 {told}, and the scale of the model is 1 to 5"):
        als.update(Ratings.from_frame(table((1, 2, rating), (2, 2, 3.0))))


@pytest.mark.parametrize("wrong", [table(("1", 2, 3.0)), table((1, "2", 3.0)), table((1.0, 2, 3.0), ("x", 2, 3.0))])
def test_ids_that_were_read_as_another_type(als: pt.Recommender, wrong: dict[str, list[object]]) -> None:
    with pytest.raises(DataError, match=r"known already|equal"):
        als.update(wrong)


def test_a_title_that_several_items_share() -> None:
    films = {"item": [1, 2], "title": ["Twin", "Twin"]}
    rec = SOLVERS["als"].fit(Ratings.from_frame(table((1, 1, 3.0), (2, 2, 4.0)), items=films))
    with pytest.raises(AmbiguousTitleError):
        rec.update(table((1, "Twin", 3.0)))


def test_without_kept_ratings_it_says_so(sample: Ratings) -> None:
    with pytest.raises(UnsupportedError, match="keep_ratings"):
        SOLVERS["als"].fit(sample, keep_ratings=False).update(table((1, 2, 3.0)))


def test_attributes_of_another_kind(als: pt.Recommender) -> None:
    films = {"item": [8888], "year": ["old"]}
    new = Ratings.from_frame(table((1, 8888, 5.0)), items=films, rating_scale=(1, 5))
    with pytest.raises(DataError, match="'year' is of numbers, and in the new ratings of texts"):
        als.update(new)


def test_features_that_nobody_had(recs: dict[str, pt.Recommender]) -> None:
    films = {"item": [8888], "genres": [["Opera"]]}
    new = Ratings.from_frame(table((1, 8888, 5.0)), items=films, rating_scale=(1, 5))
    with pytest.raises(DataError, match="new item 8888: genres was never 'Opera' in training"):
        recs["bayes"].update(new)


@pytest.mark.parametrize("wrong", [None, 7, [(1, 2, 3.0)]])
def test_what_is_no_table(als: pt.Recommender, wrong: object) -> None:
    with pytest.raises((ParameterError, DataError)):
        als.update(wrong)


def test_columns_that_are_missing(als: pt.Recommender) -> None:
    with pytest.raises(ColumnError):
        als.update({"user": [1], "item": [2]})


def test_other_kinds_of_model_say_so(als: pt.Recommender) -> None:
    rec = pt.Recommender(replace(als._state, model=Means().fit(pt.load_dataset("sample")).model))
    with pytest.raises(UnsupportedError, match="two_means model can't take in ratings"):
        rec.update(table((1, 2, 3.0)))


# -- any --


@given(
    new=st.lists(
        st.tuples(st.integers(195, 204), st.integers(95, 104), st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0])), max_size=12
    )
)
def test_any_ratings_are_kept_and_leave_a_finite_model(als: pt.Recommender, new: list[tuple[int, int, float]]) -> None:
    after = als.update(table(*new))
    wanted = known(als) | {(user, item): rating for user, item, rating in new}
    assert known(after) == wanted
    assert set(after.users) == set(als.users) | {user for user, _, _ in new}
    assert np.isfinite(after.predict(after.items.ids, after.users[-1])).all()
    assert after.update(table(*new)) is after or len({(u, i) for u, i, _ in new}) < len(new)
