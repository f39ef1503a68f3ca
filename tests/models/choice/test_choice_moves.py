"""Rows with one more choice, for every item at once, beside folding in one by one."""

from __future__ import annotations

import numpy as np
import pytest
from tests.choice_tables import choice_table

import penchant as pt
from penchant.models.choice.choice_moves import rows_with_one_more, rows_with_one_more_readable

ALS = pt.ChoiceALS(n_factors=4, reg=3.0, n_epochs=2)
LEARNERS = {
    "als": ALS,
    "als, flat penalty": pt.ChoiceALS(n_factors=4, reg=1.0, reg_power=0.0, n_epochs=2),
    "ease": pt.EASE(n_factors=5),
    "mix": pt.ChoiceMix(ease=pt.EASE(n_factors=5), factors=ALS),
}


@pytest.mark.parametrize("name", list(LEARNERS))
@pytest.mark.parametrize("chosen", [[], [3], [0, 7, 11]])
def test_rows_are_those_of_folding_in(name: str, chosen: list[int]) -> None:
    *_, last = LEARNERS[name].epochs(choice_table(60, 20, 5))
    rows = np.array(chosen, np.int32)
    fast, slow = (each(last.model, rows) for each in (rows_with_one_more, rows_with_one_more_readable))
    free = np.setdiff1d(np.arange(20), chosen)
    assert fast[free] == pytest.approx(slow[free], rel=1e-5, abs=1e-6)
