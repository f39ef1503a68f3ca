"""In what order things are listed: the chance that somebody chooses them times the chance that they like them then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float64Array
from penchant.checks import is_real, require
from penchant.errors import FormatError

__all__ = ["RankingOrder"]

_SMALL = 1e-3  # score below which a chance that was not calibrated is a straight line in its logarithm


@dataclass(frozen=True, kw_only=True)
class RankingOrder:
    """The few numbers that make chances of scores; learned on a validation part inside the training part.

    Attributes:
        knots: scores of choice, ascending; empty (default) for a score that is a chance already.
        log_chance: logarithm of the chance to be chosen at each of `knots`, ascending.
        threshold: what a rating must exceed to count as liked: half a step below the least rating that does, such as
            3.5 for 4 of whole stars; None (default) without ratings.
        spread: standard deviation of ratings around their predictions, in rating units (default 1.0).
        liked_power: how much the chance to like counts beside that of choosing (default 1.0).
    """

    knots: tuple[float, ...] = ()
    log_chance: tuple[float, ...] = ()
    threshold: float | None = None
    spread: float = 1.0
    liked_power: float = 1.0

    def __post_init__(self) -> None:
        same = len(self.knots) == len(self.log_chance) and len(self.knots) != 1
        require(same, "log_chance", self.log_chance, "as many values as knots, none or at least two")
        rising = all((np.diff(each) > 0).all() for each in (self.knots, self.log_chance))
        require(rising, "knots", self.knots, "knots and chances that rise")
        fits = self.threshold is None or (is_real(self.threshold) and math.isfinite(self.threshold))
        require(fits, "threshold", self.threshold, "a rating, or None")
        require(is_real(self.spread) and 0 < self.spread < math.inf, "spread", self.spread, "a number more than 0")
        fits = is_real(self.liked_power) and 0 <= self.liked_power < math.inf
        require(fits, "liked_power", self.liked_power, "a number of at least 0")

    def log_choice(self, choice: NDArray[np.floating]) -> Float64Array:
        """Logarithm of the chance to be chosen, in the shape of `choice`; beyond the knots it goes on straight."""
        score = np.asarray(choice, np.float64)
        if not self.knots:  # straight on below a small score, so that the order goes on
            found: Float64Array = np.log(np.maximum(score, _SMALL)) + np.minimum(score / _SMALL - 1, 0)
            return found
        x, y = np.array(self.knots), np.array(self.log_chance)
        found = np.interp(score, x, y)
        found += np.minimum(score - x[0], 0) * ((y[1] - y[0]) / (x[1] - x[0]))
        found += np.maximum(score - x[-1], 0) * ((y[-1] - y[-2]) / (x[-1] - x[-2]))
        return found

    @property
    def steepest(self) -> float:
        """The steepest slope of `log_choice`."""
        if not self.knots:
            return 1 / _SMALL
        return float((np.diff(self.log_chance) / np.diff(self.knots)).max())

    def log_liked(self, predicted: NDArray[np.floating]) -> Float64Array:
        """Logarithm of P(rating > threshold), ratings normal around `predicted`; zero without a threshold."""
        if self.threshold is None:
            return np.zeros(np.shape(predicted))
        from scipy.special import log_ndtr  # loading a file needs NumPy only

        found: Float64Array = log_ndtr((np.asarray(predicted, np.float64) - self.threshold) / self.spread)
        return found

    def settings(self) -> dict[str, float | list[float] | None]:
        """Its numbers, as a file keeps them."""
        return {
            "knots": list(self.knots),
            "log_chance": list(self.log_chance),
            "threshold": self.threshold,
            "spread": self.spread,
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
            threshold, spread, power = (settings[name] for name in ("threshold", "spread", "liked_power"))
            return cls(knots=knots, log_chance=chances, threshold=threshold, spread=spread, liked_power=power)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the settings of the order do not fit together: {error}") from error
