"""Delimited text (CSV, TSV): commas, tabs, semicolons, bars, or MovieLens' double colons."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from penchant.arrays.types import BoolArray
from penchant.data.tables.encodings import TextEncoding
from penchant.data.tables.separators import LINE_END, guess_separator, has_quotes
from penchant.data.tables.streams import Chunk, File, line_chunks
from penchant.data.tables.table import Batch, BrokenRow, Kind, Rescan, in_order
from penchant.errors import ColumnError, DataError, ParameterError
from penchant.text import Setting

__all__ = ["DelimitedTable"]

T = TypeVar("T")

_HEAD = 1 << 20  # bytes whose rows decide the separator and the types
_STAND_IN = "\x1f"  # Arrow splits at one character; this one, the unit separator, stands in for a longer one
_WHOLE = r"^[+-]?\d{1,15}(\.0*)?$|^$"  # a whole number that a float holds exactly, or nothing
_PADDED = r"^[ \t]*[+-]?0[\dxX]"  # leading zeros are part of an id, and Arrow would read 0x10 as 16


class DelimitedTable:
    """A file of separated values.

    Args:
        file: where it is.
        sep: the separator; None looks at the first lines.
        columns: the names of the columns of a file without a header; None takes them from the first line.
        encoding: None means UTF-8 and, where that fails, Latin-1, which the notes then say.

    Raises:
        ColumnError: `columns` has another number of names than the first line has fields.
        DataError: the file is empty, or is not text in the encoding that was named.
        ParameterError: there is no such encoding, or no such separator.
        SourceError: the file can't be opened.
    """

    def __init__(
        self, file: File, *, sep: str | None = None, columns: Sequence[str] | None = None, encoding: str | None = None
    ) -> None:
        if sep is not None and (not isinstance(sep, str) or not sep or any(c in sep for c in '\n\r\0"')):
            raise ParameterError(Setting("sep", sep), " can't separate columns; use ',', '\\t', ';', '|' or '::'")
        self.label = file.label
        self.notes: list[str] = []
        self._file = file
        head = file.head(_HEAD)
        self._encoding = TextEncoding.of(head, encoding)
        text = self._decode_head(head)
        first = next((line for line in LINE_END.split(text) if line.strip()), None)
        if first is None:
            raise DataError(f"{self.label} has no rows: it is blank")
        self.sep = sep or guess_separator(text, self.label)
        self._quotes = has_quotes(text, self.sep)
        fields = self._fields(first)
        self.names = tuple(fields if columns is None else columns)
        if len(self.names) != len(fields):
            raise ColumnError(
                Setting("columns", text=""),
                f" has {len(self.names)} names, but the first line of {self.label} has {len(fields)} fields "
                f"separated by {self.sep!r}: {first[:80]!r}",
            )
        if columns is not None and {name.casefold() for name in fields} == {name.casefold() for name in columns}:
            raise ColumnError(f"the first line of {self.label} is a header: leave out ", Setting("columns", text=""))
        self._header_rows = int(columns is None)
        body = self._body_start(text, first)
        self._skip = self._encoding.mark + len(
            text[:body].encode("utf-8" if self._encoding.is_wide else self._encoding.name)
        )
        if not text[body:].strip():
            raise DataError(f"{self.label} has no rows: there is nothing below its header")
        self._row_bytes = len(head) / (text.count("\n") or 1)
        self._types: dict[str, pa.DataType] = {}

    # -- the protocol --

    @property
    def encoding(self) -> str | None:
        return self._encoding.name

    def estimated_rows(self) -> int:
        with self._file.open() as stream:
            compressed = isinstance(stream, pa.CompressedInputStream)
        return 0 if compressed else int(self._file.size() / self._row_bytes)

    def scan(self, kinds: Mapping[str, Kind], work: Callable[[Batch], T]) -> Iterator[T]:
        self.types_of(kinds)

        def parse(chunk: Chunk) -> T:
            try:
                return work(self._parse(chunk, kinds))
            finally:
                chunk.release()

        chunks = line_chunks(self._file, skip=self._skip, quotes=self._quotes, recode=self._recode)
        yield from in_order(parse, chunks)

    def locate(self, row: int) -> str:
        """The line of a row; this reads the file again, because only an error asks for it."""
        wanted, seen, number, inside = row + self._header_rows, -1, 0, False
        quoted = self.sep.encode() + b'"'
        for chunk in line_chunks(self._file, recode=self._recode):
            for line in bytes(chunk.view()).splitlines():
                number += 1
                seen += not inside and bool(line)
                if seen == wanted:
                    return f" (line {number} of {self.label})"
                opens = line.startswith(b'"') or quoted in line  # a quote inside a field is a character
                inside ^= self._quotes and (inside or opens) and line.count(b'"') % 2 == 1
        return f" (in {self.label})"  # pragma: no cover  (quotes that Arrow and we read differently)

    def types_of(self, kinds: Mapping[str, Kind]) -> Mapping[str, pa.DataType]:
        """What columns are parsed as; the rows of the first megabyte decide."""
        unknown = {name: kind for name, kind in kinds.items() if name not in self._types}
        if unknown:
            sample = self._sample()
            self._types.update({name: self._guess_type(sample, name, kind) for name, kind in unknown.items()})
        return self._types

    def use_text(self, name: str) -> None:
        """Parse a column as text from now on."""
        self._types[name] = pa.string()

    def _widen(self, name: str, text: pa.ChunkedArray) -> None:
        """Parse a column from now on as what it is below the first megabyte, too: 1.0 among whole numbers is 1."""
        if pa.types.is_integer(self._types[name]) and pc.all(pc.match_substring_regex(text, _WHOLE)).as_py():
            self._types[name] = pa.float64()
        else:
            self.use_text(name)

    # -- the first megabyte --

    def _decode_head(self, head: bytes) -> str:
        try:
            return self._encoding.decode(head[self._encoding.mark :], self.label, whole=len(head) < _HEAD)
        except DataError:
            if self._encoding.certain:
                raise
            self._fall_back()
            return self._encoding.decode(head, self.label)

    def _fall_back(self) -> None:
        """From here on, read the file as Latin-1, in which all bytes mean something."""
        if not self._encoding.certain:
            self._encoding = TextEncoding("latin-1", certain=True)
            self.notes.append(f"{self.label} is not UTF-8: read as Latin-1; name another encoding with encoding=")

    def _fields(self, line: str) -> list[str]:
        if self._quotes and '"' in line and len(self.sep) == 1:
            return [field.strip() for field in next(csv.reader([line], delimiter=self.sep))]
        return [field.strip() for field in line.split(self.sep)]

    def _body_start(self, text: str, first: str) -> int:
        """The character after the header, or 0 where there is none."""
        if not self._header_rows:
            return 0
        end = text.index(first) + len(first)
        newline = LINE_END.match(text, end)
        return newline.end() if newline else end

    def _sample(self) -> bytes:
        """The rows of the first megabyte as UTF-8; without the last one, which may be cut."""
        head = self._file.head(_HEAD)
        whole = len(head) < _HEAD
        start = 0 if self._encoding.is_wide else self._skip
        body = self._encoding.decode(head[start:], self.label, whole=whole).encode()[self._skip - start :]
        data = body.replace(self.sep.encode(), self._one_character.encode())
        return data if whole else data[: data.rfind(b"\n") + 1] or data

    def _guess_type(self, sample: bytes, name: str, kind: Kind) -> pa.DataType:
        """A number for ratings; for ids int64 where all sampled ones are whole numbers, else text."""
        if kind == "number":
            return pa.float64()  # what is lost in float32 is looked at above
        guessed = self._sample_column(sample, name, {})
        if kind == "time" or not (kind == "id" or _is_number(guessed.type)):
            return pa.string() if pa.types.is_null(guessed.type) else guessed.type
        text = self._sample_column(sample, name, {name: pa.string()})
        if _is_number(guessed.type) and pc.any(pc.match_substring_regex(text, _PADDED)).as_py():
            self.notes.append(f"column {name!r} has leading zeros: kept as text")
            return pa.string()
        if kind != "id":
            return guessed.type
        if pa.types.is_integer(guessed.type):
            return pa.int64()
        if pa.types.is_floating(guessed.type) and pc.all(pc.match_substring_regex(text, _WHOLE)).as_py():
            return pa.float64()
        return pa.string()

    def _sample_column(self, sample: bytes, name: str, types: Mapping[str, pa.DataType]) -> pa.ChunkedArray:
        try:
            return self._read(sample, [name], types, has_quotes=True, broken=[])[0]
        except pa.ArrowInvalid as error:  # pragma: no cover  (lines with other numbers of fields are no error here)
            raise self._unreadable(error) from error

    # -- a chunk --

    @property
    def _recode(self) -> TextEncoding | None:
        """The encoding, where the file has to be decoded before it can be cut into lines."""
        return self._encoding if self._encoding.is_wide else None

    @property
    def _one_character(self) -> str:
        return self.sep if len(self.sep) == 1 else _STAND_IN

    def _parse(self, chunk: Chunk, kinds: Mapping[str, Kind]) -> Batch:
        data = self._as_utf8(chunk)
        broken: list[BrokenRow] = []
        try:
            columns = self._read(data, list(kinds), self._types, has_quotes=chunk.has_quotes, broken=broken)
        except pa.ArrowInvalid:
            broken = []
            columns = self._read_as_text(data, kinds, has_quotes=chunk.has_quotes, broken=broken)
        if chunk.has_quotes and self._quotes:
            open_quote = self._open_quote(data, len(columns[0]) + len(broken))
            broken = broken if open_quote is None else [open_quote]
        self._look_for_padded(data, kinds, has_quotes=chunk.has_quotes)
        self._look_for_long(dict(zip(kinds, columns, strict=True)), kinds)
        return Batch(dict(zip(kinds, columns, strict=True)), len(columns[0]), broken, is_text=True)

    def _open_quote(self, data: bytes | memoryview, n_rows: int) -> BrokenRow | None:
        """The row with a quote that is not closed where a field ends, if there is one.

        Arrow takes such a quote for one long field, and the rows in it are gone without a word.
        """
        if len([line for line in bytes(data).splitlines() if line]) <= n_rows:
            return None  # every line is a row: no quote goes on over the end of one
        reader = csv.reader(io.StringIO(bytes(data).decode(), newline=""), delimiter=self._one_character, strict=True)
        row = 0
        try:
            for fields in reader:
                row += bool(fields)
        except csv.Error as error:
            reason = f"opens a quote that is not closed where a field ends ({error}); rows below it would be lost"
            return BrokenRow(row, reason, is_fatal=True)
        return None

    def _look_for_padded(self, data: bytes | memoryview, kinds: Mapping[str, Kind], *, has_quotes: bool) -> None:
        """Check that no id that was read as a number has leading zeros: 007 and 7 are two ids.

        Raises:
            Rescan: one has, below the first megabyte; the next scan takes the column as text.
        """
        suspects = [name for name, kind in kinds.items() if kind in ("id", "any") and _is_number(self._types[name])]
        if not suspects or not _may_be_padded(data, self._one_character):
            return
        for name in suspects:
            (text,) = self._read(data, [name], {name: pa.string()}, has_quotes=has_quotes, broken=[])
            if pc.any(pc.match_substring_regex(text, _PADDED)).as_py():
                self.notes.append(f"column {name!r} has leading zeros: kept as text")
                self.use_text(name)
                raise Rescan

    def _look_for_long(self, columns: Mapping[str, pa.ChunkedArray], kinds: Mapping[str, Kind]) -> None:
        """Check that no id that was read as a float is so long that floats don't tell it from its neighbours."""
        for name, column in columns.items():
            is_float = kinds[name] == "id" and pa.types.is_floating(column.type)
            if is_float and (pc.max(pc.abs(column)).as_py() or 0) >= 2**53:
                self.use_text(name)
                raise Rescan

    def _as_utf8(self, chunk: Chunk) -> memoryview | bytes:
        """The bytes in UTF-8 and with a separator of one character; without a copy where they are so already.

        Raises:
            Rescan: they are not UTF-8, and nobody said that they were; the next scan takes Latin-1.
            DataError: they are not text in the encoding that was named.
        """
        encoding = self._encoding
        data: memoryview | bytes = chunk.view()
        if not encoding.is_wide and not (encoding.is_utf8 and chunk.buffer.isascii()):
            try:
                data = encoding.decode(bytes(data), self.label).encode()
            except DataError as error:
                if encoding.certain:
                    raise
                self._fall_back()
                raise Rescan from error
        return data if len(self.sep) == 1 else bytes(data).replace(self.sep.encode(), _STAND_IN.encode())

    def _read(
        self,
        data: bytes | memoryview,
        names: Sequence[str],
        types: Mapping[str, pa.DataType],
        *,
        has_quotes: bool,
        broken: list[BrokenRow],
    ) -> list[pa.ChunkedArray]:
        """Some columns of some lines; lines with a wrong number of fields go to `broken`."""

        def set_aside(line: pacsv.InvalidRow) -> str:
            reason = f"has {line.actual_columns} fields instead of {line.expected_columns}: {line.text[:80]!r}"
            broken.append(BrokenRow(line.number - 1, reason))
            return "skip"

        # Columns are known to Arrow by their numbers: a header may have a name twice.
        wanted = [str(self.names.index(name)) for name in names]
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(
                block_size=len(data) + 1, column_names=[str(at) for at in range(len(self.names))], use_threads=False
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._one_character,
                quote_char='"' if self._quotes else False,
                newlines_in_values=has_quotes and self._quotes,
                invalid_row_handler=set_aside,
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=wanted,
                column_types={at: types[name] for at, name in zip(wanted, names, strict=True) if name in types},
            ),
        )
        return list(table.columns)

    def _read_as_text(
        self, data: bytes | memoryview, kinds: Mapping[str, Kind], *, has_quotes: bool, broken: list[BrokenRow]
    ) -> list[pa.ChunkedArray]:
        """The columns of a chunk that did not parse as it should: as text where a rating or a time is wrong.

        Raises:
            Rescan: an id is not of the type that the first megabyte had.
            DataError: it can't be split into columns at all.
        """
        as_text = {name: pa.string() for name in kinds}
        try:
            columns = self._read(data, list(kinds), as_text, has_quotes=has_quotes, broken=broken)
        except pa.ArrowInvalid as error:  # pragma: no cover  (likewise)
            raise self._unreadable(error) from error
        for at, (name, kind) in enumerate(kinds.items()):
            try:
                columns[at] = self._read(data, [name], self._types, has_quotes=has_quotes, broken=[])[0]
            except pa.ArrowInvalid as error:
                if kind in ("id", "any"):
                    self._widen(name, columns[at])
                    raise Rescan from error
        return columns

    def _unreadable(self, error: Exception) -> DataError:  # pragma: no cover
        return DataError(
            f"{self.label} can't be split into columns at {self.sep!r}: {error}; name the right one with ",
            Setting("sep", text=""),
        )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _may_be_padded(data: bytes | memoryview, sep: str) -> bool:
    """Whether a field of some text may begin with a zero and another digit; quick, for every chunk is asked."""
    text = np.frombuffer(data, dtype=np.uint8)
    if len(text) < 2:
        return False
    starts = np.flatnonzero(text[:-1] == ord("0"))
    starts = starts[_in(text[starts + 1], b"0123456789xX")]
    first = starts[:1] == 0
    return bool(first.any() or _in(text[starts[starts > 0] - 1], sep.encode() + b'\n\r\t" +-').any())


def _in(characters: NDArray[np.uint8], wanted: bytes) -> BoolArray:
    table = np.zeros(256, dtype=np.bool_)
    table[list(wanted)] = True
    return table[characters]
