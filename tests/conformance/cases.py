"""The models and solvers that must pass the conformance suite, and the tables that it trains them on.

A new solver is one more line in `SOLVERS`. An exception to a test is a line in `EXCEPTIONS` with its reason.
"""

from __future__ import annotations

import numpy as np

import penchant as pt
from penchant.ratings import Ratings

SOLVERS = {
    "als": pt.ALS(n_factors=4, n_epochs=8),
    "als, biases only": pt.ALS(n_factors=0, n_epochs=8),
    "als, plain ridge": pt.ALS(n_factors=4, n_epochs=8, reg=5.0, bias_reg=1.0, reg_power=0.0),
    "als, weighted lambda": pt.ALS(n_factors=4, n_epochs=8, reg=0.1, bias_reg=0.05, reg_power=1.0),
}

EXCEPTIONS = {
    ("checkerboard", "als, biases only"): "every row and column of the board has the same mean: biases see nothing",
}


def checkerboard(n: int = 24) -> tuple[Ratings, Ratings]:
    """Ratings 5 where user + item is even and 1 elsewhere; the held-out cells follow from the others.

    The board less its mean is an outer product of two vectors of signs, so one factor holds all of it.
    """
    users, items = np.divmod(np.arange(n * n), n)
    rating = np.where((users + items) % 2 == 0, 5.0, 1.0)
    table = Ratings.from_arrays(users, items, rating)
    held_out = np.random.default_rng(0).random(len(table)) < 0.2
    train, test = table.split_by(held_out)
    return train, test
