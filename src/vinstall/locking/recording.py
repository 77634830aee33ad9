"""Resolutions, one a host, into one Lock.  Spec: PEP 751; PEP 825 "Integration with pylock.toml".

An entry lists every file of its release, so that another host selects anew.  What only some hosts
need is told apart by `marker` where their environments differ, and by the variant markers of the
dependencies that lead to it where they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs, urldefrag

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.errors import IntegrityError
from vinstall.formats.marker import Marker, MarkerContext, parse_marker
from vinstall.formats.pylock import (
    Lock,
    LockedDirectory,
    LockedFile,
    LockedPackage,
    LockedVcs,
    Table,
)
from vinstall.formats.requirement import Requirement
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable
from vinstall.locking.environments import Environments
from vinstall.locking.listing import explained, listed_variants, plain_if_any
from vinstall.locking.place import LockPlace
from vinstall.net.address import split_user
from vinstall.observer import Observer
from vinstall.resolution.model import Pin, Resolution
from vinstall.selection.release import Release, Wheel
from vinstall.values import field, frozen, replace

_VARIANT_FIELD = "variant_"


@frozen
class HostAnswer:
    """What was resolved for one host."""

    name: str
    """As shown to the user: the host file, or "this machine"."""
    markers: Mapping[str, str]
    resolution: Resolution
    release: Callable[[Pin], Release | None]
    """The release a pin's file belongs to; None for a direct requirement."""
    conditions: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    """Project to the markers any of which needs it (`conditions_of`); not listed: needed always."""
    table: Callable[[Release], VariantTable | None] = lambda release: None  # noqa: ARG005
    """The metadata of a release whose labels are all made for other machines; may cost reading it."""


@frozen
class LockOptions:
    """The user's say on what a lock holds."""

    place: LockPlace
    resolved: bool = False
    """`--resolved`: only the file chosen; for exactly one host."""
    pip_compatible: bool = False
    """`--pip-compatible`: no labelled wheels where a plain one exists."""
    extras: tuple[NormalizedName, ...] | None = None
    groups: tuple[str, ...] | None = None
    requires_python: str | None = None


@frozen
class DirectSource:
    """What building found out about a direct requirement."""

    commit: str | None = None
    sha256: str | None = None


class Facts:
    """What recording asks of the outside; the default knows nothing."""

    def sha256(self, file: RemoteFile) -> str | None:  # noqa: ARG002
        """The hash of a chosen file whose index gives none; costs a download.  None: leave it out."""
        return None

    def direct(self, pin: Pin) -> DirectSource:  # noqa: ARG002
        """What is known about a direct requirement."""
        return DirectSource()

    def identities(self, file: RemoteFile) -> tuple[Table, ...]:  # noqa: ARG002
        """Who the index says built `file`: `attestation-identities`; empty where nobody asked."""
        return ()


_Key = tuple[NormalizedName, Version, str]
"""Name, version, and where from: one entry of the lock."""


@frozen
class _Entry:
    pins: dict[int, Pin] = field(default_factory=dict)
    """By the number of the host."""

    def requirements(self) -> list[Requirement]:
        """What the pins ask for, each once; wheels of one release may differ in it."""
        lists = [pin.metadata.requires_dist for pin in self.pins.values()]
        return list(dict.fromkeys(one for requirements in lists for one in requirements))

    def extras(self) -> frozenset[NormalizedName]:
        """The extras any host asked for."""
        return frozenset(extra for pin in self.pins.values() for extra in pin.extras)


def to_lock(
    answers: Sequence[HostAnswer],
    *,
    options: LockOptions,
    facts: Facts,
    previous: Lock | None,
    observer: Observer,
) -> Lock:
    """One lock for all of `answers`; entries sorted by name, then version.

    `previous` gives the tables vinstall does not know, and the hashes that must not have changed:
    raises IntegrityError where one has.  Costs a download for each chosen file without a hash.
    """
    return _Recording(answers, options, facts, previous, observer).lock()


