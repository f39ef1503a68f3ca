"""Saved recommenders with more ratings, or with one person less."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import pytest
from tests.cli.outcome import Shell

import penchant


@pytest.fixture
def mine(films: Path, tmp_path: Path) -> Path:
    """A file of one's own, to change."""
    return Path(shutil.copy(films, tmp_path / "mine.penchant"))


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_text("user,item,rating\n7,3,5\n7,5,1\n7777,3,4\n")
    return path


# -- update --


def test_update_does_what_the_library_does(shell: Shell, mine: Path, new: Path) -> None:
    wanted = penchant.load(mine).update(new)
    told = shell("update", mine, new)
    assert told.code == 0
    assert told.out.startswith(f"saved {mine} (")
    assert "1 new user, 0 new items" in told.out
    assert "of the users brought up to date" in told.out
    after = penchant.load(mine)
    assert after.predict(after.items.ids, 7777).tobytes() == wanted.predict(after.items.ids, 7777).tobytes()


def test_update_in_json_and_to_another_file(shell: Shell, mine: Path, new: Path, tmp_path: Path) -> None:
    before = mine.read_bytes()
    told = shell("update", mine, new, "-o", tmp_path / "other.penchant", "--json").json
    assert mine.read_bytes() == before
    assert told["file"] == str(tmp_path / "other.penchant")
    assert told["n_users"] == 1
    assert told["n_ratings"] + told["n_changed"] == 3
    assert told["report"]["n_rows"] == 3
    assert penchant.load(tmp_path / "other.penchant").n_users == penchant.load(mine).n_users + 1


def test_what_is_known_already_changes_no_file(shell: Shell, mine: Path, new: Path, tmp_path: Path) -> None:
    shell("update", mine, new)
    before = mine.read_bytes()
    assert shell("update", mine, new).out == f"nothing new: {mine} stays as it is\n"
    told = shell("update", mine, new, "--json").json
    assert (told["n_ratings"], told["touched_users"], told["moved_items"]) == (0, 0, None)
    assert mine.read_bytes() == before
    other = tmp_path / "other.penchant"
    assert shell("update", mine, new, "-o", other).out == f"nothing new: {other} is as {mine} was\n"
    assert other.read_bytes() == before
    assert shell("update", mine, "sample").code == 0  # a dataset, read by rule


def test_a_rating_outside_the_scale_changes_no_file(shell: Shell, mine: Path, tmp_path: Path) -> None:
    before = mine.read_bytes()
    (tmp_path / "new.csv").write_text("user,item,rating\n7,3,10\n")
    shell("update", mine, tmp_path / "new.csv").fails(3, "10", "1 to 5")
    assert mine.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.penchant", "new.csv"]


@pytest.mark.parametrize(
    ("users", "typed", "found"),
    [
        (["1", "2", "3"], "9", "9"),
        ([1, 2, 3], "9", 9),
        ([uuid.UUID(int=at) for at in range(3)], str(uuid.UUID(int=9)), uuid.UUID(int=9)),
        ([1, "a", 3], "9", 9),
    ],
    ids=["text", "integers", "UUIDs", "mixed"],
)
def test_ids_become_like_those_that_are_there(
    shell: Shell, tmp_path: Path, users: list[object], typed: str, found: object
) -> None:
    ratings = penchant.Ratings.from_arrays(users, ["x", "y", "x"], [1.0, 3.0, 5.0])
    path = penchant.ALS(n_factors=1, n_epochs=2).fit(ratings).save(tmp_path / "small.penchant")
    (tmp_path / "new.csv").write_text(f"user,item,rating\n{users[0]},y,4\n{typed},z,2\n")
    assert shell("update", path, tmp_path / "new.csv").code == 0
    assert list(penchant.load(path).users) == [*users, found]


def test_how_to_read_is_told_as_for_train(shell: Shell, mine: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("7;3;5\n")
    told = shell("update", mine, tmp_path / "new.txt", "--sep", ";", "--columns", "user,item,rating")
    assert told.code == 0


def test_updates_are_told_by_info(shell: Shell, mine: Path, new: Path) -> None:
    shell("update", mine, new)
    assert "updates=(n_updates=1, " in shell("info", mine).out
    assert shell("info", mine, "--json").json["training"]["updates"]["n_users"] == 1


# -- forget --


def test_forget_takes_a_person_out(shell: Shell, mine: Path) -> None:
    before = penchant.load(mine)
    told = shell("forget", mine, 7)
    assert told.code == 0
    assert told.out.endswith("user 7 is forgotten, 199 users left\n")
    assert told.err == ""
    after = penchant.load(mine)
    assert 7 not in after.users
    assert after.predict(after.items[0], 8) == pytest.approx(before.predict(after.items[0], 8), abs=0.1)
    shell("forget", mine, 7).fails(4, "no user 7")


def test_forget_in_json_and_to_another_file(shell: Shell, mine: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.penchant"
    told = shell("forget", mine, 7, "-o", other, "--refresh-items", "--json")
    assert told.json == {"file": str(other), "user_id": 7, "n_users": 199}
    assert f"{mine} still holds user 7" in told.err
    wanted = penchant.load(mine).forget(7, refresh_items=True)
    found = penchant.load(other)
    assert all(array.tobytes() == found.model.arrays()[name].tobytes() for name, array in wanted.model.arrays().items())


def test_forget_can_leave_the_rows_of_items(shell: Shell, mine: Path, tmp_path: Path) -> None:
    other, before = tmp_path / "other.penchant", penchant.load(mine).model.arrays()
    shell("forget", mine, 7, "-o", other, "--keep-items")
    assert (penchant.load(other).model.arrays()["item_factors"] == before["item_factors"]).all()


def test_who_is_not_known_changes_no_file(shell: Shell, mine: Path) -> None:
    before = mine.read_bytes()
    shell("forget", mine, 7777).fails(4, "no user 7777")
    assert mine.read_bytes() == before


@pytest.mark.parametrize("command", ["update", "forget"])
def test_a_folder_that_is_not_there(shell: Shell, mine: Path, new: Path, tmp_path: Path, command: str) -> None:
    what = new if command == "update" else 7
    shell(command, mine, what, "-o", tmp_path / "none" / "a.penchant").fails(6, "no folder")
