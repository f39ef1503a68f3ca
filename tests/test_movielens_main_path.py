"""The main path on the real MovieLens-100k, and the accuracy that the defaults are held to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import penchant as pt
from penchant.data.ratings import Ratings


@pytest.fixture(scope="module")
def ratings(movielens_100k: Path) -> Ratings:
    return pt.load_dataset("ml-100k")


def test_what_is_read(ratings: Ratings) -> None:
    assert (len(ratings), ratings.n_users, ratings.n_items) == (100_000, 943, 1682)
    assert ratings.rating_scale == (1, 5)
    assert ratings.titles()[0] == "Toy Story (1995)"
    assert len(set(ratings.titles())) == 1664


def test_official_splits_are_predicted_better_than_0_925(ratings: Ratings) -> None:
    cards = []
    for name in ("u1", "u2", "u3", "u4", "u5"):
        train, test = pt.splits.movielens(ratings, name)
        assert len(test) == 20_000
        cards.append(pt.ALS().fit(train).evaluate(test).table["rmse"])
    rmse = pd.concat(cards, axis=1).mean(axis=1)
    assert rmse["model"] < 0.925
    assert rmse["model"] < rmse["bias only"] < rmse["item mean"] < rmse["global mean"]


def test_a_merge_with_titles_is_one_call(movielens_100k: Path) -> None:
    given = {"header": None, "encoding": "latin-1"}
    table = pd.read_csv(movielens_100k / "u.data", sep="\t", names=["user", "film", "stars", "when"], **given)
    titles = pd.read_csv(movielens_100k / "u.item", sep="|", usecols=[0, 1], names=["film", "title"], **given)
    by_title = Ratings.from_frame(table, items=titles, item="title")
    assert by_title.n_items == 1664
    assert by_title.items.index("Titanic (1997)") >= 0
    by_id = Ratings.from_frame(table, items=titles)
    assert by_id.n_items == 1682
    assert by_id.titles()[by_id.items.index(1)] == "Toy Story (1995)"


def test_a_film_that_many_like_and_one_that_few_do(ratings: Ratings) -> None:
    rec = pt.ALS().fit(ratings)
    everybody = ratings.users.ids
    liked = rec.predict("Casablanca (1942)", user_id=everybody)
    disliked = rec.predict("Cable Guy, The (1996)", user_id=everybody)
    assert liked.mean() > 4
    assert disliked.mean() < 2.8
    assert (liked > disliked).mean() > 0.9
    best = rec.item_biases(30, min_ratings=50)["title"].tolist()
    assert "Schindler's List (1993)" in best
    assert "Shawshank Redemption, The (1994)" in best
    assert np.isin(["Striptease (1996)"], rec.item_biases(60, worst=True, min_ratings=50)["title"]).all()
