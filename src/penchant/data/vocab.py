"""Vocab: the mapping of the caller's ids to row numbers and back, the one place where the two meet."""

from __future__ import annotations

import difflib
import itertools
import numbers
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Int32Array, Int64Array, ObjectArray
from penchant.errors import DataError, UnknownIdError
from penchant.text import counted

__all__ = ["Vocab"]

_SUGGESTIONS = 3
_FUZZY_LIMIT = 20_000  # difflib compares letter by letter: beyond this many ids only a shortlist is compared
_TABLE_SLACK = 8  # a direct look-up table may hold this many slots an id (plus 65,536) before we search instead


class Vocab:
    """Distinct ids in a fixed order: row number `i` stands for `ids[i]`. Frozen.

    Ids keep their type: an int comes back as an int, a UUID as a UUID. Integers that fit 64 bits are kept as one
    int64 array, all else as Python objects.

    Args:
        ids: distinct hashable ids, in row order.
        kind: "user" or "item" (default "item"), for error messages.

    Raises:
        DataError: an id occurs twice.

    >>> users = Vocab(["ann", "bob"], kind="user")
    >>> users.index("bob"), users[0], len(users)
    (1, 'ann', 2)
    >>> users.index("bobb")
    Traceback (most recent call last):
    penchant.errors.UnknownIdError: no user 'bobb'; did you mean 'bob'?
    """

    __slots__ = ("_dict", "_ids", "_sparse", "_table", "kind")

    def __init__(self, ids: Iterable[Hashable] | NDArray[np.generic], *, kind: str = "item") -> None:
        self.kind = kind
        self._ids: Int64Array | ObjectArray = _pack(ids)
        self._ids.flags.writeable = False
        self._dict: dict[Hashable, int] | None = None
        self._table: tuple[int, Int32Array] | None = None
        self._sparse: tuple[Int32Array, Int64Array, Int32Array] | None = None
        repeated = _repeats(self._ids) if self.is_integer else len(self._ids) - len(self._positions())
        if repeated:
            raise DataError(
                f"a vocabulary needs distinct {kind} ids: {repeated} of {len(self._ids)} are repeated "
                "(or equal in Python, as 1 and True are)"
            )

    @property
    def ids(self) -> Int64Array | ObjectArray:
        """All ids in row order, read-only: int64 where they are integers, else Python objects."""
        return self._ids

    @property
    def is_integer(self) -> bool:
        """Whether the ids are kept as one int64 array."""
        return self._ids.dtype == np.int64

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._ids.tolist())

    def __getitem__(self, row: int) -> Hashable:
        value: Hashable = self._ids[row]
        return value.item() if isinstance(value, np.generic) else value

    def __contains__(self, value: object) -> bool:
        return self._find_one(value) >= 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocab):
            return NotImplemented
        return self is other or (
            self._ids.dtype == other._ids.dtype and len(self) == len(other) and bool((self._ids == other._ids).all())
        )

    __hash__ = None  # type: ignore[assignment]  # equality is by content, and content is large

    def __repr__(self) -> str:
        shown = ", ".join(repr(value) for value in self._ids[:3].tolist())
        return f"Vocab({counted(len(self), f'{self.kind} id')}: {shown}{', ...' if len(self) > 3 else ''})"

    def index(self, value: object) -> int:
        """Row number of one id.

        Raises:
            UnknownIdError: the id is not here; the message names it and suggests near ones.
        """
        row = self._find_one(value)
        if row < 0:
            raise self.unknown(value)
        return row

    def indices(self, values: Sequence[object] | NDArray[np.generic]) -> Int32Array:
        """Row numbers of many ids, shape (n,).

        Raises:
            UnknownIdError: at least one id is not here; the message names the first one and its position.
        """
        rows = self.find(values)
        if (rows < 0).any():
            where = int(np.argmax(rows < 0))
            raise self.unknown(list(values)[where], where if len(rows) > 1 else None)
        return rows

    def unknown(self, value: object, position: int | None = None) -> UnknownIdError:
        """The error that says that an id is not here, and suggests near ones.

        Args:
            value: what was asked for.
            position: its place among several, told in the message; None (default) where there is but one.
        """
        value = value.item() if isinstance(value, np.generic) else value
        place = "" if position is None else f" at position {position}"
        message = f"no {self.kind} {value!r}{place}"
        close = self._near(value)
        if len(close) == 1 and str(close[0]) == str(value):
            message += f": ids here are of type {type(close[0]).__name__}, so ask for {close[0]!r}"
        elif close:
            message += f"; did you mean {', '.join(repr(near) for near in close)}?"
        elif self.is_integer and len(self) and not isinstance(value, numbers.Real):
            message += f": ids here are whole numbers, such as {self[0]!r}"
        return UnknownIdError(message)

    def find(self, values: Sequence[object] | NDArray[np.generic]) -> Int32Array:
        """Row numbers of many ids, shape (n,); -1 where an id is not here."""
        if isinstance(values, np.ndarray) and values.dtype.kind in "iu" and self.is_integer:
            return self._find_integers(values)
        listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
        types = set(map(type, listed))
        if self.is_integer and types == {int}:
            numbers = np.array(listed)  # int64, or larger numbers as floats or objects
            if numbers.dtype == np.int64:
                return self._find_integers(numbers)
        if types == {str}:  # equal to nothing but the same text: no need to look at types one by one
            found = map(self._positions().get, listed, itertools.repeat(-1))
            return np.fromiter(found, dtype=np.int32, count=len(listed))
        return np.fromiter((self._find_one(value) for value in listed), dtype=np.int32, count=len(listed))

    def _find_integers(self, values: NDArray[np.generic]) -> Int32Array:
        """Row numbers of integers: from a table of all numbers between the ids, or of their hashes."""
        if len(self) == 0 or values.size == 0:
            return np.full(values.size, -1, dtype=np.int32)
        if values.dtype == np.uint64 and int(values.max()) > 2**63 - 1:
            too_large = values > np.uint64(2**63 - 1)
            return np.where(too_large, -1, self._find_integers(np.where(too_large, 0, values))).astype(np.int32)
        numbers: Int64Array = values.astype(np.int64, copy=False)
        low, table = self._lookup_table()
        if len(table):
            inside = (numbers >= low) & (numbers < low + len(table))
            if inside.all():
                return np.take(table, numbers - low)
            return np.where(inside, table[np.where(inside, numbers, low) - low], -1).astype(np.int32)
        return self._find_sparse(numbers)

    def _find_sparse(self, numbers: Int64Array) -> Int32Array:
        """Row numbers of integers that are far apart. All that it looks in is made once and kept.

        A number's hash says at which id to look. Where another id is there (two ids with one hash, or a number that
        is no id), it is looked for among the sorted ids by bisection.
        """
        ids: Int64Array = self._ids  # type: ignore[assignment]  # only called where they are integers
        if self._sparse is None:
            order = np.argsort(ids).astype(np.int32)
            bits = (len(ids) * _TABLE_SLACK).bit_length()
            table = np.zeros(1 << bits, dtype=np.int32)
            table[_hashes(ids, bits)] = np.arange(len(ids), dtype=np.int32)
            self._sparse = order, ids[order], table
        order, rising, table = self._sparse
        rows = np.take(table, _hashes(numbers, len(table).bit_length() - 1))
        other = np.flatnonzero(np.take(ids, rows) != numbers)
        if len(other):
            wanted = numbers[other]
            at = np.minimum(np.searchsorted(rising, wanted), len(self) - 1)
            rows[other] = np.where(rising[at] == wanted, order[at], -1)
        return rows

    def _lookup_table(self) -> tuple[int, Int32Array]:
        if self._table is None:
            low, high = int(self._ids.min()), int(self._ids.max())
            if high - low < _TABLE_SLACK * len(self) + 65_536:
                table = np.full(high - low + 1, -1, dtype=np.int32)
                table[self._ids - low] = np.arange(len(self), dtype=np.int32)
            else:
                table = np.empty(0, dtype=np.int32)
            self._table = (low, table)
        return self._table

    def _positions(self) -> dict[Hashable, int]:
        if self._dict is None:
            self._dict = {value: row for row, value in enumerate(self._ids.tolist())}
        return self._dict

    def _find_one(self, value: object) -> int:
        if isinstance(value, np.generic):
            value = value.item()
        try:
            row = self._positions().get(value, -1)
        except TypeError:  # not hashable, so not an id
            return -1
        # 1 == 1.0 == True for a dict; an id of another type is another id.
        return row if row >= 0 and _same_kind(value, self[row]) else -1

    def _near(self, value: object) -> list[Hashable]:
        """Ids that the caller may have meant: the same text in another type, else the nearest."""
        if isinstance(value, str) and self.is_integer:
            stripped = value.strip()
            same = int(stripped) if re.fullmatch(r"[+-]?[0-9]{1,18}", stripped) else None
            return [same] if same is not None and same in self._positions() else []
        if self.is_integer:
            if not isinstance(value, int | float) or len(self) == 0 or not -(2.0**70) < value < 2.0**70:
                return []  # NaN is in no range
            nearest = np.argsort(np.abs(self._ids.astype(np.float64) - float(value)), kind="stable")[:_SUGGESTIONS]
            return [self[int(row)] for row in nearest]
        texts = [str(known) for known in self._ids.tolist()]
        if str(value) in texts:
            return [self[texts.index(str(value))]]
        return [self[row] for row in _nearest_texts(str(value), texts)]


