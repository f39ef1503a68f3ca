"""The shell on both questions, would you choose it and would you like it: training, lists, files without stars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import CHOICES
from tests.cli.outcome import Shell

import penchant
from penchant import datasets
from penchant.cli.solver_options import CHOICE_SOLVERS, build_choice_solver, build_solver
from penchant.errors import ParameterError
from penchant.text import Argument

SMALL = ("--choices-only", "--solver", "choice_als", "--n-factors", 4, "--reg", 3, "--epochs", 3)
QUICK = ("--solver", "als", "--epochs", 2, "--n-factors", 2)


@pytest.fixture
def quick_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default solver of choices with few columns and epochs."""
    quick = penchant.ChoiceMix(ease=penchant.EASE(n_factors=8), factors=CHOICES)
    monkeypatch.setattr(penchant.ChoiceMix, "__init__", lambda self, **given: self.__dict__.update(vars(quick) | given))


# -- train --


@pytest.mark.usefixtures("quick_mix")
def test_both_are_learned_unless_they_are_not_wanted(shell: Shell, tmp_path: Path) -> None:
    both, stars = tmp_path / "both", tmp_path / "stars"

    told = shell("train", "sample", "-o", both, "--test-size", 0, "--json", *QUICK)
    assert told.code == 0, told.err
    assert "learning who chose what" in told.err
    assert told.json["choices"]["solver"]["name"] == "choice_mix"
    assert penchant.load(both).info()["choices"] is not None

    told = shell("train", "sample", "-o", stars, "--test-size", 0, "--no-choices", "--json", *QUICK)
    assert "learning who chose what" not in told.err
    assert told.json["choices"] is None
    shell("recommend", stars, "--user", 1, "--by", "choice").fails(7, "knows stars and no choices")


def test_the_seed_and_the_threads_are_those_of_both() -> None:
    mix = build_choice_solver("choice_mix", {"rng": 5, "n_threads": 1, "share": 0.4})

    assert mix == penchant.ChoiceMix(
        ease=penchant.EASE(rng=5), factors=penchant.ChoiceALS(rng=5, n_threads=1), share=0.4, rng=5
    )


def test_a_table_without_stars_is_learned_as_choices(shell: Shell, plays: Path, tmp_path: Path) -> None:
    told = shell("train", plays, "-o", tmp_path / "a", "--item", "song", "--test-size", 0.2, "--json", *SMALL)

    assert told.code == 0, told.err
    solver = penchant.ChoiceALS(n_factors=4, reg=3.0, n_epochs=3)
    table = penchant.read_choices(plays, item="song")
    again = penchant.fit(table, solver)
    saved = penchant.load(tmp_path / "a")
    assert saved.recommend(3).equals(again.recommend(3))
    assert (told.json["n_choices"], told.json["n_users"]) == (360, 40)
    assert "rating_scale" not in told.json
    assert told.json["report"]["columns"]["weight"]["name"] == "plays"
    assert told.json["evaluation"]["scores"]["model"]["rmse"] is None
    assert told.json["evaluation"]["scores"]["model"]["ndcg@10"] > 0
    shown = shell("train", plays, "-o", tmp_path / "a", *SMALL, "--weight", "plays")
    assert "rmse" not in shown.out
    assert "recall@20" in shown.out
    assert "held out: 72 choices" in shown.out
    assert "trained on 360 choices" in shown.out


def test_weights_count(shell: Shell, plays: Path, tmp_path: Path) -> None:
    plays.write_text(plays.read_text().replace("plays", "often", 1))

    for path, options in ((tmp_path / "a", ()), (tmp_path / "b", ("--weight", "often"))):
        assert shell("train", plays, "-o", path, "--test-size", 0, *options, *SMALL).code == 0

    assert not penchant.load(tmp_path / "a").recommend(3).equals(penchant.load(tmp_path / "b").recommend(3))


def test_ratings_can_be_learned_as_choices(shell: Shell, tmp_path: Path) -> None:
    assert shell("train", "sample", "-o", tmp_path / "a", "--test-size", 0, *SMALL).code == 0
    assert not penchant.load(tmp_path / "a").model.knows_stars


