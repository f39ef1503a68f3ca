"""Scores that lists are ordered by, and how the chance to be chosen is calibrated."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import BoolArray, Float32Array, Float64Array
from penchant.checks import is_real, require
from penchant.models.choice.ranking_order import RankingOrder

__all__ = ["calibrate_choice", "chances_of", "order_scores", "require_popularity"]

_BINS = 12
_LEAST_HELD = 5  # held-out choices a bin
_LEAST_SLOPE = 1e-3  # of the logarithm over the whole range of scores: more is always more


def order_scores(
    choice: NDArray[np.floating],
    predicted: NDArray[np.floating] | None = None,
    *,
    order: RankingOrder,
    popularity: float = 0.0,
    item_popularity: Float32Array | None = None,
    lowest: float = 1e-6,
) -> Float64Array:
    """Scores to list by: log P(chosen) + liked_power log P(liked | chosen) + popularity log(share of users).

    Args:
        choice: scores of a ChoiceModel, shape (n_items,) or (n, n_items).
        predicted: ratings, as a model of ratings expects them, in the same shape; None (default) to order by choice
            alone.
        order: the calibrated numbers.
        popularity: dial from niche, -1, to mainstream, 1; 0 (default) lists as learned.
        item_popularity: share of the users who chose each item, (n_items,); needed where `popularity` is not 0. No
            share is below `lowest`.
        lowest: the share of an item that nobody has chosen (default 1e-6).

    Raises:
        ParameterError: `popularity` is no number from -1 to 1, or `item_popularity` is missing.
    """
    require_popularity(popularity)
    score = order.log_choice(choice)
    if predicted is not None:
        score += order.liked_power * order.log_liked(predicted)
    if popularity:
        require(item_popularity is not None, "item_popularity", None, "the model's `item_popularity`")
        share = np.maximum(np.asarray(item_popularity, np.float64), lowest)
        score += popularity * np.log(share)
    return score


def chances_of(scores: NDArray[np.floating]) -> Float64Array:
    """Chances of their logarithms: at most 1, also beyond what was calibrated, and where a dial is turned.

    Args:
        scores: as `order_scores` makes them.
    """
    found: Float64Array = np.exp(np.minimum(np.asarray(scores, np.float64), 0))
    return found


def require_popularity(popularity: object) -> None:
    """Refuse a dial that is no number from -1 to 1.

    Args:
        popularity: as for `order_scores`.

    Raises:
        ParameterError: it is none.
    """
    fits = is_real(popularity) and -1 <= popularity <= 1  # type: ignore[operator]
    require(fits, "popularity", popularity, "a number from -1, niche, to 1, mainstream")


def calibrate_choice(scores: NDArray[np.floating], chosen: BoolArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots and logarithms of chances from scores of candidates, and which of them were chosen.

    Candidates are cut into bins with the same number of chosen ones each; the shares of chosen ones are made to rise by
    pooling neighbours that do not. Few choices make few bins; with less than two there are no knots.

    Args:
        scores: of candidates of a validation part, learned without it, shape (n,).
        chosen: which of them were chosen in it, shape (n,).

    Source: pool adjacent violators, Barlow et al. (1972), "Statistical inference under order restrictions".
    """
    order = np.argsort(scores, kind="stable")
    x, hit = np.asarray(scores, np.float64)[order], chosen[order]
    n_bins = min(_BINS, int(hit.sum()) // _LEAST_HELD)
    if n_bins < 2 or x[0] == x[-1]:
        return (), ()
    cuts = np.flatnonzero(hit)[np.arange(1, n_bins) * int(hit.sum()) // n_bins]
    blocks: list[tuple[float, int, int]] = []  # mean score of the chosen, how many are chosen, how many there are
    for start, stop in itertools.pairwise([0, *map(int, cuts), len(x)]):
        part = hit[start:stop]
        blocks.append((float(x[start:stop][part].mean()), int(part.sum()), stop - start))
        while len(blocks) > 1 and blocks[-1][1] * blocks[-2][2] <= blocks[-2][1] * blocks[-1][2]:
            (a, na, ma), (b, nb, mb) = blocks[-2:]
            blocks[-2:] = [((a * na + b * nb) / (na + nb), na + nb, ma + mb)]
    if len(blocks) < 2:
        return (), ()
    knots = np.array([block[0] for block in blocks])
    chances = np.log([(block[1] + 0.5) / (block[2] + 1) for block in blocks])
    rising = np.maximum.accumulate(chances) + _LEAST_SLOPE * np.arange(len(chances))
    apart = np.append(True, np.diff(knots) > 0)
    return tuple(map(float, knots[apart])), tuple(map(float, rising[apart]))
