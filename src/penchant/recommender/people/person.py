"""A person to predict and to list for: a user of the training table, or somebody new (a `Profile`)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.checks import is_real
from penchant.data.lookup import ItemNames
from penchant.errors import DataError, UnsupportedError
from penchant.models.answers import Attribution, FoldedUser
from penchant.models.model import Model
from penchant.models.no_stars import refuse_ratings
from penchant.recommender.state import State, learned_choices
from penchant.storage import LearnedChoices
from penchant.text import Argument, counted

if TYPE_CHECKING:
    from penchant.models.choice.choice_rows import ChoiceRow
    from penchant.models.dot_bias import RowPosterior

__all__ = ["KnownUser", "Person", "Profile", "known_variance"]


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

    def choice_row(self) -> Float32Array:
        """The person's row of the model of choices, shape (n_factors,).

        Raises:
            UnsupportedError: no choices were learned.
        """
        ...

    def choices_told(self) -> tuple[Int32Array, Float32Array | None] | None:
        """Rows of the items that the person chose, and what the model makes of their weights (None for 1 each).

        None where the training table was not kept.
        """
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
        return self.state.kept_table(what).items_of(self.row)

    def told(self) -> tuple[Int32Array, Float32Array] | None:
        """The user's training ratings: see `Person.told`."""
        seen = self.state.seen
        if seen is None:
            return None
        if self.row >= seen.n_users:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        return seen.items_of(self.row), seen.ratings_of(self.row)

    def choice_row(self) -> Float32Array:
        """The user's row of the model of choices: see `Person.choice_row`."""
        row: Float32Array = learned_choices(self.state.choices).model.user_factors[self.row]
        return row

    def choices_told(self) -> tuple[Int32Array, Float32Array | None] | None:
        """What the user chose: see `Person.choices_told`."""
        seen, weight = self.state.seen, self.state.choice_weights
        if seen is None:
            return None
        if self.row >= seen.n_users:
            return np.empty(0, np.int32), None
        own = slice(int(seen.indptr[self.row]), int(seen.indptr[self.row + 1]))
        return seen.item_idx[own], None if weight is None else weight[own]

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
    """A person's ratings and choices, and the rows that the models make of them; frozen. Made by `Recommender.fold_in`.

    `recommend(ratings=profile)`, `predict(item, ratings=profile)` and `explain(item, ratings=profile)` take it. It is
    kept apart from the model: nothing in the recommender knows of it.

    Attributes:
        model: what predicts.
        names: of the items.
        rating_scale: (lo, hi).
        item_idx, rating: what the person has rated, in the order of telling.
        features: what else is known of the person; None for nothing.
        known: the person as the model folded them in, where that is done already.
        chosen: row numbers of items that the person has chosen without giving stars.
        choices: what was learned of choices; None where it was not.
    """

    model: Model
    names: ItemNames
    rating_scale: tuple[float, float]
    item_idx: Int32Array
    rating: Float32Array
    features: FeatureRow | None = None
    known: FoldedUser | None = None
    chosen: Int32Array = field(default_factory=lambda: np.empty(0, np.int32))
    choices: LearnedChoices | None = None

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
            UnsupportedError: the recommender was learned without stars.
        """
        if not self.model.knows_stars:
            refuse_ratings(Argument("with_chosen"))
        lo, hi = self.rating_scale
        if not is_real(rating) or not lo <= rating <= hi:
            raise DataError(f"the rating of {item!r} is {rating!r}: use a number from {lo:g} to {hi:g}")
        new = int(self.names.rows([item])[0])
        others = self.item_idx != new
        return replace(
            self,
            chosen=self.chosen[self.chosen != new],
            item_idx=np.append(self.item_idx[others], np.int32(new)),
            rating=np.append(self.rating[others], np.float32(rating)),
            known=self._folded.with_rating(new, float(rating)) if others.all() else None,
        )

    def with_chosen(self, *items: Hashable) -> Profile:
        """The same person with more choices that have no stars: seen, bought, played.

        Args:
            items: by id or exact title.

        Raises:
            UnknownIdError: no such item; near ones are suggested.
            UnsupportedError: no choices were learned.
        """
        learned_choices(self.choices)
        new = self.names.rows(list(items))
        return replace(self, chosen=np.setdiff1d(np.union1d(self.chosen, new), self.item_idx).astype(np.int32))

    @cached_property
    def choice(self) -> ChoiceRow:
        """The person's row of the model of choices, as a sum over what was chosen: see `ChoiceRow`.

        The parts are in the order of `rated`.

        Raises:
            UnsupportedError: no choices were learned.
        """
        return learned_choices(self.choices).model.fold_in_user(self.rated("choice"))

    def choice_row(self) -> Float32Array:
        """The person's row of the model of choices, shape (n_factors,).

        Raises:
            UnsupportedError: no choices were learned.
        """
        return self.choice.factors.astype(np.float32)

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
        """Row numbers of the items that the person has rated, then of those chosen without stars.

        Args:
            what: the argument that asks.
        """
        return np.concatenate([self.item_idx, self.chosen])

    def told(self) -> tuple[Int32Array, Float32Array]:
        """Rows of the items that the person has rated, and the ratings."""
        return self.item_idx, self.rating

    def choices_told(self) -> tuple[Int32Array, Float32Array | None]:
        """Rows of the items that the person has rated or chosen: each weighs 1."""
        return self.rated("choices"), None

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
        parts = [counted(len(self), "rating")] if len(self) or not len(self.chosen) else []
        parts += [counted(len(self.chosen), "choice")] if len(self.chosen) else []
        return f"Profile({', '.join(parts)})"


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
