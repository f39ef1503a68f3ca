"""Timing on machines that are never quite quiet: alternating runs, medians, ratios of neighbouring runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Timing", "alternate", "ratio"]

R = TypeVar("R")


@dataclass(frozen=True)
class Timing:
    """What the runs of one piece of work took, in the order in which they ran.

    Attributes:
        wall: seconds on the clock.
        cpu: seconds of processor time, of all threads of this process together. Other processes hardly change it, but
            a thread that waits in a loop for work counts as busy.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median seconds on the clock."""
        return statistics.median(self.wall)

    def to_dict(self) -> dict[str, float | int]:
        """Milliseconds for the results file: median, fastest and slowest on the clock, median of processor time."""
        return {
            "rounds": len(self.wall),
            "median_ms": _ms(self.median),
            "min_ms": _ms(min(self.wall)),
            "max_ms": _ms(max(self.wall)),
            "cpu_median_ms": _ms(statistics.median(self.cpu)),
        }


def alternate(
    work: Mapping[str, Callable[[], R]],
    *,
    rounds: int = 7,
    warm_up: int = 1,
    after: Callable[[str, R], object] | None = None,
) -> dict[str, Timing]:
    """Time several pieces of work in turn, A B C A B C, so that a slow spell of the machine hits all of them.

    Args:
        work: what to run, by name.
        rounds: timed runs of each.
        warm_up: runs of each that come first and are not counted (compiling, filling caches).
        after: called outside the clock after each timed run with its name and what it returned.
    """
    wall: dict[str, list[float]] = {name: [] for name in work}
    cpu: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(-warm_up, rounds):
        for name, run in work.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            outcome = run()
            spent_cpu, spent = time.process_time() - began_cpu, time.perf_counter() - began
            if turn >= 0:
                wall[name].append(spent)
                cpu[name].append(spent_cpu)
                if after is not None:
                    after(name, outcome)
    return {name: Timing(tuple(wall[name]), tuple(cpu[name])) for name in work}


def ratio(peer: Timing, ours: Timing) -> float:
    """How many times as long `peer` took: the median, over rounds, of the ratio of two runs that are neighbours."""
    return statistics.median(theirs / mine for theirs, mine in zip(peer.wall, ours.wall, strict=True))


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
