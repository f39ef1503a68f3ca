"""A second table with what is known of items and users: joined, told of, and turned into ids."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from penchant.data.ratings import Ratings, read_ratings
from penchant.errors import ColumnError, DataError

from_frame = Ratings.from_frame

RATINGS = {"user": [1, 1, 2, 2], "movie": [10, 11, 12, 10], "rating": [3, 4, 5, 1]}
FILMS = {
    "movie": [12, 10, 11, 13],
    "title": ["Heat", "Alien", "Alien", "Brazil"],
    "year": [1995, 1979, None, 1985],
    "genres": ["Crime|Thriller", "Horror", None, "Comedy"],
}
AS_ARROW = pa.table(FILMS)


@pytest.mark.parametrize("films", [FILMS, pd.DataFrame(FILMS), pl.DataFrame(FILMS), AS_ARROW, AS_ARROW.to_reader()])
def test_an_id_with_a_title_to_show(films: object) -> None:
    ratings = from_frame(RATINGS, items=films)
    assert ratings.items.ids.tolist() == [10, 11, 12]
    titles = ratings.titles()
    assert titles is not None
    assert titles.tolist() == ["Alien", "Alien", "Heat"]
    year = ratings.item_attributes["year"]
    assert year.dtype == np.float64
    assert year[[0, 2]].tolist() == [1979, 1995]
    assert math.isnan(year[1])
    assert ratings.item_attributes["genres"].tolist() == [("Horror",), (), ("Crime", "Thriller")]
    assert ratings.report.notes == ("1 item of items= without a rating left out",)
    assert ratings.to_frame()["title"].tolist() == ["Alien", "Alien", "Heat", "Alien"]


def test_the_title_is_the_id() -> None:
    ratings = from_frame(RATINGS, items=FILMS, item="title")
    assert ratings.items.ids.tolist() == ["Alien", "Heat"]
    assert ratings.items.ids[ratings.item_idx].tolist() == ["Alien", "Heat", "Alien"]
    assert ratings.rating.tolist() == [4, 5, 1]  # user 1 rated two films of that title: the last one counts
    assert list(ratings.item_attributes) == ["year", "genres"]
    assert ratings.item_attributes["year"].tolist() == [1979, 1995]
    assert "3 items share 2 values of 'title': each value is one item now" in ratings.report.notes
    assert ratings.report.columns["item"] == ("movie -> title", "given")
    assert ratings.report.n_duplicates == 1


def test_a_title_beside_the_id_in_one_table() -> None:
    titles = ["Alien", None, "Heat", "Alien (director's cut)"]
    ratings = from_frame({**RATINGS, "title": titles})
    assert ratings.items.ids.tolist() == [10, 11, 12]
    found = ratings.titles()
    assert found is not None
    assert found.tolist() == ["Alien", None, "Heat"]  # the first of an item
    assert ratings.report.columns["title"] == ("title", "recognised")
    assert from_frame({**RATINGS, "title": titles}, item="title", invalid="drop").items.ids.tolist() == [
        "Alien",
        "Alien (director's cut)",
        "Heat",
    ]
    mixed = np.array(["Alien", 5, None, "Heat"], dtype=object)
    found = from_frame({**RATINGS, "title": mixed}).titles()
    assert found is not None
    assert found.tolist() == ["Alien", "5", None]


def test_users() -> None:
    people = {"user": [2, 1, 3], "age": [30, 20, 99], "sex": ["F", "M", "F"], "name": ["Bo", "Ann", "Cy"]}
    ratings = from_frame(RATINGS, users=people)
    assert ratings.user_attributes["age"].dtype == np.int64
    assert {name: column.tolist() for name, column in ratings.user_attributes.items()} == {
        "age": [20, 30],
        "sex": ["M", "F"],
        "title": ["Ann", "Bo"],
    }


def test_a_path(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\n1,10,3\n2,11,4\n")
    (tmp_path / "movies.csv").write_text('movieId,title,genres\n10,"Alien, the\nfilm",A|B\n11,Heat,C\n')
    ratings = read_ratings(tmp_path / "ratings.csv", items=tmp_path / "movies.csv", item="title")
    assert ratings.items.ids.tolist() == ["Alien, the\nfilm", "Heat"]
    assert ratings.item_attributes["genres"].tolist() == [("A", "B"), ("C",)]


@pytest.mark.parametrize(
    ("ratings_key", "films_key"),
    [("item", "movieId"), ("movieId", "movie_id"), ("film", "movie"), ("movie", "item"), ("code", "code")],
)
def test_which_column_joins(ratings_key: str, films_key: str) -> None:
    data = {"user": [1, 2], ratings_key: [10, 11], "rating": [1, 2]}
    ratings = from_frame(data, items={"title": ["Alien", "Heat"], films_key: [10, 11]})
    assert ratings.items.ids.tolist() == [10, 11]
    titles = ratings.titles()
    assert titles is not None
    assert titles.tolist() == ["Alien", "Heat"]


def test_a_column_that_both_have_is_preferred() -> None:
    data = {"user": [1, 2], "item_id": [5, 6], "movie": [10, 11], "rating": [1, 2]}
    assert from_frame(data, items=FILMS).items.ids.tolist() == [10, 11]
    data = {"user": [1, 2], "movieId": [10, 11], "title": ["x", "y"], "rating": [1, 2]}
    ratings = from_frame(data, items={"movieId": [10, 11], "title": ["Alien", "Heat"]})
    assert ratings.items.ids.tolist() == [10, 11]


def test_columns_that_do_not_join() -> None:
    with pytest.raises(ColumnError, match="items= needs a column 'movie', as the ratings have"):
        from_frame(RATINGS, items={"a": [1], "b": [2]})
    with pytest.raises(ColumnError, match="no column of the dict of columns looks like the item"):
        from_frame({"user": [1], "x": [1], "y": [1], "rating": [1]}, items={"x": [1], "y": [1]})
    with pytest.raises(
        DataError, match=r"no item of the ratings is in items=: ids are int in the ratings \(10\) and str in"
    ):
        from_frame(RATINGS, items={"movie": ["10", "11"], "title": ["a", "b"]})
    with pytest.raises(DataError, match=r"no item of the ratings is in items=$"):
        from_frame(RATINGS, items={"movie": [1, 2], "title": ["a", "b"]})


def test_items_that_are_not_described() -> None:
    ratings = from_frame(RATINGS, items={"movie": [10], "title": ["Alien"], "year": [1979], "genres": [("A",)]})
    assert "2 of 3 items not in items=: their attributes are missing" in ratings.report.notes
    titles = ratings.titles()
    assert titles is not None
    assert titles.tolist() == ["Alien", None, None]
    assert ratings.item_attributes["genres"].tolist() == [("A",), (), ()]
    assert ratings.item_attributes["year"].dtype == np.float64


@pytest.mark.parametrize("title", [None, ""])
def test_items_without_the_title_that_should_be_the_id(title: str | None) -> None:
    films = {"movie": [10, 11], "title": ["Alien", title]}
    with pytest.raises(DataError, match="row 1: item 11 has no 'title' in items=; add it, or"):
        from_frame(RATINGS, items=films, item="title")
    data = {**RATINGS, "rating": [None, 4, 5, 1]}
    with pytest.raises(DataError, match="row 0: rating is missing"):
        from_frame(data, items=films, item="title")
    ratings = from_frame(data, items=films, item="title", invalid="drop")
    assert ratings.users.ids.tolist() == [2]
    assert ratings.items.ids.tolist() == ["Alien"]
    assert ratings.report.dropped_rows == (0, 1, 2)
    assert ratings.report.dropped_for == {"rating missing": 1, "item without 'title'": 2}


@pytest.mark.parametrize("titles", [["", ""], [None, None], pa.array([None, None], pa.int64())])
def test_no_item_has_a_title(titles: object) -> None:
    with pytest.raises(DataError, match="none of the rated items has a 'title' in items="):
        from_frame(RATINGS, items={"movie": [10, 11], "title": titles}, item="title", invalid="drop")


def test_an_id_that_is_described_twice() -> None:
    films = {"movie": [10, 11, 12, 10], "title": ["Alien", "Heat", "Brazil", "other"]}
    ratings = from_frame(RATINGS, items=films)
    titles = ratings.titles()
    assert titles is not None
    assert titles.tolist() == ["Alien", "Heat", "Brazil"]
    assert "1 row of items= with an id again: the first one counts" in ratings.report.notes
    assert from_frame(RATINGS, items=films, item="title").items.ids.tolist() == ["Alien", "Brazil", "Heat"]


def test_tables_of_items_that_are_no_good(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 1 of the table of items: the item id is missing"):
        from_frame(RATINGS, items={"movie": [10, None], "title": ["a", "b"]})
    with pytest.raises(DataError, match="items= has no rows, and should describe the items"):
        from_frame(RATINGS, items={"movie": [], "title": []})
    path = tmp_path / "movies.csv"
    path.write_text("movie,title\n10,Alien\n11\n")
    with pytest.raises(
        DataError, match=r"row 1 \(line 3 of .*movies.csv\) of the table of items: the line has 1 fields"
    ):
        from_frame(RATINGS, items=path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1.5, 2.0, None], [1.5, 2.0, float("nan")]),
        ([True, False, True], [1, 0, 1]),
        (np.array([1, 2, 3], dtype=np.uint64), [1.0, 2.0, 3.0]),
        (["a", None, "c"], ["a", None, "c"]),
        ([("a", "b"), None, ()], [("a", "b"), (), ()]),
        (pa.array([["a"], ["b", "c"], None]), [("a",), ("b", "c"), ()]),
        (pd.Categorical(["a", None, "c"]), ["a", None, "c"]),
        ([dt.date(2020, 1, 1), None, dt.date(2020, 1, 3)], ["2020-01-01", None, "2020-01-03"]),
        (pa.array([1, 2, 3], pa.decimal128(3)), [1.0, 2.0, 3.0]),
        (np.array([1, 2.5, None], dtype=object), [1.0, 2.5, float("nan")]),
        (pa.array([None, None, None]), [None, None, None]),
    ],
)
def test_kinds_of_attributes(values: object, expected: list[object]) -> None:
    ratings = from_frame(RATINGS, items={"movie": [10, 11, 12], "about": values})
    assert str(ratings.item_attributes["about"].tolist()) == str(expected)  # nan is not equal to itself


def test_moments_become_text() -> None:
    items = {"movie": [10, 11, 12], "seen": pd.to_datetime(["2020-01-01 01:02:03"] * 3)}
    seen = from_frame(RATINGS, items=items).item_attributes["seen"]
    assert all(str(value).startswith("2020-01-01 01:02:03") for value in seen)


@pytest.mark.parametrize("values", [[{"a": 1}] * 3, pa.array([[1], [2], [3]]), [1, "a", None], [b"a", b"b", b"c"]])
def test_columns_that_are_no_attributes(values: object) -> None:
    ratings = from_frame(RATINGS, items={"movie": [10, 11, 12], "about": values, "year": [1, 2, 3]})
    assert list(ratings.item_attributes) == ["year"]
    assert any("column 'about' of items= is left out" in note for note in ratings.report.notes)


def test_which_column_is_the_title() -> None:
    items = {"movie": [10, 11, 12], "name": ["a", "b", "c"], "title": ["A", "B", "C"]}
    assert list(from_frame(RATINGS, items=items).item_attributes) == ["name", "title"]
    del items["title"]
    assert list(from_frame(RATINGS, items=items).item_attributes) == ["title"]


def test_a_large_table_of_items_with_columns_of_objects() -> None:
    """More than one batch, the second of another kind."""
    n = (1 << 19) + 2
    about = np.full(n, "text", dtype=object)
    tags = np.full(n, None, dtype=object)
    tags[-1] = ("a",)
    ratings = from_frame(
        {"user": [1, 2], "item": [0, n - 1], "rating": [1, 2]},
        items={"item": np.arange(n), "about": about, "tags": tags},
    )
    assert ratings.item_attributes["about"].tolist() == ["text", "text"]
    assert ratings.item_attributes["tags"].tolist() == [(), ("a",)]
