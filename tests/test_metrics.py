"""Metrics against scikit-learn and ranx on random lists, and properties that any list must have."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from penchant import metrics
from penchant.errors import ParameterError

N_ITEMS = 30


@st.composite
def ranked_lists(draw):
    """Relevance (0/1) of ranked items, how many are relevant in all, and k."""
    n_lists, length = draw(st.integers(1, 4)), draw(st.integers(0, 12))
    rows = st.lists(st.integers(0, 1), min_size=length, max_size=length)
    relevance = np.array(draw(st.lists(rows, min_size=n_lists, max_size=n_lists))).reshape(n_lists, length)
    unlisted = draw(st.lists(st.integers(0, 3), min_size=n_lists, max_size=n_lists))
    return relevance, relevance.sum(axis=1) + np.array(unlisted), draw(st.integers(1, 15))


def binary_ideal(n_relevant):
    return (np.arange(max(int(np.max(n_relevant)), 1)) < np.asarray(n_relevant)[:, None]).astype(float)


# -- predicted ratings --


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=20))
def test_errors_equal_scikit_learns(pairs):
    predicted, rating = np.array(pairs).T
    assert metrics.mse(predicted, rating) == pytest.approx(sklearn_metrics.mean_squared_error(rating, predicted))
    assert metrics.mae(predicted, rating) == pytest.approx(sklearn_metrics.mean_absolute_error(rating, predicted))
    assert metrics.rmse(predicted, rating) == pytest.approx(sklearn_metrics.root_mean_squared_error(rating, predicted))
    assert metrics.mae(predicted, rating) <= metrics.rmse(predicted, rating) + 1e-12


def test_many_float32_errors_are_summed_in_double_precision():
    predicted = np.full(1_000_000, 0.1, dtype=np.float32)
    assert metrics.mse(predicted, np.zeros_like(predicted)) == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-12)


@pytest.mark.parametrize("metric", [metrics.mse, metrics.rmse, metrics.mae])
def test_errors_refuse_what_has_no_answer(metric):
    with pytest.raises(ParameterError, match="no rating"):
        metric([], [])
    with pytest.raises(ParameterError, match="shapes"):
        metric([1.0], [1.0, 2.0])
    with pytest.raises(ParameterError, match=r"position 1: predicted nan, rated 2\.0"):
        metric([1.0, np.nan], [1.0, 2.0])


# -- lists, against ranx --


@pytest.fixture(scope="module")
def random_lists():
    """Gains of all items for 20 users (graded 0 to 3, user 0 likes nothing), and a random ranking of 12 of them."""
    rng = np.random.default_rng(7)
    gains = rng.integers(0, 4, (20, N_ITEMS)) * (rng.random((20, N_ITEMS)) < 0.3)
    gains[0] = 0
    ranked = np.argsort(rng.random((20, N_ITEMS)), axis=1)[:, :12]
    return gains, ranked


def ranx_scores(gains, ranked, name, k):
    """Straight from ranx's metrics: its Qrels and Run would take half a minute to compile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, on import and while numba compiles it
        import ranx.metrics

        by_gain = np.argsort(-gains, axis=1, kind="stable")  # ranx wants judgements with the highest gain first
        judged = np.stack([by_gain, np.take_along_axis(gains, by_gain, axis=1)], axis=2).astype(np.float64)
        listed = np.stack([ranked, np.broadcast_to(-np.arange(ranked.shape[1]), ranked.shape)], axis=2)
        return getattr(ranx.metrics, name)(judged, listed.astype(np.float64), k)


