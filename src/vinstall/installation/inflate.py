"""The bytes of a wheel onto the disk: sizes, checksums and RECORD hashes checked on the way.

`installer` writes serially and hashes in one thread; these are the same checks for a batch of
members at a time, so that several threads can share one wheel.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from vinstall.installation.copying import NEW_FILE, write_all
from vinstall.installation.record import unpadded
from vinstall.installation.wheel_archive import DEFLATED
from vinstall.installation.wheel_file import InvalidWheel, Member
from vinstall.values import Row

_CHUNK = 1 << 18
"""Bytes read at once from a large member."""
_WINDOW = 4 << 20
"""Bytes of small members read at once."""
_PIECE = 1 << 20
"""Bytes inflated at once."""
_WHOLE = 1 << 20
"""A member compressed to at most this many bytes is read and inflated in one step."""
_SLACK = 64
"""Bytes of extra field that a first read makes room for."""


class Written(Row):
    """What became of one member on disk."""

    time: int
    """Nanoseconds since the epoch."""
    mode: int


class _Inflater(Protocol):
    """The part of a zlib decompression object that is used."""

    @property
    def eof(self) -> bool: ...

    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: bytes | memoryview, max_length: int = ..., /) -> bytes: ...


class Archive(Protocol):
    """The part of a file that is used, so that one that is still arriving can be read."""

    def seek(self, place: int, /) -> int: ...

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, which may be fewer; none at the end."""
        ...


class Codec(Row):
    """Inflate and CRC-32, from isal where it is installed: twice the speed of zlib."""

    inflater: Callable[[], _Inflater]
    crc32: Callable[[bytes | memoryview, int], int]
    error: type[Exception]


def best_codec() -> Codec:
    """The fastest codec at hand."""
    try:
        isal_zlib: Any = import_module("isal.isal_zlib")
    except ImportError:
        return Codec(lambda: zlib.decompressobj(-15), zlib.crc32, zlib.error)
    return Codec(lambda: isal_zlib.decompressobj(-15), isal_zlib.crc32, isal_zlib.error)


def unpack_members(
    wheel: Path, filename: str, members: Sequence[Member], folder: str, codec: Codec
) -> list[Written]:
    """Write `members` below `folder`, whose subfolders exist, and say how; in the order given.

    Members in archive order are read together.  Raises InvalidWheel where bytes are not as
    declared; what was written so far stays.
    """
    with wheel.open("rb", buffering=0) as file:
        return unpack_from(file, filename, members, folder, codec)


def unpack_from(
    file: Archive, filename: str, members: Sequence[Member], folder: str, codec: Codec
) -> list[Written]:
    """The same from an open wheel, of which `seek` and `read` are used."""
    written = []
    window = _Window(file)
    for index, member in enumerate(members):
        target = f"{folder}/{member.name}"
        out = os.open(target, NEW_FILE, 0o777 if member.executable else 0o666)
        try:
            if member.compressed > _WHOLE:
                fault = _write_long(file, member, out, codec)
            else:
                head = window.at(members, index)
                fault = _write_whole(file, head, member, out, codec)
            status = os.fstat(out)
        finally:
            os.close(out)
        if fault:
            raise InvalidWheel(filename, f"`{member.name}` {fault}")
        written.append(Written(status.st_mtime_ns, status.st_mode))
    return written


class _Window:
    """A part of the archive in memory; system calls, and the waits that come with them, cost."""

    def __init__(self, file: Archive) -> None:
        self._file = file
        self._begin = 0
        self._bytes = memoryview(b"")

    def at(self, members: Sequence[Member], index: int) -> memoryview:
        """From the local header of a member on, at least to the end of its data, as a rule."""
        member = members[index]
        offset = member.offset - self._begin
        if offset < 0 or offset + _reach(member) > len(self._bytes):
            end = member.offset + _reach(member)
            for later in members[index + 1 :]:
                if later.offset + _reach(later) - member.offset > _WINDOW:
                    break
                end = max(end, later.offset + _reach(later))
            self._file.seek(member.offset)
            self._bytes = memoryview(_read(self._file, end - member.offset))
            self._begin, offset = member.offset, 0
        return self._bytes[offset:]


