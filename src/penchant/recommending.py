"""Recommending: the best items for a person, or for several at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays import Float32Array, Float64Array, Int32Array
from penchant.asking import questions
from penchant.checks import is_whole, require
from penchant.diversity import diversified, require_diversity
from penchant.errors import ParameterError, UnsupportedError
from penchant.filters import Where, allowed
from penchant.interpret import rating_interval
from penchant.models.dot_bias import DotBias
from penchant.models.embedding_nn import EmbeddingNN
from penchant.naming import Many, is_many, listed
from penchant.person import Person, kept_ratings
from penchant.predicting import Predicting
from penchant.profile import Profile
from penchant.topn import top_n
from penchant.words import a_model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Recommending"]

_POOL = 10  # candidates for each item of a diverse list
_LEAST_POOL = 100
_HOW = ("mean", "least_misery")


class Recommending(Predicting):
    """Ranked lists."""

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
                `penchant.filters.allowed`; None (default) for none.
            diversity: from 0 (default), the best, to 1, as unlike each other as can be: see `penchant.diversity`.
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
        people = self._people(user_id, ratings, users)
        every = np.arange(self.n_items, dtype=np.int32)
        scores = _joined([person.scores(every) for person in people], how)
        seen = [person.rated("exclude_seen") for person in people] if exclude_seen else []
        exclude = np.unique(np.concatenate(seen)) if seen else None
        best = self._best(scores, n, exclude, self._candidates(candidates, where), diversity)
        columns = {"predicted": self._clip(scores[best])}
        if interval is not None:
            columns |= self._ends(people, best, scores[best], interval)
        return self._item_table(best, **columns)

    def ask_next(
        self,
        ratings: object = None,
        n: int = 10,
        *,
        candidates: Many | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Which items to ask a new person to rate, so that the answers tell most: see `penchant.asking`.

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
        if not isinstance(self.model, DotBias) or self.model.y_range is not None:
            raise UnsupportedError(
                "which answers tell most is known for dot_bias models without a sigmoid, such as Bayes"
            )
        seen = kept_ratings(self._state.seen, "ask_next")
        person = self.fold_in({} if ratings is None else ratings)  # type: ignore[arg-type]  # it is checked there
        mask = np.ones(self.n_items, np.bool_)
        restrict = self._candidates(candidates, where)
        if restrict is not None:
            mask[:] = False
            mask[restrict] = True
        mask[person.item_idx] = False
        counts = seen.item_counts(self.n_items)
        rows, gains = questions(self.model, person.row.covariance, counts, seen.n_users, mask, n)
        return self._item_table(rows, gain=gains, known=counts[rows] / seen.n_users)

    def _people(self, user_id: object, ratings: object, users: Sequence[object] | None) -> list[Person]:
        if users is None:
            return [self._person(user_id, ratings)]
        if user_id is not None or ratings is not None:
            raise ParameterError("say who: users= is a group, instead of user_id= and ratings=")
        members = list(listed(users)) if is_many(users) else list(users) if isinstance(users, tuple) else []
        if not members:
            raise ParameterError(f"users is {users!r}: give a list of user ids, ratings or profiles, at least one")
        # an id is hashable; ratings, a dict or a Series, are not
        return [
            self._person(None, one)
            if isinstance(one, Profile) or not isinstance(one, Hashable)
            else self._person(one, None)
            for one in members
        ]

    def _candidates(self, candidates: Many | None, where: Where | None) -> Int32Array | None:
        """Rows of the only items that may come back; None for all."""
        rows = None if candidates is None else self._names.rows(listed(candidates))
        if where is None:
            return rows
        mask = allowed(where, self.item_attributes, self._attribute_table)
        kept = np.arange(self.n_items, dtype=np.int32) if rows is None else rows
        return kept[mask[kept]]

    def _attribute_table(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame({"item_id": self.items.ids, **dict(self.item_attributes)})

    def _best(
        self,
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
        return diversified(pool, scores, _vectors(self), n, diversity)

    def _ends(
        self, people: list[Person], rows: Int32Array, scores: Float32Array, interval: float
    ) -> dict[str, Float32Array]:
        if len(people) > 1:
            raise UnsupportedError("an interval is about one person's rating: leave it out for a group")
        bounds = rating_interval(scores, people[0].variance(rows), interval, self.rating_scale)
        return {"low": bounds.low, "high": bounds.high}


def _joined(scores: list[Float32Array], how: str) -> Float32Array:
    """What counts of the predictions for a group."""
    if len(scores) == 1:
        return scores[0]
    stacked: Float64Array = np.stack(scores).astype(np.float64)
    joined: Float64Array = stacked.mean(axis=0) if how == "mean" else stacked.min(axis=0)
    return joined.astype(np.float32)


def _vectors(rec: Predicting) -> Float32Array:
    """What items are alike by: their factors, or what they give to the first layer of a neural model."""
    model = rec.model
    if isinstance(model, DotBias):
        return model.item_factors
    if isinstance(model, EmbeddingNN):
        return model.item_inputs
    raise UnsupportedError(f"{a_model(model.kind)} does not say which items are alike: leave diversity out")
