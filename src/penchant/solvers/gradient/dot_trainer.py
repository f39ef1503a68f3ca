"""DotTrainer: Adam for dot products plus biases, over tables that others keep."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.errors import ParameterError
from penchant.solvers.gradient.trainer import Moments

if TYPE_CHECKING:
    from penchant.kernels.adam_loop import Side, Steps

__all__ = ["DotTrainer"]

_NAMES = ("user_factors", "item_factors", "user_biases", "item_biases")
_NOTHING = 1e-12
_LEAST_KEPT = 1e-200  # of what weight decay leaves of a weight within one call of the kernel, which divides by it


class DotTrainer:
    """A `Trainer` of P, Q and the biases, where they lie: NumPy arrays, or the memory of a torch parameter.

        prediction = eta  or  lo + (hi - lo) / (1 + exp(-eta)),     eta = mu + b_u + b_i + p_u . q_i

    The loss is the mean squared error of a batch. The four tables are read at the start of a run and written at its
    end; in between they may be looked at, not changed.

    Args:
        user_factors, item_factors: P and Q, float32, shapes (n_users, n_factors), (n_items, n_factors).
        user_biases, item_biases: float32, shapes (n_users,), (n_items,).
        user_idx, item_idx, rating: the training table, int32 and float32, shape (n,) each.
        y_range: (lo, hi) of the sigmoid; None (default) for none.
        global_mean: mu (default 0.0).
        wd: weight decay (default 0.01).
        sqr_mom: share of the old mean of squares that is kept (default 0.99).
        eps: added to the root of that mean (default 1e-5).
    """

    def __init__(
        self,
        user_factors: Float32Array,
        item_factors: Float32Array,
        user_biases: Float32Array,
        item_biases: Float32Array,
        user_idx: Int32Array,
        item_idx: Int32Array,
        rating: Float32Array,
        *,
        y_range: tuple[float, float] | None = None,
        global_mean: float = 0.0,
        wd: float = 0.01,
        sqr_mom: float = 0.99,
        eps: float = 1e-5,
    ) -> None:
        self.wd = wd
        self._tables = (user_factors, item_factors, user_biases, item_biases)
        self._n_factors = user_factors.shape[1]
        self._data = (
            np.ascontiguousarray(user_idx, np.int32),
            np.ascontiguousarray(item_idx, np.int32),
            np.ascontiguousarray(rating, np.float32),
        )
        self._y_range = (0.0, 0.0) if y_range is None else (float(y_range[0]), float(y_range[1]))
        self._mu, self._sqr_mom, self._eps = float(global_mean), float(sqr_mom), float(eps)
        self._n_steps = 0
        self._users = _side(len(user_biases), self._n_factors, self._n_factors)
        self._items = _side(len(item_biases), self._n_factors, self._n_factors + 1)

    @property
    def n_steps(self) -> int:
        """Steps taken so far."""
        return self._n_steps

    def run(self, order: Int64Array, batch_size: int, lr: Float64Array, mom: Float64Array) -> Float32Array:
        """Take one step for each mini-batch: see `Trainer.run`.

        Args:
            order: positions in the training table, shape (n_batches * batch_size,).
            batch_size: ratings of a batch.
            lr, mom: shape (n_batches,).

        Raises:
            ParameterError: lengths do not fit.
        """
        if len(order) != len(lr) * batch_size or len(mom) != len(lr):
            raise ParameterError(f"{len(order)} positions are not {len(lr)} batches of {batch_size}")
        self._read()
        losses = np.empty(len(lr), np.float32)
        try:
            for start, stop in _pieces(_kept(lr, self.wd)):
                positions = np.ascontiguousarray(order[start * batch_size : stop * batch_size], np.int64)
                self._batches(positions, batch_size, self._steps(lr[start:stop], mom[start:stop]), losses[start:stop])
        finally:
            self._write()
        return losses

    def moments(self) -> Moments:
        """Moments of the four tables, by their names in a `DotBias`."""
        return {} if self._n_steps == 0 else dict(zip(_NAMES, self._split(), strict=True))

    def set_moments(self, moments: Moments, n_steps: int) -> None:
        """Go on from moments that were kept.

        Args:
            moments: those of `moments()`.
            n_steps: how many steps made them.

        Raises:
            ParameterError: they are of other tables.
        """
        n = self._n_factors
        for name, table in zip(_NAMES, self._tables, strict=True):
            if name not in moments or any(each.shape != table.shape for each in moments[name]):
                raise ParameterError(f"the moments of {name} are missing, or of another shape than {table.shape}")
        for side, factors, biases in (
            (self._users, "user_factors", "user_biases"),
            (self._items, "item_factors", "item_biases"),
        ):
            for table, place in ((side.mean, 0), (side.square, 1)):
                table[:, :n], table[:, side.bias] = moments[factors][place], moments[biases][place]
            side.updated[:] = n_steps
        self._n_steps = n_steps

    def _batches(self, order: Int64Array, batch_size: int, steps: Steps, losses: Float32Array) -> None:
        from penchant.kernels.adam_loop import adam_batches, catch_up_rows

        adam_batches(order, batch_size, *self._data, self._users, self._items, steps, losses)
        for side in (self._users, self._items):
            catch_up_rows(side, len(losses), steps)
        self._n_steps += len(losses)

    def _steps(self, lr: Float64Array, mom: Float64Array) -> Steps:
        from penchant.kernels.adam_loop import Steps

        t = self._n_steps + np.arange(1, len(lr) + 1, dtype=np.float64)
        kept = np.cumprod(_kept(lr, self.wd))
        rate = lr / (1 - np.asarray(mom, np.float64) ** t) / kept
        scale = np.sqrt(1 / (1 - self._sqr_mom**t))
        return Steps(
            self._n_steps,
            np.r_[0.0, rate],
            np.r_[0.0, mom],
            np.r_[1.0, kept],
            np.r_[0.0, scale],
            self._sqr_mom,
            self._eps,
            self._mu,
            *self._y_range,
        )

    def _read(self) -> None:
        """The tables as the kernel keeps them: a row and its bias side by side, padded to whole vectors."""
        user_factors, item_factors, user_biases, item_biases = self._tables
        for side, factors, biases in (
            (self._users, user_factors, user_biases),
            (self._items, item_factors, item_biases),
        ):
            side.rows[:, : self._n_factors], side.rows[:, side.bias] = factors, biases

    def _write(self) -> None:
        for table, now in zip(self._tables, self._cut(self._users.rows, self._items.rows), strict=True):
            table[:] = now

    def _split(self) -> list[tuple[Float32Array, Float32Array]]:
        means = self._cut(self._users.mean, self._items.mean)
        squares = self._cut(self._users.square, self._items.square)
        return [(mean.copy(), square.copy()) for mean, square in zip(means, squares, strict=True)]

    def _cut(self, users: Float32Array, items: Float32Array) -> tuple[Float32Array, ...]:
        n = self._n_factors
        return users[:, :n], items[:, :n], users[:, self._users.bias], items[:, self._items.bias]


def _side(n_rows: int, n_factors: int, bias: int) -> Side:
    from penchant.kernels.adam_loop import Side, row_width

    shape = (n_rows, row_width(n_factors))
    rows, mean, square = (np.zeros(shape, np.float32) for _ in range(3))
    return Side(rows, mean, square, np.zeros(n_rows, np.int64), np.full(n_rows, -1, np.int32), bias)


def _kept(lr: Float64Array, wd: float) -> Float64Array:
    """What weight decay leaves of a weight at each step, 1 - lr wd; never nothing, which could not be divided by."""
    kept = 1 - np.asarray(lr, np.float64) * wd
    return np.where(np.abs(kept) < _NOTHING, _NOTHING, kept)


def _pieces(kept: Float64Array) -> list[tuple[int, int]]:
    """Runs of steps within which decay changes a weight by a factor that the kernel's quotients can hold."""
    spent = np.floor(np.abs(np.cumsum(np.log(np.abs(kept)))) / -np.log(_LEAST_KEPT)).astype(np.int64)
    cuts = [0, *(np.flatnonzero(np.diff(spent)) + 1).tolist(), len(kept)]
    return [(start, stop) for start, stop in itertools.pairwise(cuts) if stop > start]
