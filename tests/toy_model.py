"""A third model and its solver, in some forty lines: what it takes to add one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from penchant.models.array_checks import number, single
from penchant.models.model import Model
from penchant.solvers.solver import Epoch, FitsRatings, TrainingData


@dataclass(frozen=True, eq=False)
class TwoMeans(Model):
    """r_ui ~ (user's mean + item's mean) / 2; the mean of all where a row has no ratings."""

    kind: ClassVar[str] = "two_means"

    mean: float
    users: np.ndarray
    items: np.ndarray

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    def predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return (self.users[user_idx] + self.items[item_idx]) / np.float32(2)

    def with_rows(self, n_users: int, n_items: int) -> TwoMeans:
        more = [
            np.full(n - len(rows), self.mean, np.float32) for n, rows in ((n_users, self.users), (n_items, self.items))
        ]
        return replace(self, users=np.append(self.users, more[0]), items=np.append(self.items, more[1]))

    def without_user(self, row: int) -> TwoMeans:
        return replace(self, users=np.delete(self.users, row))

    def arrays(self) -> dict[str, np.ndarray]:
        return {"users": self.users, "items": self.items}

    def settings(self) -> dict[str, float]:
        return {"mean": self.mean}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], settings: Mapping[str, float]) -> TwoMeans:
        tables = (single(arrays, name, len(arrays[name])) for name in ("users", "items"))
        return cls(number(settings, "mean"), *tables)


@dataclass(frozen=True, kw_only=True)
class Means(FitsRatings):
    """The means of rows, less those of few ratings.

    Args:
        shrink: ratings with which a row's mean counts half (default 1).
    """

    name: ClassVar[str] = "means"
    n_epochs: ClassVar[int] = 1

    shrink: float = 1.0
    rng: int = 0

    def is_compiled(self) -> bool:
        return True

    def epochs(self, data: TrainingData) -> Iterator[Epoch[TwoMeans]]:
        mean = float(data.rating.mean(dtype=np.float64))
        model = TwoMeans(
            mean,
            *(
                self._means(*side, data, mean)
                for side in ((data.user_idx, data.n_users), (data.item_idx, data.n_items))
            ),
        )
        error = model.predict(data.user_idx, data.item_idx).clip(*data.rating_scale) - data.rating
        yield Epoch(model, float(np.mean(np.square(error, dtype=np.float64))))

    def _means(self, rows: np.ndarray, n_rows: int, data: TrainingData, mean: float) -> np.ndarray:
        sums = np.bincount(rows, data.rating - mean, n_rows)
        return (mean + sums / (np.bincount(rows, minlength=n_rows) + self.shrink)).astype(np.float32)
