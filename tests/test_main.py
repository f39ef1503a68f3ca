"""`python -m penchant` is the command."""

from __future__ import annotations

import runpy
import sys

import pytest

import penchant


def test_python_m_penchant(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["penchant", "--version"])
    with pytest.raises(SystemExit) as done:
        runpy.run_module("penchant", run_name="__main__")
    assert done.value.code == 0
    assert penchant.__version__ in capsys.readouterr().out
