"""Adam for any torch module, with the steps of fastai's: in one fused operation where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from penchant.arrays.types import Float64Array
from penchant.checks import require
from penchant.solvers.gradient.trainer import Moments

__all__ = ["HYPERS", "TorchAdam", "undecayed"]

HYPERS = 5  # what a step needs to know: see `TorchAdam.hypers`

_NORMS = (nn.LayerNorm, *(getattr(nn, f"{kind}Norm{n}d") for kind in ("Batch", "Instance") for n in (1, 2, 3)))


@dataclass(frozen=True, eq=False)
class _Moments:
    """Of one parameter: m, v, and the step before the first at which it had a gradient."""

    mean: Tensor
    square: Tensor
    born: int


@dataclass(frozen=True, eq=False)
class _Group:
    """Parameters that one operation steps together, and their moments; `step` is t, repeated for each of them."""

    decays: bool
    is_fused: bool
    born: int
    params: list[Tensor] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)
    squares: list[Tensor] = field(default_factory=list)
    step: list[Tensor] = field(default_factory=list)


class TorchAdam:
    """Moments of a module's parameters, and steps that change them in place; the equation is that of `Trainer`.

    Batch norms, layer norms and every parameter that a module calls `bias` do not decay (fastai's rule). A parameter
    is left alone until it first has a gradient; from then on a missing gradient is one of zero. What does not require
    gradients is not touched.

    Args:
        model: the module. Its parameters are looked up anew by `bind`.
        sqr_mom: share of the old mean of squares that is kept at each step.
        eps: added to the root of the mean of squares.
    """

    def __init__(self, model: nn.Module, *, sqr_mom: float, eps: float) -> None:
        self.model, self.sqr_mom, self.eps = model, sqr_mom, eps
        self.n_steps = 0
        self._moments: dict[str, _Moments] = {}
        self._waiting: dict[str, nn.Parameter] = {}
        self._groups: list[_Group] = []

    @property
    def in_step(self) -> bool:
        """Whether all parameters had their first gradient at the same step, so that they share all hyper-parameters."""
        return len({group.born for group in self._groups}) == 1

    def bind(self) -> None:
        """Look up the parameters and where they are: before a run, for the model may have been moved or frozen."""
        decayless = undecayed(self.model)
        found: dict[tuple[bool, bool, int, torch.dtype, torch.device], _Group] = {}
        self._waiting = {}
        for name, param in self.model.named_parameters():
            if not param.requires_grad:
                continue
            moments = self._moments_of(name, param)
            if moments is None:
                self._waiting[name] = param
                continue
            decays, is_fused = id(param) not in decayless, _can_fuse(param)
            key = (decays, is_fused, moments.born, param.dtype, param.device)
            group = found.setdefault(key, _Group(decays, is_fused, moments.born))
            group.params.append(param)
            group.means.append(moments.mean)
            group.squares.append(moments.square)
            group.step.append(group.step[0] if group.step else torch.zeros((), device=param.device))
        self._groups = list(found.values())

    def clear_gradients(self) -> None:
        """Forget the gradients of all parameters that are stepped."""
        for param in self._waiting.values():
            param.grad = None
        for group in self._groups:
            for tensor in group.params:
                tensor.grad = None

    def step(self, lr: float, mom: float, wd: float) -> None:
        """One step along the gradients that the parameters have now; call it without gradients being recorded."""
        self._welcome()
        self.n_steps += 1
        for group in self._groups:
            decay = wd if group.decays else 0.0
            step = self.n_steps - group.born
            grads = [_dense(param) for param in group.params]
            if not group.is_fused:
                hypers = self._hypers(np.array([lr]), np.array([mom]), wd, step)[0].tolist()
                self._step_plainly(group, grads, *hypers)
                continue
            group.step[0].fill_(step)
            torch._fused_adamw_(  # what AdamW(fused=True) calls, without its bookkeeping
                group.params,
                grads,
                group.means,
                group.squares,
                [],
                group.step,
                lr=lr,
                beta1=mom,
                beta2=self.sqr_mom,
                weight_decay=decay,
                eps=self.eps,
                amsgrad=False,
                maximize=False,
            )

    def hypers(self, lr: Float64Array, mom: Float64Array, wd: float) -> Float64Array:
        """What `step_by` needs for each of the next steps, shape (n_steps, HYPERS).

        Columns: 1 - lr wd, mom, 1 - mom, lr / (1 - mom^t), 1 / (1 - sqr_mom^t).
        """
        return self._hypers(lr, mom, wd, self.n_steps + 1 - self._groups[0].born)

    def step_by(self, hypers: Tensor) -> None:
        """One step whose hyper-parameters lie on the device: nothing of it is decided here, so that it can be recorded.

        `n_steps` is left to the caller.

        Args:
            hypers: a row of `hypers`, shape (HYPERS,).
        """
        for group in self._groups:
            self._step_plainly(group, [_dense(param) for param in group.params], *hypers.unbind())

    def moments(self) -> Moments:
        """Copies of m and v by the name of their parameter, on the CPU."""
        kept = {name: (each.mean, each.square) for name, each in self._moments.items()}
        return {
            name: (mean.cpu().float().numpy().copy(), square.cpu().float().numpy().copy())
            for name, (mean, square) in kept.items()
        }

    def set_moments(self, moments: Moments, n_steps: int) -> None:
        """Go on from moments that were kept.

        Args:
            moments: by the name of their parameter.
            n_steps: steps that they are the result of.

        Raises:
            ParameterError: a name or shape is that of no parameter.
        """
        params = dict(self.model.named_parameters())
        found: dict[str, _Moments] = {}
        for name, (mean, square) in moments.items():
            fits = name in params and mean.shape == square.shape == tuple(params[name].shape)
            require(fits, "moments", f"{name!r} of shape {mean.shape}", "moments of this model's parameters")
            new = [torch.zeros_like(params[name], requires_grad=False) for _ in range(2)]
            for tensor, array in zip(new, (mean, square), strict=True):
                tensor.copy_(torch.from_numpy(np.array(array)))
            found[name] = _Moments(new[0], new[1], 0)
        self._moments, self.n_steps = found, n_steps

    def _welcome(self) -> None:
        """Give moments to parameters that have their first gradient now."""
        new = [name for name, param in self._waiting.items() if param.grad is not None]
        for name in new:
            zeros = [torch.zeros_like(self._waiting[name], requires_grad=False) for _ in range(2)]
            self._moments[name] = _Moments(zeros[0], zeros[1], self.n_steps)
        if new:
            self.bind()

    def _moments_of(self, name: str, param: nn.Parameter) -> _Moments | None:
        """The moments of a parameter where it is now; None if it has none, or was replaced by one of another shape."""
        kept = self._moments.get(name)
        if kept is None or kept.mean.shape != param.shape:
            return None
        if kept.mean.device != param.device or kept.mean.dtype != param.dtype:
            kept = _Moments(kept.mean.to(param), kept.square.to(param), kept.born)
            self._moments[name] = kept
        return kept

    def _hypers(self, lr: Float64Array, mom: Float64Array, wd: float, first: int) -> Float64Array:
        step = np.arange(first, first + len(lr), dtype=np.float64)
        columns = (1 - lr * wd, mom, 1 - mom, lr / (1 - mom**step), 1 / (1 - self.sqr_mom**step))
        return np.stack(columns, axis=1)

    def _step_plainly(
        self,
        group: _Group,
        grads: list[Tensor],
        kept: Tensor | float,
        mom: Tensor | float,
        rest: Tensor | float,
        rate: Tensor | float,
        scale: Tensor | float,
    ) -> None:
        """The equation, operation by operation."""
        for param, grad, mean, square in zip(group.params, grads, group.means, group.squares, strict=True):
            if group.decays:
                param.mul_(kept)
            mean.mul_(mom).add_(grad * rest)
            square.mul_(self.sqr_mom).addcmul_(grad, grad, value=1 - self.sqr_mom)
            param.sub_(mean / (square * scale).sqrt_().add_(self.eps) * rate)


def undecayed(model: nn.Module) -> set[int]:
    """Which parameters have no weight decay, by `id`: those of norms, and all that a module calls `bias`.

    This is fastai's rule: a module that is called `bias` is decayed, and a parameter that is called `user_bias` is.

    Args:
        model: the module.
    """
    return {id(param) for param in _undecayed(model)}


def _undecayed(module: nn.Module) -> Iterator[nn.Parameter]:
    if isinstance(module, _NORMS):
        yield from module.parameters()
        return
    for child in module.children():
        yield from _undecayed(child)
    bias = getattr(module, "bias", None)
    if isinstance(bias, nn.Parameter):
        yield bias


def _can_fuse(param: nn.Parameter) -> bool:
    """The fused operation reads memory from end to end, so it needs parameters without gaps."""
    is_plain = param.dtype in (torch.float32, torch.float64) and param.is_contiguous()
    return is_plain and param.device.type in ("cpu", "cuda") and hasattr(torch, "_fused_adamw_")


def _dense(param: Tensor) -> Tensor:
    """The gradient, of zeros where there is none; embeddings may have a sparse one."""
    grad = param.grad
    if grad is None:
        return torch.zeros_like(param, requires_grad=False)
    return grad if grad.layout is torch.strided else grad.to_dense()
