"""A small validation part inside the training data, and how well lists find what is in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel
from penchant.solvers.choice.choice_data import ChoiceData

__all__ = ["HeldOut", "gains_of_rows", "gains_of_rows_readable", "hold_out"]

_BLOCK = 256  # users that are scored at once
_LEAST_USERS, _MOST_USERS = 500, 2000
_MOST_SCORES = 4_000_000  # of one candidate
_LEAST_HELD, _MOST_SHARE = 4000, 0.25  # where a tenth is fewer choices than that, more is held out
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

    def gains(self, biases: Float32Array, user_factors: Float32Array, item_factors: Float32Array) -> Float64Array:
        """NDCG@100 of each judged user, of lists by b + p . q of what is not in `rest`; float64, shape (n,).

        Args:
            biases: b, shape (n_items,).
            user_factors: P of `users` only, shape (n, n_factors).
            item_factors: Q.
        """
        grouped, found = self.rest.by_user, np.empty(len(self.users))
        columns = np.ascontiguousarray(item_factors.T)
        for start in range(0, len(self.users), _BLOCK):
            part = slice(start, start + _BLOCK)
            scores = user_factors[part] @ columns
            scores += biases
            gains_of_rows(
                scores, self.users[part], grouped.indptr, grouped.others, self.indptr[start:], self.items, _DEPTH,
                found[part],
            )  # fmt: skip
        return found


@kernel
def gains_of_rows(
    scores: Float32Array,
    users: Int32Array,
    known_indptr: Int64Array,
    known: Int32Array,
    indptr: Int64Array,
    items: Int32Array,
    depth: int,
    gains: Float64Array,
) -> None:
    """NDCG of each row of scores: how early a list by score has the items that are looked for.

    Of items with equal scores each counts as in the middle of them.

    Args:
        scores: (n, n_items); what the user knows becomes minus infinity in it.
        users: (n,), whose scores they are.
        known_indptr, known: what user u knows is `known[known_indptr[u]:known_indptr[u + 1]]`.
        indptr, items: what is looked for in row t is `items[indptr[t]:indptr[t + 1]]`.
        depth: places of a list that count.
        gains: (n,), written; 0 where nothing is looked for.
    """
    for t in range(len(scores)):
        row = scores[t]
        for at in range(known_indptr[users[t]], known_indptr[users[t] + 1]):
            row[known[at]] = -np.inf
        found, ideal = 0.0, 0.0
        for at in range(indptr[t], indptr[t + 1]):
            threshold, above, equal = row[items[at]], 0, -1
            for i in range(len(row)):
                above += row[i] > threshold
                equal += row[i] == threshold
            rank = above + equal / 2
            if rank < depth:
                found += 1 / np.log2(2.0 + rank)
            if at - indptr[t] < depth:
                ideal += 1 / np.log2(2.0 + at - indptr[t])
        gains[t] = found / ideal if ideal > 0 else 0.0


def gains_of_rows_readable(
    scores: Float32Array,
    users: Int32Array,
    known_indptr: Int64Array,
    known: Int32Array,
    indptr: Int64Array,
    items: Int32Array,
    depth: int,
    gains: Float64Array,
) -> None:
    """What `gains_of_rows` does, in NumPy."""
    for t, row in enumerate(scores):
        row[known[known_indptr[users[t]] : known_indptr[users[t] + 1]]] = -np.inf
        wanted = items[indptr[t] : indptr[t + 1]]
        threshold = row[wanted][:, None]
        rank = (row > threshold).sum(axis=1) + ((row == threshold).sum(axis=1) - 1) / 2
        gain = np.where(rank < depth, 1 / np.log2(2.0 + rank), 0).sum()
        ideal = (1 / np.log2(2.0 + np.arange(min(len(wanted), depth)))).sum()
        gains[t] = gain / ideal if len(wanted) else 0.0


def hold_out(data: ChoiceData, rng: np.random.Generator, share: float | None = None) -> HeldOut:
    """Take a share of all choices out; at most 2,000 of the users who lose some are judged.

    Where there are many items, fewer are judged, at least 500: scores of all of them are made for each candidate.

    Args:
        data: the table.
        rng: chooses.
        share: how much is taken out; None (default) for a tenth, or more of a small table: up to a quarter, so that
            4,000 choices judge.
    """
    if share is None:
        share = min(max(0.1, _LEAST_HELD / data.n_choices), _MOST_SHARE)
    out = rng.random(data.n_choices) < share
    out[rng.integers(0, data.n_choices)] = False  # something is left
    weight = None if data.weight is None else data.weight[~out]
    rest = replace(data, user_idx=data.user_idx[~out], item_idx=data.item_idx[~out], weight=weight)
    users, items = data.user_idx[out], data.item_idx[out]
    known = np.zeros(data.n_items, np.bool_)
    known[rest.item_idx] = True
    users, items = users[known[items]], items[known[items]]
    judged = np.unique(users)
    most = int(np.clip(_MOST_SCORES // data.n_items, _LEAST_USERS, _MOST_USERS))
    if len(judged) > most:
        judged = np.sort(rng.choice(judged, most, replace=False))
        kept = np.isin(users, judged)
        users, items = users[kept], items[kept]
    order = np.argsort(users, kind="stable")
    indptr = np.searchsorted(users[order], np.append(judged, data.n_users)).astype(np.int64)
    return HeldOut(rest, judged.astype(np.int32), indptr, items[order])
