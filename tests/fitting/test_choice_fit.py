"""Learning choices beside stars and alone: what comes out, what is refused, what Ctrl-C leaves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import penchant as pt
from penchant.errors import DataError, ParameterError, UnsupportedError
from penchant.fitting.choice_fit import choice_data, liked_order, transformed
from penchant.fitting.fit import training_data
from penchant.models.dot_bias import DotBias
from penchant.solvers.baselines import baselines
from penchant.solvers.choice.choice_data import ChoiceData

STARS = pt.ALS(n_factors=4, n_epochs=4)
CHOICES = pt.ChoiceALS(n_factors=8, reg=3.0, n_epochs=3)


@pytest.fixture(scope="module")
def sample() -> pt.Ratings:
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def both(sample: pt.Ratings) -> pt.Recommender:
    return pt.fit(sample, STARS, choices=CHOICES)


def test_both_are_learned_and_kept(both: pt.Recommender, sample: pt.Ratings) -> None:
    learned = both.choices
    assert learned is not None
    assert (learned.model.n_users, learned.model.n_items) == (both.n_users, both.n_items)
    assert learned.solver["name"] == "choice_als"
    assert learned.training["n_choices"] == len(sample)
    assert learned.order.threshold == 3.5
    assert isinstance(both.model, DotBias)
    assert pt.fit(sample, STARS, choices=False).choices is None


def test_stars_do_not_depend_on_choices(both: pt.Recommender, sample: pt.Ratings) -> None:
    alone = pt.fit(sample, STARS, choices=False)
    for name, array in alone.model.arrays().items():
        np.testing.assert_array_equal(array, both.model.arrays()[name])


def test_a_table_without_stars(sample: pt.Ratings, both: pt.Recommender) -> None:
    rec = pt.fit(sample.choices(), CHOICES)
    assert rec.choices is not None
    assert both.choices is not None
    np.testing.assert_array_equal(rec.choices.model.user_factors, both.choices.model.user_factors)
    assert rec.history["train_loss"].notna().all()
    assert not rec.model.knows_stars
    with pytest.raises(UnsupportedError, match="without stars"):
        rec.predict(rec.items[0], rec.users[0])
    assert type(pt.fit(pt.datasets.sample_choices(40, 30, 300)).choices.model).__name__ == "ChoiceModel"


def test_the_chances_are_those_of_held_out_choices(sample: pt.Ratings) -> None:
    train, test = sample.split(0.1, rng=3)
    rec = pt.fit(train.choices(), CHOICES)
    assert rec.choices is not None
    model, order = rec.choices.model, rec.choices.order
    chance = np.exp(order.log_choice(model.scores(model.user_factors)))
    chance[train.user_idx, train.item_idx] = 0
    # as many as the calibration holds out; a fifth covers what 600 choices leave to chance
    assert chance.sum() == pytest.approx(len(test), rel=0.2)


@pytest.mark.parametrize("wrong", [3, "choice_als", pt.ChoiceALS, None, pt.ALS()])
def test_what_is_no_solver_of_choices(sample: pt.Ratings, wrong: object) -> None:
    with pytest.raises(ParameterError, match="choices"):
        pt.fit(sample, STARS, choices=wrong)


def test_solvers_are_for_their_own_table(sample: pt.Ratings) -> None:
    with pytest.raises(ParameterError, match="learns from stars"):
        pt.fit(sample.choices(), pt.ALS())
    with pytest.raises(ParameterError, match="solver"):
        pt.fit(sample, pt.ChoiceMix())
    with pytest.raises(ParameterError, match="valid"):
        pt.fit(sample.choices(), valid=sample)
    with pytest.raises(DataError, match="no choices"):
        pt.fit(sample.take(np.zeros(len(sample), bool)).choices())


class _Stops(pt.ChoiceALS):
    """Ctrl-C in the middle of the choices."""

    def epochs(self, data: ChoiceData) -> Iterator:
        stream = super().epochs(data)
        for number in range(self.n_epochs):
            if number == self.reg_power * 2:
                raise KeyboardInterrupt
            yield next(stream)


def test_ctrl_c_keeps_what_there_is(sample: pt.Ratings) -> None:
    early = pt.fit(sample, STARS, choices=_Stops(n_factors=4, reg=3.0, reg_power=0.0))
    assert early.choices is None
    assert early.interrupted
    later = pt.fit(sample, STARS, choices=_Stops(n_factors=4, reg=3.0, reg_power=1.0))
    assert later.choices is not None
    assert later.choices.training["interrupted"] is True
    assert len(later.recommend(later.users[0])) == 10


def test_weights_are_transformed() -> None:
    assert transformed(np.full(3, 7, np.float32)) is None
    weight = np.array([1, 2, 4, 1000], np.float32)
    found = transformed(weight)
    assert found is not None
    assert found.mean() == pytest.approx(1)
    assert (np.diff(found) > 0).all()
    assert 1 < found[3] / found[1] < 20  # 500 times as often
    np.testing.assert_allclose(transformed(weight * 60), found, rtol=1e-5)  # seconds and minutes


def test_pairs_that_occur_twice_count_once(sample: pt.Ratings) -> None:
    twice = sample.take(np.r_[np.arange(len(sample)), 0, 0])
    data = choice_data(twice)
    assert data.n_choices == len(sample)
    assert data.weight is not None


def test_what_counts_as_liked() -> None:
    rng = np.random.default_rng(0)
    n = 400
    for steps, threshold in ((np.arange(1, 6), 3.5), (np.arange(1, 11) / 2, 3.75), (np.arange(0, 101), 74.5)):
        ratings = pt.Ratings.from_arrays(rng.integers(0, 30, n), np.arange(n), rng.choice(steps, n))
        data = training_data(ratings)
        found = baselines(data)
        order = liked_order(data, found["item mean"], found["bias only"])
        assert order.threshold == pytest.approx(threshold, abs=1.0 if steps[-1] == 100 else 0.01)
        assert 0 < order.spread < steps[-1] - steps[0]
    same = pt.Ratings.from_arrays([1, 2, 2], [1, 1, 2], [5, 5, 5])
    data = training_data(same)
    assert liked_order(data, *list(baselines(data).values())[1:]).threshold is None
