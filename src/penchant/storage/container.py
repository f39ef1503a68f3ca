"""The container of a `.penchant` file: named arrays and named texts, under a checksum, without any code.

    bytes 0 to 7    length of the header, unsigned 64-bit, little-endian
    header          JSON, padded with spaces to a multiple of 8 bytes
    data            the arrays one after another, little-endian, without gaps, to the end of the file

This is a safetensors file (https://github.com/huggingface/safetensors) whose header opens in one fixed way, with the
format's version, the release that wrote it and a SHA-256 over every byte of the file. docs/format.md is the
specification; docs/decisions/0003-file-format.md says why the bytes are written and read here and not by a library.

A file is material to judge: nothing is allocated on its word alone, and whatever it holds, the answer is its content
or a `FormatError`.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeGuard

import numpy as np

from penchant._version import __version__
from penchant.errors import DataError, FormatError, SourceError, UnsupportedError
from penchant.storage.atomic import write_atomically
from penchant.storage.strict_json import JSON, parse_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FORMAT", "NEWEST", "Entry", "Header", "read", "read_header", "write"]

FORMAT = (2, 0)  # major, minor: see "Versions" in docs/format.md
NEWEST = {1: 0, 2: 0}  # of each major version that this release reads, the newest minor one that it knows
MAX_HEADER = 8 * 2**20  # bytes

_CODES = "BOOL:? U8:u1 I8:i1 U16:<u2 I16:<i2 F16:<f2 U32:<u4 I32:<i4 F32:<f4 U64:<u8 I64:<i8 F64:<f8"
_DTYPES: dict[str, np.dtype[np.generic]] = {
    name: np.dtype(code) for name, _, code in (pair.partition(":") for pair in _CODES.split())
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_BLOCK = 2**20
_ZEROS = b"0" * 64

# What every version of the format opens with, and what version 1 opens with besides.
_IDENTITY = re.compile(
    rb'\{"__metadata__":\{"format":"penchant","format_version":"(?P<major>\d{1,4})\.(?P<minor>\d{1,4})",'
    rb'"written_by":"penchant (?P<release>[0-9A-Za-z.+!_-]{1,64})"'
)
_CHECKSUM = re.compile(rb',"sha256":"(?P<sha256>[0-9a-f]{64})"')
_OPENING = 512  # bytes that hold both for certain

_KNOWN_FILES = (
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a PyTorch checkpoint"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"BZh", "a bzip2 file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet table"),
    (b"ARROW1", "an Arrow table"),
    (b"SQLite format 3", "an SQLite database"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file that it points to"),
    (b"<", "a web page or XML"),
)


@dataclass(frozen=True)
class Entry:
    """One array of a file.

    Attributes:
        name: what it is called.
        dtype: its type, little-endian.
        shape: its shape.
        begin, end: where its bytes are in the data of the file.
    """

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a file says of itself, checked against its size but not yet against its checksum.

    Attributes:
        version: (major, minor) of the format.
        written_by: the release of penchant that wrote it, such as "0.1.0".
        sha256: 64 hexadecimal digits.
        metadata: the other texts of `__metadata__`.
        entries: the arrays, in the order of their data.
        raw: the header's bytes.
        digest_at: where the 64 digits are in `raw`.
        n_bytes: size of the data.
    """

    version: tuple[int, int]
    written_by: str
    sha256: str
    metadata: dict[str, str]
    entries: tuple[Entry, ...]
    raw: bytes
    digest_at: int
    n_bytes: int

    def confirm(self, data: Iterable[bytes]) -> None:
        """Raise FormatError unless the file's checksum is that of its header and of `data`, given in blocks."""
        computed = hashlib.sha256(len(self.raw).to_bytes(8, "little"))
        computed.update(self.raw[: self.digest_at] + _ZEROS + self.raw[self.digest_at + len(_ZEROS) :])
        for block in data:
            computed.update(block)
        if computed.hexdigest() != self.sha256:
            raise FormatError("the content does not match its checksum: the file was altered or damaged after saving")


# -- writing --


