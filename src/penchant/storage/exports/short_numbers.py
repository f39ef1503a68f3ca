"""Numbers of an export: few digits, whole numbers of steps, fixed-size lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column_sizes", "in_steps", "listed_rows", "short"]

_DIGITS = 6  # significant ones, of the few numbers that are not rounded to steps


def short(values: NDArray[np.floating] | np.float64, digits: int = _DIGITS) -> Any:
    """The same as nested lists of numbers with few digits.

    Args:
        values: an array, or one number.
        digits: significant ones (default 6).
    """
    array = np.asarray(values, np.float64)
    shortened = [float(f"{value:.{digits}g}") for value in array.ravel().tolist()]
    return shortened[0] if array.ndim == 0 else np.reshape(shortened, array.shape).tolist()


def in_steps(rows: Float32Array, steps: Float64Array) -> list[list[int]]:
    """Rows as whole numbers of steps, one step for each column."""
    return np.rint(rows.astype(np.float64) / steps).astype(np.int64).tolist()  # type: ignore[no-any-return]


def column_sizes(rows: Float32Array) -> Float64Array:
    """Root mean square of each column; 1 of one that is zero, and without rows."""
    size = np.ones(rows.shape[1])
    if len(rows):
        size = np.sqrt(np.mean(rows.astype(np.float64) ** 2, axis=0))
    return np.where(size > 0, size, 1.0)


def listed_rows(rows: Float32Array) -> pa.Array:
    """Rows as one Arrow column of lists of one length."""
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows).ravel()), rows.shape[1])
