"""Initial and final arrays of the neural model: how they start, and what is kept when they are learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from penchant.arrays.types import BoolArray, Float32Array, Float64Array
from penchant.models.embedding_nn import NORM_EPS, EmbeddingNN, Layer, fold
from penchant.solvers.gradient.net_trainer import NetLayer, NetWeights

__all__ = ["embedding_width", "keep_net", "start_net"]

_START_SPREAD = 0.01  # of embeddings: fastai's
_START_OF_SHIFT = 1e-3  # of batch norms: fastai's


def embedding_width(n_rows: int) -> int:
    """Columns of an embedding by fastai's rule of thumb: 1.6 n^0.56, at most 600.

    Args:
        n_rows: n.
    """
    return max(1, min(600, round(1.6 * math.pow(n_rows, 0.56))))


def start_net(
    rng: np.random.Generator, n_users: int, n_items: int, layers: Sequence[int], y_range: tuple[float, float]
) -> NetWeights:
    """A network to train, with the distributions that fastai's starts from.

    Args:
        rng: where chance comes from.
        n_users, n_items: rows of the embeddings.
        layers: neurons of each hidden layer.
        y_range: ends of the sigmoid.
    """
    users, items = (_cut_off_normal(rng, n, embedding_width(n)) for n in (n_users, n_items))
    width = users.shape[1] + items.shape[1]
    hidden = []
    for n in layers:
        ones, zeros = np.ones(n, np.float32), np.zeros(n, np.float32)
        norm = (ones, np.full(n, _START_OF_SHIFT, np.float32), zeros, ones.copy())
        hidden.append(NetLayer(_uniform(rng, width, (n, width)), *norm, n_batches=np.zeros((), np.int64)))
        width = n
    return NetWeights(users, items, hidden, _uniform(rng, width, (1, width)), _uniform(rng, width, (1,)), y_range)


def keep_net(
    net: NetWeights, y_range: tuple[float, float], has_ratings: tuple[BoolArray, BoolArray] | None = None
) -> EmbeddingNN:
    """A network as a model: each batch norm multiplied into the layer above it.

    Args:
        net: what was trained.
        y_range: ends of the model's sigmoid, which may be in other units than those of training.
        has_ratings: as for `fold`.
    """
    scale: Float64Array = np.ones(net.users.shape[1] + net.items.shape[1])
    shift: Float64Array = np.zeros_like(scale)
    layers = []
    for hidden in net.hidden:
        layers.append(_after(hidden.weight, scale, shift))
        scale = hidden.gamma / np.sqrt(hidden.running_var + np.float64(NORM_EPS))
        shift = hidden.beta - scale * hidden.running_mean
    last = _after(net.weight, scale, shift)
    return fold(net.users, net.items, [*layers, Layer(last.weight, last.bias + net.bias)], y_range, has_ratings)


def _after(weight: Float32Array, scale: Float64Array, shift: Float64Array) -> Layer:
    """What x -> W (scale x + shift) is as one layer."""
    return Layer(weight * scale, weight @ shift)


def _cut_off_normal(rng: np.random.Generator, *shape: int) -> Float32Array:
    rows: Float32Array = (np.fmod(rng.standard_normal(shape), 2) * _START_SPREAD).astype(np.float32)
    return rows


def _uniform(rng: np.random.Generator, n_in: int, shape: tuple[int, ...]) -> Float32Array:
    """As torch starts a linear layer of `n_in` inputs."""
    end = 1 / np.sqrt(n_in)
    return rng.uniform(-end, end, shape).astype(np.float32)
