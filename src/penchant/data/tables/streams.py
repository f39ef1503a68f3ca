"""Files as streams of bytes: paths, globs, cloud addresses, compression, and chunks of whole lines."""

from __future__ import annotations

import fnmatch
import glob
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from pyarrow import fs

from penchant.data.tables.encodings import TextEncoding
from penchant.data.tables.waiting import answered
from penchant.errors import DataError, ParameterError, SourceError
from penchant.text import Setting

__all__ = ["Chunk", "File", "find_files", "line_chunks"]

_LONGEST_LINE = 64 << 20  # bytes; a line is held in memory whole
_MOST_UNPACKED = 4 << 30  # bytes that a compressed file may have when it has to be unpacked into memory
_CHUNK = 4 << 20  # bytes of text a worker parses at once: large enough to hide the call, small enough for its cache
_LOOK_BACK = 1 << 16  # bytes to look back for the end of a line that is not inside quotes
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
_GLOB = ("*", "?", "[")
_PATIENCE = 60  # seconds that a piece of a file in Google's cloud may take
_HERE = (fs.LocalFileSystem, fs.SubTreeFileSystem)  # the latter is how standard input is read

T = TypeVar("T")


@dataclass(frozen=True)
class File:
    """One file on some filesystem."""

    path: str
    filesystem: fs.FileSystem
    label: str

    def head(self, size: int) -> bytes:
        """The first bytes, decompressed."""
        with self.open() as stream:
            return _read(stream, size, self.label)

    def open(self) -> pa.NativeFile:
        """A stream of its bytes, decompressed where the first bytes show that they are compressed.

        Raises:
            SourceError: the file can't be opened.
            DataError: the file is empty.
        """
        try:
            magic = self._answered(self._magic)
            raw = self._answered(lambda: self.filesystem.open_input_stream(self.path, compression=None))
        except SourceError:
            raise
        except OSError as error:
            raise SourceError(f"can't open {self.label}: {error}") from error
        if not magic:
            raise DataError(f"{self.label} is empty (0 bytes)")
        codec = next((name for start, name in _MAGIC.items() if magic.startswith(start)), None)
        return raw if codec is None else pa.CompressedInputStream(raw, codec)

    def _magic(self) -> bytes:
        with self.filesystem.open_input_stream(self.path, compression=None) as raw:
            return bytes(raw.read(4))

    def _answered(self, call: Callable[[], T]) -> T:
        """What a call says; of a filesystem that is not on this machine, in time or not at all."""
        return call() if isinstance(self.filesystem, _HERE) else answered(call, self.label)

    def open_seekable(self) -> pa.NativeFile:
        """The file for reading in any order; a compressed one is decompressed into memory first."""
        with self.open() as stream:
            if isinstance(stream, pa.CompressedInputStream):
                return pa.BufferReader(_read(stream, None, self.label))
        try:
            return self._answered(lambda: self.filesystem.open_input_file(self.path))
        except OSError as error:  # pragma: no cover  (it could be opened a moment ago)
            raise SourceError(f"can't open {self.label}: {error}") from error

    def size(self) -> int:
        """Bytes on disk, 0 where the filesystem does not say."""
        return int(self.filesystem.get_file_info(self.path).size or 0)


def _read(stream: pa.NativeFile, size: int | None, label: str) -> bytes:
    try:
        if size is not None or not isinstance(stream, pa.CompressedInputStream):
            return bytes(stream.read(size))
        parts, n = [], 0
        while part := stream.read(_CHUNK):
            parts.append(part)
            n += len(part)
            if n > _MOST_UNPACKED:
                raise DataError(f"{label} has more than {_MOST_UNPACKED:,} bytes when unpacked: unpack it first")
        return b"".join(parts)
    except OSError as error:
        raise _broken(label, error) from error


def _broken(label: str, error: OSError) -> SourceError:
    return SourceError(f"{label} is truncated or damaged, and can't be decompressed ({error}): get it again")


# -- where files are --


