"""Baselines: global mean, item mean, biases only; predictors that any model has to beat, as models."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array
from penchant.models.dot_bias import DotBias, RowPrior
from penchant.solvers.als import ALS
from penchant.solvers.solver import TrainingData

__all__ = ["baselines", "means"]


def baselines(data: TrainingData) -> dict[str, DotBias]:
    """Fit the baselines on the training ratings: each a `DotBias` without factors.

    - "global mean" and "item mean": see `means`.
    - "bias only": mu + b_u + b_i, the biases learned by ALS with its defaults.

    The names are those of the rows that `evaluate` shows.
    """
    *_, last = ALS(n_factors=0).epochs(data)
    return {**means(data), "bias only": last.model}


def means(data: TrainingData) -> dict[str, DotBias]:
    """The two baselines that are means of ratings.

    - "global mean": mu for every pair.
    - "item mean": the mean rating of the item in training; mu where it has none.
    """
    mean = float(data.rating.mean(dtype=np.float64))
    counts = np.bincount(data.item_idx, minlength=data.n_items)
    sums = np.bincount(data.item_idx, weights=data.rating, minlength=data.n_items)
    item_means = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
    zero = np.zeros(data.n_items, dtype=np.float32)
    return {
        "global mean": _biases_only(data, mean, zero),
        "item mean": _biases_only(data, mean, (item_means - mean).astype(np.float32)),
    }


def _biases_only(data: TrainingData, mean: float, item_biases: Float32Array) -> DotBias:
    """Mu + b_i, with the plain variance of the ratings around it as noise and a flat unit prior."""
    error = item_biases[data.item_idx] + np.float32(mean) - data.rating
    prior = RowPrior(np.zeros(1), np.eye(1))
    return DotBias(
        global_mean=mean,
        user_biases=np.zeros(data.n_users, dtype=np.float32),
        item_biases=item_biases,
        user_factors=np.zeros((data.n_users, 0), dtype=np.float32),
        item_factors=np.zeros((data.n_items, 0), dtype=np.float32),
        user_prior=prior,
        item_prior=prior,
        noise_precision=1.0 / max(float(np.mean(np.square(error, dtype=np.float64))), 1e-6),
    )
