"""What every benchmark prints and keeps: a Markdown table, and a results file that names machine and versions."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from penchant.errors import PenchantError

__all__ = ["environment", "is_trial", "markdown", "run", "write_results"]

_RESULTS = Path(__file__).parent / "results"
_PACKAGES = (
    *("penchant", "numpy", "numba", "scipy", "pandas", "pyarrow", "torch", "safetensors", "typer"),
    *("cmfrec", "myfm", "implicit"),  # peers; fastai has an environment of its own
)


def run(main: Callable[[], None]) -> None:
    """Run a benchmark; where data is missing or the like, say so in one line and exit with 1."""
    try:
        main()
    except PenchantError as error:
        sys.exit(f"{type(error).__name__}: {error}")


def is_trial(name: str, doc: str | None) -> bool:
    """Whether `--trial` was asked for: a small run, to see that it works, whose numbers mean nothing and are not kept.

    Args:
        name: of the benchmark.
        doc: its docstring, whose first line is shown as help.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=(doc or "").splitlines()[0])
    parser.add_argument("--trial", action="store_true", help="a small run to see that it works; keeps no results")
    asked = bool(parser.parse_args().trial)
    if asked:
        print("a trial: little of everything; the numbers mean nothing\n")
    return asked


def environment() -> dict[str, object]:
    """Date, versions, processor and load. No paths and no names of machines."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": cores,
        "load_average_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
    }


def write_results(name: str, results: Mapping[str, object], started: Mapping[str, object]) -> Path:
    """Write `results/NAME.json`: the command, the environment as it was when the benchmark started, the results."""
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{name}.json"
    content = {"command": f"python -m benchmarks.{name}", **started, "results": results}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"\nkept in benchmarks/results/{path.name}")
    return path


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table: the first column to the left, the others (numbers) to the right."""
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    shown = [
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        for line in (lines[0], rule, *lines[1:])
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in shown)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    """The processor's own name where the system tells it (Linux, macOS's short one), else its family."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
