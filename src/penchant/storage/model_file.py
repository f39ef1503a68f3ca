"""The model file: everything that a trained recommender is, in one `.penchant` file, and back.

    array                      shape                 what
    model.*                                          the arrays of the model, by the model's own names
    baselines.0.*, ...                               the same of each baseline
    users.ids, items.ids       (n,), (n, 16), bytes  the vocabularies
    users.attributes.0.*, ...                        columns such as title, year, genres
    seen.*                                           training ratings by user, absent where they were not kept

Settings, hyper-parameters, the table of epochs and the training summary are JSON in the header. docs/format.md is
the complete specification. Reading needs NumPy only; nothing in a file is ever executed.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from penchant._version import __version__
from penchant.errors import DataError, FormatError, ParameterError
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.ranking_order import RankingOrder
from penchant.storage.columns import (
    Arrays,
    read_attributes,
    read_seen,
    read_vocab,
    write_attributes,
    write_seen,
    write_vocab,
)
from penchant.storage.container import FORMAT, NEWEST, Header, read, read_header, write
from penchant.storage.feature_json import features_from_json, features_to_json
from penchant.storage.kinds import KINDS
from penchant.storage.snapshot import LearnedChoices, Snapshot
from penchant.storage.strict_json import JSON, parse_json, to_json, write_json
from penchant.storage.targets import MODEL_SUFFIX, require_suffix
from penchant.text import Argument, counted

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from penchant.data.attributes import Attributes
    from penchant.data.feature_encoder import FeatureEncoder
    from penchant.data.vocab import Vocab
    from penchant.models.answers import Side
    from penchant.models.model import Model, Setting

__all__ = ["inspect", "load", "save"]

_SECTIONS = ("model", "baselines", "users", "items", "rating_scale", "solver", "history", "training", "choices")


def save(snapshot: Snapshot, path: str | os.PathLike[str]) -> Path:
    """Write a snapshot to a file, all of it or nothing; the same snapshot gives the same bytes.

    Args:
        snapshot: what to keep.
        path: where to; the extension is `.penchant` by custom. Returned as a `Path`.

    Raises:
        ParameterError: `path` is no path, or its extension is that of another kind of file.
        DataError: it would not be readable: parts do not fit together, or numbers of the model are not finite.
        SourceError: the folder is missing, full or not writable. An earlier file of this name is still whole.
        UnsupportedError: an id, setting or array is of a type that a file can't hold.
    """
    path = require_suffix(path, (MODEL_SUFFIX,), "a recommender")
    arrays: Arrays = {}
    sections: dict[str, JSON] = {
        "model": _write_model("model", snapshot.model, arrays),
        "baselines": [
            {"name": name, **_write_model(f"baselines.{number}", model, arrays)}
            for number, (name, model) in enumerate(snapshot.baselines.items())
        ],
        "users": _write_side("users", snapshot.users, snapshot.user_attributes, snapshot.user_features, arrays),
        "items": _write_side("items", snapshot.items, snapshot.item_attributes, snapshot.item_features, arrays),
        "rating_scale": to_json(snapshot.rating_scale, "rating_scale"),
        "solver": to_json(snapshot.solver, "solver"),
        "history": to_json(snapshot.history, "history"),
        "training": to_json(snapshot.training, "training"),
    }
    if snapshot.choices is not None:
        sections["choices"] = _write_choices(snapshot.choices, arrays)
    if snapshot.seen is not None:
        write_seen("seen", snapshot.seen, len(snapshot.items), arrays)
    texts = {name: write_json(section) for name, section in sections.items()}
    try:
        _assemble(_parse(texts), arrays)  # what can't be read back is not written
    except FormatError as error:
        raise DataError(f"can't save this model: {error}") from error
    write(path, arrays, texts)
    return path


def load(path: str | os.PathLike[str]) -> Snapshot:
    """Read a snapshot; its arrays are read-only and predict the same, bit for bit, as those that were saved.

    Args:
        path: the file.

    Raises:
        ParameterError: `path` is no path.
        FormatError: the file is not a whole, unaltered penchant file of a version that this release reads.
        SourceError: there is no such file, or it can't be read.
    """
    path = _as_path(path)
    with _judging(path):
        header, arrays = read(path)
        if "learner" in header.metadata:
            raise FormatError("it holds a learner, not a recommender: load_learner of penchant.collab reads it")
        try:
            return _assemble(_parse(header.metadata), arrays)
        except FormatError as error:
            if header.version[1] <= NEWEST[header.version[0]]:
                raise
            raise FormatError(f"{error} ({_newer(header)})") from error


def inspect(path: str | os.PathLike[str]) -> dict[str, JSON]:
    """What a file says of itself: its metadata, and name, type and shape of each array, without loading one.

    The checksum is confirmed, so what is told is what was saved. The answer can be printed as JSON: the sections of
    docs/format.md, and format_version, written_by, sha256, n_bytes and arrays.

    Args:
        path: the file.

    Raises:
        ParameterError, FormatError, SourceError: as `load`.
    """
    path = _as_path(path)
    with _judging(path):
        header = read_header(path)
        told: dict[str, JSON] = {
            "format_version": f"{header.version[0]}.{header.version[1]}",
            "written_by": f"penchant {header.written_by}",
            "sha256": header.sha256,
            "n_bytes": 8 + len(header.raw) + header.n_bytes,
        }
        arrays: list[JSON] = [
            {"name": entry.name, "dtype": entry.dtype.name, "shape": list(entry.shape)} for entry in header.entries
        ]
        return {**told, **_parse(header.metadata), "arrays": arrays}


def _as_path(path: object) -> Path:
    try:
        return Path(path)  # type: ignore[arg-type]  # whatever is none is refused
    except TypeError as error:
        raise ParameterError(Argument("path"), f" is {path!r}: use the path of a file, as text or as a Path") from error


@contextmanager
def _judging(path: Path) -> Iterator[None]:
    """Every way in which a file's content can be wrong becomes a FormatError that names the file."""
    try:
        yield
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except MemoryError as error:
        raise FormatError(f"{path}: its content does not fit into memory") from error
    except (ValueError, OverflowError, RecursionError) as error:  # DataError and ParameterError are ValueErrors
        raise FormatError(f"{path}: {error}") from error


