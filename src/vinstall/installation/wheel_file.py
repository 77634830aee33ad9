"""A wheel from outside, read with suspicion: everything is checked before a byte is written.

Spec: PEP 427 and "Binary distribution format" (names, RECORD, `.data`), PEP 825 (labels).  The
`installer` library reads the wheel; what is added here is what a hostile archive tries.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from packaging.utils import canonicalize_name
from packaging.version import Version

from vinstall.errors import IntegrityError
from vinstall.formats.wheel_name import WheelName, parse_wheel_name
from vinstall.installation.archive_entries import (
    LOCAL_HEADER,
    bomb_faults,
    directory_faults,
    name_fault,
    shown,
)
from vinstall.installation.wheel_archive import Archive, Listed
from vinstall.values import Row, frozen

_UTF8 = 0x800

_SCHEMES = ("purelib", "platlib", "headers", "scripts", "data")
_WRITTEN_HERE = frozenset(
    ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json")
)
"""Files of `.dist-info` that an installer writes; a wheel has no say in them."""
_SIGNATURES = frozenset(("RECORD.jws", "RECORD.p7s"))
"""Not mentioned in RECORD (PEP 427); they sign the one that is replaced, so they are left out."""

_MAX_TEXT = 128 << 20
"""Bytes of METADATA, RECORD and the like that are taken into memory."""
_HEADERS = frozenset(("name", "version", "wheel-version", "root-is-purelib"))
_ALGORITHMS = frozenset(("sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"))
"""PEP 427: "sha256 or better"."""


class InvalidWheel(IntegrityError):
    """A file that is no wheel, or one that nobody should install."""

    def __init__(self, filename: str, *faults: str, hint: str | None = None) -> None:
        shown = faults[:5] + ((f"and {len(faults) - 5} more",) if len(faults) > 5 else ())
        super().__init__(f"`{filename}` is not a valid wheel", context=shown, hint=hint)


class Member(Row):
    """One file of a wheel, checked as far as its place in the archive goes."""

    name: str
    """In the archive; safe to be made into a path."""
    scheme: str
    destination: str
    """Inside the scheme's folder, `/` between the parts."""
    offset: int
    """Where its local header begins."""
    header: int
    """Bytes of the local header up to the extra field."""
    compressed: int
    size: int
    method: int
    crc: int
    executable: bool
    digest: str
    """What RECORD says: `sha256=...`; unpadded URL-safe base64."""


@frozen
class CheckedWheel:
    """A wheel whose directory and RECORD hold together; contents are checked while unpacking."""

    path: Path
    filename: str
    name: WheelName
    dist_info: str
    root: str
    """The scheme of files outside `.data`."""
    members: tuple[Member, ...]
    """Files to unpack, in archive order; what the installer writes itself is left out."""
    entry_points: str | None
    """The text of `entry_points.txt`."""
    remarks: tuple[str, ...] = ()
    """Oddities that do not forbid installing."""


_UNREADABLE = (
    zipfile.BadZipFile,
    NotImplementedError,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,  # UnicodeDecodeError, and what `installer` raises
    KeyError,
    struct.error,
    zlib.error,
)


@contextmanager
def _reading(filename: str) -> Iterator[None]:
    """Errors of zipfile and installer as InvalidWheel."""
    try:
        yield
    except _UNREADABLE as error:
        # The text of a KeyError is quoted.
        text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
        raise InvalidWheel(filename, text or type(error).__name__) from error


def check_wheel(
    path: Path, *, filename: str, insensitive: bool = False, content: BinaryIO | None = None
) -> CheckedWheel:
    """The wheel at `path`, known as `filename`.

    `insensitive`: it will be unpacked where names that differ in case only are one.  `content`:
    what is to be read in place of `path`, and closed.  Raises InvalidWheel or FormatError; reads
    the archive's directory and three small members.
    """
    name = parse_wheel_name(filename)
    with _reading(filename), content or path.open("rb") as file:
        archive = Archive(file)
        infos = archive.entries
        faults = [
            *directory_faults(infos, insensitive=insensitive),
            *bomb_faults(infos, archive.size),
        ]
        if faults:
            raise InvalidWheel(filename, *faults)
        dist_info = _dist_info(archive, name, filename)
        root, remarks = _root(archive, dist_info, name, filename)
        rows, more = _record(archive, dist_info, filename, infos)
        points = f"{dist_info}/entry_points.txt"
        return CheckedWheel(
            path=path,
            filename=filename,
            name=name,
            dist_info=dist_info,
            root=root,
            members=_members(infos, rows, dist_info=dist_info, root=root, filename=filename),
            entry_points=_text(archive, points) if points in archive.names else None,
            remarks=(*remarks, *more),
        )


