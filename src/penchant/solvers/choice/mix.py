"""ChoiceMix: several learners of choices, averaged into one model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from penchant.checks import generator, is_real, require
from penchant.errors import UnsupportedError
from penchant.models.choice.choice_model import ChoiceModel
from penchant.solvers.choice.candidates import MixFound, spread_of
from penchant.solvers.choice.choice_als import ChoiceALS
from penchant.solvers.choice.ease import EASE
from penchant.solvers.choice.validated import Validated, ValidatedEpoch
from penchant.solvers.choice_solver import LearnsChoices
from penchant.solvers.solver import Epoch
from penchant.text import Argument, Setting

if TYPE_CHECKING:
    from penchant.solvers.choice.candidates import Candidate
    from penchant.solvers.choice.choice_bayes import ChoiceBayes
    from penchant.solvers.choice.choice_data import ChoiceData
    from penchant.solvers.choice.held_out_choices import HeldOut

__all__ = ["ChoiceMix", "mixed"]

Learner: TypeAlias = "ChoiceALS | ChoiceBayes"


@dataclass(frozen=True, kw_only=True)
class ChoiceMix(LearnsChoices):
    """The weighted mean of EASE, of factors over all cells, and of popularity, each in units of its own spread.

    The scores of each are divided by their standard deviation over all cells, so that none outweighs the others by its
    unit. The columns of EASE and of the factors stand side by side in the model: nothing is lost, and a new row is
    folded in by both rules. Where EASE does not fit into memory, it is left out. Of the mixes that find nearly as much
    of a validation part as the best, the one with the most popularity is taken: docs/decisions/0008-choices.md.

    Args:
        ease: the learner of summed columns (default EASE with its own defaults).
        factors: the learner of solved columns (default ChoiceALS with its own defaults).
        share: what EASE counts, 0 to 1; None (default) for the one of seven that finds the most of a validation part.
        popularity: what popularity counts beside both, at least 0; None (default) for what a validation part decides.
        rng: seed or generator of the validation part and of EASE's first columns (default 0).

    Raises:
        ParameterError: a value out of its range.
    """

    name: ClassVar[str] = "choice_mix"

    ease: EASE = field(default_factory=EASE)
    factors: Learner = field(default_factory=ChoiceALS)
    share: float | None = None
    popularity: float | None = None
    rng: int | np.random.Generator = 0

    def __post_init__(self) -> None:
        fits = self.share is None or (is_real(self.share) and 0 <= self.share <= 1)
        require(fits, "share", self.share, "a number from 0 to 1, or None")
        fits = self.popularity is None or (is_real(self.popularity) and 0 <= self.popularity < 1e9)
        require(fits, "popularity", self.popularity, "a number of at least 0, or None")
        generator(self.rng)

    @property
    def n_epochs(self) -> int:
        """As many as the learner of factors has."""
        return self.factors.n_epochs

    def is_compiled(self) -> bool:
        from penchant.kernels.jit import is_compiled
        from penchant.solvers.choice.held_out_choices import gains_of_rows

        return self.ease.is_compiled() and self.factors.is_compiled() and is_compiled(gains_of_rows)

    def epochs(self, data: ChoiceData) -> Iterator[Epoch[ChoiceModel]]:
        """Yield EASE with the factors as they are after each of their epochs; see `Solver.epochs`."""
        from penchant.kernels.parallel import one_blas_thread

        has_ease = self.ease.fits(data.n_items) and self.share != 0
        if self.share == 1 and not has_ease:
            told = " asks for EASE alone, and its weights of items do not fit into "
            instead = ": use a smaller share, ChoiceALS, or more bytes"
            raise UnsupportedError(Setting("share", 1), told, Argument("max_bytes"), instead)
        rng = generator(self.rng)
        found = self._found(data, has_ease, rng)
        if found.ease_reg is None or found.ease_factors is None or found.share == 0:
            for epoch in self._with(found).epochs(data):
                loud = partial(_loud, voice=found.popularity)
                yield _made_of(epoch, loud, _seen_of(found, (1.0, epoch.draft)))
            return
        with one_blas_thread():
            only = self.ease.trained(data, found.ease_reg, found.ease_factors, generator(self.ease.rng))
        if found.share == 1:
            loud = partial(_loud, voice=found.popularity)
            yield _made_of(only, loud, _seen_of(found, (1.0, only.model)))
            return
        shares = 1 - found.share, found.share
        mix = partial(
            mixed, summed=only.model, solved_share=shares[0], summed_share=shares[1], popularity=found.popularity
        )
        for epoch in self._with(found).epochs(data):
            yield _made_of(epoch, mix, _seen_of(found, (shares[0], epoch.draft), (shares[1], only.model)))

    def _with(self, found: MixFound) -> Learner:
        """The learner of factors with what was found."""
        return self.factors if found.factors is None else found.factors

    def _found(self, data: ChoiceData, has_ease: bool, rng: np.random.Generator) -> MixFound:
        """The settings that are given, the others from a validation part."""
        from penchant.kernels.parallel import one_blas_thread
        from penchant.solvers.choice.candidates import best_mix
        from penchant.solvers.choice.held_out_choices import hold_out

        if self._is_given(has_ease):
            counts = float(self.share or 0), float(self.popularity or 0)
            return MixFound(self.ease.reg if has_ease else None, self.ease.n_factors, None, *counts)
        held, streams = hold_out(data, rng), rng.spawn(2)
        _ = held.rest.by_user, held.rest.by_item, held.rest.popularity  # made once, before threads ask for them
        shares = None if self.share is None else (float(self.share),)
        voices = None if self.popularity is None else (float(self.popularity),)
        with one_blas_thread(), ThreadPoolExecutor(1) as beside:
            job = beside.submit(self.ease.candidates, held, streams[0]) if has_ease else None
            solved = [] if self.share == 1 else self._solved(held, streams[1])
            summed = [] if job is None else job.result()
            return best_mix(held, summed, solved, self.ease.ranks(data.n_items), shares, voices)

    def _is_given(self, has_ease: bool) -> bool:
        """Whether every setting that a validation part could decide is given."""
        ease = not has_ease or (self.ease.reg is not None and self.ease.n_factors is not None)
        factors = self.share == 1 or not isinstance(self.factors, ChoiceALS) or self.factors.reg is not None
        return ease and factors and self.popularity is not None and (self.share is not None or not has_ease)

    def _solved(self, held: HeldOut, rng: np.random.Generator) -> list[Candidate]:
        """Candidates of the factors; one where the learner has nothing to choose."""
        from penchant.solvers.choice.candidates import Candidate

        if isinstance(self.factors, ChoiceALS):
            return self.factors.candidates(held, rng)
        *_, last = self.factors.epochs(held.rest)
        model = last.model
        return [Candidate(0.0, model.item_biases, model.user_factors, model.item_factors, held.users)]


def _loud(model: ChoiceModel, voice: float) -> ChoiceModel:
    """The mean of a model and of popularity, which counts `voice` times as much, both in units of their spread."""
    if voice == 0:
        return model
    size = spread_of(model.item_biases, model.user_factors, model.item_factors)
    return _beside_popularity(model, voice * size / max(float(model.item_popularity.std()), 1e-15))


def _seen_of(found: MixFound, *parts: tuple[float, ChoiceModel]) -> Validated | None:
    """What was seen of the validation part, in units of spread there, on the scale of the mean of some models.

    Args:
        found: what a validation part decided.
        parts: what each model counts, and the model.
    """
    if found.validated is None:
        return None
    weights = [share / spread_of(each.item_biases, each.user_factors, each.item_factors) for share, each in parts]
    popularity = parts[0][1].item_popularity
    voice = found.popularity / max(float(popularity.std()), 1e-15)
    return found.validated.scaled(1 / (sum(weights) + voice))


def _made_of(
    epoch: Epoch[ChoiceModel], make: Callable[[ChoiceModel], ChoiceModel], seen: Validated | None
) -> ValidatedEpoch:
    """An epoch with another model, made of the one that it has: of its draft now, of the whole one when asked for."""
    return ValidatedEpoch(make(epoch.draft), epoch.train_loss, lambda: make(epoch.model), seen)


def mixed(
    solved: ChoiceModel, summed: ChoiceModel, solved_share: float, summed_share: float, popularity: float = 0.0
) -> ChoiceModel:
    """One model whose scores are the weighted mean of those of two, each counting in units of its own spread.

    The mean of predictions of a cell is one, so that scores stay in the units of a cell: 1 where somebody chooses.

    Args:
        solved: a model without summed columns.
        summed: a model without solved columns, of the same choices.
        solved_share, summed_share: what each counts; more than 0.
        popularity: what popularity counts beside both (default 0.0).
    """
    part = solved.solved
    if part is None or summed.solved is not None:
        raise TypeError("a model of solved columns and one of summed columns are needed")
    a = solved_share / spread_of(solved.item_biases, solved.user_factors, solved.item_factors)
    b = summed_share / spread_of(summed.item_biases, summed.user_factors, summed.item_factors)
    voice = popularity / max(float(summed.item_popularity.std()), 1e-15) / (a + b)
    a, b = a / (a + b), b / (a + b)
    left, right = np.float32(np.sqrt(a)), np.float32(np.sqrt(b))
    both = replace(
        summed,
        item_biases=(a * solved.item_biases + b * summed.item_biases).astype(np.float32),
        user_factors=np.concatenate([left * solved.user_factors, right * summed.user_factors], axis=1),
        item_factors=np.concatenate([left * solved.item_factors, right * summed.item_factors], axis=1),
        item_inputs=right * summed.item_inputs,
        input_mean=float(right) * summed.input_mean,
        solved=part.scaled(a),
    )
    return _beside_popularity(both, voice)


def _beside_popularity(model: ChoiceModel, weight: float) -> ChoiceModel:
    """The weighted mean of a model's scores and of popularity, in the units of a cell.

    Args:
        model: whose scores count 1.
        weight: what popularity counts.
    """
    if weight == 0:
        return model
    share = 1 / (1 + weight)
    root = np.float32(np.sqrt(share))
    return replace(
        model,
        item_biases=(share * model.item_biases + (1 - share) * model.item_popularity).astype(np.float32),
        user_factors=root * model.user_factors,
        item_factors=root * model.item_factors,
        item_inputs=root * model.item_inputs,
        input_mean=float(root) * model.input_mean,
        solved=None if model.solved is None else model.solved.scaled(share),
    )
