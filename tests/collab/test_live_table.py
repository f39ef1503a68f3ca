"""The live table: rows in a terminal and in a file, and HTML that grows in its place in a notebook."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable

import pytest

from penchant.collab.display import live_table
from penchant.collab.display.live_table import NotebookTable, TerminalTable, cells, open_table
from penchant.collab.display.recorder import seconds_in_words

NAMES = ["epoch", "train_loss", "valid_loss", "a_long_metric", "time"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Shown:
    """Stands for IPython's display: keeps what was shown first, and every update."""

    def __init__(self) -> None:
        self.pages: list[object] = []
        self.n_displays = 0

    def __call__(self, obj: object, *, display_id: bool) -> Shown:
        assert display_id
        self.n_displays += 1
        self.pages.append(obj)
        return self

    def update(self, obj: object) -> None:
        self.pages.append(obj)

    def html(self) -> str:
        return self.pages[-1]._repr_html_()  # type: ignore[attr-defined]  # a Page


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_table, "_PAUSE", 0.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0.0, "0.00s"), (0.0712, "0.07s"), (9.994, "9.99s"), (9.996, "10.0s"), (59.94, "59.9s"), (59.96, "01:00")),
        *((65.0, "01:05"), (3599.6, "1:00:00"), (3725.0, "1:02:05")),
    ],
)
def test_times_are_told_so_that_they_say_something(seconds: float, words: str) -> None:
    assert seconds_in_words(seconds) == words


def test_cells_have_six_decimals_and_nothing_for_what_was_not_measured() -> None:
    assert cells([3, 0.5, None, "0.07s"]) == ["3", "0.500000", "", "0.07s"]


def test_a_file_gets_rows_only() -> None:
    out = io.StringIO()
    table = TerminalTable(out, with_bar=True)
    table.row(NAMES)
    table.progress(0.5, "epoch 1 of 2")
    table.row(cells([0, 1.25, 2.5, None, "0.07s"]))
    table.close()
    assert out.getvalue() == (
        "epoch     train_loss  valid_loss  a_long_metric  time\n"
        "0         1.250000    2.500000                   0.07s\n"
    )


def test_a_terminal_gets_a_line_that_goes_away(no_pause: None) -> None:
    out = Terminal()
    table = TerminalTable(out, with_bar=True)
    table.row(["epoch", "time"])
    table.progress(0.25, "epoch 1 of 2, loss 0.9000")
    table.progress(0.5, "epoch 1 of 2, loss 0.8000")
    table.row(["0", "0.07s"])
    table.progress(0.25, "epoch 2 of 2")
    table.close()
    erase = "\r\x1b[K"
    assert out.getvalue() == (
        "epoch     time\n"
        f"{erase}epoch 1 of 2, loss 0.9000   25%{erase}epoch 1 of 2, loss 0.8000   50%{erase}"
        "0         0.07s\n"
        f"{erase}epoch 2 of 2   25%{erase}"
    )


def test_a_terminal_without_a_bar(no_pause: None) -> None:
    out = Terminal()
    table = TerminalTable(out, with_bar=False)
    table.progress(0.25, "epoch 1 of 2")
    table.say("early stopping")
    assert out.getvalue() == "early stopping\n"


def test_progress_is_not_drawn_all_the_time() -> None:
    out = Terminal()
    table = TerminalTable(out, with_bar=True)
    for at in range(1000):
        table.progress(at / 1000, "epoch 1 of 2")
    assert out.getvalue().count("\r") < 1000


def test_a_notebook_has_one_table_that_grows(no_pause: None) -> None:
    shown = Shown()
    table = NotebookTable(shown, with_bar=True)
    table.row(["epoch", "<b>"])
    table.progress(0.5, "epoch 1 of 2")
    assert '<progress value="0.5000" max="1"></progress> epoch 1 of 2 50%' in shown.html()
    table.row(["0", "0.5"])
    table.say("No improvement & so on")
    table.close()
    assert shown.n_displays == 1
    assert shown.html() == (
        '<table border="1" class="dataframe"><thead><tr><th>epoch</th><th>&lt;b&gt;</th></tr></thead>'
        "<tbody><tr><td>0</td><td>0.5</td></tr></tbody></table><p>No improvement &amp; so on</p>"
    )
    assert repr(shown.pages[-1]) == "epoch  <b>\n0      0.5\nNo improvement & so on"


def test_a_notebook_is_drawn_in_time_and_at_the_end() -> None:
    shown = Shown()
    table = NotebookTable(shown, with_bar=True)
    for number in range(1000):
        table.row([str(number)])
        table.progress(0.5, "epoch")
    assert len(shown.pages) < 100
    table.close()
    assert "<td>999</td>" in shown.html()
    assert "progress" not in shown.html()


def test_a_notebook_without_a_bar(no_pause: None) -> None:
    shown = Shown()
    table = NotebookTable(shown, with_bar=False)
    table.row(["epoch"])
    table.progress(0.5, "epoch 1 of 2")
    assert "progress" not in shown.html()


def fake_ipython(monkeypatch: pytest.MonkeyPatch, shell: object, display: Callable[..., object]) -> None:
    ipython, inner = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    inner.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)


def test_which_table_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown()
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert isinstance(open_table(with_bar=True), TerminalTable)
    fake_ipython(monkeypatch, None, shown)
    assert isinstance(open_table(with_bar=True), TerminalTable)
    fake_ipython(monkeypatch, types.SimpleNamespace(), shown)  # IPython in a terminal
    assert isinstance(open_table(with_bar=True), TerminalTable)
    fake_ipython(monkeypatch, types.SimpleNamespace(kernel=object()), shown)
    table = open_table(with_bar=True)
    assert isinstance(table, NotebookTable)
    table.row(["epoch"])
    assert shown.n_displays == 1
