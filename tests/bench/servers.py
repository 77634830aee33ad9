"""nginx over the mirror, and what slows it down, all on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
_TTFB = 0.020
_CONFIGURATION = """
daemon off; pid {run}/nginx.pid; error_log {run}/error.log; worker_processes 2;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 75;
    keepalive_requests 100000; gzip_static on; gzip_vary on; etag on;
    default_type application/octet-stream;
    types {{ application/vnd.pypi.simple.v1+json json; text/html html; }}
    client_body_temp_path {run}/t1; proxy_temp_path {run}/t2; fastcgi_temp_path {run}/t3;
    uwsgi_temp_path {run}/t4; scgi_temp_path {run}/t5;
    map $http_accept $form {{ default html; "~application/vnd.pypi.simple.v1\\+json" json; }}
    upstream later {{ server 127.0.0.1:{later}; keepalive 64; }}
    server {{ listen 127.0.0.1:{plain}; root {www}; {pages} }}
    server {{
        listen 127.0.0.1:{slow} ssl http2; root {www}; auth_request /later;
        ssl_certificate {run}/leaf.pem; ssl_certificate_key {run}/leaf.key;
        ssl_session_cache shared:s:1m;
        location = /later {{
            internal; proxy_pass http://later; proxy_http_version 1.1;
            proxy_set_header Connection ""; proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }}
        {pages}
    }}
}}
"""
_PAGES = """
location ~ ^/simple/(?<project>[^/]+)/$ {
    try_files /simple/$project/index.$form =404; add_header Cache-Control "max-age=600"; add_header Vary Accept;
}
location /files/ { add_header Cache-Control "max-age=31536000, immutable"; }
location ~ ^/files/.*-variants\\.json$ { types { } default_type application/json; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the mirror is served."""

    plain: str
    """URLs of indexes; this one without any delay or limit."""
    slow: str
    """TLS, 20 ms to the first byte."""
    each_20: str
    """20 MB/s for each connection."""
    each_5: str
    link_100: str
    """100 MB/s for all connections together."""
    bad_ranges: str
    """100 MB/s; parts of files at 10 MB/s, after 0.3 s."""
    authority: Path
    """The certificate to trust for `slow`."""


@contextlib.contextmanager
def serving(www: Path, run: Path) -> Iterator[Servers]:
    """Serve `www` for the length of the `with` block; `run` is a folder for what servers write."""
    run.mkdir(parents=True, exist_ok=True)
    authority = _certificates(run)
    ports = _free_ports(7)
    plain, slow, later, *paced = ports
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    configuration = _CONFIGURATION.format(
        run=run, www=www, later=later, plain=plain, slow=slow, user=user, pages=_PAGES
    )
    (run / "nginx.conf").write_text(configuration)
    limits = ((20 * MB, 0, 0), (5 * MB, 0, 0), (0, 100 * MB, 0), (100 * MB, 0, 10 * MB))
    pacing = [sys.executable, "-m", "tests.bench.pacing"]
    commands: list[Sequence[str]] = [
        [_nginx(), "-p", str(run), "-c", str(run / "nginx.conf")],
        [*pacing, "later", str(later), str(_TTFB)],
        *(
            [*pacing, "proxy", str(port), str(plain), *map(str, limit)]
            for port, limit in zip(paced, limits, strict=True)
        ),
    ]
    with contextlib.ExitStack() as stack:
        for command in commands:
            stack.enter_context(_running(command))
        for port in ports:
            _wait_for(port)
        plain_url, *paced_urls = (f"http://127.0.0.1:{port}/simple/" for port in (plain, *paced))
        yield Servers(
            plain=plain_url,
            slow=f"https://localhost:{slow}/simple/",
            each_20=paced_urls[0],
            each_5=paced_urls[1],
            link_100=paced_urls[2],
            bad_ranges=paced_urls[3],
            authority=authority,
        )


def is_there() -> bool:
    """Whether there is an nginx to serve with."""
    return bool(_nginx()) and shutil.which("openssl") is not None


def _nginx() -> str:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or ""


@contextlib.contextmanager
def _running(command: Sequence[str]) -> Iterator[None]:
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers on port {port}")


def _certificates(run: Path) -> Path:
    """An authority of our own and a certificate for `localhost`."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=run, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    (run / "leaf.ext").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
    )
    openssl(
        "req", "-x509", *new, "-days", "7", "-subj", "/CN=vinstall bench",
        "-keyout", "ca.key", "-out", "ca.pem",
    )  # fmt: skip
    openssl("req", *new, "-subj", "/CN=localhost", "-keyout", "leaf.key", "-out", "leaf.csr")
    openssl(
        "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "7",
        "-CAcreateserial", "-extfile", "leaf.ext", "-out", "leaf.pem",
    )  # fmt: skip
    return run / "ca.pem"
