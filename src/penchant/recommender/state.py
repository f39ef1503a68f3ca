"""State of a recommender: a snapshot, and what is worked out of it once (names, vectors of taste, neighbours)."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from penchant.analysis.choice_vectors import choice_vectors
from penchant.analysis.similarity import evidence, nearest
from penchant.analysis.taste_vectors import Tastes, factor_tastes, tastes
from penchant.analysis.varimax import Axes, principal_axes, rotated
from penchant.arrays.choice_weights import transformed
from penchant.arrays.types import Float32Array, Float64Array, Int64Array
from penchant.data.lookup import ItemNames
from penchant.errors import UnsupportedError
from penchant.models.answers import Side
from penchant.storage import LearnedChoices, Snapshot
from penchant.text import Setting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HALF_KNOWN", "State", "clipped", "item_table", "learned_choices", "require_factors"]

HALF_KNOWN = 10.0  # ratings with which a row counts half as a neighbour, on maps and at the poles of factors


class State(Snapshot):
    """A snapshot with what questions work out of it; each part once, when it is first asked for."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> State:
        """A snapshot as the state of a recommender."""
        return cls(**{each.name: getattr(snapshot, each.name) for each in fields(Snapshot)})

    @cached_property
    def names(self) -> ItemNames:
        """Items by their id or exact title."""
        return ItemNames(self.items, self.item_attributes.titles)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def n_users(self) -> int:
        return len(self.users)

    @cached_property
    def choice_weights(self) -> Float32Array | None:
        """What the model of choices makes of the weights in `seen`, shape (n,); None for 1 each."""
        return None if self.seen is None or self.model.knows_stars else transformed(self.seen.rating)

    @cached_property
    def tastes(self) -> Tastes:
        """Vectors of taste of all rows; where there are no stars, of what people choose."""
        if self.model.knows_stars:
            return tastes(self.model)
        learned = learned_choices(self.choices).model
        return factor_tastes(learned.user_factors, learned.item_factors)

    def vectors(self, side: Side) -> Float64Array:
        """Vectors of taste of one side; without stars, of choice."""
        if not self.model.knows_stars:
            return choice_vectors(learned_choices(self.choices).model, side)
        return self.tastes.items if side == "item" else self.tastes.users

    def row_vectors(self, side: Side) -> Float32Array:
        """The numbers that the model of ratings keeps for each row of a side; without stars, that of choices."""
        if self.model.knows_stars:
            return self.model.row_vectors(side)
        learned = learned_choices(self.choices).model
        return learned.item_factors if side == "item" else learned.user_factors

    @cached_property
    def axes(self) -> Axes:
        """The model's factors, rotated to simple ones.

        Raises:
            UnsupportedError: it has none.
        """
        form = self.model.linear_form() if self.model.knows_stars else learned_choices(self.choices).model
        if form is None:
            self.model.refuse("has no factors to rotate", "a dot_bias model does")
        axes = principal_axes(form.user_factors.astype(np.float64), form.item_factors.astype(np.float64))
        require_factors(axes.right)
        return rotated(axes)

    def counts(self, side: Side) -> Int64Array | None:
        """Training ratings, or choices, of every row; None where they were not kept."""
        if self.seen is None:
            return None
        return (
            self.seen.item_counts(self.n_items) if side == "item" else self.seen.with_users(self.n_users).user_counts()
        )

    def known_counts(self, side: Side, rows: NDArray[np.integer]) -> dict[str, NDArray[np.generic]]:
        """The column n_ratings of some rows, n_choices without stars; no column where the table was not kept."""
        counts = self.counts(side)
        return {} if counts is None else {self.count_name: counts[rows]}

    @property
    def count_name(self) -> str:
        """What a column of counts is called."""
        return "n_ratings" if self.model.knows_stars else "n_choices"

    def evidence(self, side: Side, shrink: float) -> Float64Array:
        """How far each row is to be believed: n / (n + shrink)."""
        if shrink == 0:
            return np.ones(self.n_items if side == "item" else self.n_users)
        counts = self.counts(side)
        if counts is None:
            table = "ratings" if self.model.knows_stars else "choices"
            raise UnsupportedError(
                f"similarities shrink by the number of training {table}, and this model was kept without them (",
                Setting("keep_ratings", False),
                "): use ",
                Setting("shrink", 0),
            )
        return evidence(counts, shrink)

    def nearest(self, side: Side) -> NDArray[np.integer]:
        """The most similar row of each row of a side; -1 for none."""
        return self._nearest_items if side == "item" else self._nearest_of("user")

    @cached_property
    def _nearest_items(self) -> NDArray[np.integer]:
        return self._nearest_of("item")

    def _nearest_of(self, side: Side) -> NDArray[np.integer]:
        return nearest(self.vectors(side), self.evidence(side, HALF_KNOWN))

    def bias_deviations(self, side: Side) -> Float64Array:
        """Posterior standard deviation of each bias of a side."""
        return self._item_deviations if side == "item" else self._user_deviations

    @cached_property
    def _item_deviations(self) -> Float64Array:
        return self.model.bias_deviations(self.kept_table("an interval of biases"), "item")

    @cached_property
    def _user_deviations(self) -> Float64Array:
        return self.model.bias_deviations(self.kept_table("an interval of biases"), "user")


def learned_choices(choices: LearnedChoices | None) -> LearnedChoices:
    """What was learned of choices, if it was.

    Args:
        choices: it, or None.

    Raises:
        UnsupportedError: it was not.
    """
    if choices is None:
        raise UnsupportedError(
            "this recommender knows stars and no choices: train it again, with this release and without ",
            Setting("choices", False),
        )
    return choices


def require_factors(vectors: Float64Array) -> None:
    """Refuse a model without factors.

    Args:
        vectors: of taste, (n_rows, size).

    Raises:
        UnsupportedError: their size is 0.
    """
    if vectors.shape[1] == 0:
        raise UnsupportedError(
            "this model has no factors, only biases: compare ",
            Setting("by", "ratings", '"ratings"'),
            ", or train with factors",
        )


def clipped(state: State, predicted: Float32Array) -> Float32Array:
    """Predictions on the rating scale.

    Args:
        state: of the recommender.
        predicted: predictions as the model makes them.
    """
    lo, hi = state.rating_scale
    return np.clip(predicted, np.float32(lo), np.float32(hi))


def item_table(state: State, rows: NDArray[np.integer], **columns: NDArray[np.generic]) -> pd.DataFrame:
    """A ranked table of items: rank, item_id, title (where items have titles), and more columns.

    Args:
        state: of the recommender.
        rows: row numbers of the items, best first.
        **columns: one value an item.
    """
    import pandas as pd

    table: dict[str, object] = {"rank": np.arange(1, len(rows) + 1), "item_id": state.items.ids[rows]}
    titles = state.item_attributes.titles
    if titles is not None:
        table["title"] = titles[rows]
    return pd.DataFrame({**table, **columns})
