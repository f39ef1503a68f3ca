"""Argument checks that many functions share: what an argument may be, each a clear `ParameterError`."""

from __future__ import annotations

import math
import numbers

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penchant.arrays.types import BoolArray, Float32Array, Int32Array
from penchant.errors import DataError, ParameterError
from penchant.text import Argument

__all__ = [
    "check_interactions",
    "check_ratings",
    "check_weights",
    "generator",
    "is_missing",
    "is_real",
    "is_whole",
    "require",
    "require_share",
    "require_threads",
    "row_numbers",
]

_LARGEST = 1e18  # of ratings: the square of a larger one is beyond float32
_MOST_THREADS = 1024
_COLUMNS = {
    "user_idx": np.int32,
    "item_idx": np.int32,
    "rating": np.float32,
    "weight": np.float32,
    "time_offset": np.uint32,
}


def require(condition: bool, name: str, value: object, *wanted: str | Argument) -> None:
    """Refuse an argument that is out of its range.

    Args:
        condition: what must hold.
        name: the argument, as the caller wrote it.
        value: what was given.
        *wanted: what to give instead, after the word "use"; other arguments that it names as an `Argument`.

    Raises:
        ParameterError: the condition does not hold.
    """
    if not condition:
        raise ParameterError(Argument(name), f" is {value!r}: use ", *wanted)


def is_whole(value: object, least: int | None = None) -> bool:
    """Whether a value is a whole number (Python's or NumPy's, not a bool), and at least `least` (default None)."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return whole and (least is None or int(value) >= least)  # type: ignore[call-overload]


def is_real(value: object) -> bool:
    """Whether a value is a number that is not NaN (Python's or NumPy's, not a bool)."""
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and value == value


def is_missing(value: object) -> bool:
    """Whether a value says that nothing is known: None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    unequal: object = value != value
    if isinstance(unequal, bool | np.bool_):
        return bool(unequal)
    return unequal is value  # NA, of which nothing is known, nor whether it is itself


def require_threads(n_threads: object) -> None:
    """Refuse what is no number of threads: a whole number from 1 to 1,024, or None.

    Raises:
        ParameterError: it is not.
    """
    fits = n_threads is None or (is_whole(n_threads, 1) and n_threads <= _MOST_THREADS)  # type: ignore[operator]
    require(fits, "n_threads", n_threads, f"at least 1, at most {_MOST_THREADS:,}, or None for all processors")


def require_share(name: str, value: object, example: float = 0.2) -> None:
    """Refuse what is no share of a whole: a number more than 0 and less than 1.

    Args:
        name: the argument, as the caller wrote it.
        value: what was given.
        example: a share that is often meant (default 0.2), for the message.

    Raises:
        ParameterError: it is not.
    """
    fits = is_real(value) and 0 < value < 1  # type: ignore[operator]
    require(fits, name, value, f"a share between 0 and 1, such as {example:g}")


