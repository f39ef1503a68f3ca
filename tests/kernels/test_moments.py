"""Sums of predictions over draws: the compiled kernel, its twin, and what the sums are for."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.kernels.gibbs_sweep import lanes
from penchant.kernels.moments import add_predictions, add_predictions_readable


def draw(n_users: int, n_items: int, n_factors: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    tables = []
    for n in (n_users, n_items):
        factors = np.zeros((n, lanes(n_factors)), dtype=np.float32)
        factors[:, :n_factors] = rng.standard_normal((n, n_factors))
        tables += [factors, rng.standard_normal(n).astype(np.float32)]
    return tuple(tables)


def pairs(n: int, n_users: int, n_items: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.integers(0, n_users, n).astype(np.int32), rng.integers(0, n_items, n).astype(np.int32)


@pytest.mark.parametrize("n_factors", [0, 1, 7, 8, 16, 17])
@pytest.mark.parametrize("n", [0, 1, 50])
def test_add_predictions_is_its_twin(n_factors: int, n: int) -> None:
    model = draw(5, 7, n_factors, seed=n_factors)
    sums = [np.full(n, 0.5), np.full(n, 2.0)], [np.full(n, 0.5), np.full(n, 2.0)]
    for function, (total, squares) in zip((add_predictions, add_predictions_readable), sums, strict=True):
        for _ in range(2):  # sums go on from where they are
            function(*pairs(n, 5, 7), *model, total, squares)
    for ours, twin in zip(*sums, strict=True):
        assert np.allclose(ours, twin, rtol=1e-5, atol=1e-5)


def test_the_sums_give_mean_and_variance_over_draws() -> None:
    users, items = pairs(40, 6, 8)
    total, squares = np.zeros(40), np.zeros(40)
    seen = []
    for seed in range(12):
        p, b_user, q, b_item = draw(6, 8, 3, seed)
        add_predictions(users, items, p, b_user, q, b_item, total, squares)
        seen.append(b_user[users] + b_item[items] + np.einsum("nk,nk->n", p[users], q[items]))
    assert np.allclose(total / 12, np.mean(seen, axis=0), atol=1e-5)
    assert np.allclose(squares / 12 - (total / 12) ** 2, np.var(seen, axis=0), atol=1e-4)
