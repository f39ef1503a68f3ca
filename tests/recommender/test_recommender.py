"""The door: ids and titles in, answers with ids and titles out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import (
    AmbiguousTitleError,
    ColumnError,
    DataError,
    ParameterError,
    SourceError,
    UnknownIdError,
    UnsupportedError,
)


@pytest.fixture(scope="module")
def sample() -> Ratings:
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def rec(sample: Ratings) -> pt.Recommender:
    return pt.ALS(n_factors=4).fit(sample)


@pytest.fixture(scope="module")
def films() -> pt.Recommender:
    """Five films with ids 1 to 5, two of one title and one without a title."""
    titles = pd.DataFrame({"movie": [1, 2, 3, 4], "title": ["Alien", "Solaris", "Solaris", "Brazil"]})
    users = ["ann", "bob", "ann", "bob", "eve", "ann", "eve"]
    ratings = Ratings.from_frame(
        {"user": users, "movie": [1, 2, 3, 4, 5, 2, 1], "rating": [5, 4, 3, 2, 1, 4, 2]}, items=titles
    )
    return pt.ALS(n_factors=2).fit(ratings)


def test_an_item_is_named_by_id_or_title(films: pt.Recommender) -> None:
    assert films.predict("Alien", user_id="ann") == films.predict(1, user_id="ann")
    assert films.predict(["Brazil", 1, "Alien"], user_id="ann").tolist() == [
        films.predict(item, user_id="ann") for item in (4, 1, 1)
    ]


def test_a_title_that_two_items_share_is_refused(films: pt.Recommender) -> None:
    with pytest.raises(AmbiguousTitleError, match=r"2 items have the title 'Solaris': name one by its id: 2, 3"):
        films.predict("Solaris", user_id="ann")
    assert films.predict(3, user_id="ann") > 0


@pytest.mark.parametrize(
    ("item", "user", "message"),
    [
        ("Aliens", "ann", "did you mean 'Alien'"),
        ("1", "ann", "ids here are of type int, so ask for 1"),
        (99, "ann", "no item 99; did you mean 5"),
        (1, "Ann", "no user 'Ann'; did you mean 'ann'"),
        (1, 7, "no user 7"),
        ((1, 2), "ann", r"no item \(1, 2\)"),
        (1, ("ann", "bob"), "no user"),
        (None, "ann", "no item None"),
        (1.5, "ann", "no item 1.5"),
        (True, "ann", "no item True"),
        ({"a": 1}, "ann", "no item"),
        ("", "ann", "no item ''"),
    ],
)
def test_unknown_names_are_named_and_near_ones_suggested(
    films: pt.Recommender, item: object, user: object, message: str
) -> None:
    with pytest.raises(UnknownIdError, match=message):
        films.predict(item, user_id=user)


def test_ids_win_over_titles() -> None:
    titles = pd.DataFrame({"item": ["a", "b"], "title": ["b", "c"]})
    rec = pt.ALS(n_factors=1).fit(
        Ratings.from_frame({"user": [1, 1, 2], "item": ["a", "b", "a"], "rating": [1, 5, 2]}, items=titles)
    )
    assert rec.predict("b", user_id=1) > rec.predict("a", user_id=1)


def test_tables_of_pairs_from_any_library(rec: pt.Recommender, sample: Ratings) -> None:
    frame = sample.to_frame().iloc[:40][["user_id", "item_id"]]
    columns = {name: frame[name].to_list() for name in frame}
    expected = rec.predict(columns["item_id"], user_id=columns["user_id"])
    for table in (frame, columns, pl.DataFrame(columns), pa.table(columns), frame.set_axis(range(5, 45))):
        assert rec.predict(table).tolist() == expected.tolist()
    assert rec.predict(frame["item_id"], user_id=frame["user_id"]).tolist() == expected.tolist()
    assert rec.predict(pl.Series(columns["item_id"]), pa.array(columns["user_id"])).tolist() == expected.tolist()


def test_a_table_without_the_columns_is_refused(rec: pt.Recommender) -> None:
    with pytest.raises(ColumnError, match="item"):
        rec.predict({"user_id": [1], "colour": ["red"]})
    with pytest.raises(ParameterError, match="user_id="):
        rec.predict("Some Film")


def test_lists_must_pair_up(rec: pt.Recommender, sample: Ratings) -> None:
    items, users = sample.items.ids, sample.users.ids
    with pytest.raises(ParameterError, match="3 items for 2 users"):
        rec.predict(items[:3], user_id=users[:2])
    with pytest.raises(ParameterError, match="1 items for 2 users"):
        rec.predict(items[:1], user_id=users[:2])
    with pytest.raises(ParameterError, match="shape"):
        rec.predict(items[:4].reshape(2, 2), user_id=users[0])
    assert rec.predict([], user_id=[]).shape == (0,)
    assert rec.predict([], user_id=users[0]).shape == (0,)


def test_recommend_chooses_from_candidates(rec: pt.Recommender, sample: Ratings) -> None:
    user = sample.users[0]
    candidates = sample.items.ids[:20].tolist()
    table = rec.recommend(user, n=50, candidates=candidates, exclude_seen=False)
    assert sorted(table["item_id"]) == sorted(candidates)
    titles = sample.titles()[:3].tolist()
    assert set(rec.recommend(user, candidates=titles, exclude_seen=False)["title"]) == set(titles)
    assert rec.recommend(user, candidates=[]).empty


def test_recommend_columns_and_errors(rec: pt.Recommender, sample: Ratings) -> None:
    table = rec.recommend(user_id=sample.users[1], n=3, by="stars")
    assert list(table) == ["rank", "item_id", "title", "predicted"]
    assert len(table) == 3
    with pytest.raises(ParameterError, match="n is 0"):
        rec.recommend(sample.users[0], n=0)


def test_recommend_order_is_that_before_clipping(sample: Ratings) -> None:
    rec = pt.ALS(n_factors=4).fit(sample)
    full = rec.recommend(sample.users[0], n=5, by="stars")
    table = pt.Recommender(replace(rec._state, rating_scale=(3.0, 3.1))).recommend(sample.users[0], n=5, by="stars")
    assert set(table["predicted"]) == {np.float32(3.1)}
    assert len(set(full["predicted"])) == 5
    assert table["item_id"].tolist() == full["item_id"].tolist()


def test_without_kept_ratings_nothing_can_be_left_out(sample: Ratings) -> None:
    rec = pt.ALS(n_factors=2).fit(sample, keep_ratings=False)
    with pytest.raises(UnsupportedError, match="exclude_seen"):
        rec.recommend(sample.users[0])
    assert len(rec.recommend(sample.users[0], exclude_seen=False)) == 10
    assert "n_ratings" not in rec.item_biases()
    with pytest.raises(ParameterError, match="min_ratings needs"):
        rec.item_biases(min_ratings=2)
    assert rec.evaluate(sample).rmse > 0
    assert rec.info()["keeps_ratings"] is False


def test_item_biases_rank_the_films(rec: pt.Recommender, sample: Ratings) -> None:
    best, worst, everything = rec.item_biases(5), rec.item_biases(5, worst=True), rec.item_biases()
    assert list(best) == ["rank", "item_id", "title", "bias", "low", "high", "n_ratings"]
    assert len(everything) == sample.n_items
    assert (np.diff(everything["bias"]) <= 0).all()
    assert best["item_id"].tolist() == everything["item_id"].tolist()[:5]
    assert worst["item_id"].tolist() == everything["item_id"].tolist()[:-6:-1]
    counts = dict(zip(sample.items.ids.tolist(), sample.item_counts().tolist(), strict=True))
    assert everything["n_ratings"].tolist() == [counts[item] for item in everything["item_id"]]
    assert (rec.item_biases(min_ratings=70)["n_ratings"] >= 70).all()
    with pytest.raises(ParameterError, match="n is -1"):
        rec.item_biases(-1)
    with pytest.raises(ParameterError, match="min_ratings is -1"):
        rec.item_biases(min_ratings=-1)


def test_evaluate_with_a_table_of_its_own_ids(sample: Ratings) -> None:
    train, test = sample.split(0.2, rng=3)
    rec = pt.ALS(n_factors=4).fit(train)
    own = Ratings.from_frame(test.to_frame(), rating_scale=sample.rating_scale)
    assert own.users is not test.users
    assert rec.evaluate(own).rmse == pytest.approx(rec.evaluate(test).rmse, rel=1e-6)


def test_evaluate_counts_ids_it_has_never_seen(sample: Ratings) -> None:
    rec = pt.ALS(n_factors=4).fit(sample)
    new = Ratings.from_frame(
        {"user": [sample.users[0], 10**6, 10**6], "item": [10**6, sample.items[0], 10**6 + 1], "rating": [3, 4, 5]}
    )
    card = rec.evaluate(new)
    assert (card.n_cold_users, card.n_cold_items) == (1, 2)
    model = rec.model
    expected = np.array(
        [model.global_mean + model.user_biases[0], model.global_mean + model.item_biases[0], model.global_mean]
    )
    assert card.mse == pytest.approx(np.mean((expected - [3, 4, 5]) ** 2), rel=1e-5)


def test_evaluate_says_that_most_ids_are_unknown(rec: pt.Recommender, sample: Ratings) -> None:
    users = [str(user) for user in sample.users]
    texts = Ratings.from_arrays(users, [1] * len(users), [4.0] * len(users), rating_scale=(1, 5))
    same, *_, note = rec.evaluate(texts).notes
    assert "nearly the same list" in same  # all of them are strangers
    assert note == (
        "200 of 200 users are unknown to the model: they are like '1' (str), those it knows like 1 (int); ids of "
        "another type are other ids, so read both tables alike"
    )
    ids = [sample.items[0], *range(1000, 1003)]
    new = Ratings.from_arrays([sample.users[0]] * 4, ids, [1, 2, 3, 4])
    *_, note = rec.evaluate(new).notes
    assert note == "3 of 4 items are unknown to the model: they are like 1000 (int), those it knows like 1 (int)"
    half = Ratings.from_arrays([sample.users[0]] * 2, [sample.items[0], 1000], [1, 2])
    assert not [note for note in rec.evaluate(half).notes if "unknown" in note]
    split = pt.splits.cold_users(sample)
    notes = pt.ALS(n_factors=1, n_epochs=1).fit(split.train).evaluate(split.test).notes
    assert not [note for note in notes if "unknown" in note]


def test_evaluate_of_nothing_is_refused(rec: pt.Recommender, sample: Ratings) -> None:
    with pytest.raises(DataError):
        rec.evaluate(sample.take(np.array([], dtype=np.int64)))


def test_info_is_json(rec: pt.Recommender) -> None:
    info = json.loads(json.dumps(rec.info()))
    assert info["model"] == "dot_bias"
    assert info["solver"]["name"] == "als"
    assert info["solver"]["n_factors"] == 4
    assert info["training"]["n_ratings"] > 0
    assert "dot_bias" in repr(rec)
    assert "als(n_factors=4" in repr(rec)


def test_save_says_where(rec: pt.Recommender, tmp_path: Path) -> None:
    path = rec.save(str(tmp_path / "films.penchant"))
    assert path == tmp_path / "films.penchant"
    assert repr(pt.load(path)) == repr(rec)
    with pytest.raises(SourceError):
        rec.save(tmp_path / "no such folder" / "films.penchant")
    with pytest.raises(SourceError):
        pt.load(tmp_path / "nothing.penchant")
    for wrong in (None, 7):
        with pytest.raises(ParameterError, match=f"path is {wrong}: use the path of a file"):
            rec.save(wrong)  # type: ignore[arg-type]
        with pytest.raises(ParameterError, match=f"path is {wrong}: use the path of a file"):
            pt.load(wrong)  # type: ignore[arg-type]


def test_a_file_may_hold_any_records_of_its_training(rec: pt.Recommender, tmp_path: Path) -> None:
    """docs/format.md lets any JSON stand there: it is shown, and nothing depends on it."""
    records = [
        {"epoch": "first", "train_loss": [1], "seconds": True},
        {},
        {"epoch": 7, "train_loss": 10**400, "valid_loss": 0.5},
    ]
    odd = replace(rec._state, solver={}, history=records, training={"interrupted": "no"})
    again = pt.load(pt.Recommender(odd).save(tmp_path / "odd.penchant"))
    assert list(again.history) == ["epoch", "train_loss", "valid_loss", "time"]
    assert again.history["epoch"].tolist() == [0, 1, 7]
    assert again.history.drop(columns="epoch").notna().sum().to_dict() == {"train_loss": 0, "valid_loss": 1, "time": 0}
    assert "learned by an unknown solver()" in repr(again)
    assert again.info()["history"] == records
    assert not again.interrupted


def _columns_of_every_kind() -> dict[str, object]:
    import datetime as dt
    import uuid

    moments = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-01"], utc=True)
    uuids = [uuid.UUID(int=at) for at in (5, 6, 5)]
    return {
        "whole floats": pd.Series([1.0, 2.0, 1.0]),
        "Int64": pd.Series([1, 2, 1], dtype="Int64"),
        "category": pd.Series(["a", "b", "a"], dtype="category"),
        "str": pd.Series(["a", "b", "a"]),
        "objects": pd.Series([(1, 2), "x", (1, 2)], dtype=object),
        "moments": pd.Series(moments),
        "dates": [dt.date(2020, 1, 1), dt.date(2020, 1, 2), dt.date(2020, 1, 1)],
        "uuids": uuids,
        "arrow uuids": pa.array([one.bytes for one in uuids], pa.binary(16)).cast(pa.uuid()),
        "arrow dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
        "polars": pl.Series(["a", "b", "a"]),
        "uint8": np.array([1, 2, 1], dtype=np.uint8),
    }


@pytest.mark.parametrize("kind", list(_columns_of_every_kind()))
def test_the_table_that_was_trained_on_can_be_predicted(kind: str) -> None:
    column = _columns_of_every_kind()[kind]
    table = {"user_id": column, "item_id": [1, 1, 2], "rating": [3, 4, 5]}
    ratings = Ratings.from_frame(table)
    rec = pt.ALS(n_factors=1).fit(ratings)
    expected = rec.model.predict(ratings.user_idx, ratings.item_idx).clip(3, 5)
    assert rec.predict(table).tolist() == expected.tolist()
    turned = {"user_id": [1, 1, 2], "item_id": column, "rating": [3, 4, 5]}
    assert len(pt.ALS(n_factors=1).fit(Ratings.from_frame(turned)).predict(turned)) == 3


def test_a_table_of_pairs_with_gaps_is_refused(rec: pt.Recommender, sample: Ratings) -> None:
    with pytest.raises(DataError, match=r"row 1 of the table of pairs: the item id is missing"):
        rec.predict({"user_id": [sample.users[0]] * 2, "item_id": [sample.items[0], None]})
    with pytest.raises(ColumnError, match="has the columns a, b: call one of them user_id and one of them item_id"):
        rec.predict({"a": [1], "b": [2]})
    with pytest.raises(DataError, match="the columns differ in length"):
        rec.predict({"user_id": [sample.users[0]] * 3, "item_id": [sample.items[0]]})
    with pytest.raises(UnknownIdError, match="no user 10000 at position 2"):
        rec.predict({"user_id": [sample.users[0]] * 2 + [10_000], "item_id": [sample.items[0]] * 3})
