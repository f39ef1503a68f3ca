"""Snapshots to save, and a second writer of the container, made from docs/format.md and not from penchant's code.

Run as a program, this writes the files in `tests/files` that every later release must still read: of format 1
`v1.penchant` and `v1-bayes.penchant`, of format 2 `v2.penchant`, which knows stars and choices, and
`v2-choices.penchant`, which knows choices only:

    python tests/storage_samples.py

They are written once, before the first release of a version of the format, and kept from then on: one that is there is
left as it is.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from penchant.arrays.seen_ratings import SeenRatings
from penchant.data.attributes import Attributes
from penchant.data.feature_encoder import FeatureColumn, FeatureEncoder
from penchant.data.vocab import Vocab
from penchant.errors import FormatError
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.choice_rows import SolvedPart
from penchant.models.choice.ranking_order import RankingOrder
from penchant.models.dot_bias import DotBias, RowPrior, Spread
from penchant.models.no_stars import NoStars
from penchant.storage import LearnedChoices, Snapshot, load, save

KEPT = Path(__file__).parent / "files" / "v1.penchant"
KEPT_BAYES = KEPT.with_name("v1-bayes.penchant")  # with all that only Bayes learns
KEPT_BOTH = KEPT.with_name("v2.penchant")
KEPT_CHOICES = KEPT.with_name("v2-choices.penchant")


def objects(values: Iterable[object]) -> np.ndarray[Any, Any]:
    """A column of Python objects; tuples stay tuples."""
    listed = list(values)
    return np.fromiter(listed, dtype=np.object_, count=len(listed))


def grid(*shape: int, shift: float = 0.0) -> np.ndarray[Any, Any]:
    """Exact binary fractions: no generator whose stream a later NumPy may change."""
    return ((np.arange(np.prod(shape)) * 7 % 23 - 11) / 16 + shift).astype(np.float32).reshape(shape)


def model(n_users: int, n_items: int, n_factors: int, shift: float = 0.0) -> DotBias:
    """A DotBias as ALS learns it."""
    prior = RowPrior(np.zeros(n_factors + 1), 2 * np.eye(n_factors + 1), 0.5)
    tables = [
        grid(*shape, shift=shift) for shape in ((n_users,), (n_items,), (n_users, n_factors), (n_items, n_factors))
    ]
    return DotBias(3.25, *tables, prior, prior, 1.25)


def bayes_model(n_users: int, n_items: int, n_factors: int, n_user_features: int, n_item_features: int) -> DotBias:
    """The same as Bayes learns it; a side without features has neither their weights nor errors."""

    def prior(n_others: int, n_features: int) -> RowPrior:
        size = n_factors + 1
        weights = (grid(n_features, size), abs(grid(n_features))) if n_features else (None, None)
        mean = grid(size).astype(np.float64)
        cold = (mean + 0.5, np.eye(size) / 2)
        return RowPrior(mean, 2 * np.eye(size), 0.0, grid(n_others, size), *weights, *cold)

    return replace(
        model(n_users, n_items, n_factors),
        user_prior=prior(n_items, n_user_features),
        item_prior=prior(n_users, n_item_features),
        spread=Spread(grid(n_users) + 2, grid(n_items) + 2, abs(grid(n_users)), abs(grid(n_items))),
    )


def snapshot(**changes: Any) -> Snapshot:
    """A small recommender with something of every kind: five users, four films, two factors."""
    users = ["ann", 7, UUID(int=2**127 + 5), (date(2001, 2, 3), "x", 1.5), b"\x00\xff"]
    items = ["Alien", "Amélie", "千と千尋の神隠し", ""]
    parts: dict[str, Any] = {
        "model": model(5, 4, 2),
        "users": Vocab(users, kind="user"),
        "items": Vocab(items, kind="item"),
        "user_attributes": Attributes({"age": np.array([24, 53, -1, 0, 99])}, n_rows=5),
        "item_attributes": Attributes(
            {
                "title": objects(["Alien (1979)", "Amélie (2001)", "千と千尋の神隠し (2001)", None]),
                "year": np.array([1979.0, 2001.0, 2001.0, np.nan]),
                "genres": objects([("Horror", "Sci-Fi"), ("Comedy", "Romance"), (), ("Comedy", "Romance")]),
            },
            n_rows=4,
        ),
        "rating_scale": (1.0, 5.0),
        "seen": SeenRatings.from_pairs(
            np.array([0, 0, 1, 3, 4, 4, 4]),
            np.array([0, 2, 1, 3, 0, 1, 2]),
            np.array([5, 1, 3.5, 4, 2, 3.5, 5], dtype=np.float32),
            n_users=5,
        ),
        "baselines": {"item mean": model(5, 4, 0, 0.25), "bias only": model(5, 4, 0, 0.5)},
        "solver": {"name": "als", "n_factors": 2, "reg": 0.1, "rng": 0, "n_threads": None, "y_range": [0.5, 5.5]},
        "history": [
            {"epoch": 1, "train_loss": 1.1, "valid_loss": None, "time": 0.25},
            {"epoch": 2, "train_loss": 0.7, "valid_loss": 0.9, "time": 0.5},
        ],
        "training": {"n_ratings": 7, "created": datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC).isoformat(), "note": "né"},
    }
    return Snapshot(**{**parts, **changes})


def bayes_snapshot(**changes: Any) -> Snapshot:
    """The same people and films, with features of every kind."""
    users = FeatureEncoder([FeatureColumn("age", "number", (), 35.0, 12.5)])
    items = FeatureEncoder(
        [
            FeatureColumn("genres", "tags", ("Comedy", "Horror", "Romance", "Sci-Fi")),
            FeatureColumn("year", "number", (), 1993.75, 10.5),
            FeatureColumn("title", "text", ("Alien (1979)", "千と千尋の神隠し (2001)")),
        ]
    )
    parts: dict[str, Any] = {
        "model": bayes_model(5, 4, 2, users.n_features, items.n_features),
        "user_features": users,
        "item_features": items,
        "solver": {
            "name": "bayes",
            "n_factors": 2,
            "implicit": True,
            "user_features": ["age"],
            "rng": 0,
            "nothing": [],
        },
    }
    return snapshot(**{**parts, **changes})


def choice_model(n_users: int, n_items: int, n_solved: int, n_summed: int) -> ChoiceModel:
    """A model of choices with columns of both kinds."""
    n_factors = n_solved + n_summed
    solved = SolvedPart(0.25, np.zeros(n_solved), np.full(n_solved, 2.0), 1.0, 0.5)
    return ChoiceModel(
        item_biases=grid(n_items),
        item_popularity=abs(grid(n_items)),
        user_factors=grid(n_users, n_factors),
        item_factors=grid(n_items, n_factors),
        item_inputs=grid(n_items, n_summed),
        input_mean=grid(n_summed).astype(np.float64),
        solved=solved if n_solved else None,
        few=2.0,
    )


def learned_choices(model: ChoiceModel, **order: Any) -> LearnedChoices:
    """What was learned of choices, with a calibrated order."""
    calibrated = {"knots": (0.0, 0.5, 1.5), "log_chance": (-4.0, -2.0, -0.5), "spread": 0.75}
    return LearnedChoices(
        model=model,
        order=RankingOrder(**{**calibrated, **order}),
        solver={"name": "choice_mix", "share": 0.7, "ease.n_factors": None},
        training={"n_choices": 7},
    )


def both_snapshot(**changes: Any) -> Snapshot:
    """The same people and films, with stars and choices."""
    return snapshot(**{"choices": learned_choices(choice_model(5, 4, 2, 1), threshold=3.5), **changes})


def choices_snapshot(**changes: Any) -> Snapshot:
    """The same people and films, with choices only: what was rated are now weights."""
    parts: dict[str, Any] = {
        "model": NoStars(5, 4),
        "rating_scale": (0.0, 1.0),
        "baselines": {},
        "solver": {"name": "ease", "reg": 30.0},
        "choices": learned_choices(choice_model(5, 4, 0, 2)),
    }
    return snapshot(**{**parts, **changes})


def assert_same(one: Snapshot, two: Snapshot) -> None:
    """Equal in every part, arrays bit for bit, ids and values of the same types."""
    assert_same_model(one.model, two.model)
    assert list(one.baselines) == list(two.baselines)
    for name in one.baselines:
        assert_same_model(one.baselines[name], two.baselines[name])
    for vocab, other in ((one.users, two.users), (one.items, two.items)):
        assert vocab.kind == other.kind
        assert vocab.ids.dtype == other.ids.dtype
        assert repr(vocab.ids.tolist()) == repr(other.ids.tolist())
    for left, right in ((one.user_attributes, two.user_attributes), (one.item_attributes, two.item_attributes)):
        assert left.n_rows == right.n_rows
        assert list(left) == list(right)
        for name, column in left.items():
            assert column.dtype == right[name].dtype
            assert repr(column.tolist()) == repr(right[name].tolist())
    for encoder, again in ((one.user_features, two.user_features), (one.item_features, two.item_features)):
        assert (encoder is None) == (again is None)
        assert encoder is None or again is None or encoder.columns == again.columns
    assert (one.seen is None) == (two.seen is None)
    if one.seen is not None and two.seen is not None:
        for name in ("indptr", "item_idx", "rating"):
            assert_same_array(getattr(one.seen, name), getattr(two.seen, name))
    assert one.rating_scale == two.rating_scale
    assert list(one.history) == list(two.history)
    assert (one.solver, one.training) == (two.solver, two.training)
    assert (one.choices is None) == (two.choices is None)
    if one.choices is not None and two.choices is not None:
        assert_same_model(one.choices.model, two.choices.model)
        assert one.choices.order == two.choices.order
        assert (one.choices.solver, one.choices.training) == (two.choices.solver, two.choices.training)


def assert_same_model(one: Any, two: Any) -> None:
    assert type(one) is type(two)
    assert one.settings() == two.settings()
    assert one.arrays().keys() == two.arrays().keys()
    for name, array in one.arrays().items():
        assert_same_array(array, two.arrays()[name])


def assert_same_array(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> None:
    assert (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())


def refused(path: Path, raw: bytes) -> str:
    """The message with which `load` refuses a file of these bytes."""
    path.write_bytes(raw)
    with pytest.raises(FormatError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


# -- the second writer --


def unpack(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and data of a file."""
    end = 8 + int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:end]), raw[end:]


