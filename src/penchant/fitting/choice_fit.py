"""Learning who chose what, beside the ratings or alone: from a table to a model of choices and the order of lists."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.choice_weights import transformed
from penchant.models.choice.half_precision import rounded
from penchant.models.choice.ranking_order import RankingOrder
from penchant.ranking.order_scores import calibrate_choice
from penchant.solvers.choice.choice_data import ChoiceData
from penchant.solvers.choice.held_out_choices import hold_out
from penchant.solvers.choice.validated import Validated, ValidatedEpoch
from penchant.storage import LearnedChoices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penchant.data.choices import Choices
    from penchant.data.feature_encoder import FeatureEncoder
    from penchant.data.ratings import Ratings
    from penchant.models.choice.choice_model import ChoiceModel
    from penchant.models.model import Model, Setting
    from penchant.solvers.choice_solver import ChoiceSolver
    from penchant.solvers.solver import Epoch, TrainingData

__all__ = ["ChoiceRun", "choice_data", "liked_order"]

_CELLS = 2_000_000  # candidates that calibrate, about
_NEXT = 0.1  # as many choices as these are "next", over all
_PAIRS = 20_000  # training pairs whose variance is asked for


@dataclass
class ChoiceRun:
    """A training of choices under way: what is left of it when it ends, by itself or by Ctrl-C.

    Attributes:
        solver: how it learns.
        data: what from.
        last: the last epoch; None before the first.
        interrupted: whether Ctrl-C ended it.
        started: `time.perf_counter()` at its start.
    """

    solver: ChoiceSolver
    data: ChoiceData
    last: Epoch[ChoiceModel] | None = None
    interrupted: bool = False
    started: float = 0.0

    def through(self) -> Iterator[Epoch[ChoiceModel]]:
        """Each epoch as it comes."""
        self.started = time.perf_counter()
        for epoch in self.solver.epochs(self.data):
            self.last = epoch
            yield epoch

    def to_the_end(self) -> bool:
        """Go through all epochs; Ctrl-C ends it early. Returns whether it did."""
        try:
            for _ in self.through():
                pass
        except KeyboardInterrupt:
            self.interrupted = True
        return self.interrupted

    def learned(self, order: RankingOrder, settings: Mapping[str, Setting], version: str) -> LearnedChoices | None:
        """The model of the last epoch with its calibrated order; None where no epoch came to its end.

        Args:
            order: what is known of the chance to like; its knots are added.
            settings: of the solver, as a file keeps them.
            version: of penchant.
        """
        if self.last is None:
            return None
        try:
            knots, log_chance = self._calibration() if not self.interrupted else ((), ())
        except KeyboardInterrupt:
            knots, log_chance, self.interrupted = (), (), True
        return LearnedChoices(
            model=rounded(self.last.model),
            order=replace(order, knots=knots, log_chance=log_chance),
            solver=settings,
            training={
                "n_choices": self.data.n_choices,
                "seconds": time.perf_counter() - self.started,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "penchant": version,
                "interrupted": self.interrupted,
            },
        )

    def _calibration(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        validated = self.last.validated if isinstance(self.last, ValidatedEpoch) else None
        return calibration(self.solver, self.data, validated)


def choice_data(
    table: Ratings | Choices, user_features: FeatureEncoder | None = None, item_features: FeatureEncoder | None = None
) -> ChoiceData:
    """The arrays of who chose what, weights transformed; a rating is a choice, whatever its stars.

    Args:
        table: ratings or choices.
        user_features, item_features: encoders of attributes; None (default) without.
    """
    choices = table.choices()
    user_idx, item_idx, weight = choices.user_idx, choices.item_idx, choices.weight
    pairs = user_idx.astype(np.int64) * max(choices.n_items, 1) + item_idx
    once, first, which = np.unique(pairs, return_index=True, return_inverse=True)
    if len(once) < len(pairs):  # rows that were taken more than once
        weight = np.bincount(which, weight).astype(np.float32)
        user_idx, item_idx = user_idx[first], item_idx[first]
    return ChoiceData(
        user_idx,
        item_idx,
        choices.n_users,
        choices.n_items,
        transformed(weight),
        None if user_features is None else user_features.rows(choices.user_attributes),
        None if item_features is None else item_features.rows(choices.item_attributes),
    )


def liked_order(data: TrainingData, model: Model, biases: Model) -> RankingOrder:
    """When a rating counts as liked, and how far ratings lie around their predictions.

    Liked is what lies three quarters up the scale: 4 of 5 stars. The threshold is half-way to the next lower rating
    that occurs. The spread is the root of the mean variance that the model states; a model that states none takes the
    residuals of the biases alone, which hardly learn by heart.

    Args:
        data: the training ratings.
        model: of ratings.
        biases: the baseline of biases only.
    """
    lo, hi = data.rating_scale
    relevant = lo + 0.75 * (hi - lo)
    values = np.unique(data.rating)
    liked, below = values[values >= relevant], values[values < relevant]
    if len(liked) == 0 or len(below) == 0:
        return RankingOrder()  # everybody likes all of it, or nobody anything: that says nothing of an item
    threshold = (float(liked[0]) + float(below[-1])) / 2
    some = np.linspace(0, len(data.rating) - 1, min(_PAIRS, len(data.rating))).astype(np.int64)
    users, items = data.user_idx[some], data.item_idx[some]
    variance = model.variance(users, items)
    if variance is None:
        variance = np.square(biases.predict(users, items).astype(np.float64) - data.rating[some])
    spread = float(np.sqrt(max(float(variance.mean()), 1e-6 * (hi - lo) ** 2, 1e-12)))
    return RankingOrder(threshold=threshold, spread=spread)


def calibration(
    solver: ChoiceSolver, data: ChoiceData, validated: Validated | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scores and the chances that they stand for, counted on choices that were not learned from.

    The chance of an item is that of being among a person's next choices, a tenth of all that they have made; it is
    counted over all items that the person has not chosen. Where the solver did not judge itself on a validation part,
    it learns once more, without one.

    Args:
        solver: how the choices are learned.
        data: all of them.
        validated: what the solver saw of a validation part; None (default) for nothing.
    """
    if validated is None:
        held = hold_out(data, np.random.default_rng(0))
        if len(held.users) == 0:
            return (), ()
        *_, last = solver.epochs(held.rest)
        validated = Validated.of(held, last.model)
    knots, log_chance = calibrate_choice(*validated.candidates(_CELLS))
    share = 1 - validated.held.rest.n_choices / data.n_choices
    return knots, tuple(each + math.log(_NEXT / share) for each in log_chance)
