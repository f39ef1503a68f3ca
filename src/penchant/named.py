"""Named: ids at the door of a recommender, and tables of items with ids and titles."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from penchant.arrays import Float32Array
from penchant.errors import UnsupportedError
from penchant.naming import ItemNames
from penchant.seen import SeenRatings
from penchant.trained import Trained

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Named"]


class Named(Trained):
    """A trained model that finds its rows by the caller's names."""

    def _clip(self, predicted: Float32Array) -> Float32Array:
        lo, hi = self.rating_scale
        return np.clip(predicted, np.float32(lo), np.float32(hi))

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
