"""Pool: connections to each server by its way.  The door to httpx; import this lazily (60 ms).

httpx's transports are used and not its client: that one would keep cookies, look into redirects
and read the environment, all of which is decided elsewhere here, and takes a third of the time of
a small request.
"""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Callable, Mapping

from vinstall import __version__
from vinstall.errors import NetworkError
from vinstall.net.address import parse_origin
from vinstall.net.proxies import ProxyRules
from vinstall.net.redaction import redact
from vinstall.net.settings import NetworkSettings
from vinstall.net.tls import trustful_context, trusting_context

# httpx imports its own command line, with click and rich, whenever those are installed: 45 ms.
_blocked = "httpx" not in sys.modules
if _blocked:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
import httpx as httpx  # noqa: E402

if _blocked:
    sys.modules.pop("httpx._main", None)

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30.0)


class Pool:
    """One transport for each proxy and kind of trust, made when the first URL needs it.

    Thread-safe, as httpx's own transports are.  Authorities are not loaded for plain HTTP.
    """

    def __init__(
        self,
        settings: NetworkSettings,
        *,
        rules: ProxyRules,
        environ: Mapping[str, str],
    ) -> None:
        self._rules = rules
        self._settings = settings
        self._trusted_hosts = frozenset(host.lower() for host in settings.trusted_hosts)
        self._environ = environ
        self._lock = threading.Lock()
        self._transports: dict[tuple[str | None, str], httpx.HTTPTransport] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._extensions = {"timeout": httpx.Timeout(settings.timeout, pool=None).as_dict()}
        python = ".".join(map(str, sys.version_info[:3]))
        self._headers = {
            "User-Agent": f"vinstall/{__version__} {sys.implementation.name}/{python}",
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
        }

    def send(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        """The answer to one GET; its body is still to be read, and it is to be closed."""
        request = httpx.Request(
            "GET", url, headers=self._headers | dict(headers), extensions=self._extensions
        )
        key = self._rules.proxy_for(url), self._kind(url)
        transport = self._transports.get(key)
        if transport is None:
            with self._lock:
                transport = self._transports.get(key) or self._open(*key)
                self._transports[key] = transport
        return transport.handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()

    def _kind(self, url: str) -> str:
        origin = parse_origin(url)
        if origin.scheme == "http":
            return "plain"
        trusted = {origin.host, f"{origin.host}:{origin.port}"} & self._trusted_hosts
        return "trustful" if trusted else "trusting"

    def _open(self, proxy: str | None, kind: str) -> httpx.HTTPTransport:
        context = self._context(kind)
        if proxy is None:
            return httpx.HTTPTransport(verify=context, limits=_LIMITS)
        own = self._context("trusting") if proxy.startswith("https:") else None
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

    def _context(self, kind: str) -> ssl.SSLContext:
        makers: Mapping[str, Callable[[], ssl.SSLContext]] = {
            "plain": lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            "trustful": lambda: trustful_context(self._settings.trust),
            "trusting": lambda: trusting_context(self._settings.trust, self._environ),
        }
        if kind not in self._contexts:
            self._contexts[kind] = makers[kind]()
        return self._contexts[kind]
