"""Reads the documentation: its fenced blocks, tables, links and code spans, and compares printed output.

What a page may hold is small on purpose, so that nothing in it escapes the tests:

    ```python     executed; one namespace a page, in order, in one empty folder a page
    ```console    `$ command` lines executed, the lines below each are its output, standard error included
    ```text       shown only, unless the comment `<!-- prints -->` stands before it: then it is what the last
                  python or javascript block printed
    ```javascript executed by node, as a file of the name in its first line (`// score.mjs`), which later ones import
    <!-- needs: ml-100k -->   before a block: it is skipped, with that reason, where the data or package is absent
    <!-- about -->   before a block whose numbers are other draws of chance on another processor: what it prints must
                     be about what is shown (see `matches`); also `<!-- prints about -->` and
                     `<!-- needs: ml-100k, about -->`
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
EXECUTED = ("python", "console", "javascript")
LANGUAGES = (*EXECUTED, "text", "json")

_FENCE = re.compile(r"^```(\w*)\s*$")
_COMMENT = re.compile(r"^<!-- (?:needs: (?P<needs>[\w.-]+)(?:, about)?|(?P<prints>prints)(?: about)?|about) -->$")
_FLOAT = r"(?<![\d.])-?\d+\.\d+(?!\.?\d)"
_RANKED = re.compile(r"^ *(?P<rank>\d{1,2}) {2,}(?=\S)")  # a row of a list: a small whole number, then columns
_TOKEN = re.compile(rf"(?P<dots>\.\.\.)|(?P<float>{_FLOAT})|(?P<space>\s+)|(?P<other>.)", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its lines joined, the number of its first line (from 1), and its marks.

    `prints` is what it prints if the page says so, `prints_line` where that starts; `about` whether what is shown of
    it, in the block or below it, need only be near.
    """

    page: Path
    line: int
    language: str
    text: str
    needs: str | None = None
    prints: str | None = None
    prints_line: int = 0
    about: bool = False

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page in order; a text block marked `prints` is attached to the block before it."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    above = ""  # the last line of text before a block
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            if lines[at].strip():
                above = lines[at].strip()
            at += 1
            continue
        mark = _COMMENT.match(above)
        assert mark or not above.startswith("<!--"), f"{page.name}:{at + 1}: no mark of a block is written {above}"
        about = mark is not None and mark[0].endswith("about -->")
        end = lines.index("```", at + 1)
        text = "".join(f"{line}\n" for line in lines[at + 1 : end])
        if mark is not None and mark["prints"]:
            found[-1] = replace(found[-1], prints=text, prints_line=at + 2, about=about)
        else:
            found.append(Block(page, at + 2, fence[1], text, mark["needs"] if mark else None, about=about))
        above, at = "", end + 1
    return found


def missing(need: str | None) -> str | None:
    """Why a block that needs something can't run here, or None where it can."""
    if need is None:
        return None
    if need == "network":
        return "needs the network"
    if need == "node":
        return None if shutil.which("node") else "needs node, to run JavaScript"
    if need.startswith("ml-"):
        named = os.environ.get("PENCHANT_DATA")
        present = named is not None and (Path(named) / need).is_dir()
        return None if present else f"needs {need}, which may not be redistributed: no such folder in PENCHANT_DATA"
    return None if importlib.util.find_spec(need) else f"needs the package {need}"


@dataclass(frozen=True)
class Command:
    """One `$ line` of a console block and the output below it, with the lines (from 1) where they start."""

    line: int
    text: str
    output: str
    output_line: int


def commands(block: Block) -> list[Command]:
    """The commands of a console block; a command that ends in a backslash goes on in the next line."""
    found: list[Command] = []
    lines = block.text.splitlines()
    at = 0
    while at < len(lines):
        assert lines[at].startswith("$ "), f"{block}: output before the first `$ command`: {lines[at]!r}"
        start, text = at, lines[at][2:]
        while text.endswith("\\"):
            at += 1
            text = text[:-1] + lines[at].removeprefix("> ").strip()
        end = at + 1
        while end < len(lines) and not lines[end].startswith("$ "):
            end += 1
        found.append(Command(block.line + start, text, "\n".join(lines[at + 1 : end]), block.line + at + 1))
        at = end
    return found


