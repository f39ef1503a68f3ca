"""Ratings, weights and times of one batch as numbers, and which of them are no good."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.arrays.types import BoolArray, Float32Array, Float64Array, Int64Array, ObjectArray
from penchant.data.ingest.faults import Fault, faults_of
from penchant.data.tables import Column
from penchant.errors import DataError
from penchant.text import Setting, Words

__all__ = ["LARGEST", "Checked", "Rounded", "numbers_of", "times_of"]

_NUMBER = r"^[ \t]*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[iI]nf(inity)?)[ \t]*$"
_MISSING_TEXTS = ("", "NA", "N/A", "nan", "NaN", "NAN", "null", "NULL", "None")
_LOSS = 1e-3  # share of the width of all numbers that float32 may take away from one
LARGEST = 1e18  # the square of a larger one is beyond float32, and sums of squares are what is learned from
_UNITS: Words = ("use smaller units, or leave such rows out with ", Setting("invalid", "drop"))
_TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True)
class Rounded:
    """What float32 took away from the numbers of a batch, where that may matter.

    Attributes:
        lo, hi: the lowest and the highest number as they came.
        row: where most was lost, within the batch.
        lost: how much.
    """

    lo: float
    hi: float
    row: int
    lost: float

    def matters(self, lo: float, hi: float) -> bool:
        """Whether it is more than a thousandth of the way from the lowest to the highest number.

        Args:
            lo, hi: of all numbers.
        """
        return self.lost > _LOSS * (hi - lo) > 0


@dataclass(frozen=True)
class Checked:
    """The numbers of one column of a batch.

    Attributes:
        values: one a row; anything where a row is at fault.
        faults: what is wrong, if anything.
        notes: what was done to get numbers.
        rounded: what float32 took away; None (default) where that is next to nothing.
    """

    values: Float32Array | Int64Array
    faults: list[Fault] = field(default_factory=list)
    notes: frozenset[str] = frozenset()
    rounded: Rounded | None = None

    def good(self) -> BoolArray:
        """Which rows have nothing wrong."""
        mask = np.ones(len(self.values), dtype=np.bool_)
        for fault in self.faults:
            mask &= ~fault.rows
        return mask


def numbers_of(column: Column, noun: str) -> Checked:
    """The numbers of a batch as float32, with missing, non-numeric and infinite ones found.

    Args:
        column: numbers, or what can be read as numbers.
        noun: what they are, for notes: "ratings", "weights".
    """
    notes: frozenset[str] = frozenset()
    bad_text: BoolArray | None = None
    numbers: Float32Array | Float64Array
    if not isinstance(column, np.ndarray) and pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if isinstance(column, np.ndarray):
        numbers, missing, bad_text = _numbers_of_objects(column)
    elif _is_text(column.type):
        numbers, missing, bad_text = _numbers_of_text(column)
    elif pa.types.is_boolean(column.type):
        notes = frozenset({f"{noun} are true and false: taken as 1 and 0"})
        numbers, missing = _plain_numbers(column.cast(pa.uint8()))
    elif _is_number(column.type):
        numbers, missing = _plain_numbers(column)
    else:
        numbers, missing, bad_text = _numbers_of_objects(_as_objects(column))
    with np.errstate(over="ignore"):  # beyond float32: found below, as an infinity
        values = numbers.astype(np.float32, copy=False)
    infinite = ~np.isfinite(values)
    with np.errstate(invalid="ignore"):
        large = np.abs(values) > LARGEST
    if bad_text is None and not (missing.any() or infinite.any() or large.any()):
        return Checked(values, [], notes, _rounded(numbers, values, None))
    nothing = np.zeros(len(values), dtype=np.bool_)
    bad_text = nothing if bad_text is None else bad_text
    missing = (missing | np.isnan(values)) & ~bad_text
    infinite &= ~missing & ~bad_text
    large &= ~(missing | bad_text | infinite)
    found = faults_of({"missing": missing, "not a number": bad_text, "infinite": infinite})
    found += [Fault(f"beyond {LARGEST:g}, too large to learn from", large, _UNITS)] if large.any() else []
    return Checked(values, found, notes, _rounded(numbers, values, ~(missing | bad_text | infinite | large)))


def _rounded(numbers: Float32Array | Float64Array, values: Float32Array, good: BoolArray | None) -> Rounded | None:
    """What was lost; None where it is little beside the numbers' own width, whatever else there is in the table."""
    if numbers.dtype == np.float32 or len(numbers) == 0 or (good is not None and not good.any()):
        return None
    some = numbers if good is None else numbers[good]
    lo, hi = float(some.min()), float(some.max())
    if max(abs(lo), abs(hi)) * 2.0**-24 <= _LOSS * (hi - lo):
        return None
    with np.errstate(invalid="ignore"):  # of rows that are at fault
        lost = np.abs(numbers.astype(np.float64) - values)
    if good is not None:
        lost[~good] = 0
    row = int(lost.argmax())
    return Rounded(lo, hi, row, float(lost[row])) if lost[row] > 0 else None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _plain_numbers(column: pa.ChunkedArray) -> tuple[Float32Array | Float64Array, BoolArray]:
    """The values, and a mask of those that are missing."""
    if pa.types.is_decimal(column.type) or pa.types.is_float16(column.type):
        column = column.cast(pa.float64())
    missing = column.is_null().to_numpy() if column.null_count else np.zeros(len(column), dtype=np.bool_)
    return (column.fill_null(0) if column.null_count else column).to_numpy(), missing


