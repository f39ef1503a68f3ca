"""Comparing: which items are liked by the same people, and which people like the same items."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from penchant.arrays import Float64Array, Int64Array
from penchant.checks import is_real, require
from penchant.errors import UnsupportedError
from penchant.predicting import Predicting
from penchant.similarity import evidence, rating_similarities, similarities
from penchant.tastes import Tastes, raw_rows, tastes
from penchant.topn import top_n

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparing"]

Side: TypeAlias = Literal["user", "item"]

_SHRINK = {"taste": 10.0, "cosine": 10.0, "ratings": 50.0}  # the last counts common ratings, of which there are fewer


class Comparing(Predicting):
    """Neighbours of items and of users."""

    def similar_items(
        self, item: Hashable, n: int = 10, *, by: str = "taste", shrink: float | None = None
    ) -> pd.DataFrame:
        """Items that are liked by the same people, the most similar first.

        With a the vectors that `by` takes, and n the training ratings of an item,

            similarity(i, k) = cos(a_i, a_k) * n_i / (n_i + shrink) * n_k / (n_k + shrink)

        An item with few ratings is near others by luck, so it counts less: with `shrink` ratings, half.

        Args:
            item: id or exact title.
            n: how many, at least 1 (default 10).
            by: default "taste", the correlation, over all users, of what taste adds to the predictions of the two
                beyond what it adds to all items; "cosine" compares the model's own factors as they are; "ratings" what
                the two got from those who rated both (see `penchant.similarity.rating_similarities`; n is then how many
                these are).
            shrink: ratings at which a similarity is halved; 0 to believe everything, None (default) for 10, and for 50
                with "ratings".

        Returns:
            A DataFrame with the columns rank, item_id, title (where items have titles), similarity (-1 to 1) and
            n_ratings (in training; missing where the ratings were not kept).

        Raises:
            UnknownIdError, AmbiguousTitleError: no such item, or several.
            UnsupportedError: the model has no factors, or no training ratings to shrink or compare by.
            ParameterError: `n` is less than 1, `by` is another word, or `shrink` is negative.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> rec.similar_items(rec.items[0], 3).columns.tolist()
        ['rank', 'item_id', 'title', 'similarity', 'n_ratings']
        """
        best, columns = self._alike("item", int(self._names.rows([item])[0]), n, by, shrink)
        return self._item_table(best, **columns)

    def similar_users(
        self, user_id: Hashable, n: int = 10, *, by: str = "taste", shrink: float | None = None
    ) -> pd.DataFrame:
        """Users who like the same items: as `similar_items`, with the sides exchanged.

        Args:
            user_id: who.
            n: how many, at least 1 (default 10).
            by: default "taste"; or "cosine" or "ratings", as for `similar_items`.
            shrink: as for `similar_items`; None (default) for 10, and for 50 with "ratings".

        Returns:
            A DataFrame with the columns rank, user_id, similarity and n_ratings.

        Raises:
            UnknownIdError, UnsupportedError, ParameterError: as `similar_items`.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> rec.similar_users(rec.users[0], 3).columns.tolist()
        ['rank', 'user_id', 'similarity', 'n_ratings']
        """
        import pandas as pd

        best, columns = self._alike("user", self.users.index(user_id), n, by, shrink)
        return pd.DataFrame({"rank": np.arange(1, len(best) + 1), "user_id": self.users.ids[best], **columns})

    def _alike(
        self, side: Side, row: int, n: int, by: str, shrink: float | None
    ) -> tuple[NDArray[np.integer], dict[str, NDArray[np.generic]]]:
        """The rows most like one, and their columns."""
        require(by in _SHRINK, "by", by, " or ".join(f'"{one}"' for one in _SHRINK))
        half = _SHRINK[by] if shrink is None else shrink
        require(is_real(half) and 0 <= half < np.inf, "shrink", shrink, "a number of at least 0")
        if by == "ratings":
            seen = self._seen_ratings('by="ratings"').with_users(self.n_users)
            alike = rating_similarities(seen, self.n_items, row, float(half), side)
        else:
            vectors = self._vectors(side) if by == "taste" else raw_rows(self.model, side).astype(np.float64)
            self._require_factors(vectors)
            share = self._evidence(side, float(half))
            alike = similarities(vectors, vectors[row]) * share * share[row]
        best = top_n(alike, n, exclude=np.array([row]))
        counts = self._counts(side)
        known = {} if counts is None else {"n_ratings": counts[best]}
        return best, {"similarity": alike[best], **known}

    # -- what the others stand on --

    @cached_property
    def _tastes(self) -> Tastes:
        return tastes(self.model)

    def _vectors(self, side: Side) -> Float64Array:
        return self._tastes.items if side == "item" else self._tastes.users

    def _require_factors(self, vectors: Float64Array) -> None:
        if vectors.shape[1] == 0:
            raise UnsupportedError(
                'this model has no factors, only biases: compare by="ratings", or train with factors'
            )

    def _counts(self, side: Side) -> Int64Array | None:
        """Training ratings of every row; None where they were not kept."""
        seen = self._state.seen
        if seen is None:
            return None
        return seen.item_counts(self.n_items) if side == "item" else seen.with_users(self.n_users).user_counts()

    def _evidence(self, side: Side, shrink: float) -> Float64Array:
        """How far each row is to be believed: n / (n + shrink)."""
        if shrink == 0:
            return np.ones(self.n_items if side == "item" else self.n_users)
        counts = self._counts(side)
        if counts is None:
            raise UnsupportedError(
                "similarities shrink by the number of training ratings, and this model was kept without them "
                "(keep_ratings=False): use shrink=0"
            )
        return evidence(counts, shrink)
