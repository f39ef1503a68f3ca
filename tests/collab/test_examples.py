"""The example that builds a model by hand: each step is worth what it says, and the invented truth is found again."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

from penchant.collab import EmbeddingDotBias, EmbeddingNN

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def test_a_model_is_built_by_hand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors fall from step to step as the text says, and learned biases are in the order of the true ones."""
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    shown: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(len(plt.gcf().axes)))
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(EXAMPLES / "collab_from_scratch.py"))
    plt.close("all")
    assert shown == [1, 1]

    errors = names["ERRORS"]
    decayed = {wd: errors[f"the same, weight decay {wd:g}"] for wd in names["decays"]}
    assert errors["one number"] > errors["and one each"] > errors["and 8 traits"] > min(decayed.values())
    best = min(decayed, key=decayed.__getitem__)
    assert min(decayed) < best < max(decayed)  # more decay is not always better
    assert errors["and one each"] - min(decayed.values()) > 0.04
    assert names["agreement"] > 0.85

    assert isinstance(names["learn"].model, EmbeddingDotBias)
    assert isinstance(names["neural"].model, EmbeddingNN)
    assert [len(list(module.parameters())) for module in (names["Constant"](3.0), names["Level"](3.0))] == [1, 3]
    assert names["spots"].shape == (20, 2)
    assert int(names["nearest"]) != names["first"]
    assert torch.isfinite(names["alike"]).all()
    out = capsys.readouterr().out
    assert "EmbeddingDotBias(\n  (u_weight): Embedding(201, 8)" in out
    assert "[[ 0.99 -0.69  0.05]\n [-0.86  0.58  0.06]]" in out
