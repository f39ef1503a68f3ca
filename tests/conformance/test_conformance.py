"""What every model and solver must do, whatever they are."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.cases import (
    EXCEPTIONS,
    SOLVERS,
    checkerboard,
    out_of_range,
    stopped_after,
    without_features,
)

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import ParameterError, UnknownIdError, UnsupportedError
from penchant.fitting.fit import EpochRecord, training_data
from penchant.models.dot_bias import DotBias
from penchant.models.model import Model
from penchant.solvers.solver import Solver


@pytest.fixture(params=list(SOLVERS))
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def solver(case: str) -> Solver:
    return SOLVERS[case]


@pytest.fixture
def plain(solver: Solver) -> Solver:
    """For tables without attributes."""
    return without_features(solver)


@pytest.fixture(scope="session")
def sample() -> Ratings:
    return pt.load_dataset("sample")


def same_arrays(left: Model, right: Model) -> bool:
    ours, theirs = left.arrays(), right.arrays()
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_solver_and_model_have_the_protocol(solver: Solver, sample: Ratings) -> None:
    assert isinstance(solver, Solver)
    model = solver.fit(sample).model
    assert isinstance(model, Model)
    assert (model.n_users, model.n_items) == (sample.n_users, sample.n_items)


def test_solver_is_frozen_and_says_what_it_is(solver: Solver) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        solver.n_epochs = 1
    assert type(solver).__name__ in repr(solver)
    assert solver == dataclasses.replace(solver)


def test_checkerboard(case: str, plain: Solver) -> None:
    train, test = checkerboard()
    if ("checkerboard", case) in EXCEPTIONS:
        with pytest.raises(AssertionError):
            assert_follows_the_board(plain, train, test)
    else:
        assert_follows_the_board(plain, train, test)


def assert_follows_the_board(solver: Solver, train: Ratings, test: Ratings) -> None:
    predicted = solver.fit(train).predict(test.to_frame())
    assert np.abs(predicted - test.rating).max() < 1


def test_beats_the_item_mean_on_what_it_has_not_seen(solver: Solver, sample: Ratings) -> None:
    train, test = sample.split(0.2, rng=1)
    table = solver.fit(train).evaluate(test).table
    assert table.loc["model", "rmse"] < table.loc["item mean", "rmse"]


def test_same_seed_same_answer(solver: Solver, sample: Ratings) -> None:
    assert same_arrays(solver.fit(sample).model, solver.fit(sample).model)


def test_another_seed_another_start(case: str, solver: Solver, sample: Ratings) -> None:
    if case == "als, biases only":
        pytest.skip("without factors nothing is drawn")
    other = dataclasses.replace(solver, rng=7)
    assert not same_arrays(solver.fit(sample).model, other.fit(sample).model)


@pytest.mark.parametrize("n_threads", [2, 3, 8])
def test_number_of_threads_is_irrelevant(case: str, solver: Solver, sample: Ratings, n_threads: int) -> None:
    if ("threads", case) in EXCEPTIONS:
        assert "n_threads" not in {field.name for field in dataclasses.fields(solver)}
        return
    one = dataclasses.replace(solver, n_threads=1).fit(sample).model
    many = dataclasses.replace(solver, n_threads=n_threads).fit(sample).model
    assert same_arrays(one, many)


def test_batch_is_scalar(solver: Solver, sample: Ratings) -> None:
    rec = solver.fit(sample)
    pairs = sample.to_frame().iloc[:500]
    batch = rec.predict(pairs)
    assert batch.dtype == np.float32
    single = [rec.predict(item, user) for user, item in zip(pairs["user_id"], pairs["item_id"], strict=True)]
    assert batch.tolist() == single
    user = sample.users[3]
    one_user = rec.predict(sample.items.ids, user_id=user)
    assert one_user.tolist() == [rec.predict(item, user) for item in sample.items]
    one_item = rec.predict(sample.items[2], user_id=sample.users.ids)
    assert one_item.tolist() == [rec.predict(sample.items[2], user) for user in sample.users]


def test_predictions_stay_on_the_scale(solver: Solver, sample: Ratings) -> None:
    rec = solver.fit(sample)
    everything = np.concatenate([rec.predict(sample.items.ids, user_id=user) for user in sample.users])
    lo, hi = sample.rating_scale
    assert everything.min() >= lo
    assert everything.max() <= hi
    assert np.isfinite(everything).all()


def test_a_model_is_usable_after_every_epoch_and_is_not_changed_by_the_next(solver: Solver, sample: Ratings) -> None:
    data = training_data(sample)
    kept, copies = [], []
    for epoch in without_features(solver).epochs(data):
        kept.append(epoch.model)
        copies.append({name: array.copy() for name, array in epoch.model.arrays().items()})
        assert np.isfinite(epoch.train_loss)
    assert len(kept) == solver.n_epochs
    for model, copy in zip(kept, copies, strict=True):
        assert all(np.array_equal(array, copy[name]) for name, array in model.arrays().items())


def test_train_loss_is_the_error_on_the_training_ratings(solver: Solver, sample: Ratings) -> None:
    rec = solver.fit(sample)
    error = rec.predict(sample.to_frame()).astype(np.float64) - sample.rating
    assert rec.history["train_loss"].iloc[-1] == pytest.approx(np.mean(error**2), rel=1e-5)
    assert rec.history["train_loss"].iloc[-1] < rec.history["train_loss"].iloc[0]


def test_valid_loss_is_the_error_on_held_out_ratings_and_changes_nothing(solver: Solver, sample: Ratings) -> None:
    train, test = sample.split(0.2, rng=1)
    with_valid = solver.fit(train, valid=test)
    error = with_valid.predict(test.to_frame()).astype(np.float64) - test.rating
    assert with_valid.history["valid_loss"].iloc[-1] == pytest.approx(np.mean(error**2), rel=1e-5)
    assert same_arrays(with_valid.model, solver.fit(train).model)


def test_ctrl_c_keeps_the_model_so_far(case: str, solver: Solver, sample: Ratings) -> None:
    def stop(record: EpochRecord) -> None:
        if record.epoch == 2:
            raise KeyboardInterrupt

    stopped = solver.fit(sample, progress=stop)
    short = stopped_after(solver, 3).fit(sample)
    assert len(stopped.history) == 3
    assert stopped.info()["training"]["interrupted"]
    assert same_arrays(stopped.model, short.model) is (("ctrl-c", case) not in EXCEPTIONS)


def test_callers_data_stay_untouched(plain: Solver) -> None:
    users = np.array([1, 1, 2, 2, 3])
    items = np.array(["a", "b", "a", "c", "b"], dtype=object)
    rating = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    before = users.copy(), items.copy(), rating.copy()
    ratings = Ratings.from_arrays(users, items, rating)
    rows = ratings.user_idx.copy(), ratings.item_idx.copy(), ratings.rating.copy()
    plain.fit(ratings)
    for now, then in zip((users, items, rating), before, strict=True):
        assert np.array_equal(now, then)
        assert now.flags.writeable
    for now, then in zip((ratings.user_idx, ratings.item_idx, ratings.rating), rows, strict=True):
        assert np.array_equal(now, then)


def test_recommend_is_a_sort_of_predict(solver: Solver, sample: Ratings) -> None:
    rec = solver.fit(sample)
    user = sample.users[5]
    seen = set(sample.items.ids[sample.item_idx[sample.user_idx == 5]].tolist())
    table = rec.recommend(user, n=sample.n_items, by="stars")
    assert set(table["item_id"]) == set(sample.items) - seen
    assert table["predicted"].tolist() == rec.predict(table["item_id"].tolist(), user_id=user).tolist()
    assert (np.diff(table["predicted"]) <= 0).all()
    assert table["rank"].tolist() == list(range(1, len(table) + 1))


def test_cold_rows_are_the_prior(case: str, solver: Solver, sample: Ratings) -> None:
    train, test = pt.splits.cold_items(sample, 0.1, rng=0)
    model = solver.fit(train).model
    cold = np.flatnonzero((train.item_counts() == 0) & (test.item_counts() > 0)).astype(np.int32)
    fresh = model.with_rows(model.n_users + 2, model.n_items + 1)
    assert (fresh.n_users, fresh.n_items) == (model.n_users + 2, model.n_items + 1)
    users, items = np.repeat(np.arange(model.n_users, dtype=np.int32), len(cold)), np.tile(cold, model.n_users)
    apart = model.predict(users, items) - fresh.predict(users, np.full(len(users), model.n_items, dtype=np.int32))
    is_near = bool(np.abs(apart).max() < 1e-5)
    assert is_near is (("cold rows", case) not in EXCEPTIONS)


def test_save_and_load_are_the_identity(solver: Solver, sample: Ratings, tmp_path: Path) -> None:
    rec = solver.fit(sample)
    again = pt.load(rec.save(tmp_path / "model.penchant"))
    assert same_arrays(rec.model, again.model)
    assert rec.predict(sample.to_frame()).tobytes() == again.predict(sample.to_frame()).tobytes()
    assert rec.info() == again.info()
    user = sample.users[0]
    assert rec.recommend(user).equals(again.recommend(user))
    assert rec.history.equals(again.history)


def test_model_is_its_arrays_and_settings(solver: Solver, sample: Ratings) -> None:
    model = solver.fit(sample).model
    again = type(model).from_arrays(model.arrays(), model.settings())
    assert same_arrays(model, again)
    assert again.settings() == model.settings()


def test_recommender_can_be_pickled_for_other_processes(solver: Solver, sample: Ratings) -> None:
    rec = solver.fit(sample)
    again = pickle.loads(pickle.dumps(rec))
    assert again.predict(sample.items[0], sample.users[0]) == rec.predict(sample.items[0], sample.users[0])


def test_unknown_ids_are_named(solver: Solver, sample: Ratings) -> None:
    rec = solver.fit(sample)
    with pytest.raises(UnknownIdError, match="'nobody'"):
        rec.predict(sample.items[0], user_id="nobody")
    with pytest.raises(UnknownIdError, match="no user"):
        rec.recommend("nobody")
    with pytest.raises(UnknownIdError, match="'No Such Film'"):
        rec.predict("No Such Film", user_id=sample.users[0])


@pytest.mark.parametrize(
    ("users", "items", "rating"),
    [
        ([1], [1], [3.0]),
        ([1] * 5, [1, 2, 3, 4, 5], [1.0, 2.0, 3.0, 4.0, 5.0]),
        ([1, 2, 3, 4, 5], [1] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]),
        ([1, 1, 2, 2], [1, 2, 1, 2], [4.0] * 4),
        ([1, 2, 3], [1, 2, 3], [1.0, 3.0, 5.0]),
    ],
    ids=["one rating", "one user", "one item", "all equal", "nothing shared"],
)
def test_degenerate_tables(plain: Solver, users: list[int], items: list[int], rating: list[float]) -> None:
    ratings = Ratings.from_arrays(users, items, rating)
    rec = plain.fit(ratings)
    predicted = rec.predict(ratings.to_frame())
    assert np.isfinite(predicted).all()
    if min(rating) == max(rating):
        assert np.allclose(predicted, rating[0])
    assert rec.recommend(users[0], exclude_seen=False, n=99)["item_id"].tolist() != []


def test_a_user_with_thousands_of_ratings(plain: Solver) -> None:
    rng = np.random.default_rng(0)
    n = 5_000
    users = np.r_[np.zeros(n, dtype=np.int64), rng.integers(1, 50, n)]
    items = np.r_[np.arange(n), rng.integers(0, n, n)]
    rating = rng.integers(1, 6, 2 * n).astype(np.float64)
    ratings = Ratings.from_arrays(users, items, rating)
    assert np.isfinite(plain.fit(ratings).predict(ratings.to_frame())).all()


ids = st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=5), st.uuids(), st.tuples(st.integers(0, 3), st.text()))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[object], list[object], list[float]]:
    """Ratings between any ids, pairs repeated at will."""
    users = draw(st.lists(ids, min_size=1, max_size=4, unique_by=lambda value: (type(value), value)))
    items = draw(st.lists(ids, min_size=1, max_size=4, unique_by=lambda value: (type(value), value)))
    n = draw(st.integers(1, 12))
    picked = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    who = [users[at % len(users)] for at in draw(picked)]
    what = [items[at % len(items)] for at in draw(picked)]
    return who, what, draw(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), min_size=n, max_size=n))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables())
def test_any_table_trains_predicts_and_names_its_ids(
    plain: Solver, table: tuple[list[object], list[object], list[float]]
) -> None:
    users, items, rating = table
    ratings = Ratings.from_arrays(users, items, rating, rating_scale=(1, 5))
    rec = plain.fit(ratings)
    assert set(ratings.users) == set(users)
    assert {type(value) for value in ratings.items} == {type(value) for value in items}
    predicted = rec.predict(items, user_id=users)
    assert ((predicted >= 1) & (predicted <= 5)).all()


def test_solver_refuses_values_out_of_range(solver: Solver) -> None:
    for name, value in out_of_range(solver):
        with pytest.raises(ParameterError, match=name):
            dataclasses.replace(solver, **{name: value})


def test_lists_of_all_users_are_those_of_each(solver: Solver, sample: Ratings) -> None:
    rec = solver.fit(sample)
    found = pa.Table.from_batches(list(rec.recommend_all(n=5, block_size=150))).to_pandas()
    for user in sample.users.ids[::40].tolist():
        mine = found[found["user_id"] == user].drop(columns="user_id")
        theirs = rec.recommend(user, n=5)
        assert {name: mine[name].tolist() for name in mine} == {name: theirs[name].tolist() for name in theirs}


def test_ratings_that_are_known_are_no_news(solver: Solver, sample: Ratings) -> None:
    rec = solver.fit(sample)
    if not isinstance(rec.model, DotBias):
        with pytest.raises(UnsupportedError, match="dot_bias models can"):
            rec.update(sample)
        return
    assert rec.update(sample.take(np.arange(100))) is rec


def test_who_is_forgotten_changes_little_for_others(solver: Solver, sample: Ratings, tmp_path: Path) -> None:
    rec = solver.fit(sample)
    gone = sample.users[3]
    after = pt.load(rec.forget(gone).save(tmp_path / "model.penchant"))
    assert gone not in after.users
    others = list(after.users)
    assert np.allclose(after.predict(sample.items[0], others), rec.predict(sample.items[0], others), atol=0.2)
    # and the file tells of nobody who is not there
    assert after.info()["training"]["n_ratings"] == len(sample) - int((sample.user_idx == 3).sum())  # type: ignore[index,call-overload]
