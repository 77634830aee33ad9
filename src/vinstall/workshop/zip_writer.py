"""Writes zip archives whose bytes follow from their content alone.

Members of another archive are copied as they are, still compressed; new ones are stored and not
deflated, so that no compressor's version shows.  Spec: PKWARE's APPNOTE 6.3, with zip64.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable
from typing import IO, NamedTuple

from vinstall.workshop.archive import Member

Date = tuple[int, int, int, int, int, int]

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_LIMIT = 0xFFFFFFFF
_MADE_ON_UNIX = 3 << 8
_UTF8 = 0x800


class _Entry(NamedTuple):
    name: bytes
    member: Member
    date: Date
    offset: int


class ZipWriter:
    """Appends members to `file`, which is at its start; `finish()` writes the directory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._offset = 0
        self._entries: list[_Entry] = []
        self._digest = hashlib.sha256()

    def copy(self, member: Member, name: str, date: Date, raw: Iterable[bytes]) -> None:
        """`member` under `name`; `raw` gives its bytes as they stand in the other archive."""
        self._begin(member, name, date)
        for chunk in raw:
            self._write(chunk)

    def store(self, name: str, data: bytes, date: Date) -> None:
        """A new file with mode 0644."""
        member = Member(
            name=name,
            size=len(data),
            compressed_size=len(data),
            crc=zlib.crc32(data),
            method=0,
            attributes=0o100644 << 16,
            date=date,
            data_offset=0,
        )
        self._begin(member, name, date)
        self._write(data)

    def finish(self) -> str:
        """Write the directory, after which nothing may be added; the sha256 of the whole archive."""
        start = self._offset
        for entry in self._entries:
            self._write(_central(entry))
        size, count = self._offset - start, len(self._entries)
        if start > _LIMIT or size > _LIMIT or count > 0xFFFF:
            where = self._offset
            self._write(
                _END64.pack(
                    b"PK\x06\x06", 44, _MADE_ON_UNIX | 45, 45, 0, 0, count, count, size, start
                )
            )
            self._write(_LOCATOR64.pack(b"PK\x06\x07", 0, where, 1))
        small = min(count, 0xFFFF)
        self._write(
            _END.pack(b"PK\x05\x06", 0, 0, small, small, min(size, _LIMIT), min(start, _LIMIT), 0)
        )
        return self._digest.hexdigest()

    def _begin(self, member: Member, name: str, date: Date) -> None:
        encoded = name.encode()
        sizes = (member.compressed_size, member.size)
        extra = b""
        if max(sizes) >= _LIMIT:
            extra = struct.pack("<HHQQ", 1, 16, member.size, member.compressed_size)
            sizes = (_LIMIT, _LIMIT)
        self._entries.append(_Entry(encoded, member, date, self._offset))
        header = (_needed(extra), _flags(encoded), member.method, *_dos_time(date), member.crc)
        self._write(_LOCAL.pack(b"PK\x03\x04", *header, *sizes, len(encoded), len(extra)))
        self._write(encoded + extra)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._offset += len(data)


def _central(entry: _Entry) -> bytes:
    name, member, date, offset = entry
    large = [value for value in (member.size, member.compressed_size) if value >= _LIMIT]
    # APPNOTE 4.5.3: only what does not fit its field stands in the extra one, in this order.
    wide = large and [member.size, member.compressed_size]
    wide = [*wide, *([offset] if offset >= _LIMIT else [])]
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    sizes = (_LIMIT, _LIMIT) if large else (member.compressed_size, member.size)
    header = (_needed(extra), _flags(name), member.method, *_dos_time(date), member.crc, *sizes)
    return (
        _CENTRAL.pack(
            b"PK\x01\x02",
            _MADE_ON_UNIX | _needed(extra),
            *header,
            len(name),
            len(extra),
            0,
            0,
            0,
            member.attributes,
            min(offset, _LIMIT),
        )
        + name
        + extra
    )


def _needed(extra: bytes) -> int:
    return 45 if extra else 20


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else _UTF8


def _dos_time(date: Date) -> tuple[int, int]:
    year, month, day, hour, minute, second = date
    return hour << 11 | minute << 5 | second // 2, year - 1980 << 9 | month << 5 | day
