"""Ingest pipeline: recognise columns, scan, join, merge duplicates, and say what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Int32Array
from penchant.data.attributes import Attributes
from penchant.data.ingest.duplicates import Repeats, repeated_pairs, repeats_of
from penchant.data.ingest.join import Side, attributes_for, read_side, rows_for
from penchant.data.ingest.measure import Measure
from penchant.data.ingest.recognise import Role, Taken, key_column, recognise, shared_item, title_column
from penchant.data.ingest.report import Report
from penchant.data.ingest.scan import Scanned, kept, only_used, scan
from penchant.data.ingest.times import packed_times
from penchant.data.ingest.values import LARGEST
from penchant.data.tables import MemoryTable, Table, is_table, open_files
from penchant.data.vocab import Vocab
from penchant.errors import ColumnError, DataError, ParameterError
from penchant.text import Setting, counted

__all__ = ["Ingested", "Reading", "SharedFields", "ingest"]

_FIRST_DROPPED = 10  # rows that a report names


@dataclass(frozen=True)
class Ingested:
    """What `Ratings` and `Choices` are made of; the fields have their names.

    Attributes:
        values: the ratings or the weights, float32, shape (n,).
        found: the lowest and the highest of them in the source, before pairs that occur twice were merged.
    """

    user_idx: Int32Array
    item_idx: Int32Array
    values: Float32Array
    found: tuple[float, float]
    users: Vocab
    items: Vocab
    time_offset: NDArray[np.uint32] | None
    time_origin: int
    user_attributes: Attributes
    item_attributes: Attributes
    report: Report

    def shared(self) -> SharedFields:
        """The fields that ratings and choices have in common, without the report."""
        return SharedFields(
            user_idx=self.user_idx,
            item_idx=self.item_idx,
            users=self.users,
            items=self.items,
            time_offset=self.time_offset,
            time_origin=self.time_origin,
            user_attributes=self.user_attributes,
            item_attributes=self.item_attributes,
        )


class SharedFields(TypedDict):
    """Keywords of the constructors of `Ratings` and `Choices`."""

    user_idx: Int32Array
    item_idx: Int32Array
    users: Vocab
    items: Vocab
    time_offset: NDArray[np.uint32] | None
    time_origin: int
    user_attributes: Attributes
    item_attributes: Attributes


class Reading(TypedDict):
    """Keywords of `ingest`: how a table is to be read."""

    user: str | None
    item: str | None
    value: str | bool | None
    timestamp: str | bool | None
    items: object
    users: object
    duplicates: str
    invalid: str


def ingest(
    table: Table,
    measure: Measure,
    *,
    user: str | None,
    item: str | None,
    value: str | bool | None,
    timestamp: str | bool | None,
    items: object,
    users: object,
    duplicates: str,
    invalid: str,
) -> Ingested:
    """From a table of any kind to what `Ratings` and `Choices` are made of.

    Args:
        table: where it comes from.
        measure: what its rows say, ratings or choices.
        value: the column of that; None recognises it.
        user, item, timestamp, items, users, duplicates, invalid: as for `penchant.Ratings.from_frame`.
    """
    _check_parameters(measure, duplicates, invalid)
    drop = invalid == "drop"
    side = None if items is None else _side_table(items, "items=")
    title_from = item if side is not None and item in side.names and item not in table.names else None
    named = {"user": user, "item": None if title_from else item, measure.role: value, "timestamp": timestamp}
    taken = _take_columns(table, named, side)  # type: ignore[arg-type]  # the keys are roles
    columns = {role: column.name for role, column in taken.items()}
    scanned = scan(table, columns, measure, drop=drop)
    notes: list[str] = []
    work = _Joining(table, measure, columns, notes)
    scanned, item_attributes = work.items(scanned, side, title_from, drop=drop)
    if title_from is not None:
        taken["item"] = Taken(f"{columns['item']} -> {title_from}", "given")
    user_attributes = work.users(scanned, users)
    made = _finish(table, measure, scanned, taken, notes, duplicates=duplicates)
    return replace(made, user_attributes=user_attributes, item_attributes=item_attributes)


def _finish(
    table: Table,
    measure: Measure,
    scanned: Scanned,
    taken: Mapping[str, Taken],
    notes: Sequence[str],
    *,
    duplicates: str,
) -> Ingested:
    """Merge duplicates, pack the times, write the report; attributes are still to come."""
    found = float(scanned.values.min()), float(scanned.values.max())
    merged = _merge_repeats(table, measure, scanned, duplicates)
    offset, origin, told = packed_times(merged.times, merged.time_notes)
    report = _report_of(table, measure, merged, taken, [*notes, *_oddities(merged)])
    return Ingested(
        user_idx=merged.user_idx,
        item_idx=merged.item_idx,
        values=merged.values,
        found=found,
        users=merged.users,
        items=merged.items,
        time_offset=offset,
        time_origin=origin,
        user_attributes=Attributes(n_rows=len(merged.users)),
        item_attributes=Attributes(n_rows=len(merged.items)),
        report=replace(report, duplicates=duplicates, timestamp=told),
    )


def _report_of(
    table: Table, measure: Measure, merged: Scanned, taken: Mapping[str, Taken], notes: Sequence[str]
) -> Report:
    dropped = merged.dropped.rows()
    n_kept = len(merged.values)
    return Report(
        source=table.label.removeprefix("the "),
        n_rows=merged.n_rows,
        n_ratings=n_kept if measure.noun == "rating" else 0,
        n_choices=n_kept if measure.noun == "choice" else 0,
        n_users=len(merged.users),
        n_items=len(merged.items),
        columns={role: (column.name, column.how) for role, column in taken.items()},
        n_duplicates=merged.n_rows - len(dropped) - n_kept,
        n_dropped=len(dropped),
        dropped_rows=tuple(dropped[:_FIRST_DROPPED].tolist()),
        dropped_for=dict(merged.dropped.reasons),
        encoding=table.encoding,
        notes=(*table.notes, *merged.notes, *notes),
    )


def _check_parameters(measure: Measure, duplicates: str, invalid: str) -> None:
    if duplicates not in measure.policies:
        allowed = ", ".join(map(repr, measure.policies))
        raise ParameterError(Setting("duplicates", duplicates), f": use one of {allowed}")
    if invalid not in ("error", "drop"):
        raise ParameterError(Setting("invalid", invalid), ": use 'error' or 'drop'")


def _side_table(data: object, label: str) -> Table:
    return MemoryTable(data, label=label) if is_table(data) else open_files(data)


def _take_columns(table: Table, named: Mapping[Role, str | bool | None], side: Table | None) -> dict[str, Taken]:
    """Role -> column, for all roles that the table has, of those that are `named` (None: to be recognised).

    Raises:
        ColumnError: a column is missing, could be one of several, or was named for two roles.
    """
    found: dict[str, Taken | None] = {
        role: recognise(table.names, role, name, table.label)
        for role, name in named.items()
        if role != "item" or name is not None or side is None
    }
    if "item" not in found and side is not None:
        others = [column.name for column in found.values() if column is not None]
        found["item"] = shared_item(table.names, side.names, table.label, leave_out=others)
    taken: dict[str, Taken] = {role: column for role in named if (column := found[role]) is not None}
    names = [column.name for column in taken.values()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        roles = " and ".join(role for role, column in taken.items() if column.name == twice)
        raise ColumnError(f"column {twice!r} of {table.label} is taken for {roles}: name another one")
    title = title_column(table.names)
    if side is None and title is not None and title not in names:
        taken["title"] = Taken(title, "recognised")
    return taken


# -- joins --


@dataclass(frozen=True)
class _Joining:
    """Tables of attributes, joined with what was scanned; `notes` grows."""

    table: Table
    measure: Measure
    columns: Mapping[str, str]
    notes: list[str]

    def _read(self, side: Table, kind: Role) -> Side:
        return read_side(
            side, key_column(side.names, kind, self.columns[kind], side.label, self.measure.noun), kind=kind
        )

    def items(
        self, scanned: Scanned, side: Table | None, title_from: str | None, *, drop: bool
    ) -> tuple[Scanned, Attributes]:
        """What is known of the items; where `title_from` is given, the value of that column becomes the id."""
        if side is None:
            titles = {} if scanned.titles is None else {"title": scanned.titles}
            return scanned, Attributes(titles, n_rows=len(scanned.items))
        films = self._read(side, "item")
        if title_from is None:
            return scanned, self._describe(films, scanned.items)
        return _name_items(self, scanned, films, title_from, drop=drop)

    def users(self, scanned: Scanned, users: object) -> Attributes:
        """What is known of the users."""
        if users is None:
            return Attributes(n_rows=len(scanned.users))
        return self._describe(self._read(_side_table(users, "users="), "user"), scanned.users)

    def _describe(self, side: Side, known: Vocab) -> Attributes:
        """The attributes of each id of a vocabulary."""
        rows = rows_for(side, known, self.measure.noun)
        attributes, more = attributes_for(side, rows)
        self.notes.extend([*side.notes, *more])
        undescribed = int((rows < 0).sum())
        if undescribed:
            of = counted(len(known), known.kind)
            self.notes.append(f"{undescribed:,} of {of} not in {side.label}: their attributes are missing")
        unused = len(side.ids) - (len(known) - undescribed)
        if unused:
            self.notes.append(f"{counted(unused, known.kind)} of {side.label} without a {self.measure.noun} left out")
        return attributes


def _name_items(
    work: _Joining, scanned: Scanned, side: Side, title_from: str, *, drop: bool
) -> tuple[Scanned, Attributes]:
    """The value of a column of `side` becomes the id of an item; items with the same value become one."""
    rows = rows_for(side, scanned.items, work.measure.noun)
    codes, titles, missing = side.as_ids(title_from)
    code_of_item = np.where(rows < 0, -1, np.where(missing, -1, codes)[np.maximum(rows, 0)]).astype(np.int32)
    unnamed = code_of_item[scanned.item_idx] < 0
    if unnamed.any():
        first = int(np.argmax(unnamed))
        row = int(scanned.dropped.source_rows(np.array([first]))[0])
        if not drop:
            name = scanned.items[int(scanned.item_idx[first])]
            raise DataError(
                f"row {row}{work.table.locate(row)}: item {name!r} has no {title_from!r} in {side.label}; add it, or "
                "leave such rows out with ",
                Setting("invalid", "drop"),
            )
        lost = scanned.dropped.source_rows(np.flatnonzero(unnamed))
        scanned.dropped.add(lost, {f"item without {title_from!r}": len(lost)})
        scanned = kept(scanned, ~unnamed)
        if not len(scanned.values):
            raise DataError(f"none of the {work.measure.done} items has a {title_from!r} in {side.label}")
    n_ids = len(np.unique(scanned.item_idx))
    item_idx, items = only_used(code_of_item[scanned.item_idx], titles)
    users_idx, users = only_used(scanned.user_idx, scanned.users)
    scanned = replace(scanned, item_idx=item_idx, items=items, user_idx=users_idx, users=users)
    if n_ids > len(items):
        work.notes.append(
            f"{counted(n_ids, 'item')} share {len(items):,} values of {title_from!r}: each value is one item now"
        )
    row_of_title = np.full(len(titles), -1, dtype=np.int32)
    described = np.flatnonzero(~missing)[::-1]
    row_of_title[codes[described]] = described  # of equal places, the last assignment stays: the first row
    attributes, more = attributes_for(side, row_of_title[titles.find(items.ids)], leave_out=[title_from])
    work.notes.extend([*side.notes, *more])
    return scanned, attributes


# -- duplicates --


def _merge_repeats(table: Table, measure: Measure, scanned: Scanned, duplicates: str) -> Scanned:
    n_items = len(scanned.items)
    pairs = repeated_pairs(scanned.user_idx, scanned.item_idx, n_items)
    if not len(pairs):
        return scanned
    repeats = repeats_of(
        scanned.user_idx,
        scanned.item_idx,
        scanned.values,
        scanned.times,
        n_items=n_items,
        pairs=pairs,
        first=duplicates == "first",
    )
    if duplicates == "error":
        raise _repeated(table, measure, scanned, repeats, len(pairs))
    if duplicates in ("mean", "sum"):
        of_pair = repeats.total / repeats.count if duplicates == "mean" else repeats.total
        if of_pair.max() > LARGEST:
            raise DataError(
                f"the {measure.role}s of one pair add up to {of_pair.max():g}, too large: use smaller units"
            )
        scanned.values[repeats.keep] = of_pair
    good = np.ones(len(scanned.values), dtype=np.bool_)
    good[repeats.drop] = False
    return kept(scanned, good)


def _repeated(table: Table, measure: Measure, scanned: Scanned, repeats: Repeats, n_pairs: int) -> DataError:
    again, before = scanned.dropped.source_rows(np.array(repeats.first)).tolist()
    user = scanned.users[int(scanned.user_idx[repeats.first[0]])]
    item = scanned.items[int(scanned.item_idx[repeats.first[0]])]
    first, *others, last = (policy for policy in measure.policies if policy != "error")
    return DataError(
        f"row {again}{table.locate(again)}: user {user!r} has {measure.done} item {item!r} before, in row {before} "
        f"({counted(n_pairs, 'such pair')} in all); ",
        Setting("duplicates", first),
        f", {', '.join(map(repr, others))} or {last!r} would merge them",
    )


def _oddities(scanned: Scanned) -> list[str]:
    """What is allowed, and yet worth knowing."""
    odd = []
    if len(scanned.users) == 1:
        odd.append("there is one user only: nothing can be learned from others")
    if len(scanned.items) == 1:
        odd.append("there is one item only: there is nothing to choose from")
    return odd
