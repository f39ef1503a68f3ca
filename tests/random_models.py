"""Models with random numbers in every part, for properties that hold whatever was learned."""

from __future__ import annotations

import numpy as np

from penchant.arrays.feature_rows import FeatureRow
from penchant.arrays.seen_ratings import SeenRatings
from penchant.models.dot_bias import DotBias, RowPrior, Spread
from penchant.models.embedding_nn import EmbeddingNN, Layer

__all__ = ["random_model", "random_net", "random_ratings", "random_seen"]


def random_model(
    seed: int,
    *,
    n_users: int = 7,
    n_items: int = 9,
    n_factors: int = 3,
    y_range: tuple[float, float] | None = None,
    rich: bool = False,
) -> DotBias:
    """A DotBias; a rich one has all that Bayes learns besides: implicit weights, features, cold rows, a spread."""
    rng = np.random.default_rng(seed)

    def single(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.6, shape).astype(np.float32)

    def precision() -> np.ndarray:
        root = rng.normal(size=(n_factors + 1, n_factors + 1))
        return root @ root.T + 0.5 * np.eye(n_factors + 1)

    def prior(n_others: int) -> RowPrior:
        mean = rng.normal(0, 0.3, n_factors + 1)
        if not rich:
            return RowPrior(mean, precision(), float(rng.uniform(0, 1)))
        implicit, weights = single(n_others, n_factors + 1), single(4, n_factors + 1)
        errors, cold = np.abs(single(4)), rng.normal(0, 0.3, n_factors + 1)
        return RowPrior(mean, precision(), 0.0, implicit, weights, errors, cold, precision())

    spread = None
    if rich:
        noise = [rng.uniform(0.5, 2, n).astype(np.float32) for n in (n_users, n_items)]
        spread = Spread(*noise, *(rng.uniform(0.01, 0.5, n).astype(np.float32) for n in (n_users, n_items)))
    return DotBias(
        global_mean=3.4 if y_range is None else 0.2,
        user_biases=single(n_users),
        item_biases=single(n_items),
        user_factors=single(n_users, n_factors),
        item_factors=single(n_items, n_factors),
        user_prior=prior(n_items),
        item_prior=prior(n_users),
        noise_precision=float(rng.uniform(0.5, 3)),
        spread=spread,
        y_range=y_range,
    )


def random_net(seed: int, *, y_range: tuple[float, float] | None = (0.5, 5.5)) -> EmbeddingNN:
    """A network with two hidden layers over 7 users and 9 items."""
    rng = np.random.default_rng(seed)

    def single(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.7, shape).astype(np.float32)

    users, items = single(7, 5), single(9, 5)
    layers = (Layer(single(4, 5), single(4)), Layer(single(1, 4), single(1)))
    return EmbeddingNN(users, items, layers, users.mean(axis=0), items.mean(axis=0), y_range)


def random_ratings(seed: int, n: int, n_items: int = 9) -> tuple[np.ndarray, np.ndarray, FeatureRow]:
    """Ratings of `n` different items by one user, 1 to 5, and some features of the user."""
    rng = np.random.default_rng(seed)
    items = rng.permutation(n_items)[:n].astype(np.int32)
    features = FeatureRow(np.array([0, 2], np.int32), rng.normal(size=2).astype(np.float32))
    return items, rng.integers(1, 6, n).astype(np.float32), features


def random_seen(seed: int, n_users: int = 7, n_items: int = 9, n: int = 30) -> SeenRatings:
    """Ratings of random pairs."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(n_users * n_items)[:n]
    rating = rng.integers(1, 6, n).astype(np.float32)
    return SeenRatings.from_pairs(pairs // n_items, pairs % n_items, rating, n_users)
