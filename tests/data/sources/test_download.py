"""Downloads over a network that fails, and zips that lie. All of it on this machine."""

from __future__ import annotations

import hashlib
import io
import socket
import struct
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.local_site import Site, serving

from penchant.data.sources.download import _session, check_hash, download, only_one, progress_bar, published_md5, unpack
from penchant.errors import DownloadError

CONTENT = bytes(range(256)) * 1_000

fetch = partial(download, limit=1_000_000, pause=0, timeout=5)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        site.files["/file.zip"] = CONTENT
        yield site


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.zip"
    seen: list[tuple[int, int | None]] = []
    fetch(f"{site.url}/file.zip", target, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert left_over(target.parent) == ["file.zip"]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert site.requests[0][1]["User-Agent"].startswith("penchant/")


def test_a_broken_connection_is_continued(site: Site, tmp_path: Path) -> None:
    site.cuts = [98_304, 49_152]
    fetch(f"{site.url}/file.zip", tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == CONTENT
    first, second, third = site.asked("/file.zip")
    assert "Range" not in first
    assert second["Range"] == "bytes=98304-"
    assert third["Range"] == "bytes=147456-"
    assert second["If-Range"] == site.etag


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=6), ranges=st.booleans(), etag=st.sampled_from(["", '"x"']))
def test_wherever_it_breaks_the_file_is_whole_or_absent(cuts: list[int], ranges: bool, etag: str) -> None:
    with serving() as site, tempfile.TemporaryDirectory() as folder:
        site.files["/file.zip"], site.cuts, site.ranges, site.etag = CONTENT, list(cuts), ranges, etag
        target = Path(folder) / "file.zip"
        try:
            fetch(f"{site.url}/file.zip", target)
        except DownloadError:
            assert not target.exists()
        else:
            assert target.read_bytes() == CONTENT


