"""Columns of a model file: ids, attributes and training ratings as plain arrays, and back.

Texts are kept as Arrow keeps them: all their UTF-8 bytes in one array and, in another, where each begins. Each
`write_` function puts arrays under a prefix into a mapping and returns the column's type; each `read_` function takes
that type and the arrays. A reader trusts nothing: missing arrays, other types, offsets that do not rise, rows out of
range, bytes that are no text raise `FormatError`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.seen_ratings import SeenRatings
from penchant.data.attributes import Attributes
from penchant.data.vocab import Vocab
from penchant.errors import DataError, FormatError
from penchant.storage.id_json import ids_from_json, ids_to_json
from penchant.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penchant.arrays.types import Int64Array, ObjectArray

__all__ = ["Arrays", "read_attributes", "read_seen", "read_vocab", "write_attributes", "write_seen", "write_vocab"]

Arrays: TypeAlias = dict[str, NDArray[np.generic]]
_T = TypeVar("_T", bound=np.generic)

_CODES = 256  # distinct ratings that one byte can number
_SMALL = 2**16  # items that two bytes can number


# -- ids --


def write_vocab(prefix: str, vocab: Vocab, arrays: Arrays) -> str:
    """Put ids among the arrays; returns their type, "int64", "str", "uuid" or "json".

    Args:
        prefix: what the arrays' names begin with.
        vocab: the ids.
        arrays: where the arrays go.

    Raises:
        UnsupportedError: an id is of a type that a file can't hold; the message names it.
    """
    if vocab.is_integer:
        arrays[f"{prefix}.ids"] = vocab.ids
        return "int64"
    ids = vocab.ids.tolist()
    types = {f"{kind.__module__}.{kind.__qualname__}" for kind in set(map(type, ids))}
    if types <= {"builtins.str"}:
        try:
            _write_texts(f"{prefix}.ids", ids, arrays)
        except UnicodeEncodeError:  # half of a surrogate pair: JSON can write it, UTF-8 can't
            pass
        else:
            return "str"
    if types == {"uuid.UUID"}:
        packed = b"".join(value.bytes for value in ids)
        arrays[f"{prefix}.ids"] = np.frombuffer(packed, dtype=np.uint8).reshape(len(ids), 16)
        return "uuid"
    arrays[f"{prefix}.ids"] = np.frombuffer(ids_to_json(ids, vocab.kind).encode("ascii"), dtype=np.uint8)
    return "json"


def read_vocab(prefix: str, kind: str, type_: str, arrays: Arrays) -> Vocab:
    """The ids that `write_vocab` put there.

    Args:
        prefix: what the arrays' names begin with.
        kind: "user" or "item".
        type_: what `write_vocab` returned.
        arrays: the arrays of the file.

    Raises:
        FormatError: they are not what `type_` says, or one occurs twice.
    """
    name = f"{prefix}.ids"
    try:
        return Vocab(_ids(name, type_, arrays), kind=kind)
    except DataError as error:
        raise FormatError(f"{prefix}: {error}") from error


def _ids(name: str, type_: str, arrays: Arrays) -> Int64Array | Sequence[object]:
    if type_ == "int64":
        return _take(arrays, name, np.int64)
    if type_ == "str":
        return _read_texts(name, arrays)
    if type_ == "uuid":
        from uuid import UUID

        packed = _take(arrays, name, np.uint8, ndim=2)
        if packed.shape[1] != 16:
            raise FormatError(f"array {name!r} has rows of {packed.shape[1]} bytes; a UUID has 16")
        raw = packed.tobytes()
        return [UUID(bytes=raw[at : at + 16]) for at in range(0, len(raw), 16)]
    if type_ == "json":
        return ids_from_json(_take(arrays, name, np.uint8).tobytes(), name)
    raise FormatError(f"ids of type {type_!r}; the format knows int64, str, uuid and json")


# -- attributes --


def write_attributes(prefix: str, attributes: Attributes, arrays: Arrays) -> list[tuple[str, str]]:
    """Put columns among the arrays; returns (name, type) of each, in order.

    Args:
        prefix: what the arrays' names begin with; then comes the column's number.
        attributes: the columns.
        arrays: where the arrays go.

    Raises:
        DataError: a text holds half of a surrogate pair, which UTF-8 can't.
    """
    described = []
    for number, (name, column) in enumerate(attributes.items()):
        try:
            described.append((name, _write_column(f"{prefix}.{number}", column, arrays)))
        except UnicodeEncodeError as error:
            raise DataError(f"attribute {name!r} holds a text that UTF-8 can't: {error}") from error
    return described


def _write_column(prefix: str, column: NDArray[np.generic], arrays: Arrays) -> str:
    if column.dtype != np.object_:
        arrays[f"{prefix}.values"] = column
        return "int64" if column.dtype == np.int64 else "float64"
    values = column.tolist()
    if not any(isinstance(value, tuple) for value in values):  # `Attributes` lets in nothing but these two
        _write_texts(f"{prefix}.values", values, arrays)
        return "str"
    arrays[f"{prefix}.rows"] = _starts([len(value) for value in values])
    _write_texts(f"{prefix}.values", [text for value in values for text in value], arrays)
    return "tuple"


def read_attributes(prefix: str, described: Sequence[tuple[str, str]], n_rows: int, arrays: Arrays) -> Attributes:
    """The columns that `write_attributes` put there.

    Args:
        prefix: what the arrays' names begin with.
        described: what `write_attributes` returned.
        n_rows: how many rows each column must have.
        arrays: the arrays of the file.

    Raises:
        FormatError: they are not what `described` says.
    """
    columns = {}
    for number, (name, type_) in enumerate(described):
        columns[name] = _read_column(f"{prefix}.{number}", type_, n_rows, arrays)
    if len(columns) != len(described):
        raise FormatError(f"{prefix} names a column twice")
    return Attributes(columns, n_rows=n_rows)


def _read_column(prefix: str, type_: str, n_rows: int, arrays: Arrays) -> NDArray[np.generic]:
    name = f"{prefix}.values"
    if type_ in ("int64", "float64"):
        column: NDArray[np.generic] = _take(arrays, name, np.int64 if type_ == "int64" else np.float64)
    elif type_ == "str":
        column = _objects(_read_texts(name, arrays))
    elif type_ == "tuple":
        column = _objects(_read_tuples(prefix, arrays))
    else:
        raise FormatError(f"{prefix} is of type {type_!r}; the format knows int64, float64, str and tuple")
    if len(column) != n_rows:
        raise FormatError(f"{prefix} has {counted(len(column), 'value')} for {counted(n_rows, 'row')}")
    return column


def _read_tuples(prefix: str, arrays: Arrays) -> list[tuple[str | None, ...]]:
    texts = _read_texts(f"{prefix}.values", arrays)
    if None in texts:
        raise FormatError(f"array '{prefix}.values' lacks a text inside a tuple")
    rows = _offsets(arrays, f"{prefix}.rows", len(texts)).tolist()
    shared: dict[tuple[str | None, ...], tuple[str | None, ...]] = {}  # films of the same genres share one tuple
    made = (tuple(texts[begin:end]) for begin, end in pairwise(rows))
    return [shared.setdefault(value, value) for value in made]


# -- training ratings --


def write_seen(prefix: str, seen: SeenRatings, n_items: int, arrays: Arrays) -> None:
    """Put training ratings among the arrays, without loss: mostly three bytes a rating instead of eight.

    Args:
        prefix: what the arrays' names begin with.
        seen: the ratings.
        n_items: number of item rows; up to 65,536 are numbered in two bytes.
        arrays: where the arrays go.
    """
    arrays[f"{prefix}.indptr"] = seen.indptr
    arrays[f"{prefix}.item_idx"] = seen.item_idx.astype(np.uint16) if n_items <= _SMALL else seen.item_idx
    # Bit patterns, not numbers, so that 0.0 and -0.0 stay two values.
    values, codes = np.unique(seen.rating.view(np.uint32), return_inverse=True)
    if len(values) <= _CODES:
        arrays[f"{prefix}.rating_values"] = values.view(np.float32)
        arrays[f"{prefix}.rating"] = codes.astype(np.uint8)
    else:
        arrays[f"{prefix}.rating"] = seen.rating


def read_seen(prefix: str, n_users: int, n_items: int, arrays: Arrays) -> SeenRatings:
    """The training ratings that `write_seen` put there.

    Args:
        prefix: what the arrays' names begin with.
        n_users: number of rows that there must be.
        n_items: each item must be less.
        arrays: the arrays of the file.

    Raises:
        FormatError: they are not `n_users` rows of ascending items below `n_items`, each with a finite rating.
    """
    stored = _take(arrays, f"{prefix}.item_idx", np.uint16, np.int32)
    item_idx = stored.astype(np.int32, copy=False)
    indptr = _offsets(arrays, f"{prefix}.indptr", len(item_idx))
    rating = _ratings(prefix, arrays)
    if len(indptr) != n_users + 1 or len(rating) != len(item_idx):
        raise FormatError(f"{prefix}: {len(indptr) - 1} rows of {len(item_idx)} items and {len(rating)} ratings")
    if len(item_idx):
        if int(item_idx.min()) < 0 or int(item_idx.max()) >= n_items:
            raise FormatError(f"{prefix}: a row number of an item is not 0 to {n_items - 1}")
        rises = item_idx[1:] > item_idx[:-1]
        rises[indptr[(indptr > 0) & (indptr < len(item_idx))] - 1] = True  # a user's first item may be any
        if not rises.all():
            raise FormatError(f"{prefix}: the items of a user do not rise")
    return SeenRatings(indptr, item_idx, rating)


def _ratings(prefix: str, arrays: Arrays) -> NDArray[np.float32]:
    name = f"{prefix}.rating"
    coded = _take(arrays, name, np.uint8, np.float32).dtype == np.uint8
    values = _take(arrays, f"{name}_values" if coded else name, np.float32)
    if not np.isfinite(values).all():
        raise FormatError(f"{prefix}: a rating is not finite")
    if not coded:
        return values
    codes = _take(arrays, name, np.uint8)
    if len(codes) and int(codes.max()) >= len(values):
        raise FormatError(f"{prefix}: a rating's code is not 0 to {len(values) - 1}")
    return values.take(codes)


# -- texts --


def _write_texts(name: str, texts: Sequence[str | None], arrays: Arrays) -> None:
    """UTF-8 bytes in `name`, where each text begins in `name.starts`, and `name.missing` where some are None."""
    encoded = [b"" if text is None else text.encode("utf-8") for text in texts]
    arrays[f"{name}.starts"] = _starts([len(text) for text in encoded])
    if None in texts:
        arrays[f"{name}.missing"] = np.array([text is None for text in texts], dtype=np.bool_)
    arrays[name] = np.frombuffer(b"".join(encoded), dtype=np.uint8)


def _read_texts(name: str, arrays: Arrays) -> list[str | None]:
    raw = _take(arrays, name, np.uint8).tobytes()
    starts = _offsets(arrays, f"{name}.starts", len(raw)).tolist()
    spans = pairwise(starts)
    try:
        if raw.isascii():  # then a letter is a byte, and one decoding serves all
            whole = raw.decode("ascii")
            texts: list[str | None] = [whole[begin:end] for begin, end in spans]
        else:
            texts = [raw[begin:end].decode("utf-8") for begin, end in spans]
    except UnicodeDecodeError as error:
        raise FormatError(f"array {name!r} holds bytes that are not UTF-8: {error}") from error
    if f"{name}.missing" in arrays:
        missing = _take(arrays, f"{name}.missing", np.bool_)
        if len(missing) != len(texts):
            raise FormatError(f"array '{name}.missing' has {len(missing)} values for {len(texts)} texts")
        for row in np.flatnonzero(missing).tolist():
            if texts[row]:
                raise FormatError(f"array {name!r} has a text in row {row}, which is marked as missing")
            texts[row] = None
    return texts


def _objects(values: Sequence[object]) -> ObjectArray:
    return np.fromiter(values, dtype=np.object_, count=len(values))  # np.array would unpack tuples


def _starts(lengths: Sequence[int]) -> Int64Array:
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _offsets(arrays: Arrays, name: str, end: int) -> Int64Array:
    """An array of int64 that rises from 0 to `end`, equal neighbours allowed."""
    offsets = _take(arrays, name, np.int64)
    # Compared, not subtracted: a difference of hostile numbers may overflow into a small one.
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != end or not (offsets[1:] >= offsets[:-1]).all():
        raise FormatError(f"array {name!r} does not rise from 0 to {end}")
    return offsets


def _take(arrays: Arrays, name: str, *dtypes: type[_T], ndim: int = 1) -> NDArray[_T]:
    """An array of one of some types."""
    if name not in arrays:
        raise FormatError(f"array {name!r} is missing")
    array = arrays[name]
    if array.ndim != ndim or all(array.dtype != dtype for dtype in dtypes):
        wanted = " or ".join(dtype.__name__ for dtype in dtypes)
        raise FormatError(f"array {name!r} is {array.dtype}{array.shape}, not {wanted} of {ndim} dimension(s)")
    return array  # type: ignore[return-value]  # checked above
