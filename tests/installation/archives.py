"""Wheels that make_wheel() would not write: hostile, broken, odd."""

from __future__ import annotations

import base64
import hashlib
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

INFO = "demo-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def entry(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    """A member called exactly `name`, whatever zipfile thinks of it."""
    info = zipfile.ZipInfo("x", (2020, 1, 1, 0, 0, 0))
    info.filename = name
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16
    return info


def digest(content: bytes) -> str:
    hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={hashed}"


def record_of(members: Iterable[tuple[zipfile.ZipInfo, bytes]]) -> str:
    rows = [
        f'"{info.filename}",{digest(content)},{len(content)}'
        for info, content in members
        if not info.filename.endswith("/")
    ]
    return "\n".join([*rows, f"{INFO}/RECORD,,", ""])


def archive(
    folder: Path,
    *members: tuple[str | zipfile.ZipInfo, str | bytes],
    record: str | None = None,
    texts: Mapping[str, str] | None = None,
    filename: str = "demo-1.0-py3-none-any.whl",
) -> Path:
    """A wheel `demo` 1.0 with these members, and a RECORD that fits them unless one is given.

    `texts` replaces or adds files of `.dist-info`; an empty text leaves one out.
    """
    infos = {"METADATA": METADATA, "WHEEL": WHEEL, **(texts or {})}
    everything = [
        (entry(member) if isinstance(member, str) else member, _bytes(content))
        for member, content in members
    ]
    everything += [(entry(f"{INFO}/{name}"), text.encode()) for name, text in infos.items() if text]
    rows = record_of(everything) if record is None else record
    path = folder / filename
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as file:
        warnings.simplefilter("ignore")
        for info, content in everything:
            file.writestr(info, content)
        if rows:
            file.writestr(entry(f"{INFO}/RECORD"), rows)
    return path


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def patched(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    """The file with bytes replaced everywhere; lengths stay."""
    data = path.read_bytes()
    for old, new in changes:
        assert len(old) == len(new)
        assert old in data
        data = data.replace(old, new)
    path.write_bytes(data)
    return path
