"""Projection to two dimensions (PCA, UMAP): vectors as points of a map."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float64Array
from penchant.errors import UnsupportedError
from penchant.text import Setting

__all__ = ["METHODS", "map_points", "pca"]

METHODS = ("pca", "umap")


def map_points(vectors: Float64Array, method: str) -> Float64Array:
    """Map of vectors: two coordinates for each row, shape (n_rows, 2).

    Args:
        vectors: (n_rows, size).
        method: "pca" or "umap".

    Raises:
        UnsupportedError: umap-learn is not installed.
    """
    return pca(vectors) if method == "pca" else _umap(vectors)


def pca(vectors: Float64Array) -> Float64Array:
    """Principal component analysis: rows along the two directions in which they differ most, shape (n_rows, 2).

    Each axis points to the side where rows reach further. Where rows differ in fewer directions, the rest is zero.

    Args:
        vectors: (n_rows, size).

    Source: Pearson (1901), "On lines and planes of closest fit to systems of points in space".
    """
    points = np.zeros((len(vectors), 2))
    if vectors.size == 0:
        return points
    apart = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(apart.T @ apart)
    found = apart @ directions[:, ::-1][:, :2]
    points[:, : found.shape[1]] = found * np.where((found**3).sum(axis=0) < 0, -1.0, 1.0)
    return points


def _umap(vectors: Float64Array) -> Float64Array:
    try:
        from umap import UMAP
    except ImportError as error:
        umap, pca = (Setting("method", name, f'"{name}"') for name in ("umap", "pca"))
        raise UnsupportedError(umap, " needs umap-learn: pip install umap-learn, or use ", pca) from error
    import warnings

    with warnings.catch_warnings():  # it warns of the seed that makes it repeatable
        warnings.simplefilter("ignore")
        points: Float64Array = np.asarray(UMAP(random_state=0).fit_transform(vectors), dtype=np.float64)
    return points
