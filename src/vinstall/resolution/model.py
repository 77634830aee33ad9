"""Pin and Resolution: what resolving returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.metadata import Metadata
from vinstall.formats.requirement import Requirement
from vinstall.selection.release import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One distribution of the answer."""

    name: NormalizedName
    version: Version
    choice: Choice
    metadata: Metadata
    extras: frozenset[NormalizedName] = frozenset()
    requested: bool = False
    """Named by the user, not only by other distributions (PEP 376 REQUESTED)."""
    direct_url: str | None = None
    """The URL of `name @ URL`, a path or a checkout as the user gave it; None from an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`parent` asked for `requirement`; parent None: the user did."""

    parent: NormalizedName | None
    requirement: Requirement
    origin: str | None = None
    """Where the user asked: "`-r requirements.txt` line 3"; None for a dependency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A set of pins that satisfies every requirement; pins sorted by name."""

    pins: tuple[Pin, ...]
    edges: tuple[Edge, ...] = ()
    notices: tuple[str, ...] = field(default=())
    """What must not be silent: an older release for variant reasons, labels skipped for want of a provider."""
