"""docs/shell.md lists every command and every option, with the defaults that they have."""

from __future__ import annotations

import inspect
import re

import pytest
import typer
from tests.docs_reader import ROOT, code_spans, tables

from penchant import read_ratings
from penchant.cli.app import build_app

PAGE = ROOT / "docs" / "shell.md"


def commands_of(command: object, path: tuple[str, ...] = ()) -> dict[str, object]:
    """Every command that does something, by what is typed after `penchant`."""
    below = getattr(command, "commands", None)
    if not below:
        return {" ".join(path): command}
    found: dict[str, object] = {}
    for name, one in below.items():
        found |= commands_of(one, (*path, name))
    return found


COMMANDS = commands_of(typer.main.get_command(build_app(solver_options=True)))


def documented() -> dict[str, dict[str, dict[str, str]]]:
    """Of each section of the page that has a table of options, its rows by option."""
    text = PAGE.read_text(encoding="utf-8")
    sections = re.findall(r"^## (?:penchant )?(.*)\n(?:(?!^## )[\s\S])*?^\| Option ", text, flags=re.MULTILINE)
    found = [{name: row for row in rows for name in code_spans(row["Option"])} for rows in tables(PAGE)]
    return dict(zip(sections, found, strict=True))


def flags(parameter: object) -> list[str]:
    """What is typed for a parameter: --option, -o, or the name of an argument."""
    if type(parameter).__name__.endswith("Argument"):
        return [parameter.metavar]  # type: ignore[attr-defined]
    return [*parameter.opts, *parameter.secondary_opts]  # type: ignore[attr-defined]


def shown_default(parameter: object) -> str | None:
    """The default as the help shows it, or None where it shows none."""
    in_help = re.search(r"\[default: ([^\]]+)\]", parameter.help or "")  # type: ignore[attr-defined]
    if in_help:
        return in_help[1]
    if isinstance(parameter.show_default, str):  # type: ignore[attr-defined]
        return parameter.show_default  # type: ignore[attr-defined]
    default = parameter.default  # type: ignore[attr-defined]
    if default is True:
        return f"`{parameter.opts[0]}`"  # type: ignore[attr-defined]
    return None if default in (None, False) else str(default)


def options_of(name: str) -> dict[str, object]:
    """The parameters of a command by what is typed for them."""
    real = {flag: one for one in COMMANDS[name].params for flag in flags(one)}  # type: ignore[attr-defined]
    return {flag: one for flag, one in real.items() if flag not in ("--help", "-h")}


def test_every_command_has_a_section() -> None:
    assert set(documented()) == {*COMMANDS, "Reading RATINGS"}


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_those_of_the_command(name: str) -> None:
    rows, real = documented()[name], options_of(name)
    if "RATINGS" in real:
        rows = rows | documented()["Reading RATINGS"]
    assert set(rows) == set(real)
    for flag, row in rows.items():
        default = shown_default(real[flag])
        assert default is None or row["Default"] == default, f"{name} {flag}"


def test_defaults_of_reading_are_those_of_the_library() -> None:
    rows = documented()["Reading RATINGS"]
    for name, parameter in inspect.signature(read_ratings).parameters.items():
        if isinstance(parameter.default, str):
            assert rows[f"--{name}"]["Default"] == parameter.default
