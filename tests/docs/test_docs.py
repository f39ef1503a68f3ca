"""The documentation runs: every python and console block of every page is executed, and every link resolves.

`docs_reader` says what a page may hold. Blocks are executed without network; those that need MovieLens say so and
are skipped, with that reason, where PENCHANT_DATA has none.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
from tests.docs.docs_runner import SETTINGS, Difference, PageRun, update
from tests.docs_reader import EXECUTED, LANGUAGES, PAGES, ROOT, Block, anchors, blocks, links, matches, missing

import penchant

BLOCKS = [block for page in PAGES for block in blocks(page)]
RUN = [block for block in BLOCKS if block.language in EXECUTED]


def refuse_difference(difference: Difference) -> None:
    raise AssertionError(str(difference))


@pytest.fixture(scope="module")
def page_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, PageRun]:
    return {page: PageRun(page, tmp_path_factory.mktemp(page.stem), refuse_difference) for page in PAGES}


@pytest.fixture(scope="module")
def compiled_kernels() -> None:
    """So that no command says that it compiles them, which it does once on a machine."""
    for solver in (penchant.ALS(n_epochs=1), penchant.Bayes(n_draws=1, n_burn=0, n_chains=1, item_features=("year",))):
        penchant.fit(penchant.load_dataset("sample"), solver)


@pytest.fixture
def quiet_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No network, no colours, one width of terminal, an empty cache folder, absolute PENCHANT_DATA."""

    def refuse(*_: object) -> None:
        raise OSError("the documentation is executed without network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    if "PENCHANT_DATA" in os.environ:
        monkeypatch.setenv("PENCHANT_DATA", str(Path(os.environ["PENCHANT_DATA"]).resolve()))


@pytest.mark.parametrize("block", RUN, ids=str)
@pytest.mark.usefixtures("compiled_kernels", "quiet_machine")
def test_block_runs(block: Block, page_runs: dict[Path, PageRun]) -> None:
    reason = missing(block.needs)
    if reason is not None:
        pytest.skip(reason)
    page_runs[block.page].up_to(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_is_made_of_what_is_tested(page: Path) -> None:
    others = {block.language for block in blocks(page)} - set(LANGUAGES)
    assert not others, f"{page.name}: use one of {LANGUAGES} for fenced blocks, not {others}"
    shown = page.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|tmp|usr|Users)/|site-packages", shown), f"{page.name} shows a path of a machine"
    longest = max(len(line) for line in shown.splitlines() if not line.startswith("|"))
    assert longest <= 200, f"{page.name}: a line of {longest} characters"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for link in links(page):
        if link.startswith(("https://", "mailto:")):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {link}: no such file"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {link}: no such heading"


def test_every_page_is_reachable_from_the_readme() -> None:
    seen, front = {ROOT / "README.md"}, [ROOT / "README.md"]
    while front:
        page = front.pop()
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in seen:
                seen.add(target)
                front.append(target)
    assert set(PAGES) <= seen, f"linked from nowhere: {[page.name for page in set(PAGES) - seen]}"


def test_an_update_writes_what_is_printed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    error = "Traceback (most recent call last):\n    ...\nZeroDivisionError: division by zero"
    told = "# Page\n\n```python\n>>> 1 + 1\n{}\n>>> 2 * 3\n6\n>>> 1 / 0\n{}\n\n```\n\n```python\nprint(7)\n```\n\n"
    told += "<!-- prints -->\n```text\n{}\n```\n\n```console\n$ echo $?\n0\n$ printf 'a\\nb'\n{}\n```\n"
    page.write_text(told.format("3", f"{error}!", "8\n9", "a"), encoding="utf-8")
    assert update(page) == 4
    assert page.read_text(encoding="utf-8") == told.format("2", error, "7", "a\nb")
    assert update(page) == 0
    page.write_text("```python\nprint(7)\n```\n\n<!-- prints -->\n```text\n```\n", encoding="utf-8")
    assert update(page) == 1
    assert page.read_text(encoding="utf-8").endswith("```text\n7\n```\n")  # an empty block is filled


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("rmse 0.93", "rmse  0.94\n", True),  # one unit of the last decimal shown
        ("rmse 0.93", "rmse 0.95", False),
        ("rmse 0.93", "rmse 0.9312", True),
        ("loss 0.628488", "loss 0.628501", True),  # one part in 5,000
        ("loss 0.628488", "loss 0.629", False),
        ("rmse 0.93", "mae 0.93", False),
        ("200 users", "201 users", False),  # counts are exact
        ("penchant 0.1.0", "penchant 0.2.0", False),  # a version is no number
        ("saved ... (2 KB)", "saved a.penchant (2 KB)", True),
        ("saved ... (2 KB)", "saved a.penchant (3 KB)", False),
        ("a ... b", "a b", True),
        ("-0.5", "0.5", False),
        ("", "something", False),
    ],
)
def test_output_is_compared_as_a_person_would(expected: str, actual: str, same: bool) -> None:
    assert matches(expected, actual) is same


