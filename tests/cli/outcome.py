"""What a command left behind: exit code, stdout, stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as JSON, where NaN and Infinity are no JSON."""

        def refuse(word: str) -> object:
            raise AssertionError(f"{word} is no JSON")

        return json.loads(self.out, parse_constant=refuse)

    def fails(self, code: int, *words: str) -> None:
        """Check that it ended as every mistake of a user must: one line on stderr, nothing on stdout."""
        assert self.code == code, (self.code, self.err)
        assert self.out == ""
        assert "Traceback" not in self.err
        line = self.err.splitlines()[-1]
        assert line.startswith("error: ")
        assert self.err.count("error: ") == 1
        for word in words:
            assert word in line, line


Shell = Callable[..., Outcome]
