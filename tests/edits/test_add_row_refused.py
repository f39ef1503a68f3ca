"""New users and items that a trained recommender refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.toy_model import TwoMeans

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import (
    AmbiguousTitleError,
    DataError,
    ParameterError,
    UnknownIdError,
    UnsupportedError,
)
from penchant.models.dot_bias import DotBias


@pytest.fixture(scope="module")
def rec() -> pt.Recommender:
    features = {"item_features": ("genres", "year"), "user_features": ("age", "occupation")}
    return pt.Bayes(n_factors=1, n_draws=4, n_burn=2, n_chains=2, **features).fit(pt.load_dataset("sample"))


@pytest.fixture(scope="module")
def films() -> pt.Recommender:
    """Five films with ids 1 to 5, two of one title and one without a title."""
    titles = pd.DataFrame({"movie": [1, 2, 3, 4], "title": ["Alien", "Solaris", "Solaris", "Brazil"]})
    users = ["ann", "bob", "ann", "bob", "eve", "ann", "eve"]
    ratings = Ratings.from_frame(
        {"user": users, "movie": [1, 2, 3, 4, 5, 2, 1], "rating": [5, 4, 3, 2, 1, 4, 2]}, items=titles
    )
    return pt.ALS(n_factors=2).fit(ratings)


@pytest.mark.parametrize("side", ["user", "item"])
def test_ids_that_can_not_be_new(rec: pt.Recommender, side: str) -> None:
    add, known = (rec.add_user, rec.users[0]) if side == "user" else (rec.add_item, rec.items[0])
    with pytest.raises(ParameterError, match=f"{side} {known} is known already"):
        add(known)
    with pytest.raises(ParameterError, match=f"{side} {known} is known already"):
        add(np.int64(known))
    with pytest.raises(ParameterError, match=rf"{side} {known}\.0 is equal to an id that is known already"):
        add(float(known))
    with pytest.raises(ParameterError, match=f"{side} None is no id"):
        add(None)
    with pytest.raises(ParameterError, match=rf"an? {side} id must be hashable, and \['a'\] is not"):
        add(["a"])
    for nothing in (float("nan"), np.float64("nan"), pd.NaT, pd.NA, np.datetime64("NaT")):
        with pytest.raises(ParameterError, match=f"{side} .* is no id; use another id"):
            add(nothing)
    for odd in (frozenset("a"), 1j, pd.Timestamp("2020-01-01"), (1, frozenset())):
        with pytest.raises(
            ParameterError, match=rf"^{side} id .* is of type \w+, which a file can't hold: make the ids"
        ):
            add(odd)
    with pytest.raises(ParameterError, match=f"{side} id of thousands of digits can't be written"):
        add(10**5000)
    with pytest.raises(ParameterError, match=rf"{side} '{known}' \(str\) is too like {known} \(int\), which is known"):
        add(str(known))
    grown = add("5000")
    with pytest.raises(ParameterError, match=rf"{side} 5000 \(int\) is too like '5000' \(str\), which is known"):
        (grown.add_user if side == "user" else grown.add_item)(5000)


def test_a_new_item_takes_no_name_of_another(films: pt.Recommender) -> None:
    with pytest.raises(ParameterError, match="item 'Alien' is the title of item 1, which goes by it; use another id"):
        films.add_item("Alien")
    with pytest.raises(ParameterError, match="title is 'Brazil', which item 4 has already: use another"):
        films.add_item(6, features={"title": "Brazil"})
    assert films.add_user("Alien").n_users == films.n_users + 1  # users go by their id alone


class _Odd:
    def items(self) -> object:
        return 5


@pytest.mark.parametrize("name", ["ratings", "features"])
def test_what_has_no_pairs_is_named(rec: pt.Recommender, name: str) -> None:
    for wrong in ([], "age", 0, pd.DataFrame({"age": [3]})):
        with pytest.raises(ParameterError, match=f"^{name} is a {type(wrong).__name__}: use a dict of"):
            rec.add_user("new", **{name: wrong})  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=f"^{name} is a _Odd without pairs"):
        rec.add_user("new", **{name: _Odd()})  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=f"^{name} has 2 values for 1 names"):
        rec.add_user("new", **{name: pd.Series([1, 2], index=["age", "age"])})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "prior",
    [
        {"precision": np.zeros((3, 3))},  # singular: no posterior
        {"mean": np.full(3, 1e300)},  # finite, and not in float32
        {"mean": np.full(3, 1e308), "precision": np.eye(3) * 1e10},  # not finite
    ],
)
def test_a_row_that_no_model_can_hold_is_refused(films: pt.Recommender, prior: dict[str, Any]) -> None:
    model = films.model
    assert isinstance(model, DotBias)
    sick = replace(model, user_prior=replace(model.user_prior, **prior))
    with pytest.raises(DataError, match="the model has no finite row for this user"):
        pt.Recommender(replace(films._state, model=sick)).add_user("new")


@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        ({"colour": "red"}, ParameterError, "no item attribute 'colour' in .* there are title, year, genres"),
        ({"genres": ("Comdy",)}, DataError, "genres was never 'Comdy' in training: did you mean 'Comedy'"),
        ({"genres": "Comedy"}, ParameterError, "genres is 'Comedy': use a tuple of texts"),
        ({"genres": (1,)}, DataError, "genres"),
        ({"year": "1999"}, ParameterError, "year is '1999': use a number"),
        ({"year": 10**5000}, DataError, "year is too large a number"),
        ({"year": 10**30}, DataError, "year is 10+: in training its mean is"),
        ({"year": 1e40}, DataError, r"year is 1e\+40: in training its mean is"),
        ({"year": float("inf")}, DataError, "year is inf: in training"),
        ({"title": 5}, ParameterError, "title is 5: use a text"),
        ({"title": ("a",)}, ParameterError, r"title is \('a',\): use a text"),
    ],
)  # fmt: skip
def test_features_that_are_none(
    rec: pt.Recommender, features: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        rec.add_item("film", features=features)


def test_a_table_without_attributes_has_none_to_give() -> None:
    rec = pt.ALS(n_factors=1).fit(Ratings.from_arrays([1, 2], ["x", "y"], [1.0, 5.0]))
    with pytest.raises(ParameterError, match=r"no user attribute 'age' .* there are none"):
        rec.add_user(3, features={"age": 5})


@pytest.mark.parametrize(
    ("ratings", "error", "message"),
    [
        ({1: 6}, DataError, "the rating of 1 is 6: use a number from 1 to 5"),
        ({1: 0.5}, DataError, "use a number from 1 to 5"),
        ({1: float("nan")}, DataError, "the rating of 1 is nan"),
        ({1: "5"}, DataError, "the rating of 1 is '5'"),
        ({1: True}, DataError, "the rating of 1 is True"),
        ({1: None}, DataError, "the rating of 1 is None"),
        ({"Alien": 5, 1: 4}, DataError, "two of the ratings are of the same item"),
        ({"Solaris": 5}, AmbiguousTitleError, "2 items have the title"),
        ({"Aliens": 5}, UnknownIdError, "did you mean 'Alien'"),
        ({99: 5}, UnknownIdError, "no item 99"),
        ([("Alien", 5)], ParameterError, "ratings is a list: use a dict"),
    ],
)
def test_ratings_that_can_not_be(films: pt.Recommender, ratings: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        films.add_user("new", ratings=ratings)
    assert films.n_users == 3


def test_users_that_are_unknown(films: pt.Recommender) -> None:
    with pytest.raises(UnknownIdError, match="no user 'Ann'; did you mean 'ann'"):
        films.add_item(6, ratings={"Ann": 5})


def test_a_model_of_another_kind_says_that_it_can_not(films: pt.Recommender) -> None:
    strange = TwoMeans(3.0, np.zeros(films.n_users, np.float32), np.zeros(films.n_items, np.float32))
    rec = pt.Recommender(replace(films._state, model=strange))
    with pytest.raises(UnsupportedError, match="a two_means model can't take in a user without training"):
        rec.add_user("new")
