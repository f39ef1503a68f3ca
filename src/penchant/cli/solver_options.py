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
from penchant.text import Setting, all_of

if TYPE_CHECKING:
    from penchant.solvers.choice_solver import ChoiceSolver
    from penchant.solvers.solver import Solver

__all__ = [
    "CHOICE_SOLVERS",
    "SOLVERS",
    "build_choice_solver",
    "build_solver",
    "documented",
    "hyper_options",
    "solver_class",
]

SOLVERS: Mapping[str, str] = {  # the word in the shell: where the class is; the first is the default
    "bayes": "penchant.solvers.bayes:Bayes",
    "als": "penchant.solvers.als:ALS",
    "adam": "penchant.solvers.adam:Adam",
    "neural": "penchant.solvers.neural:NeuralNet",
}
CHOICE_SOLVERS: Mapping[str, str] = {  # the same of tables without stars
    "choice_mix": "penchant.solvers.choice.mix:ChoiceMix",
    "choice_als": "penchant.solvers.choice.choice_als:ChoiceALS",
    "choice_bayes": "penchant.solvers.choice.choice_bayes:ChoiceBayes",
    "ease": "penchant.solvers.choice.ease:EASE",
}

_OF_ALL = ("rng", "n_threads")  # a solver that is made of others has these of theirs, and hands them on
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


def solver_class(name: str) -> type[Solver | ChoiceSolver]:
    """The class of a solver named in the shell, of ratings or of choices.

    Raises:
        ParameterError: no solver of that name.
    """
    where = _every().get(name)
    if where is None:
        raise ParameterError(f"no solver {name!r}: use one of {', '.join(sorted(SOLVERS))}")
    module, _, attribute = where.partition(":")
    found: type[Solver | ChoiceSolver] = getattr(importlib.import_module(module), attribute)
    return found


def build_solver(name: str, hyper: Mapping[str, object]) -> Solver:
    """A solver of ratings with the hyper-parameters that the user gave; the others keep their defaults.

    Raises:
        ParameterError: no such solver, one of choices, it has no such hyper-parameter, or a value out of range.
    """
    if name in CHOICE_SOLVERS:
        raise ParameterError(
            f"--solver {name} learns from a table of choices, without stars: add ", Setting("choices_only", True)
        )
    return typing.cast("Solver", _built(name, hyper))


def build_choice_solver(name: str, hyper: Mapping[str, object]) -> ChoiceSolver:
    """The same of a solver of choices.

    Raises:
        ParameterError: as `build_solver`, or the solver is one of ratings.
    """
    if name not in CHOICE_SOLVERS:
        wrong = f"--solver {name} learns from stars" if name in SOLVERS else f"no solver {name!r} of choices"
        raise ParameterError(
            wrong, ": with ", Setting("choices_only", True), f" use one of {', '.join(CHOICE_SOLVERS)}"
        )
    return typing.cast("ChoiceSolver", _built(name, hyper))


def _built(name: str, hyper: Mapping[str, object]) -> Solver | ChoiceSolver:
    solver = solver_class(name)
    known = _hypers(solver)
    for field in hyper:
        if field not in known:
            having = [other for other in _every() if field in _hypers(solver_class(other))]
            typed = _no(field) if hyper[field] is False else flag_of(field)
            raise ParameterError(f"{typed} is no option of the solver {name}, but of {all_of(having)}")
    given = {field: _as_tuple(field, value, known[field].hint) for field, value in hyper.items()}
    for field, inner in _solvers_inside(solver).items():
        own = {one.name for one in _plain_fields(type(inner))}
        given[field] = dataclasses.replace(inner, **{of: hyper[of] for of in _OF_ALL if of in hyper and of in own})  # type: ignore[type-var]
    own = {field.name for field in dataclasses.fields(solver)}  # type: ignore[arg-type]  # every solver is a dataclass
    return solver(**{field: value for field, value in given.items() if field in own})


def _every() -> dict[str, str]:
    return {**SOLVERS, **CHOICE_SOLVERS}


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

    first: dict[str, _Hyper] = {}
    defaults: dict[str, dict[str, str]] = {}
    for name in _every():
        for field, hyper in _hypers(solver_class(name)).items():
            defaults.setdefault(field, {})[name] = hyper.default
            first.setdefault(field, hyper)
    return [
        option(
            field,
            _plain_type(hyper.hint) | None,
            _switch(field) if hyper.hint is bool else flag_of(field),
            metavar=_METAVARS.get(_element(hyper.hint)),
            help=escape(f"{_said(hyper.text, list(defaults[field]))} [default: {_one_default(defaults[field])}]"),
            show_default=False,
            rich_help_panel="Hyper-parameters of the solver",
        )
        for field, hyper in first.items()
    ]


@dataclasses.dataclass(frozen=True)
class _Hyper:
    """A hyper-parameter: its type, its words, and its default as the help shows it."""

    hint: object
    text: str
    default: str


def _hypers(solver: type) -> dict[str, _Hyper]:
    """The hyper-parameters of a solver that the shell has options for, by name."""
    classes = {found.__name__: found for found in map(solver_class, _every())}  # names that its module may not import
    hints, texts = typing.get_type_hints(solver, localns=classes), documented(solver)
    found = {
        field.name: _Hyper(hints[field.name], texts.get(field.name, ""), shown_default(field.default))
        for field in _plain_fields(solver)
    }
    for inner in _solvers_inside(solver).values():
        theirs = _hypers(type(inner))
        found |= {name: theirs[name] for name in _OF_ALL if name in theirs and name not in found}
    return found


def _solvers_inside(solver: type) -> dict[str, object]:
    """The solvers that a solver is made of by default, by the name of the field."""
    made = {
        field.name: field.default_factory()
        for field in dataclasses.fields(solver)
        if field.default_factory is not dataclasses.MISSING
    }
    return {name: value for name, value in made.items() if hasattr(value, "epochs")}


def _plain_fields(solver: type) -> list[dataclasses.Field[object]]:
    inside = _solvers_inside(solver)
    return [field for field in dataclasses.fields(solver) if field.init and field.name not in inside]


def _said(text: str, having: Sequence[str]) -> str:
    """A hyper-parameter's text as a shell says it: options for names, "age,sex" for ("age", "sex"), whose it is."""
    for name in having:
        for field in _hypers(solver_class(name)):
            text = text.replace(f"`{field}`", flag_of(field))
    text = _NAMES.sub(lambda names: re.sub(r"[\"()\s]", "", names[0]), text)
    return text if len(having) == len(_every()) else f"{text} ({all_of(having)} only)"


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


def _plain_type(hint: object) -> type:
    """What the shell reads for a type: the first of int, float, str, bool among its alternatives; names as one text."""
    if _element(hint) is not None:
        return str
    alternatives = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = [kind for kind in alternatives if kind in (int, float, str, bool)]
    if not plain:
        raise TypeError(f"a hyper-parameter of type {hint} has no form in the shell")
    return typing.cast("type", plain[0])
