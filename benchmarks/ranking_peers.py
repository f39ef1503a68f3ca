"""Peers of lists of what people choose: most rated, EASE, and implicit's ALS and BPR.

A peer is a function of a table of choices (users x items, sparse, ones) that returns a function from users to scores.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_matrix

from penchant.arrays.types import Float64Array, Int64Array

__all__ = ["Scorer", "bpr", "ease", "ease_weights", "implicit_als", "is_implicit_installed", "judge", "most_rated"]

Scorer: TypeAlias = "Callable[[Int64Array], np.ndarray]"
_USERS = 512  # that are scored at once
_GAIN = 1 / np.log2(np.arange(2, 102))


def is_implicit_installed() -> bool:
    """Whether implicit can be imported."""
    return find_spec("implicit") is not None


def most_rated(chosen: csr_matrix) -> Scorer:
    count = np.asarray(chosen.sum(axis=0), np.float32).ravel()
    return lambda users: np.tile(count, (len(users), 1))


def ease(chosen: csr_matrix, reg: float) -> Scorer:
    """Steck (2019), as published."""
    weights = ease_weights(chosen, reg)
    return lambda users: np.asarray(chosen[users] @ weights)


def ease_weights(chosen: csr_matrix, reg: float) -> Float64Array:
    """B = I - H diag(1 / H_jj), H = (X^T X + reg I)^-1, as published."""
    gram = (chosen.T @ chosen).toarray().astype(np.float64)
    diagonal = np.diag_indices(len(gram))
    gram[diagonal] += reg
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    weights[diagonal] = 0
    return weights


def implicit_als(chosen: csr_matrix, factors: int, regularization: float, alpha: float) -> Scorer:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors, regularization, alpha, iterations=15, random_state=0, num_threads=2)
    model.fit(chosen.astype(np.float32), show_progress=False)
    return lambda users: np.asarray(model.user_factors)[users] @ np.asarray(model.item_factors).T


def bpr(chosen: csr_matrix, factors: int, regularization: float) -> Scorer:
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(factors, 0.05, regularization, iterations=100, random_state=0, num_threads=2)
    model.fit(chosen.astype(np.float32), show_progress=False)
    return lambda users: np.asarray(model.user_factors)[users] @ np.asarray(model.item_factors).T


def judge(scorer: Scorer, chosen: csr_matrix, relevant: csr_matrix) -> dict[str, float]:
    """NDCG@10, recall@20 and NDCG@100 of lists of all items that are not in `chosen`, mean over users.

    Ideal gains are those of min(k, n_relevant) places; recall@20 is hits / min(20, n_relevant).
    """
    ndcg10: list[Float64Array] = []
    recall20: list[Float64Array] = []
    ndcg100: list[Float64Array] = []
    ideal = np.cumsum(_GAIN)
    judged = np.flatnonzero(np.diff(relevant.indptr))
    depth = min(100, chosen.shape[1])
    for start in range(0, len(judged), _USERS):
        users = judged[start : start + _USERS]
        scores = np.array(scorer(users), np.float64)
        scores[chosen[users].nonzero()] = -np.inf
        top = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        order = np.lexsort((top, -np.take_along_axis(scores, top, 1)), axis=1)
        hit = np.take_along_axis(relevant[users].toarray() > 0, np.take_along_axis(top, order, 1), 1)
        n = np.diff(relevant.indptr)[users]
        ndcg10.append((hit[:, :10] * _GAIN[:10]).sum(1) / ideal[np.minimum(10, n) - 1])
        recall20.append(hit[:, :20].sum(1) / np.minimum(20, n))
        ndcg100.append((hit * _GAIN[:depth]).sum(1) / ideal[np.minimum(100, n) - 1])
    names = ("ndcg@10", "recall@20", "ndcg@100")
    return {
        name: float(np.concatenate(each).mean()) for name, each in zip(names, (ndcg10, recall20, ndcg100), strict=True)
    }
