"""A person taken out of a trained recommender: from memory, and from the next file."""

from __future__ import annotations

import gc
import struct
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.toy_model import TwoMeans

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import ParameterError, UnknownIdError, UnsupportedError
from penchant.models.dot_bias import DotBias
from penchant.models.model import Model

FEATURES = {"item_features": ("genres", "year"), "user_features": ("age", "occupation")}
SOLVERS = {
    "als": pt.ALS(n_factors=3, n_epochs=5),
    "bayes": pt.Bayes(n_factors=3, n_draws=20, n_burn=5, n_chains=2, **FEATURES),
    "adam": pt.Adam(n_factors=3, n_epochs=2),
}


@pytest.fixture(scope="module")
def recs() -> dict[str, pt.Recommender]:
    return {name: solver.fit(pt.load_dataset("sample")) for name, solver in SOLVERS.items()}


@pytest.fixture(params=list(SOLVERS))
def rec(request: pytest.FixtureRequest, recs: dict[str, pt.Recommender]) -> pt.Recommender:
    return recs[request.param]


@pytest.mark.parametrize("at", [0, 57, -1])
def test_everybody_else_is_as_before(rec: pt.Recommender, at: int, tmp_path: Path) -> None:
    gone = rec.users.ids.tolist()[at]
    left = [user for user in rec.users if user != gone]
    after = rec.forget(gone, refresh_items=False)
    assert list(after.users) == left
    assert after.model.n_users == len(left)
    for one in (after, pt.load(after.save(tmp_path / "a.penchant"))):
        for item in list(rec.items)[::9]:  # by as much as the mean of all ratings moves
            assert np.allclose(one.predict(item, left), rec.predict(item, left), atol=0.005)
        for user in left[::40]:
            assert one.recommend(user, by="stars")["item_id"].equals(rec.recommend(user, by="stars")["item_id"])
    for name, column in after.user_attributes.items():
        assert column.tolist() == [
            value for user, value in zip(rec.users, rec.user_attributes[name], strict=True) if user != gone
        ]
    with pytest.raises(UnknownIdError):
        after.predict(rec.items[0], gone)
    assert gone in rec.users


def test_every_array_by_user_is_one_shorter(rec: pt.Recommender) -> None:
    after, state = rec.forget(rec.users[3]), rec._state
    for before, now in (
        (state.model, after.model),
        *zip(state.baselines.values(), after._state.baselines.values(), strict=True),
    ):
        assert now.n_users == before.n_users - 1
        for name, array in now.arrays().items():
            was = before.arrays()[name]
            rows = 1 if len(was) == state.model.n_users else 0
            assert array.shape == (len(was) - rows, *was.shape[1:]), name
    assert after._state.seen is not None
    assert after._state.seen.n_users == rec.n_users - 1


