"""Change: one transaction, from a plan to a journal to its end."""

# System calls on paths that are compared as text.
# ruff: noqa: PTH119, PTH120

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from packaging.utils import NormalizedName

from vinstall.cache.store import Bytecode, StoredWheel
from vinstall.errors import InstallationError
from vinstall.installation.assembly import Arrival, Assembler, Text, used_schemes
from vinstall.installation.interruption import held_back
from vinstall.installation.journal import STAGE_PREFIX, Journal, Step
from vinstall.installation.linking import Linker, NewFile, Transfer, transfer
from vinstall.installation.placement import (
    Ground,
    Placement,
    Taken,
    home_folder,
    joined,
    missing_folders,
    owners,
    plan_placement,
    scheme_folders,
)
from vinstall.installation.plan import Plan
from vinstall.installation.remove import Removal, plan_removal, recorded_files
from vinstall.installation.sharing import (
    brought_once,
    compiled_from,
    is_bytecode,
    same_content,
    sources,
    without,
)
from vinstall.observer import Observer
from vinstall.pattern import pattern
from vinstall.target.environment import Target
from vinstall.target.installed import InstalledSet

_FOUNDATION = pattern(
    r"(?:python|pythonw|pypy|graalpy)[0-9.]*t?(?:\.exe)?|(?:de)?activate(?:\.\w+)?", re.IGNORECASE
)


