"""Who is asked for: a user of the training table, or somebody new by ratings (a `Profile`); one, or a group."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.seen_ratings import SeenRatings
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.checks import is_real
from penchant.data.given import as_dict, rated_rows
from penchant.data.lookup import ItemNames, is_many, listed
from penchant.errors import DataError, ParameterError, UnsupportedError
from penchant.models.answers import Attribution, FoldedUser
from penchant.models.model import Model
from penchant.recommender.state import State, kept_ratings
from penchant.text import Argument, Setting, counted

if TYPE_CHECKING:
    from penchant.models.dot_bias import RowPosterior

__all__ = [
    "KnownUser",
    "Person",
    "Profile",
    "fold_in",
    "known_variance",
    "one_person",
    "people",
    "seen_by",
    "seen_by_all",
]

_USERS, _USER_ID, _RATINGS = (Setting(name, text="") for name in ("users", "user_id", "ratings"))


class Person(Protocol):
    """Somebody to predict for."""

    def scores(self, item_idx: Int32Array) -> Float32Array:
        """Predictions of items, not clipped, shape (n,)."""
        ...

    def variance(self, item_idx: Int32Array) -> Float64Array:
        """Variance of the ratings around them, shape (n,).

        Raises:
            UnsupportedError: the model does not know how sure it is.
        """
        ...

    def rated(self, what: str | Argument) -> Int32Array:
        """Row numbers of the items that the person has rated.

        Args:
            what: the argument that asks, for the error.

        Raises:
            UnsupportedError: that is not known.
        """
        ...

    def told(self) -> tuple[Int32Array, Float32Array] | None:
        """Rows of the items that the person has rated, and the ratings; None where they were not kept."""
        ...

    def attribution(self, item: int) -> Attribution:
        """The prediction of one item, and what it rests on.

        Raises:
            UnsupportedError: the model can't be taken apart.
        """
        ...


@dataclass(frozen=True, eq=False)
class KnownUser:
    """A user with a row of the model.

    Attributes:
        state: of the recommender.
        row: of the user.
    """

    state: State
    row: int

    def scores(self, item_idx: Int32Array) -> Float32Array:
        """Predictions of items, not clipped, shape (n,)."""
        return self.state.model.predict(np.full(len(item_idx), self.row, np.int32), item_idx)

    def variance(self, item_idx: Int32Array) -> Float64Array:
        """Variance of the ratings around them, shape (n,): see `Person.variance`."""
        return known_variance(self.state.model.variance(np.full(len(item_idx), self.row, np.int32), item_idx))

    def rated(self, what: str | Argument) -> Int32Array:
        """Row numbers of the items that the user rated in training: see `Person.rated`."""
        return kept_ratings(self.state.seen, what).items_of(self.row)

    def told(self) -> tuple[Int32Array, Float32Array] | None:
        """The user's training ratings: see `Person.told`."""
        seen = self.state.seen
        if seen is None:
            return None
        if self.row >= seen.n_users:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        return seen.items_of(self.row), seen.ratings_of(self.row)

    def attribution(self, item: int) -> Attribution:
        """See `Person.attribution`."""
        item_idx, rating = self.told() or (np.empty(0, np.int32), np.empty(0, np.float32))
        features, scale = self._features(), self.state.rating_scale
        return self.state.model.attribution(self.row, item, item_idx, rating, features, scale)

    def _features(self) -> FeatureRow | None:
        encoder, attributes = self.state.user_features, self.state.user_attributes
        if encoder is None:
            return None
        return encoder.row_of(attributes, self.row)


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """A person's ratings and the row that the model makes of them; frozen. Made by `Recommender.fold_in`.

    `recommend(ratings=profile)`, `predict(item, ratings=profile)` and `explain(item, ratings=profile)` take it. It is
    kept apart from the model: nothing in the recommender knows of it.

    Attributes:
        model: what predicts.
        names: of the items.
        rating_scale: (lo, hi).
        item_idx, rating: what the person has rated, in the order of telling.
        features: what else is known of the person; None for nothing.
        known: the person as the model folded them in, where that is done already.
    """

    model: Model
    names: ItemNames
    rating_scale: tuple[float, float]
    item_idx: Int32Array
    rating: Float32Array
    features: FeatureRow | None = None
    known: FoldedUser | None = None

    @cached_property
    def _folded(self) -> FoldedUser:
        if self.known is not None:
            return self.known
        return self.model.fold_in(self.item_idx, self.rating, self.features, self.rating_scale)

    @property
    def row(self) -> RowPosterior:
        """The posterior of [p, b] given the ratings, for a `DotBias`.

        Raises:
            UnsupportedError: another kind of model.
        """
        return self._folded.posterior

    def with_rating(self, item: Hashable, rating: float) -> Profile:
        """The same person with one more rating; one that was given before is replaced.

        Of a Gaussian row the posterior is brought up to date by a term of rank one (see `DotBiasUser.with_rating`).
        Where the prior's precision counts ratings (as after ALS), behind a sigmoid and in a neural model the row is
        found anew, in a millisecond or so.

        Args:
            item: its id or exact title.
            rating: stars.

        Raises:
            UnknownIdError: no such item; near ones are suggested.
            DataError: a rating outside the scale.
        """
        lo, hi = self.rating_scale
        if not is_real(rating) or not lo <= rating <= hi:
            raise DataError(f"the rating of {item!r} is {rating!r}: use a number from {lo:g} to {hi:g}")
        new = int(self.names.rows([item])[0])
        others = self.item_idx != new
        return replace(
            self,
            item_idx=np.append(self.item_idx[others], np.int32(new)),
            rating=np.append(self.rating[others], np.float32(rating)),
            known=self._folded.with_rating(new, float(rating)) if others.all() else None,
        )

    def scores(self, item_idx: Int32Array) -> Float32Array:
        """Predictions of items, not clipped, shape (n,).

        Args:
            item_idx: their row numbers.
        """
        return self._folded.scores(item_idx)

    def variance(self, item_idx: Int32Array) -> Float64Array:
        """Variance of the ratings around their predictions, shape (n,).

        Args:
            item_idx: row numbers of the items.

        Raises:
            UnsupportedError: the model does not know how sure it is.
        """
        return known_variance(self._folded.variance(item_idx))

    def rated(self, what: str | Argument) -> Int32Array:  # noqa: ARG002 - a profile always knows
        """Row numbers of the items that the person has rated.

        Args:
            what: the argument that asks.
        """
        return self.item_idx

    def told(self) -> tuple[Int32Array, Float32Array]:
        """Rows of the items that the person has rated, and the ratings."""
        return self.item_idx, self.rating

    def attribution(self, item: int) -> Attribution:
        """The prediction of one item, and what it rests on.

        Args:
            item: row number of the item.

        Raises:
            UnsupportedError: the model can't be taken apart.
        """
        return self._folded.attribution(item)

    def __len__(self) -> int:
        """How many ratings it has."""
        return len(self.item_idx)

    def __repr__(self) -> str:
        return f"Profile({counted(len(self), 'rating')})"


