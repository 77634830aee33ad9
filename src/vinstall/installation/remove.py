"""What goes when a distribution is uninstalled: by RECORD, and only inside the environment.

Spec: recording installed projects.  Bytecode of removed modules goes as well.  What says too
little about its files is refused, as pip does; what it lists elsewhere is left alone.
"""

# Thousands of paths are compared as text.
# ruff: noqa: PTH118, PTH119, PTH208

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from vinstall.errors import FormatError, InstallationError
from vinstall.target.environment import Target
from vinstall.target.installed import InstalledDistribution, linked_egg_info
from vinstall.values import frozen


@frozen
class Removal:
    """The traces of one distribution."""

    distribution: InstalledDistribution
    files: tuple[str, ...]
    """Absolute paths, parents resolved, each there when this was made."""
    emptied: tuple[str, ...]
    """Folders that held them, inside the environment, deepest first."""
    edited: tuple[tuple[str, bytes], ...] = ()
    """Files among `files` that come back with other contents."""
    outside: tuple[str, ...] = ()
    """What its RECORD lists outside of the environment."""


def plan_removal(distribution: InstalledDistribution, target: Target) -> Removal:
    """What has to go for `distribution` to be gone.  Raises InstallationError, FormatError."""
    if not distribution.local:
        raise InstallationError(
            f"`{distribution.name}` {distribution.version} is not part of the environment",
            context=(f"it is in `{distribution.site}`",),
        )
    roots = _roots(target)
    kind = distribution.kind
    if kind == "distutils":
        why = "it was installed by distutils, which does not list the files"
        raise _refusal(distribution, why)
    if kind == "egg-link":
        return _remove_link(distribution, target, roots)
    if kind == "egg-info":
        traces = _Traces(roots, str(distribution.location))
        _add_listed(traces, distribution)
    else:
        traces = _Traces(roots, str(distribution.site))
        _add_recorded(traces, distribution)
    traces.add_folder(str(distribution.location))
    return traces.removal(distribution)


def recorded_files(distribution: InstalledDistribution) -> Iterator[str]:
    """Absolute paths of the files a RECORD lists; none where there is none that can be read."""
    site = os.path.realpath(distribution.site)
    try:
        rows = distribution.record() or ()
    except FormatError:
        return  # what another distribution has written must not stand in the way of this one
    for row in rows:
        yield os.path.normpath(os.path.join(site, row.path))


def _roots(target: Target) -> tuple[str, ...]:
    """The folders of the environment; nothing outside of them is touched."""
    scheme = target.scheme
    folders = (scheme.purelib, scheme.platlib, scheme.scripts, scheme.data, scheme.headers)
    return tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))


def _refusal(distribution: InstalledDistribution, why: str) -> InstallationError:
    return InstallationError(
        f"`{distribution.name}` {distribution.version} cannot be uninstalled",
        context=(why,),
        hint="remove it with the program that installed it",
    )


def _add_recorded(traces: _Traces, distribution: InstalledDistribution) -> None:
    rows = distribution.record()
    if rows is None:
        installer = distribution.installer()
        by = f"; it was installed by {installer}" if installer else ""
        raise _refusal(distribution, f"it has no RECORD{by}")
    for row in rows:
        traces.add(row.path)


def _add_listed(traces: _Traces, distribution: InstalledDistribution) -> None:
    listed = distribution.read("installed-files.txt")
    if listed is None:
        raise _refusal(distribution, "its `.egg-info` folder does not list its files")
    for line in listed.decode(errors="surrogateescape").splitlines():
        traces.add(line)


