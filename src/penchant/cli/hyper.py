"""Options of `penchant train` that are a solver's hyper-parameters: names, types, defaults and help of its dataclass.

A solver that is entered in `SOLVERS` has its options in the shell; nothing about them is written a second time.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import types
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penchant.cli.options import option
from penchant.errors import ParameterError

if TYPE_CHECKING:
    from penchant.solvers.protocol import Solver

__all__ = ["SOLVERS", "build_solver", "documented", "hyper_options", "solver_class"]

SOLVERS: Mapping[str, str] = {"als": "penchant.fitting:ALS"}  # the word in the shell: where the class is

_FLAGS = {"n_epochs": "--epochs", "rng": "--seed", "n_threads": "--threads"}  # others are --the-name-itself
_DEFAULT = re.compile(r" \(default[^)]*\)")  # told once, from the signature
_FIELD = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*)$")


def flag_of(field: str) -> str:
    """What a user types for a hyper-parameter: `--n-factors` for `n_factors`."""
    return _FLAGS.get(field, f"--{field.replace('_', '-')}")


def solver_class(name: str) -> type[Solver]:
    """The class of a solver named in the shell.

    Raises:
        ParameterError: no solver of that name.
    """
    if name not in SOLVERS:
        raise ParameterError(f"no solver {name!r}: use one of {', '.join(sorted(SOLVERS))}")
    module, _, attribute = SOLVERS[name].partition(":")
    found: type[Solver] = getattr(importlib.import_module(module), attribute)
    return found


def build_solver(name: str, hyper: Mapping[str, object]) -> Solver:
    """A solver with the hyper-parameters that the user gave; the others keep their defaults.

    Raises:
        ParameterError: no such solver, it has no such hyper-parameter, or a value out of range.
    """
    solver = solver_class(name)
    known = {field.name for field in _fields(solver)}
    for field in hyper:
        if field not in known:
            raise ParameterError(f"{flag_of(field)} is no option of the solver {name}")
    return solver(**hyper)


def hyper_options() -> list[inspect.Parameter]:
    """One option for each hyper-parameter of any solver, None where the user says nothing."""
    from rich.markup import escape

    found: dict[str, inspect.Parameter] = {}
    defaults: dict[str, dict[str, str]] = {}
    for name in SOLVERS:
        solver = solver_class(name)
        hints, texts = typing.get_type_hints(solver), documented(solver)
        for field in _fields(solver):
            defaults.setdefault(field.name, {})[name] = shown_default(field.default)
            found[field.name] = option(
                field.name,
                _plain_type(hints[field.name]) | None,
                flag_of(field.name),
                help=escape(f"{texts.get(field.name, '')} [default: {_one_default(defaults[field.name])}]"),
                show_default=False,
                rich_help_panel="Hyper-parameters of the solver",
            )
    return list(found.values())


def documented(solver: type) -> dict[str, str]:
    """Each hyper-parameter's text in the `Args` section of a solver's docstring, on one line, without its default."""
    _, _, section = inspect.cleandoc(solver.__doc__ or "").partition("\nArgs:\n")
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if line and not line.startswith("    "):
            break
        if heading := _FIELD.match(line):
            names = heading[1].split(", ")
            texts |= dict.fromkeys(names, heading[2])
        else:
            texts |= {name: f"{texts[name]} {line.strip()}".strip() for name in names}
    return {name: _DEFAULT.sub("", text) for name, text in texts.items()}


def shown_default(default: object) -> str:
    """A default as the help shows it."""
    return "none" if default is None else str(default)


def _one_default(by_solver: Mapping[str, str]) -> str:
    if len(set(by_solver.values())) == 1:
        return next(iter(by_solver.values()))
    return ", ".join(f"{name} {default}" for name, default in by_solver.items())


def _fields(solver: type) -> tuple[dataclasses.Field[object], ...]:
    return tuple(field for field in dataclasses.fields(solver) if field.init)


def _plain_type(hint: object) -> type:
    """What the shell reads for a type: the first of int, float, str, bool among its alternatives."""
    alternatives = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = [kind for kind in alternatives if kind in (int, float, str, bool)]
    if not plain:
        raise TypeError(f"a hyper-parameter of type {hint} has no form in the shell")
    return typing.cast("type", plain[0])
