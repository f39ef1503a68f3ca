"""Whatever the ids, in whatever table: they come back with their types, in row order, duplicates merged."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from penchant.data.ratings import Ratings, read_ratings
from penchant.errors import DataError

small = st.integers(-3, 3)
int64 = st.integers(-(2**63), 2**63 - 1)
text = st.text(st.characters(codec="utf-8"), max_size=5)
plain_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=5)
# One Arrow type a column: what pandas, polars and pyarrow can hold as well.
one_type = st.sampled_from([small, int64, text])
# Any hashable types, mixed: dicts of columns and pandas' columns of objects.
scalars = st.one_of(int64, st.integers(), text, st.uuids(), st.binary(max_size=3), st.dates(), st.booleans())
anything = st.one_of(scalars, st.floats(allow_nan=False), st.tuples(scalars, scalars), st.frozensets(small, max_size=2))

Row = tuple[Hashable, Hashable, float, int]


@st.composite
def rows(draw: st.DrawFn, users: st.SearchStrategy[Hashable], items: st.SearchStrategy[Hashable]) -> list[Row]:
    """Rows whose ids repeat, so that there are duplicates."""
    some_users = draw(st.lists(users, min_size=1, max_size=6))
    some_items = draw(st.lists(items, min_size=1, max_size=6))
    row = st.tuples(
        st.sampled_from(some_users),
        st.sampled_from(some_items),
        st.sampled_from([0.5, 1, 3, 4.5, 5]),
        st.integers(0, 4),
    )
    return draw(st.lists(row, min_size=1, max_size=30))


@st.composite
def homogeneous(draw: st.DrawFn) -> list[Row]:
    return draw(rows(draw(one_type), draw(one_type)))


def columns_of(table: Sequence[Row]) -> dict[str, list[Hashable]]:
    return {name: [row[at] for row in table] for at, name in enumerate(("user", "item", "rating", "time"))}


def kept_by_hand(table: Sequence[Row], *, times: bool, first: bool) -> list[Row]:
    """The oracle: one row of each pair, the latest (or earliest), ties by row; in the order of the source."""
    best: dict[tuple[Hashable, Hashable], int] = {}
    for at, (user, item, _, time) in enumerate(table):
        old = best.get((user, item))
        if old is None:
            best[(user, item)] = at
        elif times:
            before = table[old][3]
            if (time < before) if first else (time >= before):
                best[(user, item)] = at
        elif not first:
            best[(user, item)] = at
    return [table[at] for at in sorted(best.values())]


def as_rows(ratings: Ratings) -> list[Row]:
    users = [ratings.users[int(row)] for row in ratings.user_idx]
    items = [ratings.items[int(row)] for row in ratings.item_idx]
    times = [0] * len(ratings) if ratings.timestamp is None else ratings.timestamp.tolist()
    return list(zip(users, items, ratings.rating.tolist(), times, strict=True))


def has_look_alikes(values: Sequence[Hashable]) -> bool:
    """Whether two ids are equal in Python and yet not the same, such as 1 and True, or (1, 2) and (True, 2)."""
    shown: dict[Hashable, str] = {}
    return any(shown.setdefault(value, repr(value)) != repr(value) for value in values)


@given(homogeneous(), st.booleans(), st.booleans())
def test_all_kinds_of_tables_give_the_same(table: list[Row], times: bool, first: bool) -> None:
    expected = kept_by_hand(table, times=times, first=first)
    if not times:
        expected = [(*row[:3], 0) for row in expected]
    columns = columns_of(table)
    made = [
        columns,
        pd.DataFrame(columns),
        pd.DataFrame(columns, dtype=object),
        pl.DataFrame(columns, strict=False),
        pa.table(columns),
        {name: np.array(values, dtype=object) for name, values in columns.items()},
    ]
    for data in made:
        ratings = Ratings.from_frame(data, timestamp=None if times else False, duplicates="first" if first else "last")
        found = as_rows(ratings)
        assert found == expected
        assert [list(map(type, row[:2])) for row in found] == [list(map(type, row[:2])) for row in expected]
        assert list(ratings.users) == sorted({row[0] for row in table})  # type: ignore[type-var]
        assert ratings.report.n_rows == len(table)
        assert ratings.report.n_duplicates == len(table) - len(expected)


@given(rows(anything, anything))
def test_ids_of_any_types_come_back(table: list[Row]) -> None:
    columns = columns_of(table)
    if has_look_alikes(columns["user"]) or has_look_alikes(columns["item"]):
        return
    for name in ("user", "item"):  # a column of whole floats becomes integers
        values = columns[name]
        if all(type(value) is float and value.is_integer() and abs(value) < 2**53 for value in values):
            columns[name] = [int(value) for value in values]  # type: ignore[call-overload]
            table = [tuple(row) for row in zip(*columns.values(), strict=True)]  # type: ignore[misc]
    for data in (columns_of(table), pd.DataFrame({key: pd.Series(v, dtype=object) for key, v in columns.items()})):
        ratings = Ratings.from_frame(data)
        expected = kept_by_hand(table, times=True, first=False)
        assert [row[:2] for row in as_rows(ratings)] == [row[:2] for row in expected]
        assert [list(map(type, row[:2])) for row in as_rows(ratings)] == [list(map(type, row[:2])) for row in expected]
        assert set(ratings.users) == {row[0] for row in table}
        assert ratings.users.indices(list(ratings.users)).tolist() == list(range(ratings.n_users))


@given(st.lists(st.sampled_from([1, True, 1.0, 2, (1,), (True,)]), min_size=1, max_size=5))
def test_look_alikes_are_refused(users: list[Hashable]) -> None:
    n = len(users)
    if has_look_alikes(users):
        with pytest.raises(DataError, match="are equal in Python but of different types"):
            Ratings.from_arrays(users, range(n), [1] * n)
    else:
        assert Ratings.from_arrays(users, range(n), [1] * n).n_users == len(set(users))


@given(homogeneous())
def test_mean_of_duplicates(table: list[Row]) -> None:
    ratings = Ratings.from_frame(columns_of(table), duplicates="mean")
    for user, item, rating, _ in as_rows(ratings):
        given_ratings = [row[2] for row in table if row[:2] == (user, item)]
        assert rating == pytest.approx(sum(given_ratings) / len(given_ratings))


NULLS = {
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "n/a",
    "nan",
    "null",
}
ids_of_a_csv = st.one_of(st.lists(int64, min_size=1, max_size=9), st.lists(plain_text, min_size=1, max_size=9))


@given(ids_of_a_csv, ids_of_a_csv)
def test_a_csv_that_arrow_writes_comes_back(tmp_path_factory: pytest.TempPathFactory, users: list, items: list) -> None:
    n = min(len(users), len(items))
    assume(not NULLS.intersection([*users, *items]))  # among numbers they are missing ones
    users, items = users[:n], items[:n]
    path = Path(tmp_path_factory.mktemp("csv")) / "a.csv"
    pacsv.write_csv(pa.table({"user": users, "item": items, "rating": np.arange(n) / 2}), path)
    ratings = read_ratings(path)
    for found, given_ids in ((ratings.users, users), (ratings.items, items)):
        if found.is_integer:
            assert set(found) == {int(value) for value in given_ids}
        else:
            assert set(found) == set(map(str, given_ids))
    assert ratings.report.n_rows == n


@given(st.lists(st.one_of(st.none(), st.floats(width=32), st.sampled_from(["x", "4", ""])), min_size=1, max_size=20))
def test_every_bad_rating_is_dropped_and_counted(values: list[object]) -> None:
    n = len(values)

    def number(value: object) -> float:
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return float("nan")

    good = [at for at, value in enumerate(values) if abs(number(value)) <= np.float32(1e18)]
    if not good:
        with pytest.raises(DataError, match=f"none of the {n} row"):
            Ratings.from_arrays(range(n), range(n), values, invalid="drop")
        return
    ratings = Ratings.from_arrays(range(n), range(n), values, invalid="drop")
    assert ratings.users.ids.tolist() == good
    assert ratings.rating.tolist() == [np.float32(number(values[at])) for at in good]
    assert ratings.report.n_dropped == n - len(good)
    assert ratings.report.dropped_rows == tuple(at for at in range(n) if at not in good)[:10]
    if len(good) < n:
        first = next(at for at in range(n) if at not in good)
        with pytest.raises(DataError, match=f"^row {first}: rating"):
            Ratings.from_arrays(range(n), range(n), values)
