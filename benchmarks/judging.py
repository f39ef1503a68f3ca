"""What benchmarks do with a training that is over: take its last model, and its error on the held-out part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import penchant as pt
    from penchant.arrays.types import Float32Array, Float64Array
    from penchant.models.dot_bias import DotBias
    from penchant.solvers.solver import TrainingData

__all__ = ["clipped_rmse", "last_model", "rmse"]


def last_model(solver: pt.ALS | pt.Bayes, data: TrainingData) -> DotBias:
    """The finished model after the last epoch."""
    *_, last = solver.epochs(data)
    return last.model


def rmse(model: DotBias, test: pt.Ratings) -> float:
    """Root mean squared error of clipped predictions."""
    return clipped_rmse(model.predict(test.user_idx, test.item_idx), test)


def clipped_rmse(predicted: Float32Array | Float64Array, test: pt.Ratings) -> float:
    """Root mean squared error of what anyone predicts, once it is clipped to the scale."""
    misses = predicted.clip(*test.rating_scale) - test.rating
    return float(np.sqrt(np.mean(np.square(misses, dtype=np.float64))))
