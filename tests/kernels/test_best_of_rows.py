"""The best items of many users: the compiled kernel against its twin. Also run with the JIT off, for coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.kernels.best_of_rows import best_of_rows, best_of_rows_readable, tiled


def lists(function, left, right, excluded, n, reach=None):  # type: ignore[no-untyped-def]
    """Items and scores that a kernel finds; `excluded` is a list a user."""
    indptr = np.cumsum([0, *map(len, excluded)]).astype(np.int64)
    rows = np.array([item for each in excluded for item in sorted(each)], dtype=np.int32)
    items = np.full((len(left), n), 99, dtype=np.int32)
    scores = np.full((len(left), n), 99, dtype=np.float32)
    tiles = tiled(right)
    size = tiles.shape[2]
    largest = np.full(len(tiles), np.inf) if reach is None else reach(right, size)
    bounds = np.column_stack([largest, np.zeros(len(tiles))]).astype(np.float32)
    function(
        left, tiles, np.linalg.norm(left, axis=1).astype(np.float32), bounds, len(right), indptr, rows, items, scores
    )
    return items.tolist(), scores.tolist()


@pytest.mark.parametrize("n_items", [1, 31, 33, 512, 513, 1100])
@pytest.mark.parametrize("n", [1, 10, 40])
def test_it_is_its_twin(n_items: int, n: int) -> None:
    rng = np.random.default_rng(n_items + n)
    left = rng.integers(-3, 4, (5, 3)).astype(np.float32)  # whole numbers: exact in any order of sums, with many ties
    right = rng.integers(-3, 4, (n_items, 3)).astype(np.float32)
    excluded = [rng.permutation(n_items)[:size].tolist() for size in (0, n_items // 2, n_items, min(n_items, 3), 1)]
    assert lists(best_of_rows, left, right, excluded, n) == lists(best_of_rows_readable, left, right, excluded, n)


def farthest(right: np.ndarray, size: int) -> np.ndarray:
    """The longest item from each tile on."""
    lengths = np.linalg.norm(right, axis=1) * (1 + 1e-5)
    return np.array([lengths[start:].max() for start in range(0, len(right), size)])


@pytest.mark.parametrize("n_items", [513, 3000])
def test_tiles_that_can_not_reach_are_left_out(n_items: int) -> None:
    rng = np.random.default_rng(n_items)
    left = rng.normal(size=(6, 3)).astype(np.float32)
    right = rng.normal(size=(n_items, 3)).astype(np.float32)
    right *= (1 / (1 + np.arange(n_items)) ** 0.5)[:, None].astype(np.float32)
    right = right[np.argsort(-np.linalg.norm(right, axis=1))]
    excluded = [rng.permutation(n_items)[:size].tolist() for size in (0, 5, 100, n_items, n_items - 2, 1)]
    found, wanted = (
        lists(function, left, right, excluded, 7, farthest) for function in (best_of_rows, best_of_rows_readable)
    )
    assert found[0] == wanted[0]
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-4)
    # what lies behind the reach of everybody is not even looked at
    hidden = right.copy()
    hidden[-1] = 1e6
    honest = lambda _, size: farthest(right, size)  # noqa: E731
    assert (
        lists(best_of_rows, left[:3], hidden, [[], [], []], 7, honest)[0]
        == lists(best_of_rows_readable, left[:3], right, [[], [], []], 7, honest)[0]
    )


def test_who_has_too_few_gets_minus_one() -> None:
    items, scores = lists(best_of_rows, np.ones((1, 1), np.float32), np.float32([[1], [3], [2]]), [[1]], 4)
    assert items == [[2, 0, -1, -1]]
    assert scores == [[2.0, 1.0, -np.inf, -np.inf]]


@given(
    scores=st.lists(st.integers(-3, 3), min_size=1, max_size=80),
    n=st.integers(1, 12),
    excluded=st.sets(st.integers(0, 79)),
)
def test_any_row_with_any_ties(scores: list[int], n: int, excluded: set[int]) -> None:
    right = np.array(scores, dtype=np.float32)[:, None]
    left = np.ones((1, 1), dtype=np.float32)
    barred = [sorted(item for item in excluded if item < len(scores))]
    expected = sorted((-score, item) for item, score in enumerate(scores) if item not in excluded)[:n]
    items, found = lists(best_of_rows, left, right, barred, n)
    assert [item for item in items[0] if item >= 0] == [item for _, item in expected]
    assert found[0][: len(expected)] == [-score for score, _ in expected]
