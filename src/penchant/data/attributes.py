"""Attributes: columns of what is known of each item or user besides its ratings (title, year, genres, age, ...)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import cast

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import ObjectArray
from penchant.errors import DataError
from penchant.text import counted

__all__ = ["Attributes"]


class Attributes(Mapping[str, NDArray[np.generic]]):
    """Named columns, one value a row of a vocabulary. Frozen.

    A column is one of four kinds, told by its array:
        float64 (missing = nan) | int64 | objects that are `str` or None | objects that are tuples of `str`
    The last is for multi-valued fields such as genres; an unknown row has the empty tuple. Columns are copied.

    Args:
        columns: name -> array of `n_rows` values.
        n_rows: rows of the vocabulary.

    Raises:
        DataError: a column has another length, or values of another kind.

    >>> films = Attributes({"title": np.array(["Alien", None], dtype=object), "year": np.array([1979, 1982])}, n_rows=2)
    >>> list(films), films["year"].tolist()
    (['title', 'year'], [1979, 1982])
    """

    __slots__ = ("_columns", "n_rows")

    def __init__(self, columns: Mapping[str, NDArray[np.generic]] | None = None, *, n_rows: int) -> None:
        self.n_rows = n_rows
        self._columns: dict[str, NDArray[np.generic]] = {}
        for name, column in (columns or {}).items():
            if len(column) != n_rows:
                raise DataError(f"attribute {name!r} has {counted(len(column), 'value')} for {counted(n_rows, 'row')}")
            self._columns[name] = _checked(name, column)
            self._columns[name].flags.writeable = False

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def titles(self) -> ObjectArray | None:
        """The column "title": a `str` or None a row; None where there is no such column, or it holds numbers."""
        column = self._columns.get("title")
        return cast("ObjectArray", column) if column is not None and column.dtype == np.object_ else None

    def __repr__(self) -> str:
        return f"Attributes({', '.join(self._columns) or 'none'}; {counted(self.n_rows, 'row')})"


def _checked(name: str, column: NDArray[np.generic]) -> NDArray[np.generic]:
    """A copy of a column, as one of the four kinds."""
    if column.dtype.kind in "iub":
        return column.astype(np.int64)
    if column.dtype.kind == "f":
        return column.astype(np.float64)
    if column.dtype.kind == "U":
        return column.astype(np.object_)
    if column.dtype != np.object_:
        raise DataError(f"attribute {name!r} is of type {column.dtype}: use numbers, str or tuples of str")
    if not _of_one_kind(column.tolist()):
        is_good = _is_strings if any(type(value) is tuple for value in column) else _is_text
        odd = next(value for value in column if not is_good(value))
        raise DataError(f"attribute {name!r} holds {odd!r}: use numbers, or str or None, or tuples of str")
    return column.copy()


def _of_one_kind(values: Sequence[object]) -> bool:
    """Whether all are `str` or None, or all are tuples of `str`.

    Told by sets of types, which are gathered without a step of Python for each value: every loaded model comes by here.
    """
    kinds = set(map(type, values))
    if kinds == {tuple}:
        return set(map(type, chain.from_iterable(cast("Sequence[tuple[object, ...]]", values)))) <= {str}
    return kinds <= {str, type(None)}


def _is_text(value: object) -> bool:
    return value is None or type(value) is str


def _is_strings(value: object) -> bool:
    return type(value) is tuple and all(type(part) is str for part in value)
