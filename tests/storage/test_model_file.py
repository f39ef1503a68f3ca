"""The model file: what goes in comes out, in this release and in later ones."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, date, datetime, timedelta, timezone
from enum import IntEnum
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.docs_reader import ROOT, code_spans, table, tables
from tests.storage_samples import (
    KEPT,
    KEPT_BAYES,
    KEPT_BOTH,
    KEPT_CHOICES,
    assert_same,
    assert_same_model,
    bayes_model,
    bayes_snapshot,
    both_snapshot,
    choices_snapshot,
    model,
    objects,
    snapshot,
    tensors,
    unpack,
)

import penchant as pt
from penchant import storage
from penchant.arrays.seen_ratings import SeenRatings
from penchant.data.attributes import Attributes
from penchant.data.feature_encoder import FeatureColumn, FeatureEncoder
from penchant.data.vocab import Vocab
from penchant.errors import DataError, UnsupportedError
from penchant.storage import container, strict_json
from penchant.storage import id_json as ids
from penchant.storage import model_file as snapshots


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return storage.save(snapshot(), tmp_path / "films.penchant")


# -- round trips --


def test_everything_comes_back(file: Path) -> None:
    assert_same(snapshot(), storage.load(file))


def test_what_bayes_learns_comes_back(tmp_path: Path) -> None:
    path = storage.save(bayes_snapshot(), tmp_path / "bayes.penchant")
    loaded = storage.load(path)
    assert_same(bayes_snapshot(), loaded)
    assert storage.save(loaded, tmp_path / "again.penchant").read_bytes() == path.read_bytes()
    users, items = (grid.ravel().astype(np.int32) for grid in np.meshgrid(np.arange(5), np.arange(4)))
    before, after = bayes_snapshot(), loaded
    assert before.model.variance(users, items).tobytes() == after.model.variance(users, items).tobytes()
    rows, rating = np.array([0, 2], dtype=np.int32), np.array([4.5, 1.0], dtype=np.float32)
    known = {"genres": ("Comedy", "Sci-Fi"), "year": 1999}
    one, two = (
        made.model.fold_in_item(rows, rating, made.item_features.row(known)).mean.tobytes() for made in (before, after)
    )
    assert one == two
    assert after.solver["user_features"] == ["age"]
    assert after.solver["nothing"] == []


def test_one_side_may_have_features_and_the_other_none(tmp_path: Path) -> None:
    encoder = FeatureEncoder([FeatureColumn("age", "number", (), 35.0, 12.5)])
    saved = bayes_snapshot(model=bayes_model(5, 4, 2, 1, 0), user_features=encoder, item_features=None)
    path = storage.save(saved, tmp_path / "a.penchant")
    assert_same(saved, storage.load(path))
    told = storage.inspect(path)
    assert told["users"]["features"] == [{"name": "age", "kind": "number", "mean": 35.0, "deviation": 12.5}]  # type: ignore[index,call-overload]
    assert "features" not in told["items"]  # type: ignore[operator]


def test_predictions_are_the_same_bit_for_bit(file: Path) -> None:
    users, items = (grid.ravel().astype(np.int32) for grid in np.meshgrid(np.arange(5), np.arange(4)))
    before, after = snapshot().model, storage.load(file).model
    assert before.predict(users, items).tobytes() == after.predict(users, items).tobytes()
    rows, rating = np.array([0, 2], dtype=np.int32), np.array([4.5, 1.0], dtype=np.float32)
    assert before.fold_in_user(rows, rating).mean.tobytes() == after.fold_in_user(rows, rating).mean.tobytes()


def test_parts_that_may_be_absent(tmp_path: Path) -> None:
    bare = snapshot(
        user_attributes=Attributes(n_rows=5),
        item_attributes=Attributes(n_rows=4),
        seen=None,
        baselines={},
        solver={},
        history=[],
        training={},
    )
    assert_same(bare, storage.load(storage.save(bare, tmp_path / "bare.penchant")))


def test_nobody_and_nothing(tmp_path: Path) -> None:
    empty = snapshot(
        model=model(0, 0, 0),
        users=Vocab([], kind="user"),
        items=Vocab(np.empty(0, dtype=np.int64), kind="item"),
        user_attributes=Attributes({"name": objects([])}, n_rows=0),
        item_attributes=Attributes({"year": np.empty(0)}, n_rows=0),
        seen=SeenRatings(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)),
        baselines={},
    )
    assert_same(empty, storage.load(storage.save(empty, tmp_path / "empty.penchant")))


@pytest.mark.parametrize(
    ("ids", "stored"),
    [
        ([3, -(2**63), 2**63 - 1, 0], "int64"),
        (["a", "", "é", "a\0b"], "str"),
        ([UUID(int=5), UUID(int=2**128 - 1), UUID(int=0), UUID(int=7)], "uuid"),
        ([2**63, 1, -(2**70), 0], "json"),
        ([True, None, 2.5, "True"], "json"),
        ([float("inf"), -0.0, 1e-320, float("nan")], "json"),
        ([b"", b"\xff", "", ()], "json"),
        ([("a", 1), ("a", 2), ("a", ("b", None)), ((),)], "json"),
        ([date(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), UUID(int=1), 4], "json"),
        ([datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=5.5))), 1, 2], "json"),
        (["\ud800", "a", "b", "c"], "json"),  # half of a surrogate pair, as from a badly named file
    ],
)
def test_ids_of_every_type(tmp_path: Path, ids: list[object], stored: str) -> None:
    saved = snapshot(items=Vocab(ids, kind="item"))
    path = storage.save(saved, tmp_path / "a.penchant")
    assert_same(saved, storage.load(path))
    assert storage.inspect(path)["items"]["type"] == stored  # type: ignore[index,call-overload]


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Colour.RED, "Colour"),
        (1 + 2j, "complex"),
        (frozenset(), "frozenset"),
        (datetime(2020, 1, 1, tzinfo=ZoneInfo("Europe/Paris")), "time zone"),
        (10**5000, "can't be written"),
    ],
    ids=["enum", "complex", "frozenset", "zone", "huge"],
)
def test_ids_of_other_types_are_refused_by_name(tmp_path: Path, value: object, named: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"item id .* \(row 2\).*{named}"):
        storage.save(snapshot(items=Vocab(["a", "b", value, "c"], kind="item")), tmp_path / "a.penchant")
    assert list(tmp_path.iterdir()) == []


def test_tuples_too_deep_are_refused(tmp_path: Path) -> None:
    deep: tuple[object, ...] = ()
    for _ in range(16):
        deep = (deep,)
    with pytest.raises(UnsupportedError, match="more than 16 tuples"):
        storage.save(snapshot(items=Vocab([deep, 1, 2, 3], kind="item")), tmp_path / "a.penchant")


def test_ratings_are_kept_without_loss_and_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for rating, dtype in ((np.array([0.0, -0.0, 1e-45, 5.0]), "U8"), (rng.normal(size=300), "F32")):
        n = len(rating)
        seen = SeenRatings.from_pairs(np.arange(n) // 4, np.arange(n) % 4, rating.astype(np.float32), n_users=80)
        path = storage.save(
            snapshot(
                model=model(80, 4, 2),
                users=Vocab(np.arange(80), kind="user"),
                user_attributes=Attributes(n_rows=80),
                baselines={},
                seen=seen,
            ),
            tmp_path / "a.penchant",
        )
        loaded = storage.load(path).seen
        assert loaded is not None
        assert loaded.rating.tobytes() == seen.rating.tobytes()
        assert loaded.item_idx.tobytes() == seen.item_idx.tobytes()
        assert tensors(path.read_bytes())["seen.rating"][0] == dtype
        assert tensors(path.read_bytes())["seen.item_idx"][0] == "U16"


def test_more_items_than_two_bytes_can_number(tmp_path: Path) -> None:
    n = 2**16 + 1
    seen = SeenRatings.from_pairs(np.array([0, 0]), np.array([3, n - 1]), np.array([1.0, 2.0]), n_users=1)
    saved = snapshot(
        model=model(1, n, 1),
        users=Vocab(["ann"], kind="user"),
        items=Vocab(np.arange(n), kind="item"),
        user_attributes=Attributes(n_rows=1),
        item_attributes=Attributes(n_rows=n),
        baselines={},
        seen=seen,
    )
    path = storage.save(saved, tmp_path / "a.penchant")
    assert_same(saved, storage.load(path))
    assert tensors(path.read_bytes())["seen.item_idx"][0] == "I32"


def test_identical_snapshots_give_identical_bytes(tmp_path: Path, file: Path) -> None:
    assert storage.save(snapshot(), tmp_path / "again.penchant").read_bytes() == file.read_bytes()
    assert storage.save(storage.load(file), tmp_path / "resaved.penchant").read_bytes() == file.read_bytes()


def test_arrays_of_another_layout_are_saved_the_same(tmp_path: Path, file: Path) -> None:
    plain = snapshot().model
    other = type(plain).from_arrays(
        {name: np.asfortranarray(array).view() for name, array in plain.arrays().items()}, plain.settings()
    )
    assert storage.save(snapshot(model=other), tmp_path / "other.penchant").read_bytes() == file.read_bytes()


def test_loaded_arrays_are_read_only_and_aligned(file: Path) -> None:
    loaded = storage.load(file)
    assert loaded.seen is not None
    for array in (*loaded.model.arrays().values(), loaded.seen.item_idx, loaded.users.ids):
        assert not array.flags.writeable
        assert array.flags.aligned


# -- what can't be saved --


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rating_scale": (1.0, float("nan"))}, "rating_scale"),
        ({"rating_scale": (5.0, 1.0)}, "rating_scale"),
        ({"model": model(6, 4, 2)}, "6 users and 4 items, the vocabularies 5 and 4"),
        ({"baselines": {"item mean": model(5, 3, 0)}}, r"baselines\.0 has 5 users and 3 items"),
        ({"user_attributes": Attributes(n_rows=4)}, None),  # no columns: nothing to disagree
        ({"user_attributes": Attributes({"age": np.arange(4)}, n_rows=4)}, "4 values for 5 rows"),
        ({"history": [{"epoch": 1, "train_loss": float("inf")}]}, r"history\[0\]\.train_loss is inf"),
        ({"item_attributes": Attributes({"a": objects(["\udc80", "", "", ""])}, n_rows=4)}, "UTF-8 can't"),
        ({"training": {"note": "x" * 9 * 2**20}}, "header"),
        ({"model": bayes_model(5, 4, 2, 1, 0)}, "weights of 1 user feature, 0 are described"),
        ({"item_features": FeatureEncoder([FeatureColumn("genres", "tags", ("Horror",))])}, "0 item features, 1 are"),
        (
            {"item_features": FeatureEncoder([FeatureColumn("genres", "number")])},
            "is a number, and the attribute is not",
        ),
        (
            {"user_features": FeatureEncoder([FeatureColumn("age", "text", ("a",))])},
            "is a text, and the attribute is not",
        ),
        (
            {
                "model": bayes_model(5, 4, 2, 0, 1),
                "item_features": FeatureEncoder([FeatureColumn("budget", "number")]),
            },
            "made of 'budget', which is no attribute",
        ),
        ({"training": {"deep": json.loads("[" * 64 + "]" * 64)}}, "nested more than 64 deep"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = tmp_path / "a.penchant"
    if message is None:
        storage.load(storage.save(snapshot(**changes), path))
        return
    with pytest.raises(DataError, match=message):
        storage.save(snapshot(**changes), path)
    assert list(tmp_path.iterdir()) == []


def test_a_diverged_model_is_not_written(tmp_path: Path) -> None:
    arrays = snapshot().model.arrays()
    arrays["user_biases"] = np.full(5, np.nan, dtype=np.float32)
    good = snapshot().model
    diverged = type(good)(**{**vars(good), "user_biases": arrays["user_biases"]})
    with pytest.raises(DataError, match=r"can't save this model: array 'model\.user_biases' holds values that are not"):
        storage.save(snapshot(model=diverged), tmp_path / "a.penchant")


def test_ratings_that_do_not_fit_are_not_written(tmp_path: Path) -> None:
    for item, user, message in ((9, 0, "not 0 to 3"), (0, 7, "rows")):
        seen = SeenRatings.from_pairs(np.array([user]), np.array([item]), np.array([1.0]), n_users=max(5, user + 1))
        with pytest.raises(DataError, match=message):
            storage.save(snapshot(seen=seen), tmp_path / "a.penchant")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"solver": {"rng": np.random.default_rng(0)}}, r"solver\.rng is of type Generator"),
        ({"training": {"sizes": {1: 2}}}, r"training\.sizes has the key 1"),
    ],
)
def test_settings_of_other_types_are_refused_by_name(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        storage.save(snapshot(**changes), tmp_path / "a.penchant")


def test_as_deep_as_can_be(tmp_path: Path) -> None:
    deepest = snapshot(training={"deep": json.loads("[" * 63 + "]" * 63)})
    assert_same(deepest, storage.load(storage.save(deepest, tmp_path / "a.penchant")))


def test_numpy_scalars_and_tuples_become_plain(tmp_path: Path) -> None:
    given = {"name": "als", "reg": np.float32(0.5), "n": np.int64(3), "ok": np.bool_(True), "y_range": (1, 5)}
    loaded = storage.load(storage.save(snapshot(solver=given), tmp_path / "a.penchant"))
    assert loaded.solver == {"name": "als", "reg": 0.5, "n": 3, "ok": True, "y_range": [1.0, 5.0]}
    assert [type(value) for value in loaded.solver.values()] == [str, float, int, bool, list]


def test_an_array_of_a_strange_type_is_refused(tmp_path: Path) -> None:
    class Strange:
        kind, n_users, n_items = "strange", 5, 4

        def arrays(self) -> dict[str, np.ndarray]:
            return {"spectrum": np.zeros(3, dtype=np.complex64)}

        def settings(self) -> dict[str, object]:
            return {}

    with pytest.raises(DataError, match="of kind 'strange'"):
        storage.save(snapshot(model=Strange()), tmp_path / "a.penchant")
    with pytest.raises(UnsupportedError, match=r"'extra\.spectrum' is of type complex64"):
        container.write(tmp_path / "a.penchant", {"extra.spectrum": np.zeros(3, dtype=np.complex64)}, {})


# -- the kept file --


def test_the_kept_file_of_version_1_is_still_read() -> None:
    """Values are written out here, so that a change of the sample above can't hide a change of the reader."""
    loaded = storage.load(KEPT)
    assert loaded.users.ids.tolist() == [
        "ann",
        7,
        UUID("80000000-0000-0000-0000-000000000005"),
        (date(2001, 2, 3), "x", 1.5),
        b"\x00\xff",
    ]
    assert loaded.items.ids.tolist() == ["Alien", "Amélie", "千と千尋の神隠し", ""]
    assert loaded.item_attributes["title"].tolist() == [
        "Alien (1979)",
        "Amélie (2001)",
        "千と千尋の神隠し (2001)",
        None,
    ]
    assert loaded.item_attributes["genres"].tolist()[:2] == [("Horror", "Sci-Fi"), ("Comedy", "Romance")]
    assert repr(loaded.item_attributes["year"].tolist()) == "[1979.0, 2001.0, 2001.0, nan]"
    assert loaded.user_attributes["age"].tolist() == [24, 53, -1, 0, 99]
    assert loaded.rating_scale == (1.0, 5.0)
    assert loaded.seen is not None
    assert loaded.seen.indptr.tolist() == [0, 2, 3, 3, 4, 7]
    assert loaded.seen.item_idx.tolist() == [0, 2, 1, 3, 0, 1, 2]
    assert loaded.seen.rating.tolist() == [5.0, 1.0, 3.5, 4.0, 2.0, 3.5, 5.0]
    assert list(loaded.baselines) == ["item mean", "bias only"]
    assert loaded.solver == {
        "name": "als",
        "n_factors": 2,
        "reg": 0.1,
        "rng": 0,
        "n_threads": None,
        "y_range": [0.5, 5.5],
    }
    assert [record["valid_loss"] for record in loaded.history] == [None, 0.9]
    assert loaded.training == {"n_ratings": 7, "created": "2025-01-02T03:04:05+00:00", "note": "né"}
    arrays = loaded.model.arrays()
    assert arrays["user_biases"].tolist() == [-11 / 16, -4 / 16, 3 / 16, 10 / 16, -6 / 16]
    assert arrays["item_factors"].tolist()[3] == [8 / 16, -8 / 16]
    predicted = loaded.model.predict(np.array([0, 4], dtype=np.int32), np.array([3, 1], dtype=np.int32))
    by_hand = [
        3.25 - 11 / 16 + 10 / 16 + (-11 * 8 + -4 * -8) / 256,
        3.25 - 6 / 16 - 4 / 16 + (-1 * 3 + 6 * 10) / 256,
    ]
    assert predicted.tolist() == by_hand
    assert_same_model(loaded.model, snapshot().model)


