"""What somebody who knows all other people's ratings can work out of a saved file: attacks, for tests of `forget`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import penchant as pt
from penchant.arrays.seen_ratings import SeenRatings
from penchant.models.dot_bias import DotBias
from penchant.models.embedding_nn import EmbeddingNN


class Person(NamedTuple):
    """Somebody as they were before: `items` and `ratings` of the training, and the row of the model."""

    items: np.ndarray
    ratings: np.ndarray
    row: np.ndarray


def person(rec: pt.Recommender, at: int) -> Person:
    seen = rec._state.seen
    assert seen is not None
    return Person(seen.items_of(at).copy(), seen.ratings_of(at).copy(), own_row(rec.model, at))


def own_row(model: object, at: int) -> np.ndarray:
    if isinstance(model, EmbeddingNN):
        return model.user_inputs[at].astype(np.float64)
    assert isinstance(model, DotBias)
    return np.append(model.user_factors[at], model.user_biases[at]).astype(np.float64)


def item_sums(others: SeenRatings, n_items: int) -> tuple[np.ndarray, np.ndarray]:
    """How many of the others rated each item, and the sums of what they gave."""
    return others.item_counts(n_items), np.bincount(others.item_idx, weights=others.rating, minlength=n_items)


def by_means(model: DotBias, others: SeenRatings) -> np.ndarray:
    """(n + 1) mean - sum of the rest, of each item: exact where mu + b_i is the mean with the person."""
    counts, sums = item_sums(others, model.n_items)
    return (counts + 1) * (model.global_mean + model.item_biases.astype(np.float64)) - sums


def by_equations(model: DotBias, others: SeenRatings) -> np.ndarray:
    """What is missing in the normal equations of the items' rows: of each item the rating that would close them.

    With x = [p, 1] of a person, sum over all who rated of x e = Lambda theta, where e is what the model misses of a
    rating. The others' part is known. What is left over is x e of the person: one direction for all items, whose last
    number is e. The person's own equation, sum of e = lambda b, then gives b, and with it each rating.
    """
    prior, n = model.item_prior, model.n_factors
    users, items = others.user_idx(), others.item_idx
    design = np.column_stack([model.user_factors, np.ones(model.n_users)]).astype(np.float64)
    theta = np.column_stack([model.item_factors, model.item_biases]).astype(np.float64)
    missed = others.rating - model.global_mean - model.user_biases[users] - np.sum(design[users] * theta[items], axis=1)
    explained = np.zeros_like(theta)
    np.add.at(explained, items, design[users] * missed[:, None])
    counts = others.item_counts(model.n_items) + 1.0
    ridge = counts[:, None] ** prior.count_power * (theta - prior.mean) @ (prior.precision / model.noise_precision)
    left = ridge - explained
    direction = np.linalg.svd(left)[2][0]
    direction = direction / direction[-1]
    errors = left @ direction / (direction @ direction)
    fits = np.abs(errors) > 3 * np.median(np.abs(errors))
    pull = model.user_prior.precision[-1, -1] / model.noise_precision * fits.sum() ** model.user_prior.count_power
    bias = errors[fits].sum() / pull
    return errors + model.global_mean + bias + theta[:, :n] @ direction[:n] + theta[:, -1]


def by_noise(model: DotBias, others: SeenRatings, rating_scale: tuple[float, float], n: int) -> float:
    """The sum of squared errors of a person with n ratings, from the noise of all."""
    error = model.predict(others.user_idx(), others.item_idx).clip(*rating_scale) - others.rating
    return (len(others) + n) / model.noise_precision - float(np.sum(np.square(error, dtype=np.float64)))


def rows_by_sums(model: object, others: SeenRatings) -> list[np.ndarray]:
    """Guesses of the person's row: of every mean of rows that a model keeps, what the rest leaves."""
    known = others.user_counts() > 0
    if isinstance(model, EmbeddingNN):
        rows = model.user_inputs[known].astype(np.float64)
        return [(len(rows) + 1) * model.user_cold - rows.sum(axis=0)]
    assert isinstance(model, DotBias)
    rows = np.column_stack([model.user_factors, model.user_biases]).astype(np.float64)[known]
    guesses = [(len(rows) + 1) * model.user_prior.mean - rows.sum(axis=0)]
    guesses.append(np.append(-rows[:, :-1].sum(axis=0), np.nan))  # factors whose mean was zero
    if model.user_prior.cold_mean is not None:
        counts = others.user_counts()[known]
        shares = counts / (counts + 10)
        for n in range(1, 60):
            own = n / (n + 10)
            guesses.append(((shares.sum() + own) * model.user_prior.cold_mean - shares @ rows) / own)
    return guesses


def share_found(guess: np.ndarray, who: Person) -> float:
    """Share of a person's ratings that a guess of each item's rating comes within a quarter of a star to."""
    return float(np.mean(np.abs(guess[who.items] - who.ratings) < 0.25))


def nearness(guesses: list[np.ndarray], who: Person) -> float:
    """How near the best guess comes to the person's row: 0 is exact, 1 as far as nothing at all."""
    gaps = []
    for guess in guesses:
        own = np.isfinite(guess)
        gaps.append(np.linalg.norm((guess - who.row)[own]) / np.linalg.norm(who.row[own]))
    return float(min(gaps))