LIST = """
rank  item_id  title                  bias  n_ratings
   1       17  The Third Key (1996)  0.725        175
   2        5  A Winter (1988)       0.661         62
"""


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("rmse 0.93", "rmse 0.97", True),  # 0.05
        ("rmse 0.93", "rmse 0.99", False),
        ("novelty 3.19", "novelty 3.28", True),  # 3 %
        ("novelty 3.19", "novelty 3.30", False),
        ("effect -0.02", "effect 0.02", True),
        ("3.7 stars", "3.9 stars", True),  # two units of the last decimal
        ("3.7 stars", "4.0 stars", False),
        ("rmse 0.93", "mae 0.93", False),  # words are the same
        ("200 users", "201 users", False),  # and so are counts
        ("rmse 0.93\n200 users", "rmse 0.93", False),
        ("rmse 0.93", "rmse 0.93\nmae 0.71", False),
        ("... rmse 0.93", "a b rmse 0.96", True),
        (LIST, LIST, True),
        (LIST, LIST.replace("       17  The Third Key", "        8  Another").replace("175", " 9"), True),
        (LIST, LIST.replace("0.725", "0.735"), True),
        (LIST, LIST.replace("0.725", "0.815"), True),
        (LIST, LIST.replace("0.725", "0.835"), False),
        (LIST, LIST.replace("   2   ", "   3   "), False),  # the second in the list is the second
        (LIST, LIST.replace("n_ratings", "ratings"), False),
        (LIST, LIST[: LIST.index("   2")], False),
        (LIST, f"{LIST}   3        5  A Winter (1988)       0.661         62\n", False),
        (LIST, LIST.replace("0.661         62", "0.661"), True),
        (LIST, LIST.replace("0.661", ""), False),
        ("0    1      64  Shawshank  4.61", "0    1     318  Schindler's List (1993)  4.58", True),
        ("12 films, rmse 0.93", "12 books, rmse 0.93", False),  # no gap: not a row of a list
        ("123  Alien  0.93", "123  Brazil  0.93", False),  # nor is this
    ],
)
def test_output_that_is_about_right(expected: str, actual: str, same: bool) -> None:
    assert matches(expected, actual, about=True) is same
    assert matches(expected, actual) is (expected == actual)


def test_marks_of_blocks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    block = "{}\n```python\nprint(0.5)\n```\n\n{}\n```text\n0.5\n```\n\n{}\n```console\n$ echo 0.5\n0.52\n```\n"

    def marks(*comments: str) -> list[tuple[str | None, bool, bool]]:
        page.write_text(block.format(*comments), encoding="utf-8")
        return [(block.needs, block.about, block.prints is not None) for block in blocks(page)]

    assert marks("", "<!-- prints -->", "") == [(None, False, True), (None, False, False)]
    assert marks("", "<!-- prints about -->", "<!-- about -->") == [(None, True, True), (None, True, False)]
    assert marks("<!-- needs: a-b -->", "<!-- prints -->", "<!-- needs: c, about -->") == [
        ("a-b", False, True),
        ("c", True, False),
    ]
    for wrong in ("<!-- abut -->", "<!-- needs ml-100k -->", "<!-- about prints -->"):
        with pytest.raises(AssertionError, match="no mark of a block"):
            marks(wrong, "<!-- prints -->", "")


def test_about_holds_for_every_kind_of_block_and_for_no_other(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    python = "```python\nprint(0.52)\n```\n\n{}\n```text\n0.50\n```\n"
    others = "\n{}\n```python\n>>> 0.52\n0.50\n\n```\n\n{}\n```console\n$ echo 0.52\n0.50\n```\n"
    page.write_text((python + others).format("<!-- prints about -->", "<!-- about -->", "<!-- about -->"))
    assert update(page) == 0
    assert update(page, exact=True) == 3
    assert "0.50" not in page.read_text()
    page.write_text((python + others).format("<!-- prints -->", "", ""))
    assert update(page) == 3
