"""Ask, Binding, Impossible; Candidate, Absent: the requirements and candidates resolvelib works on.

All are compared by identity (resolvelib matches candidates by `id()`), so whoever makes them
makes one object per fact.
"""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import parse_qsl, urldefrag, urlencode

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.requirement import Requirement
from vinstall.pattern import pattern
from vinstall.resolution.model import InstalledProject, Request
from vinstall.selection.release import Choice
from vinstall.values import field, frozen

_LOCAL = pattern(r"^file:(?://(?:localhost)?)?/(?!/)", re.IGNORECASE)

DIRECT = -1
"""Number of a candidate that a URL names."""
INSTALLED = -2
"""Number of the candidate that is installed already; where it has alternative limits, of the first."""


@frozen(eq=False)
class Ask:
    """A requirement that wants the project in the answer."""

    requirement: Requirement
    origin: str | None = None
    """Where the user asked; None for an argument and for a dependency."""
    is_users: bool = False
    """Asked by the user: a requirement or a constraint, not a dependency."""
    is_constraint: bool = False
    url_key: str | None = None
    """What two URLs must share to be the same; None for a requirement by version."""
    is_pin: bool = False
    """The specifier names one version exactly: `===`, or `==` without `.*` (PEP 592)."""
    is_bounded: bool = False
    """The specifier sets an upper limit."""
    verdicts: dict[Version, bool] = field(default_factory=dict, shown=False)
    """Answers given, for each version asked about."""

    @property
    def name(self) -> NormalizedName:
        """The project asked for."""
        return self.requirement.name

    def admits(self, version: Version) -> bool:
        """Whether the specifier contains `version`; pre-releases are not judged here."""
        verdict = self.verdicts.get(version)
        if verdict is None:
            verdict = self.requirement.specifier.contains(version, prereleases=True)
            self.verdicts[version] = verdict
        return verdict


@frozen(eq=False)
class Binding:
    """A limit on the version a project may have, should it be in the answer (PEP 850, `abi_dependency`)."""

    requirement: Requirement
    by: str = ""
    """Who sets it, for the user: "`flash-attn` 2.8"."""

    @property
    def name(self) -> NormalizedName:
        """The project limited."""
        return self.requirement.name

    def admits(self, version: Version) -> bool:
        """Whether `version` is within the limit."""
        return self.requirement.specifier.contains(version, prereleases=True)


@frozen(eq=False)
class Impossible:
    """A requirement nothing satisfies: the candidate that has it cannot be used."""

    name: str
    """An identifier no project has."""
    reason: str
    """The end of a sentence that begins with the candidate: "needs Python >=3.13, ..."."""


@frozen(eq=False)
class Candidate:
    """One distribution that may become part of the answer, with the extras asked of it."""

    name: NormalizedName
    version: Version
    extras: frozenset[NormalizedName]
    number: int
    """Which choice of its release, 0 the best; `DIRECT`; `INSTALLED` and below."""
    choice: Choice | None = None
    """None for an installed distribution."""
    installed: InstalledProject | None = None
    limits: tuple[Requirement, ...] = ()
    """What it binds other projects to, without asking for them."""
    url: str | None = None
    """As asked for, of a direct candidate."""
    url_key: str | None = None

    def cannot_be_used(self, reason: str) -> Impossible:
        """The requirement that rules this candidate out."""
        return Impossible(name=f"{self.name} {self.version} {reason}", reason=reason)


@frozen(eq=False)
class Absent:
    """What stands for a project that is only limited, and that nobody asks for."""

    name: NormalizedName
    bindings: frozenset[Binding] = frozenset()

    def cannot_be_used(self) -> Impossible:
        """The requirement that rules out going without the project."""
        reason = "is neither asked for nor installed in a version that goes with the rest"
        return Impossible(name=f"{self.name} {reason}", reason=reason)


AnyRequirement: TypeAlias = Ask | Binding | Impossible
AnyCandidate: TypeAlias = Candidate | Absent


def ask_for(requirement: Requirement) -> Ask:
    """The Ask for a dependency; each call makes another one."""
    return _ask(requirement)


def user_ask(request: Request, *, is_constraint: bool = False) -> Ask:
    """The Ask for what the user wrote."""
    return _ask(
        request.requirement, origin=request.origin, is_users=True, is_constraint=is_constraint
    )


def _ask(
    requirement: Requirement,
    *,
    origin: str | None = None,
    is_users: bool = False,
    is_constraint: bool = False,
) -> Ask:
    parts = [(part.operator, part.version.endswith(".*")) for part in requirement.specifier]
    return Ask(
        requirement=requirement,
        origin=origin,
        is_users=is_users,
        is_constraint=is_constraint,
        url_key=None if requirement.url is None else url_key(requirement.url),
        is_pin=("===", False) in parts or ("==", False) in parts,
        is_bounded=any(
            operator in ("<", "<=", "~=") or (operator == "==" and is_prefix)
            for operator, is_prefix in parts
        ),
    )


def url_key(url: str) -> str:
    """The part of a requirement's URL that says what is meant: all but `#egg=`, sorted fragments.

    `file:/a`, `file:///a` and `file://localhost/a` are one place (RFC 8089).
    """
    address, fragment = urldefrag(url)
    address = _LOCAL.sub("file:///", address)
    kept = sorted(
        (key, value) for key, value in parse_qsl(fragment, keep_blank_values=True) if key != "egg"
    )
    return f"{address}#{urlencode(kept)}" if kept else address


def satisfies(candidate: AnyCandidate, requirement: AnyRequirement) -> bool:
    """Whether `candidate` is what `requirement` asks for.  Called very often."""
    if isinstance(requirement, Ask):
        if not isinstance(candidate, Candidate):
            return False
        if requirement.url_key is not None and requirement.url_key != candidate.url_key:
            return False
        return requirement.admits(candidate.version) and (
            requirement.requirement.extras <= candidate.extras
        )
    if isinstance(requirement, Binding):
        if isinstance(candidate, Absent):
            return requirement in candidate.bindings
        return requirement.admits(candidate.version)
    return False
