"""Compiled kernels: the same numbers from the process that compiles them and from those that find them compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import hashlib
import penchant as pt

sample = pt.load_dataset("sample")
for solver in (pt.Adam(n_factors=4, n_epochs=2), pt.NeuralNet(n_epochs=2)):
    arrays = pt.fit(sample, solver, choices=False).model.arrays().values()
    print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
"""


def told(program: str, cache: Path, **more: str) -> str:
    """What a fresh process prints whose kernels are kept in a folder."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **more}
    environment.pop("NUMBA_DISABLE_JIT", None)  # it is about compiled kernels, also where others run without
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_process_that_compiles_gives_the_same_numbers_as_later_ones(tmp_path: Path) -> None:
    """Both copies of a kernel that another one calls, its own and the one compiled along, must be one."""
    first, second = (told(PROGRAM, tmp_path) for _ in range(2))
    assert first.count("\n") == 2
    assert first == second


SMALL = """
import hashlib
import penchant as pt

model = pt.fit(pt.load_dataset("sample"), pt.ALS(n_factors=2, n_epochs=2), choices=False).model
print(hashlib.sha256(model.arrays()["item_factors"].tobytes()).hexdigest())
"""


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    first = told(SMALL, tmp_path)
    files = list(tmp_path.rglob("*.nb[ic]"))
    assert files
    for at, path in enumerate(files):
        path.write_bytes(b"" if at % 2 else path.read_bytes()[:40] + b"damaged")
    assert told(SMALL, tmp_path) == first
    assert told(SMALL, tmp_path) == first


FULL = (
    """
import numba.core.caching as caching

def full(self, name, data):
    raise OSError(28, "No space left on device")

caching.IndexDataCacheFile.save = full
"""
    + SMALL
)


def test_a_full_disk_is_no_reason_to_stop(tmp_path: Path) -> None:
    assert len(told(FULL, tmp_path)) == 65
