"""The shell in process: `shell("train", "sample", "-o", file)` gives exit code, stdout and stderr."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.cli.outcome import Outcome, Shell

import penchant
from penchant.cli import main

CHOICES = penchant.ChoiceALS(n_factors=8, reg=3.0, n_epochs=3)  # quick


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    def run(*arguments: object, stdin: bytes | None = None) -> Outcome:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recommender trained on the built-in sample, saved."""
    recommender = penchant.fit(penchant.load_dataset("sample"), penchant.ALS(n_factors=3, n_epochs=4), choices=CHOICES)
    return recommender.save(tmp_path_factory.mktemp("saved") / "films.penchant")


@pytest.fixture(scope="session")
def sure_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by Bayes, with few draws: it knows how sure it is."""
    solver = penchant.Bayes(n_factors=2, n_draws=8, n_burn=4, n_chains=2)
    recommender = penchant.fit(penchant.load_dataset("sample"), solver, choices=CHOICES)
    return recommender.save(tmp_path_factory.mktemp("sure") / "films.penchant")


@pytest.fixture(scope="session")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recommender that was learned from who rated what in the sample, without stars, saved."""
    recommender = penchant.fit(penchant.load_dataset("sample").choices(), CHOICES)
    return recommender.save(tmp_path_factory.mktemp("clicks") / "clicks.penchant")


@pytest.fixture
def plays(tmp_path: Path) -> Path:
    """A CSV file of 360 plays of 20 songs by 40 users: two kinds of users, who hear other songs."""
    rng = np.random.default_rng(3)
    rows = [
        f"{user},s{(10 * (user % 2) + song) % 20},{rng.integers(1, 9)}"
        for user in range(40)
        for song in rng.permutation(12)[:9]
    ]
    path = tmp_path / "plays.csv"
    path.write_text("\n".join(["user,song,plays", *rows]) + "\n")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV file of 60 ratings by 10 users."""
    rng = np.random.default_rng(5)
    rows = [f"{user},{item},{rng.integers(1, 6)}" for user in range(10) for item in rng.permutation(12)[:6]]
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(["user,item,rating", *rows]) + "\n")
    return path
