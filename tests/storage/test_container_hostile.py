"""Files that are not what they say: the answer is a FormatError with a reason, never a crash, never code.

Most of these files carry a checksum that fits (tests/storage_samples.py writes them by the specification), so that
it is the check at hand that refuses them and not the checksum.
"""

from __future__ import annotations

import io
import json
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.storage_samples import KEPT, pack, rebuild, refused, seal, snapshot, unpack

from penchant import storage
from penchant.errors import FormatError

RAW = KEPT.read_bytes()
Change = Callable[[dict[str, Any], dict[str, Any]], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hostile.penchant"


def test_the_second_writer_agrees_with_the_first(path: Path) -> None:
    """Otherwise every refusal below might be for another reason than it says."""
    assert seal(RAW) == RAW
    assert pack(*unpack(RAW)) == RAW
    path.write_bytes(rebuild(RAW, lambda sections, arrays: None))
    assert storage.load(path).users == snapshot().users


# -- files of other kinds --


class Trap:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_never_opened(path: Path, tmp_path: Path, protocol: int) -> None:
    message = refused(path, pickle.dumps(Trap(tmp_path / "sprung"), protocol=protocol))
    assert not (tmp_path / "sprung").exists()
    if protocol >= 2:
        assert "Python pickle" in message
        assert "never opens" in message


def test_pickles_inside_numpy_and_torch_files_are_never_opened(path: Path, tmp_path: Path) -> None:
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    buffer = io.BytesIO()
    np.save(buffer, trap, allow_pickle=True)
    assert "NumPy array" in refused(path, buffer.getvalue())
    buffer = io.BytesIO()
    np.savez(buffer, trap)
    assert "NumPy archive" in refused(path, buffer.getvalue())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Trap(tmp_path / "sprung")))
    assert "PyTorch checkpoint" in refused(path, buffer.getvalue())
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04" + b"\0" * 60, "a zip archive"),
        (b"PK\x05\x06" + b"\0" * 18, "an empty zip archive"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "a PyTorch checkpoint"),
        (b"\x1f\x8b\x08" + b"\0" * 20, "gzip"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"PAR1....", "Parquet"),
        (b"ARROW1\0\0", "Arrow"),
        (b"SQLite format 3\0", "SQLite"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><title>Not found</title>", "web page"),
        (b'{"users": []}', "JSON"),
        (b"user,item,rating\nann,Alien,5\n", "text, such as a table of ratings"),
        ("utilisateur;film;note\nann;Amélie;5\n".encode(), "text"),
        ("é".encode() * 300, "text"),
        (bytes(range(256)), "binary data"),
        (b"\xff" * 100, "binary data"),
        (b"\2\0\0\0\0\0\0\0{}", "a safetensors file that penchant did not write"),
        (RAW[8:], "whose first bytes are damaged or cut off"),
        (RAW[:60], "whose first bytes are damaged or cut off"),
    ],
)
def test_foreign_files_are_told_apart(path: Path, raw: bytes, kind: str) -> None:
    message = refused(path, raw)
    assert message.startswith("this is not a penchant file: it looks like ")
    assert kind in message


# -- versions --


def with_version(version: str, release: str = "penchant 9.8.7") -> bytes:
    header, data = unpack(RAW)
    header["__metadata__"].update(format_version=version, written_by=release)
    return pack(header, data)


@pytest.mark.parametrize("version", ["3.0", "0.9", "9999.0"])
def test_another_major_version_says_which_release_reads_it(path: Path, version: str) -> None:
    message = refused(path, with_version(version))
    assert f"format {version}, written by penchant 9.8.7" in message
    assert "pip install penchant==9.8.7" in message


def test_a_later_major_version_may_differ_in_all_that_follows(path: Path) -> None:
    text = '{"__metadata__":{"format":"penchant","format_version":"3.1","written_by":"penchant 9.8.7","crc":"00"}}'
    assert "pip install penchant==9.8.7" in refused(path, b"\xff" * 8 + text.encode())


