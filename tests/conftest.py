"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a test may import pandas or compile a kernel: no deadline on one example.
settings.register_profile("penchant", deadline=None)
settings.load_profile("penchant")

if named := os.environ.get("PENCHANT_DATA"):  # tests change the working folder
    os.environ["PENCHANT_DATA"] = str(Path(named).resolve())


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that PENCHANT_DATA names; tests that need real MovieLens files skip without it."""
    named = os.environ.get("PENCHANT_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("PENCHANT_DATA names no folder: MovieLens may not be redistributed, so it is not in this project")
    return Path(named).resolve()


@pytest.fixture(scope="session")
def movielens_100k(data_folder: Path) -> Path:
    """The folder of MovieLens-100k (u.data, u.item, ...)."""
    folder = data_folder / "ml-100k"
    if not (folder / "u.data").is_file():
        pytest.skip("no u.data in the ml-100k folder of PENCHANT_DATA")
    return folder


@pytest.fixture(scope="session")
def movielens_1m(data_folder: Path) -> Path:
    """The folder of MovieLens-1M."""
    folder = data_folder / "ml-1m"
    if not folder.is_dir():
        pytest.skip("no ml-1m folder in PENCHANT_DATA")
    return folder
