"""Diversity: re-ranking by maximal marginal relevance, for lists that are not all alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.checks import is_real, require

__all__ = ["diversified", "diversified_readable", "require_diversity"]


def require_diversity(diversity: object) -> None:
    """Refuse what is no weight.

    Args:
        diversity: what was given.

    Raises:
        ParameterError: it is no number from 0 to 1.
    """
    fits = is_real(diversity) and 0 <= diversity <= 1  # type: ignore[operator]
    require(fits, "diversity", diversity, "a number from 0 (best first) to 1 (as different as can be)")


def diversified(
    candidates: Int32Array, scores: NDArray[np.floating], vectors: Float32Array, n: int, diversity: float
) -> Int32Array:
    """Maximal marginal relevance: choose `n` candidates one by one, each good and unlike those before it.

        next  =  argmax_i  (1 - d) relevance_i - d max_(j chosen) cosine(i, j)

    Relevance runs from 0 for the lowest score among the candidates to 1 for the highest. The first is the best.

    Args:
        candidates: rows, best first, shape (m,).
        scores: of all rows.
        vectors: of all rows; what "alike" is measured by.
        n: how many.
        diversity: d, from 0 to 1.

    Source: Carbonell, Goldstein (1998), "The use of MMR, diversity-based reranking".
    """
    relevance, unit = _prepared(candidates, scores, vectors)
    nearest = np.full(len(candidates), -np.inf)
    chosen: list[int] = []
    free = np.ones(len(candidates), np.bool_)
    for _ in range(min(n, len(candidates))):
        value = (1 - diversity) * relevance - (diversity * nearest if chosen else 0)
        best = int(np.argmax(np.where(free, value, -np.inf)))
        chosen.append(best)
        free[best] = False
        nearest = np.maximum(nearest, unit @ unit[best])
    return candidates[chosen]


def diversified_readable(
    candidates: Int32Array, scores: NDArray[np.floating], vectors: Float32Array, n: int, diversity: float
) -> Int32Array:
    """What `diversified` does, straight from the equation.

    Args:
        candidates, scores, vectors, n, diversity: as for `diversified`.
    """
    relevance, unit = _prepared(candidates, scores, vectors)
    chosen: list[int] = []
    while len(chosen) < min(n, len(candidates)):
        values = {
            at: (1 - diversity) * relevance[at] - diversity * max((unit[at] @ unit[j] for j in chosen), default=0)
            for at in range(len(candidates))
            if at not in chosen
        }
        chosen.append(max(values, key=lambda at: values[at]))
    return candidates[chosen]


def _prepared(
    candidates: Int32Array, scores: NDArray[np.floating], vectors: Float32Array
) -> tuple[Float64Array, Float64Array]:
    score = scores[candidates].astype(np.float64)
    width = float(score.max() - score.min()) if len(score) else 0.0
    relevance = (score - score.min()) / width if width > 0 else np.zeros(len(score))
    rows = vectors[candidates].astype(np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return relevance, np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
