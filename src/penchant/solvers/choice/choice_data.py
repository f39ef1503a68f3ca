"""Choices as a solver sees them, grouped by user and by item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from penchant.arrays.feature_rows import FeatureRows
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.errors import DataError, ParameterError
from penchant.text import Argument

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from penchant.kernels.csr import GroupedRatings

__all__ = ["ChoiceData"]


@dataclass(frozen=True, eq=False)
class ChoiceData:
    """Choices: arrays of one length, and how many rows each side has.

    Attributes:
        user_idx, item_idx: row numbers, int32, shape (n,), n at least 1. A pair occurs once.
        n_users, n_items: sizes of the vocabularies; a row may have no choice.
        weight: how much each choice counts, float32, shape (n,), positive; None (default) for 1 each. Their mean
            should be about 1: counts and seconds go through a transform first.
        user_features, item_features: features of each row; None (default) without.

    Raises:
        ParameterError: columns of different lengths.
        DataError: no choices, or a weight that is not positive and finite.
    """

    user_idx: Int32Array
    item_idx: Int32Array
    n_users: int
    n_items: int
    weight: Float32Array | None = None
    user_features: FeatureRows | None = None
    item_features: FeatureRows | None = None

    def __post_init__(self) -> None:
        n = len(self.user_idx)
        _require_length("item_idx", self.item_idx, n)
        if n == 0:
            raise DataError("there are no choices to learn from")
        if self.weight is not None:
            _require_length("weight", self.weight, n)
            if not (np.isfinite(self.weight) & (self.weight > 0)).all():
                at = int(np.argmin(np.isfinite(self.weight) & (self.weight > 0)))
                raise DataError(
                    Argument("weight"), f" is {self.weight[at]:g} at position {at}: use finite weights above 0"
                )

    @property
    def n_choices(self) -> int:
        """How many choices there are."""
        return len(self.user_idx)

    @cached_property
    def weights(self) -> Float32Array:
        """The weight of each choice, float32, shape (n,)."""
        return np.ones(self.n_choices, np.float32) if self.weight is None else self.weight

    @cached_property
    def by_user(self) -> GroupedRatings:
        """Items by user; `target` is the weight."""
        from penchant.kernels.csr import group_by_row

        return group_by_row(self.user_idx, self.item_idx, self.weights, self.n_users)

    @cached_property
    def by_item(self) -> GroupedRatings:
        """Users by item; `target` is the weight."""
        from penchant.kernels.csr import group_by_row

        return group_by_row(self.item_idx, self.user_idx, self.weights, self.n_items)

    @cached_property
    def popularity(self) -> Float32Array:
        """Share of the users who chose each item, float32, shape (n_items,)."""
        share: Float32Array = (np.diff(self.by_item.indptr) / max(self.n_users, 1)).astype(np.float32)
        return share

    def matrix(self) -> csr_array:
        """Users x items, float32, the weight where there is a choice."""
        from scipy.sparse import csr_array

        grouped = self.by_user
        return csr_array((grouped.target, grouped.others, grouped.indptr), shape=(self.n_users, self.n_items))

    def unchosen_weight(self, ratio: float) -> float:
        """The weight a0 with which all cells not chosen weigh `ratio` times what the chosen weigh; at most 1."""
        cells = float(self.n_users) * self.n_items - self.n_choices
        return min(1.0, ratio * float(self.weights.sum(dtype=np.float64)) / max(cells, 1.0))

    def counts(self) -> Float64Array:
        """How many choices each user has, float64, shape (n_users,)."""
        found: Float64Array = np.diff(self.by_user.indptr).astype(np.float64)
        return found


def _require_length(name: str, column: NDArray[np.generic], n: int) -> None:
    """Refuse a column that has not one value for each choice."""
    if len(column) != n:
        has = f" has {len(column):,} values and "
        raise ParameterError(Argument(name), has, Argument("user_idx"), f" has {n:,}: use one of each for a choice")
