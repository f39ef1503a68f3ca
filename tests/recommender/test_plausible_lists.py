"""Lists of every solver against the truth of a generated table: what people really choose and like, and nothing odd."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

import penchant as pt
from penchant.data.sources.sample import SampleTruth, generate

SOLVERS = {"als": pt.ALS(), "bayes": pt.Bayes(n_factors=4, n_draws=60), "adam": pt.Adam(n_epochs=5)}
CHOICES = {"mix": pt.ChoiceMix(), "ease": pt.EASE(), "als": pt.ChoiceALS(), "bayes": pt.ChoiceBayes(n_factors=8)}
N = 10


@pytest.fixture(scope="module")
def truth() -> SampleTruth:
    """People choose what is popular and what suits them; many films have few ratings."""
    return generate(250, 300, density=0.06, taste=1.0, rng=4)


@pytest.fixture(scope="module")
def value(truth: SampleTruth) -> np.ndarray:
    """How likely each user really chooses and likes each film that is new to them; minus infinity for the others."""
    liked = norm.cdf((truth.expected - 3.5) / truth.noise)
    found = truth.chance_of_choice * liked
    found[truth.user_idx, truth.item_idx] = -np.inf
    return found


def lists(rec: pt.Recommender, by: str) -> np.ndarray:
    blocks = [batch.to_pandas() for batch in rec.recommend_all(n=N, by=by)]
    return np.stack([rec.items.indices(block["item_id"].tolist()).reshape(-1, N) for block in blocks])[0]


def worth(found: np.ndarray, value: np.ndarray) -> float:
    """What a list is worth, over what the best one is."""
    best = np.sort(value, axis=1)[:, ::-1][:, :N].sum(axis=1)
    return float((np.take_along_axis(value, found, axis=1).sum(axis=1) / best).mean())


@pytest.mark.parametrize("name", SOLVERS)
def test_lists_by_both_are_worth_more_than_by_stars(name: str, truth: SampleTruth, value: np.ndarray) -> None:
    ratings = truth.ratings()
    rec = pt.fit(ratings, SOLVERS[name])
    most_rated = np.where(np.isfinite(value), ratings.item_counts(), -1).argsort(axis=1)[:, ::-1][:, :N]
    both, stars = (worth(lists(rec, by), value) for by in ("both", "stars"))
    assert both > worth(most_rated, value)
    assert both > stars + 0.1
    # films that hardly anybody has rated are no staple: by stars alone they fill lists
    rare = np.flatnonzero(ratings.item_counts() <= 3)
    assert np.isin(lists(rec, "both"), rare).mean() < 0.01


@pytest.mark.parametrize("name", CHOICES)
def test_every_solver_of_choices_finds_what_people_choose(name: str, truth: SampleTruth) -> None:
    ratings = truth.ratings()
    chance = truth.chance_of_choice.copy()
    chance[truth.user_idx, truth.item_idx] = -np.inf
    rec = pt.fit(ratings.choices(), CHOICES[name])
    most_rated = np.where(np.isfinite(chance), ratings.item_counts(), -1).argsort(axis=1)[:, ::-1][:, :N]
    assert worth(lists(rec, "choice"), chance) > 0.97 * worth(most_rated, chance)
    counts = ratings.item_counts()[lists(rec, "choice")]
    assert (counts <= 3).mean() < 0.02


def test_no_film_is_in_everybody_s_list_by_luck(truth: SampleTruth) -> None:
    ratings = truth.ratings()
    rec = pt.fit(ratings, pt.ALS())
    found, counts = np.unique(lists(rec, "both"), return_counts=True)
    rated = ratings.item_counts()[found]
    often = counts > 0.5 * ratings.n_users
    assert (rated[often] >= np.median(ratings.item_counts())).all()
