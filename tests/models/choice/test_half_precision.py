"""Half precision: rounded once, kept without loss, and close to what it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.ranking.test_by_chance import random_choices

from penchant.models.choice.choice_model import ChoiceModel
from penchant.models.choice.half_precision import halved, rounded


def test_what_is_rounded_is_kept_without_loss() -> None:
    model = rounded(random_choices(np.random.default_rng(0), 30, 40))
    arrays = model.arrays()
    assert {str(arrays[name].dtype) for name in ("user_factors", "item_factors", "item_inputs")} == {"float16"}
    again = ChoiceModel.from_arrays(arrays, model.settings())
    np.testing.assert_array_equal(again.scores(again.user_factors), model.scores(model.user_factors))
    assert again.user_factors.dtype == np.float32


def test_scores_hardly_move() -> None:
    model = random_choices(np.random.default_rng(1), 50, 60, n_factors=64)
    before, after = (each.scores(each.user_factors) for each in (model, rounded(model)))
    assert np.abs(before - after).max() < 1e-2 * before.std()


@pytest.mark.parametrize("scale", [1e6, 1e-6])
def test_numbers_beyond_half_precision_stay(scale: float) -> None:
    model = random_choices(np.random.default_rng(2), 5, 6)
    wide = replace(model, user_factors=(model.user_factors * scale).astype(np.float32))
    np.testing.assert_array_equal(rounded(wide).user_factors, wide.user_factors)
    assert halved(wide.user_factors).dtype == np.float32
