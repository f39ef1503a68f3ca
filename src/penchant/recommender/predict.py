"""Predicted ratings, and where the ratings themselves are likely to lie (prediction intervals)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, overload

import numpy as np

from penchant.analysis.intervals import RatingInterval, rating_interval
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.data.lookup import is_many, is_table, listed, pair_rows
from penchant.errors import ParameterError
from penchant.recommender.state import State, clipped
from penchant.recommender.who import Person, Profile, fold_in, known_variance, one_person
from penchant.text import Argument, Setting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Predicts", "predicted_for", "predicted_pairs"]


class Predicts:
    """Predicted ratings, and somebody new folded in."""

    _state: State

    @overload
    def predict(self, item: Hashable, user_id: Hashable) -> float: ...

    @overload
    def predict(self, item: object, user_id: object = None, *, ratings: object = None) -> float | Float32Array: ...

    @overload
    def predict(
        self, item: object, user_id: object = None, *, ratings: object = None, interval: float
    ) -> RatingInterval | pd.DataFrame: ...

    def predict(
        self,
        item: object,
        user_id: object = None,
        *,
        ratings: object = None,
        interval: float | None = None,
    ) -> float | Float32Array | RatingInterval | pd.DataFrame:
        """Predicted ratings, clipped to `rating_scale`.

        Args:
            item: an item's id or exact title; a list, array or column of them; or, without a person, a table
                (pandas, polars, pyarrow, dict of columns) with a user and an item column, recognised as in
                `read_ratings`.
            user_id: a user's id, or a list, array or column of them, as long as that of the items. One user goes with
                every item and one item with every user.
            ratings: somebody new, by {item id or exact title: rating}, which may be empty, or a `Profile`; instead of
                `user_id` (default None).
            interval: a share such as 0.9: also say where that share of such ratings lies; None (default) without.

        Returns:
            A float for one item and one person, else float32 of shape (n,) in the order of the input. With `interval`,
            (predicted, low, high) for one pair, else a DataFrame with these columns (and the index of a
            pandas table): a rating is held where low <= rating <= high (see `analysis.intervals.rating_interval`).

        Raises:
            UnknownIdError: an id or title that was not in the training table; near ones are suggested.
            AmbiguousTitleError: a title that several items share.
            ParameterError: no person, or two; lists of different lengths; or `interval` is no share.
            ColumnError, DataError: a table without a column of users or items, or with a row that lacks one; a rating
                outside the scale.
            UnsupportedError: `interval` of a model that does not know how sure it is.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> liked, disliked = ({rec.items[0]: stars} for stars in (5, 1))
        >>> rec.predict(rec.items[0], ratings=liked) > rec.predict(rec.items[0], ratings=disliked)
        True
        """
        if ratings is not None:
            return predicted_for(self._state, one_person(self._state, user_id, ratings), item, interval)
        return predicted_pairs(self._state, item, user_id, interval)

    def fold_in(
        self, ratings: Mapping[Hashable, float] | Profile, *, features: Mapping[str, object] | None = None
    ) -> Profile:
        """What the model makes of somebody new: a `Profile`, which can be kept, updated and asked.

        The person's row is found with all items held still; the model is not changed. Without ratings the row is the
        prior's mean: what the model believes of a stranger.

        Args:
            ratings: {item id or exact title: rating}, as a dict or a pandas Series; a `Profile` comes back as it is.
            features: what else is known of the person, for models that were trained with user features, such as
                {"age": 31} (default none).

        Raises:
            UnknownIdError, AmbiguousTitleError: an item that is not known, or not by one name.
            DataError: a rating outside the scale.
            ParameterError: something else than ratings, or features of another name.
            UnsupportedError: the model can't take in a person.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> me = rec.fold_in({rec.items[0]: 5}).with_rating(rec.items[1], 1)
        >>> me
        Profile(2 ratings)
        """
        return fold_in(self._state, ratings, features)


def predicted_for(
    state: State, person: Person, item: object, interval: float | None
) -> float | Float32Array | RatingInterval | pd.DataFrame:
    """What one person would give items: see `Recommender.predict`.

    Args:
        state: of the recommender.
        person: who.
        item: one or many, by id or title.
        interval: a share, or None.
    """
    if is_table(item):
        raise ParameterError(
            Argument("item"), " is a table of users and items: with ", Setting("ratings", text=""), " give items alone"
        )
    rows, is_one = state.names.rows(listed(item)), not is_many(item)
    scores = person.scores(rows)
    if interval is None:
        return float(clipped(state, scores)[0]) if is_one else clipped(state, scores)
    return _bounds(state, scores, person.variance(rows), interval, is_one=is_one, index=None)


def predicted_pairs(
    state: State, item: object, user_id: object, interval: float | None
) -> float | Float32Array | RatingInterval | pd.DataFrame:
    """What users of the training table would give items: see `Recommender.predict`.

    Args:
        state: of the recommender.
        item: one or many; or, without a user, a table of pairs.
        user_id: one or many, or None.
        interval: a share, or None.
    """
    user_idx, item_idx = _pairs(state, item, user_id)
    predicted = state.model.predict(user_idx, item_idx)
    is_one = user_id is not None and not (is_many(item) or is_many(user_id))
    if interval is None:
        shown = clipped(state, predicted)
        return float(shown[0]) if is_one else shown
    index = getattr(item, "index", None) if is_table(item) else None
    variance = known_variance(state.model.variance(user_idx, item_idx))
    return _bounds(state, predicted, variance, interval, is_one=is_one, index=index)


def _bounds(
    state: State, predicted: Float32Array, variance: Float64Array, interval: float, *, is_one: bool, index: object
) -> RatingInterval | pd.DataFrame:
    bounds = rating_interval(predicted, variance, interval, state.rating_scale)
    if is_one:
        return RatingInterval(*(float(column[0]) for column in bounds))
    import pandas as pd

    return pd.DataFrame(bounds._asdict(), index=index if isinstance(index, pd.Index) else None)


def _pairs(state: State, item: object, user_id: object) -> tuple[Int32Array, Int32Array]:
    if user_id is None:
        if not is_table(item):
            raise ParameterError(
                "predict needs ",
                Setting("user_id", text=""),
                " or ",
                Setting("ratings", text=""),
                ", or a table with a user and an item column",
            )
        return pair_rows(item, state.users, state.names)
    users, items = listed(user_id), listed(item)
    if len(items) != len(users) and is_many(item) and is_many(user_id):
        raise ParameterError(f"{len(items)} items for {len(users)} users: give one of either, or as many of both")
    user_idx, item_idx = np.broadcast_arrays(state.users.indices(users), state.names.rows(items))
    return user_idx, item_idx
