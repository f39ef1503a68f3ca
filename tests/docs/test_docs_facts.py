"""Tables of the documentation that repeat the code are compared with the code."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import importlib.util
import inspect
import json
import re
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from tests.docs_reader import PAGES, ROOT, code_spans, matches, prose, table, tables

import penchant
from penchant import errors
from penchant.data.ingest import recognise
from penchant.evaluation import scorecard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCS, SOURCE = ROOT / "docs", ROOT / "src" / "penchant"
_ROOTS = {  # what the first word of a code span such as `rec.predict(...)` stands for
    "penchant": lambda: penchant,
    "pt": lambda: penchant,
    "ratings": lambda: penchant.Ratings,
    "split": lambda: penchant.data.ratings.Split,
    "rec": lambda: penchant.Recommender,
    "report": lambda: importlib.import_module("penchant.data.ingest").Report,
    "metrics": lambda: penchant.metrics,
    "splits": lambda: penchant.splits,
    "datasets": lambda: penchant.datasets,
}
_DOTTED = re.compile(r"^(?P<root>[a-z]+)(?P<rest>(?:\.[A-Za-z_]\w*)+)(?P<call>\(.*\))?$")
_FILE = re.compile(r"\.(csv|parquet|jsonl|penchant|py|md)\b")
_PATH = re.compile(r"^(?:src|tests|docs|benchmarks|examples)/[\w./-]+$")


@functools.cache
def names_in_code() -> frozenset[str]:
    """Every name that the package defines: arguments, fields, functions, classes, attributes."""
    return frozenset(name for path in SOURCE.rglob("*.py") for name in _names(path))


@functools.cache
def parameter_names() -> frozenset[str]:
    """Every argument and field of the package, but for the shell's options and for fastai's names in `collab`."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        if path.relative_to(SOURCE).parts[0] not in ("cli", "collab"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found.update(node.arg for node in ast.walk(tree) if isinstance(node, ast.arg))
            found.update(_fields(tree))
    return frozenset(found)


