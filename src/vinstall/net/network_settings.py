"""NetworkSettings, TrustSettings: how servers are reached."""

from __future__ import annotations

from pathlib import Path

from vinstall.values import field, frozen


@frozen
class TrustSettings:
    """What the user said about certificates."""

    cert: Path | None = None
    """A file or folder of authorities that replaces the system's."""
    client_cert: Path | None = None
    """A PEM file with our own certificate and key."""


@frozen
class NetworkSettings:
    """What the user said about the network."""

    timeout: float = 30.0
    """Seconds without a byte."""
    retries: int = 4
    """Further attempts after a first one that failed for a passing reason."""
    offline: bool = False
    trusted_hosts: tuple[str, ...] = ()
    """`host` or `host:port` whose certificates are not checked."""
    trust: TrustSettings = field(default_factory=TrustSettings)
    proxy: str | None = None
    """For every scheme, in place of the variables; hosts of `no_proxy` are still reached directly."""
