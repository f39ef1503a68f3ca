"""One pass over a table: check every row, and gather ids, ratings or weights, and times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.grow import Growing, compress
from penchant.arrays.types import BoolArray, Float32Array, Int32Array, Int64Array
from penchant.data.ingest.faults import Fault
from penchant.data.ingest.id_codes import BatchIds, IdColumn, ids_of
from penchant.data.ingest.measure import Measure
from penchant.data.ingest.times import TimeColumn
from penchant.data.ingest.values import Checked, Rounded, times_of
from penchant.data.tables import Batch, Column, Kind, Rescan, Table
from penchant.data.vocab import Vocab
from penchant.errors import DataError
from penchant.text import Setting, Words

__all__ = ["Dropped", "Scanned", "kept", "only_used", "scan"]

KINDS: Mapping[str, Kind] = {
    "user": "id",
    "item": "id",
    "rating": "number",
    "weight": "number",
    "timestamp": "time",
    "title": "any",
}
_HINT: Words = ("correct it, or leave such rows out with ", Setting("invalid", "drop"))
_HINTS: Mapping[str, Words] = {
    "timestamp": (
        "correct it, leave such rows out with ",
        Setting("invalid", "drop"),
        ", or all times with ",
        Setting("timestamp", False),
    )
}


class Dropped:
    """Rows of the source that were left out, so that any later message can still name rows of the source."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self._parts: list[Int64Array] = []

    def add(self, rows: Int64Array, reasons: Mapping[str, int]) -> None:
        """Leave out rows, by their numbers in the source."""
        self._parts.append(rows)
        self.reasons.update(reasons)

    def rows(self) -> Int64Array:
        """All of them, ascending."""
        return np.sort(np.concatenate(self._parts)) if self._parts else np.empty(0, dtype=np.int64)

    def source_rows(self, kept: Int64Array) -> Int64Array:
        """The numbers in the source of rows that are numbered without those left out."""
        rows = self.rows()
        return kept + np.searchsorted(rows - np.arange(len(rows)), kept, side="right")


@dataclass
class Scanned:
    """What a table holds, all of it good.

    Attributes:
        user_idx, item_idx: row numbers in `users` and `items`, int32, shape (n,).
        values: the ratings or the weights, float32, shape (n,); ones where the table has no column of weights.
        times: in the source's unit, uint32 or int64, shape (n,), or None.
        titles: of each item, where the table has a column of titles beside the ids.
        n_rows: rows of the source.
        dropped: what was left out.
        notes: what had to be decided.
        time_notes: the same, about the times.
    """

    user_idx: Int32Array
    item_idx: Int32Array
    values: Float32Array
    times: NDArray[np.integer] | None
    users: Vocab
    items: Vocab
    titles: NDArray[np.object_] | None
    n_rows: int
    dropped: Dropped
    notes: list[str]
    time_notes: list[str]


@dataclass(frozen=True)
class _Part:
    """One batch after its checks."""

    n_rows: int
    ids: Mapping[str, BatchIds]
    values: Mapping[str, NDArray[np.generic]]
    notes: Mapping[str, frozenset[str]]
    dropped: Int64Array
    reasons: Mapping[str, int]
    first_fault: tuple[int, Words] | None = None
    is_fatal: bool = False
    rounded: Rounded | None = None


_Columns: TypeAlias = Mapping[str, str]
"""Role -> name of the column."""


def scan(table: Table, columns: _Columns, measure: Measure, *, drop: bool) -> Scanned:
    """Read a table once (or again, where its types turn out to be others than its first rows promised).

    Raises:
        DataError: a row is no good and `drop` is False; the message has its number, its place and the value.
    """
    while True:
        try:
            return _scan(table, columns, measure, drop=drop)
        except Rescan:
            continue


def _scan(table: Table, columns: _Columns, measure: Measure, *, drop: bool) -> Scanned:
    gathered = _Gathered(columns, measure, capacity=int(1.02 * table.estimated_rows()) + 1)
    kinds: dict[str, Kind] = {name: KINDS[role] for role, name in columns.items()}
    for part in table.scan(kinds, lambda batch: _check(batch, columns, measure)):
        if part.first_fault is not None and (part.is_fatal or not drop):
            row = gathered.n_rows + part.first_fault[0]
            raise DataError(f"row {row}{table.locate(row)}: ", *part.first_fault[1])
        gathered.add(part)
    gathered.require_told_apart(table)
    return gathered.finish(table.label)


