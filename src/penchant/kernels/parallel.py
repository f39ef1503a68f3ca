"""Threads: rows shared out among them; kernels release the GIL, so plain threads are enough."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np
import scipy.linalg  # noqa: F401 - loads the BLAS that kernels call, so that its threads can be limited
from threadpoolctl import threadpool_limits

from penchant.arrays.types import Int64Array

__all__ = ["available_threads", "for_row_blocks", "one_blas_thread", "row_blocks", "thread_pool"]

_BLOCKS_PER_THREAD = 8  # enough that an unlucky block does not leave the other threads idle at the end


def available_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_pool(n_threads: int) -> ThreadPoolExecutor:
    """A pool to hand to `for_row_blocks`; use it in a `with`."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="penchant")


class _BlasThreads:
    """How many threads BLAS works on, which is one number of the process: who holds it at one, and what it was.

    The one piece of state that is shared by all trainings, because the number is. Only the first who holds it changes
    it, and only the last gives it back. Otherwise one training that ends sets the number for another that still runs,
    and of two that overlap the last to end leaves the host with what it found, which is one.

    A thread of its own sets the number and gives it back: threadpoolctl lets only the thread that has set it change it
    again, and those who hold it may end in any order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_holders = 0
        self._thread: ThreadPoolExecutor | None = None
        self._stack = ExitStack()

    def hold(self) -> None:
        with self._lock:
            if self._n_holders == 0:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="penchant-blas")
                self._thread.submit(self._limit).result()
            self._n_holders += 1

    def release(self) -> None:
        with self._lock:
            self._n_holders -= 1
            if self._n_holders == 0 and self._thread is not None:
                self._thread.submit(self._stack.close).result()
                self._thread.shutdown()
                self._thread = None

    def _limit(self) -> None:
        self._stack.enter_context(threadpool_limits(1, user_api="blas"))


_BLAS = _BlasThreads()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS on one thread, in the whole process, as long as anybody is in such a block.

    Its own threads would fight ours for the processors. And sums that it shares out among threads have other last
    digits, so that a seed would not give the same model. A host that has set the number itself keeps it: see
    threadpoolctl.
    """
    _BLAS.hold()
    try:
        with threadpool_limits(1, user_api="blas"):  # of this thread, for a BLAS where each has a number of its own
            yield
    finally:
        _BLAS.release()


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
