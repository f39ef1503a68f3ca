"""Who is asked for: a user of the training table, or somebody new by ratings or choices; one, or a group."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Int32Array
from penchant.data.given import as_dict, rated_rows
from penchant.data.lookup import is_many, listed
from penchant.errors import ParameterError
from penchant.models.no_stars import refuse_ratings
from penchant.recommender.people.person import KnownUser, Person, Profile
from penchant.recommender.state import State, learned_choices
from penchant.text import Argument, Setting

__all__ = ["fold_in", "one_person", "people", "seen_by", "seen_by_all"]

_USERS, _USER_ID, _RATINGS, _CHOSEN = (Setting(name, text="") for name in ("users", "user_id", "ratings", "chosen"))


def one_person(state: State, user_id: object, ratings: object, chosen: object = None) -> Person:
    """The one person who is meant: exactly one of a user of the training table and somebody new.

    Args:
        state: of the recommender.
        user_id: a user's id, or None.
        ratings: of somebody new, or None.
        chosen: what somebody new chose without giving stars; None (default) for nothing.

    Raises:
        ParameterError: nobody is meant, or two are.
    """
    is_new = ratings is not None or chosen is not None
    if (user_id is None) != is_new:
        named = (_RATINGS,) if state.choices is None else (_RATINGS, " or ", _CHOSEN)
        told = ", a user of the training ratings, or "
        raise ParameterError("say who: either ", _USER_ID, told, *named, " of somebody new")
    if is_new:
        return fold_in(state, ratings, None, chosen)
    return KnownUser(state, state.users.index(user_id))


def people(
    state: State, user_id: object, ratings: object, users: Sequence[object] | None, chosen: object = None
) -> list[Person]:
    """Everybody who is meant: one person, or a group.

    Args:
        state: of the recommender.
        user_id, ratings: as for `one_person`.
        users: a group, each by user id, ratings or `Profile`; instead of the others.
        chosen: as for `one_person`.

    Raises:
        ParameterError: nobody is meant, or too many are.
    """
    if users is None:
        return [one_person(state, user_id, ratings, chosen)]
    if user_id is not None or ratings is not None or chosen is not None:
        raise ParameterError(
            "say who: ", _USERS, " is a group, instead of ", _USER_ID, ", ", _RATINGS, " and ", _CHOSEN
        )
    members = list(listed(users)) if is_many(users) else list(users) if isinstance(users, tuple) else []
    if not members:
        told = f" is {users!r}: give a list of user ids, ratings or profiles, at least one"
        raise ParameterError(Argument("users"), told)
    # an id is hashable; ratings, a dict or a Series, are not
    return [
        one_person(state, None, one)
        if isinstance(one, Profile) or not isinstance(one, Hashable)
        else one_person(state, one, None)
        for one in members
    ]


def seen_by(persons: Sequence[Person], *, exclude_seen: bool) -> Int32Array | None:
    """What lists leave out: rows of the items that any of these people has rated; None where nothing is left out.

    Args:
        persons: whoever the list is for.
        exclude_seen: whether to leave anything out.

    Raises:
        UnsupportedError: it is not known what a user has rated.
    """
    rated = [person.rated(Argument("exclude_seen")) for person in persons] if exclude_seen else []
    return np.unique(np.concatenate(rated)) if rated else None


def seen_by_all(state: State, *, exclude_seen: bool) -> SeenRatings | None:
    """The same for all users of the training table.

    Args:
        state: of the recommender.
        exclude_seen: whether to leave anything out.

    Raises:
        UnsupportedError: it is not known what users have rated.
    """
    return state.kept_table(Argument("exclude_seen")) if exclude_seen else None


def fold_in(state: State, ratings: object, features: Mapping[str, object] | None, chosen: object = None) -> Profile:
    """Somebody new: see `Recommender.fold_in`.

    Args:
        state: of the recommender.
        ratings: {item id or exact title: rating}, or a `Profile`; None for none.
        features: what else is known of the person; None for nothing.
        chosen: ids or titles of what the person chose without giving stars; None (default) for nothing.

    Raises:
        ParameterError: a profile of another recommender, another kind of ratings, or features of another name.
        UnsupportedError: ratings of a recommender that knows no stars, or choices of one that knows no choices.
    """
    if isinstance(ratings, Profile):
        if ratings.model is not state.model:
            raise ParameterError(
                Argument("ratings"), " is a Profile of another recommender: give its ratings to fold_in"
            )
        if features:
            raise ParameterError(Argument("features"), " are part of a Profile already: give ratings instead of it")
        return ratings if chosen is None else ratings.with_chosen(*_chosen_items(chosen))
    given = {} if ratings is None else as_dict(ratings, "ratings")
    if given and not state.model.knows_stars:
        refuse_ratings(_CHOSEN)
    if chosen is not None:
        learned_choices(state.choices)
    known = as_dict(features, "features")
    for name in known:
        if name not in state.user_attributes:
            told = ", ".join(state.user_attributes) or "none"
            raise ParameterError(f"no user attribute {name!r} in the ratings that it was trained on; there are {told}")
    rows, values = rated_rows(state.rating_scale, given, state.names.rows)
    encoder = state.user_features
    row = None if encoder is None or not known else encoder.row(known)
    profile = Profile(state.model, state.names, state.rating_scale, rows, values, row, choices=state.choices)
    return profile if chosen is None else profile.with_chosen(*_chosen_items(chosen))


def _chosen_items(chosen: object) -> Sequence[Hashable]:
    """The items of `chosen`, one or many."""
    if isinstance(chosen, Mapping) or not is_many(chosen):
        told = f" is {chosen!r}: give a list of item ids or exact titles"
        raise ParameterError(Argument("chosen"), told)
    return list(listed(chosen))
