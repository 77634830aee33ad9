"""Projects made for the benchmark: large wheels, many files, many variants, many releases."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import NormalizedName

from vinstall.formats.simple_api import ProjectPage, RemoteFile

VARIANT_PROJECT = NormalizedName("variantdemo")
PLAIN_PROJECT = NormalizedName("plaindemo")
LABELS = 200
RELEASES = 30
_MIB = 1024 * 1024


def big_wheel(folder: Path) -> Path:
    """About 570 MB in 10,000 files: four of 100 MB that do not compress, and small ones that do."""
    return _write(folder, "bigdemo", _big_files(), zipfile.ZIP_DEFLATED)


def many_files_wheel(folder: Path) -> Path:
    """10,000 small files, 33 MB."""
    noise = random.Random(2)
    files = (
        (f"manyfiles/part{n % 100:02}/file{n:05}.py", _text(noise, 3_000 + n % 800))
        for n in range(10_000)
    )
    return _write(folder, "manyfiles", files, zipfile.ZIP_DEFLATED)


def _big_files() -> Iterator[tuple[str, bytes]]:
    noise = random.Random(1)
    for number in range(4):
        block = noise.randbytes(_MIB) + bytes(_MIB // 8)
        yield f"bigdemo/lib{number}.so", b"".join(_stirred(block, n) for n in range(100))
    for number in range(10_000):
        size = 12_000 + number % 2_000
        body = noise.randbytes(size) + _text(noise, size // 4)
        yield f"bigdemo/data{number % 100:02}/file{number:05}.bin", body


def _stirred(block: bytes, number: int) -> bytes:
    cut = number * 9973 % len(block)
    return block[cut:] + block[:cut]


def _text(noise: random.Random, size: int) -> bytes:
    return base64.b64encode(noise.randbytes(size * 3 // 4))


def _write(folder: Path, name: str, files: Iterator[tuple[str, bytes]], method: int) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    temporary = path.with_suffix(".tmp")
    info = f"{name}-1.0.dist-info"
    record: list[str] = []
    with zipfile.ZipFile(temporary, "w", method, compresslevel=1) as archive:

        def add(member: str, content: bytes) -> None:
            entry = zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0))
            entry.compress_type = method
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            record.append(f"{member},sha256={digest.decode()},{len(content)}")

        for member, content in files:
            add(member, content)
        add(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode())
        add(
            f"{info}/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        record.append(f"{info}/RECORD,,")
        archive.writestr(f"{info}/RECORD", "\n".join(record) + "\n")
    temporary.replace(path)
    return path


# --- projects of which nothing but the index is read ---------------------------------------------


def variant_project(files: Path) -> Iterator[ProjectPage]:
    """200 labels in each of 30 releases, and the same number of files without a label.

    Sidecars and `-variants.json` are written to `files`; the wheels are listed and not there.
    """
    table = _variant_table()
    rows: list[RemoteFile] = []
    plain: list[RemoteFile] = []
    versions = [f"1.{number}" for number in range(RELEASES)]
    for version in versions:
        name = f"{VARIANT_PROJECT}-{version}-variants.json"
        (files / name).write_bytes(table)
        rows.append(_row(name, table, size=len(table)))
        rows.append(_listed(files, VARIANT_PROJECT, version, "py3-none-any"))
        for label in _labels():
            rows.append(_listed(files, VARIANT_PROJECT, version, f"py3-none-any-{label}"))
        for build in range(LABELS + 2):
            plain.append(_listed(files, PLAIN_PROJECT, version, f"{build}-py3-none-any"))
    yield _page(VARIANT_PROJECT, rows, versions)
    yield _page(PLAIN_PROJECT, plain, versions)


def _labels() -> list[str]:
    return [f"x{level}_cu{major}{minor:02}" for level, major, minor in _combinations()]


def _combinations() -> list[tuple[int, int, int]]:
    every = [(n, major, minor) for n in (1, 2, 3, 4) for major in (11, 12) for minor in range(25)]
    return every[:LABELS]


def _variant_table() -> bytes:
    variants = {
        label: {
            "x86_64": {"level": [f"v{level}"]},
            "nvidia": {"cuda_version_lower_bound": [f"{major}.{minor}"]},
        }
        for label, (level, major, minor) in zip(_labels(), _combinations(), strict=True)
    }
    document = {
        "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
        "default-priorities": {"namespace": ["x86_64", "nvidia"]},
        "variants": variants,
    }
    return json.dumps(document).encode()


def growing_project(
    files: Path, number: int, releases: int, *, considered: bool
) -> tuple[ProjectPage, str]:
    """A project that needs the one before it; only its oldest release has a wheel for this machine.

    `considered` False: all releases have one.
    """
    name = NormalizedName(f"grow{number:04}r{releases}")
    needs = (f"grow{number - 1:04}r{releases}>=1.0",) if number % 10 else ()
    versions = [f"1.{one}" for one in range(releases)]
    rows = []
    for version in versions:
        other = considered and version != versions[0]
        tag = "cp27-cp27m-win32" if other else "py3-none-any"
        rows.append(_listed(files, name, version, tag, needs=needs, sidecar=not other))
    return _page(name, rows, versions), name


def _listed(
    files: Path,
    name: str,
    version: str,
    rest: str,
    *,
    needs: tuple[str, ...] = (),
    sidecar: bool = True,
) -> RemoteFile:
    """A wheel that is listed with its sidecar, and is not there."""
    filename = f"{name.replace('-', '_')}-{version}-{rest}.whl"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata = "\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs), ""]).encode()
    if sidecar:
        shared = files / f".{name}-{version}.metadata"
        if not shared.exists():
            shared.write_bytes(metadata)
        os.link(shared, files / f"{filename}.metadata")
    return _row(filename, filename.encode(), size=1_000_000, metadata=metadata)


def _row(filename: str, content: bytes, *, size: int, metadata: bytes | None = None) -> RemoteFile:
    return RemoteFile(
        filename=filename,
        url=f"../../files/{filename}",
        hashes=(("sha256", hashlib.sha256(content).hexdigest()),),
        size=size,
        metadata_hashes=(
            (("sha256", hashlib.sha256(metadata).hexdigest()),) if metadata is not None else None
        ),
    )


def _page(name: NormalizedName, rows: list[RemoteFile], versions: list[str]) -> ProjectPage:
    return ProjectPage(
        name=name, source="bench", files=tuple(rows), versions=tuple(reversed(versions))
    )
