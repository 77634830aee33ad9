"""IndexRelease: what an index says about one release, gathered for the rules.

Nothing is refused while gathering; what cannot be read becomes a fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from packaging.utils import (
    InvalidSdistFilename,
    NormalizedName,
    parse_sdist_filename,
)
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable
from vinstall.formats.wheel_name import WheelName, parse_variants_json_name, parse_wheel_name
from vinstall.values import frozen
from vinstall.workshop.fault import Fault


class ListedWheel(NamedTuple):
    """One wheel a page links to."""

    name: WheelName
    file: RemoteFile


@frozen
class IndexRelease:
    """One version of one project on one index."""

    project: NormalizedName
    version: Version
    wheels: tuple[ListedWheel, ...] = ()
    sdists: int = 0
    index_files: tuple[RemoteFile, ...] = ()
    """Links to `-variants.json`: one, where all is well."""
    table: VariantTable | None = None
    """Of the first of them; None where there is none that can be read."""

    @property
    def title(self) -> str:
        """As faults name it."""
        return f"{self.project} {self.version}"

    @property
    def index_file(self) -> str:
        """The name its index file has, or should have."""
        if self.index_files:
            return self.index_files[0].filename
        return variants_json_name(self.project, self.version)

    @property
    def by_label(self) -> Mapping[str, tuple[ListedWheel, ...]]:
        """The labelled wheels, by label in the order of the alphabet."""
        found: dict[str, list[ListedWheel]] = defaultdict(list)
        for wheel in self.wheels:
            if wheel.name.label is not None:
                found[wheel.name.label].append(wheel)
        return {label: tuple(found[label]) for label in sorted(found)}


@dataclass(slots=True, kw_only=True)
class _Draft:
    wheels: list[ListedWheel] = field(default_factory=list)
    sdists: int = 0
    index_files: list[RemoteFile] = field(default_factory=list)


def variants_json_name(project: NormalizedName, version: Version) -> str:
    """PEP 825: name and version "normalized according to the same rules as wheel files"."""
    return f"{project.replace('-', '_')}-{version}-variants.json"


def group_releases(
    project: NormalizedName, files: Iterable[RemoteFile]
) -> tuple[tuple[IndexRelease, ...], list[Fault]]:
    """The releases among a page's files, oldest first, and the names that cannot be read."""
    drafts: dict[Version, _Draft] = defaultdict(_Draft)
    faults = []
    for file in files:
        try:
            fault = _sort_in(project, file, drafts)
        except FormatError as error:
            fault = Fault("wheel-name", file.filename, error.message)
        if fault is not None:
            faults.append(fault)
    releases = tuple(
        IndexRelease(
            project=project,
            version=version,
            wheels=tuple(draft.wheels),
            sdists=draft.sdists,
            index_files=tuple(draft.index_files),
        )
        for version, draft in sorted(drafts.items())
    )
    return releases, faults


def _sort_in(
    project: NormalizedName, file: RemoteFile, drafts: dict[Version, _Draft]
) -> Fault | None:
    filename = file.filename
    if filename.endswith(".whl"):
        name = parse_wheel_name(filename)
        if name.name != project:
            return Fault("wheel-name", filename, f"is listed on the page of `{project}`")
        drafts[name.version].wheels.append(ListedWheel(name, file))
        return None
    if filename.endswith("-variants.json"):
        return _sort_in_index_file(project, file, drafts)
    try:
        _, version = parse_sdist_filename(filename)
    except InvalidSdistFilename:
        return None  # what else a page links to is not our business
    drafts[version].sdists += 1
    return None


def _sort_in_index_file(
    project: NormalizedName, file: RemoteFile, drafts: dict[Version, _Draft]
) -> Fault | None:
    parsed = parse_variants_json_name(file.filename)
    if parsed is None or parsed[0] != project:
        return Fault("index-file-name", file.filename, f"is on the page of `{project}`")
    drafts[parsed[1]].index_files.append(file)
    normal = variants_json_name(project, parsed[1])
    if file.filename != normal:
        return Fault("index-file-name", file.filename, f"is not normalized: `{normal}`")
    return None