class _Recording:
    def __init__(
        self,
        answers: Sequence[HostAnswer],
        options: LockOptions,
        facts: Facts,
        previous: Lock | None,
        observer: Observer,
    ) -> None:
        self._answers = answers
        self._options = options
        self._facts = facts
        self._previous = previous
        self._observer = observer
        self._entries: dict[_Key, _Entry] = {}
        for at, answer in enumerate(answers):
            for pin in answer.resolution.pins:
                self._entries.setdefault(_key(pin), _Entry()).pins[at] = pin
        self._edges = {key: self._edges_of(entry) for key, entry in self._entries.items()}
        self._roots = {
            key
            for key, entry in self._entries.items()
            if any(pin.requested for pin in entry.pins.values())
        }
        self._is_conditional = any(
            text is not None for edges in self._edges.values() for _, text in edges
        )
        self._environments = Environments([answer.markers for answer in answers])

    def lock(self) -> Lock:
        """The lock of all answers, its packages sorted."""
        packages = tuple(self._package(key) for key in sorted(self._entries, key=_order))
        previous = self._previous
        return Lock(
            created_by="vinstall",
            environments=self._environments.markers(
                [answer.resolution for answer in self._answers]
            ),
            extras=self._options.extras,
            dependency_groups=self._options.groups,
            packages=packages,
            tool=previous.tool if previous else {},
            unknown=previous.unknown if previous else {},
        )

    # --- entries ----------------------------------------------------------------------------

    def _package(self, key: _Key) -> LockedPackage:
        entry = self._entries[key]
        at, pin = next(iter(entry.pins.items()))
        before = self._before(key)
        release = self._answers[at].release(pin)
        common = LockedPackage(
            name=pin.name,
            version=pin.version,
            marker=self._marker(key),
            requires_python=pin.metadata.requires_python,
            dependencies=tuple(self._dependencies(key)),
            attestation_identities=self._identities(entry)
            or (before.attestation_identities if before else ()),
            tool=before.tool if before else {},
            unknown=before.unknown if before else {},
        )
        if pin.direct_url is not None or release is None:
            return self._direct(common, pin)
        return self._from_index(common, entry, release, before)

    def _marker(self, key: _Key) -> Marker | None:
        """Where the entry is needed: in which environments, and for which extras or groups."""
        entry = self._entries[key]
        where = self._environments.marker_for(entry.pins)
        conditions = [self._answers[at].conditions.get(key[0], ()) for at in entry.pins]
        if not all(conditions):
            return where
        asked = " or ".join(sorted({text for each in conditions for text in each}))
        return parse_marker(asked if where is None else f"({where.text}) and ({asked})")

    def _identities(self, entry: _Entry) -> tuple[Table, ...]:
        """Of the chosen files, each identity once, in a fixed order."""
        files = {pin.choice.artifact.file for pin in entry.pins.values() if pin.direct_url is None}
        found = [
            table
            for file in sorted(files, key=lambda file: file.url)
            for table in self._facts.identities(file)
        ]
        texts = {repr(sorted(table.items())): table for table in found}
        return tuple(texts[text] for text in sorted(texts))

    def _before(self, key: _Key) -> LockedPackage | None:
        packages = self._previous.packages if self._previous else ()
        found = [each for each in packages if each.name == key[0] and each.version == key[1]]
        return found[0] if found else None

    def _from_index(
        self, common: LockedPackage, entry: _Entry, release: Release, before: LockedPackage | None
    ) -> LockedPackage:
        chosen = {pin.choice.artifact.file.filename for pin in entry.pins.values()}
        wheels = [wheel.file for wheel in release.wheels]
        sdists = [sdist.file for sdist in release.sdists]
        if self._options.resolved:
            wheels = [file for file in wheels if file.filename in chosen]
            sdists = [file for file in sdists if file.filename in chosen]
        elif self._options.pip_compatible:
            wheels = plain_if_any(wheels)
        wheels, table = self._explained(wheels, entry, release)
        locked = self._files(wheels, chosen, common.name)
        sources = self._files(sdists[:1], chosen, common.name)
        done = replace(
            common,
            index=release.source if "://" in release.source else None,
            wheels=tuple(sorted(locked, key=lambda file: file.name)),
            sdist=sources[0] if sources else None,
            variants=listed_variants(table, locked),
        )
        _check_hashes(done, before)
        return done

    def _explained(
        self, wheels: list[RemoteFile], entry: _Entry, release: Release
    ) -> tuple[list[RemoteFile], VariantTable | None]:
        """Those of `wheels` whose labels are explained, and what explains them."""
        chosen = {pin.choice.artifact.file.filename for pin in entry.pins.values()}
        table = next((p.choice.table for p in entry.pins.values() if p.choice.table), None)
        kept = explained(wheels, table, chosen)
        if table is None and len(kept) < len(wheels):
            table = self._answers[next(iter(entry.pins))].table(release)
            kept = explained(wheels, table, chosen)
        if len(kept) < len(wheels):
            self._observer.notice(
                f"`{release.name}`: {len(wheels) - len(kept)} wheels are not in the lock, "
                "nothing is known of their labels or they are not wanted"
            )
        return kept, table

    def _files(
        self, files: Iterable[RemoteFile], chosen: set[str], name: NormalizedName
    ) -> list[LockedFile]:
        locked = []
        left_out = 0
        for file in files:
            hashes = file.hashes
            if not hashes and file.filename in chosen:
                digest = self._facts.sha256(file)
                hashes = (("sha256", digest),) if digest else ()
            if hashes:
                locked.append(_locked_file(file, hashes, self._options.place))
            else:
                left_out += 1
        if left_out:
            self._observer.notice(
                f"`{name}`: {left_out} files are not in the lock, the index gives no hash for them"
            )
        return locked

    def _direct(self, common: LockedPackage, pin: Pin) -> LockedPackage:
        found = self._facts.direct(pin)
        return direct_entry(common, pin, found, self._options.place)

    # --- dependencies -----------------------------------------------------------------------

    def _edges_of(self, entry: _Entry) -> dict[tuple[_Key, str | None], frozenset[NormalizedName]]:
        """(child, marker or None) to the parent's extras the marker asks about.

        A marker is kept where it asks about variants, or is true for some of the hosts only.
        """
        edges: dict[tuple[_Key, str | None], frozenset[NormalizedName]] = {}
        for requirement in entry.requirements():
            marker = requirement.marker
            if marker is not None and _VARIANT_FIELD in marker.text:
                children = self._children(requirement, range(len(self._answers)))
            else:
                holding = [at for at in entry.pins if self._holds(marker, at, entry.pins[at])]
                children = self._children(requirement, holding)
                marker = None if len(holding) == len(entry.pins) else marker
            text = None if marker is None else marker.text
            extras = entry.extras() if text is not None and "extra" in text else frozenset()
            for child in children:
                edges[child, text] = edges.get((child, text), frozenset()) | extras
        return edges

    def _holds(self, marker: Marker | None, at: int, pin: Pin) -> bool:
        context = MarkerContext(environment=self._answers[at].markers, extras=pin.extras)
        return marker is None or marker.evaluate(context)

    def _children(self, requirement: Requirement, hosts: Collection[int]) -> list[_Key]:
        """The entries a requirement may mean on `hosts`: of its name, with a version it admits."""
        return [
            key
            for key, entry in self._entries.items()
            if key[0] == requirement.name
            and any(host in entry.pins for host in hosts)
            and (requirement.url or requirement.specifier.contains(key[1], prereleases=True))
        ]

    def _dependencies(self, key: _Key) -> list[Table]:
        """Dependency tables, sorted.

        Where any of them has a marker, those that lead to what the user named are left out: an
        entry nothing leads to is installed whatever the markers say.
        """
        tables: dict[str, dict[str, object]] = {}
        for (child, marker), extras in self._edges[key].items():
            if self._is_conditional and child in self._roots:
                continue
            table: dict[str, object] = {"name": child[0]}
            if sum(other[0] == child[0] for other in self._entries) > 1:
                table["version"] = str(child[1])
            if marker is not None and (child, None) not in self._edges[key]:
                table["marker"] = marker
                if extras:
                    table["extras"] = sorted(extras)
            tables[repr(sorted(table.items()))] = table
        return [tables[text] for text in sorted(tables)]


