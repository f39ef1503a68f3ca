"""What a model says of items, users, features and factors: biases, effects, poles, maps, whole tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from penchant.analysis.intervals import bias_ranking, normal_quantile
from penchant.analysis.projection import METHODS, map_points
from penchant.arrays.types import Float64Array, ObjectArray
from penchant.checks import is_whole, require, require_share
from penchant.errors import UnsupportedError
from penchant.models.answers import Side
from penchant.ranking.top_n import top_n
from penchant.recommender.state import HALF_KNOWN, State, item_table, require_factors
from penchant.text import Argument, Setting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Describes"]

_BY_LOW = Setting("by", "low", '"low"')


class Describes:
    """Rankings, effects, factors, maps and whole tables that need no person."""

    _state: State

    def item_biases(
        self,
        n: int | None = None,
        *,
        worst: bool = False,
        min_ratings: int = 0,
        by: str = "bias",
        interval: float | None = 0.9,
    ) -> pd.DataFrame:
        """Items ranked by learned bias: liked (or disliked) beyond what taste explains.

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
        require(by == "bias" or interval is not None, "interval", interval, "a share such as 0.9 with ", _BY_LOW)
        state = self._state
        if state.model.linear_form() is None:
            state.model.refuse("learns no item biases", "a dot_bias model does")
        if by == "low":
            state.kept_table(_BY_LOW)
        bounds, counts = _bias_columns(state, "item", interval), state.counts("item")
        key = "bias" if by == "bias" else "high" if worst else "low"
        rows = bias_ranking(bounds[key], counts, n=n, worst=worst, min_ratings=min_ratings)
        columns = bounds if counts is None else {**bounds, "n_ratings": counts}
        return item_table(state, rows, **{name: column[rows] for name, column in columns.items()})

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
            UnsupportedError: the model was trained without features, or without stars.
            ParameterError: `interval` is no share.
        """
        import pandas as pd

        if not self._state.model.knows_stars:
            self._state.model.refuse("knows no effects of features on ratings", "")
        return pd.DataFrame(_effect_rows(self._state, interval))

    def item_table(self, *, interval: float | None = 0.9) -> pd.DataFrame:
        """All items in row order, with what the model knows of each.

        Args:
            interval: share of the posterior of a bias between `low` and `high` (default 0.9); None for no interval.

        Returns:
            A DataFrame with the columns item_id, title (where items have titles), n_ratings and mean (in
            training), popularity (the share of the users who chose it, where choices were learned), bias, low and high
            (see `item_biases`), taste (how far users part over the item: the standard
            deviation, over users, of what taste adds to its predictions) and nearest (the id of the most similar
            item, see `similar_items`) with nearest_title. What the model does not know is left out: biases where it
            learns none, and what needs the training ratings where these were not kept. Where no stars were learned
            there are n_choices, popularity and nearest.

        Raises:
            ParameterError: `interval` is no share.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> len(rec.item_table()) == rec.n_items
        True
        """
        state = self._state
        columns = _known_columns(state, "item", interval)
        titles = state.item_attributes.titles
        if titles is not None and "nearest" in columns:
            columns["nearest_title"] = _taken(titles, state.nearest("item"))
        return item_table(state, np.arange(state.n_items), **columns).drop(columns="rank")

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

        return pd.DataFrame({"user_id": self._state.users.ids, **_known_columns(self._state, "user", interval)})

    def poles(self, factor: int | None = None, n: int = 10) -> pd.DataFrame:
        """Items at both ends of a factor: what it is about.

        A model's own factors are a mixture: any rotation of them predicts the same. Here they are turned so that each
        factor matters much for few items and little for the rest (varimax), which makes them easier to name;
        predictions stay as they are. Factors come in the order of the variance that they give to predictions. The
        sign is that the end which reaches further is "+".

        Args:
            factor: which one, from 0; None (default) for all.
            n: how many items at each end, at least 1 (default 10).

        Returns:
            A DataFrame with the columns factor, pole ("+", then "-"), rank, item_id, title (where items have titles),
            loading (what the factor adds to the prediction for a user who is one standard deviation to its "+" side,
            in rating units, or before the sigmoid of a model with one; without stars, to the score of choice) and
            n_ratings, or n_choices. Items with few of them rank lower: by loading * n / (n + 10).

        Raises:
            UnsupportedError: the model has no factors.
            ParameterError: there is no such factor, or `n` is less than 1.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=2).fit(pt.load_dataset("sample"))
        >>> rec.poles(0, n=1)["pole"].tolist()
        ['+', '-']
        """
        import pandas as pd

        state = self._state
        loadings = state.axes.right
        n_axes = loadings.shape[1]
        if factor is not None:
            fits = is_whole(factor, 0) and factor < n_axes
            require(fits, "factor", factor, f"0 to {n_axes - 1}" if n_axes > 1 else "0")
        share = state.evidence("item", 0 if state.seen is None else HALF_KNOWN)
        tables = []
        for axis in range(n_axes) if factor is None else [factor]:
            for pole, sign in (("+", 1), ("-", -1)):
                best = top_n(sign * loadings[:, axis] * share, n)
                table = item_table(state, best, loading=loadings[best, axis], **state.known_counts("item", best))
                table.insert(0, "pole", pole)
                table.insert(0, "factor", int(axis))
                tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def map(self, method: str = "pca", *, min_ratings: int = 0) -> pd.DataFrame:
        """Two coordinates for each item: near each other are those that the same people like, or choose.

        The vectors of items (see `similar_items`) are multiplied by n / (n + 10), so that items with few ratings lie
        near the middle and not at the rim by luck.

        Args:
            method: default "pca", the two directions in which items differ most, in rating units; or "umap", which
                keeps neighbours together and tells nothing by distances across the map. It needs umap-learn.
            min_ratings: leave out items with fewer training ratings (default 0).

        Returns:
            A DataFrame in row order with the columns item_id, title (where items have titles), x, y and n_ratings, or
            n_choices (missing where the table was not kept). Without stars, nearness is that of `by="choice"`.

        Raises:
            UnsupportedError: the model has no factors, umap-learn is not installed, or `min_ratings` of a model that
                was kept without its ratings.
            ParameterError: `method` is another word, or `min_ratings` is negative.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> rec.map().columns.tolist()
        ['item_id', 'title', 'x', 'y', 'n_ratings']
        """
        require(method in METHODS, "method", method, '"pca" or "umap"')
        require(is_whole(min_ratings, 0), "min_ratings", min_ratings, "a whole number of at least 0")
        state = self._state
        if min_ratings:
            state.kept_table(Argument("min_ratings"))
        vectors = state.vectors("item")
        require_factors(vectors)
        counts = state.counts("item")
        rows = np.arange(state.n_items) if counts is None else np.flatnonzero(counts >= min_ratings)
        share = state.evidence("item", 0 if counts is None else HALF_KNOWN)
        points = map_points(vectors[rows] * share[rows, None], method)
        table = item_table(state, rows, x=points[:, 0], y=points[:, 1], **state.known_counts("item", rows))
        return table.drop(columns="rank")


def _effect_rows(state: State, interval: float) -> list[dict[str, object]]:
    """What each feature does to the prior mean of a bias, highest first within each attribute."""
    require_share("interval", interval, 0.9)
    z = normal_quantile(interval)
    sides: tuple[Side, Side] = ("user", "item")
    rows: list[dict[str, object]] = []
    for side, encoder in zip(sides, (state.user_features, state.item_features), strict=True):
        found = None if encoder is None else state.model.feature_effects(side)
        if encoder is None or found is None:
            continue
        attributes = [column.name for column in encoder.columns]
        told = [
            (attribute, value, float(effect), float(effect - z * error), float(effect + z * error))
            for (attribute, value), effect, error in zip(encoder.labels(), *found, strict=True)
        ]
        told.sort(key=lambda row: (attributes.index(row[0]), -row[2]))
        names = ("attribute", "value", "effect", "low", "high")
        rows += [{"side": side, **dict(zip(names, row, strict=True))} for row in told]
    if not rows:
        raise UnsupportedError(
            "this model was trained without features: use penchant.Bayes(",
            Setting("item_features", text="(...)"),
            ", ",
            Setting("user_features", text="(...)"),
            ")",
        )
    return rows


def _known_columns(state: State, side: Side, interval: float | None) -> dict[str, NDArray[np.generic]]:
    columns: dict[str, NDArray[np.generic]] = {}
    counts, knows_stars = state.counts(side), state.model.knows_stars
    if counts is not None:
        columns[state.count_name] = counts
        if knows_stars:
            columns["mean"] = _means(state, side)
    if side == "item" and state.choices is not None:
        columns["popularity"] = state.choices.model.item_popularity
    columns |= _bias_columns(state, side, interval)
    vectors = state.vectors(side)
    if knows_stars:
        columns["taste"] = np.linalg.norm(vectors, axis=1)
    if counts is not None and vectors.shape[1]:
        ids = state.items.ids if side == "item" else state.users.ids
        columns["nearest"] = _taken(ids, state.nearest(side))
    return columns


def _bias_columns(state: State, side: Side, interval: float | None) -> dict[str, NDArray[np.floating]]:
    """Bias of every row, and the ends of its interval where ratings were kept; nothing where there are no biases."""
    form = state.model.linear_form()
    if form is None:
        return {}
    if interval is not None:
        require_share("interval", interval, 0.9)
    biases = form.biases(side)
    if interval is None or state.seen is None:
        return {"bias": biases}
    half = normal_quantile(interval) * state.bias_deviations(side)
    return {"bias": biases, "low": biases - half, "high": biases + half}


def _means(state: State, side: Side) -> Float64Array:
    """Of each row; NaN without ratings."""
    seen = state.kept_table("mean").with_users(state.n_users)
    rows = seen.item_idx if side == "item" else np.repeat(np.arange(state.n_users), seen.user_counts())
    n_rows = state.n_items if side == "item" else state.n_users
    counts = np.bincount(rows, minlength=n_rows)
    means = np.bincount(rows, weights=seen.rating, minlength=n_rows) / np.maximum(counts, 1)
    return np.where(counts > 0, means, np.nan)


def _taken(values: NDArray[np.generic], rows: NDArray[np.integer]) -> ObjectArray:
    """`values[rows]`, None where a row is -1."""
    taken: ObjectArray = values.astype(np.object_)[rows]
    taken[rows < 0] = None
    return taken
