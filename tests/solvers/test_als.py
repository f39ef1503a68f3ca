"""The ALS solver as a whole: what it lowers, what it does not depend on, and what it reaches."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.data.sources.sample import generate
from penchant.errors import ParameterError
from penchant.fitting.fit import training_data
from penchant.models.dot_bias import DotBias
from penchant.solvers.solver import TrainingData


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return training_data(pt.load_dataset("sample"))


def objective(model: DotBias, data: TrainingData, solver: pt.ALS) -> float:
    """What the docstring of ALS says that it lowers, in units of the ratings' standard deviation."""
    spread = float(data.rating.std(dtype=np.float64))
    error = (model.predict(data.user_idx, data.item_idx).astype(np.float64) - data.rating) / spread
    total = float(np.square(error).sum())
    sides = [
        (data.user_idx, model.user_factors, model.user_biases),
        (data.item_idx, model.item_factors, model.item_biases),
    ]
    for rows, factors, biases in sides:
        weight = np.maximum(np.bincount(rows, minlength=len(biases)), 1) ** solver.reg_power
        taste = np.square(factors.astype(np.float64)).sum(1) / spread
        total += float((weight * (solver.reg * taste + solver.bias_reg * (biases / spread) ** 2)).sum())
    return total


@pytest.mark.parametrize("reg_power", [0.0, 0.5, 1.0])
def test_every_sweep_lowers_the_objective(data: TrainingData, reg_power: float) -> None:
    solver = pt.ALS(n_factors=5, n_epochs=12, reg=0.5, reg_power=reg_power)
    values = [objective(epoch.model, data, solver) for epoch in solver.epochs(data)]
    assert all(after <= before * (1 + 1e-6) for before, after in itertools.pairwise(values))
    assert values[-1] < values[0]


def test_the_end_is_a_minimum_of_the_objective(data: TrainingData) -> None:
    solver = pt.ALS(n_factors=2, n_epochs=300, reg=0.5)
    *_, last = solver.epochs(data)
    best = objective(last.model, data, solver)
    rng = np.random.default_rng(0)
    for name in ("user_biases", "item_biases", "user_factors", "item_factors"):
        array = getattr(last.model, name)
        for _ in range(5):
            nudge = (1e-2 * rng.standard_normal(array.shape)).astype(np.float32)
            assert objective(dataclasses.replace(last.model, **{name: array + nudge}), data, solver) > best


def test_one_sweep_is_the_numpy_twin() -> None:
    rng = np.random.default_rng(3)
    n_users, n_items, n_factors, n = 12, 9, 2, 60
    data = TrainingData(
        rng.integers(0, n_users, n).astype(np.int32),
        rng.integers(0, n_items, n).astype(np.int32),
        rng.integers(1, 6, n).astype(np.float32),
        n_users,
        n_items,
        (1.0, 5.0),
    )
    solver = pt.ALS(n_factors=n_factors, n_epochs=1, reg=0.9, bias_reg=0.3, reg_power=0.5, rng=5)
    (epoch,) = solver.epochs(data)

    mean, spread = data.rating.mean(), data.rating.std()
    y = (data.rating - mean) / spread
    q = 0.1 * np.random.default_rng(5).standard_normal((n_items, n_factors))
    b = np.zeros(n_items)

    def solve_side(rows: np.ndarray, n_rows: int, others: np.ndarray, q: np.ndarray, b: np.ndarray) -> np.ndarray:
        theta = np.zeros((n_rows, n_factors + 1))
        for row in range(n_rows):
            mine = rows == row
            x = np.c_[q[others[mine]], np.ones(mine.sum())]
            penalty = max(mine.sum(), 1) ** 0.5 * np.diag([0.9] * n_factors + [0.3])
            theta[row] = np.linalg.solve(x.T @ x + penalty, x.T @ (y[mine] - b[others[mine]]))
        return theta

    users = solve_side(data.user_idx, n_users, data.item_idx, q, b)
    items = solve_side(data.item_idx, n_items, data.user_idx, users[:, :-1], users[:, -1])
    expected = mean + spread * (users[:, -1:] + items[:, -1] + users[:, :-1] @ items[:, :-1].T)
    everyone = np.repeat(np.arange(n_users, dtype=np.int32), n_items)
    everything = np.tile(np.arange(n_items, dtype=np.int32), n_users)
    assert np.allclose(epoch.model.predict(everyone, everything), expected.ravel(), atol=1e-4)


def test_the_unit_of_the_ratings_is_irrelevant() -> None:
    stars = pt.load_dataset("sample")
    points = Ratings.from_arrays(
        stars.users.ids[stars.user_idx], stars.items.ids[stars.item_idx], stars.rating * 25.0 - 25.0
    )
    in_stars, in_points = (pt.ALS(n_factors=3).fit(table) for table in (stars, points))
    predicted = in_points.predict(points.to_frame()) / 25 + 1
    assert np.allclose(predicted, in_stars.predict(stars.to_frame()), atol=2e-3)


def test_true_biases_are_found_on_the_sample() -> None:
    truth = generate()
    rec = pt.ALS(n_factors=truth.item_factors.shape[1]).fit(pt.load_dataset("sample"))
    for learned, true in (
        (rec.model.item_biases, truth.item_biases),
        (rec.model.user_biases, truth.user_biases),
    ):
        assert np.corrcoef(learned, true)[0, 1] > 0.8


def test_the_order_of_the_ratings_hardly_matters(data: TrainingData) -> None:
    order = np.random.default_rng(0).permutation(len(data.rating))
    shuffled = dataclasses.replace(
        data, user_idx=data.user_idx[order], item_idx=data.item_idx[order], rating=data.rating[order]
    )
    solver = pt.ALS(n_factors=3, n_epochs=5)
    *_, one = solver.epochs(data)
    *_, other = solver.epochs(shuffled)
    pairs = data.user_idx, data.item_idx
    assert np.allclose(one.model.predict(*pairs), other.model.predict(*pairs), atol=1e-3)


def test_a_generator_goes_on_and_a_seed_starts_again(data: TrainingData) -> None:
    rng = np.random.default_rng(4)
    solver = pt.ALS(n_factors=2, n_epochs=1, rng=rng)
    (first,), (second,) = solver.epochs(data), solver.epochs(data)
    (seeded,) = pt.ALS(n_factors=2, n_epochs=1, rng=4).epochs(data)
    assert not np.array_equal(first.model.item_factors, second.model.item_factors)
    assert np.array_equal(first.model.item_factors, seeded.model.item_factors)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_factors", 2.0),
        ("n_factors", True),
        ("n_factors", 5_000),
        ("n_epochs", "3"),
        ("reg", 0),
        ("reg", float("nan")),
        ("reg", "1"),
        ("bias_reg", -1),
        ("reg_power", 1.5),
        ("rng", "seed"),
        ("n_threads", 1.5),
    ],
)
def test_values_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"{name} is "):
        pt.ALS(**{name: value})


def test_is_compiled_after_use(data: TrainingData) -> None:
    solver = pt.ALS(n_factors=0, n_epochs=1)
    list(solver.epochs(data))
    assert solver.is_compiled()
