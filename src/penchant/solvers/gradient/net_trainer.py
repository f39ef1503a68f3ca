"""NetTrainer: Adam for the neural model, over arrays that others keep."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.checks import is_whole, require
from penchant.solvers.gradient.trainer import Moments

if TYPE_CHECKING:
    from penchant.kernels.net_loop import Dense, Layers, Rates, Table

__all__ = ["NetLayer", "NetTrainer", "NetWeights"]

_ALL = 1 - 1e-9  # the most that weight decay takes of a weight in one step


@dataclass(frozen=True, eq=False)
class NetLayer:
    """A hidden layer, x <- BN(relu(W x)): arrays of float32 that training changes in place.

    Attributes:
        weight: W, shape (n_out, n_in).
        gamma, beta: scale and shift of the batch norm, shape (n_out,).
        running_mean, running_var: what the batch norm takes for mean and variance in prediction, shape (n_out,).
        n_batches: how many batches they have seen, int64, shape ().
    """

    weight: Float32Array
    gamma: Float32Array
    beta: Float32Array
    running_mean: Float32Array
    running_var: Float32Array
    n_batches: Int64Array


@dataclass(frozen=True, eq=False)
class NetWeights:
    """The neural model as arrays of float32 that training changes in place.

    Attributes:
        users, items: embeddings, shapes (n_users, width), (n_items, width).
        hidden: the hidden layers, the first on top of both embeddings side by side.
        weight, bias: the last layer, shapes (1, n_in), (1,).
        y_range: (lo, hi) of the sigmoid at the end, or None.
    """

    users: Float32Array
    items: Float32Array
    hidden: Sequence[NetLayer]
    weight: Float32Array
    bias: Float32Array
    y_range: tuple[float, float] | None = None

    def parameters(self) -> dict[str, Float32Array]:
        """What is learned by gradients, by the names that fastai's model has for them."""
        found = {"embeds.0.weight": self.users, "embeds.1.weight": self.items}
        for at, layer in enumerate(self.hidden):
            found[f"layers.{at}.0.weight"] = layer.weight
            found[f"layers.{at}.2.weight"], found[f"layers.{at}.2.bias"] = layer.gamma, layer.beta
        last = f"layers.{len(self.hidden)}.0"
        return {**found, f"{last}.weight": self.weight, f"{last}.bias": self.bias}