def find_files(source: object, filesystem: object = None) -> list[File]:
    """The files that a path, a glob, a cloud address, or a list of these stands for, in name order.

    Raises:
        SourceError: nothing is there, or the address can't be reached.
        ParameterError: it is not a path at all.
    """
    if isinstance(source, str | os.PathLike):
        return _find(os.fspath(source), filesystem)
    if isinstance(source, Sequence) and source and all(isinstance(part, str | os.PathLike) for part in source):
        return [file for part in source for file in _find(os.fspath(part), filesystem)]
    raise ParameterError(
        f"a path, a glob, a cloud address or a list of these is needed, not {type(source).__name__}; "
        "for a table in memory use Ratings.from_frame, or, without stars, Choices.from_frame"
    )


def _find(source: str | bytes, filesystem: object) -> list[File]:
    text = os.fsdecode(source)
    if filesystem is not None:
        return _find_on(_as_filesystem(filesystem), text, text)
    if "://" in text:
        base, pattern = _cut_glob(text)
        try:
            found, path = answered(lambda: fs.FileSystem.from_uri(_impatient(base)), text)
        except SourceError:
            raise
        except (OSError, ValueError) as error:
            raise SourceError(f"can't reach {text}: {error}") from error
        return _find_on(found, f"{path}/{pattern}" if pattern else path, text)
    local = fs.LocalFileSystem()
    path = str(Path(text).expanduser())
    if any(mark in path for mark in _GLOB) and not Path(path).exists():
        paths = sorted(name for name in glob.glob(path, recursive=True) if Path(name).is_file())  # noqa: PTH207  (absolute patterns)
        if not paths:
            raise SourceError(f"no file matches {text}")
        return [File(name, local, name) for name in paths]
    return _find_on(local, path, text)


def _as_filesystem(filesystem: object) -> fs.FileSystem:
    """A pyarrow filesystem as it is, an fsspec one wrapped."""
    if isinstance(filesystem, fs.FileSystem):
        return filesystem
    if hasattr(filesystem, "open") and hasattr(filesystem, "info"):
        return fs.PyFileSystem(fs.FSSpecHandler(filesystem))
    told = f" takes a pyarrow or fsspec filesystem, not {type(filesystem).__name__}"
    raise ParameterError(Setting("filesystem", text=""), told)


def _cut_glob(address: str) -> tuple[str, str]:
    """The folder before the first wildcard, and the pattern below it."""
    scheme, rest = address.split("://", 1)
    parts = rest.split("/")
    first = next((at for at, part in enumerate(parts) if any(mark in part for mark in _GLOB)), len(parts))
    return f"{scheme}://{'/'.join(parts[:first])}", "/".join(parts[first:])


def _find_on(filesystem: fs.FileSystem, path: str, label: str) -> list[File]:
    try:
        info, matching = _looked_up(filesystem, path, label)
        is_glob = info.type == fs.FileType.NotFound and any(mark in path for mark in _GLOB)
    except SourceError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise SourceError(f"can't reach {label}: {str(error).splitlines()[0]}") from error
    if matching:
        return [File(name, filesystem, name) for name in matching]
    if is_glob:
        raise SourceError(f"no file matches {label}")
    if info.type == fs.FileType.NotFound:
        raise SourceError(f"there is no file {label}")
    if info.type == fs.FileType.Unknown:
        raise SourceError(f"{label} is not a file that can be read twice: save it under a name first")
    if info.type == fs.FileType.Directory:
        raise SourceError(f"{label} is a folder: name its files, for example {label.rstrip('/')}/*.csv")
    return [File(path, filesystem, label)]


def _looked_up(filesystem: fs.FileSystem, path: str, label: str) -> tuple[fs.FileInfo, list[str]]:
    """What a filesystem says of a path, and the files that match it where it is a pattern."""

    def look() -> tuple[fs.FileInfo, list[str]]:
        info = filesystem.get_file_info(path)
        is_glob = info.type == fs.FileType.NotFound and any(mark in path for mark in _GLOB)
        return info, _match(filesystem, path) if is_glob else []

    return look() if isinstance(filesystem, _HERE) else answered(look, label)


