"""Threads: rows shared out among them; kernels release the GIL, so plain threads are enough."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from penchant.arrays.types import Int64Array

__all__ = ["available_threads", "for_row_blocks", "row_blocks", "thread_pool"]

_BLOCKS_PER_THREAD = 8  # enough that an unlucky block does not leave the other threads idle at the end


def available_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_pool(n_threads: int) -> ThreadPoolExecutor:
    """A pool to hand to `for_row_blocks`; use it in a `with`."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="penchant")


def row_blocks(indptr: Int64Array, n_blocks: int) -> list[tuple[int, int]]:
    """Cut rows 0 to n into at most `n_blocks` runs (start, stop) of about the same work.

    A row counts as its ratings plus one, so that a run of empty rows is work too.
    """
    n_rows = len(indptr) - 1
    work = indptr - indptr[0] + np.arange(n_rows + 1)
    cuts = np.searchsorted(work, np.linspace(0, work[-1], n_blocks + 1)).astype(np.int64)
    cuts[0], cuts[-1] = 0, n_rows
    return [(int(start), int(stop)) for start, stop in itertools.pairwise(cuts) if stop > start]


def for_row_blocks(pool: Executor, indptr: Int64Array, n_threads: int, work: Callable[[int, int], object]) -> None:
    """Call `work(start, stop)` for runs of rows that together are all rows, on the threads of `pool`.

    The first exception of a run is raised after all runs have ended.
    """
    blocks = row_blocks(indptr, _BLOCKS_PER_THREAD * n_threads)
    futures = [pool.submit(work, start, stop) for start, stop in blocks]
    for future in futures:
        future.exception()  # wait for all: a block must not run on while its arrays are given up
    for future in futures:
        future.result()
