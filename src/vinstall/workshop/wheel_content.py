"""WheelFile: an archive that is a wheel, with its metadata read and every fault collected."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import canonicalize_name

from vinstall.errors import FormatError, IntegrityError
from vinstall.formats.metadata import Metadata, parse_metadata
from vinstall.formats.variant_json import VariantTable, parse_variant_table
from vinstall.formats.wheel_name import WheelName, parse_wheel_name
from vinstall.values import frozen
from vinstall.workshop.archive import WheelArchive, open_archive
from vinstall.workshop.fault import Fault
from vinstall.workshop.wheel_record import (
    RecordMismatch,
    RecordRow,
    parse_record,
    record_faults,
    render_digest,
)

VARIANT_JSON = "variant.json"


@frozen
class WheelFile:
    """What could be read of one wheel.  None stands for what is absent or unreadable."""

    archive: WheelArchive
    name: WheelName | None
    info: str | None
    """The `.dist-info` folder, without a slash."""
    metadata_text: bytes | None
    metadata: Metadata | None
    record: tuple[RecordRow, ...]
    table: VariantTable | None
    """Of its own `variant.json`, read strictly."""
    faults: tuple[Fault, ...]
    """Everything wrong with it short of what reading every member would tell."""

    @property
    def label(self) -> str | None:
        """The label of the file name."""
        return self.name.label if self.name is not None else None


@contextmanager
def open_wheel(path: Path) -> Iterator[WheelFile]:
    """The wheel at `path`, faults collected.  Raises SourceError or FormatError for no zip at all."""
    with open_archive(path) as archive:
        yield _Reader(archive).wheel()


class _Reader:
    """One wheel on its way to a WheelFile."""

    def __init__(self, archive: WheelArchive) -> None:
        self.archive = archive
        self.file = archive.path.name
        self.faults = list(archive.faults)

    def wheel(self) -> WheelFile:
        """Everything the archive says of itself, with the faults found on the way."""
        name = self._name()
        info = self._info(name)
        # A directory that lies is not read any further.
        sound = not self.archive.faults
        text = self._read(f"{info}/METADATA") if info and sound else None
        metadata = self._metadata(text, name) if text is not None else None
        record = self._record(info) if info and sound else ()
        table = self._table(info, name) if info and name and sound else None
        if info and name and sound:
            self._check_tags(info, name)
        return WheelFile(
            archive=self.archive,
            name=name,
            info=info,
            metadata_text=text,
            metadata=metadata,
            record=record,
            table=table,
            faults=tuple(self.faults),
        )

    def _fault(self, rule: str, message: str) -> None:
        self.faults.append(Fault(rule, self.file, message))

    def _name(self) -> WheelName | None:
        try:
            return parse_wheel_name(self.file)
        except FormatError as error:
            self._fault("wheel-name", error.message)
            return None

    def _info(self, name: WheelName | None) -> str | None:
        folders = {
            first
            for first, slash, _ in (member.name.partition("/") for member in self.archive.members)
            if slash and first.endswith(".dist-info")
        }
        if len(folders) != 1:
            self._fault("wheel-metadata", f"has {len(folders)} `.dist-info` folders instead of 1")
            return None
        info = folders.pop()
        for file in ("METADATA", "WHEEL", "RECORD"):
            if f"{info}/{file}" not in self.archive.by_name:
                self._fault("wheel-metadata", f"has no `{info}/{file}`")
        if name is not None:
            project, _, version = info.removesuffix(".dist-info").partition("-")
            if canonicalize_name(project) != name.name or not _same_version(version, name):
                self._fault("wheel-identity", f"has the folder `{info}`, of another release")
        return info

    def _read(self, name: str) -> bytes | None:
        if name not in self.archive.by_name:
            return None
        try:
            return self.archive.read(name)
        except IntegrityError as error:
            self._fault("archive-content", error.message)
        except FormatError as error:
            self._fault("wheel-metadata", error.message)
        return None

    def _metadata(self, text: bytes, name: WheelName | None) -> Metadata | None:
        try:
            metadata = parse_metadata(text)
        except FormatError as error:
            self._fault("wheel-metadata", f"METADATA: {error.message}")
            return None
        if name is not None and (metadata.name, metadata.version) != (name.name, name.version):
            self._fault("wheel-identity", f"METADATA is of {metadata.name} {metadata.version}")
        return metadata

    def _record(self, info: str) -> tuple[RecordRow, ...]:
        text = self._read(f"{info}/RECORD")
        if text is None:
            return ()
        try:
            rows = parse_record(text)
        except FormatError as error:
            self._fault("record", error.message)
            return ()
        files = {
            member.name: member.size for member in self.archive.members if not member.is_folder
        }
        for message in record_faults(rows, files, info):
            self._fault("record", message)
        return rows

    def _table(self, info: str, name: WheelName) -> VariantTable | None:
        text = self._read(f"{info}/{VARIANT_JSON}")
        if text is None:
            if name.label is not None and f"{info}/{VARIANT_JSON}" not in self.archive.by_name:
                self._fault("label-without-metadata", f"has no `{info}/{VARIANT_JSON}`")
            return None
        if name.label is None:
            self._fault("metadata-without-label", "carries `variant.json` but has no label")
            return None
        try:
            table = parse_variant_table(text, strict=True)
        except FormatError as error:
            self._fault("variant-json", f"{VARIANT_JSON}: {error.message}")
            return None
        if set(table.variants) != {name.label}:
            listed = ", ".join(f"`{label}`" for label in sorted(table.variants)) or "nothing"
            self._fault("variant-json", f"{VARIANT_JSON} describes {listed}, not `{name.label}`")
            return None
        return table

    def _check_tags(self, info: str, name: WheelName) -> None:
        text = self._read(f"{info}/WHEEL")
        if text is None:
            return
        lines = text.decode("utf-8", "replace").splitlines()
        tags = {line[4:].strip().lower() for line in lines if line.startswith("Tag:")}
        if tags != set(name.tags):
            listed = ", ".join(sorted(tags)) or "none"
            self._fault("wheel-tags", f"WHEEL lists the tags {listed}")


def _same_version(text: str, name: WheelName) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text) == name.version
    except InvalidVersion:
        return False


class ContentCheck:
    """Holds the content of one member to its row in RECORD while it streams by."""

    def __init__(self, row: RecordRow, archive: str) -> None:
        algorithm = row.hash.partition("=")[0]
        self._digest = hashlib.new(algorithm)
        self._algorithm = algorithm
        self._row = row
        self._archive = archive

    def feed(self, piece: bytes) -> None:
        """The next unpacked bytes."""
        self._digest.update(piece)

    def finish(self) -> None:
        """Raises RecordMismatch where the content is not what RECORD says."""
        if render_digest(self._algorithm, self._digest.digest()) != self._row.hash.rstrip("="):
            raise RecordMismatch(
                f"`{self._row.path}` in `{self._archive}` is not what its RECORD says",
                context=(f"RECORD has {self._row.hash}",),
            )


def content_checks(wheel: WheelFile) -> dict[str, ContentCheck]:
    """A check for each file that RECORD hashes, by name."""
    return {
        row.path: ContentCheck(row, wheel.archive.path.name) for row in wheel.record if row.hash
    }
