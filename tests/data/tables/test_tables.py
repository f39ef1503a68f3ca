"""Every kind of table gives the same ratings, and every broken one a clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest
from tests.data.tables.tabular import ITEMS, RATINGS, TABLE, USERS, assert_the_table, lines

import penchant.data.tables.delimited
import penchant.data.tables.streams
from penchant.data.ratings import Ratings, read_ratings
from penchant.errors import ColumnError, DataError, ParameterError


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], str]:
    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


Write = Callable[[str, str | bytes], str]


# -- in memory --


@pytest.mark.parametrize(
    "make",
    [
        pd.DataFrame,
        pl.DataFrame,
        pa.table,
        dict,
        lambda columns: pa.table(columns).to_reader(),
        lambda columns: pa.record_batch(columns),
        lambda columns: {name: np.array(values) for name, values in columns.items()},
        lambda columns: {name: pd.Series(values) for name, values in columns.items()},
        lambda columns: {name: pl.Series(values) for name, values in columns.items()},
        lambda columns: {name: pa.array(values) for name, values in columns.items()},
        lambda columns: {name: pa.chunked_array([values[:1], values[1:]]) for name, values in columns.items()},
        lambda columns: {name: tuple(values) for name, values in columns.items()},
        lambda columns: pd.DataFrame(columns, dtype=object),
        lambda columns: pd.DataFrame(columns).astype({"item": "category"}),
        lambda columns: pd.DataFrame(columns).convert_dtypes(),
        lambda columns: pd.DataFrame(columns).convert_dtypes(dtype_backend="pyarrow"),
        lambda columns: pl.DataFrame(columns).with_columns(pl.col("item").cast(pl.Categorical)),
        lambda columns: pa.table(columns).cast(
            pa.schema([("user", pa.int8()), ("item", pa.string_view()), ("rating", pa.float32()), ("timestamp", "u8")])
        ),
    ],
)
def test_tables_in_memory(make: Callable[[dict[str, list[object]]], object]) -> None:
    assert_the_table(Ratings.from_frame(make(dict(TABLE))))


def test_a_table_of_several_batches_keeps_its_order() -> None:
    n = 1_200_000
    user = np.arange(n) % 1009
    text = np.array([f"u{value}" for value in range(1009)], dtype=object)
    item = np.arange(n) // 1009
    rating = np.arange(n) % 5
    as_numbers = Ratings.from_arrays(user, item, rating)
    as_text = Ratings.from_frame(pd.DataFrame({"user": text[user], "item": item, "rating": rating}))
    assert (as_numbers.users.ids[as_numbers.user_idx] == user).all()
    assert (as_text.users.ids[as_text.user_idx] == text[user]).all()
    assert (as_numbers.rating == rating).all()
    assert (as_text.rating == rating).all()


@pytest.mark.parametrize(
    "columns",
    [
        {"user": np.array(USERS, dtype=">i4"), "rating": np.array(RATINGS, dtype=">f4")},
        {"user": np.array(USERS, dtype=np.uint64), "rating": np.array(RATINGS, dtype=np.float16)},
        {"user": np.ma.masked_array(USERS, mask=[False] * 4), "rating": np.array(RATINGS, dtype=np.longdouble)},
        {"user": np.repeat(USERS, 2)[::2], "rating": np.array(RATINGS)[:]},
        {"user": np.array(USERS, dtype=object), "rating": np.array(RATINGS, dtype=object)},
        {"user": range(7, 8), "rating": [4.0]},
        {"user": pd.Index(USERS), "rating": pd.array(RATINGS)},
    ],
)
def test_columns_of_numpy(columns: dict[str, object]) -> None:
    n = len(columns["rating"])  # type: ignore[arg-type]
    ratings = Ratings.from_frame({**columns, "item": ITEMS[:n]})
    assert ratings.users.ids[ratings.user_idx].tolist() == USERS[:n]
    assert ratings.rating.tolist() == RATINGS[:n]


def test_anything_with_an_array() -> None:
    class Tensor:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.array(RATINGS)

    assert Ratings.from_arrays(USERS, ITEMS, Tensor()).rating.tolist() == RATINGS


def test_a_masked_rating_is_missing() -> None:
    rating = np.ma.masked_array(RATINGS, mask=[False, True, False, False])
    with pytest.raises(DataError, match="row 1: rating is missing"):
        Ratings.from_arrays(USERS, ITEMS, rating)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({"user": [1], "item": [1, 2], "rating": [1, 2]}, DataError, "'user' has 1, 'item' has 2"),
        ({"user": "ann", "item": [1], "rating": [1]}, DataError, "is a single str"),
        ({"user": np.ones((1, 1)), "item": [1], "rating": [1]}, DataError, "has 2 dimensions"),
        ({"user": 5, "item": [1], "rating": [1]}, DataError, "is a single int"),
        ({}, ColumnError, "its columns are none"),
        (pd.DataFrame({"user": [], "item": [], "rating": []}), DataError, "pandas DataFrame has no rows"),
        ("ratings.csv", ParameterError, "penchant.read_ratings"),
        (None, ParameterError, "a table is needed, not NoneType"),
        ([1, 2], ParameterError, "a table is needed, not list"),
    ],
)
def test_what_is_no_table(data: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Ratings.from_frame(data)


def test_a_stream_that_arrow_refuses() -> None:
    class Broken:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise TypeError("no")

    with pytest.raises(DataError, match="Arrow can't read this Broken"):
        Ratings.from_frame(Broken())


def test_pandas_columns_with_one_name_twice() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["user", "item", "item", "rating"])
    with pytest.raises(ColumnError, match="2 columns named 'item'"):
        Ratings.from_frame(frame)
    with pytest.raises(ColumnError, match="2 columns named 'item'"):
        Ratings.from_frame(frame, item="item")
    frame.columns = ["user", "item", 0, "rating"]  # type: ignore[assignment]
    assert Ratings.from_frame(frame, item="0").items.ids.tolist() == [3]


# -- text files --


@pytest.mark.parametrize("sep", [",", ";", "\t", "|", "::", "@@"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(write: Write, sep: str, newline: str) -> None:
    path = write("ratings.txt", lines(sep, newline=newline))
    assert_the_table(read_ratings(path, sep=sep if sep == "@@" else None))


@pytest.mark.parametrize("sep", [",", "\t", "::"])
def test_no_header(write: Write, sep: str) -> None:
    path = write("u.data", lines(sep, header=False))
    assert_the_table(read_ratings(path, columns=list(TABLE)))
    with pytest.raises(ColumnError, match="has no header: its first line is '7', 'Heat'"):
        read_ratings(path)
    with pytest.raises(ColumnError, match=r"2 names, but the first line of .*u.data has 4 fields"):
        read_ratings(path, columns=["user", "item"])


def test_a_header_and_columns(write: Write) -> None:
    with pytest.raises(ColumnError, match="is a header: leave out columns="):
        read_ratings(write("a.csv", lines()), columns=list(TABLE))


def test_no_newline_at_the_end_and_blank_lines(write: Write) -> None:
    assert_the_table(read_ratings(write("a.csv", "\n\n" + lines().replace("\n", "\n\n").rstrip())))


@pytest.mark.parametrize("quoted", ["a, b", 'the "best"', "two\nlines", "", '"'])
def test_quotes(write: Write, quoted: str) -> None:
    title = '"' + (quoted or "x").replace('"', '""') + '"'
    path = write("a.csv", f'"user","item","rating"\n1,{title},3\n2,b,4\n')
    assert read_ratings(path).items.ids.tolist() == sorted([quoted or "x", "b"])


def test_a_quote_inside_a_field_is_a_quote(write: Write) -> None:
    path = write("a.tsv", 'user\titem\trating\n1\t12" single\t3\n2\t"Heroes"!\t4\n')
    assert sorted(read_ratings(path).items.ids.tolist()) == ['"Heroes"!', '12" single']


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read 64 bytes at a time, and 100 bytes decide the types."""
    monkeypatch.setattr(penchant.data.tables.streams, "_CHUNK", 64)
    monkeypatch.setattr(penchant.data.tables.delimited, "_HEAD", 100)


