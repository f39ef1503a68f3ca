"""Lists for strangers and groups, explanations, likenesses, exports: what the shell says is what the library says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.outcome import Shell

import penchant
from penchant.cli.conditions import condition
from penchant.errors import ParameterError


@pytest.fixture
def mine(tmp_path: Path, films: Path) -> Path:
    """Somebody's export of IMDb: two films that are known, one that is not."""
    titles = penchant.load(films).item_attributes["title"]
    path = tmp_path / "mine.csv"
    rows = [f'tt{at},{stars},"{titles[at]}",' for at, stars in ((3, 10), (8, 1))]
    path.write_text("\n".join(["Const,Your Rating,Title,Year", *rows, "tt9,4,Casablanca,1942"]) + "\n")
    return path


def ratings(films: Path) -> dict[object, float]:
    items = penchant.load(films).items
    return {items[3]: 5.0, items[8]: 1.0}


def ids(told: object) -> list[object]:
    return [row["item_id"] for row in told]  # type: ignore[attr-defined]


# -- recommend --


def test_somebody_new_by_an_export(shell: Shell, films: Path, mine: Path) -> None:
    rec = penchant.load(films)

    told = shell("recommend", films, "--ratings", mine, "-n", 4, "--json")

    assert ids(told.json["items"]) == rec.recommend(ratings=ratings(films), n=4)["item_id"].tolist()
    assert told.json["ratings"]["unmatched"] == ["Casablanca (1942)"]
    assert told.json["ratings"]["n_matched"] == 2
    assert "not known: Casablanca (1942)" in told.err
    assert "1 to 10 taken as 1 to 5" in told.err


def test_conditions_and_diversity(shell: Shell, films: Path) -> None:
    rec = penchant.load(films)
    asked = ("recommend", films, "--user", rec.users[3], "-n", 5, "--json")

    for typed, where in (
        (["--where", "genres=Comedy"], {"genres": "Comedy"}),
        (
            ["--where", "genres=Comedy|Horror", "--where", "year=1980.."],
            {"genres": ["Comedy", "Horror"], "year": (1980, None)},
        ),
        (
            ["--where", "year=1970..1989", "--without", "genres=Drama"],
            {"year": (1970, 1989), "genres": {"not": "Drama"}},
        ),
        (["--without", "year=1993", "--without", "year=..1980"], {"year": {"not": {"any": [1993, (None, 1980)]}}}),
    ):
        wanted = rec.recommend(rec.users[3], 5, where=where)["item_id"].tolist()
        assert ids(shell(*asked, *typed).json["items"]) == wanted
    diverse = shell(*asked, "--diversity", 0.6).json["items"]
    assert ids(diverse) == rec.recommend(rec.users[3], 5, diversity=0.6)["item_id"].tolist()


def test_a_group(shell: Shell, films: Path, mine: Path) -> None:
    rec = penchant.load(films)
    first, second = rec.users[3], rec.users[9]
    people = ("--user", first, "--user", second, "--ratings", mine)

    for how, name in (("mean", "mean"), ("least-misery", "least_misery")):
        told = shell("recommend", films, *people, "--how", how, "-n", 3, "--json").json
        wanted = rec.recommend(users=[first, second, ratings(films)], how=name, n=3)
        assert ids(told["items"]) == wanted["item_id"].tolist()
        assert [list(one) for one in told["people"]] == [["user_id"], ["user_id"], ["ratings"]]


def test_an_interval_of_a_list(shell: Shell, sure_films: Path) -> None:
    told = shell("recommend", sure_films, "--user", 7, "-n", 2, "--interval", 0.9, "--json").json

    assert all(row["low"] < row["predicted"] < row["high"] for row in told["items"])
    shell("recommend", sure_films, "--user", 7, "--user", 8, "--interval", 0.9).fails(7, "group")


