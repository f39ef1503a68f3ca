"""Table protocol, what every kind of table offers: names, and batches of the columns that are asked for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar

import pyarrow as pa

from penchant.arrays.types import ObjectArray

__all__ = ["Batch", "BrokenRow", "Column", "Kind", "Rescan", "Table", "in_order", "worker_count"]

Column: TypeAlias = pa.ChunkedArray | ObjectArray
"""Part of a column: an Arrow array where the values have an Arrow type, else Python objects (None = missing)."""

Kind: TypeAlias = Literal["id", "number", "time", "any"]
"""What a column is needed for; it steers how text is parsed. "any" leaves the type to Arrow."""

T = TypeVar("T")
S = TypeVar("S")
_MOST_WORKERS = 8  # beyond this many, memory for batches in flight costs more than parsing gains


@dataclass(frozen=True)
class BrokenRow:
    """A row that could not be split into columns, such as a line with too few fields.

    Attributes:
        row: its number in the batch.
        reason: what is wrong, after "the line ".
        is_fatal: whether rows below it can't be told from it, so that it can't be left out alone.
    """

    row: int
    reason: str
    is_fatal: bool = False


@dataclass(frozen=True)
class Batch:
    """Some consecutive rows of a table.

    Attributes:
        columns: by name, each `n_rows` long.
        n_rows: rows in `columns`.
        broken: rows that are in the source but not in `columns`, numbered from the start of the batch, ascending.
        is_text: the values were written as text, so that an empty string is a missing value.
    """

    columns: Mapping[str, Column]
    n_rows: int
    broken: Sequence[BrokenRow] = field(default=())
    is_text: bool = False


class Rescan(Exception):  # noqa: N818  (a signal between two parts of penchant, never seen outside)
    """A batch showed that an earlier one was read with the wrong types: forget all batches and scan again."""


class Table(Protocol):
    """A table that can be read in batches, in row order, any number of times."""

    @property
    def label(self) -> str:
        """What a message calls it: a path, or "pandas DataFrame"."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        ...

    @property
    def encoding(self) -> str | None:
        """The text encoding that was used, or None where there is none; final after a scan."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What the reader had to decide, in words; final after a scan."""
        ...

    def estimated_rows(self) -> int:
        """About how many rows there are; 0 where that is unknown."""
        ...

    def scan(self, kinds: Mapping[str, Kind], work: Callable[[Batch], T]) -> Iterator[T]:
        """Apply `work` to every batch, in threads, and yield the results in row order.

        Args:
            kinds: the names of the columns that are needed, and what for.
            work: a function without side effects; it must not keep a reference to the columns.

        Raises:
            Rescan: start again; the next scan will use other types.
            SourceError: the source can't be read to its end.
            DataError: the source can't be understood.
        """
        ...

    def locate(self, row: int) -> str:
        """Where a row is, for messages: " (line 18 of ratings.csv)", or nothing where there is nothing to add."""
        ...


def worker_count() -> int:
    """Threads that read batches: as many as this process may use, at most 8."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST_WORKERS, usable)


def in_order(work: Callable[[S], T], batches: Iterable[S]) -> Iterator[T]:
    """`map(work, batches)` in threads: results in order, and only a few batches in memory at once."""
    workers = worker_count()
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="penchant-read") as pool:
        try:
            for batch in batches:
                waiting.append(pool.submit(work, batch))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
