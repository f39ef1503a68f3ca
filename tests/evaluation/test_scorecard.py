"""The scorecard against a plain twin that sorts every candidate of every user, and the edges of its protocol."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.arrays.seen_ratings import SeenRatings
from penchant.errors import DataError, ParameterError
from penchant.evaluation.notes import MOST_RATED
from penchant.evaluation.scorecard import Scores, score
from penchant.models.dot_bias import DotBias, RowPrior

N_USERS, N_ITEMS = 9, 34  # more items than the 20 of recall@20
SCALE = (1.0, 5.0)
ERRORS = ["rmse", "mae", "mse"]
LISTS = ["ndcg@3", "precision@3", "recall@3", "recall@20", "map@3", "mrr@3", "hit_rate@3"]
COLUMNS = [*ERRORS, *LISTS, "coverage", "novelty", "overlap"]


@dataclass(frozen=True)
class Matrix:
    """A model that looks its predictions up, and is no DotBias."""

    predicted: np.ndarray

    def linear_form(self):
        return None

    knows_stars = True
    n_users = property(lambda self: self.predicted.shape[0])
    n_items = property(lambda self: self.predicted.shape[1])

    def predict(self, user_idx, item_idx):
        return self.predicted[user_idx, item_idx]


@dataclass(frozen=True)
class Table:
    """An order of items that is no model: scores by user and item."""

    table: np.ndarray

    def scores(self, user_idx):
        return self.table[user_idx].astype(np.float32)


def dot_bias(rng):
    prior = RowPrior(np.zeros(3), np.eye(3))
    arrays = [rng.normal(0, 0.7, shape).astype(np.float32) for shape in (N_USERS, N_ITEMS, (N_USERS, 2), (N_ITEMS, 2))]
    return DotBias(3.5, *arrays, prior, prior, 1.0)


def as_matrix(model):
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS, dtype=np.int32), N_ITEMS)
    return Matrix(model.predict(users, items).reshape(N_USERS, N_ITEMS))


@st.composite
def tables(draw):
    """A random table of ratings with a random part of it held out; the last user and item have none at all."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    pairs = rng.permutation((N_USERS - 1) * (N_ITEMS - 1))[: draw(st.integers(2, 200))]
    users, items = np.divmod(pairs.astype(np.int32), N_ITEMS - 1)
    rating = rng.integers(1, 6, len(pairs)).astype(np.float32)
    n_test = draw(st.integers(1, len(pairs) - 1))
    test = {"user_idx": users[:n_test], "item_idx": items[:n_test], "rating": rating[:n_test]}
    return rng, test, SeenRatings.from_pairs(users[n_test:], items[n_test:], rating[n_test:], N_USERS)


def score_twin(matrix, test, seen, k, relevant):
    """The whole protocol, one pair at a time."""
    pairs = list(zip(test["user_idx"].tolist(), test["item_idx"].tolist(), test["rating"].tolist(), strict=True))
    errors = [min(max(float(matrix[user, item]), 1.0), 5.0) - given_ for user, item, given_ in pairs]
    mse = sum(error**2 for error in errors) / len(errors)
    totals = {"rmse": math.sqrt(mse), "mae": sum(map(abs, errors)) / len(errors), "mse": mse}
    per_user = []
    recommended, lists = [], []
    for user in sorted({user for user, _, given_ in pairs if given_ >= relevant}):
        wanted = {item for who, item, given_ in pairs if who == user and given_ >= relevant}
        candidates = set(range(matrix.shape[1])) - set(seen.items_of(user).tolist())
        ordered = sorted(candidates, key=lambda item: -float(matrix[user, item]))
        listed = ordered[:k]
        hits = [rank for rank, item in enumerate(listed, 1) if item in wanted]
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
        per_user.append(
            {
                "ndcg": sum(1 / math.log2(rank + 1) for rank in hits) / ideal,
                "precision": len(hits) / k,
                "recall": len(hits) / len(wanted),
                "capped_recall": len(wanted & set(ordered[:20])) / min(20, len(wanted)),
                "map": sum(count / rank for count, rank in enumerate(hits, 1)) / len(wanted),
                "mrr": 1 / hits[0] if hits else 0.0,
                "hit_rate": float(bool(hits)),
            }
        )
        recommended += listed
        lists.append(set(listed))
    for name in ("ndcg", "precision", "recall", "capped_recall", "map", "mrr", "hit_rate"):
        totals[name] = np.mean([row[name] for row in per_user]) if per_user else math.nan
    known, people = seen.item_counts(matrix.shape[1]), int((seen.user_counts() > 0).sum())
    bits = [math.log2(people / max(known[item], 1)) for item in recommended]
    totals["coverage"] = len(set(recommended)) / matrix.shape[1] if per_user else math.nan
    totals["novelty"] = np.mean(bits) if bits else math.nan
    both = [(len(one & other), min(len(one), len(other))) for one, other in itertools.combinations(lists, 2)]
    possible = sum(least for _, least in both)
    totals["overlap"] = sum(common for common, _ in both) / possible if possible else math.nan
    return totals


