"""Predicted ratings, and where the ratings themselves are likely to lie (prediction intervals)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from penchant.analysis.intervals import RatingInterval, rating_interval
from penchant.arrays.types import BoolArray, Float32Array, Float64Array, Int32Array
from penchant.checks import is_missing, require
from penchant.data.lookup import Many, is_many, is_table, listed, pair_rows
from penchant.errors import DataError, ParameterError, UnsupportedError
from penchant.recommender.people.person import Person, Profile, known_variance
from penchant.recommender.people.who import fold_in, one_person
from penchant.recommender.state import State, clipped
from penchant.text import Argument, Setting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Predicts", "predicted_for", "predicted_pairs"]

_POLICIES = ("error", "prior", "skip")


class Predicts:
    """Predicted ratings, and somebody new folded in."""

    _state: State

    @overload
    def predict(self, item: Hashable, user_id: Hashable) -> float: ...

    @overload
    def predict(
        self, item: object, user_id: object = None, *, ratings: object = None, unknown: str = "error"
    ) -> float | Float32Array: ...

    @overload
    def predict(
        self,
        item: object,
        user_id: object = None,
        *,
        ratings: object = None,
        interval: float,
        unknown: str = "error",
    ) -> RatingInterval | pd.DataFrame: ...

    def predict(
        self,
        item: object,
        user_id: object = None,
        *,
        ratings: object = None,
        interval: float | None = None,
        unknown: str = "error",
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
            unknown: what becomes of users and items that were not in the training table: "error" (default) refuses the
                first, "prior" predicts what the model believes of anybody and anything, "skip" gives NaN. An id that is
                missing (None, NaN, an empty cell of a table) is an error all the same.

        Returns:
            A float for one item and one person, else float32 of shape (n,) in the order of the input. With `interval`,
            (predicted, low, high) for one pair, else a DataFrame with these columns (and the index of a
            pandas table): a rating is held where low <= rating <= high (see `analysis.intervals.rating_interval`).

        Raises:
            UnknownIdError: an id or title that was not in the training table, by default; near ones are suggested.
            AmbiguousTitleError: a title that several items share.
            ParameterError: no person, or two; lists of different lengths; `interval` is no share, or `unknown` is no
                policy.
            ColumnError, DataError: a table without a column of users or items, or with a row that lacks one; an id
                that is missing; a rating outside the scale.
            UnsupportedError: the recommender was learned without stars, or `interval` of a model that does not know
                how sure it is.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> liked, disliked = ({rec.items[0]: stars} for stars in (5, 1))
        >>> rec.predict(rec.items[0], ratings=liked) > rec.predict(rec.items[0], ratings=disliked)
        True
        """
        require(unknown in _POLICIES, "unknown", unknown, "one of " + ", ".join(map(repr, _POLICIES)))
        if not self._state.model.knows_stars:
            self._state.model.refuse("can't predict ratings", "")
        if ratings is not None:
            return predicted_for(self._state, one_person(self._state, user_id, ratings), item, interval, unknown)
        return predicted_pairs(self._state, item, user_id, interval, unknown)

    def fold_in(
        self,
        ratings: Mapping[Hashable, float] | Profile | None = None,
        *,
        chosen: Many | None = None,
        features: Mapping[str, object] | None = None,
    ) -> Profile:
        """What the model makes of somebody new: a `Profile`, which can be kept, updated and asked.

        The person's row is found with all items held still; the model is not changed. Without ratings the row is the
        prior's mean: what the model believes of a stranger.

        Args:
            ratings: {item id or exact title: rating}, as a dict or a pandas Series; a `Profile` comes back as it is,
                with what is in `chosen`; None (default) for none.
            chosen: ids or titles of items that the person chose without giving stars: seen, bought, played; None
                (default) for none. What is rated counts as chosen by itself.
            features: what else is known of the person, for models that were trained with user features, such as
                {"age": 31} (default none).

        Raises:
            UnknownIdError, AmbiguousTitleError: an item that is not known, or not by one name.
            DataError: a rating outside the scale.
            ParameterError: something else than ratings, or features of another name.
            UnsupportedError: the model can't take in a person; `ratings` of a recommender that was learned without
                stars, or `chosen` of one that knows no choices.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> me = rec.fold_in({rec.items[0]: 5}).with_rating(rec.items[1], 1)
        >>> me
        Profile(2 ratings)
        """
        return fold_in(self._state, ratings, features, chosen)


