"""Metrics of ratings and of top-N lists (RMSE, NDCG, recall, coverage ...): pure functions of arrays.

Two kinds of question, two kinds of input.

**How far off is a predicted rating?** `rmse`, `mse`, `mae` take predicted and given ratings, shape (n,).

**How good is a list of recommendations?** The others take lists as arrays, one list (of one user) a row, best item
first: either the gains of the items (`relevance`, 0 = not relevant), or their row numbers (`recommended`). Where u
is a list, k its length and R_u its user's number of relevant items,

    rel_u(j) = 1 if the item at rank j of list u is relevant, else 0;   ranks j count from 1

Conventions, the same in all of them and the same as ranx's:
    - only the first k ranks count;
    - what a list shorter than k lacks counts as not relevant, so `precision_at_k` still divides by k;
    - a user without any relevant item scores 0 (to leave such users out, leave out their rows);
    - each function returns one value a list, float64, shape (n_lists,): take the mean for the table, keep them for
      an interval.

Sources: Herlocker, Konstan, Terveen, Riedl (2004), "Evaluating collaborative filtering recommender systems", for
predictions; Manning, Raghavan, Schütze (2008), "Introduction to Information Retrieval", chapter 8, for lists; others
are named where they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.errors import ParameterError
from penchant.ranked_lists import checked_gains, first_k, hits_in, share, totals_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from penchant.arrays.types import Float64Array

__all__ = [
    "average_precision_at_k",
    "capped_recall_at_k",
    "coverage",
    "hit_rate_at_k",
    "mae",
    "mse",
    "ndcg_at_k",
    "novelty",
    "overlap",
    "precision_at_k",
    "recall_at_k",
    "reciprocal_rank_at_k",
    "rmse",
]


# -- predicted ratings --


def mse(predicted: ArrayLike, rating: ArrayLike) -> float:
    """Mean squared error, in squared rating units; lower is better.

        MSE = 1/n sum (predicted - rating)^2

    Args:
        predicted: predicted ratings, shape (n,).
        rating: the ratings that were given, shape (n,).

    Raises:
        ParameterError: shapes differ, there is no rating, or a value is not finite.

    >>> mse([3.0, 5.0], [4.0, 5.0])
    0.5
    """
    return float(np.mean(np.square(_errors(predicted, rating))))


def rmse(predicted: ArrayLike, rating: ArrayLike) -> float:
    """Root mean squared error, in rating units; lower is better. Big errors weigh more than in `mae`.

        RMSE = sqrt(1/n sum (predicted - rating)^2)

    Args:
        predicted: predicted ratings, shape (n,).
        rating: the ratings that were given, shape (n,).

    Raises:
        ParameterError: shapes differ, there is no rating, or a value is not finite.

    >>> rmse([3.0, 5.0], [4.0, 4.0])
    1.0
    """
    return float(np.sqrt(mse(predicted, rating)))


def mae(predicted: ArrayLike, rating: ArrayLike) -> float:
    """Mean absolute error, in rating units; lower is better.

        MAE = 1/n sum |predicted - rating|

    Args:
        predicted: predicted ratings, shape (n,).
        rating: the ratings that were given, shape (n,).

    Raises:
        ParameterError: shapes differ, there is no rating, or a value is not finite.

    >>> mae([3.0, 5.0], [4.0, 5.0])
    0.5
    """
    return float(np.mean(np.abs(_errors(predicted, rating))))


# -- lists of recommendations --


def precision_at_k(relevance: ArrayLike, k: int) -> Float64Array:
    """Share of the first k items that are relevant, 0 to 1.

        P@k(u) = 1/k sum_{j=1..k} rel_u(j)

    Args:
        relevance: gain of the item at each rank, shape (n_lists, any length); more than 0 is relevant.
        k: number of ranks that count. It is the divisor even where a list is shorter.

    Raises:
        ParameterError: no list, a negative gain or one that is not finite, or k less than 1.

    >>> precision_at_k([[1, 0, 1], [0, 0, 0]], k=2).tolist()
    [0.5, 0.0]
    """
    found: Float64Array = hits_in(relevance, k).sum(axis=1)
    return found / k


def recall_at_k(relevance: ArrayLike, n_relevant: ArrayLike, k: int) -> Float64Array:
    """Share of all relevant items that are among the first k, 0 to 1.

        R@k(u) = 1/R_u sum_{j=1..k} rel_u(j)

    A user with more than k relevant items can't reach 1: the divisor is R_u, not min(k, R_u), as in ranx and
    scikit-learn. `capped_recall_at_k` has the other divisor.

    Args:
        relevance: gain of the item at each rank, shape (n_lists, any length); more than 0 is relevant.
        n_relevant: R_u, how many relevant items there are in all, listed or not, shape (n_lists,).
        k: number of ranks that count.

    Raises:
        ParameterError: as in `precision_at_k`, or a list holds more relevant items than there are.

    >>> recall_at_k([[1, 0, 1], [0, 0, 0]], n_relevant=[4, 0], k=3).tolist()
    [0.5, 0.0]
    """
    hits = hits_in(relevance, k)
    return share(hits.sum(axis=1), totals_of(n_relevant, hits))


def capped_recall_at_k(relevance: ArrayLike, n_relevant: ArrayLike, k: int) -> Float64Array:
    """Share of the relevant items that k ranks have room for that are among the first k, 0 to 1.

        R@k(u) = 1/min(k, R_u) sum_{j=1..k} rel_u(j)

    The best list reaches 1 for every user. It is recall where a user has at most k relevant items, and precision where
    there are more. This is the recall@20 and recall@50 of papers on implicit feedback since Liang et al.; `recall_at_k`
    is the one of textbooks. Numbers of the two do not compare.

    Args:
        relevance: gain of the item at each rank, shape (n_lists, any length); more than 0 is relevant.
        n_relevant: R_u, how many relevant items there are in all, listed or not, shape (n_lists,).
        k: number of ranks that count.

    Raises:
        ParameterError: as in `recall_at_k`.

    Source: Liang, Krishnan, Hoffman, Jebara (2018), "Variational autoencoders for collaborative filtering".

    >>> capped_recall_at_k([[1, 0, 1], [1, 0, 0]], n_relevant=[4, 1], k=2).tolist()
    [0.5, 1.0]
    """
    hits = hits_in(relevance, k)
    return share(hits.sum(axis=1), np.minimum(totals_of(n_relevant, hits), k))


def hit_rate_at_k(relevance: ArrayLike, k: int) -> Float64Array:
    """1 where at least one of the first k items is relevant, else 0.

        HR@k(u) = max_{j=1..k} rel_u(j)

    Args:
        relevance: gain of the item at each rank, shape (n_lists, any length); more than 0 is relevant.
        k: number of ranks that count.

    Raises:
        ParameterError: as in `precision_at_k`.

    Source: Deshpande, Karypis (2004), "Item-based top-N recommendation algorithms".

    >>> hit_rate_at_k([[0, 0, 1], [1, 1, 0]], k=2).tolist()
    [0.0, 1.0]
    """
    found: Float64Array = hits_in(relevance, k).max(axis=1)
    return found


def reciprocal_rank_at_k(relevance: ArrayLike, k: int) -> Float64Array:
    """One over the rank of the first relevant item, 0 where none is among the first k. Its mean is MRR.

        RR@k(u) = 1 / min{j <= k : rel_u(j) = 1}

    Args:
        relevance: gain of the item at each rank, shape (n_lists, any length); more than 0 is relevant.
        k: number of ranks that count.

    Raises:
        ParameterError: as in `precision_at_k`.

    Source: Voorhees (1999), "The TREC-8 question answering track report".

    >>> reciprocal_rank_at_k([[0, 1, 1], [0, 0, 0]], k=3).tolist()
    [0.5, 0.0]
    """
    hits = hits_in(relevance, k)
    rank: Float64Array = hits.argmax(axis=1) + 1.0  # 1 where there is no hit, which then divides 0
    found: Float64Array = hits.max(axis=1)
    return found / rank


def average_precision_at_k(relevance: ArrayLike, n_relevant: ArrayLike, k: int) -> Float64Array:
    """Mean of the precisions at the ranks of the relevant items, 0 to 1. Its mean is MAP.

        AP@k(u) = 1/R_u sum_{j=1..k} P@j(u) rel_u(j)

    The divisor is R_u, as in ranx and TREC's map_cut, not min(k, R_u): a relevant item that is not listed counts as
    precision 0.

    Args:
        relevance: gain of the item at each rank, shape (n_lists, any length); more than 0 is relevant.
        n_relevant: R_u, how many relevant items there are in all, listed or not, shape (n_lists,).
        k: number of ranks that count.

    Raises:
        ParameterError: as in `recall_at_k`.

    Source: Manning, Raghavan, Schütze (2008), section 8.4.

    >>> average_precision_at_k([[1, 0, 1, 1]], n_relevant=[4], k=3).round(4).tolist()  # (1/1 + 2/3) / 4
    [0.4167]
    """
    hits = hits_in(relevance, k)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    collected: Float64Array = (precision * hits).sum(axis=1)
    return share(collected, totals_of(n_relevant, hits))


def ndcg_at_k(relevance: ArrayLike, ideal: ArrayLike, k: int) -> Float64Array:
    """Normalised discounted cumulative gain: the gain of the list, later ranks for less, over that of the best list.

        DCG@k(g) = sum_{j=1..k} g(j) / log2(j + 1),     nDCG@k(u) = DCG@k(list of u) / DCG@k(ideal list of u)

    The ideal list holds all of the user's relevant items, the highest gain first, cut at k, whether the model could
    list them or not. Gains enter as they are, as in ranx's `ndcg` and scikit-learn's `ndcg_score`; pass 2^g - 1 for
    the other common form. With gains of 0 and 1 the two are one.

    Args:
        relevance: gain of the item at each rank, shape (n_lists, any length), 0 = not relevant.
        ideal: gains of all relevant items of each user, in any order, filled up with zeros, shape
            (n_lists, any length).
        k: number of ranks that count.

    Raises:
        ParameterError: as in `precision_at_k`, or a list gains more than its ideal.

    Source: Järvelin, Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques".

    >>> ndcg_at_k([[0, 1, 1]], ideal=[[1, 1, 0]], k=3).round(4).tolist()
    [0.6934]
    """
    everything = checked_gains(ideal)
    reached, possible = _dcg(first_k(relevance, k)), _dcg(first_k(-np.sort(-everything, axis=1), k))
    if len(possible) != len(reached):
        raise ParameterError(f"{len(reached)} lists, but {len(possible)} ideal ones")
    if (reached > possible * (1 + 1e-9)).any():
        raise ParameterError(f"list {int(np.argmax(reached > possible * (1 + 1e-9)))} gains more than its ideal")
    return share(reached, possible)


# -- what is recommended, whether liked or not --


def coverage(recommended: NDArray[np.integer], n_items: int) -> float:
    """Share of the catalogue that is recommended to anybody, 0 to 1.

        coverage = |union of all lists| / n_items

    Args:
        recommended: row numbers of items, any shape; -1 stands for no item, where a list is short.
        n_items: size of the catalogue.

    Raises:
        ParameterError: no list, or a row number that is not -1 to n_items - 1.

    Source: Ge, Delgado-Battenfeld, Jannach (2010), "Beyond accuracy: evaluating recommender systems by coverage and
    serendipity" (catalogue coverage).

    >>> coverage(np.array([[0, 2], [2, -1]]), n_items=4)
    0.5
    """
    return len(np.unique(_items(recommended, n_items))) / n_items


def novelty(recommended: NDArray[np.integer], item_counts: NDArray[np.integer], n_users: int) -> float:
    """Mean self-information of the recommended items, in bits: how surprising it is that somebody knows them.

        novelty = mean over all recommended items of -log2(n_i / n_users),     n_i = users who rated item i

    0 means that everybody has rated what is recommended; an item that one user in 1,024 has rated adds 10 bits. An
    item without a rating counts as rated by one user. NaN where no list holds an item.

    Args:
        recommended: row numbers of items, any shape; -1 stands for no item, where a list is short.
        item_counts: n_i, shape (n_items,).
        n_users: users who rated anything.

    Raises:
        ParameterError: no list, a row number that is not -1 to n_items - 1, or more ratings of an item than users.

    Source: Zhou, Kuscsik, Liu, Medo, Wakeling, Zhang (2010), "Solving the apparent diversity-accuracy dilemma of
    recommender systems".

    >>> novelty(np.array([[0, 1]]), item_counts=np.array([8, 2]), n_users=8)
    1.0
    """
    items = _items(recommended, len(item_counts))
    if len(item_counts) and item_counts.max() > n_users:
        raise ParameterError(f"an item with {item_counts.max()} ratings among {n_users} users: count each user once")
    if len(items) == 0:
        return float("nan")
    return float(-np.log2(np.maximum(item_counts[items], 1) / n_users).mean())


def overlap(recommended: NDArray[np.integer], n_items: int) -> float:
    """How much the lists of two users have in common, 0 to 1: the mean over all pairs of users.

        overlap = sum_i c_i (c_i - 1) / sum_(u != v) min(|L_u|, |L_v|),     c_i = lists that hold item i

    1: everybody gets the same items. NaN where fewer than two users have a list.

    Args:
        recommended: row numbers of items, a list a row; -1 stands for no item, where a list is short.
        n_items: size of the catalogue.

    Raises: ParameterError as `coverage`.

    >>> overlap(np.array([[0, 1], [1, 2]]), n_items=3)
    0.5
    """
    held = np.bincount(_items(recommended, n_items)).astype(np.float64)
    lengths = np.sort((np.atleast_2d(recommended) >= 0).sum(axis=1))  # so that the shorter of two comes first
    possible = 2 * int((lengths * np.arange(len(lengths))[::-1]).sum())
    return float((held * (held - 1)).sum()) / possible if possible else float("nan")


# -- what they share --


def _dcg(gains: Float64Array) -> Float64Array:
    discounted: Float64Array = (gains / np.log2(np.arange(2, gains.shape[1] + 2))).sum(axis=1)
    return discounted


def _errors(predicted: ArrayLike, rating: ArrayLike) -> Float64Array:
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(rating, dtype=np.float64)
    if guess.shape != truth.shape:
        raise ParameterError(f"{guess.shape} predictions for {truth.shape} ratings: the shapes must be the same")
    if guess.size == 0:
        raise ParameterError("there is no rating to compare with")
    errors = guess - truth
    if not np.isfinite(errors).all():
        at = int(np.argmax(~np.isfinite(errors)))
        raise ParameterError(f"position {at}: predicted {guess.flat[at]}, rated {truth.flat[at]}; both must be finite")
    return errors


def _items(recommended: NDArray[np.integer], n_items: int) -> NDArray[np.integer]:
    listed = np.asarray(recommended)
    if listed.size == 0:
        raise ParameterError("there is no list of recommendations")
    if listed.min() < -1 or listed.max() >= n_items:
        raise ParameterError(f"recommended items must be row numbers from 0 to {n_items - 1}, or -1 for none")
    return listed[listed >= 0]
