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
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from penchant.cli.options import option
from penchant.errors import ParameterError
from penchant.text import all_of

if TYPE_CHECKING:
    from penchant.solvers.solver import Solver

__all__ = ["SOLVERS", "build_solver", "documented", "hyper_options", "solver_class"]

SOLVERS: Mapping[str, str] = {  # the word in the shell: where the class is; the first is the default
    "bayes": "penchant.solvers.bayes:Bayes",
    "als": "penchant.solvers.als:ALS",
    "adam": "penchant.solvers.adam:Adam",
    "neural": "penchant.solvers.neural:NeuralNet",
}

_FLAGS = {  # others are --the-name-itself
    "n_epochs": "--epochs",
    "n_draws": "--draws",
    "n_burn": "--burn",
    "n_chains": "--chains",
    "rng": "--seed",
    "n_threads": "--threads",
}
_DEFAULT = re.compile(r" \(default[^)]*\)|, default \([^)]*\)")  # told once, from the signature
_METAVARS: Mapping[type | None, str] = {str: "NAMES", int: "NUMBERS", float: "NUMBERS"}
_NAMES = re.compile(r"\(\"\w+\"(?:, \"\w+\")*,?\)")  # a tuple of names
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
            having = [other for other in SOLVERS if field in {each.name for each in _fields(solver_class(other))}]
            typed = _no(field) if hyper[field] is False else flag_of(field)
            raise ParameterError(f"{typed} is no option of the solver {name}, but of {all_of(having)}")
    hints = typing.get_type_hints(solver)
    given = {field: _as_tuple(field, value, hints[field]) for field, value in hyper.items()}
    return solver(**given)


def _as_tuple(field: str, value: object, hint: object) -> object:
    """The names in "genres,year", the numbers in "20,10"; a value of another hyper-parameter as it is."""
    kind = _element(hint)
    if kind is None:
        return value
    parts = [part.strip() for part in str(value).split(",") if part.strip()]
    try:
        return tuple(kind(part) for part in parts)
    except ValueError as error:
        example = "20,10" if kind is int else "0.5,5.5"
        raise ParameterError(f"{flag_of(field)} is {value!r}: use numbers with commas, such as {example}") from error


def _element(hint: object) -> type | None:
    """What a tuple is of; None for a hyper-parameter that is no tuple."""
    alternatives = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for alternative in alternatives:
        if typing.get_origin(alternative) is tuple:
            return typing.cast("type", typing.get_args(alternative)[0])
    return None


def hyper_options() -> list[inspect.Parameter]:
    """One option for each hyper-parameter of any solver, None where the user says nothing.

    Solvers that share a hyper-parameter share its option, with the words of the first of them.
    """
    from rich.markup import escape

    types_of: dict[str, object] = {}
    told: dict[str, str] = {}
    defaults: dict[str, dict[str, str]] = {}
    for name in SOLVERS:
        solver = solver_class(name)
        hints, texts = typing.get_type_hints(solver), documented(solver)
        for field in _fields(solver):
            defaults.setdefault(field.name, {})[name] = shown_default(field.default)
            types_of.setdefault(field.name, hints[field.name])
            told.setdefault(field.name, texts.get(field.name, ""))
    return [
        option(
            field,
            _plain_type(hint) | None,
            _switch(field) if hint is bool else flag_of(field),
            metavar=_METAVARS.get(_element(hint)),
            help=escape(f"{_said(told[field], list(defaults[field]))} [default: {_one_default(defaults[field])}]"),
            show_default=False,
            rich_help_panel="Hyper-parameters of the solver",
        )
        for field, hint in types_of.items()
    ]


def _said(text: str, having: Sequence[str]) -> str:
    """A hyper-parameter's text as a shell says it: options for names, "age,sex" for ("age", "sex"), whose it is."""
    for name in having:
        for field in _fields(solver_class(name)):
            text = text.replace(f"`{field.name}`", flag_of(field.name))
    text = _NAMES.sub(lambda names: re.sub(r"[\"()\s]", "", names[0]), text)
    return text if len(having) == len(SOLVERS) else f"{text} ({all_of(having)} only)"


def _switch(field: str) -> str:
    """What a user types for yes and for no."""
    return f"{flag_of(field)}/{_no(field)}"


def _no(field: str) -> str:
    return f"--no-{field.replace('_', '-')}"


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
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple) and default:
        return ",".join(str(each) for each in default)
    return "none" if default is None or default == () else str(default)


def _one_default(by_solver: Mapping[str, str]) -> str:
    if len(set(by_solver.values())) == 1:
        return next(iter(by_solver.values()))
    return ", ".join(f"{name} {default}" for name, default in by_solver.items())


def _fields(solver: type) -> tuple[dataclasses.Field[object], ...]:
    return tuple(field for field in dataclasses.fields(solver) if field.init)


def _plain_type(hint: object) -> type:
    """What the shell reads for a type: the first of int, float, str, bool among its alternatives; names as one text."""
    if _element(hint) is not None:
        return str
    alternatives = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = [kind for kind in alternatives if kind in (int, float, str, bool)]
    if not plain:
        raise TypeError(f"a hyper-parameter of type {hint} has no form in the shell")
    return typing.cast("type", plain[0])