@given(tables(), st.integers(1, 40))
def test_equals_the_twin(table, k):
    rng, test, seen = table
    model, other = dot_bias(rng), Matrix(rng.normal(3, 2, (N_USERS, N_ITEMS)).astype(np.float32))
    card = score(model, {"other": other}, **test, seen=seen, rating_scale=SCALE, k=k)
    for scores, matrix in ((card, as_matrix(model).predicted), (card.baselines["other"], other.predicted)):
        wanted = score_twin(matrix, test, seen, k, 4.0)
        for item in fields(Scores):
            assert getattr(scores, item.name) == pytest.approx(wanted[item.name], rel=1e-5, nan_ok=True), item.name


@given(tables())
def test_block_product_and_predict_give_the_same(table):
    rng, test, seen = table
    model = dot_bias(rng)
    card = score(model, {"matrix": as_matrix(model)}, **test, seen=seen, rating_scale=SCALE, k=3)
    assert card.columns(3) == pytest.approx(card.baselines["matrix"].columns(3), nan_ok=True)


def test_blocks_of_users_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS, dtype=np.int32), N_ITEMS)
    test = {"user_idx": users, "item_idx": items, "rating": np.full(len(users), 5, np.float32)}
    whole = score(dot_bias(rng), {}, **test, seen=None, rating_scale=SCALE)
    monkeypatch.setattr("penchant.evaluation.test_lists._BLOCK", 2 * N_ITEMS)
    assert score(dot_bias(np.random.default_rng(5)), {}, **test, seen=None, rating_scale=SCALE).ndcg == whole.ndcg


@pytest.fixture
def small():
    """Two users, four items: user 0 has rated item 0, user 1 item 1. Counted by hand below."""
    predicted = np.array([[9.0, 4.0, 3.0, 2.0], [1.0, 9.0, 2.0, 3.0]], dtype=np.float32)
    return {
        "model": Matrix(predicted),
        "baselines": {"flat": Matrix(np.full((2, 4), 3, np.float32))},
        "user_idx": np.array([0, 0, 1], dtype=np.int32),
        "item_idx": np.array([1, 3, 2], dtype=np.int32),
        "rating": np.array([4.0, 5.0, 1.0], dtype=np.float32),
        "seen": SeenRatings.from_pairs(np.array([0, 1]), np.array([0, 1]), np.array([5.0, 4.0]), 2),
        "rating_scale": SCALE,
    }


def test_by_hand(small):
    card = score(**small, k=2)
    assert card.mse == pytest.approx((0 + 9 + 1) / 3)
    assert card.mae == pytest.approx(4 / 3)
    # Only user 0 has a relevant rating, items 1 and 3. The list is [1, 2]: a hit at rank 1, one of two found.
    assert (card.precision, card.recall, card.mrr, card.hit_rate, card.map) == (0.5, 0.5, 1.0, 1.0, 0.5)
    assert card.ndcg == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert card.coverage == 0.5
    assert card.novelty == 1.0  # nobody has rated items 1 and 2: as if one of two had
    assert (card.n_ratings, card.n_users, card.n_items, card.n_ranked_users) == (3, 2, 3, 1)
    assert (card.n_cold_users, card.n_cold_items) == (0, 2)
    assert (card.k, card.relevant) == (2, 4.0)


