"""Explanations of the order that is shown: what moved the chance to be chosen, and the chance to be liked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penchant as pt
from penchant import plots
from penchant.errors import ParameterError, UnsupportedError
from penchant.recommender.explanation import Explanation
from penchant.recommender.reasons.choice_explanation import ChoiceExplanation
from penchant.recommender.reasons.list_explanation import ListExplanation

FACTORS = pt.ChoiceALS(n_factors=4, reg=3.0, n_epochs=2)
MIX = pt.ChoiceMix(ease=pt.EASE(n_factors=6), factors=FACTORS, share=0.7, popularity=0.0)
FILES = Path(__file__).parents[2] / "files"


def plays() -> pt.Choices:
    ratings = pt.load_dataset("sample")
    return replace(ratings.choices(), weight=ratings.rating)


@pytest.fixture(scope="module")
def recs() -> dict[str, pt.Recommender]:
    sample = pt.load_dataset("sample")
    return {
        "both": pt.fit(sample, pt.ALS(n_factors=3, n_epochs=3), choices=MIX),
        "plays": pt.fit(plays(), MIX),
        "stars": pt.fit(sample, pt.ALS(n_factors=3, n_epochs=3), choices=False),
    }


def listed(rec: pt.Recommender, **who: Any) -> dict[object, float]:
    """The scores of a list, by item."""
    table = rec.recommend(n=1000, exclude_seen=False, **who)
    return dict(zip(table["item_id"], table["score"], strict=True))


def adds_up(why: ChoiceExplanation) -> None:
    assert why.choices is not None
    parts = why.popularity + sum(one.effect for one in why.choices) + why.others + why.constant + why.beyond
    assert parts == pytest.approx(why.score, abs=1e-9)
    assert why.to_frame()["total"].sum() == pytest.approx(why.score, abs=1e-9)
    assert [abs(one.effect) for one in why.choices] == sorted((abs(one.effect) for one in why.choices), reverse=True)


# -- by choice --


@pytest.mark.parametrize("name", ["both", "plays"])
def test_parts_add_up_to_the_chance_that_is_shown(recs: dict[str, pt.Recommender], name: str) -> None:
    rec = recs[name]
    user = rec.users[3]
    scores = listed(rec, user_id=user, by="choice")
    for item in rec.items.ids[:10].tolist():
        why = rec.explain(item, user, by="choice")
        adds_up(why)
        assert why.chance == pytest.approx(scores[item], rel=1e-4)
        assert abs(why.beyond) < 1e-3 * max(abs(why.score), 1)  # rows are made by the rule that is explained
        assert sum(abs(one.share) for one in why.choices or ()) == pytest.approx(1)


@pytest.mark.parametrize("name", ["both", "plays"])
def test_somebody_new(recs: dict[str, pt.Recommender], name: str) -> None:
    rec = recs[name]
    mine, item = rec.items.ids[[7, 9, 30]].tolist(), rec.items[5]
    why = rec.explain(item, chosen=mine, by="choice")
    adds_up(why)
    assert {one.item_id for one in why.choices or ()} == set(mine)
    assert why.chance == pytest.approx(listed(rec, chosen=mine, by="choice")[item], rel=1e-4)
    assert abs(why.beyond) < 1e-5
    assert str(why).startswith("Because you chose ")


def test_a_choice_s_part_is_what_its_row_brings(recs: dict[str, pt.Recommender]) -> None:
    """By hand: the solved columns by least squares over all items, the summed ones by their rows."""
    rec = recs["both"]
    learned = rec._state.choices
    assert learned is not None
    model, part = learned.model, learned.model.solved
    assert part is not None
    mine, item = [7, 9, 30], 5
    k, a0, root = part.n_solved, part.unchosen_weight, np.sqrt(part.scale)
    q = model.item_factors[:, :k].astype(np.float64) / root
    weight = np.full(rec.n_items, a0)
    weight[mine] = 1
    f = model.item_popularity.astype(np.float64)
    offset = f / (f + a0 * (1 - f))
    pull = (len(mine) + a0 * (rec.n_items - len(mine))) ** part.count_power * part.precision
    left = (q * weight[:, None]).T @ q + np.diag(pull)
    why = rec.explain(rec.items[item], chosen=rec.items.ids[mine].tolist(), by="choice")
    for one in why.choices or ():
        j = rec.items.index(one.item_id)
        solved = np.linalg.solve(left, q[j] * (1 - offset[j] + a0 * offset[j])) @ q[item] * part.scale
        summed = float(model.item_inputs[j].astype(np.float64) @ model.item_factors[item, k:].astype(np.float64))
        assert one.effect == pytest.approx(solved + summed, rel=1e-3, abs=1e-5)


def test_of_how_many_choices_to_tell(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["plays"]
    whole, some, none = (rec.explain(rec.items[5], rec.users[3], n=n) for n in (None, 2, 0))
    assert some.choices == whole.choices[:2]
    assert some.n_others == len(whole.choices) - 2
    for one in (some, none):
        adds_up(one)
        assert one.score == pytest.approx(whole.score, abs=1e-9)
    assert f"{some.n_others} other choices" in repr(some)


def test_what_training_found_beyond(recs: dict[str, pt.Recommender]) -> None:
    """A row that is not the one that the choices make: the difference is told as a part of its own."""
    rec = recs["plays"]
    learned = rec._state.choices
    assert learned is not None
    rows = learned.model.user_factors.copy()
    rows[3] *= 2
    other = pt.Recommender(
        replace(rec._state, choices=replace(learned, model=replace(learned.model, user_factors=rows)))
    )
    why, before = (one.explain(rec.items[5], rec.users[3], by="choice") for one in (other, rec))
    adds_up(why)
    assert why.beyond == pytest.approx(before.score - before.popularity, rel=1e-4)
    assert "what training found beyond these choices" in repr(why)


def test_nobody_and_nothing_kept(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["plays"]
    nobody = rec.explain(rec.items[5], chosen=[])
    assert nobody.score == nobody.popularity
    assert "nothing yet" in str(nobody)
    bare = pt.fit(plays(), MIX, keep_ratings=False)
    why = bare.explain(bare.items[5], bare.users[3])
    assert why.choices is None
    assert why.score == pytest.approx(why.popularity + why.beyond)
    assert "not known" in str(why)
    assert why.to_dict()["choices"] is None


def test_in_json_and_in_a_notebook(recs: dict[str, pt.Recommender]) -> None:
    why = recs["plays"].explain(recs["plays"].items[5], recs["plays"].users[3], n=12)
    told: Any = json.loads(json.dumps(why.to_dict()))
    assert told["by"] == "choice"
    assert told["chance"] == why.chance
    assert len(told["choices"]) == 12
    html = why._repr_html_()
    assert html.count("<tr>") >= 12
    assert "chosen with a chance of" in html


def test_an_item_is_no_reason_for_itself(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["plays"]
    why = rec.explain(rec.items[7], chosen=rec.items.ids[[7, 9]].tolist())
    adds_up(why)
    assert why.name not in str(why)
    assert any(one.item_id == rec.items[7] for one in why.choices)


# -- by both --


def test_both_is_the_product_that_lists_are_ordered_by(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["both"]
    for who in ({"user_id": rec.users[3]}, {"ratings": {rec.items[7]: 5, rec.items[9]: 2}, "chosen": [rec.items[30]]}):
        scores = listed(rec, **who)
        for item in rec.items.ids[:5].tolist():
            why = rec.explain(item, **who)
            assert isinstance(why, ListExplanation)
            adds_up(why.choice)
            assert why.score == pytest.approx(scores[item], rel=1e-4)
            assert why.score == pytest.approx(why.chance * why.liked**why.liked_power)


def test_all_that_stars_say_is_there(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["both"]
    both, stars, choice = (rec.explain(rec.items[5], rec.users[3], by=by) for by in (None, "stars", "choice"))
    assert type(stars) is Explanation
    assert (both.by, stars.by, choice.by) == ("both", "stars", "choice")
    for name in ("prediction", "predicted", "mean", "item_bias", "user_bias", "taste", "ratings", "beyond"):
        assert getattr(both, name) == getattr(stars, name)
    assert both.choice == choice
    table = both.to_frame()
    liking = table[table["of"] == "liking"]
    assert liking["total"].sum() == pytest.approx(both.prediction)
    assert table[table["of"] == "choice"]["total"].sum() == pytest.approx(choice.score)
    assert str(both) == f"Chosen: b{str(choice)[1:]}. Liked: b{str(stars)[1:]}"
    assert repr(choice) in repr(both)
    assert repr(stars) in repr(both)
    told: Any = json.loads(json.dumps(both.to_dict()))
    assert told["choice"]["chance"] == told["chance"]
    assert told["prediction"] == stars.to_dict()["prediction"]
    assert stars._repr_html_() in both._repr_html_()


def test_what_liking_counts(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["both"]
    learned = rec._state.choices
    assert learned is not None
    order = replace(learned.order, liked_power=2.0)
    other = pt.Recommender(replace(rec._state, choices=replace(learned, order=order)))
    why = other.explain(rec.items[5], rec.users[3])
    assert why.score == pytest.approx(listed(other, user_id=rec.users[3])[rec.items[5]], rel=1e-4)
    assert "^ 2" in repr(why)


# -- what there is not --


def test_orders_that_were_not_learned(recs: dict[str, pt.Recommender]) -> None:
    stars, played = recs["stars"], recs["plays"]
    assert type(stars.explain(stars.items[5], stars.users[3])) is Explanation
    old = pt.load(FILES / "v1.penchant")
    assert type(old.explain(old.items[0], old.users[0])) is Explanation
    for rec in (stars, old):
        for by in ("choice", "both"):
            with pytest.raises(UnsupportedError, match="knows stars and no choices"):
                rec.explain(rec.items[0], rec.users[0], by=by)
    for by in ("stars", "both"):
        with pytest.raises(UnsupportedError, match="without stars"):
            played.explain(played.items[5], played.users[3], by=by)
    with pytest.raises(ParameterError, match="by is 'taste'"):
        stars.explain(stars.items[5], stars.users[3], by="taste")


# -- drawn --


def test_drawn(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["both"]
    both = rec.explain(rec.items[5], rec.users[3])
    figure = plots.explanation(both.choice, n=4)
    assert both.choice.popularity + sum(figure.data[0].x) == pytest.approx(both.choice.score, abs=1e-5)
    assert len(figure.data[0].x) >= 5
    assert "chance" in figure.layout.title.text
    assert "listed by" in plots.explanation(both).layout.title.subtitle.text.replace("<br>", " ")
    played = recs["plays"].explain(rec.items[5], chosen=[])
    assert not plots.explanation(played).data[0].x


def test_what_speaks_against_an_item_is_no_reason_for_it(recs: dict[str, pt.Recommender]) -> None:
    rec = recs["both"]
    mine = rec.items.ids[[7, 9, 30]].tolist()
    signs = set()
    for item in rec.items.ids.tolist():
        why = rec.explain(item, chosen=mine, by="choice")
        against = [one.name for one in why.choices or () if one.effect <= 0]
        assert not any(f"{name} (" in str(why) for name in against)
        signs.add(bool(against))
    assert signs == {True, False}  # there were such choices