def _names(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from _fields(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg


def _fields(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


# -- notation --


@pytest.mark.parametrize("rows", tables(DOCS / "notation.md"), ids=lambda rows: rows[0]["Meaning"][:20])
def test_notation_is_what_the_code_uses(rows: list[dict[str, str]]) -> None:
    for row in rows:
        for name in code_spans(row["Name in code"]):
            assert name in names_in_code(), f"docs/notation.md has {name}, the code does not"
        for name in code_spans(row.get("Never", "")):
            assert name not in parameter_names(), f"docs/notation.md says that {name} is never used; it is"


# -- architecture --


def test_layers_are_those_of_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers, core = settings["tool"]["importlinter"]["contracts"]
    documented = [code_spans(row["Layer"]) for row in table(DOCS / "architecture.md", "Layer")]
    assert documented == [[name.strip() for name in layer.split("|")] for layer in layers["layers"]]
    text = prose(DOCS / "architecture.md")
    for module in core["source_modules"]:
        assert f"`{module.removeprefix('penchant.')}`" in text, f"docs/architecture.md does not name {module}"


# -- errors --


def test_errors_are_those_of_the_tree() -> None:
    rows = {code_spans(row["Error"])[0]: row for row in table(DOCS / "errors.md", "Error")}
    assert set(rows) == set(errors.__all__)
    for name, row in rows.items():
        error = getattr(errors, name)
        assert (int(row["Exit"]), int(row["HTTP"])) == (error.exit_code, error.http_status), name
        assert code_spans(row["Under"]) == [base.__name__ for base in error.__bases__ if base.__name__ in rows], name
        usual = [base for base in error.__mro__ if getattr(builtins, base.__name__, None) is base]
        nearest = [base.__name__ for base in usual if base.__name__ in ("ValueError", "KeyError", "OSError")]
        assert code_spans(row["Also a"]) == nearest, name


def test_the_docstring_of_errors_draws_the_same_tree() -> None:
    drawn = re.findall(r"^[ |`-]*(\w+Error)(?: \(\w+\))? +(\d+) +(\d+)", errors.__doc__ or "", flags=re.MULTILINE)
    assert {name for name, _, _ in drawn} == set(errors.__all__) - {"PenchantError"}
    for name, exit_code, http_status in drawn:
        error = getattr(errors, name)
        assert (int(exit_code), int(http_status)) == (error.exit_code, error.http_status), name


# -- data --


@pytest.mark.parametrize("row", table(DOCS / "data.md", "Recognised"), ids=lambda row: row["Role"])
def test_recognised_columns_are_those_of_the_code(row: dict[str, str]) -> None:
    tiers = [code_spans(part) for part in row["Recognised"].split("else")]
    assert [{name.replace("_", "") for name in tier} for tier in tiers] == list(recognise._TIERS[row["Role"]])
    for tier in tiers:
        for name in tier:
            camel = re.sub(r"_(.)", lambda letter: letter[1].upper(), name)
            for spelling in (name, camel, name.upper()):
                taken = recognise.recognise(["other", spelling], row["Role"], None, "table")
                assert taken is not None
                assert taken.name == spelling


def test_splits_are_those_of_the_code() -> None:
    spans = [code_spans(row["Split"])[0] for row in table(DOCS / "data.md", "Split")]
    named = [re.match(r"(?:pt\.splits|ratings)\.(\w+)", span)[1] for span in spans]  # type: ignore[index]
    assert sorted(named) == sorted([*penchant.splits.__all__, "split"])


def test_datasets_are_those_of_the_code() -> None:
    rows = {code_spans(row["Name"])[0]: row for row in table(DOCS / "data.md", "Download")}
    assert list(rows) == [dataset.name for dataset in penchant.datasets.list_datasets()]
    for dataset in penchant.datasets.list_datasets():
        lo, hi = dataset.rating_scale
        size = f"{dataset.megabytes} MB" if dataset.megabytes else ""
        assert list(rows[dataset.name].values())[1:] == [
            dataset.title, f"{dataset.n_ratings:,}", f"{lo:g} to {hi:g}", size
        ]  # fmt: skip


# -- evaluation --


def test_metrics_are_those_of_the_code() -> None:
    rows = table(DOCS / "evaluation.md", "In the table")
    assert {code_spans(row["Function"])[0] for row in rows} == set(penchant.metrics.__all__)
    fields = [field.name for field in dataclasses.fields(scorecard.Scores)]
    shown = scorecard.Scores(**dict.fromkeys(fields, 0.0)).columns(10)
    assert [code_spans(row["In the table"])[0] for row in rows] == list(shown)
    for row in rows:
        doc = getattr(penchant.metrics, code_spans(row["Function"])[0]).__doc__ or ""
        assert "is better" not in doc or f"{row['Better']} is better" in doc, row


def test_baselines_are_those_of_the_code() -> None:
    ratings = penchant.load_dataset("sample")
    names = penchant.fit(ratings, penchant.ALS(n_epochs=1)).evaluate(ratings).baselines
    assert [row["Row"] for row in table(DOCS / "evaluation.md", "Row")] == list(names)


# -- what prose says in passing --


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_spans_name_what_exists(page: Path) -> None:
    for span in code_spans(prose(page)):
        if _PATH.match(span):
            assert (ROOT / span).exists(), f"{page.name} names {span}: no such file"
        dotted = _DOTTED.match(span)
        if dotted is not None and dotted["root"] in _ROOTS and not _FILE.search(span):
            _resolve(page, span, dotted)


def _resolve(page: Path, span: str, dotted: re.Match[str]) -> None:
    thing = _ROOTS[dotted["root"]]()
    for name in dotted["rest"].split(".")[1:]:
        if inspect.ismodule(thing) and not hasattr(thing, name):
            importlib.import_module(f"{thing.__name__}.{name}")
        fields = getattr(thing, "__dataclass_fields__", {})
        assert hasattr(thing, name) or name in fields, f"{page.name} names {span}: {thing!r} has no {name}"
        thing = getattr(thing, name, fields.get(name))
    keywords = re.findall(r"(\w+)=", re.sub(r"\"[^\"]*\"|\{.*?\}", "", dotted["call"] or ""))
    if keywords and callable(thing):
        parameters = inspect.signature(thing).parameters
        wrong = [name for name in keywords if name not in parameters]
        assert not wrong, f"{page.name} names {span}: no argument {', '.join(wrong)}"


MARKED = re.compile(r"<!-- results of (\S+?)(?:, (\w+))? -->\n(.*?)\n<!-- end of results -->", flags=re.DOTALL)
TABLES = [(page, *found.groups()) for page in PAGES for found in MARKED.finditer(page.read_text(encoding="utf-8"))]


def test_tables_of_results_are_marked() -> None:
    assert {(page.name, file.rpartition("/")[2]) for page, file, _, _ in TABLES} >= {
        ("README.md", "accuracy.json"),
        ("README.md", "ranking.json"),
        ("choices.md", "ranking.json"),
    }


@pytest.mark.parametrize(("page", "file", "part", "shown"), TABLES, ids=lambda each: getattr(each, "name", None))
def test_the_numbers_of_a_page_are_the_measured_ones(page: Path, file: str, part: str | None, shown: str) -> None:
    measured = json.loads((ROOT / file).read_text(encoding="utf-8"))["results"][part or "markdown"]
    assert shown.splitlines() == measured, f"paste this between the marks of {page.name}:\n" + "\n".join(measured)


def script(name: str) -> Any:
    """A script of docs/pictures as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "pictures" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_the_script_draws(movielens_100k: Path) -> None:
    """Its words and numbers, and how many dots; where a dot stands may differ by a column on another processor."""
    draw = script("draw")
    ratings = penchant.load_dataset("ml-100k")
    drawn = draw.picture(penchant.fit(ratings, penchant.ALS()), float(ratings.rating.mean()))
    kept = (DOCS / "pictures" / "taste.svg").read_text(encoding="utf-8")
    words = [" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg)) for svg in (kept, drawn)]
    assert matches(*words)
    assert kept.count("<circle") == drawn.count("<circle") == draw.N_DOTS * len(draw.FILMS)


def numbers_of(picture: str) -> Any:
    """What a picture of Bayes carries in its <metadata>."""
    kept = (DOCS / "pictures" / picture).read_text(encoding="utf-8")
    found = re.search(r"<metadata>(.*)</metadata>", kept)
    assert found is not None
    return json.loads(found[1])


# draw_bayes first: the others import it, and finds it among the modules
DRAWN_FROM_NUMBERS = script("draw_bayes").PICTURES | script("draw_lecture").PICTURES | script("draw_questions").PICTURES


@pytest.mark.parametrize("name", DRAWN_FROM_NUMBERS)
def test_a_picture_is_what_the_script_draws_from_its_numbers(name: str) -> None:
    """The draws of another processor would give other numbers, so those of the picture are drawn again."""
    _, draw = DRAWN_FROM_NUMBERS[name]
    svg = draw(numbers_of(name))
    assert svg == (DOCS / "pictures" / name).read_text(encoding="utf-8")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert len(texts) > 10
    within = [tuple(map(float, at)) for at in re.findall(r'<text[^>]*x="([-\d.]+)" y="([-\d.]+)"', svg)]
    _, _, width, height = map(float, re.search(r'viewBox="([^"]+)"', svg)[1].split())  # type: ignore[index]
    assert all(0 < x < width and 0 < y < height for x, y in within)


def test_the_numbers_of_a_picture_of_bayes_are_measured(movielens_100k: Path) -> None:
    """Two of them anew: the error of ALS, and that of four chains after 200 draws."""
    numbers = numbers_of("draws.svg")
    train, test = penchant.load_dataset("ml-100k").split(test_size=0.2, rng=42)
    assert penchant.ALS().fit(train).evaluate(test).rmse == pytest.approx(numbers["als"], abs=0.001)
    drawn = [dict(map(tuple, curve))[200] for curve in numbers["four"]]
    assert penchant.Bayes().fit(train).evaluate(test).rmse == pytest.approx(sum(drawn) / len(drawn), abs=0.004)


def test_the_changelog_has_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(penchant.__version__)}\]", text, flags=re.MULTILINE)
    assert "## [Unreleased]" in text
