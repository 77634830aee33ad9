"""group_releases: the files of a project page by version, lazily.

A page may list thousands of files and a resolution looks at a handful of versions: names are split
as strings, one Version is made per distinct version string, and wheel names are parsed only for a
release that is asked for.  Spec: PEP 427, PEP 625 (names), PEP 825 "Index-level metadata".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.wheel_name import parse_variants_json_name, parse_wheel_name
from vinstall.selection.reason import ForeignProject, Rejection, Unreadable
from vinstall.selection.release import Release, SourceDistribution, Wheel

_SDIST_SUFFIXES = (".tar.gz", ".zip")
_VARIANTS_JSON_SUFFIX = "-variants.json"


class _Files:
    """The files of one version, in page order, their names not yet parsed."""

    __slots__ = ("sdists", "variants_json", "wheels")

    def __init__(self) -> None:
        self.wheels: list[RemoteFile] = []
        self.sdists: list[RemoteFile] = []
        self.variants_json: list[RemoteFile] = []


class ReleaseIndex:
    """The releases of one project page.  Threads may share one."""

    def __init__(
        self, page: ProjectPage, files: dict[Version, _Files], rejected: tuple[Rejection, ...]
    ) -> None:
        self.page = page
        self.rejected = rejected
        """Files that belong to no release: foreign ones, and names or versions that cannot be read."""
        self._files = files
        self._releases: dict[Version, Release] = {}

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """Every version with a wheel or a source distribution, newest first."""
        return tuple(sorted(self._files, reverse=True))

    @cached_property
    def has_labels(self) -> bool:
        """Whether any wheel of any release carries a variant label; no name is parsed for it."""
        return any(_has_label(file) for files in self._files.values() for file in files.wheels)

    def yanked(self, version: Version) -> str | None:
        """Why the release is yanked, perhaps the empty string; None where a file of it is not (PEP 592).

        Raises KeyError for a version that is not one of `versions`; no name is parsed for it.
        """
        files = self._files[version]
        reasons = [file.yanked for file in (*files.wheels, *files.sdists)]
        return None if None in reasons else max(reason or "" for reason in reasons)

    def release(self, version: Version) -> Release:
        """The release of one version; equal questions get the identical object.

        Raises KeyError for a version that is not one of `versions`.  Costs a few microseconds a
        wheel, once.
        """
        found = self._releases.get(version)
        if found is None:
            found = self._releases.setdefault(version, self._build(version))
        return found

    def _build(self, version: Version) -> Release:
        files = self._files[version]
        page = self.page
        wheels = []
        rejected = []
        for file in files.wheels:
            try:
                wheels.append(
                    Wheel(name=parse_wheel_name(file.filename), file=file, source=page.source)
                )
            except FormatError as error:
                rejected.append(_unreadable(file, error.message))
        fault = "is a second variants file of this release"
        rejected += [_unreadable(file, fault) for file in files.variants_json[1:]]
        return Release(
            name=page.name,
            version=version,
            source=page.source,
            wheels=tuple(wheels),
            sdists=tuple(
                SourceDistribution(name=page.name, version=version, file=file, source=page.source)
                for file in files.sdists
            ),
            variants_json=files.variants_json[0] if files.variants_json else None,
            rejected=tuple(rejected),
        )


def group_releases(page: ProjectPage) -> ReleaseIndex:
    """The releases of a page: wheels, source distributions and variants files by version.

    Files of other kinds (eggs, installers, signatures) are ignored; files of another project, and
    those whose version cannot be read, are rejected with a reason.
    """
    grouping = _Grouping(page.name)
    for file in page.files:
        grouping.add(file)
    return grouping.index(page)


class _Grouping:
    """Files of a page on their way to a ReleaseIndex."""

    def __init__(self, project: NormalizedName) -> None:
        self.project = project
        self.rejected: list[Rejection] = []
        self.by_text: dict[str, _Files] = {}
        """By version as written."""
        self.own_names: dict[str, bool] = {}
        """Project name as written in a wheel name to whether it is the page's."""

    def add(self, file: RemoteFile) -> None:
        filename = file.filename
        if filename.endswith(".whl"):
            name, _, rest = filename.partition("-")
            version = rest.partition("-")[0]
            if not version:
                self.rejected.append(_unreadable(file, "is no wheel name"))
            elif self._is_own(name):
                self._files(version).wheels.append(file)
            else:
                self._reject_foreign(file)
        elif filename.endswith(_SDIST_SUFFIXES):
            text = self._sdist_version(filename)
            if text is None:
                self._reject_foreign(file)
            else:
                self._files(text).sdists.append(file)
        elif filename.endswith(_VARIANTS_JSON_SUFFIX):
            self._add_variants_json(file)

    def _files(self, version: str) -> _Files:
        files = self.by_text.get(version)
        if files is None:
            files = self.by_text[version] = _Files()
        return files

    def _is_own(self, name: str) -> bool:
        own = self.own_names.get(name)
        if own is None:
            own = self.own_names[name] = canonicalize_name(name) == self.project
        return own

    def _reject_foreign(self, file: RemoteFile) -> None:
        reason = ForeignProject(listed_for=self.project)
        self.rejected.append(Rejection(filename=file.filename, label=None, reason=reason))

    def _sdist_version(self, filename: str) -> str | None:
        """The version as written; None where the name does not begin with the project's.

        Names older than PEP 625 may have dashes in the project name and in the version: only the
        known project name tells where the one ends.
        """
        stem = filename.removesuffix(".zip").removesuffix(".tar.gz")
        end = stem.find("-")
        while end > 0:
            if self._is_own(stem[:end]):
                return stem[end + 1 :]
            end = stem.find("-", end + 1)
        return None

    def _add_variants_json(self, file: RemoteFile) -> None:
        parsed = parse_variants_json_name(file.filename)
        if parsed is None:
            self.rejected.append(_unreadable(file, "has an invalid version"))
        elif parsed[0] != self.project:
            self._reject_foreign(file)
        else:
            self._files(str(parsed[1])).variants_json.append(file)

    def index(self, page: ProjectPage) -> ReleaseIndex:
        files: dict[Version, _Files] = {}
        merged: list[_Files] = []
        for text, found in self.by_text.items():
            try:
                version = Version(text)
            except ValueError:
                listed = (*found.wheels, *found.sdists)
                fault = f"has the invalid version `{text}`"
                self.rejected += [_unreadable(file, fault) for file in listed]
                continue
            same = files.setdefault(version, found)
            if same is not found:
                same.wheels += found.wheels
                same.sdists += found.sdists
                same.variants_json += found.variants_json
                merged.append(same)
        _restore_order(merged, page.files)
        kept = {version: found for version, found in files.items() if found.wheels or found.sdists}
        return ReleaseIndex(page, kept, tuple(self.rejected))


def _restore_order(merged: Iterable[_Files], files: tuple[RemoteFile, ...]) -> None:
    """Page order for the files of versions that are spelled in several ways (`1.0`, `1.0.0`)."""
    places: dict[RemoteFile, int] = {}
    for group in merged:
        places = places or {file: at for at, file in enumerate(files)}
        group.wheels.sort(key=places.__getitem__)
        group.sdists.sort(key=places.__getitem__)


def _has_label(file: RemoteFile) -> bool:
    """Whether a wheel's name has a variant label, by its dashes alone (PEP 825 "Variant label")."""
    dashes = file.filename.count("-")
    return dashes == 6 or (dashes == 5 and not file.filename.split("-", 3)[2][:1].isdigit())


def _unreadable(file: RemoteFile, fault: str) -> Rejection:
    fault = fault.removeprefix(f"`{file.filename}` ")  # a Rejection names its file already
    return Rejection(filename=file.filename, label=None, reason=Unreadable(fault=fault))
