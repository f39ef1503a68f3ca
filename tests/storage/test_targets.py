"""Names of files to write: what an extension promises is in the file, or it is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.storage_samples import snapshot

import penchant as pt
from penchant import storage
from penchant.errors import ParameterError, SourceError


@pytest.fixture(scope="module")
def rec() -> pt.Recommender:
    return pt.ALS(n_factors=2, n_epochs=2).fit(pt.load_dataset("sample"))


@pytest.mark.parametrize(
    "name", ["mine.csv", "mine.TSV", "u.data", "a.parquet", "a.json", "a.csv.gz", "a.pth", "a.xlsx"]
)
def test_a_model_is_not_saved_as_something_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("user,item,rating\n")
    with pytest.raises(ParameterError, match=r"ends in \.\w+, and a recommender is no such file.*\.penchant"):
        storage.save(snapshot(), path)
    assert path.read_text() == "user,item,rating\n"


@pytest.mark.parametrize("name", ["a.penchant", "A.PENCHANT", "a", "films.v2", "2026.model"])
def test_other_names_are_free(tmp_path: Path, name: str) -> None:
    assert storage.save(snapshot(), tmp_path / name).exists()


@pytest.mark.parametrize("name", ["lists.csv", "lists", "lists.penchant", "lists.json"])
def test_lists_are_parquet_and_nothing_else(rec: pt.Recommender, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"before")
    with pytest.raises(ParameterError, match=r"a Parquet file.*end the name in \.parquet or \.pq"):
        rec.recommend_all(path=path)
    assert path.read_bytes() == b"before"
    assert rec.recommend_all(path=tmp_path / "lists.pq").read_bytes().startswith(b"PAR1")


@pytest.mark.parametrize(
    ("name", "form"), [("a.csv", "json"), ("a.parquet", "json"), ("a.json", "parquet"), ("a.penchant", "json")]
)
def test_an_export_is_what_its_name_says(rec: pt.Recommender, tmp_path: Path, name: str, form: str) -> None:
    with pytest.raises(ParameterError, match="end the name in"):
        rec.export(tmp_path / name, form)
    assert not (tmp_path / name).exists()
    assert rec.export(tmp_path / "items", form).exists()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
@pytest.mark.parametrize("linked", [False, True])
def test_a_log_that_standard_output_goes_to_is_not_replaced(tmp_path: Path, linked: bool) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/stdout")
    name = str(link if linked else "/dev/stdout")
    program = (
        f"from tests.storage_samples import snapshot; from penchant import storage; storage.save(snapshot(), {name!r})"
    )
    log = tmp_path / "log"
    log.write_text("first line\n")
    with log.open("a") as file:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=file, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
    assert "not an ordinary file" in done.stderr
    assert log.read_text() == "first line\n"
    with pytest.raises(SourceError, match="not an ordinary file"):
        storage.save(snapshot(), "/proc/self/fd/1")
