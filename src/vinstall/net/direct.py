"""Direct: our own connections to servers that are reached without a proxy.

A third of the processor time of httpx for a small request, and a tenth of the time to import.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from vinstall.net.address import Origin, parse_origin
from vinstall.net.answer import Fault, Stage
from vinstall.net.network_settings import NetworkSettings
from vinstall.net.wire import BadAnswer, Wire

if TYPE_CHECKING:
    import ssl

_IDLE_SECONDS = 30.0
_MOST_IDLE = 64
_RESUMES = sys.platform not in ("darwin", "win32")
"""There, truststore looks at the certificates, which a resumed connection does not send."""
_URL_CHARACTERS = "/%:@!$&'()*+,;=~-._?[]"


class _Idle(NamedTuple):
    since: float
    connection: Wire


class Direct:
    """A pool of connections by server.  Thread-safe: a connection belongs to one answer at a time."""

    def __init__(self, settings: NetworkSettings, context: Callable[[str], ssl.SSLContext]) -> None:
        """`context` gives the TLS context for a URL."""
        self._timeout = settings.timeout
        self._context = context
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[_Idle]] = defaultdict(list)
        self._sessions: dict[Origin, ssl.SSLSession] = {}
        """Of TLS; servers and contexts go together."""

    def send(self, url: str, headers: Mapping[str, str]) -> DirectAnswer:
        """The answer to one GET.  Raises Fault.

        A kept connection that the server has closed meanwhile is replaced by a new one.
        """
        origin, target = parse_origin(url), _target(url)
        connection = self._take(origin)
        if connection is not None:
            try:
                return self._ask(connection, target, headers, origin)
            except Fault as fault:
                connection.close()
                if not isinstance(fault.__cause__, ConnectionError):
                    raise
        connection = self._connect(url, origin)
        try:
            return self._ask(connection, target, headers, origin)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
            idle, self._idle = self._idle, defaultdict(list)
        for kept in idle.values():
            for _, connection in kept:
                connection.close()

    def give_back(self, origin: Origin, connection: Wire) -> None:
        """Keep a connection for the next request."""
        if _RESUMES and origin not in self._sessions:
            session = connection.session  # a copy: a third of what a small request takes
            if session is not None:
                self._sessions[origin] = session
        with self._lock:
            kept = self._idle[origin]
            if len(kept) < _MOST_IDLE:
                kept.append(_Idle(time.monotonic(), connection))
                return
        connection.close()

    def _take(self, origin: Origin) -> Wire | None:
        """The connection that was used last; those that are old are closed."""
        with self._lock:
            kept = self._idle[origin]
            if kept and time.monotonic() - kept[-1].since < _IDLE_SECONDS:
                return kept.pop().connection
            old, self._idle[origin] = kept, []
        for _, connection in old:
            connection.close()
        return None

    def _connect(self, url: str, origin: Origin) -> Wire:
        context = self._context(url) if origin.scheme == "https" else None
        session = self._sessions.get(origin)
        try:
            connection = Wire(
                origin.host,
                origin.port or 80,
                timeout=self._timeout,
                context=context,
                session=session,
            )
        except (OSError, UnicodeError) as error:
            raise Fault(Stage.CONNECTING, str(error)) from error
        if session is not None and not connection.is_resumed:
            self._sessions.pop(origin, None)  # too old for the server: the next one is kept
        return connection

    def _ask(
        self, connection: Wire, target: str, headers: Mapping[str, str], origin: Origin
    ) -> DirectAnswer:
        try:
            connection.ask(target, headers)
            return DirectAnswer(self, origin, connection)
        except ValueError as error:
            raise Fault(Stage.ASKING, str(error)) from error
        except (BadAnswer, OSError) as error:
            raise Fault(Stage.TALKING, str(error) or type(error).__name__) from error


class DirectAnswer:
    """An answer over one connection."""

    def __init__(self, pool: Direct, origin: Origin, connection: Wire) -> None:
        """Reads the head.  Raises BadAnswer or OSError."""
        self._pool = pool
        self._origin = origin
        self._connection: Wire | None = connection
        head = connection.read_head()
        self._body = connection.read_body(head)
        self.status = head.status
        self.headers = head.headers
        if head.length == 0:
            next(self._body, None)

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The bytes of the body as they were sent.  Raises Fault where it breaks off."""
        try:
            yield from self._body
        except (BadAnswer, OSError) as error:
            raise Fault(Stage.TALKING, str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Keep the connection if the body was read to its end, else close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.is_reusable:
            self._pool.give_back(self._origin, connection)
        else:
            connection.close()


def _target(url: str) -> str:
    """Path and query as they are sent; what may not stand there is quoted.

    Raises Fault for control characters.
    """
    if not url.isprintable():
        raise Fault(Stage.ASKING, "there is a control character in it")
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if target.isascii() and " " not in target:
        return target
    return quote(target, safe=_URL_CHARACTERS)
