"""Timestamps of all batches as steps of 32 bits since the earliest one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.grow import BLOCK, Growing, narrow
from penchant.arrays.types import Int64Array

__all__ = ["TimeColumn", "packed_times"]

_MOST = 2**32 - 1


class TimeColumn:
    """All times of a column: batches are added; `steps` and `origin` are what `Ratings` keeps.

    Seconds since 1970 need 32 bits until 2106, so that is what is kept while it suffices.
    """

    def __init__(self, *, capacity: int) -> None:
        self._growing = Growing(np.uint32, capacity=capacity)

    def extend(self, values: Int64Array) -> None:
        """Add the times of a batch."""
        fits = not len(values) or narrow(int(values.min()), int(values.max()), np.uint32)
        if self._growing.dtype == np.uint32 and not fits:
            self._growing.widen(np.int64)
        self._growing.extend(values)

    def finish(self) -> NDArray[np.integer]:
        """The times as they came."""
        return self._growing.finish()  # type: ignore[return-value]


def steps_of(times: NDArray[np.integer]) -> tuple[NDArray[np.uint32], int, int]:
    """Steps since the earliest time, that time in steps, and how many of the source's units are one step.

    Units are a power of 1,000 to one step: 1 where the steps fit 32 bits, 1,000 for milliseconds over more than 49
    days, and so on. In place where the times are 32 bits wide already.
    """
    low, high = int(times.min()), int(times.max())
    unit = 1
    while high // unit - low // unit > _MOST:
        unit *= 1000
    origin = low // unit
    if unit == 1 and times.dtype == np.uint32:
        times -= np.uint32(origin)
        return times, origin, unit  # type: ignore[return-value]
    steps = np.empty(len(times), dtype=np.uint32)
    for start in range(0, len(times), BLOCK):
        part = slice(start, start + BLOCK)
        steps[part] = times[part].astype(np.int64) // unit - origin
    return steps, origin, unit


def packed_times(
    times: NDArray[np.integer] | None, notes: Sequence[str]
) -> tuple[NDArray[np.uint32] | None, int, str | None]:
    """Steps, origin, and what the report says of them."""
    if times is None:
        return None, 0, None
    steps, origin, unit = steps_of(times)
    told = "; ".join(notes) or "in the unit of the source"
    if unit > 1:
        told += f"; divided by {unit:,} to fit 32 bits, so that times closer than that are equal"
    return steps, origin, told
