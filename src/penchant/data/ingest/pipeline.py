"""Ingest pipeline: recognise columns, scan, join, merge duplicates, and say what was done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import BoolArray, Float32Array, Int32Array
from penchant.data.attributes import Attributes
from penchant.data.ingest.duplicates import POLICIES, repeated_pairs, repeats_of
from penchant.data.ingest.grow import compress
from penchant.data.ingest.join import Side, attributes_for, read_side, rows_for
from penchant.data.ingest.recognise import Role, Taken, key_column, recognise, shared_item, title_column
from penchant.data.ingest.report import Report
from penchant.data.ingest.scan import Scanned, scan
from penchant.data.ingest.times import steps_of
from penchant.data.tables import MemoryTable, Table, is_table, open_files
from penchant.data.vocab import Vocab
from penchant.errors import ColumnError, DataError, ParameterError
from penchant.text import Setting, counted

__all__ = ["Ingested", "ingest"]

_FIRST_DROPPED = 10  # rows that a report names


@dataclass(frozen=True)
class Ingested:
    """What `Ratings` is made of; the fields have its names."""

    user_idx: Int32Array
    item_idx: Int32Array
    rating: Float32Array
    users: Vocab
    items: Vocab
    rating_scale: tuple[float, float]
    time_offset: NDArray[np.uint32] | None
    time_origin: int
    user_attributes: Attributes
    item_attributes: Attributes
    report: Report


def ingest(
    table: Table,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    timestamp: str | bool | None = None,
    items: object = None,
    users: object = None,
    rating_scale: tuple[float, float] | None = None,
    duplicates: str = "last",
    invalid: str = "error",
) -> Ingested:
    """From a table of any kind to what `Ratings` is made of. Arguments are those of `Ratings.from_frame`."""
    _check_parameters(rating_scale, duplicates, invalid)
    drop = invalid == "drop"
    side = None if items is None else _side_table(items, "items=")
    title_from = item if side is not None and item in side.names and item not in table.names else None
    taken = _take_columns(table, user, None if title_from else item, rating, timestamp, side)
    columns = {role: column.name for role, column in taken.items()}
    scanned = scan(table, columns, rating_scale=rating_scale, drop=drop)
    notes: list[str] = []
    scanned, item_attributes = _join_items(table, scanned, side, columns, title_from, notes, drop=drop)
    if title_from is not None:
        taken["item"] = Taken(f"{columns['item']} -> {title_from}", "given")
    user_attributes = _join_users(scanned, users, columns, notes)
    made = _finish(table, scanned, taken, notes, rating_scale=rating_scale, duplicates=duplicates)
    return replace(made, user_attributes=user_attributes, item_attributes=item_attributes)


def _finish(
    table: Table,
    scanned: Scanned,
    taken: Mapping[str, Taken],
    notes: Sequence[str],
    *,
    rating_scale: tuple[float, float] | None,
    duplicates: str,
) -> Ingested:
    """Merge duplicates, pack the times, write the report; attributes are still to come."""
    given = (scanned.rating.min(), scanned.rating.max()) if rating_scale is None else rating_scale
    lo, hi = map(float, given)
    merged = _merge_repeats(table, scanned, duplicates)
    offset, origin, told = _times(merged)
    report = replace(
        _report_of(table, merged, taken, [*notes, *_oddities(merged, lo, hi)]),
        rating_scale=(lo, hi),
        scale_from="inferred" if rating_scale is None else "given",
        duplicates=duplicates,
        timestamp=told,
    )
    return Ingested(
        user_idx=merged.user_idx,
        item_idx=merged.item_idx,
        rating=merged.rating,
        users=merged.users,
        items=merged.items,
        rating_scale=(lo, hi),
        time_offset=offset,
        time_origin=origin,
        user_attributes=Attributes(n_rows=len(merged.users)),
        item_attributes=Attributes(n_rows=len(merged.items)),
        report=report,
    )


def _report_of(table: Table, merged: Scanned, taken: Mapping[str, Taken], notes: Sequence[str]) -> Report:
    dropped = merged.dropped.rows()
    return Report(
        source=table.label.removeprefix("the "),
        n_rows=merged.n_rows,
        n_ratings=len(merged.rating),
        n_users=len(merged.users),
        n_items=len(merged.items),
        columns={role: (column.name, column.how) for role, column in taken.items()},
        n_duplicates=merged.n_rows - len(dropped) - len(merged.rating),
        n_dropped=len(dropped),
        dropped_rows=tuple(dropped[:_FIRST_DROPPED].tolist()),
        dropped_for=dict(merged.dropped.reasons),
        encoding=table.encoding,
        notes=(*table.notes, *merged.notes, *notes),
    )


def _check_parameters(rating_scale: tuple[float, float] | None, duplicates: str, invalid: str) -> None:
    if duplicates not in POLICIES:
        raise ParameterError(Setting("duplicates", duplicates), f": use one of {', '.join(map(repr, POLICIES))}")
    if invalid not in ("error", "drop"):
        raise ParameterError(Setting("invalid", invalid), ": use 'error' or 'drop'")
    if rating_scale is not None and not _is_scale(rating_scale):
        wanted = ": use the lowest and the highest rating, such as (1, 5)"
        raise ParameterError(Setting("rating_scale", rating_scale), wanted)


def _is_scale(scale: object) -> bool:
    if isinstance(scale, str):
        return False
    try:
        lo, hi = map(float, scale)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return False
    return math.isfinite(lo) and math.isfinite(hi) and lo < hi


def _side_table(data: object, label: str) -> Table:
    return MemoryTable(data, label=label) if is_table(data) else open_files(data)


def _take_columns(
    table: Table,
    user: str | None,
    item: str | None,
    rating: str | None,
    timestamp: str | bool | None,
    side: Table | None,
) -> dict[str, Taken]:
    """Role -> column, for all roles that the table has.

    Raises:
        ColumnError: a column is missing, could be one of several, or was named for two roles.
    """
    named: dict[Role, str | bool | None] = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
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


def _read_side(table: Table, kind: Role, columns: Mapping[str, str]) -> Side:
    return read_side(table, key_column(table.names, kind, columns[kind], table.label), kind=kind)


def _join_items(
    table: Table,
    scanned: Scanned,
    side: Table | None,
    columns: Mapping[str, str],
    title_from: str | None,
    notes: list[str],
    *,
    drop: bool,
) -> tuple[Scanned, Attributes]:
    """What is known of the items; where `title_from` is given, the value of that column of `side` becomes the id."""
    if side is None:
        titles = {} if scanned.titles is None else {"title": scanned.titles}
        return scanned, Attributes(titles, n_rows=len(scanned.items))
    films = _read_side(side, "item", columns)
    if title_from is None:
        return scanned, _describe(films, scanned.items, notes)
    return _name_items(table, scanned, films, title_from, notes, drop=drop)


def _join_users(scanned: Scanned, users: object, columns: Mapping[str, str], notes: list[str]) -> Attributes:
    if users is None:
        return Attributes(n_rows=len(scanned.users))
    return _describe(_read_side(_side_table(users, "users="), "user", columns), scanned.users, notes)


def _name_items(
    table: Table, scanned: Scanned, side: Side, title_from: str, notes: list[str], *, drop: bool
) -> tuple[Scanned, Attributes]:
    """The value of a column of `side` becomes the id of an item; items with the same value become one."""
    rows = rows_for(side, scanned.items)
    codes, titles, missing = side.as_ids(title_from)
    code_of_item = np.where(rows < 0, -1, np.where(missing, -1, codes)[np.maximum(rows, 0)]).astype(np.int32)
    unnamed = code_of_item[scanned.item_idx] < 0
    if unnamed.any():
        first = int(np.argmax(unnamed))
        row = int(scanned.dropped.source_rows(np.array([first]))[0])
        if not drop:
            name = scanned.items[int(scanned.item_idx[first])]
            raise DataError(
                f"row {row}{table.locate(row)}: item {name!r} has no {title_from!r} in {side.label}; add it, or leave "
                "such rows out with ",
                Setting("invalid", "drop"),
            )
        lost = scanned.dropped.source_rows(np.flatnonzero(unnamed))
        scanned.dropped.add(lost, {f"item without {title_from!r}": len(lost)})
        scanned = _keep(scanned, ~unnamed)
        if not len(scanned.rating):
            raise DataError(f"none of the rated items has a {title_from!r} in {side.label}")
    n_ids = len(np.unique(scanned.item_idx))
    item_idx, items = _only_used(code_of_item[scanned.item_idx], titles)
    users_idx, users = _only_used(scanned.user_idx, scanned.users)
    scanned = replace(scanned, item_idx=item_idx, items=items, user_idx=users_idx, users=users)
    if n_ids > len(items):
        notes.append(
            f"{counted(n_ids, 'item')} share {len(items):,} values of {title_from!r}: each value is one item now"
        )
    row_of_title = np.full(len(titles), -1, dtype=np.int32)
    described = np.flatnonzero(~missing)[::-1]
    row_of_title[codes[described]] = described  # of equal places, the last assignment stays: the first row
    attributes, more = attributes_for(side, row_of_title[titles.find(items.ids)], leave_out=[title_from])
    notes.extend([*side.notes, *more])
    return scanned, attributes


def _describe(side: Side, known: Vocab, notes: list[str]) -> Attributes:
    """The attributes of each id of a vocabulary."""
    rows = rows_for(side, known)
    attributes, more = attributes_for(side, rows)
    notes.extend([*side.notes, *more])
    undescribed = int((rows < 0).sum())
    if undescribed:
        notes.append(
            f"{undescribed:,} of {counted(len(known), known.kind)} not in {side.label}: their attributes are missing"
        )
    unrated = len(side.ids) - (len(known) - undescribed)
    if unrated:
        notes.append(f"{counted(unrated, known.kind)} of {side.label} without a rating left out")
    return attributes


def _keep(scanned: Scanned, good: BoolArray) -> Scanned:
    return replace(
        scanned,
        user_idx=compress(scanned.user_idx, good),
        item_idx=compress(scanned.item_idx, good),
        rating=compress(scanned.rating, good),
        times=None if scanned.times is None else compress(scanned.times, good),
    )


def _only_used(rows: Int32Array, known: Vocab) -> tuple[Int32Array, Vocab]:
    """Row numbers in, and a vocabulary of, only those ids that do occur."""
    used = np.bincount(rows, minlength=len(known)) > 0
    if used.all():
        return rows, known
    return (np.cumsum(used, dtype=np.int32) - np.int32(1))[rows], Vocab(known.ids[used], kind=known.kind)


# -- duplicates and times --


def _merge_repeats(table: Table, scanned: Scanned, duplicates: str) -> Scanned:
    n_items = len(scanned.items)
    pairs = repeated_pairs(scanned.user_idx, scanned.item_idx, n_items)
    if not len(pairs):
        return scanned
    repeats = repeats_of(
        scanned.user_idx,
        scanned.item_idx,
        scanned.rating,
        scanned.times,
        n_items=n_items,
        pairs=pairs,
        first=duplicates == "first",
    )
    if duplicates == "error":
        again, before = scanned.dropped.source_rows(np.array(repeats.first)).tolist()
        user, item = (
            scanned.users[int(scanned.user_idx[repeats.first[0]])],
            scanned.items[int(scanned.item_idx[repeats.first[0]])],
        )
        raise DataError(
            f"row {again}{table.locate(again)}: user {user!r} has rated item {item!r} before, in row {before} "
            f"({counted(len(pairs), 'such pair')} in all); ",
            Setting("duplicates", "last"),
            ", 'first' or 'mean' would merge them",
        )
    if duplicates == "mean":
        scanned.rating[repeats.keep] = repeats.mean
    good = np.ones(len(scanned.rating), dtype=np.bool_)
    good[repeats.drop] = False
    return _keep(scanned, good)


def _times(scanned: Scanned) -> tuple[NDArray[np.uint32] | None, int, str | None]:
    """Steps, origin, and what the report says of them."""
    if scanned.times is None:
        return None, 0, None
    steps, origin, unit = steps_of(scanned.times)
    told = "; ".join(scanned.time_notes) or "in the unit of the source"
    if unit > 1:
        told += f"; divided by {unit:,} to fit 32 bits, so that times closer than that are equal"
    return steps, origin, told


def _oddities(scanned: Scanned, lo: float, hi: float) -> list[str]:
    """What is allowed, and yet worth knowing."""
    odd = []
    if len(scanned.users) == 1:
        odd.append("there is one user only: nothing can be learned from others")
    if len(scanned.items) == 1:
        odd.append("there is one item only: there is nothing to choose from")
    if lo == hi or (scanned.rating == scanned.rating[0]).all():
        odd.append(
            f"all ratings are {float(scanned.rating[0]):g}: there is no taste to learn; are these clicks or sales?"
        )
    return odd
