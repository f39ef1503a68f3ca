"""Comparisons with fastai itself: `make test-fastai` runs them. Where fastai is not installed, none is collected."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# What fastai 2.8 does itself, and NumPy, pandas and torch warn of. Every other warning is an error, as in all tests.
FASTAIS_OWN = (
    "ignore:numpy.core is deprecated:DeprecationWarning",
    "ignore:__array_wrap__ must accept:DeprecationWarning",
    "ignore:The given NumPy array is not writable:UserWarning",
    "ignore:Constructing a Categorical with a dtype and values:DeprecationWarning",
)

if find_spec("fastai") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import fastai.collab
        import fastai.tabular.all  # noqa: F401 - here, so that what their imports warn of is over
        import torch

    their_pca = torch.Tensor.pca  # type: ignore[attr-defined]  # penchant.collab, imported later, puts its own there


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            for own in FASTAIS_OWN:
                item.add_marker(pytest.mark.filterwarnings(own))


@pytest.fixture
def fastais_pca() -> object:
    """The method that fastai gives tensors."""
    return their_pca
