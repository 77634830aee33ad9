"""What a compiled file is, and which shared libraries it asks for.

Spec: System V ABI, "Dynamic Section" (ELF).  Mach-O and PE files are recognised by their first
bytes.  A file that is cut off or lies about its parts gives what could be read of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from vinstall.values import frozen

_MACHINES = {
    0x03: "i386",
    0x14: "ppc",
    0x15: "ppc64",
    0x16: "s390x",
    0x28: "arm",
    0x3E: "x86_64",
    0xB7: "aarch64",
    0xF3: "riscv",
    0x102: "loongarch",
}
_PE_MACHINES = {0x14C: "i386", 0x8664: "x86_64", 0xAA64: "aarch64"}
_MACHO_MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64", 7: "i386", 12: "arm"}
MACHO_MAGIC = {b"\xcf\xfa\xed\xfe": "<", b"\xce\xfa\xed\xfe": "<", b"\xfe\xed\xfa\xcf": ">"}
_DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 14, 15, 29
_PT_LOAD, _PT_DYNAMIC = 1, 2
_MAX_ENTRIES = 4096
_MAX_STRING = 4096


@frozen
class BinaryFile:
    """One compiled file."""

    format: str
    """`ELF`, `Mach-O` or `PE`."""
    machine: str
    """`x86_64`, `aarch64`, ...; `universal` for several in one; `unknown` for what is not listed here."""
    needed: tuple[str, ...] | None = None
    """Shared libraries it asks the loader for, in order; None where the format is not looked into."""
    soname: str | None = None
    search: tuple[str, ...] = ()
    """Folders it tells the loader to look in (RPATH and RUNPATH)."""


def read_binary(file: IO[bytes]) -> BinaryFile | None:
    """What `file`, which can be sought in, is; None for anything that is not compiled."""
    magic = _at(file, 0, 4)
    if magic == b"\x7fELF":
        return _read_elf(file)
    if magic[:2] == b"MZ":
        return _read_pe(file)
    if magic in MACHO_MAGIC:
        (machine,) = _unpack(MACHO_MAGIC[magic] + "I", _at(file, 4, 4)) or (0,)
        return BinaryFile(format="Mach-O", machine=_MACHO_MACHINES.get(machine, "unknown"))
    # Java classes share the first four bytes; a universal file holds a handful of parts at most.
    if magic == b"\xca\xfe\xba\xbe" and 0 < int.from_bytes(_at(file, 4, 4)) < 20:
        return BinaryFile(format="Mach-O", machine="universal")
    return None


def _at(file: IO[bytes], offset: int, size: int) -> bytes:
    try:
        file.seek(offset)
    except (OSError, OverflowError, ValueError):
        return b""
    return file.read(size)


def _unpack(layout: str, data: bytes) -> tuple[int, ...] | None:
    return struct.unpack(layout, data) if len(data) == struct.calcsize(layout) else None


def _read_pe(file: IO[bytes]) -> BinaryFile | None:
    (offset,) = _unpack("<I", _at(file, 0x3C, 4)) or (0,)
    if _at(file, offset, 4) != b"PE\0\0":
        return None
    (machine,) = _unpack("<H", _at(file, offset + 4, 2)) or (0,)
    return BinaryFile(format="PE", machine=_PE_MACHINES.get(machine, "unknown"))


@frozen
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def _read_elf(file: IO[bytes]) -> BinaryFile:
    header = _at(file, 0, 64)
    wide, order = header[4:5] == b"\2", ">" if header[5:6] == b"\2" else "<"
    (machine,) = _unpack(order + "H", header[18:20]) or (0,)
    name = _MACHINES.get(machine, "unknown")
    segments = tuple(_segments(file, header, order, wide=wide))
    dynamic = next((segment for segment in segments if segment.kind == _PT_DYNAMIC), None)
    if dynamic is None:
        return BinaryFile(format="ELF", machine=name, needed=())
    entries = tuple(_dynamic_entries(file, dynamic, order, wide=wide))
    table = next((value for tag, value in entries if tag == _DT_STRTAB), 0)
    strings = _file_offset(segments, table)

    def named(*tags: int) -> tuple[str, ...]:
        found = (_string(file, strings + value) for tag, value in entries if tag in tags)
        return tuple(text for text in found if text)

    paths = [part for text in named(_DT_RPATH, _DT_RUNPATH) for part in text.split(":")]
    return BinaryFile(
        format="ELF",
        machine=name,
        needed=named(_DT_NEEDED),
        soname=next(iter(named(_DT_SONAME)), None),
        search=tuple(paths),
    )


def _segments(file: IO[bytes], header: bytes, order: str, *, wide: bool) -> Iterator[_Segment]:
    place = _unpack(order + ("Q" if wide else "I"), header[32:40] if wide else header[28:32])
    counts = _unpack(order + "HH", header[54:58] if wide else header[42:46])
    if place is None or counts is None:
        return
    size, count = counts
    for number in range(min(count, _MAX_ENTRIES)):
        entry = _at(file, place[0] + number * size, 56 if wide else 32)
        fields = _unpack(order + ("IIQQQQQQ" if wide else "IIIIIIII"), entry)
        if fields is None:
            return
        if wide:
            kind, _, offset, address, _, length, _, _ = fields
        else:
            kind, offset, address, _, length, _, _, _ = fields
        yield _Segment(kind=kind, offset=offset, address=address, size=length)


def _dynamic_entries(
    file: IO[bytes], dynamic: _Segment, order: str, *, wide: bool
) -> Iterator[tuple[int, int]]:
    layout = order + ("qQ" if wide else "iI")
    size = struct.calcsize(layout)
    for number in range(min(dynamic.size // size, _MAX_ENTRIES)):
        entry = _unpack(layout, _at(file, dynamic.offset + number * size, size))
        if entry is None or entry[0] == 0:
            return
        yield entry[0], entry[1]


def _file_offset(segments: tuple[_Segment, ...], address: int) -> int:
    """Where in the file `address` of the loaded image stands."""
    for segment in segments:
        inside = segment.address <= address < segment.address + segment.size
        if segment.kind == _PT_LOAD and inside:
            return address - segment.address + segment.offset
    return address


def _string(file: IO[bytes], offset: int) -> str:
    return _at(file, offset, _MAX_STRING).partition(b"\0")[0].decode("utf-8", "replace")
