"""The model file on the disk: written whole or not at all, and read by others."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from tests.storage_samples import assert_same, snapshot, tensors

from penchant import storage
from penchant._version import __version__
from penchant.errors import FormatError, SourceError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return storage.save(snapshot(), tmp_path / "films.penchant")


# -- the disk --


@pytest.mark.skipif(os.name == "nt", reason="permission bits of Windows are another thing")
def test_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.penchant"
    before = os.umask(0o027)
    try:
        storage.save(snapshot(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        storage.save(snapshot(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600  # a private file stays private
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    link = tmp_path / "latest.penchant"
    link.symlink_to(Path("versions") / "1.penchant")
    assert storage.save(snapshot(), link) == link
    assert link.is_symlink()
    assert_same(snapshot(), storage.load(tmp_path / "versions" / "1.penchant"))


@pytest.mark.parametrize(
    ("function", "number", "advice"),
    [
        ("write", errno.ENOSPC, "the disk is full: free some space"),
        ("fsync", errno.EDQUOT, "quota is used up"),
        ("open", errno.EACCES, "you may not write in"),
        ("open", errno.EROFS, "is read-only: choose another folder"),
        ("replace", errno.EPERM, "you may not write in"),
        ("replace", errno.EIO, re.escape(os.strerror(errno.EIO))),
    ],
)
def test_a_failed_write_harms_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int, advice: str
) -> None:
    before = file.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    if function == "write":
        original = os.fdopen

        def full(*arguments: object, **named: object) -> object:
            opened = original(*arguments, **named)  # type: ignore[call-overload]
            monkeypatch.setattr(os, "fsync", fail)
            return opened

        monkeypatch.setattr(os, "fdopen", full)
    elif function == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(os, function, fail)
    with pytest.raises(SourceError, match=rf"can't save .*{advice}") as caught:
        storage.save(snapshot(rating_scale=(0.0, 9.0)), file)
    monkeypatch.undo()
    assert caught.value.exit_code == 6
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_an_interrupted_write_leaves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        storage.save(snapshot(rating_scale=(0.0, 9.0)), file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_real_limit_on_the_disk(file: Path) -> None:
    """The system itself refuses after 1,000 bytes: the old file is whole and nothing is left beside it."""
    program = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from tests.storage_samples import snapshot
from penchant import storage
from penchant.errors import SourceError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    storage.save(snapshot(rating_scale=(0.0, 9.0)), sys.argv[1])
except SourceError as error:
    print(error)
"""
    before = file.read_bytes()
    told = _python(program, str(file), str(Path(__file__).parents[2]), str(Path(storage.__file__).parent.parent.parent))
    assert "larger than is allowed here" in told
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_names_that_can_not_be_saved_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for name, advice in (
        ("no/such/a.penchant", "there is no folder .*: create it first"),
        ("file/a.penchant", "is not a folder"),
        (".", "this is a folder: name a file in it"),
        ("x" * 300, "the name is too long"),
        ("a\0b", "null"),
    ):
        with pytest.raises(SourceError, match=advice):
            storage.save(snapshot(), tmp_path / name)
    with pytest.raises(SourceError, match="this is a folder"):
        storage.save(snapshot(), "/")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_neither_replaced_nor_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="not an ordinary file"):
        storage.save(snapshot(), tmp_path / "pipe")
    with pytest.raises(SourceError, match="not an ordinary file"):
        storage.load(tmp_path / "pipe")


def test_files_that_can_not_be_read(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for read in (storage.load, storage.inspect):
        with pytest.raises(SourceError, match=r"there is no file .*nowhere\.penchant"):
            read(tmp_path / "nowhere.penchant")
        with pytest.raises(SourceError, match="it is a folder"):
            read(tmp_path)
        with pytest.raises(SourceError, match=r"can't read"):
            read(file / "below")
        with pytest.raises(SourceError, match=r"can't read .*null"):
            read("a\0b")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "refused")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match="you may not read"):
        storage.load(file)


# -- other readers --


def test_the_safetensors_library_reads_it(file: Path) -> None:
    arrays = load_file(file)
    for name, array in snapshot().model.arrays().items():
        assert arrays[f"model.{name}"].tobytes() == array.tobytes()
        assert arrays[f"model.{name}"].shape == array.shape
    assert arrays["items.ids"].tobytes().decode() == "AlienAmélie千と千尋の神隠し"
    with safe_open(file, framework="np") as opened:
        metadata = opened.metadata()
    assert (metadata["format"], metadata["format_version"]) == ("penchant", "2.0")
    assert json.loads(metadata["solver"])["n_factors"] == 2
    assert {name: array.dtype for name, array in arrays.items()}.keys() == tensors(file.read_bytes()).keys()


def test_inspect_tells_what_is_inside_without_arrays(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.storage.model_file.read", None)  # what loads arrays is not there to be called
    told = storage.inspect(file)
    assert json.loads(json.dumps(told)) == told
    assert told["written_by"] == f"penchant {__version__}"
    assert told["n_bytes"] == file.stat().st_size
    assert told["solver"] == snapshot().solver
    assert {"name": "model.user_factors", "dtype": "float32", "shape": [5, 2]} in told["arrays"]  # type: ignore[operator]
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(FormatError, match="checksum"):
        storage.inspect(file)


def test_loading_imports_nothing_heavy(file: Path) -> None:
    program = """
import sys
sys.path.insert(0, sys.argv[2])
from penchant import storage
storage.load(sys.argv[1])
print(sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[3:])))
"""
    heavy = ("numba", "torch", "pandas", "pyarrow", "scipy", "safetensors", "rich", "typer", "pickle")
    told = _python(program, str(file), str(Path(storage.__file__).parent.parent.parent), *heavy)
    # NumPy itself imports pickle for its own files.
    assert told.strip() in ("[]", "['pickle']")


def test_nothing_in_the_sources_can_run_a_file() -> None:
    for source in Path(storage.__file__).parent.glob("*.py"):
        words = set(re.findall(r"\w+", source.read_text(encoding="utf-8")))
        assert not words & {"eval", "exec", "marshal", "__import__", "importlib"}, source.name
        assert "import pickle" not in source.read_text(encoding="utf-8")


def _python(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".penchant-0a.tmp", ".penchant-0b.tmp", ".other.tmp"))
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (0, 0))
    storage.save(snapshot(), tmp_path / "a.penchant")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.tmp", ".penchant-0b.tmp", "a.penchant"]
