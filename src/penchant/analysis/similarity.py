"""Similarity of items or users: cosine and correlation of rows, shrunk where little is known of them."""

from __future__ import annotations

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.checks import is_real, require

__all__ = ["evidence", "nearest", "rating_similarities", "similarities", "unit_rows"]

_BLOCK = 2048  # rows that are compared with all others at once
_DAMPING = 5.0  # ratings at 0 that a mean of ratings is pulled by


def evidence(counts: Int64Array, shrink: float) -> Float64Array:
    """Shrinkage: how far a row with n ratings is to be believed, n / (n + shrink), shape (n_rows,).

    Args:
        counts: n of each row.
        shrink: ratings at which it is half; 0 for 1 everywhere, also without ratings.

    Raises:
        ParameterError: `shrink` is negative or no number.

    >>> evidence(np.array([0, 10, 90]), 10).tolist()
    [0.0, 0.5, 0.9]
    """
    require(is_real(shrink) and 0 <= shrink < np.inf, "shrink", shrink, "a number of at least 0")
    return counts / (counts + shrink) if shrink else np.ones(len(counts))


def unit_rows(vectors: Float64Array) -> Float64Array:
    """Rows divided by their length; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def similarities(vectors: Float64Array, vector: Float64Array) -> Float64Array:
    """Cosine similarity of each row and one vector, -1 to 1, shape (n_rows,); 0 where either is zero.

    Args:
        vectors: (n_rows, size).
        vector: (size,).
    """
    cosines: Float64Array = np.clip(unit_rows(vectors) @ unit_rows(vector[None])[0], -1, 1)
    return cosines


def nearest(vectors: Float64Array, share: Float64Array) -> Int32Array:
    """Nearest neighbour: the most similar other row of each, shape (n_rows,); -1 for a row of zeros, or one alone.

    Args:
        vectors: (n_rows, size).
        share: what similarities with a row are multiplied by, (n_rows,): see `evidence`.

    >>> nearest(np.array([[1.0, 0], [1, 0.1], [0, 1]]), np.ones(3)).tolist()
    [1, 0, 1]
    """
    units = unit_rows(vectors).astype(np.float32)
    scaled = (units * share[:, None]).astype(np.float32)
    found = np.full(len(units), -1, np.int32)
    if len(units) < 2:
        return found
    for start in range(0, len(units), _BLOCK):
        cosines = units[start : start + _BLOCK] @ scaled.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf
        found[start : start + _BLOCK] = cosines.argmax(axis=1)
    found[~units.any(axis=1)] = -1
    return found


def rating_similarities(seen: SeenRatings, n_items: int, row: int, shrink: float, side: str) -> Float64Array:
    """How alike ratings of rows are to those of one row, where the same people (or items) rated both, (n_rows,).

        e_ui = r_ui - mu - b_u - b_i,     similarity = sum e_ui e_uk / sqrt(sum e_ui^2 sum e_uk^2) * n / (n + shrink)

    with sums over the n users who rated both items i and k, and b damped means. This asks no model. It is the
    correlation of ratings less what holds for the user and the item in general; two that nobody rated both have 0.

    Args:
        seen: the ratings.
        n_items: how many items there are.
        row: which one.
        shrink: common ratings at which a similarity is halved.
        side: "item" or "user".

    Source: Koren (2010), "Factor in the neighbors: scalable and accurate collaborative filtering".
    """
    from scipy.sparse import csr_array

    users = np.repeat(np.arange(seen.n_users), seen.user_counts())
    rest = _rest(users, seen.item_idx, seen.rating, seen.n_users, n_items)
    table = csr_array((rest, seen.item_idx, seen.indptr), shape=(seen.n_users, n_items))
    if side == "user":  # rows of the table are what the two have in common
        table = csr_array(table.T)
    column = table[:, [row]].tocoo()
    common, own = column.coords[0], column.data
    rows = table[common]
    told = csr_array((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)
    squares = csr_array((rows.data**2, rows.indices, rows.indptr), shape=rows.shape)
    product, counts = rows.T @ own, told.T @ np.ones(len(own))
    length = np.sqrt((squares.T @ np.ones(len(own))) * (told.T @ own**2))
    share = counts / np.maximum(counts + shrink, 1)
    alike: Float64Array = np.where(length > 0, product / np.where(length > 0, length, 1), 0.0) * share
    return alike


def _rest(users: Int64Array, items: Int32Array, rating: Float32Array, n_users: int, n_items: int) -> Float64Array:
    """Ratings less the mean and less damped means of items, then of users."""
    rest = rating.astype(np.float64) - rating.mean(dtype=np.float64) if len(rating) else np.zeros(0)
    for rows, n in ((items, n_items), (users, n_users)):
        mean = np.bincount(rows, weights=rest, minlength=n) / (np.bincount(rows, minlength=n) + _DAMPING)
        rest = rest - mean[rows]
    return rest
