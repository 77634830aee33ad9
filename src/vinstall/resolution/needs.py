"""Needs: what a candidate needs of other projects, as requirements resolvelib works on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.errors import FormatError
from vinstall.formats.marker import MarkerContext
from vinstall.formats.metadata import Metadata, dependencies
from vinstall.formats.requirement import Requirement
from vinstall.net.redaction import redact
from vinstall.observer import Observer
from vinstall.resolution.candidate import (
    Absent,
    AnyCandidate,
    AnyRequirement,
    Ask,
    Binding,
    Candidate,
    Impossible,
    ask_for,
)
from vinstall.resolution.options import Dependencies, ResolutionOptions
from vinstall.resolution.shortlist import Shortlist
from vinstall.values import frozen


@frozen
class Environment:
    """What of the target dependencies depend on."""

    markers: Mapping[str, str]
    """As `Target.markers`."""
    python: Version

    def context(self) -> MarkerContext:
        """For the markers of the user's requirements: no extras, no variant."""
        return MarkerContext(environment=self.markers)


class Overrides:
    """The requirements that replace every other on the projects they name."""

    def __init__(self, requirements: Sequence[Requirement], environment: Environment) -> None:
        context = environment.context()
        self._by_name: dict[NormalizedName, tuple[Requirement, ...]] = {}
        for requirement in requirements:
            holds = requirement.marker is None or requirement.marker.evaluate(context)
            before = self._by_name.get(requirement.name, ())
            # A project none of whose overrides holds here is asked for by nobody.
            self._by_name[requirement.name] = (*before, requirement) if holds else before

    def applied(self, requirements: Sequence[Requirement]) -> tuple[Requirement, ...]:
        """`requirements` with those on overridden projects replaced, each override once."""
        if not self._by_name:
            return tuple(requirements)
        found: dict[int, Requirement] = {}
        for requirement in requirements:
            for chosen in self._by_name.get(requirement.name, (requirement,)):
                found[id(chosen)] = chosen
        return tuple(found.values())


class Needs:
    """Reads dependencies from the file a candidate stands for, and from no sibling of it."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        shortlist: Shortlist,
        environment: Environment,
        overrides: Overrides,
        options: ResolutionOptions,
        observer: Observer,
        placed: frozenset[NormalizedName] = frozenset(),
    ) -> None:
        """`placed` are the projects whose URL the user gave."""
        self._placed = placed
        self._catalog = catalog
        self._shortlist = shortlist
        self._environment = environment
        self._overrides = overrides
        self._has_dependencies = options.dependencies is not Dependencies.NONE
        self._observer = observer
        self.has_warned = False
        """Whether metadata was met that is of no use, and told of."""
        self._asks: dict[int, Ask] = {}
        self._found: dict[Candidate, tuple[AnyRequirement, ...]] = {}

    def of(self, candidate: AnyCandidate) -> tuple[AnyRequirement, ...]:
        """Everything the candidate needs; an `Impossible` alone where it cannot be used at all.

        Reads its metadata, once, and tells the catalog what will be asked for next.
        """
        if isinstance(candidate, Absent):
            if self._shortlist.may_stay_absent(candidate):
                return ()
            return (candidate.cannot_be_used(),)
        found = self._found.get(candidate)
        if found is None:
            found = self._found[candidate] = tuple(self._find(candidate))
            self._catalog.prefetch(self._shortlist.worth_fetching(found))
        return found

    def is_known(self, candidate: AnyCandidate) -> bool:
        """Whether `of` would read nothing."""
        return isinstance(candidate, Absent) or candidate in self._found

    def metadata(self, candidate: Candidate) -> Metadata:
        """Metadata of an installed distribution, or of the chosen file."""
        if candidate.installed is not None:
            return candidate.installed.metadata()
        assert candidate.choice is not None
        return self._catalog.metadata(candidate.choice)

    def _find(self, candidate: Candidate) -> Iterator[AnyRequirement]:
        try:
            metadata = self.metadata(candidate)
            _, needed = self._closure(candidate, metadata)
        except FormatError as error:
            shown = f"`{candidate.name}` {candidate.version}"
            self.has_warned = True
            self._observer.warning(f"{shown} is passed over: {error.message}", hint=error.hint)
            yield candidate.cannot_be_used(f"has unusable metadata: {error.message}")
            return
        fault = (
            self._python_fault(candidate, metadata)
            or _self_fault(candidate, needed)
            or self._url_fault(candidate, needed)
        )
        if fault is not None:
            yield fault
            return
        for requirement in needed:
            if requirement.name != candidate.name:
                yield self._ask(requirement)
        for limit in candidate.limits:
            yield Binding(requirement=limit, by=f"`{candidate.name}` {candidate.version}")

    def _python_fault(self, candidate: Candidate, metadata: Metadata) -> Impossible | None:
        """What is installed runs already; anything else has to admit the target's Python."""
        required, python = metadata.requires_python, self._environment.python
        if candidate.installed is not None or required is None:
            return None
        if required.contains(python, prereleases=True):
            return None
        return candidate.cannot_be_used(f"needs Python {required}, the environment has {python}")

    def _url_fault(self, candidate: Candidate, needed: Sequence[Requirement]) -> Impossible | None:
        """A release of an index may not send the user to a file or repository of its own choice."""
        if candidate.url is not None or candidate.installed is not None:
            return None
        for requirement in needed:
            if requirement.url is not None and requirement.name not in self._placed:
                return candidate.cannot_be_used(
                    f"asks for `{requirement.name}` by a URL that you did not name, "
                    f"`{redact(requirement.url)}`"
                )
        return None

    def extras(self, candidate: Candidate) -> frozenset[NormalizedName]:
        """The extras asked of a candidate of the answer, those included that its extras ask for."""
        if not candidate.extras:
            return candidate.extras
        return self._closure(candidate, self.metadata(candidate))[0]

    def _closure(
        self, candidate: Candidate, metadata: Metadata
    ) -> tuple[frozenset[NormalizedName], tuple[Requirement, ...]]:
        """The extras of a candidate and the requirements that hold for it, overrides applied.

        An extra may be defined by other extras of the same project (`all = name[a,b]`): these are
        followed, and the requirements that say so are part of the answer.
        """
        extras = candidate.extras
        if not self._has_dependencies:
            return extras, ()
        while True:
            context = self._context(candidate, extras)
            found = self._overrides.applied(dependencies(metadata, context))
            more = extras.union(*(r.extras for r in found if r.name == candidate.name))
            if more == extras:
                return extras, found
            extras = more

    def _context(self, candidate: Candidate, extras: frozenset[NormalizedName]) -> MarkerContext:
        """PEP 825 "Environment markers": evaluated for the selected wheel, after it was selected."""
        source = candidate.choice if candidate.choice is not None else candidate.installed
        assert source is not None
        return MarkerContext(
            environment=self._environment.markers,
            extras=extras,
            label=source.label or "",
            properties=source.matched,
        )

    def _ask(self, requirement: Requirement) -> Ask:
        """The one Ask for a requirement; equal lines of metadata share one Requirement."""
        found = self._asks.get(id(requirement))
        if found is None:
            # The Ask keeps the requirement alive, so its id stays its own.
            found = self._asks[id(requirement)] = ask_for(requirement)
        return found


def _self_fault(candidate: Candidate, needed: Sequence[Requirement]) -> Impossible | None:
    for requirement in needed:
        if requirement.name == candidate.name and not requirement.specifier.contains(
            candidate.version, prereleases=True
        ):
            return candidate.cannot_be_used(f"needs itself as `{requirement.specifier}`")
    return None
