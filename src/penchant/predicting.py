"""Predicting: what a person would give an item."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, overload

import numpy as np

from penchant.arrays import Float32Array, Float64Array, Int32Array
from penchant.errors import ParameterError
from penchant.given import as_dict, rated_rows
from penchant.interpret import RatingInterval, rating_interval
from penchant.models.dot_bias import DotBias
from penchant.named import Named
from penchant.naming import is_many, is_table, listed, pair_rows
from penchant.person import KnownUser, Person, unsure
from penchant.profile import Profile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Predicting"]


class Predicting(Named):
    """Predicted ratings, and where the ratings themselves are likely to lie."""

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
            pandas table): a rating is held where low <= rating <= high (see `interpret.rating_interval`).

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
            return self._predicted_for(self._person(user_id, ratings), item, interval)
        user_idx, item_idx = self._pairs(item, user_id)
        predicted = self.model.predict(user_idx, item_idx)
        is_one = user_id is not None and not (is_many(item) or is_many(user_id))
        if interval is None:
            clipped = self._clip(predicted)
            return float(clipped[0]) if is_one else clipped
        index = getattr(item, "index", None) if is_table(item) else None
        return self._bounds(predicted, self._variance(user_idx, item_idx), interval, is_one=is_one, index=index)

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
        if isinstance(ratings, Profile):
            if ratings.model is not self.model:
                raise ParameterError("ratings is a Profile of another recommender: give its ratings to fold_in")
            return ratings
        known = as_dict(features, "features")
        encoder = self._state.user_features
        for name in known:
            if name not in self.user_attributes:
                told = ", ".join(self.user_attributes) or "none"
                raise ParameterError(
                    f"no user attribute {name!r} in the ratings that it was trained on; there are {told}"
                )
        rows, values = rated_rows(self.rating_scale, as_dict(ratings, "ratings"), self._names.rows)
        row = None if encoder is None or not known else encoder.row(known)
        return Profile(self.model, self._names, self.rating_scale, rows, values, row)

    def _person(self, user_id: object, ratings: object) -> Person:
        """Whoever is meant: exactly one of a user of the training table and somebody new."""
        if (user_id is None) == (ratings is None):
            raise ParameterError(
                "say who: either user_id=, a user of the training ratings, or ratings= of somebody new"
            )
        if ratings is not None:
            return self.fold_in(ratings)  # type: ignore[arg-type]  # it is checked there
        return KnownUser(self.model, self.users.index(user_id), self._state.seen)

    def _predicted_for(
        self, person: Person, item: object, interval: float | None
    ) -> float | Float32Array | RatingInterval | pd.DataFrame:
        if is_table(item):
            raise ParameterError("item is a table of users and items: with ratings= give items alone")
        rows, is_one = self._names.rows(listed(item)), not is_many(item)
        scores = person.scores(rows)
        if interval is None:
            return float(self._clip(scores)[0]) if is_one else self._clip(scores)
        return self._bounds(scores, person.variance(rows), interval, is_one=is_one, index=None)

    def _bounds(
        self, predicted: Float32Array, variance: Float64Array, interval: float, *, is_one: bool, index: object
    ) -> RatingInterval | pd.DataFrame:
        bounds = rating_interval(predicted, variance, interval, self.rating_scale)
        if is_one:
            return RatingInterval(*(float(column[0]) for column in bounds))
        import pandas as pd

        return pd.DataFrame(bounds._asdict(), index=index if isinstance(index, pd.Index) else None)

    def _pairs(self, item: object, user_id: object) -> tuple[Int32Array, Int32Array]:
        if user_id is None:
            if not is_table(item):
                raise ParameterError("predict needs user_id= or ratings=, or a table with a user and an item column")
            return pair_rows(item, self.users, self._names)
        users, items = listed(user_id), listed(item)
        if len(items) != len(users) and is_many(item) and is_many(user_id):
            raise ParameterError(f"{len(items)} items for {len(users)} users: give one of either, or as many of both")
        user_idx, item_idx = np.broadcast_arrays(self.users.indices(users), self._names.rows(items))
        return user_idx, item_idx

    def _variance(self, user_idx: Int32Array, item_idx: Int32Array) -> Float64Array:
        variance = self.model.variance(user_idx, item_idx) if isinstance(self.model, DotBias) else None
        return unsure() if variance is None else variance
