"""Metadata ← METADATA.  Spec: core metadata; PEP 643 (dynamic), PEP 685 (extras), PEP 825 (markers)."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.marker import MarkerContext
from vinstall.formats.requirement import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The part of core metadata that an installer acts on."""

    name: NormalizedName
    version: Version
    requires_python: SpecifierSet | None = None
    requires_dist: tuple[Requirement, ...] = ()
    """In the order written, markers not yet evaluated."""
    extras: frozenset[NormalizedName] = frozenset()
    """`Provides-Extra`."""
    dynamic: frozenset[str] = frozenset()
    """Fields a source distribution leaves to the build, in lower case (PEP 643)."""
    metadata_version: str = ""


def parse_metadata(text: bytes) -> Metadata:
    """The metadata in the header block of a METADATA or PKG-INFO file.

    Raises FormatError for a missing or bad name or version, or a Requires-Dist that does not parse.
    """
    raise NotImplementedError


def dependencies(metadata: Metadata, context: MarkerContext) -> tuple[Requirement, ...]:
    """The requirements that hold in `context`, in the order written."""
    raise NotImplementedError
