"""A development server for a static index: loopback, threads, no configuration.

Spec: RFC 9110 (ranges, conditions, negotiation), PEP 691 (JSON through `Accept`), PEP 503 (names).
It is meant for trying an index out and for tests.  What it does not do, on purpose: TLS, passwords,
limits on clients, several ranges in one answer.
"""

from __future__ import annotations

import contextlib
import gzip
import mimetypes
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, ClassVar, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import canonicalize_name

from vinstall.errors import SourceError, UsageError

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
_OFFERS = (
    ("text/html", "index.html"),
    (JSON_TYPE, "index.json"),
    (HTML_TYPE, "index.html"),
    ("application/vnd.pypi.simple.latest+json", "index.json"),
    ("application/vnd.pypi.simple.latest+html", "index.html"),
)
"""Types of a page and the file each is in; of equally welcome ones the first is sent."""
_ANSWERED_AS = {
    "application/vnd.pypi.simple.latest+json": JSON_TYPE,
    "application/vnd.pypi.simple.latest+html": HTML_TYPE,
}
_COMPRESSED = ("index.html", "index.json")
"""Pages alone: a file that is listed with its hash arrives as it is, whatever is in between."""
_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
_SECONDS_WITHOUT_A_BYTE = 60


class _Span(NamedTuple):
    start: int
    stop: int


def serve_index(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    log: Callable[[str], None] | None = None,
) -> IndexServer:
    """A server for the index in `folder`, listening but not yet answering; port 0 takes a free one.

    `log` gets one line per request.  Raises SourceError where `folder` is no index, UsageError
    where the address cannot be had.
    """
    root = folder.resolve()
    below = next((part for part in ("simple/", "") if (root / part / "index.html").is_file()), None)
    if below is None:
        raise SourceError(
            f"`{folder}` is no index",
            context=("it has neither `simple/index.html` nor `index.html`",),
            hint=f"make one with `vinstall index build {folder}`",
        )
    try:
        return IndexServer(root, below, host, port, log)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot listen on `{host}:{port}`", context=(str(error),)) from error


