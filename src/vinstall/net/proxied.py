"""Proxied: connections through proxies, by httpx.  The door to httpx; import this lazily (60 ms).

httpx's transports are used and not its client: that one would keep cookies, look into redirects
and read the environment, all of which is decided elsewhere here.
"""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping

from vinstall.errors import NetworkError
from vinstall.net.answer import Fault, Stage
from vinstall.net.network_settings import NetworkSettings
from vinstall.net.proxies import ProxyRules
from vinstall.net.redaction import redact

# httpx imports its own command line, with click and rich, whenever those are installed: 45 ms.
_blocked = "httpx" not in sys.modules
if _blocked:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
import httpx  # noqa: E402

if _blocked:
    sys.modules.pop("httpx._main", None)

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30.0)


class Proxied:
    """One httpx transport for each proxy and TLS context, made when the first URL needs it."""

    def __init__(
        self,
        settings: NetworkSettings,
        context: Callable[[str], ssl.SSLContext],
        rules: ProxyRules,
    ) -> None:
        """`context` gives the TLS context for a URL; the same one for the same kind of trust."""
        self._context = context
        self._rules = rules
        self._extensions = {"timeout": httpx.Timeout(settings.timeout, pool=None).as_dict()}
        self._lock = threading.Lock()
        self._transports: dict[tuple[str | None, int], httpx.HTTPTransport] = {}

    def send(self, url: str, headers: Mapping[str, str]) -> ProxiedAnswer:
        """The answer to one GET.  Raises Fault; NetworkError for a proxy that is none."""
        try:
            request = httpx.Request("GET", url, headers=headers, extensions=self._extensions)
        except (httpx.InvalidURL, ValueError) as error:
            raise Fault(Stage.ASKING, str(error)) from error
        try:
            return ProxiedAnswer(self._transport(url).handle_request(request))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _fault(error) from error

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()

    def _transport(self, url: str) -> httpx.HTTPTransport:
        proxy, context = self._rules.proxy_for(url), self._context(url)
        key = proxy, id(context)
        transport = self._transports.get(key)
        if transport is None:
            with self._lock:
                transport = self._transports.get(key) or self._open(proxy, context)
                self._transports[key] = transport
        return transport

    def _open(self, proxy: str | None, context: ssl.SSLContext) -> httpx.HTTPTransport:
        if proxy is None:
            return httpx.HTTPTransport(verify=context, limits=_LIMITS)
        own = self._context(proxy) if proxy.startswith("https:") else None
        try:
            through = httpx.Proxy(proxy, ssl_context=own)
            return httpx.HTTPTransport(verify=context, limits=_LIMITS, proxy=through)
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise NetworkError(
                f"the proxy `{redact(proxy)}` cannot be used",
                context=(redact(str(error)),),
                hint="a proxy is written `http://user:password@host:port`; "
                "for `socks5://` the package `socksio` is needed",
            ) from error


class ProxiedAnswer:
    """An answer of httpx."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in response.headers.items()
        }

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the body as they were sent.  Raises Fault where it breaks off."""
        try:
            yield from self._response.iter_raw()
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise _fault(error) from error

    def close(self) -> None:
        """Done with it."""
        self._response.close()


def _fault(error: Exception) -> Fault:
    if isinstance(error, httpx.ProxyError):
        return Fault(Stage.PROXY, str(error))
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Fault(Stage.CONNECTING, str(error))
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Fault(Stage.ASKING, str(error))
    return Fault(Stage.TALKING, str(error) or type(error).__name__)
