"""NeuralNet: learn a network of neurons over a user's and an item's embedding, and stop before it learns by heart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from penchant.arrays.types import Float32Array, Int64Array
from penchant.checks import generator, is_real, is_whole, require, require_threads
from penchant.models.embedding_nn import EmbeddingNN
from penchant.solvers.gradient.net_arrays import keep_net, start_net
from penchant.solvers.gradient.net_trainer import NetTrainer
from penchant.solvers.gradient.schedules import Schedule, constant, one_cycle
from penchant.solvers.gradient.sigmoid_range import require_y_range, widened
from penchant.solvers.solver import Epoch, FitsRatings, TrainingData
from penchant.text import Argument

__all__ = ["NeuralNet"]

_UNIT = 4  # ratings are trained on as if their scale were this wide: that of 1 to 5
_SCHEDULES = ("one_cycle", "constant")


@dataclass(frozen=True, kw_only=True)
class NeuralNet(FitsRatings):
    """A neural model: two embeddings side by side, hidden layers, and a sigmoid over the rating scale.

        x_0 = [E_user, E_item],    x_l = BN(relu(W_l x_(l-1))),    r_ui  ~  lo + (hi - lo) / (1 + exp(-(w . x_L + b)))

    It lowers the mean squared error by Adam, in mini-batches. Embeddings have 1.6 n^0.56 columns, n their rows. A
    network learns ratings by heart after a few epochs, so some are held out, and the epoch that predicts these best
    is kept; then it is trained on all ratings for as many epochs. The model of an epoch is the best so far. Ratings
    are trained on as if their scale were that of 1 to 5, so hyper-parameters serve any scale.

    Args:
        layers: neurons of each hidden layer, default (20, 10); none make the model linear.
        n_epochs: times that every rating is seen (default 10), unless it stops earlier.
        lr: learning rate, with "one_cycle" the highest (default 0.005).
        wd: weight decay (default 0.3); with a constant rate, which never becomes small, 0.01 is better.
        batch_size: ratings of a mini-batch (default 64).
        schedule: "one_cycle" (default "one_cycle") lets the rate rise and fall, with "constant" it stays as it is.
        y_range: (lo, hi) of the sigmoid; None (default) for the rating scale and an eighth of it more at each end,
            since it never reaches its ends, and the lowest and highest rating can be given.
        valid_share: share of the ratings that is held out to find the best epoch, less than 1 (default 0.1); 0 keeps
            the last epoch.
        patience: epochs without a better one after which a constant schedule stops (default 2). One cycle is always
            gone through, for its last epochs are its best.
        retrain: train on all ratings when the best epoch is found (default True); it takes as long again.
        rng: seed or generator (default 0).
        n_threads: None (default) for all processors that this process may use, for what is measured after each epoch.
            The result does not depend on it.

    Raises:
        ParameterError: a value out of its range.

    Source: Guo, Berkhahn (2016), "Entity embeddings of categorical variables"; `fastai.collab.EmbeddingNN`.
    """

    name: ClassVar[str] = "neural"

    layers: tuple[int, ...] = (20, 10)
    n_epochs: int = 10
    lr: float = 0.005
    wd: float = 0.3
    batch_size: int = 64
    schedule: str = "one_cycle"
    y_range: tuple[float, float] | None = None
    valid_share: float = 0.1
    patience: int = 2
    retrain: bool = True
    rng: int | np.random.Generator = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        fits = isinstance(self.layers, tuple | list) and all(is_whole(n, 1) and n <= 10_000 for n in self.layers)
        require(fits and len(self.layers) <= 100, "layers", self.layers, "numbers of neurons, such as (20, 10)")
        object.__setattr__(self, "layers", tuple(self.layers))
        require(is_whole(self.n_epochs, 1), "n_epochs", self.n_epochs, "a whole number of at least 1")
        require(is_whole(self.batch_size, 2), "batch_size", self.batch_size, "a whole number of at least 2")
        require(is_whole(self.patience, 1), "patience", self.patience, "a whole number of at least 1")
        require(is_real(self.lr) and 0 < self.lr <= 1, "lr", self.lr, "a number more than 0, at most 1")
        fits = is_real(self.wd) and 0 <= self.wd < 1 / self.lr
        require(fits, "wd", self.wd, "a number from 0 to less than 1 / ", Argument("lr"))
        require(self.schedule in _SCHEDULES, "schedule", self.schedule, " or ".join(map(repr, _SCHEDULES)))
        require_y_range(self.y_range)
        if self.y_range is not None:
            object.__setattr__(self, "y_range", tuple(self.y_range))
        fits = is_real(self.valid_share) and 0 <= self.valid_share < 1
        require(fits, "valid_share", self.valid_share, "a share from 0 to less than 1, such as 0.1")
        require(isinstance(self.retrain, bool), "retrain", self.retrain, "True or False")
        generator(self.rng)
        require_threads(self.n_threads)

    def is_compiled(self) -> bool:
        from penchant.kernels.jit import is_compiled
        from penchant.kernels.net_answers import net_answers
        from penchant.kernels.net_loop import net_batches

        return is_compiled(net_batches) and is_compiled(net_answers)

    def epochs(self, data: TrainingData) -> Iterator[Epoch[EmbeddingNN]]:
        """Yield the best model so far after each epoch, and the one that was trained on all ratings after the last."""
        from penchant.kernels.parallel import available_threads, thread_pool

        rng = generator(self.rng)
        n_threads = self.n_threads or available_threads()
        shuffled = rng.permutation(len(data.rating))
        n_valid = int(self.valid_share * len(shuffled))
        valid, train = shuffled[:n_valid], np.sort(shuffled[n_valid:])
        course = _Course(self, data, train, rng)
        best, least, best_at = None, np.inf, 0
        with thread_pool(n_threads) as pool:
            for at in range(self.n_epochs):
                model = course.next_model()
                loss = _loss(pool, n_threads, model, data, valid) if n_valid else -float(at)
                if best is None or loss < least:
                    best, least, best_at = model, loss, at
                gives_up = self.schedule == "constant" and at - best_at >= self.patience
                if (gives_up or at + 1 == self.n_epochs) and n_valid and self.retrain:
                    again = _Course(self, data, np.arange(len(shuffled)), rng)
                    *_, best = (again.next_model() for _ in range(best_at + 1))
                everything = np.arange(len(shuffled))
                yield Epoch(best, _loss(pool, n_threads, best, data, everything))
                if gives_up:
                    return


class _Course:
    """A training under way, on some of the ratings."""

    def __init__(self, solver: NeuralNet, data: TrainingData, rows: Int64Array, rng: np.random.Generator) -> None:
        lo, hi = data.rating_scale
        unit = (hi - lo) / _UNIT or 1.0
        self._y_range = solver.y_range or widened(data.rating_scale)
        ends = ((self._y_range[0] - lo) / unit, (self._y_range[1] - lo) / unit)
        users, items, rating = data.user_idx[rows], data.item_idx[rows], (data.rating[rows] - np.float32(lo)) / unit
        self._net = start_net(rng, data.n_users, data.n_items, solver.layers, ends)
        self._trainer = NetTrainer(self._net, users, items, rating.astype(np.float32), wd=float(solver.wd))
        self._has_ratings = (
            np.bincount(users, minlength=data.n_users) > 0,
            np.bincount(items, minlength=data.n_items) > 0,
        )
        self._rng, self._n = rng, len(rows)
        self._batch_size = min(solver.batch_size, max(self._n, 2))
        self._n_batches = max(1, self._n // self._batch_size)
        n_steps = solver.n_epochs * self._n_batches
        make = one_cycle if solver.schedule == "one_cycle" else constant
        self._schedule: Schedule = make(n_steps, float(solver.lr))
        self._done = 0

    def next_model(self) -> EmbeddingNN:
        """Train for an epoch; the model then."""
        part = self._schedule.part(self._done, self._done + self._n_batches)
        order = np.resize(self._rng.permutation(self._n), self._n_batches * self._batch_size)
        self._trainer.run(order, self._batch_size, part.lr, part.mom)
        self._done += self._n_batches
        return keep_net(self._net, self._y_range, self._has_ratings)


def _loss(pool: Executor, n_threads: int, model: EmbeddingNN, data: TrainingData, rows: Int64Array) -> float:
    """Mean squared error of clipped predictions on some of the ratings."""
    predicted: Float32Array = np.empty(len(rows), np.float32)
    users, items = data.user_idx[rows], data.item_idx[rows]

    def predict(start: int, stop: int) -> None:
        predicted[start:stop] = model.predict(users[start:stop], items[start:stop])

    cuts = np.linspace(0, len(rows), n_threads + 1).astype(int).tolist()
    for done in [pool.submit(predict, start, stop) for start, stop in itertools.pairwise(cuts)]:
        done.result()
    error = predicted.clip(*data.rating_scale) - data.rating[rows]
    return float(np.mean(np.square(error, dtype=np.float64)))
