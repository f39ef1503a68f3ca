"""Weights in torch's own file format, tensors and numbers only; fastai reads and writes the same.

    {"model": state dictionary, "opt": {"state": [{"grad_avg", "sqr_avg", "step", ...} a parameter], "hypers": [{...}]}}

or, without an optimiser, the state dictionary alone. A file is material to judge: torch's reader of weights runs no
code, only zip files are given to it, and whatever else is in one is refused. fastai writes hyper-parameters as its own
list type and some as NumPy numbers: while a file is read, harmless stand-ins take their places.
"""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from penchant.checks import is_real, is_whole
from penchant.errors import FormatError, ParameterError, SourceError
from penchant.solvers.gradient.torch_adam import undecayed

if TYPE_CHECKING:
    from penchant.collab.fits.optimiser import Optimizer
    from penchant.collab.learner import Learner

__all__ = ["load", "path_of", "save"]

_ZIP = b"PK\x03\x04"
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm)  # noqa: SLF001 - the base of all batch and instance norms
_NUMBERS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i"}
_ORDERS = {"<": "<", ">": ">", "=": "=", "|": "="}


def path_of(learn: Learner, file: str | Path) -> Path:
    """`path/model_dir/file.pth`, as fastai puts it together; its folder is made.

    Args:
        learn: whose path.
        file: a name, with or without `.pth`, or a path.

    Raises:
        ParameterError: it is neither.
    """
    if not isinstance(file, str | Path) or not str(file):
        raise ParameterError(f"file is {file!r}: use a name, such as 'model'")
    path = Path(learn.path) / learn.model_dir / file
    return path if path.suffix == ".pth" else path.with_name(path.name + ".pth")


# -- writing --


def save(path: Path, model: nn.Module, optimiser: Optimizer | None) -> Path:
    """Write weights, and the state of an optimiser if one is given.

    Args:
        path: where to; an old file there is replaced once the new one is whole.
        model: whose weights.
        optimiser: whose state; None for weights alone.

    Raises:
        SourceError: the folder can't be written to.
    """
    content: dict[str, object] = model.state_dict()
    if optimiser is not None:
        content = {"model": content, "opt": {"state": _state(model, optimiser), "hypers": _hypers(optimiser)}}
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, part, pickle_protocol=2)
        part.replace(path)
    except (OSError, RuntimeError) as error:
        with suppress(OSError):
            part.unlink()
        raise SourceError(f"can't write {path}: {error}") from error
    return path


def _hypers(optimiser: Optimizer) -> list[dict[str, float]]:
    return [{name: float(value) for name, value in group.items()} for group in optimiser.hypers]


def _state(model: nn.Module, optimiser: Optimizer) -> list[dict[str, object]]:
    """One dict for each trained parameter, in fastai's order and with its flags."""
    decayless = undecayed(model)
    norms = {id(p) for module in model.modules() if isinstance(module, _NORMS) for p in module.parameters()}
    moments = optimiser.moments
    state: list[dict[str, object]] = []
    for name, param in model.named_parameters():
        if not param.requires_grad:
            continue
        one: dict[str, object] = {}
        if id(param) in decayless:
            one["do_wd"] = False
        if id(param) in norms:
            one["force_train"] = True
        if name in moments:
            mean, square = (torch.from_numpy(np.ascontiguousarray(part)).clone() for part in moments[name])
            one |= {"grad_avg": mean, "sqr_avg": square, "step": optimiser.n_steps}
        state.append(one)
    return state


# -- reading --


class _List(list[object]):
    """Stands for fastcore's `L`, whose pickled state is {"items": [...]}."""

    def __setstate__(self, state: object) -> None:
        items = state.get("items") if isinstance(state, dict) else None
        if isinstance(items, list):
            self[:] = items


class _Type:
    """Stands for a NumPy type: its code and its byte order, as text."""

    def __init__(self, code: object, *_: object) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in _ORDERS:
            self.order = state[1]


def _number(kind: object, raw: object) -> float:
    """Stands for NumPy's `scalar`: a plain number of its bytes."""
    code, order = (kind.code, _ORDERS[kind.order]) if isinstance(kind, _Type) else (None, "=")
    if not isinstance(code, str) or code not in _NUMBERS or not isinstance(raw, bytes):
        raise pickle.UnpicklingError("it holds a NumPy value that is no number")
    (value,) = struct.unpack(order + _NUMBERS[code], raw)
    return float(value)


def _number_of_numpy_1(kind: object, raw: object) -> float:
    return _number(kind, raw)


_STAND_INS: dict[str, Callable[..., object]] = {
    "fastcore.foundation.L": _List,
    "numpy.dtype": _Type,
    "numpy._core.multiarray.scalar": _number,
    "numpy.core.multiarray.scalar": _number_of_numpy_1,
}
for _place, _stand_in in _STAND_INS.items():  # torch's reader knows what it may call by module and name
    _stand_in.__module__, _, _stand_in.__name__ = _place.rpartition(".")
    _stand_in.__qualname__ = _stand_in.__name__


