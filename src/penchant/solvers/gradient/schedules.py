"""Learning-rate and momentum schedules (one cycle, flat then cosine, constant, sweep), step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.arrays.types import Float64Array
from penchant.checks import is_real, is_whole, require

__all__ = ["Schedule", "constant", "flat_cos", "lr_sweep", "one_cycle"]

_MOMS = (0.95, 0.85, 0.95)


@dataclass(frozen=True, eq=False)
class Schedule:
    """Learning rate and momentum of every step, both of shape (n_steps,).

    Step t of T stands at position t / T of its schedule, so the very last position, 1, is never reached.
    """

    lr: Float64Array
    mom: Float64Array

    def __len__(self) -> int:
        """How many steps there are."""
        return len(self.lr)

    def part(self, start: int, stop: int) -> Schedule:
        """Steps `start` to `stop`, without the last."""
        return Schedule(self.lr[start:stop], self.mom[start:stop])


def constant(n_steps: int, lr: float, mom: float = 0.9) -> Schedule:
    """The same rate throughout, as in `fit`.

    Args:
        n_steps: T.
        lr: the learning rate.
        mom: share of the old mean of gradients that is kept at each step (default 0.9).

    Raises:
        ParameterError: a value out of its range.
    """
    _require(n_steps, lr, mom)
    return Schedule(np.full(n_steps, float(lr)), np.full(n_steps, float(mom)))


def one_cycle(
    n_steps: int,
    lr_max: float,
    *,
    div: float = 25.0,
    div_final: float = 1e5,
    pct_start: float = 0.25,
    moms: tuple[float, float, float] = _MOMS,
) -> Schedule:
    """Warm up, then cool down, both along a cosine; momentum goes the other way.

    From lr_max / div up to lr_max within the first `pct_start` of the steps, then down to lr_max / div_final. With
    x from 0 to 1 within a part, a value goes from a to b as a + (1 - cos(pi x)) (b - a) / 2.

    Args:
        n_steps: T.
        lr_max: the highest learning rate.
        div: what the first rate is smaller by (default 25.0).
        div_final: what the last rate is smaller by (default 1e5).
        pct_start: share of the steps that warm up, 0 to 1 (default 0.25).
        moms: momentum at the start, at the highest rate and at the end, default (0.95, 0.85, 0.95).

    Raises:
        ParameterError: a value out of its range.

    Source: Smith (2018), "A disciplined approach to neural network hyper-parameters", with the cosines of fastai.
    """
    _require(n_steps, lr_max, *moms)
    for name, value in (("div", div), ("div_final", div_final)):
        require(is_real(value) and value > 0, name, value, "a number more than 0")
    _require_share(pct_start)
    at = np.arange(n_steps) / n_steps
    ends = (lr_max / div, lr_max, lr_max / div_final)
    return Schedule(_up_and_down(at, pct_start, ends), _up_and_down(at, pct_start, moms))


def flat_cos(n_steps: int, lr: float, *, div_final: float = 1e5, pct_start: float = 0.75, mom: float = 0.9) -> Schedule:
    """The same rate for the first `pct_start` of the steps, then down to lr / div_final along a cosine.

    Args:
        n_steps: T.
        lr: the rate at first.
        div_final: what the last rate is smaller by (default 1e5).
        pct_start: share of the steps at the full rate, 0 to 1 (default 0.75).
        mom: momentum of every step (default 0.9).

    Raises:
        ParameterError: a value out of its range.
    """
    _require(n_steps, lr, mom)
    require(is_real(div_final) and div_final > 0, "div_final", div_final, "a number more than 0")
    _require_share(pct_start)
    at = np.arange(n_steps) / n_steps
    return Schedule(_up_and_down(at, pct_start, (lr, lr, lr / div_final)), np.full(n_steps, float(mom)))


def lr_sweep(n_steps: int, start_lr: float, end_lr: float, mom: float = 0.9) -> Schedule:
    """From `start_lr` to `end_lr` by equal factors, to find a good rate in between.

    Args:
        n_steps: T.
        start_lr: the first rate.
        end_lr: what the rate would be at step T.
        mom: momentum of every step (default 0.9).

    Raises:
        ParameterError: a value out of its range.
    """
    _require(n_steps, start_lr, mom)
    require(is_real(end_lr) and end_lr > start_lr, "end_lr", end_lr, f"a number more than start_lr, {start_lr:g}")
    at = np.arange(n_steps) / n_steps
    return Schedule(start_lr * (end_lr / start_lr) ** at, np.full(n_steps, float(mom)))


def _up_and_down(at: Float64Array, pct_start: float, ends: tuple[float, float, float]) -> Float64Array:
    """From the first end to the second while `at` is below `pct_start`, then on to the third."""
    first, middle, last = ends
    rising = at / pct_start if pct_start > 0 else np.ones_like(at)
    falling = (at - pct_start) / (1 - pct_start) if pct_start < 1 else np.zeros_like(at)
    path: Float64Array = np.where(at < pct_start, _cosine(first, middle, rising), _cosine(middle, last, falling))
    return path


def _cosine(start: float, end: float, at: Float64Array) -> Float64Array:
    return start + (1 - np.cos(np.pi * at)) * (end - start) / 2


def _require(n_steps: int, lr: float, *moms: float) -> None:
    require(is_whole(n_steps, 1), "n_steps", n_steps, "a whole number of at least 1")
    require(is_real(lr) and lr > 0, "lr", lr, "a number more than 0, such as 0.005")
    for mom in moms:
        require(is_real(mom) and 0 <= mom < 1, "mom", mom, "a number from 0 to less than 1, such as 0.9")


def _require_share(pct_start: float) -> None:
    require(is_real(pct_start) and 0 <= pct_start <= 1, "pct_start", pct_start, "a share from 0 to 1, such as 0.25")
