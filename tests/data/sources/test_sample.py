"""The built-in sample: a table whose truth is known."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.sources.sample import SampleTruth, generate
from penchant.datasets import list_datasets, load_dataset
from penchant.errors import ParameterError


@pytest.fixture(scope="module")
def truth() -> SampleTruth:
    return generate(rng=0)


def test_sizes_are_those_of_the_documentation(truth: SampleTruth) -> None:
    ratings = truth.ratings()
    assert (ratings.n_users, ratings.n_items) == (200, 100)
    assert len(ratings) > 6_000
    assert ratings.item_counts().min() > 0
    assert ratings.user_counts().max() <= 80  # there is something left to recommend to everybody


def test_the_registry_knows_its_size() -> None:
    (record,) = [dataset for dataset in list_datasets() if dataset.name == "sample"]
    assert record.n_ratings == len(load_dataset("sample")) == load_dataset("sample").report.n_ratings


def test_same_seed_same_table_and_another_seed_another() -> None:
    one, same, other = generate(rng=5), generate(rng=np.random.default_rng(5)), generate(rng=6)
    assert np.array_equal(one.rating, same.rating)
    assert np.array_equal(one.timestamp, same.timestamp)
    assert one.item_attributes["title"].tolist() == same.item_attributes["title"].tolist()
    assert np.array_equal(one.expected, same.expected)
    assert not np.array_equal(one.item_biases, other.item_biases)


@given(
    n_users=st.integers(1, 30),
    n_items=st.integers(1, 30),
    n_factors=st.integers(0, 4),
    density=st.floats(0.01, 1),
    noise=st.floats(0, 3),
    half_stars=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_sample_is_a_sound_table(
    n_users: int, n_items: int, n_factors: int, density: float, noise: float, half_stars: bool, seed: int
) -> None:
    truth = generate(
        n_users, n_items, n_factors=n_factors, density=density, noise=noise, half_stars=half_stars, rng=seed
    )
    ratings = truth.ratings()
    assert truth.expected.shape == (n_users, n_items)
    assert truth.user_factors.shape == (n_users, n_factors)
    pairs = set(zip(ratings.user_idx.tolist(), ratings.item_idx.tolist(), strict=True))
    assert len(pairs) == len(ratings)
    assert ratings.user_counts().min() >= 1
    assert ratings.user_idx.max() < n_users
    assert ratings.item_idx.max() < n_items
    lo, hi = ratings.rating_scale
    steps = np.arange(lo, hi + 0.1, 0.5 if half_stars else 1.0)
    assert set(ratings.rating.tolist()) <= set(steps.tolist())
    timestamp = ratings.timestamp
    assert timestamp is not None
    assert (np.diff(timestamp) >= 0).all()
    assert np.array_equal(timestamp, truth.timestamp)


def test_biases_and_factors_are_centred(truth: SampleTruth) -> None:
    assert truth.user_biases.mean() == pytest.approx(0, abs=1e-12)
    assert truth.item_biases.mean() == pytest.approx(0, abs=1e-12)
    assert truth.user_factors.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)
    # So the parts are what they are called: the means of the expected table are mu, mu + b_u and mu + b_i.
    assert truth.expected.mean() == pytest.approx(truth.global_mean)
    assert truth.expected.mean(axis=0) == pytest.approx(truth.global_mean + truth.item_biases)
    assert truth.expected.mean(axis=1) == pytest.approx(truth.global_mean + truth.user_biases)


def test_without_noise_and_rounding_errors_only_the_truth_is_left() -> None:
    truth = generate(noise=0)
    clipped = np.clip(truth.expected, 1, 5)[truth.user_idx, truth.item_idx]
    assert np.abs(truth.rating - clipped).max() <= 0.5 + 1e-6


def test_the_truth_predicts_as_well_as_its_noise_allows(truth: SampleTruth) -> None:
    # Rounding to whole stars adds 1/12 to the variance; clipping takes a little away.
    assert truth.best_rmse == pytest.approx(np.sqrt(truth.noise**2 + 1 / 12), abs=0.05)
    spread = truth.ratings().rating.std()
    assert truth.best_rmse < 0.75 * spread


def test_factors_explain_what_biases_do_not(truth: SampleTruth) -> None:
    biases = truth.global_mean + truth.user_biases[truth.user_idx] + truth.item_biases[truth.item_idx]
    assert np.sqrt(np.mean((np.clip(biases, 1, 5) - truth.rating) ** 2)) > 1.15 * truth.best_rmse


def test_few_films_get_most_of_the_ratings(truth: SampleTruth) -> None:
    counts = np.sort(truth.ratings().item_counts())[::-1]
    assert counts[:20].sum() > 1.5 * 0.2 * counts.sum()
    assert np.corrcoef(truth.item_biases, truth.ratings().item_counts())[0, 1] > 0.1


def test_genre_and_year_say_something_about_the_factors() -> None:
    truth = generate(50, 1_000, rng=1)
    genres = truth.item_attributes["genres"]
    names = sorted({genre for row in genres for genre in row})
    traits = np.array([[genre in row for genre in names] for row in genres], dtype=float)
    traits = np.column_stack([traits, truth.item_attributes["year"], np.ones(len(genres))])
    fitted = traits @ np.linalg.lstsq(traits, truth.item_factors, rcond=None)[0]
    assert fitted.var() > 0.5 * truth.item_factors.var()


def test_titles_are_distinct_and_end_with_the_year() -> None:
    films = generate(1, 3_000).item_attributes
    titles = films["title"].tolist()
    assert len(set(titles)) == 3_000
    assert all(re.search(rf"\({year:.0f}\)$", title) for title, year in zip(titles, films["year"], strict=True))


def test_people_are_plausible(truth: SampleTruth) -> None:
    people = truth.user_attributes
    assert set(people["sex"].tolist()) == {"F", "M"}
    assert people["age"].min() >= 12
    children = people["occupation"][people["age"] < 18].tolist()
    assert set(children) == {"student"}


def test_the_table_shares_no_memory_with_the_truth(truth: SampleTruth) -> None:
    assert not np.shares_memory(truth.rating, truth.ratings().rating)
    assert truth.rating.flags.writeable


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n_users": 0}, "n_users is 0"),
        ({"n_users": 2.5}, "n_users is 2.5: use a whole number of at least 1"),
        ({"n_items": "9"}, "n_items is '9'"),
        ({"density": "all"}, "density is 'all'"),
        ({"noise": None}, "noise is None"),
        ({"n_items": -1}, "n_items is -1"),
        ({"n_factors": -1}, "n_factors is -1"),
        ({"density": 0}, "density is 0"),
        ({"density": 1.5}, "density is 1.5"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"noise": float("nan")}, "noise is nan"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, float], named: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(named)):
        generate(**arguments)  # type: ignore[arg-type]