def _dist_info(archive: Archive, name: WheelName, filename: str) -> str:
    """The name of the `.dist-info` folder: there is one, and it names the project."""
    tops = {path.partition("/")[0] for path in archive.names}
    found = [top for top in tops if top.endswith(".dist-info")]
    if len(found) == 1 and canonicalize_name(found[0].rsplit("-", 2)[0]) == name.name:
        return found[0]
    from installer.sources import WheelFile  # 30 ms, and it says what is wrong

    # The file may lie in a cache under another name; `installer` reads names from this one.
    as_zip = archive.as_zip()
    as_zip.filename = filename
    return WheelFile(as_zip).dist_info_dir


def _text(archive: Archive, name: str, *, errors: str = "strict") -> str:
    """A small member."""
    entry = archive.names.get(name)
    if entry is not None and entry.file_size > _MAX_TEXT:
        raise ValueError(f"`{name}` has {entry.file_size} bytes")
    return archive.read(name).decode(errors=errors)


# --- WHEEL, METADATA and RECORD ---------------------------------------------------------------


def _root(
    archive: Archive, dist_info: str, name: WheelName, filename: str
) -> tuple[str, list[str]]:
    """The scheme of the wheel's root, and remarks; names and versions must agree."""
    _, _, version = dist_info.removesuffix(".dist-info").rpartition("-")
    _check_version(version, name, f"`{dist_info}`", filename)
    # Names and versions are ASCII; what old wheels say in other encodings does not matter here.
    metadata = _headers(_text(archive, f"{dist_info}/METADATA", errors="replace"))
    if canonicalize_name(str(metadata.get("name"))) != name.name:
        raise InvalidWheel(filename, f"its METADATA names the project `{metadata.get('name')}`")
    _check_version(str(metadata.get("version")), name, "its METADATA", filename)
    facts = _headers(_text(archive, f"{dist_info}/WHEEL"))
    match = re.fullmatch(r"(\d+)\.(\d+)", facts.get("wheel-version", ""))
    if match is None:
        raise InvalidWheel(filename, "its WHEEL file gives no Wheel-Version")
    if int(match[1]) != 1:
        raise InvalidWheel(
            filename,
            f"its Wheel-Version is {match[0]}, known is 1.0",
            hint="a newer vinstall may know this format",
        )
    remarks = [f"Wheel-Version {match[0]} is newer than 1.0"] if int(match[2]) else []
    is_pure = facts.get("root-is-purelib", "").lower() == "true"
    return "purelib" if is_pure else "platlib", remarks


def _headers(text: str) -> dict[str, str]:
    """The first value of each header that is looked at, by its name in lower case.

    `email`, which `installer` reads them with, takes thirty times as long.
    """
    found: dict[str, str] = {}
    for line in text.partition("\n\n")[0].splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and name.lower() in _HEADERS:
            found.setdefault(name.lower(), value.strip())
    return found


def _check_version(text: str, name: WheelName, where: str, filename: str) -> None:
    try:
        agrees = Version(text) == name.version
    except ValueError:
        agrees = False
    if not agrees:
        raise InvalidWheel(filename, f"{where} gives version `{text}`")


def _record(
    archive: Archive, dist_info: str, filename: str, infos: Sequence[Listed]
) -> tuple[Mapping[str, str], list[str]]:
    """Path to digest, and remarks.  Every file must be listed with a digest and its size.

    PEP 427: "installation will fail if any file in the archive is not both mentioned and
    correctly hashed in RECORD".
    """
    faults = []
    rows: dict[str, tuple[str, str]] = {}
    for path, digest, size in _record_rows(_text(archive, f"{dist_info}/RECORD"), filename):
        if rows.setdefault(path, (digest, size)) != (digest, size):
            faults.append(f"RECORD contradicts itself on `{shown(path)}`")
    folder = f"{dist_info}/"
    exempt = {folder + name for name in ("RECORD", *_SIGNATURES)}
    digests: dict[str, str] = {}
    for info in infos:
        if info.filename.endswith("/") or info.filename in exempt:
            rows.pop(info.filename, None)
            continue
        digest, size = rows.pop(info.filename, ("", ""))
        if (size != str(info.file_size) or digest[:7] != "sha256=") and (
            fault := _row_fault(digest, size, info.file_size)
        ):
            faults.append(f"RECORD {fault} `{shown(info.filename)}`")
        digests[info.filename] = digest
    # What RECORD lists and the wheel lacks is not installed, and so not recorded either.
    missing = [path for path in rows if path not in exempt and not path.endswith("/")]
    faults += [
        f"RECORD lists `{shown(path)}`, which leaves it" for path in missing if name_fault(path)
    ]
    if faults:
        raise InvalidWheel(filename, *faults)
    return digests, [f"RECORD lists `{shown(path)}`, which is missing" for path in missing]


