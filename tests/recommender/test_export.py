"""Items for other programs, and the JavaScript of docs/phone.md that scores them."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from tests.docs_reader import ROOT, blocks
from tests.random_models import random_model, random_net

import penchant
from penchant.data.vocab import Vocab
from penchant.errors import ParameterError, SourceError, UnsupportedError
from penchant.models.choice.ranking_order import RankingOrder
from penchant.models.dot_bias import DotBias
from penchant.recommender.exchange import write_export
from penchant.storage import LearnedChoices, Snapshot
from penchant.storage.exports.choice_export import ChoiceExport
from penchant.storage.exports.item_export import ItemExport

SCALE = (1.0, 5.0)
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node, to run JavaScript")


@pytest.fixture(scope="module")
def rec() -> penchant.Recommender:
    return penchant.fit(penchant.load_dataset("sample"), penchant.ALS(n_factors=4, n_epochs=3), choices=False)


def exported(model: DotBias, precision: float = 1e-6) -> dict[str, Any]:
    export = ItemExport(model.scoring_rule(), list(range(model.n_items)), None, SCALE)
    document: dict[str, Any] = json.loads(export.to_json(precision))
    return document


def rows_of(document: dict[str, Any]) -> np.ndarray:
    return np.array(document["rows"]) * np.array(document["steps"])


# -- what is in the files --


def test_json_holds_the_items(rec: penchant.Recommender, tmp_path: Path) -> None:
    path = write_export(rec._state, tmp_path / "items.json")
    told = json.loads(path.read_bytes())

    assert told["ids"] == rec.items.ids.tolist()
    assert told["titles"] == rec.item_attributes["title"].tolist()
    assert told["rating_scale"] == [1, 5]
    assert path.stat().st_size < 20_000
    assert "choices" not in told
    listed = {key for row in _keys_of_the_page() for key in row}
    assert set(told) <= listed


def _keys_of_the_page() -> list[list[str]]:
    from tests.docs_reader import code_spans, table

    return [code_spans(row["Key"]) for row in table(ROOT / "docs" / "phone.md", "Key")]


@pytest.mark.parametrize("precision", [1e-2, 1e-3, 1e-5])
@pytest.mark.parametrize("y_range", [None, (0.5, 5.5)])
def test_rounding_moves_predictions_by_no_more_than_was_asked(
    precision: float, y_range: tuple[float, float] | None
) -> None:
    model = random_model(3, n_users=200, n_items=300, n_factors=5, y_range=y_range)
    rows = rows_of(exported(model, precision))
    error = np.column_stack([model.item_factors, model.item_biases]).astype(np.float64) - rows
    moved = error @ np.column_stack([model.user_factors, np.ones(model.n_users)]).T

    steepest = 1 if y_range is None else (y_range[1] - y_range[0]) / 4
    assert 0.3 * precision < steepest * moved.std() < 1.2 * precision


def test_a_factor_that_nobody_uses_and_no_factors_at_all() -> None:
    model = random_model(1)
    unused = replace(model, user_factors=model.user_factors * np.float32([1, 0, 1]))
    assert np.isfinite(rows_of(exported(unused))).all()
    none = penchant.ALS(n_factors=0, n_epochs=2).fit(penchant.load_dataset("sample"))
    assert isinstance(none.model, DotBias)
    assert rows_of(exported(none.model)).shape == (100, 1)


def test_parquet_holds_what_the_model_holds(rec: penchant.Recommender, tmp_path: Path) -> None:
    path = write_export(rec._state, tmp_path / "items.parquet")
    table = parquet.read_table(path)
    head = json.loads(table.schema.metadata[b"penchant"])

    assert isinstance(rec.model, DotBias)
    assert table.column_names == ["item_id", "title", "bias", "factors", "weight"]
    assert np.array_equal(np.array(table["factors"].to_pylist(), np.float32), rec.model.item_factors)
    assert np.array_equal(table["bias"].to_numpy(), rec.model.item_biases)
    assert head["mean"] == pytest.approx(rec.model.global_mean, rel=1e-5)
    rich = ItemExport(random_model(2, rich=True).scoring_rule(), [*"abcdefghi"], None, SCALE).to_table()
    assert rich.column_names == ["item_id", "bias", "factors", "weight", "choice"]


def test_parquet_scores_as_the_recommender_does(rec: penchant.Recommender, tmp_path: Path) -> None:
    table = parquet.read_table(write_export(rec._state, tmp_path / "items.parquet"))
    mean = json.loads(table.schema.metadata[b"penchant"])["mean"]
    assert isinstance(rec.model, DotBias)
    user = 5

    eta = np.array(table["factors"].to_pylist()) @ rec.model.user_factors[user] + table["bias"].to_numpy()
    predicted = np.clip(mean + eta + rec.model.user_biases[user], 1, 5)

    assert predicted == pytest.approx(rec.predict(table["item_id"].to_pylist(), rec.users[user]), abs=1e-4)


def test_the_name_says_the_format(rec: penchant.Recommender, tmp_path: Path) -> None:
    assert write_export(rec._state, tmp_path / "a.JSON").read_bytes().startswith(b"{")
    assert write_export(rec._state, tmp_path / "a.pq").read_bytes().startswith(b"PAR1")
    assert write_export(rec._state, tmp_path / "a.bin", "parquet").read_bytes().startswith(b"PAR1")
    for name, told in (("a.bin", None), ("a.json", "csv"), ("a", "JSON")):
        with pytest.raises(ParameterError, match="format is"):
            write_export(rec._state, tmp_path / name, told)
    for wrong in (0, -1, float("nan"), float("inf"), "fine"):
        with pytest.raises(ParameterError, match="precision is"):
            write_export(rec._state, tmp_path / "a.json", precision=wrong)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="path is 7"):
        write_export(rec._state, 7)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="no folder"):
        write_export(rec._state, tmp_path / "nowhere" / "a.json")


def with_ids(rec: penchant.Recommender, ids: list[object]) -> Snapshot:
    return replace(rec._state, items=Vocab(ids))


def test_ids_are_numbers_or_text(rec: penchant.Recommender, tmp_path: Path) -> None:
    rows = range(rec.n_items)
    ids = [uuid.UUID(int=row) for row in rows]
    told = json.loads(write_export(with_ids(rec, [*ids]), tmp_path / "a.json").read_bytes())
    assert told["ids"] == [str(one) for one in ids]

    for wrong, words in (([(row, 1) for row in rows], "numbers and text"), ([7, "7", *range(100, 198)], "type alone")):
        with pytest.raises(UnsupportedError, match=words):
            write_export(with_ids(rec, [*wrong]), tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


def test_a_network_of_neurons_is_refused(rec: penchant.Recommender, tmp_path: Path) -> None:
    net = random_net(1)
    with pytest.raises(UnsupportedError, match="dot_bias models"):
        write_export(replace(rec._state, model=net), tmp_path / "a.json")


# -- JavaScript --


def by_javascript(folder: Path, document: dict[str, Any], program: str) -> Any:
    """What a program prints, as JSON, that may use `m` and the functions of docs/phone.md."""
    for block in blocks(ROOT / "docs" / "phone.md"):
        if block.language == "javascript":
            (folder / block.text.split("\n")[0].removeprefix("// ")).write_text(block.text)
    (folder / "items.json").write_text(json.dumps(document))
    imports = 'import { readFileSync } from "node:fs"; import { foldIn } from "./fold-in.mjs";\n'
    imports += 'import { both, choiceRow } from "./choose.mjs";\n'
    imports += 'import { scores } from "./score.mjs"; const m = JSON.parse(readFileSync("items.json"));\n'
    (folder / "test.mjs").write_text(f"{imports}console.log(JSON.stringify({program}));")
    done = subprocess.run(["node", "test.mjs"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_node
@pytest.mark.parametrize("y_range", [None, (0.5, 5.5)])
@pytest.mark.parametrize("rich", [False, True])
def test_scores_in_javascript_are_those_of_the_model(
    tmp_path: Path, y_range: tuple[float, float] | None, rich: bool
) -> None:
    model = random_model(7, n_items=40, rich=rich, y_range=y_range)
    thetas = np.column_stack([model.user_factors, model.user_biases]).tolist()

    found = by_javascript(tmp_path, exported(model), f"{thetas}.map((theta) => scores(m, theta))")

    users, items = np.indices((model.n_users, model.n_items), np.int32).reshape(2, -1)
    wanted = np.clip(model.predict(users, items), *SCALE).reshape(model.n_users, -1)
    assert np.array(found) == pytest.approx(wanted, abs=1e-4)


@needs_node
@pytest.mark.parametrize("rich", [False, True])
def test_tastes_in_javascript_are_those_of_the_model(tmp_path: Path, rich: bool) -> None:
    model = random_model(8, n_items=40, rich=rich)
    rng = np.random.default_rng(1)
    people = [rng.permutation(40)[:n].astype(np.int32) for n in (0, 1, 2, 10, 40)]
    stars = [rng.integers(1, 6, len(rows)).astype(np.float32) for rows in people]
    pairs = [np.column_stack(one).tolist() for one in zip(people, stars, strict=True)]

    found = by_javascript(tmp_path, exported(model), f"{pairs}.map((mine) => foldIn(m, mine))")

    for theta, rows, given in zip(found, people, stars, strict=True):
        assert theta == pytest.approx(model.fold_in_user(rows, given).mean, abs=2e-3)


@needs_node
def test_javascript_predicts_as_the_recommender_does(tmp_path: Path) -> None:
    solver = penchant.Bayes(n_factors=3, n_draws=10, n_burn=5, n_chains=1)
    rec = penchant.fit(penchant.load_dataset("sample"), solver)
    mine = {rec.items[row]: float(stars) for row, stars in zip((3, 20, 50, 77), (5, 4, 1, 2), strict=True)}
    document = json.loads(write_export(rec._state, tmp_path / "items.json").read_bytes())
    pairs = [[document["ids"].index(item), stars] for item, stars in mine.items()]

    found = by_javascript(tmp_path, document, f"scores(m, foldIn(m, {pairs}))")

    assert found == pytest.approx(rec.predict(list(rec.items), ratings=mine), abs=0.01)
    stranger = by_javascript(tmp_path, document, "scores(m, m.prior.cold_mean)")
    assert stranger == pytest.approx(rec.predict(list(rec.items), ratings={}), abs=0.01)


# -- choices --

ALS = penchant.ChoiceALS(n_factors=4, reg=3.0, n_epochs=2)
LEARNERS = {
    "als": ALS,
    "ease": penchant.EASE(n_factors=5),
    "mix": penchant.ChoiceMix(ease=penchant.EASE(n_factors=5), factors=ALS),
}


@pytest.fixture(scope="module", params=list(LEARNERS))
def both(request: pytest.FixtureRequest) -> penchant.Recommender:
    solver = penchant.ALS(n_factors=4, n_epochs=3)
    return penchant.fit(penchant.load_dataset("sample"), solver, choices=LEARNERS[request.param])


def choices_of(rec: penchant.Recommender) -> LearnedChoices:
    assert rec._state.choices is not None
    return rec._state.choices


def choosing(rec: penchant.Recommender, precision: float) -> dict[str, Any]:
    learned = choices_of(rec)
    told: dict[str, Any] = ChoiceExport(learned.model, learned.order).document(precision)
    return json.loads(json.dumps(told))  # type: ignore[no-any-return]


@pytest.mark.parametrize("precision", [1e-2, 1e-4])
def test_rounding_moves_scores_of_choice_by_no_more_than_was_asked(
    both: penchant.Recommender, precision: float
) -> None:
    model, told = choices_of(both).model, choosing(both, precision)
    rows = np.array(told["rows"]) * np.array(told["steps"])
    p = model.user_factors.astype(np.float64)
    wanted = p @ model.item_factors.T.astype(np.float64)
    moved = (p @ rows[:, :-1].T + rows[:, -1]) - (wanted + model.item_biases)
    assert 0.2 * 10 * precision < moved.std() / np.sqrt(np.mean(wanted**2)) < 1.5 * 10 * precision


def test_choosing_has_what_the_page_says(both: penchant.Recommender, tmp_path: Path) -> None:
    from tests.docs_reader import code_spans, table

    told = json.loads(write_export(both._state, tmp_path / "a.json").read_bytes())
    page = ROOT / "docs" / "phone.md"
    assert set(told["choosing"]) == {key for row in table(page, "Name") for key in code_spans(row["Name"])}
    assert set(told) <= {key for row in _keys_of_the_page() for key in row}
    kept = parquet.read_table(write_export(both._state, tmp_path / "a.parquet"))
    model = choices_of(both).model
    assert np.array_equal(np.array(kept["choice_factors"].to_pylist(), np.float32), model.item_factors)
    assert np.array_equal(kept["choice_bias"].to_numpy(), model.item_biases)
    assert np.array_equal(kept["popularity"].to_numpy(), model.item_popularity)
    if model.item_inputs.shape[1]:
        assert np.array_equal(np.array(kept["choice_inputs"].to_pylist(), np.float32), model.item_inputs)
    else:
        assert "choice_inputs" not in kept.column_names
    head = json.loads(kept.schema.metadata[b"penchant"])["choosing"]
    assert head == {name: told["choosing"][name] for name in head}


def test_parquet_scores_choices_as_the_recommender_does(both: penchant.Recommender, tmp_path: Path) -> None:
    table = parquet.read_table(write_export(both._state, tmp_path / "a.parquet"))
    order = RankingOrder.from_settings(json.loads(table.schema.metadata[b"penchant"])["choosing"]["order"])
    row = choices_of(both).model.user_factors[5]
    scores = np.array(table["choice_factors"].to_pylist()) @ row + table["choice_bias"].to_numpy()
    found = both.recommend(both.users[5], 100, by="choice", exclude_seen=False).set_index("item_id")["score"]
    assert np.exp(order.log_choice(scores)) == pytest.approx(found[table["item_id"].to_pylist()].to_numpy(), rel=1e-3)


@needs_node
def test_lists_by_both_in_javascript_are_those_of_python(both: penchant.Recommender, tmp_path: Path) -> None:
    document = json.loads(write_export(both._state, tmp_path / "items.json", precision=1e-5).read_bytes())
    mine, seen = {both.items[3]: 5.0, both.items[20]: 1.0}, both.items.ids[[50, 77]].tolist()
    pairs = [[both.items.index(item), stars] for item, stars in mine.items()]
    chosen = [both.items.index(item) for item in seen]
    for told, more in ((mine, seen), ({}, []), (mine, [])):
        arguments = f"m, {pairs if told else []}, {chosen if more else []}"
        found = by_javascript(tmp_path, document, f"both({arguments})")
        table = both.recommend(ratings=told, chosen=more, n=100, exclude_seen=False).set_index("item_id")
        assert np.exp(found) == pytest.approx(table["score"][both.items.ids.tolist()].to_numpy(), rel=0.01)
    row = by_javascript(tmp_path, document, f"choiceRow(m, {chosen})")
    assert row == pytest.approx(both.fold_in(chosen=seen).choice.factors, rel=0.01, abs=0.002)


@needs_node
def test_chances_of_liking_in_javascript(tmp_path: Path) -> None:
    """The logarithm of the normal distribution, from far below to far above."""
    from scipy.special import log_ndtr

    z = [-30.0, -8.0, -4.1, -3.9, -1.0, 0.0, 0.5, 3.0, 7.0]
    for block in blocks(ROOT / "docs" / "phone.md"):
        if block.text.startswith("// choose.mjs"):
            body = block.text[block.text.index("function logNormal") :]
    (tmp_path / "z.mjs").write_text(f"{body}console.log(JSON.stringify({z}.map(logNormal)));")
    done = subprocess.run(["node", "z.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == pytest.approx(log_ndtr(z), rel=1e-7, abs=1e-11)


@needs_node
def test_a_recommender_of_choices_alone(tmp_path: Path) -> None:
    rec = penchant.fit(penchant.load_dataset("sample").choices(), LEARNERS["mix"])
    document = json.loads(write_export(rec._state, tmp_path / "items.json", precision=1e-5).read_bytes())
    assert set(document) == {"format", "version", "ids", "titles", "choosing"}
    seen = rec.items.ids[[50, 77]].tolist()
    found = by_javascript(tmp_path, document, "both(m, [], [50, 77])")
    table = rec.recommend(chosen=seen, n=100, exclude_seen=False).set_index("item_id")
    assert np.exp(found) == pytest.approx(table["score"][rec.items.ids.tolist()].to_numpy(), rel=0.01)
    columns = parquet.read_table(write_export(rec._state, tmp_path / "a.parquet")).column_names
    assert columns == ["item_id", "title", "popularity", "choice_bias", "choice_factors", "choice_inputs"]
