"""What reaches the screen: tables, JSON, text that can't take over a terminal."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import sys
import uuid

import numpy as np
import pandas as pd
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from penchant.cli import output
from penchant.cli.output import Table, jsonable, note, plain_lines, print_json, print_lines, print_table, printable
from penchant.cli.progress import EpochCounter, epoch_table
from penchant.fitting.fit import EpochRecord
from penchant.solvers.als import ALS

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.uuids() | st.dates() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_whatever_is_printed_as_json_is_json(value: object) -> None:
    text = json.dumps(jsonable(value), allow_nan=False)

    assert json.loads(text) == jsonable(value)


def test_json_has_null_for_what_is_not_finite_and_text_for_other_ids() -> None:
    day = dt.datetime(2001, 2, 3, 4, 5)  # ids need no zone
    mixed = {
        "nan": np.float32("nan"),
        "inf": float("-inf"),
        "array": np.array([1, 2]),
        "uuid": uuid.UUID(int=7),
        "day": day,
        "bytes": b"\xff1",
        5: {frozenset({1})},
    }

    assert jsonable(mixed) == {
        "nan": None,
        "inf": None,
        "array": [1, 2],
        "uuid": "00000000-0000-0000-0000-000000000007",
        "day": "2001-02-03T04:05:00",
        "bytes": "\\xff1",
        "5": [[1]],
    }


def test_a_plain_table_is_aligned_and_numbers_are_set_to_the_right() -> None:
    frame = pd.DataFrame({"rank": [1, 10], "item_id": ["a", "bbb"], "title": ["X", None], "bias": [0.5, -1.25]})

    assert plain_lines(Table.from_frame(frame)) == [
        "rank  item_id  title    bias",
        "   1  a        X       0.500",
        "  10  bbb      -      -1.250",
    ]


def test_an_empty_table_is_a_line_of_names() -> None:
    assert plain_lines(Table(("rank", "item_id"), [])) == ["rank  item_id"]


def test_small_numbers_are_not_shown_as_zero_and_ids_are_not_rounded() -> None:
    table = Table(("item_id", "share"), [(0.12345, 0.00012345), (2.0, float("nan"))])

    assert plain_lines(table) == ["item_id    share", "0.12345  0.00012", "    2.0        -"]


@given(st.text())
def test_no_text_can_move_the_cursor(text: str) -> None:
    assert all(c.isprintable() or c == "\t" for c in printable(text))


def test_control_characters_are_spelled_out() -> None:
    assert printable("\x1b[2JAlien\r\n\t(1979)") == "\\x1b[2JAlien\\r\\n\t(1979)"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_drawn_table_in_which_a_title_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    print_table(Table(("title", "bias"), [("[bold]Rec[/bold] (2007)", 0.5)]))

    shown = screen.getvalue()
    assert "[bold]Rec[/bold] (2007)" in shown
    assert "─" in shown
    assert "\x1b[3" not in shown  # no colour


def test_epochs_are_counted_on_one_line_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    counter = EpochCounter(20)

    counter(EpochRecord(3, 0.5, None, 0.1))
    counter.close()

    assert screen.getvalue() == "\repoch 4 of 20\x1b[K\r\x1b[K"


def test_epochs_are_not_counted_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    counter = EpochCounter(None)

    counter(EpochRecord(3, 0.5, None, 0.1))
    counter.close()

    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_training_that_nobody_watches_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())

    epoch_table(ALS())(EpochRecord(0, 0.5, 0.6, 0.1))


def test_it_is_said_that_kernels_are_being_compiled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ALS, "is_compiled", lambda _: False)

    epoch_table(ALS())(EpochRecord(0, 0.5, 0.6, 0.1))

    assert "compiling" in capsys.readouterr().err.splitlines()[0]


def test_json_is_ascii_where_the_output_knows_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))

    print_json({"title": "Amélie"})

    assert json.loads(raw.getvalue()) == {"title": "Amélie"}


def test_a_reader_that_has_gone_ends_the_command_and_not_with_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        with pytest.raises(typer.Exit) as ended:
            print_lines("x" * 100)
        assert ended.value.exit_code == output.PIPE_CLOSED


def test_a_note_that_nobody_reads_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())

    note("nobody hears this")


@pytest.mark.parametrize(("size", "words"), [(512, "0.5 kB"), (99_999, "100.0 kB"), (100_000, "0.1 MB")])
def test_sizes_in_words(size: int, words: str) -> None:
    assert output.size_in_words(size) == words
