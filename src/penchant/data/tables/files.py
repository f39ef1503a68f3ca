"""Files as tables: which reader a file needs, and several files as one table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import PurePosixPath
from typing import TypeVar

import pyarrow as pa

from penchant.data.tables.columnar import ArrowFileTable, ParquetTable
from penchant.data.tables.delimited import DelimitedTable
from penchant.data.tables.jsonlines import JsonLinesTable
from penchant.data.tables.streams import File, find_files
from penchant.data.tables.table import Batch, Kind, Table
from penchant.errors import ColumnError, DataError, ParameterError, UnsupportedError
from penchant.text import Setting

__all__ = ["FilesTable", "open_files"]

T = TypeVar("T")
_COMPRESSED = (".gz", ".bz2", ".zst", ".zstd", ".lz4")
_ARCHIVES = {b"PK\x03\x04": "zip", b"7z\xbc\xaf": "7z", b"Rar!": "rar"}


def open_files(
    source: object,
    *,
    sep: str | None = None,
    columns: Sequence[str] | None = None,
    encoding: str | None = None,
    filesystem: object = None,
) -> Table:
    """The table in one file, or in all files of a glob or a list, one below the other.

    Raises:
        SourceError: there is no such file, or it is damaged.
        ColumnError: `columns` does not fit, or a file lacks a column.
        DataError: a file is empty or can't be understood.
    """
    tables = [
        _open(file, sep=sep, columns=columns, encoding=encoding) for file in find_files(source, filesystem=filesystem)
    ]
    return tables[0] if len(tables) == 1 else FilesTable(tables, label=_name_of(source))


def _name_of(source: object) -> str:
    return str(source) if not isinstance(source, list | tuple) else f"{source[0]} and {len(source) - 1} more"


def _open(file: File, *, sep: str | None, columns: Sequence[str] | None, encoding: str | None) -> Table:
    start = file.head(64)
    path = PurePosixPath(file.path.replace("\\", "/"))
    name = path.stem if path.suffix.lower() in _COMPRESSED else path.name
    suffix = PurePosixPath(name).suffix.lower()
    archive = next((kind for magic, kind in _ARCHIVES.items() if start.startswith(magic)), None)
    if archive:
        raise UnsupportedError(f"{file.label} is a {archive} archive: unpack it first")
    given = [name for name, value in (("sep", sep), ("columns", columns), ("encoding", encoding)) if value is not None]
    table = _typed(file, start, suffix, guess=sep is None)
    if table is None:
        return DelimitedTable(file, sep=sep, columns=columns, encoding=encoding)
    if given:
        told = f" is for text with separators, and {file.label} is not: leave it out"
        raise ParameterError(Setting(given[0], text=""), told)
    return table


def _typed(file: File, start: bytes, suffix: str, *, guess: bool) -> Table | None:
    """The table in a file whose format has types, or None where it is text with separators."""
    if start.startswith(b"PAR1") or suffix in (".parquet", ".pq"):
        return ParquetTable(file)
    if start.startswith(b"ARROW1") or suffix in (".arrow", ".feather", ".arrows", ".ipc"):
        return ArrowFileTable(file)
    if suffix in (".jsonl", ".ndjson", ".json") or (guess and start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b'{"')):
        return JsonLinesTable(file)
    return None


class FilesTable:
    """Several files, one below the other. The columns of the first one are needed in all, in any order.

    Raises:
        ColumnError: a file lacks a column that is needed.
        DataError: ids are numbers in one file and text in another, where that can't be told from the text.
    """

    def __init__(self, tables: Sequence[Table], *, label: str) -> None:
        self.label = label
        self.names = tables[0].names
        self._tables = tables
        self._lengths: list[int] = []
        self._notes = [f"{len(tables)} files read as one"]
        others = dict.fromkeys(name for table in tables for name in table.names if name not in self.names)
        if others:
            self._notes.append(f"left out, for {tables[0].label} has no such column: {', '.join(others)}")

    @property
    def encoding(self) -> str | None:
        return ", ".join(dict.fromkeys(table.encoding for table in self._tables if table.encoding)) or None

    @property
    def notes(self) -> list[str]:
        return [*self._notes, *(note for table in self._tables for note in table.notes)]

    def estimated_rows(self) -> int:
        return sum(table.estimated_rows() for table in self._tables)

    def scan(self, kinds: Mapping[str, Kind], work: Callable[[Batch], T]) -> Iterator[T]:
        self._check(kinds)
        self._lengths = []

        def counted(batch: Batch) -> tuple[int, T]:
            return batch.n_rows + len(batch.broken), work(batch)

        for table in self._tables:
            self._lengths.append(0)
            for length, result in table.scan(kinds, counted):
                self._lengths[-1] += length
                yield result

    def locate(self, row: int) -> str:
        ends = list(accumulate(self._lengths))
        at = min(bisect_right(ends, row), len(self._tables) - 1)
        inside = row - (ends[at - 1] if at else 0)
        return self._tables[at].locate(inside)

    def _check(self, kinds: Mapping[str, Kind]) -> None:
        for table in self._tables:
            missing = [name for name in kinds if name not in table.names]
            if missing:
                raise ColumnError(f"{table.label} has no column {missing[0]!r}, which {self._tables[0].label} has")
        texts = [table for table in self._tables if isinstance(table, DelimitedTable)]
        for name, kind in kinds.items():
            if kind != "id":
                continue
            if len({table.types_of(kinds)[name] for table in texts}) > 1:
                self._notes.append(f"column {name!r} is not of one type in all files: kept as text (1 is not 1.0)")
                for table in texts:
                    table.use_text(name)
            self._check_types(name, kinds)

    def _check_types(self, name: str, kinds: Mapping[str, Kind]) -> None:
        typed: list[tuple[str, pa.DataType]] = []
        for table in self._tables:
            if isinstance(table, ParquetTable | ArrowFileTable):
                typed.append((table.label, table.types[name]))
            elif isinstance(table, DelimitedTable):
                typed.append((table.label, table.types_of(kinds)[name]))
        for label, kind in typed[1:]:
            if _is_whole(kind) != _is_whole(typed[0][1]):
                raise DataError(
                    f"column {name!r} is {typed[0][1]} in {typed[0][0]} and {kind} in {label}: 1 and '1' would be two "
                    "ids, so write both alike"
                )


def _is_whole(kind: pa.DataType) -> bool:
    """Whether ids of a type end as integers: decimals do in a text file where all are whole."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
