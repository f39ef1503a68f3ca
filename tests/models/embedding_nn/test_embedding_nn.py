"""The neural model in NumPy: what it predicts, of whom, and how it is kept."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from penchant.errors import FormatError
from penchant.models.embedding_nn import EmbeddingNN, Layer, fold
from penchant.models.model import Model
from penchant.solvers.gradient.net_arrays import keep_net, start_net

N_USERS, N_ITEMS = 7, 9


def layered(sizes: tuple[int, ...] = (5, 4), y_range: tuple[float, float] | None = (0.5, 5.5)) -> EmbeddingNN:
    rng = np.random.default_rng(0)
    layers, width = [], 6
    for size in (*sizes, 1):
        layers.append(Layer(rng.normal(size=(size, width)), rng.normal(size=size)))
        width = size
    return fold(rng.normal(size=(N_USERS, 2)), rng.normal(size=(N_ITEMS, 4)), layers, y_range)


def everything() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS, dtype=np.int32), np.int32(N_ITEMS))
    return users, items


@pytest.mark.parametrize("y_range", [None, (0.5, 5.5)])
@pytest.mark.parametrize("sizes", [(), (5,), (5, 4), (3, 8, 2)])
def test_predictions_are_the_equation(sizes: tuple[int, ...], y_range: tuple[float, float] | None) -> None:
    model, (users, items) = layered(sizes, y_range), everything()
    h = model.user_inputs[users].astype(np.float64) + model.item_inputs[items]
    for weight, bias in model.layers:
        h = np.maximum(h, 0) @ weight.T.astype(np.float64) + bias
    expected = h[:, 0] if y_range is None else y_range[0] + (y_range[1] - y_range[0]) / (1 + np.exp(-h[:, 0]))
    assert np.allclose(model.predict(users, items), expected, rtol=1e-5, atol=1e-5)
    assert isinstance(model, Model)
    assert model.n_neurons == sizes


def test_folding_changes_no_prediction() -> None:
    """Batch norms in the layers that follow, the first layer in the embeddings."""
    rng = np.random.default_rng(1)
    net = start_net(rng, N_USERS, N_ITEMS, (5, 4), (0.5, 5.5))
    for layer in net.hidden:
        for array, lowest in ((layer.gamma, 0.5), (layer.beta, -1), (layer.running_mean, -1), (layer.running_var, 0.1)):
            array[:] = rng.uniform(lowest, 2, array.shape)
    users, items = everything()
    h = np.hstack([net.users[users], net.items[items]]).astype(np.float64)
    for layer in net.hidden:
        relu = np.maximum(h @ layer.weight.T, 0)
        h = layer.gamma * (relu - layer.running_mean) / np.sqrt(layer.running_var + 1e-5) + layer.beta
    expected = 0.5 + 5 / (1 + np.exp(-(h @ net.weight.T + net.bias)[:, 0]))
    assert np.allclose(keep_net(net, (0.5, 5.5)).predict(users, items), expected, rtol=1e-5)


@given(rows=st.lists(st.integers(0, N_USERS * N_ITEMS - 1), max_size=40))
def test_a_prediction_depends_on_its_own_pair_alone(rows: list[int]) -> None:
    model, (users, items) = layered(), everything()
    alone = [model.predict(users[at : at + 1], items[at : at + 1])[0] for at in rows]
    assert model.predict(users[rows], items[rows]).tolist() == alone
    assert model.predict(users, items)[rows].tolist() == alone


def test_cold_rows_are_the_mean_of_those_that_had_ratings() -> None:
    rng = np.random.default_rng(2)
    users, items = rng.normal(size=(4, 2)), rng.normal(size=(5, 3))
    layers = [Layer(rng.normal(size=(6, 5)), rng.normal(size=6)), Layer(rng.normal(size=(1, 6)), rng.normal(size=1))]
    had = (np.array([True, True, False, True]), np.array([True, False, True, True, True]))
    model = fold(users, items, layers, None, had)
    filled = users.copy(), items.copy()
    filled[0][2], filled[1][1] = users[had[0]].mean(axis=0), items[had[1]].mean(axis=0)
    expected = fold(*filled, layers, None)
    assert np.allclose(model.user_inputs, expected.user_inputs, atol=1e-6)
    assert np.allclose(model.item_inputs, expected.item_inputs, atol=1e-6)
    grown = model.with_rows(6, 5)
    assert (grown.n_users, grown.n_items) == (6, 5)
    assert np.array_equal(grown.user_inputs[4:], np.tile(model.user_inputs[2], (2, 1)))
    none = fold(users, items, layers, None, (np.zeros(4, bool), np.zeros(5, bool)))
    assert np.isfinite(none.user_cold).all()
    nobody = fold(users[:0], items, layers, None).with_rows(2, 5)
    assert np.isfinite(nobody.predict(np.zeros(5, np.int32), np.arange(5, dtype=np.int32))).all()


@pytest.mark.parametrize("sizes", [(), (5,), (3, 8, 2)])
@pytest.mark.parametrize("y_range", [None, (0.5, 5.5)])
def test_arrays_and_settings_are_all_of_it(sizes: tuple[int, ...], y_range: tuple[float, float] | None) -> None:
    model, pairs = layered(sizes, y_range), everything()
    again = EmbeddingNN.from_arrays(model.arrays(), model.settings())
    assert again.settings() == model.settings()
    assert again.predict(*pairs).tobytes() == model.predict(*pairs).tobytes()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_inputs", None),
        ("user_inputs", np.zeros((N_USERS, 4), np.float32)),
        ("user_inputs", np.zeros((N_USERS, 5))),
        ("item_inputs", np.full((N_ITEMS, 5), np.nan, np.float32)),
        ("item_cold", np.zeros(4, np.float32)),
        ("weight_0", np.zeros((4, 6), np.float32)),
        ("weight_1", np.zeros(4, np.float32)),
        ("weight_1", np.zeros((2, 4), np.float32)),
        ("bias_0", np.zeros(5, np.float32)),
        ("bias_1", None),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, value: NDArray[np.generic] | None) -> None:
    model = layered()
    arrays = {key: array for key, array in model.arrays().items() if key != name}
    if value is not None:
        arrays[name] = value
    with pytest.raises(FormatError):
        EmbeddingNN.from_arrays(arrays, model.settings())


@pytest.mark.parametrize(
    "change",
    [
        {"n_layers": -1},
        {"n_layers": 1.5},
        {"n_layers": 10**9},
        {"n_layers": 1},
        {"n_layers": "two"},
        {"y_range": [5.0, 0.0]},
        {"y_range": [1.0]},
        {"y_range": "wide"},
        {"y_range": [0.0, float("inf")]},
        {"y_range": ["a", "b"]},
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    model = layered()
    with pytest.raises(FormatError):
        EmbeddingNN.from_arrays(model.arrays(), {**model.settings(), **change})


def test_extreme_answers_are_the_ends_of_the_range() -> None:
    model = layered(())
    far = dataclasses.replace(model, user_inputs=np.array([[-1e4], [1e4]], np.float32))
    answers = far.predict(np.array([0, 1], np.int32), np.zeros(2, np.int32))
    assert answers.tolist() == [0.5, 5.5]