def test_the_kept_file_of_bayes_is_still_read() -> None:
    loaded = storage.load(KEPT_BAYES)
    assert loaded.item_features is not None
    assert loaded.user_features is not None
    assert [(column.name, column.kind) for column in loaded.item_features.columns] == [
        ("genres", "tags"),
        ("year", "number"),
        ("title", "text"),
    ]
    assert loaded.item_features.columns[0].levels == ("Comedy", "Horror", "Romance", "Sci-Fi")
    assert loaded.item_features.columns[1].mean == 1993.75
    assert loaded.user_features.columns[0].deviation == 12.5
    assert loaded.solver["user_features"] == ["age"]
    arrays = loaded.model.arrays()
    shapes = {name: array.shape for name, array in arrays.items() if re.search("weights|errors|cold", name)}
    assert shapes == {
        "user_implicit_weights": (4, 3),
        "item_implicit_weights": (5, 3),
        "user_feature_weights": (1, 3),
        "user_feature_errors": (1,),
        "item_feature_weights": (7, 3),
        "item_feature_errors": (7,),
        **dict.fromkeys(("user_cold_mean", "item_cold_mean"), (3,)),
        **dict.fromkeys(("user_cold_precision", "item_cold_precision"), (3, 3)),
    }
    assert arrays["item_feature_weights"][3].tolist() == [6 / 16, -10 / 16, -3 / 16]
    variance = loaded.model.variance(np.array([0, 4], dtype=np.int32), np.array([3, 1], dtype=np.int32))
    noise = [(2 - 11 / 16) * (2 + 10 / 16) / 1.25, (2 - 6 / 16) * (2 - 4 / 16) / 1.25]
    assert variance.tolist() == pytest.approx([noise[0] + 11 / 16 + 10 / 16, noise[1] + 6 / 16 + 4 / 16])
    folded = loaded.model.fold_in_user(np.array([], dtype=np.int32), np.array([], dtype=np.float32))
    cold = [-3 / 16, 4 / 16, 11 / 16]  # nothing is known
    assert folded.mean.tolist() == cold
    assert folded.covariance.tolist() == (2 * np.eye(3)).tolist()
    folded = loaded.model.fold_in_user(
        np.array([], dtype=np.int32), np.array([], dtype=np.float32), loaded.user_features.row({"age": 35 + 2 * 12.5})
    )
    assert folded.mean.tolist() == [-25 / 16, -4 / 16, 17 / 16]  # and two standard deviations of age
    assert_same_model(loaded.model, bayes_snapshot().model)


