"""Growing arrays: filled at the end while batches come in, without being in memory twice."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from penchant.arrays.types import BoolArray

__all__ = ["BLOCK", "Growing", "compress", "narrow"]

BLOCK = 1 << 16  # elements that are worked on at once where a whole-array temporary would cost too much memory
_GROWTH = 1.25

Number = TypeVar("Number", bound=np.generic)


class Growing:
    """A one-dimensional array to which batches are added.

    It asks for the room that the source is expected to need; memory that is never written to is never really taken,
    and what is left over is given back at the end.

    >>> growing = Growing(np.int32, capacity=2)
    >>> for part in ([1, 2], [3]):
    ...     growing.extend(np.array(part))
    >>> growing.finish()
    array([1, 2, 3], dtype=int32)
    """

    def __init__(self, dtype: DTypeLike, *, capacity: int) -> None:
        self._array = np.empty(max(capacity, 1), dtype=dtype)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._array.dtype

    def extend(self, values: NDArray[np.generic]) -> None:
        """Add values at the end; they are cast without a check."""
        needed = self._size + len(values)
        if needed > len(self._array):
            # refcheck off: no view of this array is ever given out before `finish`
            self._array.resize(max(needed, int(_GROWTH * len(self._array))), refcheck=False)
        self._array[self._size : needed] = values
        self._size = needed

    def widen(self, dtype: DTypeLike) -> None:
        """Go on with a larger type."""
        wider = np.empty(len(self._array), dtype=dtype)
        wider[: self._size] = self._array[: self._size]
        self._array = wider

    def view(self) -> NDArray[np.generic]:
        """What is there so far; not to be kept while more is added."""
        return self._array[: self._size]

    def finish(self) -> NDArray[np.generic]:
        """The array, of exactly its size."""
        self._array.resize(self._size, refcheck=False)
        return self._array


def compress(array: NDArray[Number], good: BoolArray) -> NDArray[Number]:
    """`array[good]`, made in the memory of `array`, which is lost."""
    size = 0
    for start in range(0, len(array), BLOCK):
        kept = array[start : start + BLOCK][good[start : start + BLOCK]]
        array[size : size + len(kept)] = kept
        size += len(kept)
    if not array.flags.owndata:
        return array[:size].copy()
    array.resize(size, refcheck=False)  # gives the rest back
    return array


def narrow(low: int, high: int, dtype: DTypeLike) -> bool:
    """Whether all integers from `low` to `high` fit a type."""
    limits = np.iinfo(np.dtype(dtype))
    return bool(limits.min <= low and high <= limits.max)