def test_intervals_of_others_stay(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["bayes"]
    after = rec.forget(rec.users[3], refresh_items=False)
    users = list(after.users)
    pairs = [rec.items[0]] * len(users), users
    tables = [one.predict(*pairs, interval=0.9) for one in (rec, after)]
    for name in ("predicted", "low", "high"):
        assert np.allclose(tables[0][name], tables[1][name], atol=0.005)  # type: ignore[index,call-overload]


# -- no trace --


def people(ids: list[object]) -> Ratings:
    """A dozen people; the fourth has an id, a rating, an age and an occupation like nobody else's."""
    rng = np.random.default_rng(0)
    pairs = [(user, item) for user in range(len(ids)) for item in range(30) if rng.random() < 0.6]
    jobs = [f"job {at % 3}" for at in range(len(ids))]
    ages: list[float] = [20 + at % 4 for at in range(len(ids))]
    jobs[3], ages[3] = "lighthouse keeper", 97.53125
    stars = [3.140625 if user == 3 else float(rng.integers(1, 6)) for user, _ in pairs]
    users = {"user": ids, "job": jobs, "age": ages, "tags": [[job[:5], "person"] for job in jobs]}
    return Ratings.from_arrays(
        [ids[user] for user, _ in pairs], [f"film {item}" for _, item in pairs], stars, users=users, rating_scale=(1, 5)
    )


IDS = {
    "text": ([f"person-{at:03}" for at in range(12)], [b"person-003"]),
    "integers": ([700_000_001 + 1_000_003 * at for at in range(12)], [struct.pack("<q", 703_000_010), b"703000010"]),
    "uuids": ([uuid.UUID(int=2**100 + 77 * at) for at in range(12)], [uuid.UUID(int=2**100 + 231).bytes]),
    "mixed": (
        [*range(900_000_001, 900_000_007), *(f"m{at}" for at in range(6))],  # long enough to stand nowhere by chance
        [b"900000004", struct.pack("<q", 900_000_004)],
    ),
}
TELLTALES = [b"lighthouse", b"light", struct.pack("<d", 97.53125), struct.pack("<f", 3.140625)]


@pytest.mark.parametrize("kind", list(IDS))
@pytest.mark.parametrize("refresh_items", [False, True])
def test_no_byte_of_the_person_is_in_the_file(tmp_path: Path, kind: str, refresh_items: bool) -> None:
    ids, spelled = IDS[kind]
    solver = pt.Bayes(n_factors=2, n_draws=8, n_burn=2, n_chains=2, user_features=("job", "tags"))
    rec = solver.fit(people(list(ids)))
    before = rec.save(tmp_path / "before.penchant").read_bytes()
    assert all(told in before for told in TELLTALES)
    assert any(one in before for one in spelled)
    after = rec.forget(ids[3], refresh_items=refresh_items)
    kept = after.save(tmp_path / "after.penchant").read_bytes()
    for told in (*spelled, *TELLTALES):
        assert told not in kept, told
    assert pt.load(tmp_path / "after.penchant").n_users == 11


def everything_from(root: object) -> list[object]:
    """All objects that can be reached from one, modules, classes and functions left aside."""
    found: dict[int, object] = {}
    left: list[object] = [root]
    while left:
        one = left.pop()
        if id(one) in found or isinstance(one, type | type(gc)) or callable(one):
            continue
        found[id(one)] = one
        left += gc.get_referents(one)
        if isinstance(one, np.ndarray):
            left += [one.base, *(one.tolist() if one.dtype == np.object_ else ())]
    return list(found.values())


@pytest.mark.parametrize("kind", list(IDS))
def test_nothing_in_memory_refers_to_the_person(kind: str) -> None:
    ids, _ = IDS[kind]
    solver = pt.Bayes(n_factors=2, n_draws=8, n_burn=2, n_chains=2, user_features=("job",))
    rec = solver.fit(people(list(ids)))
    row = np.append(rec.model.arrays()["user_factors"][3], rec.model.arrays()["user_biases"][3]).tolist()
    reached = everything_from(rec.forget(ids[3]))
    arrays = [one for one in reached if isinstance(one, np.ndarray)]
    assert len(arrays) > 20
    for array in arrays:
        if array.dtype == np.int64 and array.ndim == 1 and isinstance(ids[3], int):
            assert ids[3] not in array
        elif array.dtype.kind == "f":
            assert not {97.53125, 3.140625, *row} & set(array.ravel().tolist())
    texts = {one for one in reached if isinstance(one, str)}
    assert not any("lighthouse" in text for text in texts)
    assert ids[3] not in {one for one in reached if isinstance(one, str | int | uuid.UUID)}


@given(at=st.integers(0, 11), others=st.lists(st.integers(0, 11), max_size=2))
def test_forget_then_save_leaves_no_byte_of_anybody_s_id(tmp_path_factory: Any, at: int, others: list[int]) -> None:
    rec = _everybody()
    gone = list(dict.fromkeys([at, *others]))
    for one in gone:
        rec = rec.forget(f"person-{one:03}")
    kept = rec.save(tmp_path_factory.mktemp("kept") / "a.penchant").read_bytes()
    for one in range(12):
        assert (f"person-{one:03}".encode() in kept) is (one not in gone)


_EVERYBODY: list[pt.Recommender] = []


def _everybody() -> pt.Recommender:
    if not _EVERYBODY:
        _EVERYBODY.append(pt.ALS(n_factors=1, n_epochs=1).fit(people(list(IDS["text"][0]))))
    return _EVERYBODY[0]


# -- what is left --


def test_features_that_only_the_person_had_are_gone(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["bayes"].add_user("new", features={"age": 30, "occupation": "student"})
    pd.testing.assert_frame_equal(rec.forget("new").feature_effects(), rec.feature_effects(), rtol=1e-5)
    rec = pt.Bayes(n_factors=2, n_draws=8, n_burn=2, n_chains=2, user_features=("job", "age")).fit(
        people(list(range(12)))
    )
    before, after = rec.feature_effects(), rec.forget(3).feature_effects()
    expected = before[before["value"] != "lighthouse keeper"].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, expected, rtol=1e-5)
    with_none = rec.forget(3).add_user("new", features={"job": "job 1", "age": 30})
    assert with_none.predict("film 1", "new") > 0


def test_who_was_the_only_one_with_features(tmp_path: Path) -> None:
    ratings = Ratings.from_arrays(
        [1, 1, 2, 2], ["x", "y", "x", "y"], [1.0, 2.0, 4.0, 5.0], users={"user": [1, 2], "job": ["a", None]}
    )
    rec = pt.Bayes(n_factors=1, n_draws=4, n_burn=2, n_chains=2, user_features=("job",)).fit(ratings).forget(1)
    again = pt.load(rec.save(tmp_path / "a.penchant"))
    with pytest.raises(UnsupportedError, match="without features"):
        again.feature_effects()


def test_what_they_had_seen_goes_with_them(rec: pt.Recommender) -> None:
    counts = [one.item_biases().set_index("item_id")["n_ratings"] for one in (rec, rec.forget(rec.users[3]))]
    assert rec._state.seen is not None
    theirs = {rec.items[int(row)] for row in rec._state.seen.items_of(3)}
    assert all(counts[0][item] - counts[1][item] == (item in theirs) for item in rec.items)


def test_how_many_were_forgotten_is_told(rec: pt.Recommender) -> None:
    told: Any = rec.forget(rec.users[3]).forget(rec.users[5]).info()["training"]
    assert told["n_forgotten"] == 2


@pytest.mark.parametrize("name", ["bayes", "adam"])
def test_refreshed_items_are_what_they_were_before_the_person_came(recs: dict[str, pt.Recommender], name: str) -> None:
    """Somebody comes and goes again: the items are as they were."""
    rec = recs[name]
    given = {"user": [7777] * 3, "item": rec.items.ids[[2, 5, 9]].tolist(), "rating": [5.0, 1.0, 5.0]}
    there = rec.update(given)
    left, unlearned = there.forget(7777, refresh_items=False), there.forget(7777)
    apart = [
        np.abs(one.model.arrays()["item_biases"] - rec.model.arrays()["item_biases"]).max() for one in (left, unlearned)
    ]
    assert apart[1] < 0.2 * apart[0]
    stays = np.setdiff1d(np.arange(rec.n_items), [2, 5, 9])
    for name in ("item_biases", "item_factors"):
        assert np.allclose(unlearned.model.arrays()[name][stays], there.model.arrays()[name][stays], atol=1e-6)


def test_als_without_a_person_is_nearly_als_that_never_met_the_person() -> None:
    ratings = pt.load_dataset("sample")
    users = np.asarray(ratings.users.ids)[ratings.user_idx]
    gone = ratings.users[3]
    rest = Ratings.from_arrays(
        users[users != gone],
        np.asarray(ratings.items.ids)[ratings.item_idx][users != gone],
        ratings.rating[users != gone],
        rating_scale=ratings.rating_scale,
    )
    solver = pt.ALS(n_factors=2, n_epochs=60)
    with_them, without, never = solver.fit(ratings), solver.fit(ratings).forget(gone), solver.fit(rest)
    pairs = [(item, user) for user in list(rest.users)[::7] for item in list(rest.items)[::3]]
    told = [np.array([rec.predict(*pair) for pair in pairs]) for rec in (with_them, without, never)]
    apart = [np.sqrt(np.mean((one - told[2]) ** 2)) for one in told[:2]]
    assert apart[1] < 0.7 * apart[0]


def test_an_item_that_only_they_rated_becomes_one_that_nobody_rated(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["bayes"].update({"user": [1], "item": ["film"], "rating": [5.0]})
    after = rec.forget(1, refresh_items=True)
    assert isinstance(after.model, DotBias)
    assert after.model.item_prior.cold_mean is not None
    assert after.model.item_biases[-1] == pytest.approx(after.model.item_prior.cold_mean[-1], abs=1e-6)


def test_the_last_one(tmp_path: Path) -> None:
    rec = pt.ALS(n_factors=1, n_epochs=1).fit(Ratings.from_arrays(["ann"], ["x"], [3.0], rating_scale=(1, 5)))
    after = pt.load(rec.forget("ann").save(tmp_path / "a.penchant"))
    assert after.n_users == 0
    assert after.add_user("bob", ratings={"x": 3}).predict("x", "bob") > 0


def test_an_embedding_nn_forgets_too() -> None:
    rec = pt.NeuralNet(n_epochs=1).fit(pt.load_dataset("sample")) if hasattr(pt, "NeuralNet") else None
    if rec is None:
        pytest.skip("there is no penchant.NeuralNet yet")
    after = rec.forget(rec.users[3])
    assert after.predict(rec.items[0], rec.users[4]) == rec.predict(rec.items[0], rec.users[4])
    with pytest.raises(UnsupportedError):
        rec.forget(rec.users[3], refresh_items=True)


# -- what can't be --


def test_who_is_not_known(rec: pt.Recommender) -> None:
    with pytest.raises(UnknownIdError, match="did you mean"):
        rec.forget(7777)
    with pytest.raises(ParameterError, match="refresh_items"):
        rec.forget(rec.users[0], refresh_items="yes")  # type: ignore[arg-type]


def test_without_kept_ratings(tmp_path: Path) -> None:
    rec = SOLVERS["als"].fit(pt.load_dataset("sample"), keep_ratings=False)
    assert rec.forget(rec.users[0]).n_users == rec.n_users - 1
    with pytest.raises(UnsupportedError, match="keep_ratings"):
        rec.forget(rec.users[0], refresh_items=True)


def test_other_kinds_of_model_say_so(recs: dict[str, pt.Recommender]) -> None:
    class Other(TwoMeans):
        kind = "other"
        without_user = Model.without_user

    state = recs["als"]._state
    other = Other(3.0, np.zeros(len(state.users), np.float32), np.zeros(len(state.items), np.float32))
    rec = pt.Recommender(replace(state, model=other))
    for refresh_items in (True, False):
        with pytest.raises(UnsupportedError, match="other model can't"):
            rec.forget(rec.users[0], refresh_items=refresh_items)


@pytest.mark.parametrize("name", ["v1", "v1-bayes"])
@pytest.mark.parametrize("refresh_items", [None, True, False])
def test_kept_files_can_be_changed(name: str, refresh_items: bool | None) -> None:
    """Of one, rows have values that its features do not know: they count as not known."""
    rec = pt.load(Path(__file__).parents[1] / "files" / f"{name}.penchant")
    assert rec.forget(rec.users[0], refresh_items=refresh_items).n_users == rec.n_users - 1
    new = {"user": [rec.users[1]], "item": [rec.items[0]], "rating": [rec.rating_scale[0]]}
    after = rec.update(Ratings.from_frame(new, rating_scale=rec.rating_scale))
    assert after.n_users == rec.n_users
    for user in rec.users:
        assert rec.explain(rec.items[0], user).predicted == pytest.approx(rec.predict(rec.items[0], user), abs=1e-4)
