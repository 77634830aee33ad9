"""DirectoryEnd, Member: what stands at the end of a ZIP file.  Pure: bytes in, values out.

Spec: PKWARE APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 16 (end).
Names the caller does not look for are passed over, so a large directory costs little.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from vinstall.errors import FormatError
from vinstall.values import Row

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
LOCAL_SIZE = _LOCAL.size
_FULL_32 = 0xFFFFFFFF
_ENCRYPTED, _UTF8 = 0x1, 0x800
_STORED, _DEFLATED = 0, 8
_EXTRA_64 = 0x0001
_BROKEN = "is no complete ZIP file"


class DirectoryEnd(Row):
    """Where the directory of an archive lies."""

    start: int
    """Place of its first byte in the file."""
    size: int
    """Bytes."""
    shift: int
    """Bytes in front of the archive; offsets of members count from there."""


class Member(Row):
    """One file of an archive, as the directory has it."""

    name: str
    method: int
    encrypted: bool
    crc: int
    packed: int
    """Bytes in the archive."""
    size: int
    """Bytes unpacked, as promised."""
    offset: int
    """Place of its local header in the file."""


def find_directory(tail: bytes, total: int) -> DirectoryEnd | None:
    """Where the directory lies, from the last bytes of a file of `total` bytes.

    None where `tail` is too short to tell (it has not the record for large archives).  Raises
    FormatError where the file does not end like an archive.
    """
    place = _end_record(tail)
    fields = _END.unpack_from(tail, place)
    size, start = fields[5:7]
    end = total - len(tail) + place
    locator = place - _LOCATOR.size
    if locator < 0 < total - len(tail):
        return None
    if tail[max(0, locator) : max(0, locator) + 4] == b"PK\x06\x07":
        record = _LOCATOR.unpack_from(tail, locator)[2]
        if record < total - len(tail):
            return None
        size, start = _large_record(tail, record - (total - len(tail)), locator)
        end = record
    shift = end - size - start
    if shift < 0:
        raise FormatError(_BROKEN)
    return DirectoryEnd(start + shift, size, shift)


def _end_record(tail: bytes) -> int:
    """Where in `tail` the record is that ends the file, its comment included."""
    place = len(tail)
    while (place := tail.rfind(b"PK\x05\x06", 0, place)) >= 0:
        if place + _END.size <= len(tail):
            comment = int.from_bytes(tail[place + _END.size - 2 : place + _END.size], "little")
            if place + _END.size + comment == len(tail):
                return place
    raise FormatError(_BROKEN)


def _large_record(tail: bytes, place: int, limit: int) -> tuple[int, int]:
    """(size, start) of the directory, from the record for large archives at `place`."""
    if place + _END64.size > limit:
        raise FormatError(_BROKEN)
    fields = _END64.unpack_from(tail, place)
    if fields[0] != b"PK\x06\x06":
        raise FormatError(_BROKEN)
    return fields[8], fields[9]


def read_members(directory: bytes, shift: int, *, ending: tuple[str, ...]) -> Iterator[Member]:
    """The members whose names have one of these endings, in the order of the directory.

    Raises FormatError for a directory that is torn.  Costs 1 µs for each member.
    """
    endings = tuple(text.encode() for text in ending)
    place = 0
    while place < len(directory):
        try:
            fields = _ENTRY.unpack_from(directory, place)
        except struct.error as error:
            raise FormatError(_BROKEN) from error
        if fields[0] != b"PK\x01\x02":
            raise FormatError(_BROKEN)
        name_end = place + _ENTRY.size + fields[10]
        raw = directory[place + _ENTRY.size : name_end]
        place = name_end + fields[11] + fields[12]
        if raw.endswith(endings):
            extra = directory[name_end : name_end + fields[11]]
            yield _member(raw, fields, extra, shift)


def _member(raw: bytes, fields: tuple[int, ...], extra: bytes, shift: int) -> Member:
    flags, method, crc, packed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
    offset = fields[16]
    if _FULL_32 in (packed, size, offset):
        size, packed, offset = _large_numbers(extra, size, packed, offset)
    return Member(
        name=raw.decode("utf-8" if flags & _UTF8 else "cp437", "replace"),
        method=method,
        encrypted=bool(flags & _ENCRYPTED),
        crc=crc,
        packed=packed,
        size=size,
        offset=offset + shift,
    )


def _large_numbers(extra: bytes, *numbers: int) -> list[int]:
    """The numbers that did not fit, from the extra field for large archives (4.5.3)."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == _EXTRA_64:
            block = extra[place + 4 : place + 4 + length]
            values = iter(struct.unpack(f"<{len(block) // 8}Q", block[: len(block) // 8 * 8]))
            try:
                return [next(values) if number == _FULL_32 else number for number in numbers]
            except StopIteration:
                break
        place += 4 + length
    raise FormatError(_BROKEN)


def body_start(member: Member, local: bytes) -> int:
    """Where the bytes of `member` begin, counted from its local header, which `local` begins with.

    Raises FormatError where that is the header of another file.
    """
    if len(local) < LOCAL_SIZE:
        raise FormatError(_BROKEN)
    fields = _LOCAL.unpack_from(local)
    name = local[LOCAL_SIZE : LOCAL_SIZE + fields[9]]
    written = name.decode("utf-8" if fields[2] & _UTF8 else "cp437", "replace")
    if fields[0] != b"PK\x03\x04" or written != member.name:
        raise FormatError(f"says two things about `{member.name}`")
    return LOCAL_SIZE + int(fields[9]) + int(fields[10])


def unpack_member(member: Member, body: bytes, *, limit: int) -> bytes:
    """The content of `member` from its `packed` bytes; never more than `limit` bytes are made.

    Raises FormatError for what does not unpack to what the directory promises.
    """
    if member.size > limit or member.packed > limit:
        raise FormatError(f"has {member.size} bytes in `{member.name}`, {limit} are the most")
    if member.encrypted or member.method not in (_STORED, _DEFLATED):
        raise FormatError(f"has `{member.name}` packed in a way that is not used in wheels")
    content = body[: member.packed]
    if member.method == _DEFLATED:
        try:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, member.size + 1)
        except zlib.error as error:
            raise FormatError(f"has a damaged `{member.name}`") from error
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise FormatError(f"has a damaged `{member.name}`")
    return content