def _numbers_of_text(column: pa.ChunkedArray) -> tuple[Float64Array, BoolArray, BoolArray]:
    text = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    blank = pc.or_kleene(pc.is_null(text), pc.is_in(text, pa.array(_MISSING_TEXTS, pa.large_string())))
    good = pc.and_(pc.invert(blank), pc.fill_null(pc.match_substring_regex(text, _NUMBER), fill_value=False))
    numbers = pc.if_else(good, text, pa.scalar("0", pa.large_string())).cast(pa.float64())
    missing = blank.to_numpy(zero_copy_only=False)
    return numbers.to_numpy(), missing, ~good.to_numpy(zero_copy_only=False) & ~missing


def _numbers_of_objects(column: ObjectArray) -> tuple[Float64Array, BoolArray, BoolArray]:
    values = np.zeros(len(column), dtype=np.float64)
    missing = np.zeros(len(column), dtype=np.bool_)
    bad = np.zeros(len(column), dtype=np.bool_)
    for row, value in enumerate(column):
        if value is None or (isinstance(value, str) and value.strip() in _MISSING_TEXTS):
            missing[row] = True
            continue
        try:
            values[row] = float(value)
        except OverflowError:
            values[row] = np.inf
        except (TypeError, ValueError):
            bad[row] = True
    return values, missing, bad


def _as_objects(column: pa.ChunkedArray) -> ObjectArray:
    values = np.empty(len(column), dtype=np.object_)
    values[:] = column.to_pylist()
    return values


# -- times --


