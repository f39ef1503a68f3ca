"""DotBias: prediction, fold-in, cold rows, and what it refuses to be rebuilt from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import BayesianRidge

import penchant as pt
from penchant.arrays.feature_rows import FeatureRow
from penchant.errors import FormatError
from penchant.fitting.fit import training_data
from penchant.models.dot_bias import DotBias, RowPrior, Spread


def make(n_users: int = 5, n_items: int = 7, n_factors: int = 3, seed: int = 0) -> DotBias:
    rng = np.random.default_rng(seed)

    def single(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    size = n_factors + 1
    return DotBias(
        global_mean=3.5,
        user_biases=single(n_users),
        item_biases=single(n_items),
        user_factors=single(n_users, n_factors),
        item_factors=single(n_items, n_factors),
        user_prior=RowPrior(rng.standard_normal(size), np.diag(rng.uniform(1, 2, size))),
        item_prior=RowPrior(np.zeros(size), np.eye(size), 0.5),
        noise_precision=1.3,
    )


@settings(max_examples=30, deadline=None)
@given(n_factors=st.integers(0, 20), n=st.integers(0, 50), seed=st.integers(0, 99))
def test_predict_is_the_formula(n_factors: int, n: int, seed: int) -> None:
    model = make(n_factors=n_factors, seed=seed)
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, 5, n).astype(np.int32), rng.integers(0, 7, n).astype(np.int32)
    expected = [
        3.5 + model.user_biases[u] + model.item_biases[i] + float(model.user_factors[u] @ model.item_factors[i])
        for u, i in zip(users, items, strict=True)
    ]
    predicted = model.predict(users, items)
    assert predicted.dtype == np.float32
    assert np.allclose(predicted, expected, atol=1e-5)


def test_a_prediction_does_not_depend_on_its_batch() -> None:
    model = make(n_users=50, n_items=60, n_factors=17)
    rng = np.random.default_rng(1)
    users, items = rng.integers(0, 50, 40_000).astype(np.int32), rng.integers(0, 60, 40_000).astype(np.int32)
    whole = model.predict(users, items)  # several blocks
    for size in (1, 2, 3, 1000):
        assert np.array_equal(whole[:size], model.predict(users[:size], items[:size]))


def test_fold_in_of_an_items_own_ratings_is_its_trained_row() -> None:
    ratings = pt.load_dataset("sample")
    for solver in (pt.ALS(n_factors=3, n_epochs=4), pt.ALS(n_factors=3, n_epochs=4, reg=0.2, reg_power=1.0)):
        *_, last = solver.epochs(training_data(ratings))
        for item in (0, 7, 50):  # items are solved last in a sweep, so their rows solve this very equation
            own = ratings.item_idx == item
            folded = last.model.fold_in_item(ratings.user_idx[own], ratings.rating[own])
            trained = np.r_[last.model.item_factors[item], last.model.item_biases[item]]
            assert np.allclose(folded.mean, trained, atol=1e-4)


def test_fold_in_user_is_the_gaussian_posterior_of_ridge_regression() -> None:
    model = dataclasses.replace(make(n_factors=2), user_prior=RowPrior(np.zeros(3), np.eye(3) * 0.8))
    items, rating = np.array([0, 2, 3, 6], np.int32), np.array([4.0, 1.0, 5.0, 2.0], np.float32)
    design = np.c_[model.item_factors[items], np.ones(4)].astype(np.float64)
    target = rating - 3.5 - model.item_biases[items]
    oracle = BayesianRidge(
        alpha_init=1.3,
        lambda_init=0.8,
        max_iter=1,
        tol=1e9,
        alpha_1=1e12,
        alpha_2=1e12 / 1.3,
        lambda_1=1e12,
        lambda_2=1e12 / 0.8,
        fit_intercept=False,
    ).fit(design, target)  # hyper-priors so sharp that both precisions stay where they start
    posterior = model.fold_in_user(items, rating)
    assert np.allclose(posterior.mean, oracle.coef_, atol=1e-5)
    assert np.allclose(posterior.covariance, oracle.sigma_, atol=1e-5)


def test_fold_in_of_nothing_is_the_prior() -> None:
    model = make()
    nothing = model.fold_in_user(np.array([], np.int32), np.array([], np.float32))
    assert np.allclose(nothing.mean, model.user_prior.mean)
    assert np.allclose(nothing.covariance, np.linalg.inv(model.user_prior.precision))


def test_new_rows_are_the_prior_mean_and_old_ones_stay() -> None:
    model = make()
    grown = model.with_rows(7, 8)
    assert np.allclose(grown.user_factors[5:], model.user_prior.mean[:-1])
    assert np.allclose(grown.user_biases[5:], model.user_prior.mean[-1])
    pairs = np.array([0, 4], np.int32), np.array([6, 0], np.int32)
    assert np.array_equal(grown.predict(*pairs), model.predict(*pairs))
    assert (grown.n_users, grown.n_items) == (7, 8)


@pytest.mark.parametrize("name", list(make().arrays()))
def test_rebuilding_refuses_arrays_that_do_not_fit(name: str) -> None:
    model = make()
    arrays = model.arrays()
    broken = {
        "missing": {key: array for key, array in arrays.items() if key != name},
        "too short": {**arrays, name: arrays[name][:-1]},
        "other type": {**arrays, name: arrays[name].astype(np.float16)},
        "not finite": {**arrays, name: np.full_like(arrays[name], np.nan)},
    }
    for what, parts in broken.items():
        if what == "too short" and name in ("user_factors", "item_factors"):
            continue  # the other array of that side is then the one that is named
        with pytest.raises(FormatError, match=name):
            DotBias.from_arrays(parts, model.settings())


@pytest.mark.parametrize("value", [None, "3.5", True, float("nan"), float("inf")])
def test_rebuilding_refuses_settings_that_are_no_numbers(value: object) -> None:
    model = make()
    with pytest.raises(FormatError, match="global_mean"):
        DotBias.from_arrays(model.arrays(), {**model.settings(), "global_mean": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("noise_precision", 0.0), ("noise_precision", -1.0), ("noise_precision", 1e300), ("user_prior_count_power", 1.5)],
)
def test_rebuilding_refuses_settings_that_no_model_has(name: str, value: float) -> None:
    model = make()
    with pytest.raises(FormatError, match=f"{name}.*not between"):
        DotBias.from_arrays(model.arrays(), {**model.settings(), name: value})


@pytest.mark.parametrize("precision", [-np.eye(4), np.zeros((4, 4)), np.eye(4) + np.tri(4, k=-1)])
def test_rebuilding_refuses_a_prior_that_is_no_gaussian(precision: np.ndarray) -> None:
    model = make()
    with pytest.raises(FormatError, match=r"user_prior_precision.*positive definite"):
        DotBias.from_arrays({**model.arrays(), "user_prior_precision": precision}, model.settings())


def make_bayesian(n_users: int = 5, n_items: int = 7, n_factors: int = 3) -> DotBias:
    """A model as the Bayesian solver makes it: with choices, features and a spread."""
    rng = np.random.default_rng(1)
    plain, size = make(n_users, n_items, n_factors), n_factors + 1

    def weights(n: int) -> np.ndarray:
        return rng.standard_normal((n, size)).astype(np.float32)

    return dataclasses.replace(
        plain,
        user_prior=RowPrior(
            plain.user_prior.mean, plain.user_prior.precision, 0.0, weights(n_items), weights(2), np.ones(2, np.float32)
        ),
        item_prior=RowPrior(
            rng.standard_normal(size), np.eye(size), 0.0, weights(n_users), weights(4), np.ones(4, np.float32)
        ),
        spread=Spread(*(rng.uniform(0.2, 2, n).astype(np.float32) for n in (n_users, n_items, n_users, n_items))),
    )


def same(one: DotBias, two: DotBias) -> bool:
    ours, theirs = one.arrays(), two.arrays()
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_bayesian_model_is_its_arrays_and_settings() -> None:
    model = make_bayesian()
    assert len(model.arrays()) == 18
    again = DotBias.from_arrays(model.arrays(), model.settings())
    assert same(model, again)
    assert again.settings() == model.settings()


@pytest.mark.parametrize("name", list(make_bayesian().arrays()))
def test_rebuilding_a_bayesian_model_refuses_arrays_that_do_not_fit(name: str) -> None:
    model = make_bayesian()
    arrays = model.arrays()
    optional = name.endswith(("implicit_weights", "feature_weights"))
    broken = {
        "missing": {key: array for key, array in arrays.items() if key != name},
        "a row more": {**arrays, name: np.concatenate([arrays[name], arrays[name][:1]])},
        "other type": {**arrays, name: arrays[name].astype(np.float16)},
        "not finite": {**arrays, name: np.full_like(arrays[name], np.nan)},
        "no array of numbers": {**arrays, name: arrays[name].astype(str)},
    }
    for what, parts in broken.items():
        if what == "missing" and optional:
            assert DotBias.from_arrays(parts, model.settings()).n_users == 5
            continue
        # A table of another length disagrees with its partner, which may be the one that is named.
        named = "array" if what == "a row more" and name.endswith(("_factors", "feature_weights")) else name
        with pytest.raises(FormatError, match=named):
            DotBias.from_arrays(parts, model.settings())


def test_without_a_spread_there_is_no_variance() -> None:
    assert make().variance(np.array([0], np.int32), np.array([0], np.int32)) is None


def test_variance_is_noise_and_what_is_not_known() -> None:
    model = make_bayesian()
    users, items = np.array([0, 4, 4], np.int32), np.array([6, 0, 3], np.int32)
    spread = model.spread
    noise = spread.user_noise[users] * spread.item_noise[items] / model.noise_precision
    expected = noise + spread.user_variance[users] + spread.item_variance[items]
    assert np.allclose(model.variance(users, items), expected, rtol=1e-6)


@pytest.mark.parametrize("side", ["user", "item"])
def test_ratings_of_noisy_rows_weigh_less_in_a_fold_in(side: str) -> None:
    model = make_bayesian(n_factors=0)
    others = np.array([1, 3], np.int32)
    fold = model.fold_in_user if side == "user" else model.fold_in_item
    before = fold(others, np.array([5.0, 1.0], np.float32))
    other = "item" if side == "user" else "user"
    noise = getattr(model.spread, f"{other}_noise").copy()
    noise[3] *= 100
    louder = dataclasses.replace(model, spread=dataclasses.replace(model.spread, **{f"{other}_noise": noise}))
    after = (louder.fold_in_user if side == "user" else louder.fold_in_item)(others, np.array([5.0, 1.0], np.float32))
    assert after.mean[-1] > before.mean[-1]  # the 1 counts for less
    assert after.covariance[-1, -1] > before.covariance[-1, -1]


def test_fold_in_of_no_rating_is_what_the_features_say() -> None:
    model = make_bayesian()
    features = FeatureRow(np.array([1], np.int32), np.array([2.0], np.float32))
    nothing = model.fold_in_user(np.array([], np.int32), np.array([], np.float32), features)
    assert np.allclose(nothing.mean, model.user_prior.mean + 2 * model.user_prior.feature_weights[1], atol=1e-6)


def test_growing_keeps_everything_consistent() -> None:
    model = make_bayesian()
    grown = model.with_rows(7, 10)
    again = DotBias.from_arrays(grown.arrays(), grown.settings())  # checks every shape
    assert same(grown, again)
    for name, array in model.arrays().items():
        old = grown.arrays()[name][: len(array)]
        assert np.array_equal(old, array), name
    everything = [each.astype(np.int32) for each in np.divmod(np.arange(35), 7)]
    assert np.array_equal(grown.predict(*everything), model.predict(*everything))
    assert np.array_equal(grown.variance(*everything), model.variance(*everything))
    given = np.array([2, 5], np.int32), np.array([4.0, 2.0], np.float32)
    for one, two in ((model.fold_in_user(*given), grown.fold_in_user(*given)),):
        assert np.array_equal(one.mean, two.mean)
        assert np.array_equal(one.covariance, two.covariance)
    assert same(model.with_rows(5, 7), model)


def test_a_cold_row_is_as_uncertain_as_its_prior_and_fold_in_lowers_that() -> None:
    model = make_bayesian()
    grown = model.with_rows(6, 7)
    covariance = np.linalg.inv(model.user_prior.precision)
    designs = np.c_[model.item_factors, np.ones(7)].astype(np.float64)
    by_hand = np.mean([x @ covariance @ x for x in designs])
    assert grown.spread.user_variance[5] == pytest.approx(by_hand, rel=1e-5)
    row = model.fold_in_user(np.arange(7, dtype=np.int32), np.full(7, 4, np.float32))
    folded = model.with_row("user", row)
    after = np.mean([x @ row.covariance @ x for x in designs])
    assert folded.spread.user_variance[5] == pytest.approx(after, rel=1e-5)
    assert after < 0.5 * by_hand


@pytest.mark.parametrize("side", ["user", "item"])
@pytest.mark.parametrize("bayesian", [True, False])
def test_one_more_row_predicts_as_its_posterior_says(side: str, bayesian: bool) -> None:
    model = make_bayesian() if bayesian else make()
    given = np.array([0, 3], np.int32), np.array([5.0, 2.0], np.float32)
    row = (model.fold_in_user if side == "user" else model.fold_in_item)(*given)
    grown = model.with_row(side, row)
    assert (grown.n_users, grown.n_items) == ((6, 7) if side == "user" else (5, 8))
    n = model.n_items if side == "user" else model.n_users
    new, others = np.full(n, 5 if side == "user" else 7, np.int32), np.arange(n, dtype=np.int32)
    pair = (new, others) if side == "user" else (others, new)
    table, biases = (
        (model.item_factors, model.item_biases) if side == "user" else (model.user_factors, model.user_biases)
    )
    assert np.allclose(grown.predict(*pair), 3.5 + biases + table @ row.mean[:-1] + row.mean[-1], atol=1e-5)
    assert same(grown, DotBias.from_arrays(grown.arrays(), grown.settings()))
    assert (grown.spread is None) is not bayesian


def test_growing_a_model_without_the_other_side() -> None:
    """Nobody to average over: what is left is the variance of the bias."""
    model = make_bayesian(n_users=1, n_items=1)
    empty = dataclasses.replace(
        model,
        user_biases=model.user_biases[:0],
        user_factors=model.user_factors[:0],
        item_prior=dataclasses.replace(model.item_prior, implicit_weights=None),
        spread=dataclasses.replace(
            model.spread, user_noise=model.spread.user_noise[:0], user_variance=model.spread.user_variance[:0]
        ),
    )
    assert empty.with_rows(0, 2).spread.item_variance[1] == pytest.approx(1.0)