def generator(rng: object) -> np.random.Generator:
    """The generator of a seed, or the one that was given.

    Raises:
        ParameterError: `rng` is neither a whole number of at least 0 nor a generator.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    require(is_whole(rng, 0), "rng", rng, "a whole number of at least 0, or a numpy Generator")
    return np.random.default_rng(rng)  # type: ignore[arg-type]


def row_numbers(rows: ArrayLike, n_rows: int) -> NDArray[np.integer] | BoolArray:
    """Some rows of `n_rows` as NumPy takes them: numbers from 0 (negative ones from the end), or a mask; lists too.

    Raises:
        ParameterError: they are neither, a number is of no row, or a mask has another length.
    """
    picked = np.asarray(rows)
    if picked.size == 0 and picked.ndim == 1 and picked.dtype != np.bool_:
        return picked.astype(np.intp)  # an empty list has no whole-number type of its own
    if picked.ndim != 1 or picked.dtype.kind not in "biu":
        found = f"{picked.dtype}{picked.shape}"
        raise ParameterError(Argument("rows"), f" are {found}: use row numbers, or a mask of booleans")
    if picked.dtype == np.bool_:
        if len(picked) != n_rows:
            raise ParameterError(f"a mask of {n_rows} booleans is needed, not of {len(picked)}")
    elif picked.min() < -n_rows or picked.max() >= n_rows:
        wrong = picked[(picked < -n_rows) | (picked >= n_rows)][0]
        raise ParameterError(f"no row {wrong}: rows are 0 to {n_rows - 1}")
    return picked


def check_interactions(
    user_idx: Int32Array,
    item_idx: Int32Array,
    time_offset: NDArray[np.uint32] | None,
    values: tuple[str, Float32Array],
    *,
    noun: str,
    n_users: int,
    n_items: int,
) -> None:
    """Refuse columns of a table that do not fit together. Cheap: the smallest and the largest of each are looked at.

    Args:
        user_idx: row numbers of the users.
        item_idx: row numbers of the items.
        time_offset: uint32, or None.
        values: the name and the array of what the table says of each pair.
        noun: what a row is called, for messages.
        n_users: rows that there are.
        n_items: rows that there are.

    Raises:
        ParameterError: a column is of another type or length.
        DataError: a row number is of no user or item.
    """
    columns = {values[0]: values[1], "user_idx": user_idx, "item_idx": item_idx, "time_offset": time_offset}
    for name, column in columns.items():
        if column is not None or name != "time_offset":
            _check_column(name, column, values[1], noun)
    if len(user_idx) == 0:
        return
    for name, rows, size in (("user_idx", user_idx, n_users), ("item_idx", item_idx, n_items)):
        if rows.min() < 0 or rows.max() >= size:
            at = int(np.argmax((rows < 0) | (rows >= size)))
            raise DataError(Argument(name), f" is {rows[at]} at position {at}: row numbers are 0 to {size - 1}")


def check_ratings(rating: Float32Array, rating_scale: tuple[float, float]) -> None:
    """Refuse ratings that are not finite or outside their scale.

    Raises:
        ParameterError: `rating_scale` is no (lo, hi) with lo <= hi.
        DataError: a rating is no good.
    """
    lo, hi = _scale(rating_scale)
    if len(rating) == 0:
        return
    if not (rating.min() >= np.float32(lo) and rating.max() <= np.float32(hi)):  # "not", for NaN is in no range
        at = int(np.argmin((rating >= np.float32(lo)) & (rating <= np.float32(hi))))
        told = f" is {rating[at]:g} at position {at}: the rating scale is {lo:g} to {hi:g}"
        raise DataError(Argument("rating"), told)


def check_weights(weight: Float32Array) -> None:
    """Refuse weights of choices that are not finite and above 0.

    Raises:
        DataError: a weight is no good.
    """
    if len(weight) == 0 or (weight.min() > 0 and weight.max() < np.inf):
        return
    at = int(np.argmin((weight > 0) & (weight < np.inf)))
    told = f" is {weight[at]:g} at position {at}: use a finite number above 0, or leave the row out"
    raise DataError(Argument("weight"), told)


def _check_column(name: str, column: object, values: Float32Array, noun: str) -> None:
    dtype = _COLUMNS[name]
    if not isinstance(column, np.ndarray) or column.dtype != dtype or column.ndim != 1:
        found = f"{column.dtype}{column.shape}" if isinstance(column, np.ndarray) else f"a {type(column).__name__}"
        raise ParameterError(Argument(name), f" is {found}: use a NumPy array of {dtype.__name__}, shape (n,)")
    if len(column) != len(values):
        raise ParameterError(Argument(name), f" has {len(column)} values for {len(values)} {noun}s: give one a {noun}")


def _scale(scale: object) -> tuple[float, float]:
    try:
        lo, hi = map(float, scale)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        lo = hi = math.nan
    fits = not isinstance(scale, str) and -_LARGEST <= lo <= hi <= _LARGEST
    require(fits, "rating_scale", scale, "the lowest and the highest rating, such as (1, 5)")
    return lo, hi
