"""Archive: a ZIP file opened for reading, its directory and members that fit into memory.

Spec: PKWARE APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (directory) and 4.3.16 (end).
`zipfile` is what decides how an archive is to be read, and says what is wrong with one.  It takes
8 microseconds for each entry, which large wheels wait for before anything else can begin: what is
plain, as nearly every wheel is, is read here in a quarter of that.  Whatever is not goes to it.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from vinstall.values import Row

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_END = struct.Struct("<4s4H2LH")
_LOCATOR = 20
"""Bytes in front of the end that a large archive needs one more record for."""
_ENTRY = struct.Struct("<4s2xHHH4x3L3H4x2L")
"""Signature, version needed, flags, method, CRC, two sizes, three lengths, attributes, place."""
_LOCAL = struct.Struct("<4s22x2H")
_NEWEST = 63
"""The version of the format that `zipfile` knows, times ten."""
_ODD_FLAGS = 0x1 | 0x20 | 0x40
"""Encrypted, or patches: not read at all, or refused."""


class Entry(Row):
    """One entry of a directory; named as in `zipfile.ZipInfo`, which stands for one as well."""

    filename: str
    orig_filename: str
    flag_bits: int
    compress_type: int
    CRC: int
    compress_size: int
    file_size: int
    external_attr: int
    header_offset: int


Listed = Entry | zipfile.ZipInfo


class Archive:
    """An archive in an open file.  Raises what `zipfile` raises."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._zip: zipfile.ZipFile | None = None
        self.size = file.seek(0, os.SEEK_END)
        entries: Sequence[Listed] | None = plain_directory(file, self.size)
        self.entries = self.as_zip().infolist() if entries is None else entries
        """In the order of the directory."""
        self.names: Mapping[str, Listed] = {entry.filename: entry for entry in self.entries}

    def as_zip(self) -> zipfile.ZipFile:
        """The same as `zipfile` reads it."""
        if self._zip is None:
            self._zip = zipfile.ZipFile(self._file)
        return self._zip

    def read(self, name: str) -> bytes:
        """A member, never more than a byte beyond its declared size, which `zipfile.read` exceeds.

        Raises KeyError where there is none.
        """
        entry = self.names.get(name)
        if isinstance(entry, Entry):
            content = _plain_content(self._file, entry)
            if content is not None:
                return content
        info = self.as_zip().getinfo(name)
        with self.as_zip().open(info) as member:
            return member.read(info.file_size + 1)


def plain_directory(file: BinaryIO, size: int) -> list[Entry] | None:
    """The directory of an archive of `size` bytes; None where any of it is out of the ordinary.

    Plain is: the directory lies right in front of the end, which has no comment, and holds as many
    entries as are announced, with names in ASCII and no extra fields.
    """
    if size < _END.size:
        return None
    file.seek(size - _END.size)
    signature, *disks, number, number_too, length, start, comment = _END.unpack(
        file.read(_END.size)
    )
    if signature != b"PK\5\6" or any(disks) or not number or number != number_too or comment:
        return None
    if start + length != size - _END.size:
        return None
    file.seek(start)
    directory = file.read(length)
    if len(directory) != length or directory[-_LOCATOR:].startswith(b"PK\6\7"):
        return None
    try:
        entries = _entries(directory)
    except (struct.error, UnicodeDecodeError):
        return None
    return entries if entries is not None and len(entries) == number else None


def _entries(directory: bytes) -> list[Entry] | None:
    """Raises struct.error for a directory that is torn, and UnicodeDecodeError."""
    entries = []
    place, end = 0, len(directory)
    while place < end:
        (
            signature, needed, flags, method, crc, packed, size,
            length, extra, comment, attributes, offset,
        ) = _ENTRY.unpack_from(directory, place)  # fmt: skip
        if signature != b"PK\1\2" or extra or flags & _ODD_FLAGS or needed > _NEWEST:
            return None
        place += _ENTRY.size
        raw = directory[place : place + length]
        name = raw.decode("ascii")
        if b"\0" in raw or b"\\" in raw:
            return None
        entries.append(
            Entry._make((name, name, flags, method, crc, packed, size, attributes, offset))
        )
        place += length + comment
    return entries if place == end else None


def _plain_content(file: BinaryIO, entry: Entry) -> bytes | None:
    """The bytes of a member; None where anything is wrong with them."""
    file.seek(entry.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size:
        return None
    signature, length, extra = _LOCAL.unpack(head)
    if signature != b"PK\3\4" or file.read(length) != entry.filename.encode():
        return None
    file.seek(extra, io.SEEK_CUR)
    content = file.read(entry.compress_size)
    if len(content) != entry.compress_size:
        return None
    if entry.compress_type == DEFLATED:
        try:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, entry.file_size + 1)
        except zlib.error:
            return None
    elif entry.compress_type != STORED:
        return None
    is_right = len(content) == entry.file_size and zlib.crc32(content) == entry.CRC
    return content if is_right else None
