"""Trainer protocol: one model's parameters, and steps that lower its loss in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from penchant.arrays.types import Float32Array, Float64Array, Int64Array

__all__ = ["Moments", "Trainer"]

Moments: TypeAlias = "Mapping[str, tuple[Float32Array, Float32Array]]"


class Trainer(Protocol):
    """Changes the parameters of one model, where they lie, a run of mini-batches at a time.

    All trainers take the same steps: Adam with decoupled weight decay, for every parameter p with gradient g, at
    step t = 1, 2, ...

        p <- p (1 - lr wd)
        m <- mom m + (1 - mom) g
        v <- sqr_mom v + (1 - sqr_mom) g^2
        p <- p - lr / (1 - mom^t) m / (sqrt(v / (1 - sqr_mom^t)) + eps)

    Attributes:
        wd: weight decay of the next run.
        n_steps: t, steps taken so far; the moments m and v go on from run to run.

    Source: Kingma, Ba (2015), "Adam"; Loshchilov, Hutter (2019), "Decoupled weight decay regularization"; the order
    of the operations is that of fastai.
    """

    wd: float

    @property
    def n_steps(self) -> int: ...

    def run(self, order: Int64Array, batch_size: int, lr: Float64Array, mom: Float64Array) -> Float32Array:
        """Take one step for each mini-batch.

        Args:
            order: positions in the training table, shape (n_batches * batch_size,), batch after batch.
            batch_size: ratings of a batch.
            lr, mom: learning rate and momentum of each step, shape (n_batches,).

        Returns:
            The loss of each batch before its step, shape (n_batches,).
        """
        ...

    def moments(self) -> Moments:
        """Mean of the gradients and mean of their squares of each parameter, by its name; empty before any step."""
        ...

    def set_moments(self, moments: Moments, n_steps: int) -> None:
        """Go on from moments that were kept: those of `moments()` after `n_steps` steps."""
        ...
