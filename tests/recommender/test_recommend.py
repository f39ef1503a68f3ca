"""Lists: conditions, groups, diversity, and which questions to ask."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pt
from penchant.data.attributes import Attributes
from penchant.data.filters import allowed
from penchant.errors import ParameterError, UnsupportedError
from penchant.ranking.active_learning import questions, questions_readable
from penchant.ranking.diversity import diversified, diversified_readable
from penchant.recommender.people.who import one_person


@pytest.fixture(scope="module")
def rec():
    return pt.Bayes(n_factors=4, n_draws=24, n_burn=10).fit(pt.load_dataset("sample"))


def attributes_of(n: int, seed: int) -> Attributes:
    rng = np.random.default_rng(seed)
    tags = np.empty(n, object)
    for row in range(n):
        tags[row] = tuple(rng.choice(["a", "b", "c"], rng.integers(0, 4), replace=False).tolist())
    year = np.where(rng.random(n) < 0.2, np.nan, rng.integers(1980, 2000, n))
    words = np.array([None if rng.random() < 0.2 else str(rng.choice(["x", "y"])) for _ in range(n)], object)
    return Attributes({"genres": tags, "year": year, "country": words, "new": rng.integers(0, 2, n)}, n_rows=n)


# -- conditions --


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from("abc"), st.integers(1980, 2000), st.integers(1980, 2000))
def test_conditions_are_what_they_say(seed, tag, first, last):
    table = attributes_of(30, seed)
    rows = list(zip(*(table[name].tolist() for name in ("genres", "year", "country", "new")), strict=True))

    def mask(where):
        return allowed(where, table, lambda: pd.DataFrame(dict(table))).tolist()

    assert mask({"genres": tag}) == [tag in genres for genres, *_ in rows]
    assert mask({"genres": {"not": tag}}) == [tag not in genres for genres, *_ in rows]
    assert mask({"genres": ["a", tag]}) == [bool({"a", tag} & set(genres)) for genres, *_ in rows]
    assert mask({"genres": {"all": ["a", tag]}}) == [{"a", tag} <= set(genres) for genres, *_ in rows]
    assert mask({"genres": {"any": [tag, {"not": "a"}]}}) == [tag in genres or "a" not in genres for genres, *_ in rows]
    assert mask({"year": (first, last)}) == [first <= year <= last for _, year, *_ in rows]
    assert mask({"year": (None, last)}) == [year <= last for _, year, *_ in rows]
    assert mask({"year": first}) == [year == first for _, year, *_ in rows]
    assert mask({"year": {"not": (first, last)}}) == [not first <= year <= last for _, year, *_ in rows]
    assert mask({"country": "x", "new": 1}) == [country == "x" and new == 1 for *_, country, new in rows]
    assert mask({"country": {"not": "x"}}) == [country != "x" for *_, country, _ in rows]
    assert mask("new") == [new == 1 for *_, new in rows]
    assert mask(lambda films: films.year > first) == [year > first for _, year, *_ in rows]
    assert mask({}) == [True] * 30
    assert mask({"genres": []}) == [False] * 30


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("genre", "did you mean 'genres'"),
        ("year", "not of 0 and 1"),
        ({"director": "red"}, "there are genres, year, country, new"),
        ({"year": "1990"}, "holds numbers"),
        ({"genres": 3}, "holds text"),
        ({"year": (1990,)}, "lowest, highest"),
        ({"year": ("a", "b")}, "lowest, highest"),
        ({"genres": {"without": "a"}}, "'not'"),
        ({"genres": {"all": "a"}}, "takes a list"),
        (3, "use a dict"),
        (lambda films: True, "one True or False an item"),
        (lambda films: films.year, "one True or False an item"),
    ],
)
def test_conditions_that_do_not_fit_are_refused(where, said):
    table = attributes_of(10, 0)
    with pytest.raises(ParameterError, match=said):
        allowed(where, table, lambda: pd.DataFrame(dict(table)))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 199),
    st.integers(1, 30),
    st.sampled_from(
        [{"genres": "Comedy"}, {"genres": {"not": "Drama"}}, {"year": (1990, 1999)}, {"year": (2500, None)}]
    ),
    st.booleans(),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_a_list_holds_what_is_allowed_and_as_much_as_there_is(rec, user, n, where, exclude_seen, diversity):
    user_id = rec.users[user]
    mask = allowed(where, rec.item_attributes, lambda: None)
    seen = set(rec._state.seen.items_of(user).tolist()) if exclude_seen else set()
    eligible = [row for row in np.flatnonzero(mask).tolist() if row not in seen]
    table = rec.recommend(user_id, n, where=where, exclude_seen=exclude_seen, diversity=diversity, by="stars")
    rows = rec.items.indices(table.item_id.tolist()).tolist() if len(table) else []
    assert len(rows) == min(n, len(eligible))
    assert set(rows) <= set(eligible)
    assert table["rank"].tolist() == list(range(1, len(rows) + 1))
    if diversity == 0:
        scores = rec.model.predict(np.full(len(eligible), user, np.int32), np.array(eligible, np.int32))
        best = sorted(zip(-scores, eligible, strict=True))[: len(rows)]
        assert rows == [row for _, row in best]


def test_candidates_and_conditions_hold_together(rec):
    some = [rec.items[row] for row in range(30)]
    table = rec.recommend(rec.users[0], 50, candidates=some, where={"genres": "Comedy"}, exclude_seen=False)
    comedies = [item for item in some if "Comedy" in rec.item_attributes["genres"][rec.items.index(item)]]
    assert sorted(table.item_id) == sorted(comedies)


# -- intervals --


def test_a_list_has_the_intervals_of_predict(rec):
    table = rec.recommend(rec.users[3], 5, interval=0.8)
    alone = rec.predict(table.item_id.tolist(), user_id=rec.users[3], interval=0.8)
    for column in ("predicted", "low", "high"):
        np.testing.assert_allclose(table[column], alone[column], rtol=1e-6)
    with pytest.raises(UnsupportedError, match="group"):
        rec.recommend(users=[rec.users[0], rec.users[1]], interval=0.8)


# -- groups --


def test_a_group_gets_what_is_best_for_all_of_it(rec):
    me = {rec.items[0]: 5, rec.items[1]: 1}
    members = [rec.users[0], rec.users[1], me, rec.fold_in({rec.items[2]: 2})]
    every = np.arange(rec.n_items, dtype=np.int32)
    asked = ((members[0], None), (members[1], None), (None, me), (None, members[3]))
    scores = np.stack([one_person(rec._state, *who).scores(every) for who in asked])
    for how, joined in (("mean", scores.mean(axis=0)), ("least_misery", scores.min(axis=0))):
        table = rec.recommend(users=members, n=8, how=how, by="stars")
        rows = rec.items.indices(table.item_id.tolist())
        np.testing.assert_allclose(table.predicted, joined[rows].clip(1, 5), rtol=1e-5)
        assert (np.diff(joined[rows]) <= 1e-6).all()
        assert not {rec.items[0], rec.items[1], rec.items[2]} & set(table.item_id)
    alone = rec.recommend(users=[rec.users[0]], n=5)
    assert alone.equals(rec.recommend(rec.users[0], n=5))


@pytest.mark.parametrize(
    ("given_arguments", "said"),
    [
        ({"users": []}, "at least one"),
        ({"users": "ann"}, "a list of user ids"),
        ({"users": [7], "ratings": {}}, "is a group"),
        ({"ratings": {}, "how": "median"}, "how"),
        ({"ratings": {}, "diversity": 2}, "diversity"),
        ({"ratings": {}, "diversity": "much"}, "diversity"),
        ({"ratings": {}, "n": 0}, "n "),
        ({"ratings": {}, "n": 0, "diversity": 0.5}, "n "),
        ({"ratings": {}, "interval": 2}, "interval"),
    ],
)
def test_lists_that_are_refused(rec, given_arguments, said):
    with pytest.raises(ParameterError, match=said):
        rec.recommend(**given_arguments)


# -- diversity --


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 25), st.integers(1, 12), st.sampled_from([0.0, 0.2, 0.7, 1.0]))
def test_diverse_lists_follow_the_equation(seed, n_candidates, n, diversity):
    rng = np.random.default_rng(seed)
    scores, vectors = rng.normal(size=30), rng.normal(size=(30, 3)).astype(np.float32)
    candidates = np.argsort(-scores, kind="stable")[:n_candidates].astype(np.int32)
    fast = diversified(candidates, scores, vectors, n, diversity)
    assert fast.tolist() == diversified_readable(candidates, scores, vectors, n, diversity).tolist()
    assert len(set(fast.tolist())) == min(n, n_candidates)
    if diversity == 0:
        assert fast.tolist() == candidates[:n].tolist()
    assert diversity == 1 or fast[0] == candidates[0]


def test_more_diversity_makes_a_list_less_alike(rec):
    def alike(diversity):
        rows = rec.items.indices(rec.recommend(ratings={}, n=10, diversity=diversity).item_id.tolist())
        unit = rec.model.item_factors[rows] / np.linalg.norm(rec.model.item_factors[rows], axis=1, keepdims=True)
        return (unit @ unit.T).mean()

    assert alike(0.8) < alike(0.0)


def test_a_network_knows_what_is_alike_too():
    rec = pt.NeuralNet(layers=(6,), n_epochs=2, batch_size=32).fit(pt.load_dataset("sample"))
    assert len(rec.recommend(rec.users[0], 5, diversity=0.5)) == 5


# -- questions --


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 99), st.integers(1, 5))
def test_questions_are_those_of_the_readable_twin(rec, first, n):
    counts = rec._state.seen.item_counts(rec.n_items)
    covariance = rec.fold_in({rec.items[first]: 4}).row.covariance
    mask = np.arange(rec.n_items) % 4 == 1
    asked = (rec.model.questions(), covariance, counts, counts / 200, mask, n)
    (rows, gains), (slow_rows, slow_gains) = questions(*asked), questions_readable(*asked)
    assert rows.tolist() == slow_rows.tolist()
    np.testing.assert_allclose(gains, slow_gains, rtol=1e-8)
    assert mask[rows].all()


def test_questions_are_about_what_is_not_rated_yet(rec):
    told = {rec.items[row]: 3 for row in range(60)}
    table = rec.ask_next(told, n=100)
    assert len(table) == 40
    assert not set(told) & set(table.item_id)
    assert list(table) == ["rank", "item_id", "title", "gain", "known"]
    assert (table.known <= 1).all()
    comedies = rec.ask_next(n=5, where={"genres": "Comedy"})
    assert all("Comedy" in rec.item_attributes["genres"][rec.items.index(item)] for item in comedies.item_id)
    with pytest.raises(UnsupportedError, match="dot_bias"):
        pt.Adam(n_factors=2, n_epochs=1).fit(pt.load_dataset("sample")).ask_next()
    with pytest.raises(ParameterError, match="n is 0"):
        rec.ask_next(n=0)
