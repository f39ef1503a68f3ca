"""Whatever the model and the ratings: parts add up to predictions, and rotations leave these as they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.random_models import random_model, random_net, random_ratings, random_seen

import penchant as pt
import penchant.recommender.explanation
from penchant.analysis.varimax import principal_axes, rotated, varimax
from penchant.data.attributes import Attributes
from penchant.data.vocab import Vocab
from penchant.models.dot_bias import DotBias
from penchant.models.dot_bias.dot_attribution import dot_bias_answer, dot_bias_parts
from penchant.models.embedding_nn.net_attribution import net_answer, net_parts
from penchant.models.model import Model
from penchant.storage import Snapshot

SEEDS = st.integers(0, 2**31)
LINKS = st.sampled_from([None, (0.5, 5.5), (1.0, 5.0), (-2.0, 9.0)])


def recommender(model: Model, seed: int, *, keep: bool = True) -> pt.Recommender:
    titles = np.array([f"Film {row}" for row in range(model.n_items)], dtype=object)
    return pt.Recommender(
        Snapshot(
            model=model,
            users=Vocab([f"u{row}" for row in range(model.n_users)], kind="user"),
            items=Vocab(list(range(100, 100 + model.n_items)), kind="item"),
            user_attributes=Attributes({}, n_rows=model.n_users),
            item_attributes=Attributes({"title": titles}, n_rows=model.n_items),
            rating_scale=(1.0, 5.0),
            seen=random_seen(seed) if keep else None,
        )
    )


def assert_adds_up(why: pt.explanation.Explanation, predicted: float, sizes: float) -> None:
    """The property of docs/explaining.md.

    Args:
        why: what is claimed.
        predicted: the model's own prediction, kept in float32.
        sizes: the sum of the absolute values of what that is a sum of.
    """
    four = (why.mean, why.item_bias, why.user_bias, why.taste)
    assert why.prediction == math.fsum(four)  # bit for bit
    assert why.prediction == pytest.approx(predicted, abs=16 * float(np.finfo(np.float32).eps) * sizes)
    known = [*(why.ratings or ()), *(effect for _, effect in why.rest())]
    for whole, parts in (
        (why.user_bias, [one.on_user_bias for one in known]),
        (why.taste, [one.on_taste for one in known]),
    ):
        size = abs(whole) + math.fsum(map(abs, parts))
        assert math.fsum(parts) == pytest.approx(whole, abs=8 * float(np.finfo(np.float64).eps) * size)
    frame = why.to_frame()["total"]
    assert math.fsum(frame) == pytest.approx(why.prediction, abs=1e-13 * (1 + frame.abs().sum()))


def sizes_of(model: DotBias, theta: np.ndarray, item: int) -> float:
    steep = 1.0 if model.y_range is None else (model.y_range[1] - model.y_range[0]) / 4
    terms = np.abs(theta[:-1] * model.item_factors[item]).sum() + abs(theta[-1]) + abs(model.item_biases[item])
    return float(steep * (terms + abs(model.global_mean)) + 10)


@settings(max_examples=60, deadline=None)
@given(SEEDS, LINKS, st.booleans(), st.integers(0, 6), st.integers(0, 8))
def test_a_known_users_explanation_adds_up(seed, y_range, rich, user, item):
    model = random_model(seed, y_range=y_range, rich=rich)
    rec = recommender(model, seed)
    why = rec.explain(rec.items[item], rec.users[user])
    theta = np.append(model.user_factors[user], model.user_biases[user]).astype(np.float64)
    predicted = model.predict(np.array([user], np.int32), np.array([item], np.int32))[0]
    assert_adds_up(why, predicted, sizes_of(model, theta, item))
    assert len(why.ratings) == len(rec._state.seen.items_of(user))
    assert why.is_exact is (y_range is None)


@settings(max_examples=60, deadline=None)
@given(SEEDS, LINKS, st.booleans(), st.integers(0, 9), st.integers(0, 8))
def test_a_new_persons_explanation_adds_up_and_leaves_nothing_over(seed, y_range, rich, n, item):
    model = random_model(seed, y_range=y_range, rich=rich)
    rec = recommender(model, seed)
    items, rating, _ = random_ratings(seed, n)
    given_ratings = {rec.items[int(row)]: float(stars) for row, stars in zip(items, rating, strict=True)}
    why = rec.explain(rec.items[item], ratings=given_ratings)
    profile = rec.fold_in(given_ratings)
    assert_adds_up(why, float(profile.scores(np.array([item], np.int32))[0]), sizes_of(model, profile.row.mean, item))
    if y_range is None:
        assert abs(why.beyond.total) < 1e-9 * (
            1 + abs(why.user_bias) + abs(why.taste) + sizes_of(model, profile.row.mean, item)
        )


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([None, (0.5, 5.5)]), st.integers(0, 6), st.integers(0, 8), st.integers(0, 9))
def test_explanations_of_a_network_add_up(seed, y_range, user, item, n):
    model = random_net(seed, y_range=y_range)
    rec = recommender(model, seed)
    predicted = float(model.predict(np.array([user], np.int32), np.array([item], np.int32))[0])
    why = rec.explain(rec.items[item], rec.users[user])
    assert_adds_up(why, predicted, 100)
    assert not why.is_exact
    items, rating, _ = random_ratings(seed, n)
    new = {rec.items[int(row)]: float(stars) for row, stars in zip(items, rating, strict=True)}
    why = rec.explain(rec.items[item], ratings=new)
    assert_adds_up(why, float(rec.fold_in(new).scores(np.array([item], np.int32))[0]), 100)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans(), st.integers(1, 9), st.data())
def test_a_rating_counts_for_what_it_says_beyond_what_anybody_gives(seed, rich, n, data):
    """Explicit leave-one-out: a rating at mu + b_j says nothing, and the prediction goes by just its own part."""
    model = random_model(seed, rich=rich)
    items, rating, features = random_ratings(seed, n)
    known = features if rich else None
    left_out, item = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, 8))
    neutral = rating.copy()
    neutral[left_out] = model.global_mean + model.item_biases[items[left_out]]
    full, without = (model.fold_in_user(items, one, known).mean for one in (rating, neutral))
    parts, others = (
        dot_bias_parts(model, theta, items, one, features=known) for theta, one in ((full, rating), (without, neutral))
    )
    said = parts.ratings[left_out] - others.ratings[left_out]  # the same without having chosen the item
    np.testing.assert_allclose(said, full - without, atol=2e-6)  # the neutral rating is rounded to float32
    if not rich:
        np.testing.assert_allclose(parts.ratings[left_out], full - without, atol=2e-6)
    np.testing.assert_allclose(
        np.delete(parts.ratings, left_out, 0), np.delete(others.ratings, left_out, 0), atol=1e-12
    )
    answer = dot_bias_answer(model, full, item)
    before, after = (
        model.global_mean + model.item_biases[item] + theta[-1] + theta[:-1] @ model.item_factors[item].astype(float)
        for theta in (without, full)
    )
    assert said @ (answer.on_bias + answer.on_taste) == pytest.approx(after - before, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(SEEDS, LINKS, st.booleans(), st.integers(0, 9))
def test_parts_of_a_row_are_the_row(seed, y_range, rich, n):
    model = random_model(seed, y_range=y_range, rich=rich)
    items, rating, features = random_ratings(seed, n)
    theta = model.fold_in_user(items, rating, features if rich else None).mean
    parts = dot_bias_parts(model, theta, items, rating, features=features if rich else None)
    whole = parts.ratings.sum(axis=0) + parts.prior + parts.features + parts.beyond
    np.testing.assert_allclose(whole, theta, atol=1e-12 * (1 + np.abs(parts.ratings).sum()))
    np.testing.assert_allclose(parts.beyond, 0, atol=1e-9 if y_range is None else 1e-5)
    if n == 0:
        np.testing.assert_allclose(parts.prior + parts.features, theta, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(0, 9))
def test_slopes_of_a_network_lead_from_nobody_to_the_person(seed, n):
    """Along the straight way the mean slope adds up to what the network says at its end, but for its bends."""
    model = random_net(seed)
    items, rating, _ = random_ratings(seed, n)
    row = model.user_inputs[0].astype(np.float64)
    answer, away = net_answer(model, row, 3), row - model.user_cold
    assert answer.on_bias @ away == pytest.approx(answer.user_bias, abs=0.05)
    assert answer.on_taste @ away == pytest.approx(answer.taste, abs=0.1)
    parts = net_parts(model, row, items, rating, (1.0, 5.0))
    np.testing.assert_allclose(
        parts.ratings.sum(axis=0) + parts.beyond, away, atol=1e-9 * (1 + np.abs(parts.ratings).sum())
    )


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 6), st.integers(2, 30), st.integers(2, 30))
def test_rotations_leave_predictions_as_they_are(seed, n_factors, n_users, n_items):
    model = random_model(seed, n_users=n_users, n_items=n_items, n_factors=n_factors)
    p, q = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    centre_p, centre_q = p.mean(axis=0), q.mean(axis=0)
    # What is taken away with the means goes to the biases, and all else stays.
    apart = p @ centre_q + (q @ centre_p)[:, None] - centre_p @ centre_q
    for axes in (principal_axes(p, q), rotated(principal_axes(p, q))):
        np.testing.assert_allclose(axes.left @ axes.right.T, p @ q.T - apart.T, atol=1e-5)
    size = len(axes.right.T)
    turn = varimax(axes.right)
    np.testing.assert_allclose(turn.T @ turn, np.eye(size), atol=1e-12)
    np.testing.assert_allclose(axes.left.T @ axes.left / n_users, np.eye(size), atol=1e-5)
    variances = (axes.right**2).sum(axis=0)
    assert (np.diff(variances) <= 1e-9 * (1 + variances[:-1])).all()
    assert ((axes.right**3).sum(axis=0) >= -1e-12).all()


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_neighbours_and_maps_do_not_depend_on_the_columns_of_the_factors(seed, n_factors):
    """P A and Q A^-T predict the same, so they mean the same."""
    model = random_model(seed, n_factors=n_factors)
    change = np.linalg.qr(np.random.default_rng(seed).normal(size=(n_factors, n_factors)))[0] * 1.7
    other = replace(
        model,
        user_factors=(model.user_factors @ change).astype(np.float32),
        item_factors=(model.item_factors @ np.linalg.inv(change).T).astype(np.float32),
    )
    one, two = recommender(model, seed), recommender(other, seed)
    found = [rec.similar_items(rec.items[0], 20, shrink=1).set_index("item_id")["similarity"] for rec in (one, two)]
    np.testing.assert_allclose(found[0], found[1].loc[found[0].index], atol=1e-4)
    spreads = [rec.item_table()["taste"] for rec in (one, two)]
    np.testing.assert_allclose(spreads[0], spreads[1], atol=1e-4)
