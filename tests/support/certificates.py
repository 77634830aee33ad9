"""A private certificate authority for tests, made with the `openssl` program."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An authority, a server certificate for loopback, and a client certificate, as PEM files."""

    certificate: Path
    server: Path
    """Certificate and key, for `localhost` and 127.0.0.1."""
    client: Path
    """Certificate and key."""

    def server_context(self, *, client_needed: bool = False) -> ssl.SSLContext:
        """What a server uses; `client_needed` demands a client certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        if client_needed:
            context.load_verify_locations(self.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def make_authority(folder: Path) -> Authority:
    """A new authority with its files in `folder`; skips the test where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("the program `openssl` is not installed")
    key, certificate = folder / "authority.key", folder / "authority.pem"
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test authority",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout", str(key), "-out", str(certificate),
    )  # fmt: skip
    return Authority(
        certificate=certificate,
        server=_issue(folder, "server", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        client=_issue(folder, "client", "extendedKeyUsage=clientAuth"),
    )


def _issue(folder: Path, name: str, extension: str) -> Path:
    key, request, certificate = (folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
    # Python 3.13 checks as RFC 5280 has it (VERIFY_X509_STRICT).
    (folder / f"{name}.ext").write_text(f"{extension}\nauthorityKeyIdentifier=keyid\n")
    _openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
        "-keyout", str(key), "-out", str(request),
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", str(request), "-days", "2", "-out", str(certificate),
        "-CA", str(folder / "authority.pem"), "-CAkey", str(folder / "authority.key"),
        "-CAcreateserial", "-extfile", str(folder / f"{name}.ext"),
    )  # fmt: skip
    both = folder / f"{name}.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return both


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
