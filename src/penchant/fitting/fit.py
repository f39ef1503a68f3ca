"""Fit of a solver to ratings, to a trained Recommender: the loop over epochs, its table, and Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeAlias, TypedDict, TypeVar

import numpy as np

from penchant._version import __version__
from penchant.arrays.seen_ratings import SeenRatings
from penchant.checks import require
from penchant.data.choices import Choices
from penchant.data.feature_encoder import FeatureEncoder
from penchant.data.ratings import Ratings, require_ratings
from penchant.errors import DataError, ParameterError
from penchant.fitting.choice_fit import ChoiceRun, choice_data, liked_order
from penchant.kernels.parallel import one_blas_thread
from penchant.models.choice.ranking_order import RankingOrder
from penchant.models.model import Model, Setting
from penchant.models.no_stars import NoStars
from penchant.recommender.recommender import Recommender
from penchant.solvers.baselines import baselines
from penchant.solvers.bayes import Bayes
from penchant.solvers.choice.mix import ChoiceMix
from penchant.solvers.choice_solver import ChoiceSolver
from penchant.solvers.solver import Epoch, Solver, TrainingData, require_finite
from penchant.storage import Snapshot
from penchant.text import Argument

if TYPE_CHECKING:
    from penchant.arrays.types import Float32Array
    from penchant.data.attributes import Attributes
    from penchant.data.interactions import Interactions
    from penchant.data.vocab import Vocab
    from penchant.models.choice.choice_model import ChoiceModel
    from penchant.storage.strict_json import JSON

__all__ = [
    "LEARNING_CHOICES",
    "EpochRecord",
    "Progress",
    "choice_solver",
    "fit",
    "print_epoch",
    "require_solver",
    "solver_settings",
]

LEARNING_CHOICES = "learning who chose what"  # what is shown of a training after the epochs of stars

M = TypeVar("M", bound=Model)


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
    ratings: Ratings | Choices,
    solver: Solver | ChoiceSolver | None = None,
    *,
    valid: Ratings | None = None,
    choices: ChoiceSolver | bool = True,
    progress: Progress = None,
    keep_ratings: bool = True,
) -> Recommender:
    """Train on ratings: how people like things, and what they choose. Or on choices alone: clicks, plays, purchases.

    Two models are learned from a table of ratings. One predicts stars. The other learns who chose what, whatever the
    stars, because what people like does not say what they would choose. Lists are ordered by both. From a table of
    choices only the second is learned.

    Ctrl-C after the first epoch stops the training and returns the model as it is then (a second Ctrl-C while Bayes
    finishes it: without intervals and features); `info()["training"]` says so under "interrupted". Choices are then
    not learned, or as far as their last epoch. "seconds" there are those of the epochs, without the baselines, which
    are learned before.

    Args:
        ratings: what to learn from: a table of ratings, or of choices.
        solver: how to learn; None (default) for `Bayes()`, or for `ChoiceMix()` where the table is one of choices.
        valid: held-out ratings, for the column `valid_loss` only: nothing is chosen by them (default None).
        choices: how to learn who chose what, beside the ratings: a solver of choices, True for `ChoiceMix()`, or False
            for stars only (default True). Not used for a table of choices.
        progress: None (default) for silence, True for a table on stderr, or a function that is called with an
            `EpochRecord` after each epoch of the solver.
        keep_ratings: keep the training table with the model (default True): for leaving out what a user has seen.
            Without it `recommend` can't leave anything out and says so.

    Raises:
        DataError: there is nothing to learn from, the training ends in numbers that are not finite, or `valid` has
            other vocabularies than `ratings`.
        ParameterError: `ratings` or `valid` is another kind of table, `valid` is empty, a solver or `progress` is
            none, a solver is one for the other kind of table, or it asks for features of an attribute that the table
            does not have.

    >>> import penchant as pt
    >>> train, test = pt.load_dataset("sample").split(0.2, rng=42)
    >>> pt.fit(train, pt.ALS(n_factors=4, n_epochs=5), valid=test).history.shape
    (5, 4)
    """
    if isinstance(ratings, Choices):
        if choices is not True:
            told = " is for a table of ratings: a table of choices is learned by "
            raise ParameterError(Argument("choices"), told, Argument("solver"))
        return _fit_choices(ratings, solver, valid, progress, keep_ratings=keep_ratings)
    solver = require_solver(Bayes() if solver is None else solver, "solver")
    of_choices = choice_solver(choices)
    _check_tables(ratings, valid)
    report = _reporter(progress, solver)
    encoders = _encoders(ratings, solver)
    data = training_data(ratings, encoders)
    baseline = baselines(data)  # first, so that Ctrl-C in the middle of them loses no model
    run: _Run[Model] = _Run()
    run.to_the_end(solver.epochs(data), None if valid is None else training_data(valid), report)
    model, encoders = _finished(run, solver, encoders)
    learned = None
    if of_choices is not None and not run.interrupted:
        begun = ChoiceRun(of_choices, choice_data(ratings, *encoders))
        if progress is True:
            print(LEARNING_CHOICES, file=sys.stderr)
        run.interrupted = begun.to_the_end()
        order = liked_order(data, model, baseline["bias only"])
        learned = begun.learned(order, solver_settings(of_choices), __version__)
    return Recommender(
        Snapshot(
            model=model,
            **_shared(ratings),
            rating_scale=ratings.rating_scale,
            seen=_seen(ratings, ratings.rating) if keep_ratings else None,
            baselines=baseline,
            history=[asdict(record) for record in run.history],
            solver=solver_settings(solver),
            training={"n_ratings": len(ratings), **run.told()},
            user_features=encoders[0],
            item_features=encoders[1],
            choices=learned,
        )
    )


def _fit_choices(
    table: Choices, solver: object, valid: object, progress: Progress, *, keep_ratings: bool
) -> Recommender:
    """A recommender of a table without stars: see `fit`."""
    if isinstance(solver, Solver) and not getattr(solver, "learns_choices", False):
        raise ParameterError(
            Argument("solver"),
            f" is {solver.name}, which learns from stars, and the table has none: use penchant.ChoiceMix() or another "
            "solver of choices, or leave it out",
        )
    chosen = choice_solver(True if solver is None else solver, "solver")
    if valid is not None:
        raise ParameterError(
            Argument("valid"), " is for ratings, whose errors it follows: leave it out, and evaluate the recommender"
        )
    if len(table) == 0:
        raise DataError("there are no choices to learn from")
    assert chosen is not None
    report = _reporter(progress, chosen)
    begun = ChoiceRun(chosen, choice_data(table))
    run: _Run[ChoiceModel] = _Run()
    run.to_the_end(begun.through(), None, report)
    begun.interrupted = run.interrupted
    learned = begun.learned(RankingOrder(), solver_settings(chosen), __version__)
    if learned is None:
        raise ParameterError(f"{chosen.name} made no epoch: use at least 1")
    return Recommender(
        Snapshot(
            model=NoStars(table.n_users, table.n_items),
            **_shared(table),
            rating_scale=(0.0, 1.0),
            seen=_seen(table, table.weight) if keep_ratings else None,
            history=[asdict(record) for record in run.history],
            solver=solver_settings(chosen),
            training={"n_choices": len(table), **run.told()},
            choices=learned,
        )
    )


def _check_tables(ratings: Ratings, valid: Ratings | None) -> None:
    require_ratings(ratings, "ratings")
    if valid is not None:
        require_ratings(valid, "valid")
        if len(valid) == 0:
            raise ParameterError("valid has no ratings: hold some out, or leave it out")
    if len(ratings) == 0:
        raise DataError("there are no ratings to learn from")
    if valid is not None and (valid.users != ratings.users or valid.items != ratings.items):
        raise DataError("valid has other ids than the training ratings: take both from one split")


def require_solver(value: object, name: str) -> Solver:
    """The solver of ratings that was given; what is none is refused: its class, its name, a solver of choices.

    Args:
        value: what was given.
        name: the argument, as the caller wrote it.

    Raises:
        ParameterError: it is none.
    """
    if getattr(value, "learns_choices", False) and not isinstance(value, type):
        told = " learns from choices, and this learns stars: use it as "
        raise ParameterError(Argument(name), told, Argument("choices"), ", or make the table one of choices")
    fits = isinstance(value, Solver) and not isinstance(value, type)
    require(fits, name, value, "a solver with its hyper-parameters, such as penchant.ALS()")
    return value  # type: ignore[return-value]  # checked in the line above


def choice_solver(value: object, name: str = "choices") -> ChoiceSolver | None:
    """The solver of choices that is meant; None for none.

    Args:
        value: a solver of choices, True for the default one, False for none.
        name: the argument, as the caller wrote it (default "choices").

    Raises:
        ParameterError: it is something else.
    """
    if value is True:
        return ChoiceMix()
    if value is False:
        return None
    fits = isinstance(value, ChoiceSolver) and not isinstance(value, type)
    require(fits, name, value, "a solver of choices, such as penchant.ChoiceMix(), True or False")
    return value  # type: ignore[return-value]  # checked in the line above


def _finished(run: _Run[Model], solver: Solver, encoders: _Encoders) -> tuple[Model, _Encoders]:
    """The last model of a training, and the encoders of the features that it has."""
    if run.last is None:
        raise ParameterError(f"{solver.name} made no epoch: use at least 1")
    try:
        model = run.last.model
    except KeyboardInterrupt:  # once more, while it is finished: the draft predicts as well
        model, encoders, run.interrupted = run.last.draft, (None, None), True
    run.seconds = time.perf_counter() - run.started
    return model, encoders


class _Shared(TypedDict):
    users: Vocab
    items: Vocab
    user_attributes: Attributes
    item_attributes: Attributes


def _shared(table: Interactions) -> _Shared:
    return _Shared(
        users=table.users,
        items=table.items,
        user_attributes=table.user_attributes,
        item_attributes=table.item_attributes,
    )


class _Run(Generic[M]):
    """A training under way: what is left of it when it ends, by itself or by Ctrl-C."""

    def __init__(self) -> None:
        self.last: Epoch[M] | None = None
        self.history: list[EpochRecord] = []
        self.interrupted = False
        self.seconds = 0.0
        self.started = time.perf_counter()

    def to_the_end(
        self, epochs: Iterator[Epoch[M]], valid: TrainingData | None, report: Callable[[EpochRecord], object]
    ) -> None:
        """Go through all epochs; Ctrl-C after the first of them ends it early."""
        try:
            for record in self._through(epochs, valid):
                report(record)
        except KeyboardInterrupt:
            if self.last is None:
                raise
            self.interrupted = True
        self.seconds = time.perf_counter() - self.started

    def _through(self, epochs: Iterator[Epoch[M]], valid: TrainingData | None) -> Iterator[EpochRecord]:
        begun = time.perf_counter()
        for number, epoch in enumerate(epochs):
            require_finite(epoch, number)
            seconds = time.perf_counter() - begun
            loss = None if valid is None else _clipped_mse(epoch.draft, valid)
            record = EpochRecord(number, epoch.train_loss, loss, seconds)
            self.last = epoch
            self.history.append(record)
            yield record
            begun = time.perf_counter()

    def told(self) -> dict[str, JSON]:
        """What a file says of it."""
        return {
            "seconds": self.seconds,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "penchant": __version__,
            "interrupted": self.interrupted,
        }


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


def solver_settings(solver: Solver | ChoiceSolver) -> dict[str, Setting]:
    """Name and hyper-parameters of a solver, as they go into files: a generator becomes None, its seed is unknown.

    Those of a solver inside another one are named after it, as in "ease.reg".
    """
    settings: dict[str, Setting] = {"name": solver.name}
    for item in fields(solver):  # type: ignore[arg-type]  # every solver is a dataclass: see the protocol
        value = getattr(solver, item.name)
        if isinstance(value, ChoiceSolver):
            settings |= {f"{item.name}.{name}": inner for name, inner in solver_settings(value).items()}
            continue
        plain = value.item() if isinstance(value, np.generic) else list(value) if isinstance(value, tuple) else value
        settings[item.name] = None if isinstance(value, np.random.Generator) else plain
    return settings


def print_epoch(record: EpochRecord) -> None:
    """Print one row of the table of epochs, `epoch train_loss valid_loss time`, on stderr."""
    if record.epoch == 0:
        print(f"{'epoch':>5} {'train_loss':>11} {'valid_loss':>11} {'time':>8}", file=sys.stderr)
    valid = "" if record.valid_loss is None else f"{record.valid_loss:.6f}"
    print(f"{record.epoch:>5} {record.train_loss:>11.6f} {valid:>11} {record.seconds:>7.3f}s", file=sys.stderr)


def _reporter(progress: Progress, solver: Solver | ChoiceSolver) -> Callable[[EpochRecord], object]:
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


def _seen(table: Interactions, values: Float32Array) -> SeenRatings:
    return SeenRatings.from_pairs(table.user_idx, table.item_idx, values, table.n_users)
