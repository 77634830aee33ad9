"""group_releases: the files of a project page by version, lazily.

A page may list thousands of files and a resolution looks at a handful of versions: one Version is
made for each version that is looked at, and wheel names are parsed only for a release that is
asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.page_listing import Listing, Misfit, VersionFiles, list_files
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.selection.reason import ForeignProject, Reason, Rejection, Unreadable
from vinstall.selection.release import Release, SourceDistribution, Wheel
from vinstall.selection.tags import TagFilter
from vinstall.selection.version_list import VersionList


class ReleaseIndex:
    """The releases of one project page.  Threads may share one."""

    def __init__(self, page: ProjectPage, listing: Listing) -> None:
        self.page = page
        self.versions = VersionList(listing.versions)
        """Every version with a wheel or a source distribution, newest first."""
        self.has_labels = listing.has_labels
        """Whether any wheel of any release carries a variant label."""
        self.rejected = tuple(_rejection(misfit, page) for misfit in listing.misfits)
        """Files that belong to no release: foreign ones, and names or versions that cannot be read."""
        self._listing = listing
        self._unpacked: dict[int, VersionFiles] = {}
        self._releases: dict[Version, Release] = {}

    def yanked(self, version: Version) -> str | None:
        """Why the release is yanked, perhaps the empty string; None where a file of it is not (PEP 592).

        Raises KeyError for a version that is not one of `versions`; no name is parsed for it.
        """
        files = self._files(self.versions.place(version))
        reasons = [file.yanked for file in (*files.wheels, *files.sdists)]
        return None if None in reasons else max(reason or "" for reason in reasons)

    def may_offer(self, version: Version, tags: TagFilter) -> bool:
        """False: `version` has neither a source distribution nor a wheel that `tags` admits.

        False as well for a version that is not one of `versions`.  Costs a few microseconds.
        """
        try:
            files = self._files(self.versions.place(version))
        except KeyError:
            return False
        return bool(files.sdists) or any(tags.may_admit(file.filename) for file in files.wheels)

    def wheels(self, version: Version) -> Sequence[RemoteFile]:
        """The wheels of one version, in page order.  Raises KeyError, as `release`."""
        return self._files(self.versions.place(version)).wheels

    def release(self, version: Version) -> Release:
        """The release of one version; equal questions get the identical object.

        Raises KeyError for a version that is not one of `versions`.  Costs a few microseconds a
        wheel, once.
        """
        found = self._releases.get(version)
        if found is None:
            found = self._releases.setdefault(version, self._build(version))
        return found

    def _files(self, place: int) -> VersionFiles:
        files = self._unpacked.get(place)
        if files is None:
            files = self._unpacked[place] = self._listing.of(place)
        return files

    def _build(self, version: Version) -> Release:
        place = self.versions.place(version)
        files = self._files(place)
        version = self.versions[place]
        page = self.page
        wheels = []
        rejected = []
        for file in files.wheels:
            try:
                wheels.append(Wheel(parse_wheel_name(file.filename), file, page.source))
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
    files = page.files
    listing = files if isinstance(files, Listing) else list_files(page.name, files)
    return ReleaseIndex(page, listing)


def _rejection(misfit: Misfit, page: ProjectPage) -> Rejection:
    fault = misfit.fault
    reason: Reason = ForeignProject(page.name) if fault is None else Unreadable(fault)
    return Rejection(filename=misfit.filename, label=None, reason=reason)


def _unreadable(file: RemoteFile, fault: str) -> Rejection:
    fault = fault.removeprefix(f"`{file.filename}` ")  # a Rejection names its file already
    return Rejection(filename=file.filename, label=None, reason=Unreadable(fault=fault))