def _reach(member: Member) -> int:
    return member.header + _SLACK + member.compressed


def _write_whole(
    file: Archive, head: memoryview, member: Member, out: int, codec: Codec
) -> str | None:
    """The fault of a small member, or None once it is written; `head` begins at its header."""
    if fault := _header_fault(bytes(head[: member.header]), member):
        return fault
    begin = member.header + int.from_bytes(head[28:30], "little")
    data: bytes | memoryview = head[begin : begin + member.compressed]
    if len(data) < member.compressed:  # the extra field is longer than usual
        file.seek(member.offset + begin)
        data = _read(file, member.compressed)
    if member.method == DEFLATED:
        data = _inflate_whole(data, member, codec)
    if len(data) != member.size:
        return _size_fault(member)
    if codec.crc32(data, 0) != member.crc:
        return "fails its checksum"
    if unpadded(_hasher(member, data).digest()) != member.digest.partition("=")[2].rstrip("="):
        return "does not match its hash in RECORD"
    write_all(out, data)
    return None


def _size_fault(member: Member) -> str:
    return f"does not hold the {member.size} bytes that are declared"


def _header_fault(head: bytes, member: Member) -> str | None:
    """A local header that contradicts the archive's directory is an archive with two readings."""
    name = head[30 : member.header]
    length = int.from_bytes(head[26:28], "little")
    if head[:4] != b"PK\3\4" or length != len(name) or length != member.header - 30:
        return "has no local header where the archive says"
    if name != member.name.encode() and name != member.name.encode("cp437", "replace"):
        return "has another name in its local header"
    if int.from_bytes(head[8:10], "little") != member.method:
        return "has another compression in its local header"
    return None


def _read(file: Archive, size: int) -> bytes:
    """Up to `size` bytes; fewer at the end of the file only."""
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _inflate_whole(data: bytes | memoryview, member: Member, codec: Codec) -> bytes:
    """All bytes of a small member, one more than declared where there are too many."""
    try:
        return codec.inflater().decompress(data, member.size + 1)
    except codec.error:
        return b""


def _write_long(file: Archive, member: Member, out: int, codec: Codec) -> str | None:
    """The same for a member too large to be held in memory as a whole."""
    file.seek(member.offset)
    head = _read(file, member.header)
    if fault := _header_fault(head, member):
        return fault
    file.seek(member.offset + member.header + int.from_bytes(head[28:30], "little"))
    hasher, crc, size = _hasher(member), 0, 0
    try:
        for data in _pieces(file, member, codec):
            size += len(data)
            if size > member.size:
                break
            crc = codec.crc32(data, crc)
            hasher.update(data)
            write_all(out, data)
    except codec.error:
        size = -1
    if size != member.size:
        return _size_fault(member)
    if crc != member.crc:
        return "fails its checksum"
    if unpadded(hasher.digest()) != member.digest.partition("=")[2].rstrip("="):
        return "does not match its hash in RECORD"
    return None


def _pieces(file: Archive, member: Member, codec: Codec) -> Iterator[bytes]:
    """The unpacked bytes of a member in pieces of bounded size."""
    inflater = codec.inflater() if member.method == DEFLATED else None
    left = member.compressed
    while left and (chunk := file.read(min(_CHUNK, left))):
        left -= len(chunk)
        if inflater is None:
            yield chunk
            continue
        full = True
        # Output may be held back although all input was taken: a full piece asks for another.
        while (chunk or full) and not inflater.eof:
            data = inflater.decompress(chunk, _PIECE)
            chunk, full = inflater.unconsumed_tail, len(data) == _PIECE
            yield data


def _hasher(member: Member, data: bytes | memoryview = b"") -> Any:
    algorithm = member.digest.partition("=")[0]
    return hashlib.sha256(data) if algorithm == "sha256" else hashlib.new(algorithm, data)
