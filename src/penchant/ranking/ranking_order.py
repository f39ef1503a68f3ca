"""In what order things are listed: the chance that somebody chooses them times the chance that they like them then."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from penchant.arrays.types import BoolArray, Float32Array, Float64Array
from penchant.checks import is_real, require
from penchant.errors import FormatError

__all__ = ["RankingOrder", "calibrate_choice", "order_scores"]

_BINS = 12
_LEAST_HELD = 5  # held-out choices a bin
_LEAST_SLOPE = 1e-3  # of the logarithm over the whole range of scores: more is always more
_LOWEST_POPULARITY = 1e-6


@dataclass(frozen=True, kw_only=True)
class RankingOrder:
    """The few numbers that make chances of scores; learned on a validation part inside the training part.

    Attributes:
        knots: scores of choice, ascending; empty (default) for a score that is a chance already.
        log_chance: logarithm of the chance to be chosen at each of `knots`, ascending.
        threshold: what a rating must exceed to count as liked: half a step below the least rating that does, such as
            3.5 for 4 of whole stars; None (default) without ratings.
        liked_power: how much the chance to like counts beside that of choosing (default 1.0).
    """

    knots: tuple[float, ...] = ()
    log_chance: tuple[float, ...] = ()
    threshold: float | None = None
    liked_power: float = 1.0

    def __post_init__(self) -> None:
        same = len(self.knots) == len(self.log_chance) and len(self.knots) != 1
        require(same, "log_chance", self.log_chance, "as many values as knots, none or at least two")
        rising = all((np.diff(each) > 0).all() for each in (self.knots, self.log_chance))
        require(rising, "knots", self.knots, "knots and chances that rise")
        fits = self.threshold is None or (is_real(self.threshold) and math.isfinite(self.threshold))
        require(fits, "threshold", self.threshold, "a rating, or None")
        fits = is_real(self.liked_power) and 0 <= self.liked_power < math.inf
        require(fits, "liked_power", self.liked_power, "a number of at least 0")

    def log_choice(self, choice: NDArray[np.floating]) -> Float64Array:
        """Logarithm of the chance to be chosen, in the shape of `choice`; beyond the knots it goes on straight."""
        score = np.asarray(choice, np.float64)
        if not self.knots:
            found: Float64Array = np.log(np.maximum(score, 1e-12))
            return found
        x, y = np.array(self.knots), np.array(self.log_chance)
        found = np.interp(score, x, y)
        found += np.minimum(score - x[0], 0) * ((y[1] - y[0]) / (x[1] - x[0]))
        found += np.maximum(score - x[-1], 0) * ((y[-1] - y[-2]) / (x[-1] - x[-2]))
        return found

    def log_liked(self, predicted: NDArray[np.floating], variance: NDArray[np.floating] | float) -> Float64Array:
        """Logarithm of P(rating > threshold), ratings normal around `predicted`; zero without a threshold."""
        if self.threshold is None:
            return np.zeros(np.shape(predicted))
        spread = np.sqrt(np.maximum(np.asarray(variance, np.float64), 1e-12))
        found: Float64Array = log_ndtr((np.asarray(predicted, np.float64) - self.threshold) / spread)
        return found

    def settings(self) -> dict[str, float | list[float] | None]:
        """Its numbers, as a file keeps them."""
        return {
            "knots": list(self.knots),
            "log_chance": list(self.log_chance),
            "threshold": self.threshold,
            "liked_power": self.liked_power,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> RankingOrder:
        """Rebuild from `settings()`.

        Raises:
            FormatError: they are not what `settings()` gives.
        """
        try:
            knots, chances = (tuple(map(float, settings[name])) for name in ("knots", "log_chance"))  # type: ignore[call-overload]
            threshold, power = settings["threshold"], settings["liked_power"]
            return cls(knots=knots, log_chance=chances, threshold=threshold, liked_power=power)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the settings of the order do not fit together: {error}") from error


def order_scores(
    choice: NDArray[np.floating],
    predicted: NDArray[np.floating] | None = None,
    variance: NDArray[np.floating] | float = 1.0,
    *,
    order: RankingOrder | None = None,
    popularity: float = 0.0,
    item_popularity: Float32Array | None = None,
) -> Float32Array:
    """Scores to list by: log P(chosen) + liked_power log P(liked | chosen) + popularity log(share of users).

    Args:
        choice: scores of a ChoiceModel, shape (n_items,) or (n, n_items).
        predicted: ratings, as a model of ratings expects them, in the same shape; None (default) to order by choice
            alone.
        variance: of a rating around its prediction, the same shape or one number (default 1.0).
        order: the calibrated numbers; None (default) for scores that are chances, and choice alone.
        popularity: dial from niche, -1, to mainstream, 1; 0 (default) lists as learned.
        item_popularity: share of the users who chose each item, (n_items,); needed where `popularity` is not 0.

    Raises:
        ParameterError: `popularity` is no number from -1 to 1, or `item_popularity` is missing.
    """
    fits = is_real(popularity) and -1 <= popularity <= 1
    require(fits, "popularity", popularity, "a number from -1, niche, to 1, mainstream")
    order = RankingOrder() if order is None else order
    score = order.log_choice(choice)
    if predicted is not None:
        score += order.liked_power * order.log_liked(predicted, variance)
    if popularity:
        require(item_popularity is not None, "item_popularity", None, "the model's `item_popularity`")
        share = np.maximum(np.asarray(item_popularity, np.float64), _LOWEST_POPULARITY)
        score += popularity * np.log(share)
    found: Float32Array = score.astype(np.float32)
    return found


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
