"""TLS contexts: whose certificates are believed."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vinstall.errors import UsageError

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSettings:
    """What the user said about certificates."""

    cert: Path | None = None
    """A file or folder of authorities that replaces the system's."""
    client_cert: Path | None = None
    """A PEM file with our own certificate and key."""


def trusting_context(settings: TrustSettings, environ: Mapping[str, str]) -> ssl.SSLContext:
    """The context for ordinary connections.  Loading the authorities takes 30 to 40 ms.

    Authorities: `--cert`, else the file of a variable that pip and curl honour, else the
    system's own store.  Raises UsageError for a file that is none.
    """
    bundle = settings.cert or _named_bundle(environ)
    context = _system_context() if bundle is None else _bundle_context(bundle)
    _load_client_cert(context, settings.client_cert)
    return context


def trustful_context(settings: TrustSettings) -> ssl.SSLContext:
    """The context for `--trusted-host`: whoever answers is believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _load_client_cert(context, settings.client_cert)
    return context


def _named_bundle(environ: Mapping[str, str]) -> Path | None:
    named = next((environ[name] for name in _BUNDLE_VARIABLES if environ.get(name)), None)
    return Path(named) if named else None


def _bundle_context(bundle: Path) -> ssl.SSLContext:
    try:
        if bundle.is_dir():
            return ssl.create_default_context(capath=str(bundle))
        return ssl.create_default_context(cafile=str(bundle))
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"`{bundle}` holds no certificates that can be read",
            context=(str(error),),
            hint="give `--cert` a file of certificates in PEM form",
        ) from error


def _system_context() -> ssl.SSLContext:
    """The system's store: by truststore where the system verifies itself, else loaded once.

    On other systems truststore would load the whole file anew for each connection (20 ms).
    """
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
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"`{path}` is no client certificate that can be read",
            context=(str(error),),
            hint="give `--client-cert` a PEM file with the certificate and its private key",
        ) from error
