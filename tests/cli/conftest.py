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
    recommender = penchant.ALS(n_factors=3, n_epochs=4).fit(penchant.load_dataset("sample"))
    return recommender.save(tmp_path_factory.mktemp("saved") / "films.penchant")


@pytest.fixture(scope="session")
def sure_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by Bayes, with few draws: it knows how sure it is."""
    solver = penchant.Bayes(n_factors=2, n_draws=8, n_burn=4, n_chains=2)
    recommender = solver.fit(penchant.load_dataset("sample"))
    return recommender.save(tmp_path_factory.mktemp("sure") / "films.penchant")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV file of 60 ratings by 10 users."""
    rng = np.random.default_rng(5)
    rows = [f"{user},{item},{rng.integers(1, 6)}" for user in range(10) for item in rng.permutation(12)[:6]]
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(["user,item,rating", *rows]) + "\n")
    return path