def write(path: Path, arrays: Mapping[str, NDArray[np.generic]], metadata: Mapping[str, str]) -> None:
    """Write a container, all of it or nothing: an earlier file of this name stays whole until the new one is.

    The same arrays and texts give the same bytes. Arrays of 8-byte elements come first, then 4, 2 and 1, in the order
    of their names, so that each is aligned in memory; texts keep the order given.

    Args:
        path: the file.
        arrays: arrays of any shape, by name.
        metadata: texts, by name, for the header.

    Raises:
        SourceError: the folder is missing, full or not writable.
    """
    plain = {name: _little_endian(name, array) for name, array in arrays.items()}
    ordered = sorted(plain, key=lambda name: (-plain[name].itemsize, name))
    header = _header_of([(name, plain[name]) for name in ordered], metadata)
    at = header.index(_ZEROS)
    length = len(header).to_bytes(8, "little")
    parts = [plain[name].reshape(-1).view(np.uint8).data for name in ordered]
    checksum = hashlib.sha256(length + header)
    for part in parts:
        checksum.update(part)
    sealed = header[:at] + checksum.hexdigest().encode() + header[at + len(_ZEROS) :]
    write_atomically(path, [length, sealed, *parts])


def _header_of(arrays: Sequence[tuple[str, NDArray[np.generic]]], metadata: Mapping[str, str]) -> bytes:
    """The header of a file that will hold these arrays in this order, with zeros for a checksum."""
    opening: dict[str, JSON] = {
        "format": "penchant",
        "format_version": f"{FORMAT[0]}.{FORMAT[1]}",
        "written_by": f"penchant {__version__}",
        "sha256": _ZEROS.decode(),
    }
    content: dict[str, JSON] = {"__metadata__": {**opening, **metadata}}
    end = 0
    for name, array in arrays:
        begin, end = end, end + array.nbytes
        content[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
    header = write_json(content).encode("ascii")
    header += b" " * (-len(header) % 8)
    if len(header) > MAX_HEADER:
        raise DataError(
            f"the file's header would be {len(header):,} bytes of at most {MAX_HEADER:,}: shorten the history"
        )
    return header


def _little_endian(name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """The array as the file holds it, copied only where it is stored in another way."""
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _NAMES:
        raise UnsupportedError(f"array {name!r} is of type {array.dtype}: the format knows {', '.join(_DTYPES)}")
    return np.asarray(array, dtype=dtype, order="C")


# -- reading --


def read(path: Path) -> tuple[Header, dict[str, NDArray[np.generic]]]:
    """Header and arrays of a file; the arrays are read-only views of one buffer.

    Raises:
        FormatError: the file is not a whole, unaltered penchant file of a version that this release reads.
        SourceError: the file can't be read at all.
    """
    with _opened(path) as (file, size):
        header = _parse_header(file, size)
        data = file.read(header.n_bytes)
    header.confirm([data])
    return header, {entry.name: _view(data, entry) for entry in header.entries}


def read_header(path: Path) -> Header:
    """Header of a file, its checksum confirmed block by block, without an array in memory.

    Raises:
        FormatError, SourceError: as `read`.
    """
    with _opened(path) as (file, size):
        header = _parse_header(file, size)
        header.confirm(iter(lambda: file.read(_BLOCK), b""))
    return header


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The file and its real size. Folders, pipes and devices are refused before they are opened."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(mode):
        raise SourceError(f"can't read {path}: it is {'a folder' if stat.S_ISDIR(mode) else 'not an ordinary file'}")
    try:
        with path.open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError | ValueError) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(f"there is no file {path}")
    if isinstance(error, PermissionError):
        return SourceError(f"you may not read {path}: change its permissions, or copy it")
    return SourceError(f"can't read {path}: {(isinstance(error, OSError) and error.strerror) or error}")


def _parse_header(file: IO[bytes], size: int) -> Header:
    """The header, with every size in it checked against the size of the file. Leaves `file` where the data begins."""
    opening = file.read(_OPENING)
    identity = _IDENTITY.match(opening, 8)
    if identity is None:
        raise FormatError(f"this is not a penchant file: it looks like {_looks_like(opening)}")
    release = identity["release"].decode()
    version = (int(identity["major"]), int(identity["minor"]))
    if version[0] not in NEWEST:
        raise FormatError(_wrong_version(version, release))
    checksum = _CHECKSUM.match(opening, identity.end())
    if checksum is None:
        raise FormatError("the header is damaged: it has no checksum in its place")
    length = int.from_bytes(opening[:8], "little")
    if length > MAX_HEADER or length % 8:
        raise FormatError(f"a header of {length:,} bytes; it must be a multiple of 8 and at most {MAX_HEADER:,}")
    if 8 + length > size:
        raise FormatError(f"the file is cut off: its header alone should be {length:,} bytes, the file has {size:,}")
    file.seek(8)
    raw = file.read(length)
    content = parse_json(raw, "the header")
    metadata = content.pop("__metadata__", None) if isinstance(content, dict) else None
    if not isinstance(content, dict) or not _is_texts(metadata):
        raise FormatError("the header's metadata must be texts")
    entries = _entries(content)
    n_bytes = entries[-1].end if entries else 0
    if 8 + length + n_bytes != size:
        problem = "cut off" if 8 + length + n_bytes > size else "longer than its content"
        raise FormatError(
            f"the file is {problem}: it has {size:,} bytes, its header describes {8 + length + n_bytes:,}"
        )
    digest_at = checksum.start("sha256") - 8
    return Header(version, release, checksum["sha256"].decode(), metadata, entries, raw, digest_at, n_bytes)


def _is_texts(metadata: JSON) -> TypeGuard[dict[str, str]]:
    return isinstance(metadata, dict) and all(isinstance(text, str) for text in metadata.values())


def _entries(content: dict[str, JSON]) -> tuple[Entry, ...]:
    """The arrays that a header describes: they must follow one another without gap or overlap."""
    entries = sorted(
        (_entry(name, value) for name, value in content.items()), key=lambda entry: (entry.begin, entry.end)
    )
    end = 0
    for entry in entries:
        if entry.begin != end:
            raise FormatError(
                f"array {entry.name!r} begins at byte {entry.begin}, not where the one before it ends, {end}"
            )
        end = entry.end
    return tuple(entries)


def _entry(name: str, value: JSON) -> Entry:
    """One array's description, consistent in itself. Python's integers do not overflow."""
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"array {name!r} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], _sizes(value["shape"]), _sizes(value["data_offsets"])
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise FormatError(f"array {name!r} has dtype {dtype!r}; the format knows {', '.join(_DTYPES)}")
    if shape is None or len(shape) > 8 or math.prod(max(size, 1) for size in shape) >= 2**60:
        raise FormatError(f"array {name!r} has an impossible shape")
    if offsets is None or len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * _DTYPES[dtype].itemsize:
        raise FormatError(f"array {name!r}: its data_offsets do not fit its dtype and shape")
    return Entry(name, _DTYPES[dtype], shape, offsets[0], offsets[1])


def _sizes(value: JSON) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    sizes = tuple(size for size in value if type(size) is int and size >= 0)
    return sizes if len(sizes) == len(value) else None


def _view(data: bytes, entry: Entry) -> NDArray[np.generic]:
    if entry.begin == entry.end:
        array: NDArray[np.generic] = np.empty(entry.shape, dtype=entry.dtype.newbyteorder("="))
        array.flags.writeable = False
        return array
    count = (entry.end - entry.begin) // entry.dtype.itemsize
    array = np.frombuffer(data, dtype=entry.dtype, count=count, offset=entry.begin).reshape(entry.shape)
    if entry.dtype == np.bool_ and int(array.view(np.uint8).max()) > 1:
        raise FormatError(f"array {entry.name!r} holds a truth value that is neither 0 nor 1")
    return array.astype(entry.dtype.newbyteorder("="), copy=False)


def _wrong_version(version: tuple[int, int], release: str) -> str:
    return (
        f"this file is of format {version[0]}.{version[1]}, written by penchant {release}; this is penchant "
        f"{__version__}, which reads formats {min(NEWEST)} to {max(NEWEST)}: install a release that reads it, "
        f"for instance with: pip install penchant=={release}"
    )


def _looks_like(head: bytes) -> str:
    """A guess at what a foreign file is, from its first bytes. Nothing is opened to find out."""
    found = next((name for magic, name in _KNOWN_FILES if head.startswith(magic)), None)
    if found == "a zip archive" and b"data.pkl" in head:
        return "a PyTorch checkpoint"
    if found == "a zip archive" and b".npy" in head:
        return "a NumPy archive (.npz)"
    return found or (_binary(head) if head else "an empty file")


def _binary(head: bytes) -> str:
    if re.match(rb"\x80[\x00-\x05]", head):
        return "a Python pickle, which could run code: penchant never opens those"
    if b'"format":"penchant"' in head:
        return "a penchant file whose first bytes are damaged or cut off"
    if head[8:9] == b"{":
        return "a safetensors file that penchant did not write"
    if b"\0" in head or len(head.decode("utf-8", "ignore").encode()) < 0.9 * len(head):
        return "binary data of an unknown kind"
    return "JSON" if head.lstrip()[:1] in (b"{", b"[") else "text, such as a table of ratings"
