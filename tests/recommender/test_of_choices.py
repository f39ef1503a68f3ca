"""What is alike by choice, and what a recommender of choices says of itself; what needs stars is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import penchant as pt
from penchant.analysis.choice_vectors import choice_vectors
from penchant.errors import ParameterError, UnsupportedError

FACTORS = pt.ChoiceALS(n_factors=4, reg=3.0, n_epochs=2)
MIX = pt.ChoiceMix(ease=pt.EASE(n_factors=6), factors=FACTORS, share=0.7, popularity=0.0)
FILES = Path(__file__).parents[1] / "files"


@pytest.fixture(scope="module")
def recs() -> dict[str, pt.Recommender]:
    sample = pt.load_dataset("sample")
    return {
        "both": pt.fit(sample, pt.ALS(n_factors=3, n_epochs=3), choices=MIX),
        "likes": pt.fit(sample.choices(), MIX),
    }


# -- alike --


@pytest.mark.parametrize("name", ["both", "likes"])
def test_similarity_by_choice_is_the_cosine_by_hand(recs: dict[str, pt.Recommender], name: str) -> None:
    rec = recs[name]
    learned, seen = rec._state.choices, rec._state.seen
    assert learned is not None
    assert seen is not None
    vectors = learned.model.item_factors * np.sqrt((learned.model.user_factors.astype(np.float64) ** 2).mean(axis=0))
    counts, at = seen.item_counts(rec.n_items), 7
    for _, row in rec.similar_items(rec.items[at], 5, by="choice", shrink=4).iterrows():
        other = rec.items.index(row["item_id"])
        cosine = vectors[at] @ vectors[other] / np.linalg.norm(vectors[at]) / np.linalg.norm(vectors[other])
        share = counts[[at, other]] / (counts[[at, other]] + 4)
        assert row["similarity"] == pytest.approx(cosine * share.prod(), rel=1e-5)
    users = rec.similar_users(rec.users[3], 5, by="choice")
    assert users["similarity"].is_monotonic_decreasing
    assert rec.users[3] not in users["user_id"].tolist()


def test_items_alike_by_choice_are_chosen_by_the_same_people() -> None:
    """Two tastes: neighbours are of the own one."""
    rng = np.random.default_rng(0)
    pairs = [
        (user, item) for user in range(80) for item in range(20) if rng.random() < (0.6 if (user + item) % 2 else 0.1)
    ]
    table = pt.Choices.from_arrays([user for user, _ in pairs], [item for _, item in pairs])
    rec = pt.fit(table, MIX)
    for item in range(20):
        assert {other % 2 for other in rec.similar_items(item, 5)["item_id"]} == {item % 2}


def test_vectors_do_not_depend_on_the_scale_of_columns(recs: dict[str, pt.Recommender]) -> None:
    learned = recs["likes"]._state.choices
    assert learned is not None
    model, scale = learned.model, np.float32(3)
    other = replace(model, user_factors=model.user_factors * scale, item_factors=model.item_factors / scale)
    for side in ("user", "item"):
        assert choice_vectors(model, side) == pytest.approx(choice_vectors(other, side), rel=1e-5)  # type: ignore[arg-type]


def test_what_is_compared_where_nothing_is_said(recs: dict[str, pt.Recommender]) -> None:
    both, likes = recs["both"], recs["likes"]
    assert both.similar_items(both.items[3]).equals(both.similar_items(both.items[3], by="taste"))
    table = likes.similar_items(likes.items[3])
    assert table.equals(likes.similar_items(likes.items[3], by="choice"))
    assert list(table) == ["rank", "item_id", "title", "similarity", "n_choices"]
    assert "n_ratings" in both.similar_items(both.items[3], by="choice")
    for by, told in (("taste", "taste"), ("cosine", "factors"), ("ratings", "ratings")):
        with pytest.raises(UnsupportedError, match=f"without stars, and can't compare items by .*{told}"):
            likes.similar_items(likes.items[3], by=by)
    with pytest.raises(ParameterError, match='"choice"'):
        both.similar_items(both.items[3], by="colour")
    old = pt.load(FILES / "v1.penchant")
    with pytest.raises(UnsupportedError, match="knows stars and no choices"):
        old.similar_items(old.items[0], by="choice")


# -- described --


def test_tables_maps_and_poles_of_choices(recs: dict[str, pt.Recommender]) -> None:
    likes = recs["likes"]
    assert list(likes.item_table()) == ["item_id", "title", "n_choices", "popularity", "nearest", "nearest_title"]
    assert list(likes.user_table()) == ["user_id", "n_choices", "nearest"]
    table = likes.item_table()
    assert table["popularity"].to_numpy() == pytest.approx(table["n_choices"].to_numpy() / likes.n_users)
    nearest = likes.similar_items(likes.items[3], 1)["item_id"][0]
    assert table["nearest"][3] == nearest
    assert list(likes.map()) == ["item_id", "title", "x", "y", "n_choices"]
    assert len(likes.map(min_ratings=30)) == int((table["n_choices"] >= 30).sum())
    poles = likes.poles(0, n=2)
    assert poles["pole"].tolist() == ["+", "+", "-", "-"]
    assert "n_choices" in poles
    assert "popularity" in recs["both"].item_table()
    stars = pt.fit(pt.load_dataset("sample"), pt.ALS(n_factors=2, n_epochs=2), choices=False)
    assert "popularity" not in stars.item_table()


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda rec: rec.item_biases(), "learns no item biases"),
        (lambda rec: rec.feature_effects(), "effects of features"),
        (lambda rec: rec.predict(rec.items[0], rec.users[0]), "can't predict ratings"),
        (lambda rec: rec.predict(rec.items[0], ratings={}), "can't predict ratings"),
        (lambda rec: rec.predict(rec.items[0], ratings=rec.fold_in(chosen=[rec.items[1]])), "can't predict ratings"),
        (lambda rec: rec.predict(["nothing"], [1], unknown="skip"), "can't predict ratings"),
        (lambda rec: rec.recommend(rec.users[0], interval=0.9), "intervals of stars"),
    ],
)
def test_what_needs_stars_says_so(
    recs: dict[str, pt.Recommender], ask: Callable[[pt.Recommender], object], told: str
) -> None:
    with pytest.raises(UnsupportedError, match=f"learned from choices, without stars, and .*{told}"):
        ask(recs["likes"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda rec: rec.fold_in({rec.items[0]: 1.0}),
        lambda rec: rec.fold_in(chosen=[rec.items[0]]).with_rating(rec.items[1], 3),
        lambda rec: rec.fold_in(chosen=[rec.items[0]]).with_rating(rec.items[1], 1),
        lambda rec: rec.add_user("new", ratings={rec.items[0]: 1.0}),
    ],
)
def test_stars_of_somebody_are_refused(
    recs: dict[str, pt.Recommender], ask: Callable[[pt.Recommender], object]
) -> None:
    with pytest.raises(UnsupportedError, match=r"ratings are stars, .* without stars: use .*chosen"):
        ask(recs["likes"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda rec: rec.recommend(rec.users[0]),
        lambda rec: rec.recommend(rec.users[0], exclude_seen=False, min_ratings=3),
        lambda rec: rec.recommend_all(),
        lambda rec: rec.similar_items(rec.items[0]),
        lambda rec: rec.map(min_ratings=2),
        lambda rec: rec.update(pt.load_dataset("sample")),
        lambda rec: rec.forget(rec.users[0], refresh_items=True),
        lambda rec: rec.evaluate(pt.load_dataset("sample"), known=pt.load_dataset("sample")),
    ],
)
@pytest.mark.parametrize("name", ["both", "likes"])
def test_a_table_that_was_not_kept_is_called_what_it_was(
    recs: dict[str, pt.Recommender], name: str, ask: Callable[[pt.Recommender], object]
) -> None:
    rec = pt.Recommender(replace(recs[name]._state, seen=None))
    table = {"both": "ratings", "likes": "choices"}[name]
    with pytest.raises(UnsupportedError, match=f"training {table}, and this model was kept without them"):
        ask(rec)


def test_the_scale_of_stars_is_told_where_there_are_stars(recs: dict[str, pt.Recommender]) -> None:
    table = pt.load_dataset("sample")
    assert recs["both"].info()["rating_scale"] == [1.0, 5.0]
    assert recs["likes"].info()["rating_scale"] is None
    with pytest.raises(ParameterError, match="relevant is a rating, and this recommender knows no stars"):
        recs["likes"].evaluate(table, relevant=1)
    with pytest.raises(ParameterError, match="relevant is a rating"):
        recs["likes"].evaluate(table.choices(), relevant=4)


def test_info_and_repr_tell_of_choices(recs: dict[str, pt.Recommender], tmp_path: Path) -> None:
    both, likes = recs["both"], recs["likes"]
    for rec in (both, pt.load(both.save(tmp_path / "a.penchant"))):
        told = json.loads(json.dumps(rec.info()))["choices"]
        assert told["solver"]["name"] == "choice_mix"
        assert told["solver"]["factors.n_factors"] == 4
        assert told["training"]["n_choices"] == 6380
        assert len(told["order"]["knots"]) > 1
        assert told["settings"]["few"] == 1
        assert "and choices by choice_mix(share=0.7" in repr(rec)
    assert repr(likes).startswith("Recommender(choices: 200 users, 100 items)\n  learned by choice_mix(")
    old = pt.load(FILES / "v1.penchant")
    assert old.info()["choices"] is None
    assert "choices" not in repr(old)


def test_ratings_of_other_sites_are_matched_and_taken_as_choices(recs: dict[str, pt.Recommender]) -> None:
    """Stars mean nothing to a recommender of choices; which items were rated does."""
    likes = recs["likes"]
    title = likes.item_attributes["title"][6]
    mine = likes.match_ratings({"title": [title, "Casablanca"], "rating": [5, 4]}, scale=(1, 5))
    assert list(mine.ratings) == [likes.items[6]]
    assert len(likes.recommend(chosen=list(mine.ratings), n=3)) == 3
