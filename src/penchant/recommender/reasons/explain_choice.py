"""Attribution of a score of choice to what a person chose, with ids and titles."""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np

from penchant.ranking.order_scores import chances_of
from penchant.recommender.people.person import Person
from penchant.recommender.reasons.choice_explanation import ChoiceEffect, ChoiceExplanation
from penchant.recommender.state import State, learned_choices

__all__ = ["choice_explanation"]


def choice_explanation(
    state: State, person: Person, user_id: Hashable | None, item: int, n: int | None
) -> ChoiceExplanation:
    """The score of one item in parts that add up to it: see `Recommender.explain`.

    Args:
        state: of the recommender.
        person: who.
        user_id: the id of a user of the training table; None for somebody new.
        item: row number of the item.
        n: how many choices to tell one by one; None for all.

    Raises:
        UnsupportedError: no choices were learned.
    """
    learned = learned_choices(state.choices)
    model, q = learned.model, learned.model.item_factors[item].astype(np.float64)
    row = person.choice_row()
    popularity = float(model.item_biases[item])
    score = popularity + float(row.astype(np.float64) @ q)
    told = person.choices_told()
    items, weight = (np.empty(0, np.int32), None) if told is None else told
    parts = model.fold_in_user(items, weight)
    effects, constant = parts.parts @ q, float(parts.constant @ q)
    order = np.argsort(-np.abs(effects), kind="stable")
    shown, others = (order, order[:0]) if n is None else (order[:n], order[n:])
    sizes = float(np.abs(effects).sum()) or 1.0
    titles = state.item_attributes.titles
    choices = tuple(
        ChoiceEffect(
            state.items[int(items[at])],
            None if titles is None else titles[items[at]],
            float(effects[at]),
            float(effects[at]) / sizes,
        )
        for at in shown.tolist()
    )
    other = math.fsum(effects[others].tolist())
    # What is left over, not its product with q: then nothing is lost to rounding.
    known = math.fsum([popularity, *(one.effect for one in choices), other, constant])
    # A row in float32 keeps less than its parts do: the chance is that of lists.
    listed = model.scores(row)[item]
    return ChoiceExplanation(
        item_id=state.items[item],
        title=None if titles is None else titles[item],
        user_id=user_id,
        popularity=popularity,
        choices=None if told is None else choices,
        n_others=0 if told is None else len(others),
        others=other,
        constant=constant,
        beyond=score - known,
        chance=float(chances_of(learned.order.log_choice(listed))),
    )
