"""Torch module of the neural model as arrays: to train it without torch, and to keep it as a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from penchant.arrays.types import BoolArray, Float32Array, Float64Array
from penchant.errors import UnsupportedError
from penchant.models.embedding_nn import NORM_EPS, EmbeddingNN, Layer, fold
from penchant.solvers.gradient import net_layers as net
from penchant.solvers.gradient.net_trainer import NetLayer, NetWeights

__all__ = ["model_of", "net_of"]


def net_of(model: nn.Module) -> NetWeights | None:
    """The memory of a module that `NetTrainer` trains just as torch would; None if it is no such module.

    That is fastai's `EmbeddingNN` as it is made by default, with any layers and y_range: two embeddings, on the CPU,
    no dropout, nothing frozen and no hooks.

    Args:
        model: any module.
    """
    if type(model) is not net.EmbeddingNN or len(model.embeds) != 2 or not _is_untouched(model):
        return None
    blocks = list(model.layers)
    last = blocks.pop() if blocks else None
    y_range = None
    if isinstance(last, net.SigmoidRange):
        y_range = (float(last.low), float(last.high))
        last = blocks.pop()
    hidden = [_hidden(block) for block in blocks]
    is_linear = isinstance(last, net.LinBnDrop) and len(last) == 1 and last[0].bias is not None
    found = [each for each in hidden if each is not None]
    if len(found) < len(hidden) or not is_linear or not isinstance(last, net.LinBnDrop):
        return None
    users, items = (_memory(cast("Tensor", table.weight)) for table in model.embeds)
    weight, bias = (_memory(cast("Tensor", part)) for part in (last[0].weight, last[0].bias))
    return NetWeights(users, items, found, weight, bias, y_range)


def model_of(
    model: net.EmbeddingNN, has_ratings: tuple[BoolArray, BoolArray] | None = None, *, skip: int = 0
) -> EmbeddingNN:
    """What a module predicts in evaluation mode, as a model that needs no torch.

    Args:
        model: of two embeddings, with relu or without activation.
        has_ratings: which users and which items had ratings; the others become cold rows. None (default) for all.
        skip: rows of no user or item at the start of both embeddings, such as 1 for fastai's "#na#" (default 0).

    Raises:
        UnsupportedError: it has another number of embeddings, or another activation.
    """
    if len(model.embeds) != 2:
        raise UnsupportedError(f"a model of {len(model.embeds)} embeddings can't be kept: of users and items it can")
    y_range, layers = None, [_Affine(model.n_emb)]
    for module in _in_turn(model.layers):
        if isinstance(module, net.SigmoidRange):
            y_range = (float(module.low), float(module.high))
        elif isinstance(module, nn.ReLU):
            layers.append(_Affine(len(layers[-1].shift)))
        elif isinstance(module, nn.Linear):
            layers[-1].after(_exact(module.weight), 0 if module.bias is None else _exact(module.bias))
        elif isinstance(module, nn.BatchNorm1d):
            layers[-1].after_norm(module)
        elif not isinstance(module, nn.Dropout | nn.Identity):
            raise UnsupportedError(f"a model with the layer {module} can't be kept: with nn.ReLU it can")
    users, items = (_exact(cast("Tensor", table.weight))[skip:] for table in model.embeds)
    return fold(users, items, [Layer(each.weight, each.shift) for each in layers], y_range, has_ratings)


def _in_turn(module: nn.Module) -> Iterator[nn.Module]:
    """All layers as they are applied; one activation may stand in several places."""
    if not isinstance(module, nn.Sequential):
        yield module
        return
    for child in module:
        yield from _in_turn(child)


class _Affine:
    """Everything between two relus: x -> weight x + shift."""

    def __init__(self, width: int) -> None:
        self.weight: Float64Array = np.eye(width)
        self.shift: Float64Array = np.zeros(width)

    def after(self, weight: Float64Array, shift: Float64Array | float) -> None:
        self.weight, self.shift = weight @ self.weight, weight @ self.shift + shift

    def after_norm(self, norm: nn.BatchNorm1d) -> None:
        if not norm.track_running_stats:
            raise UnsupportedError("a batch norm without running statistics predicts by the batch: it can't be kept")
        scale = 1 / np.sqrt(_exact(cast("Tensor", norm.running_var)) + norm.eps)
        shift = -_exact(cast("Tensor", norm.running_mean)) * scale
        if norm.affine:
            gamma = _exact(norm.weight)
            scale, shift = gamma * scale, gamma * shift + _exact(norm.bias)
        self.after(np.diag(scale), shift)


def _hidden(block: nn.Module) -> NetLayer | None:
    """A hidden layer's memory, None if it is not linear, relu and a batch norm as torch makes it."""
    linear: nn.Module
    norm: nn.Module
    if not isinstance(block, net.LinBnDrop) or len(block) != 3:
        return None
    linear, act, norm = block
    if not isinstance(linear, nn.Linear) or type(act) is not nn.ReLU or not isinstance(norm, nn.BatchNorm1d):
        return None
    if (
        len(list(linear.parameters())) != 1
        or norm.momentum != 0.1
        or norm.eps != NORM_EPS
        or not (norm.affine and norm.track_running_stats)
    ):
        return None
    mean, var = (_memory(cast("Tensor", each)) for each in (norm.running_mean, norm.running_var))
    n_batches = cast("Tensor", norm.num_batches_tracked).numpy()
    return NetLayer(_memory(linear.weight), _memory(norm.weight), _memory(norm.bias), mean, var, n_batches)


def _is_untouched(model: net.EmbeddingNN) -> bool:
    """Whether all is where and as the kernel needs it."""
    plain = all(_is_plain(param) and param.requires_grad for param in model.parameters())
    hooked = any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())  # noqa: SLF001
    tables = [table for table in model.embeds if isinstance(table, nn.Embedding)]
    special = any(
        table.padding_idx is not None or table.max_norm is not None or table.sparse or table.scale_grad_by_freq
        for table in tables
    )
    return plain and not hooked and not special and model.emb_drop.p == 0


def _is_plain(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and tensor.is_contiguous()


def _memory(tensor: Tensor) -> Float32Array:
    array: Float32Array = tensor.detach().numpy()
    return array


def _exact(tensor: Tensor) -> Float64Array:
    array: Float64Array = tensor.detach().cpu().double().numpy()
    return array
