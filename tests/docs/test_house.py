"""The house: rooms of at most a dozen files, one meaning to a name, a first line that says what a file holds."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.docs_reader import PAGES, ROOT, code_spans, prose

SOURCE = ROOT / "src" / "penchant"
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = sorted({file.parent for file in FILES})
MOST_FILES, MOST_LINES, MOST_CODE, LONGEST_FIRST_LINE = 12, 400, 60, 120
MODELS = {"DotBias", "EmbeddingNN"}
MAY_ASK_WHAT_KIND = {"models", "collab"}  # those who make models, and the door with modules of its own
_TOP = {file.stem if file.is_file() else file.name for file in SOURCE.iterdir()}  # what stands under `penchant`
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def name_of(path: Path) -> str:
    """A file or folder as the tests call it: `data/ingest/scan.py`."""
    return path.relative_to(SOURCE).as_posix()


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def asked_kinds(tree: ast.AST) -> list[tuple[int, str]]:
    """Lines that ask whether something is one of the models: `isinstance(x, DotBias)`, `case DotBias()`."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        asked: ast.AST | None = None
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("isinstance", "issubclass")
        ):
            asked = node.args[1]
        elif isinstance(node, ast.MatchClass):
            asked = node.cls
        if asked is not None:
            words = {getattr(one, "id", getattr(one, "attr", "")) for one in ast.walk(asked)}
            found += [(node.lineno, kind) for kind in sorted(words & MODELS)]
    return found


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without those of its docstring, which may teach at length."""
    doc = function.body[0] if ast.get_docstring(function) else None
    told = 0 if doc is None else (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - told


def unresolved(dotted: str) -> str | None:
    """The first part of a dotted name under `penchant` that isn't there, or None where all are."""
    parts = dotted.split(".")
    thing: object = importlib.import_module(parts[0])
    for at, part in enumerate(parts[1:], start=2):
        if not hasattr(thing, part):
            try:
                importlib.import_module(".".join(parts[:at]))
            except ModuleNotFoundError:
                return None if part in getattr(thing, "__dataclass_fields__", {}) else part
        thing = getattr(thing, part)
    return None


# -- rooms --


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: name_of(room))
def test_a_room_has_at_most_a_dozen_files(room: Path) -> None:
    files = sorted(file.name for file in room.glob("*.py") if file.name != "__init__.py")
    assert len(files) <= MOST_FILES, f"{name_of(room)} has {len(files)} files: {', '.join(files)}"


def test_every_folder_is_a_package() -> None:
    assert not [name_of(room) for room in ROOMS if not (room / "__init__.py").is_file()]


def test_a_name_is_given_once() -> None:
    """A command is named after the capability that it is the door of; apart from those a basename means one thing."""
    commands = SOURCE / "cli" / "commands"
    names = Counter(file.stem for file in FILES if file.name != "__init__.py" and file.parent != commands)
    assert not [name for name, times in names.items() if times > 1]


def test_rooms_of_the_tests_are_those_of_the_house() -> None:
    own = {"beside_fastai", "conformance", "docs", "files", "properties"}
    rooms = {file.parent.relative_to(ROOT / "tests").as_posix() for file in (ROOT / "tests").rglob("test_*.py")}
    astray = [room for room in rooms - own if not (SOURCE / room).is_dir()]
    assert not astray, f"tests/{astray[0]} tests no room of src/penchant"


# -- files --


@pytest.mark.parametrize("file", FILES, ids=lambda file: name_of(file))
def test_a_file_says_in_one_line_what_it_holds(file: Path) -> None:
    first = (ast.get_docstring(tree_of(file)) or "").partition("\n")[0]
    assert first, f"{name_of(file)} has no docstring, or one whose first line is empty"
    assert len(first) <= LONGEST_FIRST_LINE, f"{name_of(file)}: the first line has {len(first)} characters"


@pytest.mark.parametrize("file", FILES, ids=lambda file: name_of(file))
def test_files_and_functions_are_short(file: Path) -> None:
    n_lines = len(file.read_text(encoding="utf-8").splitlines())
    assert n_lines < MOST_LINES, f"{name_of(file)} has {n_lines} lines"
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert code_lines(node) < MOST_CODE, f"{name_of(file)}: {node.name} has {code_lines(node)} lines of code"


def test_models_answer_for_themselves() -> None:
    """What is asked of a model is on its protocol, so that a new model is one file."""
    others = [file for file in FILES if file.relative_to(SOURCE).parts[0] not in MAY_ASK_WHAT_KIND]
    asked = [f"{name_of(file)}:{line} ({kind})" for file in others for line, kind in asked_kinds(tree_of(file))]
    assert not asked, f"these ask what kind a model is: {', '.join(asked)}"


def test_what_asks_for_a_kind_is_found() -> None:
    asking = (
        "isinstance(x, DotBias)\nisinstance(x, (int, m.EmbeddingNN))\nmatch x:\n    case DotBias():\n        pass\n"
    )
    assert asked_kinds(ast.parse(asking)) == [(1, "DotBias"), (2, "EmbeddingNN"), (4, "DotBias")]
    assert not asked_kinds(ast.parse("isinstance(x, EmbeddingDotBias)\nDotBias(x)\n"))


# -- names --


@pytest.mark.parametrize("file", FILES, ids=lambda file: name_of(file))
def test_docstrings_name_what_exists(file: Path) -> None:
    """A code span such as `penchant.ranking.top_n`, or `ranking.top_n` for short, is there to be looked up."""
    for node in ast.walk(tree_of(file)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for span in code_spans(ast.get_docstring(node) or ""):
            dotted = _DOTTED.match(span)
            if dotted is None or dotted[0].partition(".")[0] not in {"penchant", *_TOP}:
                continue
            name = dotted[0] if dotted[0].startswith("penchant.") else f"penchant.{dotted[0]}"
            assert unresolved(name) is None, f"{name_of(file)} names {span}: there is no {unresolved(name)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_modules_that_exist(page: Path) -> None:
    """A file below src/penchant may be named without the path to it: `solvers/als.py`."""
    for span in code_spans(prose(page)):
        if re.fullmatch(r"[\w/]+/\w+\.py", span) and not span.startswith(
            ("tests/", "docs/", "benchmarks/", "examples/")
        ):
            there = SOURCE / span.removeprefix("src/penchant/")
            assert there.is_file(), f"{page.name} names {span}: no such file"


def test_a_name_that_is_gone_is_found() -> None:
    assert unresolved("penchant.ranking.top_n.top_n") is None
    assert unresolved("penchant.ranking.nothing") == "nothing"
    assert unresolved("penchant.Recommender.predict") is None
