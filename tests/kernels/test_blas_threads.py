"""BLAS on one thread while anybody trains, and as it was when all have ended."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import penchant as pt
from penchant.kernels.parallel import one_blas_thread
from penchant.solvers.solver import Solver


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def _two_threads() -> None:
    with threadpool_limits(2, user_api="blas"):
        pass  # and give up control of it again: see threadpoolctl
    if set(blas_threads()) != {2}:
        pytest.skip("BLAS works on two threads where there are two processors")


def test_the_last_one_gives_back_what_the_first_one_found() -> None:
    first, second = one_blas_thread(), one_blas_thread()
    before = blas_threads()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)  # the first to come ends first
    assert set(blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == before


def test_it_holds_on_other_threads_than_the_first_s() -> None:
    with one_blas_thread():
        pass
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as other:
        first, second = one_blas_thread(), one_blas_thread()
        pool.submit(first.__enter__).result()
        other.submit(second.__enter__).result()
        pool.submit(first.__exit__, None, None, None).result()
        assert set(other.submit(blas_threads).result()) == {1}
        other.submit(second.__exit__, None, None, None).result()
    assert set(blas_threads()) == {2}


def test_an_error_gives_it_back_too() -> None:
    before = blas_threads()
    with pytest.raises(ValueError, match="mine"), one_blas_thread():
        raise ValueError("mine")
    assert blas_threads() == before


def test_trainings_side_by_side_leave_blas_alone_and_give_the_same_models() -> None:
    sample, n = pt.load_dataset("sample"), 4
    solvers: list[Solver] = [
        pt.Bayes(n_factors=4, n_draws=8 + 8 * at, n_burn=2, n_chains=2, n_threads=2) for at in range(n - 1)
    ]
    solvers.append(pt.Adam(n_factors=50, n_epochs=1))
    alone = [pt.fit(sample, solver, choices=False).model.arrays() for solver in solvers]
    before, gate = blas_threads(), threading.Barrier(n)

    def train(solver: Solver) -> dict[str, np.ndarray]:
        gate.wait()
        return pt.fit(sample, solver, choices=False).model.arrays()

    with ThreadPoolExecutor(n) as pool:
        together = list(pool.map(train, solvers))
    assert blas_threads() == before
    for one, other in zip(alone, together, strict=True):
        assert all(one[name].tobytes() == other[name].tobytes() for name in one)
