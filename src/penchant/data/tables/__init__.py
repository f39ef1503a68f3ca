"""Tables of any kind, behind one protocol: names, and batches of the columns that are asked for.

A table in memory (`MemoryTable`) or in files (`DelimitedTable`, `JsonLinesTable`, `ParquetTable`, `ArrowFileTable`,
several of them as one `FilesTable`) is read in batches, so that a file never is in memory twice. To read another kind
of source, write a class with the methods of `Table` and give it to `penchant.data.ingest.pipeline.ingest`.
"""

from __future__ import annotations

from penchant.data.tables.files import FilesTable, open_files
from penchant.data.tables.memory import MemoryTable, is_table
from penchant.data.tables.table import Batch, BrokenRow, Column, Kind, Rescan, Table

__all__ = [
    "Batch",
    "BrokenRow",
    "Column",
    "FilesTable",
    "Kind",
    "MemoryTable",
    "Rescan",
    "Table",
    "is_table",
    "open_files",
]
