"""One stored wheel made ready for one target: what is linked, what is written, where it goes.

Spec: PEP 427 (schemes, scripts), recording installed projects (INSTALLER, REQUESTED, RECORD).
Reads the templates of scripts and nothing else.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from packaging.utils import NormalizedName

from vinstall.cache.store import Bytecode, EntryPoint, FileGroup, StoredWheel
from vinstall.installation.origin import origin_file
from vinstall.installation.placement import Claim, Ground, joined
from vinstall.installation.record import record_digest, render_record
from vinstall.installation.scripts import (
    launcher_kind,
    render_script,
    render_template,
    script_filename,
)
from vinstall.resolution.model import Pin
from vinstall.target.environment import Target
from vinstall.values import frozen


class Link(NamedTuple):
    """Files of the store for one folder."""

    area: int
    folder: str
    """Relative to the base of the area."""
    group: FileGroup
    root: str
    """The folder that the group's source is relative to."""


class Text(NamedTuple):
    """A file written for the target."""

    area: int
    folder: str
    name: str
    content: bytes
    executable: bool = False


@frozen
class Arrival:
    """Everything one distribution brings."""

    owner: NormalizedName
    links: tuple[Link, ...] = ()
    texts: tuple[Text, ...] = ()

    def claims(self) -> Iterator[Claim]:
        """What it brings, folder by folder."""
        for link in self.links:
            yield Claim(self.owner, link.area, link.folder, link.group.names)
        for text in self.texts:
            yield Claim(self.owner, text.area, text.folder, (text.name,))


def used_schemes(wheels: Iterable[StoredWheel]) -> frozenset[str]:
    """The scheme keys that files of `wheels` go to."""
    keys = set()
    for wheel in wheels:
        keys.add(wheel.root)
        keys.update(group.scheme for group in wheel.groups)
        if wheel.entry_points:
            keys.add("scripts")
    return frozenset(keys)


