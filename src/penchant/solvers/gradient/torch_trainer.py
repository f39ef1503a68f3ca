"""Trainer of any torch module: the batches of a run gathered at once, and nothing around a step but the step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from penchant.arrays.types import Float32Array, Float64Array, Int64Array
from penchant.checks import is_whole, require
from penchant.solvers.gradient.torch_adam import TorchAdam
from penchant.solvers.gradient.trainer import Moments

__all__ = ["Loss", "TorchTrainer", "predict"]

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_GATHERED = 1 << 20  # rows of the table that are copied at once
_SMALL = 500_000  # parameters up to which a second thread costs more than it does
_BEFORE_CAPTURE = 3  # steps before one is recorded, so that memory and libraries are set up
_WORTH_CAPTURE = 32  # steps that make recording one worth while


class TorchTrainer:
    """Steps of Adam for any module, on any device: see `Trainer`.

    Data and moments lie where the model lies; the losses come back once a run. On a GPU one step is recorded as a
    graph and replayed, where the model allows it: its forward pass must then not depend on Python state that changes
    from step to step.

    Args:
        model: called with rows of `x`. It is set to train during a run.
        loss_func: of predictions and targets, a single number.
        x: what the model is given, one row a rating, such as (user, item), shape (n, 2).
        y: what it should answer, shape (n,) or (n, 1).
        wd: weight decay (default 0.01), not for norms and biases: see `TorchAdam`.
        sqr_mom: share of the old mean of squares that is kept at each step (default 0.99).
        eps: added to the root of the mean of squares (default 1e-5).
        train_bn: fastai's word for training norms in frozen groups of layers (default True). All parameters are one
            group here, which is not frozen, so nothing depends on it.

    Source: `fastai.optimizer.Adam`, `fastai.learner.Learner`.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_func: Loss,
        x: Tensor,
        y: Tensor,
        *,
        wd: float = 0.01,
        sqr_mom: float = 0.99,
        eps: float = 1e-5,
        train_bn: bool = True,
    ) -> None:
        require(len(x) == len(y), "y", f"{len(y)} targets for {len(x)} rows", "one target a row")
        self.model, self.loss_func, self.wd, self.train_bn = model, loss_func, wd, train_bn
        self._x, self._y = x, y
        self._adam = TorchAdam(model, sqr_mom=sqr_mom, eps=eps)
        self._captures = True

    @property
    def n_steps(self) -> int:
        return self._adam.n_steps

    def moments(self) -> Moments:
        return self._adam.moments()

    def set_moments(self, moments: Moments, n_steps: int) -> None:
        self._adam.set_moments(moments, n_steps)

    def run(self, order: Int64Array, batch_size: int, lr: Float64Array, mom: Float64Array) -> Float32Array:
        """Take one step for each mini-batch: see `Trainer.run`.

        Args:
            order, batch_size, lr, mom: as for `Trainer.run`.

        Raises:
            ParameterError: they do not fit together.
        """
        require(is_whole(batch_size, 1), "batch_size", batch_size, "a whole number of at least 1")
        fits = len(order) == len(lr) * batch_size and len(lr) == len(mom)
        require(fits, "order", f"{len(order)} positions for {len(lr)} batches of {batch_size}", "whole batches")
        if len(order) == 0:
            return np.empty(0, np.float32)
        self._bind()
        n_params = sum(param.numel() for param in self.model.parameters())
        with torch.enable_grad(), _training(self.model, is_on=True), _threads(1 if n_params <= _SMALL else None):
            try:
                losses = self._take_steps(order, batch_size, lr, mom)
            finally:
                self._adam.clear_gradients()
        return losses.float().cpu().numpy()

    def _bind(self) -> None:
        """Follow the model to where it is now."""
        device = next((param.device for param in self.model.parameters()), self._x.device)
        self._x, self._y = self._x.to(device), self._y.to(device)
        self._adam.bind()

    def _take_steps(self, order: Int64Array, batch_size: int, lr: Float64Array, mom: Float64Array) -> Tensor:
        batches = self._batches(order, batch_size)
        if not (self._captures and self._x.device.type == "cuda" and len(lr) >= _WORTH_CAPTURE):
            hypers = zip(lr.tolist(), mom.tolist(), strict=True)
            return torch.stack([self._step(*next(batches), *each) for each in hypers])
        from penchant.solvers.gradient.cuda_graph import recorded, warm_up

        first, rest = slice(_BEFORE_CAPTURE), slice(_BEFORE_CAPTURE, None)
        hypers = zip(lr[first].tolist(), mom[first].tolist(), strict=True)
        with warm_up():
            losses = [self._step(*next(batches), *each) for each in hypers]
        return torch.stack(losses + self._replay(batches, lr[rest], mom[rest], recorded))

    def _step(self, x: Tensor, y: Tensor, lr: float, mom: float) -> Tensor:
        """One step; its loss, still on the device."""
        self._adam.clear_gradients()
        loss = self.loss_func(self.model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self._adam.step(lr, mom, self.wd)
        return loss.detach()

    def _replay(
        self,
        batches: Iterator[tuple[Tensor, Tensor]],
        lr: Float64Array,
        mom: Float64Array,
        record: Callable[[Callable[..., Tensor], tuple[Tensor, ...]], Callable[..., Tensor]],
    ) -> list[Tensor]:
        """Steps by a recording of the first of them, or one by one where it can't be recorded."""
        losses: list[Tensor] = []
        step: Callable[..., Tensor] | None = None
        hypers: tuple[Tensor, ...] = ()
        for at, (x, y) in enumerate(batches):
            if at == 0 and self._adam.in_step:
                rows = self._adam.hypers(lr, mom, self.wd)
                hypers = torch.from_numpy(rows).to(self._x.device, torch.float32).unbind()
                self._adam.clear_gradients()
                try:
                    step = record(self._recordable_step, (x, y, hypers[0]))
                except RuntimeError:  # the model waits for the device somewhere: an `if` on a tensor, a print
                    self._captures = False
            if step is None:
                losses.append(self._step(x, y, float(lr[at]), float(mom[at])))
            else:
                losses.append(step(x, y, hypers[at]))
                self._adam.n_steps += 1
        return losses

    def _recordable_step(self, x: Tensor, y: Tensor, hypers: Tensor) -> Tensor:
        loss = self.loss_func(self.model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self._adam.step_by(hypers)
        return loss.detach()

    def _batches(self, order: Int64Array, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The rows of each batch, gathered for many batches at once."""
        span = max(1, _GATHERED // batch_size) * batch_size
        for start in range(0, len(order), span):
            at = torch.from_numpy(np.ascontiguousarray(order[start : start + span])).to(self._x.device)
            x, y = self._x.index_select(0, at), self._y.index_select(0, at)
            yield from zip(torch.split(x, batch_size), torch.split(y, batch_size), strict=True)


def predict(model: nn.Module, x: Tensor, batch_size: int) -> Tensor:
    """What a module answers, batch by batch, in evaluation mode and without gradients; its mode is restored.

    Args:
        model: the module.
        x: what it is given, on its device.
        batch_size: rows that it is given at once.

    Returns:
        Its answers, one below the other.
    """
    require(is_whole(batch_size, 1), "batch_size", batch_size, "a whole number of at least 1")
    with torch.no_grad(), _training(model, is_on=False):
        parts = [model(part) for part in torch.split(x, batch_size)]
    return torch.cat(parts) if len(parts) != 1 else parts[0]


@contextmanager
def _training(model: nn.Module, *, is_on: bool) -> Iterator[None]:
    """A model in training or evaluation mode; afterwards every module has its own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(is_on)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def _threads(n_threads: int | None) -> Iterator[None]:
    """So many threads of torch, as many as before afterwards; None changes nothing."""
    before = torch.get_num_threads()
    if n_threads is None or n_threads == before:
        yield
        return
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
