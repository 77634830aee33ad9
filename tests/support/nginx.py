"""nginx(): the real web server in front of a folder, on loopback."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_CONFIGURATION = """
daemon off;
pid {work}/nginx.pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    types {{ text/html html; application/json json; application/zip whl; }}
    default_type application/octet-stream;
    access_log {work}/access.log;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    gzip on;
    gzip_min_length 0;
    server {{
        listen 127.0.0.1:{port}{tls};
        root {root};
        {more}
    }}
}}
"""


def free_port() -> int:
    """A port of loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], *, seconds: float = 120.0) -> None:
    """Return once something listens on `port`; fails the test if `process` ends before."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if process.poll() is not None:
            pytest.fail(f"the server ended at once with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    pytest.fail(f"nothing listens after {seconds} seconds")


@contextlib.contextmanager
def running(process: subprocess.Popen[bytes], port: int) -> Iterator[None]:
    """A server process, from when it listens to the end of the `with` block."""
    try:
        wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def nginx(
    root: Path, work: Path, *, auth: tuple[str, str] | None = None, certificate: Path | None = None
) -> Iterator[str]:
    """The URL of nginx serving `root`, without a slash at the end; skips where there is none.

    `work` is an empty folder for its own files; `auth` is basic authentication for everything;
    `certificate` is a PEM file with certificate and key for TLS.
    """
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: `apt-get install nginx-light`)")
    port = free_port()
    more = ""
    if auth is not None:
        (work / "users").write_text(f"{auth[0]}:{{PLAIN}}{auth[1]}\n")
        more += f'auth_basic "tests"; auth_basic_user_file {work}/users;'
    if certificate is not None:
        more += f"ssl_certificate {certificate}; ssl_certificate_key {certificate};"
    configuration = work / "nginx.conf"
    tls = " ssl" if certificate is not None else ""
    configuration.write_text(
        _CONFIGURATION.format(work=work, port=port, root=root, more=more, tls=tls)
    )
    for path in (root, work, *work.parents):  # its worker may be another user
        with contextlib.suppress(PermissionError):
            path.chmod(path.stat().st_mode | 0o055)
    process = subprocess.Popen(
        [program, "-p", str(work), "-c", str(configuration)], stderr=subprocess.DEVNULL
    )
    with running(process, port):
        yield f"{'http' if certificate is None else 'https'}://127.0.0.1:{port}"
