"""The way in, step by step: which columns, which ratings, which ids."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from penchant.data.ingest.recognise import recognise
from penchant.data.ratings import Ratings, read_ratings
from penchant.errors import ColumnError, DataError, ParameterError

from_frame = Ratings.from_frame


def table(**changes: object) -> dict[str, object]:
    return {"user": [1, 2, 3], "item": ["a", "b", "c"], "rating": [1, 2, 3], **changes}


# -- columns --


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["userId", "movieId", "rating", "timestamp"], ["userId", "movieId", "rating", "timestamp"]),
        (["User-ID", "ISBN", "Book-Rating"], ["User-ID", "ISBN", "Book-Rating", None]),
        (["uid", "iid", "stars", "date"], ["uid", "iid", "stars", "date"]),
        (["USER", "ITEM", "SCORE", "TIME"], ["USER", "ITEM", "SCORE", "TIME"]),
        (["user_name", "user", "title", "movie_id", "rating"], ["user", "movie_id", "rating", None]),
        (["user", "movie title", "rating"], ["user", "movie title", "rating", None]),
        (["user_id", "movie", "movieId", "stars", "rating"], ["user_id", "movieId", "rating", None]),
        (["reviewerID", "asin", "overall", "unixReviewTime"], ["reviewerID", "asin", "overall", "unixReviewTime"]),
        (["user", "item", "rating", "time", "timestamp"], ["user", "item", "rating", "timestamp"]),
    ],
)
def test_names_that_are_recognised(names: list[str], taken: list[str | None]) -> None:
    found = [recognise(names, role, None, "a table") for role in ("user", "item", "rating", "timestamp")]
    assert [column and column.name for column in found] == taken
    assert all(column is None or column.how == "recognised" for column in found)


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"uid": [1, 2, 3], "user_id": [1, 2, 3]}, {}, "could be the user: say user='uid' or user='user_id'"),
        ({"time": [1, 2, 3], "date": [1, 2, 3]}, {}, "timestamp='time' or timestamp='date', or timestamp=False"),
        ({}, {"item": "itme"}, "no column 'itme' for item='itme'; did you mean 'item'"),
        ({}, {"item": "xyz"}, "no column 'xyz' for item='xyz'; its columns are 'user', 'item', 'rating'"),
        ({}, {"rating": "item"}, "column 'item' of the dict of columns is taken for item and rating"),
        ({f"column{n}": [0, 0, 0] for n in range(20)}, {"item": "?"}, r"\.\.\. \(23 in all\)"),
    ],
)
def test_columns_that_are_not_clear(changes: dict[str, object], arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ColumnError, match=message):
        from_frame(table(**changes), **arguments)  # type: ignore[arg-type]


def test_no_column_for_a_role() -> None:
    with pytest.raises(ColumnError, match=r"looks like the rating: name it with rating=\.\.\.; its columns are 'user'"):
        from_frame({"user": [1], "item": [1]})


def test_columns_that_the_caller_names() -> None:
    data = table(x=[7, 8, 9], y=["p", "q", "r"], z=[5, 4, 3], t=[30, 20, 10])
    ratings = from_frame(data, user="x", item="y", rating="z", timestamp="t")
    assert ratings.users.ids.tolist() == [7, 8, 9]
    assert ratings.report.columns == {
        "user": ("x", "given"),
        "item": ("y", "given"),
        "rating": ("z", "given"),
        "timestamp": ("t", "given"),
    }
    assert from_frame(table(time=[1, 2, 3]), timestamp=False).timestamp is None
    with pytest.raises(ParameterError, match="user=False is not the name of a column"):
        from_frame(data, user=False)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="timestamp=True is not the name of a column"):
        from_frame(data, timestamp=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"duplicates": "newest"}, "duplicates='newest': use one of 'last', 'first', 'mean', 'error'"),
        ({"invalid": "ignore"}, "invalid='ignore': use 'error' or 'drop'"),
        ({"rating_scale": (5, 1)}, r"rating_scale=\(5, 1\): use the lowest and the highest"),
        ({"rating_scale": (1, 5, 9)}, "rating_scale="),
        ({"rating_scale": (1, float("inf"))}, "rating_scale="),
        ({"rating_scale": "1-5"}, "rating_scale="),
        ({"rating_scale": 5}, "rating_scale="),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        from_frame(table(), **arguments)  # type: ignore[arg-type]


# -- ratings --


@pytest.mark.parametrize(
    ("values", "reason", "shown"),
    [
        ([1, None, 3], "missing", ""),
        ([1, float("nan"), 3], "missing", ""),
        (pd.array([1, pd.NA, 3], dtype="Int8"), "missing", ""),
        (pl.Series([1.0, float("nan"), 3.0]), "missing", ""),
        (["1", "", "3"], "missing", ""),
        (["1", "NA", "3"], "missing", ""),
        ([1, "five", 3], "not a number", "'five' "),
        (["1", "5 stars", "3"], "not a number", "'5 stars' "),
        ([1, (2,), 3], "not a number", r"\(2,\) "),
        (pa.array([[1], [2], [3]]), "not a number", r"\[1\] "),
        ([1, float("inf"), 3], "infinite", "inf "),
        ([1, 10**400, 3], "infinite", "1000"),
        (["1", "-inf", "3"], "infinite", "'-inf' "),
        ([1, 1e39, 3], "infinite", r"1e\+39 "),
        (np.array([1, np.inf, 3]), "infinite", "inf "),
    ],
)
def test_ratings_that_are_no_good(values: object, reason: str, shown: str) -> None:
    row = 0 if isinstance(values, pa.Array) else 1
    with pytest.raises(
        DataError, match=rf"^row {row}: rating {shown}.*is {reason} \(column 'rating'\); correct it, or"
    ):
        from_frame(table(rating=values))
    if row:
        kept = from_frame(table(rating=values), invalid="drop")
        assert kept.users.ids.tolist() == [1, 3]
        assert kept.items.ids.tolist() == ["a", "c"]
        assert kept.rating.tolist() == [1, 3]
        assert kept.report.dropped_for == {f"rating {reason}": 1}
        assert kept.report.dropped_rows == (1,)
        assert kept.report.n_dropped == 1


def test_a_scale_that_is_given() -> None:
    kept = from_frame(table(rating=[0.5, 3, 9]), rating_scale=(0.5, 5), invalid="drop")
    assert kept.rating_scale == (0.5, 5.0)
    assert kept.report.dropped_for == {"rating outside the rating scale 0.5 to 5": 1}
    assert "rating scale 0.5 to 5 (given)" in str(kept.report)
    with pytest.raises(DataError, match=r"row 2: rating 9\b is outside the rating scale 0.5 to 5"):
        from_frame(table(rating=[0.5, 3, 9]), rating_scale=(0.5, 5))
    for lowest in (0.1, 0.3, 1.1):  # as float32 these are a little more or less than as float64
        assert len(from_frame(table(rating=[lowest, lowest, 2]), rating_scale=(lowest, 2))) == 3


@pytest.mark.parametrize(
    "values",
    [
        ["1", " 2.5\t", "3e0"],
        [1, Decimal("2.5"), np.float32(3)],
        pa.array([Decimal("1.0"), Decimal("2.5"), Decimal("3.0")]),
        pd.Categorical([1, 2.5, 3]),
        pd.Categorical(["1", "2.5", "3"]),
        pa.array(np.array([1, 2.5, 3], dtype=np.float16)),
        np.array([1, 2.5, 3], dtype=object),
    ],
)
def test_other_kinds_of_numbers(values: object) -> None:
    assert from_frame(table(rating=values)).rating.tolist() == [1, 2.5, 3]


def test_true_and_false_are_a_scale_from_0_to_1() -> None:
    ratings = from_frame(table(rating=[True, False, True]))
    assert ratings.rating.tolist() == [1, 0, 1]
    assert "ratings are true and false: taken as 1 and 0" in ratings.report.notes


def test_nothing_is_left() -> None:
    with pytest.raises(DataError, match="none of the 3 rows of the dict of columns is a rating: rating missing in 3"):
        from_frame(table(rating=[None, None, None]), invalid="drop")


# -- ids --


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([3, None, 1], [1, 3]),
        ([3.0, float("nan"), 1.0], [1, 3]),
        (pd.array([3, pd.NA, 1], dtype="Int64"), [1, 3]),
        (["c", None, "a"], ["a", "c"]),
        ([(3,), None, (1,)], [(1,), (3,)]),
        (pd.Series([3, pd.NaT, 1], dtype=object), [1, 3]),
        (pa.array([b"c", None, b"a"]), [b"a", b"c"]),
        (pd.Categorical(["c", None, "a"], categories=["b", "c", "a"]), ["a", "c"]),
    ],
)
def test_missing_ids(values: object, kept: list[object]) -> None:
    with pytest.raises(DataError, match=r"^row 1: user is missing \(column 'user'\)"):
        from_frame(table(user=values))
    ratings = from_frame(table(user=values), invalid="drop")
    assert list(ratings.users) == kept
    assert ratings.report.dropped_for == {"user missing": 1}


def test_a_row_with_two_faults_is_dropped_once() -> None:
    kept = from_frame(table(user=[1, None, 3], rating=[1, "x", 3]), invalid="drop")
    assert kept.report.n_dropped == 1
    assert kept.report.dropped_for == {"user missing": 1, "rating not a number": 1}


@pytest.mark.parametrize(
    ("values", "pair"),
    [
        ([1, True, 2], r"1 \(int\) and True \(bool\)"),
        ([2, 1.0, 1], r"1.0 \(float\) and 1 \(int\)"),
        ([(1, "a"), (True, "a"), (2, "b")], r"\(1, 'a'\) \(tuple\) and \(True, 'a'\) \(tuple\)"),
    ],
)
def test_ids_that_only_python_calls_equal(values: list[object], pair: str) -> None:
    with pytest.raises(DataError, match=f"user ids {pair} are equal in Python but of different types"):
        from_frame(table(user=values))


@pytest.mark.parametrize(
    "values",
    [
        [1.5, 2.5, 3.0],
        [2**70, 1, -(2**70)],
        [1, "1", (1,)],
        [uuid.UUID(int=3), uuid.UUID(int=1), uuid.UUID(int=2)],
        [dt.date(2020, 1, 2), dt.date(2020, 1, 1), dt.date(2020, 1, 3)],
        [frozenset({1}), frozenset({2}), frozenset({1, 2})],
        ["\ud800", "b", "a"],  # half of a surrogate pair: no UTF-8 for it
        [True, False, True],
        [b"b", b"a", b""],
        ["", "b", "a"],
    ],
)
def test_ids_of_any_hashable_type(values: list[object]) -> None:
    ratings = from_frame(table(user=values))
    back = ratings.users.ids[ratings.user_idx].tolist()
    assert back == values
    assert [type(value) for value in back] == [type(value) for value in values]


def test_ids_of_mixed_types_are_in_order_of_appearance() -> None:
    assert list(from_frame(table(user=["b", 1, "a"])).users) == ["b", 1, "a"]


def test_categories_that_differ_between_chunks() -> None:
    chunks = [pa.array(["b", "c"]).dictionary_encode(), pa.array(["a"]).dictionary_encode()]
    ratings = from_frame(table(user=pa.chunked_array(chunks)))
    assert ratings.users.ids[ratings.user_idx].tolist() == ["b", "c", "a"]


@pytest.mark.parametrize("values", [[[1], [2], [3]], pa.array([[1], [2], [3]]), pa.array([{"a": 1}] * 3)])
def test_ids_that_can_change(values: object) -> None:
    with pytest.raises(DataError, match=r"^row 0: user .* is of a type that can change, so that it is no id"):
        from_frame(table(user=values))


def test_uuids_of_arrow() -> None:
    values = [uuid.UUID(int=value) for value in (3, 1, 2)]
    stored = pa.array([value.bytes for value in values], pa.binary(16))
    column = pa.ExtensionArray.from_storage(pa.uuid(), stored)
    ratings = from_frame(pa.table({"user": column, "item": column, "rating": [1, 2, 3]}))
    assert ratings.users.ids[ratings.user_idx].tolist() == values
    assert list(ratings.users) == sorted(values)


def test_floats_that_are_whole_are_integers() -> None:
    ratings = from_frame(table(user=[2.0, -0.0, 0.0]))
    assert ratings.users.ids.tolist() == [0, 2]
    assert ratings.users.is_integer
    assert "user ids are whole numbers written as floats: taken as integers" in ratings.report.notes
    assert list(from_frame(table(user=[2.0, 1.5, 0.0])).users) == [0.0, 1.5, 2.0]


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [(1, "i2"), (1, "i4"), (1, "i8"), (1, "u8"), (10**8, "i4"), (10**8, "u4"), (10**12, "i8"), (10**12, "u8")],
)
def test_integers_near_and_far_apart(scale: int, dtype: str) -> None:
    values = (np.array([5, 3, 9]) * scale).astype(dtype)
    ratings = from_frame(table(user=values))
    assert ratings.users.ids.tolist() == sorted(values.tolist())
    assert ratings.users.ids[ratings.user_idx].tolist() == values.tolist()


def test_integers_after_other_types() -> None:
    """Batches of half a million rows: the first of one type, the second of another."""
    n = 1 << 19
    for first, second in (("x", 5), (5, "x"), (5, 2**40)):
        values = np.empty(n + 2, dtype=object)
        values[:n] = first
        values[n:] = second
        ratings = Ratings.from_arrays(values, np.arange(n + 2), np.ones(n + 2))
        assert set(ratings.users) == {first, second}
        assert ratings.users[int(ratings.user_idx[-1])] == second


@pytest.mark.parametrize(
    ("source", "text", "users"),
    [
        ("csv", "{},1,3\n7,1,4\n", {"": None, "NA": None, "null": None, "NaN": None, " 8": [7, 8]}),
        ("csv", "{},1,3\nann,1,4\n", {"": None, "NA": ["NA", "ann"], "null": ["ann", "null"], " ": [" ", "ann"]}),
        ("csv", "{},1,3\n7,1,4\n", {"007": ["007", "7"], "07": ["07", "7"], "0": [0, 7]}),
        ("jsonl", '{{"user": {}, "item": 1, "rating": 3}}\n', {"null": None, '""': [""], '"07"': ["07"]}),
    ],
)
def test_what_is_no_id(tmp_path: Path, source: str, text: str, users: dict[str, list[object] | None]) -> None:
    """As docs/data.md says, under Ids."""
    path = tmp_path / f"ratings.{source}"
    for written, expected in users.items():
        path.write_text(("user,item,rating\n" if source == "csv" else "") + text.format(written))
        if expected is None:
            with pytest.raises(DataError, match=r"row 0 .*: user is missing"):
                read_ratings(path)
        else:
            assert read_ratings(path).users.ids.tolist() == expected


def test_broken_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    for n, told in ((1, "1 row dropped (1 broken line)"), (2, "2 rows dropped (2 broken lines)")):
        path.write_text("user,item,rating\n1,2,3\n2,2,4\n" + "1,3\n" * n)
        report = read_ratings(path, invalid="drop").report
        assert report.dropped_for == {"broken line": n}
        assert told in str(report)


def test_columns_of_objects_with_gaps() -> None:
    for values in ([1.5, None, float("nan")], ["a", None, float("nan")], [7, pd.NA, None], [True, None, pd.NaT]):
        ratings = from_frame(
            {"user": np.array(values, dtype=object), "item": [1, 2, 3], "rating": [1, 2, 3]}, invalid="drop"
        )
        assert ratings.users.ids.tolist() == values[:1]
        assert ratings.report.dropped_for == {"user missing": 2}
