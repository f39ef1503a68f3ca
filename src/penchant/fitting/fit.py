"""Fit of a solver to ratings, to a trained Recommender: the loop over epochs, its table, and Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np

from penchant._version import __version__
from penchant.arrays.seen_ratings import SeenRatings
from penchant.checks import require
from penchant.data.choices import Choices
from penchant.data.feature_encoder import FeatureEncoder
from penchant.data.ratings import Ratings, require_ratings
from penchant.errors import DataError, ParameterError
from penchant.kernels.parallel import one_blas_thread
from penchant.models.model import Model, Setting
from penchant.recommender.recommender import Recommender
from penchant.solvers.baselines import baselines
from penchant.solvers.bayes import Bayes
from penchant.solvers.solver import Epoch, Solver, TrainingData, require_finite
from penchant.storage import Snapshot
from penchant.text import Argument

__all__ = ["EpochRecord", "Progress", "fit", "print_epoch"]


@dataclass(frozen=True)
class EpochRecord:
    """One row of the table of epochs.

    Attributes:
        epoch: 0, 1, 2, ...
        train_loss, valid_loss: mean squared error of clipped predictions, in squared rating units; `valid_loss` is
            on the held-out ratings and None where there are none.
        seconds: what the epoch took, without the measuring of `valid_loss`.
    """

    epoch: int
    train_loss: float
    valid_loss: float | None
    seconds: float


_Encoders: TypeAlias = "tuple[FeatureEncoder | None, FeatureEncoder | None]"
Progress: TypeAlias = "bool | Callable[[EpochRecord], object] | None"


@one_blas_thread()
def fit(
    ratings: Ratings,
    solver: Solver | None = None,
    *,
    valid: Ratings | None = None,
    progress: Progress = None,
    keep_ratings: bool = True,
) -> Recommender:
    """Train a model on ratings.

    Ctrl-C after the first epoch stops the training and returns the model as it is then (a second Ctrl-C while Bayes
    finishes it: without intervals and features); `info()["training"]` says
    so under "interrupted". Its "seconds" are those of the epochs, without the baselines, which are learned before.

    Args:
        ratings: what to learn from.
        solver: how to learn; None (default) for `Bayes()`.
        valid: held-out ratings, for the column `valid_loss` only: nothing is chosen by them (default None).
        progress: None (default) for silence, True for a table on stderr, or a function that is called with an
            `EpochRecord` after each epoch.
        keep_ratings: keep the training ratings with the model (default True): for leaving out what a user has seen.
            Without them `recommend` can't leave anything out and says so.

    Raises:
        DataError: there are no ratings, the training ends in numbers that are not finite, or `valid` has other
            vocabularies than `ratings`.
        ParameterError: `ratings` or `valid` is another kind of table, `valid` is empty, `solver` or `progress` is
            none, or the solver asks for features of an attribute that the ratings do not have.

    >>> import penchant as pt
    >>> train, test = pt.load_dataset("sample").split(0.2, rng=42)
    >>> pt.fit(train, pt.ALS(n_factors=4, n_epochs=5), valid=test).history.shape
    (5, 4)
    """
    solver = Bayes() if solver is None else solver
    require_solver(solver, "solver")
    _require_stars(ratings)
    if valid is not None:
        require_ratings(valid, "valid")
        if len(valid) == 0:
            raise ParameterError("valid has no ratings: hold some out, or leave it out")
    if len(ratings) == 0:
        raise DataError("there are no ratings to learn from")
    if valid is not None and (valid.users != ratings.users or valid.items != ratings.items):
        raise DataError("valid has other ids than the training ratings: take both from one split")
    report = _reporter(progress, solver)
    encoders = _encoders(ratings, solver)
    data = training_data(ratings, encoders)
    beside = baselines(data)  # first, so that Ctrl-C in the middle of them loses no model
    run = _Run()
    try:
        for record in run.through(solver, data, None if valid is None else training_data(valid)):
            report(record)
    except KeyboardInterrupt:
        if run.last is None:
            raise
        run.interrupted = True
    return _recommender(ratings, solver, run, beside, encoders, keep_ratings=keep_ratings)


def _require_stars(ratings: object) -> None:
    if isinstance(ratings, Choices):
        raise ParameterError(
            Argument("ratings"),
            " is a table of choices, and learning from choices is not there yet: learn from a table with stars, read "
            "with penchant.read_ratings",
        )
    require_ratings(ratings, "ratings")


def require_solver(value: object, name: str) -> None:
    """Refuse what is no solver: its class, its name, anything else.

    Args:
        value: what was given.
        name: the argument, as the caller wrote it.

    Raises:
        ParameterError: it is none.
    """
    fits = isinstance(value, Solver) and not isinstance(value, type)
    require(fits, name, value, "a solver with its hyper-parameters, such as penchant.ALS()")


def _recommender(
    ratings: Ratings,
    solver: Solver,
    run: _Run,
    beside: Mapping[str, Model],
    encoders: _Encoders,
    *,
    keep_ratings: bool,
) -> Recommender:
    """The last model of a training with the ids of its ratings, its baselines and what is to be known of it."""
    if run.last is None:
        raise ParameterError(f"{solver.name} made no epoch: use at least 1")
    try:
        model = run.last.model
    except KeyboardInterrupt:  # once more, while it is finished: the draft predicts as well
        model, encoders, run.interrupted = run.last.draft, (None, None), True
    seconds = time.perf_counter() - run.started
    return Recommender(
        Snapshot(
            model=model,
            users=ratings.users,
            items=ratings.items,
            rating_scale=ratings.rating_scale,
            user_attributes=ratings.user_attributes,
            item_attributes=ratings.item_attributes,
            seen=_seen(ratings) if keep_ratings else None,
            baselines=beside,
            history=[asdict(record) for record in run.history],
            solver=solver_settings(solver),
            training={
                "n_ratings": len(ratings),
                "seconds": seconds,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "penchant": __version__,
                "interrupted": run.interrupted,
            },
            user_features=encoders[0],
            item_features=encoders[1],
        )
    )


class _Run:
    """A training under way: what is left of it when it ends, by itself or by Ctrl-C."""

    def __init__(self) -> None:
        self.last: Epoch[Model] | None = None
        self.history: list[EpochRecord] = []
        self.interrupted = False
        self.started = time.perf_counter()

    def through(self, solver: Solver, data: TrainingData, valid: TrainingData | None) -> Iterator[EpochRecord]:
        begun = time.perf_counter()
        for number, epoch in enumerate(solver.epochs(data)):
            require_finite(epoch, number)
            seconds = time.perf_counter() - begun
            loss = None if valid is None else _clipped_mse(epoch.draft, valid)
            record = EpochRecord(number, epoch.train_loss, loss, seconds)
            self.last = epoch
            self.history.append(record)
            yield record
            begun = time.perf_counter()


def training_data(ratings: Ratings, encoders: _Encoders = (None, None)) -> TrainingData:
    """The arrays of `ratings`, without its ids, and the features that encoders make of its attributes."""
    users, items = encoders
    return TrainingData(
        ratings.user_idx,
        ratings.item_idx,
        ratings.rating,
        ratings.n_users,
        ratings.n_items,
        ratings.rating_scale,
        None if users is None else users.rows(ratings.user_attributes),
        None if items is None else items.rows(ratings.item_attributes),
    )


def _encoders(ratings: Ratings, solver: Solver) -> _Encoders:
    """Encoders of the attributes that a solver names, None for a side of which it names none."""
    users, items = getattr(solver, "user_features", ()), getattr(solver, "item_features", ())
    return (
        FeatureEncoder.learn(ratings.user_attributes, users, "user") if users else None,
        FeatureEncoder.learn(ratings.item_attributes, items, "item") if items else None,
    )


def solver_settings(solver: Solver) -> dict[str, Setting]:
    """Name and hyper-parameters of a solver, as they go into files: a generator becomes None, its seed is unknown."""
    settings: dict[str, Setting] = {"name": solver.name}
    for item in fields(solver):  # type: ignore[arg-type]  # every solver is a dataclass: see the protocol
        value = getattr(solver, item.name)
        plain = value.item() if isinstance(value, np.generic) else list(value) if isinstance(value, tuple) else value
        settings[item.name] = None if isinstance(value, np.random.Generator) else plain
    return settings


def print_epoch(record: EpochRecord) -> None:
    """Print one row of the lecture's table, `epoch train_loss valid_loss time`, on stderr."""
    if record.epoch == 0:
        print(f"{'epoch':>5} {'train_loss':>11} {'valid_loss':>11} {'time':>8}", file=sys.stderr)
    valid = "" if record.valid_loss is None else f"{record.valid_loss:.6f}"
    print(f"{record.epoch:>5} {record.train_loss:>11.6f} {valid:>11} {record.seconds:>7.3f}s", file=sys.stderr)


def _reporter(progress: Progress, solver: Solver) -> Callable[[EpochRecord], object]:
    if progress is None or progress is False:
        return lambda _: None
    if progress is not True:
        require(callable(progress), "progress", progress, "True, None or a function of an EpochRecord")
        return progress
    if not solver.is_compiled():
        print("compiling the kernels for this machine (once; takes a few seconds)", file=sys.stderr)
    return print_epoch


def _clipped_mse(model: Model, data: TrainingData) -> float:
    error = model.predict(data.user_idx, data.item_idx).clip(*data.rating_scale) - data.rating
    return float(np.mean(np.square(error, dtype=np.float64)))


def _seen(ratings: Ratings) -> SeenRatings:
    return SeenRatings.from_pairs(ratings.user_idx, ratings.item_idx, ratings.rating, ratings.n_users)
