"""Predictive variance: noise that differs by row, and what is not known of a row."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.models.array_checks import Arrays, not_negative, positive, single

__all__ = ["Spread"]

_NAMES = ("user_noise", "item_noise", "user_variance", "item_variance")


@dataclass(frozen=True, eq=False)
class Spread:
    """Variance of a rating around its prediction, in four numbers of its rows.

        var(r_ui) = s_u s_i / alpha + v_u + v_i

    Attributes:
        user_noise, item_noise: s, how much more (above 1) or less irregular the ratings of a row are than those of
            others; float32, positive, shapes (n_users,), (n_items,).
        user_variance, item_variance: v, what is not known of the row's part in a prediction, in squared rating units,
            the mean over rows of the other side; float32, at least 0, the same shapes.
    """

    user_noise: Float32Array
    item_noise: Float32Array
    user_variance: Float32Array
    item_variance: Float32Array

    def variance(self, user_idx: Int32Array, item_idx: Int32Array, noise_precision: float) -> Float64Array:
        """Variance of the rating of each pair, shape (n,), in squared rating units.

        Args:
            user_idx, item_idx: the pairs.
            noise_precision: alpha.
        """
        noise = self.user_noise[user_idx].astype(np.float64) * self.item_noise[item_idx] / noise_precision
        return noise + self.user_variance[user_idx] + self.item_variance[item_idx]

    @property
    def mean_user_noise(self) -> float:
        """The noise s of a user of whom nothing is known: the mean of those that are known."""
        return _mean(self.user_noise)

    @property
    def mean_item_noise(self) -> float:
        """The same of an item."""
        return _mean(self.item_noise)

    def with_rows(self, n_users: int, n_items: int, user_variance: float, item_variance: float) -> Spread:
        """The same with rows appended whose noise is the mean of those that are known.

        Args:
            n_users, n_items: how many rows there are then.
            user_variance, item_variance: v of each new row.
        """
        users, items = n_users - len(self.user_noise), n_items - len(self.item_noise)
        return Spread(
            np.append(self.user_noise, np.full(users, self.mean_user_noise, np.float32)),
            np.append(self.item_noise, np.full(items, self.mean_item_noise, np.float32)),
            np.append(self.user_variance, np.full(users, user_variance, np.float32)),
            np.append(self.item_variance, np.full(items, item_variance, np.float32)),
        )

    def without_user(self, row: int) -> Spread:
        """The same without one user; users behind move up by one."""
        return replace(
            self, user_noise=np.delete(self.user_noise, row), user_variance=np.delete(self.user_variance, row)
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Its arrays under their names in a model file."""
        return {name: getattr(self, name) for name in _NAMES}

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_users: int, n_items: int) -> Spread | None:
        """Rebuild; None where the file has none of the four arrays.

        Raises:
            FormatError: some are missing, or do not fit.
        """
        if not any(name in arrays for name in _NAMES):
            return None
        sizes = dict(zip(_NAMES, (n_users, n_items, n_users, n_items), strict=True))
        found = {name: single(arrays, name, size) for name, size in sizes.items()}
        for name in ("user_noise", "item_noise"):
            positive(found[name], name)
        for name in ("user_variance", "item_variance"):
            not_negative(found[name], name)
        return cls(**found)


def _mean(noise: Float32Array) -> float:
    return float(noise.mean(dtype=np.float64)) if len(noise) else 1.0
