"""Pairs to predict, from a file: users and items, one pair a row."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from penchant.cli.output import note
from penchant.cli.typed_ids import match_ids
from penchant.errors import ColumnError, DataError

if TYPE_CHECKING:
    from penchant.data.tables import Batch, BrokenRow, Table
    from penchant.recommender.recommender import Recommender

__all__ = ["read_pairs"]

Pairs = tuple[list[Hashable], list[Hashable]]


def read_pairs(path: str, recommender: Recommender) -> Pairs:
    """Users and items of the table in a file, as the recommender's own ids where only the type differs.

    Columns are recognised as in a table of ratings; of two columns that can't be recognised, the first is the user.

    Raises:
        ColumnError: no user or no item column.
        DataError: a row without a user or without an item, or one that can't be read.
        SourceError: there is no such file.
    """
    from penchant.data.tables import Rescan, open_files

    table = open_files(path)
    user, item = _columns(table)
    while True:
        try:
            users, items = _scan(table, user, item)
            break
        except Rescan:  # an id such as "A7" far down: the column is text after all
            continue
    return match_ids(users, recommender.users), match_ids(items, recommender.items)


def _columns(table: Table) -> tuple[str, str]:
    from penchant.data.ingest.recognise import recognise

    try:
        found = [recognise(table.names, role, None, table.label) for role in ("user", "item")]
    except ColumnError as error:
        if len(table.names) == 2:
            note(f"{table.label}: taken {table.names[0]!r} as the user and {table.names[1]!r} as the item")
            return table.names[0], table.names[1]
        raise ColumnError(
            f"{table.label} has the columns {', '.join(table.names)}: call one of them user and one of them item"
        ) from error
    user, item = (taken.name for taken in found if taken is not None)
    return user, item


def _scan(table: Table, user: str, item: str) -> Pairs:
    def values(batch: Batch) -> tuple[int, Sequence[BrokenRow], Pairs]:
        size = batch.n_rows + len(batch.broken)
        return size, batch.broken, (_listed(batch, user), _listed(batch, item))

    users: list[Hashable] = []
    items: list[Hashable] = []
    read = 0
    for size, broken, (some_users, some_items) in table.scan({user: "id", item: "id"}, values):
        if broken:
            row = read + broken[0].row
            raise DataError(f"row {row}{table.locate(row)} can't be read: {broken[0].reason}")
        users += some_users
        items += some_items
        read += size
    for name, column in ((user, users), (item, items)):
        if None in column:
            row = column.index(None)
            raise DataError(f"row {row}{table.locate(row)} has no {name}: every pair needs a user and an item")
    return users, items


def _listed(batch: Batch, name: str) -> list[Hashable]:
    column = batch.columns[name]
    values: list[Hashable] = column.to_pylist() if hasattr(column, "to_pylist") else column.tolist()
    return [None if value == "" else value for value in values] if batch.is_text else values
