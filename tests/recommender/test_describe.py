"""What a recommender says of items and users when nobody in particular asks: rankings, neighbours, tables, maps."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import ParameterError, UnknownIdError, UnsupportedError
from penchant.models.dot_bias.bias_uncertainty import bias_deviations


@pytest.fixture(scope="module")
def sample() -> Ratings:
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def rec(sample: Ratings) -> pt.Recommender:
    return pt.ALS(n_factors=3).fit(sample)


@pytest.fixture(scope="module")
def bare(sample: Ratings) -> pt.Recommender:
    """Kept without its ratings."""
    return pt.ALS(n_factors=3).fit(sample, keep_ratings=False)


@pytest.fixture(scope="module")
def biased(sample: Ratings) -> pt.Recommender:
    """Without factors."""
    return pt.ALS(n_factors=0).fit(sample)


@pytest.fixture(scope="module")
def net(sample: Ratings) -> pt.Recommender:
    return pt.NeuralNet(rng=0, n_epochs=2).fit(sample)


# -- biases --


def test_biases_have_intervals(rec: pt.Recommender) -> None:
    for share in (0.5, 0.9):
        table = rec.item_biases(interval=share).sort_values("item_id", ignore_index=True)
        half = NormalDist().inv_cdf((1 + share) / 2) * bias_deviations(rec.model, rec._state.seen, "item")
        order = np.argsort(rec.items.ids)
        np.testing.assert_allclose(table["high"] - table["bias"], half[order], rtol=1e-5)
        np.testing.assert_allclose(table["bias"] - table["low"], half[order], rtol=1e-5)
    assert list(rec.item_biases(interval=None)) == ["rank", "item_id", "title", "bias", "n_ratings"]


def test_the_safe_side_ranks_by_the_nearer_end(rec: pt.Recommender) -> None:
    best, worst = rec.item_biases(by="low"), rec.item_biases(by="low", worst=True)
    assert (np.diff(best["low"]) <= 0).all()
    assert (np.diff(worst["high"]) >= 0).all()


def test_an_item_with_two_ratings_is_not_called_the_best() -> None:
    """Thirty items that everybody gives a 4, and one that two people gave a 5."""
    users, items = np.indices((40, 30))
    table = pd.DataFrame({"user_id": users.ravel(), "item_id": items.ravel()})
    table["rating"] = np.where(table["item_id"] < 15, 4.0, 3.0)
    lucky = pd.DataFrame({"user_id": [0, 1], "item_id": [99, 99], "rating": [5.0, 5.0]})
    rec = pt.ALS(n_factors=0, bias_reg=0.01, reg_power=0).fit(pt.Ratings.from_frame(pd.concat([table, lucky])))
    wide = rec.item_biases().set_index("item_id")
    assert rec.item_biases(1)["item_id"].tolist() == [99]  # its bias is the largest, and its interval says what of it
    width = wide["high"] - wide["low"]
    assert width[99] > 3 * width[0]


def test_biases_refuse(rec: pt.Recommender, bare: pt.Recommender, net: pt.Recommender) -> None:
    with pytest.raises(ParameterError, match=r'by is .mean.: use "bias" or "low"$'):
        rec.item_biases(by="mean")
    with pytest.raises(ParameterError, match="interval is None"):
        rec.item_biases(by="low", interval=None)
    with pytest.raises(ParameterError, match="interval is 2"):
        rec.item_biases(interval=2)
    with pytest.raises(UnsupportedError, match=r"by=.low. needs the training ratings"):
        bare.item_biases(by="low")
    assert list(bare.item_biases(2)) == ["rank", "item_id", "title", "bias"]
    with pytest.raises(UnsupportedError, match="embedding_nn model learns no item biases"):
        net.item_biases()


# -- alike --


def test_taste_is_the_correlation_of_what_taste_adds(rec: pt.Recommender) -> None:
    model = rec.model
    added = model.user_factors.astype(float) @ model.item_factors.T.astype(float)
    added = added - added.mean(axis=1, keepdims=True)  # what it adds to all items alike is a bias of the user
    correlation, counts = np.corrcoef(added.T), rec._state.seen.item_counts(rec.n_items)
    share = counts / (counts + 10)
    expected = correlation[4] * share * share[4]
    table = rec.similar_items(rec.items[4], rec.n_items).set_index("item_id")
    assert len(table) == rec.n_items - 1  # not itself
    rows = rec.items.indices(table.index.tolist())
    np.testing.assert_allclose(table["similarity"], expected[rows], atol=1e-5)
    assert (np.diff(table["similarity"]) <= 0).all()
    assert table["n_ratings"].tolist() == counts[rows].tolist()
    assert rec.similar_items(rec.item_attributes.titles[4], 2).equals(rec.similar_items(rec.items[4], 2))


@pytest.mark.parametrize("side", ["item", "user"])
def test_cosine_is_that_of_scikit_learn(rec: pt.Recommender, side: str) -> None:
    factors = getattr(rec.model, f"{side}_factors").astype(float)
    ask, vocab = (rec.similar_items, rec.items) if side == "item" else (rec.similar_users, rec.users)
    table = ask(vocab[3], len(vocab), by="cosine", shrink=0)
    rows = vocab.indices(table[f"{side}_id"].tolist())
    np.testing.assert_allclose(table["similarity"], cosine_similarity(factors)[3][rows], atol=1e-6)


def test_users_are_alike_by_taste(rec: pt.Recommender) -> None:
    model = rec.model
    added = model.user_factors.astype(float) @ (model.item_factors - model.item_factors.mean(axis=0)).T.astype(float)
    added = added - added.mean(axis=0)
    table = rec.similar_users(rec.users[5], rec.n_users, shrink=0)
    assert list(table) == ["rank", "user_id", "similarity", "n_ratings"]
    rows = rec.users.indices(table["user_id"].tolist())
    np.testing.assert_allclose(table["similarity"], cosine_similarity(added)[5][rows], atol=1e-5)


def test_what_the_sample_made_alike_is_found_alike() -> None:
    """Two groups of users who love what the others hate: their items fall into two camps, by any measure."""
    rng = np.random.default_rng(0)
    users, items = (axis.ravel() for axis in np.indices((60, 20)))
    rating = np.where((users % 2) == (items % 2), 4.5, 1.5) + rng.choice([-0.5, 0.5], len(users))
    kept = rng.uniform(size=len(users)) < 0.6
    table = pd.DataFrame({"user_id": users[kept], "item_id": items[kept], "rating": rating[kept]})
    rec = pt.ALS(n_factors=2).fit(pt.Ratings.from_frame(table))
    for by in ("taste", "cosine", "ratings"):
        assert set(rec.similar_items(4, 9, by=by)["item_id"]) == set(range(0, 20, 2)) - {4}
        assert {user % 2 for user in rec.similar_users(7, 20, by=by)["user_id"]} == {1}


def test_shrinking_keeps_items_with_few_ratings_from_the_top(sample: Ratings) -> None:
    rec = pt.ALS(n_factors=3).fit(sample)
    favourite = rec.item_biases(1)["item_id"][0]
    rec = rec.add_item("twin", ratings=dict.fromkeys(sample.users.ids[:2].tolist(), 5))
    believed = rec.similar_items(favourite, rec.n_items, shrink=0).set_index("item_id")["similarity"]
    shrunk = rec.similar_items(favourite, rec.n_items).set_index("item_id")["similarity"]
    counts = rec._state.seen.item_counts(rec.n_items)
    share = counts[rec.items.index(favourite)] / (counts[rec.items.index(favourite)] + 10)
    assert shrunk["twin"] == pytest.approx(believed["twin"] * share * 2 / 12)


def test_alike_refuses(rec: pt.Recommender, bare: pt.Recommender, biased: pt.Recommender, sample: Ratings) -> None:
    item = sample.items[0]
    with pytest.raises(UnknownIdError):
        rec.similar_items("nothing")
    with pytest.raises(UnknownIdError):
        rec.similar_users("nobody")
    with pytest.raises(ParameterError, match='use "taste" or "cosine" or "choice" or "ratings"'):
        rec.similar_items(item, by="genre")
    with pytest.raises(ParameterError, match="n is 0"):
        rec.similar_items(item, 0)
    for by in ("taste", "ratings"):
        with pytest.raises(ParameterError, match="shrink is -1"):
            rec.similar_items(item, by=by, shrink=-1)
    with pytest.raises(UnsupportedError, match="use shrink=0"):
        bare.similar_items(item)
    assert list(bare.similar_items(item, 3, shrink=0)) == ["rank", "item_id", "title", "similarity"]
    with pytest.raises(UnsupportedError, match="needs the training ratings"):
        bare.similar_items(item, by="ratings")
    with pytest.raises(UnsupportedError, match="no factors, only biases"):
        biased.similar_items(item)
    assert len(biased.similar_items(item, 3, by="ratings")) == 3


# -- tables --


def test_the_table_of_items(rec: pt.Recommender, sample: Ratings) -> None:
    table = rec.item_table()
    assert table["item_id"].tolist() == rec.items.ids.tolist()
    frame = sample.to_frame().groupby("item_id")["rating"].agg(["count", "mean"]).loc[table["item_id"]]
    assert table["n_ratings"].tolist() == frame["count"].tolist()
    np.testing.assert_allclose(table["mean"], frame["mean"])
    ranked = rec.item_biases().set_index("item_id").loc[table["item_id"]]
    for name in ("bias", "low", "high"):
        np.testing.assert_allclose(table[name], ranked[name])
    added = rec.model.user_factors.astype(float) @ rec.model.item_factors.T.astype(float)
    np.testing.assert_allclose(table["taste"].iloc[0], (added[:, 0] - added.mean(axis=1)).std(), atol=0.05)
    for at in (0, 7):
        nearest = rec.similar_items(table["item_id"][at], 1)
        assert table["nearest"][at] == nearest["item_id"][0]
        assert table["nearest_title"][at] == nearest["title"][0]


def test_the_table_of_users(rec: pt.Recommender, sample: Ratings) -> None:
    table = rec.user_table(interval=0.5)
    frame = sample.to_frame().groupby("user_id")["rating"].agg(["count", "mean"]).loc[table["user_id"]]
    assert table["n_ratings"].tolist() == frame["count"].tolist()
    np.testing.assert_allclose(table["mean"], frame["mean"])
    np.testing.assert_allclose(table["bias"], rec.model.user_biases)
    assert table["nearest"][3] == rec.similar_users(table["user_id"][3], 1)["user_id"][0]
    assert (rec.user_table()["high"] - rec.user_table()["low"] > table["high"] - table["low"]).all()


def test_tables_have_what_the_model_knows(
    bare: pt.Recommender, biased: pt.Recommender, net: pt.Recommender, rec: pt.Recommender
) -> None:
    assert list(bare.item_table()) == ["item_id", "title", "popularity", "bias", "taste"]
    assert list(bare.user_table()) == ["user_id", "bias", "taste"]
    assert (biased.item_table()["taste"] == 0).all()
    assert "nearest" not in biased.item_table()
    assert list(net.item_table()) == [
        "item_id",
        "title",
        "n_ratings",
        "mean",
        "popularity",
        "taste",
        "nearest",
        "nearest_title",
    ]
    assert list(rec.item_table(interval=None))[5:7] == ["bias", "taste"]
    with pytest.raises(ParameterError, match="interval is 0"):
        rec.user_table(interval=0)


def test_rows_without_ratings_have_no_mean(rec: pt.Recommender) -> None:
    grown = rec.add_item("new").add_user("ann")
    items, users = grown.item_table(), grown.user_table()
    assert np.isnan(items["mean"].iloc[-1])
    assert users["n_ratings"].iloc[-1] == 0
    assert np.isfinite(users["high"]).all()


# -- factors --


def test_poles_are_the_ends_of_a_rotated_factor(rec: pt.Recommender) -> None:
    every = rec.poles(n=4)
    assert list(every) == ["factor", "pole", "rank", "item_id", "title", "loading", "n_ratings"]
    assert every["factor"].unique().tolist() == [0, 1, 2]
    for factor in range(3):
        table = rec.poles(factor, n=4)
        assert table.equals(every[every["factor"] == factor].reset_index(drop=True))
        assert table["pole"].tolist() == ["+"] * 4 + ["-"] * 4
        assert (table["loading"][:4] > 0).all()
        assert (table["loading"][4:] < 0).all()
        assert table["rank"].tolist() == [1, 2, 3, 4] * 2
        weighed = table["loading"].abs() * table["n_ratings"] / (table["n_ratings"] + 10)
        assert (np.diff(weighed[:4]) <= 0).all()
        assert (np.diff(weighed[4:]) <= 0).all()


def test_what_a_loading_is(rec: pt.Recommender) -> None:
    """A user one deviation to the + side of a factor is predicted that much more, all else equal."""
    axes, model = rec._state.axes, rec.model
    centred = model.user_factors - model.user_factors.mean(axis=0), model.item_factors - model.item_factors.mean(axis=0)
    np.testing.assert_allclose(axes.left @ axes.right.T, centred[0] @ centred[1].T, atol=1e-4)
    np.testing.assert_allclose(axes.left.std(axis=0), 1, atol=1e-5)


def test_poles_refuse(rec: pt.Recommender, biased: pt.Recommender, net: pt.Recommender, bare: pt.Recommender) -> None:
    for factor in (3, -1, 0.5, "0", True):
        with pytest.raises(ParameterError, match=r"factor is .*: use 0 to 2$"):
            rec.poles(factor)
    with pytest.raises(ParameterError, match="n is 0"):
        rec.poles(0, n=0)
    with pytest.raises(UnsupportedError, match="no factors, only biases"):
        biased.poles()
    with pytest.raises(UnsupportedError, match="embedding_nn model has no factors to rotate"):
        net.poles(0)
    assert "n_ratings" not in bare.poles(0)


# -- maps --


def test_the_map_is_pca_of_what_is_believed(rec: pt.Recommender) -> None:
    counts = rec._state.seen.item_counts(rec.n_items)
    vectors = rec._state.tastes.items * (counts / (counts + 10))[:, None]
    table = rec.map()
    assert table["item_id"].tolist() == rec.items.ids.tolist()
    oracle = PCA(n_components=2).fit_transform(vectors)
    np.testing.assert_allclose(table[["x", "y"]].abs(), np.abs(oracle), atol=1e-9)


def test_rarely_rated_items_lie_near_the_middle(rec: pt.Recommender, sample: Ratings) -> None:
    fans = rec.model.user_factors @ rec.model.item_factors[0]
    loved = {sample.users[int(row)]: 5 for row in np.argsort(-fans)[:3]}
    table = rec.add_item("rare", ratings=loved).map().set_index("item_id")
    distance = np.hypot(table["x"], table["y"])
    assert distance["rare"] < distance.median()


def test_a_map_of_some_items(rec: pt.Recommender, bare: pt.Recommender, net: pt.Recommender) -> None:
    table = rec.map(min_ratings=70)
    assert 0 < len(table) < rec.n_items
    assert (table["n_ratings"] >= 70).all()
    assert len(rec.map(min_ratings=10**6)) == 0
    assert list(bare.map()) == ["item_id", "title", "x", "y"]
    assert len(net.map()) == net.n_items


def test_the_map_refuses(rec: pt.Recommender, bare: pt.Recommender, biased: pt.Recommender) -> None:
    with pytest.raises(ParameterError, match=r'method is .tsne.: use "pca" or "umap"'):
        rec.map("tsne")
    with pytest.raises(ParameterError, match="min_ratings is -1"):
        rec.map(min_ratings=-1)
    with pytest.raises(UnsupportedError, match="min_ratings needs the training ratings"):
        bare.map(min_ratings=3)
    with pytest.raises(UnsupportedError, match="no factors, only biases"):
        biased.map()


def test_umap_is_asked_where_it_is_installed(rec: pt.Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    class UMAP:
        def __init__(self, *, random_state: int) -> None:
            self.seed = random_state

        def fit_transform(self, vectors: np.ndarray) -> np.ndarray:
            return np.float32(vectors[:, :2] + self.seed)

    stand_in = types.ModuleType("umap")
    stand_in.UMAP = UMAP  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", stand_in)
    assert rec.map("umap")[["x", "y"]].shape == (rec.n_items, 2)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UnsupportedError, match="pip install umap-learn"):
        rec.map("umap")


# -- films that people know --


@pytest.fixture(scope="module")
def films(movielens_100k: Path) -> pt.Recommender:
    assert movielens_100k.is_dir()
    return pt.Bayes(n_draws=80).fit(pt.load_dataset("ml-100k"))


@pytest.mark.parametrize(
    ("film", "expected"),
    [
        ("Star Wars (1977)", {"Empire Strikes Back, The (1980)", "Return of the Jedi (1983)"}),
        ("Godfather, The (1972)", {"Godfather: Part II, The (1974)", "GoodFellas (1990)"}),
        ("Snow White and the Seven Dwarfs (1937)", {"Pinocchio (1940)", "Dumbo (1941)"}),
        ("Nightmare on Elm Street, A (1984)", {"Scream (1996)"}),
        ("Close Shave, A (1995)", {"Wrong Trousers, The (1993)"}),
    ],
)
def test_neighbours_make_sense_to_a_film_lover(films: pt.Recommender, film: str, expected: set[str]) -> None:
    for by in ("taste", "cosine"):
        table = films.similar_items(film, 10, by=by)
        assert expected <= set(table["title"])
        assert table["n_ratings"].min() >= 10


def test_poles_make_sense_to_a_film_lover(films: pt.Recommender) -> None:
    """The largest factor has art house at one end and blockbusters at the other."""
    table = films.poles(0, n=30)
    ends = [set(table[table["pole"] == pole]["title"]) for pole in "+-"]
    if "Trainspotting (1996)" not in ends[0]:
        ends.reverse()
    assert {"Trainspotting (1996)", "Brazil (1985)"} <= ends[0]
    assert {"Independence Day (ID4) (1996)", "Twister (1996)"} <= ends[1]
