"""The Bayesian solver as a whole: what it recovers, what it does not depend on, and tables that have hardly anything.

Whether it draws from the right posterior: tests/solvers/gibbs/test_posterior.py.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading

import numpy as np
import pytest
from tests.solvers.gibbs.synthetic import features, some_pairs, training_data

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.data.sources.sample import SampleTruth, generate
from penchant.errors import ParameterError
from penchant.fitting.fit import EpochRecord
from penchant.fitting.fit import training_data as arrays_of
from penchant.models.dot_bias import DotBias
from penchant.solvers.bayes import Bayes
from penchant.solvers.solver import TrainingData

SMALL = {"n_factors": 4, "n_draws": 40, "n_burn": 10}


def learn(data: TrainingData, **settings: object) -> DotBias:
    *_, last = Bayes(**SMALL | settings).epochs(data)
    return last.model


def same(one: DotBias, two: DotBias) -> bool:
    ours, theirs = one.arrays(), two.arrays()
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def truth() -> SampleTruth:
    return generate()


@pytest.fixture(scope="module")
def sample(truth: SampleTruth) -> TrainingData:
    return arrays_of(truth.ratings())


@pytest.fixture(scope="module")
def model(sample: TrainingData) -> DotBias:
    return learn(sample, n_draws=120)


def test_the_biases_of_the_sample_are_found(model: DotBias, truth: SampleTruth) -> None:
    for found, true in ((model.item_biases, truth.item_biases), (model.user_biases, truth.user_biases)):
        assert np.corrcoef(found, true)[0, 1] > 0.8


def test_the_expected_ratings_of_the_sample_are_found(model: DotBias, truth: SampleTruth, sample: TrainingData) -> None:
    """Of all pairs, the 68 in a hundred that nobody rated too; better than with ALS by far."""
    users, items = (each.astype(np.int32) for each in np.divmod(np.arange(20_000), 100))
    expected = truth.expected.clip(1, 5).ravel()
    *_, other = pt.ALS(n_factors=4).epochs(sample)
    errors = [np.mean((each.predict(users, items).clip(1, 5) - expected) ** 2) for each in (model, other.model)]
    assert errors[0] < 0.17
    assert errors[0] < 0.9 * errors[1]


def test_the_noise_of_the_sample_is_found(model: DotBias, truth: SampleTruth) -> None:
    """0.6 before rounding to whole stars, which adds 1 / 12 to the variance; the same for everybody, about."""
    noise = 1 / model.noise_precision * np.median(model.spread.user_noise) * np.median(model.spread.item_noise)
    assert noise == pytest.approx(0.6**2 + 1 / 12, rel=0.15)
    assert np.quantile(model.spread.user_noise, [0.05, 0.95]) == pytest.approx(1, abs=0.45)


def synthetic(seed: int = 0) -> tuple[TrainingData, dict[str, np.ndarray]]:
    """100 users, the second half twice as noisy, and 60 items of which a few are; neither rounded nor clipped."""
    rng = np.random.default_rng(seed)
    users, items = some_pairs(rng, 100, 60, 3600)
    made = {
        "user_biases": rng.normal(0, 0.5, 100),
        "item_biases": rng.normal(0, 0.7, 60),
        "user_sigma": np.where(np.arange(100) < 50, 0.4, 0.8),
        "item_sigma": np.where(np.arange(60) < 54, 1.0, 1.8),
    }
    p, q = rng.normal(0, 0.7, (100, 2)), rng.normal(0, 0.7, (60, 2))
    made["expected"] = 10 + made["user_biases"][:, None] + made["item_biases"] + p @ q.T
    sigma = made["user_sigma"][users] * made["item_sigma"][items]
    rating = made["expected"][users, items] + sigma * rng.standard_normal(3600)
    return training_data(users, items, rating, 100, 60), made


def test_users_and_items_with_more_noise_are_told_from_others() -> None:
    data, made = synthetic()
    model = learn(data, n_factors=2, n_draws=120, n_burn=30)
    for found, sigma in ((model.spread.user_noise, made["user_sigma"]), (model.spread.item_noise, made["item_sigma"])):
        variance = sigma**2
        quiet, loud = found[sigma == sigma.min()], found[sigma == sigma.max()]
        assert loud.mean() / quiet.mean() == pytest.approx(variance.max() / variance.min(), rel=0.3)
        assert np.mean(loud[:, None] > quiet) > 0.97
    users, items = np.repeat(np.arange(100), 60), np.tile(np.arange(60), 100)
    noise = model.spread.user_noise[users] * model.spread.item_noise[items] / model.noise_precision
    true = (made["user_sigma"][:, None] * made["item_sigma"]).ravel() ** 2
    assert np.exp(np.mean(np.log(noise / true))) == pytest.approx(1, abs=0.1)
    assert np.std(np.log(noise / true)) < 0.4


def test_noisy_ratings_say_less() -> None:
    """The same model with equal noise for all is no nearer to the truth: the noise scale earns its place."""
    data, made = synthetic()
    model = learn(data, n_factors=2, n_draws=120, n_burn=30)
    users, items = (each.astype(np.int32) for each in np.divmod(np.arange(6000), 60))
    error = np.mean((model.predict(users, items) - made["expected"].ravel()) ** 2)
    *_, als = pt.ALS(n_factors=2).epochs(data)
    assert error < 0.8 * np.mean((als.model.predict(users, items) - made["expected"].ravel()) ** 2)
    effects = model.user_biases + model.user_factors @ model.item_factors.mean(axis=0)
    assert np.corrcoef(effects, made["expected"].mean(axis=1))[0, 1] > 0.97


def test_features_tell_of_rows_without_ratings() -> None:
    """Items of one kind are liked more: an item that nobody has rated is predicted by its kind."""
    rng = np.random.default_rng(1)
    kind = np.arange(40) % 2
    users, items = some_pairs(rng, 60, 30, 900)  # the last ten items have no ratings
    rating = 3 + 1.5 * kind[items] + 0.3 * rng.standard_normal(900)
    data = training_data(users, items, rating, 60, 40, item_features=features(np.eye(2)[kind], [2]))
    model = learn(data, n_factors=1)
    cold = model.predict(np.zeros(10, np.int32), np.arange(30, 40, dtype=np.int32))
    assert np.allclose(cold[kind[30:] == 1].mean() - cold[kind[30:] == 0].mean(), 1.5, atol=0.4)
    weights = model.item_prior.feature_weights[:, -1]
    assert weights[1] - weights[0] == pytest.approx(1.5, abs=0.4)
    assert (model.item_prior.feature_errors > 0).all()
    assert model.user_prior.feature_weights is None


def test_choices_tell_of_a_user() -> None:
    """People who choose items of one half like everything more: the choice alone moves the prior mean."""
    rng = np.random.default_rng(2)
    camp = rng.integers(0, 2, 150)
    users = np.repeat(np.arange(150), 6)
    items = np.concatenate([rng.choice(10, 6, replace=False) + 10 * each for each in camp])
    rating = 3 + camp[users] + 0.5 * rng.standard_normal(900)
    model = learn(training_data(users, items, rating, 150, 20), n_factors=1)
    some = [np.arange(half, half + 6, dtype=np.int32) for half in (0, 10)]
    expected = [model.user_prior.expected(chosen)[-1] for chosen in some]
    by_items = [model.item_biases[chosen].mean() for chosen in some]
    assert (expected[1] + by_items[1]) - (expected[0] + by_items[0]) == pytest.approx(1, abs=0.35)
    plain = learn(training_data(users, items, rating, 150, 20), n_factors=1, implicit=False)
    assert plain.user_prior.implicit_weights is None


@pytest.mark.parametrize(("scale", "shift"), [(10.0, 3.0), (0.25, 0.0), (-1.0, 6.0), (1e6, 0.0), (1e-6, 0.0)])
def test_the_unit_of_the_ratings_is_irrelevant(sample: TrainingData, scale: float, shift: float) -> None:
    """Draws are made in units of the ratings' standard deviation; turned upside down, other draws have the same law."""
    rating = (scale * sample.rating.astype(np.float64) + shift).astype(np.float32)
    other = dataclasses.replace(
        sample, rating=rating, rating_scale=tuple(sorted(scale * each + shift for each in sample.rating_scale))
    )
    one, two = learn(sample, n_draws=24), learn(other, n_draws=24)
    pairs = sample.user_idx, sample.item_idx
    expected = scale * one.predict(*pairs).astype(np.float64) + shift
    unit = abs(scale) * float(sample.rating.std())
    if scale < 0:
        assert np.sqrt(np.mean((two.predict(*pairs) - expected) ** 2)) < 0.25 * unit
        return
    assert np.abs(two.predict(*pairs) - expected).max() < 1e-3 * unit
    assert two.noise_precision == pytest.approx(one.noise_precision / scale**2, rel=1e-3)
    assert two.spread.user_noise == pytest.approx(one.spread.user_noise, rel=1e-3)
    for side in ("user_variance", "item_variance"):
        mine, theirs = getattr(one.spread, side), getattr(two.spread, side) / np.float32(scale) ** 2
        assert np.allclose(mine, theirs, rtol=1e-2, atol=1e-4)
    items = np.array([3, 50], np.int32)
    row = one.fold_in_user(items, np.array([5, 1], np.float32)).mean
    other_row = two.fold_in_user(items, np.array([scale * 5 + shift, scale + shift], np.float32)).mean
    assert other_row[-1] == pytest.approx(scale * row[-1], abs=1e-3 * unit)


