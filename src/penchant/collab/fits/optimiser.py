"""Optimiser of a learner: its hyper-parameters, and the moments of every parameter, kept between fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

from torch import Tensor, nn

from penchant.checks import is_real, require
from penchant.errors import ParameterError, UnsupportedError
from penchant.solvers.gradient.trainer import Moments, Trainer

__all__ = ["Adam", "OptFunc", "Optimizer", "check_rate", "create_optimiser", "one_rate"]

OptFunc: TypeAlias = "Callable[..., Optimizer]"


class Optimizer:
    """Hyper-parameters and state of Adam. The steps themselves are taken by a trainer, which is handed both.

    Attributes:
        hypers: one dict, {"lr", "mom", "sqr_mom", "eps", "wd"}, in a list as in fastai; after a fit it holds the last
            values of its schedule.

    Args:
        lr: learning rate.
        mom: share of the mean of gradients that is kept at each step.
        sqr_mom: the same of the mean of their squares.
        eps: added to the root of that mean.
        wd: decoupled weight decay.
    """

    def __init__(self, *, lr: float, mom: float, sqr_mom: float, eps: float, wd: float) -> None:
        self.hypers: list[dict[str, float]] = [{"wd": wd, "sqr_mom": sqr_mom, "lr": lr, "mom": mom, "eps": eps}]
        self._moments: Moments = {}
        self._n_steps = 0
        self._trainer: Trainer | None = None

    def __getitem__(self, name: str) -> float:
        return self.hypers[-1][name]

    def set_hypers(self, **hypers: float) -> None:
        """Change hyper-parameters, such as `set_hypers(lr=0.001)`; they stay so until they are changed again.

        Args:
            hypers: their names and values.

        Raises:
            ParameterError: there is none of such a name.
        """
        for name, value in hypers.items():
            require(name in self.hypers[-1], "hyper-parameter", name, f"one of {', '.join(self.hypers[-1])}")
            self.hypers[-1][name] = float(value)

    @property
    def moments(self) -> Moments:
        """Means of gradients and of their squares, by the parameter's name; empty before the first step."""
        return self._moments if self._trainer is None else self._trainer.moments()

    @property
    def n_steps(self) -> int:
        """Steps taken so far."""
        return self._n_steps if self._trainer is None else self._trainer.n_steps

    def set_state(self, moments: Moments, n_steps: int) -> None:
        """Go on from other moments; a trainer at work is dropped.

        Args:
            moments: by the name of their parameter.
            n_steps: steps that they are the result of.
        """
        self._trainer = None
        self._moments, self._n_steps = moments, n_steps

    def clear_state(self) -> None:
        """Forget moments and steps; hyper-parameters stay."""
        self.set_state({}, 0)

    def trainer(self, make: Callable[[], Trainer]) -> Trainer:
        """The trainer at work, which keeps the moments as long as it is; made where there is none.

        Args:
            make: makes one that goes on from the moments here.
        """
        if self._trainer is None:
            self._trainer = make()
        return self._trainer

    def release(self) -> None:
        """Take the moments back from the trainer and let it go."""
        if self._trainer is not None:
            self.set_state(self._trainer.moments(), self._trainer.n_steps)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value:g}" for name, value in self.hypers[-1].items())
        return f"Adam({told}; {self.n_steps:,} steps taken)"


def Adam(  # noqa: N802 - fastai's name
    params: Iterable[Tensor] | None,  # noqa: ARG001 - the trainer is given the model
    lr: float | slice,
    mom: float = 0.9,
    sqr_mom: float = 0.99,
    eps: float = 1e-5,
    wd: float = 0.01,
    decouple_wd: bool = True,
) -> Optimizer:
    """Adam with decoupled weight decay, as in fastai; `functools.partial(Adam, eps=1e-7)` as `opt_func` changes it.

    Args:
        params: not looked at: all parameters that need gradients are trained.
        lr: the learning rate.
        mom: share of the mean of gradients that is kept at each step (default 0.9).
        sqr_mom: the same of the mean of their squares (default 0.99).
        eps: added to the root of that mean (default 1e-5).
        wd: weight decay (default 0.01).
        decouple_wd: shrink weights, instead of adding them to gradients (default True); the only way there is.

    Raises:
        ParameterError: a value out of its range.
        UnsupportedError: `decouple_wd` is False.
    """
    if not decouple_wd:
        raise UnsupportedError("Adam here decays weights themselves (decouple_wd=True), which fastai does by default")
    rate = check_rate("lr", lr)
    for name, value in (("mom", mom), ("sqr_mom", sqr_mom)):
        require(is_real(value) and 0 <= value < 1, name, value, "a number from 0 to less than 1, such as 0.9")
    require(is_real(eps) and eps > 0, "eps", eps, "a number more than 0, such as 1e-5")
    require(is_real(wd) and wd >= 0, "wd", wd, "a number of at least 0, such as 0.01")
    return Optimizer(lr=rate, mom=float(mom), sqr_mom=float(sqr_mom), eps=float(eps), wd=float(wd))


def create_optimiser(opt_func: OptFunc, model: nn.Module, lr: float | slice) -> Optimizer:
    """What `opt_func` makes; a rate inside a `partial` wins.

    Raises:
        UnsupportedError: it makes another optimiser than Adam.
    """
    if isinstance(opt_func, partial) and "lr" in opt_func.keywords:
        lr = opt_func.keywords["lr"]
    made: object = opt_func([p for p in model.parameters() if p.requires_grad], lr=one_rate(lr))
    if not isinstance(made, Optimizer):
        raise UnsupportedError(
            f"opt_func makes a {type(made).__name__}: penchant trains with Adam, or partial(Adam, eps=1e-7, ...); for "
            "another optimiser write a loop over dls.train, whose batches are tensors"
        )
    return made


def one_rate(lr: float | slice) -> float:
    """The rate of a model whose parameters are all one group: that of the last group, where a slice is given."""
    return check_rate("lr", lr)


def check_rate(name: str, lr: object) -> float:
    """One learning rate more than 0, also out of a slice.

    Args:
        name: the argument, as the caller wrote it.
        lr: what was given.

    Raises:
        ParameterError: it is none.
    """
    rate: object = lr.stop if isinstance(lr, slice) else lr
    if not (is_real(rate) and 0 < rate < float("inf")):  # type: ignore[operator]
        raise ParameterError(f"{name} is {lr!r}: use a learning rate more than 0, such as 5e-3")
    return float(rate)  # type: ignore[arg-type]