def direct_entry(
    package: LockedPackage, pin: Pin, found: DirectSource, place: LockPlace
) -> LockedPackage:
    """`package` with the source of a direct requirement: a checkout, a folder or an archive."""
    url, fragment = urldefrag(_shareable(pin.direct_url or pin.choice.artifact.file.url))
    subdirectory = parse_qs(fragment).get("subdirectory", [None])[0]
    artifact = pin.choice.artifact
    if url.startswith("git+"):
        return replace(package, version=None, vcs=_checkout(url, found, subdirectory))
    path = place.path_of(url)
    hashes = artifact.file.hashes or ((("sha256", found.sha256),) if found.sha256 else ())
    if path is not None and not hashes and not isinstance(artifact, Wheel):
        directory = LockedDirectory(
            path=path, editable=artifact.editable or None, subdirectory=subdirectory
        )
        return replace(package, version=None, directory=directory)
    archive = LockedFile(
        name=artifact.file.filename,
        url=None if path is not None else url,
        path=path,
        size=artifact.file.size,
        hashes=tuple(sorted(hashes)),
        subdirectory=subdirectory,
    )
    return replace(package, archive=archive)


def _shareable(url: str) -> str:
    """`url` without a password, for locks are passed on; one in a `${VARIABLE}` is none."""
    bare, _, password = split_user(url)
    return url if password is None or password.startswith("${") else bare


