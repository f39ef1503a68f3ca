"""Lookup of rows by what callers name: an id, an exact title, several of them, or the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Int32Array, ObjectArray
from penchant.data.vocab import Vocab
from penchant.errors import AmbiguousTitleError, ParameterError, UnknownIdError

if TYPE_CHECKING:
    from penchant.data.ingest.id_pairs import CodedColumn

__all__ = ["ItemNames", "Many", "is_many", "is_table", "joined_rows", "listed", "pair_rows"]

Many: TypeAlias = "Sequence[object] | NDArray[np.generic]"

_ALIKE_SHOWN = 5


class ItemNames:
    """Items named by their id or by their exact title; an id wins.

    Args:
        items: the ids.
        titles: the title of each row (`None` where it has none), or None where no item has one.
    """

    def __init__(self, items: Vocab, titles: ObjectArray | None) -> None:
        self._items = items
        self._rows_of: dict[object, list[int]] = {}
        for row, title in enumerate([] if titles is None else titles.tolist()):
            if title is not None:
                self._rows_of.setdefault(title, []).append(row)

    def rows(self, names: Many) -> Int32Array:
        """Row numbers of items, shape (n,).

        Raises:
            UnknownIdError: neither an id nor a title; the first is named and near ones are suggested.
            AmbiguousTitleError: a title that several items share.
        """
        rows = self._items.find(names)
        for at in np.flatnonzero(rows < 0).tolist():
            rows[at] = self._row_of_title(names[at], at if len(rows) > 1 else None)
        return rows

    def find(self, names: Many) -> Int32Array:
        """Row numbers of items, shape (n,); -1 for what is neither an id nor a title.

        Raises:
            AmbiguousTitleError: a title that several items share.
        """
        rows = self._items.find(names)
        for at in np.flatnonzero(rows < 0).tolist():
            if isinstance(names[at], str) and names[at] in self._rows_of:
                rows[at] = self._row_of_title(names[at], at if len(rows) > 1 else None)
        return rows

    def _row_of_title(self, name: object, position: int | None) -> int:
        rows = self._rows_of.get(name, []) if isinstance(name, str) else []
        if len(rows) == 1:
            return rows[0]
        if rows:
            ids = ", ".join(repr(self._items[row]) for row in rows[:_ALIKE_SHOWN])
            more = f" and {len(rows) - _ALIKE_SHOWN} more" if len(rows) > _ALIKE_SHOWN else ""
            raise AmbiguousTitleError(f"{len(rows)} items have the title {name!r}: name one by its id: {ids}{more}")
        looks_like_id = not isinstance(name, str) or name.strip().isdecimal()
        known = Vocab(self._rows_of, kind="item") if self._rows_of and not looks_like_id else self._items
        raise known.unknown(name, position)


def is_many(value: object) -> bool:
    """Whether a caller gave a list, an array or a column, rather than one id (a tuple or a str is one id)."""
    if isinstance(value, np.generic | str | bytes):
        return False
    return isinstance(value, list | range) or hasattr(value, "__array__") or hasattr(value, "__arrow_c_stream__")


def is_table(value: object) -> bool:
    """Whether a caller gave a table: a dict of columns, or anything with columns that Arrow can take over."""
    return isinstance(value, Mapping) or (hasattr(value, "__arrow_c_stream__") and hasattr(value, "columns"))


def listed(value: object) -> Many:
    """The values of a list, array or column, or the one value as a list of one.

    Raises:
        ParameterError: an array of more than one dimension.
    """
    if not is_many(value):
        return [value]
    if isinstance(value, list | range):
        return value
    array = np.asarray(value)
    if array.ndim != 1:
        raise ParameterError(f"ids in an array of shape {array.shape}: give one row of them")
    return array


def pair_rows(
    table: object, find_users: Callable[[Many], Int32Array], find_items: Callable[[Many], Int32Array]
) -> tuple[Int32Array, Int32Array]:
    """Row numbers of the users and items in a table (pandas, polars, pyarrow, a dict of columns), shape (n,) each.

    Args:
        table: with a column of users and one of items.
        find_users, find_items: such as `Vocab.indices` and `ItemNames.rows`, or what finds -1 for the unknown.

    Raises:
        ParameterError: not a table.
        ColumnError: a column is missing, or several could be meant.
        DataError: a row without a user or an item.
        UnknownIdError, AmbiguousTitleError: as the two functions.
    """
    from penchant.data.ingest.id_pairs import read_pairs

    who, what = read_pairs(table)
    return _rows_of(who, find_users), _rows_of(what, find_items)


def _rows_of(column: CodedColumn, look_up: Callable[[Many], Int32Array]) -> Int32Array:
    try:
        return look_up(column.distinct.ids)[column.codes]
    except UnknownIdError:  # once more row by row, so that the message names the right position
        return look_up(column.distinct.ids[column.codes])


def joined_rows(known: Vocab, other: Vocab, rows: Int32Array) -> tuple[int, Int32Array]:
    """Rows of a table with a vocabulary of its own as rows of a known one, ids that are new behind its last.

    This is the one rule for a foreign vocabulary: whoever is new is cold, and gets a row of their own.

    Args:
        known: the vocabulary of a recommender.
        other: that of the table.
        rows: row numbers of `other`, shape (n,).

    Returns:
        How many rows there are then, and the rows, shape (n,).
    """
    if known is other:
        return len(known), rows
    found = known.find(other.ids)
    used = np.bincount(rows, minlength=len(other)) > 0
    new = (found < 0) & used
    found[new] = len(known) + np.arange(int(new.sum()), dtype=np.int32)
    return len(known) + int(new.sum()), found[rows]
