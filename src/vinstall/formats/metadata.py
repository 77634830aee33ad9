"""Metadata ← METADATA.  Spec: core metadata; PEP 643 (dynamic), PEP 685 (extras), PEP 825 (markers).

Only the handful of fields an installer acts on are read, with one pattern over the header block:
`email.parser` and `packaging.metadata` cost ten times as much, and the latter refuses every
dependency of a wheel in which one marker asks about variants.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, overload

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.marker import Marker, MarkerContext
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.formats.version_set import parse_version_set, restore_version_set
from vinstall.pattern import pattern
from vinstall.values import frozen

_FIELD = pattern(
    r"\n(Metadata-Version|Name|Version|Requires-Python|Requires-Dist|Provides-Extra|Dynamic)"
    r"[ \t]*:(.*(?:\n[ \t].*)*)",
    re.IGNORECASE,
)
_NAME = pattern(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.ASCII | re.IGNORECASE)
_NEWEST_MAJOR = 2


@frozen
class Metadata:
    """The part of core metadata that an installer acts on."""

    name: NormalizedName
    version: Version
    requires_python: SpecifierSet | None = None
    """None also for one that is no set of version specifiers: old releases have such, and no
    installer refuses them for it."""
    requires_dist: Sequence[Requirement] = ()
    """In the order written, markers not yet evaluated."""
    extras: frozenset[NormalizedName] = frozenset()
    """`Provides-Extra`."""
    dynamic: frozenset[str] = frozenset()
    """Fields a source distribution leaves to the build, in lower case (PEP 643)."""
    metadata_version: str = ""


def parse_metadata(text: bytes) -> Metadata:
    """The metadata in the header block of a METADATA or PKG-INFO file.

    Raises FormatError for a missing or bad name or version, a metadata version with a greater
    major number than the newest known one, or a Requires-Dist that does not parse.
    """
    fields = _fields(text)
    metadata_version = _first(fields, "metadata-version")
    major = metadata_version.partition(".")[0]
    if major.isdecimal() and (len(major) > 9 or int(major) > _NEWEST_MAJOR):
        raise FormatError(f"is `{metadata_version[:20]}`, newer than 2", path="Metadata-Version")
    return Metadata(
        name=_project_name(_first(fields, "name")),
        version=_version(_first(fields, "version")),
        requires_python=_requires_python(_first(fields, "requires-python")),
        requires_dist=tuple([_requirement(line) for line in fields.get("requires-dist", ())]),
        extras=frozenset(canonicalize_name(name) for name in fields.get("provides-extra", ())),
        dynamic=frozenset(name.lower() for name in fields.get("dynamic", ())),
        metadata_version=metadata_version,
    )


def dependencies(metadata: Metadata, context: MarkerContext) -> tuple[Requirement, ...]:
    """The requirements that hold in `context`, in the order written.

    Raises FormatError for a marker whose comparison has no meaning.
    """
    kept = metadata.requires_dist
    if isinstance(kept, _KeptRequirements) and kept.environment is context.environment:
        return kept.holding(context)
    return tuple(
        [
            requirement
            for requirement in metadata.requires_dist
            if requirement.marker is None or requirement.marker.evaluate(context)
        ]
    )


def pack_metadata(metadata: Metadata, environment: Mapping[str, str]) -> tuple[Any, ...]:
    """`metadata` as plain tuples and texts, of types that `marshal` knows.

    With it goes what its markers come to in `environment`.
    """
    return (
        metadata.name,
        str(metadata.version),
        None if metadata.requires_python is None else str(metadata.requires_python),
        tuple([_pack_requirement(one, environment) for one in metadata.requires_dist]),
        tuple(sorted(metadata.extras)),
        tuple(sorted(metadata.dynamic)),
        metadata.metadata_version,
    )


def unpack_metadata(packed: tuple[Any, ...], environment: Mapping[str, str]) -> Metadata:
    """The metadata that was packed for `environment`; a requirement is made when it is looked at."""
    name, version, requires_python, requirements, extras, dynamic, metadata_version = packed
    return Metadata(
        name=name,
        version=Version(version),
        requires_python=None if requires_python is None else _restored(requires_python),
        requires_dist=_KeptRequirements(requirements, environment),
        extras=frozenset(extras),
        dynamic=frozenset(dynamic),
        metadata_version=metadata_version,
    )


def _pack_requirement(requirement: Requirement, environment: Mapping[str, str]) -> tuple[Any, ...]:
    """The text of its marker, the extra this needs, whether it holds then, and the rest."""
    marker = requirement.marker
    extras = tuple(sorted(requirement.extras))
    rest = (requirement.name, extras, str(requirement.specifier), requirement.url)
    if marker is None:
        return None, None, True, rest
    return marker.text, marker.extra, _verdict(marker, environment), rest


def _verdict(marker: Marker, environment: Mapping[str, str]) -> bool | None:
    """Whether `marker` holds where the extra it needs is asked for; None: more has to be known."""
    extra = marker.extra
    if marker.asks_for_variants or (extra is None and not marker.asks_environment_alone):
        return None
    extras = frozenset(() if extra is None else (canonicalize_name(extra),))
    try:
        return marker.evaluate(MarkerContext(environment=environment, extras=extras))
    except FormatError:
        return None


@lru_cache(maxsize=8192)
def _unpack_requirement(marker: str | None, rest: tuple[Any, ...]) -> Requirement:
    """Results for equal lines are shared."""
    name, extras, specifier, url = rest
    return Requirement(
        name=name,
        extras=frozenset(extras),
        specifier=_restored(specifier),
        marker=None if marker is None else Marker(text=marker),
        url=url,
    )


_restored = lru_cache(maxsize=4096)(restore_version_set)


class _KeptRequirements(Sequence[Requirement]):
    """Requirements that were packed; most are for extras nobody asks for, and are never made."""

    def __init__(
        self,
        packed: Sequence[tuple[str | None, str | None, bool | None, tuple[Any, ...]]],
        environment: Mapping[str, str],
    ) -> None:
        self._packed = packed
        self.environment = environment

    def holding(self, context: MarkerContext) -> tuple[Requirement, ...]:
        """As `dependencies`, in the environment that they were packed for."""
        extras = context.extras
        return tuple(
            [
                _unpack_requirement(marker, rest)
                for marker, extra, holds, rest in self._packed
                if (extra is None or extra in extras)
                and (Marker(text=marker or "").evaluate(context) if holds is None else holds)
            ]
        )

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, at: int) -> Requirement: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Requirement, ...]: ...
    def __getitem__(self, at: int | slice) -> Requirement | tuple[Requirement, ...]:
        if isinstance(at, slice):
            return tuple([_unpack_requirement(one[0], one[3]) for one in self._packed[at]])
        marker, _, _, rest = self._packed[at]
        return _unpack_requirement(marker, rest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def _fields(text: bytes) -> dict[str, list[str]]:
    """Values by lower-case field name, each without white space at its ends, folds undone."""
    text = b"\n" + text
    ends = [end for end in (text.find(b"\n\n"), text.find(b"\n\r\n")) if end >= 0]
    headers = text[: min(ends, default=len(text))].decode("utf-8", "replace")
    found: dict[str, list[str]] = {}
    for match in _FIELD.finditer(headers.replace("\r\n", "\n")):
        found.setdefault(match[1].lower(), []).append(match[2].replace("\n", " ").strip())
    return found


def _first(fields: dict[str, list[str]], name: str) -> str:
    """The first value of a field that stands once; empty where it is missing."""
    return fields.get(name, [""])[0]


def _project_name(name: str) -> NormalizedName:
    if not name:
        raise FormatError("is missing", path="Name")
    if _NAME.fullmatch(name) is None:
        raise FormatError(f"`{name}` is no project name", path="Name")
    return canonicalize_name(name)


def _version(version: str) -> Version:
    if not version:
        raise FormatError("is missing", path="Version")
    try:
        return Version(version)
    except ValueError as error:
        raise FormatError(f"`{version}` is no version", path="Version") from error


@lru_cache(maxsize=1024)
def _requires_python(text: str) -> SpecifierSet | None:
    try:
        return parse_version_set(text) if text else None
    except InvalidSpecifier:
        return None


def _requirement(line: str) -> Requirement:
    try:
        return parse_requirement(line)
    except FormatError as error:
        raise FormatError(
            error.message, path="Requires-Dist", context=error.context, hint=error.hint
        ) from error
