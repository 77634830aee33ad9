"""Shortlist: the candidates of one project that fit what is asked, most preferred first."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.formats.requirement import Requirement
from vinstall.resolution.candidate import (
    DIRECT,
    INSTALLED,
    Absent,
    AnyRequirement,
    Ask,
    Binding,
    Candidate,
)
from vinstall.resolution.model import InstalledProject
from vinstall.resolution.options import Prereleases, ResolutionOptions
from vinstall.resolution.replay import Replay
from vinstall.selection.release import Choice, Wheel

Rank: TypeAlias = tuple[bool, bool, bool, int, str]
"""Sort key of projects; the least is decided first.  See `Shortlist.rank`."""

_BATCH = 10
_BATCH_AT = 3
"""The third release of a project that is offered, and every tenth from there, has ten more read ahead."""

_NO_EXTRAS: frozenset[NormalizedName] = frozenset()


class Shortlist:
    """Makes candidates, one object each, and puts them in order.

    Remembers which versions would have been taken had anything of them been usable.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        constraints: Mapping[NormalizedName, Sequence[Ask]],
        installed: Mapping[NormalizedName, InstalledProject],
        preferences: Mapping[NormalizedName, Version],
        requested: Mapping[NormalizedName, int],
        options: ResolutionOptions,
    ) -> None:
        """`requested` holds what the user names, and the place in which it was named first."""
        self._catalog = catalog
        self._constraints = constraints
        self._installed = {
            name: found for name, found in installed.items() if not options.reinstalls(name)
        }
        self._preferences = preferences
        self._requested = requested
        self._options = options
        self._made: dict[tuple[object, ...], Candidate] = {}
        self._found: dict[object, Replay[Candidate]] = {}
        """The candidates that a set of limits admits: asked for again and again after a conflict."""
        self._offered: dict[NormalizedName, set[Version]] = {}
        self._absent: dict[tuple[NormalizedName, frozenset[Binding]], Absent] = {}
        self.unusable: dict[NormalizedName, dict[Version, None]] = {}
        """Versions that fitted what was asked and of which no file can be used."""

    # --- what may be taken --------------------------------------------------------------------

    def find(
        self, name: NormalizedName, asks: Sequence[Ask], bindings: Sequence[Binding]
    ) -> Iterator[Candidate]:
        """The candidates that satisfy everything asked and every constraint, lazily.

        Reads the project's page, and the variant metadata of a release just before it is its turn.
        """
        extras = _NO_EXTRAS.union(*(ask.requirement.extras for ask in asks))
        limits = [*asks, *self._constraints.get(name, ())]
        urls = {limit.url_key: limit for limit in limits if limit.url_key is not None}
        if len(urls) > 1:
            return
        key = (name, frozenset(limits), frozenset(bindings))
        found = self._found.get(key)
        if found is None:
            candidates: Iterable[Candidate] = (
                [self._direct(limit, extras) for limit in urls.values()]
                if urls
                else self._by_version(name, limits, bindings, extras)
            )
            found = self._found[key] = Replay(
                one for one in candidates if _admitted(one.version, limits, bindings)
            )
        for candidate in found:
            self._announce(candidate, limits, bindings)
            yield candidate

    def _announce(
        self, candidate: Candidate, limits: Sequence[Ask], bindings: Sequence[Binding]
    ) -> None:
        """Where release after release of a project is looked at, have the next ones read ahead."""
        if candidate.number < 0:
            return
        offered = self._offered.setdefault(candidate.name, set())
        if candidate.version in offered:
            return
        offered.add(candidate.version)
        if len(offered) % _BATCH == _BATCH_AT:
            versions = self._ordered(candidate.name)
            following = versions[versions.index(candidate.version) + 1 :]
            fitting = (v for v in following if _admitted(v, limits, bindings))
            self._catalog.read_ahead(candidate.name, list(islice(fitting, _BATCH)))

    def absent(self, name: NormalizedName, bindings: Iterable[Binding]) -> Absent:
        """The stand-in for a project that is limited by `bindings` and asked for by nobody."""
        key = (name, frozenset(bindings))
        return self._absent.setdefault(key, Absent(name=name, bindings=key[1]))

    def may_stay_absent(self, absent: Absent) -> bool:
        """Whether what is installed keeps all limits; False where nothing is installed."""
        found = self._installed.get(absent.name)
        if found is None:
            return not absent.bindings
        return all(binding.admits(found.version) for binding in absent.bindings)

    def with_extras(self, candidate: Candidate, extras: frozenset[NormalizedName]) -> Candidate:
        """The same file with other extras asked of it."""
        return self._make(
            candidate.name,
            candidate.version,
            extras,
            number=candidate.number,
            choice=candidate.choice,
            installed=candidate.installed,
            limits=candidate.limits,
            url=candidate.url,
            url_key=candidate.url_key,
        )

    def worth_fetching(self, needed: Iterable[AnyRequirement]) -> list[Requirement]:
        """The requirements that will have to be looked up: no URLs, nothing an installed project meets."""
        return [
            need.requirement
            for need in needed
            if isinstance(need, Ask) and need.url_key is None and not self._stays(need)
        ]

    def _stays(self, ask: Ask) -> bool:
        found = self._installed.get(ask.name)
        return found is not None and not self._upgrades(ask.name) and ask.admits(found.version)

    def offered(self, name: NormalizedName, *, above: Version) -> frozenset[Version]:
        """The versions of the index above one that were looked at."""
        return frozenset(v for v in self._offered.get(name, ()) if v > above)

    def newer(
        self, name: NormalizedName, version: Version, asks: Sequence[Requirement]
    ) -> list[Version]:
        """The versions above `version` that meet `asks` and every constraint; newest first.

        Empty where the newest is not wanted in the first place.
        """
        if self._preferences.get(name) == version:
            return []
        if self._options.prefers_lowest(requested=name in self._requested):
            return []
        any_kind = version.is_prerelease
        any_kind |= self._options.prereleases_of(name) is Prereleases.ALLOW
        limits = self._constraints.get(name, ())
        return sorted(
            (
                one
                for one in self._catalog.versions(name)
                if one > version
                and (any_kind or not one.is_prerelease)
                and all(ask.specifier.contains(one, prereleases=True) for ask in asks)
                and _admitted(one, limits, ())
            ),
            reverse=True,
        )

    # --- order --------------------------------------------------------------------------------

    def rank(self, name: NormalizedName, asks: Sequence[Ask]) -> Rank:
        """Which project is decided first: the one that leaves least choice, then the user's order.

        What nobody asks for comes last of all: by then it is known whether anybody does.
        """
        return (
            not asks,
            not any(ask.is_pin or ask.url_key is not None for ask in asks),
            not any(ask.is_bounded for ask in asks),
            self._requested.get(name, len(self._requested)),
            name,
        )

    def _by_version(
        self,
        name: NormalizedName,
        limits: Sequence[Ask],
        bindings: Sequence[Binding],
        extras: frozenset[NormalizedName],
    ) -> Iterator[Candidate]:
        """What is installed or preferred first, then the index; no version of these twice.

        But another variant of the installed version may do where its own limits are in the way.
        """
        found = self._installed.get(name)
        kept = self._keep(found, extras) if found is not None else []
        if not self._upgrades(name):
            yield from kept
            kept = []
        wanted = self._preferences.get(name)
        if wanted is not None and _admitted(wanted, limits, bindings):
            yield from self._of_release(name, wanted, extras)
        offered = {wanted}
        if found is not None and not found.limits:
            offered.add(found.version)
        lowest = self._options.prefers_lowest(requested=name in self._requested)
        for candidate in self._wheels_first(self._from_index(name, limits, bindings, extras)):
            if kept and not _comes_before(candidate.version, kept[0].version, lowest):
                yield from kept
                kept = []
            if candidate.version not in offered:
                yield candidate
        yield from kept

    def _wheels_first(self, candidates: Iterator[Candidate]) -> Iterator[Candidate]:
        """`--prefer-binary`: source distributions after everything else."""
        if not self._options.prefer_wheels:
            yield from candidates
            return
        sources = []
        for candidate in candidates:
            if candidate.choice is not None and not isinstance(candidate.choice.artifact, Wheel):
                sources.append(candidate)
            else:
                yield candidate
        yield from sources

    def _from_index(
        self,
        name: NormalizedName,
        limits: Sequence[Ask],
        bindings: Sequence[Binding],
        extras: frozenset[NormalizedName],
    ) -> Iterator[Candidate]:
        """Releases, then pre-releases and yanked releases where these are the last resort.

        PEP 440 "Handling of pre-releases"; PEP 592: a yanked release only for an exact pin that
        nothing else satisfies.
        """
        versions = self._ordered(name)
        fitting = (version for version in versions if _admitted(version, limits, bindings))
        unasked: list[Version] = []
        yanked: list[Candidate] = []
        wanted = self._options.prereleases_of(name)
        expected = _expected(fitting, unasked, any_wanted=_asks_prereleases(wanted, limits))
        any_usable = yield from self._not_yanked(name, expected, extras, yanked)
        if not any_usable and _falls_back_to_prereleases(wanted, versions):
            any_usable = yield from self._not_yanked(name, unasked, extras, yanked)
        if not any_usable and any(limit.is_pin for limit in limits):
            yield from yanked

    def _not_yanked(
        self,
        name: NormalizedName,
        versions: Iterable[Version],
        extras: frozenset[NormalizedName],
        yanked: list[Candidate],
    ) -> Generator[Candidate, None, bool]:
        """Candidates of `versions`, and whether there were any; yanked ones go to `yanked`."""
        any_usable = False
        for version in versions:
            for candidate in self._of_release(name, version, extras):
                if _is_yanked(candidate):
                    yanked.append(candidate)
                else:
                    any_usable = True
                    yield candidate
        return any_usable

    def _ordered(self, name: NormalizedName) -> Sequence[Version]:
        versions = self._catalog.versions(name)
        lowest = self._options.prefers_lowest(requested=name in self._requested)
        return sorted(versions) if lowest else versions

    def _upgrades(self, name: NormalizedName) -> bool:
        return self._options.upgrades(name, requested=name in self._requested)

    # --- candidates ---------------------------------------------------------------------------

    def _of_release(
        self, name: NormalizedName, version: Version, extras: frozenset[NormalizedName]
    ) -> Iterator[Candidate]:
        """The choices of one release; those first that agree with what is installed or preferred."""
        choices = self._catalog.choices(name, version)
        if not choices:
            self.unusable.setdefault(name, {})[version] = None
        numbered = list(enumerate(choices))
        if len(numbered) > 1:
            numbered.sort(key=lambda item: self._disagreements(item[1]))
        for number, choice in numbered:
            yield self._make(
                name, version, extras, number=number, choice=choice, limits=choice.constraints
            )

    def _disagreements(self, choice: Choice) -> int:
        """How many constraints of a choice exclude the version that would otherwise stay."""
        count = 0
        for constraint in choice.constraints:
            version = self._preferences.get(constraint.name)
            if constraint.name in self._installed and not self._upgrades(constraint.name):
                version = self._installed[constraint.name].version
            if version is not None and not constraint.specifier.contains(version, prereleases=True):
                count += 1
        return count

    def _keep(self, found: InstalledProject, extras: frozenset[NormalizedName]) -> list[Candidate]:
        """What is installed, once for each of its alternative limits."""
        return [
            self._make(
                found.name,
                found.version,
                extras,
                number=INSTALLED - at,
                installed=found,
                limits=limits,
            )
            for at, limits in enumerate(found.limits or ((),))
        ]

    def _direct(self, ask: Ask, extras: frozenset[NormalizedName]) -> Candidate:
        choice = self._catalog.direct(ask.requirement)
        version = choice.version or self._catalog.metadata(choice).version
        return self._make(
            ask.name,
            version,
            extras,
            number=DIRECT,
            choice=choice,
            limits=choice.constraints,
            url=ask.requirement.url,
            url_key=ask.url_key,
        )

    def _make(
        self,
        name: NormalizedName,
        version: Version,
        extras: frozenset[NormalizedName],
        *,
        number: int,
        choice: Choice | None = None,
        installed: InstalledProject | None = None,
        limits: tuple[Requirement, ...] = (),
        url: str | None = None,
        url_key: str | None = None,
    ) -> Candidate:
        key = (name, version, number, extras, url_key)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = Candidate(
                name=name,
                version=version,
                extras=extras,
                number=number,
                choice=choice,
                installed=installed,
                limits=limits,
                url=url,
                url_key=url_key,
            )
        return found


