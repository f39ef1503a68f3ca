"""Predictions of pairs with ids that the training never saw: refused, the prior's, or left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import penchant as pt
from penchant.errors import DataError, ParameterError, UnknownIdError, UnsupportedError


@pytest.fixture(scope="module", params=[pt.ALS(n_factors=4), pt.Bayes(n_factors=4, n_draws=40)], ids=lambda s: s.name)
def rec(request: pytest.FixtureRequest) -> pt.Recommender:
    return pt.fit(pt.load_dataset("sample"), request.param, choices=False)


def test_one_unknown_id_does_not_stop_a_table(rec: pt.Recommender) -> None:
    users, items = [rec.users[0], "nobody", rec.users[1], "nobody"], [rec.items[0], rec.items[1], "nothing", "nothing"]
    table = pd.DataFrame({"user": users, "item": items}, index=list("abcd"))
    with pytest.raises(UnknownIdError, match="nobody"):
        rec.predict(table)
    skipped = rec.predict(table, unknown="skip")
    assert np.isnan(skipped).tolist() == [False, True, True, True]
    assert skipped[0] == rec.predict(items[0], users[0])
    prior = rec.predict(table, unknown="prior")
    cold = rec.model.with_rows(rec.n_users + 1, rec.n_items + 1)
    rows = np.array([0, rec.n_users, 1, rec.n_users], np.int32), np.array([0, 1, rec.n_items, rec.n_items], np.int32)
    np.testing.assert_array_equal(prior, cold.predict(*rows).clip(*rec.rating_scale))
    np.testing.assert_array_equal(rec.predict(items, users, unknown="prior"), prior)
    assert rec.predict("nothing", users[0], unknown="skip") != rec.predict(items[0], users[0])
    assert isinstance(rec.predict("nothing", users[0], unknown="prior"), float)


@pytest.mark.parametrize("unknown", ["prior", "skip"])
@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_a_missing_id_is_not_an_unknown_one(rec: pt.Recommender, unknown: str, missing: object) -> None:
    users, items = list(rec.users)[:2], list(rec.items)[:2]
    with pytest.raises(DataError, match="the item id at position 1 is"):
        rec.predict([items[0], missing], users, unknown=unknown)
    with pytest.raises(DataError, match="the user id at position 0 is"):
        rec.predict(items, [missing, users[1]], unknown=unknown)
    with pytest.raises(DataError, match="the item id at position 1 is"):
        rec.predict([items[0], missing], ratings={items[1]: 5}, unknown="skip")


def test_intervals_of_strangers_are_wider() -> None:
    rec = pt.fit(pt.load_dataset("sample"), pt.Bayes(n_factors=4, n_draws=40), choices=False)
    users, items = [rec.users[0], "nobody"], [rec.items[0]] * 2
    found = rec.predict(items, users, interval=0.9, unknown="prior")
    width = found["high"] - found["low"]
    assert width[1] >= width[0]
    skipped = rec.predict(items, users, interval=0.9, unknown="skip")
    assert skipped.isna().all(axis=1).tolist() == [False, True]


def test_somebody_new(rec: pt.Recommender) -> None:
    me = {rec.items[0]: 5}
    found = rec.predict([rec.items[3], "nothing"], ratings=me, unknown="skip")
    assert found[0] == rec.predict(rec.items[3], ratings=me)
    assert np.isnan(found[1])
    with pytest.raises(UnsupportedError, match="skip"):
        rec.predict(["nothing"], ratings=me, unknown="prior")
    with pytest.raises(ParameterError, match="unknown"):
        rec.predict(rec.items[0], rec.users[0], unknown="ignore")
