"""Similarity: items that are liked, or chosen, by the same people, and people who are alike (nearest neighbours)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from penchant.analysis.choice_vectors import choice_vectors
from penchant.analysis.similarity import rating_similarities, similarities
from penchant.arrays.types import Float64Array
from penchant.checks import is_real, require
from penchant.models.answers import Side
from penchant.ranking.top_n import top_n
from penchant.recommender.state import State, item_table, learned_choices, require_factors
from penchant.text import Setting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Compares", "alike"]

_SHRINK = {
    "taste": 10.0,
    "cosine": 10.0,
    "choice": 10.0,
    "ratings": 50.0,
}  # the last counts common ratings, of which there are fewer

_COMPARED = {"taste": "taste", "cosine": "their factors of ratings", "ratings": "ratings"}


class Compares:
    """Neighbours of items and of users."""

    _state: State

    def similar_items(
        self, item: Hashable, n: int = 10, *, by: str | None = None, shrink: float | None = None
    ) -> pd.DataFrame:
        """Items that are liked by the same people, or chosen by them, the most similar first.

        With a the vectors that `by` takes, and n the training ratings, or choices, of an item,

            similarity(i, k) = cos(a_i, a_k) * n_i / (n_i + shrink) * n_k / (n_k + shrink)

        An item with few ratings is near others by luck, so it counts less: with `shrink` ratings, half.

        Args:
            item: id or exact title.
            n: how many, at least 1 (default 10).
            by: "taste", the correlation, over all users, of what taste adds to the predictions of the two beyond what
                it adds to all items; "choice", chosen by the same people, whatever the stars (see
                `penchant.analysis.choice_vectors`); "cosine" compares the factors of the model of ratings as they are;
                "ratings" what the two got from those who rated both (see
                `penchant.analysis.similarity.rating_similarities`; n is then how many these are). None (default) for
                "taste", or for "choice" where no stars were learned.
            shrink: ratings at which a similarity is halved; 0 to believe everything, None (default) for 10, and for 50
                with "ratings".

        Returns:
            A DataFrame with the columns rank, item_id, title (where items have titles), similarity (-1 to 1) and
            n_ratings (in training; n_choices where no stars were learned; missing where the table was not kept).

        Raises:
            UnknownIdError, AmbiguousTitleError: no such item, or several.
            UnsupportedError: the model has no factors, or no training ratings to shrink or compare by; or what `by`
                compares was not learned.
            ParameterError: `n` is less than 1, `by` is another word, or `shrink` is negative.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> rec.similar_items(rec.items[0], 3).columns.tolist()
        ['rank', 'item_id', 'title', 'similarity', 'n_ratings']
        """
        state = self._state
        best, columns = alike(state, "item", int(state.names.rows([item])[0]), n, by, shrink)
        return item_table(state, best, **columns)

    def similar_users(
        self, user_id: Hashable, n: int = 10, *, by: str | None = None, shrink: float | None = None
    ) -> pd.DataFrame:
        """Users who like, or choose, the same items: as `similar_items`, with the sides exchanged.

        Args:
            user_id: who.
            n: how many, at least 1 (default 10).
            by: "taste", "choice", "cosine" or "ratings", as for `similar_items`; None (default) as there.
            shrink: as for `similar_items`; None (default) for 10, and for 50 with "ratings".

        Returns:
            A DataFrame with the columns rank, user_id, similarity and n_ratings, or n_choices.

        Raises:
            UnknownIdError, UnsupportedError, ParameterError: as `similar_items`.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> rec.similar_users(rec.users[0], 3).columns.tolist()
        ['rank', 'user_id', 'similarity', 'n_ratings']
        """
        import pandas as pd

        users = self._state.users
        best, columns = alike(self._state, "user", users.index(user_id), n, by, shrink)
        return pd.DataFrame({"rank": np.arange(1, len(best) + 1), "user_id": users.ids[best], **columns})


def alike(
    state: State, side: Side, row: int, n: int, by: str | None, shrink: float | None
) -> tuple[NDArray[np.integer], dict[str, NDArray[np.generic]]]:
    """The rows most like one, and their columns: see `Recommender.similar_items`.

    Args:
        state: of the recommender.
        side: "user" or "item".
        row: whose neighbours.
        n, by, shrink: as for `Recommender.similar_items`.
    """
    require(by is None or by in _SHRINK, "by", by, " or ".join(f'"{one}"' for one in _SHRINK))
    if by is None:
        by = "taste" if state.model.knows_stars else "choice"
    if by != "choice" and not state.model.knows_stars:
        state.model.refuse(f"can't compare {side}s by {_COMPARED[by]}", "")
    half = _SHRINK[by] if shrink is None else shrink
    require(is_real(half) and 0 <= half < np.inf, "shrink", shrink, "a number of at least 0")
    if by == "ratings":
        seen = state.kept_table(Setting("by", "ratings", '"ratings"')).with_users(state.n_users)
        values = rating_similarities(seen, state.n_items, row, float(half), side)
    else:
        vectors = _vectors(state, side, by)
        require_factors(vectors)
        share = state.evidence(side, float(half))
        values = similarities(vectors, vectors[row]) * share * share[row]
    best = top_n(values, n, exclude=np.array([row]))
    return best, {"similarity": values[best], **state.known_counts(side, best)}


def _vectors(state: State, side: Side, by: str) -> Float64Array:
    if by == "choice":
        return choice_vectors(learned_choices(state.choices).model, side)
    return state.vectors(side) if by == "taste" else state.model.row_vectors(side).astype(np.float64)