def test_table_and_text(small):
    card = score(**small, k=3)
    assert card.table.columns.tolist() == COLUMNS
    assert card.table.index.tolist() == ["model", "flat", MOST_RATED]
    assert card.table.loc["model", "ndcg@3"] == card.ndcg
    text = str(card)
    assert repr(card) == text
    lines = text.splitlines()
    assert lines[0].split() == ["model", "flat", "most", "rated"]
    assert [line.split()[0] for line in lines[1:14]] == COLUMNS
    assert {len(line) for line in lines[:14]} == {len(lines[0])}
    assert "lists of 3 for the 1 user with a test rating of at least 4" in text
    assert "0 users and 2 items without training ratings" in text
    assert "<td>" in card._repr_html_()


@pytest.mark.parametrize("k", [1, 19, 20, 21])
def test_no_two_columns_have_one_name_and_recall_at_20_means_one_thing(small, k):
    card = score(**small, k=k)
    columns = card.columns(k)
    assert len(columns) == len(fields(Scores))
    assert columns["recall@20"] == card.capped_recall
    assert columns["uncapped_recall@20" if k == 20 else f"recall@{k}"] == card.recall


def test_recall_at_20_looks_at_20_whatever_the_length_of_the_lists():
    """One user likes items 0 to 29, in the order of the scores: all of the first 20 are hits."""
    matrix = Matrix(-np.arange(N_ITEMS, dtype=np.float32)[None, :])
    test = {"user_idx": np.zeros(30, np.int32), "item_idx": np.arange(30, dtype=np.int32)}
    for k in (1, 10, 20, 30):
        card = score(matrix, {}, **test, rating=np.full(30, 5, np.float32), seen=None, rating_scale=SCALE, k=k)
        assert (card.capped_recall, card.precision) == (1.0, 1.0)
        assert card.recall == pytest.approx(k / 30)
        assert card.coverage == pytest.approx(k / N_ITEMS)  # of lists of k, not of 20


def test_json(small):
    card = score(**small, k=3)
    kept = json.loads(json.dumps(card.to_dict(), allow_nan=False))
    assert kept["scores"]["model"]["rmse"] == card.rmse
    assert kept["scores"]["flat"]["novelty"] == card.baselines["flat"].novelty
    assert [kept["scores"][MOST_RATED][name] for name in ERRORS] == [None] * 3
    assert (kept["k"], kept["relevant"], kept["n_cold_items"]) == (3, 4.0, 2)


# -- most rated --


@given(tables(), st.integers(1, 20))
def test_most_rated_lists_items_by_their_training_ratings(table, k):
    """As a model that predicts the counts, ties included; `test_equals_the_twin` measures such a model by hand."""
    rng, test, seen = table
    counts = Matrix(np.tile(seen.item_counts(N_ITEMS).astype(np.float32), (N_USERS, 1)))
    card = score(dot_bias(rng), {"counts": counts}, **test, seen=seen, rating_scale=SCALE, k=k)
    wanted = replace(card.baselines["counts"], rmse=math.nan, mae=math.nan, mse=math.nan)
    assert list(card.baselines) == ["counts", MOST_RATED]
    assert card.baselines[MOST_RATED].columns(k) == pytest.approx(wanted.columns(k), nan_ok=True)


@given(tables(), st.integers(1, 20))
def test_most_rated_equals_the_twin_where_no_two_items_tie(table, k):
    """User u + 1 has rated items 0 to u only: every item has another count."""
    rng, test, _ = table
    users, items = np.tril_indices(N_ITEMS)
    more = SeenRatings.from_pairs(users + N_USERS, items, np.ones(len(users)), N_USERS + N_ITEMS)
    grown = Matrix(rng.normal(3, 1, (N_USERS + N_ITEMS, N_ITEMS)).astype(np.float32))
    card = score(grown, {}, **test, seen=more, rating_scale=SCALE, k=k)
    counts = np.tile(more.item_counts(N_ITEMS), (N_USERS, 1))
    wanted = score_twin(counts, test, more, k, 4.0)
    for item in fields(Scores):
        if item.name not in ERRORS:
            found = getattr(card.baselines[MOST_RATED], item.name)
            assert found == pytest.approx(wanted[item.name], rel=1e-5, nan_ok=True), item.name


