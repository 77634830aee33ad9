"""ResolutionOptions: the user's say on what a resolution may contain."""

from __future__ import annotations

from enum import Enum

from packaging.utils import NormalizedName

from vinstall.formats.requirement import Requirement
from vinstall.values import frozen


class Prereleases(Enum):
    """When a pre-release is acceptable."""

    STANDARD = "standard"
    """PEP 440: where the user's own specifier names one, or where no final release satisfies.

    That a dependency asks for `<7.0.dev0` is no wish for a pre-release.
    """
    STRICT = "strict"
    """Where the user's own specifier names one, or where the project has no final release at all.

    uv calls this `if-necessary-or-explicit`.
    """
    ALLOW = "allow"
    """`--pre`: everywhere."""
    DISALLOW = "disallow"
    """Nowhere."""


class Preferred(Enum):
    """`--resolution`: which of the versions that fit is tried first."""

    HIGHEST = "highest"
    LOWEST = "lowest"
    LOWEST_DIRECT = "lowest-direct"
    """The lowest of what the user names, the highest of everything else."""


class Dependencies(Enum):
    """What of the closure belongs to the answer."""

    ALL = "all"
    NONE = "none"
    """`--no-deps`: what the user names, and nothing it depends on."""
    ONLY = "only"
    """`--only-deps`: everything but what the user names."""


@frozen
class ResolutionOptions:
    """Every choice that changes an answer and is not made in a requirement."""

    prereleases: Prereleases = Prereleases.STANDARD
    all_releases: frozenset[str] = frozenset()
    """`--all-releases`: projects, or `:all:`, whose pre-releases are acceptable everywhere."""
    only_final: frozenset[str] = frozenset()
    """`--only-final`: projects, or `:all:`, whose pre-releases are acceptable nowhere."""
    preferred: Preferred = Preferred.HIGHEST
    dependencies: Dependencies = Dependencies.ALL
    upgrade: bool = False
    """`--upgrade`: what is installed does not hold back what the user names."""
    eager: bool = False
    """`--upgrade-strategy eager`: `upgrade` goes for dependencies too."""
    upgrade_projects: frozenset[NormalizedName] = frozenset()
    """`--upgrade-package`."""
    reinstall: bool = False
    """`--reinstall`: as if nothing were installed."""
    reinstall_projects: frozenset[NormalizedName] = frozenset()
    overrides: tuple[Requirement, ...] = ()
    """`--overrides`: they replace every requirement on the projects they name."""
    prefer_wheels: bool = False
    """`--prefer-binary`: an older wheel before a newer source distribution."""
    max_rounds: int = 20_000
    """How long to search back and forth: one round decides on one project, or takes that back."""

    def prereleases_of(self, name: NormalizedName) -> Prereleases:
        """When a pre-release of `name` is acceptable; what is said of a project outweighs `:all:`."""
        for key in (name, ":all:"):
            if key in self.only_final:
                return Prereleases.DISALLOW
            if key in self.all_releases:
                return Prereleases.ALLOW
        return self.prereleases

    def upgrades(self, name: NormalizedName, *, requested: bool) -> bool:
        """Whether the newest release of `name` is wanted although an installed one would do."""
        if name in self.upgrade_projects:
            return True
        return self.upgrade and (self.eager or requested)

    def reinstalls(self, name: NormalizedName) -> bool:
        """Whether the installed distribution of `name` is to be ignored."""
        return self.reinstall or name in self.reinstall_projects

    def prefers_lowest(self, *, requested: bool) -> bool:
        """Whether the oldest version that fits is tried first."""
        return self.preferred is Preferred.LOWEST or (
            self.preferred is Preferred.LOWEST_DIRECT and requested
        )
