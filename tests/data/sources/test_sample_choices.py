"""Truths of choice: chances of the built-in sample, and generated choices."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.sources.chances import chance_of_being_drawn
from penchant.data.sources.sample import generate
from penchant.data.sources.sample_choices import ChoiceTruth, generate_choices
from penchant.errors import ParameterError


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6), st.integers(0, 6))
def test_chances_are_those_of_drawing_one_after_the_other(log_weights: list[float], n: int) -> None:
    n = min(n, len(log_weights))
    weights = np.exp(log_weights)

    def drawn(left: tuple[int, ...], still: int) -> np.ndarray:
        """Oracle: every order of draws, with its chance."""
        chances = np.zeros(len(weights))
        for item in left if still else ():
            first = weights[item] / weights[list(left)].sum()
            chances += first * drawn(tuple(other for other in left if other != item), still - 1)
            chances[item] += first
        return chances

    found = chance_of_being_drawn(np.array(log_weights), n)
    assert found == pytest.approx(drawn(tuple(range(len(weights))), n), abs=1e-6)


def test_chances_of_many_items_add_up_and_agree_with_draws() -> None:
    rng = np.random.default_rng(0)
    log_weights = rng.normal(0, 1, 60)
    for n in (1, 20, 55):
        chances = chance_of_being_drawn(log_weights, n)
        assert chances.sum() == pytest.approx(n, abs=1e-6)
        ranked = np.argsort(-(log_weights + rng.gumbel(size=(20_000, 60))), axis=1)[:, :n]
        share = np.bincount(ranked.ravel(), minlength=60) / 20_000
        assert (np.abs(share - chances) < 5 * np.sqrt(chances * (1 - chances) / 20_000) + 1e-3).all()


@pytest.mark.parametrize("taste", [0, 1.5])
def test_the_sample_was_chosen_with_its_chances(taste: float) -> None:
    truth = generate(80, 40, taste=taste, rng=3)
    chance = truth.chance_of_choice
    assert chance.shape == (80, 40)
    assert chance.sum(axis=1) == pytest.approx(truth.n_chosen, abs=1e-6)
    assert truth.ratings().user_counts().tolist() == truth.n_chosen.tolist()
    # Of the pairs with a chance near p, a share near p was chosen.
    chosen = np.zeros_like(chance)
    chosen[truth.user_idx, truth.item_idx] = 1
    for part in np.array_split(np.argsort(chance.ravel()), 8):
        expected, n = chance.ravel()[part].mean(), len(part)
        assert chosen.ravel()[part].mean() == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / n))


def test_with_taste_people_choose_what_they_like() -> None:
    def liking(taste: float) -> float:
        truth = generate(150, 60, taste=taste, rng=5)
        own = truth.expected - truth.global_mean - truth.user_biases[:, None] - truth.item_biases
        return float(own[truth.user_idx, truth.item_idx].mean())

    assert liking(0) == pytest.approx(0, abs=0.05)
    assert liking(1) > 0.15


def test_taste_changes_nothing_else_of_the_sample() -> None:
    plain, fond = generate(rng=4), generate(taste=1, rng=4)
    assert np.array_equal(plain.item_factors, fond.item_factors)
    assert np.array_equal(plain.popularity, fond.popularity)
    assert plain.item_attributes["title"].tolist() == fond.item_attributes["title"].tolist()
    with pytest.raises(ParameterError, match="taste is -1: use a number of at least 0"):
        generate(taste=-1)


# -- choices --


@pytest.fixture(scope="module")
def truth() -> ChoiceTruth:
    return generate_choices(600, 300, 15_000, rng=1)


@given(
    n_users=st.integers(2, 30),
    n_items=st.integers(2, 30),
    share=st.floats(0.01, 0.5),
    n_factors=st.integers(1, 5),
    long_tail=st.floats(0, 2),
    seed=st.integers(0, 1000),
)
def test_any_size_is_a_sound_table(
    n_users: int, n_items: int, share: float, n_factors: int, long_tail: float, seed: int
) -> None:
    n_choices = max(1, int(share * n_users * n_items))
    truth = generate_choices(n_users, n_items, n_choices, n_factors=n_factors, long_tail=long_tail, rng=seed)
    assert truth.user_factors.shape == (n_users, n_factors)
    assert truth.item_factors.sum(axis=0) == pytest.approx(np.ones(n_factors))
    assert truth.chance(np.arange(n_users)).sum() == pytest.approx(n_choices, rel=1e-3)
    pairs = set(zip(truth.user_idx.tolist(), truth.item_idx.tolist(), strict=True))
    assert len(pairs) == len(truth.weight)
    assert (truth.weight >= 1).all()
    assert (np.diff(truth.timestamp) >= 0).all()


def test_the_size_is_about_what_was_asked_for(truth: ChoiceTruth) -> None:
    choices = truth.choices()
    assert (choices.n_users, choices.n_items) == (600, 300)
    assert len(choices) == pytest.approx(15_000, rel=0.05)
    assert choices.is_weighted
    assert not truth.choices(weighted=False).is_weighted


def test_same_seed_same_table() -> None:
    one, same, other = (generate_choices(rng=seed).choices() for seed in (5, 5, 6))
    assert np.array_equal(one.item_idx, same.item_idx)
    assert np.array_equal(one.weight, same.weight)
    assert len(one) != len(other) or not np.array_equal(one.item_idx, other.item_idx)


def test_choices_and_counts_have_the_chances_of_the_truth(truth: ChoiceTruth) -> None:
    chance = truth.chance(np.arange(600))
    rate = truth.user_factors @ truth.item_factors.T
    plays = np.zeros_like(chance)
    plays[truth.user_idx, truth.item_idx] = truth.weight
    for part in np.array_split(np.argsort(chance.ravel()), 10):
        expected, n = chance.ravel()[part].mean(), len(part)
        share = (plays.ravel()[part] > 0).mean()
        assert share == pytest.approx(expected, abs=5 * np.sqrt(expected / n))
        assert plays.ravel()[part].mean() == pytest.approx(rate.ravel()[part].mean(), abs=5 * np.sqrt(expected / n) * 2)
    assert truth.chance([3, 4]) == pytest.approx(chance[3:5])


def test_few_items_get_most_choices(truth: ChoiceTruth) -> None:
    counts = np.sort(truth.choices().item_counts())[::-1]
    assert counts[:30].sum() > 2.5 * 0.1 * counts.sum()
    flat = np.sort(generate_choices(600, 300, 15_000, long_tail=0, rng=1).choices().item_counts())[::-1]
    assert flat[:30].sum() < counts[:30].sum()


def test_there_is_structure_beyond_popularity(truth: ChoiceTruth) -> None:
    """Ordered by their own chances, people find far more of what they choose than in the list of what is popular."""
    chance = truth.chance(np.arange(600))
    chosen = np.zeros(chance.shape, bool)
    chosen[truth.user_idx, truth.item_idx] = True
    popular = np.argsort(-chosen.sum(axis=0))[:20]
    own = np.argsort(-chance, axis=1)[:, :20]
    assert np.take_along_axis(chosen, own, 1).sum() > 1.3 * chosen[:, popular].sum()


def test_genre_says_something_about_who_chooses() -> None:
    truth = generate_choices(50, 2_000, 4_000, rng=2)
    genres = truth.item_attributes["genres"]
    names = sorted({genre for row in genres for genre in row})
    traits = np.array([[genre in row for genre in names] for row in genres], dtype=float)
    appeal = np.log(truth.item_factors)
    appeal = appeal - appeal.mean(axis=1, keepdims=True)
    traits = np.column_stack([traits, np.ones(len(traits))])
    fitted = traits @ np.linalg.lstsq(traits, appeal, rcond=None)[0]
    assert fitted.var() > 0.3 * appeal.var()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n_users": 0}, "n_users is 0"),
        ({"n_items": 1.5}, "n_items is 1.5"),
        ({"n_choices": 0}, "n_choices is 0"),
        ({"n_choices": 30_001}, "n_choices is 30001: use at most 30,000, half of all pairs"),
        ({"n_factors": 0}, "n_factors is 0"),
        ({"long_tail": -1}, "long_tail is -1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, float], named: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(named)):
        generate_choices(**arguments)  # type: ignore[arg-type]