class _Traces:
    """Collects what is there of what a distribution lists."""

    def __init__(self, roots: tuple[str, ...], origin: str) -> None:
        self._roots = roots
        self._origin = os.path.realpath(origin)
        self._folders: dict[str, str | None] = {}
        self._files: dict[str, None] = {}
        self._modules: dict[str, set[str]] = {}
        self._outside: list[str] = []

    def add(self, listed: str) -> None:
        """One path as listed: relative to the origin, or absolute."""
        head, _, name = listed.replace(os.sep, "/").rpartition("/")
        if name in ("", ".", ".."):
            return
        head = "/" if not head and listed.startswith("/") else head
        folder = self._folders.get(head, "")
        if folder == "":
            folder = self._folders[head] = self._resolve(head)
        if folder is None:
            self._outside.append(listed)
            return
        path = f"{folder}/{name}"
        try:
            is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        except (OSError, ValueError):  # not there, or a name that cannot be
            is_folder = False
        else:
            if not is_folder:
                self._files[path] = None
        if name.endswith(".py") and not is_folder:
            self._modules.setdefault(folder, set()).add(name[:-3])

    def add_folder(self, folder: str) -> None:
        """Everything below a folder of metadata."""
        for root, _, names in os.walk(os.path.realpath(folder)):
            self._files.update(dict.fromkeys(f"{root}/{name}" for name in names))

    def removal(self, distribution: InstalledDistribution) -> Removal:
        for folder, modules in self._modules.items():
            self._files.update(dict.fromkeys(_bytecode(f"{folder}/__pycache__", modules)))
        return Removal(
            distribution=distribution,
            files=tuple(self._files),
            emptied=self._emptied(),
            outside=tuple(self._outside),
        )

    def _resolve(self, head: str) -> str | None:
        """The real path of a folder, or None where it is not inside the environment."""
        if "\0" in head:
            return None
        real = os.path.realpath(os.path.join(self._origin, head))
        inside = any(real == root or real.startswith(f"{root}{os.sep}") for root in self._roots)
        return real if inside else None

    def _emptied(self) -> tuple[str, ...]:
        folders: set[str] = set()
        for path in self._files:
            folder = path.rpartition("/")[0]
            while folder not in folders and self._is_below_root(folder):
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        return tuple(sorted(folders, reverse=True))

    def _is_below_root(self, folder: str) -> bool:
        """Inside the environment, but none of its own folders nor on the way to one."""
        return any(folder.startswith(f"{root}{os.sep}") for root in self._roots) and not any(
            root == folder or root.startswith(f"{folder}{os.sep}") for root in self._roots
        )


def _bytecode(cache: str, modules: set[str]) -> Iterator[str]:
    """Files in a `__pycache__` folder that were compiled from `modules`, for any interpreter."""
    try:
        names = os.listdir(cache)
    except OSError:
        return
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        if not dot or suffix not in ("pyc", "pyo"):
            continue
        module, _, tag = stem.rpartition(".")  # PEP 3147, and PEP 488 for `opt-1`
        if tag.startswith("opt-"):
            module = module.rpartition(".")[0]
        if module in modules:
            yield f"{cache}/{name}"


# --- egg-links --------------------------------------------------------------------------------


def _remove_link(
    distribution: InstalledDistribution, target: Target, roots: tuple[str, ...]
) -> Removal:
    """`setup.py develop`: the link, its line in `easy-install.pth`, and its scripts."""
    link = distribution.location
    traces = _Traces(roots, str(link.parent))
    traces.add(link.name)
    info = linked_egg_info(link)
    edited = []
    paths = link.parent / "easy-install.pth"
    if info is not None and paths.is_file():
        lines = paths.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if os.fsdecode(line.strip()) != str(info.parent)]
        if kept != lines:
            traces.add(paths.name)
            edited = [(str(Path(os.path.realpath(link.parent), paths.name)), b"".join(kept))]
    for name in _script_names(info) if info is not None else ():
        traces.add(str(target.scheme.scripts / name))
    removal = traces.removal(distribution)
    return Removal(
        distribution=distribution,
        files=removal.files,
        emptied=(),
        edited=tuple(edited),
    )


def _script_names(info: Path) -> Iterable[str]:
    """The names of console and GUI scripts in the `entry_points.txt` of a legacy distribution."""
    from configparser import ConfigParser
    from configparser import Error as ConfigError

    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    try:
        parser.read(info / "entry_points.txt", encoding="utf-8")
    except (ConfigError, UnicodeDecodeError):
        return
    for section in ("console_scripts", "gui_scripts"):
        for name in parser[section] if parser.has_section(section) else ():
            if os.path.basename(name) == name:
                yield name