# -- whoever is meant --


def one_person(state: State, user_id: object, ratings: object) -> Person:
    """The one person who is meant: exactly one of a user of the training table and somebody new.

    Args:
        state: of the recommender.
        user_id: a user's id, or None.
        ratings: of somebody new, or None.

    Raises:
        ParameterError: nobody is meant, or two are.
    """
    if (user_id is None) == (ratings is None):
        raise ParameterError(
            "say who: either ", _USER_ID, ", a user of the training ratings, or ", _RATINGS, " of somebody new"
        )
    if ratings is not None:
        return fold_in(state, ratings, None)
    return KnownUser(state, state.users.index(user_id))


def people(state: State, user_id: object, ratings: object, users: Sequence[object] | None) -> list[Person]:
    """Everybody who is meant: one person, or a group.

    Args:
        state: of the recommender.
        user_id, ratings: as for `one_person`.
        users: a group, each by user id, ratings or `Profile`; instead of the two others.

    Raises:
        ParameterError: nobody is meant, or too many are.
    """
    if users is None:
        return [one_person(state, user_id, ratings)]
    if user_id is not None or ratings is not None:
        raise ParameterError("say who: ", _USERS, " is a group, instead of ", _USER_ID, " and ", _RATINGS)
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


def seen_by_all(seen: SeenRatings | None, *, exclude_seen: bool) -> SeenRatings | None:
    """The same for all users of the training table.

    Args:
        seen: the training ratings; None where they were not kept.
        exclude_seen: whether to leave anything out.

    Raises:
        UnsupportedError: it is not known what users have rated.
    """
    return kept_ratings(seen, Argument("exclude_seen")) if exclude_seen else None


def fold_in(state: State, ratings: object, features: Mapping[str, object] | None) -> Profile:
    """Somebody new: see `Recommender.fold_in`.

    Args:
        state: of the recommender.
        ratings: {item id or exact title: rating}, or a `Profile`.
        features: what else is known of the person; None for nothing.

    Raises:
        ParameterError: a profile of another recommender, another kind of ratings, or features of another name.
    """
    if isinstance(ratings, Profile):
        if ratings.model is not state.model:
            raise ParameterError(
                Argument("ratings"), " is a Profile of another recommender: give its ratings to fold_in"
            )
        return ratings
    known = as_dict(features, "features")
    for name in known:
        if name not in state.user_attributes:
            told = ", ".join(state.user_attributes) or "none"
            raise ParameterError(f"no user attribute {name!r} in the ratings that it was trained on; there are {told}")
    rows, values = rated_rows(state.rating_scale, as_dict(ratings, "ratings"), state.names.rows)
    encoder = state.user_features
    row = None if encoder is None or not known else encoder.row(known)
    return Profile(state.model, state.names, state.rating_scale, rows, values, row)


def known_variance(variance: Float64Array | None) -> Float64Array:
    """A variance that the model knows.

    Args:
        variance: of ratings around predictions; None where it is not known.

    Raises:
        UnsupportedError: it is not.
    """
    if variance is None:
        raise UnsupportedError("this model does not know how sure it is: one learned by penchant.Bayes() does")
    return variance
