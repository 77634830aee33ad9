"""Wire: one connection that speaks HTTP/1.1, for GET alone.  Spec: RFC 9112.

`http.client` reads the head of an answer with `email`: half the time of a small request, and
20 ms to load.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl

_HEAD = 64 * 1024
"""Bytes asked for where a head is expected."""
_BLOCK, _LEAST = 512 * 1024, 256 * 1024
"""Bytes handed on at a time: the most, and the least while more is to come.

TLS gives no more than 16 KiB at once; what comes faster than it is used has gathered.
"""
_MOST_HEAD = 256 * 1024
"""Bytes that the head of an answer may have."""
_MOST_LINE = 4096
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.([0-9]) +([1-9][0-9]{2})(?: .*)?")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_LENGTH = re.compile(r"[0-9]{1,18}")
_BODILESS = (204, 304)
_FORBIDDEN = re.compile("[\r\n\0]")


class BadAnswer(Exception):
    """What came is not HTTP, or is not complete."""


class Head(NamedTuple):
    """What comes before a body."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of several with one name the last."""
    length: int | None
    """Bytes of the body as they are sent; None where that shows at its end."""
    is_chunked: bool
    stays_open: bool
    """Whether the server will take another request."""


class Wire:
    """A connection.  One answer at a time: its body is read to its end before the next request."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout: float,
        context: ssl.SSLContext | None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        """Connects.  `context` None: without TLS.  Raises OSError, or UnicodeError for the host.

        `session` is that of another connection to the same server with the same context: half the
        work of a handshake, and a round trip less with TLS 1.2.
        """
        self._host = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
        if port != (80 if context is None else 443):
            self._host += f":{port}"
        self._socket = socket.create_connection((host, port), timeout)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                self._socket = context.wrap_socket(
                    self._socket, server_hostname=host, session=session
                )
        except BaseException:
            self._socket.close()
            raise
        self._rest = b""
        """What was received and not yet used."""
        self.is_reusable = False
        """Whether the last answer was read to its end, and the server takes another request."""

    @property
    def session(self) -> ssl.SSLSession | None:
        """What another connection to this server can begin with; None without TLS."""
        session: ssl.SSLSession | None = getattr(self._socket, "session", None)
        return session

    @property
    def is_resumed(self) -> bool:
        """Whether the server went on with the session that this began with."""
        return bool(getattr(self._socket, "session_reused", False))

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def ask(self, target: str, headers: Mapping[str, str]) -> None:
        """Send a request.  Raises ValueError for headers that cannot be sent, or OSError."""
        self.is_reusable = False
        lines = [f"GET {target} HTTP/1.1", f"Host: {self._host}"]
        for name, value in headers.items():
            if _FORBIDDEN.search(name) or _FORBIDDEN.search(value):
                raise ValueError(f"the header `{ascii(name)[1:-1]}` has a line end in it")
            lines.append(f"{name}: {value}")
        self._socket.sendall("\r\n".join((*lines, "\r\n")).encode("latin-1"))

    def read_head(self) -> Head:
        """The head of the answer.  Raises BadAnswer, or OSError, with ConnectionError for none."""
        while True:
            head = _parse_head(self._receive_head())
            if head.status >= 200:
                return head

    def read_body(self, head: Head) -> Iterator[bytes | memoryview]:
        """The body as it is sent.  Raises BadAnswer where it breaks off, or OSError.

        Each part is there until the next one is asked for.
        """
        if head.is_chunked:
            yield from self._read_chunked()
        elif head.length is None:
            while data := self._take():
                yield data
            return
        else:
            yield from self._read(head.length)
        self.is_reusable = head.stays_open and not self._rest

    # --- bytes --------------------------------------------------------------------------------

    def _receive_head(self) -> bytes:
        data = self._rest
        while (end := _HEAD_END.search(data)) is None:
            if not b"HTTP/".startswith(data[:5]) or len(data) > _MOST_HEAD:
                break
            more = self._socket.recv(_HEAD)
            if not more:
                if not data:
                    raise ConnectionResetError("Remote end closed connection without response")
                break
            data += more
        if end is None or not data.startswith(b"HTTP/"):
            line = data[:100].partition(b"\n")[0].strip()
            raise BadAnswer(line.decode("latin-1"))
        self._rest = data[end.end() :]
        return data[: end.start()]

    def _take(self) -> bytes:
        """Some bytes, at least one; none at the end of the connection."""
        data, self._rest = self._rest, b""
        return data or self._socket.recv(_LEAST)

    def _read(self, length: int) -> Iterator[memoryview]:
        """Exactly `length` bytes; each part is overwritten by the next."""
        buffer = memoryview(bytearray(min(length, _BLOCK)))
        while length:
            count, failure = self._fill(buffer[:length])
            if count:
                length -= count
                yield buffer[:count]
            if failure is not None:
                raise failure
            if not count:
                raise BadAnswer(f"{length} bytes are missing")

    def _fill(self, buffer: memoryview) -> tuple[int, OSError | None]:
        """Receive into `buffer`; how many bytes, and what kept them from being `_LEAST`."""
        begin = self._rest[: len(buffer)]
        self._rest = self._rest[len(begin) :]
        count = len(begin)
        buffer[:count] = begin
        try:
            while count < min(_LEAST, len(buffer)):
                more = self._socket.recv_into(buffer[count:])
                if not more:
                    break
                count += more
        except OSError as error:
            return count, error
        return count, None

    def _read_chunked(self) -> Iterator[memoryview]:
        """RFC 9112, 7.1."""
        while True:
            match = _CHUNK_SIZE.fullmatch(self._line())
            if match is None:
                raise BadAnswer("a chunk of the body has no size")
            size = int(match[1], 16)
            if size == 0:
                break
            yield from self._read(size)
            if self._line():
                raise BadAnswer("a chunk of the body is longer than it should be")
        total = 0
        while line := self._line():  # trailers
            total += len(line)
            if total > _MOST_HEAD:
                raise BadAnswer("there is no end to what follows the body")

    def _line(self) -> bytes:
        """The next line without its end."""
        data = self._rest
        while (end := data.find(b"\n")) < 0:
            more = self._socket.recv(_HEAD) if len(data) <= _MOST_LINE else b""
            if not more:
                raise BadAnswer("a chunk of the body is not complete")
            data += more
        self._rest = data[end + 1 :]
        return data[:end].removesuffix(b"\r")


def _parse_head(data: bytes) -> Head:
    first, *lines = data.split(b"\n")
    match = _STATUS.fullmatch(first.rstrip())
    if match is None:
        raise BadAnswer(first[:100].strip().decode("latin-1"))
    headers = _parse_headers(lines)
    status = int(match[2])
    coding = headers.get("transfer-encoding", "").lower()
    is_chunked = coding.rpartition(",")[2].strip() == "chunked"
    length = None
    if status in _BODILESS:
        length, is_chunked = 0, False
    elif not coding and "content-length" in headers:
        given = headers["content-length"]
        if _LENGTH.fullmatch(given) is None:
            raise BadAnswer(f"its length is given as `{ascii(given)[1:-1][:40]}`")
        length = int(given)
    wishes = [word.strip() for word in headers.get("connection", "").lower().split(",")]
    stays_open = "close" not in wishes and (match[1] != b"0" or "keep-alive" in wishes)
    return Head(status, headers, length, is_chunked, stays_open)


def _parse_headers(lines: list[bytes]) -> dict[str, str]:
    """Names in lower case; folded values are joined.  Raises BadAnswer for two lengths."""
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.decode("latin-1").rstrip("\r\n")
        if text[:1] in (" ", "\t"):
            if name:
                headers[name] += f" {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon:
            name = ""
            continue
        if name == "content-length" and headers.get(name, value) != value:
            raise BadAnswer("its length is given twice")
        headers[name] = value
    return headers
