"""Active learning: which items to ask a new person about, for stars or for choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.types import BoolArray, Float64Array
from penchant.checks import is_whole, require
from penchant.data.filters import Where
from penchant.data.lookup import Many
from penchant.ranking.active_learning import questions
from penchant.ranking.choice_questions import choice_questions
from penchant.ranking.order_scores import chances_of
from penchant.recommender.lists.recommend import chosen_from
from penchant.recommender.people.person import Profile
from penchant.recommender.people.who import fold_in
from penchant.recommender.state import State, item_table, learned_choices

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Asks"]

_PARTS = 10  # a calibrated chance is that of a choice among the next tenth: `fitting.choice_fit.calibration`


class Asks:
    """Questions to somebody new."""

    _state: State

    def ask_next(
        self,
        ratings: object = None,
        n: int = 10,
        *,
        chosen: Many | None = None,
        candidates: Many | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Which items to ask a new person about, so that the answers tell most (active learning).

        Where stars were learned, the person is asked for ratings: see `penchant.ranking.active_learning` for the
        equation. Where only choices were learned, whether they have chosen it (seen, bought, played): see
        `penchant.ranking.choice_questions`.

        An answer needs somebody who knows the item. Where choices were learned, this is the chance that the person
        has chosen it by now, 1 - (1 - c)^10, where c is the calibrated chance that it is among the next tenth of their
        choices; it follows what they have told. Else it is the share of users who have rated the item.

        Args:
            ratings: what the person has rated so far, or a `Profile`; None (default) for nothing.
            n: how many (default 10).
            chosen: what the person chose without giving stars, ids or titles; None (default) for nothing. Where stars
                were learned these may still be asked about: the person knows them.
            candidates: ids or titles of the only items to ask about; None (default) for all.
            where: a condition on items, as for `recommend`; None (default) for none.

        Returns:
            A DataFrame with the columns rank, item_id, title (where items have titles), gain (how much an answer is
            expected to lower the variance of predictions, times the chance that there is one, in squared rating units;
            for choices, how far an answer is expected to move scores of choice) and known (that chance).

        Raises:
            UnsupportedError: the model does not know how sure it is, or was kept without its training ratings and
                without choices; `chosen` where no choices were learned, `ratings` where no stars were.
            ParameterError: `n` is less than 1.

        >>> import penchant as pt
        >>> rec = pt.fit(pt.load_dataset("sample"), pt.Bayes(n_factors=4, n_draws=40))
        >>> len(rec.ask_next(n=5))
        5
        """
        require(is_whole(n, 1), "n", n, "a whole number of at least 1")
        state = self._state
        # a model that can't be asked refuses before anything else
        asked = state.model.questions() if state.model.knows_stars else None
        counts = _counts(state)
        person = fold_in(state, {} if ratings is None else ratings, None, chosen)
        known, mask = _known(state, person, counts), _mask(state, candidates, where)
        mask[person.item_idx] = False
        if asked is None:
            mask[person.chosen] = False
            rows, gains = choice_questions(
                learned_choices(state.choices).model, person.rated("ask_next"), known, mask, n
            )
        else:
            rows, gains = questions(asked, person.row.covariance, counts, known, mask, n)
        return item_table(state, rows, gain=gains, known=known[rows])


def _counts(state: State) -> Float64Array:
    """How many users rated each item, or chose it."""
    if state.seen is None and state.choices is not None:
        found: Float64Array = state.choices.model.item_popularity.astype(np.float64) * state.n_users
        return found
    return state.kept_table("ask_next").item_counts(state.n_items).astype(np.float64)


def _known(state: State, person: Profile, counts: Float64Array) -> Float64Array:
    """The chance that the person knows each item, shape (n_items,)."""
    if state.choices is None:
        return counts / max(state.n_users, 1)
    learned = state.choices
    chance = chances_of(learned.order.log_choice(learned.model.scores(person.choice_row())))
    known: Float64Array = 1 - (1 - chance) ** _PARTS
    known[person.chosen] = 1
    return known


def _mask(state: State, candidates: Many | None, where: Where | None) -> BoolArray:
    """Which items may be asked about."""
    restrict = chosen_from(state, candidates, where)
    mask = np.full(state.n_items, restrict is None, np.bool_)
    if restrict is not None:
        mask[restrict] = True
    return mask
