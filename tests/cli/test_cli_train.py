"""`penchant train`: what it measures, what it saves, and what the user is told."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.cli.outcome import Shell

import penchant
from penchant.cli import solver_options as hyper
from penchant.cli.commands.train import train
from penchant.cli.solver_options import (
    CHOICE_SOLVERS,
    SOLVERS,
    build_choice_solver,
    build_solver,
    documented,
    flag_of,
    hyper_options,
    shown_default,
    solver_class,
)
from penchant.errors import ParameterError
from penchant.fitting import fit as fitting
from penchant.solvers.solver import Epoch, Solver, TrainingData

QUICK = ("--solver", "als", "--epochs", 3, "--n-factors", 2, "--no-choices")


@pytest.fixture(scope="session")
def sample() -> penchant.Ratings:
    return penchant.load_dataset("sample")


def _stars(solver: Solver, ratings: penchant.Ratings) -> penchant.Recommender:
    """What is learned without choices, which take longer."""
    return penchant.fit(ratings, solver, choices=False)


def _same(path: Path, recommender: penchant.Recommender) -> bool:
    saved = penchant.load(path)
    return all(np.array_equal(value, recommender.model.arrays()[name]) for name, value in saved.model.arrays().items())


def test_the_error_is_measured_on_held_out_ratings_and_all_of_them_are_learned(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "films.penchant"
    data = penchant.load_dataset("sample")
    solver = penchant.ALS(n_epochs=3, n_factors=2, rng=4)
    train, test = data.split(0.25, rng=4)
    card = _stars(solver, train).evaluate(test)

    told = shell("train", "sample", "-o", path, "--test-size", 0.25, "--seed", 4, *QUICK)

    assert told.code == 0
    assert _same(path, _stars(solver, data))
    for name, row in {"model": card, **card.baselines}.items():
        cells = ["-" if np.isnan(value) else f"{value:.4f}" for value in (row.rmse, row.mae, row.mse, row.ndcg)]
        assert any(
            line.startswith(name) and line.removeprefix(name).split()[:4] == cells for line in told.out.splitlines()
        )
    assert f"saved {path}" in told.out
    assert f"trained on {len(data):,} ratings" in told.out


def test_progress_and_what_was_read_are_no_result(shell: Shell, tmp_path: Path) -> None:
    told = shell("train", "sample", "-o", tmp_path / "a", *QUICK)

    assert "epoch" not in told.out
    lines = told.err.splitlines()
    header = next(at for at, line in enumerate(lines) if line.split() == ["epoch", "train_loss", "valid_loss", "time"])
    assert [line.split()[0] for line in lines[header + 1 : header + 4]] == ["0", "1", "2"]
    assert "200 users" in told.err
    assert "100 items" in told.err
    assert "held out" in told.err


def test_no_refit_saves_what_was_measured(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "films.penchant"
    train, _ = penchant.load_dataset("sample").split(0.2, rng=0)

    told = shell("train", "sample", "-o", path, "--no-refit", "--json", *QUICK)

    assert _same(path, _stars(penchant.ALS(n_epochs=3, n_factors=2), train))
    assert told.json["n_trained_on"] == len(train)


def test_nothing_held_out_measures_nothing(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "films.penchant"
    data = penchant.load_dataset("sample")

    told = shell("train", "sample", "-o", path, "--test-size", 0, "--json", *QUICK)

    assert _same(path, _stars(penchant.ALS(n_epochs=3, n_factors=2), data))
    assert told.json["evaluation"] is None
    assert told.json["history"][0]["valid_loss"] is None
    assert "rmse" not in shell("train", "sample", "-o", path, "--test-size", 0, *QUICK).out


def test_json_tells_all_that_people_are_told(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "films.penchant"

    told = shell("train", "sample", "-o", path, "--json", *QUICK).json

    assert isinstance(told, dict)
    assert told["file"] == str(path)
    assert told["solver"]["n_factors"] == 2
    assert told["solver"]["name"] == "als"
    assert [row["epoch"] for row in told["history"]] == [0, 1, 2]
    assert all(row["valid_loss"] > 0 for row in told["history"])
    assert set(told["evaluation"]["scores"]) == {"model", "global mean", "item mean", "bias only", "most rated"}
    assert told["n_ratings"] == told["n_trained_on"] == told["report"]["n_ratings"]
    assert told["interrupted"] is False


# -- hyper-parameters: one source of truth --


def _plain_fields(solver: type) -> list[dataclasses.Field[object]]:
    """Those that are no solvers themselves."""
    return [field for field in dataclasses.fields(solver) if field.default_factory is dataclasses.MISSING]


def _line_of(flag: str, shown: str) -> str:
    [line] = [line for line in shown.splitlines() if line.lstrip("│ *").startswith(f"{flag} ")]
    return line


@pytest.mark.parametrize("name", [*SOLVERS, *CHOICE_SOLVERS])
def test_help_shows_the_defaults_of_the_signature(shell: Shell, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    monkeypatch.setenv("TERMINAL_WIDTH", "500")
    shown = shell("train", "--help").out

    for field in _plain_fields(solver_class(name)):
        line = _line_of(flag_of(field.name), shown)
        default = shown_default(field.default)
        assert f"[default: {default}]" in line or re.search(rf"\[default: .*{name} {re.escape(default)}[,\]]", line)
        assert line.count("default") == 1


def test_help_says_which_solver_an_option_is_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    monkeypatch.setenv("TERMINAL_WIDTH", "500")
    shown = shell("train", "--help").out

    assert "(bayes and choice_bayes only)" in _line_of("--draws", shown)
    assert "(choice_mix only)" in _line_of("--share", shown)
    assert "(als, adam, neural and choice_als only)" in _line_of("--epochs", shown)
    assert "only)" not in _line_of("--seed", shown)
    assert "0.5,5.5" not in _line_of("--layers", shown)
    assert "NUMBERS" in _line_of("--layers", shown)
    assert "multiple of --chains" in _line_of("--draws", shown)  # and not of n_chains
    assert "such as age,sex and genres,year" in _line_of("--user-features", shown)  # and not ("age", "sex")
    assert "seed or generator. [" in _line_of("--seed", shown)  # in the words of the default solver


@pytest.mark.parametrize("name", [*SOLVERS, *CHOICE_SOLVERS])
def test_every_hyper_parameter_is_described_and_can_be_set(name: str) -> None:
    solver = solver_class(name)
    names = [field.name for field in dataclasses.fields(solver)]  # type: ignore[arg-type]

    assert set(documented(solver)) == set(names)
    assert all(documented(solver).values())
    assert {field.name for field in _plain_fields(solver)} <= {one.name for one in hyper_options()}
    assert solver_class(name).name == name
    build = build_solver if name in SOLVERS else build_choice_solver
    assert build(name, {}) == solver()


def test_the_default_solvers_are_those_of_the_library(sample: penchant.Ratings) -> None:
    shown = inspect.signature(train).parameters["solver"].annotation.__metadata__[0].show_default

    assert shown == f"{next(iter(SOLVERS))}; with --choices-only {next(iter(CHOICE_SOLVERS))}"
    few = sample.take(range(100))
    assert penchant.fit(few, choices=False).solver["name"] == next(iter(SOLVERS))
    assert type(fitting.choice_solver(True)) is solver_class(next(iter(CHOICE_SOLVERS)))


def test_the_options_of_bayes(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "films.penchant"
    few = ("--draws", 6, "--burn", 2, "--chains", 2, "--n-factors", 2)
    features = ("--item-features", "genres, year", "--user-features", "age,")

    told = shell(
        "train", "sample", "-o", path, "--test-size", 0, "--no-implicit", "--no-choices", "--json", *few, *features
    )

    assert told.code == 0, told.err
    solver = penchant.Bayes(
        n_factors=2, n_draws=6, n_burn=2, n_chains=2, implicit=False,
        user_features=("age",), item_features=("genres", "year"),
    )  # fmt: skip
    assert told.json["solver"] == fitting.solver_settings(solver)
    assert told.json["solver"]["item_features"] == ["genres", "year"]
    assert _same(path, _stars(solver, penchant.load_dataset("sample")))
    assert "implicit=no" in shell("info", path).out


@pytest.mark.parametrize(("option", "wanted"), [((), True), (("--implicit",), True), (("--no-implicit",), False)])
def test_implicit_is_a_switch(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...], wanted: bool
) -> None:
    asked: list[object] = []

    def note_and_stop(ratings: penchant.Ratings, solver: object, **_: object) -> None:
        asked.append(solver)
        raise ParameterError("seen enough")

    monkeypatch.setattr(fitting, "fit", note_and_stop)
    shell("train", "sample", "-o", tmp_path / "a", *option).fails(2, "seen enough")

    assert [solver.implicit for solver in asked] == [wanted]  # type: ignore[attr-defined]


class _First:
    """A solver.

    Args:
        lr, reg: how
            fast (default 3).

            With a gap.
        plain: yes.

    Raises:
        Nothing: at all.
    """


def test_the_text_of_an_argument_goes_on_over_lines_and_is_shared_by_names() -> None:
    text = "how fast. With a gap."

    assert documented(_First) == {"lr": text, "reg": text, "plain": "yes."}


@dataclasses.dataclass(frozen=True)
class _Other:
    n_factors: int = 7
    lr: float = 0.5


def test_two_solvers_share_options_and_each_names_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hyper, "SOLVERS", {**SOLVERS, "other": f"{__name__}:_Other"})

    helps = {one.name: one.annotation.__metadata__[0].help for one in hyper_options()}

    first = f"bayes {penchant.Bayes().n_factors}, als {penchant.ALS().n_factors}, adam {penchant.Adam().n_factors}, "
    assert f"default: {first}other 7, choice_als none" in helps["n_factors"]
    assert "(adam, neural and other only) \\[default: adam 0.005, neural 0.005, other 0.5]" in helps["lr"]
    assert "(als only)" in helps["bias_reg"]
    every = "bayes, als, adam, neural, choice_mix, choice_als, choice_bayes and ease"
    assert f"({every} only)" in helps["rng"]
    with pytest.raises(ParameterError, match=r"--lr is no option of the solver als, but of adam, neural and other$"):
        build_solver("als", {"lr": 1.0})
    with pytest.raises(ParameterError, match=rf"--seed is no option of the solver other, but of {every}$"):
        build_solver("other", {"rng": 1})


@dataclasses.dataclass(frozen=True)
class _Picky:
    reg: float = 0.5

    def __post_init__(self) -> None:
        raise ParameterError("whatever it is, no")


def test_an_error_that_names_no_hyper_parameter_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hyper, "SOLVERS", {"picky": f"{__name__}:_Picky"})

    with pytest.raises(ParameterError, match=r"^whatever it is, no$"):
        build_solver("picky", {"reg": 1.0})


@dataclasses.dataclass(frozen=True)
class _Unreadable:
    table: dict[str, int] = dataclasses.field(default_factory=dict)


def test_a_hyper_parameter_that_no_shell_can_read_is_the_developers_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hyper, "SOLVERS", {"bad": f"{__name__}:_Unreadable"})

    with pytest.raises(TypeError, match="no form in the shell"):
        hyper_options()


# -- mistakes --


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--solver", "svd"), 2, ["svd", "als"]),
        (("--epochs", "0"), 2, ["--epochs is no option of the solver bayes, but of als"]),
        (("--solver", "als", "--epochs", "0"), 2, ["error: --epochs is 0: use at least 1"]),
        (("--solver", "als", "--no-implicit"), 2, ["--no-implicit is no option of the solver als, but of bayes"]),
        (("--draws", "0"), 2, ["error: --draws is 0: use a whole number from 1"]),
        (("--chains", "0"), 2, ["error: --chains is 0: use"]),
        (("--burn", "-1"), 2, ["error: --burn is -1: use"]),
        (("--n-factors", "-1"), 2, ["error: --n-factors is -1: use"]),
        (("--item-features", "gender"), 2, ["gender", "title, year, genres"]),
        (("--user-features", "genres"), 2, ["genres", "age, sex, occupation"]),
        (("--item-features", "year,year"), 2, ["year, year"]),
        (("--epochs", "many"), 2, ["--epochs", "penchant train --help"]),
        (("--solver", "als", "--reg", "-1"), 2, ["error: --reg is -1.0: use"]),
        (("--solver", "als", "--reg", "nan"), 2, ["error: --reg is nan: use"]),
        (("--test-size", "1"), 2, ["--test-size"]),
        (("--test-size", "-0.1"), 2, ["--test-size"]),
        (("--test-size", "nan"), 2, ["--test-size"]),
        (("--solver", "adam", "--y-range", "5,1"), 2, ["error: --y-range is (5.0, 1.0): use (lo, hi)"]),
        (("--threads", "0"), 2, ["error: --threads is 0: use at least 1"]),
        (("--seed", "-1"), 2, ["--seed is -1: use a whole number of at least 0"]),
        (("--sep", ";"), 2, ["--sep", "sample"]),
        (("--epocks", "3"), 2, ["--epocks"]),
        (("extra",), 2, ["extra"]),
    ],
)
def test_a_wrong_option(shell: Shell, tmp_path: Path, options: tuple[str, ...], code: int, words: list[str]) -> None:
    shell("train", "sample", "-o", tmp_path / "a", *options).fails(code, *words)

    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named(shell: Shell, tmp_path: Path) -> None:
    shell("train").fails(2, "RATINGS")
    shell("train", "sample").fails(2, "-o")


def test_an_output_that_can_not_be_written_is_found_out_before_the_training(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("trained in vain")

    monkeypatch.setattr(fitting, "fit", never)
    shell("train", "sample", "-o", tmp_path / "no" / "a").fails(6, "no folder")
    shell("train", "sample", "-o", tmp_path).fails(6, "is a folder")
    monkeypatch.setattr(os, "access", lambda *_: False)
    shell("train", "sample", "-o", tmp_path / "a").fails(6, "can't be written")


def test_two_ratings_are_too_few_to_hold_any_out(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("user,item,rating\n1,2,3\n2,2,4\n")

    shell("train", tmp_path / "two.csv", "-o", tmp_path / "a").fails(2, "--test-size is 0.2", "--test-size 0 ")
    told = shell("train", tmp_path / "two.csv", "-o", tmp_path / "a", "--test-size", 0)
    assert told.code == 0
    assert told.out.endswith("trained on 2 ratings\n")


# -- Ctrl-C --


def _interrupt_in_training(monkeypatch: pytest.MonkeyPatch, *, number: int, after: int) -> None:
    """Press Ctrl-C in the `number`-th training, when so many epochs are done."""
    through = penchant.ALS.epochs
    started = 0

    def epochs(self: penchant.ALS, data: TrainingData) -> Iterator[Epoch]:  # type: ignore[type-arg]
        nonlocal started
        if self.n_factors:  # not a baseline
            started += 1
        for at, epoch in enumerate(through(self, data)):
            if self.n_factors and started == number and at == after:
                raise KeyboardInterrupt
            yield epoch

    monkeypatch.setattr(penchant.ALS, "epochs", epochs)


def test_ctrl_c_keeps_the_epochs_so_far(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _interrupt_in_training(monkeypatch, number=1, after=2)

    told = shell("train", "sample", "-o", tmp_path / "a", "--json", *QUICK)

    assert told.code == 130
    assert told.err.splitlines()[-1] == f"interrupted: {tmp_path / 'a'} holds the recommender as it was after 2 epochs"
    assert "error" not in told.err
    assert told.json["interrupted"] is True
    assert len(penchant.load(tmp_path / "a").history) == 2


def test_ctrl_c_while_all_is_learned_keeps_what_was_measured(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, _ = penchant.load_dataset("sample").split(0.2, rng=0)
    _interrupt_in_training(monkeypatch, number=2, after=1)

    told = shell("train", "sample", "-o", tmp_path / "a", "--json", *QUICK)

    assert told.code == 130
    assert "the recommender that was measured" in told.err.splitlines()[-1]
    assert told.json["interrupted"] is True
    assert told.json["n_trained_on"] == len(train)
    assert len(penchant.load(tmp_path / "a").history) == 3


def test_ctrl_c_before_the_first_epoch_ends_with_130_and_leaves_no_file(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _interrupt_in_training(monkeypatch, number=1, after=0)

    told = shell("train", "sample", "-o", tmp_path / "a", *QUICK)

    told.fails(130, "interrupted")
    assert list(tmp_path.iterdir()) == []


def test_tuples_of_numbers_are_written_with_commas() -> None:
    assert build_solver("neural", {"layers": "30, 5", "y_range": "0,5.5"}) == penchant.NeuralNet(
        layers=(30, 5), y_range=(0.0, 5.5)
    )
    with pytest.raises(ParameterError, match=r"--layers is '30;5': use numbers with commas, such as 20,10"):
        build_solver("neural", {"layers": "30;5"})
    with pytest.raises(ParameterError, match=r"^y_range is .* \(lo, hi\)"):
        build_solver("adam", {"y_range": "5,1"})
