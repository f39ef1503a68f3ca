"""Recommender: a trained model with its ids, and everything that people ask of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from penchant import storage
from penchant.arrays import Float32Array, Float64Array, Int32Array
from penchant.errors import ParameterError, UnsupportedError
from penchant.growing import with_row
from penchant.interpret import RatingInterval, bias_ranking, effect_rows, rating_interval
from penchant.models.dot_bias import DotBias
from penchant.naming import ItemNames, Many, is_many, is_table, listed, pair_rows
from penchant.seen import SeenRatings
from penchant.topn import top_n
from penchant.trained import Trained
from penchant.vocab import Vocab
from penchant.words import counted

if TYPE_CHECKING:
    import pandas as pd

    from penchant.ratings import Ratings
    from penchant.scorecard import Scorecard

__all__ = ["Recommender", "load"]


class Recommender(Trained):
    """A trained model with the caller's ids at its door. Made by `penchant.fit` or `penchant.load`; never unfitted.

    Items are named by their id or by their exact title (an id wins); users by their id.

    >>> import penchant as pt
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> 1 <= rec.predict(rec.items[0], user_id=rec.users[0]) <= 5
    True
    """

    # -- predict --

    @overload
    def predict(self, item: Hashable, user_id: Hashable) -> float: ...

    @overload
    def predict(self, item: object, user_id: object = None) -> float | Float32Array: ...

    @overload
    def predict(self, item: object, user_id: object = None, *, interval: float) -> RatingInterval | pd.DataFrame: ...

    def predict(
        self, item: object, user_id: object = None, *, interval: float | None = None
    ) -> float | Float32Array | RatingInterval | pd.DataFrame:
        """Predicted ratings, clipped to `rating_scale`.

        Args:
            item: an item's id or exact title; a list, array or column of them; or, without `user_id`, a table
                (pandas, polars, pyarrow, dict of columns) with a user and an item column, recognised as in
                `read_ratings`.
            user_id: a user's id, or a list, array or column of them, as long as that of the items. One user goes with
                every item and one item with every user.
            interval: a share such as 0.9: also say where that share of such ratings lies; None (default) without.

        Returns:
            A float for one item and one user, else float32 of shape (n,) in the order of the input. With `interval`,
            (predicted, low, high) for one pair, else a DataFrame with these columns (and the index of a
            pandas table): a rating is held where low <= rating <= high (see `interpret.rating_interval`).

        Raises:
            UnknownIdError: an id or title that was not in the training table; near ones are suggested.
            AmbiguousTitleError: a title that several items share.
            ParameterError: no user, lists of different lengths, or `interval` is no share.
            ColumnError, DataError: a table without a column of users or items, or with a row that lacks one.
            UnsupportedError: `interval` of a model that does not know how sure it is.
        """
        user_idx, item_idx = self._pairs(item, user_id)
        predicted = self.model.predict(user_idx, item_idx)
        is_one = user_id is not None and not (is_many(item) or is_many(user_id))
        if interval is None:
            clipped = self._clip(predicted)
            return float(clipped[0]) if is_one else clipped
        bounds = rating_interval(predicted, self._variance(user_idx, item_idx), interval, self.rating_scale)
        if is_one:
            return RatingInterval(*(float(column[0]) for column in bounds))
        import pandas as pd

        index = item.index if isinstance(item, pd.DataFrame) else None
        return pd.DataFrame(bounds._asdict(), index=index)

    def _pairs(self, item: object, user_id: object) -> tuple[Int32Array, Int32Array]:
        if user_id is None:
            if not is_table(item):
                raise ParameterError("predict needs user_id=, or a table with a user and an item column")
            return pair_rows(item, self.users, self._names)
        users, items = listed(user_id), listed(item)
        if len(items) != len(users) and is_many(item) and is_many(user_id):
            raise ParameterError(f"{len(items)} items for {len(users)} users: give one of either, or as many of both")
        user_idx, item_idx = np.broadcast_arrays(self.users.indices(users), self._names.rows(items))
        return user_idx, item_idx

    def _variance(self, user_idx: Int32Array, item_idx: Int32Array) -> Float64Array:
        variance = self.model.variance(user_idx, item_idx) if isinstance(self.model, DotBias) else None
        if variance is None:
            raise UnsupportedError("this model does not know how sure it is: one learned by penchant.Bayes() does")
        return variance

    def _clip(self, predicted: Float32Array) -> Float32Array:
        lo, hi = self.rating_scale
        return np.clip(predicted, np.float32(lo), np.float32(hi))

    # -- rank --

    def recommend(
        self, user_id: Hashable, n: int = 10, *, exclude_seen: bool = True, candidates: Many | None = None
    ) -> pd.DataFrame:
        """The `n` items with the highest predicted ratings for one user, best first; ties in row order.

        Items are ranked by the prediction before it is clipped, so that those above the scale keep their order.

        Args:
            user_id: who.
            n: how many, at least 1 (default 10). Fewer come back only where there are fewer.
            exclude_seen: leave out what the user rated in training (default True).
            candidates: ids or titles of the only items to choose from; None (default) for all.

        Returns:
            A DataFrame with the columns rank (from 1), item_id, title (where items have titles) and predicted (in
            rating units, clipped).

        Raises:
            UnknownIdError: the user, or a candidate, was not in the training table.
            UnsupportedError: `exclude_seen` for a model that was saved without its training ratings.
            ParameterError: `n` is less than 1.
        """
        user = self.users.index(user_id)
        scores = self.model.predict(
            np.full(len(self.items), user, np.int32), np.arange(len(self.items), dtype=np.int32)
        )
        exclude = self._seen_ratings("exclude_seen").items_of(user) if exclude_seen else None
        restrict = None if candidates is None else self._names.rows(listed(candidates))
        best = top_n(scores, n, exclude=exclude, restrict=restrict)
        return self._item_table(best, predicted=self._clip(scores[best]))

    def item_biases(self, n: int | None = None, *, worst: bool = False, min_ratings: int = 0) -> pd.DataFrame:
        """Items ranked by learned bias: liked (or disliked) beyond what taste explains, as in the lecture.

        Args:
            n: how many; None (default) for all.
            worst: the least liked first (default False).
            min_ratings: leave out items with fewer training ratings (default 0).

        Returns:
            A DataFrame with the columns rank (from 1), item_id, title (where items have titles), bias (in rating
            units) and n_ratings (in training; missing where the ratings were not kept).

        Raises:
            UnsupportedError: the model has no biases.
            ParameterError: `n` or `min_ratings` is negative.
        """
        if not isinstance(self.model, DotBias):
            raise UnsupportedError(f"a {self.model.kind} model learns no item biases; a dot_bias model does")
        counts = None if self._state.seen is None else self._state.seen.item_counts(len(self.items))
        rows = bias_ranking(self.model.item_biases, counts, n=n, worst=worst, min_ratings=min_ratings)
        known = {} if counts is None else {"n_ratings": counts[rows]}
        return self._item_table(rows, bias=self.model.item_biases[rows], **known)

    def feature_effects(self, *, interval: float = 0.9) -> pd.DataFrame:
        """What features (genre, age) do to ratings: weights of the prior mean's bias, in rating units.

        An effect is how much higher (or lower) the bias of a row with this value is expected to be, all else equal,
        before its ratings are seen. That of a number is per standard deviation, which `value` tells.

        Args:
            interval: share of the posterior between `low` and `high` (default 0.9).

        Returns:
            A DataFrame, highest first within each attribute, with the columns side ("user" or "item"), attribute,
            value, effect, low and high.

        Raises:
            UnsupportedError: the model was trained without features.
            ParameterError: `interval` is no share.
        """
        import pandas as pd

        return pd.DataFrame(effect_rows(self._state, interval))

    # -- grow --

    def add_item(
        self,
        item_id: Hashable,
        *,
        features: Mapping[str, object] | None = None,
        ratings: Mapping[Hashable, float] | None = None,
    ) -> Recommender:
        """A recommender that knows one more item; nothing is trained again, and this one stays as it is.

        With ratings, the item's row is its posterior given these, all other rows held still. Without any, it is what
        its features let expect, and with nothing known the mean of all items.

        Args:
            item_id: its id, a new one.
            features: what is known of it by attribute, such as {"title": "...", "genres": ("Comedy",), "year": 1999},
                as a dict or a pandas Series; None and NaN are not known. Attributes that the model was not trained
                with are kept and shown (default none).
            ratings: what known users gave it, {user_id: rating}, as a dict or a pandas Series (default none).

        Raises:
            ParameterError: the id is known already, is of a type that a file can't hold, or is like another name of
                an item; another item has the title; or an attribute has another kind of value.
            UnknownIdError: a user who was not in the training table.
            DataError: a rating outside `rating_scale`, a value that no item had in training, or a number that is far
                from all that were.
            UnsupportedError: the model can't take in a row.
        """
        return Recommender(with_row(self._state, "item", item_id, features, ratings, self._names))

    def add_user(
        self,
        user_id: Hashable,
        *,
        features: Mapping[str, object] | None = None,
        ratings: Mapping[Hashable, float] | None = None,
    ) -> Recommender:
        """A recommender that knows one more user: see `add_item`, with the sides exchanged.

        Args:
            user_id: the user's id, a new one.
            features: what is known of the user by attribute, such as {"age": 31, "occupation": "writer"} (default
                none).
            ratings: what the user gave known items, {id or exact title: rating} (default none).

        Raises:
            ParameterError, UnknownIdError, AmbiguousTitleError, DataError, UnsupportedError: as `add_item`.

        >>> import penchant as pt
        >>> rec = pt.fit(pt.load_dataset("sample"), pt.Bayes(n_factors=4, n_draws=40))
        >>> rec = rec.add_user("new", ratings={rec.items[0]: 5, rec.items[1]: 1})
        >>> rec.predict(rec.items[0], user_id="new") > rec.predict(rec.items[1], user_id="new")
        True
        """
        return Recommender(with_row(self._state, "user", user_id, features, ratings, self._names))

    def _item_table(self, rows: NDArray[np.integer], **columns: NDArray[np.generic]) -> pd.DataFrame:
        import pandas as pd

        table: dict[str, object] = {"rank": np.arange(1, len(rows) + 1), "item_id": self.items.ids[rows]}
        titles = self.item_attributes.titles
        if titles is not None:
            table["title"] = titles[rows]
        return pd.DataFrame({**table, **columns})

    @cached_property
    def _names(self) -> ItemNames:
        return ItemNames(self.items, self.item_attributes.titles)

    def _seen_ratings(self, what: str) -> SeenRatings:
        if self._state.seen is None:
            raise UnsupportedError(
                f"{what} needs the training ratings, and this model was kept without them (keep_ratings=False)"
            )
        return self._state.seen

    # -- judge --

    def evaluate(self, test: Ratings, *, k: int = 10, relevant: float | None = None) -> Scorecard:
        """How well it predicts and ranks held-out ratings, beside the baselines.

        A user or item without training ratings is cold: it gets the model's prior, and the scorecard counts it. Its
        notes say when most ids are unknown, and when pairs were trained on.

        Args:
            test: ratings that were not trained on: the other part of a split, or a table with ids of its own.
            k: how many items a ranking has (default 10).
            relevant: the lowest rating of an item that should be found; None (default) for three quarters up the
                scale, 4 on a scale of 1 to 5.

        Raises:
            DataError: `test` is empty.
            ParameterError: `k` is less than 1, `relevant` is not on the scale, or `test` is another kind of table.
        """
        from penchant.ratings import require_ratings
        from penchant.scorecard import score

        require_ratings(test, "test")
        users, user_idx = _joined(self.users, test.users, test.user_idx)
        items, item_idx = _joined(self.items, test.items, test.item_idx)
        seen = self._state.seen
        card = score(
            self.model.with_rows(users, items),
            {name: model.with_rows(users, items) for name, model in self._state.baselines.items()},
            user_idx=user_idx,
            item_idx=item_idx,
            rating=test.rating,
            seen=None if seen is None else seen.with_users(users),
            rating_scale=self.rating_scale,
            k=k,
            relevant=relevant,
        )
        strangers = [
            *_strangers(self.users, test.users, test.user_idx, user_idx),
            *_strangers(self.items, test.items, test.item_idx, item_idx),
        ]
        return replace(card, notes=(*card.notes, *strangers))

    # -- keep --

    def save(self, path: str | Path) -> Path:
        """Write one `.penchant` file (docs/format.md), whole or not at all; an old file there is replaced.

        Args:
            path: where to. Returned as a `Path`.

        Raises:
            ParameterError: `path` is no path.
            SourceError: the folder is missing or can't be written to.
            UnsupportedError: ids of a type that the file can't hold.
        """
        return storage.save(self._state, path)


def load(path: str | Path) -> Recommender:
    """Read a recommender from a `.penchant` file. Runs no code from it, whoever made it.

    Args:
        path: the file.

    Raises:
        ParameterError: `path` is no path.
        SourceError: there is no such file, or it can't be read.
        FormatError: not a whole, unaltered penchant file of a version that this release reads.

    >>> import penchant as pt, tempfile, pathlib
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = pt.load(rec.save(pathlib.Path(folder) / "films.penchant"))
    >>> user, item = rec.users[0], rec.items[0]
    >>> again.predict(item, user) == rec.predict(item, user)
    True
    """
    return Recommender(storage.load(path))


def _joined(known: Vocab, other: Vocab, rows: Int32Array) -> tuple[int, Int32Array]:
    """Rows of `other` as rows of `known`, ids that are new behind its last; and how many rows there are then."""
    if known is other:
        return len(known), rows
    found = known.find(other.ids)
    used = np.bincount(rows, minlength=len(other)) > 0
    new = (found < 0) & used
    found[new] = len(known) + np.arange(int(new.sum()), dtype=np.int32)
    return len(known) + int(new.sum()), found[rows]


def _strangers(known: Vocab, other: Vocab, rows: Int32Array, joined: Int32Array) -> list[str]:
    """A note where most ids of a test table are unknown: often they are the same ids, written as another type."""
    is_new = joined >= len(known)
    n_new, n_all = len(np.unique(joined[is_new])), len(np.unique(joined))
    if 2 * n_new <= n_all:
        return []
    theirs, ours = other[int(rows[np.argmax(is_new)])], known[0]
    kinds = [type(one).__name__ for one in (theirs, ours)]
    advice = "" if kinds[0] == kinds[1] else "; ids of another type are other ids, so read both tables alike"
    return [
        f"{n_new:,} of {counted(n_all, known.kind)} are unknown to the model: they are like {theirs!r} ({kinds[0]}), "
        f"those it knows like {ours!r} ({kinds[1]}){advice}"
    ]
