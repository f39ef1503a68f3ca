"""Somebody new: a profile is the row that training would fold in, however its ratings come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pt
from penchant.errors import DataError, ParameterError, UnknownIdError, UnsupportedError
from penchant.models.embedding_nn.net_fold_in import fold_in_net, net_slopes

SOLVERS = {
    "als": pt.ALS(n_factors=4, n_epochs=6),
    "als, plain ridge": pt.ALS(n_factors=4, n_epochs=6, reg=5.0, bias_reg=1.0, reg_power=0.0),
    "adam": pt.Adam(n_factors=4, n_epochs=4, batch_size=16),
    "bayes": pt.Bayes(n_factors=4, n_draws=24, n_burn=10),
    "bayes, without choices": pt.Bayes(n_factors=4, n_draws=24, n_burn=10, implicit=False),
    "neural": pt.NeuralNet(layers=(8, 4), n_epochs=4, batch_size=16),
}
DOTS = [name for name in SOLVERS if name != "neural"]


@pytest.fixture(scope="module")
def sample():
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def recs(sample):
    return {name: solver.fit(sample) for name, solver in SOLVERS.items()}


ratings_of_some = st.dictionaries(st.integers(0, 99), st.integers(1, 5), max_size=12)


@pytest.mark.parametrize("name", DOTS)
@settings(max_examples=40, deadline=None)
@given(given_ratings=ratings_of_some)
def test_one_by_one_is_all_at_once(recs, name, given_ratings):
    rec = recs[name]
    told = {rec.items[row]: float(stars) for row, stars in given_ratings.items()}
    profile = rec.fold_in({})
    for item, stars in told.items():
        profile = profile.with_rating(item, stars)
    whole = rec.fold_in(told)
    np.testing.assert_allclose(profile.row.mean, whole.row.mean, atol=1e-8)
    np.testing.assert_allclose(profile.row.covariance, whole.row.covariance, atol=1e-8)
    np.testing.assert_allclose(
        rec.predict(list(rec.items), ratings=profile), rec.predict(list(rec.items), ratings=told), atol=1e-5
    )


@pytest.mark.parametrize("name", DOTS)
def test_a_person_is_predicted_as_a_user_who_is_added(recs, name):
    rec = recs[name]
    told = {rec.items[0]: 5, rec.items[7]: 1, rec.items[20]: 4}
    added = rec.add_user("somebody", ratings=told)
    items = list(rec.items)
    assert (rec.predict(items, ratings=told) == added.predict(items, user_id="somebody")).all()
    assert rec.recommend(ratings=told, n=5, by="stars").equals(added.recommend("somebody", n=5, by="stars"))


@pytest.mark.parametrize("name", DOTS)
def test_nothing_told_is_the_prior(recs, name):
    rec = recs[name]
    model = rec.model
    cold = model.with_rows(model.n_users + 1, model.n_items)
    items = np.arange(model.n_items, dtype=np.int32)
    expected = cold.predict(np.full(len(items), model.n_users, np.int32), items).clip(*rec.rating_scale)
    np.testing.assert_allclose(rec.predict(list(rec.items), ratings={}), expected, atol=1e-6)
    assert len(rec.recommend(ratings={}, n=7)) == 7


@pytest.mark.parametrize("name", ["bayes", "bayes, without choices"])
def test_the_more_is_told_the_surer(recs, sample, name):
    rec = recs[name]
    items = np.arange(sample.n_items, dtype=np.int32)
    widths = [rec.fold_in({rec.items[row]: 4 for row in range(n)}).variance(items).mean() for n in (1, 5, 40)]
    assert widths == sorted(widths, reverse=True)
    known = rec.predict(list(rec.items), user_id=rec.users[int(np.argmax(sample.user_counts()))], interval=0.9)
    stranger = rec.predict(list(rec.items), ratings={}, interval=0.9)
    spans = [(table.high - table.low).mean() for table in (known, stranger)]
    assert spans[0] < spans[1]


def test_a_rating_that_is_given_again_is_replaced(recs):
    rec = recs["bayes"]
    item, other = rec.items[0], rec.items[1]
    twice = rec.fold_in({item: 5, other: 2}).with_rating(item, 1)
    assert len(twice) == 2
    np.testing.assert_allclose(twice.row.mean, rec.fold_in({other: 2, item: 1}).row.mean, atol=1e-9)


def test_a_profile_is_frozen_and_comes_back_as_it_is(recs):
    rec = recs["als"]
    profile = rec.fold_in({rec.items[0]: 5})
    before = profile.row.mean.copy()
    profile.with_rating(rec.items[1], 1)
    assert (profile.row.mean == before).all()
    assert len(profile) == 1
    assert rec.fold_in(profile) is profile
    assert repr(profile) == "Profile(1 rating)"
    with pytest.raises(AttributeError):
        profile.rating = None


def test_what_is_known_of_a_person_counts(sample):
    rec = pt.Bayes(n_factors=2, n_draws=24, n_burn=10, user_features=("age",)).fit(sample)
    young, old = (rec.predict(rec.items[0], ratings=rec.fold_in({}, features={"age": age})) for age in (10, 80))
    assert young != old
    with pytest.raises(ParameterError, match="no user attribute 'height'"):
        rec.fold_in({}, features={"height": 180})


# -- the neural model --


def test_slopes_of_the_network_are_its_derivatives(recs):
    model = recs["neural"].model
    inputs = (model.user_inputs[:6] + model.item_inputs[:6]).astype(np.float64)
    _, slopes = net_slopes(model, inputs)
    for column in range(inputs.shape[1]):
        step = np.zeros_like(inputs)
        step[:, column] = 1e-6
        nearby = (net_slopes(model, inputs + step)[0] - net_slopes(model, inputs - step)[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, column], nearby, atol=1e-5)


def test_a_network_takes_in_a_person(recs, sample):
    rec = recs["neural"]
    model = rec.model
    assert (fold_in_net(model, np.empty(0, np.int32), np.empty(0, np.float32), (1, 5)) == model.user_cold).all()
    busiest = int(np.argmax(sample.user_counts()))
    mine = sample.user_idx == busiest
    told = {rec.items[row]: float(stars) for row, stars in zip(sample.item_idx[mine], sample.rating[mine], strict=True)}
    own = sample.rating[mine]
    folded = rec.predict(list(told), ratings=told)
    stranger = rec.predict(list(told), ratings={})
    assert np.mean((folded - own) ** 2) < np.mean((stranger - own) ** 2)
    happy, sad = (dict.fromkeys(told, stars) for stars in (5, 1))
    assert rec.predict(list(told), ratings=happy).mean() > rec.predict(list(told), ratings=sad).mean() + 0.5
    with pytest.raises(UnsupportedError, match="posterior"):
        rec.fold_in(told).row  # noqa: B018
    with pytest.raises(UnsupportedError, match="how sure"):
        rec.predict(rec.items[0], ratings=told, interval=0.9)


# -- what is refused --


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda rec: rec.predict(rec.items[0], rec.users[0], ratings={}), ParameterError, "say who"),
        (lambda rec: rec.recommend(), ParameterError, "say who"),
        (lambda rec: rec.recommend(rec.users[0], ratings={}), ParameterError, "say who"),
        (lambda rec: rec.predict(rec.items[0], ratings={"nothing like it": 5}), UnknownIdError, "nothing like it"),
        (lambda rec: rec.predict(rec.items[0], ratings={rec.items[0]: 6}), DataError, "1 to 5"),
        (lambda rec: rec.predict(rec.items[0], ratings=[5]), ParameterError, "ratings is a list"),
        (lambda rec: rec.predict({"user": [1], "item": [2]}, ratings={}), ParameterError, "items alone"),
        (lambda rec: rec.fold_in({}).with_rating(rec.items[0], 0), DataError, "1 to 5"),
        (lambda rec: rec.fold_in({}).with_rating("what?", 3), UnknownIdError, "what"),
        (lambda rec: rec.predict(rec.items[0], ratings={}, interval=0.9), UnsupportedError, "how sure"),
    ],
)
def test_questions_that_are_refused(recs, ask, error, said):
    with pytest.raises(error, match=said):
        ask(recs["als"])


def test_a_profile_of_another_recommender_is_refused(recs):
    with pytest.raises(ParameterError, match="another recommender"):
        recs["als"].recommend(ratings=recs["bayes"].fold_in({}))
