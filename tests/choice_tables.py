"""A small table with popularity and taste, for tests of choices."""

from __future__ import annotations

import numpy as np

from penchant.solvers.choice.choice_data import ChoiceData


def choice_table(n_users: int, n_items: int, per_user: float, seed: int = 0, n_tastes: int = 3) -> ChoiceData:
    rng = np.random.default_rng(seed)
    taste = rng.integers(0, n_tastes, n_users)[:, None] == rng.integers(0, n_tastes, n_items)
    chance = (0.15 + taste) / (1 + np.arange(n_items)) ** 0.6
    chance *= per_user / chance.sum(axis=1, keepdims=True)
    users, items = np.nonzero(rng.random(chance.shape) < chance)
    return ChoiceData(users.astype(np.int32), items.astype(np.int32), n_users, n_items)
