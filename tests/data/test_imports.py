"""One person's ratings from elsewhere, matched to items."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.data.attributes import Attributes
from penchant.data.imports import MatchedRatings, match_ratings, normalised, parse_title, read_export, rescaled
from penchant.data.vocab import Vocab
from penchant.errors import ColumnError, DataError, ParameterError, SourceError

FILMS = {
    1: "Matrix, The (1999)",
    2: "Scream of Stone (Schrei aus Stein) (1991)",
    3: "Cité des enfants perdus, La (1995)",
    4: "Titanic (1997)",
    5: "Titanic (1953)",
    6: "8½ (1963)",
    7: "Heat",
    8: "Seven (a.k.a. Se7en) (1995)",
    9: "M*A*S*H (1970)",
    10: "???",
    300: "Godzilla (1998)",
    11: "300",
}


def matched(table: object, titles: dict[int, str] = FILMS, **more: object) -> MatchedRatings:
    columns = {"title": np.array(list(titles.values()), dtype=object)}
    extra = {name.replace("years", "year"): np.asarray(column) for name, column in more.items() if name != "scale"}
    attributes = Attributes({**columns, **extra}, n_rows=len(titles))
    scale = more.get("scale")
    return match_ratings(table, Vocab(list(titles)), attributes, (1, 5), scale=scale)  # type: ignore[arg-type]


def found(title: str, year: int | None = None, **more: object) -> list[object]:
    """The item of a title: [id], [] where there is none, several where it is not clear."""
    table = {"Name": [title], "Year": [year or ""], "Letterboxd URI": ["u"], "Rating": [3]}
    (one,) = matched(pd.DataFrame(table), **more).every
    return list(one.item_ids)


# -- titles --


@pytest.mark.parametrize(
    ("title", "year", "item"),
    [
        ("The Matrix", 1999, 1),
        ("Matrix, The (1999)", None, 1),
        ("Matrix, The", 1998, 1),  # one year apart
        ("THE MATRIX!", None, 1),
        ("the  matrix (1999)", None, 1),
        ("Schrei aus Stein", 1991, 2),
        ("Scream of Stone", None, 2),
        ("La Cite des Enfants Perdus", 1995, 3),
        ("Titanic", 1997, 4),
        ("Titanic", 1953, 5),
        ("Titanic (1953)", None, 5),
        ("8 1/2", 1963, 6),
        ("Heat", 1995, 7),  # a year that the recommender does not know
        ("Se7en", 1995, 8),
        ("MASH", 1970, None),
        ("M.A.S.H.", 1970, 9),
        ("???", None, 10),
        ("The Matrix", 2003, None),  # another film
        ("Matrix", 1999, None),  # nothing is guessed
        ("The Matrix Reloaded", 1999, None),
    ],
)
def test_titles_that_are_one_film(title: str, year: int | None, item: int | None) -> None:
    assert found(title, year) == ([] if item is None else [item])


def test_what_is_not_clear_is_told() -> None:
    assert found("Titanic") == [4, 5]
    told = matched({"title": ["Titanic", "Nothing", "Heat"], "rating": [1, 2, 3]})

    assert told.ratings == {7: 3.0}
    assert [one.name for one in told.ambiguous] == ["Titanic"]
    assert [one.name for one in told.unmatched] == ["Nothing"]
    assert "not clear which: Titanic" in str(told)
    assert "not known: Nothing" in str(told)
    assert told.to_frame()["outcome"].tolist() == ["ambiguous", "unmatched", "matched"]
    assert told.to_frame()["item_id"].tolist() == [None, None, 7]
    assert told.to_dict()["ambiguous"] == [{"name": "Titanic", "item_ids": [4, 5]}]


def test_a_film_of_the_same_year_is_nearer_than_one_of_the_next() -> None:
    titles = {1: "Emma (1996)", 2: "Emma (1997)", 3: "Emma"}

    assert found("Emma", 1996, titles=titles) == [1]
    assert found("Emma", 1998, titles=titles) == [2]
    assert found("Emma", 1995, titles=titles) == [1]
    assert found("Emma", 1932, titles=titles) == [3]
    assert found("Emma", 1996, titles={1: "Emma (1995)", 2: "Emma (1997)"}) == [1, 2]


def test_years_of_items_come_from_their_attributes() -> None:
    titles = {1: "Emma", 2: "Emma"}

    assert found("emma", 1996, titles=titles, years=[1996.0, np.nan]) == [1]
    assert found("emma", 1980, titles=titles, years=[1996.0, np.nan]) == [2]
    assert found("Emma", 1980, titles=titles, years=[1996, 1972]) == []


def test_two_names_are_not_one_film() -> None:
    table = {"title": ["Scream of Stone", "Schrei aus Stein"], "rating": [5, 1]}
    told = matched(table)

    assert told.ratings == {2: 5.0}  # its own name fits better
    assert [one.name for one in told.unmatched] == ["Schrei aus Stein"]

    alike = matched({"title": ["heat", "HEAT"], "rating": [5, 1]})
    assert alike.ratings == {}
    assert len(alike.ambiguous) == 2
    assert alike.to_dict()["ambiguous"] == [{"name": name, "item_ids": [7]} for name in ("heat", "HEAT")]
    assert matched({"title": ["heat", "heat"], "rating": [5, 1]}).ratings == {7: 1.0}  # rated twice: the last


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("L'Eau froide", "leau froide"),
        ("Eau froide, L'", "leau froide"),
        ("Łódź & Ærø", "lodz and aero"),
        ("Alien³", "alien 3"),
        ("Straße", "strasse"),
        ("...", "..."),
        ("Boot, Das", "das boot"),
    ],
)
def test_normalised(name: str, plain: str) -> None:
    assert normalised(name) == plain


def test_years_and_marks_in_titles() -> None:
    assert parse_title("Friends (1994–2004)").year == 1994
    assert parse_title("Crash (II) (2004/I)") == parse_title("crash", 2004)
    assert parse_title("1984").year is None
    assert parse_title("(1984)").name == "1984"
    assert parse_title("Blade Runner [Director's Cut] (1982)").others == ("directors cut",)


# -- exports --

LETTERBOXD = (
    "Date,Name,Year,Letterboxd URI,Rating\n"
    '2024-01-05,The Matrix,1999,https://boxd.it/2a1m,4.5\n2024-01-06,"Crouching Tiger, Hidden Dragon",2000,https://x,5\n'
    "2024-01-07,Heat,1995,https://boxd.it/x,0.5\n2024-01-08,Titanic,1997,https://boxd.it/y,\n"
)
IMDB = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres\n"
    'tt0133093,10,2020-01-01,The Matrix,The Matrix,https://x,Movie,8.7,136,1999,"Action, Sci-Fi"\n'
    "tt0112682,1,2020-01-02,The City of Lost Children,La cité des enfants perdus,https://x,Movie,7.5,112,1995,Drama\n"
    "tt0944947,9,2020-01-03,Game of Thrones,Game of Thrones,https://x,TV Series,9.2,57,2011,Drama\n"
)
GOODREADS = (
    "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,"
    "Number of Pages,Year Published,Original Publication Year,Date Read\n"
    '2767052,"The Hunger Games (The Hunger Games, #1)",Suzanne Collins,"Collins, Suzanne",,"=""0439023483""",'
    '"=""9780439023481""",4,4.33,Scholastic,Hardcover,374,2008,2008,\n'
    '42,"Unread",Somebody,"Some, Body",,="",="",0,4,X,Y,3,2000,1999,\n'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ratings.csv"