def test_most_rated_has_no_errors(small):
    card = score(**small)
    assert all(math.isnan(getattr(card.baselines[MOST_RATED], name)) for name in ERRORS)
    shown = {line.split()[0]: line.split()[-1] for line in str(card).splitlines()[1:14]}
    assert [shown[name] for name in ERRORS] == ["-"] * 3
    assert "nan" not in str(card).lower()
    assert "NaN" not in card._repr_html_()


def test_a_model_that_loses_to_most_rated_is_told():
    """Everybody likes item 0, which user 0 alone has rated; the model puts it last, then first."""
    seen = SeenRatings.from_pairs(np.array([0]), np.array([0]), np.array([5.0]), 5)
    test = {"user_idx": np.arange(1, 5, dtype=np.int32), "item_idx": np.zeros(4, np.int32)}
    test |= {"rating": np.full(4, 5, np.float32), "rating_scale": SCALE, "k": 2}
    rising = Matrix(np.tile(np.arange(4, dtype=np.float32), (5, 1)))
    lost = score(rising, {}, **test, seen=seen)
    assert lost.notes[-1] == (
        "showing everybody the most rated items makes better lists than this model does: ndcg@2 1.0000 against 0.0000"
    )
    assert f"note: {lost.notes[-1]}" in str(lost)
    as_good = score(rising, {}, **test, seen=seen, order=Table(-rising.predicted))
    assert as_good.ndcg == 1
    assert not any("most rated" in note for note in as_good.notes)
    assert not any("better lists" in note for note in score(rising, {}, **test, seen=None).notes)


# -- further orders --


@given(tables(), st.integers(1, 40))
def test_orders_equal_the_twin_and_have_lists_only(table, k):
    rng, test, seen = table
    model, first, second = dot_bias(rng), *(rng.normal(size=(2, N_USERS, N_ITEMS)).astype(np.float32))
    orders = {"first": Table(first), "second": Table(second)}
    card = score(model, {"matrix": Matrix(first)}, **test, seen=seen, rating_scale=SCALE, k=k, orders=orders)
    assert list(card.rows()) == card.table.index.tolist() == ["model", "first", "second", "matrix", MOST_RATED]
    for name, matrix in (("first", first), ("second", second)):
        wanted = score_twin(matrix, test, seen, k, 4.0) | dict.fromkeys(ERRORS, math.nan)
        for item in fields(Scores):
            found = getattr(card.orders[name], item.name)
            assert found == pytest.approx(wanted[item.name], rel=1e-5, nan_ok=True), item.name
    plain = score(model, {"matrix": Matrix(first)}, **test, seen=seen, rating_scale=SCALE, k=k)
    assert plain.orders == {}
    assert plain.columns(k) == pytest.approx(card.columns(k), nan_ok=True)


@given(tables(), st.integers(1, 40))
def test_an_order_of_its_own_changes_the_lists_of_the_model_and_not_its_errors(table, k):
    rng, test, seen = table
    model, other = dot_bias(rng), rng.normal(size=(N_USERS, N_ITEMS)).astype(np.float32)
    card = score(model, {}, **test, seen=seen, rating_scale=SCALE, k=k, order=Table(other))
    by_hand = score_twin(as_matrix(model).predicted, test, seen, k, 4.0)
    wanted = score_twin(other, test, seen, k, 4.0) | {name: by_hand[name] for name in ERRORS}
    for item in fields(Scores):
        assert getattr(card, item.name) == pytest.approx(wanted[item.name], rel=1e-5, nan_ok=True), item.name


