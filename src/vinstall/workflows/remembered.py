"""Remembered resolutions: what was resolved once is not resolved again while nothing it rests on changed.

A resolution is a function of what is asked, the user's options, the target, what is installed,
and the pages that were read.  All but the pages make the key.  The pages are those in the cache:
each is known by the stamp of its file, and all must be fresh, just as a resolution anew would use
them without asking anybody.  Where variants had a say, what providers answered is kept beside it,
and must be what they answer now (`remembered_choices`).  Where anything else had one (source
distributions, places on this machine) nothing is remembered.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from packaging import __version__ as packaging_version
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall import __version__
from vinstall.cache.files import Cache
from vinstall.digest import sha256
from vinstall.formats.metadata import Metadata
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.resolution.model import Kept, Pin, Resolution
from vinstall.selection.release import Choice, Wheel
from vinstall.target.environment import Target
from vinstall.values import Row, field_names, replace
from vinstall.workflows.remembered_choices import (
    Answers,
    Catalog,
    Questions,
    answer_rows,
    are_still_given,
    place_of,
)
from vinstall.workflows.requirements import Asked
from vinstall.workflows.settings import Settings, TargetSettings

if TYPE_CHECKING:
    from vinstall.sources.chain import Chain
    from vinstall.target.installed import InstalledDistribution
    from vinstall.workflows.installed_variants import Standing

RESOLUTIONS = "resolutions"
"""The bucket of the cache."""
_REVISION = 3
_FEW = 8
"""Installed distributions whose metadata is read and not only looked at."""

Key = tuple[str, str]
FileStamp = tuple[str, int, int, int]
"""Path, number, size, time of modification."""


class WatchedPages:
    """A chain that notes which projects' pages are read."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._stamps: dict[str, FileStamp] = {}
        self._until = float("inf")
        self.are_plain = True
        """Whether each page is kept in a file."""

    def pages(self, name: NormalizedName) -> Sequence[ProjectPage]:
        """As the chain's."""
        found = self._chain.pages(name)
        kept = self._chain.kept(name)
        if kept is None:
            self.are_plain = False
        for path, until in kept or ():
            stamp = _stamp(path)
            if stamp is None:
                self.are_plain = False
            else:
                self._stamps[stamp[0]] = stamp
                self._until = min(self._until, until)
        return found

    def asked(self, name: NormalizedName) -> tuple[str, ...]:
        """As the chain's."""
        return self._chain.asked(name)

    def stamps(self) -> tuple[list[FileStamp], float]:
        """The stamps of the files that hold the pages read, and when the first is no longer fresh."""
        return list(self._stamps.values()), self._until


def question_key(
    settings: Settings, asked: Asked, target: Target, standings: Iterable[Standing], cutoff: object
) -> Key | None:
    """What a resolution rests on beside pages; None where it cannot be named.

    `cutoff` is what `--exclude-newer` comes to now.
    """
    if settings.no_cache or any(line.location for line in asked.requirements):
        return None
    # How and where files are put does not matter, nor does which environment it is.
    plain = Settings()
    settings = replace(
        settings,
        target=TargetSettings(),
        dry_run=plain.dry_run,
        report=plain.report,
        compile=plain.compile,
        link_mode=plain.link_mode,
        cache_dir=plain.cache_dir,
        refresh=plain.refresh,
        exclude_newer=plain.exclude_newer,
        exclude_newer_for=plain.exclude_newer_for,
    )
    where = (
        str(target.python_version),
        sorted(target.markers.items()),
        tuple(target.tags),
        target.described,
    )
    standings = tuple(standings)
    identify = _content_of if len(standings) <= _FEW else _stamp_of
    there = sorted(
        (one.distribution.name, str(one.distribution.version), *identify(one.distribution))
        for one in standings
    )
    variants = any(one.verdict is not None for one in standings)
    try:
        parts = (_plain(settings), _plain(asked), _plain(cutoff), where, there)
    except _Unclear:
        return None
    if variants or _has_places(asked):
        return None
    versions = f"{_REVISION} {__version__} {packaging_version}"
    return versions, sha256(repr(parts).encode()).hexdigest()


class Remembered(Row):
    """A resolution, and what it rests on beside its key."""

    resolution: Resolution
    """Without edges, and without what files require."""
    pages: tuple[str, ...]
    """The files of the pages that were read."""
    until: float
    """Seconds since the epoch up to which all of them are fresh."""
    is_plain: bool = True
    """Whether no provider had a say: nothing but the key and the pages."""


class Window(Protocol):
    """Where choices among variants are made again; opened where one is."""

    @property
    def answers(self) -> Answers:
        """Who knows what the target supports."""
        ...

    @property
    def catalog(self) -> Catalog:
        """The window on the sources."""
        ...


