"""Inputs of plots: what they ask of a recommender, in row numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from penchant.checks import require
from penchant.data.lookup import joined_rows
from penchant.data.vocab import Vocab
from penchant.recommender.recommender import Recommender

if TYPE_CHECKING:
    import pandas as pd

    from penchant.arrays.seen_ratings import SeenRatings
    from penchant.arrays.types import Float32Array, Int32Array, ObjectArray
    from penchant.data.ratings import Ratings

__all__ = [
    "by_row_number",
    "names_of",
    "need_stars",
    "predictions",
    "recommender",
    "said_of",
    "training_ratings",
    "unit",
]


def recommender(value: object) -> Recommender:
    """The recommender that was given.

    Raises:
        ParameterError: it is none.
    """
    require(isinstance(value, Recommender), "rec", value, "a recommender, from `fit` or `load`")
    return cast("Recommender", value)


def by_row_number(rec: Recommender) -> Recommender:
    """The same recommender with row numbers in the place of ids, which may be of any type."""
    users, items = Vocab(range(rec.n_users), kind="user"), Vocab(range(rec.n_items), kind="item")
    return Recommender(replace(rec._state, users=users, items=items))  # noqa: SLF001  # all that it knows


def training_ratings(rec: Recommender, what: str) -> SeenRatings:
    """The training ratings, one row a user that the recommender knows.

    Raises:
        UnsupportedError: they were not kept; the message says that `what` needs them.
    """
    return rec._state.kept_table(what).with_users(rec.n_users)  # noqa: SLF001  # row numbers, not ids


def predictions(rec: Recommender, test: Ratings) -> tuple[Float32Array, Int32Array]:
    """Predictions of test ratings, clipped, and the row of each one's item: `rec.n_items` where it is new to `rec`.

    Who or what is new is predicted as in `Recommender.evaluate`: by what the model believes of anybody.
    """
    n_users, user_idx = joined_rows(rec.users, test.users, test.user_idx)
    n_items, item_idx = joined_rows(rec.items, test.items, test.item_idx)
    lo, hi = rec.rating_scale
    predicted = rec.model.with_rows(n_users, n_items).predict(user_idx, item_idx)
    return np.clip(predicted, np.float32(lo), np.float32(hi)), np.minimum(item_idx, np.int32(rec.n_items))


def names_of(table: pd.DataFrame) -> list[object]:
    """The title of each row of a table of items, or its id where it has none."""
    ids = table["item_id" if "item_id" in table else "user_id"].tolist()
    titles: ObjectArray | list[None] = table["title"].tolist() if "title" in table else [None] * len(ids)
    return [one if title is None or title != title else title for one, title in zip(ids, titles, strict=True)]


def need_stars(rec: Recommender, what: str) -> None:
    """Refuse a picture of ratings of a recommender that was learned from choices.

    Args:
        rec: the recommender.
        what: it can't do, as in "has no histogram of ratings".

    Raises:
        UnsupportedError: it knows no stars.
    """
    if not rec.model.knows_stars:
        rec.model.refuse(what, "")


def said_of(rec: Recommender) -> tuple[str, str]:
    """What a row of the training table is called, and what people did to what is in it."""
    return ("rating", "liked") if rec.model.knows_stars else ("choice", "chosen")


def unit(rec: Recommender) -> str:
    """In what biases and factors are measured."""
    if not rec.model.knows_stars:
        return "units of score"
    form = rec.model.linear_form()
    return "rating units" if form is None or form.y_range is None else "before the sigmoid"
