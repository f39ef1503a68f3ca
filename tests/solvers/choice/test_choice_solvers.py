"""Solvers of choices: against dense formulas, on thin tables, on any number of threads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.choice_tables import choice_table

from penchant.errors import DataError, ParameterError, UnsupportedError
from penchant.models.choice.choice_model import ChoiceModel
from penchant.solvers.choice.choice_als import ChoiceALS
from penchant.solvers.choice.choice_bayes import ChoiceBayes
from penchant.solvers.choice.choice_data import ChoiceData
from penchant.solvers.choice.ease import EASE, item_covariance, user_mean, weights_of
from penchant.solvers.choice.mix import ChoiceMix

SOLVERS = {
    "als": ChoiceALS(n_factors=6),
    "als in blocks": ChoiceALS(n_factors=10, block=4),
    "bayes": ChoiceBayes(n_factors=5, n_draws=16, n_burn=8),
    "ease": EASE(n_factors=8, reg=20),
    "mix": ChoiceMix(ease=EASE(n_factors=8, reg=20), factors=ChoiceALS(n_factors=6)),
}


@pytest.fixture(scope="module")
def choices() -> ChoiceData:
    return choice_table(150, 60, 9)


@pytest.fixture(scope="module")
def thin() -> ChoiceData:
    return choice_table(2000, 120, 1.6, seed=1)


def learned(solver: object, data: ChoiceData) -> ChoiceModel:
    *_, last = solver.epochs(data)  # type: ignore[attr-defined]
    return last.model


def test_ease_is_the_formula(choices: ChoiceData) -> None:
    x = choices.matrix().toarray().astype(np.float64)
    gram = x.T @ x
    for power in (0.0, 0.5):
        weight = np.maximum(x.sum(axis=1), 1) ** -power
        weight /= weight.mean()
        mean = weight @ x / len(x)
        gram = (x.T * weight) @ x - len(x) * np.outer(mean, mean)
        inverse = np.linalg.inv(gram + 20 * np.eye(len(gram)))
        wanted = -inverse / np.diag(inverse)
        np.fill_diagonal(wanted, 0)
        np.testing.assert_allclose(weights_of(item_covariance(choices, power), 20), wanted, atol=1e-4)
        np.testing.assert_allclose(user_mean(choices, power), mean)


def test_ease_with_all_columns_is_ease(choices: ChoiceData) -> None:
    model = learned(EASE(n_factors=choices.n_items, reg=20), choices)
    x, weights = choices.matrix().toarray(), weights_of(item_covariance(choices, 0.5), 20)
    known = choices.counts() / (choices.counts() + model.few)
    wanted = choices.popularity + x @ weights - np.outer(known, user_mean(choices, 0.5) @ weights)
    np.testing.assert_allclose(model.scores(model.user_factors), wanted, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
def test_weighted_rows_are_the_fold_in_of_their_choices(solver: object, choices: ChoiceData) -> None:
    weight = np.random.default_rng(2).uniform(0.5, 1.5, choices.n_choices).astype(np.float32)
    weighted = dataclasses.replace(choices, weight=weight)
    model, grouped = learned(solver, weighted), weighted.by_user
    for user in range(10):
        part = slice(grouped.indptr[user], grouped.indptr[user + 1])
        row = model.fold_in_user(grouped.others[part], grouped.target[part])
        np.testing.assert_allclose(row.factors, model.user_factors[user], atol=1e-3)


def test_ease_refuses_by_size_before_it_allocates(choices: ChoiceData) -> None:
    with pytest.raises(UnsupportedError, match="ChoiceALS") as found:
        next(EASE(max_bytes=1000).epochs(choices))
    assert set(found.value.arguments) == {"max_bytes"}
    with pytest.raises(UnsupportedError) as found:
        next(ChoiceMix(ease=EASE(max_bytes=1000), share=1).epochs(choices))
    assert found.value.arguments == ("share", "max_bytes")
    model = learned(ChoiceMix(ease=EASE(max_bytes=1000), factors=ChoiceALS(n_factors=4)), choices)
    assert model.item_inputs.shape[1] == 0  # the factors answer alone


def test_blocks_and_whole_rows_end_at_the_same_place(choices: ChoiceData) -> None:
    losses = []
    for block in (3, 9):
        *_, last = ChoiceALS(n_factors=9, block=block, n_epochs=40).epochs(choices)
        losses.append(last.train_loss)
    assert abs(losses[0] - losses[1]) < 0.02 * losses[1]


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
def test_threads_change_nothing(solver: object, choices: ChoiceData) -> None:
    def with_threads(n: int) -> ChoiceModel:
        one = solver
        if isinstance(one, ChoiceMix):
            one = dataclasses.replace(one, factors=dataclasses.replace(one.factors, n_threads=n))
        elif not isinstance(one, EASE):
            one = dataclasses.replace(one, n_threads=n)  # type: ignore[type-var]
        return learned(one, choices)

    one, three = with_threads(1), with_threads(3)
    np.testing.assert_allclose(one.user_factors, three.user_factors, atol=1e-5)
    np.testing.assert_allclose(one.item_factors, three.item_factors, atol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
def test_thin_tables_are_not_worse_than_popularity(solver: object, thin: ChoiceData) -> None:
    """Likely choices of everybody who has few: hits among the ten best, beside those of the most chosen ten."""
    rng = np.random.default_rng(5)
    out = rng.random(thin.n_choices) < 0.2
    rest = ChoiceData(thin.user_idx[~out], thin.item_idx[~out], thin.n_users, thin.n_items)
    model = learned(solver, rest)
    x = rest.matrix().toarray() > 0

    def hits(scores: np.ndarray) -> int:
        hidden = np.where(x, -np.inf, scores)
        best = np.argsort(-hidden, axis=1, kind="stable")[:, :10]
        return sum(item in best[user] for user, item in zip(thin.user_idx[out], thin.item_idx[out], strict=True))

    popular = hits(np.tile(rest.popularity, (rest.n_users, 1)))
    assert hits(model.scores(model.user_factors)) >= 0.9 * popular


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
def test_without_choices_the_most_chosen_come_first(solver: object, choices: ChoiceData) -> None:
    model = learned(solver, choices)
    scores = model.scores(model.fold_in_user(np.empty(0, np.int32)).factors)
    count = np.bincount(choices.item_idx, minlength=choices.n_items)
    assert (np.diff(count[np.argsort(-scores, kind="stable")]) <= 0).all()


def test_chains_tell_whether_they_agree(choices: ChoiceData) -> None:
    *_, last = ChoiceBayes(n_factors=3, n_draws=80, n_burn=20).epochs(choices)
    assert set(last.r_hat) == {"alpha", "size", "chosen"}
    assert all(0.9 < each < 3 for each in last.r_hat.values())


def test_signs_are_canonical(choices: ChoiceData) -> None:
    for solver in (SOLVERS["als"], SOLVERS["bayes"], SOLVERS["ease"]):
        q = learned(solver, choices).item_factors
        assert (q[np.abs(q).argmax(axis=0), np.arange(q.shape[1])] > 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ChoiceALS(reg=0),
        lambda: ChoiceALS(n_factors=0),
        lambda: ChoiceALS(unchosen_weight=2),
        lambda: ChoiceBayes(n_chains=0),
        lambda: EASE(reg=-1),
        lambda: EASE(user_power=2),
        lambda: ChoiceMix(share=1.5),
    ],
)
def test_hyper_parameters_out_of_range(wrong: object) -> None:
    with pytest.raises(ParameterError):
        wrong()  # type: ignore[operator]


def test_choices_that_cannot_be_used() -> None:
    none = np.empty(0, np.int32)
    with pytest.raises(DataError, match="no choices"):
        ChoiceData(none, none, 1, 1)
    one = np.zeros(1, np.int32)
    with pytest.raises(ParameterError) as found:
        ChoiceData(one, none, 1, 1)
    assert found.value.arguments == ("item_idx", "user_idx")
    with pytest.raises(ParameterError) as found:
        ChoiceData(one, one, 1, 1, np.ones(2, np.float32))
    assert found.value.arguments == ("weight", "user_idx")
    with pytest.raises(DataError, match="weight"):
        ChoiceData(one, one, 1, 1, np.zeros(1, np.float32))


def test_ease_chooses_its_columns(choices: ChoiceData) -> None:
    model = learned(EASE(), choices)
    assert model.n_factors in (8, 16, 32)
    assert EASE().is_compiled()


def test_ease_alone_is_a_share_of_one(choices: ChoiceData) -> None:
    ease = EASE(n_factors=8, reg=30)
    mix = learned(ChoiceMix(ease=ease, share=1, popularity=0), choices)
    np.testing.assert_allclose(mix.user_factors, learned(ease, choices).user_factors, atol=1e-6)
    factors = ChoiceALS(n_factors=4, reg=3.0)
    alone = learned(ChoiceMix(ease=ease, factors=factors, share=0, popularity=0), choices)
    np.testing.assert_allclose(alone.user_factors, learned(factors, choices).user_factors, atol=1e-6)


def test_there_are_as_many_epochs_as_were_announced(choices: ChoiceData) -> None:
    for name, solver in SOLVERS.items():
        given = dataclasses.replace(solver, share=0.5) if name == "mix" else solver
        assert sum(1 for _ in given.epochs(choices)) == solver.n_epochs


def test_the_mix_is_the_mean_of_its_learners_and_popularity(choices: ChoiceData) -> None:
    ease, factors = EASE(n_factors=8, reg=20), ChoiceALS(n_factors=6, reg=2)
    parts = [learned(each, choices) for each in (factors, ease)]
    tables = [each.scores(each.user_factors) for each in parts]
    units = [np.sqrt(each.var(axis=1).mean()) for each in tables]
    weight = np.array([0.4 / units[0], 0.6 / units[1], 0.5 / choices.popularity.std()])
    weight /= weight.sum()
    wanted = weight[0] * tables[0] + weight[1] * tables[1] + weight[2] * choices.popularity
    mix = learned(ChoiceMix(ease=ease, factors=factors, share=0.6, popularity=0.5), choices)
    np.testing.assert_allclose(mix.scores(mix.user_factors), wanted, atol=1e-4)


def test_a_validation_part_decides_the_same_again(choices: ChoiceData) -> None:
    one, again = (learned(ChoiceMix(), choices) for _ in range(2))
    np.testing.assert_array_equal(one.user_factors, again.user_factors)
    np.testing.assert_array_equal(one.item_biases, again.item_biases)


def test_a_model_that_was_asked_for_late_is_that_of_its_epoch(choices: ChoiceData) -> None:
    for solver in (ChoiceALS(n_factors=10, block=4, reg=2), ChoiceMix(share=0.5)):
        early = [epoch.model.item_factors for epoch in solver.epochs(choices)]
        late = [epoch.model.item_factors for epoch in list(solver.epochs(choices))]
        assert len(early) == len(late)
        for one, other in zip(early, late, strict=True):
            np.testing.assert_array_equal(one, other)


def test_where_only_popularity_tells_popularity_is_listened_to() -> None:
    rng = np.random.default_rng(0)
    chance = 60 / (10 + np.arange(150)) ** 1.5
    users, items = np.nonzero(rng.random((1500, 150)) < 2 * chance / chance.sum())
    data = ChoiceData(users.astype(np.int32), items.astype(np.int32), 1500, 150)
    model = learned(ChoiceMix(), data)
    scores = model.scores(model.user_factors)
    alike = [np.corrcoef(row, data.popularity)[0, 1] for row in scores[:200]]
    assert np.mean(alike) > 0.9
