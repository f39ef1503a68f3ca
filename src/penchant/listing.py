"""Lists for every user of a test set, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from penchant import metrics
from penchant.models.dot_bias import DotBias
from penchant.topn import top_n

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penchant.arrays import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array
    from penchant.models.protocol import Model
    from penchant.seen import SeenRatings

__all__ = ["AT_K", "Lists"]

_BLOCK = 1 << 22  # scores that are held at once: 16 MiB
AT_K = ("ndcg", "precision", "recall", "map", "mrr", "hit_rate")


@dataclass(frozen=True, eq=False)
class Lists:
    """Who gets a list, what should be in it, and in which order equal scores come; the same for all models.

    Attributes:
        users: users with a relevant test rating, rising, shape (n_lists,).
        n_relevant: how many relevant items each has, shape (n_lists,).
        wanted: user * n_items + item of each relevant pair, rising.
        seen: training ratings, or None.
        k: length of the lists.
        order: all items in random order, shape (n_items,): the order of ties.
        start: where in `order` each user begins, shape (n_lists,).
    """

    users: Int64Array
    n_relevant: Int64Array
    wanted: Int64Array
    seen: SeenRatings | None
    k: int
    order: NDArray[np.intp]
    start: Int64Array

    @classmethod
    def of(
        cls,
        user_idx: Int32Array,
        item_idx: Int32Array,
        is_relevant: BoolArray,
        *,
        seen: SeenRatings | None,
        n_items: int,
        k: int,
    ) -> Lists:
        wanted = np.unique(user_idx[is_relevant].astype(np.int64) * n_items + item_idx[is_relevant])
        users, n_relevant = np.unique(wanted // n_items, return_counts=True)
        rng = np.random.default_rng(0)
        order = rng.permutation(n_items)
        return cls(users, n_relevant, wanted, seen, k, order, rng.integers(0, n_items, len(users)))

    def judge(self, model: Model) -> dict[str, float]:
        """Means over all lists of a model, under the names of `Scores`."""
        if len(self.users) == 0:
            return dict.fromkeys((*AT_K, "coverage", "novelty", "overlap"), float("nan"))
        listed = self.recommend(model)
        relevance = self._relevance(listed)
        ideal = np.arange(min(self.k, self.n_relevant.max())) < self.n_relevant[:, None]
        values: dict[str, Float64Array] = {
            "ndcg": metrics.ndcg_at_k(relevance, ideal, self.k),
            "precision": metrics.precision_at_k(relevance, self.k),
            "recall": metrics.recall_at_k(relevance, self.n_relevant, self.k),
            "map": metrics.average_precision_at_k(relevance, self.n_relevant, self.k),
            "mrr": metrics.reciprocal_rank_at_k(relevance, self.k),
            "hit_rate": metrics.hit_rate_at_k(relevance, self.k),
        }
        return {
            **{name: float(value.mean()) for name, value in values.items()},
            "coverage": metrics.coverage(listed, len(self.order)),
            "novelty": self._novelty(listed),
            "overlap": metrics.overlap(listed, len(self.order)),
        }

    def recommend(self, model: Model) -> Int64Array:
        """The k best items of each user, best first, shape (n_lists, k); -1 where there are fewer."""
        n_items = len(self.order)
        listed = np.full((len(self.users), min(self.k, n_items)), -1, dtype=np.int64)
        scores_of = _scorer(model, self.order)
        place = np.empty(n_items, dtype=np.int64)
        place[self.order] = np.arange(n_items)
        size = max(1, _BLOCK // n_items)
        for begin in range(0, len(self.users), size):
            block = scores_of(self.users[begin : begin + size])
            for row, scores in enumerate(block, begin):
                start = self.start[row]
                turned = np.concatenate([scores[start:], scores[:start]])
                seen = None
                if self.seen is not None:
                    seen = (place[self.seen.items_of(int(self.users[row]))] - start) % n_items
                best = top_n(turned, self.k, exclude=seen)
                listed[row, : len(best)] = self.order[(best + start) % n_items]
        return listed

    def _relevance(self, listed: Int64Array) -> BoolArray:
        pairs = self.users[:, None] * len(self.order) + listed
        at = np.minimum(np.searchsorted(self.wanted, pairs), len(self.wanted) - 1)
        found: BoolArray = (self.wanted[at] == pairs) & (listed >= 0)
        return found

    def _novelty(self, listed: Int64Array) -> float:
        if self.seen is None:
            return float("nan")
        n_users = int((self.seen.user_counts() > 0).sum())
        return metrics.novelty(listed, self.seen.item_counts(len(self.order)), n_users)


def _scorer(model: Model, order: NDArray[np.intp]) -> Callable[[Int64Array], Float32Array]:
    """A function from users (m,) to their scores of all items in `order`, shape (m, n_items), not clipped."""
    if isinstance(model, DotBias):
        # The user's bias and mu move all scores of a user alike: they change no rank.
        dot_bias, factors, biases = model, model.item_factors[order].T.copy(), model.item_biases[order]
        return lambda users: dot_bias.user_factors[users] @ factors + biases
    items = order.astype(np.int32)

    def predicted(users: Int64Array) -> Float32Array:
        pairs = np.repeat(users.astype(np.int32), len(items)), np.tile(items, len(users))
        return model.predict(*pairs).reshape(len(users), len(items))

    return predicted