class _Gathered:
    def __init__(self, columns: _Columns, measure: Measure, *, capacity: int) -> None:
        self.n_rows = self._n_kept = 0
        self._measure = measure
        self._ids = {role: IdColumn(role, capacity=capacity) for role in ("user", "item", "title") if role in columns}
        self._values = Growing(np.float32, capacity=capacity) if measure.role in columns else None
        self._times = TimeColumn(capacity=capacity) if "timestamp" in columns else None
        self._dropped = Dropped()
        self._rounded: Rounded | None = None  # where most was lost, with its row in the table
        self._ends = (np.inf, -np.inf)
        self._notes: dict[str, dict[str, None]] = {measure.role: {}, "timestamp": {}}

    def add(self, part: _Part) -> None:
        if len(part.dropped):
            self._dropped.add(self.n_rows + part.dropped, part.reasons)
        if self._measure.role in part.values and len(part.values[self._measure.role]):
            self._add_rounded(part.rounded, part.values[self._measure.role])
        self.n_rows += part.n_rows
        self._n_kept += part.n_rows - len(part.dropped)
        for role, ids in part.ids.items():
            self._ids[role].extend(ids)
        if self._values is not None:
            self._values.extend(part.values[self._measure.role])
        if self._times is not None:
            self._times.extend(part.values["timestamp"])  # type: ignore[arg-type]
        for role, notes in part.notes.items():
            self._notes[role].update(dict.fromkeys(sorted(notes)))

    def _add_rounded(self, rounded: Rounded | None, values: NDArray[np.generic]) -> None:
        lo, hi = (float(values.min()), float(values.max())) if rounded is None else (rounded.lo, rounded.hi)
        self._ends = (min(self._ends[0], lo), max(self._ends[1], hi))
        if rounded is not None and (self._rounded is None or rounded.lost > self._rounded.lost):
            self._rounded = replace(rounded, row=self.n_rows + rounded.row)

    def require_told_apart(self, table: Table) -> None:
        """Refuse ratings that become other ratings in float32, in which they are kept.

        Raises:
            DataError: a rating would move by more than a thousandth of the way from the lowest to the highest.
        """
        rounded = self._rounded
        if self._measure.role != "rating" or rounded is None or not rounded.matters(*self._ends):
            return
        lo, hi = self._ends
        raise DataError(
            f"row {rounded.row}{table.locate(rounded.row)}: the rating would move by {rounded.lost:g}, for ratings are "
            f"kept in 32 bits, about seven digits, and these are {lo:.12g} to {hi:.12g}: take {lo:.12g} away from them "
            "all"
        )

    def finish(self, label: str) -> Scanned:
        if self.n_rows == 0:
            raise DataError(f"{label} has no rows: there is nothing to learn from")
        if self._n_kept == 0:
            told = _told(self._dropped.reasons)
            raise DataError(f"none of the {self.n_rows:,} rows of {label} is a {self._measure.noun}: {told}")
        with ThreadPoolExecutor(2) as pool:
            (user_idx, users), (item_idx, items) = pool.map(IdColumn.finish, [self._ids["user"], self._ids["item"]])
        notes = [*self._ids["user"].notes, *self._ids["item"].notes, *self._notes[self._measure.role]]
        titles = None
        if "title" in self._ids:
            titles = _first_titles(*self._ids["title"].finish(), item_idx, len(items))
        return Scanned(
            user_idx=user_idx,
            item_idx=item_idx,
            values=self._values.finish() if self._values else np.ones(self._n_kept, np.float32),  # type: ignore[arg-type]
            times=None if self._times is None else self._times.finish(),
            users=users,
            items=items,
            titles=titles,
            n_rows=self.n_rows,
            dropped=self._dropped,
            notes=notes,
            time_notes=list(self._notes["timestamp"]),
        )


def _told(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} in {count:,}" for reason, count in reasons.items())


def _first_titles(codes: Int32Array, known: Vocab, item_idx: Int32Array, n_items: int) -> NDArray[np.object_]:
    """For each item, the first title that stands beside it."""
    first = np.zeros(n_items, dtype=np.int32)
    first[item_idx[::-1]] = codes[::-1]  # of equal places, the last assignment stays
    titles = np.empty(n_items, dtype=np.object_)
    for item, code in enumerate(first):
        title = known[int(code)]
        titles[item] = None if title == "" else str(title)
    return titles


# -- one batch, in a worker thread --


@dataclass
class _Faults:
    """What is wrong in a batch, column by column."""

    n_rows: int
    found: list[tuple[str, Fault]] = field(default_factory=list)

    def add(self, role: str, *faults: Fault) -> None:
        self.found.extend((role, fault) for fault in faults)

    def good(self) -> BoolArray | None:
        """A mask of the rows with nothing wrong, or None for all of them."""
        if not self.found:
            return None
        good = np.ones(self.n_rows, dtype=np.bool_)
        for _, fault in self.found:
            good &= ~fault.rows
        return good


