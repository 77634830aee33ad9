"""HttpClient: get, stream and range over shared pools of connections.

Threads share a client.  Redirects are followed here, so that no secret goes to another server and
nothing leads from the network into this machine.  What speaks HTTP is imported when the first
request is sent, not before.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from sys import implementation, version_info
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin

from vinstall import __version__
from vinstall.errors import FormatError, NetworkError
from vinstall.net.address import split_user
from vinstall.net.answer import Answer, Fault, Transport
from vinstall.net.credentials import Credentials, Login
from vinstall.net.network_settings import NetworkSettings as NetworkSettings
from vinstall.net.proxies import proxy_rules
from vinstall.net.redaction import redact
from vinstall.net.response import (
    OfflineError,
    Part,
    Refused,
    Response,
    TransferInterrupted,
    file_validator,
)
from vinstall.observer import Observer
from vinstall.pattern import pattern

if TYPE_CHECKING:
    from vinstall.net.tls import Contexts

_T = TypeVar("_T")

PAGE_LIMIT = 256 * 1024 * 1024
"""Bytes that `get` reads before it gives up on a page that does not end."""
_MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_UNAUTHORIZED = 401
_FIRST_WAIT = 0.3
_LONGEST_WAIT = 60.0
_DRAINED = 64 * 1024
_CONTENT_RANGE = pattern(r"bytes (\d+)-(\d+)/(\d+|\*)")
_HEADERS = {
    "User-Agent": f"vinstall/{__version__} {implementation.name}/"
    + ".".join(map(str, version_info[:3])),
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
}
_PACKED_FILES = (".gz", ".tgz", ".bz2", ".xz", ".zip", ".whl")


class Stream:
    """An answer whose bytes are still coming."""

    def __init__(self, answer: Answer, url: str, seconds: float) -> None:
        self._answer = answer
        self._seconds = seconds
        self.status = answer.status
        self.url = url
        """Where it comes from after redirects; without a user part."""
        self.headers = answer.headers
        """Names in lower case."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The bytes as they arrive.  Raises TransferInterrupted where the connection breaks.

        What is no `bytes` is there until the next part is asked for.

        They are left as they are, though a server may call the compression that is part of a
        file its encoding; only what was compressed against our wish is unpacked.
        """
        path = self.url.partition("?")[0]
        return self._read(raw=path.endswith(_PACKED_FILES) or self.status == 206)

    def content(self, limit: int) -> bytes:
        """The whole body, unpacked.  Raises NetworkError for more than `limit` bytes."""
        received = bytearray()
        for chunk in self._read(raw=False):
            received += chunk
            if len(received) > limit:
                raise NetworkError(
                    f"`{redact(self.url)}` sends more than {limit} bytes, which is refused"
                )
        return bytes(received)

    def close(self) -> None:
        """Done with it."""
        self._answer.close()

    @property
    def validator(self) -> str | None:
        """What tells this version of the file from others: a strong ETag, else Last-Modified."""
        return file_validator(self.headers)

    def _read(self, *, raw: bool) -> Iterator[bytes | memoryview]:
        encoding = self.headers.get("content-encoding", "")
        try:
            if raw or not encoding:
                yield from self._answer.chunks()
            else:
                from vinstall.net.encoding import unpacked

                yield from unpacked(self._answer.chunks(), encoding)
        except Fault as fault:
            raise _explain(fault, self.url, self._seconds) from fault
        except FormatError as error:
            raise NetworkError(error.message, context=(redact(self.url),)) from error


class HttpClient:
    """Asks web servers, politely and again where that helps."""

    def __init__(
        self,
        settings: NetworkSettings | None = None,
        *,
        credentials: Credentials | None = None,
        environ: Mapping[str, str] | None = None,
        observer: Observer | None = None,
        sleep: Callable[[float], None] = time.sleep,
        direct: bool = True,
    ) -> None:
        """`environ` is where proxies and bundles of authorities may be named; none if not given.

        `direct` False: httpx is used without a proxy, too.
        """
        self.settings = settings or NetworkSettings()
        self._environ = environ or {}
        self.credentials = credentials or Credentials(environ=self._environ)
        self._rules = proxy_rules(self.settings.proxy, self._environ)
        self._observer = observer or Observer()
        self._sleep = sleep
        self._lock = threading.Lock()
        self._direct = direct
        self._contexts: Contexts | None = None
        self._transports: dict[str, Transport] = {}
        self._waiting: list[Callable[[], None]] = []

    def before_request(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once, in whatever thread, just before the next request is sent."""
        self._waiting.append(tell)

    def get_ready(self, url: str) -> None:
        """Load what it takes to ask the server of `url`, authorities included; asks nobody.

        Raises UsageError for a file of authorities that is none.
        """
        import encodings.idna  # noqa: F401  names of servers go through it, with letters or without

        self._transport(url)
        if self._contexts is not None and url.lower().startswith("https:"):
            self._contexts.for_url(url)

    def close(self) -> None:
        """Close every connection; the client may be used again."""
        with self._lock:
            transports, self._transports = self._transports, {}
        for transport in transports.values():
            transport.close()

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        accepting: Collection[int] = (200,),
        limit: int = PAGE_LIMIT,
    ) -> Response:
        """The whole answer to a GET, its content unpacked.  One request, or more with redirects.

        Raises NetworkError for a status not in `accepting`, for more than `limit` bytes, and where
        the server stays out of reach; OfflineError without asking anyone when offline.
        """

        def once() -> Response:
            with contextlib.closing(self._open(url, headers or {}, accepting)) as stream:
                content = stream.content(limit)
            return Response(
                status=stream.status, url=stream.url, headers=stream.headers, content=content
            )

        return self._retrying(url, once)

    @contextlib.contextmanager
    def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        accepting: Collection[int] = (200,),
    ) -> Iterator[Stream]:
        """The answer to a GET for the length of the `with` block; compression is not asked for.

        Raises as `get` does until the answer begins.
        """
        wanted = {"Accept-Encoding": "identity"} | dict(headers or {})
        stream = self._retrying(url, lambda: self._open(url, wanted, accepting))
        with contextlib.closing(stream):
            yield stream

    def read_range(
        self, url: str, *, start: int | None = None, length: int, validator: str | None = None
    ) -> Part | None:
        """`length` bytes of a file from `start`, or its last `length` bytes where `start` is None.

        None where the server does not cut files (it answers with the whole one, which is not
        read), or where the file is no longer the one of `validator`.  A whole answer that is no
        longer than `length` is taken as it is.  One request.
        """
        span = f"-{length}" if start is None else f"{start}-{start + length - 1}"
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={span}"}
        if validator is not None:
            headers["If-Range"] = validator

        def once() -> Part | None:
            with contextlib.closing(self._open(url, headers, (200, 206, 416))) as stream:
                return _part(stream, start, length)

        return self._retrying(url, once)

    def _retrying(self, url: str, action: Callable[[], _T]) -> _T:
        """What `action` returns, after some more attempts if need be."""
        if self.settings.offline:
            raise OfflineError(
                f"`{redact(url)}` is not in the cache, and the network is not to be used",
                hint="run once without `--offline`",
            )
        for attempt in range(self.settings.retries):
            wait = 0.0
            try:
                return action()
            except _TryAgain as error:
                if error.wait > _LONGEST_WAIT:
                    raise error.error from None
                wait, reason = error.wait, error.error.message
            except TransferInterrupted as error:
                reason = error.message
            self._observer.detail(f"{reason}; asking again")
            self._sleep(max(wait, backoff_seconds(_FIRST_WAIT, attempt)))
        try:
            return action()
        except _TryAgain as error:
            raise error.error from None

    def _open(self, url: str, headers: Mapping[str, str], accepting: Collection[int]) -> Stream:
        """The answer to one GET after redirects, its body not yet read."""
        current = split_user(url)[0]
        for _ in range(_MAX_REDIRECTS + 1):
            stream = self._with_login(current, headers)
            location = stream.headers.get("location")
            if stream.status not in _REDIRECTS or not location:
                return _checked(stream, accepting)
            _drain(stream)
            current = _redirected(current, location)
        raise NetworkError(
            f"`{redact(url)}` leads through more than {_MAX_REDIRECTS} redirects",
            context=(f"the last one to {redact(current)}",),
        )

    def _with_login(self, url: str, headers: Mapping[str, str]) -> Stream:
        """The answer, after a second attempt with another login where the first one is refused."""
        login = self.credentials.for_url(url)
        stream = self._send(url, headers, login)
        if stream.status != _UNAUTHORIZED:
            return stream
        other = self.credentials.after_refusal(url)
        if other is None or other == login:
            return stream
        _drain(stream)
        return self._send(url, headers, other)

    def _send(self, url: str, headers: Mapping[str, str], login: Login | None) -> Stream:
        while self._waiting:
            with contextlib.suppress(IndexError):  # another thread was faster
                self._waiting.pop()()
        authorization = {"Authorization": login.header} if login is not None else {}
        try:
            answer = self._transport(url).send(url, {**_HEADERS, **headers, **authorization})
        except Fault as fault:
            raise _explain(fault, url, self.settings.timeout) from fault
        return Stream(answer, url, self.settings.timeout)

    def _transport(self, url: str) -> Transport:
        """The standard library's for a direct connection, httpx's for one through a proxy."""
        is_direct = self._direct and self._rules.proxy_for(url) is None
        kind = "direct" if is_direct else "proxied"
        transport = self._transports.get(kind)
        if transport is None:
            with self._lock:
                transport = self._transports.get(kind) or self._opened(kind)
                self._transports[kind] = transport
        return transport

    def _opened(self, kind: str) -> Transport:
        if self._contexts is None:
            from vinstall.net.tls import Contexts

            self._contexts = Contexts(self.settings, self._environ)
        if kind == "direct":
            from vinstall.net.direct import Direct

            return Direct(self.settings, self._contexts.for_url)
        from vinstall.net.proxied import Proxied

        return Proxied(self.settings, self._contexts.for_url, self._rules)


