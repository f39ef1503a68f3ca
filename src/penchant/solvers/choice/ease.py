"""EASE: item-item weights in closed form, collapsed to a few columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array
from penchant.checks import generator, is_real, is_whole, require
from penchant.errors import UnsupportedError
from penchant.models.choice.choice_model import ChoiceModel
from penchant.solvers.solver import Epoch
from penchant.text import Argument

if TYPE_CHECKING:
    from penchant.solvers.choice.choice_data import ChoiceData

__all__ = ["EASE"]

_RANKS = (8, 16, 32, 64, 128, 256)
_SPARE = 16  # columns beside those asked for, while they are looked for
_ROUNDS = 5  # power iterations: singular values of choices fall quickly
_BLOCK = 512  # rows of the Gram matrix that are made at once
_FEW = 1.0


@dataclass(frozen=True, kw_only=True)
class EASE:
    """A linear autoencoder without hidden layer: every item predicted from all others, in closed form.

    With f the share of users who chose an item and x a user's row of choices,

        score  =  f + (x - f) B,     B_ij = -H_ij / H_jj off the diagonal, 0 on it,     H = (G + reg I)^-1

    where G is the covariance of the columns of choices times n_users, users weighing n_u^-user_power so that those who
    choose everything don't drown the others. B has n_items^2 numbers; the scores of the training table are collapsed
    to `n_factors` columns by a truncated singular value decomposition, B ~ E Q^T. That makes it small, and leaves out
    what only a few choices say.

    Args:
        n_factors: columns; None (default) for the number that finds the most of a validation part.
        reg: penalty, more than 0; None (default) for 30.
        user_power: how the weight of users falls with their number of choices, 0 to 1 (default 0.5).
        max_bytes: most memory for the square matrix of items (default 2e9); beyond, it refuses before it starts.
        rng: seed or generator of the validation part and of the first columns (default 0).

    Raises:
        ParameterError: a value out of its range.

    Source: Steck (2019), "Embarrassingly shallow autoencoders for sparse data". The mean taken off and the weights of
    users are ours: see docs/decisions/0008-choices.md.
    """

    name: ClassVar[str] = "ease"

    n_factors: int | None = None
    reg: float | None = None
    user_power: float = 0.5
    max_bytes: float = 2e9
    rng: int | np.random.Generator = 0

    def __post_init__(self) -> None:
        fits = self.n_factors is None or (is_whole(self.n_factors, 1) and self.n_factors <= 4096)
        require(fits, "n_factors", self.n_factors, "a whole number from 1 to 4096, or None to choose it")
        fits = self.reg is None or (is_real(self.reg) and 0 < self.reg < 1e12)
        require(fits, "reg", self.reg, "a number more than 0, such as 30, or None")
        fits = is_real(self.user_power) and 0 <= self.user_power <= 1
        require(fits, "user_power", self.user_power, "a number from 0 to 1")
        fits = is_real(self.max_bytes) and self.max_bytes > 0
        require(fits, "max_bytes", self.max_bytes, "a number of bytes, such as 2e9")
        generator(self.rng)

    @property
    def n_epochs(self) -> int:
        """One: it is a closed form."""
        return 1

    def is_compiled(self) -> bool:
        from penchant.kernels.csr import scatter_by_row
        from penchant.kernels.jit import is_compiled

        return is_compiled(scatter_by_row)

    def fits(self, n_items: int) -> bool:
        """Whether the square matrix of so many items is within `max_bytes`."""
        return 4.0 * n_items * n_items <= self.max_bytes

    def epochs(self, data: ChoiceData) -> Iterator[Epoch[ChoiceModel]]:
        """Yield the model once.

        Raises:
            UnsupportedError: the square matrix of items would be larger than `max_bytes`; nothing is allocated.
        """
        from penchant.solvers.choice.finish import mean_squared_error, summed_rows

        if not self.fits(data.n_items):
            raise UnsupportedError(
                f"EASE needs {4e-9 * data.n_items**2:.1f} GB for {data.n_items:,} x {data.n_items:,} weights of items, "
                "and ",
                Argument("max_bytes"),
                f" allows {1e-9 * self.max_bytes:.1f} GB: use ChoiceALS, or raise ",
                Argument("max_bytes"),
            )
        rng = generator(self.rng)
        n_factors = self.n_factors or self._best_rank(data, rng)
        inputs, outputs = self._collapsed(data, min(n_factors, data.n_items), rng)
        mean = user_mean(data, self.user_power) @ inputs.astype(np.float64)
        model = ChoiceModel(
            item_biases=data.popularity.copy(),
            item_popularity=data.popularity,
            user_factors=summed_rows(data, inputs, mean, _FEW),
            item_factors=outputs,
            item_inputs=inputs,
            input_mean=mean,
            few=_FEW,
        )
        yield Epoch(model, mean_squared_error(model, data, 1.0))

    def _best_rank(self, data: ChoiceData, rng: np.random.Generator) -> int:
        """The number of columns that finds the most of a tenth of the choices, learned from the others."""
        from penchant.solvers.choice.finish import summed_rows
        from penchant.solvers.choice.held_out_choices import hold_out

        held = hold_out(data, rng)
        ranks = [rank for rank in _RANKS if rank < data.n_items] or [data.n_items]
        if not len(held.users):
            return ranks[0]
        inputs, outputs = self._collapsed(held.rest, ranks[-1], rng)
        mean = user_mean(held.rest, self.user_power) @ inputs.astype(np.float64)
        rows = summed_rows(held.rest, inputs, mean, _FEW)[held.users]
        found = held.of_ranks(held.rest.popularity, rows, outputs, ranks)
        return ranks[int(found.argmax())]

    def _collapsed(
        self, data: ChoiceData, n_factors: int, rng: np.random.Generator
    ) -> tuple[Float32Array, Float32Array]:
        """E and Q, (n_items, n_factors) each, with (x - f) E Q^T nearest to (x - f) B over all users."""
        from penchant.solvers.choice.finish import signs_of

        matrix, mean = data.matrix(), user_mean(data, self.user_power).astype(np.float32)
        weights = item_weights(data, 30.0 if self.reg is None else self.reg, self.user_power)
        columns = rng.standard_normal((data.n_items, min(n_factors + _SPARE, data.n_items))).astype(np.float32)

        def scores_of(table: Float32Array) -> Float32Array:
            through = weights @ table
            rows: Float32Array = matrix @ through - mean @ through
            return rows

        for _ in range(_ROUNDS):
            rows = scores_of(np.linalg.qr(columns)[0])
            back: Float32Array = matrix.T @ rows - np.outer(mean, rows.sum(axis=0))
            columns = weights.T @ back
        basis = np.linalg.qr(columns)[0]
        rows = scores_of(basis)
        vectors = np.linalg.eigh(rows.T.astype(np.float64) @ rows)[1][:, ::-1][:, :n_factors]
        outputs = basis @ vectors.astype(np.float32)
        outputs = np.ascontiguousarray(outputs * signs_of(outputs))  # columns are sorted by what they explain
        return weights @ outputs, outputs


def user_mean(data: ChoiceData, user_power: float) -> Float64Array:
    """Mean row of choices, users weighing n_u^-user_power; float64, shape (n_items,)."""
    weight = _user_weights(data, user_power)
    total = np.bincount(data.item_idx, data.weights * weight[data.user_idx], minlength=data.n_items)
    mean: Float64Array = total / max(data.n_users, 1)
    return mean


def _user_weights(data: ChoiceData, user_power: float) -> Float64Array:
    """n_u^-user_power of each user, with mean 1."""
    weight = np.maximum(data.counts(), 1) ** -user_power
    scaled: Float64Array = weight / weight.mean()
    return scaled


def item_weights(data: ChoiceData, reg: float, user_power: float) -> Float32Array:
    """B of `EASE`, float32, (n_items, n_items), made in the memory of one such matrix.

    Args:
        data: the choices.
        reg: the penalty.
        user_power: of the users' weights.
    """
    from scipy.linalg.lapack import spotrf, spotri
    from scipy.sparse import dia_array

    n, m = data.n_users, data.n_items
    matrix, mean = data.matrix(), user_mean(data, user_power)
    weighted = (dia_array((_user_weights(data, user_power)[None], 0), shape=(n, n)) @ matrix).tocsr()
    weighted.data = weighted.data.astype(np.float32)
    columns = matrix.T.tocsr()
    gram = np.empty((m, m), np.float32, order="F")
    for start in range(0, m, _BLOCK):  # the Gram matrix is symmetric: rows are columns
        rows = (columns[start : start + _BLOCK] @ weighted).toarray()
        rows -= np.outer((n * mean[start : start + _BLOCK]).astype(np.float32), mean.astype(np.float32))
        gram[:, start : start + _BLOCK] = rows.T
    gram[np.diag_indices(m)] += np.float32(reg)
    inverse, fault = spotrf(gram, lower=1, overwrite_a=1)
    if not fault:
        inverse, fault = spotri(inverse, lower=1, overwrite_c=1)
    if fault:
        raise FloatingPointError(f"the covariance of the choices has no Cholesky factor at column {fault}")
    return _weights_of(inverse)


def _weights_of(inverse: Float32Array) -> Float32Array:
    """B from H, of which the lower triangle is given; in place."""
    diagonal = inverse.diagonal().copy()
    for start in range(0, len(inverse), _BLOCK):
        stop = min(start + _BLOCK, len(inverse))
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
        square = np.tril(inverse[start:stop, start:stop], -1)
        inverse[start:stop, start:stop] = square + square.T
    inverse /= -diagonal
    inverse[np.diag_indices(len(inverse))] = 0
    return inverse
