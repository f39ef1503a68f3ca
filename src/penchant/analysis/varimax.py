"""Principal axes of a factor model and their varimax rotation: factors that can be looked at."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from penchant.arrays.types import Float64Array

__all__ = ["Axes", "principal_axes", "rotated", "varimax"]

_NOTHING = 1e-6  # share of the largest singular value below which an axis is rounding
_SWEEPS = 30
_SETTLED = 1e-5  # radians


class Axes(NamedTuple):
    """What taste adds to predictions, left right^T, in columns that mean something.

    Attributes:
        left: scores of users, (n_users, n_axes): mean 0, variance 1, uncorrelated.
        right: loadings of items, (n_items, n_axes): what one standard deviation of a score adds to a prediction.
    """

    left: Float64Array
    right: Float64Array


def principal_axes(left: Float64Array, right: Float64Array) -> Axes:
    """The taste part of all predictions as scores times loadings, largest axis first.

    What the factors give to everybody is the item's bias in all but name, and what they give to everything the user's.
    So the mean rows are taken away first, and

        (P - mean) (Q - mean)^T  =  U S V^T,     left = sqrt(n_users) U,     right = V S / sqrt(n_users)

    Any invertible change of the factors' columns that leaves P Q^T as it is leaves this as it is (but for signs). A
    loading is in rating units. The inner product of two items' loadings is the covariance, over users, of what taste
    adds to the two.

    Args:
        left: P, (n_users, n_factors).
        right: Q, (n_items, n_factors).

    >>> axes = principal_axes(np.array([[1.0], [-1.0]]), np.array([[0.5], [-0.5], [0.0]]))
    >>> np.abs(axes.right).ravel().round(2).tolist()
    [0.5, 0.5, 0.0]
    """
    n = max(len(left), 1)
    left, right = left - _mean(left), right - _mean(right)
    (root_left, back_left), (root_right, back_right) = _square_root(left), _square_root(right)
    u, s, vt = np.linalg.svd(root_left.T @ root_right, full_matrices=False)
    kept = int((s > _NOTHING * max(s[0], 1e-300)).sum()) if len(s) else 0
    scores = left @ (back_left @ u[:, :kept]) * np.sqrt(n)
    return Axes(scores, right @ (back_right @ (vt[:kept].T * s[:kept])) / np.sqrt(n))


def _mean(table: Float64Array) -> Float64Array:
    return table.mean(axis=0) if len(table) else np.zeros(table.shape[1])


def _square_root(table: Float64Array) -> tuple[Float64Array, Float64Array]:
    """H with H H^T = table^T table, and B such that table B has orthonormal columns and H^T B is the identity."""
    values, vectors = np.linalg.eigh(table.T @ table)
    used = values > _NOTHING**2 * max(values[-1], 1e-300) if len(values) else np.zeros(0, np.bool_)
    root = np.sqrt(values[used])
    return vectors[:, used] * root, vectors[:, used] / root


def varimax(loadings: Float64Array) -> Float64Array:
    """Varimax: the rotation that makes each column of loadings large for few rows and small for the others.

        maximise over orthogonal R:   sum_k variance over rows of (loadings R)_ik^2

    Two columns at a time are turned to the best angle, which has a closed form, until none turns any more.

    Args:
        loadings: (n_rows, n_axes).

    Returns:
        R, (n_axes, n_axes), orthogonal.

    Source: Kaiser (1958), "The varimax criterion for analytic rotation in factor analysis".

    >>> simple = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    >>> mixed = simple @ np.array([[0.8, 0.6], [-0.6, 0.8]])
    >>> np.abs(mixed @ varimax(mixed)).round(2).tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    n_axes = loadings.shape[1]
    columns, turns = np.ascontiguousarray(loadings.T), np.eye(n_axes)  # turns has R's columns as rows
    for _ in range(_SWEEPS):
        largest = 0.0
        for i in range(n_axes):
            for j in range(i + 1, n_axes):
                angle = _best_angle(columns[i], columns[j])
                largest = max(largest, abs(angle))
                for table in (columns, turns):
                    _turn(table, i, j, angle)
        if largest <= _SETTLED:
            break
    return turns.T


def _best_angle(x: Float64Array, y: Float64Array) -> float:
    """By how much to turn two columns so that the variances of their squares have the largest sum."""
    n = max(len(x), 1)
    u, v = (x - y) * (x + y), 2 * x * y
    a, b = float(u.sum()), float(v.sum())
    uu, vv, uv = (float(np.einsum("n,n", one, two)) for one, two in ((u, u), (v, v), (u, v)))
    return math.atan2(2 * (uv - a * b / n), uu - vv - (a * a - b * b) / n) / 4


def _turn(table: Float64Array, i: int, j: int, angle: float) -> None:
    c, s = math.cos(angle), math.sin(angle)
    table[i], table[j] = c * table[i] + s * table[j], c * table[j] - s * table[i]


def rotated(axes: Axes) -> Axes:
    """The same predictions on axes that are easier to name: varimax of the loadings, ordered, signs fixed.

    Axes are ordered by the variance that they give to predictions, the largest first. Each points to the side where
    its loadings reach further (their third moment is positive).

    Args:
        axes: from `principal_axes`.
    """
    turn = varimax(axes.right)
    right = axes.right @ turn
    order = np.argsort(-(right**2).sum(axis=0), kind="stable")
    signs = np.where((right**3).sum(axis=0) < 0, -1.0, 1.0)
    turn = (turn * signs)[:, order]
    return Axes(axes.left @ turn, axes.right @ turn)
