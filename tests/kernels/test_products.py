"""Sums over the ratings of rows: the compiled kernel against its twin. Also run with the JIT off, for coverage."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.kernels.products import add_products, add_products_readable


@pytest.mark.parametrize("size", [1, 3, 17])
def test_it_is_its_twin(size: int) -> None:
    rng = np.random.default_rng(size)
    indptr = np.array([0, 4, 4, 9, 40])
    others = rng.integers(0, 6, 40).astype(np.int32)
    given = others, rng.random(40), rng.standard_normal(40), rng.standard_normal((6, size))
    found = []
    for function in (add_products, add_products_readable):
        grams, right = np.full((4, size, size), 0.5), np.full((4, size), -1.0)  # sums go on from where they are
        function(0, 2, indptr, *given, grams, right)
        function(2, 3, indptr, *given, grams, right)
        assert (grams[3] == 0.5).all()
        found.append((grams, right))
    for ours, twin in zip(*found, strict=True):
        assert np.allclose(ours, twin)
