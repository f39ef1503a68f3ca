"""The neural solver: what it is trained on, which epoch it keeps, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import penchant as pt
from penchant.errors import ParameterError
from penchant.fitting.fit import training_data
from penchant.models.embedding_nn import EmbeddingNN
from penchant.solvers.gradient.net_arrays import embedding_width
from penchant.solvers.neural import NeuralNet
from penchant.solvers.solver import Epoch, TrainingData

QUICK = NeuralNet(layers=(8,), n_epochs=4, batch_size=32)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return training_data(pt.load_dataset("sample"))


def last(solver: NeuralNet, data: TrainingData) -> EmbeddingNN:
    *_, epoch = solver.epochs(data)
    return epoch.model


def mse(model: EmbeddingNN, data: TrainingData, rows: np.ndarray) -> float:
    predicted = model.predict(data.user_idx[rows], data.item_idx[rows]).clip(*data.rating_scale)
    return float(np.mean((predicted.astype(np.float64) - data.rating[rows]) ** 2))


def same(left: EmbeddingNN, right: EmbeddingNN) -> bool:
    theirs = right.arrays()
    return all(np.array_equal(array, theirs[name]) for name, array in left.arrays().items())


def held_out(solver: NeuralNet, data: TrainingData) -> np.ndarray:
    shuffled = np.random.default_rng(solver.rng).permutation(len(data.rating))
    return shuffled[: int(solver.valid_share * len(shuffled))]


def test_each_epoch_has_the_best_model_so_far(data: TrainingData) -> None:
    solver = dataclasses.replace(QUICK, n_epochs=25, schedule="constant", wd=0.0, retrain=False, patience=100)
    rows = held_out(solver, data)
    losses = [mse(epoch.model, data, rows) for epoch in solver.epochs(data)]
    assert len(losses) == 25
    assert (np.diff(losses) <= 0).all()
    assert losses[-1] == losses[-2], "it should have learned by heart by then: the test says nothing otherwise"


def test_it_stops_when_the_best_epoch_is_long_ago(data: TrainingData) -> None:
    solver = dataclasses.replace(QUICK, n_epochs=25, schedule="constant", wd=0.0, retrain=False)
    stopped = list(solver.epochs(data))
    whole = list(dataclasses.replace(solver, patience=100).epochs(data))
    rows = held_out(solver, data)
    losses = [mse(epoch.model, data, rows) for epoch in stopped]
    assert len(stopped) < 25
    assert losses[-1] == losses[-2] == losses[-3] < losses[-4]
    assert all(same(ours.model, theirs.model) for ours, theirs in zip(stopped, whole, strict=False))


def test_retraining_is_a_training_on_everything_for_as_many_epochs(data: TrainingData) -> None:
    searched, retrained = (list(dataclasses.replace(QUICK, retrain=retrain).epochs(data)) for retrain in (False, True))
    assert all(same(ours.model, theirs.model) for ours, theirs in zip(searched[:-1], retrained[:-1], strict=True))
    assert not same(searched[-1].model, retrained[-1].model)
    rows = held_out(QUICK, data)
    assert mse(retrained[-1].model, data, rows) < mse(searched[-1].model, data, rows)


def test_without_held_out_ratings_the_last_epoch_is_kept(data: TrainingData) -> None:
    solver = dataclasses.replace(QUICK, valid_share=0, schedule="constant")
    models = [epoch.model for epoch in solver.epochs(data)]
    assert not any(same(left, right) for left, right in itertools.pairwise(models))
    assert same(models[1], last(dataclasses.replace(solver, n_epochs=2), data))


def test_the_unit_of_the_ratings_is_irrelevant(data: TrainingData) -> None:
    wide = dataclasses.replace(data, rating=(data.rating - 1) * 25, rating_scale=(0.0, 100.0))
    ours, theirs = last(QUICK, data), last(QUICK, wide)
    pairs = data.user_idx[:500], data.item_idx[:500]
    assert ours.y_range == (0.5, 5.5)
    assert theirs.y_range == (-12.5, 112.5)
    assert np.allclose((ours.predict(*pairs) - 1) * 25, theirs.predict(*pairs), rtol=1e-4, atol=1e-3)


def test_y_range_is_the_callers(data: TrainingData) -> None:
    model = last(dataclasses.replace(QUICK, y_range=(0, 5.25), n_epochs=1), data)
    assert model.y_range == (0, 5.25)
    assert 2 < model.predict(data.user_idx, data.item_idx).mean() < 5


def test_both_schedules_learn(data: TrainingData) -> None:
    for schedule, wd in (("one_cycle", 0.3), ("constant", 0.01)):
        epochs: list[Epoch[EmbeddingNN]] = list(dataclasses.replace(QUICK, schedule=schedule, wd=wd).epochs(data))
        assert epochs[-1].train_loss < min(epochs[0].train_loss, float(np.var(data.rating)))


def test_embeddings_are_as_wide_as_fastais() -> None:
    assert [embedding_width(n) for n in (1, 2, 944, 1665, 10**6)] == [2, 2, 74, 102, 600]


def test_it_needs_no_torch_and_leaves_chance_alone(data: TrainingData) -> None:
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - the global state is what must not change
    last(dataclasses.replace(QUICK, n_epochs=1), data)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    program = (
        "import sys, penchant as pt; from penchant.fitting.fit import training_data; "
        "from penchant.solvers.neural import NeuralNet; "
        "print(len(list(NeuralNet(n_epochs=1).epochs(training_data(pt.load_dataset('sample'))))), "
        "'torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["1", "False"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layers", (0,)),
        ("layers", 20),
        ("layers", ("a",)),
        ("n_epochs", 0),
        ("lr", 0),
        ("lr", 2),
        ("wd", -1),
        ("wd", 1000),
        ("batch_size", 1),
        ("schedule", "cosine"),
        ("y_range", (5, 1)),
        ("y_range", 5),
        ("y_range", (0, float("inf"))),
        ("valid_share", 1),
        ("patience", 0),
        ("retrain", 1),
        ("rng", -1),
        ("n_threads", 0),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=name):
        dataclasses.replace(QUICK, **{name: value})


def test_lists_are_taken_for_tuples() -> None:
    solver = NeuralNet(layers=[20, 10], y_range=[0, 5.5])  # type: ignore[arg-type]
    assert (solver.layers, solver.y_range) == ((20, 10), (0, 5.5))
    assert hash(solver) == hash(dataclasses.replace(solver))


def test_movielens_is_predicted_better_than_by_biases() -> None:
    folder = os.environ.get("PENCHANT_DATA")
    if folder is None or not (Path(folder) / "ml-100k" / "u.data").exists():
        pytest.skip("PENCHANT_DATA names no folder with ml-100k")
    train, test = pt.splits.movielens(pt.load_dataset("ml-100k"), "u1")
    model = last(NeuralNet(), training_data(train))
    error = mse(model, training_data(test), np.arange(len(test)))
    assert error**0.5 < 0.94
