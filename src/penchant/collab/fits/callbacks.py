"""Callbacks: what is done between epochs, such as stopping early and keeping the best model.

Events come as in fastai, but for those of single batches: whole epochs run as one piece of compiled code.

    before_fit
        before_epoch  before_train  after_train  before_validate  after_validate  after_epoch      for every epoch
    after_fit

A callback ends what is under way by raising the `Cancel...` of its name; `after_cancel_...` then comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

import numpy as np

from penchant.errors import ParameterError, UnsupportedError

if TYPE_CHECKING:
    from penchant.collab.learner import Learner

__all__ = [
    "Callback",
    "Callbacks",
    "CancelEpochException",
    "CancelFitException",
    "CancelTrainException",
    "CancelValidException",
    "HasCallbacks",
    "TerminateOnNaNCallback",
    "as_callbacks",
]

EVENTS = (
    *("after_create", "before_fit", "before_epoch", "before_train", "after_train", "before_validate"),
    *("after_validate", "after_epoch", "after_fit"),
    *("after_cancel_train", "after_cancel_validate", "after_cancel_epoch", "after_cancel_fit"),
)
_BATCH_EVENTS = (
    *("before_batch", "after_pred", "after_loss", "before_backward", "after_backward", "before_step", "after_step"),
    *("after_batch", "after_cancel_batch", "after_cancel_backward", "after_cancel_step"),
)


class CancelFitException(Exception):  # noqa: N818 - fastai's names
    """Ends the training."""


class CancelEpochException(Exception):  # noqa: N818
    """Ends this epoch."""


class CancelTrainException(Exception):  # noqa: N818
    """Ends the training part of this epoch."""


class CancelValidException(Exception):  # noqa: N818
    """Ends the validation of this epoch."""


class Callback:
    """Base of callbacks: a method named after an event is called when it comes; `learn` is the learner.

    What a callback has not itself it has from its learner, as in fastai: `self.epoch`, `self.recorder`, `self.opt`.

    Attributes:
        order: callbacks with a lower order come first.
        run: whether it is called at all.
        learn: the learner that it was added to.
    """

    order: ClassVar[int] = 0
    run: bool = True
    learn: Learner

    @property
    def name(self) -> str:
        """Its class in small letters without the word callback: `learn.early_stopping`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__.removesuffix("Callback")).lower()

    def __call__(self, event: str) -> None:
        """Do what it does at an event.

        Args:
            event: its name.
        """
        method = getattr(type(self), event, None) or self.__dict__.get(event)
        if method is not None and self.run:
            getattr(self, event)()

    def __getattr__(self, name: str) -> object:
        learn = self.__dict__.get("learn")
        if learn is None or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(learn, name)

    def __repr__(self) -> str:
        return type(self).__name__


Callbacks: TypeAlias = "Callback | type[Callback] | Iterable[Callback | type[Callback]] | None"
Comparison: TypeAlias = "Callable[[float, float], object]"


def as_callbacks(cbs: Callbacks) -> list[Callback]:
    """A list of callbacks of one, of several or of none; classes are called.

    Args:
        cbs: what was given.

    Raises:
        ParameterError: one is no callback.
        UnsupportedError: one waits for an event of single batches.
    """
    given = [] if cbs is None else [cbs] if isinstance(cbs, Callback | type) else list(cbs)
    made = []
    for one in given:
        callback = one() if isinstance(one, type) else one
        if not isinstance(callback, Callback):
            raise ParameterError(f"{one!r} is no callback: derive it from penchant.collab.Callback")
        missed = [name for name in _BATCH_EVENTS if hasattr(type(callback), name) or name in callback.__dict__]
        if missed:
            raise UnsupportedError(
                f"{callback!r} waits for {', '.join(missed)}: batches run as one piece of compiled code, so there are "
                "events of epochs only; after_train finds the loss of every batch in recorder.losses"
            )
        made.append(callback)
    return made


class TerminateOnNaNCallback(Callback):
    """Ends the training quietly where the loss is not a number any more; without it that is an error."""

    order = -9

    def after_train(self) -> None:
        """Look at the losses of the epoch."""
        if not np.isfinite(self.learn.batch_losses).all():
            raise CancelFitException


class HasCallbacks:
    """Keeps callbacks and calls them: a base of `Learner`.

    Attributes:
        cbs: the callbacks; each is also an attribute of its name, such as `learn.recorder`.
    """

    cbs: list[Callback]

    def add_cbs(self, cbs: Callbacks) -> Self:
        """Add callbacks to every fit from now on.

        Args:
            cbs: one or several, or their classes.

        Raises:
            ParameterError: one is no callback, or its name is taken by something else of the learner.
            UnsupportedError: one waits for an event of single batches.
        """
        for callback in as_callbacks(cbs):
            if hasattr(type(self), callback.name):
                raise ParameterError(f"a callback can't be called {callback.name!r}: a learner has that already")
            callback.learn = self  # type: ignore[assignment]  # only learners have callbacks
            setattr(self, callback.name, callback)
            self.cbs.append(callback)
        return self

    def add_cb(self, cb: Callback | type[Callback]) -> Self:
        """Add one callback: see `add_cbs`.

        Args:
            cb: the callback.
        """
        return self.add_cbs(cb)

    def remove_cbs(self, cbs: Callbacks) -> Self:
        """Take callbacks away.

        Args:
            cbs: one or several, or classes of which all are taken away.
        """
        given = [] if cbs is None else [cbs] if isinstance(cbs, Callback | type) else list(cbs)
        for one in given:
            for callback in [c for c in self.cbs if c is one or (isinstance(one, type) and isinstance(c, one))]:
                self.cbs.remove(callback)
                self.__dict__.pop(callback.name, None)
        return self

    def remove_cb(self, cb: Callback | type[Callback]) -> Self:
        """Take one callback away: see `remove_cbs`.

        Args:
            cb: the callback, or its class.
        """
        return self.remove_cbs(cb)

    @contextmanager
    def added_cbs(self, cbs: Callbacks) -> Iterator[None]:
        """Callbacks for as long as the block lasts.

        Args:
            cbs: as for `add_cbs`.
        """
        callbacks = as_callbacks(cbs)
        self.add_cbs(callbacks)
        try:
            yield
        finally:
            self.remove_cbs(callbacks)

    def __call__(self, event: str) -> None:
        """Call the callbacks at an event, those with the lowest `order` first.

        Args:
            event: its name.
        """
        for callback in sorted(self.cbs, key=lambda callback: callback.order):
            callback(event)
