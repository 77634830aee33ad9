"""Where new files go on the disk: which folders can be moved in whole, and what is in the way.

New files are staged as a tree that mirrors the environment; a folder that is not there yet takes
one rename, however much is in it.  Reads the disk, changes nothing.
"""

# Thousands of paths are compared as text.
# ruff: noqa: PTH112, PTH116, PTH118, PTH120

from __future__ import annotations

import os
import stat

from vinstall.installation.journal import Area, Step
from vinstall.values import Row, frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from packaging.utils import NormalizedName


class Claim(Row):
    """Files that one distribution brings for one folder."""

    owner: str
    area: int
    folder: str
    """Relative to the base of the area, `/` between parts; empty for the base itself."""
    listed: str
    """Their names with `/` between them."""

    @property
    def names(self) -> list[str]:
        """Their names."""
        return self.listed.split("/")


class Taken(Row):
    """A place that something else already has."""

    path: str
    owner: str
    """Of the new file."""
    is_folder: bool
    """Something else is a folder."""


@frozen
class Placement:
    """How staged files reach their places."""

    inward: tuple[Step, ...]
    taken: tuple[Taken, ...]
    """What has to go first, beyond what leaves anyway."""


class Ground:
    """The areas of one change; grows while paths are looked up."""

    def __init__(self, *, stage_name: str) -> None:
        self.stage_name = stage_name
        self.areas: list[Area] = []
        self._by_device: dict[int, int] = {}
        self._by_folder: dict[str, int] = {}

    def add(self, folders: Iterable[str], *, home: str) -> None:
        """An area for each file system that holds `folders`; the first stages below `home`.

        The base of an area is the deepest folder that all its folders lie in.
        """
        by_device: dict[int, list[str]] = {}
        for folder in (home, *folders):
            by_device.setdefault(_device(folder), []).append(folder)
        for device, members in by_device.items():
            base = os.path.commonpath(members)
            parent = home if home in members else base
            self._by_device[device] = len(self.areas)
            self.areas.append(Area(base, os.path.join(parent, self.stage_name)))

    def area_of(self, folder: str) -> int:
        """The index of the area on the file system of `folder`; made where there is none yet."""
        found = self._by_folder.get(folder)
        if found is None:
            device = _device(folder)
            if device not in self._by_device:
                self._by_device[device] = len(self.areas)
                self.areas.append(Area(folder, os.path.join(folder, self.stage_name)))
            found = self._by_folder[folder] = self._by_device[device]
        return found

    def place(self, folder: str) -> tuple[int, str]:
        """Area and path relative to its base; `folder` was given to `add` or lies in such a one."""
        index = self._by_device[_device(folder)]
        relative = os.path.relpath(folder, self.areas[index].base).replace(os.sep, "/")
        return index, "" if relative == "." else relative


def _device(folder: str) -> int:
    """The file system of a folder, or of where it will be made."""
    while True:
        try:
            return os.stat(folder).st_dev
        except FileNotFoundError:
            folder = os.path.dirname(folder)


def missing_folders(folders: Iterable[str]) -> tuple[str, ...]:
    """Those of `folders` and their parents that do not exist, deepest first."""
    missing: set[str] = set()
    for folder in folders:
        while folder not in missing and not os.path.isdir(folder):
            missing.add(folder)
            folder = os.path.dirname(folder)
    return tuple(sorted(missing, reverse=True))


def joined(folder: str, name: str) -> str:
    """A path relative to the base of an area."""
    return f"{folder}/{name}" if folder and name else folder or name


def plan_placement(
    areas: Collection[Area], claims: Iterable[Claim], leaving: Collection[str]
) -> Placement:
    """How the files of `claims` reach their places once the paths of `leaving` are gone.

    Costs one look for each folder that is not there, and for each file and folder that goes into
    one that is.  Two claims on one path are not noticed here: staging fails then.
    """
    tree = _Tree(areas, leaving)
    for claim in claims:
        tree.add(claim)
    return Placement(inward=tuple(tree.inward), taken=tuple(tree.taken))


class _Tree:
    """The new files by folder."""

    def __init__(self, areas: Collection[Area], leaving: Collection[str]) -> None:
        self.inward: list[Step] = []
        self.taken: list[Taken] = []
        self._leaving = leaving
        self._bases = [area.base.rstrip("/") for area in areas]
        self._there: list[dict[str, bool]] = [{"": True} for _ in areas]

    def add(self, claim: Claim) -> None:
        """Steps and obstacles for the files of a claim."""
        area, folder, base = claim.area, claim.folder, self._bases[claim.area]
        if self._is_there(area, folder, claim.owner):
            here = f"{base}/{folder}" if folder else base
            for name in claim.names:
                path = f"{here}/{name}"
                if path not in self._leaving and (kind := _kind(path)) is not None:
                    self.taken.append(Taken(path, claim.owner, is_folder=kind is stat.S_IFDIR))
                self.inward.append(Step(area, joined(folder, name)))

    def _is_there(self, area: int, folder: str, owner: str) -> bool:
        """Whether a folder is there already; else it comes with one that a step moves in."""
        known = self._there[area]
        below: list[str] = []
        while (found := known.get(folder)) is None:
            below.append(folder)
            folder = folder.rpartition("/")[0]
        for one in reversed(below):
            known[one] = found = found and self._look(area, one, owner)
        return found

    def _look(self, area: int, folder: str, owner: str) -> bool:
        """Whether a folder in one that is there is there, too; a step that moves it in if not."""
        base = self._bases[area]
        path = f"{base}/{folder}"
        kind = _kind(path)
        if kind is stat.S_IFDIR or (kind is stat.S_IFLNK and _leads_inside(path, base)):
            return True
        if kind is not None and path not in self._leaving:
            self.taken.append(Taken(path, owner, is_folder=False))
        self.inward.append(Step(area, folder))
        return False


def _kind(path: str) -> int | None:
    """Folder, link, or other (`stat.S_IFREG`); None where there is nothing."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode):
        return stat.S_IFDIR
    return stat.S_IFLNK if stat.S_ISLNK(mode) else stat.S_IFREG


def _leads_inside(link: str, base: str) -> bool:
    """Whether a symbolic link leads to a folder below `base`; what is elsewhere is not ours."""
    real = os.path.realpath(link)
    return os.path.isdir(real) and real.startswith(f"{base}{os.sep}")


def scheme_folders(folders: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """Scheme key to real path of its folder, which need not exist."""
    return {key: os.path.realpath(folders[key]) for key in keys}


def owners(
    paths: Collection[str], records: Iterable[tuple[NormalizedName, Iterator[str]]]
) -> dict[str, NormalizedName]:
    """Path to the distribution whose RECORD lists it, for those of `paths` that have one."""
    wanted = set(paths)
    return {path: name for name, listed in records for path in listed if path in wanted}
