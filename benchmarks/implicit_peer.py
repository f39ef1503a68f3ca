"""implicit's top-N, the peer of `recommend_all`: given the same factors and the same seen items.

implicit (https://github.com/benfred/implicit) ranks by the product of two tables, so biases go in as factors: a user's
row gets a one, an item's its bias. `recommend` makes scores of a hundred users at a time by BLAS, sets what they have
liked to minus infinity in Python, and selects in C++.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from penchant.arrays.seen_ratings import SeenRatings
    from penchant.arrays.types import Float32Array, Int32Array
    from penchant.models.dot_bias import DotBias

__all__ = ["is_installed", "recommend_peer"]


def is_installed() -> bool:
    """Whether implicit can be imported."""
    return find_spec("implicit") is not None


def recommend_peer(
    model: DotBias, seen: SeenRatings, n: int, *, n_threads: int, blas_threads: int
) -> Callable[[], tuple[Int32Array, Float32Array]]:
    """Work for `timing.alternate`: the best n of every user, by implicit; items and scores, (n_users, n) each.

    Args:
        model: whose factors and item biases.
        seen: what to leave out.
        n: how many.
        n_threads: of implicit.
        blas_threads: of BLAS in each of them; implicit advises 1.
    """
    from implicit.cpu.matrix_factorization_base import MatrixFactorizationBase

    class Peer(MatrixFactorizationBase):
        """Its ranking without its training."""

        def fit(self, *_: object) -> None: ...

        def save(self, *_: object) -> None: ...

    peer = Peer(num_threads=n_threads)
    ones = np.ones((model.n_users, 1), np.float32)
    peer.user_factors = np.ascontiguousarray(np.concatenate([model.user_factors, ones], axis=1))
    peer.item_factors = np.ascontiguousarray(np.column_stack([model.item_factors, model.item_biases]))
    liked = csr_matrix(
        (np.ones(len(seen), np.float32), seen.item_idx, seen.indptr), shape=(model.n_users, model.n_items)
    )
    users = np.arange(model.n_users)

    def recommend() -> tuple[Int32Array, Float32Array]:
        with threadpool_limits(blas_threads, user_api="blas"):
            items, scores = peer.recommend(users, liked, N=n, filter_already_liked_items=True)
        return items, scores

    return recommend
