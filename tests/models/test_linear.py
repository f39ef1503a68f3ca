"""Numbers of a file that are well-formed and extreme: an answer, or an error of ours."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

import penchant as pt
from penchant.errors import DataError, PenchantError
from penchant.models.dot_bias import DotBias
from penchant.models.linear import inverse, solved

SOLVERS = {
    "bayes": pt.Bayes(n_factors=2, n_draws=8, n_burn=2, n_chains=2),
    "als": pt.ALS(n_factors=2, n_epochs=2),
    "adam": pt.Adam(n_factors=2, n_epochs=1),
}


@pytest.fixture(scope="module")
def recs() -> dict[str, pt.Recommender]:
    return {name: solver.fit(pt.load_dataset("sample")) for name, solver in SOLVERS.items()}


def test_what_has_no_solution() -> None:
    for calculate in (lambda: solved(np.zeros((2, 2)), np.ones(2)), lambda: inverse(np.zeros((2, 2)))):
        with pytest.raises(DataError, match="too extreme to calculate with"):
            calculate()
    assert np.allclose(solved(2 * np.eye(2), np.ones(2)), 0.5)
    assert np.allclose(inverse(2 * np.eye(2)), 0.5 * np.eye(2))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", list(SOLVERS))
@pytest.mark.parametrize("array", ["item_factors", "user_factors", "item_biases"])
@pytest.mark.parametrize("value", [0.0, 1e-30, 1e19, 3e38, -3e38])
def test_extreme_models_answer_or_say_so(recs: dict[str, pt.Recommender], name: str, array: str, value: float) -> None:
    model = recs[name].model
    assert isinstance(model, DotBias)
    extreme = replace(model, **{array: np.full_like(getattr(model, array), value)})
    rec = pt.Recommender(replace(recs[name]._state, model=extreme))
    item, user, told = rec.items[0], rec.users[0], {rec.items[0]: 5.0, rec.items[1]: 3.0}
    for ask in (
        lambda: rec.explain(item, user),
        lambda: rec.explain(item, ratings=told),
        lambda: rec.recommend(ratings=told),
        lambda: rec.item_biases(),
        lambda: rec.add_user("new", ratings=told),
        lambda: rec.forget(user),
    ):
        with suppress(PenchantError):
            ask()