def pack(header: dict[str, Any] | str, data: bytes) -> bytes:
    """A file with this header (an object, or its text) and data, and a checksum that fits both."""
    text = (header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))).encode()
    text += b" " * (-len(text) % 8)
    return seal(len(text).to_bytes(8, "little") + text + data)


def seal(raw: bytes) -> bytes:
    """The file with its checksum computed anew, so that only what a reader checks besides can refuse it."""
    at = raw.find(b'"sha256":"') + len(b'"sha256":"')
    open_ = raw[:at] + b"0" * 64 + raw[at + 64 :]
    return open_[:at] + hashlib.sha256(open_).hexdigest().encode() + open_[at + 64 :]


def tensors(raw: bytes) -> dict[str, tuple[str, list[int], bytes]]:
    """Every array of a file as (dtype, shape, bytes)."""
    header, data = unpack(raw)
    return {
        name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def rebuild(raw: bytes, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> bytes:
    """The file after `change(metadata, arrays)`: sections parsed from JSON, arrays as (dtype, shape, bytes)."""
    metadata = unpack(raw)[0]["__metadata__"]
    opening = {name: metadata.pop(name) for name in ("format", "format_version", "written_by", "sha256")}
    sections = {name: json.loads(text) for name, text in metadata.items()}
    arrays = tensors(raw)
    change(sections, arrays)
    header: dict[str, Any] = {
        "__metadata__": {**opening, **{n: json.dumps(section) for n, section in sections.items()}}
    }
    data = b""
    for name, (dtype, shape, content) in arrays.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    return pack(header, data)


if __name__ == "__main__":
    samples = {KEPT: snapshot, KEPT_BAYES: bayes_snapshot, KEPT_BOTH: both_snapshot, KEPT_CHOICES: choices_snapshot}
    for kept, make in samples.items():
        made = make()
        sys.stdout.write(f"{kept}: kept\n" if kept.exists() else f"{save(made, kept)}: written\n")
