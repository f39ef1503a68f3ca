"""Whatever ids, attributes, ratings and settings there are, they come back; whatever is done to a file is noticed."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.storage_samples import (
    KEPT,
    KEPT_BAYES,
    assert_same,
    bayes_model,
    model,
    objects,
    pack,
    rebuild,
    seal,
    snapshot,
    tensors,
    unpack,
)

from penchant import storage
from penchant.arrays.seen_ratings import SeenRatings
from penchant.data.attributes import Attributes
from penchant.data.feature_encoder import FeatureColumn, FeatureEncoder
from penchant.data.vocab import Vocab
from penchant.errors import FormatError
from penchant.models.dot_bias import DotBias
from penchant.storage import Snapshot

RAW = KEPT.read_bytes()
FILES = (RAW, KEPT_BAYES.read_bytes())

offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
anything = st.text(st.characters(codec=None))  # halves of surrogate pairs too
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**2000), 2**2000),
    st.floats(),
    anything,
    st.binary(),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=st.none() | offsets).map(lambda moment: moment.replace(fold=0)),
)
ids = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), unique=True),
    st.lists(st.text(), unique=True),
    st.lists(st.uuids(), unique=True),
    st.lists(
        st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.tuples(inner), max_leaves=6), unique=True
    ),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage") / "a.penchant"


def there_and_back(path: Path, saved: Snapshot) -> None:
    assert_same(saved, storage.load(storage.save(saved, path)))


def of_size(n_users: int, n_items: int, **changes: Any) -> Snapshot:
    parts: dict[str, Any] = {
        "model": model(n_users, n_items, 1),
        "users": Vocab(np.arange(n_users), kind="user"),
        "items": Vocab(np.arange(n_items), kind="item"),
        "user_attributes": Attributes(n_rows=n_users),
        "item_attributes": Attributes(n_rows=n_items),
        "seen": None,
        "baselines": {},
    }
    return snapshot(**{**parts, **changes})


@given(users=ids, items=ids)
def test_ids(path: Path, users: list[Any], items: list[Any]) -> None:
    there_and_back(
        path,
        of_size(len(users), len(items), users=Vocab(users, kind="user"), items=Vocab(items, kind="item")),
    )


@st.composite
def attributes(draw: st.DrawFn) -> Attributes:
    n_rows = draw(st.integers(0, 6))
    columns: dict[str, Any] = {}
    for name in draw(st.lists(st.text(), unique=True, max_size=4)):
        value: st.SearchStrategy[Any] = draw(
            st.sampled_from(
                [st.floats(), st.integers(-(2**63), 2**63 - 1), st.none() | st.text(), st.lists(st.text()).map(tuple)]
            )
        )
        values = [draw(value) for _ in range(n_rows)]
        kinds = {type(value) for value in values}
        columns[name] = (
            np.array(values, dtype=np.float64 if float in kinds else np.int64)
            if kinds
            <= {
                int,
                float,
            }
            else objects(values)
        )
    return Attributes(columns, n_rows=n_rows)


@given(attributes())
def test_attributes(path: Path, columns: Attributes) -> None:
    there_and_back(path, of_size(columns.n_rows, 3, user_attributes=columns))
    there_and_back(path, of_size(2, columns.n_rows, item_attributes=columns))


ratings = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(
    pairs=st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 8)), ratings, max_size=54),
    distinct=st.booleans(),
)
def test_training_ratings(path: Path, pairs: dict[tuple[int, int], float], distinct: bool) -> None:
    users, items = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    rating = np.array(list(pairs.values()), dtype=np.float32)
    if not distinct:
        rating = np.where(rating > 0, np.float32(1), np.float32(-0.0))
    there_and_back(path, of_size(6, 9, seen=SeenRatings.from_pairs(users, items, rating, n_users=6)))


finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.none() | st.booleans() | st.integers() | finite | anything
json_values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(anything, inner), max_leaves=8)
settings_values = plain | st.lists(finite)


@given(
    solver=st.dictionaries(anything, settings_values),
    history=st.lists(st.dictionaries(anything, json_values), max_size=3),
    training=st.dictionaries(anything, json_values),
    baselines=st.lists(anything, unique=True, max_size=2),
    scale=st.tuples(finite, finite).map(sorted).map(tuple),
)
def test_settings(
    path: Path, solver: Any, history: Any, training: Any, baselines: list[str], scale: tuple[float, float]
) -> None:
    models = {name: model(2, 3, 0, shift) for shift, name in enumerate(baselines)}
    there_and_back(
        path,
        of_size(2, 3, solver=solver, history=history, training=training, baselines=models, rating_scale=scale),
    )


@given(
    n_users=st.integers(0, 4),
    n_items=st.integers(0, 4),
    n_factors=st.integers(0, 3),
    columns=st.lists(st.lists(st.text(), min_size=1, max_size=4, unique=True), max_size=3),
)
def test_features_and_what_bayes_learns(
    path: Path, n_users: int, n_items: int, n_factors: int, columns: list[list[str]]
) -> None:
    names = [f"column {number}" for number in range(len(columns))]
    encoder = FeatureEncoder(
        [FeatureColumn(name, "tags", tuple(levels)) for name, levels in zip(names, columns, strict=True)]
    )
    there_and_back(
        path,
        of_size(
            n_users,
            n_items,
            model=bayes_model(n_users, n_items, n_factors, 0, encoder.n_features),
            item_attributes=Attributes({name: objects([()] * n_items) for name in names}, n_rows=n_items),
            item_features=encoder if columns else None,
        ),
    )


# -- damage --


@given(at=st.integers(0, len(RAW) - 1), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(path: Path, at: int, flip: int) -> None:
    path.write_bytes(RAW[:at] + bytes([RAW[at] ^ flip]) + RAW[at + 1 :])
    for read in (storage.load, storage.inspect):
        with pytest.raises(FormatError):
            read(path)


@given(end=st.integers(0, len(RAW) - 1))
def test_a_cut_file_is_noticed(path: Path, end: int) -> None:
    path.write_bytes(RAW[:end])
    for read in (storage.load, storage.inspect):
        with pytest.raises(FormatError):
            read(path)


@given(at=st.integers(0, len(RAW)), more=st.binary(min_size=1), less=st.integers(0, 50))
def test_spliced_bytes_are_noticed(path: Path, at: int, more: bytes, less: int) -> None:
    changed = RAW[:at] + more + RAW[at + less :]
    if changed != RAW:
        path.write_bytes(changed)
        with pytest.raises(FormatError):
            storage.load(path)


@given(st.binary())
def test_noise_is_no_file(path: Path, noise: bytes) -> None:
    path.write_bytes(noise)
    with pytest.raises(FormatError):
        storage.load(path)


def read_or_refused(path: Path, raw: bytes) -> None:
    """A file whose checksum fits may hold anything: it is read, and then every part is in order, or it is refused."""
    path.write_bytes(raw)
    try:
        loaded = storage.load(path)
    except FormatError:
        return
    n_users, n_items = len(loaded.users), len(loaded.items)
    users, items = (grid.ravel().astype(np.int32) for grid in np.meshgrid(np.arange(n_users), np.arange(n_items)))
    for one in (loaded.model, *loaded.baselines.values()):
        assert isinstance(one, DotBias)
        with np.errstate(over="ignore", invalid="ignore"):  # finite numbers may still be too large to add
            assert one.predict(users, items).shape == (n_users * n_items,)
        variance = one.variance(users, items)
        assert variance is None or (variance >= 0).all()
    for encoder, prior in ((loaded.user_features, "user_prior"), (loaded.item_features, "item_prior")):
        if encoder is not None:
            known = {column.name: column.levels[0] for column in encoder.columns if column.kind == "text"}
            with np.errstate(over="ignore", invalid="ignore"):
                mean = getattr(loaded.model, prior).expected(np.array([], np.int32), encoder.row(known))
            assert mean.shape == (loaded.model.n_factors + 1,)
    for row in range(n_users if loaded.seen is not None else 0):
        assert loaded.seen is not None
        assert set(loaded.seen.items_of(row).tolist()) <= set(range(n_items))
    assert all(loaded.items.index(value) == row for row, value in enumerate(loaded.items) if value == value)


@given(raw=st.sampled_from(FILES), data=st.data(), new=st.binary(min_size=1, max_size=16))
def test_changed_bytes_under_a_fitting_checksum(path: Path, raw: bytes, data: st.DataObject, new: bytes) -> None:
    at = data.draw(st.integers(176, len(raw) - 1))
    read_or_refused(path, seal((raw[:at] + new + raw[at + len(new) :])[: len(raw)]))


def places(value: Any, inside: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys that lead to it."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [inside, *(place for key, part in parts for place in places(part, (*inside, key)))]


def replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = replaced(copy[place[0]], place[1:], new)
    return copy


strange = json_values | st.integers(-3, 9) | st.sampled_from([2**31, 2**63, -1, [], {}, "int64", "json", [0, 8]])


@given(raw=st.sampled_from(FILES), data=st.data(), new=strange)
def test_headers_that_describe_other_arrays(path: Path, raw: bytes, data: st.DataObject, new: Any) -> None:
    header, content = unpack(raw)
    opening = header.pop("__metadata__")
    place = data.draw(st.sampled_from(places(header)[1:]))
    read_or_refused(path, pack({"__metadata__": opening, **replaced(header, place, new)}, content))


@given(raw=st.sampled_from(FILES), data=st.data(), new=strange)
def test_sections_that_say_other_things(path: Path, raw: bytes, data: st.DataObject, new: Any) -> None:
    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        place = data.draw(st.sampled_from(places(sections)[1:]))
        sections.update(json.loads(json.dumps(replaced(sections, place, new))))

    read_or_refused(path, rebuild(raw, change))


@given(
    name=st.sampled_from(sorted(tensors(FILES[1]))),
    cells=st.lists(st.integers(-2, 9) | st.integers(-(2**63), 2**63 - 1)),
)
def test_arrays_that_hold_other_things(path: Path, name: str, cells: list[int]) -> None:
    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        dtype, shape, raw = arrays[name]
        code = {"F64": "<f8", "I64": "<i8", "F32": "<f4", "U16": "<u2", "U8": "u1", "BOOL": "u1"}[dtype]
        made = np.array(cells, dtype=np.int64).astype(code)
        same = np.resize(made, len(raw) // made.itemsize) if cells and len(shape) != 1 else made
        arrays[name] = (dtype, shape if len(shape) != 1 else [len(same)], same.tobytes())

    read_or_refused(path, rebuild(FILES[1], change))
