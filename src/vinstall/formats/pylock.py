"""Lock, LockedPackage ⇄ `pylock.toml`.  Spec: PEP 751; `[packages.variants-json]`: PEP 825.

What another tool wrote and this module does not know is kept and written again: `unknown` at each
level holds it.  Paths and URLs are checked for shape only; what may be read is the caller's say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.marker import Marker, parse_marker
from vinstall.formats.variant_json import VariantTable, read_variant_table
from vinstall.formats.version_set import parse_version_set
from vinstall.values import field, frozen

Table: TypeAlias = Mapping[str, object]
_T = TypeVar("_T")

LOCK_VERSION = "1.0"
_SOURCES = ("vcs", "directory", "archive")


@frozen
class LockedFile:
    """A wheel, a source distribution or an archive of a package."""

    name: str
    """File name: as written, else the last part of the path or URL."""
    url: str | None = None
    path: str | None = None
    """As written, relative to the lock file unless absolute."""
    size: int | None = None
    """Bytes."""
    upload_time: datetime | None = None
    """In UTC."""
    hashes: tuple[tuple[str, str], ...]
    """(algorithm, hex digest), sorted; never empty."""
    subdirectory: str | None = None
    """Archives only."""
    unknown: Table = field(default_factory=dict)


@frozen
class LockedVcs:
    """A checkout."""

    type: str
    url: str | None = None
    path: str | None = None
    requested_revision: str | None = None
    commit_id: str
    subdirectory: str | None = None
    unknown: Table = field(default_factory=dict)


@frozen
class LockedDirectory:
    """A source tree on disk."""

    path: str
    editable: bool | None = None
    subdirectory: str | None = None
    unknown: Table = field(default_factory=dict)


@frozen
class LockedPackage:
    """One `[[packages]]` entry."""

    name: NormalizedName
    version: Version | None = None
    marker: Marker | None = None
    requires_python: SpecifierSet | None = None
    dependencies: tuple[Table, ...] = ()
    """As written.  The key `marker` holds the specifier's marker (PEP 825: variant markers occur here)."""
    vcs: LockedVcs | None = None
    directory: LockedDirectory | None = None
    archive: LockedFile | None = None
    index: str | None = None
    sdist: LockedFile | None = None
    wheels: tuple[LockedFile, ...] = ()
    variants: VariantTable | None = None
    """`variants-json`, parsed; its `document` is what is written again."""
    attestation_identities: tuple[Table, ...] = ()
    tool: Table = field(default_factory=dict)
    unknown: Table = field(default_factory=dict)


@frozen
class Lock:
    """A lock file."""

    created_by: str
    packages: tuple[LockedPackage, ...]
    lock_version: str = LOCK_VERSION
    environments: tuple[Marker, ...] = ()
    requires_python: SpecifierSet | None = None
    extras: tuple[NormalizedName, ...] | None = None
    """None: the file does not say."""
    dependency_groups: tuple[str, ...] | None = None
    default_groups: tuple[str, ...] | None = None
    tool: Table = field(default_factory=dict)
    unknown: Table = field(default_factory=dict)


# --- reading ------------------------------------------------------------------------------------


def parse_lock(text: bytes | str) -> Lock:
    """The lock in `text`.  Raises FormatError with the place of the first fault; no I/O.

    A minor version above 1.0 is read; another major version is refused (PEP 751 "lock-version").
    """
    import tomllib

    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        document = tomllib.loads(decoded)
    except UnicodeDecodeError as error:
        raise FormatError("the file is not UTF-8", context=(str(error),)) from error
    except tomllib.TOMLDecodeError as error:
        raise FormatError("the file is not TOML", context=(str(error),)) from error
    except RecursionError as error:
        raise FormatError("tables or arrays are nested too deeply") from error
    return _lock(_Reader(document, ""))


def _lock(reader: _Reader) -> Lock:
    version = reader.text("lock-version")
    major, _, minor = version.partition(".")
    if major != "1" or not minor.isdigit():
        raise FormatError(
            f"version `{version}` of the lock format is not known", path="lock-version"
        )
    packages = tuple(_package(entry) for entry in reader.tables("packages", required=True))
    lock = Lock(
        lock_version=version,
        created_by=reader.text("created-by"),
        environments=tuple(_marker(text, place) for text, place in reader.texts("environments")),
        requires_python=_specifier(reader),
        extras=_names(reader, "extras"),
        dependency_groups=_groups(reader, "dependency-groups"),
        default_groups=_groups(reader, "default-groups"),
        packages=packages,
        tool=reader.table("tool"),
        unknown=reader.rest(),
    )
    _refuse_duplicates(packages)
    return lock