def _nearest_texts(wanted: str, texts: Sequence[str]) -> list[int]:
    """Places of the texts that hold what is wanted, in any case, else of those with most letters in common."""
    wanted = wanted.casefold()
    folded = [text.casefold() for text in texts]
    rows = [row for row, text in enumerate(folded) if wanted and wanted in text][:_SUGGESTIONS]
    if not rows:
        pool = folded if len(folded) <= _FUZZY_LIMIT else [text for text in folded if text[:2] == wanted[:2]]
        close = difflib.get_close_matches(wanted, pool[:_FUZZY_LIMIT], n=_SUGGESTIONS)
        rows = [folded.index(text) for text in dict.fromkeys(close)]
    return rows


def _pack(ids: Iterable[Hashable] | NDArray[np.generic]) -> Int64Array | ObjectArray:
    if isinstance(ids, np.ndarray):
        if ids.dtype.kind in "iu" and not (ids.dtype == np.uint64 and ids.size and int(ids.max()) > 2**63 - 1):
            return ids.astype(np.int64)
        ids = ids.tolist()
    listed = list(ids)
    if listed and all(type(value) is int and -(2**63) <= value < 2**63 for value in listed):
        return np.array(listed, dtype=np.int64)
    packed = np.empty(len(listed), dtype=np.object_)
    for row, value in enumerate(listed):  # element by element: numpy would unpack tuples
        packed[row] = value.item() if isinstance(value, np.generic) else value
    return packed


def _hashes(numbers: Int64Array, bits: int) -> NDArray[np.intp]:
    """The highest bits of a product with 2^64 over the golden ratio, which lie far apart for neighbouring numbers."""
    products = numbers.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # modulo 2^64
    return (products >> np.uint64(64 - bits)).astype(np.intp)


def _repeats(ids: Int64Array | ObjectArray) -> int:
    # Not np.unique: it imports numpy.ma, which takes as long as loading a whole model.
    ordered = np.sort(ids)
    return int((ordered[1:] == ordered[:-1]).sum())


def _same_kind(asked: object, known: object) -> bool:
    """Whether values that Python calls equal are of one type too."""
    if isinstance(asked, tuple) and isinstance(known, tuple):
        return all(map(_same_kind, asked, known))
    if isinstance(asked, bool) or isinstance(known, bool):
        return isinstance(asked, bool) and isinstance(known, bool)
    if isinstance(known, numbers.Integral):
        return isinstance(asked, numbers.Integral)
    return isinstance(asked, type(known))
