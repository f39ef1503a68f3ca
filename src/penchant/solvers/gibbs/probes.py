"""Probes: pairs whose predictions are followed through all draws, to learn how much of a row is not known."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.kernels.moments import add_predictions
from penchant.solvers.gibbs.chain import Chain

__all__ = ["Probes", "row_variances"]

_PER_ROW = 8
_STEPS = 10


class Probes:
    """Sums of the predictions of some pairs, and of their squares, over draws.

    Args:
        user_idx, item_idx: the pairs: see `pairs`.
    """

    def __init__(self, user_idx: Int32Array, item_idx: Int32Array) -> None:
        self._user_idx, self._item_idx = user_idx, item_idx
        self.clear()

    def clear(self) -> None:
        """Forget all draws."""
        self._total: Float64Array = np.zeros(len(self._user_idx))
        self._squares: Float64Array = np.zeros(len(self._user_idx))

    def add(self, chain: Chain) -> None:
        """Add the predictions of the chain's present state."""
        users, items = chain.users, chain.items
        add_predictions(
            self._user_idx,
            self._item_idx,
            users.factors,
            users.bias,
            items.factors,
            items.bias,
            self._total,
            self._squares,
        )

    def variance(self, n_draws: int) -> Float64Array:
        """Variance of each pair's prediction over the draws (divisor n - 1), in their squared unit, shape (n,).

        Of one draw nothing is known: zero.
        """
        within = self._squares - self._total**2 / n_draws
        return np.maximum(within / max(n_draws - 1, 1), 0)

    @staticmethod
    def pairs(
        user_idx: Int32Array, item_idx: Int32Array, n_users: int, n_items: int, rng: np.random.Generator
    ) -> tuple[Int32Array, Int32Array]:
        """Eight pairs for each user and eight for each item; the other end is that of a random rating.

        So a user is asked about items as they occur, popular ones more often, and an item about users likewise.

        Args:
            user_idx, item_idx: the training ratings.
            n_users, n_items: rows of each side.
            rng: draws the pairs.
        """
        users = np.repeat(np.arange(n_users, dtype=np.int32), _PER_ROW)
        items = np.repeat(np.arange(n_items, dtype=np.int32), _PER_ROW)
        asked = item_idx[rng.integers(0, len(item_idx), len(users))]
        asking = user_idx[rng.integers(0, len(user_idx), len(items))]
        return np.concatenate([users, asking]), np.concatenate([asked, items])


def row_variances(
    user_idx: Int32Array, item_idx: Int32Array, variance: Float64Array, n_users: int, n_items: int
) -> tuple[Float32Array, Float32Array]:
    """Variances v_u and v_i of rows whose sums come closest to those of the pairs' predictions.

        var(b_u + b_i + p_u . q_i)  ~=  v_u + v_i

    Least squares, one side after the other, none below zero.

    Args:
        user_idx, item_idx: the pairs.
        variance: of each pair's prediction.
        n_users, n_items: rows of each side.

    Returns:
        float32, shapes (n_users,) and (n_items,).
    """
    counts = [np.maximum(np.bincount(rows, minlength=n), 1) for rows, n in ((user_idx, n_users), (item_idx, n_items))]
    of_user, of_item = np.zeros(n_users), np.full(n_items, 0.5 * variance.mean() if len(variance) else 0.0)
    for _ in range(_STEPS):
        rest = np.bincount(user_idx, weights=variance - of_item[item_idx], minlength=n_users)
        of_user = np.maximum(rest / counts[0], 0)
        rest = np.bincount(item_idx, weights=variance - of_user[user_idx], minlength=n_items)
        of_item = np.maximum(rest / counts[1], 0)
    most = float(np.finfo(np.float32).max)
    return np.minimum(of_user, most).astype(np.float32), np.minimum(of_item, most).astype(np.float32)