def _newer(header: Header) -> str:
    return (
        f"the file is of format {header.version[0]}.{header.version[1]}, written by penchant {header.written_by}; this "
        f"is penchant {__version__}, which knows {FORMAT[0]}.{FORMAT[1]}: a newer release may read it"
    )


# -- parts of a file --


def _write_model(prefix: str, model: Model, arrays: Arrays) -> dict[str, JSON]:
    for name, array in model.arrays().items():
        arrays[f"{prefix}.{name}"] = array
    return {"kind": model.kind, "settings": to_json(model.settings(), f"{prefix}.settings")}


def _write_choices(choices: LearnedChoices, arrays: Arrays) -> JSON:
    return {
        **_write_model("choices", choices.model, arrays),
        "order": to_json(choices.order.settings(), "choices.order"),
        "solver": to_json(choices.solver, "choices.solver"),
        "training": to_json(choices.training, "choices.training"),
    }


def _write_side(
    side: str, vocab: Vocab, attributes: Attributes, features: FeatureEncoder | None, arrays: Arrays
) -> JSON:
    kind = write_vocab(side, vocab, arrays)
    columns: list[JSON] = [
        {"name": name, "type": type_} for name, type_ in write_attributes(f"{side}.attributes", attributes, arrays)
    ]
    told: dict[str, JSON] = {"type": kind, "attributes": columns}
    return told if features is None else {**told, "features": features_to_json(features)}


def _parse(texts: Mapping[str, str]) -> dict[str, JSON]:
    """The JSON sections of the metadata; texts that this version does not know are left out."""
    return {name: parse_json(texts[name].encode("utf-8"), f"section {name!r}") for name in _SECTIONS if name in texts}


def _assemble(sections: Mapping[str, JSON], arrays: Arrays) -> Snapshot:
    """A snapshot of sections and arrays that were read; whatever does not fit is a FormatError."""
    users, user_attributes, user_features = _read_side("users", "user", sections, arrays)
    items, item_attributes, item_features = _read_side("items", "item", sections, arrays)
    n_users, n_items = len(users), len(items)
    listed = [
        _object(entry, "section 'baselines'") for entry in _list(sections.get("baselines"), "section 'baselines'")
    ]
    names = [_text(entry.get("name"), "the name of a baseline") for entry in listed]
    if len(set(names)) != len(names):
        raise FormatError("section 'baselines' has a name twice")
    models = [
        _read_model(f"baselines.{number}", entry, arrays, n_users, n_items) for number, entry in enumerate(listed)
    ]
    main = _object(sections.get("model"), "section 'model'")
    model = _read_model("model", main, arrays, n_users, n_items)
    _check_features(model, user_features, item_features)
    choices = _read_choices(sections["choices"], arrays, n_users, n_items) if "choices" in sections else None
    if choices is None and not model.knows_stars:
        raise FormatError("it knows neither stars nor choices")
    return Snapshot(
        model=model,
        users=users,
        items=items,
        user_attributes=user_attributes,
        item_attributes=item_attributes,
        rating_scale=_read_scale(sections.get("rating_scale")),
        seen=read_seen("seen", n_users, n_items, arrays) if "seen.indptr" in arrays else None,
        baselines=dict(zip(names, models, strict=True)),
        solver=_settings(sections.get("solver"), "section 'solver'"),
        history=[
            _object(record, "section 'history'") for record in _list(sections.get("history"), "section 'history'")
        ],
        training=_object(sections.get("training"), "section 'training'"),
        user_features=user_features,
        item_features=item_features,
        choices=choices,
    )


