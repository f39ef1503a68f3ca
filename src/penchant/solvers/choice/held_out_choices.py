"""A small validation part inside the training data, and how well lists find what is in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.solvers.choice.choice_data import ChoiceData

__all__ = ["HeldOut", "hold_out"]

_BLOCK = 256  # users that are scored at once
_MOST_USERS = 2000
_DEPTH = 100


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Choices that were taken out of a table, and the table without them.

    Attributes:
        rest: what is left to learn from.
        users: those who are judged, int32, shape (n,).
        indptr, items: what was taken from the t-th of them is `items[indptr[t]:indptr[t + 1]]`.
    """

    rest: ChoiceData
    users: Int32Array
    indptr: Int64Array
    items: Int32Array

    def ndcg(self, scores: Float32Array, start: int) -> Float64Array:
        """NDCG@100 of the users `start` on, one for each row of `scores`, of lists of what is not in `rest`.

        Args:
            scores: (n, n_items); what a user has chosen in `rest` is set to minus infinity in it.
            start: the first of the users.
        """
        grouped = self.rest.by_user
        found = np.empty(len(scores))
        for t, row in enumerate(scores):
            user = self.users[start + t]
            row[grouped.others[grouped.indptr[user] : grouped.indptr[user + 1]]] = -np.inf
            held = self.items[self.indptr[start + t] : self.indptr[start + t + 1]]
            rank = (row > row[held][:, None]).sum(axis=1)
            gain = np.where(rank < _DEPTH, 1 / np.log2(2.0 + rank), 0).sum()
            found[t] = gain / (1 / np.log2(2.0 + np.arange(min(len(held), _DEPTH)))).sum()
        return found

    def of_ranks(
        self, biases: Float32Array, user_factors: Float32Array, item_factors: Float32Array, ranks: list[int]
    ) -> Float64Array:
        """Mean NDCG@100 of b + P Q^T with only the first columns, for each number of columns; shape (len(ranks),).

        Args:
            biases: b, shape (n_items,).
            user_factors: P of `users` only, shape (n, n_factors).
            item_factors: Q.
            ranks: numbers of columns, ascending.
        """
        total = np.zeros(len(ranks))
        for start in range(0, len(self.users), _BLOCK):
            rows = user_factors[start : start + _BLOCK]
            scores, done = np.tile(biases, (len(rows), 1)), 0
            for at, rank in enumerate(ranks):
                scores += rows[:, done:rank] @ item_factors[:, done:rank].T
                done = rank
                total[at] += self.ndcg(scores, start).sum()
        return total / max(len(self.users), 1)


def hold_out(data: ChoiceData, rng: np.random.Generator, share: float = 0.1) -> HeldOut:
    """Take a share of all choices out; at most 2,000 of the users who lose some are judged.

    Args:
        data: the table.
        rng: chooses.
        share: how much is taken out (default 0.1).
    """
    out = rng.random(data.n_choices) < share
    out[rng.integers(0, data.n_choices)] = False  # something is left
    weight = None if data.weight is None else data.weight[~out]
    rest = replace(data, user_idx=data.user_idx[~out], item_idx=data.item_idx[~out], weight=weight)
    users, items = data.user_idx[out], data.item_idx[out]
    known = np.zeros(data.n_items, np.bool_)
    known[rest.item_idx] = True
    users, items = users[known[items]], items[known[items]]
    judged = np.unique(users)
    if len(judged) > _MOST_USERS:
        judged = np.sort(rng.choice(judged, _MOST_USERS, replace=False))
        kept = np.isin(users, judged)
        users, items = users[kept], items[kept]
    order = np.argsort(users, kind="stable")
    indptr = np.searchsorted(users[order], np.append(judged, data.n_users)).astype(np.int64)
    return HeldOut(rest, judged.astype(np.int32), indptr, items[order])