@pytest.mark.parametrize("kept", [KEPT, KEPT_BAYES], ids=lambda path: path.name)
def test_files_of_version_1_know_no_choices(kept: Path) -> None:
    rec = pt.load(kept)

    assert rec.info()["choices"] is None
    with pytest.raises(UnsupportedError, match="knows stars and no choices: train it again"):
        rec.recommend(rec.users[2], by="both")
    assert "score" not in rec.recommend(rec.users[2])


def test_the_kept_file_of_both_is_still_read() -> None:
    loaded = storage.load(KEPT_BOTH)
    learned = loaded.choices
    assert learned is not None
    assert learned.model.item_biases.tolist() == [-0.6875, -0.25, 0.1875, 0.625]
    shapes = {name: (array.dtype.name, array.shape) for name, array in learned.model.arrays().items()}
    assert shapes == {
        "item_biases": ("float32", (4,)),
        "item_popularity": ("float32", (4,)),
        "user_factors": ("float16", (5, 3)),  # numbers that half precision holds
        "item_factors": ("float16", (4, 3)),
        "item_inputs": ("float16", (4, 1)),
        "input_mean": ("float64", (1,)),
        "solved_mean": ("float64", (2,)),
        "solved_precision": ("float64", (2,)),
    }
    assert learned.model.settings() == {"unchosen_weight": 0.25, "count_power": 1.0, "scale": 0.5, "few": 2.0}
    assert (learned.order.knots, learned.order.log_chance) == ((0.0, 0.5, 1.5), (-4.0, -2.0, -0.5))
    assert (learned.order.threshold, learned.order.spread, learned.order.liked_power) == (3.5, 0.75, 1.0)
    assert learned.solver["name"] == "choice_mix"
    assert learned.training == {"n_choices": 7}
    assert_same(loaded, both_snapshot())
    rec = pt.load(KEPT_BOTH)
    assert rec.recommend(rec.users[2], n=2)["score"].between(0, 1).all()


