"""proxying(): a forward proxy on loopback that may want a password; plain requests and tunnels."""

from __future__ import annotations

import base64
import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import urlsplit


class Proxy:
    """A running proxy; `targets` grows as clients ask."""

    def __init__(self, login: tuple[str, str] | None) -> None:
        self.login = login
        self.url = ""
        """Without user and password."""
        self.targets: list[str] = []
        """`CONNECT host:port`, or the URL of a plain request; refused ones are not in it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is printed."""

    def do_CONNECT(self) -> None:
        if not self._admitted(f"CONNECT {self.path}"):
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as target:
            self.send_response(200, "Connection established")
            self.end_headers()
            _relay(self.connection, target)
        self.close_connection = True

    def do_GET(self) -> None:
        if not self._admitted(self.path):
            return
        parts = urlsplit(self.path)
        connection = HTTPConnection(parts.hostname or "", parts.port or 80)
        headers = {
            name: value for name, value in self.headers.items() if "proxy" not in name.lower()
        }
        connection.request(
            "GET", parts.path + (f"?{parts.query}" if parts.query else ""), None, headers
        )
        response = connection.getresponse()
        body = response.read()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    def _admitted(self, target: str) -> bool:
        proxy = cast(_ProxyServer, self.server).proxy
        expected = None
        if proxy.login is not None:
            expected = "Basic " + base64.b64encode(":".join(proxy.login).encode()).decode()
        if expected is None or self.headers.get("Proxy-Authorization") == expected:
            proxy.targets.append(target)
            return True
        self.send_response(407)
        self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False


class _ProxyServer(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away early is no fault of the proxy's."""


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side has closed."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                data = cast(socket.socket, key.fileobj).recv(65536)
                if not data:
                    return
                cast(socket.socket, key.data).sendall(data)


@contextlib.contextmanager
def proxying(*, login: tuple[str, str] | None = None) -> Iterator[Proxy]:
    """A proxy for the length of the `with` block."""
    proxy = Proxy(login)
    with _ProxyServer(("127.0.0.1", 0), _Handler) as listener:
        listener.proxy = proxy
        proxy.url = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown()
            thread.join()
