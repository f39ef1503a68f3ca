"""Principal axes beside a plain singular value decomposition and scikit-learn; varimax beside another algorithm."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from penchant.analysis.projection import pca
from penchant.analysis.varimax import principal_axes, rotated, varimax


def criterion(loadings: np.ndarray) -> float:
    return float((loadings**2).var(axis=0).sum())


def plain_varimax(loadings: np.ndarray, steps: int = 5000) -> np.ndarray:
    """Kaiser's criterion raised by singular value decompositions of its gradient, as R does it."""
    rotation = np.eye(loadings.shape[1])
    for _ in range(steps):
        turned = loadings @ rotation
        u, _, vt = np.linalg.svd(loadings.T @ (turned**3 - turned * (turned**2).mean(axis=0)))
        rotation = u @ vt
    return rotation


@pytest.mark.parametrize("seed", range(5))
def test_varimax_is_as_good_as_another_algorithm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    simple = rng.normal(size=(60, 4)) * (rng.uniform(size=(60, 4)) < 0.3)
    mixed = simple @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    turned, plain = mixed @ varimax(mixed), mixed @ plain_varimax(mixed)
    assert criterion(turned) == pytest.approx(criterion(plain), rel=1e-6)
    assert criterion(turned) > criterion(mixed)


def test_varimax_of_nothing_to_turn() -> None:
    assert varimax(np.ones((5, 1))).tolist() == [[1.0]]
    assert varimax(np.zeros((5, 0))).shape == (0, 0)
    assert varimax(np.zeros((5, 2))).tolist() == [[1, 0], [0, 1]]


def test_principal_axes_are_those_of_the_table_of_predictions() -> None:
    rng = np.random.default_rng(1)
    p, q = rng.normal(size=(40, 3)) + 1, rng.normal(size=(25, 3)) * [3, 1, 0.2] - 0.5
    axes = principal_axes(p, q)
    centred = (p - p.mean(axis=0)) @ (q - q.mean(axis=0)).T
    values = np.linalg.svd(centred, compute_uv=False)[:3]
    np.testing.assert_allclose(np.linalg.norm(axes.right, axis=0), values / np.sqrt(40))
    np.testing.assert_allclose(axes.left.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(axes.right @ axes.right.T, np.cov(centred.T, bias=True), atol=1e-12)


def test_axes_that_are_not_there_are_left_out() -> None:
    rng = np.random.default_rng(2)
    p, q = rng.normal(size=(10, 2)), rng.normal(size=(8, 2))
    twice = principal_axes(np.hstack([p, p]), np.hstack([q, q]))
    assert twice.right.shape == (8, 2)
    np.testing.assert_allclose(np.abs(twice.right), 2 * np.abs(principal_axes(p, q).right))
    assert principal_axes(np.ones((4, 2)), q).right.shape == (8, 0)  # the same of everybody is a bias
    assert principal_axes(np.zeros((0, 2)), q).right.shape == (8, 0)
    assert rotated(principal_axes(np.zeros((3, 0)), np.zeros((4, 0)))).left.shape == (3, 0)


def test_the_sign_is_that_of_the_end_that_reaches_further() -> None:
    right = np.array([[-3.0], [1], [1], [1]])
    axes = rotated(principal_axes(np.array([[1.0], [-1], [2]]), right))
    assert axes.right[0, 0] > 0 > axes.right[1, 0]


@pytest.mark.parametrize("size", [2, 5])
def test_pca_is_that_of_scikit_learn(size: int) -> None:
    vectors = np.random.default_rng(size).normal(size=(50, size)) * np.arange(1, size + 1)
    oracle = PCA(n_components=2).fit_transform(vectors)
    np.testing.assert_allclose(np.abs(pca(vectors)), np.abs(oracle), atol=1e-9)


def test_pca_where_there_are_fewer_directions() -> None:
    assert pca(np.zeros((0, 3))).shape == (0, 2)
    points = pca(np.array([[1.0], [2.0], [6.0]]))
    assert points[:, 1].tolist() == [0, 0, 0]
    assert points[:, 0].tolist() == [-2, -1, 3]
