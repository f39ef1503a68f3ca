"""What pictures ask of a recommender, in row numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from penchant.checks import require
from penchant.models.dot_bias import DotBias
from penchant.recommender import Recommender

if TYPE_CHECKING:
    import pandas as pd

    from penchant.arrays import Float32Array, Int32Array, ObjectArray
    from penchant.ratings import Ratings
    from penchant.seen import SeenRatings

__all__ = ["names_of", "predictions", "recommender", "training_ratings", "unit"]


def recommender(value: object) -> Recommender:
    """The recommender that was given.

    Raises:
        ParameterError: it is none.
    """
    require(isinstance(value, Recommender), "rec", value, "a recommender, from `fit` or `load`")
    return cast("Recommender", value)


def training_ratings(rec: Recommender, what: str) -> SeenRatings:
    """The training ratings, one row a user that the recommender knows.

    Raises:
        UnsupportedError: they were not kept; the message says that `what` needs them.
    """
    return rec._seen_ratings(what).with_users(rec.n_users)  # noqa: SLF001  # its own words for the error


def predictions(rec: Recommender, test: Ratings) -> tuple[Float32Array, Int32Array]:
    """Predictions of test ratings, clipped, and the row of each one's item: `rec.n_items` where it is new to `rec`.

    Who or what is new is predicted as in `Recommender.evaluate`: by what the model believes of anybody.
    """
    users, items = rec.users.find(test.users.ids), rec.items.find(test.items.ids)
    users[users < 0], items[items < 0] = rec.n_users, rec.n_items
    user_idx, item_idx = users[test.user_idx], items[test.item_idx]
    lo, hi = rec.rating_scale
    predicted = rec.model.with_rows(rec.n_users + 1, rec.n_items + 1).predict(user_idx, item_idx)
    return np.clip(predicted, np.float32(lo), np.float32(hi)), item_idx


def names_of(table: pd.DataFrame) -> list[object]:
    """The title of each row of a table of items, or its id where it has none."""
    ids = table["item_id" if "item_id" in table else "user_id"].tolist()
    titles: ObjectArray | list[None] = table["title"].tolist() if "title" in table else [None] * len(ids)
    return [one if title is None or title != title else title for one, title in zip(ids, titles, strict=True)]


def unit(rec: Recommender) -> str:
    """In what biases and factors are measured."""
    sigmoid = isinstance(rec.model, DotBias) and rec.model.y_range is not None
    return "before the sigmoid" if sigmoid else "rating units"