@pytest.mark.parametrize("k", [1, 5, 12, 20])
def test_lists_equal_ranx(random_lists, k):
    gains, ranked = random_lists
    listed = np.take_along_axis(gains, ranked, axis=1)
    n_relevant = (gains > 0).sum(axis=1)
    ours = {
        "precision": metrics.precision_at_k(listed, k),
        "recall": metrics.recall_at_k(listed, n_relevant, k),
        "ndcg": metrics.ndcg_at_k(listed, gains, k),
        "average_precision": metrics.average_precision_at_k(listed, n_relevant, k),
        "reciprocal_rank": metrics.reciprocal_rank_at_k(listed, k),
        "hit_rate": metrics.hit_rate_at_k(listed, k),
    }
    for name, values in ours.items():
        np.testing.assert_allclose(values, ranx_scores(gains, ranked, name, k), atol=1e-12, err_msg=name)


@pytest.mark.parametrize("k", [1, 5, 12, 20])
def test_capped_recall_is_ranx_hits_over_what_there_is_room_for(random_lists, k):
    gains, ranked = random_lists
    listed, n_relevant = np.take_along_axis(gains, ranked, axis=1), (gains > 0).sum(axis=1)
    hits = ranx_scores(gains, ranked, "hits", k)
    room = np.minimum(k, np.maximum(n_relevant, 1))
    np.testing.assert_allclose(metrics.capped_recall_at_k(listed, n_relevant, k), hits / room, atol=1e-12)


# -- lists, against scikit-learn --


@pytest.mark.parametrize("k", [1, 4, N_ITEMS])
def test_ndcg_equals_scikit_learns(random_lists, k):
    gains, _ = random_lists
    scores = np.random.default_rng(1).random(gains.shape)
    listed = np.take_along_axis(gains, np.argsort(-scores, axis=1), axis=1)
    ours = metrics.ndcg_at_k(listed, gains, k)
    assert ours.mean() == pytest.approx(sklearn_metrics.ndcg_score(gains, scores, k=k))


