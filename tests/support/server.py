"""serving(): a web server on loopback for tests, with the manners and faults of real ones.

    with serving({"/simple/demo/": page, "/files/demo.whl": wheel}) as server:
        ... server.url + "/simple/demo/" ...
        assert [request.path for request in server.requests] == ["/simple/demo/"]

    with serving(folder, ranges=False, auth=("user", "secret")) as server: ...

A route is the bytes of a page, a `Reply`, or a function from `Request` to `Reply`.  In a folder, a
path that ends in `/` stands for its `index.html`.  Everything else is a 404.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import gzip
import hashlib
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.parse import unquote

_TYPES = {".html": "text/html", ".json": "application/json", ".whl": "application/zip"}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    """As sent: quoted, with the query."""
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def range(self) -> str | None:
        """The `Range` header."""
        return self.headers.get("range")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer.  Ranges, validators and compression are added by the server's options."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before the first byte."""
    failures: int = 0
    """How many requests for this route are answered with `failure` before this reply is given."""
    failure: int = 503
    """The status of those answers."""
    cut: int | None = None
    """Where the connection breaks: after so many bytes of the body, for the first `failures` requests."""


def redirect(location: str, status: int = 302) -> Reply:
    """A reply that leads to `location`."""
    return Reply(status=status, headers={"Location": location})


