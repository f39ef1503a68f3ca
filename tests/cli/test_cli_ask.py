"""Questions to a saved recommender."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import numpy as np
import pytest
from tests.cli.outcome import Shell

import penchant
from penchant.cli.commands.evaluate import named_alike
from penchant.data.vocab import Vocab


def _fit(folder: Path, users: list[object], items: list[object], titles: list[str] | None = None) -> Path:
    """Everybody rates everything; saved."""
    pairs = [(user, item) for user in users for item in items]
    ratings = penchant.Ratings.from_arrays(
        [user for user, _ in pairs],
        [item for _, item in pairs],
        [1 + (7 * at) % 5 for at in range(len(pairs))],
        items=None if titles is None else {"item": items, "title": titles},
    )
    return penchant.ALS(n_factors=1, n_epochs=2).fit(ratings).save(folder / "small.penchant")


def test_recommend_answers_as_the_library_does(shell: Shell, films: Path) -> None:
    recommender = penchant.load(films)
    wanted = recommender.recommend(recommender.users[3], 4)

    told = shell("recommend", films, "--user", recommender.users[3], "-n", 4, "--json")

    assert told.code == 0
    assert told.json["user_id"] == recommender.users[3]
    assert told.json["items"] == wanted.to_dict("records")
    lines = shell("recommend", films, "--user", recommender.users[3], "-n", 4).out.splitlines()
    assert lines[0].split() == ["rank", "item_id", "title", "score", "predicted"]
    assert all(title in line for title, line in zip(wanted["title"], lines[1:], strict=True))


def test_who_has_rated_all_can_have_it_again(shell: Shell, tmp_path: Path) -> None:
    path = _fit(tmp_path, ["ann", "bob"], ["x", "y"])

    assert "--include-seen" in shell("recommend", path, "--user", "ann").out
    assert shell("recommend", path, "--user", "ann", "--json").json == {"user_id": "ann", "items": []}
    assert len(shell("recommend", path, "--user", "ann", "--include-seen").out.splitlines()) == 3


def test_predict_takes_ids_and_titles(shell: Shell, films: Path) -> None:
    recommender = penchant.load(films)
    user, item, other = recommender.users[5], recommender.items[7], recommender.items[8]
    title = recommender.item_attributes["title"][8]

    told = shell("predict", films, "--user", user, "--item", item, "--item", title, "--json")

    assert told.json == [
        {"user_id": user, "item_id": item, "title": recommender.item_attributes["title"][7]}
        | {"predicted": recommender.predict(item, user)},
        {"user_id": user, "item_id": other, "title": title, "predicted": recommender.predict(other, user)},
    ]
    assert shell("predict", films, "--user", user, "--item", item).out.splitlines()[0].split()[-1] == "predicted"


@pytest.mark.parametrize(
    ("users", "items"),
    [
        (["1", "2"], ["a", "b"]),
        ([uuid.UUID(int=1), uuid.UUID(int=2)], [10, 20]),
        ([1, 2], [uuid.UUID(int=1), uuid.UUID(int=2)]),
    ],
)
def test_ids_of_any_type_can_be_typed(shell: Shell, tmp_path: Path, users: list[object], items: list[object]) -> None:
    path = _fit(tmp_path, users, items)
    recommender = penchant.load(path)

    told = shell("predict", path, "--user", users[1], "--item", items[0], "--json")

    assert told.json[0]["predicted"] == recommender.predict(items[0], users[1])
    assert str(told.json[0]["item_id"]) == str(items[0])
    assert "title" not in told.json[0]


@pytest.mark.parametrize("header", ["user,item", "item,user,rating", "who,what"])
def test_pairs_come_from_a_table(shell: Shell, films: Path, tmp_path: Path, header: str) -> None:
    recommender = penchant.load(films)
    rows = np.random.default_rng(1).integers(0, 100, (20, 2))
    users = [recommender.users[int(row)] for row in rows[:, 0]]
    items = [recommender.items[int(row)] for row in rows[:, 1]]
    lines = [
        ",".join(
            {"user": str(u), "item": str(i), "who": str(u), "what": str(i)}.get(name, "3") for name in header.split(",")
        )
        for u, i in zip(users, items, strict=True)
    ]
    (tmp_path / "pairs.csv").write_text("\n".join([header, *lines]) + "\n")

    told = shell("predict", films, "--pairs", tmp_path / "pairs.csv", "--json")

    predicted = [row["predicted"] for row in told.json]
    assert np.array_equal(np.float32(predicted), recommender.predict(items, users))
    assert ("who" in told.err) == header.startswith("who")


def test_an_interval_says_where_ratings_lie(shell: Shell, sure_films: Path) -> None:
    recommender = penchant.load(sure_films)
    user, items = recommender.users[5], [recommender.items[7], recommender.items[8]]
    asked = ("predict", sure_films, "--user", user, "--item", items[0], "--item", items[1])

    told = shell(*asked, "--interval", 0.8, "--json").json

    for row, item in zip(told, items, strict=True):
        bounds = recommender.predict(item, user, interval=0.8)
        assert list(row) == ["user_id", "item_id", "title", "predicted", "low", "high"]
        assert [row[name] for name in ("predicted", "low", "high")] == pytest.approx(list(bounds))
        assert row["low"] < row["predicted"] < row["high"]
    first, *rows = shell(*asked, "--interval", 0.8).out.splitlines()
    assert first.split() == ["user_id", "item_id", "title", "predicted", "low", "high"]
    assert [line.split()[-1] for line in rows] == [f"{row['high']:.3f}" for row in told]
    assert "low" not in shell(*asked).out.splitlines()[0]


def test_a_table_of_pairs_has_intervals_too(shell: Shell, sure_films: Path, tmp_path: Path) -> None:
    recommender = penchant.load(sure_films)
    pairs = [(recommender.users[at], recommender.items[2 * at]) for at in range(5)]
    (tmp_path / "pairs.csv").write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in pairs))

    told = shell("predict", sure_films, "--pairs", tmp_path / "pairs.csv", "--interval", 0.5, "--json").json

    wanted = recommender.predict([item for _, item in pairs], [user for user, _ in pairs], interval=0.5)
    assert [row["low"] for row in told] == wanted["low"].tolist()


@pytest.mark.parametrize("share", ["0", "1", "-0.5", "90", "nan"])
def test_an_interval_is_a_share(shell: Shell, sure_films: Path, share: str) -> None:
    shell("predict", sure_films, "--user", 1, "--item", 1, f"--interval={share}").fails(2, "interval", share)


def test_a_model_that_does_not_know_how_sure_it_is_says_so(shell: Shell, films: Path) -> None:
    shell("predict", films, "--user", 1, "--item", 1, "--interval", 0.9).fails(7, "how sure it is", "Bayes")


def test_pairs_of_a_file_whose_ids_have_another_type(shell: Shell, tmp_path: Path) -> None:
    path = _fit(tmp_path, ["1", "2"], [10, 20], ["Alien", "Brazil"])
    (tmp_path / "pairs.csv").write_text("user,item\n1,20\n2,Alien\n")

    told = shell("predict", path, "--pairs", tmp_path / "pairs.csv", "--json")

    assert [(row["user_id"], row["item_id"]) for row in told.json] == [("1", 20), ("2", 10)]


def test_items_ranks_by_bias(shell: Shell, films: Path) -> None:
    recommender = penchant.load(films)

    for options, wanted in (
        (("-n", 3), recommender.item_biases(3)),
        (("-n", 3, "--worst"), recommender.item_biases(3, worst=True)),
        (("--min-ratings", 50), recommender.item_biases(10, min_ratings=50)),
    ):
        told = shell("items", films, *options, "--json")
        assert [row["item_id"] for row in told.json] == wanted["item_id"].tolist()
    lines = shell("items", films, "-n", 2).out.splitlines()
    assert lines[0].split() == ["rank", "item_id", "title", "bias", "low", "high", "n_ratings"]
    assert "no item" in shell("items", films, "--min-ratings", 10**6).out
    assert shell("items", films, "--min-ratings", 10**6, "--json").json == []


def test_info_tells_what_the_library_tells(shell: Shell, films: Path) -> None:
    told = shell("info", films, "--json").json

    assert isinstance(told, dict)
    assert told["n_users"] == 200
    assert told["solver"]["n_factors"] == 3
    assert len(told["history"]) == 4
    assert told["bytes"] == films.stat().st_size
    words = shell("info", films).out
    assert "n_factors=3" in words
    assert "4 epochs" in words
    assert "1 to 5" in words


def test_evaluate_measures_as_the_library_does(shell: Shell, tmp_path: Path) -> None:
    train, test = penchant.load_dataset("sample").split(0.3, rng=1)
    recommender = penchant.ALS(n_factors=2, n_epochs=3).fit(train)
    path = recommender.save(tmp_path / "films.penchant")
    test.to_frame().to_csv(tmp_path / "test.csv", index=False)
    card = recommender.evaluate(test, k=5)

    told = shell("evaluate", path, tmp_path / "test.csv", "-k", 5, "--scale", 1, 5, "--json")

    assert told.code == 0
    assert told.json["n_known"] == 0
    scores = told.json["scores"]["model"]
    assert scores["rmse"] == pytest.approx(card.rmse)
    assert scores["ndcg@5"] == pytest.approx(card.ndcg)
    assert "trained on" not in told.err
    lines = shell("evaluate", path, tmp_path / "test.csv").out.splitlines()
    assert lines[0].split() == ["model", "stars", "choice", "item", "mean", "bias", "only", "most", "rated"]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("rmse") and f"{card.rmse:.4f}" in line for line in lines)


def test_evaluating_on_the_training_ratings_is_warned_of(shell: Shell, films: Path) -> None:
    data = penchant.load_dataset("sample")

    told = shell("evaluate", films, "sample", "--json")

    assert told.json["n_known"] == len(data)
    assert told.err.splitlines()[-1].startswith(
        f"warning: the model was trained on {len(data):,} of these {len(data):,} "
    )


def test_a_file_without_its_ratings_can_not_tell_what_it_was_trained_on(shell: Shell, tmp_path: Path) -> None:
    data = penchant.load_dataset("sample")
    path = penchant.ALS(n_factors=1, n_epochs=1).fit(data, keep_ratings=False).save(tmp_path / "a")

    told = shell("evaluate", path, "sample", "--json")

    assert told.json["n_known"] is None
    assert told.json["scores"]["model"]["novelty"] is None
    shell("recommend", path, "--user", penchant.load(path).users[0]).fails(7, "keep_ratings")


def test_cold_rows_are_told(shell: Shell, films: Path, tmp_path: Path) -> None:
    recommender = penchant.load(films)
    item = recommender.items[0]
    (tmp_path / "new.csv").write_text(f"user,item,rating\nnobody,{item},4\nsomebody,{item},1\n")

    told = shell("evaluate", films, tmp_path / "new.csv")
    assert "2 users" in told.out
    assert "warning: 2 of 2 users are unknown to the model: they are like 'nobody' (str)" in told.err


def test_ids_that_a_file_can_only_take_for_numbers_are_still_known(shell: Shell, tmp_path: Path) -> None:
    path = _fit(tmp_path, ["1", "2", "x"], [10, 20])
    (tmp_path / "test.csv").write_text("user,item,rating\n1,10,4\n2,20,1\n")

    told = shell("evaluate", path, tmp_path / "test.csv", "--json").json

    assert told["n_cold_users"] == 0
    assert told["n_known"] == 2


def test_ids_that_would_fall_together_stay_as_they_are() -> None:
    mixed = Vocab([1, "1"])

    assert named_alike(mixed, Vocab(["1", "x"])) is mixed
    assert named_alike(Vocab([1, 5]), Vocab(["1", "x"])) == Vocab(["1", "5"])


# -- mistakes --


def test_a_file_that_is_none(shell: Shell, films: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.penchant"
    shutil.copy(films, damaged)
    content = bytearray(damaged.read_bytes())
    content[-5] ^= 1
    damaged.write_bytes(content)
    (tmp_path / "short.penchant").write_bytes(films.read_bytes()[:1000])
    (tmp_path / "empty.penchant").touch()
    (tmp_path / "text.penchant").write_text("user,item,rating\n1,2,3\n")

    for name in ("damaged", "short", "empty", "text"):
        for command in (["info"], ["items"], ["recommend", "--user", "1"], ["predict", "--user", "1", "--item", "1"]):
            first, *rest = command
            shell(first, tmp_path / f"{name}.penchant", *rest).fails(5, name)
    shell("info", tmp_path / "missing.penchant").fails(6, "missing")
    shell("info", tmp_path).fails(6, str(tmp_path))


def test_unknown_ids(shell: Shell, films: Path, tmp_path: Path) -> None:
    recommender = penchant.load(films)
    user = recommender.users[0]
    title = str(recommender.item_attributes["title"][0])

    shell("recommend", films, "--user", "999999").fails(4, "no user 999999")
    shell("recommend", films, "--user", "Nobody").fails(4, "no user 'Nobody'")
    shell("predict", films, "--user", user, "--item", "999999").fails(4, "no item 999999")
    shell("predict", films, "--user", user, "--item", title[:-1]).fails(4, title[:-1], title)
    (tmp_path / "pairs.csv").write_text(f"user,item\n{user},{recommender.items[0]}\n{user},999999\n")
    shell("predict", films, "--pairs", tmp_path / "pairs.csv").fails(4, "999999")


def test_an_unknown_id_that_only_the_end_of_a_long_file_shows_to_be_text(
    shell: Shell, films: Path, tmp_path: Path
) -> None:
    recommender = penchant.load(films)
    row = f"{recommender.users[0]},{recommender.items[0]}\n"
    (tmp_path / "pairs.csv").write_text("user,item\n" + row * (2_000_000 // len(row)) + "A7,1\n")

    shell("predict", films, "--pairs", tmp_path / "pairs.csv").fails(4, "A7")


def test_a_title_that_two_items_share(shell: Shell, tmp_path: Path) -> None:
    path = _fit(tmp_path, [1, 2], [10, 20, 30], ["Alien", "Alien", "Brazil"])

    shell("predict", path, "--user", "1", "--item", "Alien").fails(4, "10", "20")


def test_predict_needs_a_user_and_an_item_or_pairs(shell: Shell, films: Path, tmp_path: Path) -> None:
    shell("predict", films).fails(2, "--user", "--item", "--pairs")
    shell("predict", films, "--user", "1").fails(2, "--item")
    shell("predict", films, "--pairs", "p.csv", "--user", "1").fails(2, "--pairs")
    shell("predict", films, "--pairs", tmp_path / "none.csv").fails(6, "none.csv")
    (tmp_path / "wrong.csv").write_text("a,b,c\n1,2,3\n")
    shell("predict", films, "--pairs", tmp_path / "wrong.csv").fails(3, "a, b, c", "user")
    (tmp_path / "gap.csv").write_text("user,item\n1,2\n,3\n")
    shell("predict", films, "--pairs", tmp_path / "gap.csv").fails(3, "row 1", "line 3")
    (tmp_path / "ragged.csv").write_text("user,item\n1,2\n1,2,3\n")
    shell("predict", films, "--pairs", tmp_path / "ragged.csv").fails(3, "row 1", "line 3")


def test_numbers_out_of_range(shell: Shell, films: Path) -> None:
    user = penchant.load(films).users[0]

    shell("recommend", films, "--user", user, "-n", 0).fails(2, "-n is 0: use at least 1")
    shell("items", films, "-n", 0).fails(2, "-n is 0: use at least 1")
    shell("items", films, "-n", -1).fails(2, "-n is -1: use at least 1")
    shell("items", films, "--min-ratings", -1).fails(2, "--min-ratings is -1: use")
    shell("evaluate", films, "sample", "-k", 0).fails(2, "k is 0")
    shell("evaluate", films, "sample", "--relevant", 6).fails(2, "relevant is 6.0: use a rating on the scale, 1 to 5")
    shell("evaluate", films, "sample", "--relevant", "nan").fails(2, "relevant")
