"""Lists of every kind of model: a sort of its predictions, of what is allowed, for whoever asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pt
from penchant.recommender.people.who import one_person

SOLVERS: dict[str, Any] = {
    "als": pt.ALS(n_factors=3, n_epochs=4),
    "adam": pt.Adam(n_factors=3, n_epochs=2, batch_size=32),
    "bayes": pt.Bayes(n_factors=3, n_draws=12, n_burn=6),
    "neural": pt.NeuralNet(layers=(6,), n_epochs=2, batch_size=32),
}
N_ITEMS, N_USERS = 100, 200

told = st.dictionaries(st.integers(0, N_ITEMS - 1), st.integers(1, 5), max_size=8)
users = st.integers(0, N_USERS - 1)
genres = st.sampled_from(["Action", "Comedy", "Drama", "Fantasy", "Horror", "Romance"])
years = st.one_of(st.none(), st.integers(1960, 2000))
conditions = st.one_of(
    st.fixed_dictionaries({}, optional={"genres": genres, "year": st.tuples(years, years)}),
    genres.map(lambda genre: {"genres": {"not": genre}}),
    st.lists(genres, min_size=1, max_size=3).map(lambda several: {"genres": {"not": several}}),
    st.lists(genres, max_size=3).map(lambda several: {"genres": {"all": several}}),
    st.integers(1960, 2000).map(lambda year: lambda films: films["year"] > year),
)


@pytest.fixture(scope="module", params=SOLVERS)
def rec(request: pytest.FixtureRequest) -> pt.Recommender:
    return SOLVERS[request.param].fit(pt.load_dataset("sample"))


def by_prediction(rec: pt.Recommender, rows: list[int], who: dict[str, Any]) -> list[object]:
    """Items by what `predict` says of them before it is clipped, ties in row order."""
    person = one_person(rec._state, who.get("user_id"), who.get("ratings"))
    scores = person.scores(np.array(rows, np.int32))
    return [rec.items[rows[at]] for at in np.argsort(-scores, kind="stable").tolist()]


def named(rec: pt.Recommender, ratings: dict[int, int]) -> dict[object, float]:
    return {rec.items[row]: float(stars) for row, stars in ratings.items()}


@settings(max_examples=15, deadline=None)
@given(user=users, ratings=told, n=st.integers(1, N_ITEMS + 5), exclude_seen=st.booleans())
def test_a_list_is_a_sort_of_predictions(
    rec: pt.Recommender, user: int, ratings: dict[int, int], n: int, exclude_seen: bool
) -> None:
    for who, seen in (
        ({"user_id": rec.users[user]}, set(rec._state.seen.items_of(user).tolist())),  # type: ignore[union-attr]
        ({"ratings": named(rec, ratings)}, set(ratings)),
    ):
        table = rec.recommend(**who, n=n, exclude_seen=exclude_seen, by="stars")
        rows = [row for row in range(N_ITEMS) if not (exclude_seen and row in seen)]
        assert table["item_id"].tolist() == by_prediction(rec, rows, who)[:n]
        assert table["predicted"].tolist() == rec.predict(table["item_id"].tolist(), **who).tolist()
        assert (np.diff(table["predicted"]) <= 0).all()


@settings(max_examples=15, deadline=None)
@given(
    ratings=told,
    where=conditions,
    some=st.none() | st.sets(st.integers(0, N_ITEMS - 1)),
    n=st.integers(1, 40),
    diversity=st.sampled_from([0.0, 0.4, 1.0]),
)
def test_a_list_never_holds_what_is_excluded_and_all_that_is_allowed(
    rec: pt.Recommender, ratings: dict[int, int], where: Any, some: set[int] | None, n: int, diversity: float
) -> None:
    candidates = None if some is None else [rec.items[row] for row in sorted(some)]
    found = rec.recommend(ratings=named(rec, ratings), n=n, where=where, candidates=candidates, diversity=diversity)
    rows = rec.items.indices(found["item_id"].tolist()).tolist() if len(found) else []
    allowed = {
        row for row in range(N_ITEMS) if row not in ratings and (some is None or row in some) and meets(rec, row, where)
    }
    assert set(rows) <= allowed
    assert len(rows) == len(set(rows)) == min(n, len(allowed))


def meets(rec: pt.Recommender, row: int, where: Any) -> bool:
    """What a condition means for one item, the long way."""
    own, year = set(rec.item_attributes["genres"][row]), float(rec.item_attributes["year"][row])  # type: ignore[call-overload]
    if callable(where):
        return bool(where({"year": year}))
    for name, condition in where.items():
        if name == "year":
            first, last = condition
            fits = (first is None or year >= first) and (last is None or year <= last)
        elif isinstance(condition, str):
            fits = condition in own
        elif "not" in condition:
            without = condition["not"]
            fits = not own & ({without} if isinstance(without, str) else set(without))
        else:
            fits = set(condition["all"]) <= own
        if not fits:
            return False
    return True


@settings(max_examples=10, deadline=None)
@given(user=users, others=st.lists(users, max_size=3), ratings=told)
def test_a_group_gets_no_more_than_its_members(
    rec: pt.Recommender, user: int, others: list[int], ratings: dict[int, int]
) -> None:
    members: list[Any] = [*(rec.users[one] for one in (user, *others)), named(rec, ratings)]
    every = {"n": N_ITEMS, "exclude_seen": False, "by": "stars"}
    alone = [
        rec.recommend(users=[one], **every).set_index("item_id")["predicted"].sort_index()  # type: ignore[call-overload]
        for one in members
    ]
    lowest, mean = (
        rec.recommend(users=members, how=how, **every).set_index("item_id")["predicted"].sort_index()  # type: ignore[call-overload]
        for how in ("least_misery", "mean")
    )
    np.testing.assert_allclose(lowest, np.min(alone, axis=0), rtol=1e-6)
    assert (lowest <= mean + 1e-6).all()
    twice = rec.recommend(users=[*members, *members], **every)  # type: ignore[call-overload]
    assert twice["item_id"].tolist() == rec.recommend(users=members, **every)["item_id"].tolist()  # type: ignore[call-overload]


@settings(max_examples=10, deadline=None)
@given(ratings=told, item=st.integers(0, N_ITEMS - 1), stars=st.integers(1, 5))
def test_a_profile_is_its_ratings_in_any_order(
    rec: pt.Recommender, ratings: dict[int, int], item: int, stars: int
) -> None:
    after = {**{row: given_stars for row, given_stars in ratings.items() if row != item}, item: stars}
    step = rec.fold_in(named(rec, ratings)).with_rating(rec.items[item], stars)
    whole = rec.fold_in(named(rec, dict(reversed(after.items()))))
    every = list(rec.items)
    np.testing.assert_allclose(rec.predict(every, ratings=step), rec.predict(every, ratings=whole), atol=2e-4)


def test_nothing_told_is_a_user_without_ratings(rec: pt.Recommender) -> None:
    model, every = rec.model.with_rows(N_USERS + 1, N_ITEMS), np.arange(N_ITEMS, dtype=np.int32)
    prior = model.predict(np.full(N_ITEMS, N_USERS, np.int32), every)
    np.testing.assert_allclose(rec.predict(list(rec.items), ratings={}), prior.clip(1, 5), atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(user=users, n=st.integers(1, 20), diversity=st.floats(0.05, 1))
def test_diversity_starts_with_the_best_and_keeps_to_the_good(
    rec: pt.Recommender, user: int, n: int, diversity: float
) -> None:
    plain = rec.recommend(rec.users[user], N_ITEMS)["item_id"].tolist()
    table = rec.recommend(rec.users[user], n, diversity=diversity)
    found = table["item_id"].tolist()
    assert found[0] == plain[0]
    assert len(found) == len(set(found)) == min(n, len(plain))
    assert set(found) <= set(plain)
    assert rec.recommend(rec.users[user], n, diversity=0)["item_id"].tolist() == plain[:n]