def test_the_kept_file_of_choices_is_still_read() -> None:
    loaded = storage.load(KEPT_CHOICES)
    assert not loaded.model.knows_stars
    assert (loaded.model.n_users, loaded.model.n_items) == (5, 4)
    assert loaded.seen is not None
    assert loaded.seen.rating.tolist() == [5.0, 1.0, 3.5, 4.0, 2.0, 3.5, 5.0]  # weights
    assert loaded.choices is not None
    assert loaded.choices.model.n_solved == 0
    assert loaded.choices.order.threshold is None
    assert_same(loaded, choices_snapshot())
    rec = pt.load(KEPT_CHOICES)
    assert list(rec.recommend(chosen=["Alien"], n=2).columns) == ["rank", "item_id", "title", "score"]


@pytest.mark.parametrize("kept", [KEPT, KEPT_BAYES, KEPT_BOTH, KEPT_CHOICES], ids=lambda path: path.name)
def test_the_kept_file_opens_as_the_specification_says(kept: Path) -> None:
    raw, version = kept.read_bytes(), kept.name[1:2].encode()
    assert re.match(
        rb'.{8}\{"__metadata__":\{"format":"penchant","format_version":"'
        + version
        + rb'\.0","written_by":"penchant \S+","sha256":"',
        raw,
        flags=re.DOTALL,
    )
    header, data = unpack(raw)
    ends = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
    assert [begin for begin, _ in ends] == [0, *(end for _, end in ends[:-1])]
    assert ends[-1][1] == len(data)
    sizes = [{"F64": 8, "I64": 8, "F32": 4, "U16": 2}.get(entry["dtype"], 1) for entry in list(header.values())[1:]]
    assert sizes == sorted(sizes, reverse=True)  # each array is aligned


