"""Download that resumes over an unreliable network, and safe extraction from a zip that may be hostile.

`download` continues where an earlier attempt stopped (HTTP Range, guarded by If-Range so that two versions of a file
are never mixed), tries again when the connection breaks, and puts the file in place only when it is whole. `unpack`
writes files under names that we chose, never under names that the archive says.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias
from urllib.parse import urljoin

from penchant._version import __version__
from penchant.errors import DownloadError

if TYPE_CHECKING:
    import requests

__all__ = ["Progress", "check_hash", "download", "only_one", "progress_bar", "published_md5", "unpack"]

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes received so far and the bytes expected, or None where the server does not say."""

_CHUNK = 1 << 14  # what is lost when a connection breaks is less than one of these
_HEADERS = {
    "User-Agent": f"penchant/{__version__}",
    "Accept-Encoding": "identity",  # offsets and lengths must mean bytes of the file
}

# What zipfile raises for files that are damaged or made to do harm, apart from OSError for offsets out of range.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)


class _InterruptedError(Exception):
    """An attempt failed in a way that another attempt may not."""


@dataclass(frozen=True)
class _Part:
    """What has come so far: the bytes in NAME.part, and in NAME.part.tag which version of the file they are of."""

    file: Path
    tag_file: Path

    @property
    def size(self) -> int:
        return self.file.stat().st_size if self.file.is_file() else 0

    @property
    def tag(self) -> str | None:
        """The ETag or Last-Modified of the version; None if nothing can be continued."""
        return self.tag_file.read_text(encoding="latin-1") if self.size and self.tag_file.is_file() else None

    def discard(self) -> None:
        self.file.unlink(missing_ok=True)
        self.tag_file.unlink(missing_ok=True)


