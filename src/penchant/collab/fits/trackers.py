"""Tracker callbacks, which watch one column of the table: early stopping, keep the best, lower the rate."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from penchant.checks import is_real, is_whole, require
from penchant.collab.fits.callbacks import Callback, CancelFitException, Comparison
from penchant.errors import ParameterError

__all__ = ["EarlyStoppingCallback", "ReduceLROnPlateau", "SaveModelCallback", "TrackerCallback"]


class TrackerCallback(Callback):
    """Base of what watches one column of the table.

    Args:
        monitor: the column (default "valid_loss").
        comp: whether a value is better than the best, such as `np.less`; None (default) for `np.less` where the name
            holds "loss" or "error" or is that of an error (rmse, mae, mse), else `np.greater`.
        min_delta: by how much it must be better (default 0.0).
        reset_on_fit: forget the best of an earlier fit (default True).

    Raises:
        ParameterError: a value out of its range; at the start of a fit, also a column that the table does not have.
    """

    order: ClassVar[int] = 60

    def __init__(
        self,
        monitor: str = "valid_loss",
        comp: Comparison | None = None,
        min_delta: float = 0.0,
        reset_on_fit: bool = True,
    ) -> None:
        require(isinstance(monitor, str), "monitor", monitor, 'the name of a column, such as "valid_loss"')
        require(is_real(min_delta), "min_delta", min_delta, "a number")
        if comp is None:
            is_error = any(word in monitor for word in ("loss", "error")) or monitor in ("rmse", "_rmse", "mae", "mse")
            comp = np.less if is_error else np.greater
        self.monitor, self.comp, self.reset_on_fit = monitor, comp, reset_on_fit
        self.less_is_better = bool(comp(0.0, 1.0))
        self.min_delta = -float(min_delta) if self.less_is_better else float(min_delta)
        self.best: float | None = None
        self.new_best = False

    def before_fit(self) -> None:
        """Find the column."""
        if self.reset_on_fit or self.best is None:
            self.best = float("inf") if self.less_is_better else -float("inf")
        names = self.learn.recorder.metric_names[1:]
        wanted = self.monitor.lstrip("_")  # fastai calls rmse _rmse
        watched = [name for name in names if name != "time"]
        if wanted not in watched:
            raise ParameterError(f"{self!r} watches {self.monitor!r}: the table has the columns {', '.join(watched)}")
        self.idx = watched.index(wanted)

    def after_epoch(self) -> None:
        """Compare the last value with the best."""
        value = self.learn.recorder.values[-1][self.idx]
        if value is None:
            raise ParameterError(
                f"{self!r} watches {self.monitor!r}, which has no value: there are no validation ratings"
            )
        assert self.best is not None
        self.new_best = bool(self.comp(value - self.min_delta, self.best))
        if self.new_best:
            self.best = value


class EarlyStoppingCallback(TrackerCallback):
    """Ends the training when a value has not got better for a while.

    Args:
        monitor, comp, min_delta, reset_on_fit: as for `TrackerCallback`.
        patience: how many epochs it may stay as it is (default 1).

    Raises:
        ParameterError: as `TrackerCallback`.
    """

    order = 63

    def __init__(
        self,
        monitor: str = "valid_loss",
        comp: Comparison | None = None,
        min_delta: float = 0.0,
        patience: int = 1,
        reset_on_fit: bool = True,
    ) -> None:
        super().__init__(monitor, comp, min_delta, reset_on_fit)
        require(is_whole(patience, 1), "patience", patience, "a whole number of at least 1")
        self.patience, self.wait = patience, 0

    def before_fit(self) -> None:
        """Start to count."""
        self.wait = 0
        super().before_fit()

    def after_epoch(self) -> None:
        """Count the epochs since the best, and stop."""
        super().after_epoch()
        self.wait = 0 if self.new_best else self.wait + 1
        if self.wait >= self.patience:
            self.learn.say(f"No improvement since epoch {self.learn.epoch - self.wait}: early stopping")
            raise CancelFitException


class SaveModelCallback(TrackerCallback):
    """Saves the weights whenever a value is the best so far, and loads these at the end.

    Args:
        monitor, comp, min_delta, reset_on_fit: as for `TrackerCallback`.
        fname: name of the file in `learn.path/learn.model_dir`, without `.pth` (default "model").
        every_epoch: save after each epoch (or each n-th) as fname_epoch, and load none at the end (default False).
        at_end: save once, at the end (default False).
        with_opt: save the optimiser's state as well (default False).

    Raises:
        ParameterError: as `TrackerCallback`; or both `every_epoch` and `at_end`.
    """

    order = 61

    def __init__(
        self,
        monitor: str = "valid_loss",
        comp: Comparison | None = None,
        min_delta: float = 0.0,
        fname: str = "model",
        every_epoch: bool | int = False,
        at_end: bool = False,
        with_opt: bool = False,
        reset_on_fit: bool = True,
    ) -> None:
        super().__init__(monitor, comp, min_delta, reset_on_fit)
        require(not (every_epoch and at_end), "at_end", at_end, "every_epoch or at_end, not both")
        self.fname, self.every_epoch, self.at_end, self.with_opt = fname, every_epoch, at_end, with_opt
        self.last_saved_path: Path | None = None

    def before_fit(self) -> None:
        """Start with no file of this fit."""
        super().before_fit()
        if self.reset_on_fit:
            self.last_saved_path = None

    def after_epoch(self) -> None:
        """Save if it is time."""
        if self.every_epoch:
            if self.learn.epoch % int(self.every_epoch) == 0:
                self._save(f"{self.fname}_{self.learn.epoch}")
            return
        super().after_epoch()
        if self.new_best:
            told = f"Better model found at epoch {self.learn.epoch} with {self.monitor} value: {self.best}."
            self.learn.say(told)
            self._save(self.fname)

    def after_fit(self) -> None:
        """Save, or load the best."""
        if self.at_end:
            self._save(self.fname)
        elif not self.every_epoch and self.last_saved_path is not None:  # none where not one epoch was finished
            self.learn.load(self.fname, with_opt=self.with_opt)

    def _save(self, name: str) -> None:
        self.last_saved_path = self.learn.save(name, with_opt=self.with_opt)


class ReduceLROnPlateau(TrackerCallback):
    """Lowers the learning rate of `fit` when a value has not got better for a while.

    Args:
        monitor, comp, min_delta, reset_on_fit: as for `TrackerCallback`.
        patience: how many epochs it may stay as it is (default 1).
        factor: what the rate is divided by (default 10.0).
        min_lr: what it does not go below (default 0.0).

    Raises:
        ParameterError: as `TrackerCallback`.
    """

    order = 62

    def __init__(
        self,
        monitor: str = "valid_loss",
        comp: Comparison | None = None,
        min_delta: float = 0.0,
        patience: int = 1,
        factor: float = 10.0,
        min_lr: float = 0.0,
        reset_on_fit: bool = True,
    ) -> None:
        super().__init__(monitor, comp, min_delta, reset_on_fit)
        require(is_whole(patience, 1), "patience", patience, "a whole number of at least 1")
        require(is_real(factor) and factor > 1, "factor", factor, "a number more than 1, such as 10")
        require(is_real(min_lr) and min_lr >= 0, "min_lr", min_lr, "a number of at least 0")
        self.patience, self.factor, self.min_lr, self.wait = patience, float(factor), float(min_lr), 0

    def before_fit(self) -> None:
        """Start to count."""
        self.wait = 0
        super().before_fit()

    def after_epoch(self) -> None:
        """Count the epochs since the best, and lower the rate."""
        super().after_epoch()
        self.wait = 0 if self.new_best else self.wait + 1
        if self.wait >= self.patience:
            self.wait = 0
            optimiser = self.learn.optimiser()
            before = optimiser["lr"]
            optimiser.set_hypers(lr=max(before / self.factor, self.min_lr))
            if optimiser["lr"] < before:
                self.learn.say(f"Epoch {self.learn.epoch}: reducing lr to {optimiser['lr']}")
