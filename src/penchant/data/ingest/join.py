"""Join of item and user attributes: a second table, matched to the ratings by id."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from penchant.arrays.types import BoolArray, Int32Array, ObjectArray
from penchant.data.attributes import Attributes
from penchant.data.ingest.faults import Fault
from penchant.data.ingest.id_codes import BatchIds, IdColumn, ids_of
from penchant.data.ingest.recognise import is_title
from penchant.data.tables import Batch, Column, Kind, Rescan, Table
from penchant.data.vocab import Vocab
from penchant.errors import DataError
from penchant.text import counted

__all__ = ["Side", "attributes_for", "read_side", "rows_for"]

_SPLIT = ("genres", "genre", "tags")  # columns in which "a|b" means two values


@dataclass(frozen=True)
class Side:
    """A table of attributes: `ids[i]` is described by row `row_of[i]` of every column.

    Attributes:
        label: what messages call it.
        ids: the ids it describes.
        row_of: the first row of each id, int32, shape (len(ids),).
        columns: name -> the column, whole, without the ids.
        notes: what had to be decided.
        is_text: whether it is a text file, where the type of the ids is our own guess.
    """

    label: str
    ids: Vocab
    row_of: Int32Array
    columns: Mapping[str, Column]
    notes: list[str]
    is_text: bool = False

    def as_ids(self, name: str) -> tuple[Int32Array, Vocab, BoolArray]:
        """A column taken as ids: for each row its place in a vocabulary, the vocabulary, and which are missing."""
        ids, faults = ids_of(self.columns[name], blank_is_missing=True)
        missing = np.zeros(len(self.columns[name]), dtype=np.bool_)
        for fault in faults:
            missing |= fault.rows
        column = IdColumn("item", capacity=len(missing))
        column.extend(ids.keep(~missing))
        used, known = column.finish()
        codes = np.zeros(len(missing), dtype=np.int32)
        codes[~missing] = used
        return codes, known, missing


def read_side(table: Table, key: str, *, kind: str) -> Side:
    """Read a table of attributes whole.

    Args:
        table: one row an id.
        key: the column of ids.
        kind: "user" or "item", for messages.

    Raises:
        DataError: it has no rows, or an id is missing.
    """
    kinds: dict[str, Kind] = dict.fromkeys(table.names, "any")
    kinds[key] = "id"

    def work(batch: Batch) -> tuple[Batch, BatchIds, list[Fault]]:
        return batch, *ids_of(batch.columns[key], blank_is_missing=batch.is_text)

    while True:
        try:
            parts = list(table.scan(kinds, work))
            break
        except Rescan:
            continue
    n_rows = 0
    column = IdColumn(kind, capacity=sum(batch.n_rows for batch, _, _ in parts))
    for batch, ids, faults in parts:
        at, told = -1, ""
        if batch.broken:
            at, told = batch.broken[0].row, f"the line {batch.broken[0].reason}"
        elif faults:
            at, told = int(np.argmax(faults[0].rows)), f"the {kind} id is {faults[0].reason}"
        if told:
            raise DataError(f"row {n_rows + at}{table.locate(n_rows + at)} of the table of {kind}s: {told}")
        n_rows += batch.n_rows
        column.extend(ids)
    if n_rows == 0:
        raise DataError(f"{table.label} has no rows, and should describe the {kind}s")
    codes, known = column.finish()
    row_of = np.zeros(len(known), dtype=np.int32)
    row_of[codes[::-1]] = np.arange(n_rows, dtype=np.int32)[::-1]  # of equal places, the last assignment stays
    notes = [*table.notes, *column.notes]
    if len(known) < n_rows:
        notes.append(f"{counted(n_rows - len(known), 'row')} of {table.label} with an id again: the first one counts")
    columns = {name: _joined([batch.columns[name] for batch, _, _ in parts]) for name in table.names if name != key}
    is_text = all(batch.is_text for batch, _, _ in parts)
    return Side(table.label, known, row_of, columns, notes, is_text)


def _joined(parts: list[Column]) -> Column:
    if any(isinstance(part, np.ndarray) for part in parts):
        lists = [part.tolist() if isinstance(part, np.ndarray) else part.to_pylist() for part in parts]
        return _object_array([value for values in lists for value in values])
    chunks = [chunk for part in parts if not isinstance(part, np.ndarray) for chunk in part.chunks]
    return pa.chunked_array(chunks)


def rows_for(side: Side, known: Vocab, noun: str) -> Int32Array:
    """The row of `side` that describes each id of a vocabulary, int32, -1 where none does.

    Args:
        side: the table of attributes.
        known: the vocabulary.
        noun: what a row of its table is called, for messages: "rating", "choice".

    Raises:
        DataError: it describes none of them.
    """
    found = side.ids.find(known.ids)
    if side.is_text and (found < 0).all() and known.is_integer != side.ids.is_integer:
        # A single id such as X4 makes a column of a text file text, and the numbers in it too.
        found = Vocab(map(str, side.ids), kind=known.kind).find([str(value) for value in known])
        side.notes.append(f"ids are numbers in one and text in the other: {side.label} is joined by their text")
    if (found < 0).all():
        theirs, ours = side.ids[0], known[0]
        types = ""
        if type(theirs) is not type(ours):
            types = (
                f": ids are {type(ours).__name__} in the {noun}s ({ours!r}) and {type(theirs).__name__} in "
                f"{side.label} ({theirs!r})"
            )
        raise DataError(f"no {known.kind} of the {noun}s is in {side.label}{types}")
    return np.where(found < 0, -1, side.row_of[found]).astype(np.int32)


def attributes_for(side: Side, rows: Int32Array, *, leave_out: Sequence[str] = ()) -> tuple[Attributes, list[str]]:
    """The columns of `side` at some rows (-1: unknown), and notes.

    A column called title, name, movie_title or the like becomes "title".
    """
    columns: dict[str, NDArray[np.generic]] = {}
    notes: list[str] = []
    names = [name for name in side.columns if name not in leave_out]
    title = next((name for name in names if name == "title"), next(filter(is_title, names), None))
    for name in names:
        values = _values(side.columns[name], split=name.casefold() in _SPLIT)
        if values is None:
            kind = getattr(side.columns[name], "type", "mixed objects")
            notes.append(
                f"column {name!r} of {side.label} is left out: {kind} is neither number, text nor list of text"
            )
            continue
        if name == title and values.dtype == np.int64:  # films called 7, 300 and 1984
            values = _object_array([str(value) for value in values.tolist()])
        columns["title" if name == title and values.dtype == np.object_ else name] = _at(values, rows)
    return Attributes(columns, n_rows=len(rows)), notes


def _at(values: NDArray[np.generic], rows: Int32Array) -> NDArray[np.generic]:
    unknown = rows < 0
    taken = values[np.maximum(rows, 0)]
    if not unknown.any():
        return taken
    if taken.dtype != np.object_:
        return np.where(unknown, np.nan, taken.astype(np.float64))
    filled = taken.tolist()
    empty = () if any(isinstance(value, tuple) for value in values) else None
    return _object_array([empty if lost else value for value, lost in zip(filled, unknown, strict=True)])


def _values(column: Column, *, split: bool) -> NDArray[np.generic] | None:
    """A column as one of the four kinds of `Attributes`, or None where it is none of them."""
    if isinstance(column, np.ndarray):
        return _object_values(column.tolist(), split=split)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_temporal(kind):
        column = pc.strftime(column, format="%Y-%m-%d") if pa.types.is_date(kind) else column.cast(pa.string())
    if pa.types.is_integer(column.type) and column.null_count == 0 and not pa.types.is_uint64(column.type):
        return np.asarray(column.to_numpy(), dtype=np.int64)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    return _object_values(column.to_pylist(), split=split)


def _object_values(values: list[object], *, split: bool) -> NDArray[np.generic] | None:
    present = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in present):
        if split and any("|" in str(value) for value in present):
            return _object_array([() if value is None else tuple(str(value).split("|")) for value in values])
        return _object_array(values)
    if all(isinstance(value, list | tuple) and all(isinstance(part, str) for part in value) for value in present):
        return _object_array([tuple(value) if isinstance(value, list | tuple) else () for value in values])
    if all(isinstance(value, dt.date) for value in present):
        return _object_array([str(value) if value is not None else None for value in values])
    if all(isinstance(value, int | float) for value in present):
        return np.array([np.nan if value is None else float(value) for value in values])  # type: ignore[arg-type]
    return None


def _object_array(values: list[object]) -> ObjectArray:
    column = np.empty(len(values), dtype=np.object_)
    for row, value in enumerate(values):
        column[row] = value
    return column