def test_a_later_call_continues_after_control_c(site: Site, tmp_path: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(f"{site.url}/file.zip", tmp_path / "file.zip", progress=stop)
    assert left_over(tmp_path) == ["file.zip.part", "file.zip.part.tag"]
    had = (tmp_path / "file.zip.part").stat().st_size
    fetch(f"{site.url}/file.zip", tmp_path / "file.zip")
    assert site.asked("/file.zip")[-1]["Range"] == f"bytes={had}-"
    assert (tmp_path / "file.zip").read_bytes() == CONTENT
    assert left_over(tmp_path) == ["file.zip"]


def test_a_server_without_ranges_starts_anew(site: Site, tmp_path: Path) -> None:
    site.ranges, site.cuts = False, [200_000]
    fetch(f"{site.url}/file.zip", tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == CONTENT
    assert len(site.requests) == 2


def test_a_server_that_always_breaks_is_given_up(site: Site, tmp_path: Path) -> None:
    site.ranges, site.cuts = False, [200_000] * 20
    with pytest.raises(DownloadError, match=r"file\.zip did not come: "):
        fetch(f"{site.url}/file.zip", tmp_path / "file.zip", retries=2)
    assert len(site.requests) == 4  # one that brought something new, three that did not
    assert not (tmp_path / "file.zip").exists()


def test_a_body_shorter_than_announced(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # urllib3 before 2 does not notice this itself.
    site.ranges = False
    monkeypatch.setattr(requests.Response, "iter_content", lambda *_: iter([b"abc"]))
    with pytest.raises(DownloadError, match=r"the connection ended after 3 of 256,000 bytes"):
        fetch(f"{site.url}/file.zip", tmp_path / "file.zip", retries=0)


def test_two_versions_of_a_file_are_never_mixed(site: Site, tmp_path: Path) -> None:
    def change(done: int, total: int | None) -> None:
        site.files["/file.zip"], site.etag = b"new" * 50_000, '"two"'

    site.cuts = [98_304]
    fetch(f"{site.url}/file.zip", tmp_path / "file.zip", progress=change)
    assert site.asked("/file.zip")[1]["If-Range"] == '"one"'
    assert (tmp_path / "file.zip").read_bytes() == b"new" * 50_000


@pytest.mark.parametrize(
    ("etag", "modified", "sent"),
    [
        ('"strong"', "Mon, 01 Jan 2001 00:00:00 GMT", '"strong"'),
        ('W/"weak"', "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 GMT"),
        ("", "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 GMT"),
        ("", "", None),
    ],
)
def test_what_guards_a_continued_download(
    site: Site, tmp_path: Path, etag: str, modified: str, sent: str | None
) -> None:
    site.etag, site.modified, site.cuts = etag, modified, [32_768]
    fetch(f"{site.url}/file.zip", tmp_path / "file.zip")
    again = site.asked("/file.zip")[1]
    assert again.get("If-Range") == sent
    assert ("Range" in again) == (sent is not None)  # without a guard it starts anew
    assert (tmp_path / "file.zip").read_bytes() == CONTENT


def begun(folder: Path, content: bytes, tag: str = '"one"') -> Path:
    """What an earlier call left behind."""
    (folder / "file.zip.part").write_bytes(content)
    (folder / "file.zip.part.tag").write_text(tag)
    return folder / "file.zip"


def test_a_part_that_is_whole_already_needs_no_more(site: Site, tmp_path: Path) -> None:
    target = begun(tmp_path, CONTENT)
    fetch(f"{site.url}/file.zip", target)
    assert target.read_bytes() == CONTENT
    assert left_over(tmp_path) == ["file.zip"]


def test_a_part_that_is_too_long_is_thrown_away(site: Site, tmp_path: Path) -> None:
    target = begun(tmp_path, CONTENT + b"more")
    fetch(f"{site.url}/file.zip", target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("answer", ["bytes 7-9/10", "nonsense"])
def test_another_piece_than_asked_for_is_not_used(site: Site, tmp_path: Path, answer: str) -> None:
    site.range_header = answer
    target = begun(tmp_path, CONTENT[:5_000])
    fetch(f"{site.url}/file.zip", target)
    assert target.read_bytes() == CONTENT
    assert "Range" not in site.asked("/file.zip")[1]


def test_a_length_that_is_not_told_with_a_piece(site: Site, tmp_path: Path) -> None:
    site.range_header = f"bytes 5000-{len(CONTENT) - 1}/*"
    target = begun(tmp_path, CONTENT[:5_000])
    fetch(f"{site.url}/file.zip", target)
    assert target.read_bytes() == CONTENT


def test_a_file_without_a_length(site: Site, tmp_path: Path) -> None:
    site.sized = False
    totals: list[int | None] = []
    fetch(f"{site.url}/file.zip", tmp_path / "file.zip", progress=lambda _, total: totals.append(total))
    assert (tmp_path / "file.zip").read_bytes() == CONTENT
    assert set(totals) == {None}


def test_what_is_not_there_is_asked_for_once(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"/none\.zip did not come: the server answers 404 Not Found"):
        fetch(f"{site.url}/none.zip", tmp_path / "none.zip")
    assert len(site.requests) == 1
    assert left_over(tmp_path) == []


def test_a_server_that_is_busy_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.statuses = [503, 429]
    fetch(f"{site.url}/file.zip", tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == CONTENT
    site.statuses = [500] * 10
    with pytest.raises(DownloadError, match="the server answers 500"):
        fetch(f"{site.url}/file.zip", tmp_path / "again.zip", retries=1)
    assert len(site.requests) == 5


@pytest.mark.parametrize("sized", [True, False])
def test_no_more_than_the_limit_is_taken(site: Site, tmp_path: Path, sized: bool) -> None:
    site.sized = sized
    with pytest.raises(DownloadError, match="more than the 200,000"):
        download(f"{site.url}/file.zip", tmp_path / "file.zip", limit=200_000)
    assert not (tmp_path / "file.zip").exists()


def closed_port() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"did not come: ConnectionError: .*refused"):
        fetch(f"{closed_port()}/file.zip", tmp_path / "file.zip", retries=1)


@pytest.mark.parametrize("url", ["file.zip", "gopher://example.org/file.zip", "http://"])
def test_what_is_no_address(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="did not come"):
        fetch(url, tmp_path / "file.zip")


def test_a_folder_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(DownloadError, match="can't be kept in"):
        fetch(f"{site.url}/file.zip", tmp_path / "file" / "file.zip")
    with pytest.raises(DownloadError, match="can't write to"), only_one(tmp_path / "file" / "lock"):
        pass


# -- hashes --

DIGEST = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("form", ["MD5 (file.zip) = {}\n", "{}  file.zip\n", "{}", "{} *file.zip\r\n"])
def test_the_published_md5_in_its_usual_forms(site: Site, form: str) -> None:
    site.files["/file.zip.md5"] = form.format(DIGEST).encode()
    assert published_md5(f"{site.url}/file.zip") == DIGEST
    site.files["/file.zip.md5"] = form.format(DIGEST.upper()).encode()
    assert published_md5(f"{site.url}/file.zip") == DIGEST


def test_a_file_without_a_published_md5(site: Site) -> None:
    assert published_md5(f"{site.url}/file.zip") is None


def test_a_published_md5_that_is_none(site: Site) -> None:
    site.files["/file.zip.md5"] = b"<html>moved</html>"
    with pytest.raises(DownloadError, match=r"file\.zip\.md5 holds no MD5 but '<html>moved"):
        published_md5(f"{site.url}/file.zip")


def test_a_published_md5_behind_a_bad_network(site: Site) -> None:
    site.files["/file.zip.md5"] = DIGEST.encode()
    site.statuses = [500, 503]
    assert published_md5(f"{site.url}/file.zip", pause=0) == DIGEST
    with pytest.raises(DownloadError, match=r"file\.zip\.md5 did not come: ConnectionError"):
        published_md5(f"{closed_port()}/file.zip", pause=0, retries=1)


def test_a_file_with_a_wrong_hash_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "file.zip"
    path.write_bytes(CONTENT)
    check_hash(path, "md5", DIGEST.upper())
    check_hash(path, "sha256", hashlib.sha256(CONTENT).hexdigest())
    with pytest.raises(DownloadError, match=rf"file\.zip is not the file that was published: its md5 is {DIGEST}"):
        check_hash(path, "md5", "0" * 32)
    assert not path.exists()


# -- zips --


def zipped(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_only_what_is_asked_for_is_unpacked(tmp_path: Path) -> None:
    archive = zipped(
        tmp_path,
        {"top/a": b"A", "top/README": b"R", "top/deep/b": b"B", "a": b"!", "top/../../evil": b"!", "/evil": b"!"},
    )
    unpack(archive, tmp_path / "out", top="top", names=["a"], optional=["README", "LICENSE"], limit=100)
    assert left_over(tmp_path / "out") == ["README", "a"]
    assert (tmp_path / "out" / "a").read_bytes() == b"A"
    assert left_over(tmp_path) == ["archive.zip", "out"]


def test_a_file_that_the_archive_lacks(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"archive\.zip holds no top/b: the publisher has changed it"):
        unpack(zipped(tmp_path, {"top/a": b"A"}), tmp_path, top="top", names=["a", "b"], limit=100)


def test_a_zip_bomb_is_stopped_at_the_limit(tmp_path: Path) -> None:
    archive = zipped(tmp_path, {"top/a": bytes(5_000_000)})
    # The archive lies about the size of what it holds, in both places where it is said.
    content = archive.read_bytes().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 1_000))
    archive.write_bytes(content)
    with pytest.raises(DownloadError, match=r"holds more than the 100,000 bytes|can't be unpacked"):
        unpack(archive, tmp_path, top="top", names=["a"], limit=100_000)
    assert (tmp_path / "a").stat().st_size <= 100_000
    with pytest.raises(DownloadError, match="holds more than the 6 bytes expected"):
        unpack(zipped(tmp_path, {"top/a": b"1234", "top/b": b"567"}), tmp_path, top="top", names=["a", "b"], limit=6)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_zip_gives_the_right_bytes_or_an_error(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = zipped(folder, {"top/a": CONTENT[:3_000]})
        content = bytearray(archive.read_bytes())
        if data.draw(st.booleans(), label="truncate"):
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        else:
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        archive.write_bytes(content)
        try:
            unpack(archive, folder, top="top", names=["a"], limit=10_000)
        except DownloadError:
            pass
        else:
            assert (folder / "a").read_bytes() == CONTENT[:3_000]


# -- one at a time --


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_a_second_download_waits_for_the_first(tmp_path: Path) -> None:
    lock, order, inside = tmp_path / "lock", [], threading.Event()

    def second() -> None:
        inside.wait()
        with only_one(lock):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with only_one(lock):
        inside.set()
        thread.join(timeout=0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert left_over(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    second = only_one(tmp_path / "lock", longest=0.05)
    with only_one(tmp_path / "lock"), pytest.raises(DownloadError, match="another process has been downloading"):
        second.__enter__()


# -- redirections --


@pytest.mark.parametrize(
    ("came", "goes", "follows"),
    [
        ("https://a.org/f.zip", "http://a.org/f.zip", False),
        ("https://a.org/f.zip", "//b.org/f.zip", True),
        ("https://a.org/f.zip", "/g.zip", True),
        ("https://a.org/f.zip", "HTTPS://b.org/f.zip", True),
        ("http://a.org/f.zip", "http://b.org/f.zip", True),
    ],
)
def test_https_is_not_left_for_http(came: str, goes: str, follows: bool) -> None:
    response = requests.Response()
    response.status_code, response.url = 302, came
    response.headers["Location"] = goes
    with _session() as session:
        if follows:
            assert session.get_redirect_target(response) == goes
        else:
            with pytest.raises(DownloadError, match="which is not protected"):
                session.get_redirect_target(response)


# -- progress --


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_in_a_terminal_and_none_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar("ml-100k") as progress:
            progress(500, None)
            progress(1_000, 2_000)
        assert ("ml-100k" in stream.getvalue()) == shown
