"""Lists and tensors of notebooks: what they take, and what becomes of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="penchant.collab needs torch")
from penchant.collab import L, one_hot, tensor  # noqa: E402


class Printer:
    """IPython's, as far as an `L` asks it."""

    def __init__(self):
        self.said = ""

    def text(self, obj):
        """Keep what is shown."""
        self.said += obj


def shown(elements):
    """What a notebook shows."""
    printer = Printer()
    elements._repr_pretty_(printer, False)
    return printer.said


def test_a_notebook_shows_how_many_there_are_if_they_are_many():
    assert shown(L(1, "two")) == "[1, 'two']"
    assert shown(L(range(300))) == f"(#300) [{', '.join(map(str, range(250)))}...]"
    parameters = L(torch.nn.Linear(1, 3, bias=False).parameters())
    assert shown(parameters).startswith("[Parameter containing:\ntensor([[")


def test_what_is_one_element_of_a_list():
    assert L(None) == L() == []
    assert L({"a": 1}) == [{"a": 1}]
    assert len(L(torch.zeros(3))) == len(L(np.zeros(3))) == 1
    assert L(each for each in "ab") == ["a", "b"]


def test_a_sum_of_lists_takes_many_indices_too():
    both = L(1, 2) + range(3, 4)
    assert type(both) is L
    assert both[[2, 0]] == [3, 1]


@pytest.mark.parametrize("values", [np.array([1.5, 2]), pd.Series([1.5, 2]), torch.tensor([1.5, 2]).double()])
def test_doubles_become_single_unless_asked_for(values):
    assert tensor(values).dtype == torch.float32
    assert tensor(values, dtype=torch.float64).dtype == torch.float64
    assert tensor(values, dtype=torch.int64).tolist() == [1, 2]


def test_nothing_is_a_tensor_too():
    assert tensor([]).shape == (0,)
    assert tensor(each for each in (1, 2)).tolist() == [1, 2]


def test_one_hot_is_a_row_of_the_identity():
    for length in (1, 5):
        assert [one_hot(at, length).tolist() for at in range(length)] == torch.eye(length).int().tolist()
    assert one_hot(torch.tensor(1), 2).tolist() == one_hot(np.int64(1), 2).tolist() == [0, 1]
    assert one_hot(torch.tensor([1, 2]), 4).tolist() == [0, 1, 1, 0]
    assert one_hot([], 2).tolist() == [0, 0]
