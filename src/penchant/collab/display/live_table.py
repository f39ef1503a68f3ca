"""The live table of a training: `epoch  train_loss  valid_loss  ...  time`, a row an epoch.

In a notebook it is one HTML table that grows in its place, with a bar under it while an epoch runs. In a terminal, rows
are printed as they come, and a line that tells how far the epoch is comes and goes; where output goes to a file, there
are rows only.

Times are seconds with two decimals ("0.07s"), because an epoch takes milliseconds here and fastai's minutes and seconds
would all be "00:00"; from a minute on they are as there, "01:05".
"""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import ClassVar, Protocol, TextIO

from penchant.collab.fits.callbacks import Callback

__all__ = [
    "NotebookTable",
    "ProgressCallback",
    "Table",
    "TerminalTable",
    "cells",
    "noop",
    "notebook_display",
    "open_table",
]

_LEAST_WIDTH = 10  # characters of a column, as in fastai's terminal
_PAUSE = 0.1  # seconds between two looks of the progress line


class Table(Protocol):
    """Where rows go."""

    def row(self, texts: Sequence[str]) -> None:
        """Add a row; the first is that of the names."""
        ...

    def progress(self, share: float, text: str) -> None:
        """Show how far the epoch is, until the next row."""
        ...

    def say(self, text: str) -> None:
        """Tell something between two rows."""
        ...

    def close(self) -> None:
        """Take away what is not part of the table."""
        ...


class TerminalTable:
    """Rows as lines of text.

    Args:
        out: where they are printed.
        with_bar: whether a line of progress is shown where `out` is a terminal.
    """

    def __init__(self, out: TextIO, *, with_bar: bool) -> None:
        self._out = out
        self._with_bar = with_bar and out.isatty()
        self._widths: list[int] = []
        self._shown = False
        self._last = 0.0

    def row(self, texts: Sequence[str]) -> None:
        """Print a row; the names decide how wide columns are."""
        self._clear()
        if not self._widths:
            self._widths = [max(_LEAST_WIDTH, len(text) + 2) for text in texts]
        padded = (text.ljust(width) for text, width in zip(texts, self._widths, strict=True))
        self._out.write("".join(padded).rstrip() + "\n")
        self._out.flush()

    def progress(self, share: float, text: str) -> None:
        """Write over the line of progress."""
        now = time.perf_counter()
        if self._with_bar and now - self._last >= _PAUSE:
            self._out.write(f"\r\x1b[K{text}  {share:4.0%}")
            self._out.flush()
            self._shown, self._last = True, now

    def say(self, text: str) -> None:
        """Print a line."""
        self._clear()
        self._out.write(text + "\n")
        self._out.flush()

    def close(self) -> None:
        """Take away the line of progress."""
        self._clear()

    def _clear(self) -> None:
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = False


class Display(Protocol):
    """What IPython gives back for something that is shown and may change."""

    def update(self, obj: object) -> None:
        """Show something else in its place."""
        ...


class Shows(Protocol):
    """`IPython.display.display`, or what stands for it in a test."""

    def __call__(self, obj: object, *, display_id: bool) -> Display | None:
        """Show something."""
        ...


class Page:
    """A piece of HTML with the same as plain text, for notebooks that are read without a browser.

    Args:
        source: the HTML.
        plain: the text.
    """

    def __init__(self, source: str, plain: str) -> None:
        self._source, self._plain = source, plain

    def _repr_html_(self) -> str:
        return self._source

    def __repr__(self) -> str:
        return self._plain


