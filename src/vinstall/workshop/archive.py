"""A wheel from outside, read with suspicion: what its directory says, and whether that can be true.

Spec: PEP 427 and "Binary distribution format"; the zip format is PKWARE's APPNOTE 6.3.  Nothing is
ever written from here, and no member is held in memory as a whole unless the caller asks for it.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from vinstall.errors import FormatError, IntegrityError, SourceError
from vinstall.values import frozen
from vinstall.workshop.fault import Fault

CHUNK = 1 << 18
"""Bytes handled at once."""

_LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _HAS_DESCRIPTOR, _UTF8 = 0x1, 0x8, 0x800
_IN_ZIP64 = 0xFFFFFFFF
_MAX_PATH, _MAX_PART = 1024, 255
"""Bytes of UTF-8: more than this no file system holds."""
_MAX_MEMBERS = 500_000
_BOMB_SIZE, _BOMB_RATIO = 16 << 20, 250
"""An archive that unpacks to more than this many bytes and times its own size is a zip bomb."""
_BOMB_MEMBER = 1 << 30
"""A single member of more bytes than this is held to the same ratio."""


@frozen
class Member:
    """One entry of the archive's directory."""

    name: str
    size: int
    """Bytes when unpacked, as declared."""
    compressed_size: int
    crc: int
    method: int
    """0: stored, 8: deflated; anything else is a fault."""
    attributes: int
    """The zip format's external attributes; the upper half is a Unix mode."""
    date: tuple[int, int, int, int, int, int]
    data_offset: int
    """Where its bytes begin in the file."""

    @property
    def is_folder(self) -> bool:
        """Whether it stands for a folder and not for a file."""
        return self.name.endswith("/")


class WheelArchive:
    """An open wheel: its members, and every fault of its directory.  Not thread-safe."""

    def __init__(
        self, path: Path, file: IO[bytes], members: tuple[Member, ...], faults: tuple[Fault, ...]
    ) -> None:
        self.path = path
        self.members = members
        """In the order of the archive's directory."""
        self.faults = faults
        self.by_name = {member.name: member for member in members}
        self._file = file

    def read(self, name: str, *, limit: int = 64 << 20) -> bytes:
        """All bytes of one member.  Raises FormatError where it is absent or over `limit` bytes."""
        member = self.by_name.get(name)
        if member is None:
            raise FormatError(f"`{self.path.name}` has no `{name}`")
        if member.size > limit:
            raise FormatError(f"`{name}` in `{self.path.name}` is larger than {limit} bytes")
        return b"".join(self.content(member))

    def raw(self, member: Member) -> Iterator[bytes]:
        """The bytes of `member` as they stand in the archive, compressed or not."""
        self._file.seek(member.data_offset)
        left = member.compressed_size
        while left:
            chunk = self._file.read(min(CHUNK, left))
            if not chunk:
                raise IntegrityError(f"`{self.path.name}` ends within `{member.name}`")
            left -= len(chunk)
            yield chunk

    def content(self, member: Member) -> Iterator[bytes]:
        """The unpacked bytes of `member`.  Raises IntegrityError where they are not as declared."""
        inflater = Inflater(member, self.path.name)
        for chunk in self.raw(member):
            yield from inflater.feed(chunk)
        inflater.finish()


class Inflater:
    """Unpacks one member piece by piece, and holds it to its declared size and checksum."""

    def __init__(self, member: Member, archive: str) -> None:
        self._member = member
        self._archive = archive
        self._inflate = zlib.decompressobj(-15) if member.method == _DEFLATED else None
        self._size = 0
        self._crc = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The unpacked bytes that `chunk` gives, in pieces of bounded size."""
        if self._inflate is None:
            yield self._seen(chunk)
            return
        full = True
        # zlib may hold back output although it took all input: a full piece asks for another call.
        while not self._inflate.eof and (chunk or full):
            try:
                piece = self._inflate.decompress(chunk, CHUNK)
            except zlib.error as error:
                raise self._broken("does not unpack") from error
            chunk = self._inflate.unconsumed_tail
            full = len(piece) == CHUNK
            yield self._seen(piece)
        if chunk or self._inflate.unused_data:
            raise self._broken("has bytes after its end")

    def finish(self) -> None:
        """Raises IntegrityError unless everything that was declared has been seen."""
        if self._inflate is not None and not self._inflate.eof:
            raise self._broken("does not unpack")
        if self._size != self._member.size:
            raise self._broken(f"unpacks to {self._size} bytes, {self._member.size} are declared")
        if self._crc != self._member.crc:
            raise self._broken("does not match its checksum")

    def _seen(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._size > self._member.size:
            raise self._broken(f"unpacks to more than the {self._member.size} bytes declared")
        self._crc = zlib.crc32(piece, self._crc)
        return piece

    def _broken(self, what: str) -> IntegrityError:
        return IntegrityError(f"`{self._member.name}` in `{self._archive}` {what}")


@contextmanager
def open_archive(path: Path) -> Iterator[WheelArchive]:
    """The archive at `path`, its faults collected and not raised.

    Raises SourceError where there is no such file, FormatError where it is no zip archive at all.
    Costs one read of the directory and one of each member's header.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise SourceError(f"`{path}` cannot be read", context=(str(error),)) from error
    with file:
        try:
            with zipfile.ZipFile(file) as archive:
                infos = archive.infolist()
        except (
            zipfile.BadZipFile,
            UnicodeDecodeError,
            ValueError,
            EOFError,
            NotImplementedError,
        ) as error:
            raise FormatError(
                f"`{path.name}` is not a readable zip archive", context=(str(error),)
            ) from error
        except RecursionError as error:  # pragma: no cover - a guard for other interpreters
            raise FormatError(f"`{path.name}` is not a readable zip archive") from error
        if len(infos) > _MAX_MEMBERS:
            raise FormatError(f"`{path.name}` has {len(infos)} members, more than any wheel")
        members, faults = _read_members(file, infos, path.name)
        faults += _set_faults(members, path)
        yield WheelArchive(path, file, members, tuple(faults))


