"""Loss functions and metrics under fastai's names: predictions and targets are flattened, then compared."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from penchant.checks import require
from penchant.errors import ParameterError

__all__ = ["AccumMetric", "L1LossFlat", "MSELossFlat", "mae", "mse", "rmse"]

_REDUCTIONS = ("mean", "sum", "none")


class _FlatLoss:
    """A loss of predictions of shape (n,) or (n, 1) and targets of either shape."""

    function: Callable[..., Tensor]
    shown: str

    def __init__(self, reduction: str = "mean") -> None:
        require(reduction in _REDUCTIONS, "reduction", reduction, " or ".join(map(repr, _REDUCTIONS)))
        self.reduction = reduction

    def __call__(self, inp: Tensor, targ: Tensor, reduction: str | None = None) -> Tensor:
        predictions, targets = _flat(inp, targ)
        return type(self).function(predictions, targets, reduction=reduction or self.reduction)

    def __repr__(self) -> str:
        return f"FlattenedLoss of {self.shown}()"


class MSELossFlat(_FlatLoss):
    """Mean squared error of flattened predictions and targets.

    Args:
        reduction: "mean" (default), "sum" or "none".

    Raises:
        ParameterError: another reduction, or, when it is called, more predictions than targets or fewer.

    >>> import torch
    >>> MSELossFlat()(torch.tensor([1.0, 3.0]), torch.tensor([[1], [1]]))
    tensor(2.)
    """

    function = staticmethod(functional.mse_loss)
    shown = "MSELoss"


class L1LossFlat(_FlatLoss):
    """Mean absolute error of flattened predictions and targets.

    Args:
        reduction: as for `MSELossFlat` (default "mean").

    Raises:
        ParameterError: as `MSELossFlat`.
    """

    function = staticmethod(functional.l1_loss)
    shown = "L1Loss"


def _flat(inp: Tensor, targ: Tensor) -> tuple[Tensor, Tensor]:
    if inp.numel() != targ.numel():
        raise ParameterError(f"{inp.numel()} predictions for {targ.numel()} ratings: the model must give one a row")
    return inp.reshape(-1), targ.reshape(-1).to(inp.dtype)


class AccumMetric:
    """A metric of all predictions at once, because its mean over batches is another number.

    Args:
        func: of flattened predictions and targets.
        name: of its column; None (default) for that of the function.
    """

    def __init__(self, func: Callable[[Tensor, Tensor], Tensor], name: str | None = None) -> None:
        self.func = func
        self.name = str(name or getattr(func, "__name__", type(func).__name__))
        self.__doc__ = func.__doc__

    def __call__(self, inp: Tensor, targ: Tensor) -> Tensor:
        return self.func(*_flat(inp, targ))

    def __repr__(self) -> str:
        return self.name


def mse(inp: Tensor, targ: Tensor) -> Tensor:
    """Mean squared error.

    Args:
        inp, targ: predictions and targets, one each a row.
    """
    return functional.mse_loss(*_flat(inp, targ))


def mae(inp: Tensor, targ: Tensor) -> Tensor:
    """Mean absolute error.

    Args:
        inp, targ: predictions and targets, one each a row.
    """
    return functional.l1_loss(*_flat(inp, targ))


def _rmse(inp: Tensor, targ: Tensor) -> Tensor:
    """Root mean squared error over all rows."""
    return functional.mse_loss(inp, targ).sqrt()


rmse = AccumMetric(_rmse, "rmse")
