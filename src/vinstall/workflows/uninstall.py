"""Uninstall: what goes, what would miss it, and then the change itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from packaging.utils import NormalizedName

from vinstall.errors import InstallationError, UsageError
from vinstall.formats.requirement_line import RequirementLine
from vinstall.installation.apply import heal
from vinstall.installation.apply import uninstall as remove_by_name
from vinstall.installation.placement import owners
from vinstall.installation.remove import Removal, plan_removal, recorded_files
from vinstall.observer import Observer
from vinstall.target.environment import Target
from vinstall.target.installed import InstalledDistribution, InstalledSet
from vinstall.target.layout import refuse_managed
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import describe, load_text
from vinstall.workflows.inventory import Inventory, open_inventory
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.needs_installed import Need, find_needs
from vinstall.workflows.requirements import read_requirements
from vinstall.workflows.settings import Settings


@frozen
class UninstallPlan:
    """What an uninstallation would do."""

    target: Target
    leaving: tuple[Removal, ...]
    """In the order asked for; several of one name where the environment has leftovers."""
    absent: tuple[str, ...]
    """What was asked for and is not installed."""
    broken: tuple[Need, ...]
    """What stays and requires something that leaves; sorted by dependent."""


@frozen
class UninstallReport:
    """The plan, and whether it was carried out."""

    plan: UninstallPlan
    done: bool


def uninstall(
    settings: Settings,
    invocation: Invocation,
    observer: Observer,
    *,
    confirm: Callable[[UninstallPlan], bool],
) -> UninstallReport:
    """Remove what `settings` name, all of it or nothing; `confirm` is asked where something leaves.

    Versions and markers of the requirements do not matter (pip).  Raises UsageError where nothing
    is named, InstallationError or TargetError for what must not or cannot be removed.
    """
    # What limits an installation has no say here, and its files need not be there.
    settings = replace(settings, constraint_files=(), override_files=(), build_constraint_files=())
    with open_inventory(settings, invocation, observer) as inventory:
        target = inventory.target
        observer.target(describe(target))
        if not settings.dry_run:
            refuse_managed(target)
            heal(target, observer)
            inventory = inventory.again()
        plan = _plan(inventory, _asked(inventory))
        for name in plan.absent:
            observer.warning(f"`{name}` is not installed")
        if not plan.leaving or not confirm(plan) or settings.dry_run:
            return UninstallReport(plan=plan, done=False)
        names = [removal.distribution.name for removal in plan.leaving]
        remove_by_name(names, target, observer=observer)
        return UninstallReport(plan=plan, done=True)


def _asked(inventory: Inventory) -> tuple[RequirementLine, ...]:
    rooms = inventory.rooms
    asked = read_requirements(
        rooms.settings,
        load=lambda location: load_text(rooms, location),
        environ=rooms.invocation.environ,
        folder=rooms.invocation.folder,
        read_input=rooms.invocation.read_input,
    )
    if not asked.requirements:
        raise UsageError(
            "there is nothing to uninstall", hint="name projects, or a file of them with `-r`"
        )
    return asked.requirements


def _plan(inventory: Inventory, asked: Iterable[RequirementLine]) -> UninstallPlan:
    installed, target = inventory.installed, inventory.target
    leaving: dict[NormalizedName, InstalledDistribution] = {}
    absent: dict[str, None] = {}
    for line in asked:
        found = _find(line, installed, inventory.rooms.invocation.folder)
        if found is None:
            absent[line.name or line.location or line.text] = None
        else:
            leaving[found.name] = found
    everything = [
        one
        for found in leaving.values()
        for one in (found, *(other for other in installed.duplicates if other.name == found.name))
    ]
    if not inventory.rooms.settings.target.break_system_packages:
        _refuse_foreign(everything)
    return UninstallPlan(
        target=target,
        leaving=_removals(everything, inventory),
        absent=tuple(absent),
        broken=_broken(inventory, leaving.keys()) if leaving else (),
    )


def _removals(
    leaving: Sequence[InstalledDistribution], inventory: Inventory
) -> tuple[Removal, ...]:
    """What goes with each; a file that something else lists too stays with that."""
    removals = [plan_removal(one, inventory.target) for one in leaving]
    gone = {one.location for one in leaving}
    installed = inventory.installed
    staying = [
        (one.name, recorded_files(one))
        for one in (*installed, *installed.duplicates)
        if one.location not in gone
    ]
    shared = owners([path for removal in removals for path in removal.files], staying)
    return tuple(
        replace(removal, files=tuple(path for path in removal.files if path not in shared))
        for removal in removals
    )


def _find(
    line: RequirementLine, installed: InstalledSet, folder: Path
) -> InstalledDistribution | None:
    """By name; a path or URL that names no project, by where distributions say they came from."""
    if line.name is not None:
        return installed.get(line.name)
    location = line.location or ""
    is_url = "://" in location
    url = location if is_url else (folder / Path(location).expanduser()).resolve().as_uri()
    wanted = url.partition("#")[0].rstrip("/")
    for one in installed:
        recorded = (one.direct_url() or {}).get("url")
        if isinstance(recorded, str) and recorded.rstrip("/") == wanted:
            return one
    return None


def _refuse_foreign(leaving: Iterable[InstalledDistribution]) -> None:
    """What conda installed, conda removes: its own records would be wrong afterwards."""
    foreign = [one for one in leaving if one.installer() == "conda"]
    if foreign:
        names = " ".join(one.name for one in foreign)
        raise InstallationError(
            f"`{foreign[0].name}` {foreign[0].version} was installed by conda",
            context=("conda keeps records of its own, which would be wrong afterwards",),
            hint=f"use `conda remove {names}`; `--break-system-packages` does it all the same",
        )


def _broken(inventory: Inventory, leaving: Iterable[NormalizedName]) -> tuple[Need, ...]:
    """Requirements of what stays on what leaves."""
    gone = frozenset(leaving)
    # Only the markers of what is installed matter here: what providers have to say of them
    # is no news to somebody who uninstalls.
    quiet = replace(inventory, rooms=replace(inventory.rooms, observer=Observer()))
    needs = find_needs(quiet.standings(), inventory.target.markers)
    return tuple(
        need
        for need in needs.found
        if need.requirement.name in gone and need.dependent.name not in gone
    )
