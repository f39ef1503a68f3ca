"""Choices: tables without stars, what they hold, what they refuse, and what they share with ratings."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import penchant
from penchant.data.choices import Choices, read_choices
from penchant.data.ratings import Ratings, read_ratings, require_ratings
from penchant.data.vocab import Vocab
from penchant.datasets import load_dataset
from penchant.errors import ColumnError, DataError, ParameterError

TABLE = {"user": ["ann", "ann", "bob", "ann"], "song": ["Aria", "Waltz", "Aria", "Aria"], "plays": [2, 1, 5, 4]}

plays = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 9), st.integers(0, 5)), min_size=1, max_size=30
)


def rows(choices: Choices) -> list[tuple[object, ...]]:
    return [tuple(row) for row in choices.to_frame().itertuples(index=False)]


@given(plays)
def test_weights_of_a_pair_are_added_up_and_the_last_time_counts(played: list[tuple[int, int, int, int]]) -> None:
    user, item, weight, time = zip(*played, strict=True)
    choices = Choices.from_arrays(user, item, weight, time)
    total: dict[tuple[int, int], int] = defaultdict(int)
    last: dict[tuple[int, int], int] = defaultdict(int)
    for who, what, n, when in played:
        total[who, what] += n
        last[who, what] = max(last[who, what], when)
    assert {(who, what): n for who, what, n, _ in rows(choices)} == total
    assert {(who, what): when for who, what, _, when in rows(choices)} == last
    assert choices.report.n_duplicates == len(played) - len(total)
    assert choices.report.n_choices == len(choices) == len(total)
    assert choices.weight.sum() == sum(weight)


@given(plays, st.sampled_from(["last", "first"]))
def test_other_rules_keep_one_row_of_a_pair(played: list[tuple[int, int, int, int]], rule: str) -> None:
    user, item, weight, time = zip(*played, strict=True)
    choices = Choices.from_arrays(user, item, weight, time, duplicates=rule)
    kept: dict[tuple[int, int], tuple[int, int]] = {}
    for who, what, n, when in sorted(played, key=lambda row: row[3], reverse=rule == "first"):
        later = (who, what) not in kept or rule == "last" or when < kept[who, what][1]
        if later:
            kept[who, what] = n, when
    found = {(who, what): (n, when) for who, what, n, when in rows(choices)}
    assert {pair: when for pair, (_, when) in found.items()} == {pair: when for pair, (_, when) in kept.items()}
    assert all((*pair, *value) in played for pair, value in found.items())


def test_a_repeated_pair_can_be_refused() -> None:
    with pytest.raises(
        DataError, match=r"user 'ann' has chosen item 'Aria' before, in row 0 .*'sum', 'last' or 'first'"
    ):
        Choices.from_frame(TABLE, item="song", duplicates="error")
    with pytest.raises(ParameterError, match="duplicates='mean': use one of 'sum', 'last', 'first', 'error'"):
        Choices.from_frame(TABLE, item="song", duplicates="mean")


def test_the_report_says_what_was_done() -> None:
    told = str(Choices.from_frame(TABLE, item="song").report)
    assert "4 rows, 3 choices of 2 items by 2 users" in told
    assert "weight = column 'plays' (recognised)" in told
    assert "1 row with an already chosen pair: their weights are added up" in told


def test_without_a_column_of_weights_each_row_weighs_one() -> None:
    columns = {name: TABLE[name] for name in ("user", "song")}
    choices = Choices.from_frame(columns, item="song")
    assert sorted(choices.weight.tolist()) == [1, 1, 2]  # clicked twice, once, once
    assert Choices.from_frame(columns, item="song", duplicates="last").weight.tolist() == [1, 1, 1]
    unweighted = Choices.from_frame(TABLE, item="song", weight=False, duplicates="first")
    assert not unweighted.is_weighted
    assert "weight" not in unweighted.report.columns
    assert repr(unweighted) == "Choices(3 choices, 2 users, 2 items, density 75.00%)"


@pytest.mark.parametrize("bad", [0, -1, -0.5])
def test_what_is_no_choice_is_refused_and_says_what_to_do(bad: float) -> None:
    table = {"user": ["ann", "bob"], "item": [1, 1], "count": [1.0, bad]}
    with pytest.raises(DataError) as refused:
        Choices.from_frame(table)
    told = str(refused.value)
    assert re.match(rf"row 1: weight {bad}(\.0)? is not above 0 \(column 'count'\); ", told)
    assert "invalid='drop'" in told
    assert "penchant.read_ratings" in told
    kept = Choices.from_frame(table, invalid="drop")
    assert len(kept) == 1
    assert kept.report.dropped_for == {"weight not above 0": 1}


@pytest.mark.parametrize(
    ("bad", "reason"), [(float("nan"), "missing"), (float("inf"), "infinite"), ("often", "number")]
)
def test_weights_that_are_no_numbers(bad: object, reason: str) -> None:
    with pytest.raises(DataError, match=f"row 1: weight .*{reason}"):
        Choices.from_frame({"user": [1, 2], "item": [1, 1], "count": [1, bad]})


def test_sums_beyond_what_is_kept_are_refused() -> None:
    with pytest.raises(DataError, match="too large: use smaller units"):
        Choices.from_arrays([1, 1], [1, 1], [8e17, 8e17])


def test_a_column_of_ratings_is_reported_and_not_read() -> None:
    table = {"user": [1, 2], "item": [1, 1], "stars": [1, 5]}
    choices = Choices.from_frame(table)
    assert choices.weight.tolist() == [1, 1]
    (note,) = [note for note in choices.report.notes if "stars" in note]
    assert note.startswith("column 'stars' is not read: each row is a choice")
    assert not Choices.from_frame(table, weight="stars").report.notes[1:]  # the caller wants it so


def test_ratings_without_ratings_say_where_to_go() -> None:
    with pytest.raises(ColumnError, match=r"looks like the rating: .* is read by penchant.read_choices"):
        Ratings.from_frame({"user": [1], "item": [1]})
    same = Ratings.from_arrays([1, 2], [1, 2], [1, 1])
    assert any("penchant.read_choices" in note for note in same.report.notes)


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "arrow"])
def test_files_of_every_kind(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({"userId": [7, 7, 9], "trackId": [3, 4, 3], "playCount": [2, 5, 1]})
    path = tmp_path / f"plays.{kind}"
    if kind in ("csv", "tsv"):
        frame.to_csv(path, index=False, sep="," if kind == "csv" else "\t")
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pandas(frame), path)
    else:
        with pa.ipc.new_file(str(path), pa.Table.from_pandas(frame).schema) as writer:
            writer.write_table(pa.Table.from_pandas(frame))
    choices = read_choices(str(path))
    assert rows(choices) == [(7, 3, 2.0), (7, 4, 5.0), (9, 3, 1.0)]
    assert choices.users.is_integer


def test_files_without_a_header_and_with_items(tmp_path: Path) -> None:
    path = tmp_path / "clicks.txt"
    path.write_text("ann;7;20\nbob;7;30\nbob;9;31\n")
    films = {"film": [7, 9, 11], "title": ["Alien", "Heat", "Up"], "year": [1979, 1995, 2009]}
    choices = read_choices(str(path), columns=["user", "film", "date"], items=films)
    assert choices.to_frame()["title"].tolist() == ["Alien", "Alien", "Heat"]
    assert choices.item_attributes["year"].tolist() == [1979, 1995]
    assert choices.timestamp is not None
    assert choices.timestamp.tolist() == [20, 30, 31]
    assert "1 item of items= without a choice left out" in choices.report.notes
    with pytest.raises(DataError, match="no item of the choices is in items="):
        read_choices(str(path), columns=["user", "film", "date"], items={"film": [1], "title": ["Alien"]})


def test_ids_of_any_type_and_bad_rows() -> None:
    choices = Choices.from_arrays([("a", 1), "b"], [1.5, None], invalid="drop")
    assert list(choices.users) == [("a", 1)]
    with pytest.raises(DataError, match="none of the 1 rows of arrays is a choice: user missing in 1"):
        Choices.from_arrays([None], [1], invalid="drop")


def test_choices_of_ratings_are_who_rated_what() -> None:
    ratings = load_dataset("sample")
    choices = ratings.choices()
    assert np.array_equal(choices.user_idx, ratings.user_idx)
    assert np.array_equal(choices.item_idx, ratings.item_idx)
    assert (choices.weight == 1).all()
    assert choices.users is ratings.users
    assert choices.items is ratings.items
    assert choices.item_attributes is ratings.item_attributes
    assert np.array_equal(choices.timestamp, ratings.timestamp)
    assert choices.report.n_choices == len(ratings)
    assert choices.report.rating_scale is None
    assert choices.choices() is choices


def test_parts_share_vocabularies_and_keep_weights() -> None:
    choices = Choices.from_frame(TABLE, item="song")
    train, test = choices.split(0.4, rng=1)
    assert (len(train), len(test)) == (2, 1)
    assert train.users is choices.users
    assert sorted([*rows(train), *rows(test)]) == sorted(rows(choices))
    assert choices.take([2]).weight.tolist() == choices.weight[[2]].tolist()
    assert re.fullmatch(
        r"Split\(train 2, test 1; cold in test: . users?, . items?, . choices?\)", repr(choices.split(0.4))
    )


def test_arrays_are_read_only_and_the_callers_are_not() -> None:
    user, weight = np.zeros(1, np.int32), np.ones(1, np.float32)
    known = Vocab([1])
    choices = Choices(user, user, weight, known, known)
    with pytest.raises(ValueError, match="read-only"):
        choices.weight[0] = 2
    weight[0] = 3
    assert user.flags.writeable


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (np.array([0], np.float32), DataError, "weight is 0 at position 0: use a finite number above 0"),
        (np.array([-2], np.float32), DataError, "weight is -2"),
        (np.array([np.nan], np.float32), DataError, "weight is nan"),
        (np.array([np.inf], np.float32), DataError, "weight is inf"),
        (np.array([1.0]), ParameterError, r"weight is float64\(1,\): use a NumPy array of float32"),
        (np.ones(2, np.float32), ParameterError, "user_idx has 1 values for 2 choices: give one a choice"),
        (None, ParameterError, "weight is a NoneType"),
    ],
)
def test_the_constructor_checks_what_it_is_given(weight: object, error: type[Exception], message: str) -> None:
    known, rows_ = Vocab([1]), np.zeros(1, np.int32)
    with pytest.raises(error, match=message):
        Choices(rows_, rows_, weight, known, known)  # type: ignore[arg-type]


def test_what_needs_stars_says_so() -> None:
    choices = Choices.from_frame(TABLE, item="song")
    with pytest.raises(ParameterError, match="test is a table of choices, and this needs stars"):
        require_ratings(choices, "test")
    assert not hasattr(choices, "rating")
    assert not hasattr(choices, "rating_scale")


def test_several_columns_of_weights_are_asked_about(tmp_path: Path) -> None:
    table = {"user": [1], "item": [1], "clicks": [1], "views": [4]}
    with pytest.raises(ColumnError, match="say weight='clicks' or weight='views', or weight=False to leave it out"):
        Choices.from_frame(table)
    path = tmp_path / "a.csv"
    path.write_text("user,item,rating,n\n1,2,3,4\n")
    assert "weight" not in read_ratings(str(path)).report.columns


def test_the_smallest_table_can_be_learned_from() -> None:
    choices = penchant.Choices.from_arrays(["ann", "bob", "bob"], [1, 2, 3])

    assert penchant.fit(choices).recommend("ann", n=5)["item_id"].tolist() == [2, 3]


def test_what_is_no_file_or_no_table_is_told_where_to_go() -> None:
    """Both doors are named: who reads choices is not sent to ratings alone."""
    with pytest.raises(ParameterError, match=r"is needed, not DataFrame; .*Choices\.from_frame"):
        read_choices(pd.DataFrame({"user": [1], "item": [1]}))
    with pytest.raises(ParameterError, match=r"a table is needed, not str: .*penchant\.read_choices"):
        Choices.from_frame("plays.csv")