def _record_rows(text: str, filename: str) -> list[list[str]]:
    """Path, digest and size of each row; paths with `/` between their parts.

    The rules are those of `installer`, which takes 30 ms to load.
    """
    rows = [line.split(",") for line in text.splitlines()]
    if '"' in text or "\\" in text or set(map(len, rows)) - {3}:
        return _quoted_rows(text, filename)
    return rows


def _quoted_rows(text: str, filename: str) -> list[list[str]]:
    """The same for any text; this takes three times as long."""
    import csv

    try:
        rows = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise InvalidWheel(filename, f"RECORD cannot be read: {error}") from error
    for index, row in enumerate(rows):
        if len(row) != 3:
            raise InvalidWheel(
                filename, f"RECORD cannot be read: row {index} has {len(row)} fields, not 3"
            )
        if "\\" in row[0]:
            row[0] = row[0].replace("\\", "/")
    return rows


def _row_fault(digest: str, size: str, actual: int) -> str | None:
    """What RECORD does wrong for one file, as the verb of a sentence."""
    if not digest:
        return "gives no hash for"
    if digest.partition("=")[0] not in _ALGORITHMS:
        return "gives no hash of sha256 or better for"
    if size and size != str(actual):
        return f"gives {size} bytes, not {actual}, for"
    return None


# --- where the files go -----------------------------------------------------------------------


def _members(
    infos: Sequence[Listed],
    digests: Mapping[str, str],
    *,
    dist_info: str,
    root: str,
    filename: str,
) -> tuple[Member, ...]:
    left_out = {f"{dist_info}/{name}" for name in (*_WRITTEN_HERE, *_SIGNATURES)}
    stem = canonicalize_name(dist_info.removesuffix(".dist-info"))
    taken: dict[tuple[str, str], str] = {}
    members = []
    for info in infos:
        name = info.filename
        # Bytecode in a wheel is not what its sources say; `installer` leaves it out as well.
        if (
            name[-1] == "/"
            or name in left_out
            or ("__pycache__" in name and "__pycache__" in name.split("/"))
        ):
            continue
        scheme, destination = root, name
        if ".data" in name:
            scheme, destination = _place(name, stem, root, filename)
        # Nearly everywhere the two library folders are one.
        library = "purelib" if scheme == "platlib" else scheme
        other = taken.setdefault((library, destination), name)
        if other is not name:
            raise InvalidWheel(filename, f"`{other}` and `{name}` go to the same place")
        members.append(
            Member(
                name,
                scheme,
                destination,
                offset=info.header_offset,
                header=LOCAL_HEADER + (len(name) if name.isascii() else _name_length(info)),
                compressed=info.compress_size,
                size=info.file_size,
                method=info.compress_type,
                crc=info.CRC,
                executable=scheme == "scripts" or _is_executable(info),
                digest=digests[name],
            )
        )
    return tuple(members)


def _name_length(info: Listed) -> int:
    """Bytes of the entry's name as the archive spells it."""
    return len(info.filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437"))


def _is_executable(info: Listed) -> bool:
    mode = info.external_attr >> 16
    return bool(mode and stat.S_ISREG(mode) and mode & 0o111)


def _place(name: str, stem: str, root: str, filename: str) -> tuple[str, str]:
    """Scheme and path inside its folder.  PEP 427: `{distribution}-{version}.data/{scheme}/...`."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data") or canonicalize_name(top.removesuffix(".data")) != stem:
        return root, name
    scheme, _, path = rest.partition("/")
    if scheme not in _SCHEMES or not path:
        raise InvalidWheel(filename, f"`{shown(name)}` belongs to no installation scheme")
    return scheme, path
