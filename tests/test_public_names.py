"""The public names are exactly the intended ones, and importing them costs little."""

from __future__ import annotations

import subprocess
import sys

import pytest

import penchant

PUBLIC = [
    "ALS",
    "EASE",
    "Adam",
    "Bayes",
    "ChoiceALS",
    "ChoiceBayes",
    "ChoiceMix",
    "Choices",
    "NeuralNet",
    "PenchantError",
    "Ratings",
    "Recommender",
    "__version__",
    "compare",
    "cross_validate",
    "datasets",
    "errors",
    "fit",
    "load",
    "load_dataset",
    "metrics",
    "read_choices",
    "read_ratings",
    "splits",
]


def test_exported_names_are_the_intended_ones() -> None:
    assert penchant.__all__ == PUBLIC
    assert dir(penchant) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(penchant, name)
    assert isinstance(value, str) or value.__doc__


def test_a_name_that_is_not_public_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_that_name'"):
        _ = penchant.nothing_of_that_name


def loaded_by(code: str) -> set[str]:
    """Top-level packages in sys.modules after `code`, in a process of its own."""
    report = f"{code}\nimport sys; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


HEAVY = {"numba", "torch", "pandas", "pyarrow", "scipy", "rich", "typer", "requests", "sklearn"}


def test_import_loads_nothing_heavy() -> None:
    assert not loaded_by("import penchant") & (HEAVY | {"numpy"})


def test_the_door_of_a_saved_model_loads_nothing_heavy() -> None:
    assert not loaded_by("from penchant import load, Recommender, errors") & HEAVY
