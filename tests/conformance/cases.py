"""The models and solvers that must pass the conformance suite, and the tables that it trains them on.

A new solver is one more line in `SOLVERS`. An exception to a test is a line in `EXCEPTIONS` with its reason.
"""

from __future__ import annotations

import dataclasses

import numpy as np

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.solvers.bayes import Bayes
from penchant.solvers.solver import Solver

SOLVERS = {
    "als": pt.ALS(n_factors=4, n_epochs=8),
    "als, biases only": pt.ALS(n_factors=0, n_epochs=8),
    "als, plain ridge": pt.ALS(n_factors=4, n_epochs=8, reg=5.0, bias_reg=1.0, reg_power=0.0),
    "als, weighted lambda": pt.ALS(n_factors=4, n_epochs=8, reg=0.1, bias_reg=0.05, reg_power=1.0),
    "adam": pt.Adam(n_factors=8, n_epochs=10, batch_size=16),
    "adam, biases only": pt.Adam(n_factors=0, n_epochs=8, batch_size=16),
    "adam, constant rate": pt.Adam(n_factors=4, n_epochs=6, schedule="constant", batch_size=16, lr=0.02, wd=0.05),
    "bayes": Bayes(n_factors=4, n_draws=40, n_burn=10),
    "bayes, biases only": Bayes(n_factors=0, n_draws=24, n_burn=10),
    "bayes, without choices": Bayes(n_factors=4, n_draws=24, n_burn=10, implicit=False),
    "bayes, one chain, features": Bayes(
        n_factors=4, n_draws=40, n_burn=10, n_chains=1, user_features=("age",), item_features=("genres",)
    ),
    "neural": pt.NeuralNet(
        layers=(8,), n_epochs=30, schedule="constant", lr=0.01, wd=0.01, batch_size=16, valid_share=0
    ),
    "neural, held out": pt.NeuralNet(
        layers=(8, 4), n_epochs=20, schedule="constant", lr=0.01, wd=0.01, batch_size=16, patience=20, retrain=False
    ),
    "neural, one cycle": pt.NeuralNet(n_epochs=20, lr=0.01, wd=0.1, batch_size=16),
}

EXCEPTIONS = {
    ("checkerboard", "als, biases only"): "every row and column of the board has the same mean: biases see nothing",
    ("checkerboard", "bayes, biases only"): "the same",
    ("checkerboard", "adam, biases only"): "the same",
    ("threads", "adam"): "one batch after the other: there is nothing to share out",
    ("threads", "adam, biases only"): "the same",
    ("threads", "adam, constant rate"): "the same",
    ("ctrl-c", "adam"): "a cycle of three epochs is another than the first three of ten",
    ("ctrl-c", "adam, biases only"): "the same",
    ("cold rows", "bayes, one chain, features"): "genres tell of a cold item, a new one is added without",
    ("ctrl-c", "neural, one cycle"): "as for adam; and the last epoch's model is trained on all ratings",
}


def stopped_after(solver: Solver, n_epochs: int) -> Solver:
    """The same solver with fewer epochs: what Ctrl-C after so many must be equal to."""
    if isinstance(solver, Bayes):
        n_more = n_epochs - -(-solver.n_burn // 5)  # an epoch is five rounds, those of the burn-in are the first
        return dataclasses.replace(solver, n_draws=5 * n_more * solver.n_chains)
    return dataclasses.replace(solver, n_epochs=n_epochs)


def out_of_range(solver: Solver) -> list[tuple[str, object]]:
    """Hyper-parameters and values that no solver takes."""
    length = "n_draws" if isinstance(solver, Bayes) else "n_epochs"
    wrong: list[tuple[str, object]] = [(length, 0), (length, 2.5), ("n_factors", -1), ("n_threads", 0), ("rng", -1)]
    having = {field.name for field in dataclasses.fields(solver)}  # type: ignore[arg-type]
    return [(name, value) for name, value in wrong if name in having]


def without_features(solver: Solver) -> Solver:
    """For tables that a test makes up, which have no attributes."""
    return dataclasses.replace(solver, user_features=(), item_features=()) if isinstance(solver, Bayes) else solver


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
