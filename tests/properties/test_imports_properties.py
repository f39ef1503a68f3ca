"""Titles always find themselves, however they are written."""

from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.attributes import Attributes
from penchant.data.imports import match_ratings, normalised, parse_title, rescaled
from penchant.data.vocab import Vocab

ARTICLES = st.sampled_from(["The", "A", "Die", "La", "L'"])
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "Nd", "Zs")), min_size=1, max_size=20).filter(
    lambda text: bool(text.strip()) and normalised(text).strip() != ""
)
YEARS = st.none() | st.integers(1890, 2090)
SCALES = st.tuples(st.integers(-10, 10), st.integers(1, 100)).map(lambda ends: (ends[0], ends[0] + ends[1]))


@given(ARTICLES, WORDS, YEARS)
def test_a_title_is_itself_with_its_article_before_and_behind(article: str, rest: str, year: int | None) -> None:
    rest = rest.strip()
    front = f"{article}{rest}" if article.endswith("'") else f"{article} {rest}"
    behind, ending = f"{rest}, {article}", "" if year is None else f" ({year})"

    wanted = parse_title(front, year)
    for form in (front, behind):
        assert parse_title(form + ending) == wanted
        assert parse_title(form, year) == wanted
        assert parse_title(unicodedata.normalize("NFD", form) + ending) == wanted


@given(st.lists(st.tuples(ARTICLES, WORDS, YEARS), min_size=1, max_size=6), st.data())
def test_what_is_found_is_right_or_told_to_be_unclear(
    films: list[tuple[str, str, int | None]], data: st.DataObject
) -> None:
    titles = [f"{rest.strip()}, {article}" + ("" if year is None else f" ({year})") for article, rest, year in films]
    attributes = Attributes({"title": np.array(titles, dtype=object)}, n_rows=len(titles))
    at = data.draw(st.integers(0, len(films) - 1))
    article, rest, year = films[at]
    asked = article + ("" if article.endswith("'") else " ") + rest.strip() + ("" if year is None else f" ({year})")

    (one,) = match_ratings(
        {"title": [asked], "rating": [3]}, Vocab([f"id{row}" for row in range(len(titles))]), attributes, (1, 5)
    ).every

    assert f"id{at}" in one.item_ids
    assert (
        len(one.item_ids) == 1
        or len({parse_title(titles[int(str(item)[2:])]) for item in one.item_ids}) < len(one.item_ids)
        or year is None
    )


@given(st.text(max_size=30))
def test_any_text_is_a_title(text: str) -> None:
    assert parse_title(text) == parse_title(text)
    assert parse_title(f"  {text} ") == parse_title(text)


@given(SCALES, SCALES, st.floats(0, 1), st.floats(0, 1))
def test_another_scale_keeps_the_order_and_comes_back(
    one: tuple[int, int], other: tuple[int, int], share: float, more: float
) -> None:
    a, b = (one[0] + part * (one[1] - one[0]) for part in sorted((share, more)))

    assert rescaled(a, one, other) <= rescaled(b, one, other)
    assert other[0] <= rescaled(a, one, other) <= other[1]
    assert np.isclose(rescaled(rescaled(a, one, other), other, one), a, atol=1e-9)
