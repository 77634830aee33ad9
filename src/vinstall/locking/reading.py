"""A Lock into a Resolution for one target.  Spec: PEP 751 "Installation"; PEP 825 for variants.

Nothing is resolved: markers of the entries say what is installed.  One thing goes beyond PEP 751:
an entry that other entries depend on only under variant markers is installed only if the wheel
selected for one of those entries asks for it (PEP 825 "Integration with pylock.toml").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.errors import FormatError, ResolutionError
from vinstall.formats.marker import Marker, MarkerContext, parse_marker
from vinstall.formats.pylock import Lock, LockedPackage, Table
from vinstall.formats.requirement import Requirement
from vinstall.locking.place import LockPlace
from vinstall.resolution.model import Edge, Pin, Resolution
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice
from vinstall.values import frozen


@frozen
class LockRequest:
    """What of a lock is asked for, and for which environment."""

    markers: Mapping[str, str]
    """The target's marker environment."""
    python: Version
    extras: frozenset[NormalizedName] = frozenset()
    groups: frozenset[NormalizedName] | None = None
    """None: the lock's default groups."""


def applicable(lock: Lock, request: LockRequest, place: LockPlace) -> tuple[LockedPackage, ...]:
    """The entries to install, in the order of the lock, before variant markers are looked at.

    Raises ResolutionError where the lock, or an entry that applies, excludes the target, or where
    an extra or group is asked for that the lock does not have.
    """
    context = _context(lock, request, place)
    _check_target(lock, request, place, context)
    packages = tuple(
        package
        for package in lock.packages
        if package.marker is None or package.marker.evaluate(context)
    )
    for package in packages:
        if package.requires_python is not None and not package.requires_python.contains(
            request.python, prereleases=True
        ):
            raise ResolutionError(
                f"`{package.name}` needs Python {package.requires_python}, the environment has {request.python}",
                context=(f"`{place.name}`",),
                hint="make a lock for this version of Python",
            )
    return packages


def _context(lock: Lock, request: LockRequest, place: LockPlace) -> MarkerContext:
    groups = lock.default_groups or () if request.groups is None else request.groups
    known = {
        canonicalize_name(name)
        for name in (*(lock.dependency_groups or ()), *(lock.default_groups or ()))
    }
    missing = [f"extra `{name}`" for name in sorted(request.extras - frozenset(lock.extras or ()))]
    missing += [f"group `{name}`" for name in sorted((request.groups or frozenset()) - known)]
    if missing:
        raise ResolutionError(
            f"`{place.name}` has no {' and no '.join(missing)}",
            context=(
                f"extras: {_listed(lock.extras)}",
                f"groups: {_listed(lock.dependency_groups)}",
            ),
        )
    return MarkerContext(
        environment=request.markers,
        extras=request.extras,
        dependency_groups=frozenset(canonicalize_name(name) for name in groups),
    )


def _listed(names: Iterable[str] | None) -> str:
    return ", ".join(f"`{name}`" for name in names or ()) or "none"


def _check_target(
    lock: Lock, request: LockRequest, place: LockPlace, context: MarkerContext
) -> None:
    if lock.requires_python is not None and not lock.requires_python.contains(
        request.python, prereleases=True
    ):
        raise ResolutionError(
            f"`{place.name}` needs Python {lock.requires_python}, the environment has {request.python}",
            hint="make a lock for this version of Python",
        )
    if lock.environments and not any(marker.evaluate(context) for marker in lock.environments):
        raise ResolutionError(
            f"`{place.name}` is for other environments than this one",
            context=tuple(f"not here: `{marker.text}`" for marker in lock.environments),
            hint="make the lock with `--host`, `--python-platform` or `--python-version` for this one too",
        )


def editable_urls(packages: Iterable[LockedPackage], place: LockPlace) -> frozenset[str]:
    """The URLs of source trees the lock wants editable; a catalog has to know them."""
    return frozenset(
        _direct_url(package, place)
        for package in packages
        if package.directory is not None and package.directory.editable
    )


def from_lock(
    packages: Sequence[LockedPackage],
    *,
    catalog: Catalog,
    markers: Mapping[str, str],
    place: LockPlace,
) -> Resolution:
    """The pins of `packages` (as `applicable` gave them) over a catalog of the lock's own pages.

    Raises ResolutionError for an entry of which no file can be used here, or two entries for one
    project.  Costs no network, unless an archive or checkout has to be built.
    """
    reading = _Reading(packages, catalog, markers, place)
    return reading.resolution()


