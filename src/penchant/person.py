"""Persons as a recommender sees them: what they would give items, how sure that is, and what they have rated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from penchant.arrays import Float32Array, Float64Array, Int32Array
from penchant.errors import UnsupportedError
from penchant.models.dot_bias import DotBias
from penchant.models.protocol import Model
from penchant.seen import SeenRatings

__all__ = ["KnownUser", "Person", "kept_ratings", "unsure"]


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

    def rated(self, what: str) -> Int32Array:
        """Row numbers of the items that the person has rated.

        Args:
            what: the argument that asks, for the error.

        Raises:
            UnsupportedError: that is not known.
        """
        ...


@dataclass(frozen=True, eq=False)
class KnownUser:
    """A user with a row of the model.

    Attributes:
        model: what predicts.
        row: of the user.
        seen: the training ratings; None where they were not kept.
    """

    model: Model
    row: int
    seen: SeenRatings | None

    def scores(self, item_idx: Int32Array) -> Float32Array:
        """Predictions of items, not clipped, shape (n,)."""
        return self.model.predict(np.full(len(item_idx), self.row, np.int32), item_idx)

    def variance(self, item_idx: Int32Array) -> Float64Array:
        """Variance of the ratings around them, shape (n,): see `Person.variance`."""
        found = None
        if isinstance(self.model, DotBias):
            found = self.model.variance(np.full(len(item_idx), self.row, np.int32), item_idx)
        return unsure() if found is None else found

    def rated(self, what: str) -> Int32Array:
        """Row numbers of the items that the user rated in training: see `Person.rated`."""
        return kept_ratings(self.seen, what).items_of(self.row)


def kept_ratings(seen: SeenRatings | None, what: str) -> SeenRatings:
    """The training ratings, if they were kept.

    Args:
        seen: them, or None.
        what: the argument that asks for them.

    Raises:
        UnsupportedError: they were not.
    """
    if seen is None:
        raise UnsupportedError(
            f"{what} needs the training ratings, and this model was kept without them (keep_ratings=False)"
        )
    return seen


def unsure() -> Float64Array:
    """Refuse: the model does not know how sure it is.

    Raises:
        UnsupportedError: always.
    """
    raise UnsupportedError("this model does not know how sure it is: one learned by penchant.Bayes() does")