def _session() -> requests.Session:
    """A session that follows no redirection from https to http: on that way anybody may alter what comes."""
    import requests

    class Session(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> str | None:
            target = super().get_redirect_target(resp)
            if target is not None:
                came, goes = resp.url, urljoin(resp.url, target)
                if came.lower().startswith("https:") and not goes.lower().startswith("https:"):
                    raise DownloadError(f"{came} leads to {goes}, which is not protected: nothing is taken from there")
            return target

    return Session()


def download(
    url: str,
    path: Path,
    *,
    limit: int,
    progress: Progress | None = None,
    timeout: float = 30.0,
    retries: int = 3,
    pause: float = 0.5,
) -> None:
    """Fetch `url` to `path`, whole or not at all.

    Args:
        url: http or https.
        path: where to put the file. While it is on its way, `NAME.part` beside it holds what has come; a later call
            continues there if the server can.
        limit: most bytes to accept.
        progress: called after each piece.
        timeout: seconds to wait for a connection, and for each piece.
        retries: attempts in a row that may fail without any new byte.
        pause: seconds before the second attempt; doubled each time.

    Raises:
        DownloadError: the file is not there, too large, can't be written, or did not come.
    """
    part = _Part(path.with_name(path.name + ".part"), path.with_name(path.name + ".part.tag"))
    failures, furthest = 0, part.size
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _session() as session:
            while True:
                try:
                    _attempt(session, url, part, limit=limit, progress=progress, timeout=timeout)
                    break
                except _InterruptedError as error:
                    # A server that can't continue starts at zero each time: only new ground counts as progress.
                    failures = 0 if part.size > furthest else failures + 1
                    furthest = max(furthest, part.size)
                    if failures > retries:
                        raise DownloadError(f"{url} did not come: {error}") from error
                    time.sleep(pause * 2**failures)
        part.file.replace(path)
        part.tag_file.unlink(missing_ok=True)
    except DownloadError:
        raise
    except OSError as error:  # no right to write, no space left
        raise DownloadError(f"{url} can't be kept in {path.parent}: {error.strerror or error}") from error


def _attempt(
    session: requests.Session, url: str, part: _Part, *, limit: int, progress: Progress | None, timeout: float
) -> None:
    """One request: continue or begin, and read to the end."""
    import requests

    have, tag = part.size, part.tag
    headers = dict(_HEADERS)
    if tag is not None:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    try:
        with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
            start, total = _understood(response, part, have)
            if total is not None and total > limit:
                raise DownloadError(f"{url} has {total:,} bytes, more than the {limit:,} that were expected at most")
            with part.file.open("r+b" if start else "wb") as file:
                file.seek(start)
                got = _receive(response, file, start, total, limit, progress)
    except (requests.exceptions.SSLError, ValueError) as error:  # a wrong certificate or address stays wrong
        raise DownloadError(f"{url} did not come: {error}") from error
    except requests.RequestException as error:
        raise _InterruptedError(_in_words(error)) from error
    if total is not None and got != total:
        raise _InterruptedError(f"the connection ended after {got:,} of {total:,} bytes")


def _understood(response: requests.Response, part: _Part, have: int) -> tuple[int, int | None]:
    """Where in the file the answer starts, and how long the file is; decides what happens to what came before."""
    status = response.status_code
    if status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            part.discard()
            raise _InterruptedError("the server sent another piece than was asked for")
        return have, None if match[2] == "*" else int(match[2])
    if status == 416:  # nothing after what came: it is whole already, or not of this file
        whole = response.headers.get("Content-Range", "") == f"bytes */{have}"
        if whole:
            return have, have
        part.discard()
    if status == 200:
        etag = response.headers.get("ETag", "")
        tag = response.headers.get("Last-Modified") if not etag or etag.startswith("W/") else etag
        part.discard()
        if tag:
            part.tag_file.write_text(tag, encoding="latin-1")
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    message = f"the server answers {status} {response.reason or ''}".rstrip()
    if status in (408, 416, 429) or status >= 500:
        raise _InterruptedError(message)
    raise DownloadError(f"{response.url} did not come: {message}")


def _receive(
    response: requests.Response, file: IO[bytes], start: int, total: int | None, limit: int, progress: Progress | None
) -> int:
    """Copy the body to the file; returns the length of the file."""
    if total is not None and start == total:
        return total
    got = start
    for chunk in response.iter_content(_CHUNK):
        got += len(chunk)
        if got > limit:
            raise DownloadError(f"{response.url} sends more than the {limit:,} bytes that were expected at most")
        file.write(chunk)
        file.flush()  # what came must be on disk when the next piece does not come
        if progress is not None:
            progress(got, total)
    return got


def _in_words(error: Exception) -> str:
    """The innermost reason: requests wraps what happened in several layers of names."""
    reason: BaseException = error
    while reason.__cause__ is not None or reason.__context__ is not None:
        reason = reason.__cause__ or reason.__context__ or reason
    return f"{type(error).__name__}: {reason}"


def published_md5(url: str, *, timeout: float = 30.0, retries: int = 3, pause: float = 0.5) -> str | None:
    """The MD5 that the publisher keeps beside a file, at `url`.md5; None if there is no such file.

    Both usual forms are read: `MD5 (NAME) = HASH` and `HASH  NAME`.

    Args:
        url: address of the file itself.
        timeout: seconds to wait for the server.
        retries: further attempts if one fails.
        pause: seconds before the second attempt; doubled each time.

    Raises:
        DownloadError: the address can't be reached, or holds something else.
    """
    for failures in range(retries + 1):
        try:
            text = _small_text(f"{url}.md5", timeout)
            break
        except _InterruptedError as error:
            if failures == retries:
                raise DownloadError(f"{url}.md5 did not come: {error}") from error
            time.sleep(pause * 2**failures)
    if text is None:
        return None
    match = re.search(r"\b[0-9a-f]{32}\b", text.lower())
    if match is None:
        raise DownloadError(f"{url}.md5 holds no MD5 but {text[:60]!r}")
    return match[0]


def _small_text(url: str, timeout: float) -> str | None:
    """The first 1,024 bytes at an address, or None if there is nothing."""
    import requests

    try:
        with _session() as session, session.get(url, headers=_HEADERS, timeout=timeout, stream=True) as response:
            if response.status_code in (404, 410):
                return None
            if response.status_code != 200:
                raise _InterruptedError(f"the server answers {response.status_code} {response.reason or ''}".rstrip())
            return next(response.iter_content(1024), b"").decode("ascii", "replace")
    except requests.RequestException as error:
        raise _InterruptedError(_in_words(error)) from error


def check_hash(path: Path, algorithm: str, expected: str) -> None:
    """Compare a file with a hash that is known.

    Raises:
        DownloadError: the file is another one. It is deleted, so that the next attempt starts anew.
    """
    with path.open("rb") as file:
        # MD5 guards against broken transfers here, not against attackers: those the address's https keeps out.
        digest = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    if digest != expected.lower():
        path.unlink()
        raise DownloadError(
            f"{path.name} is not the file that was published: its {algorithm} is {digest}, not {expected}. "
            "It was deleted; try again, and if that does not help, something on the way alters files"
        )


def unpack(
    archive: Path, folder: Path, *, top: str, names: Iterable[str], optional: Iterable[str] = (), limit: int
) -> None:
    """Take files out of a zip: `top`/NAME of the archive becomes `folder`/NAME. Nothing else in it is looked at.

    Args:
        archive: the zip file.
        folder: where to put the files; made if it is not there.
        top: the folder inside the archive.
        names: plain names of files that must be there.
        optional: plain names of files that may be there.
        limit: most bytes to write in all; counted while they come, whatever the archive says.

    Raises:
        DownloadError: a name is not in the archive, the archive is broken, or holds more than `limit`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left = limit
    try:
        with zipfile.ZipFile(archive) as opened:
            there = set(opened.namelist())
            for name in [*names, *(name for name in optional if f"{top}/{name}" in there)]:
                with opened.open(f"{top}/{name}") as source, (folder / name).open("wb") as target:
                    left -= _copy(source, target, left, f"{archive.name} holds more than the {limit:,} bytes expected")
    except KeyError as error:
        raise DownloadError(f"{archive.name} holds no {top}/{name}: the publisher has changed it") from error
    except DownloadError:
        raise
    except (*_BROKEN_ZIP, OSError) as error:
        raise DownloadError(f"{archive.name} can't be unpacked: {error}") from error


def _copy(source: IO[bytes], target: IO[bytes], most: int, complaint: str) -> int:
    """Copy to the end and return the number of bytes; more than `most` is an error with the given text."""
    copied = 0
    while chunk := source.read(min(_CHUNK, most - copied + 1)):
        copied += len(chunk)
        if copied > most:
            raise DownloadError(complaint)
        target.write(chunk)
    return copied


@contextlib.contextmanager
def only_one(lock: Path, *, longest: float = 1800.0) -> Iterator[None]:
    """Keep other processes of this machine out for a while; they wait. On Windows nobody is kept out.

    Two downloads of the same file at the same time would write into each other; the hash would tell, but neither
    would end well.

    Args:
        lock: a file that stands for the right to go on.
        longest: seconds to wait for it.

    Raises:
        DownloadError: it can't be written, or another process has held it all the time.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        opened = lock.open("w")
    except OSError as error:
        raise DownloadError(f"can't write to {lock.parent}: {error.strerror or error}") from error
    with opened as file:
        if sys.platform != "win32":
            import fcntl

            _wait_for(lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB), lock, longest)
        try:
            yield
        finally:
            if sys.platform != "win32":
                lock.unlink(missing_ok=True)


def _wait_for(attempt: Callable[[], None], lock: Path, longest: float) -> None:
    """Try until it works: a call that waited by itself would have no end."""
    end = time.monotonic() + longest
    while True:
        try:
            return attempt()
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise DownloadError(
                    f"another process has been downloading this for {longest / 60:g} minutes (it holds {lock}): end it"
                ) from error
        time.sleep(0.1)


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """A progress bar on standard error if that is a terminal, else nothing.

    >>> with progress_bar("ml-100k") as progress:
    ...     progress(50, 100)
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
