"""A third model, added as docs/architecture.md says: a class, and a line in each of three tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conformance import test_conformance as conformance
from tests.toy_model import Means, TwoMeans

import penchant as pt
from penchant.cli import main
from penchant.cli.solver_options import SOLVERS
from penchant.data.ratings import Ratings
from penchant.errors import UnsupportedError
from penchant.storage.kinds import KINDS

SHARED = [  # tests of the conformance suite that take a solver, a table and at most a folder
    name
    for name in dir(conformance)
    if name.startswith("test_")
    and {"solver", "sample"} <= {*vars(conformance)[name].__annotations__}
    and {*vars(conformance)[name].__annotations__} <= {"solver", "sample", "tmp_path", "return"}
]

EXCEPTIONS = {
    "test_train_loss_is_the_error_on_the_training_ratings": "it has one epoch, so there is no first to be better than",
}


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, TwoMeans.kind, TwoMeans)
    monkeypatch.setitem(SOLVERS, "means", "tests.toy_model:Means")  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def sample() -> Ratings:
    return pt.load_dataset("sample")


@pytest.mark.parametrize("name", [name for name in SHARED if name not in EXCEPTIONS])
def test_it_passes_the_conformance_suite(name: str, sample: Ratings, tmp_path: Path) -> None:
    given = {"solver": Means(), "sample": sample, "tmp_path": tmp_path}
    test = getattr(conformance, name)
    test(**{key: given[key] for key in test.__annotations__ if key in given})


def test_the_suite_is_worth_its_name() -> None:
    assert len(SHARED) >= 12


def test_the_library_answers(sample: Ratings, tmp_path: Path) -> None:
    train, test = sample.split(0.2, rng=1)
    rec = Means().fit(train)
    user, item = rec.users[0], rec.items[0]
    assert rec.predict(item, user) == pytest.approx((rec.model.users[0] + rec.model.items[0]) / 2)
    assert rec.evaluate(test).rmse < rec.evaluate(test).baselines["global mean"].rmse
    assert len(rec.recommend(user, n=4, where={"genres": "Comedy"})) == 4
    assert next(rec.recommend_all(n=2)).num_rows == 2 * rec.n_users
    assert len(rec.item_table()) == rec.n_items
    again = pt.load(rec.save(tmp_path / "two.penchant"))
    assert again.predict(item, user) == rec.predict(item, user)
    assert repr(again).startswith("Recommender(two_means: 200 users")


def test_what_it_can_not_do_it_says(sample: Ratings) -> None:
    rec = Means().fit(sample)
    user, item = rec.users[0], rec.items[0]
    questions = {
        "can't take in a person; dot_bias and embedding_nn models can": lambda: rec.recommend(ratings={item: 5}),
        "can't be taken apart": lambda: rec.explain(item, user),
        "does not know how sure it is": lambda: rec.predict(item, user, interval=0.9),
        "does not say which items are alike": lambda: rec.recommend(user, diversity=0.5),
        "has no factors to rotate": rec.poles,
        "learns no item biases": rec.item_biases,
        "which answers tell most": rec.ask_next,
        "can't take in an item": lambda: rec.add_item("new"),
        "can't take in ratings": lambda: rec.update({"user": [user], "item": [item], "rating": [1.0]}),
        "can't unlearn": lambda: rec.forget(user, refresh_items=True),
        "has no factors that a few lines": lambda: rec.export("items.json"),
    }
    for words, ask in questions.items():
        with pytest.raises(UnsupportedError, match=words):
            ask()


def test_the_shell_trains_and_asks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "two.penchant")
    assert main(["train", "sample", "-o", file, "--solver", "means", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["solver"]["name"] == "means"
    assert main(["predict", file, "--user", "1", "--item", "3", "--json"]) == 0
    assert main(["recommend", file, "--user", "1", "-n", "3", "--json"]) == 0
    assert main(["evaluate", file, "sample", "--json"]) == 0
    assert main(["info", file, "--json"]) == 0
    assert '"two_means"' in capsys.readouterr().out
