"""One stored wheel made ready for one target: what is linked, what is written, where it goes.

Spec: PEP 427 (schemes, scripts), recording installed projects (INSTALLER, REQUESTED, RECORD).
Reads the templates of scripts and nothing else.
"""

from __future__ import annotations

import os

from vinstall.installation.placement import Claim, joined
from vinstall.installation.record import moved_record, record_digest, render_record
from vinstall.installation.scripts import render_script, render_template, script_filename
from vinstall.values import Row, frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vinstall.cache.store import Bytecode, EntryPoint, FileGroup, StoredWheel
    from vinstall.installation.destination import Destination
    from vinstall.installation.placement import Ground


class Incoming(Row):
    """One distribution to be put in place."""

    name: str
    """Normalized."""
    wheel: StoredWheel
    requested: bool = False
    """Named by the user (PEP 376 REQUESTED)."""
    origin: tuple[str, bytes] | None = None
    """Name and content of the file that tells where it came from (PEP 610, PEP 710)."""
    bytecode: Bytecode | None = None
    """Its compiled modules, where they are wanted."""


class Link(Row):
    """Files of the store for one folder."""

    area: int
    folder: str
    """Relative to the base of the area."""
    group: FileGroup
    root: str
    """The folder that the group's source is relative to."""


class Text(Row):
    """A file written for the target."""

    area: int
    folder: str
    name: str
    content: bytes
    executable: bool = False
    more: tuple[str, ...] = ()
    """What follows the content, in parts that are put together when the file is written."""


@frozen
class Arrival:
    """Everything one distribution brings."""

    owner: str
    links: tuple[Link, ...] = ()
    texts: tuple[Text, ...] = ()

    def claims(self) -> Iterator[Claim]:
        """What it brings, folder by folder."""
        for link in self.links:
            yield Claim._make((self.owner, link.area, link.folder, link.group.listed))
        for text in self.texts:
            yield Claim._make((self.owner, text.area, text.folder, text.name))


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

    def __init__(
        self, destination: Destination, ground: Ground, folders: Mapping[str, str]
    ) -> None:
        """`folders`: scheme key to real path, for every scheme used; `ground` has areas for them."""
        self._python = destination.python
        self._ground = ground
        self._folders = folders
        self._kind = destination.launcher
        self._places: dict[str, tuple[int, str]] = {}
        self._ways: dict[tuple[str, str], str] = {}

    def arrival(self, incoming: Incoming) -> Arrival:
        """What a distribution brings, RECORD included."""
        wheel, bytecode = incoming.wheel, incoming.bytecode
        folders = dict(self._folders)
        if "headers" in folders:
            folders["headers"] = f"{folders['headers']}/{incoming.name}"
        scripts = {script_filename(point, self._kind): point for point in wheel.entry_points}
        links: list[Link] = []
        texts: list[Text] = []
        rows: list[tuple[str, str, str]] = []
        places = {scheme: self._place(folder) for scheme, folder in folders.items()}
        for group in wheel.groups:
            area, base = places[group.scheme]
            kept = group
            if group.scheme == "scripts":
                # As pip: an entry point wins over a file of `.data/scripts` of the same name.
                kept = _without(group, wheel.templates, scripts)
                texts += self._templates(group, wheel, scripts, (area, base))
            if kept.number:
                links.append(Link._make((area, joined(base, group.folder), kept, wheel.path)))
        if bytecode is not None:
            for group in bytecode.groups:
                area, base = places[group.scheme]
                folder = joined(base, group.folder)
                links.append(Link._make((area, folder, group, bytecode.path)))
                rows += self._bytecode_rows(folders, wheel.root, group)
        texts += self._scripts(scripts, folders)
        texts += self._metadata(incoming, folders)
        record = self._record(wheel, folders, scripts, texts, rows)
        area, folder = self._place(folders[wheel.root])
        texts.append(Text(area, joined(folder, wheel.dist_info), "RECORD", b"", more=record))
        return Arrival(owner=incoming.name, links=tuple(links), texts=tuple(texts))

    def _place(self, folder: str) -> tuple[int, str]:
        found = self._places.get(folder)
        if found is None:
            found = self._places[folder] = self._ground.place(folder)
        return found

    def _way(self, folder: str, root: str) -> str:
        """The way from `root` to `folder`, as the front of a path in RECORD; empty for itself."""
        found = self._ways.get((folder, root))
        if found is None:
            found = self._ways[folder, root] = _relative(folder, root)
        return found

    def _bytecode_rows(
        self, folders: Mapping[str, str], root: str, group: FileGroup
    ) -> list[tuple[str, str, str]]:
        prefix = self._way(folders[group.scheme], folders[root])
        # Bytecode has no digest: it may be compiled again at any time.
        return [(prefix + joined(group.folder, name), "", "") for name in group.names]

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
                content = render_template(wheel.read(source) or b"", self._python)
                folder = joined(place[1], group.folder)
                yield Text(place[0], folder, name, content, executable=True)

    def _scripts(
        self, scripts: Mapping[str, EntryPoint], folders: Mapping[str, str]
    ) -> Iterator[Text]:
        for name, point in scripts.items():
            area, folder = self._place(folders["scripts"])
            content = render_script(point, self._python, self._kind)
            yield Text(area, folder, name, content, executable=True)

    # --- .dist-info -------------------------------------------------------------------------------

    def _metadata(self, incoming: Incoming, folders: Mapping[str, str]) -> Iterator[Text]:
        area, root = self._place(folders[incoming.wheel.root])
        folder = joined(root, incoming.wheel.dist_info)
        if incoming.requested:
            yield Text(area, folder, "REQUESTED", b"")
        if incoming.origin is not None:
            yield Text(area, folder, *incoming.origin)

    def _record(
        self,
        wheel: StoredWheel,
        folders: Mapping[str, str],
        scripts: Mapping[str, EntryPoint],
        texts: Iterable[Text],
        rows: Iterable[tuple[str, str, str]],
    ) -> tuple[str, ...]:
        """RECORD: the wheel's own rows, then those of what was made for the target."""
        root = folders[wheel.root]
        parts = []
        for part in wheel.record:
            overwritten = scripts if part.scheme == "scripts" else ()
            prefix = self._way(folders[part.scheme], root)
            parts.append(moved_record(part.text, prefix, overwritten))
        made = []
        for text in texts:
            folder = joined(self._ground.areas[text.area].base, text.folder)
            path = self._way(folder, root) + text.name
            made.append((path, record_digest(text.content), str(len(text.content))))
        own = (f"{wheel.dist_info}/RECORD", "", "")
        return *parts, render_record([*rows, *made, own])


def _without(
    group: FileGroup, templates: frozenset[str], scripts: Mapping[str, EntryPoint]
) -> FileGroup:
    """`group` without the files that are written for the target."""
    stay = [
        index
        for index, name in enumerate(group.names)
        if joined(group.source, name) not in templates and (group.folder or name not in scripts)
    ]
    return group if len(stay) == group.number else group.only(stay)


def _relative(folder: str, root: str) -> str:
    if folder == root:
        return ""
    if folder.startswith(f"{root}/"):
        return f"{folder[len(root) + 1 :]}/"
    try:
        way = os.path.relpath(folder, root)
    except ValueError:  # another drive
        way = folder
    return f"{way.replace(os.sep, '/')}/"
