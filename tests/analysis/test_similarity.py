"""Similarities beside scikit-learn and beside loops that can be read."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from tests.random_models import random_model, random_net, random_seen

from penchant.analysis.similarity import evidence, nearest, rating_similarities, similarities
from penchant.analysis.taste_vectors import tastes
from penchant.errors import ParameterError


def test_cosines_are_those_of_scikit_learn() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    vectors[7] = 0
    np.testing.assert_allclose(similarities(vectors, vectors[3]), cosine_similarity(vectors)[3], atol=1e-12)
    assert not similarities(vectors, vectors[7]).any()


def test_nearest_is_the_row_of_the_largest_similarity() -> None:
    rng = np.random.default_rng(1)
    vectors, share = rng.normal(size=(2300, 3)), rng.uniform(0.2, 1, 2300)  # more than one block
    vectors[11] = 0
    every = cosine_similarity(vectors) * share
    np.fill_diagonal(every, -np.inf)
    found = nearest(vectors, share)
    assert found[11] == -1
    rows = np.delete(np.arange(2300), 11)
    np.testing.assert_allclose(every[rows, found[rows]], every[rows].max(axis=1), atol=1e-6)


def test_nobody_is_near_to_one_alone() -> None:
    assert nearest(np.ones((1, 2)), np.ones(1)).tolist() == [-1]
    assert nearest(np.ones((0, 2)), np.ones(0)).tolist() == []
    assert nearest(np.ones((2, 0)), np.ones(2)).tolist() == [-1, -1]


@pytest.mark.parametrize("shrink", [-1, float("nan"), float("inf"), "10", None, True])
def test_shrink_is_a_number(shrink: object) -> None:
    with pytest.raises(ParameterError, match=r"shrink is .*: use a number of at least 0"):
        evidence(np.array([1, 2]), shrink)  # type: ignore[arg-type]


def test_without_shrinking_everything_is_believed() -> None:
    assert evidence(np.array([0, 5]), 0).tolist() == [1, 1]


@pytest.mark.parametrize("side", ["item", "user"])
def test_similarities_of_ratings_are_those_of_a_loop(side: str) -> None:
    seen = random_seen(3, n_users=12, n_items=8, n=60)
    table = np.full((12, 8), np.nan)
    for user in range(12):
        table[user, seen.items_of(user)] = seen.ratings_of(user)
    rest = table - np.nanmean(table)
    for axis in (0, 1):  # of items, then of users
        mean = np.nansum(rest, axis=axis, keepdims=True) / ((~np.isnan(rest)).sum(axis=axis, keepdims=True) + 5)
        rest = rest - mean
    rest = rest if side == "item" else rest.T
    for row in range(rest.shape[1]):
        found = rating_similarities(seen, 8, row, 3, side)
        for other in range(rest.shape[1]):
            both = ~np.isnan(rest[:, row]) & ~np.isnan(rest[:, other])
            x, y = rest[both, row], rest[both, other]
            expected = (x @ y / np.sqrt((x @ x) * (y @ y))) * both.sum() / (both.sum() + 3) if both.any() else 0
            assert found[other] == pytest.approx(expected, abs=1e-12)


def test_similarities_of_ratings_where_there_are_none() -> None:
    seen = random_seen(0, n=0)
    assert rating_similarities(seen, 9, 2, 5, "item").tolist() == [0] * 9
    assert rating_similarities(seen, 9, 2, 0, "user").tolist() == [0] * 7


def test_tastes_are_what_predictions_vary_by() -> None:
    """Inner products are covariances of double-centred predictions, of a model with factors as of a network."""
    linear = random_model(4, n_users=20, n_items=15)
    net = random_net(4, y_range=None)
    for model in (linear, net):
        users, items = np.indices((model.n_users, model.n_items), dtype=np.int32)
        table = model.predict(users.ravel(), items.ravel()).reshape(users.shape).astype(float)
        rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
        found = tastes(model)
        np.testing.assert_allclose(found.items @ found.items.T, rest.T @ rest / model.n_users, atol=1e-5)
        np.testing.assert_allclose(found.users @ found.users.T, rest @ rest.T / model.n_items, atol=1e-5)
