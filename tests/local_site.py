"""A small web server on this machine, as good or as bad as a test wants it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What the server holds and how it behaves; tests change it while it runs.

    Attributes:
        files: path -> content; anything else is 404.
        ranges: whether it can send a part of a file.
        etag: sent with each file, "" for none. Last-Modified is sent if `modified` is not empty.
        cuts: bytes after which the connection breaks, one number a request; then none breaks.
        statuses: what the next requests are answered with instead, one a request.
        range_header: sent instead of the right Content-Range.
        sized: whether Content-Length is sent.
        requests: (path, headers) of what was asked.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    etag: str = '"one"'
    modified: str = ""
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    range_header: str = ""
    sized: bool = True
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def asked(self, path: str) -> list[dict[str, str]]:
        """The headers of each request for a path."""
        return [headers for asked, headers in self.requests if asked == path]


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.site.requests.append((self.path, dict(self.headers)))
        self.close_connection = True
        if self.site.statuses:
            self.send_error(self.site.statuses.pop(0))
            return
        content = self.site.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self._send(content)

    def _send(self, content: bytes) -> None:
        start = self._start(content)
        if start is None:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        right = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send_headers(
            {
                "Content-Range": (self.site.range_header or right) if start else "",
                "ETag": self.site.etag,
                "Last-Modified": self.site.modified,
                "Content-Length": str(len(body)) if self.site.sized else "",
            }
        )
        self.wfile.write(body[: self.site.cuts.pop(0)] if self.site.cuts else body)

    def _start(self, content: bytes) -> int | None:
        """The first byte that is asked for; None if it is behind the end."""
        asked = self.headers.get("Range")
        if (
            not asked
            or not self.site.ranges
            or self.headers.get("If-Range") not in (self.site.etag, self.site.modified)
        ):
            return 0
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        return start if start < len(content) else None

    def _send_headers(self, headers: dict[str, str]) -> None:
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()


@contextmanager
def serving() -> Iterator[Site]:
    """Run a server on a free port of 127.0.0.1; `site.url` is its address."""
    site = Site()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site})) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
