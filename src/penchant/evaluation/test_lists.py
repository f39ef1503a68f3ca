"""Lists for every user of a test set, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from penchant import metrics
from penchant.errors import ParameterError
from penchant.ranking.top_n import top_n

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penchant.arrays.seen_ratings import SeenRatings
    from penchant.arrays.types import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array
    from penchant.evaluation.scorers import Scorer

__all__ = ["AT_K", "RECALL_AT", "Lists"]

_BLOCK = 1 << 22  # scores that are held at once: 16 MiB
AT_K = ("ndcg", "precision", "recall", "map", "mrr", "hit_rate")
RECALL_AT = 20  # ranks that count for the capped recall, whatever k: those of the papers that it is compared with


@dataclass(frozen=True, eq=False)
class Lists:
    """Who gets a list, what should be in it, and in which order equal scores come; the same for all models.

    Attributes:
        users: users with a relevant test rating, rising, shape (n_lists,).
        n_relevant: how many relevant items each has, shape (n_lists,).
        wanted: user * n_items + item of each relevant pair, rising.
        seen: training ratings, or None.
        k: length of the lists; where it is less than `RECALL_AT`, more ranks are looked at for the capped recall only.
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

    def judge(self, scorer: Scorer) -> dict[str, float]:
        """Means over all lists in the order of a scorer, under the names of `Scores`.

        Raises:
            ParameterError: as `recommend`.
        """
        if len(self.users) == 0:
            return dict.fromkeys((*AT_K, "capped_recall", "coverage", "novelty", "overlap"), float("nan"))
        longer = self.recommend(scorer, max(self.k, RECALL_AT))
        listed, relevance = longer[:, : self.k], self._relevance(longer)
        ideal = np.arange(min(self.k, self.n_relevant.max())) < self.n_relevant[:, None]
        values: dict[str, Float64Array] = {
            "ndcg": metrics.ndcg_at_k(relevance, ideal, self.k),
            "precision": metrics.precision_at_k(relevance, self.k),
            "recall": metrics.recall_at_k(relevance, self.n_relevant, self.k),
            "capped_recall": metrics.capped_recall_at_k(relevance, self.n_relevant, RECALL_AT),
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

    def recommend(self, scorer: Scorer, n: int) -> Int64Array:
        """The n best items of each user, best first, shape (n_lists, at most n); -1 where there are fewer.

        Raises:
            ParameterError: the scores have another shape than (m, n_items), or one is NaN.
        """
        n_items = len(self.order)
        listed = np.full((len(self.users), min(n, n_items)), -1, dtype=np.int64)
        place = np.empty(n_items, dtype=np.int64)
        place[self.order] = np.arange(n_items)
        twice = np.concatenate([self.order, self.order])  # so that the order from any start on is one piece of it
        size = max(1, _BLOCK // n_items)
        for begin in range(0, len(self.users), size):
            users = self.users[begin : begin + size]
            block = _checked(scorer.scores(users), users, n_items)
            for row, scores in enumerate(block, begin):
                start = self.start[row]
                turned = twice[start : start + n_items]
                seen = None
                if self.seen is not None:
                    seen = (place[self.seen.items_of(int(self.users[row]))] - start) % n_items
                best = top_n(scores[turned], n, exclude=seen)
                listed[row, : len(best)] = turned[best]
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


def _checked(scores: Float32Array, users: Int64Array, n_items: int) -> Float32Array:
    if scores.shape != (len(users), n_items):
        raise ParameterError(
            f"scores of {len(users)} users and {n_items} items have shape {scores.shape}: "
            f"give one row a user and one column an item, {(len(users), n_items)}"
        )
    if np.isnan(scores).any():
        row, item = np.argwhere(np.isnan(scores))[0]
        raise ParameterError(f"the score of item row {item} for user row {users[row]} is not a number")
    return scores
