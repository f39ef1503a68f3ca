"""In which order items are listed: by what somebody would like, would choose, or both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.checks import require
from penchant.errors import ParameterError
from penchant.ranking.by_chance import Chances, Stars
from penchant.ranking.order_scores import chances_of, require_popularity
from penchant.ranking.top_n import top_n
from penchant.recommender.state import State, learned_choices
from penchant.text import Argument, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penchant.recommender.people.person import Person

__all__ = ["ORDERS", "ListOrder", "list_order"]

ORDERS = ("both", "stars", "choice")


@dataclass(frozen=True, eq=False)
class ListOrder:
    """An order of items, for one person or a group.

    Attributes:
        state: of the recommender.
        by: "both", "stars" or "choice".
        popularity: dial from niche, -1, to mainstream, 1.
    """

    state: State
    by: str
    popularity: float = 0.0

    @cached_property
    def chances(self) -> Chances:
        """The order by chance; the others refuse.

        Raises:
            UnsupportedError: no choices were learned.
        """
        learned = learned_choices(self.state.choices)
        return Chances(learned.model, learned.order, self.popularity)

    def best(
        self, person: Person, n: int, exclude: Int32Array | None, restrict: Int32Array | None
    ) -> tuple[Int32Array, Float64Array]:
        """The best n items of one person, best first, and their scores: see `scores`.

        Args:
            person: who.
            n: how many.
            exclude, restrict: as for `ranking.top_n.top_n`.
        """
        if self.by == "stars":
            predicted = person.scores(self._all)
            rows = top_n(predicted, n, exclude=exclude, restrict=restrict)
            return rows, predicted[rows].astype(np.float64)
        return self.chances.best(person.choice_row(), n, self._stars(person), exclude=exclude, restrict=restrict)

    def scores(self, person: Person) -> Float64Array:
        """Scores of all items, shape (n_items,): predicted ratings by stars, else logarithms of chances.

        Args:
            person: who.
        """
        if self.by == "stars":
            return person.scores(self._all).astype(np.float64)
        return self.chances.all_scores(person.choice_row(), self._stars(person))

    def joined(self, persons: Sequence[Person], how: str) -> Float64Array:
        """Scores of all items for a group, in the form of `scores`: the mean of what counts for each, or the lowest.

        Args:
            persons: who.
            how: "mean" or "least_misery".
        """
        each = [self.scores(person) for person in persons]
        if len(each) == 1:
            return each[0]
        stacked = np.stack(each) if self.by == "stars" else chances_of(np.stack(each))
        found: Float64Array = stacked.mean(axis=0) if how == "mean" else stacked.min(axis=0)
        return found if self.by == "stars" else np.log(np.maximum(found, 1e-300))

    def shown(self, scores: Float64Array) -> dict[str, Float32Array]:
        """The column that says what a list is ordered by: chances; none where stars say it themselves.

        Args:
            scores: of the items of the list, as `scores` makes them.
        """
        return {} if self.by == "stars" else {"score": chances_of(scores).astype(np.float32)}

    @property
    def _all(self) -> Int32Array:
        return np.arange(self.state.n_items, dtype=np.int32)

    def _stars(self, person: Person) -> Stars | None:
        return person.scores if self.by == "both" else None


def list_order(state: State, by: str | None, popularity: float = 0.0) -> ListOrder:
    """The order that is meant.

    Args:
        state: of the recommender.
        by: "both", "stars" or "choice"; None for both, or for the one of them that was learned.
        popularity: the dial (default 0.0).

    Raises:
        ParameterError: `by` is no order, or the dial is out of its range, or is turned for an order by stars.
        UnsupportedError: the recommender did not learn what is asked for.
    """
    require(by is None or by in ORDERS, "by", by, "one of " + ", ".join(map(repr, ORDERS)))
    require_popularity(popularity)
    knows_stars, knows_choices = state.model.knows_stars, state.choices is not None
    if by is None:
        by = "both" if knows_stars and knows_choices else "stars" if knows_stars else "choice"
    if by != "choice" and not knows_stars:
        state.model.refuse("can't order by stars", "")
    if by != "stars":
        learned_choices(state.choices)
    elif popularity:
        raise ParameterError(
            Argument("popularity"), " is part of orders by choice: use ", Setting("by", "both", '"both"')
        )
    return ListOrder(state, by, float(popularity))
