"""Describing: what a model says of items, users and features, whoever asks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from penchant.arrays import Float32Array, Float64Array, ObjectArray
from penchant.bias_deviations import bias_deviations
from penchant.charting import Charting
from penchant.checks import require, require_share
from penchant.comparing import Side
from penchant.errors import UnsupportedError
from penchant.interpret import bias_ranking, effect_rows, normal_quantile
from penchant.models.dot_bias import DotBias
from penchant.similarity import nearest
from penchant.words import a_model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Describing"]

_HALF_KNOWN = 10.0  # ratings with which a row counts half as a neighbour, as for `similar_items`


class Describing(Charting):
    """Rankings, effects and whole tables that need no person."""

    def item_biases(
        self,
        n: int | None = None,
        *,
        worst: bool = False,
        min_ratings: int = 0,
        by: str = "bias",
        interval: float | None = 0.9,
    ) -> pd.DataFrame:
        """Items ranked by learned bias: liked (or disliked) beyond what taste explains, as in the lecture.

        Each bias has a credible interval beside it, which says how far places in the list are settled: that of an item
        with two ratings is wide.

        Args:
            n: how many; None (default) for all.
            worst: the least liked first (default False).
            min_ratings: leave out items with fewer training ratings (default 0).
            by: default "bias"; or "low" to be on the safe side: by the end of the interval that is nearer to
                ordinary items, `low` or (of the worst) `high`, so that no item with few ratings leads by luck.
            interval: share of the posterior between `low` and `high` (default 0.9); None for no interval.

        Returns:
            A DataFrame with the columns rank (from 1), item_id, title (where items have titles), bias (in rating
            units, or before the sigmoid of a model with one), low, high and n_ratings (in training). The last three
            are missing where the training ratings were not kept.

        Raises:
            UnsupportedError: the model has no biases, or `by="low"` where the training ratings were not kept.
            ParameterError: `n` or `min_ratings` is negative, `by` is another word, or `interval` is no share.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> rec.item_biases(3, by="low").columns.tolist()
        ['rank', 'item_id', 'title', 'bias', 'low', 'high', 'n_ratings']
        """
        require(by in ("bias", "low"), "by", by, '"bias" or "low"')
        require(by == "bias" or interval is not None, "interval", interval, 'a share such as 0.9 with by="low"')
        if not isinstance(self.model, DotBias):
            raise UnsupportedError(f"{a_model(self.model.kind)} learns no item biases; a dot_bias model does")
        if by == "low":
            self._seen_ratings('by="low"')
        bounds, counts = self._bias_columns("item", interval), self._counts("item")
        key = "bias" if by == "bias" else "high" if worst else "low"
        rows = bias_ranking(bounds[key], counts, n=n, worst=worst, min_ratings=min_ratings)
        columns = bounds if counts is None else {**bounds, "n_ratings": counts}
        return self._item_table(rows, **{name: column[rows] for name, column in columns.items()})

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

    def item_table(self, *, interval: float | None = 0.9) -> pd.DataFrame:
        """All items in row order, with what the model knows of each.

        Args:
            interval: share of the posterior of a bias between `low` and `high` (default 0.9); None for no interval.

        Returns:
            A DataFrame with the columns item_id, title (where items have titles), n_ratings and mean (in
            training), bias, low and high (see `item_biases`), taste (how far users part over the item: the standard
            deviation, over users, of what taste adds to its predictions) and nearest (the id of the most similar
            item, see `similar_items`) with nearest_title. What the model does not know is left out: biases where it
            learns none, and what needs the training ratings where these were not kept.

        Raises:
            ParameterError: `interval` is no share.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> len(rec.item_table()) == rec.n_items
        True
        """
        rows = np.arange(self.n_items)
        columns = self._known_columns("item", interval)
        titles = self.item_attributes.titles
        if titles is not None and "nearest" in columns:
            columns["nearest_title"] = _taken(titles, self._nearest("item"))
        return self._item_table(rows, **columns).drop(columns="rank")

    def user_table(self, *, interval: float | None = 0.9) -> pd.DataFrame:
        """All users in row order: as `item_table`, with the sides exchanged.

        Args:
            interval: share of the posterior of a bias between `low` and `high` (default 0.9); None for no interval.

        Raises:
            ParameterError: `interval` is no share.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> rec.user_table().columns.tolist()
        ['user_id', 'n_ratings', 'mean', 'bias', 'low', 'high', 'taste', 'nearest']
        """
        import pandas as pd

        return pd.DataFrame({"user_id": self.users.ids, **self._known_columns("user", interval)})

    def _known_columns(self, side: Side, interval: float | None) -> dict[str, NDArray[np.generic]]:
        columns: dict[str, NDArray[np.generic]] = {}
        counts = self._counts(side)
        if counts is not None:
            columns |= {"n_ratings": counts, "mean": self._means(side)}
        if isinstance(self.model, DotBias):
            columns |= self._bias_columns(side, interval)
        vectors = self._vectors(side)
        columns["taste"] = np.linalg.norm(vectors, axis=1)
        if counts is not None and vectors.shape[1]:
            ids = self.items.ids if side == "item" else self.users.ids
            columns["nearest"] = _taken(ids, self._nearest(side))
        return columns

    def _bias_columns(self, side: Side, interval: float | None) -> dict[str, NDArray[np.floating]]:
        """Bias of every row, and the ends of its interval where ratings were kept; of a `DotBias`."""
        if interval is not None:
            require_share("interval", interval, 0.9)
        biases: Float32Array = getattr(self.model, f"{side}_biases")
        if interval is None or self._state.seen is None:
            return {"bias": biases}
        half = normal_quantile(interval) * (self._item_deviations if side == "item" else self._user_deviations)
        return {"bias": biases, "low": biases - half, "high": biases + half}

    @cached_property
    def _item_deviations(self) -> Float64Array:
        return self._deviations("item")

    @cached_property
    def _user_deviations(self) -> Float64Array:
        return self._deviations("user")

    def _deviations(self, side: Side) -> Float64Array:
        assert isinstance(self.model, DotBias)
        return bias_deviations(self.model, self._seen_ratings("an interval of biases"), side)

    def _means(self, side: Side) -> Float64Array:
        """Of each row; NaN without ratings."""
        seen = self._seen_ratings("mean").with_users(self.n_users)
        rows = seen.item_idx if side == "item" else np.repeat(np.arange(self.n_users), seen.user_counts())
        n_rows = self.n_items if side == "item" else self.n_users
        counts = np.bincount(rows, minlength=n_rows)
        means = np.bincount(rows, weights=seen.rating, minlength=n_rows) / np.maximum(counts, 1)
        return np.where(counts > 0, means, np.nan)

    def _nearest(self, side: Side) -> NDArray[np.integer]:
        return (
            self._nearest_items if side == "item" else nearest(self._vectors(side), self._evidence(side, _HALF_KNOWN))
        )

    @cached_property
    def _nearest_items(self) -> NDArray[np.integer]:
        return nearest(self._vectors("item"), self._evidence("item", _HALF_KNOWN))


def _taken(values: NDArray[np.generic], rows: NDArray[np.integer]) -> ObjectArray:
    """`values[rows]`, None where a row is -1."""
    taken: ObjectArray = values.astype(np.object_)[rows]
    taken[rows < 0] = None
    return taken