class _TryAgain(Exception):
    """A status that may pass; `wait` is how many seconds the server asks for."""

    def __init__(self, error: Refused, wait: float) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait


def _part(stream: Stream, start: int | None, length: int) -> Part | None:
    """The part in an answer, or None where it does not fit what was asked for."""
    if stream.status == 200:
        size = stream.headers.get("content-length", "")
        whole = size.isdigit() and int(size) <= length and not start
        if not whole or "content-encoding" in stream.headers:
            return None
        content = stream.content(length)
        return Part(start=0, content=content, total=len(content), validator=stream.validator)
    match = _CONTENT_RANGE.fullmatch(stream.headers.get("content-range", ""))
    if match is None or match[3] == "*" or stream.status == 416:
        return None
    first, last, total = map(int, match.groups())
    if start not in (None, first) or last - first >= length:
        return None
    content = stream.content(length)
    if len(content) != last - first + 1:
        return None
    return Part(start=first, content=content, total=total, validator=stream.validator)


def backoff_seconds(first: float, attempt: int) -> float:
    """How long to wait after a failed attempt, counted from 0: doubled each time, half of it by chance."""
    import random  # 3 ms

    return first * 2.0**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads; only web addresses do, and a user part in it is no login of ours."""
    try:
        target = split_user(urljoin(url, location))[0].partition("#")[0]
    except ValueError as error:  # half of an address in brackets
        raise NetworkError(f"`{redact(url)}` redirects to what is no URL") from error
    if not target.lower().startswith(("http://", "https://")):
        raise NetworkError(
            f"`{redact(url)}` redirects to `{redact(target)}`",
            hint="only addresses of the web are followed from the web",
        )
    return target


def _retry_after(value: str | None, now: float) -> float:
    """Seconds to wait, from a `Retry-After` header in either form (RFC 9110, 10.2.3)."""
    if value is None:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return 0.0


def _checked(stream: Stream, accepting: Collection[int]) -> Stream:
    """The answer, if its status is one of `accepting`."""
    if stream.status in accepting:
        return stream
    from vinstall.net.failures import refusal

    error = refusal(stream.status, stream.url)
    _drain(stream)
    if stream.status in _TRY_AGAIN:
        raise _TryAgain(error, _retry_after(stream.headers.get("retry-after"), time.time()))
    raise error


def _drain(stream: Stream) -> None:
    """Read what little is left, so that the connection can be used again."""
    size = stream.headers.get("content-length", "")
    if size.isdigit() and int(size) <= _DRAINED:
        with contextlib.suppress(NetworkError):
            stream.content(_DRAINED)
    stream.close()


def _explain(fault: Fault, url: str, seconds: float) -> NetworkError:
    from vinstall.net.failures import explain

    return explain(fault, url, seconds=seconds)