class NetTrainer:
    """A `Trainer` of the neural model: two embeddings, hidden layers of relu and batch norm, mean squared error.

    Embeddings are changed where they lie, the layers are copied in and out once a run.

    Args:
        net: what is trained.
        user_idx, item_idx, rating: the training table, int32 and float32, shape (n,) each.
        wd: weight decay (default 0.01); batch norms and the last bias have none.
        sqr_mom: share of the old mean of squares that is kept (default 0.99).
        eps: added to the root of that mean (default 1e-5).
    """

    def __init__(
        self,
        net: NetWeights,
        user_idx: Int32Array,
        item_idx: Int32Array,
        rating: Float32Array,
        *,
        wd: float = 0.01,
        sqr_mom: float = 0.99,
        eps: float = 1e-5,
    ) -> None:
        self.wd, self.net = wd, net
        self._data = (
            np.ascontiguousarray(user_idx, np.int32),
            np.ascontiguousarray(item_idx, np.int32),
            np.ascontiguousarray(rating, np.float32),
        )
        self._sqr_mom, self._eps, self._n_steps = float(sqr_mom), float(eps), 0
        n = sum(array.size for array in self._flat_order())
        self._moments = {
            name: (np.zeros_like(table), np.zeros_like(table)) for name, table in self._tables().items()
        } | {"": (np.zeros(n, np.float32), np.zeros(n, np.float32))}

    @property
    def n_steps(self) -> int:
        return self._n_steps

    def run(self, order: Int64Array, batch_size: int, lr: Float64Array, mom: Float64Array) -> Float32Array:
        """Take one step for each mini-batch: see `Trainer.run`.

        Args:
            order, batch_size, lr, mom: as for `Trainer.run`; a batch norm needs batches of at least 2.

        Raises:
            ParameterError: they do not fit together.
        """
        from penchant.kernels.net_loop import net_batches

        require(is_whole(batch_size, 2), "batch_size", batch_size, "a whole number of at least 2")
        fits = len(order) == len(lr) * batch_size and len(lr) == len(mom)
        require(fits, "order", f"{len(order)} positions for {len(lr)} batches of {batch_size}", "whole batches")
        losses = np.empty(len(lr), np.float32)
        positions, rates = np.ascontiguousarray(order, np.int64), self._rates(lr, mom)
        dense, layers = self._dense(), self._layers()
        users, items = (self._table(name, batch_size) for name in self._tables())
        with _one_blas_thread():
            net_batches(positions, batch_size, *self._data, users, items, dense, layers, rates, losses)
        self._write(dense, layers, len(lr))
        self._n_steps += len(lr)
        return losses

    def moments(self) -> Moments:
        """Copies of m and v by the names of `NetWeights.parameters`."""
        if self._n_steps == 0:
            return {}
        found = {name: self._moments[name] for name in self._tables()}
        parts = [dict(zip(self._flat_names(), self._cut(each), strict=True)) for each in self._moments[""]]
        found |= {name: (parts[0][name], parts[1][name]) for name in parts[0]}
        return {name: (found[name][0].copy(), found[name][1].copy()) for name in self.net.parameters()}

    def set_moments(self, moments: Moments, n_steps: int) -> None:
        """Go on from moments that were kept.

        Args:
            moments: those of `moments()`.
            n_steps: steps that they are the result of.

        Raises:
            ParameterError: they are of another model.
        """
        for name, array in self.net.parameters().items():
            fits = name in moments and all(each.shape == array.shape for each in moments[name])
            require(fits, "moments", f"without {name} of shape {array.shape}", "moments of this model's parameters")
        for place in (0, 1):
            for name in self._tables():
                self._moments[name][place][:] = moments[name][place]
            for name, part in zip(self._flat_names(), self._cut(self._moments[""][place]), strict=True):
                part[:] = moments[name][place]
        self._n_steps = n_steps

    def _tables(self) -> dict[str, Float32Array]:
        return {"embeds.0.weight": self.net.users, "embeds.1.weight": self.net.items}

    def _flat_names(self) -> list[str]:
        """The layers' parameters in the order of the kernel: see `kernels.net_loop.dense_places`."""
        names = [name for name in self.net.parameters() if name not in self._tables()]
        decayed = [name for name in names if name.endswith(".0.weight")]
        return decayed + [name for name in names if name not in decayed]

    def _flat_order(self) -> list[Float32Array]:
        parameters = self.net.parameters()
        return [parameters[name] for name in self._flat_names()]

    def _cut(self, flat: Float32Array) -> list[Float32Array]:
        """The layers' parts of a flat array, as views."""
        arrays = self._flat_order()
        ends = np.cumsum([array.size for array in arrays])[:-1]
        return [part.reshape(array.shape) for part, array in zip(np.split(flat, ends), arrays, strict=True)]

    def _table(self, name: str, batch_size: int) -> Table:
        from penchant.kernels.net_loop import Table

        rows = self._tables()[name]
        updated, slots = np.zeros(len(rows), np.int64), np.full(len(rows), -1, np.int32)
        gradients, touched = np.empty((batch_size, rows.shape[1]), np.float32), np.empty(batch_size, np.int32)
        return Table(rows, *self._moments[name], updated, slots, gradients, touched)

    def _dense(self) -> Dense:
        from penchant.kernels.net_loop import Dense

        weights = np.concatenate([array.ravel() for array in self._flat_order()])
        return Dense(weights, *self._moments[""], np.zeros_like(weights))

    def _layers(self) -> Layers:
        from penchant.kernels.net_loop import Layers

        hidden = self.net.hidden
        sizes = [self.net.users.shape[1] + self.net.items.shape[1], *(len(layer.weight) for layer in hidden)]
        statistics = [np.stack([layer.running_mean, layer.running_var]) for layer in hidden]
        running = np.concatenate([np.empty((2, 0), np.float32), *statistics], axis=1)
        lo, hi = self.net.y_range or (0.0, 0.0)
        return Layers(np.array(sizes, np.int64), running, float(lo), float(hi))

    def _rates(self, lr: Float64Array, mom: Float64Array) -> Rates:
        from penchant.kernels.net_loop import Rates

        lr, mom = np.asarray(lr, np.float64), np.asarray(mom, np.float64)
        decay = np.minimum(lr * self.wd, _ALL)  # beyond 1, in a sweep of rates, where the loss is long beyond hope
        t = self._n_steps + np.arange(1, len(lr) + 1, dtype=np.float64)
        kept, rate, scale = (
            column.astype(np.float32) for column in (1 - decay, lr / (1 - mom**t), 1 / (1 - self._sqr_mom**t))
        )
        spent = np.r_[0.0, np.cumsum(np.log1p(-decay))]
        return Rates(kept, spent, mom.astype(np.float32), rate, scale, self._sqr_mom, self._eps)

    def _write(self, dense: Dense, layers: Layers, n_steps: int) -> None:
        for array, part in zip(self._flat_order(), self._cut(dense.weights), strict=True):
            array[:] = part
        first = 0
        for layer in self.net.hidden:
            last = first + len(layer.weight)
            layer.running_mean[:], layer.running_var[:] = layers.running[:, first:last]
            layer.n_batches[...] += n_steps
            first = last


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Products of a batch are too small for more threads, and their sums would depend on the number."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    importlib.import_module("scipy.linalg")  # whose BLAS the kernel calls: only what is loaded can be held to one
    return ThreadpoolController()
