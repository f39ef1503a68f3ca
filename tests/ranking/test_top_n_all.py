"""The lists of all users are those that `top_n` makes of each user's predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.arrays.seen_ratings import SeenRatings
from penchant.models.dot_bias import DotBias, RowPrior
from penchant.models.model import Model
from penchant.ranking.top_n import top_n
from penchant.ranking.top_n_all import TopLists, top_lists


def model_of(n_users: int, n_items: int, n_factors: int, *, seed: int = 0, scale: float = 1.0) -> DotBias:
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    prior = RowPrior(np.zeros(n_factors + 1), np.eye(n_factors + 1))
    tables = draw(n_users), draw(n_items), draw(n_users, n_factors), draw(n_items, n_factors)
    return DotBias(3.5, *tables, prior, prior, 1.0)


def seen_of(n_users: int, n_items: int, share: float, seed: int = 1) -> SeenRatings:
    rated = np.random.default_rng(seed).random((n_users, n_items)) < share
    rated[0] = True  # somebody who has seen everything
    users, items = np.nonzero(rated)
    return SeenRatings.from_pairs(users, items, np.ones(len(users)), n_users)


def one_by_one(model: Model, n: int, seen: SeenRatings | None, restrict: np.ndarray | None) -> TopLists:
    columns = []
    items = np.arange(model.n_items, dtype=np.int32)
    for user in range(model.n_users):
        scores = model.predict(np.full(model.n_items, user, np.int32), items)
        best = top_n(scores, n, exclude=None if seen is None else seen.items_of(user), restrict=restrict)
        columns.append((np.full(len(best), user), np.arange(1, len(best) + 1), best, scores[best]))
    return TopLists(*map(np.concatenate, zip(*columns, strict=True)))


def assert_same(model: Model, n: int, seen: SeenRatings | None, restrict: np.ndarray | None, block_size: int) -> None:
    parts = list(top_lists(model, n, seen=seen, restrict=restrict, block_size=block_size))
    assert len(parts) == -(-model.n_users // block_size)
    found = TopLists(*map(np.concatenate, zip(*parts, strict=True)))
    for ours, theirs in zip(found, one_by_one(model, n, seen, restrict), strict=True):
        assert ours.tolist() == theirs.tolist()


class Other:
    """A model of another kind, which predicts what a `DotBias` does."""

    kind = "other"

    def __init__(self, model: DotBias) -> None:
        self.model = model
        self.n_users, self.n_items, self.predict = model.n_users, model.n_items, model.predict

    def linear_form(self) -> None:
        return None


@pytest.mark.parametrize("n", [1, 10, 700])
@pytest.mark.parametrize("n_factors", [0, 16])
@pytest.mark.parametrize("restrict", [None, np.array([5, 3, 3, 60, 599], dtype=np.int32), np.empty(0, np.int32)])
def test_lists_are_those_of_each_user(n: int, n_factors: int, restrict: np.ndarray | None) -> None:
    model, seen = model_of(150, 600, n_factors), seen_of(150, 600, 0.3)
    for known in (None, seen):
        assert_same(model, n, known, restrict, block_size=64)
        assert_same(Other(model), n, known, restrict, block_size=64)


def test_ties_go_by_item() -> None:
    """Factors of whole numbers: hundreds of items tie with the last of the list."""
    model = model_of(20, 600, 2)
    rounded = {name: np.round(getattr(model, name)) for name in ("user_factors", "item_factors")}
    tied = replace(model, item_biases=np.zeros(600, np.float32), **rounded)
    assert_same(tied, 10, seen_of(20, 600, 0.2), None, block_size=8)


@pytest.mark.parametrize("scale", [1.0, 8.0, 100.0])
def test_behind_a_sigmoid_ratings_tie_that_sums_tell_apart(scale: float) -> None:
    model = replace(model_of(20, 600, 4, scale=scale), y_range=(0.5, 5.5))
    assert_same(model, 10, None, None, block_size=32)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 30), n_factors=st.integers(0, 5), digits=st.integers(0, 7))
def test_however_near_scores_lie(seed: int, n: int, n_factors: int, digits: int) -> None:
    """Biases that differ in the last bits: products of matrices do not tell them apart, predictions do."""
    model = model_of(4, 60, n_factors, seed=seed)
    near = replace(
        model,
        item_biases=(1 + np.round(model.item_biases, digits) * 1e-6).astype(np.float32),
        item_factors=np.round(model.item_factors, 1),
    )
    assert_same(near, n, seen_of(4, 60, 0.2, seed), None, block_size=3)


def test_threads_and_blocks_do_not_matter() -> None:
    model, seen = model_of(300, 700, 8), seen_of(300, 700, 0.1)
    found = [
        TopLists(*map(np.concatenate, zip(*top_lists(model, 7, seen=seen, **how), strict=True)))
        for how in ({"n_threads": 1}, {"n_threads": 3, "block_size": 50}, {"block_size": 1})
    ]
    for other in found[1:]:
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(found[0], other, strict=True))
