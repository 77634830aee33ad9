"""The cache: where it is, what is in it, and less of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.cache.files import Cache, CacheInfo
from vinstall.catalog.metadata_shelf import SHELVES
from vinstall.errors import UsageError
from vinstall.formats.simple_api import ARCHIVE_SUFFIXES
from vinstall.observer import Observer
from vinstall.values import frozen
from vinstall.workflows.folders import user_cache_folder
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]?)(i?)b?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@frozen
class Cleaned:
    """What a removal did."""

    root: Path
    freed: int
    """Bytes."""


def cache_folder(settings: Settings, invocation: Invocation) -> Path:
    """The folder of the cache, whether it exists or not.  Raises UsageError with `--no-cache`."""
    if settings.no_cache:
        raise UsageError(
            "there is no cache: it is switched off",
            hint="`vinstall config` shows where `no-cache` is set",
        )
    folder = settings.cache_dir or user_cache_folder(invocation.environ)
    return invocation.folder / folder


def cache_info(settings: Settings, invocation: Invocation, observer: Observer) -> CacheInfo:
    """How much each part of the cache holds.  Costs a look at every file."""
    return _cache(settings, invocation, observer).info()


def clean_cache(
    settings: Settings, projects: Iterable[str], invocation: Invocation, observer: Observer
) -> Cleaned:
    """Remove everything, or what there is of `projects` alone: files, builds, pages, metadata.

    Pages of `--find-links` list many projects and stay.
    """
    cache = _cache(settings, invocation, observer)
    names = frozenset(canonicalize_name(name) for name in projects)
    freed = _clean_projects(cache, names) if names else cache.clean()
    return Cleaned(root=cache_folder(settings, invocation), freed=freed)


def _clean_projects(cache: Cache, names: frozenset[NormalizedName]) -> int:
    from vinstall.sources.kept_values import kept_values

    values = set(kept_values(cache, names, is_theirs=lambda filename: _project(filename) in names))
    return cache.discard(
        lambda entry: (
            entry in values
            or entry.parents[1].name == SHELVES
            or not names.isdisjoint(_projects(entry))
        )
    )


def prune_cache(
    settings: Settings, max_size: int | None, invocation: Invocation, observer: Observer
) -> Cleaned:
    """Remove what no run will use any more, then what was not used for longest.

    `max_size`: how many bytes may stay; None: any number.
    """
    freed = _cache(settings, invocation, observer).prune(max_size)
    return Cleaned(root=cache_folder(settings, invocation), freed=freed)


def _cache(settings: Settings, invocation: Invocation, observer: Observer) -> Cache:
    return Cache(cache_folder(settings, invocation), observer=observer)


def _projects(entry: Path) -> set[NormalizedName | None]:
    """The projects that one entry is of: by the names of the files in it.

    A downloaded or built file lies in a folder under its own name; an unpacked wheel has its
    `.dist-info` below `files`.
    """
    found = (entry, *entry.glob("*"), *entry.glob("files/*.dist-info"))
    suffixes = (*ARCHIVE_SUFFIXES, ".dist-info")
    return {_project(path.name) for path in found if path.name.endswith(suffixes)}


def _project(filename: str) -> NormalizedName | None:
    """What stands before a dash and a version; old names have dashes in the project's name too."""
    parts = filename.split("-")
    for end in range(1, len(parts)):
        if parts[end][:1].isdigit():
            return canonicalize_name("-".join(parts[:end]))
    return None


def parse_size(text: str) -> int:
    """`500MB`, `2 GiB`, `1000000` in bytes; `K`, `M`, `G`, `T` are decimal, with `i` binary.

    Raises UsageError.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or (found[3] and not found[2]):
        raise UsageError(f"`{text}` is no size", hint="write `500MB`, `2GiB`, or bytes")
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** _POWERS[found[2].lower()])