def _read_choices(section: JSON, arrays: Arrays, n_users: int, n_items: int) -> LearnedChoices:
    what = "section 'choices'"
    described = _object(section, what)
    kind = described.get("kind")
    if kind != ChoiceModel.kind:
        raise FormatError(f"choices are of kind {kind!r}; penchant {__version__} knows {ChoiceModel.kind}")
    own = _own_arrays("choices", arrays)
    model = ChoiceModel.from_arrays(own, _settings(described.get("settings"), f"{what}: settings"))
    _check_sizes("choices", model, n_users, n_items)
    return LearnedChoices(
        model=model,
        order=RankingOrder.from_settings(_settings(described.get("order"), f"{what}: order")),
        solver=_settings(described.get("solver"), f"{what}: solver"),
        training=_object(described.get("training"), f"{what}: training"),
    )


def _check_features(model: Model, *encoders: FeatureEncoder | None) -> None:
    sides: tuple[Side, Side] = ("user", "item")
    for side, encoder in zip(sides, encoders, strict=True):
        described, weighed = 0 if encoder is None else encoder.n_features, model.n_features(side)
        if described != weighed:
            raise FormatError(
                f"the model has weights of {counted(weighed, f'{side} feature')}, {described} are described"
            )


def _read_side(
    side: str, kind: str, sections: Mapping[str, JSON], arrays: Arrays
) -> tuple[Vocab, Attributes, FeatureEncoder | None]:
    section = _object(sections.get(side), f"section {side!r}")
    vocab = read_vocab(side, kind, _text(section.get("type"), f"the type of {side}"), arrays)
    what = f"the attributes of {side}"
    columns = [_object(column, what) for column in _list(section.get("attributes"), what)]
    described = [(_text(column.get("name"), what), _text(column.get("type"), what)) for column in columns]
    table = read_attributes(f"{side}.attributes", described, len(vocab), arrays)
    features = features_from_json(section["features"], f"the features of {side}") if "features" in section else None
    for column in () if features is None else features.columns:
        if column.name not in table:
            raise FormatError(f"the features of {side} are made of {column.name!r}, which is no attribute")
        if (column.kind == "number") is (table[column.name].dtype == np.object_):
            raise FormatError(f"feature {column.name!r} of {side} is a {column.kind}, and the attribute is not")
    return vocab, table, features


def _read_model(prefix: str, section: Mapping[str, JSON], arrays: Arrays, n_users: int, n_items: int) -> Model:
    kind = section.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise FormatError(f"{prefix} is of kind {kind!r}; penchant {__version__} knows {', '.join(KINDS)}")
    own = _own_arrays(prefix, arrays)
    model = KINDS[kind].from_arrays(own, _settings(section.get("settings"), f"the settings of {prefix}"))
    _check_sizes(prefix, model, n_users, n_items)
    return model


def _own_arrays(prefix: str, arrays: Arrays) -> Arrays:
    """Arrays of one model under their own names, all of them finite."""
    own = {name[len(prefix) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}
    for name, array in own.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise FormatError(f"array '{prefix}.{name}' holds values that are not finite")
    return own


def _check_sizes(prefix: str, model: Model, n_users: int, n_items: int) -> None:
    if (model.n_users, model.n_items) != (n_users, n_items):
        raise FormatError(
            f"{prefix} has {model.n_users} users and {model.n_items} items, the vocabularies {n_users} and {n_items}"
        )


def _read_scale(value: JSON) -> tuple[float, float]:
    ends = [float(end) for end in _list(value, "section 'rating_scale'") if type(end) in (int, float)]  # type: ignore[arg-type]
    if not isinstance(value, list) or len(value) != 2 or len(ends) != 2 or ends[0] > ends[1]:
        raise FormatError("section 'rating_scale' is not the lowest and the highest rating")
    return ends[0], ends[1]


def _settings(value: JSON, what: str) -> dict[str, Setting]:
    checked: dict[str, Setting] = {}
    for name, setting in _object(value, what).items():
        if isinstance(setting, dict):
            raise FormatError(f"{what}: {name!r} is an object, not a plain value")
        if isinstance(setting, list):
            checked[name] = _list_setting(setting, f"{what}: {name!r}")
        else:
            checked[name] = setting
    return checked


def _list_setting(value: list[JSON], what: str) -> list[float] | list[str]:
    if value and all(isinstance(part, str) for part in value):
        return [str(part) for part in value]
    if not all(type(part) in (int, float) for part in value):
        raise FormatError(f"{what} is a list of other things than numbers, or than texts")
    return [float(part) for part in value]  # type: ignore[arg-type]  # checked above


def _object(value: JSON, what: str) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise FormatError(f"{what} is missing or is no object")
    return value


def _list(value: JSON, what: str) -> list[JSON]:
    if not isinstance(value, list):
        raise FormatError(f"{what} is missing or is no list")
    return value


def _text(value: JSON, what: str) -> str:
    if not isinstance(value, str):
        raise FormatError(f"{what} is missing or is no text")
    return value
