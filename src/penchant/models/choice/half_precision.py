"""Tables of factors in half precision: what a file keeps of a model of choices takes half the room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array
from penchant.models.array_checks import Arrays, single

if TYPE_CHECKING:
    from penchant.models.choice.choice_model import ChoiceModel

__all__ = ["halved", "rounded", "single_or_half"]

_LARGEST = 6e4  # of the numbers that half precision can hold, about
_SMALLEST = 1e-3  # of the largest number of a table, below which its steps are too coarse


def rounded(model: ChoiceModel) -> ChoiceModel:
    """The model with its factors rounded to 11 bits, still float32, so that `halved` loses nothing of them.

    Scores move by less than a thousandth of their spread. A table whose numbers are too large or too small for half
    precision stays as it is.

    Args:
        model: any.
    """
    return replace(
        model,
        user_factors=_rounded(model.user_factors),
        item_factors=_rounded(model.item_factors),
        item_inputs=_rounded(model.item_inputs),
    )


def halved(table: Float32Array) -> NDArray[np.floating]:
    """The table as float16, where that is the same numbers; else itself."""
    half = _half(table)
    return table if half is None or not np.array_equal(half.astype(np.float32), table) else half


def single_or_half(arrays: Arrays, name: str, *shape: int) -> Float32Array:
    """A float32 array of a given shape, all finite, from a file that may keep it in half precision.

    Args:
        arrays: all of the model's, by name.
        name: which.
        *shape: the shape that it must have.

    Raises:
        FormatError: it is missing or is another.
    """
    kept = arrays.get(name)
    if kept is not None and kept.dtype == np.float16:
        return single({name: kept.astype(np.float32)}, name, *shape)
    return single(arrays, name, *shape)


def _rounded(table: Float32Array) -> Float32Array:
    half = _half(table)
    return table if half is None else half.astype(np.float32)


def _half(table: Float32Array) -> NDArray[np.float16] | None:
    largest = float(np.abs(table).max(initial=0.0))
    if largest != 0 and not _SMALLEST < largest < _LARGEST:
        return None
    return table.astype(np.float16)
