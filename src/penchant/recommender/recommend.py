"""Top-N lists for one person or a group, and which items to ask a new person about (active learning)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from penchant.analysis.intervals import rating_interval
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.checks import is_whole, require
from penchant.data.filters import Where, allowed
from penchant.data.lookup import Many, listed
from penchant.errors import UnsupportedError
from penchant.ranking.active_learning import questions
from penchant.ranking.diversity import diversified, require_diversity
from penchant.ranking.top_n import top_n
from penchant.recommender.state import State, clipped, item_table, kept_ratings
from penchant.recommender.who import Person, fold_in, people, seen_by

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
        users: Sequence[object] | None = None,
        how: str = "mean",
        exclude_seen: bool = True,
        candidates: Many | None = None,
        where: Where | None = None,
        diversity: float = 0.0,
        interval: float | None = None,
    ) -> pd.DataFrame:
        """The `n` items with the highest predicted ratings for somebody, best first; ties in row order.

        Items are ranked by the prediction before it is clipped, so that those above the scale keep their order.
        Conditions are asked before the best are taken: `n` items come back wherever there are as many.

        Args:
            user_id: who, by the id in the training ratings.
            n: how many, at least 1 (default 10). Fewer come back only where there are fewer.
            ratings: who, by {item id or exact title: rating}, which may be empty, or a `Profile`; instead of `user_id`
                (default None).
            users: a group, each by user id, ratings or `Profile`; instead of `user_id` (default None).
            how: what counts of the predictions for a group: their "mean" (default), or the lowest, "least_misery".
            exclude_seen: leave out what any of them has rated (default True).
            candidates: ids or titles of the only items to choose from; None (default) for all.
            where: a condition on what is known of items, such as {"genres": "Comedy", "year": (1990, 1999)} or
                {"genres": {"not": "Horror"}}, the name of a column of 0 and 1, or a function of a table: see
                `penchant.data.filters.allowed`; None (default) for none.
            diversity: from 0 (default), the best, to 1, as unlike each other as can be: see
                `penchant.ranking.diversity`.
            interval: a share such as 0.9: also say where that share of such ratings lies; None (default) without.

        Returns:
            A DataFrame with the columns rank (from 1), item_id, title (where items have titles), predicted (in
            rating units, clipped), and with `interval` low and high.

        Raises:
            UnknownIdError: the user, or a candidate, was not in the training table.
            UnsupportedError: `exclude_seen` for a model that was saved without its training ratings; `interval` of a
                model that does not know how sure it is, or of a group.
            ParameterError: nobody is meant, or two are; a value out of its range; a condition that does not fit.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> list(rec.recommend(rec.users[0], n=3).columns)
        ['rank', 'item_id', 'title', 'predicted']
        >>> comedies = rec.recommend(ratings={rec.items[0]: 5}, n=3, where={"genres": "Comedy"})
        >>> len(comedies)
        3
        """
        require_diversity(diversity)
        require(how in _HOW, "how", how, " or ".join(map(repr, _HOW)))
        persons = people(self._state, user_id, ratings, users)
        scores = _joined([person.scores(np.arange(self._state.n_items, dtype=np.int32)) for person in persons], how)
        exclude = seen_by(persons, exclude_seen=exclude_seen)
        best = _best(self._state, scores, n, exclude, chosen_from(self._state, candidates, where), diversity)
        columns = {"predicted": clipped(self._state, scores[best])}
        if interval is not None:
            columns |= _ends(self._state, persons, best, scores[best], interval)
        return item_table(self._state, best, **columns)

    def ask_next(
        self,
        ratings: object = None,
        n: int = 10,
        *,
        candidates: Many | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Which items to ask a new person to rate, so that the answers tell most (active learning).

        See `penchant.ranking.active_learning` for the equation.

        Args:
            ratings: what the person has rated so far, or a `Profile`; None (default) for nothing.
            n: how many (default 10).
            candidates: ids or titles of the only items to ask about; None (default) for all.
            where: a condition on items, as for `recommend`; None (default) for none.

        Returns:
            A DataFrame with the columns rank, item_id, title (where items have titles), gain (how much an answer is
            expected to lower the variance of predictions, times the chance that there is one, in squared rating units)
            and known (that chance: the share of users who have rated it).

        Raises:
            UnsupportedError: the model does not know how sure it is, or was kept without its training ratings.
            ParameterError: `n` is less than 1.

        >>> import penchant as pt
        >>> rec = pt.fit(pt.load_dataset("sample"), pt.Bayes(n_factors=4, n_draws=40))
        >>> len(rec.ask_next(n=5))
        5
        """
        require(is_whole(n, 1), "n", n, "a whole number of at least 1")
        state = self._state
        asked = state.model.questions()  # a model that can't be asked refuses before anything else
        seen = kept_ratings(state.seen, "ask_next")
        person = fold_in(state, {} if ratings is None else ratings, None)
        mask = np.ones(state.n_items, np.bool_)
        restrict = chosen_from(state, candidates, where)
        if restrict is not None:
            mask[:] = False
            mask[restrict] = True
        mask[person.item_idx] = False
        counts = seen.item_counts(state.n_items)
        rows, gains = questions(asked, person.row.covariance, counts, seen.n_users, mask, n)
        return item_table(state, rows, gain=gains, known=counts[rows] / seen.n_users)


def chosen_from(state: State, candidates: Many | None, where: Where | None) -> Int32Array | None:
    """Rows of the only items that may come back; None for all.

    Args:
        state: of the recommender.
        candidates: ids or titles, or None.
        where: a condition on items, or None.
    """
    import pandas as pd

    rows = None if candidates is None else state.names.rows(listed(candidates))
    if where is None:
        return rows
    attributes = state.item_attributes
    mask = allowed(where, attributes, lambda: pd.DataFrame({"item_id": state.items.ids, **dict(attributes)}))
    kept = np.arange(state.n_items, dtype=np.int32) if rows is None else rows
    return kept[mask[kept]]


def _best(
    state: State,
    scores: Float32Array,
    n: int,
    exclude: Int32Array | None,
    restrict: Int32Array | None,
    diversity: float,
) -> Int32Array:
    if diversity == 0:
        return top_n(scores, n, exclude=exclude, restrict=restrict)
    require(is_whole(n, 1), "n", n, "a whole number of at least 1")
    pool = top_n(scores, max(_POOL * n, _LEAST_POOL), exclude=exclude, restrict=restrict)
    return diversified(pool, scores, state.model.row_vectors("item"), n, diversity)


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
