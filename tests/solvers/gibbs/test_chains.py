"""A training under way: threads, what is kept and forgotten, drafts and the models that they become."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
from tests.solvers.gibbs.synthetic import features, some_pairs, training_data

from penchant.models.dot_bias import DotBias
from penchant.solvers.gibbs.chains import Run, Threads
from penchant.solvers.solver import TrainingData


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(0)
    users, items = some_pairs(rng, 38, 23, 400)
    return training_data(
        users,
        items,
        rng.integers(1, 6, 400),
        40,
        25,
        user_features=features(np.eye(3)[rng.integers(0, 3, 40)], [3]),
        item_features=features(rng.standard_normal((25, 2)), [1, 1]),
    )


def make(data: TrainingData, n_chains: int = 2, *, implicit: bool = True, n_factors: int = 3, seed: int = 0) -> Run:
    return Run(data, n_factors, n_chains, implicit=implicit, rng=np.random.default_rng(seed))


def advance(run: Run, n: int) -> None:
    for _ in range(n):
        for chain in run.chains:
            chain.sweep()
        run.keep()


def same(one: DotBias, two: DotBias) -> bool:
    ours, theirs = one.arrays(), two.arrays()
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_the_model_has_everything_in_the_right_shape(data: TrainingData) -> None:
    run = make(data)
    advance(run, 5)
    _, _, finish = run.epoch()
    shapes = {name: array.shape for name, array in finish().arrays().items()}
    assert shapes == {
        "user_biases": (40,),
        "item_biases": (25,),
        "user_factors": (40, 3),
        "item_factors": (25, 3),
        "user_prior_mean": (4,),
        "user_prior_precision": (4, 4),
        "user_implicit_weights": (25, 4),
        "user_feature_weights": (3, 4),
        "user_feature_errors": (3,),
        "item_prior_mean": (4,),
        "item_prior_precision": (4, 4),
        "item_implicit_weights": (40, 4),
        "item_feature_weights": (2, 4),
        "item_feature_errors": (2,),
        "user_noise": (40,),
        "item_noise": (25,),
        "user_variance": (40,),
        "item_variance": (25,),
        "user_cold_mean": (4,),
        "user_cold_precision": (4, 4),
        "item_cold_mean": (4,),
        "item_cold_precision": (4, 4),
    }


def test_without_choices_and_features_there_are_no_weights(data: TrainingData) -> None:
    run = make(dataclasses.replace(data, user_features=None, item_features=None), implicit=False)
    advance(run, 2)
    prior = run.epoch()[2]().user_prior
    assert (prior.implicit_weights, prior.feature_weights, prior.feature_errors) == (None, None, None)


def test_choices_alone_or_features_alone(data: TrainingData) -> None:
    for implicit, given in ((True, False), (False, True)):
        part = data if given else dataclasses.replace(data, user_features=None, item_features=None)
        run = make(part, implicit=implicit)
        advance(run, 2)
        prior = run.epoch()[2]().user_prior
        assert (prior.implicit_weights is not None) is implicit
        assert (prior.feature_weights is not None) is given


def test_the_draft_predicts_as_the_model_does(data: TrainingData) -> None:
    run = make(data)
    advance(run, 6)
    draft, loss, finish = run.epoch()
    model = finish()
    pairs = data.user_idx, data.item_idx
    assert np.array_equal(draft.predict(*pairs), model.predict(*pairs))
    assert draft.spread is None
    assert model.spread is not None
    assert loss == pytest.approx(np.mean((model.predict(*pairs).clip(1, 5) - data.rating) ** 2), rel=1e-6)


def test_the_loss_is_that_of_all_ratings_however_many_at_once(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.solvers.gibbs import chains as module

    run = make(data)
    advance(run, 2)
    whole = run.epoch()[1]
    monkeypatch.setattr(module, "_BLOCK", 37)
    assert run.epoch()[1] == pytest.approx(whole, rel=1e-6)


def test_how_far_predictions_moved_is_in_units_of_the_noise(data: TrainingData) -> None:
    run = make(data)
    advance(run, 3)
    first = run.epoch()[0]
    advance(run, 3)
    second = run.epoch()[0]
    pairs = data.user_idx, data.item_idx
    apart = second.predict(*pairs).clip(1, 5) - first.predict(*pairs).clip(1, 5)
    assert run.moved == pytest.approx(np.sqrt(np.mean(apart**2) * second.noise_precision), rel=1e-4)
    run.epoch()
    assert run.moved == 0


def test_a_model_does_not_depend_on_when_it_is_finished(data: TrainingData) -> None:
    """`Epoch` calls `finish` at the first look, which may be after many more draws, or never."""
    at_once, later = make(data), make(data)
    advance(at_once, 4)
    advance(later, 4)
    early = at_once.epoch()[2]()
    _, _, finish = later.epoch()
    advance(later, 30)
    later.clear()
    assert same(early, finish())


def test_the_model_is_the_mean_of_what_the_chains_held(data: TrainingData) -> None:
    """With as many columns as there are items nothing is truncated away."""
    run = make(data, n_chains=3, n_factors=25)
    total = np.zeros(len(data.rating))
    noise = []
    for _ in range(4):
        for chain in run.chains:
            chain.sweep()
            p, q = chain.users.factors[data.user_idx], chain.items.factors[data.item_idx]
            total += np.einsum("nk,nk->n", p, q) + chain.users.bias[data.user_idx] + chain.items.bias[data.item_idx]
            noise.append(1 / chain.alpha)
        run.keep()
    draft, _, _ = run.epoch()
    mean, spread = data.rating.mean(dtype=np.float64), data.rating.std(dtype=np.float64)
    exact = mean + spread * total / 12
    ours = draft.predict(data.user_idx, data.item_idx)
    assert np.allclose(ours, exact, atol=5e-3)
    assert draft.noise_precision == pytest.approx(1 / (np.mean(noise) * spread**2))
    assert draft.global_mean == pytest.approx(mean)


def test_clear_forgets_draws_and_leaves_the_chains(data: TrainingData) -> None:
    cleared, fresh = make(data), make(data)
    advance(cleared, 3)
    cleared.clear()
    for _ in range(3):
        for chain in fresh.chains:
            chain.sweep()
    advance(cleared, 2)
    advance(fresh, 2)
    assert same(cleared.epoch()[2](), fresh.epoch()[2]())


def test_chains_are_different_and_do_not_depend_on_how_many_there_are(data: TrainingData) -> None:
    run = make(data, n_chains=3)
    advance(run, 1)
    assert len({chain.alpha for chain in run.chains}) == 3
    again = make(data, n_chains=3)
    for chain in reversed(again.chains):  # in any order
        chain.sweep()
    assert [chain.alpha for chain in again.chains] == [chain.alpha for chain in run.chains]


def test_a_pair_that_occurs_often_is_one_feature(data: TrainingData) -> None:
    """Its count is the feature's value; drawn as entries of their own, three of a kind would run away."""
    rng = np.random.default_rng(2)
    often = rng.permutation(np.repeat(np.arange(len(data.rating)), 4))
    taken = (each[often] for each in (data.user_idx, data.item_idx, data.rating))
    run = make(TrainingData(*taken, 40, 25, (1.0, 5.0)))
    block = run.chains[0].users._data.blocks[0]
    assert (block.values == 4).all()
    assert block.indptr[-1] == len(data.rating)
    for item in range(25):
        expected = np.unique(data.user_idx[data.item_idx == item])
        assert np.array_equal(block.rows[block.indptr[item] : block.indptr[item + 1]], expected)
    advance(run, 60)
    for chain in run.chains:
        assert np.abs(chain.users.weights[0].biases).max() < 100
        assert np.isfinite(chain.alpha)