@pytest.mark.parametrize("n_chains", [1, 4])
def test_the_number_of_threads_is_irrelevant(sample: TrainingData, n_chains: int) -> None:
    settings = {"n_chains": n_chains, "n_draws": 10, "n_burn": 3, "n_factors": 9}
    one = learn(sample, **settings, n_threads=1)
    for n_threads in (2, 3, 8, None):
        assert same(one, learn(sample, **settings, n_threads=n_threads))


def test_a_seed_starts_again_and_a_generator_goes_on(sample: TrainingData) -> None:
    settings = {"n_draws": 6, "n_burn": 2}
    rng = np.random.default_rng(4)
    first, second = learn(sample, **settings, rng=rng), learn(sample, **settings, rng=rng)
    assert same(first, learn(sample, **settings, rng=4))
    assert not same(first, second)


@pytest.mark.parametrize(
    ("n_draws", "n_burn", "n_chains", "n_epochs"),
    [(40, 10, 4, 4), (40, 10, 1, 10), (41, 0, 4, 3), (1, 0, 1, 1), (1, 1, 4, 2), (200, 20, 4, 14), (7, 6, 2, 3)],
)
def test_epochs_are_five_rounds_each(
    sample: TrainingData, n_draws: int, n_burn: int, n_chains: int, n_epochs: int
) -> None:
    solver = Bayes(n_factors=0, n_draws=n_draws, n_burn=n_burn, n_chains=n_chains)
    assert solver.n_epochs == n_epochs
    epochs = list(solver.epochs(sample))
    assert len(epochs) == n_epochs
    assert all(np.isfinite(epoch.train_loss) for epoch in epochs)


