"""Validation: the loss and the metrics of a table, as fastai averages them over batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn

from penchant.collab.fits.epoch import Loss
from penchant.collab.losses import AccumMetric, L1LossFlat, MSELossFlat
from penchant.errors import ParameterError
from penchant.solvers.gradient.torch_trainer import predict

__all__ = ["Measure", "Metric", "as_metrics", "each_loss", "mean_loss", "predicted", "unreduced"]

Measure: TypeAlias = "Callable[[Tensor, Tensor], Tensor | float]"

_AT_ONCE = 8192  # rows that are predicted at once


@dataclass(frozen=True)
class Metric:
    """A metric and its column in the table.

    Attributes:
        name: of the column.
        func: of predictions and targets.
        is_whole: measured on all predictions at once, not as the mean over batches.
    """

    name: str
    func: Measure
    is_whole: bool

    def of(self, predictions: Tensor, targets: Tensor, batch_size: int) -> float:
        """Its value: over everything, or the mean over batches, weighted by their sizes.

        Args:
            predictions, targets: of a whole table.
            batch_size: rows of a batch.
        """
        return (
            float(self.func(predictions, targets))
            if self.is_whole
            else _mean(self.func, predictions, targets, batch_size)
        )


def as_metrics(metrics: Measure | Iterable[Measure] | None) -> list[Metric]:
    """Metrics with their names.

    Args:
        metrics: functions of predictions and targets, such as `rmse` and `mae`; one, several or None.

    Raises:
        ParameterError: one is no function.
    """
    if metrics is None:
        return []
    is_one = callable(metrics) or isinstance(metrics, str)  # a text is refused, not taken letter by letter
    return [_metric(one) for one in ([metrics] if is_one else metrics)]  # type: ignore[union-attr]


def _metric(metric: object) -> Metric:
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, AccumMetric):
        return Metric(metric.name.lstrip("_"), metric, True)
    if not callable(metric) or isinstance(metric, type):
        raise ParameterError(
            f"metrics holds {metric!r}: use functions of predictions and targets, such as rmse, mae and mse of "
            "penchant.collab"
        )
    inner = metric.func if isinstance(metric, partial) else metric
    return Metric(getattr(inner, "__name__", type(inner).__name__), metric, False)


def predicted(model: nn.Module, x: Tensor) -> Tensor:
    """One number for each row, in the shape that the model gives, (n,) or (n, 1).

    Args:
        model: what predicts; its mode is left as it is.
        x: rows of users and items, shape (n, 2), on the model's device.

    Raises:
        ParameterError: the model gives something else.
    """
    if len(x) == 0:
        return torch.empty(0)
    answers: object = predict(model, x, _AT_ONCE)
    if not isinstance(answers, Tensor) or answers.shape[:1] != x.shape[:1] or answers.numel() != len(x):
        told = f"shape {tuple(answers.shape)}" if isinstance(answers, Tensor) else f"a {type(answers).__name__}"
        raise ParameterError(
            f"the model gives {told} for {len(x)} rows: it must return one number a row, shape ({len(x)},) or "
            f"({len(x)}, 1)"
        )
    return answers


def mean_loss(loss_func: Loss, predictions: Tensor, targets: Tensor, batch_size: int) -> float:
    """The loss of a table: the mean over batches, weighted by their sizes.

    Args:
        loss_func: of a batch.
        predictions, targets: of the whole table.
        batch_size: rows of a batch.
    """
    is_flat = type(loss_func) in (MSELossFlat, L1LossFlat) and getattr(loss_func, "reduction", "") == "mean"
    # The mean over batches of means over rows is the mean over rows.
    return _mean(loss_func, predictions, targets, max(len(targets), 1) if is_flat else batch_size)


def _mean(func: Measure, predictions: Tensor, targets: Tensor, batch_size: int) -> float:
    with torch.no_grad():
        parts = zip(torch.split(predictions, batch_size), torch.split(targets, batch_size), strict=True)
        total = sum(float(torch.as_tensor(func(p, y)).mean()) * len(y) for p, y in parts)
    return total / len(targets)


def each_loss(loss_func: Loss, predictions: Tensor, targets: Tensor) -> Tensor:
    """The loss of every row, shape (n,).

    Args:
        loss_func: one that knows `reduction`, as an attribute or as an argument.
        predictions, targets: of the whole table.

    Raises:
        ParameterError: it does not.
    """
    with torch.no_grad(), unreduced(loss_func) as func:
        losses = func(predictions, targets)
    if losses.numel() % max(len(targets), 1) or losses.numel() < len(targets):
        raise ParameterError(f"{loss_func!r} gives no loss for each row, even with reduction='none'")
    return losses.reshape(len(targets), -1).mean(1)


@contextmanager
def unreduced(loss_func: Loss) -> Iterator[Loss]:
    """The same loss without its mean, as long as the block lasts.

    Args:
        loss_func: one that knows `reduction`, as an attribute or as an argument.
    """
    before: object = getattr(loss_func, "reduction", None)
    if before is None:
        yield partial(loss_func, reduction="none")  # type: ignore[call-arg]  # functional losses of torch take it
        return
    loss_func.reduction = "none"  # type: ignore[attr-defined]  # it has one
    try:
        yield loss_func
    finally:
        loss_func.reduction = before  # type: ignore[attr-defined]