def test_nothing_is_left(shell: Shell, films: Path) -> None:
    told = shell("recommend", films, "--user", 7, "--where", "year=1700")

    assert "conditions" in told.out
    assert shell("recommend", films, "--user", 7, "--where", "year=1700", "--json").json["items"] == []


def test_mistakes_in_who_and_what(shell: Shell, films: Path, tmp_path: Path) -> None:
    shell("recommend", films).fails(2, "--user ID", "--ratings FILE")
    shell("recommend", films, "--user", 7, "--how", "best").fails(2, "mean or least-misery")
    shell("recommend", films, "--user", 7, "--diversity", 2).fails(2, "diversity")
    shell("recommend", films, "--user", 7, "--where", "genre=Comedy").fails(2, "--where genre=Comedy", "'genres'")
    shell("recommend", films, "--user", 7, "--without", "year=old").fails(2, "--without year=old", "1990..1999")
    shell("recommend", films, "--user", 7, "--where", "genres=").fails(2, "such as Comedy")
    shell("recommend", films, "--ratings", tmp_path / "none.csv").fails(6, "none.csv")
    (tmp_path / "strange.csv").write_text("title,rating\nCasablanca,4\n")
    shell("recommend", films, "--ratings", tmp_path / "strange.csv").fails(3, "Casablanca")
    (tmp_path / "odd.csv").write_text("a,b,c\n1,2,3\n")
    shell("recommend", films, "--ratings", tmp_path / "odd.csv").fails(3, "Letterboxd")


def test_conditions_as_they_are_typed(films: Path) -> None:
    attributes = penchant.load(films).item_attributes

    assert condition(None, [], attributes) is None
    assert condition(["year=1990"], None, attributes) == {"year": {"all": [1990.0]}}
    assert condition(["title=A = B"], None, attributes) == {"title": {"all": ["A = B"]}}
    assert condition(["genres=1..2"], None, attributes) == {"genres": {"all": ["1..2"]}}  # text has no ranges
    with pytest.raises(ParameterError, match=r"no attribute 'xyzzy' of items; there are title"):
        condition(["xyzzy=1"], None, attributes)
    for wrong in ("year=..", "year=1990..x", "year=|1990"):
        with pytest.raises(ParameterError, match="a number"):
            condition([wrong], None, attributes)


# -- the others --


def test_ask_next(shell: Shell, sure_films: Path, films: Path, mine: Path) -> None:
    rec = penchant.load(sure_films)

    assert ids(shell("ask-next", sure_films, "-n", 3, "--json").json) == rec.ask_next(n=3)["item_id"].tolist()
    told = shell("ask-next", sure_films, "--ratings", mine, "-n", 3, "--without", "genres=Horror", "--json")
    wanted = rec.ask_next(ratings(films), 3, where={"genres": {"not": "Horror"}})
    assert ids(told.json) == wanted["item_id"].tolist()
    assert shell("ask-next", sure_films, "-n", 2).out.split()[:3] == ["rank", "item_id", "title"]
    assert "nothing is left" in shell("ask-next", sure_films, "--where", "year=1700").out


def test_explain(shell: Shell, films: Path, mine: Path) -> None:
    rec = penchant.load(films)
    item, title = rec.items[7], str(rec.item_attributes["title"][7])

    told = shell("explain", films, item, "--user", rec.users[3], "-n", 2, "--json").json
    assert told["prediction"] == pytest.approx(rec.explain(item, rec.users[3]).prediction)
    assert len(told["ratings"]) == 2
    new = shell("explain", films, title, "--ratings", mine, "--json").json
    assert new["prediction"] == pytest.approx(rec.explain(item, ratings=ratings(films)).prediction)
    words = shell("explain", films, item, "--user", rec.users[3]).out
    assert title in words
    assert str(rec.explain(item, rec.users[3])) in words
    shell("explain", films, item).fails(2, "--user", "--ratings")
    shell("explain", films, item, "--user", 7, "--ratings", mine).fails(2, "not both")
    shell("explain", films, item, "--user", 7, "-n", -1).fails(2, "-n is -1")
    shell("explain", films, "99999", "--user", 7).fails(4, "no item 99999")


