"""Which items to ask a new person about: for stars by what they would know, and for choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import penchant as pt
from penchant.data.sources.sample_choices import generate_choices
from penchant.errors import ParameterError, UnsupportedError

FACTORS = pt.ChoiceALS(n_factors=8, reg=3.0, n_epochs=3)
MIX = pt.ChoiceMix(ease=pt.EASE(n_factors=8), factors=FACTORS, share=0.7, popularity=0.0)


@pytest.fixture(scope="module")
def stars() -> pt.Recommender:
    return pt.fit(pt.load_dataset("sample"), pt.Bayes(n_factors=3, n_draws=8, n_burn=4, n_chains=2), choices=MIX)


@pytest.fixture(scope="module")
def likes() -> pt.Recommender:
    return pt.fit(pt.load_dataset("sample").choices(), MIX)


def known(table: object) -> dict[object, float]:
    return dict(zip(table["item_id"], table["known"], strict=True))  # type: ignore[index]


# -- stars --


def test_who_knows_an_item_follows_what_was_told(stars: pt.Recommender) -> None:
    """Known is the chance that this person has chosen an item, not that anybody has."""
    learned = stars._state.choices
    assert learned is not None
    mine = dict.fromkeys(stars.items.ids[[3, 8, 20]].tolist(), 4.0)
    anybody, somebody = known(stars.ask_next(n=100)), known(stars.ask_next(mine, n=100))
    apart = [abs(anybody[item] - somebody[item]) for item in somebody]
    assert max(apart) > 0.02
    chance = np.exp(learned.order.log_choice(learned.model.scores(stars.fold_in(mine).choice_row())))
    for item in somebody:
        wanted = 1 - (1 - min(chance[stars.items.index(item)], 1)) ** 10
        assert somebody[item] == pytest.approx(wanted, rel=1e-5)


def test_what_is_chosen_is_known_and_may_be_asked_about(stars: pt.Recommender) -> None:
    item = stars.items[3]
    table = known(stars.ask_next(chosen=[item], n=100))
    assert table[item] == 1
    assert item not in known(stars.ask_next({item: 3.0}, n=100))


def test_without_choices_it_is_the_share_of_users() -> None:
    rec = pt.fit(pt.load_dataset("sample"), pt.Bayes(n_factors=3, n_draws=8, n_burn=4, n_chains=2), choices=False)
    assert rec._state.seen is not None
    shares = rec._state.seen.item_counts(rec.n_items) / rec.n_users
    for item, share in known(rec.ask_next(n=100)).items():
        assert share == pytest.approx(shares[rec.items.index(item)])
    with pytest.raises(UnsupportedError, match="knows stars and no choices"):
        rec.ask_next(chosen=[rec.items[0]])


def test_choices_stand_in_for_ratings_that_were_not_kept(stars: pt.Recommender) -> None:
    bare = pt.Recommender(replace(stars._state, seen=None))
    assert bare.ask_next(n=20)["item_id"].tolist() == stars.ask_next(n=20)["item_id"].tolist()
    without = pt.Recommender(replace(bare._state, choices=None))
    with pytest.raises(UnsupportedError, match="ask_next needs the training ratings"):
        without.ask_next()


def test_a_file_of_format_1_is_asked_as_before() -> None:
    old = pt.load(Path(__file__).parents[2] / "files" / "v1-bayes.penchant")
    assert old._state.choices is None
    assert len(old.ask_next(n=3)) == min(3, old.n_items)


# -- choices --


def test_questions_about_choices(likes: pt.Recommender) -> None:
    table = likes.ask_next(n=100, chosen=[likes.items[3], likes.items[8]])
    assert list(table) == ["rank", "item_id", "title", "gain", "known"]
    assert len(table) == 98
    assert (np.diff(table["gain"]) <= 0).all()
    assert table["known"].between(0, 1).all()
    comedies = likes.ask_next(n=5, where={"genres": "Comedy"})
    assert all("Comedy" in likes.item_attributes["genres"][likes.items.index(item)] for item in comedies.item_id)
    assert likes.ask_next(candidates=[likes.items[5]])["item_id"].tolist() == [likes.items[5]]
    with pytest.raises(ParameterError, match="n is 0"):
        likes.ask_next(n=0)
    with pytest.raises(UnsupportedError, match="ratings are stars"):
        likes.ask_next({likes.items[0]: 1.0})


def test_gain_is_how_far_a_yes_moves_the_scores_by_hand(likes: pt.Recommender) -> None:
    learned = likes._state.choices
    assert learned is not None
    model, mine = learned.model, likes.items.ids[[3, 8]].tolist()
    before = model.scores(likes.fold_in(chosen=mine).choice.factors).astype(np.float64)
    for _, row in likes.ask_next(n=100, chosen=mine).iloc[::20].iterrows():
        after = model.scores(likes.fold_in(chosen=[*mine, row["item_id"]]).choice.factors)
        moved = np.sqrt(np.average((after - before) ** 2, weights=model.item_popularity))
        assert row["gain"] == pytest.approx(row["known"] * moved, rel=1e-3)


def test_questions_find_a_taste_sooner_than_chance_or_the_most_popular() -> None:
    """On generated choices, whose chances are known: how likely people are to choose what is listed after asking.

    What they were asked about stays in the lists: else whoever asks about the best items would have the worst list.
    """
    truth = generate_choices(900, 200, 18_000, n_factors=6, rng=1)
    table = truth.choices(weighted=False)
    new = np.arange(60)
    rec = pt.fit(table.take(np.flatnonzero(table.user_idx >= len(new))), MIX)
    assert rec._state.seen is not None
    popular = np.argsort(-rec._state.seen.item_counts(rec.n_items), kind="stable")
    chances, rng = truth.chance(new), np.random.default_rng(0)

    def after(ask: Callable[[list[object], set[object]], list[object]]) -> float:
        found = []
        for person in new:
            yes = set(table.items.ids[table.item_idx[table.user_idx == person]].tolist())
            asked: set[object] = set()
            chosen: list[object] = []
            while len(asked) < 15:
                for item in ask(chosen, asked):
                    asked.add(item)
                    chosen += [item] if item in yes else []
            best = rec.recommend(chosen=chosen, n=20, exclude_seen=False)["item_id"].tolist()
            found.append(chances[person][rec.items.indices(best)].mean())
        return float(np.mean(found))

    def left(asked: set[object]) -> list[object]:
        return [item for item in rec.items.ids[popular].tolist() if item not in asked]

    ours = after(lambda chosen, asked: rec.ask_next(chosen=chosen, n=5, candidates=left(asked))["item_id"].tolist())
    most_popular = after(lambda _, asked: left(asked)[:5])
    at_random = after(lambda _, asked: rng.permutation(np.array(left(asked)))[:5].tolist())
    assert ours > most_popular > at_random
