"""Files whose container is in order and whose content is not: arrays and sections that contradict each other.

All of them carry a checksum that fits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.storage_samples import KEPT, KEPT_BAYES, rebuild, refused, tensors

RAW, BAYES = KEPT.read_bytes(), KEPT_BAYES.read_bytes()
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


def single(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, dtype="<f4")


def changes(*all_of: Change) -> Change:
    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        for one in all_of:
            one(sections, arrays)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *((drop(f"model.{name}"), f"{name!r} is missing") for name in ("user_noise", "item_variance")),
        (changes(*(drop(f"model.{n}_{k}") for n in ("user", "item") for k in ("noise",))), "'user_noise' is missing"),
        (put("model.user_noise", single(1, 1, 1, 1, 0)), "'user_noise' holds values that are not above zero"),
        (put("model.item_noise", single(1, 1, 1, -2)), "'item_noise' holds values that are not above zero"),
        (put("model.item_noise", single(1, 1, 1, np.nan)), "'model.item_noise' holds values that are not finite"),
        (put("model.user_variance", single(0, 0, 0, 0, -1e-40)), "'user_variance' holds values below zero"),
        (put("model.item_variance", single(0, 0, 0, -1)), "'item_variance' holds values below zero"),
        (put("model.user_noise", single(1, 1, 1, 1)), "'user_noise' is float32(4,), not float32(5,)"),
        (put("model.item_noise", single(*[1] * 5)), "'item_noise' is float32(5,), not float32(4,)"),
        (put("model.user_implicit_weights", single(*[0] * 15), [5, 3]), "float32(5, 3), not float32(4, 3)"),
        (put("model.item_implicit_weights", single(*[0] * 12), [4, 3]), "float32(4, 3), not float32(5, 3)"),
        (put("model.user_implicit_weights", single(*[0] * 8), [4, 2]), "float32(4, 2), not float32(4, 3)"),
        (put("model.item_implicit_weights", single(*[np.inf] * 15), [5, 3]), "holds values that are not finite"),
        (put("model.user_feature_weights", single(0, 0), [1, 2]), "'user_feature_weights' is float32(1, 2), not"),
        (put("model.user_feature_weights", single(0, 0, 0), [3]), "'user_feature_weights' is missing or is no table"),
        (put("model.user_feature_weights", single(*[0] * 6), [2, 3]), "'user_feature_errors' is float32(1,), not"),
        (drop("model.item_feature_errors"), "'item_feature_errors' is missing"),
        (put("model.item_feature_errors", single(*[1] * 6, -1)), "'item_feature_errors' holds values below zero"),
        (drop("model.user_cold_mean"), "'user_cold_mean' is missing"),
        (drop("model.item_cold_precision"), "'item_cold_precision' is missing"),
        (put("model.user_cold_mean", np.zeros(2, "<f8")), "'user_cold_mean' is float64(2,), not float64(3,)"),
        (put("model.item_cold_mean", np.full(3, np.nan)), "holds values that are not finite"),
        (put("model.item_cold_precision", np.zeros(9), [3, 3]), "not symmetric and positive definite"),
        (put("model.item_cold_precision", -np.eye(3), [3, 3]), "not symmetric and positive definite"),
        (put("model.user_cold_precision", np.triu(np.ones((3, 3))), [3, 3]), "not symmetric and positive definite"),
        (put("model.user_cold_precision", np.eye(2), [2, 2]), "float64(2, 2), not float64(3, 3)"),
        (drop("model.item_feature_weights"), "weights of 0 item features, 7 are described"),
        (
            changes(
                put("model.item_feature_weights", single(*[0] * 24), [8, 3]),
                put("model.item_feature_errors", single(*[0] * 8)),
            ),
            "weights of 8 item features, 7 are described",
        ),
    ],
)
def test_arrays_of_bayes_that_make_no_sense(path: Path, change: Change, message: str) -> None:
    assert message in refused(path, rebuild(BAYES, change))


def retype(name: str) -> Change:
    other = {"F64": "I64", "I64": "F64", "F32": "I32", "U16": "I16", "U8": "I8", "BOOL": "U8"}

    def change(sections: dict[str, Any], arrays: dict[str, Any]) -> None:
        dtype, shape, content = arrays[name]
        arrays[name] = (other[dtype], shape, content)

    return change


@pytest.mark.parametrize("name", tensors(BAYES))
def test_arrays_of_another_type(path: Path, name: str) -> None:
    assert name.rpartition(".")[2] in refused(path, rebuild(BAYES, retype(name)))


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
        (model_setting("global_mean", [1, "a"]), "list of other things than numbers, or than texts"),
        (model_setting("global_mean", ["a", None]), "list of other things than numbers, or than texts"),
        (model_setting("global_mean", ["a", "b"]), "global_mean"),
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


GENRE = {"name": "genres", "kind": "tags", "levels": ["Comedy", "Horror"]}
YEAR = {"name": "year", "kind": "number", "mean": 1990, "deviation": 10}


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (None, "the features of items are no list of columns"),
        ({}, "the features of items are no list of columns"),
        ([], "the features of items are no list of columns"),
        (["genres"], "a column is no object with a name"),
        ([{"kind": "number"}], "a column is no object with a name"),
        ([{**GENRE, "name": 5}], "a column is no object with a name"),
        ([{"name": "genres"}], "'genres' is of kind None, not number, text or tags"),
        ([{**GENRE, "kind": "os.system"}], "'genres' is of kind 'os.system', not"),
        ([{**GENRE, "kind": ["tags"]}], "'genres' is of kind ['tags'], not"),
        ([{**GENRE, "levels": None}], "the levels of 'genres' are no list of texts"),
        ([{**GENRE, "levels": []}], "the levels of 'genres' are no list of texts"),
        ([{**GENRE, "levels": "Comedy"}], "the levels of 'genres' are no list of texts"),
        ([{**GENRE, "levels": ["Comedy", 5]}], "the levels of 'genres' are no list of texts"),
        ([{**GENRE, "levels": ["Comedy", "Comedy"]}], "'genres' has a level twice"),
        ([GENRE, YEAR, GENRE], "name a column twice"),
        ([{**YEAR, "mean": None}], "mean is None, not a finite number"),
        ([{**YEAR, "mean": True}], "mean is True, not a finite number"),
        ([{**YEAR, "deviation": "10"}], "deviation is '10', not a finite number"),
        ([{**YEAR, "deviation": 0}], "the deviation of 'year' is not above zero"),
        ([{**YEAR, "deviation": -1}], "the deviation of 'year' is not above zero"),
        ([{**YEAR, "deviation": 10**400}], "too large"),
        ([{**YEAR, "name": "budget"}], "made of 'budget', which is no attribute"),
        ([GENRE, YEAR], "weights of 7 item features, 3 are described"),
    ],
)
def test_features_that_make_no_sense(path: Path, features: object, message: str) -> None:
    assert message in refused(path, rebuild(BAYES, side("items", features=features)))


def test_features_of_a_model_that_has_no_weights_of_them(path: Path) -> None:
    message = refused(path, rebuild(RAW, side("items", features=[GENRE, YEAR])))
    assert "the model has weights of 0 item features, 3 are described" in message


def test_weights_of_features_that_nobody_describes(path: Path) -> None:
    message = refused(path, rebuild(BAYES, lambda sections, arrays: sections["users"].pop("features")))
    assert "the model has weights of 1 user feature, 0 are described" in message


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