def test_a_later_minor_version_is_read_and_what_it_adds_is_ignored(path: Path) -> None:
    header, data = unpack(with_version("1.7"))
    header["__metadata__"]["colours"] = "anything, JSON or not"
    header["shiny.new"] = {"dtype": "U8", "shape": [3], "data_offsets": [len(data), len(data) + 3]}
    path.write_bytes(pack(header, data + b"abc"))
    assert storage.load(path).items == snapshot().items
    told = storage.inspect(path)
    assert told["format_version"] == "1.7"
    assert "colours" not in told


def test_what_a_later_minor_version_can_not_explain_names_the_release(path: Path) -> None:
    raw = rebuild(with_version("1.7"), lambda sections, arrays: sections["model"].update(kind="crystal_ball"))
    message = refused(path, raw)
    assert "of kind 'crystal_ball'" in message
    assert "format 1.7, written by penchant 9.8.7" in message


@pytest.mark.parametrize("release", ["fastai 2", "penchant ", "penchant 1;rm", "penchant " + "1" * 65])
def test_the_release_is_a_version_and_nothing_else(path: Path, release: str) -> None:
    assert "not a penchant file" in refused(path, with_version("1.0", release))


# -- the container --


def header_length(length: int) -> bytes:
    return seal(length.to_bytes(8, "little") + RAW[8:])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (header_length(2**64 - 1), "it must be a multiple of 8 and at most 8,388,608"),
        (header_length(2**63), "it must be a multiple of 8"),
        (header_length(8 * 2**20 + 8), "at most 8,388,608"),
        (header_length(8 * 2**20), "cut off: its header alone should be 8,388,608 bytes"),
        (header_length(len(unpack(RAW)[0]) + 1), "multiple of 8"),
        (header_length(8), "is not JSON"),
        (header_length(0), "is not JSON"),
        (RAW[:-1], "the file is cut off"),
        (RAW[:1000], "cut off"),
        (RAW[:100], "no checksum in its place"),
        (RAW + b"\0", "longer than its content"),
        (RAW + RAW, "longer than its content"),
        (RAW.replace(b'"sha256":"', b'"sha257":"'), "no checksum in its place"),
        (RAW[:-1] + bytes([RAW[-1] ^ 1]), "does not match its checksum"),
    ],
    ids=str,
)
def test_lengths_and_checksum(path: Path, raw: bytes, message: str) -> None:
    assert message in refused(path, raw)


def test_a_checksum_in_capitals_is_another_checksum(path: Path) -> None:
    at = RAW.find(b'"sha256":"') + 10
    assert "no checksum in its place" in refused(path, RAW[:at] + RAW[at : at + 64].upper() + RAW[at + 64 :])


def header_text(change: Callable[[str], str]) -> bytes:
    header, data = unpack(RAW)
    text = json.dumps(header, separators=(",", ":"))
    changed = change(text)
    assert changed != text
    return pack(changed, data)


