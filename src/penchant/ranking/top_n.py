"""Top-N of one user: the best n of a row of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.checks import is_whole, require
from penchant.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penchant.arrays.types import BoolArray, Int32Array

__all__ = ["top_n"]


def top_n(
    scores: NDArray[np.number],
    n: int,
    *,
    exclude: NDArray[np.integer] | BoolArray | None = None,
    restrict: NDArray[np.integer] | BoolArray | None = None,
) -> Int32Array:
    """Row numbers of the `n` highest scores, best first; equal scores in the order of their row numbers.

    Time is linear in the number of scores: they are partitioned at the n-th highest, and only n are sorted.

    Args:
        scores: one score a row, shape (n_rows,); may be infinite, not NaN.
        n: how many to return, at least 1. Fewer come back where fewer rows are allowed, none where none is.
        exclude: rows never to return: row numbers in any order, or a mask of shape (n_rows,).
        restrict: the only rows that may be returned, in the same forms; None allows all. A row that is also
            excluded is not returned, and one that is named twice is returned once.

    Raises:
        ParameterError: `n` is less than 1, a score is NaN, or `exclude` or `restrict` names no row of `scores`.

    >>> top_n(np.array([1.0, 3.0, 2.0, 3.0]), 3, exclude=np.array([1]))
    array([3, 2, 0], dtype=int32)
    """
    require(is_whole(n, 1), "n", n, "a whole number of at least 1")
    if scores.ndim != 1:
        raise ParameterError(f"scores have shape {scores.shape}: give one row of them")
    rows = _allowed(len(scores), exclude, restrict)
    candidates = scores if rows is None else scores[rows]
    if np.isnan(candidates).any():
        at = int(np.argmax(np.isnan(candidates)))
        raise ParameterError(f"the score of row {at if rows is None else int(rows[at])} is not a number")
    best = _best(candidates, n)
    return (best if rows is None else rows[best]).astype(np.int32)


def _best(scores: NDArray[np.number], n: int) -> NDArray[np.intp]:
    if n < len(scores):
        cut = np.partition(scores, len(scores) - n)[len(scores) - n]  # the n-th highest
        above = np.flatnonzero(scores > cut)
        # Of those that tie at the cut, the lowest row numbers fill the rest; both parts rise, so a stable sort by
        # score alone keeps row order within ties.
        chosen = np.concatenate([above, np.flatnonzero(scores == cut)[: n - len(above)]])
    else:
        chosen = np.arange(len(scores))
    # Lowest first in reverse row order, then turned around: negating would overflow for whole numbers.
    return chosen[::-1][np.argsort(scores[chosen][::-1], kind="stable")][::-1]


def _allowed(
    n_rows: int,
    exclude: NDArray[np.integer] | BoolArray | None,
    restrict: NDArray[np.integer] | BoolArray | None,
) -> NDArray[np.intp] | None:
    """The rows that may be returned, rising; None stands for all."""
    if exclude is None and restrict is None:
        return None
    if restrict is None:
        mask = np.ones(n_rows, dtype=np.bool_)
    else:
        mask = np.zeros(n_rows, dtype=np.bool_)
        mask[_checked(restrict, n_rows, "restrict")] = True
    if exclude is not None:
        mask[_checked(exclude, n_rows, "exclude")] = False
    return np.flatnonzero(mask)


def _checked(rows: NDArray[np.integer] | BoolArray, n_rows: int, name: str) -> NDArray[np.integer] | BoolArray:
    if rows.dtype == np.bool_:
        if rows.shape != (n_rows,):
            raise ParameterError(f"{name} is a mask of shape {rows.shape} for {n_rows} scores")
        return rows
    if rows.size == 0:
        return rows.astype(np.intp)  # an empty list has no whole-number type of its own
    if rows.dtype.kind not in "iu":
        raise ParameterError(f"{name} is of type {rows.dtype}: give row numbers or a mask")
    if rows.min() < 0 or rows.max() >= n_rows:
        wrong = rows[(rows < 0) | (rows >= n_rows)][0]
        raise ParameterError(f"{name} names row {wrong}: rows are 0 to {n_rows - 1}")
    return rows
