"""What a ChoiceModel answers: rows folded in, parts that add up, growing, and reading back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.choice_tables import choice_table

from penchant.arrays.feature_rows import FeatureRow
from penchant.errors import FormatError
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.model import Model
from penchant.solvers.choice.choice_als import ChoiceALS
from penchant.solvers.choice.choice_data import ChoiceData
from penchant.solvers.choice.ease import EASE
from penchant.solvers.choice.mix import ChoiceMix


@pytest.fixture(scope="module")
def choices() -> ChoiceData:
    return choice_table(150, 60, 9)


@pytest.fixture(scope="module")
def model(choices: ChoiceData) -> ChoiceModel:
    mix = ChoiceMix(ease=EASE(n_factors=8, reg=20), factors=ChoiceALS(n_factors=6))
    *_, last = mix.epochs(choices)
    return last.model


def chosen_by(choices: ChoiceData, user: int) -> np.ndarray:
    return choices.by_user.others[choices.by_user.indptr[user] : choices.by_user.indptr[user + 1]]


def test_a_trained_row_is_the_fold_in_of_its_choices(model: ChoiceModel, choices: ChoiceData) -> None:
    for user in range(20):
        row = model.fold_in_user(chosen_by(choices, user))
        np.testing.assert_allclose(row.factors, model.user_factors[user], atol=1e-3)


def test_parts_add_up_to_the_score(model: ChoiceModel, choices: ChoiceData) -> None:
    row = model.fold_in_user(chosen_by(choices, 3), np.full(len(chosen_by(choices, 3)), 1.5, np.float32))
    for item in range(5):
        q = model.item_factors[item].astype(np.float64)
        told = float(model.item_biases[item]) + row.constant @ q + (row.parts @ q).sum()
        assert told == pytest.approx(float(model.scores(row.factors)[item]), abs=1e-4)


def test_solved_columns_are_the_dense_least_squares(choices: ChoiceData) -> None:
    *_, last = ChoiceALS(n_factors=5, reg_power=0.5).epochs(choices)
    model = last.model
    chosen, part = chosen_by(choices, 7), model.solved
    assert part is not None
    cell, a = np.zeros(model.n_items), np.full(model.n_items, part.unchosen_weight)
    cell[chosen] = a[chosen] = 1
    q = model.item_factors.astype(np.float64)
    pull = np.diag(a.sum() ** part.count_power * part.precision)
    wanted = np.linalg.solve((q.T * a) @ q + pull, q.T @ (a * (cell - model.item_biases)))
    np.testing.assert_allclose(model.fold_in_user(chosen).factors, wanted, atol=1e-6)


def test_an_item_is_folded_in_near_where_it_was(model: ChoiceModel, choices: ChoiceData) -> None:
    grouped = choices.by_item
    item = int(np.diff(grouped.indptr).argmax())
    row = model.fold_in_item(grouped.others[grouped.indptr[item] : grouped.indptr[item + 1]])
    old = model.user_factors @ model.item_factors[item]
    assert np.corrcoef(model.user_factors @ row.factors, old)[0, 1] > 0.7
    assert row.popularity == pytest.approx(float(model.item_popularity[item]))
    assert row.bias == pytest.approx(float(model.item_biases[item]), abs=1e-4)
    assert row.inputs.shape == (model.item_inputs.shape[1],)


def test_rows_come_and_go(model: ChoiceModel, choices: ChoiceData) -> None:
    grown = model.with_rows(model.n_users + 2, model.n_items + 1)
    assert (grown.n_users, grown.n_items) == (model.n_users + 2, model.n_items + 1)
    assert grown.predict(np.array([model.n_users], np.int32), np.array([0], np.int32))[0] == model.item_biases[0]
    row = model.fold_in_user(chosen_by(choices, 0))
    more = model.with_row("user", row)
    np.testing.assert_allclose(more.user_factors[-1], model.user_factors[0], atol=1e-3)
    assert model.with_row("item", model.fold_in_item(np.arange(4, dtype=np.int32))).n_items == model.n_items + 1
    assert model.without_user(0).n_users == model.n_users - 1
    with pytest.raises(TypeError):
        model.with_row("item", row)


def test_the_bias_of_an_item_goes_by_the_rule_of_the_others(model: ChoiceModel) -> None:
    """Also where no other item is as popular: nobody's choice is bias 0, not that of the least chosen item."""
    assert model.item_popularity.min() > 0
    assert model.biases_of(model.item_popularity) == pytest.approx(model.item_biases, rel=1e-4, abs=1e-6)
    assert model.with_rows(model.n_users, model.n_items + 1).item_biases[-1] == 0
    for n in (0, 1, model.n_users):
        row = model.fold_in_item(np.arange(n, dtype=np.int32))
        assert row.bias == pytest.approx(float(model.biases_of(np.array([n / model.n_users], np.float32))[0]))
    assert model.fold_in_item(np.empty(0, np.int32)).bias == 0


def test_new_choices_make_a_row_anew(model: ChoiceModel, choices: ChoiceData) -> None:
    chosen = chosen_by(choices, 1)
    indptr = np.array([0, len(chosen)], np.int64)
    changed = model.with_choices(np.array([0], np.int64), indptr, chosen)
    np.testing.assert_allclose(changed.user_factors[0], model.user_factors[1], atol=1e-3)
    np.testing.assert_array_equal(changed.user_factors[1:], model.user_factors[1:])


def test_read_back_it_predicts_the_same(model: ChoiceModel) -> None:
    assert isinstance(model, Model)
    again = ChoiceModel.from_arrays(model.arrays(), model.settings())
    pairs = np.arange(10, dtype=np.int32), np.arange(10, dtype=np.int32)
    np.testing.assert_array_equal(again.predict(*pairs), model.predict(*pairs))
    chosen = np.array([1, 5], np.int32)
    np.testing.assert_array_equal(again.fold_in_user(chosen).factors, model.fold_in_user(chosen).factors)
    for name in model.arrays():
        with pytest.raises(FormatError):
            ChoiceModel.from_arrays({**model.arrays(), name: np.zeros(3, np.int8)}, model.settings())
    with pytest.raises(FormatError):
        ChoiceModel.from_arrays(model.arrays(), {**model.settings(), "few": "many"})


def test_an_item_that_nobody_chose_is_what_its_features_say(model: ChoiceModel) -> None:
    weights = np.random.default_rng(4).standard_normal((3, model.n_factors + 1)).astype(np.float32)
    known = dataclasses.replace(model, item_feature_weights=weights)
    again = ChoiceModel.from_arrays(known.arrays(), known.settings())
    features = FeatureRow(np.array([0, 2], np.int32), np.array([1, 0.5], np.float32))
    said = weights[0].astype(np.float64) + 0.5 * weights[2]
    plain = again.fold_in_item(np.empty(0, np.int32))
    row = again.fold_in_item(np.empty(0, np.int32), features=features)
    np.testing.assert_allclose(row.factors, said[:-1])
    assert row.bias == pytest.approx(plain.bias + said[-1])
    assert not plain.factors.any()