def test_without_stars_the_error_names_the_flag(shell: Shell, plays: Path, tmp_path: Path) -> None:
    shell("train", plays, "-o", tmp_path / "a").fails(3, "--rating", "--choices-only")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--solver", "ease"), ["--solver ease", "--choices-only"]),
        (("--choices-only", "--solver", "als"), ["--solver als", "choice_mix"]),
        (("--choices-only", "--solver", "svd"), ["svd", "choice_mix"]),
        (("--choices-only", "--no-choices"), ["--choices-only", "--no-choices"]),
        (("--choices-only", "--lr", "1"), ["--lr is no option of the solver choice_mix"]),
        (("--choices-only", "--share", "2"), ["--share is 2.0"]),
        (("--choices-only", "--rating", "rating"), ["--rating is for a table of ratings"]),
        (("--choices-only", "--scale", "1", "5"), ["--scale is for a table of ratings"]),
        (("--weight", "plays"), ["--weight is for a table of choices"]),
    ],
)
def test_what_does_not_go_together_is_refused(
    shell: Shell, table: Path, tmp_path: Path, options: tuple[str, ...], words: list[str]
) -> None:
    shell("train", table, "-o", tmp_path / "a", *options).fails(2, *words)
    assert not (tmp_path / "a").exists()


def test_each_kind_of_solver_is_built_by_its_own_door() -> None:
    for name in CHOICE_SOLVERS:
        with pytest.raises(ParameterError, match=name):
            build_solver(name, {})
    with pytest.raises(ParameterError, match="learns from stars"):
        build_choice_solver("als", {})


def test_ctrl_c_while_choices_are_learned_keeps_the_stars(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(self: object, data: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(penchant.ChoiceMix, "epochs", stopped)

    told = shell("train", "sample", "-o", tmp_path / "a", "--test-size", 0, *QUICK)

    assert told.code == 130
    assert "without who chose what" in told.err
    assert penchant.load(tmp_path / "a").info()["choices"] is None


# -- lists --


def test_lists_are_those_of_the_library(shell: Shell, films: Path) -> None:
    recommender = penchant.load(films)

    for typed, asked in (
        ((), {}),
        (("--by", "both"), {}),
        (("--by", "choice", "--popularity", -0.5), {"by": "choice", "popularity": -0.5}),
        (("--by", "stars"), {"by": "stars"}),
        (("--min-ratings", 80), {"min_ratings": 80}),
    ):
        shown = shell("recommend", films, "--user", 7, "-n", 4, "--json", *typed).json["items"]
        wanted = recommender.recommend(7, n=4, **asked)
        assert [row["item_id"] for row in shown] == wanted["item_id"].tolist()
        assert ["score" in row for row in shown] == ["score" in wanted] * 4
    table = shell("recommend", films, "--user", 7, "-n", 1).out
    assert table.split("\n")[0].split() == ["rank", "item_id", "title", "score", "predicted"]


def test_somebody_new_by_what_they_chose(shell: Shell, films: Path, tmp_path: Path) -> None:
    recommender = penchant.load(films)
    title = recommender.item_attributes["title"][4]
    (tmp_path / "mine.csv").write_text(f"item,rating\n{recommender.items[9]},5\n")

    told = shell("recommend", films, "--chosen", 3, "--chosen", title, "-n", 3, "--json")
    assert told.json["chosen"] == [3, title]
    wanted = recommender.recommend(chosen=[3, title], n=3)
    assert [row["item_id"] for row in told.json["items"]] == wanted["item_id"].tolist()

    told = shell("recommend", films, "--chosen", 3, "--ratings", tmp_path / "mine.csv", "-n", 3, "--json")
    wanted = recommender.recommend(chosen=[3], ratings={recommender.items[9]: 5}, n=3)
    assert [row["item_id"] for row in told.json["items"]] == wanted["item_id"].tolist()
    assert set(told.json) == {"ratings", "chosen", "items"}

    shell("recommend", films, "--chosen", "Nothing").fails(4, "Nothing")
    shell("recommend", films, "--chosen", 3, "--user", 7).fails(2, "--chosen", "--user")
    shell("recommend", films, "--user", 7, "--popularity", 2).fails(2, "--popularity is 2.0")
    shell("recommend", films, "--user", 7, "--by", "luck").fails(2, "--by is 'luck'")
    shell("recommend", films, "--user", 7, "--by", "stars", "--popularity", 0.5).fails(2, "--popularity", "--by both")
    assert "leave one out" in shell("recommend", films, "--user", 7, "--min-ratings", 999).out


# -- files without stars --


def test_what_a_file_without_stars_can_do(shell: Shell, clicks: Path) -> None:
    recommender = penchant.load(clicks)

    shown = shell("recommend", clicks, "--user", 7, "-n", 3, "--json").json["items"]
    assert [row["item_id"] for row in shown] == recommender.recommend(7, n=3)["item_id"].tolist()
    assert "predicted" not in shown[0]
    items = shell("items", clicks, "-n", 3, "--json").json
    counts = np.bincount(penchant.load_dataset("sample").item_idx)
    assert items[0]["n_choices"] == counts.max()
    assert "mean" not in items[0]
    assert len(shell("map", clicks, "--json").json) == 100
    assert shell("similar", clicks, 3, "-n", 2).code == 0
    told = shell("info", clicks)
    assert "choices solver" in told.out
    assert shell("info", clicks, "--json").json["choices"]["solver"]["name"] == "choice_als"


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "--user", 7, "--item", 3),
        ("items", "--sort", "bias"),
        ("items", "--sort", "mean"),
        ("recommend", "--user", 7, "--by", "stars"),
        ("recommend", "--user", 7, "--interval", 0.9),
    ],
)
def test_what_needs_stars_says_so(shell: Shell, clicks: Path, arguments: tuple[object, ...]) -> None:
    command, *rest = arguments
    shell(command, clicks, *rest).fails(7, "learned from choices, without stars")