def test_average_precision_of_a_full_list_equals_scikit_learns(random_lists):
    gains, _ = random_lists
    relevant = gains[1:] > 0
    scores = np.random.default_rng(1).random(relevant.shape)
    listed = np.take_along_axis(relevant, np.argsort(-scores, axis=1), axis=1)
    ours = metrics.average_precision_at_k(listed, relevant.sum(axis=1), N_ITEMS)
    theirs = [sklearn_metrics.average_precision_score(r, s) for r, s in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(ours, theirs)


def test_precision_and_recall_equal_scikit_learns(random_lists):
    gains, ranked = random_lists
    relevant = gains[1:] > 0
    listed = np.take_along_axis(relevant, ranked[1:], axis=1)
    chosen = np.zeros_like(relevant)
    np.put_along_axis(chosen, ranked[1:, :5], values=True, axis=1)
    precision = [sklearn_metrics.precision_score(r, c) for r, c in zip(relevant, chosen, strict=True)]
    recall = [sklearn_metrics.recall_score(r, c) for r, c in zip(relevant, chosen, strict=True)]
    np.testing.assert_allclose(metrics.precision_at_k(listed, 5), precision)
    np.testing.assert_allclose(metrics.recall_at_k(listed, relevant.sum(axis=1), 5), recall)


# -- lists, properties --


@given(ranked_lists())
def test_bounds_and_relations(lists):
    relevance, n_relevant, k = lists
    precision = metrics.precision_at_k(relevance, k)
    recall = metrics.recall_at_k(relevance, n_relevant, k)
    average = metrics.average_precision_at_k(relevance, n_relevant, k)
    first = metrics.reciprocal_rank_at_k(relevance, k)
    hit = metrics.hit_rate_at_k(relevance, k)
    gain = metrics.ndcg_at_k(relevance, binary_ideal(n_relevant), k)
    for values in (precision, recall, average, first, hit, gain):
        assert values.shape == (len(relevance),)
        assert values.dtype == np.float64
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
        assert ((values > 0) == (hit > 0)).all()
    np.testing.assert_allclose(precision * k, recall * n_relevant)  # both count the same hits
    assert (average <= recall + 1e-12).all()
    assert (first <= hit).all()


@given(ranked_lists())
def test_what_lies_beyond_k_changes_nothing(lists):
    relevance, n_relevant, k = lists
    longer = np.hstack([relevance, np.zeros((len(relevance), 20), dtype=int)])
    assert (metrics.precision_at_k(longer, k) == metrics.precision_at_k(relevance, k)).all()
    assert (metrics.precision_at_k(relevance[:, :k], k) == metrics.precision_at_k(relevance, k)).all()
    np.testing.assert_allclose(
        metrics.average_precision_at_k(longer, n_relevant, k), metrics.average_precision_at_k(relevance, n_relevant, k)
    )


@given(ranked_lists())
def test_capped_recall_is_recall_or_precision(lists):
    relevance, n_relevant, k = lists
    capped = metrics.capped_recall_at_k(relevance, n_relevant, k)
    few = n_relevant <= k
    np.testing.assert_allclose(capped[few], metrics.recall_at_k(relevance, n_relevant, k)[few])
    np.testing.assert_allclose(capped[~few], metrics.precision_at_k(relevance, k)[~few])
    assert (capped >= metrics.recall_at_k(relevance, n_relevant, k)).all()
    twin = [sum(row[:k]) / min(k, total) if total else 0.0 for row, total in zip(relevance, n_relevant, strict=True)]
    np.testing.assert_allclose(capped, twin)


@given(st.integers(1, 6), st.integers(1, 10), st.integers(0, 5))
def test_the_best_list_is_perfect(n_relevant, k, more):
    relevance = np.array([[1] * n_relevant + [0] * more])
    assert metrics.ndcg_at_k(relevance, relevance, k) == pytest.approx([1.0])
    assert metrics.reciprocal_rank_at_k(relevance, k) == [1.0]
    assert metrics.capped_recall_at_k(relevance, [n_relevant], k) == [1.0]
    assert metrics.average_precision_at_k(relevance, [n_relevant], k) == pytest.approx(
        [min(k, n_relevant) / n_relevant]
    )


@given(ranked_lists())
def test_moving_a_relevant_item_up_never_hurts(lists):
    relevance, n_relevant, k = lists
    improved = -np.sort(-relevance, axis=1)
    for metric in (metrics.precision_at_k, metrics.reciprocal_rank_at_k, metrics.hit_rate_at_k):
        assert (metric(improved, k) >= metric(relevance, k)).all()
    ideal = binary_ideal(n_relevant)
    assert (metrics.ndcg_at_k(improved, ideal, k) >= metrics.ndcg_at_k(relevance, ideal, k) - 1e-12).all()


def test_no_relevant_item_scores_zero():
    nothing = np.zeros((1, 3))
    assert metrics.recall_at_k(nothing, [0], 3) == [0.0]
    assert metrics.capped_recall_at_k(nothing, [0], 3) == [0.0]
    assert metrics.average_precision_at_k(nothing, [0], 3) == [0.0]
    assert metrics.ndcg_at_k(nothing, nothing, 3) == [0.0]
    assert metrics.reciprocal_rank_at_k(nothing, 3) == [0.0]


def test_a_list_without_items_scores_zero():
    empty = np.zeros((2, 0))
    assert metrics.precision_at_k(empty, 5).tolist() == [0.0, 0.0]
    assert metrics.hit_rate_at_k(empty, 5).tolist() == [0.0, 0.0]
    assert metrics.ndcg_at_k(empty, [[1.0], [1.0]], 5).tolist() == [0.0, 0.0]


LIST_METRICS = {
    "precision": lambda relevance, k: metrics.precision_at_k(relevance, k),
    "recall": lambda relevance, k: metrics.recall_at_k(relevance, [9] * len(relevance), k),
    "capped recall": lambda relevance, k: metrics.capped_recall_at_k(relevance, [9] * len(relevance), k),
    "hit rate": lambda relevance, k: metrics.hit_rate_at_k(relevance, k),
    "reciprocal rank": lambda relevance, k: metrics.reciprocal_rank_at_k(relevance, k),
    "average precision": lambda relevance, k: metrics.average_precision_at_k(relevance, [9] * len(relevance), k),
    "ndcg": lambda relevance, k: metrics.ndcg_at_k(relevance, [[9.0]] * len(relevance), k),
}


@pytest.mark.parametrize("metric", LIST_METRICS.values(), ids=LIST_METRICS)
def test_lists_refuse_what_has_no_answer(metric):
    with pytest.raises(ParameterError, match="at least one list"):
        metric([], 1)
    with pytest.raises(ParameterError, match="one a row"):
        metric([1, 0], 1)
    for wrong in ("3", 2.5, None, True):
        with pytest.raises(ParameterError, match=f"k is {wrong!r}: use a whole number of at least 1"):
            metrics.precision_at_k([[1.0]], wrong)
    with pytest.raises(ParameterError, match="k is 0"):
        metric([[1, 0]], 0)
    with pytest.raises(ParameterError, match="list 1 has a gain that is negative"):
        metric([[1, 0], [0, -1]], 1)
    with pytest.raises(ParameterError, match="not finite"):
        metric([[np.nan, 0]], 1)


def test_totals_must_fit_the_lists():
    with pytest.raises(ParameterError, match="list 0 holds 2 relevant items, but n_relevant says 1"):
        metrics.recall_at_k([[1, 1]], [1], 2)
    with pytest.raises(ParameterError, match="list 0 holds 2 relevant items, but n_relevant says 1"):
        metrics.capped_recall_at_k([[1, 1]], [1], 2)
    with pytest.raises(ParameterError, match="n_relevant has shape"):
        metrics.average_precision_at_k([[1, 1]], [2, 2], 2)
    with pytest.raises(ParameterError, match="list 0 gains more than its ideal"):
        metrics.ndcg_at_k([[2.0]], [[1.0]], 1)
    with pytest.raises(ParameterError, match="1 lists, but 2 ideal"):
        metrics.ndcg_at_k([[1.0]], [[1.0], [1.0]], 1)


# -- coverage and novelty --


@given(st.lists(st.lists(st.integers(-1, 9), min_size=3, max_size=3), min_size=1, max_size=6))
def test_coverage_counts_distinct_items(lists):
    assert metrics.coverage(np.array(lists), 10) == len({item for row in lists for item in row} - {-1}) / 10


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_novelty_is_the_mean_of_logarithms(items):
    counts = np.array([16, 4, 1, 0])
    wanted = np.mean([math.log2(16 / max(counts[item], 1)) for item in items])
    assert metrics.novelty(np.array([[*items, -1]]), counts, 16) == pytest.approx(wanted)


def test_novelty_of_nothing_is_unknown():
    assert math.isnan(metrics.novelty(np.array([[-1]]), np.array([1]), 1))


@given(st.lists(st.sets(st.integers(0, 9), max_size=4), min_size=1, max_size=6))
def test_overlap_is_the_mean_over_pairs_of_lists(lists):
    table = np.array([[*row, *[-1] * (4 - len(row))] for row in map(sorted, lists)])
    pairs = [(len(one & other), min(len(one), len(other))) for one, other in itertools.combinations(lists, 2)]
    possible = sum(least for _, least in pairs)
    found = metrics.overlap(table, 10)
    assert math.isnan(found) if possible == 0 else found == pytest.approx(sum(n for n, _ in pairs) / possible)


def test_recommended_items_must_exist():
    with pytest.raises(ParameterError, match="from 0 to 3"):
        metrics.coverage(np.array([[4]]), 4)
    with pytest.raises(ParameterError, match="from 0 to 1"):
        metrics.novelty(np.array([[-2]]), np.array([1, 1]), 1)
    with pytest.raises(ParameterError, match="no list"):
        metrics.coverage(np.empty((0, 5), dtype=int), 4)
    with pytest.raises(ParameterError, match="3 ratings among 2 users"):
        metrics.novelty(np.array([[0]]), np.array([3]), 2)