def _checkout(url: str, found: DirectSource, subdirectory: str | None) -> LockedVcs:
    address = url.removeprefix("git+")
    before, at, revision = address.rpartition("@")
    has_revision = bool(at) and "//" in before  # else the `@` is a user name's
    return LockedVcs(
        type="git",
        url=before if has_revision else address,
        requested_revision=revision if has_revision else None,
        commit_id=found.commit or "",
        subdirectory=subdirectory,
    )


def _key(pin: Pin) -> _Key:
    return pin.name, pin.version, pin.direct_url or pin.choice.artifact.source


def _order(key: _Key) -> tuple[str, Version, str]:
    return key


def _locked_file(
    file: RemoteFile, hashes: Sequence[tuple[str, str]], place: LockPlace
) -> LockedFile:
    path = place.path_of(file.url)
    return LockedFile(
        name=file.filename,
        url=None if path is not None else file.url,
        path=path,
        size=file.size,
        upload_time=_time(file.upload_time),
        hashes=tuple(sorted(hashes)),
    )


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _check_hashes(now: LockedPackage, before: LockedPackage | None) -> None:
    """A file that keeps its name keeps its bytes."""
    if before is None:
        return
    old = {file.name: dict(file.hashes) for file in (*before.wheels, *filter(None, [before.sdist]))}
    for file in (*now.wheels, *filter(None, [now.sdist])):
        for algorithm, digest in file.hashes:
            known = old.get(file.name, {}).get(algorithm, digest)
            if known != digest:
                raise IntegrityError(
                    f"`{file.name}` has another {algorithm} hash than in the lock",
                    context=(
                        f"in the lock: {known}, from `{before.index or 'an unnamed source'}`",
                        f"now: {digest}, from `{now.index or 'an unnamed source'}`",
                    ),
                    hint="a published file never changes; find out which of the two is right",
                )
