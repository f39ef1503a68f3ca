"""What a ChoiceModel tells of somebody who went, to those who know the choices of all others."""

from __future__ import annotations

import numpy as np
import pytest
from tests.choice_tables import choice_table

from penchant.arrays.seen_ratings import SeenRatings
from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.count_choices import count_choices, users_anew
from penchant.solvers.choice.choice_als import ChoiceALS
from penchant.solvers.choice.choice_data import ChoiceData
from penchant.solvers.choice.ease import EASE
from penchant.solvers.choice.mix import ChoiceMix

AT = 3
SOLVERS = {
    "als": ChoiceALS(n_factors=5),
    "ease": EASE(n_factors=8, reg=20),
    "mix": ChoiceMix(ease=EASE(n_factors=8, reg=20), factors=ChoiceALS(n_factors=6)),
}


def everybody(data: ChoiceData) -> SeenRatings:
    return SeenRatings.from_pairs(data.user_idx, data.item_idx, np.ones(data.n_choices, np.float32), data.n_users)


@pytest.fixture(params=list(SOLVERS))
def case(request: pytest.FixtureRequest) -> tuple[ChoiceModel, SeenRatings]:
    data = choice_table(150, 60, 9)
    *_, last = SOLVERS[request.param].epochs(data)
    return last.model, everybody(data)


def forgotten(model: ChoiceModel, others: SeenRatings) -> ChoiceModel:
    return users_anew(count_choices(model.without_user(AT), others), others)


def chosen(model: ChoiceModel, others: SeenRatings) -> np.ndarray:
    """Items that the others' choices do not explain the popularity of."""
    extra = model.item_popularity * (model.n_users + 1) - others.item_counts(model.n_items)
    return np.flatnonzero(np.abs(extra - 1) < 0.01)


def test_popularity_does_not_tell_what_they_chose(case: tuple[ChoiceModel, SeenRatings]) -> None:
    model, seen = case
    others = seen.without_user(AT)
    row_only = model.without_user(AT)
    assert set(seen.items_of(AT).tolist()) <= set(chosen(row_only, others).tolist())  # the attack is worth something
    after = forgotten(model, others)
    assert not len(chosen(after, others))
    assert np.allclose(after.item_popularity, others.item_counts(model.n_items) / others.n_users)


def test_biases_go_with_popularity_as_they_did(case: tuple[ChoiceModel, SeenRatings]) -> None:
    model, seen = case
    after = forgotten(model, seen.without_user(AT))
    order = np.argsort(after.item_popularity, kind="stable")
    assert (np.diff(after.item_biases[order]) >= -1e-7).all()
    assert np.allclose(after.item_biases, model.item_biases, atol=0.05 * np.ptp(model.item_biases) + 0.01)


def test_rows_of_the_others_are_those_of_their_choices(case: tuple[ChoiceModel, SeenRatings]) -> None:
    model, seen = case
    others = seen.without_user(AT)
    after = forgotten(model, others)
    for user in (0, 50, 148):
        row = after.fold_in_user(others.items_of(user)).factors
        np.testing.assert_allclose(after.user_factors[user], row, atol=1e-5)
    scores = [one.scores(one.user_factors[0]) for one in (after, model)]
    assert np.corrcoef(*scores)[0, 1] > 0.98


def test_others_move_as_little_as_one_person_teaches(case: tuple[ChoiceModel, SeenRatings]) -> None:
    model, seen = case
    after = forgotten(model, seen.without_user(AT))
    before = np.delete(model.scores(model.user_factors), AT, axis=0)
    moved = after.scores(after.user_factors) - before
    assert np.sqrt(np.mean(moved**2)) < 0.05 * before.std()


def test_an_item_that_only_they_chose_has_no_row() -> None:
    data = choice_table(60, 20, 5)
    users, items = np.append(data.user_idx, AT).astype(np.int32), np.append(data.item_idx, 20).astype(np.int32)
    *_, last = ChoiceMix(ease=EASE(n_factors=4, reg=20), factors=ChoiceALS(n_factors=3)).epochs(
        ChoiceData(users, items, data.n_users, 21)
    )
    seen = SeenRatings.from_pairs(users, items, np.ones(len(users), np.float32), data.n_users)
    after = forgotten(last.model, seen.without_user(AT))
    assert not after.item_factors[20].any()
    assert not after.item_inputs[20].any()
    assert after.item_popularity[20] == 0
