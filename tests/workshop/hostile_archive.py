"""Archives no honest tool writes."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.wheels import make_wheel

Edit = Callable[[bytes], bytes]


def with_member(folder: Path, name: str, data: bytes = b"x", *, attributes: int = 0o100644) -> Path:
    """A good wheel and one more member under `name`, as zipfile writes it."""
    wheel = make_wheel(folder)
    with zipfile.ZipFile(wheel, "a") as archive:
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = name
        entry.external_attr = attributes << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, data)
    return wheel


def patched(wheel: Path, old: bytes, new: bytes, *, count: int = -1) -> Path:
    """`wheel` with bytes replaced by as many others."""
    assert len(old) == len(new)
    data = wheel.read_bytes()
    assert old in data
    wheel.write_bytes(data.replace(old, new, count))
    return wheel


def overlapping(path: Path, names: Sequence[bytes], size: int = 1 << 20) -> Path:
    """Many directory entries that share one member's data."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packed.compress(bytes(size)) + packed.flush()
    crc = zlib.crc32(bytes(size))
    name = names[0]
    sizes = (crc, len(data), size)
    local = (
        struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 33, *sizes, len(name), 0) + name + data
    )
    central = b""
    for entry in names:
        central += struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            b"PK\1\2",
            20,
            20,
            0,
            8,
            0,
            33,
            *sizes,
            len(entry),
            0,
            0,
            0,
            0,
            0,
            0,
        )
        central += entry
    end = struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, len(names), len(names), len(central), len(local), 0
    )
    path.write_bytes(local + central + end)
    return path