def insert(what: str) -> bytes:
    """The header with one more array, or whatever else, at its end."""
    return header_text(lambda text: text[:-1] + "," + what + "}")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (header_text(lambda text: text[:-1]), "is not JSON"),
        (header_text(lambda text: text + "x"), "is not JSON"),
        (insert('"a":NaN'), "number that is not finite, NaN"),
        (insert('"a":-Infinity'), "not finite, -Infinity"),
        (insert('"a":1e999'), "not finite, 1e999"),
        (insert('"a":' + "9" * 5000), "is not JSON: Exceeds the limit"),
        (insert('"a":' + "[" * 70 + "]" * 70), "nested more than 64 deep"),
        (insert('"a":' + "[" * 200_000), "nested more than 64 deep"),
        (insert('"a":' + '{"a":' * 100_000), "nested more than 64 deep"),
        (insert('"model.user_biases":{}'), "has a key twice"),
        (insert('"__metadata__":{}'), "has a key twice"),
        (header_text(lambda text: text.replace('"dtype":"F32"', '"dtype":"F32","dtype":"F32"', 1)), "has a key twice"),
        (header_text(lambda text: text.replace('"dtype":"F32"', '"dtype":"\x01"', 1)), "is not JSON"),
        (header_text(lambda text: text.replace('"training":"', '"training":5,"x":"')), "metadata must be texts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_headers_that_are_not_strict_json(path: Path, raw: bytes, message: str) -> None:
    assert message in refused(path, raw)


def test_a_header_that_is_not_utf8(path: Path) -> None:
    raw = insert('"a":"?"').replace(b'"a":"?"', b'"a":"\xff"')
    assert "the header is not JSON: 'utf-8'" in refused(path, seal(raw))


def entry(**changes: object) -> bytes:
    header, data = unpack(RAW)
    header["model.user_biases"].update(changes)
    return pack(header, data)


BEGIN, END = unpack(RAW)[0]["model.user_biases"]["data_offsets"]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (entry(extra=1), "is not described by dtype, shape and data_offsets"),
        (insert('"a":[]'), "is not described by"),
        (entry(dtype="BF16"), "has dtype 'BF16'"),
        (entry(dtype=["F32"]), "has dtype"),
        (entry(dtype="F64"), "do not fit its dtype and shape"),
        (entry(shape=[6]), "do not fit its dtype and shape"),
        (entry(shape=[5.0]), "impossible shape"),
        (entry(shape=[True] * 5), "impossible shape"),
        (entry(shape=[-5]), "impossible shape"),
        (entry(shape=[-1, -5]), "impossible shape"),
        (entry(shape=5), "impossible shape"),
        (entry(shape=[1] * 8 + [5]), "impossible shape"),
        (entry(shape=[2**63]), "impossible shape"),
        (entry(shape=[2**32, 2**32, 2**32]), "impossible shape"),
        (entry(shape=[0, 2**62]), "impossible shape"),
        (entry(data_offsets=[END, BEGIN]), "do not fit its dtype and shape"),
        (entry(data_offsets=[BEGIN]), "do not fit"),
        (entry(data_offsets=[BEGIN, END, END]), "do not fit"),
        (entry(data_offsets=[str(BEGIN), END]), "do not fit"),
        (entry(data_offsets=[0, 20]), "not where the one before it ends"),
        (entry(data_offsets=[BEGIN + 4, END + 4]), "not where the one before it ends"),
        (entry(data_offsets=[-20, 0]), "do not fit"),
        (entry(shape=[2**59], data_offsets=[BEGIN, BEGIN + 2**61]), "not where the one before it ends"),
        (insert('"z":{"dtype":"U8","shape":[1000000000000],"data_offsets":[1,1000000000001]}'), "ends"),
        (insert('"z":{"dtype":"U8","shape":[0],"data_offsets":[7,7]}'), "not where the one before it ends"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_arrays_that_are_not_where_they_should_be(path: Path, raw: bytes, message: str) -> None:
    assert message in refused(path, raw)


def test_nothing_is_allocated_on_a_headers_word(path: Path) -> None:
    """A file of six kilobytes that claims a terabyte, in each place where it could."""
    header, _ = unpack(RAW)
    last = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    claims = f'"z":{{"dtype":"F64","shape":[{2**37}],"data_offsets":[{last},{last + 2**40}]}}'
    for raw in (header_length(2**40), header_length(8 * 2**20), insert(claims)):
        path.write_bytes(raw)
        tracemalloc.start()
        try:
            with pytest.raises(FormatError):
                storage.load(path)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()


def test_a_file_larger_than_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("penchant.storage.model_file.read", exhausted)
    with pytest.raises(FormatError, match="does not fit into memory"):
        storage.load(path)
