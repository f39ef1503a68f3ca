"""Learning-rate finder: a mock training with a rate that grows, and what its losses suggest."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

from penchant.arrays.types import Int64Array
from penchant.checks import is_whole, require
from penchant.collab.fits.epoch import Interrupts, make_trainer, run_epoch
from penchant.collab.fits.loop import n_batches
from penchant.collab.fits.optimiser import check_rate
from penchant.errors import ParameterError
from penchant.solvers.gradient.schedules import lr_sweep

if TYPE_CHECKING:
    from penchant.collab.display.recorder import Point
    from penchant.collab.learner import Learner

__all__ = ["SuggestFunc", "SuggestionMethod", "find_rate", "minimum", "slide", "steep", "valley"]

SuggestFunc: TypeAlias = "Callable[[Tensor, Tensor, int], tuple[float, Point]]"

_LEAST_ITERATIONS = 6  # as in fastai
_SKIP_END = 5
_DIVERGED = 4  # times the best loss


def valley(lrs: Tensor, losses: Tensor, num_it: int) -> tuple[float, Point]:  # noqa: ARG001 - one signature for all
    """Two thirds along the longest valley: the longest run of batches, not always neighbours, of falling losses.

    Args:
        lrs, losses: of every batch.
        num_it: not used.

    Returns:
        The rate, and the point (rate, loss).
    """
    values, n = losses.tolist(), len(losses)
    start, end = 0, 0
    length = [1] * n
    for i in range(1, n):
        for j in range(i):
            if values[i] < values[j] and length[i] < length[j] + 1:
                length[i] = length[j] + 1
            if length[end] < length[i]:
                end = i
                start = end - length[end]
    third = (end - start) / 3
    at = start + int(third) + int(third / 2)
    return float(lrs[at]), (float(lrs[at]), float(losses[at]))


def slide(
    lrs: Tensor,
    losses: Tensor,
    num_it: int,  # noqa: ARG001
    lr_diff: int = 15,
    thresh: float = 0.005,
    adjust_value: float = 1.0,
) -> tuple[float, Point]:
    """The rate before which slopes far apart begin to be alike, sought from the end.

    Args:
        lrs, losses: of every batch.
        num_it: not used.
        lr_diff: how far apart (default 15 batches).
        thresh: how alike (default 0.005).
        adjust_value: the rate is multiplied by it (default 1.0).

    Returns:
        The rate, and the point (rate, loss).
    """
    slope = np.gradient(losses.numpy())
    right = -1
    left = max(right - lr_diff, -len(losses))
    rate = float(lrs[left])
    while left >= -len(losses) and abs(slope[right] - slope[left]) > thresh:
        rate = float(lrs[left])
        right, left = right - 1, left - 1
    rate *= adjust_value
    loss = float(np.interp(np.log10(rate), np.log10(lrs.numpy()), losses.numpy()))
    return rate, (rate, loss)


def minimum(lrs: Tensor, losses: Tensor, num_it: int) -> tuple[float, Point]:  # noqa: ARG001
    """A tenth of the rate at the lowest loss.

    Args:
        lrs, losses: of every batch.
        num_it: not used.

    Returns:
        The rate, and the point of the lowest loss.
    """
    at = int(losses.argmin())
    return float(lrs[at]) / 10, (float(lrs[at]), float(losses[at]))


def steep(lrs: Tensor, losses: Tensor, num_it: int) -> tuple[float, Point]:  # noqa: ARG001
    """The rate at which the loss falls fastest, per factor of the rate.

    Args:
        lrs, losses: of every batch.
        num_it: not used.

    Returns:
        The rate, and the point (rate, loss).
    """
    at = int((losses.diff() / lrs.log().diff()).argmin())
    return float(lrs[at]), (float(lrs[at]), float(losses[at]))


class SuggestionMethod:
    """The four ways to suggest a rate, under fastai's names."""

    Valley = staticmethod(valley)
    Slide = staticmethod(slide)
    Minimum = staticmethod(minimum)
    Steep = staticmethod(steep)