class NotebookTable:
    """Rows of an HTML table that grows in its place.

    Args:
        show: `IPython.display.display`.
        with_bar: whether a bar is shown under it.
    """

    def __init__(self, show: Shows, *, with_bar: bool) -> None:
        self._show = show
        self._with_bar = with_bar
        self._rows: list[list[str]] = []
        self._said: list[str] = []
        self._handle: Display | None = None
        self._last = 0.0
        self._bar = ""
        self._is_old = False

    def row(self, texts: Sequence[str]) -> None:
        """Add a row."""
        self._rows.append(list(texts))
        self._bar = ""
        self._draw_in_time()

    def progress(self, share: float, text: str) -> None:
        """Draw the bar."""
        if self._with_bar:
            told = f"{html.escape(text)} {share:.0%}"
            self._bar = f'<progress value="{share:.4f}" max="1"></progress> {told}'
            self._draw_in_time()

    def say(self, text: str) -> None:
        """Add a line under the table."""
        self._said.append(text)
        self._draw()

    def close(self) -> None:
        """Take away the bar, and draw what has not been drawn."""
        if self._bar or self._is_old:
            self._bar = ""
            self._draw()

    def _draw_in_time(self) -> None:
        """Draw, unless that was done just now: many epochs may take less time than a picture of their table."""
        self._is_old = True
        if time.perf_counter() - self._last >= _PAUSE:
            self._draw()

    def _draw(self) -> None:
        self._is_old, self._last = False, time.perf_counter()
        page = Page(self._html(), self._text())
        if self._handle is None:
            self._handle = self._show(page, display_id=True)
        else:
            self._handle.update(page)

    def _html(self) -> str:
        names, *rows = self._rows or [[]]
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows)
        said = "".join(f"<p>{html.escape(text)}</p>" for text in self._said)
        table = f'<table border="1" class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        return (table if names else "") + said + self._bar

    def _text(self) -> str:
        widths = [max(len(text) for text in column) + 2 for column in zip(*self._rows, strict=True)]
        lines = ["".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in self._rows]
        return "\n".join([line.rstrip() for line in lines] + self._said)


def open_table(*, with_bar: bool) -> Table:
    """A table for where we are: a notebook, or anything else that has a standard output.

    Args:
        with_bar: whether progress within an epoch is shown.
    """
    show = notebook_display()
    if show is None:
        return TerminalTable(sys.stdout, with_bar=with_bar)
    return NotebookTable(show, with_bar=with_bar)


def notebook_display() -> Shows | None:
    """IPython's display function if a notebook listens, which only a process that runs IPython can tell."""
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return None
    shell = ipython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):  # IPython in a terminal has no kernel
        return None
    show: Shows = import_module("IPython.display").display
    return show


def cells(log: Sequence[object]) -> list[str]:
    """A row in words: six decimals for a number, nothing for what was not measured."""
    return ["" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value) for value in log]


def noop(*_: object) -> None:
    """Do nothing: the `logger` of a learner that is silent."""


class ProgressCallback(Callback):
    """Shows the table of a fit, unless the learner has another `logger` than `print`."""

    order: ClassVar[int] = 60

    def __init__(self) -> None:
        self._table: Table | None = None

    def before_fit(self) -> None:
        """Open the table, with the names of its columns."""
        silent = self.learn.logger is noop
        if self.learn.logger is not print and not silent:
            return
        self._table = open_table(with_bar=self.learn.create_mbar and self.learn.shows_bar)
        if not silent:
            self._table.row(self.learn.recorder.metric_names)
            self.learn.logger = self._row

    def _row(self, log: Sequence[object]) -> None:
        if self._table is not None:
            self._table.row(cells(log))

    def progress(self, share: float) -> None:
        """Show how far the epoch is.

        Args:
            share: of its batches.
        """
        if self._table is not None:
            loss = self.learn.recorder.smooth_loss
            told = "" if loss is None else f", loss {loss:.4f}"
            self._table.progress(share, f"epoch {self.learn.epoch + 1} of {self.learn.n_epoch}{told}")

    def say(self, text: str) -> None:
        """Tell something between two rows, or print it where there is no table.

        Args:
            text: what.
        """
        if self._table is None:
            print(text)
        else:
            self._table.say(text)

    def after_fit(self) -> None:
        """Close the table."""
        self.close()

    def close(self) -> None:
        """Close the table, however the fit ended."""
        if self._table is not None:
            self._table.close()
            self._table = None
        if self.learn.logger == self._row:
            self.learn.logger = print
