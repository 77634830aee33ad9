"""InstalledDistribution: what is in an environment, and the parts of each on demand.

Spec: recording installed projects (PEP 376, 627), direct URLs (PEP 610), provenance (PEP 710);
legacy `.egg-info` and `.egg-link` are recognised.  A scan reads folder names and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.target.environment import Target
from vinstall.values import Row, field, frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vinstall.formats.variant_json import Property

Kind: TypeAlias = Literal["dist-info", "egg-info", "distutils", "egg-link"]
"""`egg-info`: a folder that setuptools wrote; `distutils`: a single file, which lists nothing."""

_SUFFIXES = (".dist-info", ".egg-info", ".egg-link")
_LEFTOVER = ("~", "-", ".")
"""First characters of names that are no distribution: what pip moved aside, and hidden entries."""


class RecordRow(Row):
    """One line of RECORD."""

    path: str
    """As written: relative to the site folder, or absolute; `/` between the parts."""
    digest: str
    """`sha256=...`, or empty."""
    size: str
    """Bytes in decimal, or empty."""


@frozen
class InstalledVariant:
    """The variant a wheel was installed as."""

    label: str
    properties: frozenset[Property]


@frozen
class InstalledDistribution:
    """One distribution found in a site folder.  Reading its parts costs disk access when asked."""

    name: NormalizedName
    version: Version
    location: Path
    """The `.dist-info` (or legacy `.egg-info`) folder or file."""
    local: bool = True
    """False: seen from the environment but not part of it (the base's site folder, say)."""

    @property
    def site(self) -> Path:
        """The site folder it lies in."""
        return self.location.parent

    @property
    def kind(self) -> Kind:
        """What left it there.  One look at the disk for `.egg-info`."""
        match self.location.suffix:
            case ".dist-info":
                return "dist-info"
            case ".egg-link":
                return "egg-link"
            case _:
                return "egg-info" if self.location.is_dir() else "distutils"

    def read(self, filename: str) -> bytes | None:
        """One file of its metadata folder, or None where there is none."""
        try:
            return (self.location / filename).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def metadata(self) -> bytes:
        """METADATA, or PKG-INFO of a legacy one; empty where it is missing."""
        match self.kind:
            case "dist-info":
                return self.read("METADATA") or b""
            case "egg-info":
                return self.read("PKG-INFO") or b""
            case "distutils":
                return self.location.read_bytes()
            case "egg-link":
                info = linked_egg_info(self.location)
                return (info / "PKG-INFO").read_bytes() if info is not None else b""

    def record(self) -> tuple[RecordRow, ...] | None:
        """The rows of RECORD, in order; None where there is no RECORD.  Raises FormatError."""
        text = self.read("RECORD")
        return None if text is None else parse_record(text, path=str(self.location / "RECORD"))

    def installer(self) -> str | None:
        """The program that installed it; None where it does not say."""
        text = self.read("INSTALLER")
        return None if text is None else text.decode(errors="replace").strip() or None

    def requested(self) -> bool:
        """Whether the user asked for it, and not only another distribution (PEP 376)."""
        return (self.location / "REQUESTED").exists()

    def direct_url(self) -> Mapping[str, object] | None:
        """The origin of one that came from a URL, a path or a checkout (PEP 610), else None."""
        return self._json("direct_url.json")

    def provenance(self) -> Mapping[str, object] | None:
        """Where an index offered the installed file, and its hashes (PEP 710); None if unknown."""
        return self._json("provenance_url.json")

    def is_editable(self) -> bool:
        """Whether its modules are imported from a source tree (PEP 660, or an egg-link)."""
        if self.kind == "egg-link":
            return True
        info = (self.direct_url() or {}).get("dir_info")
        return isinstance(info, dict) and bool(info.get("editable"))

    def variant(self) -> InstalledVariant | None:
        """The variant it was installed as; None for a non-variant wheel.  Raises FormatError."""
        text = self.read("variant.json")
        if text is None:
            return None
        from vinstall.formats.variant_json import parse_variant_table

        table = parse_variant_table(text)
        if len(table.variants) != 1:
            raise FormatError(
                f"lists {len(table.variants)} variants, an installed wheel is one",
                path=str(self.location / "variant.json"),
            )
        ((label, properties),) = table.variants.items()
        return InstalledVariant(label=label, properties=properties)

    def _json(self, filename: str) -> Mapping[str, object] | None:
        text = self.read(filename)
        if text is None:
            return None
        import json

        try:
            value = json.loads(text)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


@frozen
class InstalledSet:
    """Everything found in the site folders of a target."""

    distributions: Mapping[NormalizedName, InstalledDistribution] = field(default_factory=dict)
    """By name: the one that an import finds first."""
    duplicates: tuple[InstalledDistribution, ...] = ()
    """Others with the same name in the same environment: leftovers of a broken installation."""
    unreadable: tuple[Path, ...] = ()
    """Entries that look like a distribution and whose name and version cannot be told."""

    def __iter__(self) -> Iterator[InstalledDistribution]:
        return iter(self.distributions.values())

    def get(self, name: NormalizedName) -> InstalledDistribution | None:
        """The distribution called `name`, or None."""
        return self.distributions.get(name)


def scan_installed(target: Target) -> InstalledSet:
    """What is installed in `target`.  Reads folder names only: below a millisecond per hundred."""
    own = {_identity(target.scheme.purelib), _identity(target.scheme.platlib)} - {None}
    found: dict[NormalizedName, InstalledDistribution] = {}
    duplicates: list[InstalledDistribution] = []
    unreadable: list[Path] = []
    seen: set[tuple[int, int] | None] = {None}
    for site in target.site_paths:
        identity = _identity(site)
        if identity in seen:  # lib64 is often lib under another name
            continue
        seen.add(identity)
        for entry in sorted(os.listdir(site)):  # noqa: PTH208  names are enough
            if not entry.endswith(_SUFFIXES) or entry.startswith(_LEFTOVER):
                continue
            distribution = _distribution(site / entry, local=identity in own)
            if distribution is None:
                unreadable.append(site / entry)
            elif distribution.name not in found:
                found[distribution.name] = distribution
            elif found[distribution.name].local and distribution.local:
                duplicates.append(distribution)
    return InstalledSet(
        distributions=found, duplicates=tuple(duplicates), unreadable=tuple(unreadable)
    )


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _distribution(location: Path, *, local: bool) -> InstalledDistribution | None:
    """The distribution at `location`, from its name, else from its metadata."""
    stem, _, suffix = location.name.rpartition(".")
    name, _, version = stem.partition("-")
    if suffix == "egg-info":
        version = version.partition("-py")[0]
    elif suffix == "dist-info":
        name, _, version = stem.rpartition("-")
    try:
        return InstalledDistribution(
            name=canonicalize_name(name), version=Version(version), location=location, local=local
        )
    except ValueError:
        return _from_metadata(location, local=local)


def _from_metadata(location: Path, *, local: bool) -> InstalledDistribution | None:
    blank = InstalledDistribution(
        name=canonicalize_name(""), version=Version("0"), location=location, local=local
    )
    try:
        text = blank.metadata()
    except OSError:
        return None
    headers = text.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode(errors="replace")
    fields = dict(line.split(": ", 1) for line in headers.split("\n") if ": " in line)
    try:
        return InstalledDistribution(
            name=canonicalize_name(fields["Name"].strip()),
            version=Version(fields["Version"].strip()),
            location=location,
            local=local,
        )
    except (KeyError, ValueError):
        return None


def linked_egg_info(link: Path) -> Path | None:
    """The `.egg-info` folder that an `.egg-link` file leads to, or None."""
    lines = link.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    folder = Path(lines[0].strip()) if lines else None
    if folder is None or not folder.is_dir():
        return None
    return next(iter(sorted(folder.glob("*.egg-info"))), None)


def parse_record(text: bytes, *, path: str = "RECORD") -> tuple[RecordRow, ...]:
    """The rows of a RECORD file, in order; blank lines are passed over.

    Spec: recording installed projects.  Raises FormatError with `path` in front.
    """
    try:
        # Not splitlines(): it takes characters for line ends that a file name may have.
        lines = [line.rstrip("\r") for line in text.decode().split("\n")]
    except UnicodeDecodeError as error:
        raise FormatError("is not UTF-8", path=path) from error
    rows = []
    for number, parts in enumerate(_csv_rows(lines, path), 1):
        if not parts:
            continue
        if len(parts) > 3:
            raise FormatError(f"line {number} has {len(parts)} fields, not 3", path=path)
        rows.append(RecordRow(*parts, *[""] * (3 - len(parts))))
    return tuple(rows)


def _csv_rows(lines: list[str], path: str) -> Iterable[list[str]]:
    if not any('"' in line for line in lines):
        return [line.split(",") if line else [] for line in lines]
    import csv

    try:
        return list(csv.reader(lines, strict=True))
    except csv.Error as error:
        raise FormatError(f"is no table: {error}", path=path) from error
