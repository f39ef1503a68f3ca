"""Finds the public API and reads what its docstrings say of parameters.

The convention (CONTRIBUTING.md): a section `Args:` with one entry a parameter, `name: what it is` or, for several of
a kind, `name, other: what they are`; "as for `other`" takes over the entries of another function. A class may have
them under `Attributes:`, or name them in its sentences. A default that is stated is written `default 0.2` or
`(default: "last")`.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import operator
import pkgutil
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.docs_reader import code_spans

import penchant
from penchant.data.tables.table import Table
from penchant.models.answers import FoldedUser
from penchant.models.model import Model
from penchant.solvers.choice_solver import ChoiceSolver
from penchant.solvers.solver import Solver

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from types import ModuleType

_SECTION = re.compile(r"^(Args|Attributes):\s*$", flags=re.MULTILINE)
_ENTRY = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: \([^)]*\))?: (?P<text>.*)")
_DEFAULT = re.compile(r"\bdefaults?(?: to| is|:)? (?P<value>\"[^\"]*\"|'[^']*'|\([^()]*\)|`[^`]*`|[^\s,;)]+)")
_AS_FOR = re.compile(r"as (?:for|in|of) `([\w.]+)`")
PROTOCOLS = (
    Model,
    FoldedUser,
    Solver,
    ChoiceSolver,
    Table,
)  # what they say of a method holds for every class that has it
_FRONT = re.compile(  # what a caller holds in the hand, directly or as the result of something
    r"penchant\.(splits|datasets|metrics|errors|data\.(ratings|choices|vocab|attributes)|data\.ingest\.report(?=\.[A-Z])"
    r"|models\.(?!array_checks|dot_bias\.dot_attribution)\w+|solvers\.(als|bayes)|solvers\.choice\.(mix|ease|choice_als|choice_bayes)|solvers\.solver(?=\.[A-Z])"
    r"|ranking\.top_n|analysis\.intervals|evaluation\.scorecard|recommender\.recommender"
    r"|fitting\.(fit|cross_validation))\."
)


@dataclass(frozen=True)
class Public:
    """A public function, method or class: its dotted name, the object, and the class that it stands in."""

    name: str
    thing: object
    owner: type | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def in_front(self) -> bool:
        """Whether callers meet it; the rest is for those who work on penchant."""
        return _FRONT.match(self.name) is not None

    def parameters(self) -> dict[str, inspect.Parameter]:
        """What a caller passes, `self` and private names excluded."""
        if not callable(self.thing):
            return {}
        try:
            found = inspect.signature(self.thing).parameters
        except ValueError:
            return {}
        return {
            name: one
            for name, one in found.items()
            if name not in ("self", "cls")
            and not name.startswith("_")
            and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        }

    def doc(self) -> str:
        """Its docstring, or that of a protocol's method of the same name."""
        own = inspect.getdoc(self.thing) or ""
        if inspect.isclass(self.thing):
            own = inspect.cleandoc(self.thing.__doc__ or "")  # not that of a base class
        if own or self.owner is None:
            return own
        simple = self.name.rpartition(".")[2]
        return next((text for one in PROTOCOLS if (text := inspect.getdoc(getattr(one, simple, None)) or "")), "")


def modules() -> list[ModuleType]:
    """Every module of the package."""
    found = pkgutil.walk_packages(penchant.__path__, prefix="penchant.")
    return [importlib.import_module(one.name) for one in found if not one.name.endswith("__main__")]


def public_things() -> list[Public]:
    """Every class and function that a module exports (`__all__`), and the public members of its classes."""
    found: dict[str, Public] = {}
    for module in modules():
        for name in getattr(module, "__all__", ()):
            thing = _unwrapped(getattr(module, name))
            if getattr(thing, "__module__", "").startswith("penchant") and callable(thing):
                dotted = f"{thing.__module__}.{name}"  # type: ignore[attr-defined]
                found.setdefault(dotted, Public(dotted, thing))
                if inspect.isclass(thing):
                    found.update({one.name: one for one in _members(dotted, thing)})
    return list(found.values())


def _unwrapped(thing: object) -> object:
    """The Python function inside a compiled one."""
    return getattr(thing, "py_func", thing)


def _members(dotted: str, owner: type) -> Iterator[Public]:
    for name, member in vars(owner).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield Public(f"{dotted}.{name}", member, owner)
        elif inspect.isfunction(member) or isinstance(member, classmethod | staticmethod):
            yield Public(f"{dotted}.{name}", getattr(owner, name), owner)


def documented(doc: str, sections: Container[str] = ("Args", "Attributes")) -> dict[str, str]:
    """What the sections `Args:` and `Attributes:` of a docstring, or one of them, say of each name."""
    found: dict[str, str] = {}
    for section in _SECTION.finditer(doc):
        if section[1] not in sections:
            continue
        names: list[str] = []
        for line in doc[section.end() :].lstrip("\n").splitlines():
            if line.strip() and not line.startswith("    "):
                break
            entry = _ENTRY.match(line[4:])
            if entry is not None:
                names = [name.lstrip("*") for name in entry["names"].split(", ")]
                found.update(dict.fromkeys(names, entry["text"]))
            else:
                found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found


def stated_default(text: str) -> tuple[bool, object]:
    """Whether an entry states a default as a literal, and which; ("default: all cores" states none)."""
    stated = _DEFAULT.search(text)
    if stated is None:
        return False, None
    try:
        return True, ast.literal_eval(stated["value"].strip("`").rstrip(".:"))
    except (ValueError, SyntaxError):
        return False, None


def wrong_default(public: Public) -> Iterator[str]:
    """Each parameter whose documented default is not the signature's."""
    entries = documented(public.doc())
    for name, parameter in public.parameters().items():
        given, value = stated_default(entries.get(name, ""))
        if given and (parameter.default != value or type(parameter.default) is not type(value)):
            yield f"{public}: {name} is documented with default {value!r}; the signature has {parameter.default!r}"


def undocumented(public: Public) -> list[str]:
    """The parameters that are not told of. A single one may be told in the sentence, by other words than its name."""
    names = public.parameters()
    return [] if len(names) == 1 else [name for name in names if name not in told(public)]


def told(public: Public) -> set[str]:
    """Names with an entry, here or in a function that is referred to, or in code spans of the docstring.

    A method may be told of in its class; of a class every word counts, and its bases.
    """
    doc = public.doc()
    names = set(documented(doc)).union(*(documented(_doc_of(other, public)) for other in _AS_FOR.findall(doc)))
    if public.owner is not None:  # what a protocol says of a method's arguments holds for every class that has it
        simple = public.name.rpartition(".")[2]
        names.update(*(documented(inspect.getdoc(getattr(one, simple, None)) or "") for one in PROTOCOLS))
    around = [doc, *((one.__doc__ or "") for one in (public.owner, *PROTOCOLS) if public.owner is not None)]
    names.update(word for text in around for span in code_spans(text) for word in re.findall(r"\w+", span))
    if inspect.isclass(public.thing):
        names.update(*(re.findall(r"\w+", one.__doc__ or "") for one in public.thing.__mro__[:-1]))
    return names


def _doc_of(name: str, public: Public) -> str:
    """The docstring of what another docstring names: `predict`, `Recommender.evaluate`, `penchant.fit`."""
    module = importlib.import_module(getattr(public.thing, "__module__", "penchant"))
    for home in (public.owner, module, penchant):
        with contextlib.suppress(AttributeError):
            return inspect.getdoc(operator.attrgetter(name.removeprefix("penchant."))(home)) or ""
    return ""
