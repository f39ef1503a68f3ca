"""How long one waits before anything happens: import, help, and a look into a model file.

    python -m benchmarks.startup

Each is a process of its own, in turn with `python -c pass`, whose time is shown and subtracted. Compiled bytecode is in
place, as pip leaves it after an installation. Targets: `import penchant` under 0.15 s, `penchant --help` under 0.5 s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import penchant as pt
from benchmarks.reporting import environment, markdown, run, write_results
from benchmarks.timing import Timing, alternate

_ROUNDS = 11
_HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "numba", "safetensors", "typer", "rich", "pooch", "torch")
_BARE = "python -c pass"

# Appended to what is started: which of the packages named on standard input it has imported, on standard error.
_LISTING = """
import json, sys
print(json.dumps([name for name in json.load(sys.stdin) if name in sys.modules]), file=sys.stderr)
"""
_COMMAND = """
import sys
from penchant.cli import main
try:
    main()
except SystemExit:
    pass
"""


def main() -> None:
    """Time every start, list what it imports, print a table, keep the numbers."""
    started = environment()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "films.penchant")
        pt.ALS().fit(pt.load_dataset("sample")).save(path)
        # Bytecode goes to a folder of ours, whatever the environment says of writing it beside the sources.
        surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        surroundings["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        starts = {
            _BARE: [sys.executable, "-c", "pass"],
            "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
            "python -c 'import penchant'": [sys.executable, "-c", "import penchant"],
            "penchant --version": [_script(), "--version"],
            "penchant --help": [_script(), "--help"],
            "penchant info FILE": [_script(), "info", path],
        }
        timings = alternate({name: _start(line, surroundings) for name, line in starts.items()}, rounds=_ROUNDS)
        imports = {name: _imported(line, surroundings) for name, line in starts.items()}
    bare = timings[_BARE].median
    rows = [_row(name, timing, bare, imports[name]) for name, timing in timings.items()]
    print(markdown(["start", "median ms", "less bare python", "fastest ms", "packages imported"], rows))
    results = {name: {**timing.to_dict(), "imports": imports[name]} for name, timing in timings.items()}
    for result in results.values():
        del result["cpu_median_ms"]  # that of this process, not of the one that was started
    write_results("startup", results, started)


def _script() -> str:
    """The shell command, in the folder of this Python."""
    script = Path(sys.executable).with_name("penchant")
    if not script.exists():
        sys.exit("there is no `penchant` beside this python: pip install -e .")
    return str(script)


def _start(line: list[str], surroundings: dict[str, str]) -> Callable[[], object]:
    return lambda: subprocess.run(line, env=surroundings, check=True, stdout=subprocess.DEVNULL)


def _imported(line: list[str], surroundings: dict[str, str]) -> list[str]:
    """Which of the larger packages a start imports."""
    code, arguments = (line[2], []) if line[1] == "-c" else (_COMMAND, line[1:])
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{_LISTING}", *arguments],
        env=surroundings,
        input=json.dumps(_HEAVY),
        check=True,
        capture_output=True,
        text=True,
    )
    names: list[str] = json.loads(done.stderr.splitlines()[-1])
    return names


def _row(name: str, timing: Timing, bare: float, imports: list[str]) -> list[str]:
    shown = [f"{1000 * seconds:.0f}" for seconds in (timing.median, timing.median - bare, min(timing.wall))]
    return [name, *shown, ", ".join(imports) or "none"]


if __name__ == "__main__":
    run(main)
