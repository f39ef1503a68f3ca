"""Docstrings are there, name every parameter, and state the defaults that the signatures have."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
from tests.docs.docstrings import (
    PROTOCOLS,
    Public,
    documented,
    public_things,
    stated_default,
    undocumented,
    wrong_default,
)
from tests.docs_reader import ROOT, code_spans, tables

import penchant

EVERYTHING = public_things()
PUBLIC = [public for public in EVERYTHING if public.in_front or public.owner is None]
FRONT = [public for public in EVERYTHING if public.in_front and public.parameters()]
NOTATION = {
    name for rows in tables(ROOT / "docs" / "notation.md") for row in rows for name in code_spans(row["Name in code"])
}

ROWS = {"user_idx", "item_idx", "rating", "n_users", "n_items"}  # what the core's functions take: docs/notation.md


def example(a: int, b: float = 0.5, *, c: str = "last", d: int | None = None) -> None:
    """Show the convention.

    Args:
        a, d: two numbers; default: all cores.
        b: a share (default 0.5), which
            goes on here.
        c: a policy, default "last".
    """


def liar(share: float = 0.2, n: int = 10) -> None:
    """State another default, and leave a parameter out.

    Args:
        share: a share (default 0.3).
    """


def test_the_reader_reads_the_convention() -> None:
    entries = documented(Public("example", example).doc())
    assert list(entries) == ["a", "d", "b", "c"]
    assert entries["b"] == "a share (default 0.5), which goes on here."
    assert [stated_default(entries[name]) for name in "abcd"] == [
        (False, None),
        (True, 0.5),
        (True, "last"),
        (False, None),
    ]
    assert not list(wrong_default(Public("example", example)))
    assert not undocumented(Public("example", example))


def test_the_reader_finds_a_lie() -> None:
    (told,) = wrong_default(Public("liar", liar))
    assert "0.3" in told
    assert "0.2" in told
    assert undocumented(Public("liar", liar)) == ["n"]


@pytest.mark.parametrize("public", PUBLIC, ids=str)
def test_docstring(public: Public) -> None:
    """A name of docs/notation.md, or one that the class docstring explains in backticks, needs no words of its own."""
    simple = public.name.rpartition(".")[2]
    class_doc = "".join(one.__doc__ or "" for one in (public.owner, *PROTOCOLS)) if public.owner else ""
    assert public.doc() or simple in NOTATION or f"`{simple}" in class_doc, f"{public} has no docstring"
    assert not public.doc().startswith(f"{simple}("), f"{public} has no docstring of its own"


@pytest.mark.parametrize("public", FRONT, ids=str)
def test_parameters(public: Public) -> None:
    left_out = [name for name in undocumented(public) if name not in ROWS]
    assert not left_out, f"{public}: no entry under Args: for {', '.join(left_out)}"


@pytest.mark.parametrize("public", [public for public in EVERYTHING if public.parameters()], ids=str)
def test_no_entry_without_a_parameter(public: Public) -> None:
    signature = inspect.signature(public.thing).parameters  # type: ignore[arg-type]  # it has parameters
    gone = [name for name in documented(public.doc(), ("Args",)) if name not in signature]
    assert not gone, f"{public}: Args: has an entry for {', '.join(gone)}, which is no parameter"


@pytest.mark.parametrize("public", [public for public in EVERYTHING if public.parameters()], ids=str)
def test_documented_defaults_are_the_signatures(public: Public) -> None:
    wrong = list(wrong_default(public))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("public", [public for public in FRONT if inspect.isroutine(public.thing)], ids=str)
def test_defaults_are_stated(public: Public) -> None:
    """Of what callers type, each default but None and False (which mean "not asked for") stands in the docstring."""
    for name, text in documented(public.doc()).items():
        parameter = public.parameters().get(name)
        if parameter is None or any(parameter.default is nothing for nothing in (None, False, parameter.empty)):
            continue
        stated = text.startswith(("as for", "as in")) or stated_default(text)[0]
        assert stated, f"{public}: {name} does not state its default"


def test_the_front_door_is_documented_name_by_name() -> None:
    reached = {public.name.rpartition(".")[2] for public in PUBLIC}
    for name in penchant.__all__:
        thing = getattr(penchant, name)
        assert not callable(thing) or name in reached, f"penchant.{name} is exported by no module's __all__"


@pytest.mark.parametrize("solver", [penchant.ALS, penchant.Bayes])
def test_defaults_of_solvers_are_stated(solver: type) -> None:
    """Hyper-parameters are what people look up: each says its default, a tuple of no names in the word "none"."""
    entries = documented(inspect.getdoc(solver) or "")
    for field in dataclasses.fields(solver):
        if field.default == ():
            assert "default none" in entries[field.name], field.name
        elif field.default is not None:
            assert stated_default(entries[field.name]) == (True, field.default), field.name
