"""A lock in the place of requirements: what it says is installed, and from where, is all there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.catalog.source_catalog import SourceCatalog
from vinstall.errors import FormatError
from vinstall.formats.pylock import Lock, LockedPackage, parse_lock
from vinstall.locking.pages import LockPages, LockReader
from vinstall.locking.place import LockPlace
from vinstall.locking.reading import LockRequest, applicable, editable_urls, from_lock
from vinstall.net.redaction import redact
from vinstall.resolution.model import Resolution
from vinstall.sources.location import url_path
from vinstall.workflows.assemble import Rooms, load_text
from vinstall.workflows.policies import selection_policies
from vinstall.workflows.resolving import Question
from vinstall.workflows.wanted_lock import WantedLock


def read_lock(rooms: Rooms, location: str) -> tuple[Lock, LockPlace]:
    """The lock at a path or URL, and what it may reach.  Raises FormatError naming file and place."""
    text = load_text(rooms, location)
    try:
        lock = parse_lock(text)
    except FormatError as error:
        raise FormatError(
            f"`{redact(location)}` is no lock: {error.message}",
            context=error.context,
            hint="make it anew with the tool that wrote it",
        ) from error
    return lock, _place(rooms, location)


def _place(rooms: Rooms, location: str) -> LockPlace:
    allowed = rooms.settings.allow_sources
    if location.lower().startswith(("http:", "https:")):
        return LockPlace(name=redact(location), folder=None, allowed=allowed)
    path = (
        url_path(location)
        if location.lower().startswith("file:")
        else rooms.invocation.folder / Path(location).expanduser()
    )
    return LockPlace(name=location, folder=path.absolute().parent, allowed=allowed)


@contextmanager
def open_lock(
    question: Question,
    packages: tuple[LockedPackage, ...],
    place: LockPlace,
) -> Iterator[SourceCatalog]:
    """A catalog of what `packages` list, for the target and host of `question`."""
    rooms = question.rooms
    catalog = SourceCatalog(
        pages=LockPages(packages, place),
        reader=LockReader(packages, rooms.reader),
        target=question.target,
        answers=question.answers,
        policy=selection_policies(rooms.settings, question.hashes),
        builder=None if question.target.described else question.builder,
        editable=editable_urls(packages, place),
        observer=rooms.observer,
        threads=0,
    )
    try:
        yield catalog
    finally:
        catalog.close()


def resolution_of(
    lock: Lock,
    question: Question,
    place: LockPlace,
    *,
    extras: frozenset[NormalizedName] = frozenset(),
    groups: frozenset[NormalizedName] | None = None,
) -> Resolution:
    """What `lock` installs on the target and host of `question`.  Raises ResolutionError."""
    request = LockRequest(
        markers=question.target.markers,
        python=question.target.python_version,
        extras=extras,
        groups=groups,
    )
    packages = applicable(lock, request, place)
    with open_lock(question, packages, place) as catalog:
        return from_lock(packages, catalog=catalog, markers=question.target.markers, place=place)


def resolve_lock(question: Question, wanted: WantedLock) -> Resolution:
    """What the lock of this run installs here.  No index is asked (PEP 751)."""
    question.rooms.observer.phase("resolve")
    lock, place = read_lock(question.rooms, wanted.location)
    return resolution_of(
        lock,
        question,
        place,
        extras=frozenset(canonicalize_name(name) for name in wanted.extras),
        groups=frozenset(canonicalize_name(name) for name in wanted.groups) or None,
    )


def installs_alike(
    lock: Lock, question: Question, resolution: Resolution, place: LockPlace
) -> str | None:
    """How what `lock` installs differs from `resolution`; None where it does not."""
    everything = resolution_of(
        lock,
        question,
        place,
        extras=frozenset(lock.extras or ()),
        groups=frozenset(canonicalize_name(name) for name in lock.dependency_groups or ()),
    )
    found = {pin.name: pin for pin in everything.pins}
    wanted = {pin.name: pin for pin in resolution.pins}
    for name in sorted(found.keys() | wanted.keys()):
        if name not in found or name not in wanted:
            return f"`{name}` is needed" if name in wanted else f"`{name}` is not needed"
        old, new = wanted[name], found[name]
        if old.version != new.version or old.choice.label != new.choice.label:
            return (
                f"`{name}` is {old.version} {old.choice.label or ''}".rstrip()
                + f", the lock gives {new.version} {new.choice.label or ''}".rstrip()
            )
    return None
