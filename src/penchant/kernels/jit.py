"""Compilation of kernels by numba: their one decorator, and whether a kernel still has to be compiled here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numba
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

__all__ = ["is_compiled", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function on arrays with numba: without the GIL, cached on disk where possible, with fused multiply-add.

    The cache is beside the source, else in the user's cache folder, or where NUMBA_CACHE_DIR says. Without any of these
    each process compiles again, which takes seconds.

    Only `contract` of the fast-math flags is set: sums keep their order and infinities their meaning, so a result
    does not depend on how rows were shared out among threads.

    A kernel that another one calls becomes a part of it (`forceinline`). Otherwise there are two copies of it, its own
    and one that was optimised along with its caller, with other fused multiply-adds. The process that compiles would
    call the one, and processes that find the caller in the cache the other: other last digits for the same seed.
    """
    try:
        compiled = _jit(function, cache=True)
        if isinstance(compiled, Dispatcher):
            vars(compiled)["_cache"] = _ForgivingCache(function)  # type: ignore[no-untyped-call]  # numba offers no way
    except RuntimeError:  # no folder to keep it in: a read-only installation without a writable home
        compiled = _jit(function, cache=False)
    return cast("Callable[P, R]", compiled)


class _ForgivingCache(FunctionCache):
    """Numba's cache on disk, without which a kernel works as well: it is compiled once more.

    A damaged file is thrown away, and a full disk is no reason to stop. Numba raises what `pickle` or the system says.
    """

    def load_overload(self, sig: object, target_context: object) -> object:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # whatever a damaged file brings about
            with suppress(Exception):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: object, data: object) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception:  # no room, no right, or a damaged index, which is thrown away
            with suppress(Exception):
                self.flush()  # type: ignore[no-untyped-call]


def _jit(function: Callable[..., object], *, cache: bool) -> object:
    return numba.njit(nogil=True, cache=cache, error_model="numpy", fastmath={"contract"}, forceinline=True)(function)


def is_compiled(function: Callable[..., object]) -> bool:
    """Whether the first call will start at once: compiled in this process or found in the cache on disk."""
    if not isinstance(function, Dispatcher):  # NUMBA_DISABLE_JIT leaves plain Python
        return True
    if function.signatures:
        return True
    code = function.py_func.__code__
    pattern = f"{Path(code.co_filename).stem}.{function.py_func.__name__}-*.nbi"
    folder = function.stats.cache_path
    return folder is not None and any(Path(folder).glob(pattern))