class Change:
    """One transaction, from a plan to a journal to its end."""

    def __init__(
        self,
        plan: Plan,
        stored: Mapping[NormalizedName, StoredWheel],
        target: Target,
        installed: InstalledSet,
        *,
        linker: Linker,
        observer: Observer,
    ) -> None:
        self._plan = plan
        self._stored = stored
        self._target = target
        self._installed = installed
        self._linker = linker
        self._observer = observer
        self._ground = Ground(stage_name=f"{STAGE_PREFIX}{os.urandom(6).hex()}")

    # --- reading -----------------------------------------------------------------------------

    def prepare(
        self,
        *,
        bytecode: Mapping[str, Bytecode],
        direct_urls: Mapping[NormalizedName, Mapping[str, object]],
    ) -> None:
        """Everything that can fail without a trace; `bytecode` is by the wheel's sha256."""
        home = home_folder(self._target)
        wheels = [self._stored[pin.name] for pin in self._plan.pins]
        folders = scheme_folders(self._target, used_schemes(wheels))
        self._ground.add(folders.values(), home=home)
        removals = [plan_removal(old, self._target) for old in self._plan.leaving]
        for removal in removals:
            self._warn_outside(removal)
        assembler = Assembler(self._target, self._ground, folders)
        self._arrivals = brought_once(
            assembler.arrival(pin, wheel, bytecode.get(wheel.sha256), direct_urls.get(pin.name))
            for pin, wheel in zip(self._plan.pins, wheels, strict=True)
        )
        self._arrivals += [self._edited(removal) for removal in removals if removal.edited]
        self._journal = self._plan_journal(removals)

    def _plan_journal(self, removals: Sequence[Removal]) -> Journal:
        leaving = dict.fromkeys(path for removal in removals for path in removal.files)
        for path in self._owners_staying(leaving):
            del leaving[path]
        placement = self._place(leaving)
        if placement.taken and self._share(placement.taken):
            placement = self._place(leaving)
        leaving |= dict.fromkeys(self._replaceable(placement.taken))
        aside = tuple(
            Step(self._ground.area_of(path.rpartition("/")[0] or "/"), path) for path in leaving
        )
        emptied = {folder for removal in removals for folder in removal.emptied}
        return Journal(
            areas=tuple(self._ground.areas),
            aside=aside,
            inward=placement.inward,
            emptied=tuple(sorted(emptied, reverse=True)),
            created=missing_folders(area.base for area in self._ground.areas),
        )

    def _place(self, leaving: Collection[str]) -> Placement:
        claims = [claim for arrival in self._arrivals for claim in arrival.claims()]
        return plan_placement(self._ground.areas, claims, leaving)

    def _warn_outside(self, removal: Removal) -> None:
        if removal.outside:
            shown = ", ".join(ascii(path)[1:-1] for path in removal.outside[:3])
            self._observer.warning(
                f"`{removal.distribution.name}` lists files outside of the environment; "
                f"they are left alone: {shown}"
            )

    def _edited(self, removal: Removal) -> Arrival:
        """Files of a legacy distribution that lose a line."""
        texts = []
        for path, content in removal.edited:
            area, folder = self._ground.place(os.path.dirname(path))
            if content:
                texts.append(Text(area, folder, os.path.basename(path), content))
        return Arrival(owner=removal.distribution.name, texts=tuple(texts))

    # --- conflicts ---------------------------------------------------------------------------

    def _owners_staying(self, paths: Collection[str]) -> dict[str, NormalizedName]:
        """Path to a distribution that stays and lists it, for those of `paths` that have one."""
        if not paths:
            return {}
        gone = {old.location for old in self._plan.leaving}
        staying = [
            (found.name, recorded_files(found))
            for found in (*self._installed, *self._installed.duplicates)
            if found.location not in gone
        ]
        return owners(paths, staying)

    def _share(self, taken: Sequence[Taken]) -> bool:
        """Leave out what is there already with the same content and stays; whether there was any."""
        places = sources(self._arrivals, {obstacle.owner for obstacle in taken})
        at = {self._absolute(*place): place for place in places}
        known = [(obstacle.owner, obstacle.path, at.get(obstacle.path)) for obstacle in taken]
        same = {
            (owner, place)
            for owner, path, place in known
            if place is not None and same_content(places[place], path)
        }
        # With a module that stays goes what was compiled from it.
        same |= {
            (owner, place)
            for owner, _, place in known
            if place is not None
            and is_bytecode(place[1])
            and (owner, (place[0], compiled_from(place[1]))) in same
        }
        self._arrivals = without(self._arrivals, same)
        return bool(same)

    def _replaceable(self, taken: Sequence[Taken]) -> list[str]:
        """Paths in the way that belong to nobody.  Raises InstallationError where one does."""
        if not taken:
            return []
        owned = self._owners_staying([obstacle.path for obstacle in taken])
        for obstacle in taken:
            if owner := owned.get(obstacle.path):
                raise _conflict(obstacle.owner, owner, obstacle.path)
            if self._is_foundation(obstacle.path):
                raise InstallationError(
                    f"`{obstacle.owner}` would replace a part of the environment itself",
                    context=(f"`{obstacle.path}`",),
                )
            if obstacle.is_folder:
                raise InstallationError(
                    f"`{obstacle.owner}` has a file where the environment has a folder",
                    context=(f"`{obstacle.path}`",),
                    hint="remove the folder if nothing needs it",
                )
        paths = [obstacle.path for obstacle in taken]
        shown = [path for path in paths if not path.endswith(".pyc")]
        if shown:
            more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
            self._observer.warning(
                f"replaced a file that belongs to no installed project: `{shown[0]}`{more}"
            )
        return paths

    def _is_foundation(self, path: str) -> bool:
        """Whether `path` is what makes the environment one: its interpreter, its configuration."""
        folder, _, name = path.rpartition("/")
        if folder == os.path.realpath(self._target.scheme.scripts):
            return _FOUNDATION.fullmatch(name) is not None
        return name == "pyvenv.cfg" and folder == os.path.realpath(self._target.scheme.data)

    def _clash(self) -> InstallationError | None:
        """The conflict between two arrivals, if there is one; looked for once staging failed."""
        holders: dict[tuple[int, str], NormalizedName] = {}
        folders: dict[tuple[int, str], NormalizedName] = {}
        for arrival in self._arrivals:
            for claim in arrival.claims():
                folders.setdefault((claim.area, claim.folder), claim.owner)
                for name in claim.names:
                    key = (claim.area, joined(claim.folder, name))
                    other = holders.setdefault(key, claim.owner)
                    if other != claim.owner:
                        return _conflict(claim.owner, other, self._absolute(*key))
        for key in sorted(holders.keys() & folders.keys()):
            return _conflict(holders[key], folders[key], self._absolute(*key))
        return None

    def _absolute(self, area: int, path: str) -> str:
        return f"{self._ground.areas[area].base}/{path}"

    # --- writing -----------------------------------------------------------------------------

    def carry_out(self) -> None:
        """Stage, move, commit.  Raises InstallationError, with the environment as it was."""
        journal = self._journal
        try:
            journal.begin()
            with _syncing(journal):
                self._stage()
        except BaseException as error:
            with held_back():
                journal.discard()
            if isinstance(error, OSError):
                raise self._clash() or _failure(error) from error
            raise
        with held_back():
            try:
                journal.carry_out()
            except OSError as error:
                _undo(journal)
                raise _failure(error) from error
            except BaseException:
                _undo(journal)
                raise
            journal.finish()

    def _stage(self) -> None:
        """Every new file, below the stage folders."""
        self._linker.run(task for arrival in self._arrivals for task in self._tasks(arrival))
        versions = {pin.name: pin.version for pin in self._plan.pins}
        for arrival in self._arrivals:
            if arrival.owner in versions:
                self._observer.installed(arrival.owner, str(versions[arrival.owner]))

    def _tasks(self, arrival: Arrival) -> Iterator[Transfer | NewFile]:
        for link in arrival.links:
            yield transfer(link.group, link.root, self._staged(link.area, link.folder))
        for text in arrival.texts:
            folder = self._staged(text.area, text.folder)
            yield NewFile(f"{folder}/", text.name, text.content, text.executable)

    def _staged(self, area: int, folder: str) -> str:
        return joined(self._journal.areas[area].new, folder)


def _undo(journal: Journal) -> None:
    try:
        journal.undo()
    except OSError as error:
        raise InstallationError(
            f"the installation failed and could not be undone: {error.strerror or error}",
            context=(f"its journal is in `{journal.home}`",),
            hint="the next run of vinstall takes it up again",
        ) from error


def _failure(error: OSError) -> InstallationError:
    return InstallationError(
        f"the environment could not be changed: {error.strerror or error}",
        context=tuple(f"`{name}`" for name in (error.filename, error.filename2) if name),
        hint="nothing has changed; see that the environment is writable and the disk not full",
    )


@contextmanager
def _syncing(journal: Journal) -> Iterator[None]:
    """The draft reaches the disk while the files are staged."""
    failures: list[BaseException] = []

    def sync() -> None:
        try:
            journal.sync()
        except BaseException as error:  # noqa: BLE001  raised again below
            failures.append(error)

    thread = threading.Thread(target=sync)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failures:
        raise failures[0]


def _conflict(new: NormalizedName, old: NormalizedName, path: str) -> InstallationError:
    if new == old:
        return InstallationError(f"`{new}` has two files for one place", context=(f"`{path}`",))
    return InstallationError(
        f"`{new}` and `{old}` both have the file `{path}`",
        hint=f"one environment can hold only one of them: leave out `{new}`, or uninstall `{old}`",
    )
