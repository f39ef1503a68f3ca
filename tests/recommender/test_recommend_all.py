"""The best items of every user at once: what `recommend` says of each."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import ParameterError, SourceError, UnknownIdError, UnsupportedError
from penchant.ranking import top_n_all as top_lists

SOLVERS = {
    "als": pt.ALS(n_factors=3, n_epochs=5),
    "biases": pt.ALS(n_factors=0, n_epochs=5),
    "bayes": pt.Bayes(n_factors=3, n_draws=20, n_burn=5, n_chains=2),
    "adam": pt.Adam(n_factors=3, n_epochs=2),
}


@pytest.fixture(scope="module")
def recs() -> dict[str, pt.Recommender]:
    return {name: solver.fit(pt.load_dataset("sample")) for name, solver in SOLVERS.items()}


@pytest.fixture(scope="module", params=list(SOLVERS))
def rec(request: pytest.FixtureRequest, recs: dict[str, pt.Recommender]) -> pt.Recommender:
    return recs[request.param]


def one_by_one(rec: pt.Recommender, **how: Any) -> pd.DataFrame:
    tables = [rec.recommend(user, **how).assign(user_id=user) for user in rec.users]
    whole = pd.concat(tables, ignore_index=True)
    return whole[["user_id", *tables[0].columns[:-1]]]


def at_once(rec: pt.Recommender, **how: Any) -> pd.DataFrame:
    return pa.Table.from_batches(list(rec.recommend_all(**how))).to_pandas()


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    assert list(ours) == list(theirs)
    for name in ours:
        assert ours[name].tolist() == theirs[name].tolist(), name


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"n": 1},
        {"n": 1000},
        {"exclude_seen": False},
        {"where": {"genres": "Comedy"}, "n": 5},
        {"candidates": [3, 3, 5, 90, "A Winter in Osterwyn (1988)"], "n": 2},
        {"candidates": []},
    ],
    ids=str,
)
def test_lists_are_those_of_recommend(rec: pt.Recommender, how: dict[str, Any]) -> None:
    assert_same(at_once(rec, **how), one_by_one(rec, **how))


@given(
    n=st.integers(1, 120),
    block_size=st.integers(1, 300),
    exclude_seen=st.booleans(),
    candidates=st.none() | st.lists(st.integers(1, 100), max_size=40),
)
def test_recommend_all_is_recommend_for_each_user(
    recs: dict[str, pt.Recommender], n: int, block_size: int, exclude_seen: bool, candidates: list[int] | None
) -> None:
    how: dict[str, Any] = {"n": n, "exclude_seen": exclude_seen, "candidates": candidates}
    found = at_once(recs["als"], block_size=block_size, **how)
    for user in recs["als"].users.ids[::37].tolist():
        mine = found[found["user_id"] == user].drop(columns="user_id").reset_index(drop=True)
        theirs = recs["als"].recommend(user, **how)
        assert mine["item_id"].tolist() == theirs["item_id"].tolist()
        assert mine["predicted"].tolist() == theirs["predicted"].tolist()
        assert mine["rank"].tolist() == theirs["rank"].tolist()


def test_a_batch_is_a_block_of_users(rec: pt.Recommender) -> None:
    batches = list(rec.recommend_all(n=4, block_size=64))
    assert [len(set(batch["user_id"].to_pylist())) for batch in batches] == [64, 64, 64, 8]
    assert all(isinstance(batch, pa.RecordBatch) for batch in batches)


def test_a_block_is_made_when_it_is_asked_for(recs: dict[str, pt.Recommender], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    lists = top_lists._Products.lists
    monkeypatch.setattr(top_lists._Products, "lists", lambda *args: made.append(args[2]) or lists(*args))
    batches = recs["als"].recommend_all(block_size=50)
    assert made == []
    next(batches)
    assert made == [0]
    batches.close()  # type: ignore[attr-defined]


def test_a_parquet_file(rec: pt.Recommender, tmp_path: Path) -> None:
    path = rec.recommend_all(n=3, block_size=70, path=tmp_path / "lists.parquet")
    assert path == tmp_path / "lists.parquet"
    assert_same(parquet.read_table(path).to_pandas(), one_by_one(rec, n=3))
    assert [each.name for each in tmp_path.iterdir()] == ["lists.parquet"]


def test_a_file_is_written_whole_or_not_at_all(
    recs: dict[str, pt.Recommender], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lists.parquet"
    path.write_text("old")
    lists = top_lists._Products.lists

    def breaks(*args: Any) -> Any:
        if args[2] > 0:
            raise KeyboardInterrupt
        return lists(*args)

    monkeypatch.setattr(top_lists._Products, "lists", breaks)
    with pytest.raises(KeyboardInterrupt):
        recs["als"].recommend_all(block_size=50, path=path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["lists.parquet"]


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        ([f"p{at}" for at in range(6)], pa.string()),
        ([uuid.UUID(int=at) for at in range(6)], pa.string()),
        ([dt.date(2020, 1, 1 + at) for at in range(6)], pa.date32()),
        ([at / 2 + 0.25 for at in range(6)], pa.float64()),
        ([b"%d" % at for at in range(6)], pa.binary()),
        (list(range(6)), pa.int64()),
    ],
    ids=lambda value: str(value)[:12],
)
def test_ids_have_their_own_types(ids: list[object], kind: pa.DataType) -> None:
    ratings = Ratings.from_arrays(ids * 2, [1] * 6 + [2] * 6, list(range(12)))
    (batch,) = SOLVERS["als"].fit(ratings).recommend_all(exclude_seen=False)
    assert batch.schema.field("user_id").type == kind
    found = list(dict.fromkeys(batch["user_id"].to_pylist()))
    assert found == [str(value) if isinstance(value, uuid.UUID) else value for value in ids]
    assert "title" not in batch.schema.names


@pytest.mark.parametrize("ids", [[1, "a"], [("a", 1), ("b", 2)], [1, 2.5]])
def test_ids_that_no_column_can_hold(ids: list[object]) -> None:
    rec = SOLVERS["als"].fit(Ratings.from_arrays(ids, [1, 2], [1.0, 2.0]))
    with pytest.raises(UnsupportedError, match="recommend answers for one"):
        rec.recommend_all()


def test_somebody_who_has_rated_everything_has_an_empty_list() -> None:
    rec = SOLVERS["als"].fit(Ratings.from_arrays([1, 1, 2], ["x", "y", "x"], [1.0, 2.0, 3.0]))
    assert at_once(rec)[["user_id", "item_id"]].to_numpy().tolist() == [[2, "y"]]


@pytest.mark.parametrize("how", [{"n": 0}, {"n": 2.5}, {"block_size": 0}, {"n_threads": 0}, {"path": 7}, {"where": 3}])
def test_values_out_of_range_are_refused_at_once(recs: dict[str, pt.Recommender], how: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(how))):
        recs["als"].recommend_all(**how)


def test_what_else_can_be_wrong(recs: dict[str, pt.Recommender], tmp_path: Path) -> None:
    with pytest.raises(UnknownIdError):
        recs["als"].recommend_all(candidates=[7777])
    with pytest.raises(SourceError, match="no folder"):
        recs["als"].recommend_all(path=tmp_path / "none" / "lists.parquet")
    bare = SOLVERS["als"].fit(pt.load_dataset("sample"), keep_ratings=False)
    with pytest.raises(UnsupportedError, match="exclude_seen"):
        bare.recommend_all()
    assert len(at_once(bare, n=2, exclude_seen=False)) == 400


def test_a_neural_model_answers_too() -> None:
    if not hasattr(pt, "NeuralNet"):
        pytest.skip("there is no penchant.NeuralNet yet")
    rec = pt.NeuralNet(n_epochs=1).fit(pt.load_dataset("sample"))
    assert_same(at_once(rec, n=3), one_by_one(rec, n=3))


def test_the_memory_does_not_grow_with_users() -> None:
    """Blocks of one size give batches of one size, whatever the number of users."""
    rng = np.random.default_rng(0)
    rec = SOLVERS["als"].fit(
        Ratings.from_arrays(np.arange(2_000), rng.integers(0, 50, 2_000), rng.integers(1, 6, 2_000))
    )
    sizes = {batch.nbytes for batch in rec.recommend_all(n=10, block_size=100)}
    assert max(sizes) < 100 * 10 * 32


@pytest.mark.parametrize("by", ["both", "stars", "choice"])
def test_there_are_no_lists_after_the_last_user_was_forgotten(by: str) -> None:
    ratings = pt.Ratings.from_arrays([1, 1, 1], ["a", "b", "c"], [1, 2, 3])
    learner = pt.ChoiceALS(n_factors=2, reg=3.0, n_epochs=2)
    rec = pt.fit(ratings, pt.ALS(n_factors=2, n_epochs=2), choices=learner).forget(1)
    assert list(rec.recommend_all(by=by)) == []
    only = pt.fit(ratings.choices(), learner).forget(1)
    assert list(only.recommend_all()) == []
