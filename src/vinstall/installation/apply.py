"""Carry out a plan: one transaction, after which the environment is as asked, or as it was.

What happens in which order, and what a crash leaves behind, is `journal`'s to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import NormalizedName

from vinstall.cache.store import Bytecode, Store, StoredWheel
from vinstall.errors import InstallationError
from vinstall.installation.assembly import Incoming
from vinstall.installation.destination import Destination
from vinstall.installation.environment_lock import (
    EnvironmentLock,
    home_folder,
    lock_environment,
)
from vinstall.installation.healing import heal_stage, unfinished
from vinstall.installation.linking import LinkMode, default_link_mode
from vinstall.installation.origin import origin_file
from vinstall.installation.plan import Plan
from vinstall.installation.remove import plan_removal
from vinstall.installation.scripts import launcher_kind
from vinstall.installation.transfer import Linker
from vinstall.installation.upgrade import Upgrade
from vinstall.observer import Observer
from vinstall.resolution.model import Pin
from vinstall.target.environment import Target
from vinstall.target.installed import InstalledDistribution, InstalledSet, scan_installed
from vinstall.target.layout import refuse_managed
from vinstall.values import frozen

_SCHEME_KEYS = ("purelib", "platlib", "scripts", "data", "headers")


@frozen
class Outcome:
    """What was done."""

    installed: tuple[Pin, ...] = ()
    """New distributions."""
    replaced: tuple[tuple[InstalledDistribution, Pin], ...] = ()
    removed: tuple[InstalledDistribution, ...] = ()
    link_mode: LinkMode | None = None
    """How files came from the store, after a fallback; None where none did."""


@frozen
class ApplyOptions:
    """The user's say on how files are put in place."""

    link_mode: LinkMode | None = None
    """None: what suits the system."""
    compile_into: Store | None = None
    """`--compile`: the store that bytecode is kept in; None: modules are not compiled."""


def apply(
    plan: Plan,
    stored: Mapping[NormalizedName, StoredWheel],
    target: Target,
    *,
    observer: Observer,
    options: ApplyOptions | None = None,
    direct_urls: Mapping[NormalizedName, Mapping[str, object]] | None = None,
    lock: EnvironmentLock | None = None,
) -> Outcome:
    """Change `target` as `plan` says; `stored` holds a wheel for each pin of the plan.

    `direct_urls`: PEP 610 objects that say more than the pins do.  `lock`: held by the caller
    since before it looked at what is installed; else it is taken here and the plan checked
    against what is there now.  Raises InstallationError or TargetError, and nothing has changed.
    """
    refuse_managed(target)
    chosen = options or ApplyOptions()
    with _locked(lock, target, observer):
        _heal(target, observer)
        installed = scan_installed(target)
        _check_current(plan, installed)
        if plan.is_empty:
            return Outcome()
        store = chosen.compile_into
        mode = chosen.link_mode or default_link_mode()
        linker = Linker(mode, keep_times=store is not None)
        wheels = [stored[pin.name] for pin in plan.pins]
        bytecode = _bytecode(wheels, target, store, observer) if store is not None else {}
        change = Upgrade(
            _incoming(plan.pins, wheels, bytecode, direct_urls or {}),
            destination_of(target),
            linker,
            removals=[plan_removal(old, target) for old in plan.leaving],
            installed=installed,
            observer=observer,
        )
        change.prepare()
        change.carry_out()
        for pin in plan.pins:
            observer.installed(pin.name, str(pin.version))
        if linker.mode != mode:
            observer.detail(f"files were copied: `{mode}` does not work from the cache to here")
        return Outcome(
            installed=plan.install,
            replaced=plan.replace,
            removed=plan.remove,
            link_mode=LinkMode(linker.mode) if plan.pins else None,
        )


def uninstall(
    names: Iterable[NormalizedName],
    target: Target,
    *,
    observer: Observer,
    lock: EnvironmentLock | None = None,
) -> Outcome:
    """Remove distributions by name, duplicates included; one that is absent is a warning."""
    refuse_managed(target)
    with _locked(lock, target, observer) as held:
        _heal(target, observer)
        installed = scan_installed(target)
        leaving: list[InstalledDistribution] = []
        for name in dict.fromkeys(names):
            found = installed.get(name)
            if found is None:
                observer.warning(f"`{name}` is not installed")
                continue
            leaving.append(found)
            leaving += [other for other in installed.duplicates if other.name == name]
        plan = Plan(remove=tuple(leaving))
        return apply(plan, {}, target, observer=observer, lock=held)


def heal(target: Target, observer: Observer, *, lock: EnvironmentLock | None = None) -> bool:
    """Finish or undo a change that was interrupted; true where the environment was touched.

    Costs one listing of the site folder where there is nothing to do.  Raises InstallationError.
    """
    if not any(unfinished(Path(home_folder(target)))):
        return False
    with _locked(lock, target, observer):
        return _heal(target, observer)


def _heal(target: Target, observer: Observer) -> bool:
    touched = False
    for stage in unfinished(Path(home_folder(target))):
        if heal_stage(stage):
            observer.notice(f"an interrupted installation into `{target.prefix}` was healed")
            touched = True
    return touched


@contextmanager
def _locked(
    lock: EnvironmentLock | None, target: Target, observer: Observer
) -> Iterator[EnvironmentLock]:
    if lock is None:
        with lock_environment(target, observer) as taken:
            yield taken
        return
    if lock.site != Path(home_folder(target)):
        raise ValueError(f"the lock is for {lock.site}")
    yield lock


def _incoming(
    pins: Sequence[Pin],
    wheels: Sequence[StoredWheel],
    bytecode: Mapping[str, Bytecode],
    direct_urls: Mapping[NormalizedName, Mapping[str, object]],
) -> list[Incoming]:
    return [
        Incoming(
            pin.name,
            wheel,
            pin.requested,
            origin_file(pin, wheel.sha256, direct_urls.get(pin.name)),
            bytecode.get(wheel.sha256),
        )
        for pin, wheel in zip(pins, wheels, strict=True)
    ]


def destination_of(target: Target) -> Destination:
    """`target` as putting files in place sees it."""
    return Destination(
        python=str(target.python),
        folders={key: str(target.scheme.path(key)) for key in _SCHEME_KEYS},
        launcher=launcher_kind(target),
    )


def _bytecode(
    wheels: Sequence[StoredWheel], target: Target, store: Store, observer: Observer
) -> Mapping[str, Bytecode]:
    from vinstall.installation.bytecode import compile_wheels

    return compile_wheels(wheels, target, store, observer)


def _check_current(plan: Plan, installed: InstalledSet) -> None:
    """The plan must start from what is there: somebody else may have been faster."""
    present = {found.location for found in (*installed, *installed.duplicates)}
    stale = [old.name for old in plan.leaving if old.location not in present]
    for pin in plan.install:
        found = installed.get(pin.name)
        if found is not None and found.local:
            stale.append(pin.name)
    if stale:
        raise InstallationError(
            "the environment changed while this installation was prepared",
            context=tuple(f"`{name}`" for name in sorted(set(stale))),
            hint="run the command again",
        )
