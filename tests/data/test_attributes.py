"""Attributes: four kinds of columns, checked and frozen."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.data.attributes import Attributes
from penchant.errors import DataError


def objects(*values: object) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@pytest.mark.parametrize(
    ("column", "dtype", "values"),
    [
        (np.array([1, 2], dtype=np.int8), np.int64, [1, 2]),
        (np.array([True, False]), np.int64, [1, 0]),
        (np.array([1.5, 2], dtype=np.float32), np.float64, [1.5, 2.0]),
        (objects("a", None), np.object_, ["a", None]),
        (np.array(["a", "b"]), np.object_, ["a", "b"]),
        (objects(("a", "b"), ()), np.object_, [("a", "b"), ()]),
    ],
)
def test_kinds_of_columns(column: np.ndarray, dtype: type[np.generic], values: list[object]) -> None:
    attributes = Attributes({"about": column}, n_rows=2)
    assert attributes["about"].dtype == dtype
    assert attributes["about"].tolist() == values
    with pytest.raises(ValueError, match="read-only"):
        attributes["about"][0] = attributes["about"][1]
    assert column.flags.writeable
    column[0] = column[1]
    assert attributes["about"].tolist() == values


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.array([1, 2, 3]), "attribute 'about' has 3 values for 2 rows"),
        (np.array(["2020", "2021"], dtype="M8[Y]"), "is of type datetime64"),
        (objects("a", 5), "holds 5: use numbers, or str or None, or tuples of str"),
        (objects(("a",), "b"), "holds 'b'"),
        (objects(("a",), None), "holds None"),
        (objects(("a",), (5,)), r"holds \(5,\)"),
        (objects(["a"], ["b"]), r"holds \['a'\]"),
    ],
)
def test_other_columns(column: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Attributes({"about": column}, n_rows=2)


def test_a_mapping() -> None:
    attributes = Attributes({"year": np.array([1, 2]), "sex": objects("F", None)}, n_rows=2)
    assert list(attributes) == ["year", "sex"]
    assert len(attributes) == 2
    assert attributes.n_rows == 2
    assert attributes.get("title") is None
    assert repr(attributes) == "Attributes(year, sex; 2 rows)"
    assert repr(Attributes(n_rows=3)) == "Attributes(none; 3 rows)"
    assert not Attributes(n_rows=3)
