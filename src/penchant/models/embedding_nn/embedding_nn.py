"""EmbeddingNN: a small neural network on top of a user's and an item's embedding, the lecture's second model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.types import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array
from penchant.errors import FormatError
from penchant.models.answers import Attribution, Remainder, Side
from penchant.models.array_checks import number, shape_of, single, y_range_of
from penchant.models.embedding_nn.net_attribution import net_answer, net_parts
from penchant.models.embedding_nn.net_folded_user import EmbeddingNNUser
from penchant.models.model import Model, Setting

__all__ = ["NORM_EPS", "EmbeddingNN", "Layer", "fold"]

NORM_EPS = 1e-5  # torch's, added to a variance by a batch norm
_MOST_LAYERS = 100


class Layer(NamedTuple):
    """A linear layer, x -> W x + b.

    Attributes:
        weight: W, shape (n_out, n_in).
        bias: b, shape (n_out,).
    """

    weight: NDArray[np.floating]
    bias: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class EmbeddingNN(Model):
    """Layers of neurons over a user and an item.

        h_1  =  u + i,     h_(l+1)  =  W_l relu(h_l) + b_l,     r_ui  ~  lo + (hi - lo) / (1 + exp(-h_L))

    What is between two relus is linear, so it is kept multiplied out: u is the user's embedding already multiplied by
    the first layer, with its bias, and batch norms are part of the W and b that follow them. That changes no
    prediction, makes the model smaller than its embeddings, and an answer is a few hundred multiplications.

    Attributes:
        user_inputs, item_inputs: u and i, what each row gives to the first layer's neurons; float32, shapes
            (n_users, n_neurons), (n_items, n_neurons).
        layers: W and b of the others, float32; the last has one output. Without hidden layers there are none, and
            n_neurons is 1.
        user_cold, item_cold: the row of a user or item without ratings: the mean of those that have some, float32,
            shape (n_neurons,).
        y_range: (lo, hi) of the sigmoid; None for none, then r_ui ~ h_L.

    Source: Guo, Berkhahn (2016), "Entity embeddings of categorical variables"; `fastai.collab.EmbeddingNN`.
    """

    kind: ClassVar[str] = "embedding_nn"

    user_inputs: Float32Array
    item_inputs: Float32Array
    layers: tuple[Layer, ...]
    user_cold: Float32Array
    item_cold: Float32Array
    y_range: tuple[float, float] | None = None

    @property
    def n_users(self) -> int:
        return len(self.user_inputs)

    @property
    def n_items(self) -> int:
        return len(self.item_inputs)

    @property
    def n_neurons(self) -> tuple[int, ...]:
        """Neurons of each hidden layer."""
        return tuple(layer.weight.shape[1] for layer in self.layers)

    def predict(self, user_idx: Int32Array, item_idx: Int32Array) -> Float32Array:
        """R_ui of every pair, shape (n,), not clipped."""
        from penchant.kernels.net_answers import net_answers

        answers = np.empty(len(user_idx), np.float32)
        rows = [np.ascontiguousarray(rows, np.int32) for rows in (user_idx, item_idx)]
        lo, hi = self.y_range or (0.0, 0.0)
        net_answers(rows[0], rows[1], self.user_inputs, self.item_inputs, *self._flat, lo, hi, answers)
        return answers

    @cached_property
    def _flat(self) -> tuple[Float32Array, Int64Array]:
        """The layers as the kernel reads them, and their sizes."""
        parts = [part.ravel() for layer in self.layers for part in (layer.weight.T, layer.bias)]
        flat = np.concatenate([np.empty(0, np.float32), *parts]).astype(np.float32)
        return flat, np.array([*self.n_neurons, 1], np.int64)

    def with_rows(self, n_users: int, n_items: int) -> EmbeddingNN:
        """The same model with cold rows appended up to `n_users` and `n_items` rows."""
        return replace(
            self,
            user_inputs=_grown(self.user_inputs, self.user_cold, n_users),
            item_inputs=_grown(self.item_inputs, self.item_cold, n_items),
        )

    def row_vectors(self, side: Side) -> Float32Array:
        """What each row gives to the first layer."""
        return self.user_inputs if side == "user" else self.item_inputs

    def fold_in(
        self,
        item_idx: Int32Array,
        rating: Float32Array,
        features: FeatureRow | None,  # noqa: ARG002
        rating_scale: tuple[float, float],
    ) -> EmbeddingNNUser:
        """Somebody new; the row is found when it is first asked for."""
        return EmbeddingNNUser(self, item_idx, rating, rating_scale)

    def attribution(
        self,
        user: int,
        item: int,
        item_idx: Int32Array,
        rating: Float32Array,
        features: FeatureRow | None,  # noqa: ARG002
        rating_scale: tuple[float, float],
    ) -> Attribution:
        """Along the network's tangents: see `net_attribution`."""
        own = self.user_inputs[user].astype(np.float64)
        parts = net_parts(self, own, item_idx, rating, rating_scale)
        return Attribution(net_answer(self, own, item), parts, is_exact=False)

    def without_user(self, row: int) -> EmbeddingNN:
        """The network without one user's inputs: see `Model.without_user`."""
        return replace(self, user_inputs=np.delete(self.user_inputs, row, axis=0))

    def recounted(self, left: Remainder | None, *, anew: bool = False) -> EmbeddingNN:  # noqa: ARG002
        """Cold rows as the means of the rows that are left; an item that nobody has rated any more is a cold row.

        Args:
            left: what is left; None where the ratings were not kept: then cold rows are known by what they are.
            anew: changes nothing: no equation gives its rows.
        """
        if left is None:
            warm = [(self.user_inputs != self.user_cold).any(axis=1), (self.item_inputs != self.item_cold).any(axis=1)]
        else:
            warm = [left.seen.user_counts() > 0, left.seen.item_counts(self.n_items) > 0]
        tables, colds = [self.user_inputs.copy(), self.item_inputs.copy()], [self.user_cold, self.item_cold]
        for at, (rows, known) in enumerate(zip(tables, warm, strict=True)):
            if known.any():
                colds[at] = rows[known].mean(axis=0, dtype=np.float64).astype(np.float32)
            rows[~known] = colds[at]
        return replace(self, user_inputs=tables[0], item_inputs=tables[1], user_cold=colds[0], item_cold=colds[1])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        found: dict[str, NDArray[np.generic]] = {
            "user_inputs": self.user_inputs,
            "item_inputs": self.item_inputs,
            "user_cold": self.user_cold,
            "item_cold": self.item_cold,
        }
        for at, layer in enumerate(self.layers):
            found[f"weight_{at}"], found[f"bias_{at}"] = layer.weight, layer.bias
        return found

    def settings(self) -> dict[str, Setting]:
        return {"n_layers": len(self.layers), "y_range": None if self.y_range is None else list(self.y_range)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], settings: Mapping[str, Setting]) -> EmbeddingNN:
        """Rebuild from `arrays()` and `settings()`.

        Raises:
            FormatError: an array or setting is missing, or has another type or shape than the rest asks for.
        """
        n_users, width = shape_of(arrays, "user_inputs")
        n_items, _ = shape_of(arrays, "item_inputs")
        n_layers = number(settings, "n_layers", 0, _MOST_LAYERS)
        if n_layers != int(n_layers):
            raise FormatError(f"the model's setting 'n_layers' is {n_layers}, not a whole number")
        layers, size = [], width
        for at in range(int(n_layers)):
            n_out, _ = shape_of(arrays, f"weight_{at}")
            weight, bias = single(arrays, f"weight_{at}", n_out, size), single(arrays, f"bias_{at}", n_out)
            layers.append(Layer(weight, bias))
            size = n_out
        if size != 1:
            raise FormatError(f"the model's last layer has {size} outputs, not 1")
        return cls(
            user_inputs=single(arrays, "user_inputs", n_users, width),
            item_inputs=single(arrays, "item_inputs", n_items, width),
            layers=tuple(layers),
            user_cold=single(arrays, "user_cold", width),
            item_cold=single(arrays, "item_cold", width),
            y_range=y_range_of(settings),
        )