def _read_members(
    file: IO[bytes], infos: list[zipfile.ZipInfo], archive: str
) -> tuple[tuple[Member, ...], list[Fault]]:
    members: list[Member] = []
    faults: list[Fault] = []
    for info in infos:
        offset, fault = _local_header(file, info)
        name = info.orig_filename
        for message in (fault, _entry_fault(info), path_fault(name)):
            if message is not None:
                shown = name if len(name) <= 120 else f"{name[:120]}..."
                faults.append(Fault("archive-entry", archive, f"`{shown}` {message}"))
        members.append(
            Member(
                name=name,
                size=info.file_size,
                compressed_size=info.compress_size,
                crc=info.CRC,
                method=info.compress_type,
                attributes=info.external_attr,
                date=info.date_time,
                data_offset=offset,
            )
        )
    return tuple(members), faults


def _local_header(file: IO[bytes], info: zipfile.ZipInfo) -> tuple[int, str | None]:
    """Where the data begin, and how the header before them contradicts the directory."""
    raw = b""
    if info.header_offset >= 0:  # negative where bytes are missing at the start
        file.seek(info.header_offset)
        raw = file.read(_LOCAL_HEADER.size)
    if len(raw) < _LOCAL_HEADER.size or not raw.startswith(b"PK\x03\x04"):
        return 0, "has no header where the directory says"
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL_HEADER.unpack(
        raw
    )
    name = file.read(name_length)
    offset = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    encoding = "utf-8" if info.flag_bits & _UTF8 else "cp437"
    if (
        name != info.orig_filename.encode(encoding, "surrogateescape")
        or method != info.compress_type
    ):
        return offset, "is named differently in the directory and before its data"
    declared = (crc, packed, size)
    expected = (info.CRC, info.compress_size, info.file_size)
    if not flags & _HAS_DESCRIPTOR and any(
        seen not in (wanted, _IN_ZIP64) for seen, wanted in zip(declared, expected, strict=True)
    ):
        return offset, "has other sizes in the directory than before its data"
    return offset, None


def _entry_fault(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if stat.S_ISLNK(kind):
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is neither a file nor a folder"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (_STORED, _DEFLATED):
        return f"is compressed by method {info.compress_type}, wheels are stored or deflated"
    if not info.flag_bits & _UTF8 and not info.orig_filename.isascii():
        return "has a name that is not marked as UTF-8"
    if info.compress_type == _STORED and info.compress_size != info.file_size:
        return "is stored in another number of bytes than it has"
    if info.orig_filename.endswith("/") and info.file_size:
        return "is a folder with content"
    return None


def path_fault(name: str) -> str | None:
    """What makes `name` unfit as a path inside a wheel; None where it is fit."""
    if not name or any(ord(character) < 32 or ord(character) == 127 for character in name):
        return "has an empty name or a control character in it"
    if "\\" in name or name.startswith("/") or name[1:2] == ":":
        return "is not a relative path with forward slashes"
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "has a part that is empty, `.` or `..`"
    try:
        encoded = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    if max(encoded) > _MAX_PART or sum(encoded) + len(parts) > _MAX_PATH:
        return f"has a name of more than {_MAX_PART} bytes, or a path of more than {_MAX_PATH}"
    return None


def _set_faults(members: tuple[Member, ...], path: Path) -> list[Fault]:
    """Faults that show only when all members are looked at together."""
    archive = path.name
    faults: list[Fault] = []
    names: set[str] = set()
    for member in members:
        name = member.name.removesuffix("/")
        if name in names:
            faults.append(
                Fault("archive-duplicate", archive, f"`{name[:120]}` is in it more than once")
            )
        names.add(name)
    files = {member.name for member in members if not member.is_folder}
    for name in sorted(names):
        folder = name.rpartition("/")[0]
        if folder in files:
            faults.append(
                Fault("archive-duplicate", archive, f"`{folder[:120]}` is both a file and a folder")
            )
    faults += _size_faults(members, path)
    return faults


def _size_faults(members: tuple[Member, ...], path: Path) -> list[Fault]:
    size = path.stat().st_size
    end = 0
    for member in sorted(members, key=lambda member: member.data_offset):
        if member.data_offset < end or member.data_offset + member.compressed_size > size:
            message = f"the data of `{member.name[:120]}` overlap another member's, or the end"
            return [Fault("archive-bomb", path.name, message)]
        end = member.data_offset + member.compressed_size
    total = sum(member.size for member in members)
    bombs = [
        member.size
        for member in members
        if member.size > _BOMB_MEMBER and member.size > _BOMB_RATIO * member.compressed_size
    ]
    if bombs or (total > _BOMB_SIZE and total > _BOMB_RATIO * size):
        message = f"unpacks to {total} bytes from {size}: a zip bomb"
        return [Fault("archive-bomb", path.name, message)]
    return []
