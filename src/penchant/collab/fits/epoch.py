"""One epoch of training: the trainer that fits the model, the pieces that it is given, and Ctrl-C between them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Self, TypeAlias

import torch
from torch import Tensor, nn

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.collab.fits.optimiser import Optimizer
from penchant.collab.losses import MSELossFlat
from penchant.collab.modules import EmbeddingDotBias
from penchant.solvers.gradient.dot_trainer import DotTrainer
from penchant.solvers.gradient.net_trainer import NetTrainer
from penchant.solvers.gradient.schedules import Schedule
from penchant.solvers.gradient.torch_net import net_of
from penchant.solvers.gradient.torch_trainer import TorchTrainer
from penchant.solvers.gradient.trainer import Moments, Trainer

__all__ = ["Interrupts", "Loss", "is_dot_product", "make_trainer", "piece_of", "run_epoch"]

Loss: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"

_PIECES = 8  # of an epoch
_LEAST_RATINGS = 16_384  # of a piece

_TABLES = {
    "u_weight": "user_factors",
    "i_weight": "item_factors",
    "u_bias": "user_biases",
    "i_bias": "item_biases",
}


def is_dot_product(model: nn.Module) -> bool:
    """Whether a module is an `EmbeddingDotBias` that `DotTrainer` trains just as torch would."""
    if type(model) is not EmbeddingDotBias:
        return False
    tables = list(model.parameters())
    has_hooks = any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())  # noqa: SLF001
    return len(tables) == 4 and not has_hooks and all(map(_is_plain, tables))


def _is_plain(table: Tensor) -> bool:
    is_ours = table.device.type == "cpu" and table.dtype == torch.float32
    return is_ours and table.is_contiguous() and table.requires_grad


def make_trainer(
    model: nn.Module, loss_func: Loss, x: Tensor, y: Tensor, optimiser: Optimizer, *, train_bn: bool
) -> Trainer:
    """A trainer of the model's parameters that goes on where the optimiser is.

    Args:
        model: what is trained, in place.
        loss_func: what is lowered.
        x, y: the training table.
        optimiser: hyper-parameters, and moments of an earlier fit.
        train_bn: as for `Learner`.
    """
    wd, sqr_mom, eps = (optimiser[name] for name in ("wd", "sqr_mom", "eps"))
    trainer: Trainer
    is_squared = type(loss_func) is MSELossFlat and loss_func.reduction == "mean"
    net = net_of(model) if is_squared and train_bn else None
    if is_squared and isinstance(model, EmbeddingDotBias) and is_dot_product(model):
        trainer = ModuleDotTrainer(model, x, y, wd=wd, sqr_mom=sqr_mom, eps=eps)
    elif net is not None:
        trainer = NetTrainer(net, *_columns(x, y), wd=wd, sqr_mom=sqr_mom, eps=eps)
    else:
        trainer = TorchTrainer(model, loss_func, x, y, train_bn=train_bn, wd=wd, sqr_mom=sqr_mom, eps=eps)
    if optimiser.n_steps:
        trainer.set_moments(optimiser.moments, optimiser.n_steps)
    return trainer


class ModuleDotTrainer:
    """`DotTrainer` on the memory of an `EmbeddingDotBias`; its moments have the names of the module's parameters.

    Args:
        model: what is trained.
        x, y: the training table.
        wd, sqr_mom, eps: as for `DotTrainer`.
    """

    def __init__(self, model: EmbeddingDotBias, x: Tensor, y: Tensor, *, wd: float, sqr_mom: float, eps: float) -> None:
        u_weight, i_weight, u_bias, i_bias = (_memory(getattr(model, name).weight) for name in _TABLES)
        span = model.y_range
        self._inner = DotTrainer(
            u_weight,
            i_weight,
            u_bias.reshape(-1),
            i_bias.reshape(-1),
            *_columns(x, y),
            y_range=None if span is None else (float(span[0]), float(span[1])),
            wd=wd,
            sqr_mom=sqr_mom,
            eps=eps,
        )

    @property
    def wd(self) -> float:
        """Weight decay of the next run."""
        return self._inner.wd

    @wd.setter
    def wd(self, value: float) -> None:
        self._inner.wd = value

    @property
    def n_steps(self) -> int:
        """Steps taken so far."""
        return self._inner.n_steps

    def run(self, order: Int64Array, batch_size: int, lr: Float64Array, mom: Float64Array) -> Float32Array:
        """Take one step for each mini-batch: see `Trainer.run`.

        Args:
            order, batch_size, lr, mom: as for `Trainer.run`.
        """
        return self._inner.run(order, batch_size, lr, mom)

    def moments(self) -> Moments:
        """Moments of the four tables, in their shapes."""
        found = {f"{name}.weight": self._inner.moments().get(ours) for name, ours in _TABLES.items()}
        return {name: (_column(each[0]), _column(each[1])) for name, each in found.items() if each is not None}

    def set_moments(self, moments: Moments, n_steps: int) -> None:
        """Go on from moments that were kept.

        Args:
            moments: those of `moments()`.
            n_steps: how many steps made them.
        """
        found = {ours: moments.get(f"{name}.weight") for name, ours in _TABLES.items()}
        inner = {ours: each for ours, each in found.items() if each is not None}
        for ours in ("user_biases", "item_biases"):
            if ours in inner:
                inner[ours] = (inner[ours][0].reshape(-1), inner[ours][1].reshape(-1))
        self._inner.set_moments(inner, n_steps)


def _column(moments: Float32Array) -> Float32Array:
    """Moments as the module has them: those of biases in one column."""
    return moments.reshape(-1, 1) if moments.ndim == 1 else moments


def _columns(x: Tensor, y: Tensor) -> tuple[Int32Array, Int32Array, Float32Array]:
    """Users, items and ratings of a training table."""
    users, items = (x[:, side].to(torch.int32).numpy() for side in (0, 1))
    return users, items, y.reshape(-1).to(torch.float32).numpy()


def _memory(table: Tensor) -> Float32Array:
    """The memory of a parameter as a NumPy array, not a copy."""
    array: Float32Array = table.detach().numpy()
    return array


class Interrupts:
    """Holds Ctrl-C back while a piece of an epoch runs, so that it never leaves half of a step behind.

    The first one is noted; `came` then says so. A second one does what it always did.
    """

    def __init__(self) -> None:
        self.came = False
        self._before: signal.Handlers | int | Callable[[int, FrameType | None], object] | None = None
        self._holds = False

    def __enter__(self) -> Self:
        before = signal.getsignal(signal.SIGINT)
        # Only the main thread may set handlers; and who ignores Ctrl-C shall go on to do so.
        if threading.current_thread() is threading.main_thread() and callable(before):
            self._before, self._holds = before, True
            signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, *_: object) -> None:
        self.came = True
        self._restore()

    def _restore(self) -> None:
        if self._holds:
            signal.signal(signal.SIGINT, self._before)
            self._holds = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()


def piece_of(n_batches: int, batch_size: int) -> int:
    """How many batches are run at once: an eighth of an epoch, or more where batches are small.

    Between pieces the bar moves and Ctrl-C is heard. It must not depend on the clock: where a run is cut is where rows
    are brought up to date, and that rounding is part of the result, which a seed repeats.

    Args:
        n_batches: of an epoch.
        batch_size: ratings of a batch.
    """
    return max(1, -(-n_batches // _PIECES), _LEAST_RATINGS // batch_size)


def run_epoch(
    trainer: Trainer, order: Int64Array, batch_size: int, schedule: Schedule, interrupts: Interrupts
) -> Iterator[tuple[Float32Array, Schedule]]:
    """Train on every batch once, piece by piece; stops after a piece in which Ctrl-C came.

    Args:
        trainer: of the model.
        order: positions in the training table, batch after batch; the last batch may have fewer.
        batch_size: ratings of a batch.
        schedule: rate and momentum of every batch.
        interrupts: where Ctrl-C is noted.

    Yields:
        The losses of the batches of each piece, and what their schedule was.
    """
    n_whole = len(order) // batch_size
    done = 0
    while done < n_whole and not interrupts.came:
        until = min(done + piece_of(n_whole, batch_size), n_whole)
        part = schedule.part(done, until)
        losses = trainer.run(order[done * batch_size : until * batch_size], batch_size, part.lr, part.mom)
        done = until
        yield losses, part
    rest = order[n_whole * batch_size :]  # a loader that does not shuffle has a last batch that may not be full
    if len(rest) and not interrupts.came:
        part = schedule.part(n_whole, n_whole + 1)
        yield trainer.run(rest, len(rest), part.lr, part.mom), part
