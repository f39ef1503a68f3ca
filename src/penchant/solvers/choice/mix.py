"""ChoiceMix: several learners of choices, averaged into one model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from penchant.arrays.types import Float64Array
from penchant.checks import is_real, require
from penchant.errors import UnsupportedError
from penchant.models.choice.choice_model import ChoiceModel
from penchant.solvers.choice.choice_als import ChoiceALS
from penchant.solvers.choice.ease import EASE
from penchant.solvers.solver import Epoch
from penchant.text import Argument, Setting

if TYPE_CHECKING:
    from penchant.solvers.choice.choice_bayes import ChoiceBayes
    from penchant.solvers.choice.choice_data import ChoiceData

__all__ = ["ChoiceMix", "mixed"]

Learner: TypeAlias = "ChoiceALS | ChoiceBayes"


@dataclass(frozen=True, kw_only=True)
class ChoiceMix:
    """The mean of EASE and of factors over all cells, each in units of its own spread.

    The scores of a learner are divided by their standard deviation over all cells, so that neither drowns the other.
    The columns of both stand side by side in the model: nothing is lost, and a new row is folded in by both rules.
    Where EASE does not fit into memory, the factors answer alone.

    Args:
        ease: the learner of summed columns (default EASE with its own defaults).
        factors: the learner of solved columns (default ChoiceALS with its own defaults).
        share: what EASE counts, 0 to 1 (default 0.7).

    Raises:
        ParameterError: a value out of its range.
    """

    name: ClassVar[str] = "choice_mix"

    ease: EASE = field(default_factory=EASE)
    factors: Learner = field(default_factory=ChoiceALS)
    share: float = 0.7

    def __post_init__(self) -> None:
        require(is_real(self.share) and 0 <= self.share <= 1, "share", self.share, "a number from 0 to 1")

    @property
    def n_epochs(self) -> int:
        """As many as the learner of factors has."""
        return self.factors.n_epochs

    def is_compiled(self) -> bool:
        return self.ease.is_compiled() and self.factors.is_compiled()

    def epochs(self, data: ChoiceData) -> Iterator[Epoch[ChoiceModel]]:
        """Yield EASE with the factors as they are after each of their epochs; see `Solver.epochs`."""
        summed = None
        if self.share > 0 and self.ease.fits(data.n_items):
            (only,) = self.ease.epochs(data)
            summed = only.model
        if self.share == 1 and summed is None:
            told = " asks for EASE alone, and its weights of items do not fit into "
            instead = ": use a smaller share, ChoiceALS, or more bytes"
            raise UnsupportedError(Setting("share", 1), told, Argument("max_bytes"), instead)
        if self.share == 1 and summed is not None:
            yield Epoch(summed, only.train_loss)
            return
        for epoch in self.factors.epochs(data):
            if summed is None:
                yield epoch
            else:
                draft, share = epoch.model, self.share
                yield Epoch(mixed(draft, summed, 1 - share, share), epoch.train_loss)


def mixed(solved: ChoiceModel, summed: ChoiceModel, solved_share: float, summed_share: float) -> ChoiceModel:
    """One model whose scores are the weighted sum of those of two, each in units of its own spread.

    Args:
        solved: a model without summed columns.
        summed: a model without solved columns, of the same choices.
        solved_share, summed_share: what each counts; more than 0.
    """
    part = solved.solved
    if part is None or summed.solved is not None:
        raise TypeError("a model of solved columns and one of summed columns are needed")
    a = solved_share / _spread(solved)
    b = summed_share / _spread(summed)
    left, right = np.float32(np.sqrt(a)), np.float32(np.sqrt(b))
    return replace(
        summed,
        item_biases=(a * solved.item_biases + b * summed.item_biases).astype(np.float32),
        user_factors=np.concatenate([left * solved.user_factors, right * summed.user_factors], axis=1),
        item_factors=np.concatenate([left * solved.item_factors, right * summed.item_factors], axis=1),
        item_inputs=right * summed.item_inputs,
        input_mean=float(right) * summed.input_mean,
        solved=part.scaled(a),
    )


def _spread(model: ChoiceModel) -> float:
    """Standard deviation of the scores within a user, root mean square over all users."""
    p, q = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    b = model.item_biases.astype(np.float64)
    q, b = q - q.mean(axis=0), b - b.mean()
    n = max(len(p), 1)
    cross: Float64Array = p.mean(axis=0) @ (b @ q)
    squares = b @ b + 2 * cross + np.sum((p.T @ p / n) * (q.T @ q))
    return float(np.sqrt(max(squares / max(len(q), 1), 1e-30)))
