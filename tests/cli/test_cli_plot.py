"""`penchant plot`: pictures of a saved recommender."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.outcome import Shell

import penchant

pytest.importorskip("plotly", reason="pictures need plotly")

EXTRA = {
    "explanation": ("--item", "{title}", "--user", "{user}"),
    "predicted_against_true": ("--test", "sample"),
    "by_popularity": ("--test", "sample"),
}


@pytest.mark.parametrize(
    "kind",
    [
        "learning_curve",
        "ratings_histogram",
        "predicted_against_true",
        "bias_ranking",
        "item-map",
        "explanation",
        "intervals_by_count",
        "by_popularity",
    ],
)
def test_each_kind_is_written(shell: Shell, films: Path, tmp_path: Path, kind: str) -> None:
    recommender = penchant.load(films)
    names = {"title": recommender.item_attributes["title"][4], "user": recommender.users[2]}
    extra = [text.format(**names) for text in EXTRA.get(kind, ())]
    file = tmp_path / "picture.html"

    told = shell("plot", films, "--kind", kind, "-o", file, *extra, "--theme", "dark", "--json")

    assert told.code == 0, told.err
    assert told.json["kind"] == kind.replace("-", "_")
    assert told.json["theme"] == "dark"
    assert told.json["file"] == str(file)
    assert told.json["bytes"] == file.stat().st_size
    assert told.json["title"] in file.read_text(encoding="utf-8")


def test_people_are_told_the_file(shell: Shell, films: Path, tmp_path: Path) -> None:
    file = tmp_path / "worst.html"
    told = shell("plot", films, "--kind", "bias_ranking", "-o", file, "-n", 7, "--worst")
    assert told.code == 0
    assert told.out.startswith(f"saved {file} (")
    assert "The 7 least liked items" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("--kind", "pie"), 2, "item_map"),
        (("--kind", "item_map", "--theme", "sepia"), 2, "theme"),
        (("--kind", "item_map", "--test", "sample"), 2, "--test"),
        (("--kind", "item_map", "-n", "3"), 2, "-n"),
        (("--kind", "item_map", "--worst"), 2, "--worst"),
        (("--kind", "bias_ranking", "-n", "0"), 2, "-n is 0"),
        (("--kind", "explanation", "--user", "1"), 2, "--item and --user"),
        (("--kind", "by_popularity"), 2, "--test"),
        (("--kind", "by_popularity", "--test", "nothing-of-that-name"), 6, "nothing-of-that-name"),
        (("--kind", "explanation", "--item", "no such film", "--user", "1"), 4, "no such film"),
    ],
)
def test_mistakes(shell: Shell, films: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, word: str) -> None:
    shell("plot", films, *arguments, "-o", tmp_path / "a.html").fails(code, word)
    assert not (tmp_path / "a.html").exists()


def test_files_that_can_not_be(shell: Shell, films: Path, tmp_path: Path) -> None:
    shell("plot", films, "--kind", "item_map", "-o", tmp_path / "a.gif").fails(2, ".html")
    shell("plot", films, "--kind", "item_map", "-o", tmp_path / "no" / "a.html").fails(6, "no folder")
    shell("plot", tmp_path / "none.penchant", "--kind", "item_map", "-o", tmp_path / "a.html").fails(6)