# -- the specification says what the code does --

PAGE = ROOT / "docs" / "format.md"


def test_the_specification_has_the_types_and_limits_of_the_code() -> None:
    types = [name for row in table(PAGE, "Element") for name in code_spans(row["dtype"])]
    assert sorted(types) == sorted(container._DTYPES)
    limits = {row["What"]: row["At most"] for row in table(PAGE, "At most")}
    assert limits["header"].startswith(f"{container.MAX_HEADER:,} bytes")
    assert limits["arrays and objects inside one another, in JSON"] == str(strict_json.MAX_DEPTH)
    assert limits["tuples inside one another, in an id"] == str(ids._TUPLES)
    sections = [name for row in table(PAGE, "Section") for name in code_spans(row["Section"])]
    assert sections == list(snapshots._SECTIONS)


def test_the_specification_has_every_array_and_setting_of_the_model() -> None:
    tables_of_settings = [rows for rows in tables(PAGE) if "Setting" in rows[0]]
    told = [{name for row in rows for name in code_spans(row["Setting"])} for rows in tables_of_settings]
    net = pt.fit(pt.load_dataset("sample"), pt.NeuralNet(layers=(3,), n_epochs=1), choices=False).model
    choices = both_snapshot().choices
    assert choices is not None
    dot = dataclasses.replace(bayes_snapshot().model, y_range=(0.0, 6.0))
    made = [dot, net, choices_snapshot().model, choices.model]
    assert told == [set(model.settings()) for model in made]
    rows = [row for rows in tables(PAGE) for row in rows if "Array" in row]
    named = {name for row in rows for name in code_spans(row["Array"])}
    assert set(made[0].arrays()) <= named
    assert {re.sub(r"_\d+$", "_l", name) for name in net.arrays()} <= named
    assert set(choices.model.arrays()) <= named
    numbers = [name for row in table(PAGE, "Number") for name in code_spans(row["Number"])]
    assert numbers == list(choices.order.settings())


def test_every_version_has_a_kept_file() -> None:
    version = f"{container.FORMAT[0]}.{container.FORMAT[1]}"
    named = [row["Format"] for row in table(PAGE, "Read by")]
    assert named[-1] == version
    for major in {name.partition(".")[0] for name in named}:
        assert (KEPT.parent / f"v{major}.penchant").is_file()
