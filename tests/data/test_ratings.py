"""Ratings and Split: what they hold, what they refuse, and that the caller's data stay the caller's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import penchant as pt
from penchant.data.attributes import Attributes
from penchant.data.ratings import Ratings, Split, read_ratings
from penchant.data.vocab import Vocab
from penchant.errors import DataError, ParameterError


def some(n: int = 200, seed: int = 0, *, times: bool = True) -> Ratings:
    """`n` distinct pairs of 20 users and 30 items."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(rng.permutation(600)[:n], 30)
    return Ratings.from_arrays(user, item, rng.integers(1, 6, n), rng.integers(0, 10**9, n) if times else None)


def test_sizes_and_counts() -> None:
    ratings = some()
    assert len(ratings) == 200
    assert (ratings.n_users, ratings.n_items) == (len(ratings.users), len(ratings.items))
    assert ratings.density == 200 / (ratings.n_users * ratings.n_items)
    assert ratings.user_counts().tolist() == [int((ratings.user_idx == row).sum()) for row in range(ratings.n_users)]
    assert ratings.item_counts().tolist() == [int((ratings.item_idx == row).sum()) for row in range(ratings.n_items)]
    assert ratings.titles() is None
    assert "200 ratings, 20 users, 30 items, scale 1 to 5" in repr(ratings)


def test_at_most_16_bytes_a_rating() -> None:
    merged = Ratings.from_arrays([1] * 100 + [2] * 100, [7] * 200, range(200), range(200))
    assert len(merged) == 2
    for ratings, allowed in ((some(), 16), (some(times=False), 12), (merged, 16)):
        arrays = (ratings.user_idx, ratings.item_idx, ratings.rating, ratings.time_offset)
        held = sum(
            array.base.nbytes if array.base is not None else array.nbytes for array in arrays if array is not None
        )
        assert held <= allowed * len(ratings)


def test_arrays_are_read_only_and_typed() -> None:
    ratings = some()
    for array, dtype in (
        (ratings.user_idx, np.int32),
        (ratings.item_idx, np.int32),
        (ratings.rating, np.float32),
        (ratings.time_offset, np.uint32),
    ):
        assert array is not None
        assert array.dtype == dtype
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize("kind", ["dict", "pandas", "arrow", "constructor"])
def test_the_callers_data_are_neither_changed_nor_frozen(kind: str) -> None:
    user, item = np.array([5, 5, 7], dtype=np.int32), np.array([1, 2, 2], dtype=np.int32)
    rating, time = np.array([1, 2, 3], dtype=np.float32), np.array([30, 20, 10], dtype=np.uint32)
    columns = {"user": user, "item": item, "rating": rating, "time": time}
    if kind == "constructor":
        rows = user - 5
        known = Vocab(range(3))
        ratings = Ratings(rows, item, rating, known, known, (1, 3), time, 0)
        columns["user"] = rows
    else:
        data = {"dict": dict, "pandas": pd.DataFrame, "arrow": pa.table}[kind](columns)
        ratings = Ratings.from_frame(data)
    before = ratings.rating.tolist(), ratings.user_idx.tolist()
    assert user.tolist() == [5, 5, 7]
    assert time.tolist() == [30, 20, 10]
    for array in columns.values():
        assert array.flags.writeable
    if kind != "constructor":
        rating[:] = 9
        user[:] = 9
        assert (ratings.rating.tolist(), ratings.user_idx.tolist()) == before


def test_duplicates_do_not_change_the_callers_data() -> None:
    columns = {
        "user": np.array([1, 1, 2]),
        "item": np.array([1, 1, 1]),
        "rating": np.array([1, 3, 4], dtype=np.float32),
    }
    Ratings.from_frame(columns, duplicates="mean")
    assert columns["rating"].tolist() == [1, 3, 4]


def test_attributes_of_the_wrong_length() -> None:
    ratings = some()
    with pytest.raises(DataError, match="item_attributes has 2 rows for 30 items"):
        Ratings(
            ratings.user_idx,
            ratings.item_idx,
            ratings.rating,
            ratings.users,
            ratings.items,
            (1, 5),
            item_attributes=Attributes({"year": np.array([1, 2])}, n_rows=2),
        )


