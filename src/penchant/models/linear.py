"""Linear equations of rows: solved, or refused where a file's numbers are too extreme for an answer."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float64Array
from penchant.errors import DataError

__all__ = ["inverse", "lower_root", "solved"]


def solved(matrix: NDArray[np.floating], right: NDArray[np.floating]) -> Float64Array:
    """X with matrix X = right; several at once where there are more axes.

    Args:
        matrix: square, shape (n, n), or (m, n, n) for several.
        right: shape (n,) or (n, k), or (m, n, k) for several.

    Raises:
        DataError: there is none that is a number.
    """
    try:
        found: Float64Array = np.linalg.solve(matrix, right).astype(np.float64)
    except np.linalg.LinAlgError as error:
        _refuse(error)
    return found


def inverse(matrix: NDArray[np.floating]) -> Float64Array:
    """The inverse of a matrix, or of each of several.

    Raises:
        DataError: there is none that is a number.
    """
    try:
        found: Float64Array = np.linalg.inv(matrix).astype(np.float64)
    except np.linalg.LinAlgError as error:
        _refuse(error)
    return found


def lower_root(matrix: NDArray[np.floating]) -> Float64Array:
    """L with L L^T = matrix, lower triangular; of each of several.

    Raises:
        DataError: there is none, or none that is a number.
    """
    try:
        found: Float64Array = np.linalg.cholesky(matrix).astype(np.float64)
    except np.linalg.LinAlgError as error:
        _refuse(error)
    return found


def _refuse(error: Exception) -> NoReturn:
    raise DataError(
        f"the model has no answer here: its numbers are too extreme to calculate with ({error}); train it again"
    ) from error
