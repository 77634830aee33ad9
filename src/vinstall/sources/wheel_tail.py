"""WheelFacts: METADATA and `variant.json` of a wheel, read from its end with as few reads as possible.

Tools write the `.dist-info` folder last, so that the two files mostly lie just in front of the
directory: for 97 of 100 wheels below 1 MB they come with the first 64 KiB.
"""

from __future__ import annotations

from collections.abc import Callable

from packaging.utils import canonicalize_name

from vinstall.errors import FormatError
from vinstall.net.response import Part
from vinstall.sources.zip_tail import (
    LOCAL_SIZE,
    Member,
    body_start,
    find_directory,
    read_members,
    unpack_member,
)
from vinstall.values import Row, frozen

METADATA, VARIANT = "METADATA", "variant.json"
_LIMITS = {METADATA: 16 * 1024 * 1024, VARIANT: 4 * 1024 * 1024}
"""Bytes, unpacked."""
_MOST_DIRECTORY = 64 * 1024 * 1024
_KIB = 1024
_IN_FRONT = 64 * _KIB
"""What is read in front of a directory: RECORD and METADATA usually."""
_SLACK = 256
"""What a local header may have more than the directory tells."""
_TOGETHER = 1024 * _KIB
"""Members no further apart than this are read at once."""

ReadRange = Callable[[int | None, int], Part | None]
"""(start or None for the end, bytes) → that part of the file; None where parts cannot be had."""


@frozen
class WheelFacts:
    """What an installer reads of a wheel before it takes it."""

    metadata: bytes
    variant: bytes | None
    """None: the wheel has no `variant.json`."""
    total: int
    """Bytes of the whole wheel."""
    validator: str | None
    """ETag or Last-Modified of the wheel."""


def read_facts(read: ReadRange, *, filename: str, size: int | None) -> WheelFacts | None:
    """The facts of a wheel; None where `read` cannot read parts.  One to four reads.

    `size` is a guess in bytes, or None.  Raises FormatError for what is no sound wheel.
    """
    try:
        return _read_facts(read, filename, size)
    except FormatError as error:
        raise FormatError(f"`{filename}` {error.message}", hint=error.hint) from error


class _Window(Row):
    """The bytes of a file from `start` on."""

    start: int
    content: bytes

    def cut(self, start: int, end: int) -> bytes | None:
        """These bytes of the file, or None where they are not all here."""
        if start < self.start or end > self.start + len(self.content):
            return None
        return self.content[start - self.start : end - self.start]


def _read_facts(read: ReadRange, filename: str, size: int | None) -> WheelFacts | None:
    last = read(None, _first_guess(size))
    if last is None:
        return None
    found = _directory(read, last)
    if found is None:
        return None
    window, members = found
    chosen = _choose(members, filename)
    if METADATA not in chosen:
        raise FormatError("has no METADATA in a `.dist-info` folder")
    contents = _contents(read, window, chosen, last.total)
    if contents is None:
        return None
    return WheelFacts(
        metadata=contents[METADATA],
        variant=contents.get(VARIANT),
        total=last.total,
        validator=last.validator,
    )


def _first_guess(size: int | None) -> int:
    """How many bytes to read first; measured on 967 wheels of a mirror."""
    if size is None:
        return 128 * _KIB
    return 64 * _KIB if size <= 1024 * _KIB else 256 * _KIB


def _directory(read: ReadRange, last: Part) -> tuple[_Window, list[Member]] | None:
    """The directory's members that matter, and the bytes at hand."""
    window = _Window(last.start, last.content)
    end = find_directory(window.content, last.total)
    if end is None:
        grown = _grow(read, window, max(0, window.start - _IN_FRONT))
        if grown is None:
            return None
        window = grown
        end = find_directory(window.content, last.total)
        if end is None:
            raise FormatError("is no complete ZIP file")
    if end.size > _MOST_DIRECTORY:
        raise FormatError(f"has a directory of {end.size} bytes, {_MOST_DIRECTORY} are the most")
    if end.start < window.start:
        grown = _grow(read, window, max(0, end.start - _IN_FRONT))
        if grown is None:
            return None
        window = grown
    directory = window.cut(end.start, end.start + end.size)
    if directory is None:
        raise FormatError("is no complete ZIP file")
    ending = (f".dist-info/{METADATA}", f".dist-info/{VARIANT}")
    return window, list(read_members(directory, end.shift, ending=ending))


def _grow(read: ReadRange, window: _Window, start: int) -> _Window | None:
    """The window with everything from `start` on."""
    part = read(start, window.start - start)
    return None if part is None else _Window(start, part.content + window.content)


def _choose(members: list[Member], filename: str) -> dict[str, Member]:
    """METADATA and `variant.json` of the wheel's own `.dist-info` folder.

    Raises FormatError where it is not clear which that is, or a name occurs twice.
    """
    folders: dict[str, dict[str, Member]] = {}
    for member in members:
        folder, _, name = member.name.rpartition("/")
        if "/" in folder:
            continue
        files = folders.setdefault(folder, {})
        if name in files:
            raise FormatError(f"has `{member.name}` twice")
        files[name] = member
    if len(folders) > 1:
        project = canonicalize_name(filename.partition("-")[0])
        folders = {
            folder: files
            for folder, files in folders.items()
            if canonicalize_name(folder.partition("-")[0]) == project
        }
        if len(folders) != 1:
            raise FormatError("has more than one `.dist-info` folder")
    return next(iter(folders.values()), {})


def _contents(
    read: ReadRange, window: _Window, chosen: dict[str, Member], total: int
) -> dict[str, bytes] | None:
    """The unpacked files; those that are not in the window are read, together if they are close."""
    spans = {name: _span(member, total) for name, member in chosen.items()}
    missing = [span for span in spans.values() if window.cut(*span) is None]
    windows = [window]
    if missing:
        start, end = min(span[0] for span in missing), max(span[1] for span in missing)
        together = [(start, end)] if end - start <= _TOGETHER else missing
        for first, last in together:
            part = read(first, last - first)
            if part is None:
                return None
            windows.append(_Window(first, part.content))
    contents = {}
    for name, member in chosen.items():
        local = next((cut for one in windows if (cut := one.cut(*spans[name])) is not None), b"")
        start = body_start(member, local)
        if start + member.packed > len(local):
            part = read(member.offset, start + member.packed)
            if part is None:
                return None
            local = part.content
        body = local[start : start + member.packed]
        contents[name] = unpack_member(member, body, limit=_LIMITS[name])
    return contents


def _span(member: Member, total: int) -> tuple[int, int]:
    """Where a member lies, header included; the end is a guess that is seldom too small."""
    limit = _LIMITS[member.name.rpartition("/")[2]]
    if member.packed > limit or member.size > limit:
        raise FormatError(f"has {member.size} bytes in `{member.name}`, {limit} are the most")
    size = LOCAL_SIZE + len(member.name.encode()) + member.packed
    if member.offset + size > total:
        raise FormatError("is no complete ZIP file")
    return member.offset, min(member.offset + size + _SLACK, total)
