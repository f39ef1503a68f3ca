"""The running product against the exact truncated singular value decomposition of all draws side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.solvers.gibbs.synthetic import training_data

import penchant as pt
from penchant.fitting.fit import training_data as arrays_of
from penchant.solvers.gibbs.chains import Run
from penchant.solvers.gibbs.collapse import RunningProduct, collapse
from penchant.solvers.solver import TrainingData


def single(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def truncated(product: np.ndarray, n_columns: int) -> np.ndarray:
    u, s, vt = np.linalg.svd(product.astype(np.float64), full_matrices=False)
    return (u[:, :n_columns] * s[:n_columns]) @ vt[:n_columns]


def similar_draws(n: int, shape: tuple[int, int], k: int, apart: float, seed: int = 0) -> list[list[np.ndarray]]:
    """Draws around one truth, each turned by a rotation of its own, as draws are that nothing but the product binds."""
    rng = np.random.default_rng(seed)
    truth = [single(rng, rows, k) for rows in shape]
    draws = []
    for _ in range(n):
        turn, _ = np.linalg.qr(rng.standard_normal((k, k)))
        draws.append([((each + apart * single(rng, *each.shape)) @ turn).astype(np.float32) for each in truth])
    return draws


@pytest.mark.parametrize(
    ("n", "m", "columns", "kept"),
    [(30, 20, 6, 6), (30, 20, 6, 2), (3, 40, 10, 3), (40, 3, 10, 3), (1, 30, 5, 1), (1, 1, 4, 4), (5, 4, 20, 4)],
    ids=["all", "two", "few left", "few right", "one user", "one pair", "more columns than rows"],
)
def test_collapse_is_the_truncated_decomposition(n: int, m: int, columns: int, kept: int) -> None:
    rng = np.random.default_rng(n + m)
    left, right = single(rng, n, columns), single(rng, m, columns)
    to_left, to_right = collapse(left, right, kept)
    assert to_left.shape == to_right.shape
    assert to_left.shape[1] == min(kept, n, m, columns)
    assert np.allclose((left @ to_left) @ (right @ to_right).T, truncated(left @ right.T, kept), atol=2e-3)


def test_both_sides_share_the_weight_of_each_column() -> None:
    """Columns of P and of Q are orthogonal, of the same length, the weightiest first."""
    rng = np.random.default_rng(0)
    left, right = single(rng, 40, 8), 30 * single(rng, 25, 8)
    to_left, to_right = collapse(left, right, 5)
    grams = [each.T @ each for each in (left @ to_left, right @ to_right)]
    assert np.allclose(grams[0], grams[1], rtol=1e-3, atol=1e-3 * grams[0].max())
    sizes = np.diag(grams[0])
    assert np.allclose(grams[0], np.diag(sizes), atol=1e-3 * sizes[0])
    assert (np.diff(sizes) < 0).all()


def test_a_product_of_low_rank_has_few_columns() -> None:
    rng = np.random.default_rng(1)
    left, right = single(rng, 30, 3) @ single(rng, 3, 8), single(rng, 20, 8)
    to_left, to_right = collapse(left, right, 6)
    assert to_left.shape == (8, 3)
    assert np.allclose((left @ to_left) @ (right @ to_right).T, left @ right.T, atol=1e-2)


def test_nothing_collapses_to_nothing() -> None:
    for shapes in (((5, 4), (6, 4)), ((0, 4), (6, 4)), ((5, 0), (6, 0))):
        to_left, to_right = collapse(*(np.zeros(shape, np.float32) for shape in shapes), 3)
        assert to_left.shape == to_right.shape == (shapes[0][1], 0)


@pytest.mark.parametrize("k", [1, 4, 16])
def test_the_running_product_is_the_mean_of_all_draws(k: int) -> None:
    """Far more draws than there is room for, that differ as draws of one posterior do."""
    draws = similar_draws(24 if k == 16 else 80, (50, 40), k, apart=0.3)
    running = RunningProduct(k, 50, 40)
    for left, right in draws:
        running.add([left], [right])
    left, right = running.mean()
    assert left.shape == (50, k)
    assert left.dtype == right.dtype == np.float32
    exact = truncated(np.mean([left @ right.T for left, right in draws], axis=0), k)
    signal = np.mean(exact**2)
    assert np.mean((left @ right.T - exact) ** 2) < 1e-5 * signal
    assert running.n_draws == len(draws)


def test_before_the_first_compression_it_is_exact() -> None:
    draws = similar_draws(5, (30, 20), 4, apart=5.0)  # hardly alike
    running = RunningProduct(4, 30, 20)
    for left, right in draws:
        running.add([left], [right])
    left, right = running.mean()
    mean = np.mean([left @ right.T for left, right in draws], axis=0)
    assert np.allclose(left @ right.T, truncated(mean, 4), atol=1e-3 * np.abs(mean).max())


@pytest.mark.parametrize("k", [0, 1, 16, 48, 49, 100])
def test_it_never_has_more_columns_than_it_says(k: int) -> None:
    running = RunningProduct(k, 30, 20)
    rng = np.random.default_rng(k)
    for _ in range(90 if k == 1 else 12):
        running.add([single(rng, 30, k)], [single(rng, 20, k)])
        assert running._used <= running._left.shape[1] == max(k + 64, 2 * k + 16)
    left, right = running.mean()
    assert (left.shape, right.shape) == ((30, k), (20, k))
    assert np.isfinite(left).all()


def test_carried_rows_go_through_the_same_changes() -> None:
    """A carried row that equals a row of P in every draw equals it in the mean, and has no say in what is kept."""
    draws = similar_draws(60, (30, 20), 3, apart=0.3)
    plain, carrying = RunningProduct(3, 30, 20), RunningProduct(3, 30, 20, n_left_more=3, n_right_more=1)
    for left, right in draws:
        plain.add([left], [right])
        carrying.add([left, 100 * left[4:6], left[7:8] - 2 * left[8:9]], [right, right[:3].sum(axis=0, keepdims=True)])
    left, right = carrying.mean()
    assert (left.shape, right.shape) == ((33, 3), (21, 3))
    for with_more, without in zip((left[:30], right[:20]), plain.mean(), strict=True):
        assert np.allclose(with_more, without, atol=1e-5)
    assert np.allclose(left[30:32], 100 * left[4:6], atol=1e-2)
    assert np.allclose(left[32], left[7] - 2 * left[8], atol=1e-3)
    assert np.allclose(right[20], right[:3].sum(axis=0), atol=1e-3)


def test_the_largest_loading_of_every_column_is_positive() -> None:
    running = RunningProduct(3, 30, 20, n_right_more=1)
    for left, right in similar_draws(40, (30, 20), 3, apart=0.3):
        running.add([left], [right, -100 * right[:1]])  # what is carried has no say
    _, right = running.mean()
    items = right[:20]
    assert (items[np.abs(items).argmax(axis=0), range(3)] > 0).all()


def test_more_rows_than_are_worked_on_at_once() -> None:
    draws = similar_draws(40, (9_000, 15), 2, apart=0.1)
    running = RunningProduct(2, 9_000, 15)
    for left, right in draws:
        running.add([left], [right])
    left, right = running.mean()
    exact = np.mean([left @ right.T for left, right in draws], axis=0)
    assert np.mean((left @ right.T - exact) ** 2) < 1e-3 * np.mean(exact**2)


def test_clear_forgets_everything() -> None:
    old, new = (similar_draws(40, (20, 10), 3, apart=0.2, seed=seed) for seed in (0, 1))
    used, fresh = RunningProduct(3, 20, 10), RunningProduct(3, 20, 10)
    for left, right in old:
        used.add([left], [right])
    used.clear()
    assert used.n_draws == 0
    assert all((table == 0).all() for table in used.mean())
    for left, right in new:
        for product in (used, fresh):
            product.add([left], [right])
    for one, two in zip(used.mean(), fresh.mean(), strict=True):
        assert np.array_equal(one, two)


def test_the_mean_may_be_taken_again_and_again() -> None:
    running = RunningProduct(4, 20, 10)
    for left, right in similar_draws(36, (20, 10), 4, apart=0.2):
        running.add([left], [right])
        first, second = running.mean(), running.mean()
    for one, two in zip(first, second, strict=True):
        assert np.array_equal(one, two)


def test_columns_of_very_different_size_are_both_kept() -> None:
    """A strong and a weak direction, the weak one a hundredth of the strong one on each side."""
    rng = np.random.default_rng(3)
    size = np.array([1, 0.01], dtype=np.float32)
    left, right = single(rng, 40, 2) * size, single(rng, 30, 2) * size
    running = RunningProduct(2, 40, 30)
    for _ in range(80):
        running.add([left], [right])
    p, q = running.mean()
    assert np.linalg.matrix_rank(p @ q.T, tol=1e-4) == 2


def lost(data: TrainingData, n_factors: int, n_sweeps: int, n_burn: int) -> tuple[float, float]:
    """Mean squared difference of predictions: exact truncation and ours; and, ours and all draws."""
    run = Run(data, n_factors, 2, implicit=True, rng=np.random.default_rng(0))
    product = RunningProduct(n_factors, data.n_users, data.n_items)
    total = np.zeros((data.n_users, data.n_items))
    for sweep in range(n_burn + n_sweeps):
        for chain in run.chains:
            chain.sweep()
            if sweep >= n_burn:
                left, right = chain.users.factors, chain.items.factors
                product.add([left], [right])
                total += left @ right.T
    p, q = product.mean()
    mean = run._spread * total / product.n_draws
    ours = run._spread * (p @ q.T)
    vectors = np.linalg.eigh(mean @ mean.T)[1][:, -n_factors:]  # of the truncated decomposition, and quicker
    exact = vectors @ (vectors.T @ mean)
    return float(np.mean((ours - exact) ** 2)), float(np.mean((ours - mean) ** 2))


def test_next_to_nothing_is_lost_on_the_sample() -> None:
    data = arrays_of(pt.load_dataset("sample"))
    from_exact, from_all = lost(data, 8, 30, 10)
    assert from_exact < 5e-5
    assert from_all < 0.01


def test_next_to_nothing_is_lost_on_movielens(movielens_100k: Path) -> None:
    train, _ = pt.load_dataset("ml-100k").split(0.2, rng=42)
    from_exact, from_all = lost(arrays_of(train), 16, 16, 8)
    assert from_exact < 1e-4
    assert from_all < 0.02


def test_one_user_and_many_draws() -> None:
    data = training_data(np.zeros(12), np.arange(12), np.arange(12) % 5, 1, 12)
    from_exact, _ = lost(data, 4, 20, 5)
    assert from_exact < 1e-4
