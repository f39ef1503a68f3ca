"""Adam: learn a DotBias by mini-batches, as fastai does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from penchant.arrays.types import Float32Array
from penchant.checks import generator, is_real, is_whole, require
from penchant.errors import ParameterError
from penchant.models.dot_bias import DotBias, RowPrior
from penchant.solvers.gradient.schedules import Schedule, constant, one_cycle
from penchant.solvers.gradient.sigmoid_range import require_y_range, widened
from penchant.solvers.solver import Epoch, FitsRatings, TrainingData
from penchant.text import Argument

__all__ = ["Adam", "dot_bias"]

_START_SPREAD = 0.01  # standard deviation of the first parameters, cut off at twice that: as in fastai
_LEAST_NOISE = 1e-6  # noise variance, as a share of the squared width of the scale
_SCHEDULES = ("one_cycle", "constant")


@dataclass(frozen=True, kw_only=True)
class Adam(FitsRatings):
    """Mini-batch gradient descent with Adam and decoupled weight decay, as fastai learns a dot product.

    It lowers the mean squared error of

        r_ui  ~  lo + (hi - lo) / (1 + exp(-(b_u + b_i + p_u . q_i))),     (lo, hi) = y_range

    by one step a batch (equation: `penchant.solvers.gradient.trainer.Trainer`). An epoch shuffles the ratings and
    leaves out those that do not fill a batch. Unlike `Bayes` and `ALS` it needs its learning rate, decay and number
    of epochs to be right for the data: with too many it learns the training ratings by heart.

    Args:
        n_factors: columns of P and Q (default 50).
        n_epochs: rounds through the ratings (default 5).
        lr: learning rate; with "one_cycle" the highest (default 0.005).
        wd: weight decay (default 0.1).
        batch_size: ratings of a step (default 64); if there are fewer ratings, all of them are one batch.
        schedule: "one_cycle" (default), or "constant" with momentum 0.9.
        y_range: ends of the sigmoid; None (default) for `rating_scale` widened by an eighth of its width at either end,
            so that the ends of the scale can be reached.
        rng: seed or generator of the first parameters and of the shuffles (default 0).

    Raises:
        ParameterError: a value out of its range.

    Source: Howard, Gugger (2020), "Deep Learning for Coders with fastai and PyTorch", chapter 8.
    """

    name: ClassVar[str] = "adam"

    n_factors: int = 50
    n_epochs: int = 5
    lr: float = 0.005
    wd: float = 0.1
    batch_size: int = 64
    schedule: str = "one_cycle"
    y_range: tuple[float, float] | None = None
    rng: int | np.random.Generator = 0

    def __post_init__(self) -> None:
        for name, least, most in (("n_factors", 0, 1024), ("n_epochs", 1, 10**6), ("batch_size", 1, 10**7)):
            value = getattr(self, name)
            require(is_whole(value, least) and value <= most, name, value, f"a whole number from {least} to {most}")
        require(is_real(self.lr) and 0 < self.lr < 10, "lr", self.lr, "a number more than 0, such as 0.005")
        require(is_real(self.wd) and self.wd >= 0, "wd", self.wd, "a number of at least 0, such as 0.1")
        if not self.lr * self.wd < 1:
            told = f" is {self.lr * self.wd!r}: use less than 1: lower one of them"
            raise ParameterError(Argument("lr"), " * ", Argument("wd"), told)
        require(self.schedule in _SCHEDULES, "schedule", self.schedule, " or ".join(map(repr, _SCHEDULES)))
        require_y_range(self.y_range)
        generator(self.rng)

    def is_compiled(self) -> bool:
        from penchant.kernels.adam_loop import adam_batches, catch_up_rows
        from penchant.kernels.jit import is_compiled

        return is_compiled(adam_batches) and is_compiled(catch_up_rows)

    def epochs(self, data: TrainingData) -> Iterator[Epoch[DotBias]]:
        """Learn; a model after every epoch.

        Args:
            data: the training ratings.
        """
        from penchant.solvers.gradient.dot_trainer import DotTrainer

        rng = generator(self.rng)
        y_range = widened(data.rating_scale) if self.y_range is None else self.y_range
        sizes = ((data.n_users, self.n_factors), (data.n_items, self.n_factors), (data.n_users,), (data.n_items,))
        user_factors, item_factors, user_biases, item_biases = (_start(rng, *size) for size in sizes)
        tables = (user_factors, item_factors, user_biases, item_biases)
        table = (data.user_idx, data.item_idx, data.rating)
        trainer = DotTrainer(*tables, *table, y_range=y_range, wd=self.wd)
        batch_size = min(self.batch_size, len(data.rating))
        n_batches = len(data.rating) // batch_size
        schedule = self._schedule(n_batches)
        for number in range(self.n_epochs):
            part = schedule.part(number * n_batches, (number + 1) * n_batches)
            order = rng.permutation(len(data.rating))[: n_batches * batch_size]
            trainer.run(order, batch_size, part.lr, part.mom)
            copies = [each.copy() for each in tables]
            draft = dot_bias(copies[0], copies[1], copies[2], copies[3], data, y_range)
            yield Epoch(draft, _squared_error(draft, data))

    def _schedule(self, n_batches: int) -> Schedule:
        n_steps = n_batches * self.n_epochs
        return constant(n_steps, self.lr) if self.schedule == "constant" else one_cycle(n_steps, self.lr)


def dot_bias(
    user_factors: Float32Array,
    item_factors: Float32Array,
    user_biases: Float32Array,
    item_biases: Float32Array,
    data: TrainingData,
    y_range: tuple[float, float] | None,
    global_mean: float = 0.0,
) -> DotBias:
    """The model of trained tables, with what Adam has no word for: the prior of a new row, and the noise.

    The prior is the mean and the covariance of the rows that were trained. Rows without ratings get its mean.

    Args:
        user_factors, item_factors: P and Q; changed where a row has no rating.
        user_biases, item_biases: likewise.
        data: what they were trained on.
        y_range: ends of the sigmoid; None for none.
        global_mean: mu (default 0.0).
    """
    priors = []
    for factors, biases, rows in (
        (user_factors, user_biases, data.user_idx),
        (item_factors, item_biases, data.item_idx),
    ):
        known = np.bincount(rows, minlength=len(biases)) > 0
        prior = RowPrior.of_rows(np.column_stack([factors[known], biases[known]]).astype(np.float64))
        factors[~known], biases[~known] = prior.mean[:-1], prior.mean[-1]
        priors.append(prior)
    lo, hi = data.rating_scale
    draft = DotBias(
        global_mean=global_mean,
        user_biases=user_biases,
        item_biases=item_biases,
        user_factors=user_factors,
        item_factors=item_factors,
        user_prior=priors[0],
        item_prior=priors[1],
        noise_precision=1.0,
        y_range=y_range,
    )
    noise = max(_squared_error(draft, data), _LEAST_NOISE * (hi - lo) ** 2, _LEAST_NOISE)
    return replace(draft, noise_precision=1 / noise)


def _squared_error(model: DotBias, data: TrainingData) -> float:
    """Mean squared error on the training ratings, predictions clipped."""
    error = model.predict(data.user_idx, data.item_idx).clip(*data.rating_scale) - data.rating
    return float(np.mean(np.square(error, dtype=np.float64)))


def _start(rng: np.random.Generator, *size: int) -> Float32Array:
    """The first parameters: normal, cut off at two standard deviations by starting again from zero."""
    return (_START_SPREAD * np.fmod(rng.standard_normal(size), 2)).astype(np.float32)
