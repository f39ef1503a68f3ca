"""Export and load of a learner, one file: weights, ids, settings, table of epochs; no data and no code.

The container is that of recommenders (docs/format.md): arrays and JSON under a checksum, never a pickle.

    array                   what
    state.*                 the model's parameters, by the names of its state dictionary
    users.ids, items.ids    the classes of both sides, without '#na#'

    section "learner"       names of the columns, the scale of the ratings, metrics, history
    section "model"         kind and settings: see `penchant.collab.files.architecture`
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from penchant.collab import losses
from penchant.collab.files.architecture import built, described, load_tensors
from penchant.collab.modules import EmbeddingDotBias
from penchant.data.vocab import Vocab
from penchant.errors import FormatError, ParameterError, UnsupportedError
from penchant.storage.columns import read_vocab, write_vocab
from penchant.storage.container import read, write
from penchant.storage.strict_json import JSON, parse_json, to_json, write_json

if TYPE_CHECKING:
    from penchant.collab.learner import Learner

__all__ = ["export", "load_learner"]

_SIDES = ("user", "item")
_LOSSES = ("MSELossFlat", "L1LossFlat")
_METRICS = ("rmse", "mae", "mse")


def export(learn: Learner, path: Path) -> Path:
    """Write a learner to a file: see `Learner.export`.

    Args:
        learn: a learner.
        path: where to.

    Raises:
        UnsupportedError: its model is written by hand, its loss is, or its ids are of a type that a file can't hold.
        SourceError: the folder can't be written to.
    """
    from penchant.collab.bridge import vocab_of

    model = described(learn.model)
    loss = type(learn.loss_func).__name__
    if type(learn.loss_func) not in (losses.MSELossFlat, losses.L1LossFlat):
        raise UnsupportedError(f"the loss {loss} is written by hand: a file without code can't hold it")
    arrays: dict[str, NDArray[np.generic]] = {
        f"state.{name}": tensor.detach().cpu().numpy() for name, tensor in learn.model.state_dict().items()
    }
    types = {f"{side}s": write_vocab(f"{side}s", vocab_of(learn, side), arrays) for side in _SIDES}
    told = {
        "columns": [learn.dls.user_name, learn.dls.item_name, learn.dls.rating_name],
        "ids": types,
        "loss": loss,
        "metrics": [metric.name for metric in learn.metrics if metric.name in _METRICS],
        "history": learn.recorder.history,
    }
    texts = {"learner": write_json(to_json(told, "learner")), "model": write_json(to_json(model, "model"))}
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, arrays, texts)
    return path


def load_learner(fname: str | Path, cpu: bool = True) -> Learner:
    """Read a learner that `Learner.export` wrote. Runs no code from the file, whoever made it.

    Its data loaders are empty: it answers `predict`, and `get_preds(dl=learn.dls.test_dl(frame))`.

    Args:
        fname: the file.
        cpu: leave it on the CPU (default True); False uses a GPU if there is one.

    Raises:
        ParameterError: `fname` is no path.
        SourceError: there is no such file, or it can't be read.
        FormatError: not a whole, unaltered file of a learner.
    """
    if not isinstance(fname, str | Path):
        raise ParameterError(f"fname is {fname!r}: use the path of a file, as text or as a Path")
    path = Path(fname)
    try:
        header, arrays = read(path)
        told, model = (_section(header.metadata, name) for name in ("learner", "model"))
        return _learner(told, model, arrays, cpu=cpu)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except (ValueError, OverflowError, MemoryError) as error:
        raise FormatError(f"{path}: {error}") from error


def _section(metadata: Mapping[str, str], name: str) -> dict[str, JSON]:
    if "learner" not in metadata:
        raise FormatError("it holds a recommender, not a learner: penchant.load reads it")
    value = parse_json(metadata.get(name, "null").encode("utf-8"), f"section {name!r}")
    if not isinstance(value, dict):
        raise FormatError(f"section {name!r} is missing or is no object")
    return value


def _learner(
    told: Mapping[str, JSON], model: Mapping[str, JSON], arrays: dict[str, NDArray[np.generic]], *, cpu: bool
) -> Learner:
    from penchant.collab.data.loaders import CollabDataLoaders
    from penchant.collab.learner import Learner

    columns = _texts(told.get("columns"), 3)
    types = told.get("ids")
    if not isinstance(types, dict):
        raise FormatError("the types of the ids are missing")
    vocabs = [_vocab(side, types.get(f"{side}s"), arrays) for side in _SIDES]
    module = built(model, [len(vocab) + 1 for vocab in vocabs])
    prefix = "state."
    state = {
        name.removeprefix(prefix): torch.from_numpy(array.copy())
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    load_tensors(module, state)
    loss = told.get("loss")
    if loss not in _LOSSES:
        raise FormatError(f"the loss is {loss!r}; {' and '.join(_LOSSES)} are known")
    metrics = [getattr(losses, name) for name in _texts(told.get("metrics")) if name in _METRICS]
    device = "cuda" if not cpu and torch.cuda.is_available() else "cpu"
    user, item, rating = columns
    dls = CollabDataLoaders.empty(user, item, rating, list(vocabs[0]), list(vocabs[1]), device)
    if isinstance(module, EmbeddingDotBias):
        module.classes, module.user, module.item = dls.classes, columns[0], columns[1]
    learn = Learner(dls, module, loss_func=getattr(losses, str(loss))(), metrics=metrics)
    learn.recorder.history = _history(told.get("history"))
    return learn


def _vocab(side: str, type_: JSON, arrays: dict[str, NDArray[np.generic]]) -> Vocab:
    if not isinstance(type_, str):
        raise FormatError(f"the type of the ids of {side}s is missing")
    return read_vocab(f"{side}s", side, type_, arrays)


def _texts(value: JSON, count: int | None = None) -> list[str]:
    texts = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(texts) != len(value) or (count is not None and len(texts) != count):
        raise FormatError(f"a list of texts is {value!r}")
    return texts


def _history(value: JSON) -> list[dict[str, float | int | None]]:
    kept: list[dict[str, float | int | None]] = []
    for number, row in enumerate(value if isinstance(value, list) else []):
        told = {
            name: row.get(name) if isinstance(row, dict) else None for name in ("train_loss", "valid_loss", "seconds")
        }
        if not all(one is None or isinstance(one, int | float) for one in told.values()):
            raise FormatError("the table of epochs holds what is no number")
        kept.append({"epoch": number, **told})  # type: ignore[dict-item]  # numbers or None
    return kept
