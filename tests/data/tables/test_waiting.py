"""Calls into a network: an answer in time, or an error; and Ctrl-C is heard."""

from __future__ import annotations

import signal
import threading

import pyarrow as pa
import pytest
from pyarrow import fs

from penchant.data.ratings import read_ratings
from penchant.data.tables import waiting
from penchant.data.tables.streams import _impatient
from penchant.data.tables.waiting import answered
from penchant.errors import SourceError


def test_answers_and_errors_come_through() -> None:
    assert answered(lambda: 7, "x") == 7
    with pytest.raises(ZeroDivisionError):
        answered(lambda: 1 / 0, "x")


def test_what_does_not_answer_is_an_error() -> None:
    never = threading.Event()
    with pytest.raises(SourceError, match=r"can't reach gs://x: no answer in 0\.05 seconds"):
        answered(never.wait, "gs://x", 0.05)
    never.set()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_ctrl_c_is_heard_while_something_waits() -> None:
    never = threading.Event()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            answered(never.wait, "gs://x", 60)
    finally:
        signal.signal(signal.SIGALRM, before)
        never.set()


class Silent(fs.FileSystemHandler):
    """A cloud behind a network that swallows everything."""

    def __init__(self, never: threading.Event, *, knows: bool) -> None:
        self._never, self._knows = never, knows

    def get_type_name(self) -> str:
        return "silent"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        if not self._knows:
            self._never.wait()
        return [fs.FileInfo(path, fs.FileType.File, size=9) for path in paths]

    def open_input_stream(self, path: str) -> pa.NativeFile:
        self._never.wait()
        return pa.BufferReader(b"")

    def _refuse(self, *_: object) -> None:
        raise NotImplementedError

    open_input_file = open_output_stream = open_append_stream = get_file_info_selector = _refuse
    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = delete_file = move = copy_file = _refuse


@pytest.mark.parametrize("knows", [True, False])
def test_a_cloud_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, knows: bool) -> None:
    never = threading.Event()
    monkeypatch.setattr(waiting, "LONGEST", 0.05)
    with pytest.raises(SourceError, match="no answer in"):
        read_ratings("bucket/a.csv", filesystem=fs.PyFileSystem(Silent(never, knows=knows)))
    never.set()


def test_google_s_cloud_is_told_when_to_give_up() -> None:
    assert _impatient("gs://b/a.csv") == "gs://b/a.csv?retry_limit_seconds=60"
    assert _impatient("gs://b/a.csv?x=1") == "gs://b/a.csv?x=1&retry_limit_seconds=60"
    assert _impatient("gs://b/a.csv?retry_limit_seconds=5") == "gs://b/a.csv?retry_limit_seconds=5"
    assert _impatient("s3://b/a.csv") == "s3://b/a.csv"
