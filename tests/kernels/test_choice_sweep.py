"""The kernel of choices against its readable twin, which writes out every cell."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.kernels.choice_sweep import choice_width, sweep_choices, sweep_choices_readable
from penchant.kernels.csr import group_by_row


@pytest.mark.parametrize(("n_factors", "block"), [(1, 1), (5, 5), (20, 7), (33, 33), (33, 16)])
@pytest.mark.parametrize("is_draw", [False, True])
@pytest.mark.parametrize("n_priors", [1, 13])
def test_kernel_is_its_twin(n_factors: int, block: int, is_draw: bool, n_priors: int) -> None:
    rng = np.random.default_rng(n_factors)
    n, m, width = 13, 40, choice_width(n_factors)
    chosen = rng.random((n, m)) < 0.3
    chosen[4] = False  # a row without choices
    rows, others = (each.astype(np.int32) for each in np.nonzero(chosen))
    grouped = group_by_row(rows, others, rng.uniform(0.5, 3, len(rows)).astype(np.float32), n)

    def padded(n_rows: int, spread: float) -> np.ndarray:
        made = np.zeros((n_rows, width), np.float32)
        made[:, :n_factors] = spread * rng.standard_normal((n_rows, n_factors))
        return made

    q, prior, start = padded(m, 0.4), padded(n_priors, 1), padded(n, 1)
    other_bias, row_bias = (0.2 * rng.random(size).astype(np.float32) for size in (m, n))
    precision, ridge = (rng.uniform(0.5, 2, size).astype(np.float32) for size in (n_factors, n))
    normals = rng.standard_normal((n if is_draw else 0, n_factors)).astype(np.float32)
    found = []
    for sweep in (sweep_choices, sweep_choices_readable):
        factors, squares = start.copy(), np.zeros(n)
        sweep(
            0, n, grouped.indptr, grouped.others, grouped.target, 0.13, q, other_bias, row_bias, q.T @ q, q.sum(axis=0),
            other_bias @ q, precision, ridge, prior, block, 0.7, normals, factors, squares,
        )  # fmt: skip
        found.append((factors, squares))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=2e-4)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=2e-3)
