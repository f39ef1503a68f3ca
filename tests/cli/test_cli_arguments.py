"""Arguments that an error names are shown as the options of the command that was typed, and no message is rewritten."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.outcome import Shell

import penchant
from penchant import errors
from penchant.cli.app import build_app
from penchant.cli.argument_words import typed
from penchant.cli.solver_options import SOLVERS, documented, flag_of, solver_class
from penchant.errors import ColumnError, ParameterError, PenchantError, SourceError
from penchant.text import Argument, Setting

SOURCE = Path(penchant.__file__).parent
ERRORS = set(errors.__all__)


@dataclass(frozen=True)
class _Option:
    name: str
    opts: list[str]
    secondary_opts: list[str] = field(default_factory=list)
    nargs: int = 1
    metavar: str | None = None


OPTIONS = [
    _Option("user", ["--user"]),
    _Option("sep", ["--sep"]),
    _Option("format_", ["--format"]),
    _Option("timestamp", ["--timestamp"]),
    _Option("rating_scale", ["--scale"], nargs=2),
    _Option("columns", ["--columns"]),
    _Option("implicit", ["--implicit"], ["--no-implicit"]),
    _Option("ratings", ["ratings"], metavar="RATINGS"),
    _Option("name", ["name"]),
]


@pytest.mark.parametrize(
    ("argument", "python", "shell"),
    [
        (Argument("sep"), "sep", "--sep"),
        (Setting("sep", text=""), "sep=", "--sep"),
        (Argument("format"), "format", "--format"),
        (Setting("user", text="..."), "user=...", "--user ..."),
        (Setting("user", "user name"), "user='user name'", "--user 'user name'"),
        (Setting("user", "b"), "user='b'", "--user b"),
        (Setting("user", "b", '"b"'), 'user="b"', "--user b"),
        (Setting("timestamp", False), "timestamp=False", "--timestamp none"),
        (Setting("rating_scale", (5, 1)), "rating_scale=(5, 1)", "--scale 5 1"),
        (Setting("columns", ["user", "item"]), "columns=['user', 'item']", "--columns user,item"),
        (Setting("implicit", False), "implicit=False", "--no-implicit"),
        (Setting("implicit", True), "implicit=True", "--implicit"),
        (Argument("ratings"), "ratings", "RATINGS"),
        (Argument("name"), "name", "NAME"),
        (Setting("keep_ratings", False), "keep_ratings=False", "keep_ratings=False"),
    ],
)
def test_an_argument_in_python_and_in_the_shell(argument: Argument, python: str, shell: str) -> None:
    assert str(argument) == python
    assert typed(argument, OPTIONS) == shell


@pytest.mark.parametrize("kind", [ParameterError, ColumnError, SourceError])
def test_an_error_says_the_same_in_the_words_of_any_door(kind: type[PenchantError]) -> None:
    error = kind("leave out ", Argument("n"), " or ", Setting("by", "low"))

    for same in (error, pickle.loads(pickle.dumps(error))):
        assert str(same) == same.message == "leave out n or by='low'"
        assert same.args == (same.message,)
        assert same.said(lambda argument: f"<{argument.name}>") == "leave out <n> or <by>"
        assert same.arguments == ("n", "by")


# -- every solver --


def _train_parameters() -> list[_Option]:
    command = typer.main.get_command(build_app(solver_options=True)).commands["train"]  # type: ignore[attr-defined]
    return list(command.params)


PARAMETERS = _train_parameters()
ODD = st.one_of(
    st.integers(-3, 0),
    st.floats(),
    st.integers(10**8, 10**10),
    st.text("ab", max_size=3),
    st.booleans(),
    st.none(),
    st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    st.just((-1,)),
)


@given(st.data())
@pytest.mark.parametrize("name", SOLVERS)
def test_whatever_a_solver_refuses_is_named_by_its_option(name: str, data: st.DataObject) -> None:
    solver = solver_class(name)
    fields = list(documented(solver))
    given_one = data.draw(st.dictionaries(st.sampled_from(fields), ODD, min_size=1, max_size=2))
    error = _refusal(solver, given_one)
    if error is not None:
        shown = error.said(lambda argument: typed(argument, PARAMETERS))
        words = re.sub(r"--[a-z-]+|'[^']*'", "", shown)

        assert error.arguments
        assert set(error.arguments) <= set(given_one) | {"lr", "wd"}
        assert shown.startswith(flag_of(error.arguments[0]))
        assert not set(re.findall(r"\w+", words)) & set(fields), shown


def _refusal(solver: Callable[..., object], values: dict[str, object]) -> ParameterError | None:
    try:
        solver(**values)
    except ParameterError as error:
        return error
    return None


# -- every command --


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["items", "FILMS", "--min-ratings", -1], "--min-ratings is -1: use"),
        (["map", "FILMS", "--min-ratings", -1], "--min-ratings is -1: use"),
        (["map", "FILMS", "--method", "tsne"], "--method is 'tsne': use"),
        (["poles", "FILMS", "--factor", 9], "--factor is 9: use"),
        (["similar", "FILMS", 1, "--by", "colour"], "--by is 'colour': use"),
        (["recommend", "FILMS", "--user", 7, "--diversity", 2], "--diversity is 2.0: use"),
        (["predict", "SURE", "--user", 7, "--item", 1, "--interval", 2], "--interval is 2.0: use"),
        (["recommend", "SURE", "--user", 7, "--interval", 2], "--interval is 2.0: use"),
        (["evaluate", "FILMS", "sample", "-k", 0], "-k is 0: use"),
        (["evaluate", "FILMS", "sample", "--relevant", 9], "--relevant is 9.0: use"),
        (["export", "FILMS", "-o", "OUT.json", "--precision", 0], "--precision is 0.0: use"),
        (["export", "FILMS", "-o", "OUT.txt"], "--format is None: use"),
        (["plot", "FILMS", "--kind", "item_map", "-o", "OUT.html", "--theme", "grey"], "--theme is 'grey': use"),
        (["train", "sample", "-o", "OUT", "--item", "name"], "--item is 'name': use"),
        (["train", "sample", "-o", "OUT", "--sep", ";"], "--sep is for files"),
        (["train", "sample", "-o", "OUT", "--user-features", "age,age"], "--user-features names an attribute twice"),
        (["items", "BARE", "--min-ratings", 2], "--min-ratings needs the training ratings"),
        (["items", "BARE", "--sort", "low"], "--sort low needs the training ratings"),
        (["map", "BARE", "--min-ratings", 2], "--min-ratings needs the training ratings"),
        (["similar", "BARE", 1, "--by", "ratings"], "--by ratings needs the training ratings"),
        (["forget", "BARE", 7, "--refresh-items"], "--refresh-items needs the training ratings"),
    ],
)
def test_every_command_names_its_own_options(
    shell: Shell, films: Path, sure_films: Path, tmp_path: Path, command: list[object], words: str
) -> None:
    bare = tmp_path / "bare.penchant"
    if "BARE" in command:
        penchant.fit(penchant.load_dataset("sample"), penchant.ALS(n_factors=2, n_epochs=2), keep_ratings=False).save(
            bare
        )
    files = {"FILMS": films, "SURE": sure_films, "BARE": bare}
    out = [str(tmp_path / part) if str(part).startswith("OUT") else files.get(str(part), part) for part in command]

    told = shell(*out)

    assert told.code in (2, 3, 7)
    assert told.err.splitlines()[-1].startswith(f"error: {words}")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("a,b,c\nx,y,z\n", (), "name it with --user ...;"),
        ("1,2,3\n4,5,6\n", (), "for example --columns user,item,rating,timestamp"),
        ("user,userid,uid,item,rating\n1,2,3,4,5\n", (), "say --user userid or --user uid"),
        ("user,item,rating,ts,timestamp\n1,2,3,4,5\n", (), "or --timestamp none to leave it out"),
        ("user,item,rating\n1,2,x\n", (), "leave such rows out with --invalid drop"),
        ("user,item,rating,timestamp\n1,2,3,x\n", (), "--invalid drop, or all times with --timestamp none"),
        ("user,item,rating\n1,2,3\n1,2,4\n", ("--duplicates", "error"), "--duplicates last, 'first' or 'mean'"),
        ("user,item,rating\n1,2,3\n", ("--duplicates", "never"), "error: --duplicates never: use one of"),
        ("user,item,rating\n1,2,3\n", ("--invalid", "keep"), "error: --invalid keep: use"),
        ("user,item,rating\n1,2,3\n", ("--scale", 5, 1), "error: --scale 5.0 1.0: use"),
        ("user,item,rating\n1,2,3\n", ("--encoding", "klingon"), "error: --encoding klingon is unknown"),
        ("user,item,rating\n1,2,3\n", ("--columns", "user,item"), "error: --columns has 2 names"),
        ("user,item,rating\n1,2,3\n", ("--columns", "user,item,rating"), "leave out --columns"),
        ("user,item,rating\n1,2,3\n", ("--rating", "stars"), "no column 'stars' for --rating stars"),
        ("one\ntwo\nthree\n", (), "name it with --sep"),
    ],
)
def test_reading_names_the_options_of_reading(
    shell: Shell, tmp_path: Path, content: str, options: tuple[object, ...], words: str
) -> None:
    (tmp_path / "table.csv").write_text(content)

    told = shell("train", tmp_path / "table.csv", "-o", tmp_path / "a", *options)

    assert told.code in (2, 3)
    assert words in told.err.splitlines()[-1]


def test_a_command_does_not_lend_its_options_to_another_meaning(shell: Shell, films: Path, tmp_path: Path) -> None:
    """--user of a picture is a person: a file whose columns are not recognised must not ask for it."""
    (tmp_path / "test.csv").write_text("a,b,c\nx,y,z\n")

    told = shell("plot", films, "--kind", "by_popularity", "--test", tmp_path / "test.csv", "-o", tmp_path / "a.html")

    told.fails(3, "name it with user=...")


# -- how the source is written --


def _errors_raised(folder: Path) -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                yield f"{path.relative_to(folder)}:{node.lineno}", node


def _texts(call: ast.Call) -> Iterator[str]:
    for part in call.args:
        for node in [part] if isinstance(part, ast.Constant) else getattr(part, "values", []):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_messages_hold_no_arguments_as_text() -> None:
    """`sep=` in the words of a message could not be called otherwise elsewhere; collab speaks Python only."""
    keyword = re.compile(r"\b[a-z][a-z_]*=")
    found = [
        f"{where}: {text}"
        for where, call in _errors_raised(SOURCE)
        if not where.startswith("collab")
        for text in _texts(call)
        if keyword.search(text)
    ]

    assert found == []


def test_the_shell_rewrites_no_message() -> None:
    """An error of the library that the shell catches is the cause of another one, or printed by `said` in one place."""
    for path in sorted((SOURCE / "cli").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        attributes = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        assert "message" not in attributes, path
        assert attributes.count("said") == (path.name == "app.py"), path
        for handler in ast.walk(tree):
            if isinstance(handler, ast.ExceptHandler) and path.name != "app.py" and _names(handler.type) & ERRORS:
                causes = [node.cause for node in ast.walk(handler) if isinstance(node, ast.Raise)]
                uses = [node for node in ast.walk(handler) if isinstance(node, ast.Name) and node.id == handler.name]
                assert all(use in causes for use in uses), path


def _names(node: ast.AST | None) -> set[str]:
    return set() if node is None else {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
