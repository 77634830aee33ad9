"""Target: the environment installed into.  Asked of the target's own interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from vinstall.values import frozen


@frozen
class Scheme:
    """Where the parts of a wheel go (sysconfig names, PEP 427 `.data` keys)."""

    purelib: Path
    platlib: Path
    scripts: Path
    data: Path
    headers: Path
    """The folder under which `{distribution name}` is made."""

    def path(self, key: str) -> Path:
        """The folder for a PEP 427 scheme key; raises KeyError for an unknown one."""
        return {
            "purelib": self.purelib,
            "platlib": self.platlib,
            "scripts": self.scripts,
            "data": self.data,
            "headers": self.headers,
        }[key]


@frozen
class Target:
    """One environment: what it is, what it accepts, where files go."""

    python: Path
    """Its interpreter."""
    python_version: Version
    """`python_full_version` as a version."""
    markers: Mapping[str, str]
    """The marker environment of PEP 508, without `extra`."""
    tags: Mapping[str, int]
    """`python-abi-platform` to rank, 0 the most preferred."""
    scheme: Scheme
    site_paths: tuple[Path, ...]
    """Folders that are looked at for installed distributions, in the interpreter's order."""
    prefix: Path
    origin: str
    """How it was found, for the user: "`--python`", "active virtual environment", ..."""
    externally_managed: str | None = None
    """The message of an EXTERNALLY-MANAGED marker (PEP 668), or None."""
    is_virtual: bool = False
    described: bool = False
    """True where markers and tags were given and not asked of `python` (`--python-platform`)."""
