"""Figures as files: whole or not at all, HTML that opens without a network, images where a browser is."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest

import penchant as pt
from penchant.errors import ParameterError, SourceError, UnsupportedError

go = pytest.importorskip("plotly.graph_objects", reason="pictures need plotly")

from penchant import plots  # noqa: E402
from penchant.plots.theme import THEMES  # noqa: E402

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CAN_DRAW = importlib.util.find_spec("kaleido") is not None and any(map(shutil.which, BROWSERS))


@pytest.fixture(scope="module")
def rec() -> pt.Recommender:
    return pt.ALS(n_factors=2, n_epochs=2).fit(pt.load_dataset("sample"))


def test_html_is_whole_offline_and_the_same_each_time(rec: pt.Recommender, tmp_path: Path) -> None:
    figure = plots.bias_ranking(rec, 3, theme="dark")
    first, second = (plots.save(figure, tmp_path / name) for name in ("one.html", "two.HTML"))
    text = first.read_text(encoding="utf-8")
    assert first.read_bytes() == second.read_bytes()
    assert text.startswith("<!DOCTYPE html>")
    assert "<title>The 3 most liked items, beyond taste</title>" in text
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", text)
    assert len(text) > 1_000_000  # Plotly's program is in it
    assert THEMES["dark"].ground in text[:500]


def test_html_of_somebody_elses_figure(tmp_path: Path) -> None:
    assert plots.save(go.Figure(), tmp_path / "a.html").stat().st_size > 1_000_000


@pytest.mark.skipif(not CAN_DRAW, reason="no kaleido, Chrome or Chromium here")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the browser's pipes
@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF")])
def test_images(rec: pt.Recommender, tmp_path: Path, suffix: str, start: bytes) -> None:
    file = plots.save(plots.ratings_histogram(rec), tmp_path / f"a.{suffix}", scale=1)
    assert file.read_bytes().startswith(start)


def test_an_image_that_can_not_be_drawn_says_what_to_install(
    rec: pt.Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old.png"
    old.write_bytes(b"as it was")

    class Broken:
        @staticmethod
        def calc_fig_sync(*_: object, **__: object) -> bytes:
            raise RuntimeError("no browser\nmore")

    monkeypatch.setitem(sys.modules, "kaleido", Broken)
    with pytest.raises(UnsupportedError, match=r"Chromium.*\(no browser\).*plotly_get_chrome.*\.html"):
        plots.save(plots.ratings_histogram(rec), old)
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(UnsupportedError, match=r"penchant\[plot\]"):
        plots.save(plots.ratings_histogram(rec), old)
    assert old.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [old]


def test_files_that_can_not_be(rec: pt.Recommender, tmp_path: Path) -> None:
    figure = plots.ratings_histogram(rec)
    for wrong in ("a.gif", "a", 7):
        with pytest.raises(ParameterError):
            plots.save(figure, wrong)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="figure"):
        plots.save("figure", tmp_path / "a.html")
    with pytest.raises(ParameterError, match="scale"):
        plots.save(figure, tmp_path / "a.png", scale=0)
    with pytest.raises(SourceError):
        plots.save(figure, tmp_path / "nowhere" / "a.html")