def test_orders_stand_in_text_and_json(small):
    card = score(**small, orders={"reverse": Table(np.arange(8).reshape(2, 4))})
    assert str(card).splitlines()[0].split() == ["model", "reverse", "flat", "most", "rated"]
    assert card.to_dict()["scores"]["reverse"]["rmse"] is None
    assert card.to_dict()["scores"]["reverse"]["mrr@10"] == card.orders["reverse"].mrr


def test_pairs_that_were_trained_on_are_counted_and_told(small):
    fresh = score(**small)
    assert fresh.n_known == 0
    assert not any("trained on" in note for note in fresh.notes)
    held = SeenRatings.from_pairs(small["user_idx"][:2], small["item_idx"][:2], np.ones(2), 2)
    card = score(**small | {"seen": held})
    assert card.n_known == 2
    note = "the model was trained on 2 of these 3 pairs of user and item: errors on them tell what was remembered"
    assert card.to_dict()["notes"] == list(card.notes)
    assert card.notes[0].startswith(note)
    assert f"note: {card.notes[0]}" in str(card).splitlines()
    assert note in card._repr_html_()


def test_nobody_likes_anything(small):
    card = score(**small | {"rating": np.array([1.0, 2.0, 3.0], dtype=np.float32)})
    assert card.n_ranked_users == 0
    assert math.isnan(card.ndcg)
    assert math.isnan(card.coverage)
    assert card.to_dict()["scores"]["model"]["ndcg@10"] is None
    assert card.rmse > 0


def test_without_training_ratings_nothing_is_left_out(small):
    card = score(**small | {"seen": None}, k=2)
    assert card.precision == 0.5  # the list is [0, 1]
    assert card.mrr == 0.5
    assert math.isnan(card.novelty)
    assert (card.n_cold_users, card.n_cold_items, card.n_known) == (None, None, None)
    assert "note: the training ratings were not kept with this model" in str(card)
    assert "no row 'most rated'" in str(card)
    assert MOST_RATED not in card.baselines
    assert "without training ratings" not in str(card)


def test_what_is_relevant(small):
    assert score(**small, relevant=5.0, k=1).recall == 0.0
    assert score(**small, relevant=1.0, k=1).n_ranked_users == 2
    assert score(**small | {"rating_scale": (0.0, 10.0)}).relevant == 7.5


def test_a_user_who_has_seen_everything_gets_an_empty_list(small):
    everything = SeenRatings.from_pairs(np.zeros(4, int), np.arange(4), np.full(4, 5.0), 2)
    card = score(**small | {"seen": everything}, k=2)
    assert (card.precision, card.hit_rate, card.coverage) == (0.0, 0.0, 0.0)


def test_lists_longer_than_the_catalogue(small):
    card = score(**small, k=1_000_000)
    assert card.recall == 1.0
    assert card.precision == pytest.approx(2 / 1_000_000)


def test_equal_scores_come_in_random_order_and_the_same_each_time():
    n_users, n_items = 400, 50
    users = np.arange(n_users, dtype=np.int32)
    flat = {
        "model": Matrix(np.zeros((n_users, n_items), np.float32)),
        "user_idx": users,
        "item_idx": np.zeros(n_users, np.int32),  # everybody likes item 0, the first in row order
        "rating": np.full(n_users, 5, np.float32),
    }
    card = score(**flat, baselines={}, seen=None, rating_scale=SCALE, k=5)
    assert card.coverage == 1.0
    assert card.recall == pytest.approx(5 / n_items, abs=0.06)  # four standard deviations of 400 draws
    assert card.to_dict() == score(**flat, baselines={}, seen=None, rating_scale=SCALE, k=5).to_dict()


def test_a_model_that_knows_the_answer_is_perfect():
    rng = np.random.default_rng(3)
    users, items = np.divmod(rng.permutation(N_USERS * N_ITEMS)[:60].astype(np.int32), N_ITEMS)
    rating = rng.integers(1, 6, 60).astype(np.float32)
    truth = np.zeros((N_USERS, N_ITEMS), np.float32)
    truth[users, items] = rating
    card = score(
        Matrix(truth), {}, user_idx=users, item_idx=items, rating=rating, seen=None, rating_scale=SCALE, k=N_ITEMS
    )
    for name in ("ndcg", "recall", "map", "mrr", "hit_rate"):
        assert getattr(card, name) == pytest.approx(1.0)
    assert card.rmse == 0.0