def matches(expected: str, actual: str, *, about: bool = False) -> bool:
    """Whether `actual` is what a page says, read as a person would.

    `...` stands for anything and runs of white space are equal. A number with decimals may differ by one unit of the
    last decimal that the page shows, or by one part in 5,000: other processors round otherwise. All else must be the
    same.

    With `about` a number with decimals may differ by 3 %, by 0.05 or by two units of the last decimal that is shown:
    draws of two seeds lie that far apart, and so do those of two processors. In the rows of a ranked list (a line that
    starts with a whole number of one or two digits and a gap) only that number and those with decimals are compared,
    and these may differ by 5 % or 0.1: near the same score, others may stand there.
    """
    wanted: list[tuple[str, float]] = []
    pattern = r"\s+".join(
        _ranked(line, wanted) if about and _RANKED.match(line) else _plain(line.strip(), wanted, about)
        for line in expected.strip("\n").splitlines()
        if line.strip()
    )
    # white space beside `...` may be absent: the dots may stand for nothing
    pattern = pattern.replace(r"\s+.*?", r"\s*.*?").replace(r".*?\s+", r".*?\s*")
    # what stands between two `...` is taken where it is found first: trying the other places would take for ever
    first, *between = pattern.split(".*?")
    if between:
        *middle, last = between
        pattern = first + "".join(f"(?>.*?{part})" for part in middle) + ".*?" + last
    got = re.fullmatch(pattern, actual.strip(), flags=re.DOTALL)
    if got is None:
        return False
    pairs = zip(wanted, got.groups(), strict=True)
    return all(abs(float(want) - float(have)) <= room for (want, room), have in pairs)


def _plain(line: str, wanted: list[tuple[str, float]], about: bool) -> str:
    """A line as a pattern with a group for each number with decimals, which goes to `wanted` with its room."""
    pattern = ""
    for token in _TOKEN.finditer(line):
        if token["dots"]:
            pattern += ".*?"
        elif token["float"]:
            pattern += rf"({_FLOAT})"
            wanted.append((token["float"], _room(token["float"], about)))
        elif token["space"]:
            pattern += r"\s+"
        else:
            pattern += re.escape(token["other"])
    return pattern


def _ranked(line: str, wanted: list[tuple[str, float]]) -> str:
    """A row of a ranked list as a pattern: its first number, and a group for each number with decimals."""
    numbers = re.findall(_FLOAT, line)
    wanted += [(number, max(_room(number, about=True), 0.1, 0.05 * abs(float(number)))) for number in numbers]
    rank = _RANKED.match(line)["rank"]  # type: ignore[index]  # it is a ranked line
    return rf"{rank}[ ]{{2,}}" + "".join(rf"[^\n]*?({_FLOAT})" for _ in numbers) + r"[^\n]*"


def _room(number: str, about: bool) -> float:
    """How far another number may be from this one."""
    unit, size = 10.0 ** -len(number.partition(".")[2]), abs(float(number))
    return max(2.001 * unit, 0.05, 0.03 * size) if about else max(1.001 * unit, size / 5000)


def tables(page: Path) -> list[list[dict[str, str]]]:
    """The tables of a page, each a list of rows by column heading."""
    found: list[list[dict[str, str]]] = []
    heading: list[str] | None = None
    for line in _prose(page):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]] if line.startswith("|") else []
        if not cells:
            heading = None
        elif heading is None:
            heading = cells
            found.append([])
        elif not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            assert len(cells) == len(heading), f"{page.name}: a table row has {len(cells)} cells: {line}"
            found[-1].append(dict(zip(heading, cells, strict=True)))
    return found


def table(page: Path, column: str) -> list[dict[str, str]]:
    """The one table of a page that has a column of this heading."""
    (found,) = [rows for rows in tables(page) if rows and column in rows[0]]
    return found


def code_spans(text: str) -> list[str]:
    """What stands between single backticks."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def links(page: Path) -> list[str]:
    """Targets of links and pictures, those of HTML included."""
    text = "\n".join(_prose(page))
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page make."""
    headings = [line.lstrip("#").strip() for line in _prose(page) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return "\n".join(_prose(page))


def _prose(page: Path) -> list[str]:
    kept: list[str] = []
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            kept.append(line)
    return kept
