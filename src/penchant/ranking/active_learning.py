"""Active learning: which items a new user should be asked to rate first."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import BoolArray, Float64Array, Int32Array
from penchant.models.answers import Questions

__all__ = ["questions", "questions_readable"]


def questions(
    asked: Questions, covariance: Float64Array, counts: Float64Array, known: Float64Array, mask: BoolArray, n: int
) -> tuple[Int32Array, Float64Array]:
    """The items whose ratings are expected to tell most of a person, one after the other.

    An answer about item j lowers the variance of the prediction for item i, whatever the answer is, by

        (x_i^T Sigma x_j)^2 / (sigma_j^2 + x_j^T Sigma x_j)

    and there is an answer only if the person knows the item. So the gain of a question is that drop, the mean over
    items weighted by how often they are rated, times the chance that the person knows j. The best question is taken,
    Sigma is lowered as its answer would, times the chance of one, and so on.

    Args:
        asked: what it takes to know which rating tells most: see `Model.questions`.
        covariance: Sigma, of the person's row given what is known.
        counts: ratings of each item, shape (n_items,).
        known: the chance that the person knows each item, shape (n_items,).
        mask: which items may be asked about.
        n: how many questions.

    Returns:
        Rows of items, and the gain of each in squared rating units.

    Source: active learning for recommenders: Rubens, Kaplan, Sugiyama (2011); the variance is that of Gaussian
    experimental design (MacKay 1992).
    """
    x, noise = asked
    weights = counts / max(counts.sum(), 1)
    moments = x.T @ (x * weights[:, None])
    free = mask.copy()
    rows: list[int] = []
    gains: list[float] = []
    for _ in range(min(n, int(mask.sum()))):
        towards = x @ covariance
        drop = np.einsum("nk,kl,nl->n", towards, moments, towards) / (noise + np.einsum("nk,nk->n", towards, x))
        gain = np.where(free, known * drop, -np.inf)
        best = int(np.argmax(gain))
        rows.append(best)
        gains.append(float(gain[best]))
        free[best] = False
        step = np.outer(towards[best], towards[best]) / (noise[best] + towards[best] @ x[best])
        covariance = covariance - known[best] * step
    return np.array(rows, np.int32), np.array(gains)


def questions_readable(
    asked: Questions, covariance: Float64Array, counts: Float64Array, known: Float64Array, mask: BoolArray, n: int
) -> tuple[Int32Array, Float64Array]:
    """What `questions` does, item by item.

    Args:
        asked, covariance, counts, known, mask, n: as for `questions`.
    """
    x, noise = asked
    rows: list[int] = []
    gains: list[float] = []
    for _ in range(min(n, int(mask.sum()))):
        best, most = -1, -np.inf
        for j in np.flatnonzero(mask):
            if int(j) in rows:
                continue
            after = noise[j] + x[j] @ covariance @ x[j]
            drops = [(x[i] @ covariance @ x[j]) ** 2 / after for i in range(len(x))]
            gain = known[j] * float(np.average(drops, weights=counts))
            if gain > most:
                best, most = int(j), gain
        rows.append(best)
        gains.append(most)
        towards = covariance @ x[best]
        covariance = covariance - known[best] * np.outer(towards, towards) / (noise[best] + x[best] @ towards)
    return np.array(rows, np.int32), np.array(gains)
