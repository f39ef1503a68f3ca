"""Files whose container is in order and whose content is not: arrays and sections that contradict each other.

All of them carry a checksum that fits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.storage_samples import KEPT, rebuild, refused, tensors

RAW = KEPT.read_bytes()
Change = Callable[[dict[str, Any], dict[str, Any]], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hostile.penchant"


# -- what the arrays and sections say --


def put(name: str, content: bytes | np.ndarray[Any, Any], shape: list[int] | None = None) -> Change:
    """Replace the bytes of an array, and its shape to fit."""

    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        dtype = arrays[name][0]
        raw = content if isinstance(content, bytes) else content.tobytes()
        size = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "U16": 2}.get(dtype, 1)
        arrays[name] = (dtype, [len(raw) // size] if shape is None else shape, raw)

    return change


def drop(name: str) -> Change:
    return lambda sections, arrays: arrays.pop(name)


def starts(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, dtype="<i8")


NOT_FINITE = np.array([0, 1, np.inf, 3, 4], dtype="<f4")
TITLE = "items.attributes.0.values"
GENRES = "items.attributes.2"
N_TITLE = len(tensors(RAW)[TITLE][2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("model.user_biases"), "'user_biases' is missing"),
        (put("model.user_biases", NOT_FINITE), "array 'model.user_biases' holds values that are not finite"),
        (put("model.user_biases", np.zeros(4, "<f4")), "user_biases"),
        (put("model.user_biases", np.zeros(5, "<f4"), [5, 1]), "user_biases"),
        (put("baselines.1.item_biases", NOT_FINITE[:4]), "baselines.1.item_biases"),
        (drop("users.ids"), "array 'users.ids' is missing"),
        (drop("items.ids.starts"), "array 'items.ids.starts' is missing"),
        (put("items.ids.starts", starts(0, 5, 12, 999, 36)), "does not rise from 0"),
        (put("items.ids.starts", starts(1, 5, 12, 36, 36)), "does not rise from 0"),
        (put("items.ids.starts", starts(0, 5, 12, 36, 37)), "does not rise from 0"),
        (put("items.ids.starts", starts(0, 2**63 - 1, -(2**63), 36, 36)), "does not rise from 0"),
        (put("items.ids.starts", starts()), "does not rise from 0"),
        (put("items.ids.starts", starts(0, 5, 8, 36, 36)), "bytes that are not UTF-8"),
        (put("items.ids.starts", starts(0, 36)), "4 values for 1 row"),
        (put("items.ids.starts", starts(0, 0, 0, 36, 36)), "items: a vocabulary needs distinct item ids"),
        (put("items.ids", b"\xff" * 36), "bytes that are not UTF-8"),
        (put("items.ids", b"\xed\xa0\x80" + b"a" * 33), "bytes that are not UTF-8"),
        (put(f"{TITLE}.missing", b"\0\0\0"), "3 values for 4 texts"),
        (put(f"{TITLE}.missing", b"\0\0\1\1"), "row 2, which is marked as missing"),
        (put(f"{TITLE}.missing", b"\0\0\0\2"), "a truth value that is neither 0 nor 1"),
        (put(f"{TITLE}.starts", starts(0, 3, N_TITLE)), "2 texts"),
        (put(f"{GENRES}.rows", starts(0, 2, 4, 4, 7)), "does not rise from 0 to 6"),
        (put(f"{GENRES}.rows", starts(0, 2, 4, 6)), "3 values for 4 rows"),
        (put("users.attributes.0.values", starts(1, 2, 3)), "3 values for 5 rows"),
        (drop("seen.rating_values"), "array 'seen.rating_values' is missing"),
        (drop("seen.item_idx"), "array 'seen.item_idx' is missing"),
        (put("seen.item_idx", np.array([0, 2, 1, 4, 0, 1, 2], "<u2")), "not 0 to 3"),
        (put("seen.item_idx", np.array([2, 0, 1, 3, 0, 1, 2], "<u2")), "do not rise"),
        (put("seen.item_idx", np.array([0, 0, 1, 3, 0, 1, 2], "<u2")), "do not rise"),
        (put("seen.item_idx", np.array([0, 2, 1, 3, 0, 1], "<u2")), "does not rise from 0 to 6"),
        (put("seen.indptr", starts(0, 2, 3, 3, 7)), "4 rows of 7 items"),
        (put("seen.indptr", starts(0, 3, 2, 3, 4, 7)), "does not rise"),
        (put("seen.rating", b"\0\1\2\3\0\1"), "7 items and 6 ratings"),
        (put("seen.rating", b"\0\1\2\3\0\1\xff"), "a rating's code is not 0 to 4"),
        (put("seen.rating_values", b""), "a rating's code"),
        (put("seen.rating_values", NOT_FINITE), "a rating is not finite"),
    ],
)
def test_arrays_that_contradict_each_other(path: Path, change: Change, message: str) -> None:
    assert message in refused(path, rebuild(RAW, change))


def retype(name: str) -> Change:
    other = {"F64": "I64", "I64": "F64", "F32": "I32", "U16": "I16", "U8": "I8", "BOOL": "U8"}

    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        dtype, shape, content = arrays[name]
        arrays[name] = (other[dtype], shape, content)

    return change


@pytest.mark.parametrize("name", tensors(RAW))
def test_arrays_of_another_type(path: Path, name: str) -> None:
    assert name.rpartition(".")[2] in refused(path, rebuild(RAW, retype(name)))


def section(name: str, value: object) -> Change:
    return lambda sections, arrays: sections.update({name: value})


def model_setting(name: str, value: object) -> Change:
    return lambda sections, arrays: sections["model"]["settings"].update({name: value})


def side(name: str, **values: object) -> Change:
    return lambda sections, arrays: sections[name].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sections, arrays: sections.pop("model"), "section 'model' is missing"),
        (lambda sections, arrays: sections.pop("items"), "section 'items' is missing"),
        (lambda sections, arrays: sections.pop("history"), "section 'history' is missing"),
        (section("model", []), "is no object"),
        (section("model", {"kind": "dot_bias"}), "the settings of model is missing"),
        (section("model", {"kind": ["dot_bias"], "settings": {}}), "of kind ['dot_bias']"),
        (section("model", {"kind": "os.system", "settings": {}}), "of kind 'os.system'; penchant"),
        (model_setting("global_mean", "3"), "global_mean"),
        (model_setting("global_mean", None), "global_mean"),
        (model_setting("global_mean", {}), "'global_mean' is an object"),
        (model_setting("global_mean", [1, "a"]), "list of other things than numbers"),
        (model_setting("global_mean", True), "global_mean"),
        (model_setting("global_mean", 10**400), "too large"),
        (section("baselines", {}), "is no list"),
        (section("baselines", [1]), "is no object"),
        (section("baselines", [{"kind": "dot_bias", "settings": {}}]), "the name of a baseline"),
        (lambda sections, arrays: sections["baselines"][1].update(name="item mean"), "has a name twice"),
        (section("rating_scale", [1]), "'rating_scale'"),
        (section("rating_scale", [1, "5"]), "'rating_scale'"),
        (section("rating_scale", [5, 1]), "'rating_scale'"),
        (section("rating_scale", [1, True]), "'rating_scale'"),
        (section("rating_scale", 5), "'rating_scale'"),
        (section("rating_scale", [1, 10**400]), "too large"),
        (model_setting("global_mean", [10**400]), "too large"),
        (section("solver", []), "is no object"),
        (section("history", {}), "is no list"),
        (section("history", [[]]), "is no object"),
        (section("training", "x"), "is no object"),
        (side("users", type=5), "the type of users"),
        (side("users", type="pickle"), "ids of type 'pickle'"),
        (side("users", attributes=None), "the attributes of users"),
        (side("users", attributes=[{"name": "age"}]), "the attributes of users"),
        (side("users", attributes=[{"name": "age", "type": "date"}]), "is of type 'date'"),
        (side("users", attributes=[{"name": "a", "type": "int64"}] * 2), "'users.attributes.1.values' is missing"),
        (side("items", type="int64"), "array 'items.ids' is uint8"),
        (side("items", type="uuid"), "array 'items.ids' is uint8"),
        (side("items", type="json"), "is not JSON"),
    ],
)
def test_sections_that_make_no_sense(path: Path, change: Change, message: str) -> None:
    assert message in refused(path, rebuild(RAW, change))


def test_two_columns_of_one_name(path: Path) -> None:
    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        sections["items"]["attributes"][1]["name"] = "title"

    assert "names a column twice" in refused(path, rebuild(RAW, change))


def test_a_text_missing_inside_a_tuple(path: Path) -> None:
    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        lengths = np.diff(np.frombuffer(arrays[f"{GENRES}.values.starts"][2], dtype="<i8"))
        arrays[f"{GENRES}.values.missing"] = ("BOOL", [len(lengths)], b"\0" * (len(lengths) - 1) + b"\1")
        begins = np.frombuffer(arrays[f"{GENRES}.values.starts"][2], dtype="<i8")[:-1]
        end = int(begins[-1])
        put(f"{GENRES}.values", arrays[f"{GENRES}.values"][2][:end])(sections, arrays)
        put(f"{GENRES}.values.starts", np.append(begins, end).astype("<i8"))(sections, arrays)

    assert "lacks a text inside a tuple" in refused(path, rebuild(RAW, change))


def test_uuids_of_another_length(path: Path) -> None:
    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        sections["items"]["type"] = "uuid"
        arrays["items.ids"] = ("U8", [4, 8], b"\0" * 32)

    assert "a UUID has 16" in refused(path, rebuild(RAW, change))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is not a list of ids"),
        ("5", "is not a list of ids"),
        ("[1,2,3,4,5]", "none of the kinds"),
        ("[[1]]", "none of the kinds"),
        ("[{}]", "none of the kinds"),
        ('[{"int":"1","date":"2001-01-01"}]', "none of the kinds"),
        ('[{"eval":"1"}]', "none of the kinds"),
        ('[{"int":1}]', "none of the kinds"),
        ('[{"int":"x"}]', "is no int"),
        ('[{"int":"1_0"}]', "not how int 10 is written"),
        ('[{"int":" 7"}]', "not how int 7 is written"),
        ('[{"int":"' + "9" * 5000 + '"}]', "is no int"),
        ('[{"float":"1.50"}]', "not how float 1.5 is written"),
        ('[{"bytes":"6"}]', "is no bytes"),
        ('[{"uuid":"1"}]', "is no uuid"),
        ('[{"date":"2001-02-30"}]', "is no date"),
        ('[{"datetime":"now"}]', "is no datetime"),
        ('[{"tuple":' * 40 + "[]" + "}]" * 40, "nested more than 64 deep"),
        ('[{"tuple":' * 20 + "[]" + "}]" * 20, "none of the kinds"),
        ('["a","a"]', "distinct user ids"),
        ('[{"int":"1"},{"int":"1"}]', "distinct user ids"),
        ('["a"]', "5 values for 1 row"),
        ("[" * 100_000, "nested more than 64 deep"),
    ],
    ids=lambda value: value[:30],
)
def test_ids_in_json(path: Path, text: str, message: str) -> None:
    assert message in refused(path, rebuild(RAW, put("users.ids", text.encode())))
