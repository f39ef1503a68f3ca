"""What a reader is given by mistake or on purpose: ids that are none, codecs that give no text, endless lines."""

from __future__ import annotations

import enum
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import penchant as pt
from penchant.data.ratings import Ratings, read_ratings
from penchant.data.tables import streams
from penchant.errors import DataError, ParameterError


class Thing:
    """Equal to itself alone."""


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@pytest.mark.parametrize(
    "ids",
    [
        [Thing(), Thing()],
        [(Thing(), 1), (Thing(), 1)],
        [int, str],
        [print, len],
        [frozenset({Thing()}), frozenset({1})],
        ["a", Thing()],
        [{1}, {2}],
        [{"a": 1}, {"a": 2}],
        [[1], [2]],
    ],
)
def test_what_no_table_can_have_again_is_no_id(ids: list[object]) -> None:
    columns = {"user": ids, "item": [1, 2], "rating": [1.0, 2.0]}
    for table in (columns, pd.DataFrame(columns)):
        with pytest.raises(
            DataError, match=r"row \d: user .* is (equal to nothing but itself|of a type that can change)"
        ):
            Ratings.from_frame(table)


@pytest.mark.parametrize(
    "ids", [[Colour.RED, Colour.BLUE], [(1, "a"), (2, "b")], [b"a", b"b"], [frozenset({1}), frozenset({2})]]
)
def test_what_has_an_equality_of_its_own_is_one(ids: list[object]) -> None:
    assert list(Ratings.from_arrays(ids, [1, 2], [1.0, 2.0]).users) == ids


def test_half_floats_and_packed_columns() -> None:
    half = pa.array(np.array([1, 2], np.float16))
    for column in (half, pd.arrays.SparseArray([1.0, 2.0]), np.array([1, 2], np.float16)):
        table = {"user": column, "item": [1, 2], "rating": column}
        ratings = Ratings.from_frame(table if isinstance(column, pa.Array | np.ndarray) else pd.DataFrame(table))
        assert (list(ratings.users), ratings.rating.tolist()) == ([1, 2], [1.0, 2.0])


@pytest.mark.parametrize("encoding", ["base64", "rot13", "zlib", "hex", "utf-8\0", "undefined", "", 5])
def test_codecs_that_give_no_text(tmp_path: Path, encoding: object) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,item,rating\n1,2,3\n")
    with pytest.raises(ParameterError, match=r"encoding=.*is unknown"):
        read_ratings(path, encoding=encoding)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="not text in punycode"):
        read_ratings(path, encoding="punycode")


@pytest.mark.parametrize("sep", [5, "\0", "\r", "\n", "", '"'])
def test_what_separates_nothing(tmp_path: Path, sep: object) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,item,rating\n1,2,3\n")
    with pytest.raises(ParameterError, match="can't separate columns"):
        read_ratings(path, sep=sep)  # type: ignore[arg-type]


def long_table(path: Path, *last: str, first: int = 0) -> Path:
    """More than a megabyte of whole numbers, and then these lines."""
    lines = (f"{first + n % 700},{n},{n % 5}" for n in range(120_000))
    path.write_text("\n".join(["user,item,rating", *lines, *last]) + "\n")
    assert path.stat().st_size > 1 << 20
    return path


def test_whole_numbers_stay_numbers_where_a_later_one_has_a_point(tmp_path: Path) -> None:
    ratings = read_ratings(long_table(tmp_path / "a.csv", "7.0,120000,5", "8.,120001,5"))
    assert ratings.n_users == 700
    assert ratings.users.is_integer


def test_but_not_where_floats_would_make_two_ids_one(tmp_path: Path) -> None:
    ratings = read_ratings(long_table(tmp_path / "a.csv", "7.0,120000,5", first=2**60))
    assert ratings.n_users == 701
    assert str(2**60 + 1) in ratings.users


def test_a_line_without_an_end_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(streams, "_CHUNK", 1 << 18)
    path = tmp_path / "a.csv"
    path.write_text("user,item,rating\n" + "1,2,3\n" * 200_000 + "1" * 3_000_000)
    with pytest.raises(DataError, match=r"a\.csv has a line of more than"):
        read_ratings(path)


def test_a_file_that_is_too_large_when_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_MOST_UNPACKED", 1 << 16)
    path = tmp_path / "a.parquet.gz"
    path.write_bytes(gzip.compress(b"PAR1" + bytes(1 << 23)))
    with pytest.raises(DataError, match="bytes when unpacked"):
        read_ratings(path)


def test_more_threads_than_anybody_has() -> None:
    for solver in (pt.ALS, pt.Bayes, pt.NeuralNet):
        with pytest.raises(ParameterError, match="n_threads is 1000000000: use at least 1, at most 1,024"):
            solver(n_threads=10**9)


def test_conditions_without_an_end() -> None:
    rec = pt.ALS(n_factors=1, n_epochs=1).fit(pt.load_dataset("sample"))
    endless: dict[str, object] = {}
    endless["not"] = endless
    lists: list[object] = []
    for _ in range(3000):
        lists = [lists]
    for condition in (endless, lists):
        with pytest.raises(ParameterError, match="where"):
            rec.recommend(rec.users[0], where={"genres": condition})