class _Reading:
    def __init__(
        self,
        packages: Sequence[LockedPackage],
        catalog: Catalog,
        markers: Mapping[str, str],
        place: LockPlace,
    ) -> None:
        self._packages = packages
        self._catalog = catalog
        self._markers = markers
        self._place = place
        self._choices: dict[int, Choice] = {}
        self._edges: list[Edge] = []

    def resolution(self) -> Resolution:
        reached = self._reached()
        by_name: dict[NormalizedName, LockedPackage] = {}
        for package in reached:
            other = by_name.setdefault(package.name, package)
            if other is not package:
                raise ResolutionError(
                    f"`{self._place.name}` lists `{package.name}` twice for this environment",
                    context=(f"versions {other.version} and {package.version}",),
                )
        pins = sorted((self._pin(package) for package in reached), key=lambda pin: pin.name)
        return Resolution(pins=tuple(pins), edges=tuple(self._edges))

    def _reached(self) -> list[LockedPackage]:
        """What the roots lead to by edges that hold; everything where no edge has a marker.

        The roots are the entries nothing leads to: a lock of ours lists no dependency on what the
        user named, where it lists markers.
        """
        packages = self._packages
        if not any("marker" in table for each in packages for table in each.dependencies):
            return list(packages)
        edges = [
            [(child, table) for table in each.dependencies for child in self._matching(table)]
            for each in packages
        ]
        queue = _roots([[child for child, _ in targets] for targets in edges])
        seen = set(queue)
        for parent in queue:
            for child, table in edges[parent]:
                if child not in seen and self._holds(packages[parent], table):
                    seen.add(child)
                    queue.append(child)
        return [package for at, package in enumerate(packages) if at in seen]

    def _matching(self, table: Table) -> list[int]:
        """Places of the entries a dependency table names, comparing key by key (PEP 751)."""
        return [
            at
            for at, package in enumerate(self._packages)
            if table.get("name") == package.name
            and table.get("version") in (None, str(package.version))
        ]

    def _holds(self, package: LockedPackage, table: Table) -> bool:
        text = table.get("marker")
        if text is None:
            return True
        marker = self._marker(text, package)
        choice = self._choice(package)
        extras = table.get("extras")
        context = MarkerContext(
            environment=self._markers,
            extras=frozenset(canonicalize_name(str(name)) for name in extras)
            if isinstance(extras, list)
            else frozenset(),
            label=choice.label or "",
            properties=choice.matched,
        )
        return marker.evaluate(context)

    def _marker(self, text: object, package: LockedPackage) -> Marker:
        try:
            return parse_marker(str(text))
        except FormatError as error:
            raise FormatError(
                error.message, context=(f"`{self._place.name}`, dependencies of `{package.name}`",)
            ) from error

    def _choice(self, package: LockedPackage) -> Choice:
        found = self._choices.get(id(package))
        if found is None:
            found = self._choices[id(package)] = self._choose(package)
        return found

    def _choose(self, package: LockedPackage) -> Choice:
        if package.vcs or package.directory or package.archive:
            url = _direct_url(package, self._place)
            return self._catalog.direct(Requirement(name=package.name, url=url))
        version = package.version or self._only_version(package)
        choices = self._catalog.choices(package.name, version)
        if choices:
            return choices[0]
        refused = self._catalog.rejections(package.name, version)
        raise ResolutionError(
            f"no file of `{package.name}` {version} in `{self._place.name}` can be used here",
            context=tuple(_sentence(rejection) for rejection in refused[:6]),
        )

    def _only_version(self, package: LockedPackage) -> Version:
        """PEP 751 lets an entry leave its version out; the file names have it."""
        versions = self._catalog.versions(package.name)
        if len(versions) != 1:
            raise ResolutionError(f"`{package.name}` in `{self._place.name}` has no version")
        return versions[0]

    def _pin(self, package: LockedPackage) -> Pin:
        choice = self._choice(package)
        metadata = self._catalog.metadata(choice)
        direct = package.vcs or package.directory or package.archive
        self._edges += [
            Edge(parent=package.name, requirement=requirement)
            for requirement in metadata.requires_dist
        ]
        return Pin(
            name=package.name,
            version=package.version or metadata.version,
            choice=choice,
            metadata=metadata,
            direct_url=_direct_url(package, self._place) if direct else None,
        )


def _roots(children: Sequence[Sequence[int]]) -> list[int]:
    """The nodes nothing leads to, and those that no such node leads to: cycles of their own."""
    led_to = {child for each in children for child in each}
    roots = [node for node in range(len(children)) if node not in led_to]
    seen = set(roots)
    queue = list(roots)
    while queue:
        found = set(children[queue.pop()]) - seen
        seen |= found
        queue += found
    return roots + [node for node in range(len(children)) if node not in seen]


def _sentence(rejection: Rejection) -> str:
    return f"`{rejection.filename}` {rejection.reason.sentence()}"


def _direct_url(package: LockedPackage, place: LockPlace) -> str:
    """The entry's source as a requirement's URL, fragment included."""
    where = f"package `{package.name}`"
    if package.vcs is not None:
        vcs = package.vcs
        url = place.url(None if vcs.url is None else f"{vcs.type}+{vcs.url}", vcs.path, where=where)
        url = url if url.startswith(f"{vcs.type}+") else f"{vcs.type}+{url}"
        return _with_fragment(f"{url}@{vcs.commit_id}", [("subdirectory", vcs.subdirectory)])
    if package.directory is not None:
        url = place.url(None, package.directory.path, where=where)
        return _with_fragment(url, [("subdirectory", package.directory.subdirectory)])
    archive = package.archive
    if archive is None:
        raise ValueError("an entry with wheels has no direct URL")
    url = place.url(archive.url, archive.path, where=where)
    return _with_fragment(url, [*archive.hashes, ("subdirectory", archive.subdirectory)])


def _with_fragment(url: str, parts: Iterable[tuple[str, str | None]]) -> str:
    fragment = "&".join(f"{key}={value}" for key, value in parts if value is not None)
    return f"{url}#{fragment}" if fragment else url
