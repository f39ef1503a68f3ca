"""Reader of user-item pairs without ratings, which treats ids as the reader of ratings does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.arrays.types import Int32Array
from penchant.data.ingest.faults import Fault
from penchant.data.ingest.id_codes import BatchIds, IdColumn, ids_of
from penchant.data.ingest.recognise import recognise
from penchant.data.tables import Batch, MemoryTable
from penchant.data.vocab import Vocab
from penchant.errors import ColumnError, DataError

__all__ = ["CodedColumn", "read_pairs"]


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column of ids: row r holds `distinct[codes[r]]`; each id is looked up once, however often it occurs."""

    codes: Int32Array
    distinct: Vocab


def read_pairs(data: object) -> tuple[CodedColumn, CodedColumn]:
    """The user and the item column of a table in memory, as `Ratings.from_frame` takes them.

    Raises:
        ParameterError: not a table.
        ColumnError: a column is missing, or several could be meant.
        DataError: a row without a user or an item; columns of different lengths.
    """
    table = MemoryTable(data, label="the table of pairs")
    try:
        user = recognise(table.names, "user", None, table.label).name
        item = recognise(table.names, "item", None, table.label).name
    except ColumnError as error:
        raise ColumnError(
            f"{table.label} has the columns {', '.join(table.names)}: call one of them user_id and one of them item_id"
        ) from error

    def work(batch: Batch) -> tuple[int, list[tuple[BatchIds, list[Fault]]]]:
        return batch.n_rows, [ids_of(batch.columns[name]) for name in (user, item)]

    columns = [IdColumn(kind, capacity=table.estimated_rows()) for kind in ("user", "item")]
    n_rows = 0
    for length, found in table.scan({user: "id", item: "id"}, work):
        for column, (ids, faults) in zip(columns, found, strict=True):
            if faults:
                row = n_rows + int(np.argmax(faults[0].rows))
                raise DataError(f"row {row} of {table.label}: the {column.kind} id is {faults[0].reason}")
            column.extend(ids)
        n_rows += length
    users, items = (CodedColumn(*column.finish()) for column in columns)
    return users, items