def recall(
    cache: Cache, key: Key, *, offline: bool = False, window: Window | None = None
) -> Remembered | None:
    """What was remembered under `key`.

    None where there is none, or where a page is another one by now, or no longer fresh, or a
    provider answers otherwise.  Costs a look at the file of each page, a microsecond or two; where
    variants had a say, providers are asked and their releases read again.
    """
    value = cache.read_value(RESOLUTIONS, key)
    if value is None:
        return None
    stamps, until, pins, kept, notices, said = cast("tuple[Any, float, Any, Any, Any, Any]", value)
    if until <= time.time() and not offline:
        return None
    if any(_stamp(stamp[0]) != stamp for stamp in stamps):
        return None
    if said and (window is None or not are_still_given(said, window.answers)):
        return None
    found = [_pin(*row, window=window) for row in pins]
    if None in found:
        return None
    resolution = Resolution(
        pins=tuple(pin for pin in found if pin is not None),
        kept=tuple(
            Kept(
                name=name,
                version=Version(version),
                extras=frozenset(extras),
                requested=requested,
            )
            for name, version, extras, requested in kept
        ),
        notices=tuple(notices),
    )
    return Remembered(resolution, tuple(stamp[0] for stamp in stamps), until, not said)


def keep(
    cache: Cache,
    key: Key,
    resolution: Resolution,
    pages: WatchedPages,
    *,
    asked: Questions | None = None,
    catalog: Catalog | None = None,
) -> bool:
    """Remember `resolution`, for which `pages` were read; whether that was possible.

    `asked`: what providers were asked, for a choice of `catalog`.
    """
    places = [_place(pin, catalog) for pin in resolution.pins]
    if not pages.are_plain or None in places or resolution.has_warned:
        return False
    stamps, until = pages.stamps()
    pins = [
        (
            pin.choice.artifact.file.filename,
            tuple(pin.choice.artifact.file),
            pin.choice.artifact.source,
            sorted(pin.extras),
            pin.requested,
            place,
        )
        for pin, place in zip(resolution.pins, places, strict=True)
    ]
    kept = [
        (found.name, str(found.version), sorted(found.extras), found.requested)
        for found in resolution.kept
    ]
    said = answer_rows(asked or {})
    value = (stamps, until, pins, kept, list(resolution.notices), said)
    cache.write_value(RESOLUTIONS, key, value)
    return True


def _place(pin: Pin, catalog: Catalog | None) -> int | None:
    """Which of its release's choices a pin is; -1 where variants had no say; None: neither."""
    if _is_plain_pin(pin):
        return -1
    if catalog is None or pin.direct_url is not None:
        return None
    return place_of(pin, catalog) if isinstance(pin.choice.artifact, Wheel) else None


def _is_plain_pin(pin: Pin) -> bool:
    """Whether nothing but names and tags decided on the file."""
    choice = pin.choice
    return isinstance(choice.artifact, Wheel) and pin.direct_url is None and choice.is_plain


def _pin(
    filename: str,
    row: tuple[Any, ...],
    source: str,
    extras: list[str],
    requested: bool,
    place: int,
    *,
    window: Window | None,
) -> Pin | None:
    """The pin; None where its release would give another file now."""
    name = parse_wheel_name(filename)
    choice = Choice(artifact=Wheel(name=name, file=RemoteFile(*row), source=source))
    if place >= 0:
        choices = window.catalog.choices(name.name, name.version) if window is not None else ()
        again = choices[place] if place < len(choices) else None
        if again is None or again.artifact != choice.artifact:
            return None
        choice = again
    return Pin(
        name=name.name,
        version=name.version,
        choice=choice,
        metadata=Metadata(name=name.name, version=name.version),
        extras=frozenset(map(NormalizedName, extras)),
        requested=requested,
    )


def _content_of(found: InstalledDistribution) -> tuple[str]:
    """What the metadata says: so the `pip` of a new environment is known from another one."""
    try:
        content = found.metadata()
    except OSError:
        content = b""
    return (sha256(content).hexdigest(),)


def _stamp_of(found: InstalledDistribution) -> tuple[object, ...]:
    return _stamp(f"{found.location}/METADATA") or ()


def _stamp(path: str) -> FileStamp | None:
    """The stamp of a file; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a hundred of them
    except OSError:
        return None
    return path, status.st_ino, status.st_size, status.st_mtime_ns


def _has_places(asked: Asked) -> bool:
    """Whether anything is asked for by URL: what lies there may change."""
    lines = (*asked.requirements, *asked.constraints)
    requirements = [line.requirement for line in lines]
    return any(one is None or one.url is not None for one in (*requirements, *asked.overrides))


class _Unclear(Exception):
    """A value that has no one plain form."""


def _plain(value: object) -> object:
    """`value` as tuples, numbers and text, equal for equal values in every process."""
    match value:
        case None | bool() | int() | float() | str() | bytes():
            return value
        case Enum():
            return str(value)
        case Version() | SpecifierSet() | Path():
            return type(value).__name__, str(value)
        case Mapping():
            return tuple(sorted((repr(_plain(k)), _plain(v)) for k, v in value.items()))
        case frozenset() | set():
            return tuple(sorted(repr(_plain(item)) for item in value))
        case tuple() | list():
            return tuple(_plain(item) for item in value)
        case _:
            return _plain_object(value)


def _plain_object(value: object) -> object:
    names = field_names(value)
    if names is not None:
        parts = ((name, _plain(getattr(value, name))) for name in names)
        return type(value).__name__, tuple(parts)
    if type(value).__str__ is not object.__str__:
        return type(value).__name__, str(value)
    raise _Unclear