def test_more_draws_are_better_and_the_burn_in_is_worst(sample: TrainingData) -> None:
    losses = [epoch.train_loss for epoch in Bayes(**SMALL | {"n_draws": 100}).epochs(sample)]
    assert losses[-1] < losses[2] < losses[0]


def test_several_chains_share_the_draws() -> None:
    solver = Bayes(n_draws=10, n_chains=4)
    assert solver.n_epochs == Bayes(n_draws=12, n_chains=4).n_epochs == 4 + 1


def test_a_tolerance_ends_it_early_at_a_model_that_it_went_through(sample: TrainingData) -> None:
    never = list(Bayes(**SMALL | {"n_draws": 200}).epochs(sample))
    soon = list(Bayes(**SMALL | {"n_draws": 200}, tolerance=0.9).epochs(sample))
    later = list(Bayes(**SMALL | {"n_draws": 200}, tolerance=0.05).epochs(sample))
    assert len(never) == 12
    assert len(soon) == 2 + 2  # the first epoch of kept draws has none to be compared to
    assert len(soon) < len(later) < len(never)
    for stopped in (soon, later):
        assert same(stopped[-1].model, never[len(stopped) - 1].model)


def test_ctrl_c_in_the_middle_of_a_sweep_ends_all_threads_and_keeps_the_model(
    sample: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.solvers.gibbs.chains import Threads

    ratings = pt.load_dataset("sample")
    calls = itertools.count()
    real = Threads.sweep

    def interrupted(self: Threads, chains: list[object]) -> None:
        if next(calls) == 17:  # of the second epoch of draws: two of the burn-in and one of draws are done
            raise KeyboardInterrupt
        real(self, chains)

    before = threading.active_count()
    monkeypatch.setattr(Threads, "sweep", interrupted)
    stopped = Bayes(**SMALL).fit(ratings)
    monkeypatch.setattr(Threads, "sweep", real)
    assert stopped.info()["training"]["interrupted"]
    assert len(stopped.history) == 3
    assert threading.active_count() == before
    third = next(itertools.islice(Bayes(**SMALL).epochs(sample), 2, None))
    assert same(stopped.model, third.model)


def test_ctrl_c_in_the_burn_in_keeps_what_there_is(sample: TrainingData) -> None:
    def stop(record: EpochRecord) -> None:
        if record.epoch == 0:
            raise KeyboardInterrupt

    stopped = Bayes(**SMALL).fit(pt.load_dataset("sample"), progress=stop)
    first = next(Bayes(**SMALL).epochs(sample))
    assert same(stopped.model, first.model)
    assert stopped.model.spread.user_noise.min() > 0


BOARD = np.divmod(np.arange(24 * 24), 24)

TABLES = {
    "one rating": ([0], [0], [3.0]),
    "one rating among rows without": ([3], [2], [3.0]),
    "one rating a user": (np.arange(50), np.arange(50) % 7, np.arange(50) % 5 + 1.0),
    "one user": (np.zeros(30), np.arange(30), np.arange(30) % 5 + 1.0),
    "one item": (np.arange(30), np.zeros(30), np.arange(30) % 5 + 1.0),
    "all equal": (*np.divmod(np.arange(60), 10), np.full(60, 0.1)),
    "all equal, one rating a user": (np.arange(7), np.arange(7), np.full(7, 3.3)),
    "all but one equal": (*np.divmod(np.arange(60), 10), np.r_[np.full(59, 4.0), 1.0]),
    "a board without noise": (*BOARD, np.where(np.add(*BOARD) % 2 == 0, 5.0, 1.0)),
    "biases without noise": (*BOARD, BOARD[0] / 7 + BOARD[1] / 3),
    "huge unit": (*BOARD, 1e6 * (1 + np.add(*BOARD) % 5)),
    "tiny unit": (*BOARD, 1e-6 * (1 + np.add(*BOARD) % 5)),
    "far from zero": (*BOARD, 1e6 + np.add(*BOARD) % 5),
    "a user with 5000 ratings": (np.r_[np.zeros(5000), 1, 2], np.r_[np.arange(5000), 3, 4], np.arange(5002) % 5 + 1.0),
    "a pair rated often": (np.zeros(9), np.zeros(9), np.arange(9) % 5 + 1.0),
    "every pair rated often": (np.tile(BOARD[0], 5), np.tile(BOARD[1], 5), np.arange(5 * 576) % 5 + 1.0),
    "one outlier": (*BOARD, np.r_[np.arange(575) % 5, 1e5]),
}


@pytest.mark.parametrize("n_factors", [0, 4])
@pytest.mark.parametrize("name", list(TABLES))
def test_degenerate_tables_give_a_finite_model_that_survives_a_file(name: str, n_factors: int) -> None:
    users, items, rating = TABLES[name]
    data = training_data(users, items, rating)
    if name == "one rating among rows without":
        data = dataclasses.replace(data, n_users=6, n_items=5)
    model = learn(data, n_factors=n_factors)
    for array in model.arrays().values():
        assert np.isfinite(array).all()
    assert np.isfinite(model.variance(data.user_idx, data.item_idx)).all()
    assert model.variance(data.user_idx, data.item_idx).min() > 0
    assert same(model, DotBias.from_arrays(model.arrays(), model.settings()))
    folded = model.fold_in_user(data.item_idx[:1], data.rating[:1])
    assert np.isfinite(folded.mean).all()
    assert np.isfinite(model.with_row("user", folded).spread.user_variance).all()
    apart = np.abs(model.predict(data.user_idx, data.item_idx).astype(np.float64) - data.rating)
    assert apart.max() <= 4 * (np.ptp(data.rating) or 1)


def test_a_board_without_noise_is_learned_to_the_last_star() -> None:
    data = training_data(*TABLES["a board without noise"])
    error = learn(data).predict(data.user_idx, data.item_idx) - data.rating
    assert np.abs(error).max() < 0.1


def test_rows_without_ratings_are_near_the_prior_mean(sample: TrainingData) -> None:
    """Near it: they are means of draws, as all rows are."""
    more = dataclasses.replace(sample, n_users=sample.n_users + 2, n_items=sample.n_items + 2)
    model = learn(more, n_draws=100)
    users = np.repeat(np.array([sample.n_users, sample.n_users + 1], np.int32), sample.n_items)
    items = np.tile(np.arange(sample.n_items, dtype=np.int32), 2)
    fresh = model.with_rows(more.n_users + 1, more.n_items)
    apart = model.predict(users, items) - fresh.predict(np.full(len(users), more.n_users, np.int32), items)
    assert np.sqrt(np.mean(apart**2)) < 0.2
    known = model.spread.user_variance[: sample.n_users]
    assert model.spread.user_variance[sample.n_users :].min() > np.median(known)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_factors", -1),
        ("n_factors", 2.0),
        ("n_factors", True),
        ("n_factors", 257),
        ("n_draws", 0),
        ("n_draws", 10**8),
        ("n_draws", "40"),
        ("n_burn", -1),
        ("n_burn", 1.5),
        ("n_chains", 0),
        ("n_chains", 257),
        ("implicit", 1),
        ("implicit", None),
        ("user_features", "age"),
        ("user_features", (1,)),
        ("item_features", None),
        ("tolerance", -0.1),
        ("tolerance", 1),
        ("tolerance", float("nan")),
        ("tolerance", "0"),
        ("rng", "seed"),
        ("rng", -1),
        ("n_threads", 0),
        ("n_threads", 1.5),
    ],
)
def test_values_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"{name} is "):
        Bayes(**{name: value})


