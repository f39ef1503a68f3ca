"""Lists by chance: the few items that are looked at give the list of all, for one user and for everybody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.random_models import random_model

from penchant.arrays.seen_ratings import SeenRatings
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.ranking_order import RankingOrder
from penchant.ranking.by_chance import Chances
from penchant.ranking.chance_lists import chance_lists
from penchant.ranking.top_n import top_n

ORDER = RankingOrder(knots=(-2.0, 0.0, 2.0), log_chance=(-9.0, -6.0, -1.0), threshold=3.5, spread=0.8)


def random_choices(rng: np.random.Generator, n_users: int, n_items: int, n_factors: int = 3) -> ChoiceModel:
    return ChoiceModel(
        item_biases=rng.normal(0, 0.5, n_items).astype(np.float32),
        item_popularity=rng.uniform(0, 1, n_items).astype(np.float32),
        user_factors=rng.normal(size=(n_users, n_factors)).astype(np.float32),
        item_factors=rng.normal(size=(n_items, n_factors)).astype(np.float32),
        item_inputs=rng.normal(size=(n_items, n_factors)).astype(np.float32),
        input_mean=rng.normal(size=n_factors),
    )


@given(
    seed=st.integers(0, 10**6),
    n_items=st.integers(1, 900),
    n=st.integers(1, 40),
    dial=st.sampled_from((-1.0, 0.0, 0.4)),
)
def test_the_list_is_that_of_all_items(seed: int, n_items: int, n: int, dial: float) -> None:
    rng = np.random.default_rng(seed)
    choices = random_choices(rng, 2, n_items)
    stars = rng.uniform(-2, 8, n_items).astype(np.float32)  # many would not be liked at all
    chances, row = Chances(choices, ORDER, dial), choices.user_factors[1]
    exclude = rng.integers(0, n_items, 5).astype(np.int32)
    everything = np.arange(n_items, dtype=np.int32)
    for rated in (None, lambda items: stars[items]):
        scores = chances.scores(row, everything, rated)
        wanted = top_n(scores, n, exclude=exclude)
        rows, found = chances.best(row, n, rated, exclude=exclude)
        assert rows.tolist() == wanted.tolist()
        np.testing.assert_array_equal(found, scores[wanted])
        np.testing.assert_allclose(chances.all_scores(row, rated), scores, atol=1e-4)


@pytest.mark.parametrize("dial", [0.0, -0.5])
@pytest.mark.parametrize("with_stars", [True, False])
def test_everybody_gets_the_list_of_one(*, dial: float, with_stars: bool) -> None:
    rng = np.random.default_rng(5)
    n_users, n_items = 41, 600
    choices = random_choices(rng, n_users, n_items)
    stars = random_model(5, n_users=n_users, n_items=n_items, n_factors=2)
    pairs = np.unique(rng.integers(0, n_users * n_items, 900))
    seen = SeenRatings.from_pairs(pairs // n_items, pairs % n_items, np.ones(len(pairs)), n_users)
    chances = Chances(choices, ORDER, dial)
    restrict = np.sort(rng.choice(n_items, 500, replace=False)).astype(np.int32)
    blocks = chance_lists(chances, stars if with_stars else None, 10, seen=seen, restrict=restrict, block_size=16)
    lists = [np.concatenate(columns) for columns in zip(*blocks, strict=True)]
    for user in range(n_users):
        own = lists[0] == user
        rated = (
            (lambda items, user=user: stars.predict(np.full(len(items), user, np.int32), items)) if with_stars else None
        )
        rows, scores = chances.best(
            choices.user_factors[user], 10, rated, exclude=seen.items_of(user), restrict=restrict
        )
        assert lists[1][own].tolist() == list(range(1, 11))
        assert lists[2][own].tolist() == rows.tolist()
        np.testing.assert_array_equal(lists[3][own], scores)


def test_who_has_seen_all_gets_nothing() -> None:
    choices = random_choices(np.random.default_rng(0), 1, 4)
    rows, scores = Chances(choices, ORDER).best(choices.user_factors[0], 3, exclude=np.arange(4, dtype=np.int32))
    assert len(rows) == len(scores) == 0
