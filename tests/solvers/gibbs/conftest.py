"""What all tests of the sampler share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="package")
def one_blas_thread() -> Iterator[None]:
    """Matrices are small here: on a busy machine several threads of BLAS would wait for each other most of the time."""
    with threadpool_limits(1):
        yield
