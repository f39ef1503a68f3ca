"""Output of the shell: results to stdout (a table for people, or JSON), everything else to stderr.

A terminal gets rich tables; a pipe or a file gets the same columns as plain aligned text, as wide as they are.
JSON is one document, with nothing before or after it, and `null` where a number is not finite.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import typer

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "INTERRUPTED",
    "PIPE_CLOSED",
    "Interrupted",
    "Json",
    "Table",
    "as_text",
    "fail",
    "jsonable",
    "note",
    "print_json",
    "print_lines",
    "print_table",
    "size_in_words",
]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE: what a shell reports of any program whose reader has gone


class Interrupted(Exception):  # noqa: N818  # no error: what there was is saved and told
    """Ctrl-C in the middle of work of which a part was kept; the message says which."""


@dataclass(frozen=True)
class Table:
    """Columns by name and rows of cells, as the library returned them; people see floats with so many decimals."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    decimals: int = 3

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Table:
        """A table of a pandas frame's columns, without its index."""
        return cls(
            [str(name) for name in frame.columns], list(zip(*(frame[name].tolist() for name in frame), strict=True))
        )

    def records(self) -> list[Json]:
        """One JSON object a row."""
        return [dict(zip(self.columns, (jsonable(cell) for cell in row), strict=True)) for row in self.rows]


# -- to stdout --


def print_json(value: object) -> None:
    """Print one JSON document."""
    ascii_only = "utf" not in (getattr(sys.stdout, "encoding", None) or "").lower()
    _write(json.dumps(jsonable(value), indent=2, ensure_ascii=ascii_only, allow_nan=False) + "\n")


def print_lines(*lines: str) -> None:
    """Print lines of text."""
    _write("".join(f"{printable(line)}\n" for line in lines))


def print_table(table: Table) -> None:
    """Print a table: by rich in a terminal, as plain aligned text elsewhere."""
    if sys.stdout.isatty():
        _write(_rich_text(table))
    else:
        _write("".join(f"{line}\n" for line in plain_lines(table)))


def _write(text: str) -> None:
    """Write and flush, so that a full disk or a closed pipe is met here and not when Python exits."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would be flushed once more at exit, with a complaint.
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # not a path of a user's
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(PIPE_CLOSED) from None
        raise


# -- to stderr --


def note(*lines: str) -> None:
    """Tell the user something that is no result; nobody listening is no reason to stop."""
    try:
        for line in lines:
            sys.stderr.write(f"{printable(line)}\n")
        sys.stderr.flush()
    except OSError:
        pass


def fail(message: str, code: int) -> int:
    """Tell the user what went wrong, in the form of all errors, and return the exit code."""
    note(f"error: {message}")
    return code


# -- cells --


def jsonable(value: object) -> Json:
    """The same in JSON's types: numbers that are not finite become null, other ids (UUID, date, ...) text."""
    if value is None or isinstance(value, bool | str):
        return value
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return jsonable(value.tolist())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None  # false for nan too
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return as_text(value)


def as_text(value: object) -> str:
    """An id or another value as text: dates in ISO form, bytes decoded."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return str(value)


def size_in_words(n_bytes: int) -> str:
    """A file's size: kB below 100 kB, else MB."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{n_bytes / 1e3:.1f} kB"


def printable(text: str) -> str:
    """The text with control characters spelled out: a title may not move the cursor or recolour the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode("ascii") for c in text)


def _cell(value: object, decimals: int) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float) and decimals:
        return f"{value:.{decimals}f}"
    return printable(as_text(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimals(cells: Sequence[object], decimals: int) -> int:
    """Decimals of a column of floats: more than usual where they would show its largest number as zero."""
    largest = max((abs(cell) for cell in cells if isinstance(cell, float) and cell == cell), default=1.0)
    while 0 < largest < 10.0 ** (1 - decimals) and decimals < 9:
        decimals += 1
    return decimals


def _columns(table: Table) -> list[tuple[str, bool, list[str]]]:
    """Name, whether it is of numbers (set to the right), and text of the cells, for each column."""
    found = []
    for at, name in enumerate(table.columns):
        cells = [row[at] for row in table.rows]
        decimals = 0 if name.endswith("_id") else _decimals(cells, table.decimals)  # an id is shown as it is
        numeric = any(map(_is_number, cells)) and all(cell is None or _is_number(cell) for cell in cells)
        found.append((name, numeric, [_cell(cell, decimals) for cell in cells]))
    return found


def plain_lines(table: Table) -> list[str]:
    """The table as aligned text: a line of names, then a line a row, two spaces between columns."""
    columns = _columns(table)
    widths = [max(map(len, [name, *cells])) for name, _, cells in columns]
    lines = []
    for row in range(-1, len(table.rows)):
        cells = [name if row < 0 else texts[row] for name, _, texts in columns]
        padded = (
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, (_, numeric, _) in zip(cells, widths, columns, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    return lines


def _rich_text(table: Table) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    # Text, not str: a title such as "[Rec] (2007)" is no markup.
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    columns = _columns(table)
    for name, numeric, _ in columns:
        drawn.add_column(Text(name), justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for row in range(len(table.rows)):
        drawn.add_row(*(Text(cells[row]) for _, _, cells in columns))
    console = Console(file=sys.stdout)
    with console.capture() as capture:
        console.print(drawn)
    return capture.get()