@pytest.mark.usefixtures("small_chunks")
class TestChunks:
    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_many_chunks(self, write: Write, newline: str) -> None:
        rows = [(n % 17, f"item {n % 13}", n % 5 + 1) for n in range(221)]
        text = newline.join(["user,item,rating", *(f"{u},{i},{r}" for u, i, r in rows)])
        ratings = read_ratings(write("a.csv", text))
        back = zip(
            ratings.users.ids[ratings.user_idx], ratings.items.ids[ratings.item_idx], ratings.rating, strict=True
        )
        assert list(back) == rows

    def test_quoted_newlines_over_the_end_of_a_chunk(self, write: Write) -> None:
        items = [f"{'x' * (n % 40)}\n{n}" for n in range(60)]
        text = "user,item,rating\n" + "".join(f'{n},"{item}",{n % 5}\n' for n, item in enumerate(items))
        ratings = read_ratings(write("a.csv", text))
        assert ratings.items.ids[ratings.item_idx].tolist() == items

    def test_a_line_longer_than_a_chunk(self, write: Write) -> None:
        long = "x" * 1000
        ratings = read_ratings(write("a.csv", f"user,item,rating\n1,a,1\n2,b,2\n3,c,3\n4,{long},4\n5,e,5\n"))
        assert ratings.items.ids[ratings.item_idx].tolist() == ["a", "b", "c", long, "e"]

    def test_ids_that_turn_out_to_be_text(self, write: Write) -> None:
        text = "user,item,rating\n" + "".join(f"{n},{n},1\n" for n in range(50)) + "ann,50,2\n"
        ratings = read_ratings(write("a.csv", text))
        assert ratings.users.ids[ratings.user_idx].tolist() == [*map(str, range(50)), "ann"]
        assert ratings.items.ids[ratings.item_idx].tolist() == list(range(51))

    def test_a_file_that_turns_out_not_to_be_utf8(self, write: Write) -> None:
        text = "user,item,rating\n" + "".join(f"u{n},{n},1\n" for n in range(50)) + "José,50,2\n"
        ratings = read_ratings(write("a.csv", text.encode("latin-1")))
        assert "José" in ratings.users
        assert ratings.report.encoding == "latin-1"
        assert "is not UTF-8: read as Latin-1" in str(ratings.report)

    def test_the_row_and_the_line_of_an_error(self, write: Write) -> None:
        text = "user,item,rating\n" + "".join(f"{n},{n},1\n\n" for n in range(50)) + "50,50,bad\n51,51,worse\n"
        path = write("a.csv", text)
        with pytest.raises(DataError, match=r"row 50 \(line 102 of .*a.csv\): rating 'bad' is not a number"):
            read_ratings(path)
        kept = read_ratings(path, invalid="drop")
        assert kept.report.dropped_rows == (50, 51)
        assert kept.report.dropped_for == {"rating not a number": 2}

    def test_lines_are_counted_through_quoted_newlines(self, write: Write) -> None:
        text = "user,item,rating\n" + "".join(f'{n},"a\n{n}",1\n' for n in range(20)) + "x,y,bad\n"
        with pytest.raises(DataError, match=r"row 20 \(line 42 of .*\): rating 'bad'"):
            read_ratings(write("a.csv", text))

    def test_times_that_turn_out_to_be_text(self, write: Write) -> None:
        text = "user,item,rating,time\n" + "".join(f"{n},{n},1,{1000 + n}\n" for n in range(50)) + "50,50,1,1e3\n"
        ratings = read_ratings(write("a.csv", text))
        assert ratings.timestamp is not None
        assert ratings.timestamp[-1] == 1000

    def test_quotes_inside_fields_do_not_confuse_the_count_of_lines(self, write: Write) -> None:
        text = "user,item,rating\n" + "".join(f'{n},{n}" disc,1\n' for n in range(20)) + "20,x,bad\n"
        with pytest.raises(DataError, match=r"row 20 \(line 22 of .*\): rating 'bad'"):
            read_ratings(write("a.csv", text))

    def test_an_unbalanced_quote(self, write: Write) -> None:
        text = "user,item,rating\n" + "".join(f"{n},{n},1\n" for n in range(20)) + '20,"open,1\n21,21,1\n22,22,1\n'
        with pytest.raises(DataError, match=r"row 20 \(line 22 of .*opens a quote that is not closed"):
            read_ratings(write("a.csv", text))