def times_of(column: Column) -> Checked:
    """The times of a batch as int64: whole numbers as they are, dates as seconds since 1970."""
    if isinstance(column, np.ndarray):
        return _times_of_objects(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _is_text(column.type):
        return _times_of_text(column)
    missing = column.is_null().to_numpy() if column.null_count else np.zeros(len(column), dtype=np.bool_)
    if (
        pa.types.is_temporal(column.type)
        and not pa.types.is_time(column.type)
        and not pa.types.is_duration(column.type)
    ):
        return _times_of_dates(column, missing)
    if not _is_number(column.type):
        raise DataError(
            f"timestamps of type {column.type} are neither numbers nor dates; ",
            Setting("timestamp", False),
            " leaves them out",
        )
    numbers, _ = _plain_numbers(column)
    if numbers.dtype.kind == "f":
        return _times_of_floats(numbers, missing)
    if numbers.dtype == np.uint64:
        return Checked(
            numbers.astype(np.int64), faults_of({"missing": missing, "too large": numbers > np.uint64(2**63 - 1)})
        )
    return Checked(numbers.astype(np.int64, copy=False), faults_of({"missing": missing}))


def _times_of_floats(
    numbers: Float32Array | Float64Array, missing: BoolArray, notes: frozenset[str] = frozenset()
) -> Checked:
    finite = np.isfinite(numbers) & (np.abs(numbers) < 2**62)
    missing = missing | np.isnan(numbers)
    seconds = np.floor(np.where(finite, numbers, 0))
    if (seconds != np.where(finite, numbers, 0)).any():
        notes |= {"fractions of a unit are cut off"}
    return Checked(
        seconds.astype(np.int64), faults_of({"missing": missing, "not a finite number": ~finite & ~missing}), notes
    )


def _times_of_dates(column: pa.ChunkedArray, missing: BoolArray) -> Checked:
    notes = {"seconds since 1970, from dates"}
    if pa.types.is_date(column.type):
        days = column.cast(pa.date32()).cast(pa.int32()).fill_null(0).to_numpy().astype(np.int64)
        return Checked(days * 86_400, faults_of({"missing": missing}), frozenset(notes))
    ticks = column.cast(pa.int64()).fill_null(0).to_numpy()
    per_second = _TICKS[column.type.unit]
    if per_second > 1 and (ticks % per_second).any():
        notes.add("fractions of a second are cut off")
    return Checked(ticks // per_second, faults_of({"missing": missing}), frozenset(notes))


def _times_of_text(column: pa.ChunkedArray) -> Checked:
    """Text that is a number, or an ISO date with or without a time and a zone."""
    numbers, missing, not_number = _numbers_of_text(column)
    if not not_number.any():
        return _times_of_floats(numbers, missing)
    for zone in (None, "UTC"):
        try:
            return _times_of_dates(column.cast(pa.timestamp("us", zone)), missing)
        except pa.ArrowInvalid:
            continue  # some with a zone and some without, some missing, or one that is no date: one by one
    seconds = np.zeros(len(column), dtype=np.int64)
    bad = ~(missing | not_number)  # numbers among dates
    notes = {"seconds since 1970, from dates"}
    for row in np.flatnonzero(not_number):
        parsed = _seconds(column[int(row)].as_py())
        bad[row] = parsed is None
        seconds[row] = int(parsed // 1) if parsed is not None else 0
        if parsed is not None and parsed % 1:
            notes.add("fractions of a second are cut off")
    return Checked(seconds, faults_of({"missing": missing, "neither a number nor an ISO date": bad}), frozenset(notes))


def _seconds(value: object) -> float | None:
    """Seconds since 1970 of a date, a datetime, or an ISO text; without a zone it is taken as UTC."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).timestamp()
    if isinstance(value, dt.date):
        return float((value - dt.date(1970, 1, 1)).days * 86_400)
    return None


def _times_of_objects(column: ObjectArray) -> Checked:
    """Python objects: dates, or numbers of mixed types."""
    found = {type(value) for value in column} - {type(None)}
    missing = np.array([value is None for value in column], dtype=np.bool_)
    if found and all(issubclass(kind, int | float) for kind in found):
        return _times_of_floats(np.array([0 if value is None else float(value) for value in column]), missing)
    parsed = [None if value is None else _seconds(value) for value in column]
    bad = np.array([value is None for value in parsed], dtype=np.bool_) & ~missing
    values = np.array([0 if value is None else int(value // 1) for value in parsed], dtype=np.int64)
    notes = frozenset({"seconds since 1970, from dates"})
    return Checked(values, faults_of({"missing": missing, "neither a number nor an ISO date": bad}), notes)