def _refuse_duplicates(packages: tuple[LockedPackage, ...]) -> None:
    """Entries of one name narrow down to one by their markers, or by what leads to which version."""
    seen: dict[tuple[str, str, str], int] = {}
    for index, package in enumerate(packages):
        marker = package.marker.text if package.marker else ""
        key = (package.name, str(package.version), marker)
        if key in seen:
            raise FormatError(
                f"`{package.name}` {package.version or ''} is listed twice with the same marker",
                path=f"packages[{index}]",
                context=(f"first listed as packages[{seen[key]}]",),
            )
        seen[key] = index


def _package(reader: _Reader) -> LockedPackage:
    name = reader.text("name")
    if canonicalize_name(name) != name:
        raise FormatError(f"`{name}` is not a normalised name", path=reader.at("name"))
    sources = {key: reader.table_reader(key) for key in (*_SOURCES, "sdist")}
    wheels = tuple(_file(entry) for entry in reader.tables("wheels"))
    _one_source(
        reader, {key for key, value in sources.items() if value} | ({"wheels"} if wheels else set())
    )
    vcs, directory, archive, sdist = (sources[key] for key in (*_SOURCES, "sdist"))
    return LockedPackage(
        name=canonicalize_name(name),
        version=_version(reader),
        marker=_optional_marker(reader),
        requires_python=_specifier(reader),
        dependencies=tuple(entry.rest() for entry in reader.tables("dependencies")),
        vcs=_vcs(vcs) if vcs else None,
        directory=_directory(directory) if directory else None,
        archive=_file(archive, archive=True) if archive else None,
        index=reader.optional_text("index"),
        sdist=_file(sdist) if sdist else None,
        wheels=wheels,
        variants=_variants(reader),
        attestation_identities=_identities(reader),
        tool=reader.table("tool"),
        unknown=reader.rest(),
    )


def _one_source(reader: _Reader, present: set[str]) -> None:
    if not present:
        raise FormatError(
            "an entry needs `wheels`, `sdist`, `archive`, `directory` or `vcs`", path=reader.place
        )
    if len(present) > 1 and present != {"sdist", "wheels"}:
        listed = ", ".join(f"`{key}`" for key in sorted(present))
        raise FormatError(f"{listed} exclude each other", path=reader.place)


def _variants(reader: _Reader) -> VariantTable | None:
    document = reader.table("variants-json")
    if not document:
        return None
    try:
        return read_variant_table(document)
    except FormatError as error:
        raise FormatError(error.message, path=reader.at("variants-json")) from error


def _identities(reader: _Reader) -> tuple[Table, ...]:
    found = []
    for entry in reader.tables("attestation-identities"):
        entry.text("kind")
        found.append(entry.table_itself)
    return tuple(found)


def _vcs(reader: _Reader) -> LockedVcs:
    return LockedVcs(
        type=reader.text("type"),
        url=reader.optional_text("url"),
        path=_path(reader, required=not reader.has("url")),
        requested_revision=reader.optional_text("requested-revision"),
        commit_id=reader.text("commit-id"),
        subdirectory=_subdirectory(reader),
        unknown=reader.rest(),
    )


def _directory(reader: _Reader) -> LockedDirectory:
    return LockedDirectory(
        path=reader.text("path"),
        editable=reader.take("editable", bool),
        subdirectory=_subdirectory(reader),
        unknown=reader.rest(),
    )


def _file(reader: _Reader, *, archive: bool = False) -> LockedFile:
    url = reader.optional_text("url")
    path = _path(reader, required=url is None)
    size = reader.take("size", int)
    if size is not None and size < 0:
        raise FormatError("a size is not negative", path=reader.at("size"))
    return LockedFile(
        name=_file_name(reader, url, path),
        url=url,
        path=path,
        size=size,
        upload_time=_upload_time(reader),
        hashes=_hashes(reader),
        subdirectory=_subdirectory(reader) if archive else None,
        unknown=reader.rest(),
    )


def _file_name(reader: _Reader, url: str | None, path: str | None) -> str:
    name = reader.optional_text("name")
    if name is None:
        place = path if path is not None else unquote(urlsplit(url or "").path)
        name = place.replace("\\", "/").rpartition("/")[2]
    if not name or name in (".", "..") or any(character in name for character in "/\\\0\n\r"):
        raise FormatError(f"`{name}` is not a file name", path=reader.at("name"))
    return name


def _path(reader: _Reader, *, required: bool) -> str | None:
    path = reader.text("path") if required else reader.optional_text("path")
    if path is not None and (not path or "\0" in path):
        raise FormatError("a path is not empty and has no NUL", path=reader.at("path"))
    return path