def test_take_keeps_vocabularies_and_times() -> None:
    ratings = some()
    mask = ratings.rating > 3
    for rows in (mask, np.flatnonzero(mask)):
        part = ratings.take(rows)
        assert part.users is ratings.users
        assert part.rating.tolist() == ratings.rating[mask].tolist()
        assert part.timestamp is not None
        assert ratings.timestamp is not None
        assert part.timestamp.tolist() == ratings.timestamp[mask].tolist()
    assert some(times=False).take(mask).timestamp is None


def test_rows_may_be_lists_and_come_twice(tmp_path: Path) -> None:
    ratings = some()
    assert ratings.take([3, 1, 3, -1]).rating.tolist() == ratings.rating[[3, 1, 3, -1]].tolist()
    assert len(ratings.take([])) == 0
    mask = [row % 3 == 0 for row in range(200)]
    assert ratings.take(mask).rating.tolist() == ratings.rating[::3].tolist()
    assert len(ratings.split_by(mask).test) == sum(mask)
    rec = pt.ALS(n_factors=1, n_epochs=2).fit(ratings.take(np.r_[np.arange(200), np.arange(50)]))
    again = pt.load(rec.save(tmp_path / "twice.penchant"))
    assert again.info()["keeps_ratings"]
    assert rec.evaluate(ratings).rmse > 0
    assert again.item_biases()["n_ratings"].sum() == 200


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 200], "no row 200: rows are 0 to 199"),
        ([-201], "no row -201"),
        ([True, False], "a mask of 200 booleans is needed, not of 2"),
        ([0.0, 1.0], r"rows are float64\(2,\): use row numbers, or a mask"),
        (slice(3), r"rows are object\(\)"),
        ([[1], [2]], r"rows are int64\(2, 1\)"),
    ],
)
def test_rows_that_are_none(rows: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        some().take(rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"user_idx": np.zeros(2, np.int32)}, ParameterError, "user_idx has 2 values for 3 ratings"),
        ({"user_idx": np.zeros(3, np.int64)}, ParameterError, r"user_idx is int64\(3,\): use a NumPy array of int32"),
        ({"item_idx": [0, 1, 0]}, ParameterError, "item_idx is a list: use a NumPy array of int32"),
        ({"rating": np.ones(3)}, ParameterError, r"rating is float64\(3,\)"),
        ({"rating": None}, ParameterError, "rating is a NoneType"),
        ({"time_offset": np.zeros(4, np.uint32)}, ParameterError, "time_offset has 4 values for 3 ratings"),
        ({"user_idx": np.array([0, 2, 0], np.int32)}, DataError, "user_idx is 2 at position 1: row numbers are 0 to 1"),
        ({"item_idx": np.array([0, 1, -1], np.int32)}, DataError, "item_idx is -1 at position 2"),
        ({"rating": np.array([1, 2, np.nan], np.float32)}, DataError, "rating is nan at position 2"),
        ({"rating": np.array([1, np.inf, 2], np.float32)}, DataError, "rating is inf at position 1"),
        ({"rating": np.array([0.5, 1, 2], np.float32)}, DataError, "rating is 0.5 at position 0: .* is 1 to 5"),
        ({"rating_scale": (5, 1)}, ParameterError, r"rating_scale is \(5, 1\): use the lowest and the highest"),
        ({"rating_scale": (1, np.inf)}, ParameterError, "rating_scale is"),
        ({"rating_scale": "15"}, ParameterError, "rating_scale is '15'"),
        ({"rating_scale": None}, ParameterError, "rating_scale is None"),
    ],
)
def test_the_constructor_checks_what_it_is_given(
    change: dict[str, object], error: type[Exception], message: str
) -> None:
    arguments: dict[str, object] = {
        "user_idx": np.array([0, 1, 0], np.int32),
        "item_idx": np.array([0, 1, 1], np.int32),
        "rating": np.array([1, 5, 2.5], np.float32),
        "users": Vocab(["ann", "bob"], kind="user"),
        "items": Vocab([7, 8]),
        "rating_scale": (1, 5),
    }
    assert len(Ratings(**arguments)) == 3  # type: ignore[arg-type]
    with pytest.raises(error, match=message):
        Ratings(**{**arguments, **change})  # type: ignore[arg-type]


def test_a_scale_that_float32_rounds() -> None:
    assert len(Ratings.from_arrays([1, 2], [1, 1], [0.1, 0.3], rating_scale=(0.1, 0.3))) == 2


