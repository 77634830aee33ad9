"""A wheel file into the store: checked, unpacked in parallel, described by a manifest.

Spec: PEP 427.  `installer` reads and validates; the bytes take their own way because its serial
`install()` is three to five times slower on large wheels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vinstall.cache.store import FileGroup, RecordPart, Store, StoredWheel, file_groups
from vinstall.errors import InstallationError
from vinstall.installation.entry_points import parse_entry_points
from vinstall.installation.inflate import Codec, Written, best_codec, unpack_members
from vinstall.installation.record import record_digest, render_record
from vinstall.installation.scripts import is_template
from vinstall.installation.wheel_file import CheckedWheel, Member, check_wheel
from vinstall.observer import Observer

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

INSTALLER = b"vinstall\n"
_BATCH = 4 << 20
"""Bytes that one thread unpacks at a time; below it splitting a wheel gains nothing."""
_SMALL = 16 << 10
"""Bytes of an average file below which threads wait for each other more than they work."""


def unpack_wheel(
    path: Path,
    *,
    filename: str,
    sha256: str,
    store: Store,
    observer: Observer,
    pool: Executor | None = None,
) -> StoredWheel:
    """The store's entry for the wheel file at `path`, known as `filename`.

    `sha256` is the digest of the file, which the caller has checked.  A large wheel is shared out
    over `pool`, whose tasks wait for nothing.  Raises InvalidWheel, FormatError, or
    InstallationError where the store cannot be written; nothing is left behind then.
    """
    try:
        checked = check_wheel(path, filename=filename, insensitive=store.folds_case())
        for remark in checked.remarks:
            observer.detail(f"`{filename}`: {remark}")
        folder = store.begin()
        try:
            wheel = _unpack(checked, sha256, folder / "files", pool)
            return store.add(folder, wheel)
        except BaseException:
            store.discard(folder)
            raise
    except OSError as error:
        raise InstallationError(
            f"`{filename}` could not be unpacked: {error.strerror or error}",
            context=(f"in the cache `{store.root}`",),
        ) from error


def _unpack(checked: CheckedWheel, sha256: str, files: Path, pool: Executor | None) -> StoredWheel:
    root = str(files)
    make_folders(checked, root)
    codec = best_codec()
    shares = batches(checked.members)
    if pool is None or len(shares) == 1:
        written = [
            how
            for batch in shares
            for how in unpack_members(checked.path, checked.filename, batch, root, codec)
        ]
    else:
        written = _unpack_in(pool, checked, shares, root, codec)
    return describe(checked, sha256, files, written)


def describe(
    checked: CheckedWheel, sha256: str, files: Path, written: Sequence[Written]
) -> StoredWheel:
    """The store's entry for a wheel whose members lie below `files`; INSTALLER is written there.

    `written` is what became of the members, in archive order.  Raises InvalidWheel for entry
    points that are none.
    """
    points = parse_entry_points(checked.entry_points or "", filename=checked.filename)
    installer = files / checked.dist_info / "INSTALLER"
    installer.write_bytes(INSTALLER)
    templates = frozenset(
        member.name
        for member in checked.members
        if member.scheme == "scripts" and is_template((files / member.name).read_bytes())
    )
    return StoredWheel(
        path=str(files),
        sha256=sha256,
        filename=checked.filename,
        dist_info=checked.dist_info,
        root=checked.root,
        groups=_groups(checked, written, installer),
        record=_record(checked, templates),
        templates=templates,
        entry_points=points,
    )


def _unpack_in(
    pool: Executor, checked: CheckedWheel, shares: list[list[Member]], root: str, codec: Codec
) -> list[Written]:
    """All batches through the pool; when one fails, no task is left running."""
    tasks: list[Future[list[Written]]] = [
        pool.submit(unpack_members, checked.path, checked.filename, batch, root, codec)
        for batch in shares
    ]
    try:
        return [how for task in tasks for how in task.result()]
    finally:
        for task in tasks:
            if not task.cancel():
                task.exception()


def make_folders(checked: CheckedWheel, root: str) -> None:
    """Make every folder that the members need below `root`, which is there."""
    needed = {checked.dist_info}
    for member in checked.members:
        parent = member.name.rpartition("/")[0]
        while parent and parent not in needed:
            needed.add(parent)
            parent = parent.rpartition("/")[0]
    for folder in sorted(needed):  # parents first
        os.mkdir(f"{root}/{folder}")  # noqa: PTH102


def batches(members: Sequence[Member]) -> list[list[Member]]:
    """The members in archive order, cut into runs of roughly equal work."""
    ordered = sorted(members, key=lambda member: member.offset)
    if sum(member.size for member in members) < _SMALL * len(members):
        return [ordered]
    found: list[list[Member]] = [[]]
    size = 0
    for member in ordered:
        if size >= _BATCH:
            found.append([])
            size = 0
        found[-1].append(member)
        size += member.size
    return found


def _groups(
    checked: CheckedWheel, written: Sequence[Written], installer: Path
) -> tuple[FileGroup, ...]:
    """The files by folder, in the order in which folders come first."""
    rows: dict[tuple[str, str, str], list[tuple[str, int, int, int]]] = {}
    members = sorted(checked.members, key=lambda member: member.offset)
    for member, how in zip(members, written, strict=True):
        folder, _, name = member.destination.rpartition("/")
        source = member.name.rpartition("/")[0]
        row = (name, member.size, how.time, how.mode)
        rows.setdefault((member.scheme, folder, source), []).append(row)
    status = installer.stat()
    row = (installer.name, status.st_size, status.st_mtime_ns, status.st_mode)
    key = (checked.root, checked.dist_info, checked.dist_info)
    rows.setdefault(key, []).append(row)
    return file_groups(rows)


def _record(checked: CheckedWheel, templates: frozenset[str]) -> tuple[RecordPart, ...]:
    """RECORD as the installed wheel will have it, without what differs from target to target.

    Templates of scripts are left out: their bytes depend on the interpreter.
    """
    parts: dict[str, list[tuple[str, str, str]]] = {checked.root: []}
    for member in checked.members:
        if member.name in templates:
            continue
        row = (member.destination, member.digest, str(member.size))
        parts.setdefault(member.scheme, []).append(row)
    digest = record_digest(INSTALLER)
    name = f"{checked.dist_info}/INSTALLER"
    parts[checked.root].append((name, digest, str(len(INSTALLER))))
    return tuple(RecordPart(scheme, render_record(rows)) for scheme, rows in parts.items())
