"""Pictures hold the numbers of the recommender, can be read in both themes, and are saved whole or not at all."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable

import numpy as np
import pytest

import penchant as pt
from penchant.errors import DataError, ParameterError, UnsupportedError

go = pytest.importorskip("plotly.graph_objects", reason="pictures need plotly")

from penchant import plots  # noqa: E402
from penchant.plots.theme import THEMES, cut, escaped, shortened, wrapped  # noqa: E402

CHOICES = pt.ChoiceALS(n_factors=8, reg=3.0, n_epochs=3)  # quick
LONG = "The Very Long Title of a Film That Never Seems to End, or: How We <b>Learned</b> & Paid $5 for $10 (1999)"


@pytest.fixture(scope="module")
def split() -> pt.ratings.Split:
    return pt.load_dataset("sample").split(0.2, rng=3)


@pytest.fixture(scope="module")
def rec(split: pt.ratings.Split) -> pt.Recommender:
    solver = pt.Bayes(n_factors=3, n_draws=8, n_burn=4, n_chains=2)
    return pt.fit(split.train, solver, valid=split.test, choices=CHOICES)


@pytest.fixture(scope="module")
def bare(split: pt.ratings.Split) -> pt.Recommender:
    """Kept without its ratings."""
    return pt.fit(split.train, pt.ALS(n_factors=2, n_epochs=2), choices=False, keep_ratings=False)


@pytest.fixture(scope="module")
def chosen(split: pt.ratings.Split) -> pt.Recommender:
    """Learned from choices, without stars."""
    return pt.fit(split.train.choices(), CHOICES)


@pytest.fixture(scope="module")
def long_named() -> pt.Recommender:
    """Four items: two share a title, and one has a long one."""
    pairs = [(user, item) for user in range(6) for item in range(4)]
    ratings = pt.Ratings.from_arrays(
        [user for user, _ in pairs],
        [item for _, item in pairs],
        [1 + (3 * user + item * item) % 5 for user, item in pairs],
        items={"item": [0, 1, 2, 3], "title": ["Same (1990)", "Same (1990)", LONG, "$uper$"]},
    )
    return pt.fit(ratings, pt.ALS(n_factors=1, n_epochs=3), choices=False)


@pytest.fixture(scope="module")
def figures(rec: pt.Recommender, split: pt.ratings.Split) -> dict[str, Callable[..., go.Figure]]:
    why = rec.explain(rec.items[2], rec.users[3])
    return {
        "learning_curve": lambda **o: plots.learning_curve(rec, **o),
        "ratings_histogram": lambda **o: plots.ratings_histogram(rec, **o),
        "predicted_against_true": lambda **o: plots.predicted_against_true(rec, split.test, **o),
        "bias_ranking": lambda **o: plots.bias_ranking(rec, **o),
        "item_map": lambda **o: plots.item_map(rec, **o),
        "explanation": lambda **o: plots.explanation(why, **o),
        "two_questions": lambda **o: plots.two_questions(rec, rec.users[3], **o),
        "intervals_by_count": lambda **o: plots.intervals_by_count(rec, **o),
        "by_popularity": lambda **o: plots.by_popularity(rec, split.test, **o),
    }


# -- numbers --


def test_learning_curve_is_the_history(rec: pt.Recommender) -> None:
    train, valid = plots.learning_curve(rec).data
    history = rec.history
    np.testing.assert_allclose(np.square(train.y), history["train_loss"])
    np.testing.assert_allclose(np.square(valid.y), history["valid_loss"])
    assert list(train.x) == history["epoch"].tolist()
    assert train.line.dash != valid.line.dash  # told apart without colours, too


def test_learning_curve_without_ratings_held_out_has_one_line(bare: pt.Recommender) -> None:
    figure = plots.learning_curve(bare)
    assert len(figure.data) == 1
    assert "without ratings held out" in figure.layout.title.subtitle.text


def test_histogram_counts_every_rating(rec: pt.Recommender, split: pt.ratings.Split) -> None:
    values, counts = np.unique(split.train.rating, return_counts=True)
    for source in (rec, split.train):
        (bars,) = plots.ratings_histogram(source).data
        assert list(bars.x) == values.tolist()
        assert list(bars.y) == counts.tolist()


def test_histogram_of_many_values_has_few_bars() -> None:
    stars = np.linspace(0, 10, 400)
    ratings = pt.Ratings.from_arrays(range(400), [7] * 400, stars, rating_scale=(0, 10))
    (bars,) = plots.ratings_histogram(ratings).data
    assert len(bars.x) <= 25
    assert sum(bars.y) == 400
    figure = plots.predicted_against_true(pt.ALS(n_factors=0, n_epochs=1).fit(ratings), ratings)
    assert len(figure.data[0].x) <= 12
    assert sum(one[1] for one in figure.data[1].customdata) == 400


def test_predicted_against_true_has_the_quantiles_of_predictions(rec: pt.Recommender, split: pt.ratings.Split) -> None:
    box = plots.predicted_against_true(rec, split.test).data[0]
    predicted = np.asarray(rec.predict(split.test.to_frame()[["user_id", "item_id"]]))
    for at, stars in enumerate(box.x):
        wanted = np.quantile(predicted[split.test.rating == stars], [0.05, 0.25, 0.5, 0.75, 0.95])
        found = [column[at] for column in (box.lowerfence, box.q1, box.median, box.q3, box.upperfence)]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_who_is_new_is_predicted_as_evaluate_does(rec: pt.Recommender) -> None:
    test = pt.Ratings.from_arrays([rec.users[0], "new"], [rec.items[0], "new too"], [2, 4], rating_scale=(1, 5))
    told = plots.predicted_against_true(rec, test).layout.title.subtitle.text
    assert f"{rec.evaluate(test).rmse:.3f}" in told


@pytest.mark.parametrize("worst", [False, True])
@pytest.mark.parametrize("by", ["low", "bias"])
def test_bias_ranking_is_item_biases(rec: pt.Recommender, worst: bool, by: str) -> None:
    table = rec.item_biases(12, worst=worst, by=by, min_ratings=3, interval=0.8)
    figure = plots.bias_ranking(rec, 12, worst=worst, by=by, min_ratings=3, interval=0.8)
    (dots,) = figure.data
    np.testing.assert_allclose(dots.x, table["bias"])
    np.testing.assert_allclose(dots.x + dots.error_x.array, table["high"], rtol=1e-6)
    np.testing.assert_allclose(dots.x - dots.error_x.arrayminus, table["low"], rtol=1e-6)
    for tick, told, title in zip(figure.layout.yaxis.ticktext, dots.customdata, table["title"], strict=True):
        assert tick == shortened(title, 40)
        assert wrapped(title) in told


def test_bias_ranking_without_ratings_has_no_intervals(bare: pt.Recommender) -> None:
    (dots,) = plots.bias_ranking(bare, 3, by="bias").data
    assert dots.error_x.array is None
    with pytest.raises(UnsupportedError, match="without them"):
        plots.bias_ranking(bare, 3)


def test_item_map_has_every_item_where_map_says(rec: pt.Recommender) -> None:
    dots = plots.item_map(rec).data[0]
    table = rec.map()
    wanted = sorted(zip(table["x"], table["y"], table["title"], strict=True))
    titles = [re.match("<b>(.*?)</b>", told)[1] for told in dots.customdata]  # type: ignore[index]
    assert [found[:2] for found in sorted(zip(dots.x, dots.y, titles, strict=True))] == [one[:2] for one in wanted]
    assert sorted(titles) == sorted(map(wrapped, table["title"]))
    colours = dict(zip(titles, dots.marker.color, strict=True))
    biases = rec.item_biases(interval=None)
    for title, bias in zip(biases["title"], biases["bias"], strict=True):
        assert colours[wrapped(title)] == pytest.approx(bias)


def test_names_on_the_map_do_not_overlap(rec: pt.Recommender) -> None:
    figure = plots.item_map(rec, n_names=40)
    names = figure.layout.annotations
    assert 5 < len(names) <= 40
    xs, ys = np.array(figure.data[0].x), np.array(figure.data[0].y)
    scale = min(640 / np.ptp(xs), 520 / np.ptp(ys))
    for one, other in itertools.combinations(names, 2):
        apart = abs(one.x * scale + one.xshift - other.x * scale - other.xshift)
        level = abs(one.y - other.y) * scale
        assert apart >= 3 * (len(one.text) + len(other.text)) or level >= 15
    assert not plots.item_map(rec, n_names=0).layout.annotations


def test_item_map_of_a_model_without_biases_or_ratings(bare: pt.Recommender) -> None:
    with pytest.raises(UnsupportedError):
        plots.item_map(pt.ALS(n_factors=0, n_epochs=1).fit(pt.load_dataset("sample")))
    figure = plots.item_map(bare)
    assert "large dot" not in figure.layout.title.subtitle.text
    assert "rating" not in figure.data[0].customdata[0]


@pytest.mark.parametrize("n", [0, 3, 1000])
def test_explanation_adds_up(rec: pt.Recommender, n: int) -> None:
    why = rec.explain(rec.items[2], rec.users[3])
    bars = plots.explanation(why, n=n).data[0]
    ends = np.array(bars.base) + bars.x
    assert bars.base[0] == why.mean
    assert ends[-1] == pytest.approx(why.prediction, abs=1e-5)
    np.testing.assert_allclose(ends[:-1], bars.base[1:])
    assert bars.x[0] == why.item_bias
    shown = why.to_frame().query("part == 'rating'")["on_user_bias"].to_numpy()
    taste = why.to_frame().query("part == 'rating'")["on_taste"].to_numpy()
    np.testing.assert_allclose(bars.x[1 : 1 + min(n, len(shown))], (shown + taste)[:n])


def test_explanation_for_somebody_new_and_without_ratings(rec: pt.Recommender, bare: pt.Recommender) -> None:
    new = rec.explain(rec.items[2], ratings={rec.items[0]: 5, rec.items[1]: 1}, n=1)
    bars = plots.explanation(new).data[0]
    assert bars.base[0] + sum(bars.x) == pytest.approx(new.prediction, abs=1e-5)
    assert any("1 other rating" in told for told in bars.customdata)
    nobody = plots.explanation(rec.explain(rec.items[2], ratings={})).data[0]
    assert len(nobody.x) <= 3
    kept_none = bare.explain(bare.items[2], bare.users[3])
    assert len(plots.explanation(kept_none).data[0].x) == 3


@pytest.mark.parametrize("n", [1, 5])
def test_two_questions_are_the_lists_of_the_recommender(rec: pt.Recommender, n: int) -> None:
    figure = plots.two_questions(rec, rec.users[3], n=n)

    line, others, best = figure.data
    both, choice = (rec.recommend(rec.users[3], n=rec.n_items, by=by) for by in ("both", "choice"))
    chance = dict(zip(choice["item_id"], choice["score"], strict=True))
    assert np.allclose(best.x, [chance[item] for item in both["item_id"][:n]])
    assert np.allclose(np.multiply(best.x, best.y), both["score"][:n], rtol=1e-5)
    assert len(best.x) + len(others.x) == len(both)
    assert (np.multiply(others.x, others.y) <= both["score"][n - 1] * 1.00001).all()
    inside = np.asarray(line.y) < 1
    assert np.allclose(np.multiply(line.x, line.y)[inside], both["score"][n - 1], rtol=1e-5)
    assert (np.asarray(others.y) <= 1).all()
    assert str(both["title"][0]) in " ".join(best.customdata)


def test_two_questions_of_somebody_new(rec: pt.Recommender) -> None:
    figure = plots.two_questions(rec, chosen=[rec.items[3]], ratings={rec.items[4]: 5}, min_ratings=40)

    counts = rec.item_table().set_index("item_id")["n_ratings"]
    shown = rec.recommend(chosen=[rec.items[3]], ratings={rec.items[4]: 5}, n=rec.n_items, min_ratings=40)
    assert len(figure.data[1].x) + len(figure.data[2].x) == len(shown)
    assert counts[shown["item_id"]].min() >= 40
    assert "somebody new" in figure.layout.title.subtitle.text


def test_names_of_the_best_do_not_cover_each_other(rec: pt.Recommender) -> None:
    figure = plots.two_questions(rec, rec.users[3])

    titles = [note for note in figure.layout.annotations if note.bgcolor]
    assert len(titles) >= 3
    assert len({note.text for note in titles}) == len(titles)


def test_two_questions_need_both_answers(rec: pt.Recommender, bare: pt.Recommender, chosen: pt.Recommender) -> None:
    with pytest.raises(UnsupportedError, match="no choices"):
        plots.two_questions(bare, bare.users[0])
    with pytest.raises(UnsupportedError, match="without stars"):
        plots.two_questions(chosen, chosen.users[0])
    with pytest.raises(DataError, match="no item left"):
        plots.two_questions(rec, rec.users[0], min_ratings=1000)
    with pytest.raises(ParameterError, match="n is 0"):
        plots.two_questions(rec, rec.users[0], n=0)


def test_what_is_drawn_without_stars(chosen: pt.Recommender) -> None:
    near = plots.item_map(chosen)
    assert "chosen by the same people" in near.layout.title.subtitle.text
    assert "training choice" in near.data[0].customdata[0]
    assert len(near.data[0].x) == chosen.n_items
    curve = plots.learning_curve(chosen)
    assert curve.data[0].name == "on training choices"
    assert "rating" not in curve.layout.yaxis.title.text


def test_what_needs_stars_says_so(chosen: pt.Recommender, split: pt.ratings.Split) -> None:
    for draw in (
        lambda: plots.ratings_histogram(chosen),
        lambda: plots.bias_ranking(chosen),
        lambda: plots.intervals_by_count(chosen),
        lambda: plots.predicted_against_true(chosen, split.test),
        lambda: plots.by_popularity(chosen, split.test),
    ):
        with pytest.raises((UnsupportedError, ParameterError)):
            draw()


@pytest.mark.parametrize("side", ["item", "user"])
def test_intervals_are_those_of_the_tables(rec: pt.Recommender, side: str) -> None:
    dots = plots.intervals_by_count(rec, side=side, interval=0.5).data[0]
    table = rec.item_table(interval=0.5) if side == "item" else rec.user_table(interval=0.5)
    assert sorted(dots.y) == pytest.approx(sorted(table["high"] - table["low"]))
    assert sorted(dots.x) == sorted(np.maximum(table["n_ratings"], 0.5))


def test_by_popularity_agrees_with_evaluate(rec: pt.Recommender, split: pt.ratings.Split) -> None:
    error, coverage = plots.by_popularity(rec, split.test).data
    tests = np.array([one[1] for one in error.customdata])
    total = np.nansum(tests * np.nan_to_num(np.array(error.y, dtype=float)) ** 2)
    assert np.sqrt(total / len(split.test)) == pytest.approx(rec.evaluate(split.test).rmse, rel=1e-5)
    items = np.array([one[1] for one in coverage.customdata])
    assert items.sum() == rec.n_items
    listed = {item for batch in rec.recommend_all(10) for item in batch.column("item_id").to_pylist()}
    assert np.nansum(items * np.array(coverage.y)) / 100 == pytest.approx(len(listed))
    assert (np.array(error.error_y.array) >= 0).all()


# -- looks --


def luminance(colour: str) -> float:
    """Of the guidelines of the web (WCAG 2)."""
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_contrast(theme: str) -> None:
    look = THEMES[theme]
    for text in (look.ink, look.soft):
        assert contrast(text, look.ground) >= 4.5
    for mark in (look.blue, look.orange, look.middle):
        assert contrast(mark, look.ground) >= 3


# Colours as they are seen without one kind of cone: Machado, Oliveira, Fernandes 2009, table 1, severity 1.
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_are_told_apart_by_the_colour_blind(theme: str, kind: str) -> None:
    look = THEMES[theme]
    seen = {
        name: np.array(BLINDNESS[kind]) @ [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        for name, colour in (("blue", look.blue), ("orange", look.orange), ("middle", look.middle))
    }
    assert np.linalg.norm(seen["blue"] - seen["orange"]) > 0.4
    for name in ("blue", "orange"):
        assert np.linalg.norm(seen[name] - seen["middle"]) > 0.2


@pytest.mark.parametrize("theme", THEMES)
def test_every_figure_is_in_its_theme_and_says_what_its_axes_are(
    theme: str, figures: dict[str, Callable[..., go.Figure]]
) -> None:
    look = THEMES[theme]
    for name, draw in figures.items():
        figure = draw(theme=theme)
        layout = figure.layout
        assert (layout.paper_bgcolor, layout.plot_bgcolor, layout.font.color) == (look.ground, look.ground, look.ink)
        assert layout.title.text, name
        assert layout.title.subtitle.text, name
        other = THEMES["dark" if theme == "light" else "light"]
        text = figure.to_json()
        for colour in {other.blue, other.orange, other.soft, other.middle} - set(vars(look).values()):
            assert colour not in text, name
        if name not in ("bias_ranking", "explanation"):  # names of rows say what their axis is
            assert layout.yaxis.title.text, name
        assert layout.xaxis.title.text, name


def test_names_are_cut_and_never_lost(long_named: pt.Recommender) -> None:
    figure = plots.bias_ranking(long_named, 4)
    ticks = figure.layout.yaxis.ticktext
    assert len(ticks) == len(set(figure.layout.yaxis.tickvals)) == 4  # two of them are the same title
    told = " ".join(figure.data[0].customdata).replace("<br>", " ")
    assert escaped(LONG) in told
    assert not re.search(r"<b>Learned|\$", "".join(ticks) + told)
    why = long_named.explain(LONG, 0)
    assert "…" in plots.explanation(why).layout.title.text
    assert any(
        escaped(LONG) in told.replace("<br>", " ")
        for told in plots.explanation(long_named.explain(0, 0)).data[0].customdata
    )


def test_a_name_is_cut_before_a_bracket() -> None:
    assert cut("Raiders of the Lost Ark (1981)", 28) == "Raiders of the Lost Ark…"
    assert cut("Alien (1979)", 28) == "Alien (1979)"
    assert len(cut("x" * 99, 20)) == 20
    assert cut(" a\nb ", 20) == "a b"
    assert wrapped("") == " "


# -- mistakes --


def test_every_figure_refuses_another_theme(figures: dict[str, Callable[..., go.Figure]]) -> None:
    for draw in figures.values():
        with pytest.raises(ParameterError, match="theme"):
            draw(theme="sepia")


def test_without_plotly_it_says_what_to_install(rec: pt.Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(UnsupportedError, match=r"penchant\[plot\]"):
        plots.ratings_histogram(rec)


def test_values_out_of_range(rec: pt.Recommender, bare: pt.Recommender, split: pt.ratings.Split) -> None:
    empty = split.test.take([])
    wrong: list[tuple[type[Exception], Callable[[], object]]] = [
        (ParameterError, lambda: plots.learning_curve("rec")),  # type: ignore[arg-type]
        (ParameterError, lambda: plots.ratings_histogram([1, 2])),  # type: ignore[arg-type]
        (ParameterError, lambda: plots.bias_ranking(rec, 0)),
        (ParameterError, lambda: plots.item_map(rec, "tsne")),
        (ParameterError, lambda: plots.item_map(rec, n_names=-1)),
        (ParameterError, lambda: plots.explanation("why")),  # type: ignore[arg-type]
        (ParameterError, lambda: plots.explanation(rec.explain(rec.items[0], rec.users[0]), n=-1)),
        (ParameterError, lambda: plots.intervals_by_count(rec, side="both")),
        (ParameterError, lambda: plots.intervals_by_count(rec, interval=90)),
        (ParameterError, lambda: plots.by_popularity(rec, split.test, k=0)),
        (ParameterError, lambda: plots.predicted_against_true(rec, split.test.to_frame())),
        (DataError, lambda: plots.predicted_against_true(rec, empty)),
        (DataError, lambda: plots.by_popularity(rec, empty)),
        (DataError, lambda: plots.ratings_histogram(empty)),
        (DataError, lambda: plots.bias_ranking(rec, min_ratings=10_000)),
        (DataError, lambda: plots.item_map(rec, min_ratings=10_000)),
        (UnsupportedError, lambda: plots.ratings_histogram(bare)),
        (UnsupportedError, lambda: plots.by_popularity(bare, split.test)),
        (UnsupportedError, lambda: plots.intervals_by_count(bare)),
    ]
    for error, draw in wrong:
        with pytest.raises(error):
            draw()


def test_a_neural_model_says_what_can(split: pt.ratings.Split) -> None:
    rec = pt.NeuralNet(n_epochs=1).fit(split.train)
    assert plots.item_map(rec).data[0].marker.color == THEMES["light"].blue
    assert plots.explanation(rec.explain(rec.items[0], rec.users[0])).data[0].x
    assert plots.by_popularity(rec, split.test).data
    with pytest.raises(UnsupportedError, match="dot_bias"):
        plots.intervals_by_count(rec)
    with pytest.raises(UnsupportedError, match="dot_bias"):
        plots.bias_ranking(rec, by="bias")