def test_split() -> None:
    ratings = some()
    train, test = split = ratings.split(0.25, rng=3)
    assert (len(train), len(test)) == (150, 50)
    pairs = {(int(u), int(i)) for part in split for u, i in zip(part.user_idx, part.item_idx, strict=True)}
    assert len(pairs) == 200
    again = ratings.split(0.25, rng=np.random.default_rng(3))
    assert (again.test.user_idx == test.user_idx).all()
    assert not np.array_equal(ratings.split(0.25, rng=4).test.user_idx, test.user_idx)
    assert "train 150, test 50" in repr(split)


@pytest.mark.parametrize("size", [0, 1, -0.5, 7, float("nan")])
def test_sizes_of_splits_out_of_range(size: float) -> None:
    with pytest.raises(ParameterError, match="test_size is"):
        some().split(size)


def test_masks_that_do_not_split() -> None:
    ratings = some()
    for size in (0.001, 0.999):
        with pytest.raises(ParameterError, match=f"test_size is {size}: use a share that leaves some of the 200"):
            ratings.split(size)
    with pytest.raises(ParameterError, match="one part would be empty"):
        ratings.split_by(np.ones(200, dtype=bool))
    with pytest.raises(ParameterError, match=r"a mask of 200 booleans is needed, not bool\(3,\)"):
        ratings.split_by(np.ones(3, dtype=bool))
    with pytest.raises(ParameterError, match="not int64"):
        ratings.split_by(np.ones(200, dtype=np.int64))  # type: ignore[arg-type]


def test_what_is_cold() -> None:
    ratings = Ratings.from_arrays([1, 1, 2, 3], ["a", "b", "b", "c"], [1, 2, 3, 4])
    split = ratings.split_by(np.array([False, False, True, True]))
    assert (split.cold_users, split.cold_items, split.cold_rows) == (2, 1, 2)
    assert "cold in test: 2 users, 1 item, 2 ratings" in repr(split)


def test_a_split_shares_its_vocabularies() -> None:
    with pytest.raises(DataError, match="must share their vocabularies"):
        Split(some(), some())


@pytest.mark.parametrize("times", [True, False])
def test_to_frame_and_back(times: bool) -> None:
    ratings = some(times=times)
    frame = ratings.to_frame()
    assert list(frame) == ["user_id", "item_id", "rating", *(["timestamp"] if times else [])]
    back = Ratings.from_frame(frame)
    assert back.users == ratings.users
    assert (back.item_idx == ratings.item_idx).all()
    assert (back.rating == ratings.rating).all()
    assert (back.timestamp is None) == (not times)


# -- MovieLens --


def films(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "u.item", sep="|", encoding="latin-1", names=["movie", "title"], usecols=[0, 1])


@pytest.mark.parametrize("way", ["read_ratings", "from_frame", "polars"])
def test_a_merge_with_titles_is_one_call(movielens_100k: Path, way: str) -> None:
    names = ["user", "movie", "rating", "timestamp"]
    if way == "read_ratings":
        ratings = read_ratings(movielens_100k / "u.data", columns=names, items=films(movielens_100k), item="title")
    else:
        frame = pd.read_csv(movielens_100k / "u.data", sep="\t", names=names)
        ratings = Ratings.from_frame(
            pa.table(frame) if way == "polars" else frame, items=films(movielens_100k), item="title"
        )
    assert ratings.n_items == 1664
    assert ratings.n_users == 943
    merged = films(movielens_100k).merge(
        pd.read_csv(movielens_100k / "u.data", sep="\t", names=names), on="movie", how="right"
    )
    expected = merged.drop_duplicates(["user", "title"])
    assert len(ratings) == len(expected)
    assert ratings.report.n_duplicates == len(merged) - len(expected)
    assert ratings.item_counts().sum() == len(expected)
    assert ratings.item_counts().tolist() == expected.title.value_counts()[ratings.items.ids].tolist()


def test_ids_with_titles_of_movielens(movielens_100k: Path) -> None:
    ratings = read_ratings(
        movielens_100k / "u.data", columns=["user", "movie", "rating", "timestamp"], items=films(movielens_100k)
    )
    assert len(ratings) == 100_000
    assert ratings.n_items == 1682
    titles = ratings.titles()
    assert titles is not None
    assert titles[ratings.items.index(50)] == "Star Wars (1977)"
    assert ratings.report.n_duplicates == 0
    whole = pd.read_csv(movielens_100k / "u.data", sep="\t", names=["user", "movie", "rating", "timestamp"])
    assert (ratings.users.ids[ratings.user_idx] == whole.user).all()
    assert ratings.timestamp is not None
    assert (ratings.timestamp == whole.timestamp).all()
