"""Attributes as features, and back to their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.arrays.feature_rows import FeatureRows
from penchant.data.attributes import Attributes
from penchant.data.feature_encoder import FeatureColumn, FeatureEncoder
from penchant.errors import DataError, ParameterError


def objects(*values: object) -> np.ndarray[Any, Any]:
    return np.fromiter(values, dtype=np.object_, count=len(values))


FILMS = Attributes(
    {
        "year": np.array([1979.0, np.nan, 1999.0, 1989.0]),
        "genres": objects(("Sci-Fi", "Horror"), (), ("Comedy",), ("Comedy", "Sci-Fi", "Comedy")),
        "country": objects("GB", None, "FR", "GB"),
        "length": np.array([117, 90, 90, 117]),
    },
    n_rows=4,
)
ALL = ("year", "genres", "country", "length")


def dense(rows: FeatureRows) -> np.ndarray[Any, Any]:
    return rows.dot(np.eye(rows.n_features))


def test_every_kind_of_column_becomes_features() -> None:
    encoder = FeatureEncoder.learn(FILMS, ALL, "item")
    root = np.std([1979, 1999, 1989])
    assert dense(encoder.rows(FILMS)) == pytest.approx(
        np.array(
            [
                #  year       Comedy Horror Sci-Fi FR GB length
                [-10 / root, 0, 1, 1, 0, 1, 1],
                [0, 0, 0, 0, 0, 0, -1],
                [10 / root, 1, 0, 0, 1, 0, -1],
                [0, 1, 0, 1, 0, 1, 1],
            ]
        )
    )
    assert encoder.n_features == 7
    assert [value for _, value in encoder.labels()] == [
        "per 8.16",
        "Comedy",
        "Horror",
        "Sci-Fi",
        "FR",
        "GB",
        "per 13.5",
    ]
    assert [name for name, _ in encoder.labels()] == ["year", *["genres"] * 3, *["country"] * 2, "length"]
    assert encoder.rows(FILMS).blocks.tolist() == [0, 1, 4, 6, 7]


def test_the_order_is_that_of_the_names_and_not_of_the_attributes() -> None:
    encoder = FeatureEncoder.learn(FILMS, ("country", "year"), "item")
    assert [name for name, _ in encoder.labels()] == ["country", "country", "year"]


def test_one_row_is_encoded_as_the_table_is() -> None:
    encoder = FeatureEncoder.learn(FILMS, ALL, "item")
    table = dense(encoder.rows(FILMS))
    for row in range(4):
        one = encoder.row({name: FILMS[name][row] for name in ALL})
        found = np.zeros(encoder.n_features)
        found[one.columns] = one.values
        assert found == pytest.approx(table[row])


def test_what_is_not_said_is_not_known() -> None:
    encoder = FeatureEncoder.learn(FILMS, ALL, "item")
    for values in ({}, {"year": None, "country": None, "genres": None}, {"year": float("nan"), "genres": ()}, {"x": 1}):
        assert len(encoder.row(values).columns) == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"genres": ("Comdy",)}, "genres was never 'Comdy' in training: did you mean 'Comedy'?"),
        ({"genres": ("zzz",)}, "genres was never 'zzz' in training: there are Comedy, Horror, Sci-Fi"),
        ({"genres": (5,)}, "genres was never 5 in training"),
        ({"genres": "Comedy"}, r"genres is 'Comedy': use a tuple of texts, such as \('Comedy',\)"),
        ({"genres": 5}, "genres is 5: use a tuple of texts"),
        ({"country": "DE"}, "country was never 'DE' in training: there are FR, GB"),
        ({"country": ("GB",)}, r"country was never \('GB',\)"),
        ({"year": "1999"}, "year is '1999': use a number"),
        ({"year": float("inf")}, r"year is inf: in training its mean is 1989 and its deviation 8\.16, so use a number"),
        ({"year": -float("inf")}, "year is -inf: in training"),
        ({"year": 1e40}, r"year is 1e\+40: in training .* within 10,000 deviations of the mean"),
        ({"year": 90_000}, "year is 90000: in training"),
        ({"year": 10**5000}, "year is too large: in training"),
        ({"year": (1999,)}, r"year is \(1999,\): use a number"),
    ],
)
def test_values_that_can_not_be_encoded(values: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        FeatureEncoder.learn(FILMS, ALL, "item").row(values)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("yaer",), "no item attribute 'yaer' to take features from: there are year, genres, country, length"),
        (("year", "genres", "year"), "item_features names an attribute twice: year, genres, year"),
    ],
)
def test_names_that_can_not_be_learned_from(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        FeatureEncoder.learn(FILMS, names, "item")


def test_ratings_without_attributes_say_so() -> None:
    with pytest.raises(ParameterError, match=r"no user attribute 'age' .* the ratings came without any"):
        FeatureEncoder.learn(Attributes(n_rows=3), ("age",), "user")


def test_a_column_without_any_value_is_refused() -> None:
    empty = Attributes({"genres": objects((), ()), "country": objects(None, None)}, n_rows=2)
    for name in empty:
        with pytest.raises(ParameterError, match=f"no item has a value of '{name}'"):
            FeatureEncoder.learn(empty, (name,), "item")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([3, 3, 3], "all users have the same 'x': leave it out of user_features"),
        ([0.1] * 10, "all users have the same 'x'"),  # whose deviation is not 0 to the last bit
        ([3, np.nan, 3], "all users have the same 'x'"),
        ([np.nan] * 3, "no user has a value of 'x': leave it out of user_features"),
        ([np.inf, np.nan], "no user has a value of 'x'"),
        ([1e200, 0, 1], r"'x' can't be standardised: users have 0 to 1e\+200, so give it in another unit"),
        ([1.7e308, 1.6e308, 1.5e308], "'x' can't be standardised"),
        ([1e-200, 0, 2e-200], "'x' can't be standardised"),
    ],
)
def test_numbers_that_can_not_be_learned_from(values: list[float], message: str) -> None:
    table = Attributes({"x": np.array(values)}, n_rows=len(values))
    with pytest.raises(ParameterError, match=message):
        FeatureEncoder.learn(table, ("x",), "user")


def test_every_way_to_say_that_nothing_is_known() -> None:
    encoder = FeatureEncoder.learn(FILMS, ALL, "item")
    for nothing in (None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT")):
        assert len(encoder.row(dict.fromkeys(ALL, nothing)).columns) == 0


def test_yes_and_no_are_numbers() -> None:
    table = Attributes({"own": np.array([True, False, True, False])}, n_rows=4)
    encoder = FeatureEncoder.learn(table, ("own",), "user")
    for yes in (True, np.True_, 1):
        assert encoder.row({"own": yes}).values.tolist() == [1.0]


def test_many_levels_are_named_in_part() -> None:
    column = FeatureColumn("genres", "tags", tuple(f"genre {at:02}" for at in range(20)))
    with pytest.raises(DataError, match=r"there are genre 00, .*genre 07 and 12 more"):
        column.encode(("?",))


@given(
    tags=st.lists(st.lists(st.sampled_from("abcdef"), max_size=4).map(tuple), min_size=2, max_size=12),
    seed=st.integers(0, 2**32 - 1),
)
def test_by_row_and_by_feature_are_the_same_matrix(tags: list[tuple[str, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = Attributes({"tags": objects(*tags), "number": rng.normal(size=len(tags))}, n_rows=len(tags))
    names = ("tags", "number") if any(tags) else ("number",)
    rows = FeatureEncoder.learn(table, names, "item").rows(table)
    matrix = np.zeros((rows.n_rows, rows.n_features))
    for row in range(rows.n_rows):
        entries = slice(rows.indptr[row], rows.indptr[row + 1])
        matrix[row, rows.columns[entries]] = rows.values[entries]
    indptr, having, values = rows.by_feature()
    other = np.zeros_like(matrix)
    for feature in range(rows.n_features):
        entries = slice(indptr[feature], indptr[feature + 1])
        other[having[entries], feature] = values[entries]
    assert other.tolist() == matrix.tolist()
    weights = rng.normal(size=(rows.n_features, 3))
    assert rows.dot(weights) == pytest.approx(matrix @ weights)
