"""Training loop: epochs of training and validation, and the events around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from penchant.checks import is_whole, require
from penchant.collab.fits.callbacks import (
    CancelEpochException,
    CancelFitException,
    CancelTrainException,
    CancelValidException,
)
from penchant.collab.fits.epoch import Interrupts, make_trainer, run_epoch
from penchant.collab.fits.measuring import predicted
from penchant.errors import ParameterError
from penchant.solvers.gradient.schedules import Schedule, constant
from penchant.solvers.gradient.trainer import Trainer

if TYPE_CHECKING:
    from penchant.collab.learner import Learner

__all__ = ["Plan", "n_batches", "run_fit", "with_events"]

Plan: TypeAlias = "Callable[[int], Schedule]"  # of how many steps


def run_fit(learn: Learner, n_epoch: int, plan: Plan | None, start_epoch: int) -> None:
    """Train for some epochs.

    Args:
        learn: the learner; its optimiser is there and has its hyper-parameters.
        n_epoch: epochs, among them those before `start_epoch`.
        plan: makes the schedule of all steps; None for the rate and the momentum that the optimiser has.
        start_epoch: the first one that is run.

    Raises:
        ParameterError: a number out of its range, no whole batch, a model that does not give one number a row, or a
            loss that is not a number any more.
    """
    require(is_whole(n_epoch, 1), "n_epoch", n_epoch, "a whole number of epochs, at least 1")
    fits = is_whole(start_epoch, 0) and start_epoch < n_epoch
    require(fits, "start_epoch", start_epoch, f"a whole number from 0 to {n_epoch - 1}")
    steps = n_batches(learn)
    schedule = None if plan is None else plan(n_epoch * steps)
    learn.model.to(learn.dls.device)
    predicted(learn.model, learn.dls.train.x[:2])  # a model that gives no ratings is told of before it is trained
    learn.n_epoch, learn.interrupted = n_epoch, False
    with Interrupts() as interrupts:
        fit = _Fit(learn, schedule, interrupts)
        try:
            with_events(learn, "fit", CancelFitException, lambda: fit.epochs(start_epoch), fit.close)
        finally:
            fit.close()
            learn.model.eval()  # as in fastai, where the last thing is a validation
            learn.progress.close()
    if learn.interrupted:
        done = len(learn.recorder.values)
        told = f"Interrupted in epoch {learn.epoch}, after {done} whole ones: the model is as it was then."
        learn.say(told)


def n_batches(learn: Learner) -> int:
    """Batches of an epoch.

    Raises:
        ParameterError: there is not one.
    """
    train = learn.dls.train
    if len(train) < 1:
        raise ParameterError(
            f"bs is {train.bs} and there are {len(train.x)} training ratings: an epoch has whole batches only, so use "
            "a smaller bs, or more ratings"
        )
    return len(train)


def with_events(
    learn: Learner,
    event: str,
    cancel: type[Exception],
    inside: Callable[[], object],
    between: Callable[[], object] | None = None,
) -> None:
    """Do something between its events; `cancel`, raised by a callback, ends it early.

    Args:
        learn: the learner, whose callbacks are called.
        event: "fit", "epoch", "train" or "validate".
        cancel: what ends it.
        inside: what is done.
        between: what is done after it and before its last event; None (default) for nothing.
    """
    try:
        learn(f"before_{event}")
        inside()
    except cancel:
        learn(f"after_cancel_{event}")
    if between is not None:
        between()
    learn(f"after_{event}")


class _Fit:
    """One fit under way."""

    def __init__(self, learn: Learner, schedule: Schedule | None, interrupts: Interrupts) -> None:
        self._learn = learn
        self._schedule = schedule
        self._interrupts = interrupts

    def epochs(self, start_epoch: int) -> None:
        for epoch in range(start_epoch, self._learn.n_epoch):
            self._learn.epoch = epoch
            with_events(self._learn, "epoch", CancelEpochException, self._epoch)

    def close(self) -> None:
        self._learn.optimiser().release()

    def _epoch(self) -> None:
        learn = self._learn
        learn.batch_losses = np.empty(0, np.float32)
        with_events(learn, "train", CancelTrainException, self._train)
        self._require_finite(learn.batch_losses, "batch")
        with_events(learn, "validate", CancelValidException, self._validate)
        if learn.measured and learn.measured[0] is not None:
            self._require_finite(np.array(learn.measured[:1]), "validation")
        self._stop_if_interrupted()

    def _train(self) -> None:
        learn, optimiser = self._learn, self._learn.optimiser()
        train = learn.dls.train
        trainer = optimiser.trainer(self._make_trainer)
        order = train.order()
        steps = len(train)
        schedule = self._part(learn.epoch * steps, (learn.epoch + 1) * steps)
        losses = []
        for piece, part in run_epoch(trainer, order, train.bs, schedule, self._interrupts):
            losses.append(piece)
            learn.recorder.add_batches(piece, part.lr, part.mom)
            optimiser.set_hypers(lr=part.lr[-1], mom=part.mom[-1])
            learn.progress.progress(sum(map(len, losses)) / steps)
        learn.batch_losses = np.concatenate(losses) if losses else learn.batch_losses
        if sum(map(len, losses)) < steps:
            self._stop_if_interrupted()

    def _make_trainer(self) -> Trainer:
        learn = self._learn
        train = learn.dls.train
        assert train.y is not None
        return make_trainer(learn.model, learn.loss_func, train.x, train.y, learn.optimiser(), train_bn=learn.train_bn)

    def _part(self, start: int, stop: int) -> Schedule:
        if self._schedule is not None:
            return self._schedule.part(start, stop)
        optimiser = self._learn.optimiser()
        return constant(stop - start, optimiser["lr"], optimiser["mom"])

    def _validate(self) -> None:
        learn = self._learn
        learn.measured = learn.measure(learn.dls.valid)

    def _stop_if_interrupted(self) -> None:
        if self._interrupts.came:
            self._learn.interrupted = True
            raise CancelFitException

    def _require_finite(self, losses: np.typing.NDArray[np.floating], what: str) -> None:
        bad = ~np.isfinite(losses)
        if bad.any():
            place = f"from batch {int(np.argmax(bad))} of" if what == "batch" else "on the validation ratings after"
            raise ParameterError(
                f"the loss is not a number any more {place} epoch {self._learn.epoch}, at lr "
                f"{self._learn.optimiser()['lr']:g}: the weights are lost, so make the learner again and use a lower "
                "lr (lr_find suggests one)"
            )
