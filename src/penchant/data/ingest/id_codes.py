"""Factorisation of ids: ids of any hashable type to row numbers, batch by batch.

Two ways, and the column chooses: integers are kept as they are until the end, when a look-up table (or a hash table,
where they are far apart) gives the row numbers; everything else is numbered within its batch, and the few distinct
ids of the batches are put together at the end.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from penchant.arrays.grow import BLOCK, Growing, narrow
from penchant.arrays.types import BoolArray, Int32Array, Int64Array, ObjectArray
from penchant.data.ingest.faults import Fault, faults_of
from penchant.data.tables import Column
from penchant.data.vocab import Vocab
from penchant.errors import DataError

__all__ = ["CodedIds", "IdColumn", "IntIds", "ids_of"]

_CHANGEABLE = "of a type that can change, so that it is no id: use numbers, text or tuples"
_UNEQUAL = "equal to nothing but itself, so that it is no id: use numbers, text or tuples"
_PLAIN = frozenset({int, str, float, bool, bytes, type(None)})
_LEAST_TABLE = 1 << 20  # slots that a look-up table may always have; more only where there are as many ratings
_EXACT = 2**53  # beyond this, a float no longer tells neighbouring integers apart


@dataclass(frozen=True)
class IntIds:
    """Integer ids of one batch, as they are."""

    values: Int64Array

    def keep(self, good: BoolArray) -> IntIds:
        return IntIds(self.values[good])


@dataclass(frozen=True)
class CodedIds:
    """Ids of one batch: `distinct[codes[row]]`; as Arrow where they have one Arrow type, else a list."""

    codes: Int32Array
    distinct: pa.Array | list[Hashable]

    def keep(self, good: BoolArray) -> CodedIds:
        return CodedIds(self.codes[good], self.distinct)


BatchIds: TypeAlias = IntIds | CodedIds


def ids_of(column: Column, *, blank_is_missing: bool = False) -> tuple[BatchIds, list[Fault]]:
    """The ids of a batch, and which rows have none that is of use.

    Args:
        column: part of a column.
        blank_is_missing: whether an empty text is no id, as in a CSV file.
    """
    if isinstance(column, np.ndarray):
        return _ids_of_objects(column)
    if pa.types.is_float16(column.type):  # Arrow can't calculate with half a float
        column = column.cast(pa.float32())
    kind = column.type
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        missing = column.is_null().to_numpy() if column.null_count else None
        ids = IntIds((column.fill_null(0) if column.null_count else column).to_numpy())
        return ids, [] if missing is None else [Fault("missing", missing)]
    try:
        coded = column.combine_chunks() if pa.types.is_dictionary(kind) else _dictionary(column)
    except pa.ArrowNotImplementedError:  # nested types, which Arrow can't hash: as Python objects
        return _ids_of_objects(_as_objects(column))
    distinct = _plain_type(coded.dictionary)
    codes = coded.indices
    missing = codes.is_null().to_numpy(zero_copy_only=False) if codes.null_count else None
    numbers = codes.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    missing = _also_missing(numbers, distinct, missing, blank_is_missing=blank_is_missing)
    return CodedIds(numbers, distinct), [] if missing is None else [Fault("missing", missing)]


def _dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if isinstance(column.type, pa.BaseExtensionType):  # a UUID is 16 bytes to Arrow
        stored = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
        coded = stored.dictionary_encode().combine_chunks()
        distinct = pa.ExtensionArray.from_storage(column.type, coded.dictionary)
        return pa.DictionaryArray.from_arrays(coded.indices, distinct)
    return column.dictionary_encode().combine_chunks()


def _plain_type(distinct: pa.Array) -> pa.Array:
    """One type for all kinds of text, and one zero."""
    kind = distinct.type
    if pa.types.is_floating(kind):
        return pc.add(distinct, pa.scalar(0, kind))  # -0.0 + 0 is 0.0
    return distinct.cast(pa.large_string()) if pa.types.is_string(kind) or pa.types.is_string_view(kind) else distinct


def _also_missing(
    codes: Int32Array, distinct: pa.Array, missing: BoolArray | None, *, blank_is_missing: bool
) -> BoolArray | None:
    """Missing as a value of the dictionary: null, NaN, and in a text file nothing."""
    absent = pc.is_null(distinct, nan_is_null=True)
    if blank_is_missing and pa.types.is_large_string(distinct.type):
        absent = pc.or_(absent, pc.fill_null(pc.equal(distinct, ""), fill_value=True))
    mask: BoolArray = absent.to_numpy(zero_copy_only=False)
    if not mask.any():
        return missing
    return mask[codes] if missing is None else mask[codes] | missing


def _as_objects(column: pa.ChunkedArray) -> ObjectArray:
    values = np.empty(len(column), dtype=np.object_)
    for row, value in enumerate(column.to_pylist()):
        values[row] = value
    return values


def _ids_of_objects(column: ObjectArray) -> tuple[BatchIds, list[Fault]]:
    types = set(map(type, column))
    # Values of one type that are equal are one id; else 1, 1.0 and True have to be told apart.
    is_simple = len(types) == 1 and tuple not in types
    seen: dict[object, int] = {}
    codes = np.zeros(len(column), dtype=np.int32)
    missing = np.zeros(len(column), dtype=np.bool_)
    bad = np.zeros(len(column), dtype=np.bool_)
    for row, value in enumerate(column):
        if value is None:
            missing[row] = True
            continue
        try:
            codes[row] = seen.setdefault(value if is_simple else (signature(value), value), len(seen))
        except TypeError:  # not hashable
            bad[row] = True
    is_same = np.array([value is not None and _is_only_itself(value) for value in column] if types - _PLAIN else False)
    distinct = list(seen) if is_simple else [key[1] for key in seen]  # type: ignore[index]
    return CodedIds(codes, distinct), faults_of(
        {"missing": missing, _CHANGEABLE: bad, _UNEQUAL: is_same & ~bad & ~missing}
    )


def _is_only_itself(value: object) -> bool:
    """Whether nothing else is ever equal to it: then its place in memory is the id, and no table has it again."""
    if isinstance(value, tuple | frozenset):
        return any(map(_is_only_itself, value))
    if value is None or isinstance(value, enum.Enum):
        return False
    return callable(value) or type(value).__eq__ is object.__eq__


def signature(value: object) -> object:
    """What tells apart values that Python calls equal, such as 1, 1.0 and True. Hashable."""
    return tuple(map(signature, value)) if type(value) is tuple else type(value)


class IdColumn:
    """All ids of a column: batches are added, then `finish` gives the row numbers and the vocabulary.

    Args:
        kind: "user" or "item", for messages.
        capacity: about how many rows will come.
    """

    def __init__(self, kind: str, *, capacity: int) -> None:
        self.kind = kind
        self._numbers = Growing(np.int32, capacity=capacity)  # the ids themselves, or their codes within a batch
        self._parts: list[tuple[int, pa.Array | list[Hashable]]] = []  # rows and distinct ids; empty while all are ints
        self.notes: list[str] = []

    def extend(self, batch: BatchIds) -> None:
        """Add the ids of a batch."""
        if isinstance(batch, IntIds) and not self._parts:
            self._widen_for(batch.values)
            self._numbers.extend(batch.values)
            return
        if not self._parts and len(self._numbers):
            self._code_ints()
        coded = _coded(batch) if isinstance(batch, IntIds) else batch
        self._add(coded)

    def _widen_for(self, values: Int64Array) -> None:
        if self._numbers.dtype == np.int64 or values.dtype.itemsize < 4 or not len(values):
            return
        if not narrow(int(values.min()), int(values.max()), np.int32):
            self._numbers.widen(np.int64)

    def _code_ints(self) -> None:
        """Ids so far were integers, and now something else comes."""
        numbers = self._numbers.finish().astype(np.int64)
        self._numbers = Growing(np.int32, capacity=len(numbers))
        self._add(_coded(IntIds(numbers)))

    def _add(self, batch: CodedIds) -> None:
        used = np.bincount(batch.codes, minlength=len(batch.distinct)) > 0
        codes, distinct = batch.codes, batch.distinct
        if not used.all():  # a category without a row, or whose rows were all dropped
            codes = (np.cumsum(used, dtype=np.int32) - 1)[codes]
            at = np.flatnonzero(used)
            distinct = [distinct[int(row)] for row in at] if isinstance(distinct, list) else distinct.take(pa.array(at))
        self._parts.append((len(codes), distinct))
        self._numbers.extend(codes)

    def finish(self) -> tuple[Int32Array, Vocab]:
        """Row numbers, int32, and the vocabulary: sorted where the ids can be sorted, else in order of appearance.

        Raises:
            DataError: two ids are equal in Python but not of one type, such as 1 and True.
        """
        if not self._parts:
            return _encode_ints(self._numbers.finish(), self.kind)
        distinct, tables = self._put_together()
        ids, order = _sorted(distinct)
        codes: Int32Array = self._numbers.finish()  # type: ignore[assignment]
        start = 0
        for (length, _), table in zip(self._parts, tables, strict=True):
            part = codes[start : start + length]
            _look_up(order[table], part, 0, out=part)
            start += length
        return codes, Vocab(ids, kind=self.kind)

    def _put_together(self) -> tuple[list[Hashable], list[Int32Array]]:
        """All distinct ids, and for each batch the table from its codes to their places among them."""
        parts = [distinct for _, distinct in self._parts]
        kinds = {None if isinstance(part, list) else part.type for part in parts}
        if len(kinds) > 1 or None in kinds or isinstance(next(iter(kinds)), pa.BaseExtensionType):
            return self._put_objects_together([part if isinstance(part, list) else part.to_pylist() for part in parts])
        together = pa.concat_arrays(parts).dictionary_encode()
        places = together.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
        ends = np.cumsum([len(part) for part in parts])[:-1]
        return self._python_ids(together.dictionary), np.split(places, ends)

    def _python_ids(self, distinct: pa.Array) -> list[Hashable]:
        ids: list[Hashable] = distinct.to_pylist()
        if pa.types.is_floating(distinct.type) and all(abs(value) < _EXACT and value.is_integer() for value in ids):  # type: ignore[arg-type,attr-defined]
            self.notes.append(f"{self.kind} ids are whole numbers written as floats: taken as integers")
            return [int(value) for value in ids]  # type: ignore[call-overload]
        return ids

    def _put_objects_together(self, parts: list[list[Hashable]]) -> tuple[list[Hashable], list[Int32Array]]:
        seen: dict[Hashable, int] = {}
        by_value: dict[Hashable, Hashable] = {}
        distinct: list[Hashable] = []
        tables = []
        for part in parts:
            table = np.empty(len(part), dtype=np.int32)
            for code, value in enumerate(part):
                other = by_value.setdefault(value, value)
                if signature(other) != signature(value):
                    raise DataError(
                        f"{self.kind} ids {other!r} ({type(other).__name__}) and {value!r} ({type(value).__name__}) "
                        "are equal in Python but of different types: write all ids of a column as one type"
                    )
                table[code] = seen.setdefault(value, len(distinct))
                if table[code] == len(distinct):
                    distinct.append(value)
            tables.append(table)
        return distinct, tables


def _coded(batch: IntIds) -> CodedIds:
    ids, codes = np.unique(batch.values, return_inverse=True)
    return CodedIds(codes.astype(np.int32), ids.tolist())


def _sorted(distinct: list[Hashable]) -> tuple[list[Hashable], Int32Array]:
    """The ids in the order of the vocabulary, and the row number of each of those given."""
    order = np.arange(len(distinct), dtype=np.int32)
    if any(isinstance(value, frozenset) for value in distinct):  # "<" means subset there, which is no order
        return distinct, order
    try:
        rows = sorted(range(len(distinct)), key=distinct.__getitem__)  # type: ignore[arg-type]
    except TypeError:
        return distinct, order
    order[rows] = np.arange(len(distinct), dtype=np.int32)
    return [distinct[row] for row in rows], order


def _look_up(table: Int32Array, numbers: NDArray[np.generic], low: int, *, out: Int32Array) -> None:
    """`out[:] = table[numbers - low]` in blocks, so that it can be done in place."""
    for start in range(0, len(numbers), BLOCK):
        part = slice(start, start + BLOCK)
        np.take(table, _places(numbers[part], low), out=out[part], mode="clip")  # clip: "raise" would copy `out`


def _places(numbers: NDArray[np.generic], low: int) -> NDArray[np.intp]:
    """`numbers - low` in the type that numpy indexes with, which it would otherwise convert to, block by block."""
    places: NDArray[np.intp] = np.subtract(numbers, low, dtype=np.intp, casting="unsafe")
    return places


def _encode_ints(values: NDArray[np.generic], kind: str) -> tuple[Int32Array, Vocab]:
    """Row numbers of integer ids, in the order of their size; in place where they are int32."""
    if not len(values):
        return values.astype(np.int32), Vocab(values.astype(np.int64), kind=kind)
    low, high = int(values.min()), int(values.max())
    if high - low >= max(len(values), _LEAST_TABLE):
        return _encode_sparse_ints(values, kind)
    seen = np.zeros(high - low + 1, dtype=np.bool_)
    for start in range(0, len(values), BLOCK):
        seen[_places(values[start : start + BLOCK], low)] = True
    out: Int32Array = values if values.dtype == np.int32 else np.empty(len(values), dtype=np.int32)  # type: ignore[assignment]
    _look_up(np.cumsum(seen, dtype=np.int32) - np.int32(1), values, low, out=out)
    return out, Vocab(np.flatnonzero(seen) + low, kind=kind)


def _encode_sparse_ints(values: NDArray[np.generic], kind: str) -> tuple[Int32Array, Vocab]:
    coded = pa.array(values).dictionary_encode()
    ids = coded.dictionary.to_numpy().astype(np.int64)
    order = np.empty(len(ids), dtype=np.int32)
    rows = np.argsort(ids)
    order[rows] = np.arange(len(ids), dtype=np.int32)
    codes = np.array(coded.indices)  # a copy: Arrow's memory may not be written to
    _look_up(order, codes, 0, out=codes)
    return codes, Vocab(ids[rows], kind=kind)