class Assembler:
    """Makes wheels ready for one target."""

    def __init__(self, target: Target, ground: Ground, folders: Mapping[str, str]) -> None:
        """`folders`: scheme key to real path, for every scheme used; `ground` has areas for them."""
        self._target = target
        self._ground = ground
        self._folders = folders
        self._kind = launcher_kind(target)
        self._places: dict[str, tuple[int, str]] = {}

    def arrival(
        self,
        pin: Pin,
        wheel: StoredWheel,
        bytecode: Bytecode | None,
        direct_url: Mapping[str, object] | None,
    ) -> Arrival:
        """What the distribution of `pin` brings, RECORD included."""
        folders = dict(self._folders)
        if "headers" in folders:
            folders["headers"] = f"{folders['headers']}/{pin.name}"
        scripts = {script_filename(point, self._kind): point for point in wheel.entry_points}
        links: list[Link] = []
        texts: list[Text] = []
        rows: list[tuple[str, str, str]] = []
        for group in wheel.groups:
            place = self._place(folders[group.scheme])
            kept = group
            if group.scheme == "scripts":
                # As pip: an entry point wins over a file of `.data/scripts` of the same name.
                kept = _without(group, wheel.templates, scripts)
                texts += self._templates(group, wheel, scripts, place)
            if kept.names:
                links.append(Link(place[0], joined(place[1], group.folder), kept, wheel.path))
        if bytecode is not None:
            for group in bytecode.groups:
                area, folder = self._place(folders[group.scheme])
                links.append(Link(area, joined(folder, group.folder), group, bytecode.path))
                rows += _bytecode_rows(folders, wheel.root, group)
        texts += self._scripts(scripts, folders)
        texts += self._metadata(pin, wheel, folders, direct_url)
        record = self._record(wheel, folders, scripts, texts, rows)
        area, folder = self._place(folders[wheel.root])
        texts.append(Text(area, joined(folder, wheel.dist_info), "RECORD", record))
        return Arrival(owner=pin.name, links=tuple(links), texts=tuple(texts))

    def _place(self, folder: str) -> tuple[int, str]:
        found = self._places.get(folder)
        if found is None:
            found = self._places[folder] = self._ground.place(folder)
        return found

    # --- scripts --------------------------------------------------------------------------------

    def _templates(
        self,
        group: FileGroup,
        wheel: StoredWheel,
        scripts: Mapping[str, EntryPoint],
        place: tuple[int, str],
    ) -> Iterator[Text]:
        for name in group.names:
            source = joined(group.source, name)
            if source in wheel.templates and name not in scripts:
                content = render_template(wheel.read(source) or b"", self._target.python)
                folder = joined(place[1], group.folder)
                yield Text(place[0], folder, name, content, executable=True)

    def _scripts(
        self, scripts: Mapping[str, EntryPoint], folders: Mapping[str, str]
    ) -> Iterator[Text]:
        for name, point in scripts.items():
            area, folder = self._place(folders["scripts"])
            content = render_script(point, self._target.python, self._kind)
            yield Text(area, folder, name, content, executable=True)

    # --- .dist-info -------------------------------------------------------------------------------

    def _metadata(
        self,
        pin: Pin,
        wheel: StoredWheel,
        folders: Mapping[str, str],
        direct_url: Mapping[str, object] | None,
    ) -> Iterator[Text]:
        area, root = self._place(folders[wheel.root])
        folder = joined(root, wheel.dist_info)
        if pin.requested:
            yield Text(area, folder, "REQUESTED", b"")
        origin = origin_file(pin, wheel.sha256, direct_url)
        if origin is not None:
            yield Text(area, folder, *origin)

    def _record(
        self,
        wheel: StoredWheel,
        folders: Mapping[str, str],
        scripts: Mapping[str, EntryPoint],
        texts: Iterable[Text],
        rows: Iterable[tuple[str, str, str]],
    ) -> bytes:
        """RECORD: the wheel's own rows, then those of what was made for the target."""
        root = folders[wheel.root]
        parts = []
        for part in wheel.record:
            overwritten = scripts if part.scheme == "scripts" else {}
            prefix = _relative(folders[part.scheme], root)
            parts.append(_moved(part.text, prefix, overwritten))
        made = []
        for text in texts:
            folder = joined(self._ground.areas[text.area].base, text.folder)
            path = _relative(folder, root) + text.name
            made.append((path, record_digest(text.content), str(len(text.content))))
        own = (f"{wheel.dist_info}/RECORD", "", "")
        return "".join((*parts, render_record([*rows, *made, own]))).encode()


def _bytecode_rows(
    folders: Mapping[str, str], root: str, group: FileGroup
) -> Iterator[tuple[str, str, str]]:
    prefix = _relative(folders[group.scheme], folders[root])
    for name in group.names:
        # Bytecode has no digest: it may be compiled again at any time.
        yield prefix + joined(group.folder, name), "", ""


def _without(
    group: FileGroup, templates: frozenset[str], scripts: Mapping[str, EntryPoint]
) -> FileGroup:
    """`group` without the files that are written for the target."""
    stay = [
        index
        for index, name in enumerate(group.names)
        if joined(group.source, name) not in templates and (group.folder or name not in scripts)
    ]
    if len(stay) == len(group.names):
        return group
    return group._replace(
        names=tuple(group.names[index] for index in stay),
        sizes=tuple(group.sizes[index] for index in stay),
        times=tuple(group.times[index] for index in stay),
        modes=tuple(group.modes[index] for index in stay),
    )


def _relative(folder: str, root: str) -> str:
    """The way from `root` to `folder`, as the front of a path in RECORD; empty for itself."""
    if folder == root:
        return ""
    try:
        way = os.path.relpath(folder, root)
    except ValueError:  # another drive
        way = folder
    return f"{way.replace(os.sep, '/')}/"


def _moved(text: str, prefix: str, overwritten: Mapping[str, EntryPoint]) -> str:
    """Lines of RECORD with `prefix` in front of each path, some left out."""
    if not prefix and not overwritten:
        return text
    rows = csv.reader(text.splitlines())
    return render_record(
        [(prefix + path, digest, size) for path, digest, size in rows if path not in overwritten]
    )