def test_ratings_of_somebody_new_are_refused_without_stars(shell: Shell, clicks: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("item,rating\n3,5\n")

    shell("recommend", clicks, "--ratings", tmp_path / "mine.csv").fails(7, "--ratings", "--chosen")


def test_evaluate_reads_choices_where_there_are_no_stars(shell: Shell, clicks: Path) -> None:
    told = shell("evaluate", clicks, "sample", "-k", 5)

    assert told.code == 0, told.err
    names = [line.split()[0] for line in told.out.splitlines()]
    assert "rmse" not in names
    assert "ndcg@5" in names
    assert "6,380 choices of 200 users" in told.out
    assert "rating" not in told.out.replace("most rated", "")
    shell("evaluate", clicks, "sample", "--relevant", 4).fails(2, "--relevant")


@pytest.mark.parametrize("command", ["update", "evaluate"])
def test_a_table_of_plays_is_no_table_of_ratings(shell: Shell, films: Path, plays: Path, command: str) -> None:
    told = shell(command, films, plays, "--item", "song")

    told.fails(3, "looks like the rating", "--rating ...", "read by penchant train --choices-only")
    assert "penchant." not in told.err
    shell("train", plays, "-o", plays.with_suffix(".penchant"), "--item", "song").fails(3, "is read by --choices-only")


def test_evaluate_shows_lists_in_each_order(shell: Shell, films: Path) -> None:
    told = shell("evaluate", films, "sample")

    assert told.out.split("\n")[0].split()[:3] == ["model", "stars", "choice"]
    assert told.out.startswith(" ")
    assert "rmse" in told.out


# -- errors outside of commands --


def test_an_error_outside_of_any_command_is_one_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*, solver_options: bool) -> None:
        raise ParameterError(Argument("n_factors"), " is no good")

    monkeypatch.setattr("penchant.cli.app.build_app", broken)

    shell("--version").fails(2, "n_factors is no good")


def test_an_error_of_a_nested_command_names_its_own_arguments(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ParameterError(Argument("name"), f" is {name!r}: no good")

    monkeypatch.setattr(datasets, "fetch", broken)

    shell("datasets", "fetch", "x").fails(2, "NAME is 'x': no good")


def test_choices_that_came_are_taken_in(shell: Shell, clicks: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("user,item\n7777,3\n7777,8\n")

    told = shell("update", clicks, tmp_path / "new.csv", "-o", tmp_path / "a", "--json")
    assert told.code == 0, told.err
    assert (told.json["n_choices"], told.json["n_users"]) == (2, 1)
    assert len(penchant.load(tmp_path / "a").recommend(7777, n=3)) == 3
    shown = shell("update", clicks, tmp_path / "new.csv", "-o", tmp_path / "b").out
    assert "2 new choices, 1 new user" in shown
    assert "nothing new" in shell("update", tmp_path / "a", tmp_path / "new.csv").out
    assert shell("forget", tmp_path / "a", 7777).code == 0
