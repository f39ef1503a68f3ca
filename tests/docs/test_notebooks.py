"""The notebooks of the lecture are what their pages say, and their cells run in order and print what they show."""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import types
from pathlib import Path
from typing import Any

import pytest
from tests.docs_reader import ROOT, blocks, matches

DOCS = ROOT / "docs"
MAKES = runpy.run_path(str(DOCS / "make_notebooks.py"))
PAGES = [DOCS / name for name in MAKES["PAGES"]]


def notebook_of(page: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(page.with_suffix(".ipynb").read_text(encoding="utf-8"))
    return content


def code_of(page: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook_of(page)["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_notebook_is_made_of_its_page(page: Path) -> None:
    kept = page.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert kept == MAKES["notebook"](page.read_text(encoding="utf-8")), "run docs/make_notebooks.py"
    told = [block.text.rstrip("\n") for block in blocks(page) if block.language == "python"]
    assert code_of(page) == told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_notebook_has_the_form_that_jupyter_reads(page: Path) -> None:
    content = notebook_of(page)
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    cells = content["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells) > 20
    for cell in cells:
        wanted = {"cell_type", "id", "metadata", "source"}
        wanted |= {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == wanted
        assert all(isinstance(line, str) for line in cell["source"])
    assert [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"] == [*range(1, 12)]


def test_both_languages_have_the_same_code_and_outputs() -> None:
    english, korean = PAGES
    assert code_of(english) == code_of(korean)
    shown = [[(block.prints, block.about) for block in blocks(page) if block.prints] for page in PAGES]
    assert shown[0] == shown[1]


def test_the_cells_run_in_order(movielens_100k: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a notebook runs them: one namespace, one folder. Both notebooks have the same cells."""
    monkeypatch.setenv("PENCHANT_DATA", str(movielens_100k.parent))
    assert Path(os.environ["PENCHANT_DATA"]).is_dir()
    monkeypatch.chdir(tmp_path)
    names = types.ModuleType("__main__").__dict__
    for cell in notebook_of(PAGES[0])["cells"]:
        if cell["cell_type"] == "code":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
            shown = "".join(line for output in cell["outputs"] for line in output["text"])
            assert matches(shown, printed.getvalue(), about=True), f"{cell['id']} prints\n{printed.getvalue()}"
    assert (tmp_path / "films.penchant").is_file()
