"""top_n against sorting everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from penchant.errors import ParameterError
from penchant.ranking.top_n import top_n

SCORES = st.one_of(
    hnp.arrays(np.float32, st.integers(0, 30), elements=st.floats(width=32, allow_nan=False)),
    hnp.arrays(np.float64, st.integers(0, 30), elements=st.sampled_from([-np.inf, -0.0, 0.0, 1.0, 2.0, np.inf])),
    hnp.arrays(np.uint8, st.integers(0, 30)),
)


def sorted_twin(scores, n, exclude=(), restrict=None):
    rows = range(len(scores)) if restrict is None else sorted(set(restrict))
    allowed = [row for row in rows if row not in set(exclude)]
    return sorted(allowed, key=lambda row: (-float(scores[row]), row))[:n]


@given(SCORES, st.integers(1, 40))
def test_equals_sorting_all(scores, n):
    assert top_n(scores, n).tolist() == sorted_twin(scores, n)


@given(st.data(), SCORES, st.integers(1, 40))
def test_excludes_and_restricts(data, scores, n):
    some_rows = st.lists(st.integers(0, len(scores) - 1)) if len(scores) else st.just([])
    exclude, restrict = data.draw(some_rows), data.draw(some_rows)
    wanted = sorted_twin(scores, n, exclude, restrict)
    assert top_n(scores, n, exclude=np.array(exclude), restrict=np.array(restrict)).tolist() == wanted
    masks = [np.isin(np.arange(len(scores)), rows) for rows in (exclude, restrict)]
    assert top_n(scores, n, exclude=masks[0], restrict=masks[1]).tolist() == wanted
    assert top_n(scores, n, exclude=masks[0]).tolist() == sorted_twin(scores, n, exclude)
    assert top_n(scores, n, restrict=masks[1]).tolist() == sorted_twin(scores, n, restrict=restrict)


def test_scores_are_left_as_they_are():
    scores = np.array([1.0, 3.0, 2.0])
    scores.flags.writeable = False
    assert top_n(scores, 2).dtype == np.int32


def test_nothing_left_is_an_empty_answer():
    assert top_n(np.array([1.0, 2.0]), 3, exclude=np.array([0, 1])).tolist() == []


def test_nan_matters_only_where_it_could_be_returned():
    scores = np.array([1.0, np.nan, 2.0])
    with pytest.raises(ParameterError, match="row 1 is not a number"):
        top_n(scores, 1)
    with pytest.raises(ParameterError, match="row 1 is not a number"):
        top_n(scores, 1, exclude=np.array([0]))
    assert top_n(scores, 1, exclude=np.array([1])).tolist() == [2]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n": 0}, "at least 1"),
        ({"exclude": np.array([3])}, "exclude names row 3: rows are 0 to 2"),
        ({"restrict": np.array([-1])}, "restrict names row -1"),
        ({"restrict": np.array([True])}, r"mask of shape \(1,\) for 3"),
        ({"exclude": np.array([0.5])}, "float64"),
        ({"scores": np.zeros((2, 2))}, "one row"),
    ],
)
def test_refuses(keywords, message):
    with pytest.raises(ParameterError, match=message):
        top_n(**{"scores": np.array([1.0, 2.0, 3.0]), "n": 1} | keywords)
