"""Reads the documentation: its fenced blocks, tables, links and code spans, and compares printed output.

What a page may hold is small on purpose, so that nothing in it escapes the tests:

    ```python     executed; one namespace a page, in order, in one empty folder a page
    ```console    `$ command` lines executed, the lines below each are its output, standard error included
    ```text       shown only, unless the comment `<!-- prints -->` stands before it: then it is what the last
                  python block printed
    <!-- needs: ml-100k -->   before a block: it is skipped, with that reason, where the data or package is absent
"""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
LANGUAGES = ("python", "console", "text", "json")

_FENCE = re.compile(r"^```(\w*)\s*$")
_COMMENT = re.compile(r"^<!-- (needs: (?P<needs>[\w.-]+)|(?P<prints>prints)) -->$")
_FLOAT = r"(?<![\d.])-?\d+\.\d+(?!\.?\d)"
_TOKEN = re.compile(rf"(?P<dots>\.\.\.)|(?P<float>{_FLOAT})|(?P<space>\s+)|(?P<other>.)", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its lines joined, the number of its first line (from 1), and its marks.

    `prints` is what it prints if the page says so, `prints_line` where that starts.
    """

    page: Path
    line: int
    language: str
    text: str
    needs: str | None = None
    prints: str | None = None
    prints_line: int = 0

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page in order; a text block marked `prints` is attached to the block before it."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    mark: re.Match[str] | None = None
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            if lines[at].strip():
                mark = _COMMENT.match(lines[at].strip())
            at += 1
            continue
        end = lines.index("```", at + 1)
        text = "\n".join(lines[at + 1 : end]) + "\n"
        if mark is not None and mark["prints"]:
            found[-1] = replace(found[-1], prints=text, prints_line=at + 2)
        else:
            found.append(Block(page, at + 2, fence[1], text, mark["needs"] if mark else None))
        mark, at = None, end + 1
    return found


def missing(need: str | None) -> str | None:
    """Why a block that needs something can't run here, or None where it can."""
    if need is None:
        return None
    if need == "network":
        return "needs the network"
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


def matches(expected: str, actual: str) -> bool:
    """Whether `actual` is what a page says, read as a person would.

    `...` stands for anything and runs of white space are equal. A number with decimals may differ by one unit of the
    last decimal that the page shows, or by one part in 5,000: other processors round otherwise. All else must be the
    same.
    """
    wanted: list[str] = []
    pattern = ""
    for token in _TOKEN.finditer(expected.strip()):
        if token["dots"]:
            pattern += ".*?"
        elif token["float"]:
            pattern += rf"({_FLOAT})"
            wanted.append(token["float"])
        elif token["space"]:
            pattern += r"\s+"
        else:
            pattern += re.escape(token["other"])
    # white space beside `...` may be absent: the dots may stand for nothing
    pattern = pattern.replace(r"\s+.*?", r"\s*.*?").replace(r".*?\s+", r".*?\s*")
    got = re.fullmatch(pattern, actual.strip(), flags=re.DOTALL)
    return got is not None and all(_near(want, have) for want, have in zip(wanted, got.groups(), strict=True))


def _near(want: str, have: str) -> bool:
    unit = 10.0 ** -len(want.partition(".")[2])
    return abs(float(want) - float(have)) <= max(1.001 * unit, abs(float(want)) / 5000)


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
