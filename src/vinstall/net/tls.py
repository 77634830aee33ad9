"""TLS contexts: whose certificates are believed.  `ssl` is imported when a first one is made."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vinstall.errors import UsageError
from vinstall.net.address import parse_origin
from vinstall.net.network_settings import NetworkSettings
from vinstall.net.network_settings import TrustSettings as TrustSettings

if TYPE_CHECKING:
    import ssl

_BUNDLES = tuple(
    map(
        Path,
        (
            "/etc/ssl/cert.pem",  # Alpine, Arch, older Fedora, BSD
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
            "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
            "/etc/ssl/ca-bundle.pem",  # SUSE
        ),
    )
)
_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Contexts:
    """The TLS context for each URL, made when the first one needs it.  Thread-safe."""

    def __init__(self, settings: NetworkSettings, environ: Mapping[str, str]) -> None:
        self._trust = settings.trust
        self._trusted_hosts = frozenset(host.lower() for host in settings.trusted_hosts)
        self._environ = environ
        self._lock = threading.Lock()
        self._made: dict[str, ssl.SSLContext] = {}

    def for_url(self, url: str) -> ssl.SSLContext:
        """The context; one without authorities for plain HTTP, which costs nothing."""
        origin = parse_origin(url)
        if origin.scheme != "https":
            kind = "plain"
        elif {origin.host, f"{origin.host}:{origin.port}"} & self._trusted_hosts:
            kind = "trustful"
        else:
            kind = "trusting"
        with self._lock:
            if kind not in self._made:
                self._made[kind] = self._make(kind)
            return self._made[kind]

    def _make(self, kind: str) -> ssl.SSLContext:
        if kind == "trusting":
            return trusting_context(self._trust, self._environ)
        if kind == "trustful":
            return trustful_context(self._trust)
        import ssl

        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def trusting_context(trust: TrustSettings, environ: Mapping[str, str]) -> ssl.SSLContext:
    """The context for ordinary connections.  Loading the authorities takes 30 to 40 ms.

    Authorities: `trust.cert`, else the file of a variable that pip and curl honour, else the
    system's own store.  Raises UsageError for a file that is none.
    """
    bundle = trust.cert or _named_bundle(environ)
    context = _system_context() if bundle is None else _bundle_context(bundle)
    _load_client_cert(context, trust.client_cert)
    return context


def trustful_context(trust: TrustSettings) -> ssl.SSLContext:
    """The context for `--trusted-host`: whoever answers is believed."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _load_client_cert(context, trust.client_cert)
    return context


def _named_bundle(environ: Mapping[str, str]) -> Path | None:
    named = next((environ[name] for name in _BUNDLE_VARIABLES if environ.get(name)), None)
    return Path(named) if named else None


def _bundle_context(bundle: Path) -> ssl.SSLContext:
    import ssl

    try:
        if bundle.is_dir():
            return ssl.create_default_context(capath=str(bundle))
        return ssl.create_default_context(cafile=str(bundle))
    except OSError as error:
        raise UsageError(
            f"`{bundle}` holds no certificates that can be read",
            context=(str(error),),
            hint="give `--cert` a file of certificates in PEM form",
        ) from error


def _system_context() -> ssl.SSLContext:
    """The system's store: by truststore where the system verifies itself, else loaded once.

    On other systems truststore would load the whole file anew for each connection (20 ms).
    """
    import ssl

    if sys.platform in ("darwin", "win32"):
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    known = ssl.get_default_verify_paths()
    folder = Path(known.capath) if known.capath else None
    if known.cafile or (folder is not None and any(map(_is_hashed, folder.iterdir()))):
        return ssl.create_default_context()
    bundle = next((path for path in _BUNDLES if path.is_file()), None)
    if bundle is None:
        import certifi  # what httpx would use

        bundle = Path(certifi.where())
    return ssl.create_default_context(cafile=str(bundle))


def _is_hashed(path: Path) -> bool:
    """Whether a file in a folder of authorities is named as OpenSSL looks it up."""
    return path.suffix == ".0" and len(path.stem) == 8


def _load_client_cert(context: ssl.SSLContext, path: Path | None) -> None:
    if path is None:
        return
    try:
        context.load_cert_chain(str(path))
    except OSError as error:
        raise UsageError(
            f"`{path}` is no client certificate that can be read",
            context=(str(error),),
            hint="give `--client-cert` a PEM file with the certificate and its private key",
        ) from error