def test_cold_rows_are_predicted_by_the_prior():
    model = replace(dot_bias(np.random.default_rng(0)), item_prior=RowPrior(np.array([0.0, 0.0, 0.25]), np.eye(3)))
    grown = model.with_rows(N_USERS + 1, N_ITEMS + 1)
    card = score(
        grown,
        {},
        user_idx=np.array([N_USERS], np.int32),
        item_idx=np.array([N_ITEMS], np.int32),
        rating=np.array([5.0], np.float32),
        seen=SeenRatings.from_pairs(np.array([0]), np.array([0]), np.array([3.0]), N_USERS).with_users(N_USERS + 1),
        rating_scale=SCALE,
    )
    assert card.rmse == pytest.approx(5 - 3.75)
    assert (card.n_cold_users, card.n_cold_items) == (1, 1)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"rating": np.zeros(2, np.float32)}, ParameterError, "do not pair up"),
        ({"user_idx": [], "item_idx": [], "rating": []}, DataError, "no test rating"),
        ({"k": 0}, ParameterError, "k is 0"),
        ({"relevant": math.nan}, ParameterError, "relevant is nan"),
        ({"relevant": 5.5}, ParameterError, "relevant is 5.5: use a rating on the scale, 1 to 5"),
        ({"relevant": 0.5}, ParameterError, "relevant is 0.5"),
        ({"relevant": "4"}, ParameterError, "relevant is '4'"),
        ({"relevant": True}, ParameterError, "relevant is True"),
        ({"user_idx": np.array([0, 0, 2])}, ParameterError, "user rows are 0 to 2, but the model has 2"),
        ({"item_idx": np.array([-1, 0, 2])}, ParameterError, "item rows are -1 to 2, but the model has 4"),
        ({"model": Matrix(np.full((2, 4), np.nan, np.float32))}, ParameterError, "predicted nan"),
        ({"baselines": {"model": Matrix(np.zeros((2, 4), np.float32))}}, ParameterError, "called 'model'"),
        ({"orders": {"model": Table(np.zeros((2, 4)))}}, ParameterError, "an order can't be called 'model'"),
        ({"orders": {"flat": Table(np.zeros((2, 4)))}}, ParameterError, "'flat': that is the name of a baseline"),
        ({"orders": {MOST_RATED: Table(np.zeros((2, 4)))}}, ParameterError, "an order can't be called 'most rated'"),
        ({"orders": {"a": Table(np.zeros((2, 3)))}}, ParameterError, r"shape \(1, 3\): give .* \(1, 4\)"),
        ({"order": Table(np.full((2, 4), np.nan))}, ParameterError, "of item row 0 for user row 0 is not a number"),
        ({"baselines": {MOST_RATED: Matrix(np.zeros((2, 4), np.float32))}}, ParameterError, "called 'most rated'"),
        ({"baselines": {"b": Matrix(np.zeros((1, 4), np.float32))}}, ParameterError, "the model has 1"),
        (
            {"seen": SeenRatings.from_pairs(np.array([0]), np.array([0]), np.array([1.0]), 3)},
            ParameterError,
            "seen ratings of 3 users for a model of 2",
        ),
    ],
)
def test_refuses(small, changed, error, message):
    with pytest.raises(error, match=message):
        score(**small | changed)


def test_the_same_list_for_everybody_is_said(small):
    flat = {**small, "user_idx": np.array([0, 1], np.int32), "item_idx": np.array([0, 0], np.int32)}
    rating = np.array([5.0, 5.0], np.float32)
    rows = np.tile(np.float32([[5, 4, 3, 2]]), (2, 1))
    card = score(Matrix(rows), {}, user_idx=flat["user_idx"], item_idx=flat["item_idx"], rating=rating, seen=None,
                 rating_scale=SCALE, k=2)  # fmt: skip
    assert card.overlap == 1
    assert any("nearly the same list: two users have 100% of theirs in common" in note for note in card.notes)
