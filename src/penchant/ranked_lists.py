"""Ranked lists as arrays of gains, one list a row, best item first: checked, and cut at k."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.checks import is_whole, require
from penchant.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from penchant.arrays.types import Float64Array

__all__ = ["checked_gains", "first_k", "hits_in", "share", "totals_of"]


def checked_gains(relevance: ArrayLike) -> Float64Array:
    """Gains as float64, shape (n_lists, any length).

    Raises:
        ParameterError: no list, another number of dimensions, a negative gain or one that is not finite.
    """
    gains = np.asarray(relevance, dtype=np.float64)
    if gains.ndim != 2 or len(gains) == 0:
        raise ParameterError(f"lists have shape {gains.shape}: give at least one list, one a row")
    if not (np.isfinite(gains) & (gains >= 0)).all():
        row = int(np.argmax(~(np.isfinite(gains) & (gains >= 0)).all(axis=1)))
        raise ParameterError(f"list {row} has a gain that is negative or not finite")
    return gains


def first_k(relevance: ArrayLike, k: int) -> Float64Array:
    """Gains at ranks 1 to k, shape (n_lists, at most k and at least 1): what is beyond a list's end is 0.

    Raises:
        ParameterError: as `checked_gains`, or k is less than 1.
    """
    require(is_whole(k, 1), "k", k, "a whole number of at least 1")
    gains = checked_gains(relevance)[:, :k]
    return gains if gains.shape[1] else np.zeros((len(gains), 1))


def hits_in(relevance: ArrayLike, k: int) -> Float64Array:
    """1 where the item at a rank is relevant, else 0: rel_u(j), the shape of `first_k`.

    Raises:
        ParameterError: as `first_k`.
    """
    return (first_k(relevance, k) > 0).astype(np.float64)


def totals_of(n_relevant: ArrayLike, hits: Float64Array) -> Float64Array:
    """How many relevant items each list's user has, R_u, as float64, shape (n_lists,).

    Raises:
        ParameterError: another number of lists, or a list holds more relevant items than there are.
    """
    totals = np.asarray(n_relevant, dtype=np.float64)
    if totals.shape != (len(hits),):
        raise ParameterError(f"n_relevant has shape {totals.shape} for {len(hits)} lists")
    short = hits.sum(axis=1) > totals
    if short.any():
        at = int(np.argmax(short))
        raise ParameterError(f"list {at} holds {hits[at].sum():g} relevant items, but n_relevant says {totals[at]:g}")
    return totals


def share(part: Float64Array, whole: Float64Array) -> Float64Array:
    """The quotient of each list, 0 where there is nothing to reach, shape (n_lists,)."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
