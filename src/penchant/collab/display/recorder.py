"""Recorder: the numbers of a training, batch by batch and epoch by epoch, and their pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import torch
from torch import Tensor

from penchant.arrays.types import Float32Array, Float64Array
from penchant.checks import require
from penchant.collab.fits.callbacks import Callback
from penchant.collab.tensors import L
from penchant.errors import UnsupportedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BETA", "Recorder", "seconds_in_words", "smooth"]

BETA = 0.98
Point: TypeAlias = "tuple[float, float]"
_WIDTH, _HEIGHT = 6, 4  # inches of one picture, as fastai draws them


def smooth(
    losses: Float32Array, *, beta: float = BETA, before: float = 0.0, count: int = 0
) -> tuple[list[float], float]:
    """Running means of the losses of batches, which forget: what fastai shows as train_loss.

        s_t  =  beta s_(t-1) + (1 - beta) loss_t,     shown:  s_t / (1 - beta^t)

    Args:
        losses: one a batch.
        beta: share of the mean that is kept at each batch (default 0.98).
        before: s after the batches that came before (default 0.0).
        count: how many these were (default 0).

    Returns:
        The shown values, one a batch, and the last s.
    """
    shown = []
    value = before
    for step, loss in enumerate(losses.tolist(), count + 1):
        value = loss + beta * (value - loss)
        shown.append(value / (1 - beta**step))
    return shown, value


def seconds_in_words(seconds: float) -> str:
    """A time as it can be read: 0.07s, 4.31s, 12.5s, then minutes and seconds as fastai shows them, 01:05."""
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes:02d}:{whole % 60:02d}"


class Recorder(Callback):
    """What happened in the last fit; every learner has one, `learn.recorder`.

    Attributes:
        metric_names: the columns of the table, from "epoch" to "time".
        values: [train_loss, valid_loss, metrics ...] of every epoch; None where there was nothing to measure on.
        lrs: learning rate of every batch.
        iters: how many batches were done after each epoch.
        hps: learning rates and momenta of every batch, {"lr": [...], "mom": [...]}.
        log: the last row of the table.
        seconds: time that each epoch took, with its validation.
        history: epochs of all fits so far, with "epoch", "train_loss", "valid_loss" and "seconds".
    """

    order: ClassVar[int] = 50

    def __init__(self) -> None:
        self.history: list[dict[str, float | int | None]] = []
        self.clear(())

    def clear(self, metric_names: Sequence[str]) -> None:
        """Forget the last fit; `history` stays.

        Args:
            metric_names: the columns of metrics in the table that begins.
        """
        self.metric_names: list[str] = L("epoch", "train_loss", "valid_loss", *metric_names, "time")
        self.values: list[list[float | None]] = []
        self.lrs: list[float] = []
        self.iters: list[int] = []
        self.hps: dict[str, list[float]] = {"lr": [], "mom": []}
        self.log: list[object] = L()
        self.seconds: list[float] = []
        self._smoothed: list[float] = []
        self._smooth = 0.0
        self._row: list[float | None] = []
        self._began = time.perf_counter()

    def before_fit(self) -> None:
        """A new training begins."""
        self.clear([metric.name for metric in self.learn.metrics])

    def before_epoch(self) -> None:
        """The clock starts."""
        self._row, self._began = [], time.perf_counter()

    def add_batches(self, losses: Float32Array, lr: Float64Array, mom: Float64Array) -> None:
        """Take down batches that were trained on.

        Args:
            losses: of every batch, before its step.
            lr, mom: learning rate and momentum of every step.
        """
        shown, self._smooth = smooth(losses, before=self._smooth, count=len(self._smoothed))
        self._smoothed += shown
        self.lrs += lr.tolist()
        self.hps["lr"] += lr.tolist()
        self.hps["mom"] += mom.tolist()

    def keep_batches(self, n: int) -> None:
        """Forget all batches but the first `n`."""
        for column in (self._smoothed, self.lrs, *self.hps.values()):
            del column[n:]

    @property
    def losses(self) -> list[Tensor]:
        """The smoothed loss after every batch: see `smooth`; tensors, as in fastai."""
        return list(torch.tensor(self._smoothed, dtype=torch.float32).unbind())

    @property
    def smooth_loss(self) -> float | None:
        """The smoothed loss after the last batch, which the table shows as train_loss; None before the first."""
        return self._smoothed[-1] if self._smoothed else None

    def take(self, train_loss: float, measured: Sequence[float | None], began: float) -> None:
        """Take down an epoch that had no batches.

        Args:
            train_loss: of the epoch.
            measured: on the validation ratings: loss and metrics.
            began: when the epoch began, by `time.perf_counter`.
        """
        self._row, self._began = [train_loss, *measured], began

    def after_train(self) -> None:
        """The first number of the row."""
        self._row = [self.smooth_loss]

    def after_validate(self) -> None:
        """The others."""
        self._row += self.learn.measured

    def after_epoch(self) -> None:
        """Keep the row and show it."""
        missing = [None] * (len(self.metric_names) - 2 - len(self._row))  # parts that a callback cancelled
        row, seconds = [*self._row, *missing], time.perf_counter() - self._began
        self.values.append(L(*row))
        self.seconds.append(seconds)
        self.iters.append(len(self._smoothed))
        kept = {"train_loss": row[0], "valid_loss": row[1], "seconds": seconds}
        self.history.append({"epoch": len(self.history), **kept})
        self.log = L(self.learn.epoch, *row, seconds_in_words(seconds))
        self.learn.logger(self.log)

    # -- pictures --

    def plot_loss(
        self,
        skip_start: int = 5,
        with_valid: bool = True,
        log: bool = False,
        show_epochs: bool = False,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the smoothed training loss of every batch and the validation loss of every epoch.

        Args:
            skip_start: batches at the beginning to leave out (default 5).
            with_valid: draw the validation loss, too (default True).
            log: logarithmic axes (default False).
            show_epochs: mark where epochs end (default False).
            ax: where to draw; None (default) for the current axes of matplotlib.

        Raises:
            ParameterError: nothing has been trained yet.
            UnsupportedError: matplotlib is not installed.
        """
        require(bool(self._smoothed), "recorder", self, "plot_loss after a fit: no batch was trained on")
        ax = ax or pyplot().gca()
        draw = ax.loglog if log else ax.plot
        draw(range(skip_start, len(self._smoothed)), self._smoothed[skip_start:], label="train")
        if show_epochs:
            for end in self.iters:
                ax.axvline(end, color="grey", ls=":")
        points = [
            (end, row[1])
            for end, row in zip(self.iters, self.values, strict=True)
            if end >= skip_start and row[1] is not None
        ]
        if with_valid and points:
            ax.plot(*zip(*points, strict=True), label="valid")
            ax.legend()
        ax.set(xlabel="steps", ylabel="loss", title="learning curve")
        return ax

    def plot_sched(self, keys: str | Sequence[str] | None = None, figsize: tuple[float, float] | None = None) -> None:
        """Draw learning rate and momentum of every batch.

        Args:
            keys: which of `hps`; None (default) for all.
            figsize: width and height in inches; None (default) for 6 by 4 a picture.

        Raises:
            ParameterError: nothing has been trained yet, or there is no such hyper-parameter.
            UnsupportedError: matplotlib is not installed.
        """
        require(bool(self.lrs), "recorder", self, "plot_sched after a fit: no batch was trained on")
        names = list(self.hps) if keys is None else [keys] if isinstance(keys, str) else list(keys)
        for name in names:
            require(name in self.hps, "keys", name, f"one or several of {', '.join(self.hps)}")
        size = figsize or (_WIDTH * len(names), _HEIGHT)
        _, axes = pyplot().subplots(1, len(names), figsize=size, squeeze=False)
        for name, ax in zip(names, axes[0], strict=True):
            ax.plot(self.hps[name])
            ax.set(xlabel="steps", ylabel=name)

    def plot_lr_find(
        self,
        skip_end: int = 5,
        suggestions: Sequence[Point] | None = None,
        nms: Sequence[str] | None = None,
    ) -> None:
        """Draw the loss over the learning rate, after `lr_find`.

        Args:
            skip_end: batches at the end to leave out (default 5).
            suggestions: (rate, loss) of each suggestion; None (default) for none.
            nms: their names.

        Raises:
            ParameterError: nothing has been tried yet.
            UnsupportedError: matplotlib is not installed.
        """
        require(bool(self.lrs), "recorder", self, "plot_lr_find after lr_find: no rate was tried")
        end = len(self.lrs) - skip_end
        _, ax = pyplot().subplots(1, 1)
        ax.plot(self.lrs[:end], self._smoothed[:end])
        ax.set(xscale="log", xlabel="Learning Rate", ylabel="Loss")
        for at, ((rate, loss), name) in enumerate(zip(suggestions or (), nms or (), strict=True), 1):
            ax.plot(rate, loss, "o", label=name, color=f"C{at}")
        if suggestions:
            ax.legend(loc="best")


def pyplot() -> ModuleType:
    """The part of matplotlib that draws, imported when a picture is first asked for.

    Raises:
        UnsupportedError: it is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise UnsupportedError("pictures need matplotlib: pip install matplotlib") from error
    return plt
