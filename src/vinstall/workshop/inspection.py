"""Inspection: everything there is to know about one wheel file, and every fault of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from vinstall.errors import FormatError, IntegrityError
from vinstall.formats.requirement import render_requirement
from vinstall.formats.variant_json import Property, VariantTable, combine
from vinstall.formats.wheel_name import WheelName
from vinstall.values import frozen
from vinstall.workshop.archive import Member
from vinstall.workshop.binary_file import MACHO_MAGIC, BinaryFile, read_binary
from vinstall.workshop.fault import Fault
from vinstall.workshop.wheel_content import (
    ContentCheck,
    WheelFile,
    content_checks,
    open_wheel,
)
from vinstall.workshop.wheel_record import RecordMismatch

_IN_MEMORY = 8 << 20


@frozen
class KindSize:
    """What the files of one kind come to."""

    kind: str
    """A suffix, `.so` for every versioned shared library, or `other`."""
    files: int
    size: int
    """Bytes unpacked."""
    compressed_size: int
    """Bytes in the wheel."""


@frozen
class Inspection:
    """One wheel."""

    path: Path
    sha256: str
    size: int
    """Bytes of the file."""
    name: WheelName | None
    """None where the file name is no wheel's."""
    requires_python: str | None
    requirements: tuple[str, ...]
    """Requires-Dist, as markers and names are understood."""
    kinds: tuple[KindSize, ...]
    """Largest first."""
    libraries: Mapping[str, BinaryFile]
    """Compiled files by path, in the order of the archive."""
    metadata_sha256: str | None
    """Of METADATA; None where it cannot be read."""
    table: VariantTable | None
    """Of its own `variant.json`."""
    faults: tuple[Fault, ...]

    @property
    def properties(self) -> frozenset[Property] | None:
        """Of its label; None where it has no label, or no `variant.json` that could be read."""
        if self.table is None or self.name is None or self.name.label is None:
            return None
        return self.table.variants[self.name.label]


def inspect_wheel(path: Path, *, index: VariantTable | None = None) -> Inspection:
    """The wheel at `path`, read to its last byte; `index` is the release's `-variants.json`, if any.

    Raises SourceError where there is no file, FormatError where it is no zip archive.
    """
    with open_wheel(path) as wheel:
        faults = list(wheel.faults)
        libraries: dict[str, BinaryFile] = {}
        if not wheel.archive.faults:
            libraries, more = _read_members(wheel)
            faults += more
        if index is not None:
            faults += agreement_faults(wheel, index)
        metadata = wheel.metadata
        python = metadata.requires_python if metadata is not None else None
        return Inspection(
            path=path,
            sha256=_sha256(path),
            size=path.stat().st_size,
            name=wheel.name,
            requires_python=None if python is None else str(python),
            requirements=tuple(map(render_requirement, metadata.requires_dist)) if metadata else (),
            kinds=_kinds(wheel.archive.members),
            libraries=libraries,
            metadata_sha256=_text_sha256(wheel.metadata_text),
            table=wheel.table,
            faults=tuple(faults),
        )


def agreement_faults(wheel: WheelFile, index: VariantTable) -> list[Fault]:
    """Where the wheel and its release's index file contradict each other (PEP 825)."""
    file, label = wheel.archive.path.name, wheel.label
    if label is None or wheel.table is None:
        return []
    if label not in index.variants:
        return [Fault("index-agreement", file, f"the index file does not list `{label}`")]
    if index.variants[label] != wheel.table.variants[label]:
        return [Fault("index-agreement", file, f"the index file gives `{label}` other properties")]
    try:
        combine(index, wheel.table)
    except FormatError as error:
        return [Fault("index-agreement", file, f"the index file disagrees: {error.message}")]
    return []


def _text_sha256(text: bytes | None) -> str | None:
    return None if text is None else hashlib.sha256(text).hexdigest()


def _read_members(wheel: WheelFile) -> tuple[dict[str, BinaryFile], list[Fault]]:
    """Compiled files, and what reading every member brought to light."""
    checks = content_checks(wheel)
    libraries, faults = {}, []
    for member in wheel.archive.members:
        try:
            binary = _read_member(wheel, member, checks.get(member.name))
        except IntegrityError as error:
            rule = "record" if isinstance(error, RecordMismatch) else "archive-content"
            faults.append(Fault(rule, wheel.archive.path.name, error.message))
            continue
        if binary is not None:
            libraries[member.name] = binary
    return libraries, faults


def _read_member(wheel: WheelFile, member: Member, check: ContentCheck | None) -> BinaryFile | None:
    """Read all of `member`, hold it to its hash, and look inside where it may be compiled."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        keep: bool | None = None
        for piece in wheel.archive.content(member):
            if check is not None:
                check.feed(piece)
            if keep is None:
                keep = _may_be_compiled(piece)
            if keep:
                copy.write(piece)
        if check is not None:
            check.finish()
        return read_binary(copy) if keep else None


def _may_be_compiled(start: bytes) -> bool:
    return start.startswith((b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe")) or start[:4] in MACHO_MAGIC


def _kinds(members: tuple[Member, ...]) -> tuple[KindSize, ...]:
    found: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        if not member.is_folder:
            found[_kind(member.name)].append(member)
    kinds = (
        KindSize(
            kind=kind,
            files=len(group),
            size=sum(member.size for member in group),
            compressed_size=sum(member.compressed_size for member in group),
        )
        for kind, group in found.items()
    )
    return tuple(sorted(kinds, key=lambda kind: (-kind.size, kind.kind)))


def _kind(name: str) -> str:
    """The suffix; `libx.so.1.2` and `x.cpython-312-x86_64-linux-gnu.so` are both `.so`."""
    parts = name.rpartition("/")[2].split(".")
    if "so" in parts[1:]:
        return ".so"
    return f".{parts[-1]}" if len(parts) > 1 and parts[0] else "other"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
