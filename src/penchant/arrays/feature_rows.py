"""Features of rows as a sparse matrix: what a solver sees of age, genre or year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array

__all__ = ["FeatureRow", "FeatureRows"]


@dataclass(frozen=True, eq=False)
class FeatureRow:
    """Features of one row: their numbers, int32, and their values, float32, shapes (n,)."""

    columns: Int32Array
    values: Float32Array


@dataclass(frozen=True, eq=False)
class FeatureRows:
    """Features of the rows of one side (compressed sparse rows).

    Row r has the features `columns[indptr[r]:indptr[r + 1]]` with these `values`. Features come in blocks, one an
    attribute: block b is the features `blocks[b]` to `blocks[b + 1]`; the weights of a block share one prior.

    Attributes:
        indptr: (n_rows + 1,) int64.
        columns: feature numbers, int32, shape (n,).
        values: float32, shape (n,).
        blocks: where each block starts, and how many features there are; int64, shape (n_blocks + 1,).
    """

    indptr: Int64Array
    columns: Int32Array
    values: Float32Array
    blocks: Int64Array

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def n_features(self) -> int:
        return int(self.blocks[-1])

    def by_feature(self) -> tuple[Int64Array, Int32Array, Float32Array]:
        """The same entries by feature: indptr (n_features + 1,), rows and values."""
        order = np.argsort(self.columns, kind="stable")
        rows = np.repeat(np.arange(self.n_rows, dtype=np.int32), np.diff(self.indptr))
        indptr = np.zeros(self.n_features + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.columns, minlength=self.n_features), out=indptr[1:])
        return indptr, rows[order], self.values[order]

    def dot(self, weights: Float32Array | Float64Array) -> Float64Array:
        """F B: the weighted sum of each row's features, shape (n_rows, weights.shape[1])."""
        from scipy.sparse import csr_array

        matrix = csr_array((self.values, self.columns, self.indptr), shape=(self.n_rows, self.n_features))
        product: Float64Array = matrix @ weights.astype(np.float64)
        return product
