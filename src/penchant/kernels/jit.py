"""Compilation of kernels by numba: their one decorator, and whether a kernel still has to be compiled here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numba

__all__ = ["is_compiled", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function on arrays with numba: without the GIL, cached on disk where possible, with fused multiply-add.

    The cache is beside the source, else in the user's cache folder, or where NUMBA_CACHE_DIR says. Without any of these
    each process compiles again, which takes seconds.

    Only `contract` of the fast-math flags is set: sums keep their order and infinities their meaning, so a result
    does not depend on how rows were shared out among threads.
    """
    try:
        compiled = _jit(function, cache=True)
    except RuntimeError:  # no folder to keep it in: a read-only installation without a writable home
        compiled = _jit(function, cache=False)
    return cast("Callable[P, R]", compiled)


def _jit(function: Callable[..., object], *, cache: bool) -> object:
    return numba.njit(nogil=True, cache=cache, error_model="numpy", fastmath={"contract"})(function)


def is_compiled(function: Callable[..., object]) -> bool:
    """Whether the first call will start at once: compiled in this process or found in the cache on disk."""
    if not isinstance(function, numba.core.dispatcher.Dispatcher):  # NUMBA_DISABLE_JIT leaves plain Python
        return True
    if function.signatures:
        return True
    code = function.py_func.__code__
    pattern = f"{Path(code.co_filename).stem}.{function.py_func.__name__}-*.nbi"
    folder = function.stats.cache_path
    return folder is not None and any(Path(folder).glob(pattern))
