"""Charting: what the factors mean, and where items lie."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from penchant.checks import is_whole, require
from penchant.comparing import Comparing
from penchant.errors import UnsupportedError
from penchant.item_map import METHODS, map_points
from penchant.models.dot_bias import DotBias
from penchant.rotation import Axes, principal_axes, rotated
from penchant.topn import top_n
from penchant.words import a_model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Charting"]

_HALF_KNOWN = 10.0  # ratings with which an item counts half


class Charting(Comparing):
    """Poles of factors, and maps."""

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
            in rating units, or before the sigmoid of a model with one) and n_ratings. Items with few ratings rank
            lower: by loading * n / (n + 10).

        Raises:
            UnsupportedError: the model has no factors.
            ParameterError: there is no such factor, or `n` is less than 1.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=2).fit(pt.load_dataset("sample"))
        >>> rec.poles(0, n=1)["pole"].tolist()
        ['+', '-']
        """
        import pandas as pd

        loadings = self._axes.right
        n_axes = loadings.shape[1]
        if factor is not None:
            fits = is_whole(factor, 0) and factor < n_axes
            require(fits, "factor", factor, f"0 to {n_axes - 1}" if n_axes > 1 else "0")
        share = self._evidence("item", 0 if self._state.seen is None else _HALF_KNOWN)
        tables = []
        for axis in range(n_axes) if factor is None else [factor]:
            for pole, sign in (("+", 1), ("-", -1)):
                best = top_n(sign * loadings[:, axis] * share, n)
                table = self._item_table(best, loading=loadings[best, axis], **self._known_counts(best))
                table.insert(0, "pole", pole)
                table.insert(0, "factor", int(axis))
                tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def map(self, method: str = "pca", *, min_ratings: int = 0) -> pd.DataFrame:
        """Two coordinates for each item: near each other are those that the same people like.

        The vectors of items (see `similar_items`) are multiplied by n / (n + 10), so that items with few ratings lie
        near the middle and not at the rim by luck.

        Args:
            method: default "pca", the two directions in which items differ most, in rating units; or "umap", which
                keeps neighbours together and tells nothing by distances across the map. It needs umap-learn.
            min_ratings: leave out items with fewer training ratings (default 0).

        Returns:
            A DataFrame in row order with the columns item_id, title (where items have titles), x, y and n_ratings
            (missing where the ratings were not kept).

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
        if min_ratings:
            self._seen_ratings("min_ratings")
        vectors = self._vectors("item")
        self._require_factors(vectors)
        counts = self._counts("item")
        rows = np.arange(self.n_items) if counts is None else np.flatnonzero(counts >= min_ratings)
        share = self._evidence("item", 0 if counts is None else _HALF_KNOWN)
        points = map_points(vectors[rows] * share[rows, None], method)
        table = self._item_table(rows, x=points[:, 0], y=points[:, 1], **self._known_counts(rows))
        return table.drop(columns="rank")

    @cached_property
    def _axes(self) -> Axes:
        model = self.model
        if not isinstance(model, DotBias):
            raise UnsupportedError(f"{a_model(model.kind)} has no factors to rotate; a dot_bias model does")
        axes = principal_axes(model.user_factors.astype(np.float64), model.item_factors.astype(np.float64))
        self._require_factors(axes.right)
        return rotated(axes)

    def _known_counts(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        counts = self._counts("item")
        return {} if counts is None else {"n_ratings": counts[rows]}
