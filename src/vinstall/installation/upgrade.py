"""Upgrade: a change that makes way for what it brings, and does not harm what stays."""

# Paths are compared as text.
# ruff: noqa: PTH119, PTH120

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence

from packaging.utils import NormalizedName

from vinstall.errors import InstallationError
from vinstall.installation.assembly import Arrival, Incoming, Text
from vinstall.installation.change import Change, conflict
from vinstall.installation.destination import Destination
from vinstall.installation.journal import Journal, Step
from vinstall.installation.placement import Taken, owners
from vinstall.installation.remove import Removal, recorded_files
from vinstall.installation.sharing import (
    compiled_from,
    is_bytecode,
    same_content,
    sources,
    without,
)
from vinstall.installation.transfer import Linker
from vinstall.observer import Observer
from vinstall.pattern import pattern
from vinstall.target.installed import InstalledSet

_FOUNDATION = pattern(
    r"(?:python|pythonw|pypy|graalpy)[0-9.]*t?(?:\.exe)?|(?:de)?activate(?:\.\w+)?", re.IGNORECASE
)


class Upgrade(Change):
    """A change of an environment in which something is installed."""

    def __init__(
        self,
        incoming: Sequence[Incoming],
        destination: Destination,
        linker: Linker,
        *,
        removals: Sequence[Removal],
        installed: InstalledSet,
        observer: Observer,
    ) -> None:
        super().__init__(incoming, destination, linker)
        self._removals = removals
        self._installed = installed
        self._observer = observer

    def _plan_journal(self) -> Journal:
        removals = self._removals
        for removal in removals:
            self._warn_outside(removal)
        self._arrivals += [self._edited(removal) for removal in removals if removal.edited]
        leaving = dict.fromkeys(path for removal in removals for path in removal.files)
        for path in self._owners_staying(leaving):
            del leaving[path]
        placement = self._place(leaving)
        if placement.taken and self._share(placement.taken):
            placement = self._place(leaving)
        leaving |= dict.fromkeys(self._replaceable(placement.taken))
        aside = [
            Step(self._ground.area_of(path.rpartition("/")[0] or "/"), path) for path in leaving
        ]
        emptied = {folder for removal in removals for folder in removal.emptied}
        return self._journal_of(placement, aside, sorted(emptied, reverse=True))

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
        gone = {one.distribution.location for one in self._removals}
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
                raise conflict(obstacle.owner, owner, obstacle.path)
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
        if folder == os.path.realpath(self._destination.folders["scripts"]):
            return _FOUNDATION.fullmatch(name) is not None
        return name == "pyvenv.cfg" and folder == os.path.realpath(
            self._destination.folders["data"]
        )