Route = bytes | Reply | Callable[[Request], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    ranges: bool
    etag: bool
    last_modified: bool
    auth: tuple[str, str] | None
    compress: bool
    rate: float | None
    headers: Mapping[str, str]


class Server:
    """A running server; `requests` grows as clients ask, in the order of arrival."""

    def __init__(self, content: Mapping[str, Route] | Path, options: _Options) -> None:
        self.content = content
        self.options = options
        self.requests: list[Request] = []
        self.bytes_sent = 0
        self._answered: dict[str, int] = {}
        self._lock = threading.Lock()
        self.url = ""
        """Without a slash at the end."""

    @property
    def paths(self) -> list[str]:
        """The path of each request so far."""
        return [request.path for request in self.requests]

    def note(self, request: Request) -> int:
        """Record a request; how many came for the same path before."""
        with self._lock:
            self.requests.append(request)
            earlier = self._answered.get(request.path, 0)
            self._answered[request.path] = earlier + 1
            return earlier

    def count_bytes(self, count: int) -> None:
        """Record body bytes that were sent."""
        with self._lock:
            self.bytes_sent += count

    def find(self, request: Request) -> Reply:
        """The plain reply for a request."""
        path = request.path.partition("?")[0]
        if isinstance(self.content, Path):
            return self._from_folder(unquote(path))
        route = self.content.get(request.path, self.content.get(path))
        if route is None:
            return Reply(status=404, body=b"not here")
        if isinstance(route, bytes):
            route = Reply(body=route)
        return route if isinstance(route, Reply) else route(request)

    def _from_folder(self, path: str) -> Reply:
        assert isinstance(self.content, Path)
        file = (self.content / path.lstrip("/")).resolve()
        if path.endswith("/"):
            file /= "index.html"
        if not file.is_relative_to(self.content.resolve()) or not file.is_file():
            return Reply(status=404, body=b"not here")
        headers = {"Content-Type": _TYPES.get(file.suffix, "application/octet-stream")}
        return Reply(body=file.read_bytes(), headers=headers)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is printed."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        served = cast(_HttpServer, self.server).served
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=self.command, path=self.path, headers=headers)
        earlier = served.note(request)
        if not _is_allowed(request, served.options.auth):
            challenge = {"WWW-Authenticate": 'Basic realm="tests"'}
            self._send(Reply(status=401, headers=challenge), None)
            return
        reply = served.find(request)
        time.sleep(reply.delay)
        failing = earlier < reply.failures
        if failing and reply.cut is None:
            self._send(replace(reply, status=reply.failure, body=b"", cut=None), None)
            return
        self._send(_dress(reply, request, served.options), reply.cut if failing else None)

    def _send(self, reply: Reply, cut: int | None) -> None:
        served = cast(_HttpServer, self.server).served
        self.send_response(reply.status)
        headers = {"Content-Length": str(len(reply.body))} | dict(served.options.headers)
        for name, value in (headers | dict(reply.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD" or reply.status == 304:
            return
        body = reply.body if cut is None else reply.body[:cut]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            begun = time.monotonic()
            for start in range(0, len(body), 65536):
                part = body[start : start + 65536]
                self.wfile.write(part)
                served.count_bytes(len(part))
                if served.options.rate is not None:
                    due = begun + (start + len(part)) / served.options.rate
                    time.sleep(max(0.0, due - time.monotonic()))
            self.wfile.flush()
        if cut is not None:
            self.close_connection = True


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    served: Server

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away early is no fault of the server's."""


def _is_allowed(request: Request, auth: tuple[str, str] | None) -> bool:
    if auth is None:
        return True
    expected = base64.b64encode(":".join(auth).encode()).decode()
    return request.headers.get("authorization") == f"Basic {expected}"


def _dress(reply: Reply, request: Request, options: _Options) -> Reply:
    """The reply with validators, compressed or cut to the range asked for, as the options say."""
    if reply.status != 200:
        return reply
    body, headers = reply.body, dict(reply.headers)
    if options.etag:
        headers.setdefault("ETag", _etag(body))
    if options.last_modified:
        headers.setdefault("Last-Modified", email.utils.formatdate(1_700_000_000, usegmt=True))
    if _is_unchanged(request, headers):
        return Reply(status=304, headers=headers)
    if options.ranges:
        headers["Accept-Ranges"] = "bytes"
        if request.range is not None and _may_cut(request, headers):
            return _cut(request.range, body, headers)
    if options.compress and "gzip" in request.headers.get("accept-encoding", ""):
        return replace(
            reply, body=gzip.compress(body), headers=headers | {"Content-Encoding": "gzip"}
        )
    return replace(reply, headers=headers)


@lru_cache(maxsize=64)
def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _is_unchanged(request: Request, headers: Mapping[str, str]) -> bool:
    tag, since = request.headers.get("if-none-match"), request.headers.get("if-modified-since")
    if tag is not None:
        return tag == headers.get("ETag")
    return since is not None and since == headers.get("Last-Modified")


def _may_cut(request: Request, headers: Mapping[str, str]) -> bool:
    """RFC 9110, If-Range: the range is honoured only while the validator is the same."""
    validator = request.headers.get("if-range")
    return validator is None or validator in (headers.get("ETag"), headers.get("Last-Modified"))


def _cut(wanted: str, body: bytes, headers: dict[str, str]) -> Reply:
    match = _RANGE.fullmatch(wanted)
    if match is None:
        return Reply(body=body, headers=headers)
    size = len(body)
    if match[1]:
        start, end = int(match[1]), min(int(match[2] or size - 1), size - 1)
    else:
        start, end = max(size - int(match[2]), 0), size - 1
    if start > end or start >= size:
        return Reply(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Reply(status=206, body=body[start : end + 1], headers=headers)


@contextlib.contextmanager
def serving(
    content: Mapping[str, Route] | Path,
    *,
    ranges: bool = True,
    etag: bool = True,
    last_modified: bool = False,
    auth: tuple[str, str] | None = None,
    compress: bool = False,
    rate: float | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Server]:
    """A server for the length of the `with` block, on a free port of loopback.

    `auth` demands basic authentication for every path; `rate` is how many bytes a second each
    connection gets; `headers` are added to every reply;
    `tls` is a server context with its certificate loaded.
    """
    options = _Options(
        ranges=ranges,
        etag=etag,
        last_modified=last_modified,
        auth=auth,
        compress=compress,
        rate=rate,
        headers=headers or {},
    )
    served = Server(content, options)
    with _HttpServer((host, 0), _Handler) as listener:
        listener.served = served
        if tls is not None:
            listener.socket = tls.wrap_socket(
                listener.socket, server_side=True, do_handshake_on_connect=False
            )
        served.url = f"{'http' if tls is None else 'https'}://{host}:{listener.server_address[1]}"
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            listener.shutdown()
            thread.join()
