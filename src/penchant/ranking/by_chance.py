"""The best items by chance: that somebody chooses them, or chooses and likes them. A few are looked at, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.ranking_order import RankingOrder
from penchant.ranking.order_scores import order_scores
from penchant.ranking.top_n import top_n

__all__ = ["Chances", "Stars"]

Stars: TypeAlias = "Callable[[Int32Array], Float32Array]"

_LEAST = 96  # items that are looked at first
_MORE = 8  # times as many, where these do not settle it
_EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class Chances:
    """An order of items by chance: see `order_scores`, whose logarithms these scores are.

    Attributes:
        choices: scores what somebody would choose.
        order: makes chances of scores.
        popularity: dial from niche, -1, to mainstream, 1.
    """

    choices: ChoiceModel
    order: RankingOrder
    popularity: float = 0.0

    def all_scores(self, row: Float32Array, stars: Stars | None) -> Float64Array:
        """Scores of all items, shape (n_items,), as one product of a matrix rounds them.

        Args:
            row: of the person in the model of choices, shape (n_factors,).
            stars: predicted ratings of some items; None for choice alone.
        """
        choice = self.choices.scores(row)
        everything = np.arange(len(choice), dtype=np.int32)
        return self.of(choice, everything, stars)

    def scores(self, row: Float32Array, items: Int32Array, stars: Stars | None) -> Float64Array:
        """Scores of some items, shape (n,); each depends on its own item alone, not on the others.

        Args:
            row, stars: as for `all_scores`.
            items: row numbers.
        """
        factors = self.choices.item_factors.take(items, axis=0)
        choice = np.einsum("nk,nk->n", np.broadcast_to(row.astype(np.float32), factors.shape), factors)
        return self.of(choice + self.choices.item_biases.take(items), items, stars)

    def of(self, choice: Float32Array, items: Int32Array, stars: Stars | None) -> Float64Array:
        """Scores of items of which the score of choice is known, shape (n,).

        Args:
            choice: scores of the model of choices.
            items: row numbers.
            stars: as for `all_scores`.
        """
        return order_scores(
            choice,
            None if stars is None else stars(items),
            order=self.order,
            popularity=self.popularity,
            item_popularity=self.choices.item_popularity.take(items),
            lowest=1 / (self.choices.n_users + 1),
        )

    def best(
        self,
        row: Float32Array,
        n: int,
        stars: Stars | None = None,
        *,
        exclude: Int32Array | None = None,
        restrict: Int32Array | None = None,
    ) -> tuple[Int32Array, Float64Array]:
        """The `n` items with the highest scores, best first, equal ones in row order; and their scores.

        The chance to like is at most 1, so its logarithm only takes away. An item whose chance to be chosen lies below
        the n-th best score can't be in the list: items are looked at in the order of that chance until that is so.

        Args:
            row, stars: as for `all_scores`; None (default) for choice alone.
            n: how many, at least 1.
            exclude, restrict: as for `top_n`.
        """
        return self.best_of(self.choices.scores(row), row, n, stars, exclude=exclude, restrict=restrict)

    def best_of(
        self,
        choice: Float32Array,
        row: Float32Array,
        n: int,
        stars: Stars | None = None,
        *,
        exclude: Int32Array | None = None,
        restrict: Int32Array | None = None,
    ) -> tuple[Int32Array, Float64Array]:
        """The same of a person whose scores of choice are at hand.

        Args:
            choice: of all items, however they were rounded, shape (n_items,).
            row, n, stars, exclude, restrict: as for `best`.
        """
        # Chances rise with scores: without the dial, the order of one is that of the other.
        base = self.of(choice, np.arange(len(choice), dtype=np.int32), None) if self.popularity else choice
        margin, m = self.margin(row), max(_LEAST, 4 * n)
        while True:
            rows = np.sort(top_n(base, m, exclude=exclude, restrict=restrict))
            if len(rows) == 0:
                return rows, np.empty(0)
            scores = self.scores(row, rows, stars)
            best = top_n(scores, n)
            lowest = base[rows].min()
            bound = lowest if self.popularity else self.order.log_choice(lowest)
            if len(rows) < m or scores[best[-1]] > bound + margin:
                return rows[best], scores[best]
            m *= _MORE

    def margin(self, row: Float32Array) -> float:
        """How far two ways to round a score may lie apart: a sum of K + 3 float32 numbers, times the steepest slope."""
        sizes = float(np.linalg.norm(row)) * self._longest + self._largest
        return 2 * (len(row) + 3) * _EPSILON * sizes * self.order.steepest

    @cached_property
    def _longest(self) -> float:
        squares = np.square(self.choices.item_factors, dtype=np.float64).sum(axis=1)
        return float(np.sqrt(squares.max(initial=0.0)))

    @cached_property
    def _largest(self) -> float:
        return float(np.abs(self.choices.item_biases).max(initial=0.0))