def _check(batch: Batch, columns: _Columns, measure: Measure) -> _Part:
    faults = _Faults(batch.n_rows)
    ids: dict[str, BatchIds] = {}
    for role in ("user", "item"):
        ids[role], found = ids_of(batch.columns[columns[role]], blank_is_missing=batch.is_text)
        faults.add(role, *found)
    if "title" in columns:
        ids["title"], _ = ids_of(_texts(batch.columns[columns["title"]]))
    checked: dict[str, Checked] = {}
    if measure.role in columns:
        checked[measure.role] = measure.check(batch.columns[columns[measure.role]])
    if "timestamp" in columns:
        checked["timestamp"] = times_of(batch.columns[columns["timestamp"]])
    for role, result in checked.items():
        faults.add(role, *result.faults)
    return _part(batch, columns, ids, checked, faults)


def _texts(column: Column) -> Column:
    """A column of titles as text, with nothing where one is missing."""
    if isinstance(column, np.ndarray):
        return np.array(["" if value is None else str(value) for value in column], dtype=np.object_)
    return column.cast("large_string").fill_null("")


def _part(
    batch: Batch, columns: _Columns, ids: dict[str, BatchIds], checked: Mapping[str, Checked], faults: _Faults
) -> _Part:
    values: dict[str, NDArray[np.generic]] = {role: result.values for role, result in checked.items()}
    rounded = next((result.rounded for result in checked.values() if result.rounded is not None), None)
    notes = {role: result.notes for role, result in checked.items()}
    n_rows = batch.n_rows + len(batch.broken)
    fatal = [line for line in batch.broken if line.is_fatal]
    if fatal:
        hint = "close it, or double the quotes that are part of the text"
        fault = (fatal[0].row, (f"the line {fatal[0].reason}; {hint}",))
        return _Part(n_rows, ids, values, notes, np.empty(0, dtype=np.int64), {}, fault, is_fatal=True)
    good = faults.good()
    if good is None and not batch.broken:
        return _Part(n_rows, ids, values, notes, np.empty(0, dtype=np.int64), {}, rounded=rounded)
    broken = np.array([line.row for line in batch.broken], dtype=np.int64)
    rows = np.delete(np.arange(n_rows), broken)  # in the source, of each row in the columns
    if good is None:
        good = np.ones(batch.n_rows, dtype=np.bool_)
    ids = {role: found.keep(good) for role, found in ids.items()}
    values = {role: found[good] for role, found in values.items()}
    reasons = Counter({f"{role} {fault.reason}": int(fault.rows.sum()) for role, fault in faults.found})
    if batch.broken:
        reasons["broken line"] = len(batch.broken)
    dropped = np.sort(np.concatenate([broken, rows[~good]]))
    if rounded is not None:
        rounded = replace(rounded, row=int(rows[rounded.row]))
    first = _first_fault(batch, columns, faults, rows)
    return _Part(n_rows, ids, values, notes, dropped, reasons, first, rounded=rounded)


def _first_fault(batch: Batch, columns: _Columns, faults: _Faults, rows: Int64Array) -> tuple[int, Words]:
    """The first row with something wrong, numbered from the start of the batch, and what it is."""
    found: list[tuple[int, Words]] = [(line.row, (f"the line {line.reason}; ", *_HINT)) for line in batch.broken[:1]]
    for role, fault in faults.found:
        at = int(np.argmax(fault.rows))
        value = "" if fault.reason == "missing" else f" {_shown(batch.columns[columns[role]], at)}"
        hint = fault.hint or _HINTS.get(role, _HINT)
        found.append((int(rows[at]), (f"{role}{value} is {fault.reason} (column {columns[role]!r}); ", *hint)))
    return min(found, key=lambda fault: (fault[0], str(fault[1][0])))


def _shown(column: Column, row: int) -> str:
    value = column[row]
    return repr(value) if isinstance(column, np.ndarray) else repr(value.as_py())


def kept(scanned: Scanned, good: BoolArray) -> Scanned:
    """Only the good rows of what was scanned."""
    return replace(
        scanned,
        user_idx=compress(scanned.user_idx, good),
        item_idx=compress(scanned.item_idx, good),
        values=compress(scanned.values, good),
        times=None if scanned.times is None else compress(scanned.times, good),
    )


def only_used(rows: Int32Array, known: Vocab) -> tuple[Int32Array, Vocab]:
    """Row numbers in, and a vocabulary of, only those ids that do occur."""
    used = np.bincount(rows, minlength=len(known)) > 0
    if used.all():
        return rows, known
    return (np.cumsum(used, dtype=np.int32) - np.int32(1))[rows], Vocab(known.ids[used], kind=known.kind)
