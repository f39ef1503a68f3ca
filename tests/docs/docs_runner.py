"""Executes the blocks of a page, and tells where what is printed is not what the page shows.

    python -m tests.docs.docs_runner docs/shell.md ...

writes what is printed into the pages, in the place of outputs that do not match; with `--exact` before the pages also
in the place of outputs that are about right. Read the difference before you keep it: a `...` that stood in such an
output is gone.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.docs_reader import EXECUTED, ROOT, Block, Command, blocks, commands, matches, missing

SETTINGS = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100"}  # what the shell prints then is the same everywhere
_SHELL_CHARACTERS = re.compile(r"[|<>&;*]|\$\(")  # these need a real shell; a plain command runs in this process
_SHOWN_ONLY = ("make ", "pip ", "git ", "python -m venv ", "source ")  # they build or change the project itself


@dataclass(frozen=True)
class Difference:
    """An output that a page shows, the line where it starts (from 1), and what was printed instead."""

    page: Path
    line: int
    shown: str
    printed: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}\n--- the page shows\n{self.shown}\n--- it prints\n{self.printed}"


class PageRun:
    """One page as it is executed: its namespace, its folder, the exit status of its last command.

    Args:
        page: the file.
        folder: an empty one, where its blocks run.
        differs: called with each output that is not as shown.
        exact: take no output for the same that is only about right (default False).
    """

    def __init__(self, page: Path, folder: Path, differs: Callable[[Difference], None], *, exact: bool = False) -> None:
        self.page = page
        self.folder = folder
        self.differs = differs
        self.exact = exact
        self.module = types.ModuleType("__main__")
        self.status = 0
        self.left = [block for block in blocks(page) if block.language in EXECUTED]

    def up_to(self, block: Block) -> None:
        """Execute what precedes the block on its page, unless it was executed already, and then the block."""
        while block in self.left:
            following = self.left.pop(0)
            if missing(following.needs) is None:
                with contextlib.chdir(self.folder):
                    {"python": self._python, "console": self._console, "javascript": self._script}[following.language](
                        following
                    )

    def _compare(self, line: int, shown: str, printed: str, *, about: bool) -> None:
        if not matches(shown, printed, about=about and not self.exact):
            self.differs(Difference(self.page, line, shown, printed))

    def _python(self, block: Block) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if re.search(r"^>>> ", block.text, flags=re.MULTILINE):
                self._session(block)
            else:
                code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
                exec(code, self.module.__dict__)
        if block.prints is not None:
            self._compare(block.prints_line, block.prints, printed.getvalue(), about=block.about)

    def _script(self, block: Block) -> None:
        """JavaScript: a file of the name in its first line, which node runs and other blocks may import."""
        name = re.match(r"// ([\w-]+\.mjs)\n", block.text)
        assert name, f"{block}: the first line names the file, such as // score.mjs"
        Path(name[1]).write_text(block.text, encoding="utf-8")
        done = subprocess.run(["node", name[1]], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{block}: {done.stderr}"
        if block.prints is not None:
            self._compare(block.prints_line, block.prints, done.stdout, about=block.about)

    def _session(self, block: Block) -> None:
        """A block with `>>>` lines: what it shows must be what Python shows."""
        test = doctest.DocTestParser().get_doctest(block.text, {}, str(block), str(block.page), block.line - 1)
        test.globs = self.module.__dict__
        _Session(self._compare, block).run(test, clear_globs=False)

    def _console(self, block: Block) -> None:
        for command in commands(block):
            if command.text.startswith(_SHOWN_ONLY):
                _check_shown(command)
            elif command.text == "echo $?":
                self._compare(command.output_line, command.output, str(self.status), about=False)
                self.status = 0
            else:
                assert self.status == 0, f"line {command.line}: the command before this failed: {self.status}"
                self.status, printed = _executed(command.text)
                self._compare(command.output_line, command.output, printed, about=block.about)


class _Session(doctest.DocTestRunner):
    """Compares in our way, and tells it to us."""

    def __init__(self, compare: Callable[..., None], block: Block) -> None:
        checker = doctest.OutputChecker()
        checker.check_output = lambda *_: False  # type: ignore[method-assign]  # so that each output comes to us
        super().__init__(checker=checker, verbose=False)
        self._compare, self._first_line, self._about = compare, block.line, block.about

    def report_failure(self, out: object, test: doctest.DocTest, example: doctest.Example, got: str) -> None:
        line = self._first_line + example.lineno + example.source.count("\n")
        if got.startswith("Traceback"):  # only the error itself is for a page
            got = re.sub(r"\n .*\n(?=\S)", "\n    ...\n", got, count=1, flags=re.DOTALL)
        self._compare(line, example.want.rstrip("\n"), got, about=self._about)

    def report_unexpected_exception(
        self, out: object, test: doctest.DocTest, example: doctest.Example, exc_info: tuple[object, ...]
    ) -> None:
        raise AssertionError(f"{test.name}: {example.source.strip()} raised {exc_info[1]!r}")


def _executed(text: str) -> tuple[int, str]:
    in_shell = _SHELL_CHARACTERS.search(text) or not text.startswith("penchant ")
    return (_in_shell if in_shell else _in_process)(text)


def _in_process(text: str) -> tuple[int, str]:
    """`penchant ...` through its entry point, both streams together."""
    from penchant.cli import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = main(shlex.split(text)[1:])
    return status, printed.getvalue()


def _in_shell(text: str) -> tuple[int, str]:
    """A line with pipes and the like through bash, where `penchant` and `python` are those under test."""
    run = "import sys; from penchant.cli import main; sys.exit(main())"
    names = f"""python() {{ "{sys.executable}" "$@"; }}; penchant() {{ python -c '{run}' "$@"; }}; """
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        ["bash", "-c", names + text],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def _check_shown(command: Command) -> None:
    """A command that is shown and not executed must still be one that exists."""
    words = shlex.split(command.text, comments=True)
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for target in words[1:]:
            assert re.search(rf"^{re.escape(target)}:", makefile, flags=re.MULTILINE), f"no target {target} in Makefile"


def update(page: Path, *, exact: bool = False) -> int:
    """Write what is printed into a page; how many outputs were replaced."""
    found: list[Difference] = []
    with tempfile.TemporaryDirectory() as folder:
        run = PageRun(page, Path(folder), found.append, exact=exact)
        if run.left:
            run.up_to(run.left[-1])
    lines = page.read_text(encoding="utf-8").splitlines()
    for one in reversed(found):
        start = one.line - 1
        lines[start : start + len(one.shown.splitlines())] = one.printed.rstrip("\n").splitlines()
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(found)


if __name__ == "__main__":
    os.environ.update(SETTINGS)
    for name in [name for name in sys.argv[1:] if name != "--exact"]:
        print(f"{name}: {update(Path(name).resolve(), exact='--exact' in sys.argv)} outputs replaced")