def fold(
    users: NDArray[np.floating],
    items: NDArray[np.floating],
    layers: Sequence[Layer],
    y_range: tuple[float, float] | None,
    has_ratings: tuple[BoolArray, BoolArray] | None = None,
) -> EmbeddingNN:
    """Multiply embeddings into the first layer.

    Args:
        users, items: embeddings, shapes (n_users, width), (n_items, width).
        layers: all of them, relus in between; the first on top of both embeddings side by side.
        y_range: as in the model.
        has_ratings: which users and which items had ratings; the others become cold rows. None (default) for all.
    """
    first, split = layers[0], users.shape[1]
    weight = np.asarray(first.weight, np.float64)
    inputs = [
        np.asarray(users, np.float64) @ weight[:, :split].T + first.bias,
        np.asarray(items, np.float64) @ weight[:, split:].T,
    ]
    cold = []
    for at, rows in enumerate(inputs):
        warm = np.ones(len(rows), np.bool_) if has_ratings is None else has_ratings[at]
        cold.append(_mean(rows[warm] if warm.any() else rows))
        rows[~warm] = cold[at]
    kept = tuple(Layer(_single(layer.weight), _single(layer.bias)) for layer in layers[1:])
    return EmbeddingNN(_single(inputs[0]), _single(inputs[1]), kept, _single(cold[0]), _single(cold[1]), y_range)


def _mean(rows: Float64Array) -> Float64Array:
    mean: Float64Array = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
    return mean


def _single(array: NDArray[np.floating]) -> Float32Array:
    return np.ascontiguousarray(array, np.float32)


def _grown(rows: Float32Array, cold: Float32Array, n_rows: int) -> Float32Array:
    return np.concatenate([rows, np.tile(cold, (n_rows - len(rows), 1))])