def test_similar(shell: Shell, films: Path) -> None:
    rec = penchant.load(films)
    item, title = rec.items[7], str(rec.item_attributes["title"][7])

    for by in ("taste", "cosine", "ratings"):
        told = shell("similar", films, title, "-n", 3, "--by", by, "--json").json
        assert ids(told) == rec.similar_items(item, 3, by=by)["item_id"].tolist()
    users = shell("similar", films, rec.users[3], "--users", "-n", 3, "--json").json
    assert [row["user_id"] for row in users] == rec.similar_users(rec.users[3], 3)["user_id"].tolist()
    shell("similar", films, title, "--by", "colour").fails(2, "by is 'colour'")
    shell("similar", films, "Nobody", "--users").fails(4, "no user 'Nobody'")


def test_items_by_what_is_known_of_them(shell: Shell, films: Path) -> None:
    rec = penchant.load(films)
    table = rec.item_table()

    for sort, column in (("ratings", "n_ratings"), ("mean", "mean"), ("taste", "taste")):
        told = shell("items", films, "--sort", sort, "-n", 4, "--json").json
        assert [row[column] for row in told] == pytest.approx(sorted(table[column], reverse=True)[:4])
        least = shell("items", films, "--sort", sort, "--worst", "--min-ratings", 60, "-n", 1, "--json").json
        assert least[0][column] == pytest.approx(table[table["n_ratings"] >= 60][column].min())
    low = shell("items", films, "--sort", "low", "-n", 3, "--json").json
    assert ids(low) == rec.item_biases(3, by="low")["item_id"].tolist()
    shell("items", films, "--sort", "name").fails(2, "bias, low, ratings, mean, taste")


def test_rankings_that_need_ratings_say_so(shell: Shell, tmp_path: Path) -> None:
    data = penchant.load_dataset("sample")
    path = penchant.ALS(n_factors=1, n_epochs=1).fit(data, keep_ratings=False).save(tmp_path / "a")

    shell("items", path, "--sort", "mean").fails(7, "keep_ratings")
    assert len(shell("items", path, "--sort", "taste", "-n", 3, "--json").json) == 3


def test_poles_and_map(shell: Shell, films: Path) -> None:
    rec = penchant.load(films)

    assert ids(shell("poles", films, "--factor", 1, "-n", 2, "--json").json) == rec.poles(1, 2)["item_id"].tolist()
    assert len(shell("poles", films, "-n", 1).out.splitlines()) == 1 + 2 * 3
    points = shell("map", films, "--min-ratings", 60, "--json").json
    assert [row["x"] for row in points] == pytest.approx(rec.map(min_ratings=60)["x"].tolist())
    assert "no item has" in shell("map", films, "--min-ratings", 10**6).out
    shell("poles", films, "--factor", 9).fails(2, "factor is 9")
    shell("map", films, "--method", "tsne").fails(2, "pca")


def test_export(shell: Shell, films: Path, tmp_path: Path) -> None:
    rec = penchant.load(films)

    told = shell("export", films, "-o", tmp_path / "items.json", "--json").json
    assert told["bytes"] == (tmp_path / "items.json").stat().st_size
    assert told["n_items"] == rec.n_items
    assert json.loads((tmp_path / "items.json").read_bytes())["ids"] == rec.items.ids.tolist()
    assert "100 items, 3 factors" in shell("export", films, "-o", tmp_path / "items.parquet").out
    assert shell("export", films, "-o", tmp_path / "items.out", "--format", "json").code == 0
    shell("export", films, "-o", tmp_path / "items.txt").fails(2, ".json or .parquet")
    shell("export", films, "-o", tmp_path / "none" / "items.json").fails(6, "no folder")
    shell("export", films, "-o", tmp_path / "items.json", "--precision", 0).fails(2, "precision")
