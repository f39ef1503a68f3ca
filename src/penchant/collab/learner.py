"""Learner: a model, its data loaders, its loss and its optimiser, trained as in fastai."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from penchant.checks import is_real, require
from penchant.collab import absent
from penchant.collab.display.live_table import ProgressCallback, noop
from penchant.collab.display.recorder import Recorder
from penchant.collab.files import learner_file as export
from penchant.collab.files import weights
from penchant.collab.fits import lr_find as find
from penchant.collab.fits.callbacks import Callbacks, HasCallbacks
from penchant.collab.fits.epoch import Loss
from penchant.collab.fits.learner_predictions import Predicts
from penchant.collab.fits.loop import Plan, run_fit
from penchant.collab.fits.measuring import Measure, Metric, as_metrics
from penchant.collab.fits.optimiser import Adam, OptFunc, Optimizer, check_rate, create_optimiser
from penchant.collab.losses import MSELossFlat
from penchant.errors import UnsupportedError
from penchant.solvers.gradient.schedules import Schedule, flat_cos, one_cycle

if TYPE_CHECKING:
    from penchant.arrays.types import Float32Array
    from penchant.collab.data.loaders import CollabDataLoaders
    from penchant.recommender.recommender import Recommender

__all__ = ["Learner"]

_MOMS = (0.95, 0.85, 0.95)


class Learner(Predicts, HasCallbacks, absent.TellsWhatIsAbsent):
    """Trains a model on the ratings of data loaders; everything has fastai's names and defaults.

    `EmbeddingDotBias` with mean squared error runs on the CPU as one piece of compiled code over the very memory of
    its parameters; every other module runs through torch, whole epochs at a time. Ctrl-C ends a fit after the steps
    under way: the model, the table and the recorder stay as they are then.

    Args:
        dls: data loaders.
        model: any module that gives one number for each row (user, item).
        loss_func: of predictions and targets; None (default) for `MSELossFlat()`.
        opt_func: makes the optimiser, default `Adam`; `partial(Adam, eps=1e-7)` changes it.
        lr: learning rate of `fit` (default 0.001).
        cbs: callbacks of every fit (default none).
        metrics: functions of predictions and targets that are shown in the table, such as [rmse, mae] (default none).
        path: where `model_dir` is and where `export` writes; None (default) for that of the data loaders.
        model_dir: where `save` writes, in `path` (default "models").
        wd: weight decay; None (default) for what the optimiser has, 0.01.
        wd_bn_bias: decay norms and biases, too (default False); the only value.
        train_bn: leave norms in training mode (default True).
        moms: momentum at the start, at the highest rate and at the end of `fit_one_cycle`, default (0.95, 0.85, 0.95).

    Raises:
        ParameterError: a value out of its range.
        UnsupportedError: an optimiser or a callback that can't be had here.
    """

    _owner, _absent = "a learner", absent.LEARNER

    def __init__(
        self,
        dls: CollabDataLoaders,
        model: nn.Module,
        loss_func: Loss | None = None,
        opt_func: OptFunc = Adam,
        lr: float | slice = 0.001,
        cbs: Callbacks = None,
        metrics: Measure | Iterable[Measure] | None = None,
        path: str | Path | None = None,
        model_dir: str | Path = "models",
        wd: float | None = None,
        wd_bn_bias: bool = False,
        train_bn: bool = True,
        moms: tuple[float, float, float] = _MOMS,
    ) -> None:
        require(isinstance(model, nn.Module), "model", model, "a torch module, such as EmbeddingDotBias(...)")
        if wd_bn_bias:
            raise UnsupportedError("norms and biases of layers are not decayed here: leave wd_bn_bias out")
        self.dls, self.model = dls, model.to(dls.device)
        self.loss_func: Loss = MSELossFlat() if loss_func is None else loss_func
        require(callable(self.loss_func), "loss_func", loss_func, "a function of predictions and targets")
        self.opt_func, self.lr, self.wd, self.moms = opt_func, lr, _checked_wd(wd), moms
        if isinstance(opt_func, partial) and "lr" in opt_func.keywords:
            self.lr = opt_func.keywords["lr"]
        check_rate("lr", self.lr)
        self.path = Path(dls.path if path is None else path)
        self.model_dir, self.train_bn = model_dir, train_bn
        self.metrics = metrics
        self.opt: Optimizer | None = None
        self.logger: Callable[..., object] = print
        self.create_mbar = self.shows_bar = True
        self.n_epoch, self.epoch, self.interrupted = 0, 0, False
        self.batch_losses: Float32Array = np.empty(0, np.float32)
        self.measured: list[float | None] = []
        self.recorder, self.progress = Recorder(), ProgressCallback()
        self.cbs = []
        self.add_cbs([self.recorder, self.progress])
        self.add_cbs(cbs)
        self("after_create")

    # -- parts --

    @property
    def metrics(self) -> list[Metric]:
        """What is measured on the validation ratings besides the loss."""
        return self._metrics

    @metrics.setter
    def metrics(self, metrics: Measure | Iterable[Measure] | None) -> None:
        self._metrics = as_metrics(metrics)

    def optimiser(self) -> Optimizer:
        """The optimiser, made when it is first needed; it goes on from fit to fit."""
        if self.opt is None:
            self.create_opt()
        assert self.opt is not None
        return self.opt

    def create_opt(self) -> None:
        """Make a new optimiser, which has taken no step."""
        self.opt = create_optimiser(self.opt_func, self.model, self.lr)

    def say(self, text: str) -> None:
        """Tell something during a fit, under the table.

        Args:
            text: what.
        """
        self.progress.say(text)

    # -- training --

    def fit(
        self,
        n_epoch: int,
        lr: float | slice | None = None,
        wd: float | None = None,
        cbs: Callbacks = None,
        reset_opt: bool = False,
        start_epoch: int = 0,
    ) -> None:
        """Train at one learning rate and show the table of epochs.

        Args:
            n_epoch: how many epochs.
            lr: learning rate; None (default) for that of the learner.
            wd: weight decay, of later fits too; None (default) for that of the learner.
            cbs: callbacks of this fit (default none).
            reset_opt: begin with a new optimiser (default False): otherwise its moments go on.
            start_epoch: the first epoch that is run, to go on with a training (default 0).

        Raises:
            ParameterError: a value out of its range, a batch larger than the training ratings, a model that does not
                give one number a row, or a loss that is not a number any more.
            UnsupportedError: an optimiser or a callback that can't be had here.
        """
        rate = check_rate("lr", self.lr if lr is None else lr)
        self._fit(n_epoch, None, rate, wd, cbs, reset_opt=reset_opt, start_epoch=start_epoch)

    def fit_one_cycle(
        self,
        n_epoch: int,
        lr_max: float | slice | None = None,
        div: float = 25.0,
        div_final: float = 1e5,
        pct_start: float = 0.25,
        wd: float | None = None,
        moms: tuple[float, float, float] | None = None,
        cbs: Callbacks = None,
        reset_opt: bool = False,
        start_epoch: int = 0,
    ) -> None:
        """Train with a rate that rises and falls: see `penchant.solvers.gradient.schedules.one_cycle`.

        Args:
            n_epoch, wd, cbs, reset_opt, start_epoch: as for `fit`.
            lr_max: the highest rate; None (default) for that of the learner.
            div: what the first rate is smaller by (default 25.0).
            div_final: what the last rate is smaller by (default 1e5).
            pct_start: share of the steps in which it rises (default 0.25).
            moms: as for `Learner`; None (default) for those of the learner.

        Raises:
            ParameterError, UnsupportedError: as `fit`.
        """
        rate = check_rate("lr_max", self.lr if lr_max is None else lr_max)
        plan = partial(
            one_cycle, lr_max=rate, div=div, div_final=div_final, pct_start=pct_start, moms=moms or self.moms
        )
        self._fit(n_epoch, plan, rate, wd, cbs, reset_opt=reset_opt, start_epoch=start_epoch)

    def fit_flat_cos(
        self,
        n_epoch: int,
        lr: float | slice | None = None,
        div_final: float = 1e5,
        pct_start: float = 0.75,
        wd: float | None = None,
        cbs: Callbacks = None,
        reset_opt: bool = False,
        start_epoch: int = 0,
    ) -> None:
        """Train at one rate, then with one that falls: see `penchant.solvers.gradient.schedules.flat_cos`.

        Args:
            n_epoch, lr, wd, cbs, reset_opt, start_epoch: as for `fit`.
            div_final: what the last rate is smaller by (default 1e5).
            pct_start: share of the steps at the full rate (default 0.75).

        Raises:
            ParameterError, UnsupportedError: as `fit`.
        """
        rate = check_rate("lr", self.lr if lr is None else lr)

        def plan(n_steps: int) -> Schedule:
            mom = self.optimiser()["mom"]
            return flat_cos(n_steps, rate, div_final=div_final, pct_start=pct_start, mom=mom)

        self._fit(n_epoch, plan, rate, wd, cbs, reset_opt=reset_opt, start_epoch=start_epoch)

    def _fit(
        self,
        n_epoch: int,
        plan: Plan | None,
        rate: float,
        wd: float | None,
        cbs: Callbacks,
        *,
        reset_opt: bool,
        start_epoch: int,
    ) -> None:
        if reset_opt:
            self.create_opt()
        with self.added_cbs(cbs):
            self._set_hypers(rate, wd)
            run_fit(self, n_epoch, plan, start_epoch)

    def _set_hypers(self, rate: float, wd: float | None) -> None:
        decay = self.wd if wd is None else _checked_wd(wd)
        self.optimiser().set_hypers(lr=rate, **({} if decay is None else {"wd": decay}))

    def lr_find(
        self,
        start_lr: float = 1e-7,
        end_lr: float = 10,
        num_it: int = 100,
        stop_div: bool = True,
        show_plot: bool = True,
        suggest_funcs: find.SuggestFunc | Sequence[find.SuggestFunc] | None = find.valley,
    ) -> tuple[float, ...] | None:
        """Try learning rates, from small to large, one a batch, and suggest one; the model stays as it is.

        Args:
            start_lr: the first rate (default 1e-7).
            end_lr: the last rate (default 10).
            num_it: how many batches (default 100).
            stop_div: stop where the loss is four times the best (default True).
            show_plot: draw losses and suggestions (default True).
            suggest_funcs: `valley` (default), `slide`, `minimum` or `steep`, or several; None for no suggestion.

        Returns:
            SuggestedLRs(valley=0.005), with a field for each function.

        Raises:
            ParameterError: a value out of its range, or too few batches for a suggestion.
        """
        self._set_hypers(check_rate("lr", self.lr), None)
        return find.find_rate(
            self, start_lr, end_lr, num_it, stop_div=stop_div, show_plot=show_plot, suggest_funcs=suggest_funcs
        )

    # -- silence --

    @contextmanager
    def no_logging(self) -> Iterator[Learner]:
        """Without a table, as long as the block lasts."""
        before, self.logger = self.logger, noop
        try:
            yield self
        finally:
            self.logger = before

    @contextmanager
    def no_bar(self) -> Iterator[Learner]:
        """With the table, but without a progress line, as long as the block lasts."""
        before, self.create_mbar = self.create_mbar, False
        try:
            yield self
        finally:
            self.create_mbar = before

    no_mbar = no_bar

    # -- keep --

    def save(self, file: str | Path, with_opt: bool = True) -> Path:
        """Write the weights to `path/model_dir/file.pth`, in torch's format, as fastai does: its `load` reads them.

        Args:
            file: a name, or a path.
            with_opt: the optimiser's state as well, if there is one (default True).

        Returns:
            The path of the file.

        Raises:
            SourceError: the folder can't be written to.
        """
        return weights.save(weights.path_of(self, file), self.model, self.opt if with_opt else None)

    def load(self, file: str | Path, with_opt: bool = True, strict: bool = True) -> Learner:
        """Read weights that `save` wrote, or fastai's `Learner.save`. Runs no code from the file, whoever made it.

        Args:
            file: as for `save`.
            with_opt: the optimiser's state as well, if the file has it (default True).
            strict: the file must have exactly the model's parameters (default True).

        Raises:
            SourceError: there is no such file, or it can't be read.
            FormatError: it is no file of weights, or they are those of another model.
        """
        weights.load(weights.path_of(self, file), self, with_opt=with_opt, strict=strict)
        return self

    def export(self, fname: str | Path = "export.penchant") -> Path:
        """Write the learner without its data to `path/fname`, for `load_learner`.

        Args:
            fname: a name, or a path (default "export.penchant").

        Returns:
            The path of the file.

        Raises:
            UnsupportedError: a model written by hand, whose code the file can't hold: `save` keeps its weights.
            SourceError: the folder can't be written to.
        """
        return export.export(self, self.path / fname)

    def recommender(self) -> Recommender:
        """The model as a `penchant.Recommender`: ids in, top-N lists, evaluation beside baselines, one file.

        Predictions are those of `get_preds`, clipped to the scale of the training ratings.

        Raises:
            UnsupportedError: a model written by hand.
        """
        from penchant.collab.bridge import recommender_of

        return recommender_of(self)

    # -- as in fastai --

    def unfreeze(self) -> None:
        """Train all parameters."""
        self.model.requires_grad_(True)

    def freeze(self) -> None:
        """Do as fastai does with a model whose parameters are all one group: nothing is frozen, moments are forgotten.

        To hold a table still, use `learn.model.u_weight.requires_grad_(False)`.
        """
        self.optimiser().clear_state()


def _checked_wd(wd: float | None) -> float | None:
    require(wd is None or (is_real(wd) and wd >= 0), "wd", wd, "a number of at least 0, such as 0.1")
    return wd