def find_rate(
    learn: Learner,
    start_lr: float,
    end_lr: float,
    num_it: int,
    *,
    stop_div: bool,
    show_plot: bool,
    suggest_funcs: SuggestFunc | Sequence[SuggestFunc] | None,
) -> tuple[float, ...] | None:
    """The work of `Learner.lr_find`, see there. Weights and optimiser are afterwards what they were."""
    check_rate("start_lr", start_lr)
    require(is_whole(num_it, 1), "num_it", num_it, "a whole number of at least 1")
    funcs = [suggest_funcs] if callable(suggest_funcs) else list(suggest_funcs or ())
    for func in funcs:
        require(callable(func), "suggest_funcs", func, "valley, slide, minimum or steep")
    num_it = max(num_it, _LEAST_ITERATIONS)
    _sweep(learn, start_lr, end_lr, num_it, stop_div=stop_div)
    if not funcs:
        if show_plot:
            learn.recorder.plot_lr_find()
        return None
    names = [getattr(func.func if isinstance(func, partial) else func, "__name__", "suggestion") for func in funcs]
    lrs, losses = _sought(learn, num_it)
    found = [func(lrs, losses, num_it) for func in funcs]
    if show_plot:
        learn.recorder.plot_lr_find(suggestions=[point for _, point in found], nms=names)
    # A function called here gives a type called so, as in fastai: SuggestedLRs(valley=0.005).
    make = cast("Callable[..., tuple[float, ...]]", namedtuple("SuggestedLRs", names))  # noqa: PYI024 - names are data
    return make(*[rate for rate, _ in found])


def _sweep(learn: Learner, start_lr: float, end_lr: float, num_it: int, *, stop_div: bool) -> None:
    """Train on `num_it` batches, take down their losses, and put everything back as it was."""
    n_batches(learn)
    learn.model.to(learn.dls.device)
    optimiser, train = learn.optimiser(), learn.dls.train
    schedule = lr_sweep(num_it, start_lr, end_lr, optimiser["mom"])
    weights = deepcopy(learn.model.state_dict())
    moments, n_steps = optimiser.moments, optimiser.n_steps
    learn.recorder.clear([metric.name for metric in learn.metrics])
    assert train.y is not None
    try:
        trainer = make_trainer(learn.model, learn.loss_func, train.x, train.y, optimiser, train_bn=learn.train_bn)
        with Interrupts() as interrupts:
            order = _orders(learn, num_it)
            for losses, part in run_epoch(trainer, order, train.bs, schedule, interrupts):
                learn.recorder.add_batches(losses, part.lr, part.mom)
        if interrupts.came:
            raise KeyboardInterrupt
    finally:
        learn.model.load_state_dict(weights)
        optimiser.set_state(moments, n_steps)
    if stop_div:
        learn.recorder.keep_batches(_until_divergence(np.array([float(loss) for loss in learn.recorder.losses])))


def _orders(learn: Learner, num_it: int) -> Int64Array:
    """As many epochs as are needed, one after another."""
    wanted = num_it * learn.dls.train.bs
    parts: list[Int64Array] = []
    while sum(map(len, parts)) < wanted:
        parts.append(learn.dls.train.order())
    return np.concatenate(parts)[:wanted]


def _until_divergence(losses: np.typing.NDArray[np.floating]) -> int:
    """How many batches there are up to the first whose loss is four times the best before it."""
    diverged = losses > _DIVERGED * np.fmin.accumulate(losses)
    return int(np.argmax(diverged)) + 1 if diverged.any() else len(losses)


def _sought(learn: Learner, num_it: int) -> tuple[Tensor, Tensor]:
    """Rates and losses in which a suggestion is sought: without the first tenth, the end, and what is not a number."""
    within = slice(num_it // 10, -_SKIP_END)
    lrs = torch.tensor(learn.recorder.lrs[within])
    losses = torch.tensor([float(loss) for loss in learn.recorder.losses[within]])
    bad = torch.nonzero(torch.isnan(losses))
    if len(bad):
        lrs, losses = lrs[: int(bad[0])], losses[: int(bad[0])]
    if len(losses) < 2:
        raise ParameterError(
            f"only {len(learn.recorder.lrs)} batches before the loss grew {_DIVERGED}-fold: too few for a suggestion; "
            "use a lower start_lr or end_lr, or more iterations (num_it)"
        )
    return lrs, losses