def test_a_line_with_too_few_fields(write: Write) -> None:
    path = write("a.csv", "user,item,rating\n1,1,1\n2,2\n3,3,3,3\n4,4,oops\n5,5,5\n")
    with pytest.raises(DataError, match=r"row 1 \(line 3 of .*\): the line has 2 fields instead of 3: '2,2'"):
        read_ratings(path)
    kept = read_ratings(path, invalid="drop")
    assert kept.users.ids.tolist() == [1, 5]
    assert kept.report.dropped_rows == (1, 2, 3)
    assert kept.report.dropped_for == {"broken line": 2, "rating not a number": 1}


def test_an_unpromising_separator(write: Write) -> None:
    with pytest.raises(ColumnError, match="no separator found in the first lines"):
        read_ratings(write("a.csv", "user\n1\n2\n"))
    with pytest.raises(ParameterError, match="sep='' can't separate columns"):
        read_ratings(write("a.csv", lines()), sep="")
    with pytest.raises(ColumnError, match=r"no column of .*a.csv looks like the user"):
        read_ratings(write("a.csv", lines()), sep="\t")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["10", "9"], [9, 10]),
        (["1.0", "2."], [1, 2]),
        (["1.5", "2.0"], ["1.5", "2.0"]),
        (["1e3", "2"], ["1e3", "2"]),
        (["007", "7"], ["007", "7"]),
        (["0", "10"], [0, 10]),
        (["-5", "+5"], [-5, 5]),
        (["99999999999999999999", "1"], ["1", "99999999999999999999"]),
        (["2020-01-01", "2020-01-02"], ["2020-01-01", "2020-01-02"]),
        (["true", "false"], ["false", "true"]),
        (["0x10", "1"], ["0x10", "1"]),
    ],
)
def test_which_text_is_an_integer(write: Write, ids: list[str], expected: list[object]) -> None:
    ratings = read_ratings(write("a.csv", f"user,item,rating\n{ids[0]},1,1\n{ids[1]},2,2\n"))
    assert list(ratings.users) == expected
    padded = ids[0] in ("007", "0x10")
    assert any("leading zeros: kept as text" in note for note in ratings.report.notes) == padded


