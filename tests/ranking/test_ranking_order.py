"""The order of lists: chances that are calibrated, their product, the dial, and reading back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from penchant.errors import FormatError, ParameterError
from penchant.models.choice.ranking_order import RankingOrder
from penchant.ranking.order_scores import calibrate_choice, order_scores


def test_the_score_is_a_product_of_chances() -> None:
    choice, predicted = np.array([0.1, 0.2, 0.05]), np.array([4.0, 3.0, 5.0])
    order = RankingOrder(threshold=3.5, spread=2.0)
    wanted = np.log(choice) + norm.logcdf((predicted - 3.5) / 2)
    np.testing.assert_allclose(order_scores(choice, predicted, order=order), wanted, rtol=1e-5)
    dial = order_scores(
        choice, order=RankingOrder(), popularity=-0.5, item_popularity=np.array([0.5, 0.1, 0.1], np.float32)
    )
    np.testing.assert_allclose(dial, np.log(choice) - 0.5 * np.log([0.5, 0.1, 0.1]), rtol=1e-5)


def test_chances_are_those_of_the_validation_part() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 4, 200_000)
    truth = np.exp(scores - 6)
    knots, log_chance = calibrate_choice(scores, rng.random(len(scores)) < truth)
    order = RankingOrder(knots=knots, log_chance=log_chance)
    at = np.array([1.5, 2.5, 3.5])
    np.testing.assert_allclose(order.log_choice(at), at - 6, atol=0.3)
    assert (np.diff(order.log_choice(np.linspace(-5, 9, 50))) > 0).all()


def test_too_few_choices_make_no_knots() -> None:
    assert calibrate_choice(np.arange(9.0), np.arange(9) > 6) == ((), ())


def test_settings_come_back() -> None:
    order = RankingOrder(knots=(0.0, 1.0), log_chance=(-3.0, -1.0), threshold=3.5)
    assert RankingOrder.from_settings(order.settings()) == order
    with pytest.raises(FormatError):
        RankingOrder.from_settings(
            {"knots": [1, 0], "log_chance": [0, 1], "threshold": 3, "spread": 1, "liked_power": 1}
        )
    with pytest.raises(ParameterError):
        order_scores(np.ones(2), order=order, popularity=2)
