"""Row numbers of whole columns beside a plain Python account of them, for every kind of column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="penchant.collab needs torch")
from penchant.collab import CollabDataLoaders  # noqa: E402
from penchant.collab.data.encoding import classes_of, coded, encoded  # noqa: E402
from penchant.errors import DataError  # noqa: E402

NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9), min_size=1, max_size=30)
TEXTS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4), min_size=1, max_size=30)


def rows_by_hand(values, train, is_text):
    """The classes and the row number of every value, in plain Python."""
    classes = sorted(set(values if is_text else [values[at] for at in train]))
    return classes, [classes.index(value) + 1 if value in classes else 0 for value in values]


@given(st.one_of(NUMBERS, TEXTS), st.data())
def test_row_numbers_are_those_of_plain_python(values, data):
    train = data.draw(st.lists(st.sampled_from(range(len(values))), unique=True))
    column = coded(pd.Series(values, name="who"))
    classes = classes_of(column, np.array(train, dtype=np.int64))
    by_hand, rows = rows_by_hand(values, train, isinstance(values[0], str))
    assert list(classes)[1:] == by_hand
    assert encoded([column], {"who": classes})[:, 0].tolist() == rows
    assert [classes[row] for row in rows if row] == [value for value in values if value in by_hand]


@pytest.mark.parametrize("dtype", ["str", object, "string", "string[python]", "category"])
def test_text_counts_wherever_it_stands(dtype):
    column = coded(pd.Series(["b", "a", "b", "c"], name="film").astype(dtype))
    classes = classes_of(column, np.array([0, 1]))
    assert classes.items == ["#na#", "a", "b", "c"]
    assert encoded([column], {"film": classes}).tolist() == [[2], [1], [2], [3]]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "Int64", "float64", "Float64", "datetime64[ns]"])
def test_all_else_counts_in_training(dtype):
    values = pd.Series([30, 10, 30, 20], name="user").astype(dtype)
    column = coded(values)
    classes = classes_of(column, np.array([0, 1]))
    assert list(classes)[1:] == [values[1], values[0]]
    assert encoded([column], {"user": classes}).tolist() == [[2], [1], [2], [0]]


def test_truth_values_are_ids_too():
    column = coded(pd.Series([True, False, True], name="user"))
    assert classes_of(column, np.array([0, 1, 2])).items == ["#na#", False, True]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", None]),
        pd.Series(["a", np.nan], dtype=object),
        pd.Series([1.0, np.nan]),
        pd.Series([1, None], dtype="Int64"),
        pd.Series(["a", None], dtype="category"),
        pd.to_datetime(pd.Series(["2020-01-01", None])),
    ],
)
def test_gaps_of_every_kind_are_refused(column):
    with pytest.raises(DataError, match=r"row 1 has no 'who' \(1 of 2 rows have none\)"):
        coded(column.rename("who"))


def test_lists_are_no_ids():
    with pytest.raises(DataError, match="'who' holds values that can't be ids"):
        coded(pd.Series([[1], [2]], name="who"))


def test_columns_without_names_have_numbers():
    frame = pd.DataFrame({0: [1, 2, 3] * 5, 1: list("abc") * 5, 2: [1, 2, 3, 4, 5] * 3})
    dls = CollabDataLoaders.from_df(frame, bs=4, seed=0)
    assert list(dls.classes) == [0, 1]
    assert dls.test_dl(frame).x[:3].tolist() == [[1, 1], [2, 2], [3, 3]]


def test_rows_of_a_table_with_any_index():
    frame = pd.DataFrame({"u": [1, 2, 3] * 5, "i": list("abc") * 5, "r": [1, 2, 3, 4, 5] * 3})
    plain = CollabDataLoaders.from_df(frame, bs=4, seed=0)
    shuffled = CollabDataLoaders.from_df(frame.set_index(np.arange(15)[::-1] // 2), bs=4, seed=0)
    assert torch.equal(plain.train.x, shuffled.train.x)
    assert torch.equal(plain.valid.y, shuffled.valid.y)


def test_ratings_one_by_one():
    frame = pd.DataFrame({"u": [1, 2, 3] * 5, "i": list("abc") * 5, "r": [1, 2, 3, 4, 5] * 3})
    dls = CollabDataLoaders.from_df(frame, bs=4, seed=0)
    assert (len(dls.train_ds), len(dls.valid_ds)) == (12, 3)
    x, y = dls.train_ds[5]
    assert (x.tolist(), y.tolist()) == (dls.train.x[5].tolist(), dls.train.y[5].tolist())
    asked = dls.test_dl(frame[["u", "i"]]).dataset
    assert (len(asked), len(asked[0])) == (15, 1)
