"""The command as a process of its own: what it imports, pipes that close, signals, a terminal, odd encodings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from penchant.cli.output import PIPE_CLOSED

COMMAND = (sys.executable, "-m", "penchant")
HEAVY = {"numba", "pandas", "pyarrow", "numpy", "scipy", "torch"}


def _run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["predict", "--help"], ["no-such-command"]])
def test_what_needs_no_numbers_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from penchant.cli import main
main({arguments!r})
print(",".join(sys.modules), file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)

    assert not HEAVY & set(ended.stderr.splitlines()[-1].split(","))


def test_the_help_of_train_needs_the_solvers_class_but_no_kernel() -> None:
    code = """
import sys
from penchant.cli import main
main(["train", "--help"])
print(",".join(sys.modules), file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)

    assert not {"numba", "pandas", "pyarrow", "torch"} & set(ended.stderr.splitlines()[-1].split(","))


def test_results_and_progress_go_different_ways(tmp_path: Path) -> None:
    ended = _run("train", "sample", "-o", tmp_path / "a", "--solver", "als", "--epochs", 1, "--no-choices", "--json")

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["n_users"] == 200
    assert b"epoch" in ended.stderr


def test_a_mistake_is_one_line_and_its_exit_code(films: Path) -> None:
    ended = _run("recommend", films, "--user", "nobody")

    assert ended.returncode == 4
    assert ended.stdout == b""
    assert ended.stderr.startswith(b"error: no user 'nobody'")
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="pipes close with a signal on POSIX only")
def test_a_reader_that_goes_early_is_no_error_of_ours(films: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "items", str(films), "-n", "100"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()

    assert process.wait(60) == PIPE_CLOSED
    assert told == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_told(films: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*COMMAND, "items", str(films)], check=False, stdout=full, stderr=subprocess.PIPE, timeout=60
        )

    assert ended.returncode == 6
    assert ended.stderr.startswith(b"error: ")
    assert b"Traceback" not in ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "train", "-", "-o", str(tmp_path / "a")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"user,item,rating\n")
    process.stdin.flush()
    _wait_until_it_reads(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert out == b""
    assert err == b"error: interrupted\n"


def _wait_until_it_reads(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has emptied its standard input, which it does when it is at work."""
    import array
    import fcntl
    import termios
    import time

    assert process.stdin is not None
    waiting = array.array("i", [1])
    while waiting[0]:
        fcntl.ioctl(process.stdin.fileno(), termios.FIONREAD, waiting)
        assert process.poll() is None
        time.sleep(0.02)


def test_a_terminal_that_knows_ascii_only_gets_other_letters_spelled_out(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(
        "user,item,rating\n1,Amélie,5\n1,Alien,3\n2,Amélie,4\n2,Alien,1\n", encoding="utf-8"
    )
    _run("train", tmp_path / "r.csv", "-o", tmp_path / "a", "--test-size", 0, "--solver", "als")

    ended = _run("items", tmp_path / "a", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert ended.returncode == 0, ended.stderr
    assert b"Am\\xe9lie" in ended.stdout
    ended = _run("items", tmp_path / "a", "--json", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "Amélie" in {row["item_id"] for row in json.loads(ended.stdout)}


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals of POSIX")
@pytest.mark.parametrize("colour", [True, False])
def test_in_a_terminal_tables_are_drawn(films: Path, colour: bool) -> None:
    import pty

    screen, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "80"} | ({} if colour else {"NO_COLOR": "1"})
    process = subprocess.Popen(
        [*COMMAND, "items", str(films), "-n", "2"], stdout=terminal, stderr=subprocess.PIPE, env=environment
    )
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(screen, 4096):
            shown += chunk
    except OSError:  # how Linux tells that the other end was closed
        pass
    os.close(screen)
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()

    assert process.wait(60) == 0
    assert "─".encode() in shown
    assert (b"\x1b[3" in shown) is False  # bold names at most: numbers are not coloured
