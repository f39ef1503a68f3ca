"""What every solver is: hyper-parameters in its constructor, a model after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from penchant.arrays import Float32Array, Int32Array
from penchant.models.protocol import Model
from penchant.sparse import FeatureRows

__all__ = ["Epoch", "Solver", "TrainingData"]


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
