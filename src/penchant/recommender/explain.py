"""Attribution of a place in a list to what a recommender knows of a person: its parts, with ids and titles."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import fields
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.checks import is_whole, require
from penchant.data.lookup import Many
from penchant.recommender.explanation import Effect, Explanation, RatingEffect
from penchant.recommender.lists.ordering import list_order
from penchant.recommender.people.person import Person, Profile
from penchant.recommender.people.who import one_person
from penchant.recommender.reasons.choice_explanation import ChoiceExplanation
from penchant.recommender.reasons.explain_choice import choice_explanation
from penchant.recommender.reasons.list_explanation import ListExplanation
from penchant.recommender.state import State, learned_choices

__all__ = ["Explains", "explanation"]


class Explains:
    """Predictions taken apart."""

    _state: State

    @overload
    def explain(
        self,
        item: Hashable,
        user_id: Hashable | None = None,
        *,
        ratings: Mapping[Hashable, float] | Profile | None = None,
        chosen: Many | None = None,
        by: Literal["stars"],
        n: int | None = None,
    ) -> Explanation: ...

    @overload
    def explain(
        self,
        item: Hashable,
        user_id: Hashable | None = None,
        *,
        ratings: Mapping[Hashable, float] | Profile | None = None,
        chosen: Many | None = None,
        by: Literal["choice"],
        n: int | None = None,
    ) -> ChoiceExplanation: ...

    @overload
    def explain(
        self,
        item: Hashable,
        user_id: Hashable | None = None,
        *,
        ratings: Mapping[Hashable, float] | Profile | None = None,
        chosen: Many | None = None,
        by: Literal["both"],
        n: int | None = None,
    ) -> ListExplanation: ...

    @overload
    def explain(
        self,
        item: Hashable,
        user_id: Hashable | None = None,
        *,
        ratings: Mapping[Hashable, float] | Profile | None = None,
        chosen: Many | None = None,
        by: str | None = None,
        n: int | None = None,
    ) -> Explanation | ChoiceExplanation: ...

    def explain(
        self,
        item: Hashable,
        user_id: Hashable | None = None,
        *,
        ratings: Mapping[Hashable, float] | Profile | None = None,
        chosen: Many | None = None,
        by: str | None = None,
        n: int | None = None,
    ) -> Explanation | ChoiceExplanation:
        """Why an item is where it is in somebody's list: parts that add up, and what each of their own items does.

        Lists by both are ordered by two chances, and each has its own reasons. What moves the chance to be chosen, the
        person's choices say:

            score  =  popularity + one part for each choice + what any choices do

        It is linear in the choices, so the parts are exact. What moves the chance to be liked, their ratings say:

            prediction = mean + item bias + user bias + taste

        A person's row is a weighted sum of their ratings (less what the items get from anybody), so user bias and
        taste can be shared out among the ratings. A rating has a positive effect where it is above what the item gets
        from others and the items are alike, or below and they are opposites.

        The row of a user of the training table was learned together with everything else, so there is a part
        `beyond` what the ratings, or choices, say with all items held still. See docs/explaining.md for how large it
        is.

        Args:
            item: id or exact title.
            user_id: a user of the training table; or None (default), with `ratings` or `chosen`.
            ratings: those of somebody new, {item id or title: stars}, or a `Profile`; or None (default), with
                `user_id`.
            chosen: what somebody new chose without giving stars, ids or titles; alone or beside `ratings` (default
                None).
            by: the order that is explained: "both", "stars" or "choice"; None (default) for that of `recommend`.
            n: of how many ratings, and of how many choices, the strongest, to tell the effect one by one; the others
                are told together. None (default) for all.

        Returns:
            By "stars" an `Explanation`; by "choice" a `ChoiceExplanation`; by "both" a `ListExplanation`, which is an
            `Explanation` with the `ChoiceExplanation` in `choice`, and both chances.

        Raises:
            UnknownIdError, AmbiguousTitleError: an item or a user that is not known, or not by one name.
            DataError: a rating outside the scale.
            ParameterError: no person or two, `by` is no order, or `n` is negative.
            UnsupportedError: the recommender did not learn what is asked for, or the model of ratings is of a kind
                that can't be taken apart.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> why = rec.explain(rec.items[2], ratings={rec.items[0]: 5, rec.items[1]: 2})
        >>> round(why.mean + why.item_bias + why.user_bias + why.taste - why.prediction, 9)
        0.0
        >>> round(why.chance * why.liked - why.score, 9)
        0.0
        """
        require(n is None or is_whole(n, 0), "n", n, "a whole number of at least 0, or None for all")
        state, order = self._state, list_order(self._state, by).by
        person = one_person(state, user_id, ratings, chosen)
        row = int(state.names.rows([item])[0])
        if order == "choice":
            return choice_explanation(state, person, user_id, row, n)
        stars = explanation(state, person, user_id, row, n)
        if order == "stars":
            return stars
        ranking = learned_choices(state.choices).order
        return ListExplanation(
            **{each.name: getattr(stars, each.name) for each in fields(stars)},
            choice=choice_explanation(state, person, user_id, row, n),
            liked=float(np.exp(ranking.log_liked(person.scores(np.array([row], np.int32))[0]))),
            liked_power=ranking.liked_power,
        )


def explanation(state: State, person: Person, user_id: Hashable | None, item: int, n: int | None) -> Explanation:
    """One prediction in parts that add up to it: see `Recommender.explain`.

    Args:
        state: of the recommender.
        person: who.
        user_id: the id of a user of the training table; None for somebody new.
        item: row number of the item.
        n: how many ratings to tell one by one; None for all.
    """
    answer, parts, is_exact = person.attribution(item)
    told = person.told()
    effects = np.column_stack([parts.ratings @ answer.on_bias, parts.ratings @ answer.on_taste])
    order = np.argsort(-np.abs(effects.sum(axis=1)), kind="stable")
    shown, others = (order, order[:0]) if n is None else (order[:n], order[n:])
    others_effect = _effect(effects[others].sum(axis=0)) if len(others) else Effect(0.0, 0.0)
    prior, features = (
        Effect(float(part @ answer.on_bias), float(part @ answer.on_taste)) for part in (parts.prior, parts.features)
    )
    ratings = None if told is None else _rating_effects(state, shown, effects, *told)
    # What is left, not `parts.beyond` times the slopes: then nothing is lost to rounding.
    known = [*(effects[shown] if ratings else ()), others_effect, prior, features]
    beyond = Effect(
        math.fsum([answer.user_bias, *(-float(on_bias) for on_bias, _ in known)]),
        math.fsum([answer.taste, *(-float(on_taste) for _, on_taste in known)]),
    )
    titles = state.item_attributes.titles
    return Explanation(
        item_id=state.items[item],
        title=None if titles is None else titles[item],
        user_id=user_id,
        mean=answer.mean,
        item_bias=answer.item_bias,
        user_bias=answer.user_bias,
        taste=answer.taste,
        ratings=ratings,
        n_others=len(others) if told is not None else 0,
        others=others_effect,
        prior=prior,
        features=None if state.user_features is None else features,
        beyond=beyond,
        rating_scale=state.rating_scale,
        is_exact=is_exact,
        before_sigmoid=answer.before_sigmoid,
    )


def _rating_effects(
    state: State, shown: NDArray[np.intp], effects: Float64Array, item_idx: Int32Array, rating: Float32Array
) -> tuple[RatingEffect, ...]:
    titles = state.item_attributes.titles
    return tuple(
        RatingEffect(
            state.items[int(item_idx[at])],
            None if titles is None else titles[item_idx[at]],
            float(rating[at]),
            *_effect(effects[at]),
        )
        for at in shown.tolist()
    )


def _effect(pair: Float64Array) -> Effect:
    return Effect(float(pair[0]), float(pair[1]))
