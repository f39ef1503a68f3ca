"""Checks of arrays and settings that come from a file, where anything may be wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array
from penchant.errors import FormatError
from penchant.models.model import Setting

__all__ = [
    "Arrays",
    "double",
    "not_negative",
    "number",
    "positive",
    "positive_definite",
    "shape_of",
    "single",
    "y_range_of",
]

Arrays: TypeAlias = "Mapping[str, NDArray[np.generic]]"


def shape_of(arrays: Arrays, name: str) -> tuple[int, int]:
    """Rows and columns of a table.

    Raises:
        FormatError: it is missing, or is no table.
    """
    if name not in arrays or arrays[name].ndim != 2:
        raise FormatError(f"the model's array {name!r} is missing or is no table")
    return int(arrays[name].shape[0]), int(arrays[name].shape[1])


def single(arrays: Arrays, name: str, *shape: int) -> Float32Array:
    """A float32 array of a given shape, all finite.

    Raises:
        FormatError: it is missing or is another.
    """
    return cast("Float32Array", _checked(arrays, name, np.dtype(np.float32), shape))


def double(arrays: Arrays, name: str, *shape: int) -> Float64Array:
    """A float64 array of a given shape, all finite.

    Raises:
        FormatError: it is missing or is another.
    """
    return cast("Float64Array", _checked(arrays, name, np.dtype(np.float64), shape))


def positive(array: Float32Array, name: str) -> Float32Array:
    """The array, if all of it is above zero.

    Raises:
        FormatError: some of it is not.
    """
    if not (array > 0).all():
        raise FormatError(f"the model's array {name!r} holds values that are not above zero")
    return array


def not_negative(array: Float32Array, name: str) -> Float32Array:
    """The array, if none of it is below zero.

    Raises:
        FormatError: some of it is.
    """
    if (array < 0).any():
        raise FormatError(f"the model's array {name!r} holds values below zero")
    return array


def positive_definite(precision: Float64Array, name: str) -> Float64Array:
    """The matrix, if it is a precision.

    Raises:
        FormatError: it is not symmetric and positive definite.
    """
    try:
        np.linalg.cholesky(precision)
        fits = np.allclose(precision, precision.T)
    except np.linalg.LinAlgError:
        fits = False
    if not fits:
        raise FormatError(f"the model's array {name!r} is not symmetric and positive definite")
    return precision


def number(settings: Mapping[str, Setting], name: str, lowest: float = -math.inf, highest: float = math.inf) -> float:
    """A finite number within bounds.

    Raises:
        FormatError: it is missing or is none.
    """
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FormatError(f"the model's setting {name!r} is {value!r}, not a finite number")
    if not lowest <= value <= highest:
        raise FormatError(f"the model's setting {name!r} is {value!r}, not between {lowest:g} and {highest:g}")
    return float(value)


def y_range_of(settings: Mapping[str, Setting]) -> tuple[float, float] | None:
    """Ends of the sigmoid; None where there is none.

    Raises:
        FormatError: they are not two finite numbers, the lower first.
    """
    value = settings.get("y_range")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise FormatError(f"the model's setting 'y_range' is {value!r}, not two numbers")
    lo, hi = number({"y_range": value[0]}, "y_range"), number({"y_range": value[1]}, "y_range")
    if not lo < hi:
        raise FormatError(f"the model's setting 'y_range' is {value!r}: the first must be the lower")
    return lo, hi


def _checked(arrays: Arrays, name: str, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> NDArray[np.generic]:
    if name not in arrays:
        raise FormatError(f"the model's array {name!r} is missing")
    array = arrays[name]
    if array.dtype != dtype or array.shape != shape:
        raise FormatError(f"the model's array {name!r} is {array.dtype}{array.shape}, not {dtype}{shape}")
    if not np.isfinite(array).all():
        raise FormatError(f"the model's array {name!r} holds values that are not finite")
    return array
