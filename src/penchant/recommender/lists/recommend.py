"""Top-N lists for one person or a group."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from penchant.analysis.intervals import rating_interval
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.checks import is_whole, require
from penchant.data.filters import Where, allowed
from penchant.data.lookup import Many, listed
from penchant.errors import UnsupportedError
from penchant.ranking.diversity import diversified, require_diversity
from penchant.ranking.top_n import top_n
from penchant.recommender.lists.ordering import list_order
from penchant.recommender.people.person import Person
from penchant.recommender.people.who import people, seen_by
from penchant.recommender.state import State, clipped, item_table
from penchant.text import Argument

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Recommends", "chosen_from"]

_POOL = 10  # candidates for each item of a diverse list
_LEAST_POOL = 100
_HOW = ("mean", "least_misery")


class Recommends:
    """Ranked lists."""

    _state: State

    def recommend(
        self,
        user_id: Hashable = None,
        n: int = 10,
        *,
        ratings: object = None,
        chosen: Many | None = None,
        users: Sequence[object] | None = None,
        how: str = "mean",
        by: str | None = None,
        exclude_seen: bool = True,
        candidates: Many | None = None,
        where: Where | None = None,
        min_ratings: int = 0,
        popularity: float = 0.0,
        diversity: float = 0.0,
        interval: float | None = None,
    ) -> pd.DataFrame:
        """The `n` best items for somebody, best first; ties in row order.

        What is best, `by` says. Orders by choice are calibrated chances:

            choice    P(chosen)
            both      P(chosen) P(liked | chosen)
            stars     the predicted rating, before it is clipped

        The first asks what somebody would choose, the last how they would like it if they had to take it, and "both"
        what they would choose and like. Conditions are asked before the best are taken: `n` items come back wherever
        there are as many.

        Args:
            user_id: who, by the id in the training ratings.
            n: how many, at least 1 (default 10). Fewer come back only where there are fewer.
            ratings: who, by {item id or exact title: rating}, which may be empty, or a `Profile`; instead of `user_id`
                (default None).
            chosen: who, by what they chose without giving stars (seen, bought, played), ids or titles; alone or beside
                `ratings` (default None).
            users: a group, each by user id, ratings or `Profile`; instead of `user_id` (default None).
            how: what counts of the scores for a group: their "mean" (default), or the lowest, "least_misery".
            by: "both", "choice" or "stars"; None (default) for both, or for the one of them that was learned.
            exclude_seen: leave out what any of them has rated (default True).
            candidates: ids or titles of the only items to choose from; None (default) for all.
            where: a condition on what is known of items, such as {"genres": "Comedy", "year": (1990, 1999)} or
                {"genres": {"not": "Horror"}}, the name of a column of 0 and 1, or a function of a table: see
                `penchant.data.filters.allowed`; None (default) for none.
            min_ratings: leave out items with fewer training ratings, or choices (default 0).
            popularity: dial from -1, niche, through 0 (default), as learned, to 1, mainstream: the score is multiplied
                by the item's share of users to this power; for orders by choice.
            diversity: from 0 (default), the best, to 1, as unlike each other as can be: see
                `penchant.ranking.diversity`.
            interval: a share such as 0.9: also say where that share of such ratings lies; None (default) without.

        Returns:
            A DataFrame with the columns rank (from 1), item_id, title (where items have titles), score (the chance
            that the list is ordered by; not by stars), predicted (in rating units, clipped; where stars were learned),
            and with `interval` low and high. The score of a group is the mean chance, or the lowest.

        Raises:
            UnknownIdError: the user, or a candidate, was not in the training table.
            UnsupportedError: `exclude_seen` or `min_ratings` for a model that was saved without its training ratings;
                `interval` of a model that does not know how sure it is, or of a group; an order, ratings or choices
                that the recommender did not learn.
            ParameterError: nobody is meant, or two are; a value out of its range; a condition that does not fit.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> list(rec.recommend(rec.users[0], n=3).columns)
        ['rank', 'item_id', 'title', 'score', 'predicted']
        >>> comedies = rec.recommend(ratings={rec.items[0]: 5}, n=3, where={"genres": "Comedy"})
        >>> len(comedies)
        3
        """
        require_diversity(diversity)
        require(how in _HOW, "how", how, " or ".join(map(repr, _HOW)))
        require(is_whole(n, 1), "n", n, "a whole number of at least 1")
        state = self._state
        order = list_order(state, by, popularity)
        persons = people(state, user_id, ratings, users, chosen)
        exclude = seen_by(persons, exclude_seen=exclude_seen)
        restrict = chosen_from(state, candidates, where, min_ratings)
        if len(persons) == 1 and diversity == 0:
            best, scores = order.best(persons[0], n, exclude, restrict)
        else:
            joined = order.joined(persons, how)
            best = _best(state, joined, n, exclude, restrict, diversity)
            scores = joined[best]
        columns: dict[str, NDArray[np.generic]] = {**order.shown(scores)}
        if state.model.knows_stars:
            predicted = _joined([person.scores(best) for person in persons], how)
            columns["predicted"] = clipped(state, predicted)
            if interval is not None:
                columns |= _ends(state, persons, best, predicted, interval)
        elif interval is not None:
            state.model.refuse("knows no intervals of stars", "")
        return item_table(state, best, **columns)


def chosen_from(state: State, candidates: Many | None, where: Where | None, min_ratings: int = 0) -> Int32Array | None:
    """Rows of the only items that may come back; None for all.

    Args:
        state: of the recommender.
        candidates: ids or titles, or None.
        where: a condition on items, or None.
        min_ratings: the fewest training ratings, or choices, of an item (default 0).
    """
    import pandas as pd

    require(is_whole(min_ratings, 0), "min_ratings", min_ratings, "a whole number of at least 0")
    rows = None if candidates is None else state.names.rows(listed(candidates))
    if min_ratings:
        counts = state.kept_table(Argument("min_ratings")).item_counts(state.n_items)
        rows = np.arange(state.n_items, dtype=np.int32) if rows is None else rows
        rows = rows[counts[rows] >= min_ratings]
    if where is None:
        return rows
    attributes = state.item_attributes
    mask = allowed(where, attributes, lambda: pd.DataFrame({"item_id": state.items.ids, **dict(attributes)}))
    kept = np.arange(state.n_items, dtype=np.int32) if rows is None else rows
    return kept[mask[kept]]


def _best(
    state: State,
    scores: Float64Array,
    n: int,
    exclude: Int32Array | None,
    restrict: Int32Array | None,
    diversity: float,
) -> Int32Array:
    if diversity == 0:
        return top_n(scores, n, exclude=exclude, restrict=restrict)
    pool = top_n(scores, max(_POOL * n, _LEAST_POOL), exclude=exclude, restrict=restrict)
    return diversified(pool, scores, state.row_vectors("item"), n, diversity)


def _ends(
    state: State, persons: list[Person], rows: Int32Array, scores: Float32Array, interval: float
) -> dict[str, Float32Array]:
    if len(persons) > 1:
        raise UnsupportedError("an interval is about one person's rating: leave it out for a group")
    bounds = rating_interval(scores, persons[0].variance(rows), interval, state.rating_scale)
    return {"low": bounds.low, "high": bounds.high}


def _joined(scores: list[Float32Array], how: str) -> Float32Array:
    """What counts of the predictions for a group."""
    if len(scores) == 1:
        return scores[0]
    stacked: Float64Array = np.stack(scores).astype(np.float64)
    joined: Float64Array = stacked.mean(axis=0) if how == "mean" else stacked.min(axis=0)
    return joined.astype(np.float32)
