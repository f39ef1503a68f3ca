"""JSON lines: one object a line, {"user": 1, "item": "a", "rating": 4}."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

from penchant.arrays.types import ObjectArray
from penchant.data.tables.encodings import TextEncoding
from penchant.data.tables.memory import is_missing
from penchant.data.tables.streams import Chunk, File, line_chunks
from penchant.data.tables.table import Batch, BrokenRow, Column, Kind, in_order
from penchant.errors import DataError

__all__ = ["JsonLinesTable"]

T = TypeVar("T")
_HEAD = 1 << 20  # bytes whose objects decide which columns there are and of which type


class JsonLinesTable:
    """A file of JSON objects, one a line.

    Values of an id column need not be of one type: JSON says which are numbers and which are text.

    Raises:
        DataError: the file is empty, or its first line is not a JSON object.
        SourceError: the file can't be opened.
    """

    encoding: str | None = None

    def __init__(self, file: File) -> None:
        self.label = file.label
        self.notes: list[str] = []
        self._file = file
        head = file.head(_HEAD)
        self._mark = TextEncoding.of(head, None).mark
        lines = head[self._mark :].splitlines()
        self._sample = [line for line in (lines[:-1] if len(head) == _HEAD else lines) if line.strip()]
        if not self._sample:
            raise DataError(f"{self.label} has no rows: it is blank")
        if self._sample[0].lstrip().startswith(b"["):
            raise DataError(f"{self.label} is one JSON array: write one object a line instead (JSON lines)")
        names: dict[str, None] = {}
        for line in self._sample:
            names.update(dict.fromkeys(_object(line) or ()))
        if not names:
            start = self._sample[0][:80].decode("utf-8", "backslashreplace")
            raise DataError(f"{self.label} does not begin with a JSON object in UTF-8: {start!r}")
        self.names = tuple(names)
        self._row_bytes = len(head) / len(self._sample)
        self._types: dict[str, pa.DataType | None] = {}

    def estimated_rows(self) -> int:
        with self._file.open() as stream:
            compressed = isinstance(stream, pa.CompressedInputStream)
        return 0 if compressed else int(self._file.size() / self._row_bytes)

    def scan(self, kinds: Mapping[str, Kind], work: Callable[[Batch], T]) -> Iterator[T]:
        types = {name: self._type_of(name, kind) for name, kind in kinds.items()}
        typed = {name: kind for name, kind in types.items() if kind is not None}

        def parse(chunk: Chunk) -> T:
            try:
                return work(_parse(bytes(chunk.view()), list(kinds), typed))
            finally:
                chunk.release()

        yield from in_order(parse, line_chunks(self._file, skip=self._mark))

    def locate(self, row: int) -> str:
        """The line of a row; this reads the file again, because only an error asks for it."""
        seen, number = -1, 0
        for chunk in line_chunks(self._file):
            for line in bytes(chunk.view()).splitlines():
                number += 1
                seen += bool(line.strip())
                if seen == row:
                    return f" (line {number} of {self.label})"
        return f" (in {self.label})"  # pragma: no cover  (the row has been read from this file)

    def _type_of(self, name: str, kind: Kind) -> pa.DataType | None:
        """The Arrow type that all sampled values of a column have, or None: then Python parses the file."""
        values = [(_object(line) or {}).get(name) for line in self._sample]
        found = {type(value) for value in values} - {type(None)}
        if kind == "number" and found <= {int, float}:
            return pa.float64()
        if found == {int} and all(-(2**63) <= value < 2**63 for value in values if isinstance(value, int)):
            return pa.int64()
        if found == {float} or (found == {int, float} and kind != "id"):  # a float can't hold every integer id
            return pa.float64()
        return pa.string() if found == {str} else None


def _parse(data: bytes, names: list[str], types: Mapping[str, pa.DataType]) -> Batch:
    if len(types) == len(names):
        try:
            return _parse_typed(data, names, types)
        except pa.ArrowInvalid:
            pass  # a line that is no object, or a value of another type: Python tells which
    rows: list[dict[str, object]] = []
    broken: list[BrokenRow] = []
    for at, line in enumerate(line for line in data.splitlines() if line.strip()):
        found = _object(line)
        if found is None:
            broken.append(BrokenRow(at, f"is not a JSON object: {line[:80].decode('utf-8', 'replace')!r}"))
        else:
            rows.append(found)
    return Batch({name: _objects([row.get(name) for row in rows]) for name in names}, len(rows), broken)


def _parse_typed(data: bytes, names: list[str], types: Mapping[str, pa.DataType]) -> Batch:
    table = pajson.read_json(
        pa.BufferReader(data),
        read_options=pajson.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pajson.ParseOptions(
            explicit_schema=pa.schema([(name, types[name]) for name in names]), unexpected_field_behavior="ignore"
        ),
    )
    table.validate(full=True)  # text that is not UTF-8
    columns: dict[str, Column] = {name: table[name] for name in names}
    return Batch(columns, table.num_rows)


def _objects(values: list[object]) -> ObjectArray:
    """Python values as an array, None where one is missing; a whole float becomes an int, as JSON has but numbers."""
    column = np.empty(len(values), dtype=np.object_)
    for at, value in enumerate(values):
        if is_missing(value):
            continue
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
        column[at] = int(value) if whole and isinstance(value, float) else value
    return column


def _object(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
