"""Request, InstalledProject, Pin, Kept, Edge, Resolution: what resolving is asked, and what it returns."""

from __future__ import annotations

from collections.abc import Callable

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.metadata import Metadata
from vinstall.formats.requirement import Requirement
from vinstall.selection.release import Choice
from vinstall.values import field, frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vinstall.formats.variant_json import Property


@frozen
class Request:
    """One thing the user asks for, or one line of a constraints file."""

    requirement: Requirement
    origin: str | None = None
    """Where it stands, for the user: "`-r requirements.txt` line 3"; None: typed as an argument."""


@frozen
class InstalledProject:
    """A distribution that is installed and may stay: its variant, if it has one, still fits the host."""

    name: NormalizedName
    version: Version
    metadata: Callable[[], Metadata]
    """Asked once, and only where the distribution is about to be kept."""
    label: str | None = None
    """Of the wheel it came from."""
    matched: frozenset[Property] = frozenset()
    """Its variant properties, narrowed to those the target supports (PEP 825, markers)."""
    limits: tuple[tuple[Requirement, ...], ...] = ()
    """What its variant binds other projects to (`abi_dependency`): alternatives, each of limits that
    hold together; empty: nothing.  It stays only where one of them is kept."""


@frozen
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


@frozen
class Kept:
    """An installed distribution that is part of the answer as it is."""

    name: NormalizedName
    version: Version
    extras: frozenset[NormalizedName] = frozenset()
    requested: bool = False


@frozen
class Edge:
    """`parent` asked for `requirement`; parent None: the user did."""

    parent: NormalizedName | None
    requirement: Requirement
    origin: str | None = None
    """Where the user asked: "`-r requirements.txt` line 3"; None for a dependency."""


@frozen
class Resolution:
    """A set of distributions that satisfies every requirement; pins sorted by name."""

    pins: tuple[Pin, ...]
    edges: tuple[Edge, ...] = ()
    notices: tuple[str, ...] = field(default=())
    """What must not be silent: an older release for variant reasons, a yanked one, a missing extra."""
    kept: tuple[Kept, ...] = ()
    """What is installed, satisfies and stays; sorted by name, disjoint from `pins`."""
    has_warned: bool = False
    """Whether the user was warned of a release that was passed over: it has to be told each time."""
