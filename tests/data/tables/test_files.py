"""Compressed files, several files, other filesystems, JSON lines, Parquet and Arrow; whole, and broken."""

from __future__ import annotations

import bz2
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from pyarrow import fs
from tests.data.tables.tabular import TABLE, assert_the_table, lines

import penchant.data.tables.jsonlines
import penchant.data.tables.streams
from penchant.data.ratings import Ratings, read_ratings
from penchant.errors import ColumnError, DataError, ParameterError, SourceError, UnsupportedError


def compressed(data: bytes, codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(data)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], str]:
    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


Write = Callable[[str, str | bytes], str]


# -- compression, several files, other places --


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".zst", lambda data: compressed(data, "zstd")),
        (".lz4", lambda data: compressed(data, "lz4")),
        ("", gzip.compress),
    ],
)
def test_compression(write: Write, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    assert_the_table(read_ratings(write(f"a.csv{suffix}", compress(lines().encode()))))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_a_truncated_archive(write: Write, compress: Callable[[bytes], bytes]) -> None:
    rng = np.random.default_rng(0)
    text = "user,item,rating\n" + "".join(f"{n},{rng.integers(10**9)},1\n" for n in range(200_000))
    packed = compress(text.encode())
    for size in (20, len(packed) // 2, len(packed) - 4):
        with pytest.raises(SourceError, match="truncated or damaged"):
            read_ratings(write("a.csv.gz", packed[:size]))


def test_empty_files(write: Write) -> None:
    with pytest.raises(DataError, match=r"a.csv is empty \(0 bytes\)"):
        read_ratings(write("a.csv", ""))
    with pytest.raises(DataError, match="is blank"):
        read_ratings(write("a.csv", "\n \n"))
    with pytest.raises(DataError, match="nothing below its header"):
        read_ratings(write("a.csv", "user,item,rating\n"))
    with pytest.raises(DataError, match=r"is empty \(0 bytes\)"):
        read_ratings(write("a.parquet", ""))
    with pytest.raises(DataError, match=r"is blank"):
        read_ratings(write("a.jsonl", "\n"))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no file .*nope.csv"):
        read_ratings(tmp_path / "nope.csv")
    with pytest.raises(SourceError, match=r"is a folder: name its files"):
        read_ratings(tmp_path)
    with pytest.raises(SourceError, match=r"no file matches .*\*.csv"):
        read_ratings(tmp_path / "*.csv")
    with pytest.raises(SourceError, match=r"can't reach gopher://"):
        read_ratings("gopher://host/a.csv")
    with pytest.raises(ParameterError, match=r"not DataFrame; for a table in memory use Ratings.from_frame"):
        read_ratings(pd.DataFrame(TABLE))


def test_several_files(write: Write, tmp_path: Path) -> None:
    whole = lines().splitlines(keepends=True)
    first = write("part-1.csv", "".join(whole[:3]))
    second = write("part-2.csv", whole[0] + "".join(whole[3:]))
    for source in (
        tmp_path / "part-*.csv",
        [first, second],
        f"file://{tmp_path}/part-?.csv",
        str(tmp_path / "**/*.csv"),
    ):
        ratings = read_ratings(source)
        assert_the_table(ratings)
        assert "2 files read as one" in ratings.report.notes
    assert len(read_ratings(f"file://{first}")) == 2


def test_several_files_that_do_not_fit(write: Write, tmp_path: Path) -> None:
    write("a-1.csv", "user,item,rating\n1,1,1\n2,2,2\n")
    write("a-2.csv", "rating,user,item\n3,x,3\n,4,4\n")
    with pytest.raises(DataError, match=r"row 3 \(line 3 of .*a-2.csv\): rating is missing"):
        read_ratings(tmp_path / "a-*.csv")
    kept = read_ratings(tmp_path / "a-*.csv", invalid="drop")
    assert kept.users.ids.tolist() == ["1", "2", "x"]  # text in one file, so text in all
    write("a-3.csv", "user,item,score\n1,1,1\n")
    with pytest.raises(ColumnError, match=r"a-3.csv has no column 'rating', which .*a-1.csv has"):
        read_ratings(tmp_path / "a-*.csv")


def test_typed_files_must_agree_on_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": [1], "item": [1], "rating": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"user": ["1"], "item": [1], "rating": [1]}), tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"column 'user' is int64 in .*1.parquet and string in .*2.parquet"):
        read_ratings(tmp_path / "*.parquet")


def test_a_path_with_wildcards_in_its_name(write: Write) -> None:
    assert_the_table(read_ratings(write("[a].csv", lines())))


def test_other_filesystems(write: Write, tmp_path: Path) -> None:
    write("folder/a.csv", lines())
    below = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    for source in ("folder/a.csv", "folder/*.csv", "*/a.csv"):
        assert_the_table(read_ratings(source, filesystem=below))
    with pytest.raises(SourceError, match=r"no file matches folder/\*.tsv"):
        read_ratings("folder/*.tsv", filesystem=below)
    with pytest.raises(ParameterError, match="a pyarrow or fsspec filesystem, not str"):
        read_ratings("folder/a.csv", filesystem="s3")


def test_an_fsspec_filesystem() -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/penchant-test/a.csv", lines().encode())
    assert_the_table(read_ratings("/penchant-test/a.csv", filesystem=memory))


class Failing(fs.FileSystemHandler):  # type: ignore[misc]
    """A filesystem where nothing works, or only the question whether a file is there."""

    def __init__(self, *, reachable: bool) -> None:
        self.reachable = reachable

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        if not self.reachable:
            raise OSError("no route")
        return [fs.FileInfo(path, fs.FileType.File) for path in paths]

    def _refuse(self, *arguments: object) -> object:
        raise OSError("no permission")

    copy_file = create_dir = delete_dir = delete_dir_contents = delete_file = delete_root_dir_contents = _refuse
    get_file_info_selector = get_type_name = move = open_append_stream = open_output_stream = _refuse
    open_input_file = open_input_stream = _refuse

    def normalize_path(self, path: str) -> str:
        return path


def test_a_filesystem_that_fails() -> None:
    with pytest.raises(SourceError, match=r"can't reach a.csv: no route"):
        read_ratings("a.csv", filesystem=fs.PyFileSystem(Failing(reachable=False)))
    with pytest.raises(SourceError, match=r"can't open a.csv: no permission"):
        read_ratings("a.csv", filesystem=fs.PyFileSystem(Failing(reachable=True)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="is not a file that can be read twice"):
        read_ratings(tmp_path / "pipe")


@pytest.mark.parametrize(("start", "kind"), [(b"PK\x03\x04", "zip"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!", "rar")])
def test_archives_of_several_files(write: Write, start: bytes, kind: str) -> None:
    with pytest.raises(UnsupportedError, match=f"is a {kind} archive: unpack it first"):
        read_ratings(write("a.csv", start + bytes(100)))


# -- JSON lines --


def objects(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


ROWS = [dict(zip(TABLE, row, strict=True)) for row in zip(*TABLE.values(), strict=True)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a.jsonl.gz", "a.txt"])
def test_json_lines(write: Write, name: str) -> None:
    data = objects(*ROWS).encode()
    assert_the_table(read_ratings(write(name, gzip.compress(data) if name.endswith("gz") else data)))


def test_json_keeps_types_apart(write: Write) -> None:
    path = write("a.jsonl", objects({"user": 1, "item": 1, "rating": 1}, {"user": "1", "item": 2.0, "rating": "2"}))
    ratings = read_ratings(path)
    assert ratings.users.ids.tolist() == [1, "1"]
    assert ratings.items.ids.tolist() == [1, 2]


def test_json_values_that_come_late(write: Write) -> None:
    rows = [{"user": 1, "item": "a" * 30_000, "rating": 1}] * 50  # more than the first megabyte
    late = objects(*rows, {"user": 2.0, "item": "b", "rating": 2, "time": 5})
    assert read_ratings(write("a.jsonl", late)).users.ids.tolist() == [1, 2]
    late = objects(*rows, {"user": "ann", "item": "b", "rating": 2})
    assert read_ratings(write("b.jsonl", late)).users.ids.tolist() == [1, "ann"]


def test_json_in_many_chunks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(penchant.data.tables.streams, "_CHUNK", 128)
    monkeypatch.setattr(penchant.data.tables.jsonlines, "_HEAD", 128)
    numbers = [{"user": n, "item": n, "rating": 1} for n in range(20)]
    mixed = [*numbers, {"user": "ann", "item": 20.0, "rating": 2}, *({**row, "item": -1} for row in numbers)]
    ratings = read_ratings(write("a.jsonl", objects(*mixed)))
    assert list(ratings.users) == [*range(20), "ann"]
    assert ratings.items.ids.tolist() == list(range(-1, 21))
    assert ratings.users.ids[ratings.user_idx].tolist() == [row["user"] for row in mixed]
    mixed = [*numbers, {"user": 2**40, "item": -(2**40), "rating": 2}]
    ratings = read_ratings(write("a.jsonl", objects(*mixed)))
    assert ratings.users.ids[ratings.user_idx].tolist() == [row["user"] for row in mixed]
    assert ratings.items.ids[ratings.item_idx].tolist() == [row["item"] for row in mixed]


def test_json_that_is_not_quite_json(write: Write) -> None:
    good = objects({"user": 1, "item": 1, "rating": 1})
    odd = '{"user": NaN, "item": 1, "rating": 1}\n{"user": 2, "item": 2, "rating": NaN}\n' + "[" * 100_000 + "\n"
    ratings = read_ratings(write("a.jsonl", good + odd + '{"user": 3.5, "item": "x", "rating": 1e400}'), invalid="drop")
    assert ratings.users.ids.tolist() == [1]
    assert ratings.report.dropped_for == {
        "user missing": 1,
        "rating missing": 1,
        "rating infinite": 1,
        "broken line": 1,
    }


def test_broken_json(write: Write) -> None:
    good = objects({"user": 1, "item": 1, "rating": 1})
    path = write("a.jsonl", good + "\n" + '{"user": 2, "it\n[3]\n' + good)
    with pytest.raises(DataError, match=r"row 1 \(line 3 of .*a.jsonl\): the line is not a JSON object"):
        read_ratings(path)
    assert read_ratings(path, invalid="drop").report.dropped_rows == (1, 2)
    with pytest.raises(DataError, match="is one JSON array"):
        read_ratings(write("b.json", "[" + good + "]"))
    with pytest.raises(DataError, match=r"row 1 .*rating is missing"):
        read_ratings(write("c.jsonl", good + '{"user": 2, "item": 2}'))
    with pytest.raises(DataError, match=r"row 0 .*user \[1\] is of a type that can change"):
        read_ratings(write("d.jsonl", objects({"user": [1], "item": 1, "rating": 1})))


# -- Parquet and Arrow --


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table(TABLE), tmp_path / "a.parquet", row_group_size=3)
    assert_the_table(read_ratings(tmp_path / "a.parquet"))
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert_the_table(read_ratings(tmp_path / "b.parquet.gz"))
    (tmp_path / "unnamed").write_bytes((tmp_path / "a.parquet").read_bytes())
    assert_the_table(read_ratings(tmp_path / "unnamed"))


@pytest.mark.parametrize("compression", ["uncompressed", "zstd", "lz4"])
def test_feather(tmp_path: Path, compression: str) -> None:
    pa.feather.write_feather(pa.table(TABLE), str(tmp_path / "a.feather"), compression=compression, chunksize=3)
    assert_the_table(read_ratings(tmp_path / "a.feather"))


def test_arrow_stream(tmp_path: Path) -> None:
    table = pa.table(TABLE)
    with pa.ipc.new_stream(str(tmp_path / "a.arrows"), table.schema) as stream:
        stream.write_table(table, max_chunksize=3)
    assert_the_table(read_ratings(tmp_path / "a.arrows"))


@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.arrows"])
def test_truncated_columnar_files(tmp_path: Path, name: str) -> None:
    table = pa.table({"user": np.arange(1000), "item": np.arange(1000), "rating": np.ones(1000)})
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(table, path)
    elif name == "a.feather":
        pa.feather.write_feather(table, str(path))
    else:
        with pa.ipc.new_stream(str(path), table.schema) as stream:
            stream.write_table(table)
    whole = path.read_bytes()
    for size in (10, len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"is not a whole (Parquet|Arrow) file .*: get it again"):
            read_ratings(path)


def test_damaged_parquet_pages(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"user": rng.integers(10**9, size=1000), "item": np.arange(1000), "rating": np.ones(1000)})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    raw = bytearray(path.read_bytes())
    raw[4:200] = bytes(196)
    path.write_bytes(raw)
    with pytest.raises(SourceError, match="is not a whole Parquet file"):
        read_ratings(path)


def test_where_a_row_of_a_parquet_file_is(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": [1, 2], "item": [1, 2], "rating": [1, None]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"row 1 of .*a.parquet: rating is missing"):
        read_ratings(tmp_path / "a.parquet")
    pa.feather.write_feather(pa.table({"user": [1], "item": [None], "rating": [1]}), str(tmp_path / "a.feather"))
    with pytest.raises(DataError, match=r"row 0 of .*a.feather: item is missing"):
        read_ratings(tmp_path / "a.feather")


def test_leading_zeros_below_the_first_megabyte_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    plain = "".join(f"{100_000 + row},3,1\n" for row in range(110_000))
    path.write_text(f"user,item,rating\n7,3,1\n{plain}007,3,5\n")
    assert path.stat().st_size > 1 << 20
    ratings = read_ratings(path)
    assert len(ratings) == 110_002
    by_user = dict(zip(ratings.users, ratings.rating[np.argsort(ratings.user_idx)].tolist(), strict=True))
    assert (by_user["7"], by_user["007"]) == (1, 5)
    assert any("leading zeros" in note for note in ratings.report.notes)
    path.write_text(f"user,item,rating\n7,3,1\n{plain}8,3,0.5\n")
    assert read_ratings(path).users.is_integer


def test_a_table_of_items_whose_ids_are_text_because_of_one(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\na,1,3\nb,2,4\n")
    (tmp_path / "i.csv").write_text("item,title\n1,Alien\n2,Heat\nX4,Brazil\n")
    ratings = read_ratings(tmp_path / "r.csv", items=tmp_path / "i.csv")
    assert ratings.titles().tolist() == ["Alien", "Heat"]
    assert any("joined by their text" in note for note in ratings.report.notes)


def test_dates_as_text_from_polars() -> None:
    import polars as pl

    table = pl.DataFrame({"user": [1, 2], "item": [1, 1], "rating": [3, 4], "date": ["2020-01-01", "2020-01-02"]})
    assert np.diff(Ratings.from_frame(table).timestamp).tolist() == [86_400]


@pytest.mark.parametrize(
    "text",
    [
        'user,item,rating,comment\n1,1,3,a\n2,2,4,"b\n3,3,3,c\n4,4,4,d\n',
        'user,item,rating,comment\n1,1,3,a\n2,2,4,"b\n3,3,3,c\n4,4,4,"d"\n',
        'user,rating,item\n1,3,a\n2,4,"b\n3,3,c\n4,4,d\n',
    ],
)
@pytest.mark.parametrize("invalid", ["error", "drop"])
def test_a_quote_that_is_never_closed_swallows_no_rows(tmp_path: Path, text: str, invalid: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=r"row 1 \(line 3 of .*opens a quote that is not closed"):
        read_ratings(tmp_path / "a.csv", invalid=invalid)


def test_quoted_line_breaks_are_no_open_quotes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('user,item,rating,comment\n1,1,3,"one\n\ntwo ""three"""\n2,12,4,4"\n')
    assert len(read_ratings(tmp_path / "a.csv")) == 2


def test_an_arrow_file_with_wild_offsets_is_damaged(tmp_path: Path) -> None:
    table = pa.table({"user": ["ann", "bob"], "item": ["x", "y"], "rating": [3.0, 4.0]})
    path = tmp_path / "a.arrow"
    pyarrow.feather.write_feather(table, path, compression="uncompressed")
    raw = path.read_bytes()
    offsets = np.array([0, 3, 6], dtype=np.int32).tobytes()
    path.write_bytes(raw.replace(offsets, np.array([0, 3, 2**30], dtype=np.int32).tobytes(), 1))
    assert path.read_bytes() != raw
    with pytest.raises(SourceError, match="not a whole Arrow file"):
        read_ratings(path)


def test_json_lines_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    bad = '{"user":1,"item":"Am\xe9lie","rating":4}\n'.encode("latin-1")
    path.write_bytes(b'{"user":1,"item":"b","rating":4}\n' + bad)
    with pytest.raises(DataError, match=r"row 1 \(line 2 of .*not a JSON object"):
        read_ratings(path)
    path.write_bytes(bad)
    with pytest.raises(DataError, match="does not begin with a JSON object in UTF-8"):
        read_ratings(path)
    path.write_bytes(b'{"user":1,"item":"b","rating":4}\n')
    with pytest.raises(ParameterError, match="encoding= is for text with separators"):
        read_ratings(path, encoding="latin-1")


def test_integer_ids_beyond_a_float_stay_apart_in_json(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    ids = ["9007199254740993", "9007199254740992", "7.0"]
    path.write_text("".join(f'{{"user":{user},"item":1,"rating":{at + 1}}}\n' for at, user in enumerate(ids)))
    assert list(read_ratings(path).users) == [7, 9007199254740992, 9007199254740993]


@pytest.mark.parametrize("text", ["user, item,rating\n1, 007,3\n1, 7,4\n", "user,item,rating\n1,007.0,3\n1,7.,4\n"])
def test_leading_zeros_behind_blanks_and_before_points(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert read_ratings(tmp_path / "a.csv").n_items == 2


def test_titles_that_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\na,1,3\nb,2,4\n")
    (tmp_path / "i.csv").write_text("item,title,zip\n1,1984,02139\n2,300,10001\n")
    ratings = read_ratings(tmp_path / "r.csv", items=tmp_path / "i.csv")
    assert ratings.titles().tolist() == ["1984", "300"]
    assert ratings.item_attributes["zip"].tolist() == ["02139", "10001"]


def test_files_of_one_list_that_do_not_agree(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item,rating\n1,1,3\n")
    (tmp_path / "b.csv").write_text("user,item,rating,timestamp\n1.0,1,4,5\n")
    notes = read_ratings(str(tmp_path / "*.csv")).report.notes
    assert any("not of one type in all files" in note for note in notes)
    assert any("no such column: timestamp" in note for note in notes)
    pq.write_table(pa.table({"user": [7], "item": [1], "rating": [2.0]}), tmp_path / "c.parquet")
    (tmp_path / "a.csv").write_text("user,item,rating\nx,1,3\n")
    with pytest.raises(DataError, match="would be two ids"):
        read_ratings([tmp_path / "a.csv", tmp_path / "c.parquet"])


def test_moments_of_numpy_in_any_unit() -> None:
    moment = np.datetime64("2020-01-01T00", "h")
    for times in ([moment.astype("M8[ns]")] * 2, np.array([moment] * 2), np.array([moment] * 2).astype("M8[M]")):
        ratings = Ratings.from_frame({"user": [1, 2], "item": [1, 1], "rating": [3, 4], "time": times})
        assert ratings.timestamp.tolist() == [1_577_836_800] * 2
