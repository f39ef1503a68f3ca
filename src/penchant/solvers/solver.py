"""Solver protocol: hyper-parameters in the constructor, a model after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from penchant.arrays.feature_rows import FeatureRows
from penchant.arrays.types import Float32Array, Int32Array
from penchant.errors import DataError
from penchant.models.model import Model

if TYPE_CHECKING:
    from penchant.data.ratings import Ratings
    from penchant.fitting.fit import Progress
    from penchant.recommender.recommender import Recommender

__all__ = ["Epoch", "FitsRatings", "Solver", "TrainingData", "require_finite"]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Ratings as a solver sees them: three arrays of one length, and how many rows each side has.

    Attributes:
        user_idx, item_idx: row numbers, int32, shape (n,), n at least 1. A pair may occur more than once.
        rating: float32, shape (n,), all finite and within `rating_scale`.
        n_users, n_items: sizes of the vocabularies; a row may have no rating.
        rating_scale: (lo, hi), the lowest and highest rating that can be given.
        user_features, item_features: features of each row, for solvers that ask for them; None (default) without.
    """

    user_idx: Int32Array
    item_idx: Int32Array
    rating: Float32Array
    n_users: int
    n_items: int
    rating_scale: tuple[float, float]
    user_features: FeatureRows | None = None
    item_features: FeatureRows | None = None


M_co = TypeVar("M_co", bound=Model, covariant=True)


class Epoch(Generic[M_co]):
    """What an epoch ends with.

    Attributes:
        draft: predicts as the model does; what predictions do not need (priors, uncertainties) may be missing in it.
        train_loss: mean squared error on the ratings that it was trained on, predictions clipped.

    Args:
        draft: the model, or a draft of it.
        train_loss: see above.
        finish: makes the model of the draft; None (default) where the draft is the model. It is called at most once,
            at the first look at `model`, and does not depend on what the solver has done since.
    """

    def __init__(self, draft: M_co, train_loss: float, finish: Callable[[], M_co] | None = None) -> None:
        self.draft = draft
        self.train_loss = train_loss
        self._finish = finish

    @cached_property
    def model(self) -> M_co:
        """As it is after the epoch, ready for use."""
        return self.draft if self._finish is None else self._finish()


def require_finite(epoch: Epoch[Model], number: int) -> None:
    """Refuse a training that has left the finite numbers: what follows is no model.

    Args:
        epoch: what it ended with.
        number: of the epoch, from 0.

    Raises:
        DataError: its loss, or a number of its model, is not finite.
    """
    arrays = epoch.draft.arrays().values()
    if np.isfinite(epoch.train_loss) and all(np.isfinite(each).all() for each in arrays if each.dtype.kind == "f"):
        return
    raise DataError(
        f"the training came to numbers that are not finite in epoch {number}: its steps are too long for these "
        "ratings, or the ratings too far apart; use a lower learning rate or a stronger penalty, and look at the "
        "lowest and the highest ratings"
    )


@runtime_checkable
class Solver(Protocol):
    """A frozen dataclass of hyper-parameters.

    `name` is the word for it in the shell and in files. `epochs` yields a usable model after every epoch; whoever
    iterates may stop at any time (early stopping, Ctrl-C) and keep the last one. The same seed gives the same
    models, whatever the number of threads.
    """

    name: ClassVar[str]

    @property
    def n_epochs(self) -> int:
        """How many epochs there will be, unless it stops early."""
        ...

    def epochs(self, data: TrainingData) -> Iterator[Epoch[Model]]: ...

    def is_compiled(self) -> bool:
        """Whether its kernels are compiled on this machine, so that the first epoch starts at once."""
        ...


class FitsRatings:
    """The method `fit` of every solver: ids in, a Recommender out. All else of a solver knows only arrays.

    This is the one import that points up (docs/decisions/0007-house.md): `penchant.ALS().fit(ratings)` is what people
    type, and `penchant.fitting` is what joins ratings to solvers.
    """

    def fit(
        self: Solver,
        ratings: Ratings,
        valid: Ratings | None = None,
        *,
        progress: Progress = None,
        keep_ratings: bool = True,
    ) -> Recommender:
        """Train on ratings: `penchant.fit(ratings, self, ...)`, see there.

        Args:
            ratings: what to learn from.
            valid: held-out ratings for the column `valid_loss` (default None).
            progress: None (default), True for a table on stderr, or a function of an `EpochRecord`.
            keep_ratings: keep the training ratings with the model (default True).
        """
        from penchant.fitting.fit import fit

        return fit(ratings, self, valid=valid, progress=progress, keep_ratings=keep_ratings)