def test_some_pairs_once_and_some_twice() -> None:
    data = training_data([0, 1, 0, 2, 0], [1, 1, 1, 0, 0], [1.0, 2, 3, 4, 5], 4, 3)
    users, items = (side._data.blocks[0] for side in (make(data).chains[0].users, make(data).chains[0].items))
    assert users.indptr.tolist() == [0, 2, 4, 4]
    assert users.rows.tolist() == [0, 2, 0, 1]
    assert users.values.tolist() == [1, 1, 2, 1]
    assert np.allclose(users.row_scale, [1 / np.sqrt(3), 1, 1, 1])
    assert items.indptr.tolist() == [0, 2, 3, 4, 4]
    assert items.rows.tolist() == [0, 1, 1, 0]
    assert items.values.tolist() == [1, 2, 1, 1]


def test_pairs_that_occur_once_need_no_values(data: TrainingData) -> None:
    block = make(data).chains[0].users._data.blocks[0]
    assert len(block.values) == 0
    assert block.indptr[-1] == len(data.rating)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("n_chains", [1, 3])
def test_threads_do_not_change_the_draws(data: TrainingData, n_threads: int, n_chains: int) -> None:
    alone, shared = make(data, n_chains), make(data, n_chains)
    advance(alone, 3)
    with Threads(n_threads, n_chains) as threads:
        for _ in range(3):
            threads.sweep(shared.chains)
            shared.keep(threads)
    assert same(alone.epoch()[2](), shared.epoch()[2]())


def test_no_more_threads_are_started_than_were_asked_for(data: TrainingData) -> None:
    run = make(data, n_chains=2)
    seen: set[str] = set()
    for chain in run.chains:
        chain.sweep = spying(chain.sweep, seen)
    with Threads(2, 2) as threads:
        for _ in range(3):
            threads.sweep(run.chains)
    assert 1 <= len(seen) <= 2
    assert threading.current_thread().name not in seen


def spying(sweep: object, seen: set[str]) -> object:
    def spied(*args: object) -> None:
        seen.add(threading.current_thread().name)
        sweep(*args)

    return spied


def test_an_error_in_a_chain_is_raised_when_all_have_ended(data: TrainingData) -> None:
    run = make(data, n_chains=3)
    ended = []

    def fail(*_: object) -> None:
        raise ArithmeticError("the first chain")

    run.chains[0].sweep = fail
    for chain in run.chains[1:]:
        chain.sweep = lambda *_: ended.append(1)
    with Threads(2, 3) as threads, pytest.raises(ArithmeticError, match="the first chain"):
        threads.sweep(run.chains)
    assert len(ended) == 2
