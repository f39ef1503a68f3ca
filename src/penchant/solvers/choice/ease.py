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
from penchant.solvers.choice_solver import LearnsChoices
from penchant.solvers.solver import Epoch
from penchant.text import Argument

if TYPE_CHECKING:
    from penchant.solvers.choice.candidates import Candidate
    from penchant.solvers.choice.choice_data import ChoiceData
    from penchant.solvers.choice.held_out_choices import HeldOut

__all__ = ["EASE"]

_RANKS = (8, 16, 32, 64, 128, 256)
_SPARE = 16  # columns beside those asked for, while they are looked for
_ROUNDS, _NEXT_ROUNDS = 3, 1  # power iterations, from noise and from columns that are nearly right
_REGS, _FEW_REGS = (1000.0, 300.0, 100.0, 30.0), (300.0, 100.0)  # of equals the strongest
_LARGE = 6_000  # items beyond which fewer penalties are tried
_BLOCK = 512  # rows of the Gram matrix that are made at once
_FEW = 1.0


@dataclass(frozen=True, kw_only=True)
class EASE(LearnsChoices):
    """A linear autoencoder without hidden layer: every item predicted from all others, in closed form.

    With f the share of users who chose an item and x a user's row of choices,

        score  =  f + (x - f) B,     B_ij = -H_ij / H_jj off the diagonal, 0 on it,     H = (G + reg I)^-1

    where G is the covariance of the columns of choices times n_users, users weighing n_u^-user_power so that those who
    choose everything don't drown the others. B has n_items^2 numbers; the scores of the training table are collapsed
    to `n_factors` columns by a truncated singular value decomposition, B ~ E Q^T. That makes it small, and leaves out
    what only a few choices say.

    Args:
        n_factors: columns; None (default) for the number that finds the most of a validation part.
        reg: penalty, more than 0; None (default) for the one of 30, 100, 300 and 1000 that finds the most of the same
            part; of more than 6,000 items only 100 and 300 are tried.
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
        from penchant.solvers.choice.held_out_choices import gains_of_rows

        is_given = self.reg is not None and self.n_factors is not None
        return is_compiled(scatter_by_row) and (is_given or is_compiled(gains_of_rows))

    def fits(self, n_items: int) -> bool:
        """Whether the square matrix of so many items is within `max_bytes`."""
        return 4.0 * n_items * n_items <= self.max_bytes

    def epochs(self, data: ChoiceData) -> Iterator[Epoch[ChoiceModel]]:
        """Yield the model once.

        Raises:
            UnsupportedError: the square matrix of items would be larger than `max_bytes`; nothing is allocated.
        """
        if not self.fits(data.n_items):
            raise UnsupportedError(
                f"EASE needs {4e-9 * data.n_items**2:.1f} GB for {data.n_items:,} x {data.n_items:,} weights of items, "
                "and ",
                Argument("max_bytes"),
                f" allows {1e-9 * self.max_bytes:.1f} GB: use ChoiceALS, or raise ",
                Argument("max_bytes"),
            )
        from penchant.kernels.parallel import one_blas_thread

        rng = generator(self.rng)
        reg, n_factors = self.reg, self.n_factors
        with one_blas_thread():
            if reg is None or n_factors is None:
                reg, n_factors = self._best(data, rng)
            only = self.trained(data, float(reg), n_factors, rng)
        yield only

    def trained(self, data: ChoiceData, reg: float, n_factors: int, rng: np.random.Generator) -> Epoch[ChoiceModel]:
        """The model with this penalty and so many columns.

        Args:
            data: the choices.
            reg, n_factors: see the class.
            rng: draws the first columns.
        """
        from penchant.solvers.choice.finish import mean_squared_error, summed_rows

        weights = weights_of(item_covariance(data, self.user_power), reg)
        outputs = collapsed(data, weights, self.user_power, min(n_factors, data.n_items), rng)
        inputs = weights @ outputs
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
        return Epoch(model, mean_squared_error(model, data, 1.0))

    def ranks(self, n_items: int) -> list[int]:
        """Numbers of columns to choose from."""
        if self.n_factors is not None:
            return [min(self.n_factors, n_items)]
        return [rank for rank in _RANKS if rank < n_items] or [n_items]

    def candidates(self, held: HeldOut, rng: np.random.Generator) -> list[Candidate]:
        """Trained on what was not held out, one for each penalty to choose from; the strongest penalty first.

        Args:
            held: the validation part.
            rng: draws the first columns.
        """
        from penchant.solvers.choice.candidates import Candidate
        from penchant.solvers.choice.finish import summed_rows

        data = held.rest
        regs = (_REGS if data.n_items <= _LARGE else _FEW_REGS) if self.reg is None else (self.reg,)
        covariance = item_covariance(data, self.user_power)
        most, found, outputs = self.ranks(data.n_items)[-1], [], None
        for reg in regs:
            weights = weights_of(covariance if reg == regs[-1] else covariance.copy(order="F"), float(reg))
            outputs = collapsed(data, weights, self.user_power, most, rng, outputs)
            inputs = weights @ outputs
            mean = user_mean(data, self.user_power) @ inputs.astype(np.float64)
            rows = summed_rows(data, inputs, mean, _FEW)
            found.append(Candidate(float(reg), data.popularity, rows, outputs, held.users))
        return found

    def _best(self, data: ChoiceData, rng: np.random.Generator) -> tuple[float, int]:
        """The penalty and the number of columns that find the most of a validation part."""
        from penchant.solvers.choice.candidates import most_found
        from penchant.solvers.choice.held_out_choices import hold_out

        held = hold_out(data, rng)
        grid = [(each, rank) for each in self.candidates(held, rng) for rank in self.ranks(data.n_items)]
        candidate, rank = grid[most_found([each.gains(held, rank) for each, rank in grid])]
        return candidate.reg, rank


def collapsed(
    data: ChoiceData,
    weights: Float32Array,
    user_power: float,
    n_factors: int,
    rng: np.random.Generator,
    before: Float32Array | None = None,
) -> Float32Array:
    """Q, (n_items, n_factors), with (x - f) B Q Q^T nearest to (x - f) B over all users; columns by what they explain.

    Power iterations of a few more columns than asked for.

    Args:
        data: the choices.
        weights: B.
        user_power: of the users' weights.
        n_factors: columns, at most n_items.
        rng: draws the first columns.
        before: Q of weights that are nearly the same, to start from; None (default) to start from noise.
    """
    from penchant.solvers.choice.finish import signs_of

    matrix, mean = data.matrix(), user_mean(data, user_power).astype(np.float32)
    back_matrix = matrix.T.tocsr()
    n_columns = min(n_factors + _SPARE, data.n_items)
    columns = rng.standard_normal((data.n_items, n_columns), dtype=np.float32)
    if before is not None:
        columns[:, : before.shape[1]] = before[:, :n_columns]

    def scores_of(table: Float32Array) -> Float32Array:
        through = weights @ table
        rows: Float32Array = matrix @ through - mean @ through
        return rows

    for _ in range(_ROUNDS if before is None else _NEXT_ROUNDS):
        rows = scores_of(np.linalg.qr(columns)[0])
        back: Float32Array = back_matrix @ rows - np.outer(mean, rows.sum(axis=0))
        columns = weights.T @ back
    basis = np.linalg.qr(columns)[0]
    rows = scores_of(basis)
    vectors = np.linalg.eigh((rows.T @ rows).astype(np.float64))[1][:, ::-1][:, :n_factors]
    outputs = basis @ vectors.astype(np.float32)
    return np.ascontiguousarray(outputs * signs_of(outputs))


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


def item_covariance(data: ChoiceData, user_power: float) -> Float32Array:
    """Covariance of the columns of choices times n_users, float32, (n_items, n_items), column after column.

    Args:
        data: the choices.
        user_power: of the users' weights.
    """
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
    return gram


def weights_of(covariance: Float32Array, reg: float) -> Float32Array:
    """B of `EASE` from `item_covariance`, whose memory it takes.

    Args:
        covariance: see above.
        reg: the penalty.
    """
    from scipy.linalg.lapack import spotrf, spotri

    covariance[np.diag_indices(len(covariance))] += np.float32(reg)
    inverse, fault = spotrf(covariance, lower=1, overwrite_a=1)
    if not fault:
        inverse, fault = spotri(inverse, lower=1, overwrite_c=1)
    if fault:
        raise FloatingPointError(f"the covariance of the choices has no Cholesky factor at column {fault}")
    return _from_inverse(inverse)


def _from_inverse(inverse: Float32Array) -> Float32Array:
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