def _impatient(address: str) -> str:
    """An address of Google's cloud that gives up after a minute: without that it tries for a quarter of an hour."""
    if not address.startswith(("gs://", "gcs://")) or "retry_limit_seconds" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}retry_limit_seconds={_PATIENCE}"


def _match(filesystem: fs.FileSystem, pattern: str) -> list[str]:
    """The paths of the files that match a pattern, where `*` does not reach below a folder."""
    parts = pattern.split("/")
    first = next(at for at, part in enumerate(parts) if any(mark in part for mark in _GLOB))
    folder = "/".join(parts[:first])
    selector = fs.FileSelector(folder, recursive=len(parts) - first > 1, allow_not_found=True)
    listed = [info.path for info in filesystem.get_file_info(selector) if info.type == fs.FileType.File]
    return sorted(
        path for path in listed if fnmatch.fnmatchcase(path, pattern) and path.count("/") == pattern.count("/")
    )


# -- chunks of whole lines --


@dataclass
class Chunk:
    """Some whole lines: the first `size` bytes of a buffer that is used again once `release` is called."""

    buffer: bytearray
    size: int
    has_quotes: bool
    spare: list[bytearray]

    def view(self) -> memoryview:
        return memoryview(self.buffer)[: self.size]

    def release(self) -> None:
        self.spare.append(self.buffer)


def line_chunks(
    file: File, *, skip: int = 0, quotes: bool = False, recode: TextEncoding | None = None
) -> Iterator[Chunk]:
    """The lines of a file, some megabytes at a time.

    Args:
        file: where they are.
        skip: bytes to leave out at the start (a byte order mark, a header).
        quotes: whether a line may go on inside double quotes; a chunk then ends outside them where possible.
        recode: an encoding in which the byte 10 need not end a line (UTF-16, UTF-32): the file is read whole.

    Raises:
        SourceError: the stream ends before the file does, or can't be decompressed.
    """
    spare: list[bytearray] = []
    with file.open() as opened:
        stream = (
            opened
            if recode is None
            else io.BytesIO(recode.decode(_read(opened, None, file.label), file.label).encode())
        )
        try:
            stream.read(skip)
            rest = b""
            while True:
                buffer, filled = _fill(stream, spare.pop() if spare else bytearray(_CHUNK), rest, file.label)
                if filled == 0:
                    return
                last = filled < len(buffer)
                size, has_quotes = (filled, b'"' in buffer) if last else _whole_lines(buffer, filled, quotes=quotes)
                rest = bytes(memoryview(buffer)[size:filled])
                if size:
                    yield Chunk(buffer, size, quotes and has_quotes, spare)
                if last:
                    return
        except OSError as error:
            raise _broken(file.label, error) from error


def _fill(stream: pa.NativeFile | io.BytesIO, buffer: bytearray, rest: bytes, label: str) -> tuple[bytearray, int]:
    """Fill a buffer with what is left of the last one and what comes next; a larger one if no line ended in it."""
    if len(rest) >= len(buffer):
        if len(rest) > _LONGEST_LINE:
            raise DataError(
                f"{label} has a line of more than {_LONGEST_LINE:,} bytes: that is no table with one row a line"
            )
        buffer = bytearray(2 * len(rest))
    view = memoryview(buffer)
    view[: len(rest)] = rest
    filled = len(rest)
    while filled < len(buffer):  # a decompressed or remote stream may give less than it is asked for
        got = stream.readinto(view[filled:])
        if not got:
            break
        filled += got
    return buffer, filled


def _whole_lines(buffer: bytearray, filled: int, *, quotes: bool) -> tuple[int, bool]:
    """Where the last whole line ends (0: nowhere), and whether there are quotes before it."""
    end = buffer.rfind(b"\n", 0, filled) + 1
    if not quotes or buffer.find(b'"', 0, end) < 0:
        return end, False
    odd = buffer.count(b'"', 0, end) % 2
    cut = end
    while odd and cut > max(0, end - _LOOK_BACK):
        before = buffer.rfind(b"\n", 0, cut - 1) + 1
        odd = (odd + buffer.count(b'"', before, cut)) % 2
        cut = before
    return (cut if cut and not odd else end), True