def predicted_for(
    state: State, person: Person, item: object, interval: float | None, unknown: str = "error"
) -> float | Float32Array | RatingInterval | pd.DataFrame:
    """What one person would give items: see `Recommender.predict`.

    Args:
        state: of the recommender.
        person: who.
        item: one or many, by id or title.
        interval: a share, or None.
        unknown: the policy (default "error").
    """
    if is_table(item):
        raise ParameterError(
            Argument("item"), " is a table of users and items: with ", Setting("ratings", text=""), " give items alone"
        )
    is_one = not is_many(item)
    rows = (state.names.rows if unknown == "error" else _found(state.names.find, "item"))(listed(item))
    if unknown == "prior" and (rows < 0).any():
        told = " is for users of the training ratings: leave unknown items out for somebody new, or use "
        raise UnsupportedError(Setting("unknown", "prior", '"prior"'), told, Setting("unknown", "skip", '"skip"'))
    is_known = rows >= 0
    known = rows[is_known]
    scores = _spread(person.scores(known), is_known)
    if interval is None:
        return float(clipped(state, scores)[0]) if is_one else clipped(state, scores)
    variance = _spread(person.variance(known), is_known)
    return _bounds(state, scores, variance, interval, is_one=is_one, index=None)


def predicted_pairs(
    state: State, item: object, user_id: object, interval: float | None, unknown: str = "error"
) -> float | Float32Array | RatingInterval | pd.DataFrame:
    """What users of the training table would give items: see `Recommender.predict`.

    Args:
        state: of the recommender.
        item: one or many; or, without a user, a table of pairs.
        user_id: one or many, or None.
        interval: a share, or None.
        unknown: the policy (default "error").
    """
    user_idx, item_idx = _pairs(state, item, user_id, may_be_unknown=unknown != "error")
    model, is_known = state.model, (user_idx >= 0) & (item_idx >= 0)
    if unknown == "prior" and not is_known.all():
        model = model.with_rows(state.n_users + 1, state.n_items + 1)  # the last rows are those of strangers
        user_idx = np.where(user_idx < 0, np.int32(state.n_users), user_idx)
        item_idx = np.where(item_idx < 0, np.int32(state.n_items), item_idx)
        is_known = np.ones(len(user_idx), np.bool_)
    users, items = user_idx[is_known], item_idx[is_known]
    predicted = _spread(model.predict(users, items), is_known)
    is_one = user_id is not None and not (is_many(item) or is_many(user_id))
    if interval is None:
        shown = clipped(state, predicted)
        return float(shown[0]) if is_one else shown
    index = getattr(item, "index", None) if is_table(item) else None
    variance = _spread(known_variance(model.variance(users, items)), is_known)
    return _bounds(state, predicted, variance, interval, is_one=is_one, index=index)


F = TypeVar("F", np.float32, np.float64)


def _spread(values: NDArray[F], is_known: BoolArray) -> NDArray[F]:
    """Values in the places of the pairs that are known, NaN in the others."""
    if is_known.all():
        return values
    found = np.full(len(is_known), np.nan, values.dtype)
    found[is_known] = values
    return found


def _bounds(
    state: State, predicted: Float32Array, variance: Float64Array, interval: float, *, is_one: bool, index: object
) -> RatingInterval | pd.DataFrame:
    bounds = rating_interval(predicted, variance, interval, state.rating_scale)
    if is_one:
        return RatingInterval(*(float(column[0]) for column in bounds))
    import pandas as pd

    return pd.DataFrame(bounds._asdict(), index=index if isinstance(index, pd.Index) else None)


def _found(find: Callable[[Many], Int32Array], kind: str) -> Callable[[Many], Int32Array]:
    """The look-up of ids that may be unknown, -1 for these; what is no id at all is refused."""

    def look_up(ids: Many) -> Int32Array:
        rows = find(ids)
        for at in np.flatnonzero(rows < 0).tolist():
            if is_missing(ids[at]):
                raise DataError(f"the {kind} id at position {at} is {ids[at]!r}: leave the pair out")
        return rows

    return look_up


def _pairs(state: State, item: object, user_id: object, *, may_be_unknown: bool) -> tuple[Int32Array, Int32Array]:
    """Rows of both sides; -1 for what is unknown and may be."""
    find_users = _found(state.users.find, "user") if may_be_unknown else state.users.indices
    find_items = _found(state.names.find, "item") if may_be_unknown else state.names.rows
    if user_id is None:
        if not is_table(item):
            raise ParameterError(
                "predict needs ",
                Setting("user_id", text=""),
                " or ",
                Setting("ratings", text=""),
                ", or a table with a user and an item column",
            )
        return pair_rows(item, find_users, find_items)
    users, items = listed(user_id), listed(item)
    if len(items) != len(users) and is_many(item) and is_many(user_id):
        raise ParameterError(f"{len(items)} items for {len(users)} users: give one of either, or as many of both")
    user_idx, item_idx = np.broadcast_arrays(find_users(users), find_items(items))
    return user_idx, item_idx