def load(path: Path, learn: Learner, *, with_opt: bool, strict: bool) -> None:
    """Read weights into a learner: see `Learner.load`. Nothing is changed unless all of them fit.

    Args:
        path: the file.
        learn: whose model and optimiser.
        with_opt: the optimiser's state, too.
        strict: the file must have exactly the model's parameters.
    """
    content = _read(path)
    has_opt = content.keys() == {"model", "opt"}
    state = _tensors(path, content["model"] if has_opt else content)
    _fit(path, learn.model, state, strict=strict)
    if not with_opt:
        return
    if not has_opt:
        warnings.warn(f"{path} has no optimiser state: the next fit begins with the present one", stacklevel=3)
        return
    try:
        _set_state(learn.model, learn.optimiser(), content["opt"])
    except FormatError as error:
        warnings.warn(f"{path}: the optimiser's state was not loaded: {error}", stacklevel=3)


def _read(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            head = file.read(len(_ZIP))
    except FileNotFoundError as error:
        raise SourceError(f"there is no file {path}") from error
    except OSError as error:
        raise SourceError(f"can't read {path}: {error.strerror}") from error
    if head != _ZIP:
        raise FormatError(f"{path} is no file of weights as torch.save writes them (a zip file)")
    _refuse_bomb(path)
    try:
        with _stand_ins():
            content: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile file brings about
        reason = str(error).partition("\n")[0]
        raise FormatError(
            f"{path} was not loaded, for it holds more than tensors and numbers, or is damaged: {reason}"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise FormatError(f"{path} holds no state dictionary")
    return content


def _refuse_bomb(path: Path) -> None:
    """Refuse a file that would be larger in memory than it is: torch.save compresses nothing.

    Raises:
        FormatError: it holds compressed parts, or is no whole zip file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path} is damaged: {error}") from error
    n_bytes = sum(part.file_size for part in parts)
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts) or n_bytes > path.stat().st_size:
        raise FormatError(
            f"{path} is compressed inside ({n_bytes:,} bytes when unpacked), as no file of torch.save is: save it again"
        )


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Torch's reader with our stand-ins for what fastai's files name; what a caller allowed stays allowed."""
    with torch.serialization.safe_globals(list(_STAND_INS.values())):
        yield


def _tensors(path: Path, state: object) -> dict[str, Tensor]:
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise FormatError(f"{path} holds no state dictionary: names and tensors")
    return state


def _fit(path: Path, model: nn.Module, state: dict[str, Tensor], *, strict: bool) -> None:
    """Load weights if their names and shapes are those of the model."""
    own = model.state_dict()
    wrong = [
        f"{name} is {tuple(state[name].shape)}, here {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    missing, strange = [name for name in own if name not in state], [name for name in state if name not in own]
    if strict:
        wrong += [f"{name} is missing" for name in missing] + [f"{name} is not known here" for name in strange]
    elif len(missing) == len(own):
        wrong.append(f"not one name is known here, such as {next(iter(own), '')}")
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise FormatError(f"{path} has the weights of another model: {'; '.join(wrong[:3])}{more}")
    model.load_state_dict(_converted(path, own, state), strict=False)  # copies of one type, which can't fail half-way


def _converted(path: Path, own: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in the model's own types, all of them, before the first is put in."""
    found = {}
    for name, value in state.items():
        if name not in own:
            continue
        if value.layout != torch.strided or value.is_complex() or value.is_quantized:
            raise FormatError(f"{path}: {name} is a tensor of another kind ({value.layout}, {value.dtype})")
        try:
            found[name] = torch.empty_like(own[name]).copy_(value.detach())
        except (RuntimeError, TypeError, NotImplementedError) as error:
            raise FormatError(f"{path}: {name} ({value.dtype}) can't be taken in: {error}") from error
    return found


def _set_state(model: nn.Module, optimiser: Optimizer, opt: object) -> None:
    """Hyper-parameters and moments of a file, if all of them fit."""
    params = {name: param for name, param in model.named_parameters() if param.requires_grad}
    states, hypers = (opt.get("state"), opt.get("hypers")) if isinstance(opt, dict) else (None, None)
    if not isinstance(states, list) or not isinstance(hypers, list) or len(hypers) != 1:
        raise FormatError("it is not of one group of parameters")
    if len(states) != len(params) or not all(isinstance(one, dict) for one in [*states, *hypers]):
        raise FormatError(f"it is of {len(states)} parameters, the model has {len(params)}")
    wanted = optimiser.hypers[-1].keys()
    found = {name: value for name, value in hypers[0].items() if name in wanted}
    if found.keys() != wanted or not all(is_real(value) and 0 <= value < 1e6 for value in found.values()):
        raise FormatError(f"it is not that of Adam, whose hyper-parameters are {', '.join(wanted)}")
    moments = {}
    steps = set()
    for (name, param), one in zip(params.items(), states, strict=True):
        pair = (one.get("grad_avg"), one.get("sqr_avg"))
        if pair == (None, None):
            continue
        if not all(isinstance(part, Tensor) and part.shape == param.shape for part in pair):
            raise FormatError(f"the moments of {name} are not of shape {tuple(param.shape)}")
        step = one.get("step")
        if not is_whole(step, 1):
            raise FormatError(f"the steps of {name} are {step!r}")
        steps.add(int(step))
        moments[name] = tuple(part.detach().cpu().to(torch.float32).contiguous().numpy() for part in pair)
    if len(steps) > 1:
        raise FormatError("its parameters have taken different numbers of steps")
    optimiser.set_hypers(**found)
    optimiser.set_state(moments, steps.pop() if steps else 0)
