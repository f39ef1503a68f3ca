"""The lecture and the book's chapter run as they are, and show what they should: losses, shapes, and who likes what."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from penchant.collab import CollabDataLoaders, EmbeddingDotBias, EmbeddingNN, Learner

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, movielens_100k: Path, tmp_path: Path) -> None:
    """MovieLens, a folder of our own, pictures without a screen, and always the same chance."""
    assert movielens_100k.is_dir()
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda: None)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)


def tables(out: str) -> list[pd.DataFrame]:
    """The tables of epochs in what was printed."""
    found: list[list[list[str]]] = []
    for words in (line.split() for line in out.splitlines()):
        if words[:3] == ["epoch", "train_loss", "valid_loss"]:
            found.append([])
        elif found and len(words) == 4 and words[0] == str(len(found[-1])) and words[3].endswith("s"):
            found[-1].append(words[:3])
    return [pd.DataFrame(rows, columns=["epoch", "train", "valid"]).astype(float) for rows in found]


def test_the_lecture(drawn: None, capsys: pytest.CaptureFixture[str]) -> None:
    names = runpy.run_path(str(EXAMPLES / "lecture.py"))
    out = capsys.readouterr().out
    dls, lrnr, lrnr2 = names["dls"], names["lrnr"], names["lrnr2"]
    assert isinstance(dls, CollabDataLoaders)
    assert names["df"].shape == (100_000, 5)
    assert (dls.train.n, dls.valid.n) == (80_000, 20_000)
    dot, neural = tables(out)
    assert len(dot) == 13
    assert len(neural) == 8
    assert dot["valid"][0] == pytest.approx(1.11, abs=0.08)  # the lecture's tables, and splits differ
    assert dot["valid"][12] == pytest.approx(0.823, abs=0.04)
    assert dot["train"][12] == pytest.approx(0.727, abs=0.05)
    assert neural["valid"].min() == pytest.approx(0.872, abs=0.035)
    assert neural["valid"][7] > neural["valid"].min()  # it learns by heart
    assert neural["train"][7] == pytest.approx(0.722, abs=0.05)

    lines = [
        "  (u_weight): Embedding(944, 10)",
        "  (i_weight): Embedding(1665, 10)",
        "  (u_bias): Embedding(944, 1)",
        "  (i_bias): Embedding(1665, 1)",
    ]
    assert "\n".join(["EmbeddingDotBias(", *lines, ")"]) in out
    assert isinstance(lrnr.model, EmbeddingDotBias)
    assert isinstance(lrnr2.model, EmbeddingNN)
    assert names["x"][:5].shape == (5, 2)
    titles = dls.classes["title"]
    assert (titles[1501], titles[1251]) == ("Titanic (1997)", "Robocop 3 (1993)")
    assert "Robocop 3 (1993)" in titles[names["lst1"]] or lrnr.model.bias(["Robocop 3 (1993)"])[0] < -0.2
    assert "Titanic (1997)" in titles[names["lst2"]]
    assert len(names["lst1"]) == len(names["lst2"]) == 20
    for liked, disliked in (("titanic", "robocop"), ("titanic2", "robocop2")):
        assert names[liked].shape == names[disliked].shape == (30,)
        assert names[liked].mean() > 3.8
        assert names[disliked].mean() < 2.6
        assert (names[liked] > names[disliked]).all()
    shown = lrnr.results()
    assert list(shown) == ["user", "title", "rating", "rating_pred"]
    assert len(shown) == 9


def test_the_books_chapter(drawn: None, capsys: pytest.CaptureFixture[str]) -> None:
    names = runpy.run_path(str(EXAMPLES / "book_chapter_8.py"))
    out = capsys.readouterr().out
    found = tables(out)
    assert [len(table) for table in found] == [5] * 8
    plain, squeezed, biased, decayed, own, ready, layers, neural = (table["valid"][4] for table in found)
    assert plain == pytest.approx(0.88, abs=0.05)
    assert squeezed == pytest.approx(0.87, abs=0.03)
    assert biased == pytest.approx(0.86, abs=0.04)
    assert max(decayed, own, ready) < 0.84  # the book: 0.82
    assert min(decayed, own, ready) > 0.79
    assert decayed < biased
    assert layers == pytest.approx(0.87, abs=0.03)
    assert neural == pytest.approx(0.87, abs=0.03)

    assert "2.14" in out
    assert "-1.61" in out
    assert names["movie_pca"].shape == (1000, 3)
    assert names["embs"] == [(944, 74), (1665, 102)]
    np.testing.assert_allclose(names["user_factors"][3], names["user_factors"].t() @ names["one_hot_3"])
    learn, titles = names["learn"], names["dls"].classes["title"]
    assert isinstance(learn, Learner)
    silence, nearest = titles.o2i["Silence of the Lambs, The (1991)"], int(names["idx"])
    assert 0 < nearest < 1665
    assert nearest != silence
