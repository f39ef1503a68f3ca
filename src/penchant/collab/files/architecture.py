"""Architecture of a model as plain values, and the model built of them again: for files that hold no code."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from penchant.collab.modules import EmbeddingDotBias, EmbeddingNN
from penchant.errors import FormatError, UnsupportedError
from penchant.solvers.gradient.net_layers import LinBnDrop, SigmoidRange
from penchant.storage.strict_json import JSON

__all__ = ["DOT", "NN", "built", "described", "load_tensors"]

DOT, NN = "EmbeddingDotBias", "EmbeddingNN"

_ACTIVATIONS = ("ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Mish", "Sigmoid", "Tanh", "Softplus", "Hardswish")
_FIELDS = ("inplace", "negative_slope", "alpha", "approximate", "beta", "threshold")
_MOST = 10**9  # parameters


def described(model: nn.Module) -> dict[str, JSON]:
    """Kind and settings of one of the two models.

    Args:
        model: the model.

    Raises:
        UnsupportedError: it is another, or has parts that a file does not know.
    """
    if type(model) is EmbeddingDotBias:
        return {"kind": DOT, "n_factors": model.u_weight.embedding_dim, "y_range": _span(model.y_range)}
    if type(model) is not EmbeddingNN:
        raise UnsupportedError(
            f"{type(model).__name__} is written by hand: a file without code can't hold it. Keep its weights with "
            "learn.save('name'), and load them with learn.load('name') into a learner that is made as this one was"
        )
    settings = _net_settings(model)
    again = built(settings, [table.num_embeddings for table in _tables(model)])
    if repr(again) != repr(model):
        raise UnsupportedError(
            "this EmbeddingNN was changed after it was made, so a file without code can't hold it; learn.save('name') "
            "keeps its weights"
        )
    return settings


def _tables(model: EmbeddingNN) -> list[nn.Embedding]:
    return [cast("nn.Embedding", table) for table in model.embeds]


def _net_settings(model: EmbeddingNN) -> dict[str, JSON]:
    blocks = [block for block in model.layers if isinstance(block, LinBnDrop)]
    hidden, last = blocks[:-1], blocks[-1]
    first = [type(part) for part in (hidden or blocks)[0]]
    sigmoids = [part for part in model.layers if isinstance(part, SigmoidRange)]
    return {
        "kind": NN,
        "widths": [table.embedding_dim for table in _tables(model)],
        "layers": [_part(block, nn.Linear).out_features for block in hidden],
        "ps": [_dropout(block) for block in hidden],
        "embed_p": float(model.emb_drop.p),
        "y_range": _span((sigmoids[0].low, sigmoids[0].high)) if sigmoids else None,
        "use_bn": any(isinstance(part, nn.BatchNorm1d) for part in (hidden or blocks)[0]),
        "bn_final": any(isinstance(part, nn.BatchNorm1d) for part in last),
        "bn_cont": model.bn_cont is not None,
        "act_cls": _activation(hidden),
        "lin_first": first[0] is nn.Linear,
    }


def _part(block: nn.Sequential, kind: type[nn.Linear]) -> nn.Linear:
    return next(part for part in block if isinstance(part, kind))


def _dropout(block: nn.Sequential) -> float:
    return next((float(part.p) for part in block if isinstance(part, nn.Dropout)), 0.0)


def _activation(hidden: Sequence[nn.Sequential]) -> JSON:
    parts = [
        part for block in hidden for part in block if not isinstance(part, nn.Linear | nn.BatchNorm1d | nn.Dropout)
    ]
    if not parts:
        return None
    name = type(parts[0]).__name__
    if name not in _ACTIVATIONS or type(parts[0]) is not getattr(nn, name):
        raise UnsupportedError(
            f"the activation {name} can't be kept in a file without code: it knows {', '.join(_ACTIVATIONS)}; "
            "learn.save('name') keeps the weights"
        )
    known = inspect.signature(type(parts[0])).parameters
    return {"name": name, **{field: getattr(parts[0], field) for field in _FIELDS if field in known}}


def _span(y_range: Sequence[float] | None) -> list[JSON] | None:
    return None if y_range is None else [end if type(end) is int else float(end) for end in y_range]


# -- back --


def built(settings: Mapping[str, JSON], sizes: Sequence[int]) -> nn.Module:
    """The model of `described`, without memory: its parameters are on torch's "meta" device.

    Args:
        settings: what `described` returned.
        sizes: rows of users and items.

    Raises:
        FormatError: they describe none of the two models.
    """
    kind = settings.get("kind")
    span = _read_span(settings.get("y_range"))
    with torch.device("meta"):
        if kind == DOT:
            (n_factors,) = _whole([settings.get("n_factors")], "n_factors")
            _check_size([n_factors] * 2, sizes)
            return EmbeddingDotBias(n_factors, sizes[0], sizes[1], y_range=span)
        if kind == NN:
            return _net(settings, sizes, span)
    raise FormatError(f"the model is of kind {kind!r}; {DOT} and {NN} are known")


def _net(settings: Mapping[str, JSON], sizes: Sequence[int], span: tuple[float, float] | None) -> EmbeddingNN:
    widths, layers = _whole(settings.get("widths"), "widths"), _whole(settings.get("layers"), "layers")
    shares = settings.get("ps")
    flags = {name: settings.get(name) for name in ("use_bn", "bn_final", "bn_cont", "lin_first")}
    ps = [_share(share) for share in shares] if isinstance(shares, list) else []
    if len(widths) != 2 or len(ps) != len(layers) or not all(isinstance(flag, bool) for flag in flags.values()):
        raise FormatError("the settings of the neural model do not fit together")
    _check_size(widths, sizes)
    _check_size([sum(widths), *layers], [*layers, 1])
    return EmbeddingNN(
        list(zip(sizes, widths, strict=True)),
        layers,
        ps=ps,
        embed_p=_share(settings.get("embed_p")),
        y_range=span,
        act_cls=_read_activation(settings.get("act_cls")),
        **cast("dict[str, bool]", flags),
    )


def _check_size(widths: Sequence[int], sizes: Sequence[int]) -> None:
    if sum(width * size for width, size in zip(widths, sizes, strict=True)) > _MOST:
        raise FormatError("the model would have more than a thousand million parameters")


def _whole(value: JSON, name: str) -> list[int]:
    if not isinstance(value, list) or not all(type(one) is int and 1 <= one <= _MOST for one in value):
        raise FormatError(f"{name} of the model is {value!r}")
    return [int(one) for one in value]  # type: ignore[arg-type]  # whole numbers


def _share(value: JSON) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise FormatError(f"a dropout is {value!r}")
    return float(value)


def _read_span(value: JSON) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise FormatError(f"y_range of the model is {value!r}")
    lo, hi = (end if isinstance(end, int | float) else math.nan for end in value)  # whole numbers stay whole
    if not lo < hi:
        raise FormatError(f"y_range of the model is {value!r}")
    return lo, hi


def _read_activation(value: JSON) -> nn.Module | None:
    if value is None:
        return None
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(value, dict) or name not in _ACTIVATIONS:
        raise FormatError(f"the activation of the model is {value!r}")
    fields = {field: setting for field, setting in value.items() if field != "name"}
    kind = getattr(nn, str(name))
    if not fields.keys() <= set(_FIELDS) & set(inspect.signature(kind).parameters):
        raise FormatError(f"the activation of the model is {value!r}")
    if not all(isinstance(setting, bool | int | float) or setting in ("none", "tanh") for setting in fields.values()):
        raise FormatError(f"the activation of the model is {value!r}")
    return cast("nn.Module", kind(**fields))


def load_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a model of `built` its parameters.

    Args:
        model: the model.
        tensors: by the names of its state dictionary.

    Raises:
        FormatError: names, shapes or types are those of another model.
    """
    own = model.state_dict()
    for name, tensor in own.items():
        if name not in tensors or tensors[name].shape != tensor.shape or tensors[name].dtype != tensor.dtype:
            raise FormatError(f"the weights {name} are missing, or not {tensor.dtype} of shape {tuple(tensor.shape)}")
    if len(tensors) != len(own):
        raise FormatError(f"there are weights of other layers, such as {next(n for n in tensors if n not in own)}")
    model.load_state_dict(dict(tensors), assign=True)