class IndexServer(ThreadingHTTPServer):
    """Answers requests in threads of its own between `with` and its end, or in `serve_forever()`."""

    daemon_threads = True

    def __init__(
        self, root: Path, below: str, host: str, port: int, log: Callable[[str], None] | None
    ) -> None:
        self.root = root
        self.below = below
        self.log = log
        self._host = host
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Of the index, as `--index-url` wants it; with a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.server_address[1]}/{self.below}"

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Answer in the background; gives the URL of the index."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self.url
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Log what went wrong; a client that goes away in the middle of an answer is no news."""
        error = sys.exc_info()[1]
        if self.log is not None and not isinstance(error, ConnectionError | TimeoutError):
            self.log(f"could not answer: {error!r}")


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: IndexServer
    server_version = "vinstall-development-server"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[int] = _SECONDS_WITHOUT_A_BYTE

    def do_GET(self) -> None:
        """Answer with a file, or a part of one."""
        self._answer()

    def do_HEAD(self) -> None:
        """The same without the bytes."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """One line per request, to whoever wants it."""
        if self.server.log is not None:
            text = format % args
            self.server.log("".join(c if c.isprintable() else "?" for c in text))

    # --- what is asked for ----------------------------------------------------------------------

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/" and self.server.below:
            return self._redirect(f"/{self.server.below}")
        full = self._file(path)
        if full is None:
            return self._refuse(HTTPStatus.NOT_FOUND)
        if full.is_dir():
            return self._answer_page(path, full)
        if full.is_file():
            return self._send(
                full, mimetypes.types_map.get(full.suffix, "application/octet-stream")
            )
        return self._redirect_or_refuse(path)

    def _file(self, path: str) -> Path | None:
        """The file below the root that `path` stands for; None for what is not to be had."""
        parts = path.split("/")[1:]
        if not path.startswith("/") or any(c in path for c in "\\\0:"):
            return None
        if any(part.startswith(".") for part in parts) or "" in parts[:-1]:
            return None
        full = self.server.root.joinpath(*parts)
        try:
            full.exists()  # a name no file system takes is an error, not an absence
            inside = full.resolve().is_relative_to(self.server.root)
        except (OSError, RuntimeError):
            return None
        return full if inside else None

    def _redirect_or_refuse(self, path: str) -> None:
        """PEP 503: other spellings of a project's name lead to the normalized one."""
        prefix = f"/{self.server.below}"
        name = path.removeprefix(prefix).rstrip("/")
        normal = canonicalize_name(name)
        known = (self.server.root / self.server.below / normal).is_dir()
        if path.startswith(prefix) and "/" not in name and normal != name and known:
            self._redirect(f"{prefix}{normal}/")
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _answer_page(self, path: str, folder: Path) -> None:
        if not path.endswith("/"):
            return self._redirect(path + "/")
        offers = [(kind, folder / name) for kind, name in _OFFERS if (folder / name).is_file()]
        if not offers:
            return self._refuse(HTTPStatus.NOT_FOUND)
        chosen = negotiate(self.headers.get("Accept", ""), tuple(kind for kind, _ in offers))
        if chosen is None:
            return self._refuse(HTTPStatus.NOT_ACCEPTABLE)
        return self._send(dict(offers)[chosen], _ANSWERED_AS.get(chosen, chosen), varies=True)

    # --- answers --------------------------------------------------------------------------------

    def _redirect(self, path: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", quote(path))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self, status: HTTPStatus, *headers: tuple[str, str]) -> None:
        body = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send(self, path: Path, kind: str, *, varies: bool = False) -> None:
        facts = path.stat()
        packed = (
            path.name in _COMPRESSED
            and "Range" not in self.headers
            and negotiate(self.headers.get("Accept-Encoding") or "identity", ("gzip",)) is not None
        )
        tag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}{"-gzip" if packed else ""}"'
        headers = {
            "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
            "ETag": tag,
            "Last-Modified": formatdate(facts.st_mtime, usegmt=True),
            "Cache-Control": "no-cache",
            "Accept-Ranges": "bytes",
            "Vary": "Accept, Accept-Encoding" if varies else "Accept-Encoding",
        }
        if self._unchanged(tag, headers["Last-Modified"]):
            return self._begin(HTTPStatus.NOT_MODIFIED, headers)
        if packed:
            return self._send_packed(path, headers)
        return self._send_plain(path, headers, facts.st_size)

    def _unchanged(self, tag: str, modified: str) -> bool:
        """RFC 9110, 13.2.2: entity tags first, the date only where there are none."""
        wanted = self.headers.get("If-None-Match")
        if wanted is not None:
            return wanted.strip() == "*" or tag in [
                t.strip().removeprefix("W/") for t in wanted.split(",")
            ]
        return self.headers.get("If-Modified-Since") == modified

    def _begin(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_packed(self, path: Path, headers: dict[str, str]) -> None:
        body = gzip.compress(path.read_bytes(), 6, mtime=0)
        more = {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
        self._begin(HTTPStatus.OK, headers | more)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_plain(self, path: Path, headers: dict[str, str], size: int) -> None:
        span = self._span(size, headers["ETag"], headers["Last-Modified"])
        if span is not None and span.start >= span.stop:
            unsatisfied = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            self._refuse(unsatisfied, ("Content-Range", f"bytes */{size}"))
            return
        status, start, stop = HTTPStatus.OK, 0, size
        if span is not None:
            status, start, stop = HTTPStatus.PARTIAL_CONTENT, span.start, span.stop
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        self._begin(status, headers | {"Content-Length": str(stop - start)})
        if self.command != "HEAD":
            with path.open("rb") as file:
                file.seek(start)
                self._copy(file, stop - start)

    def _copy(self, file: IO[bytes], left: int) -> None:
        while left:
            chunk = file.read(min(_CHUNK, left))
            if not chunk:  # it became shorter: the length promised cannot be kept
                self.close_connection = True
                return
            self.wfile.write(chunk)
            left -= len(chunk)

    def _span(self, size: int, tag: str, modified: str) -> _Span | None:
        """The one range asked for; None for the whole file; empty for one that cannot be had."""
        match = _RANGE.fullmatch(self.headers.get("Range", "").strip())
        wanted = self.headers.get("If-Range")
        if match is None or wanted not in (None, tag, modified) or not (match[1] or match[2]):
            return None
        if not match[1]:
            return _Span(max(0, size - int(match[2])), size if int(match[2]) else 0)
        stop = min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < int(match[1]):
            return None  # RFC 9110, 14.1.1: an invalid range is ignored
        return _Span(int(match[1]), stop)


def negotiate(header: str, offers: tuple[str, ...]) -> str | None:
    """Which of `offers` an Accept or Accept-Encoding header likes best; None where it likes none.

    RFC 9110, 12.5: the most specific pattern counts for each offer, a higher `q` wins, and among
    equals the earlier offer.  An empty header likes everything.
    """
    wanted: dict[str, float] = {}
    for item in header.split(","):
        pattern, *parameters = (part.strip().lower() for part in item.split(";"))
        if pattern:
            wanted[pattern] = _quality(parameters)
    if not wanted:
        return offers[0]
    rated = []
    for place, offer in enumerate(offers):
        kind = offer.partition("/")[0]
        quality = next((wanted[p] for p in (offer, f"{kind}/*", "*/*", "*") if p in wanted), 0.0)
        rated.append((-quality, place))
    best, place = min(rated)
    return offers[place] if best < 0 else None


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return max(0.0, min(1.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
