"""Parquet and Arrow (Feather) files: columns with types, read a group of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from penchant.data.tables.streams import File
from penchant.data.tables.table import Batch, Kind, in_order
from penchant.errors import SourceError

__all__ = ["ArrowFileTable", "ParquetTable"]

T = TypeVar("T")
_ROWS = 1 << 19  # rows of a Parquet file that are decoded at once


class ParquetTable:
    """A Parquet file.

    Raises:
        SourceError: the file can't be opened, or is not a whole Parquet file.
    """

    encoding: str | None = None

    def __init__(self, file: File) -> None:
        self.label = file.label
        self.notes: list[str] = []
        self._file = file
        with self._open() as opened:
            self.names = tuple(opened.schema_arrow.names)
            self.types = dict(zip(self.names, opened.schema_arrow.types, strict=True))
            self._n_rows = opened.metadata.num_rows

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._file.open_seekable())
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.label, "Parquet", error) from error

    def estimated_rows(self) -> int:
        return int(self._n_rows)

    def scan(self, kinds: Mapping[str, Kind], work: Callable[[Batch], T]) -> Iterator[T]:
        def batches() -> Iterator[pa.RecordBatch]:
            with self._open() as opened:
                try:
                    yield from opened.iter_batches(batch_size=_ROWS, columns=list(kinds))
                except (pa.ArrowException, OSError) as error:
                    raise _damaged(self.label, "Parquet", error) from error

        yield from in_order(lambda part: work(_batch(part, kinds, self.label, "Parquet")), batches())

    def locate(self, row: int) -> str:  # noqa: ARG002  (a Parquet file has no lines)
        return f" of {self.label}"


class ArrowFileTable:
    """An Arrow IPC file or stream, also known as Feather.

    Raises:
        SourceError: the file can't be opened, or is not a whole Arrow file.
    """

    encoding: str | None = None

    def __init__(self, file: File) -> None:
        self.label = file.label
        self.notes: list[str] = []
        self._file = file
        with self._open() as opened:
            self.names = tuple(opened.schema.names)
            self.types = dict(zip(self.names, opened.schema.types, strict=True))

    def _open(self) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
        source = self._file.open_seekable()
        try:
            if source.read(6) == b"ARROW1":
                return pa.ipc.open_file(source)
            source.seek(0)
            return pa.ipc.open_stream(source)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.label, "Arrow", error) from error

    def estimated_rows(self) -> int:
        return 0

    def scan(self, kinds: Mapping[str, Kind], work: Callable[[Batch], T]) -> Iterator[T]:
        def batches() -> Iterator[pa.RecordBatch]:
            with self._open() as opened:
                try:
                    if isinstance(opened, pa.RecordBatchFileReader):
                        yield from (opened.get_batch(at) for at in range(opened.num_record_batches))
                    else:
                        yield from opened
                except (pa.ArrowException, OSError) as error:
                    raise _damaged(self.label, "Arrow", error) from error

        yield from in_order(lambda part: work(_batch(part, kinds, self.label, "Arrow")), batches())

    def locate(self, row: int) -> str:  # noqa: ARG002  (an Arrow file has no lines)
        return f" of {self.label}"


def _batch(part: pa.RecordBatch, kinds: Mapping[str, Kind], label: str, kind: str) -> Batch:
    """The columns that are needed, each checked through: bytes of a damaged file must not be followed blindly."""
    columns = {name: part.column(part.schema.names.index(name)) for name in kinds}
    try:
        for column in columns.values():
            column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise _damaged(label, kind, error) from error
    return Batch({name: pa.chunked_array([column]) for name, column in columns.items()}, part.num_rows)


def _damaged(label: str, kind: str, error: Exception) -> SourceError:
    return SourceError(f"{label} is not a whole {kind} file ({error}): get it again")