def test_letterboxd(file: Path) -> None:
    file.write_text(LETTERBOXD, encoding="utf-8-sig")
    told = matched(file)

    assert told.site == "Letterboxd"
    assert told.scale == (0.5, 5.0)
    assert told.ratings == {1: pytest.approx(1 + 4 * 4 / 4.5), 7: 1.0}
    assert [str(one) for one in told.unmatched] == ["Crouching Tiger, Hidden Dragon (2000)"]
    assert told.n_unrated == 1
    assert "ratings from 0.5 to 5 taken as 1 to 5" in str(told)


def test_imdb(file: Path) -> None:
    file.write_text(IMDB, encoding="utf-8")
    told = matched(file)

    assert told.site == "IMDb"
    assert told.ratings == {1: 5.0, 3: 1.0}  # the second by its original title
    assert [one.name for one in told.unmatched] == ["Game of Thrones"]


@pytest.mark.parametrize(("name", "ids"), [("imdbId", [133093, 944947]), ("imdb_id", ["tt0133093", "tt0944947"])])
def test_imdb_by_id(file: Path, name: str, ids: list[object]) -> None:
    file.write_text(IMDB, encoding="utf-8")
    column = np.array(ids, dtype=object if isinstance(ids[0], str) else np.int64)
    attributes = Attributes({"title": np.array(["La matrice", "GoT"], dtype=object), name: column}, n_rows=2)

    told = match_ratings(file, Vocab(["a", "b"]), attributes, (1, 10))

    assert told.ratings == {"a": 10.0, "b": 9.0}
    assert "taken as" not in str(told)
    plain = match_ratings(file, Vocab(["tt0133093", "tt0112682"]), Attributes({}, n_rows=2), (0, 1))
    assert plain.ratings == {"tt0133093": 1.0, "tt0112682": 0.0}