def test_names_of_features_may_be_a_list() -> None:
    assert Bayes(user_features=["age"]).user_features == ("age",)
    assert Bayes(user_features=["age"]) == Bayes(user_features=("age",))
    assert hash(Bayes(item_features=["genres"])) == hash(Bayes(item_features=("genres",)))


def test_is_compiled_after_use(sample: TrainingData) -> None:
    solver = Bayes(n_factors=0, n_draws=1, n_burn=0, n_chains=1)
    list(solver.epochs(sample))
    assert solver.is_compiled()


def test_ratings_are_not_changed(sample: TrainingData) -> None:
    ratings = Ratings.from_arrays([1, 1, 2], ["a", "b", "a"], [1.0, 2.0, 3.0])
    before = ratings.user_idx.copy(), ratings.item_idx.copy(), ratings.rating.copy()
    Bayes(**SMALL).fit(ratings)
    for now, then in zip((ratings.user_idx, ratings.item_idx, ratings.rating), before, strict=True):
        assert np.array_equal(now, then)


def test_ratings_that_are_explained_perfectly_and_told_many_times() -> None:
    """The noise goes to zero and rows become next to certain: single precision must bear it."""
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 39, 1600).astype(np.int32), rng.integers(0, 10, 1600).astype(np.int32)
    rating = np.where((users % 2 == 0) == (items < 5), 5, 2).astype(np.float32)
    data = TrainingData(users, items, rating, 39, 10, (2.0, 5.0))
    *_, last = pt.Bayes(n_factors=5).epochs(data)
    assert last.train_loss < 0.01
    assert np.isfinite(last.model.user_factors).all()
