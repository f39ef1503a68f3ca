"""Rows shared out among threads: all of them once, evenly, and errors told."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.kernels.jit import is_compiled, kernel
from penchant.kernels.parallel import available_threads, for_row_blocks, row_blocks, thread_pool


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 50))
def test_blocks_are_all_rows_once_and_even(counts: list[int], n_blocks: int) -> None:
    indptr = np.r_[0, np.cumsum(counts, dtype=np.int64)].astype(np.int64)
    blocks = row_blocks(indptr, n_blocks)
    assert [row for start, stop in blocks for row in range(start, stop)] == list(range(len(counts)))
    assert len(blocks) <= n_blocks
    share = (sum(counts) + len(counts)) / n_blocks
    for start, stop in blocks:
        assert sum(counts[start:stop]) + (stop - start) <= share + max(counts) + 1


@pytest.mark.parametrize("n_threads", [1, 4])
def test_every_row_is_worked_on_once(n_threads: int) -> None:
    done, lock = [], threading.Lock()

    def work(start: int, stop: int) -> None:
        with lock:
            done.extend(range(start, stop))

    with thread_pool(n_threads) as pool:
        for_row_blocks(pool, np.arange(101, dtype=np.int64), n_threads, work)
    assert sorted(done) == list(range(100))


def test_an_error_in_a_block_is_raised_when_all_have_ended() -> None:
    ended = []

    def work(start: int, stop: int) -> None:
        if start == 0:
            raise ValueError("the first block")
        ended.append(stop - start)

    with thread_pool(2) as pool, pytest.raises(ValueError, match="the first block"):
        for_row_blocks(pool, np.arange(33, dtype=np.int64), 2, work)
    assert sum(ended) == 32 - 2


def test_available_threads_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_threads() >= 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert available_threads() == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_threads() == 1


def test_is_compiled_looks_into_the_process_and_the_cache() -> None:
    def plain() -> int:
        return 1

    assert is_compiled(plain)
    fresh = kernel(plain)
    assert fresh() == 1
    assert is_compiled(fresh)


def test_a_kernel_works_where_there_is_no_folder_for_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    real = numba.njit

    def without_a_folder(*args: object, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function 'plain': no locator available for file 'plain.py'")
        return real(*args, **options)

    def plain() -> int:
        return 2

    monkeypatch.setattr(numba, "njit", without_a_folder)
    assert kernel(plain)() == 2