def _subdirectory(reader: _Reader) -> str | None:
    """PEP 751: relative to the root of the source tree, so neither absolute nor upward."""
    text = reader.optional_text("subdirectory")
    parts = (text or "").replace("\\", "/").split("/")
    if text is not None and (".." in parts or parts[0] == "" or ":" in parts[0] or "\0" in text):
        raise FormatError(f"`{text}` leaves the source tree", path=reader.at("subdirectory"))
    return text


_DIGEST_LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


def _hashes(reader: _Reader) -> tuple[tuple[str, str], ...]:
    table = reader.table("hashes")
    if not table:
        raise FormatError("at least one hash is required", path=reader.at("hashes"))
    found = []
    for algorithm, digest in table.items():
        place = f"{reader.at('hashes')}.{algorithm}"
        if not isinstance(digest, str):
            raise FormatError(f"expected a string, found {_kind(digest)}", path=place)
        length = _DIGEST_LENGTHS.get(algorithm, len(digest))
        if len(digest) != length or not digest or set(digest.lower()) - set("0123456789abcdef"):
            raise FormatError(f"`{digest}` is not a {algorithm} digest in hexadecimal", path=place)
        found.append((algorithm.lower(), digest.lower()))
    return tuple(sorted(found))


def _upload_time(reader: _Reader) -> datetime | None:
    value = reader.take("upload-time", datetime)
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _version(reader: _Reader) -> Version | None:
    text = reader.optional_text("version")
    try:
        return None if text is None else Version(text)
    except ValueError as error:
        raise FormatError(f"`{text}` is not a version", path=reader.at("version")) from error


def _specifier(reader: _Reader) -> SpecifierSet | None:
    text = reader.optional_text("requires-python")
    try:
        return None if text is None else parse_version_set(text)
    except InvalidSpecifier as error:
        raise FormatError(
            f"`{text}` is not a version specifier", path=reader.at("requires-python")
        ) from error


def _optional_marker(reader: _Reader) -> Marker | None:
    text = reader.optional_text("marker")
    return None if text is None else _marker(text, reader.at("marker"))


def _marker(text: str, place: str) -> Marker:
    try:
        return parse_marker(text)
    except FormatError as error:
        raise FormatError(error.message, path=place) from error


def _names(reader: _Reader, key: str) -> tuple[NormalizedName, ...] | None:
    if not reader.has(key):
        return None
    return tuple(canonicalize_name(text) for text, _ in reader.texts(key))


def _groups(reader: _Reader, key: str) -> tuple[str, ...] | None:
    return tuple(text for text, _ in reader.texts(key)) if reader.has(key) else None


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", str: "a string", list: "an array"}
    return names.get(type(value), "a table" if isinstance(value, dict) else type(value).__name__)


class _Reader:
    """One table while it is read: takes keys out, knows its place, and keeps what is left."""

    def __init__(self, table: Table, place: str) -> None:
        self.table_itself = table
        self.place = place
        self._left = dict(table)

    def at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def has(self, key: str) -> bool:
        return key in self.table_itself

    def take(self, key: str, kind: type[_T]) -> _T | None:
        value = self._left.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            wanted = {str: "a string", int: "an integer", bool: "a boolean", list: "an array"}
            expected = wanted.get(kind, "a table" if kind is dict else "a date and time")
            raise FormatError(f"expected {expected}, found {_kind(value)}", path=self.at(key))
        return value

    def optional_text(self, key: str) -> str | None:
        return self.take(key, str)

    def text(self, key: str) -> str:
        value = self.take(key, str)
        if value is None:
            raise FormatError("this key is required", path=self.at(key))
        return value

    def texts(self, key: str) -> list[tuple[str, str]]:
        found = []
        for index, value in enumerate(self.take(key, list) or []):
            place = f"{self.at(key)}[{index}]"
            if not isinstance(value, str):
                raise FormatError(f"expected a string, found {_kind(value)}", path=place)
            found.append((value, place))
        return found

    def table(self, key: str) -> Table:
        return self.take(key, dict) or {}

    def table_reader(self, key: str) -> _Reader | None:
        table = self.take(key, dict)
        return None if table is None else _Reader(table, self.at(key))

    def tables(self, key: str, *, required: bool = False) -> list[_Reader]:
        if required and key not in self.table_itself:
            raise FormatError("this key is required", path=self.at(key))
        readers = []
        for index, value in enumerate(self.take(key, list) or []):
            place = f"{self.at(key)}[{index}]"
            if not isinstance(value, dict):
                raise FormatError(f"expected a table, found {_kind(value)}", path=place)
            readers.append(_Reader(value, place))
        return readers

    def rest(self) -> Table:
        """The keys nobody took."""
        return dict(self._left)
