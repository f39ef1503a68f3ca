"""What a command writes is never what it reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import penchant

TABLE = "user,item,rating\n" + "".join(f"{u},{i},{(u * i) % 5 + 1}\n" for u in range(9) for i in range(9))
WAYS: dict[str, Callable[[Path], tuple[str, str]]] = {
    "the same name": lambda folder: (f"{folder}/mine", f"{folder}/mine"),
    "another way to it": lambda folder: (f"{folder}/mine", f"{folder}/../{folder.name}/mine"),
    "a link to it": lambda folder: (f"{folder}/mine", f"{folder}/link"),
    "another name of it": lambda folder: (f"{folder}/mine", f"{folder}/hard"),
    "one of a pattern": lambda folder: (f"{folder}/min*", f"{folder}/mine"),
}


@pytest.mark.parametrize("way", list(WAYS))
def test_train_does_not_replace_its_ratings(shell, tmp_path: Path, way: str) -> None:  # type: ignore[no-untyped-def]
    mine = tmp_path / "mine"
    mine.write_text(TABLE)
    (tmp_path / "link").symlink_to(mine)
    (tmp_path / "hard").hardlink_to(mine)
    source, output = WAYS[way](tmp_path)
    shell("train", source, "-o", output).fails(2, "is read here")
    assert mine.read_text() == TABLE


def test_nor_a_table_of_items(shell, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.csv").write_text(TABLE)
    items = tmp_path / "items"
    items.write_text("item,title\n1,One\n")
    shell("train", tmp_path / "mine.csv", "--items", items, "-o", items).fails(2, "is read here")
    shell("train", tmp_path / "mine.csv", "-o", tmp_path / "mine.csv").fails(2, "is read here")
    shell("train", tmp_path / "mine.csv", "-o", tmp_path / "other.csv").fails(2, "end the name in .penchant")
    assert (tmp_path / "mine.csv").read_text() == TABLE


def test_other_commands_do_not_either(shell, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    new = tmp_path / "new"
    new.write_text(TABLE)
    ratings = penchant.load_dataset("sample")
    model = penchant.ALS(n_factors=1, n_epochs=1).fit(ratings).save(tmp_path / "model")
    before = model.read_bytes()
    shell("update", model, new, "-o", new).fails(2, "is read here")
    shell("export", model, "-o", model, "--format", "json").fails(2, "is read here")
    shell("forget", model, 7, "-o", tmp_path / "a.csv").fails(2, "end the name in .penchant")
    assert model.read_bytes() == before
    assert new.read_text() == TABLE