@pytest.mark.usefixtures("small_chunks")
def test_a_table_of_items_whose_types_turn_out_otherwise(write: Write) -> None:
    films = "item,year,title\n" + "".join(f"{n},{n},t{n}\n" for n in range(50)) + "x,unknown,tx\n"
    ratings = read_ratings(write("a.csv", "user,item,rating\n1,7,3\n2,x,4\n"), items=write("b.csv", films))
    assert list(ratings.items) == ["7", "x"]
    assert ratings.item_attributes["year"].tolist() == ["7", "unknown"]


@pytest.mark.parametrize("nothing", ["", "NaN", "NA"])
def test_a_column_without_ids(write: Write, nothing: str) -> None:
    path = write("a.csv", f"user,item,rating\n{nothing},1,1\n{nothing},2,2\n")
    if nothing:
        assert read_ratings(path).users.ids.tolist() == [nothing]
    else:
        with pytest.raises(DataError, match=r"row 0 .*user is missing"):
            read_ratings(path)
    with pytest.raises(DataError, match=r"row 1 \(line 3 of .*\): user is missing"):
        read_ratings(write("b.csv", f"user,item,rating\n5,1,1\n{nothing},2,2\n"))


def test_a_separator_that_only_most_lines_repeat(write: Write) -> None:
    path = write("films.txt", "user,title,rating\n1,A: B; C,3\n2,D; E,4\n3,plain,5\n")
    assert read_ratings(path).n_items == 3


# -- encodings --


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks(write: Write, encoding: str) -> None:
    path = write("a.csv", lines().encode(encoding))
    assert_the_table(read_ratings(path))
    assert_the_table(read_ratings(path, encoding=encoding))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "mac-roman"])
@pytest.mark.parametrize("sep", [",", "::"])
def test_named_encodings(write: Write, encoding: str, sep: str) -> None:
    ratings = read_ratings(write("a.txt", lines(sep).encode(encoding)), encoding=encoding)
    assert_the_table(ratings)
    assert ratings.report.notes == ()
    cut = write("b.txt", lines(sep).encode(encoding)[:-1]) if encoding == "utf-16-le" else ""
    if cut:
        with pytest.raises(DataError, match=r"b.txt is not text in utf-16-le"):
            read_ratings(cut, encoding=encoding)


def test_latin1_is_found_out(write: Write) -> None:
    ratings = read_ratings(write("a.csv", lines().encode("latin-1")))
    assert_the_table(ratings)
    assert ratings.report.encoding == "latin-1"
    assert "read as Latin-1" in ratings.report.notes[0]


def test_wrong_encodings(write: Write) -> None:
    path = write("a.csv", lines().encode("latin-1"))
    with pytest.raises(DataError, match=r"is not text in utf-8: byte 0xc7 in .*encoding='latin-1'"):
        read_ratings(path, encoding="utf-8")
    with pytest.raises(ParameterError, match="encoding='klingon' is unknown"):
        read_ratings(path, encoding="klingon")
    long = "user,item,rating\n" + "1,a,1\n" * 200_000 + "2,é,1\n"
    with pytest.raises(DataError, match=r"is not text in utf-8: byte 0xe9"):
        read_ratings(write("b.csv", long.encode("latin-1")), encoding="utf-8")