def _is_yanked(candidate: Candidate) -> bool:
    return candidate.choice is not None and candidate.choice.artifact.file.yanked is not None


def _admitted(version: Version, limits: Iterable[Ask], bindings: Iterable[Binding]) -> bool:
    return all(limit.admits(version) for limit in limits) and all(
        binding.admits(version) for binding in bindings
    )


def _comes_before(first: Version, second: Version, lowest: bool) -> bool:
    return first < second if lowest else first > second


def _expected(
    versions: Iterable[Version], unasked: list[Version], *, any_wanted: bool
) -> Iterator[Version]:
    """`versions` without the pre-releases, which go to `unasked` unless `any_wanted`."""
    for version in versions:
        if version.is_prerelease and not any_wanted:
            unasked.append(version)
        else:
            yield version


def _asks_prereleases(wanted: Prereleases, limits: Sequence[Ask]) -> bool:
    match wanted:
        case Prereleases.ALLOW:
            return True
        case Prereleases.DISALLOW:
            return False
        case Prereleases.STANDARD | Prereleases.STRICT:
            return any(
                limit.is_users and limit.requirement.specifier.prereleases for limit in limits
            )


def _falls_back_to_prereleases(wanted: Prereleases, versions: Sequence[Version]) -> bool:
    match wanted:
        case Prereleases.ALLOW | Prereleases.DISALLOW:
            return False
        case Prereleases.STANDARD:
            return True
        case Prereleases.STRICT:
            return all(version.is_prerelease for version in versions)
