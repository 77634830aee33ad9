"""List: what is installed, as which variant, and what newer release the sources have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.errors import BuildError, UsageError
from vinstall.observer import Observer
from vinstall.target.installed import InstalledDistribution
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import describe, open_catalog
from vinstall.workflows.inventory import (
    Inventory,
    ShownVariant,
    editable_location,
    open_inventory,
    shown_variant,
    spelling,
)
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings

if TYPE_CHECKING:  # a plain list needs none of them, and should not wait for them
    from vinstall.catalog import Catalog
    from vinstall.formats.metadata import Metadata
    from vinstall.selection.release import Choice, SourceDistribution

_THREADS = 16
_BUILD = re.compile(rb"^Build:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)


@frozen
class ListWishes:
    """Which of the installed distributions are listed, in pip's words."""

    outdated: bool = False
    uptodate: bool = False
    editable: bool = False
    exclude_editable: bool = False
    local: bool = False
    not_required: bool = False
    exclude: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    """Folders to look in instead of the environment's own."""


@frozen
class Latest:
    """The newest release that could be installed here."""

    version: Version
    filetype: str
    """`wheel` or `sdist`."""
    label: str | None
    """The variant that would be chosen; None for a plain wheel or a source distribution."""


@frozen
class Listed:
    """One line of the list."""

    name: str
    """As its own metadata spells it; so is `version`."""
    version: str
    distribution: InstalledDistribution
    installer: str
    """Empty where the distribution does not say."""
    editable_location: str | None = None
    build: str | None = None
    """The build tag of its wheel."""
    variant: ShownVariant | None = None
    latest: Latest | None = None
    """None where it was not asked for, or no source has the project."""


def list_installed(
    settings: Settings, wishes: ListWishes, invocation: Invocation, observer: Observer
) -> tuple[Listed, ...]:
    """The distributions that `wishes` select, sorted by name.

    Costs the page of each project where `outdated` or `uptodate` are asked for.
    """
    if wishes.outdated and wishes.uptodate:
        raise UsageError("`--outdated` and `--uptodate` contradict each other")
    with open_inventory(settings, invocation, observer, paths=wishes.paths) as inventory:
        observer.target(describe(inventory.target))
        chosen = _chosen(inventory, wishes)
        if not (wishes.outdated or wishes.uptodate):
            return tuple(_listed(one) for one in chosen)
        found = []
        for one, latest in zip(chosen, _latest(inventory, chosen), strict=True):
            if latest is None:
                continue
            if latest.version > one.version if wishes.outdated else latest.version == one.version:
                found.append(replace(_listed(one), latest=latest))
        return tuple(found)


def _chosen(inventory: Inventory, wishes: ListWishes) -> list[InstalledDistribution]:
    excluded = {canonicalize_name(name) for name in wishes.exclude}
    required: set[NormalizedName] = set()
    if wishes.not_required:
        from vinstall.workflows.needs_installed import find_needs

        needs = find_needs(inventory.standings(), inventory.target.markers)
        required = {need.requirement.name for need in needs.found}
    only_local = wishes.local or inventory.rooms.settings.target.user
    return [
        one
        for one in inventory.distributions()
        if one.name not in excluded | required
        and (one.local or not only_local)
        and (not wishes.editable or one.is_editable())
        and not (wishes.exclude_editable and one.is_editable())
    ]


def _listed(distribution: InstalledDistribution) -> Listed:
    written = spelling(distribution)
    build = _BUILD.search(distribution.read("WHEEL") or b"")
    return Listed(
        name=written.name,
        version=written.version,
        distribution=distribution,
        installer=distribution.installer() or "",
        editable_location=editable_location(distribution),
        build=build[1].decode("ascii", "replace") if build else None,
        variant=shown_variant(distribution),
    )


# --- the newest releases ------------------------------------------------------------------------


class _NothingBuilt:
    """Lets source distributions count as releases; none is looked into."""

    def metadata(self, source: SourceDistribution) -> Metadata:
        raise BuildError(f"`{source.name}` is not built for a list")


def _latest(
    inventory: Inventory, distributions: Sequence[InstalledDistribution]
) -> Iterable[Latest | None]:
    """The newest usable release of each; None where no source has the project."""
    from concurrent.futures import ThreadPoolExecutor

    rooms, target = inventory.rooms, inventory.target
    catalog_of = open_catalog(rooms, target, inventory.answers(), builder=_NothingBuilt())
    with catalog_of as catalog, ThreadPoolExecutor(_THREADS) as pool:

        def newest(distribution: InstalledDistribution) -> Latest | None:
            return _newest(catalog, distribution.name, pre=rooms.settings.pre)

        return list(pool.map(newest, distributions))


def _newest(catalog: Catalog, name: NormalizedName, *, pre: bool) -> Latest | None:
    """As pip: no yanked release, and no pre-release without `--pre`."""
    for version in sorted(catalog.versions(name), reverse=True):
        if version.is_prerelease and not pre:
            continue
        choice = next(iter(catalog.choices(name, version)), None)
        if choice is not None and choice.artifact.file.yanked is None:
            return _as_latest(version, choice)
    return None


def _as_latest(version: Version, choice: Choice) -> Latest:
    from vinstall.selection.release import Wheel

    is_wheel = isinstance(choice.artifact, Wheel)
    return Latest(version=version, filetype="wheel" if is_wheel else "sdist", label=choice.label)


def names_installed(settings: Settings, invocation: Invocation) -> tuple[NormalizedName, ...]:
    """The names of what is installed, sorted."""
    with open_inventory(settings, invocation, Observer()) as inventory:
        return tuple(one.name for one in inventory.distributions())