def test_goodreads(file: Path) -> None:
    file.write_text(GOODREADS, encoding="utf-8")
    titles = {1: "The Hunger Games (The Hunger Games, #1)", 42: "Emma"}

    told = matched(file, titles)
    assert told.site == "Goodreads"
    assert told.ratings == {1: 4.0}
    assert told.n_unrated == 1
    assert matched(file, {1: "Die Tribute", 42: "Emma"}, isbn=np.array(["439023483", None], dtype=object)).ratings == {
        1: 4.0
    }
    by_book = matched(file, {1: "Die Tribute", 42: "Emma"}, goodreads_book_id=[2767052, 1])
    assert by_book.ratings == {1: 4.0}
    assert matched(file, {2767052: "Another book"}).ratings == {}  # a number could be anybody's


def test_any_table_of_titles_or_ids(file: Path) -> None:
    for header in ("title,rating", "film,stars", "whatever,score", "movieId,rating"):
        file.write_text(f"{header}\nHeat,4\n6,2\n")
        assert matched(file).ratings == {7: 4.0, 6: 2.0} or header.startswith("title")
    file.write_text("title,rating\n6,2\nHeat,4\n")
    assert matched(file).ratings == {7: 4.0}  # a title, so 6 is none
    file.write_text("The Matrix,4\nHeat,2.5\n")
    assert matched(file).ratings == {1: 4.0, 7: 2.5}  # no header
    file.write_text("title;year;rating;note\nTitanic;1953;4,5;x\n")
    assert matched(file).ratings == {5: 4.5}
    with gzip.open(file.with_suffix(".csv.gz"), "wt") as packed:
        packed.write("title,rating\nHeat,3\n")
    assert matched(file.with_suffix(".csv.gz")).ratings == {7: 3.0}


def test_an_id_that_is_a_title_too_is_not_clear() -> None:
    told = matched({"film": ["300", "Heat"], "rating": [4, 3]})

    assert set(told.ambiguous[0].item_ids) == {300, 11}
    assert matched({"title": ["300"], "rating": [4]}).ratings == {11: 4.0}


def test_tables_in_memory() -> None:
    frame = pd.DataFrame({"title": ["Heat", "The Matrix", None], "rating": [2, 3.5, np.nan]})

    assert matched(frame).ratings == {7: 2.0, 1: 3.5}
    assert matched(frame).n_unrated == 1
    assert matched({"title": [], "rating": []}).every == ()


def test_a_scale_can_be_told() -> None:
    table = {"title": ["Heat"], "rating": [100]}

    assert matched(table, scale=(0, 100)).ratings == {7: 5.0}
    with pytest.raises(DataError, match=r"'Heat' is 100, not 1 to 5"):
        matched(table)
    for wrong in ((5, 1), (1, 1), "12", 7, (1, 2, 3), (1, float("nan"))):
        with pytest.raises(ParameterError, match="scale is"):
            matched(table, scale=wrong)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("a,b,c\n1,2,3\n", ColumnError, "Letterboxd, IMDb and Goodreads"),
        ("title,rating\nHeat,good\n", DataError, "row 0 .*line 2.*'good', which is no number"),
        (LETTERBOXD.replace(",4.5", ",7"), DataError, "7, and ratings of Letterboxd are 0.5 to 5"),
        (IMDB.replace(",10,", ",0,"), DataError, "ratings of IMDb"),
        ("title,rating\n,3\n", DataError, "does not say of what"),
        ("title,rating\nHeat,3,4,5\n", DataError, "row 0"),
        ("", DataError, "empty"),
    ],
)
def test_tables_that_can_not_be_used(file: Path, text: str, error: type[Exception], words: str) -> None:
    file.write_text(text)
    with pytest.raises(error, match=words):
        matched(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none"):
        read_export(tmp_path / "none.csv")


def test_scales_meet_at_their_ends() -> None:
    assert rescaled(0.5, (0.5, 5), (1, 5)) == 1
    assert rescaled(5, (0.5, 5), (1, 5)) == 5
    assert rescaled(3.5, (1, 5), (1, 5)) == 3.5
    assert rescaled(5.5, (1, 10), (1, 5)) == 3
