"""Streaming truncated SVD: the mean of many products P Q^T as one product with few columns."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array

__all__ = ["RunningProduct", "collapse"]

_SPARE = 64  # columns that a running product may have beyond those of the model
_KEPT = 16  # columns beyond those of the model that survive a compression
_BLOCK = 8192  # rows that are worked on at once
_NOTHING = 1e-6  # share of the largest eigenvalue below which float32 tells nothing


class RunningProduct:
    """The sum of products P_s Q_s^T, held as L R^T with at most `n_factors` + 64 columns, or 2 `n_factors` + 16.

    Draws are put side by side, [P_1 P_2 ...] [Q_1 Q_2 ...]^T = sum_s P_s Q_s^T. When there is no more room, the columns
    are compressed to the `n_factors` + 16 leading ones of the singular value decomposition of L R^T, which are the
    best approximation of that rank. What is lost each time is what the draws do not agree upon.

    Either side may carry more rows: weights of features, prior means. They go through the same changes of columns as P
    or Q, to whose rows they are added in the model, and have no say in which columns are kept.

    Args:
        n_factors: columns of each draw.
        n_left, n_right: rows of P and of Q.
        n_left_more, n_right_more: further rows that are carried along.
    """

    def __init__(self, n_factors: int, n_left: int, n_right: int, n_left_more: int = 0, n_right_more: int = 0) -> None:
        n_columns = max(n_factors + _SPARE, 2 * n_factors + _KEPT)
        self._n_factors, self._n_left, self._n_right = n_factors, n_left, n_right
        self._left: Float32Array = np.zeros((n_left + n_left_more, n_columns), dtype=np.float32)
        self._right: Float32Array = np.zeros((n_right + n_right_more, n_columns), dtype=np.float32)
        self._used = 0
        self.n_draws = 0

    def clear(self) -> None:
        """Forget all draws."""
        self._used = self.n_draws = 0

    def add(self, left: list[Float32Array], right: list[Float32Array]) -> None:
        """Add one draw: its P and what is carried below it, its Q and what is carried below that.

        Args:
            left, right: tables with at least `n_factors` columns, whose rows together are those of a side.
        """
        k = self._n_factors
        if self._used + k > self._left.shape[1]:
            self._compress(k + _KEPT)
        for kept, parts in ((self._left, left), (self._right, right)):
            start = 0
            for part in parts:
                kept[start : start + len(part), self._used : self._used + k] = part[:, :k]
                start += len(part)
        self._used += k
        self.n_draws += 1

    def mean(self) -> tuple[Float32Array, Float32Array]:
        """The mean product as two tables with `n_factors` columns: all rows of the left, all rows of the right.

        A singular vector may point either way, and libraries differ. So that machines agree, each column points where
        its largest loading among the rows of Q is positive.
        """
        k, used = self._n_factors, self._used
        left, right = self._left[:, :used], self._right[:, :used]
        to_left, to_right = collapse(left[: self._n_left], right[: self._n_right], k)
        scale = 1 / np.sqrt(max(self.n_draws, 1))
        tables = []
        for table, columns in ((left, to_left), (right, to_right)):
            made = np.zeros((len(table), k), dtype=np.float32)
            np.matmul(table, (scale * columns).astype(np.float32), out=made[:, : columns.shape[1]])
            tables.append(made)
        signs = _signs(tables[1][: self._n_right])
        return tables[0] * signs, tables[1] * signs

    def _compress(self, n_columns: int) -> None:
        used = self._used
        changes = collapse(self._left[: self._n_left, :used], self._right[: self._n_right, :used], n_columns)
        for table, columns in zip((self._left, self._right), changes, strict=True):
            self._used = columns.shape[1]
            single = columns.astype(np.float32)
            for start in range(0, len(table), _BLOCK):
                rows = table[start : start + _BLOCK]
                rows[:, : self._used] = rows[:, :used] @ single


def _signs(table: Float32Array) -> Float32Array:
    """1 or -1 for each column: the sign of its entry with the largest absolute value; 1 for a column of zeros."""
    if len(table) == 0:
        return np.ones(table.shape[1], dtype=np.float32)
    largest = np.take_along_axis(table, np.abs(table).argmax(axis=0)[None], axis=0)[0]
    return np.where(largest < 0, np.float32(-1), np.float32(1))


def collapse(left: Float32Array, right: Float32Array, n_columns: int) -> tuple[Float64Array, Float64Array]:
    """Changes of columns A, B such that (left A)(right B)^T is the truncated SVD of left right^T.

    With left^T left = E e E^T and right^T right = F f F^T, the singular values of the product are those of the small
    matrix e^1/2 E^T F f^1/2 = U s V^T, and A = E e^-1/2 U s^1/2, B = F f^-1/2 V s^1/2.

    Args:
        left, right: (n, m) and (n', m), any numbers of rows.
        n_columns: how many columns to keep, at most m.

    Returns:
        A and B, (m, n_columns) each, or with fewer columns where the product has a lower rank.
    """
    halves = [_square_root(table) for table in (left, right)]
    (root_left, back_left), (root_right, back_right) = halves
    u, s, vt = np.linalg.svd(root_left.T @ root_right, full_matrices=False)
    kept = min(n_columns, int((s > _NOTHING * max(s[0], 1e-300)).sum())) if len(s) else 0
    half = np.sqrt(s[:kept])
    return back_left @ (u[:, :kept] * half), back_right @ (vt[:kept].T * half)


def _square_root(table: Float32Array) -> tuple[Float64Array, Float64Array]:
    """H with H H^T = table^T table, and its pseudo-inverse transposed; columns that are next to nothing left out."""
    values, vectors = np.linalg.eigh((table.T @ table).astype(np.float64))
    used = values > _NOTHING * max(values[-1], 1e-300) if len(values) else np.zeros(0, dtype=np.bool_)
    root = np.sqrt(values[used])
    return vectors[:, used] * root, vectors[:, used] / root
