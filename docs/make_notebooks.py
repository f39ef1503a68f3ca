"""Writes the notebooks of docs/lecture.md and docs/lecture.ko.md: lecture.ipynb and lecture.ko.ipynb beside them.

    python docs/make_notebooks.py

Text becomes cells of text, and blocks of Python become cells of code. What a page shows below a block becomes the
output of its cell. A test compares the notebooks with the pages and executes their cells in order.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

PAGES = ("lecture.md", "lecture.ko.md")
_PARTS = re.compile(
    r"(?:<!-- needs: [\w.-]+ -->\n)?```python\n(?P<code>.*?)```\n"
    r"(?:\n<!-- prints(?: about)? -->\n```text\n(?P<printed>.*?)```\n)?",
    flags=re.DOTALL,
)
Cell = dict[str, object]


def cells_of(page: str) -> list[Cell]:
    """The cells of a page, in order.

    Args:
        page: its text, in Markdown.
    """
    cells: list[Cell] = []
    done = 0
    for part in _PARTS.finditer(page):
        cells += _of_text(page[done : part.start()])
        outputs = []
        if part["printed"] is not None:
            outputs.append({"name": "stdout", "output_type": "stream", "text": _lines(part["printed"])})
        code = _lines(part["code"].rstrip("\n"))
        number = 1 + sum(cell["cell_type"] == "code" for cell in cells)
        cells.append(
            {"cell_type": "code", "execution_count": number, "metadata": {}, "outputs": outputs, "source": code}
        )
        done = part.end()
    cells += _of_text(page[done:])
    return [{**cell, "id": f"cell-{at}"} for at, cell in enumerate(cells)]


def _of_text(text: str) -> list[Cell]:
    """A cell of text, or none where there is only white space."""
    return [{"cell_type": "markdown", "metadata": {}, "source": _lines(text.strip())}] if text.strip() else []


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def notebook(page: str) -> str:
    """A page as a file of Jupyter's format 4.5.

    Args:
        page: its text, in Markdown.
    """
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells_of(page), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write them."""
    for name in PAGES:
        page = Path(__file__).with_name(name)
        page.with_suffix(".ipynb").write_text(notebook(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
