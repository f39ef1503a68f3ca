"""Atomic writes: files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from penchant.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEFT_OVER = 86_400  # seconds; no file takes so long to write
_MOST_LINKS = 40  # as in Linux: then a name is going round in circles, which `stat` says

__all__ = ["opened_atomically", "write_atomically"]


def write_atomically(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write the parts one after another as the content of one file: see `opened_atomically`.

    Args:
        path: the file.
        parts: its content, piece by piece.

    Raises:
        SourceError: the folder is missing, full or not writable, or `path` is a folder, pipe or device.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "poem.txt"
    ...     write_atomically(file, [b"roses ", b"are red"])
    ...     file.read_bytes()
    b'roses are red'
    """
    with opened_atomically(path) as file:
        for part in parts:
            file.write(part)


@contextmanager
def opened_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file that is written whole or not at all.

    What is written goes to a file beside it first, onto the disk, and takes its name last, when the block ends: whoever
    opens `path` sees the old content or the new one, and after a failure the old one, with nothing left over. A new
    file's permissions follow the umask; a file that is replaced passes its own on. A symbolic link stays one: what it
    points to is replaced.

    Args:
        path: the file.

    Raises:
        SourceError: the folder is missing, full or not writable, or `path` is a folder, pipe or device.
    """
    try:
        try:
            _refuse_device(path)
            target = Path(os.path.realpath(path))
            mode = _mode_of(target)
        except ValueError as error:  # a zero byte in the name
            raise SourceError(f"can't save {path!s}: {error}") from error
        temporary = target.with_name(f".penchant-{os.urandom(8).hex()}.tmp")
        with _written_and_replaced(target, temporary, mode) as file:
            yield file
        _remove_left_over(target.parent)
    except OSError as error:
        raise SourceError(f"can't save {path}: {_explain(error, path)}") from error
    _sync_folder(target.parent)


@contextmanager
def _written_and_replaced(target: Path, temporary: Path, mode: int | None) -> Iterator[BinaryIO]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    # The system takes the umask off. What replaces a private file is private from its first byte.
    descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _refuse_device(path: Path) -> None:
    """Refuse a name of the system's, such as /dev/stdout, and a link to one.

    With `>> log` it leads to an ordinary file in the end: the log, which would be replaced.
    """
    at = Path(os.path.abspath(path))  # noqa: PTH100  # `resolve` would follow the links, which are looked at here
    for _ in range(_MOST_LINKS):
        if at.parts[1:2] in (("dev",), ("proc",)) and at.parts[1:3] != ("dev", "shm"):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        if not at.is_symlink():
            return
        at = Path(os.path.normpath(at.parent / at.readlink()))


def _remove_left_over(folder: Path) -> None:
    """Remove temporary files of processes that were killed while they wrote: those untouched for a day."""
    with suppress(OSError):
        for path in folder.glob(".penchant-*.tmp"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_OVER:
                    path.unlink()


def _mode_of(target: Path) -> int | None:
    """Permission bits of the file that will be replaced, None where there is none."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        kind = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EEXIST
        raise OSError(kind, os.strerror(kind), str(target))
    return stat.S_IMODE(status.st_mode)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut, where the system can do this."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _explain(error: OSError, path: Path) -> str:
    """What went wrong, in words, and what to do."""
    folder = path.parent
    known = {
        errno.ENOENT: f"there is no folder {folder}: create it first",
        errno.ENOTDIR: f"{folder} is not a folder",
        errno.EISDIR: "this is a folder: name a file in it",
        errno.EEXIST: "this is not an ordinary file: choose another name",
        errno.EACCES: f"you may not write in {folder}: choose another folder, or change its permissions",
        errno.EPERM: f"you may not write in {folder}: choose another folder, or change its permissions",
        errno.EROFS: f"{folder} is read-only: choose another folder",
        errno.ENOSPC: "the disk is full: free some space, or choose another folder",
        errno.EDQUOT: "your disk quota is used up: free some space, or choose another folder",
        errno.EFBIG: "the file would be larger than is allowed here: raise the limit, or choose another folder",
        errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    }
    return known.get(error.errno or 0, error.strerror or str(error))
