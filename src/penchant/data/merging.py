"""Merging of vocabularies: two tables that were read apart, with the ids and attributes of both."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Int32Array
from penchant.data.attributes import Attributes
from penchant.data.interactions import Table
from penchant.data.vocab import Vocab
from penchant.errors import DataError

__all__ = ["in_one_vocabulary"]


def in_one_vocabulary(train: Table, test: Table) -> tuple[Table, Table]:
    """Two tables of the same kind as they are when one pair of vocabularies holds the ids of both.

    Ids get a row in sorted order where ids can be sorted, else those of `train` first; attributes that both tables
    know are taken from `train`.

    Raises:
        DataError: the ids of one table are integers and those of the other are not, or an attribute is a number in one
            and a text in the other.
    """
    users, items = _merged_vocab(train.users, test.users), _merged_vocab(train.items, test.items)
    user_attributes = _merged_attributes(users, train.users, train.user_attributes, test.users, test.user_attributes)
    item_attributes = _merged_attributes(items, train.items, train.item_attributes, test.items, test.item_attributes)

    def moved(part: Table) -> Table:
        return part.replaced(
            user_idx=users.indices(part.users.ids)[part.user_idx],
            item_idx=items.indices(part.items.ids)[part.item_idx],
            users=users,
            items=items,
            user_attributes=user_attributes,
            item_attributes=item_attributes,
        )

    return moved(train.widened(test)), moved(test.widened(train))


def _merged_vocab(train: Vocab, test: Vocab) -> Vocab:
    """Ids of both parts: in sorted order where ids can be sorted, else those of `train` first.

    Raises:
        DataError: the ids of one part are integers and those of the other are not.
    """
    if train.is_integer != test.is_integer and len(train) and len(test):
        raise DataError(
            f"{train.kind} ids of the training part are like {train[0]!r} and those of the test part like {test[0]!r}: "
            "read both parts with ids of the same type"
        )
    if train.is_integer and test.is_integer:
        return Vocab(np.union1d(train.ids, test.ids), kind=train.kind)
    ids: list[Hashable] = list(dict.fromkeys([*train, *test]))
    with contextlib.suppress(TypeError):  # ids of several types have no order: they stay as they came
        ids.sort()  # type: ignore[call-arg]
    return Vocab(ids, kind=train.kind)


def _merged_attributes(
    merged: Vocab, train: Vocab, of_train: Attributes, test: Vocab, of_test: Attributes
) -> Attributes:
    """Attributes of a merged vocabulary; a row that is in both takes those of the training part."""
    sources = [(of_test, test), (of_train, train)]  # the later one overwrites
    columns = {}
    for name in dict.fromkeys([*of_train, *of_test]):
        parts = [(attributes[name], merged.indices(vocab.ids)) for attributes, vocab in sources if name in attributes]
        columns[name] = _scattered(name, parts, len(merged))
    return Attributes(columns, n_rows=len(merged))


def _scattered(name: str, parts: list[tuple[NDArray[np.generic], Int32Array]], n_rows: int) -> NDArray[np.generic]:
    """Columns of parts in one column of `n_rows`; rows that no part knows are nan, None or the empty tuple."""
    kinds = {column.dtype == np.object_ for column, _ in parts}
    if len(kinds) > 1:
        raise DataError(f"attribute {name!r} is a number in one part and a text in the other")
    known = np.zeros(n_rows, dtype=np.bool_)
    for _, rows in parts:
        known[rows] = True
    if kinds == {True}:
        many = any(isinstance(value, tuple) for column, _ in parts for value in column[:1])
        merged = np.empty(n_rows, dtype=np.object_)
        for row in np.flatnonzero(~known):
            merged[row] = () if many else None
    elif known.all() and all(column.dtype == np.int64 for column, _ in parts):
        merged = np.empty(n_rows, dtype=np.int64)
    else:
        merged = np.full(n_rows, np.nan)
    for column, rows in parts:
        merged[rows] = column
    return merged
