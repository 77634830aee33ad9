"""Every rule an index has to keep, held against an index on disk, behind a URL, or in the making.

Spec: PEP 825 "Index-level metadata" and "Metadata consistency"; PEP 503, 658, 691, 700.  Rules and
their sources are in `fault.RULES`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError, IntegrityError, SourceError
from vinstall.formats.simple_api import (
    ProjectPage,
    RemoteFile,
    parse_project_html,
    parse_project_json,
)
from vinstall.formats.variant_json import VariantTable, combine, parse_variant_table
from vinstall.formats.wheel_name import parse_variants_json_name, parse_wheel_name
from vinstall.observer import Observer
from vinstall.values import frozen, replace
from vinstall.workshop.fault import Fault
from vinstall.workshop.index_access import (
    FolderAccess,
    IndexAccess,
    PageForm,
    find_indexes,
    loose_files,
)
from vinstall.workshop.index_release import IndexRelease, ListedWheel, group_releases
from vinstall.workshop.inspection import Inspection, inspect_wheel
from vinstall.workshop.release_rules import release_faults
from vinstall.workshop.release_table import combine_wheels

ReadDocument = Callable[[RemoteFile], bytes | None]
"""A wheel elsewhere to the `variant.json` in it."""


@frozen
class CheckReport:
    """What a check found."""

    projects: int
    releases: int
    files: int
    faults: tuple[Fault, ...]
    """Errors first, otherwise in the order of projects and releases."""

    @property
    def errors(self) -> int:
        """How many of the faults are errors."""
        return sum(fault.severity == "error" for fault in self.faults)


def check_folder(
    folder: Path, *, projects: Iterable[str] = (), observer: Observer | None = None
) -> CheckReport:
    """The index in `folder`, or several, or the loose wheels of a release in the making.

    Reads every wheel that is there to its last byte.  Raises SourceError where there is nothing.
    """
    if not folder.is_dir():
        raise SourceError(f"`{folder}` is no folder")
    roots = find_indexes(folder)
    if not roots:
        return _check_loose(folder, frozenset(map(canonicalize_name, projects)), observer)
    reports = []
    for root in roots:
        found = check_index(FolderAccess(root, folder), projects=projects, observer=observer)
        reports.append(found if len(roots) == 1 else _prefixed(found, root.relative_to(folder)))
    return CheckReport(
        projects=sum(report.projects for report in reports),
        releases=sum(report.releases for report in reports),
        files=sum(report.files for report in reports),
        faults=_sorted(fault for report in reports for fault in report.faults),
    )


def check_index(
    access: IndexAccess,
    *,
    projects: Iterable[str] = (),
    read_document: ReadDocument | None = None,
    observer: Observer | None = None,
) -> CheckReport:
    """The projects named, or all of the root page.

    Wheels are opened where they are local; elsewhere only through `read_document`, one of each
    label, and without it not at all.  Costs two requests for each page, one for each index file.
    """
    checker = _Checker(access, read_document, observer or Observer())
    for project in tuple(projects) or access.projects():
        checker.check_project(project)
    return checker.report()


def _prefixed(report: CheckReport, place: Path) -> CheckReport:
    faults = (fault._replace(file=f"{place.as_posix()}/{fault.file}") for fault in report.faults)
    return replace(report, faults=tuple(faults))


def _sorted(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda fault: fault.severity != "error"))


def _check_loose(
    folder: Path, projects: frozenset[NormalizedName], observer: Observer | None
) -> CheckReport:
    """Wheels without pages: every one by itself, and the release as its index would see it."""
    checker = _Checker(FolderAccess(folder), None, observer or Observer())
    by_project: dict[NormalizedName, list[RemoteFile]] = defaultdict(list)
    for file in loose_files(folder):
        name = _project_of(file.filename)
        if name is None:
            checker.faults.append(Fault("wheel-name", file.filename, "is the name of no wheel"))
        elif name in projects or not projects:
            by_project[name].append(file)
    if not by_project and not checker.faults:
        raise SourceError(f"`{folder}` has no wheels and no index pages")
    for name in sorted(by_project):
        checker.check_files(name, by_project[name], loose=True)
    return checker.report()


def _project_of(filename: str) -> NormalizedName | None:
    if filename.endswith("-variants.json"):
        parsed = parse_variants_json_name(filename)
        return None if parsed is None else parsed[0]
    if filename.endswith(".tar.gz"):
        return canonicalize_name(filename.rpartition("-")[0])
    try:
        return parse_wheel_name(filename).name
    except FormatError:
        return None


class _Checker:
    """One check: what was seen so far."""

    def __init__(
        self, access: IndexAccess, read_document: ReadDocument | None, observer: Observer
    ) -> None:
        self.access = access
        self.read_document = read_document
        self.observer = observer
        self.faults: list[Fault] = []
        self.projects = 0
        self.releases = 0
        self.files = 0

    def report(self) -> CheckReport:
        """Everything found."""
        return CheckReport(
            projects=self.projects,
            releases=self.releases,
            files=self.files,
            faults=_sorted(self.faults),
        )

    def _fault(self, rule: str, file: str, message: str) -> None:
        self.faults.append(Fault(rule, file, message))

    # --- pages ----------------------------------------------------------------------------------

    def check_project(self, project: str) -> None:
        """The page of one project and everything on it."""
        name = canonicalize_name(project)
        self.observer.detail(f"checking `{name}`")
        if name != project:
            self._fault("page", project, f"is not normalized, installers ask for `{name}`")
        pages = []
        for form in self.access.pages(project):
            try:
                pages.append(_parse(form, name))
            except FormatError as error:
                self._fault("page", form.url, error.message)
        if not pages:
            self._fault("page", project, "has no page that can be read")
            return
        self._compare_forms(project, pages)
        self._check_links(project, pages[0].files)
        self.check_files(name, pages[-1].files, loose=False)

    def _compare_forms(self, project: str, pages: list[ProjectPage]) -> None:
        if len(pages) < 2:
            return
        html, js = ({file.filename: _essence(file) for file in page.files} for page in pages)
        for filename in sorted(html.keys() ^ js.keys()):
            form = "HTML" if filename in html else "JSON"
            self._fault("page", project, f"lists `{filename}` in its {form} form alone")
        for filename in sorted(html.keys() & js.keys()):
            if html[filename] != js[filename]:
                self._fault(
                    "page", project, f"says different things of `{filename}` in its two forms"
                )

    def _check_links(self, project: str, files: Iterable[RemoteFile]) -> None:
        seen: set[str] = set()
        for file in files:
            if file.filename in seen:
                self._fault("page", project, f"lists `{file.filename}` more than once")
            seen.add(file.filename)

    # --- releases -------------------------------------------------------------------------------

    def check_files(
        self, name: NormalizedName, files: Iterable[RemoteFile], *, loose: bool
    ) -> None:
        """All releases among the files of one project."""
        releases, faults = group_releases(name, files)
        self.faults += faults
        self.projects += 1
        for release in releases:
            self.releases += 1
            self.files += len(release.wheels) + release.sdists
            self._check_release(release, loose=loose)

    def _check_release(self, release: IndexRelease, *, loose: bool) -> None:
        table = self._index_table(release)
        inspections = dict(self._inspections(release, table))
        if loose:
            if table is None:
                table = self._combined(release, inspections)
            known = replace(release, table=table)
            faults = [f for f in release_faults(known) if f.rule != "index-file-missing"]
        else:
            known = replace(release, table=table)
            faults = list(release_faults(known))
            for wheel in release.wheels:
                self._check_listing(wheel, inspections.get(wheel.file.filename))
        self.faults += faults
        if table is not None and self.read_document is not None:
            self._check_remote_documents(known, table)

    def _index_table(self, release: IndexRelease) -> VariantTable | None:
        if not release.index_files:
            return None
        file = release.index_files[0]
        data = self.access.read(file)
        if data is None:
            self._fault("file-missing", file.filename, f"is not at `{file.url}`")
            return None
        self._check_hash(file, data)
        try:
            return parse_variant_table(data, strict=True)
        except FormatError as error:
            self._fault("index-file-format", file.filename, error.message)
            return None

    def _check_hash(self, file: RemoteFile, data: bytes) -> None:
        for algorithm, expected in file.hashes:
            if algorithm in hashlib.algorithms_available and not algorithm.startswith("shake"):
                found = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
                if found != expected:
                    self._fault("file-hash", file.filename, f"has the {algorithm} hash {found}")
        if file.size is not None and file.size != len(data):
            self._fault(
                "file-size", file.filename, f"has {len(data)} bytes, listed are {file.size}"
            )

    def _inspections(
        self, release: IndexRelease, table: VariantTable | None
    ) -> Iterator[tuple[str, Inspection]]:
        """Every wheel that is on this machine."""
        for wheel in release.wheels:
            path = self.access.local(wheel.file)
            if path is None:
                if wheel.file.url.startswith("file:"):
                    self._fault("file-missing", wheel.file.filename, "is linked outside the folder")
                continue
            if not path.is_file():
                self._fault("file-missing", wheel.file.filename, f"is not at `{path}`")
                continue
            self.observer.detail(f"reading `{path.name}`")
            try:
                found = inspect_wheel(path, index=table)
            except FormatError as error:
                self._fault("archive-entry", path.name, error.message)
                continue
            # A label that is not listed is told once, by the rules of the release.
            unlisted = table is not None and found.name and found.name.label not in table.variants
            self.faults += (
                fault
                for fault in found.faults
                if not (unlisted and fault.rule == "index-agreement")
            )
            yield wheel.file.filename, found

    def _check_listing(self, wheel: ListedWheel, found: Inspection | None) -> None:
        """What the page says of a wheel against the wheel."""
        file = wheel.file
        if file.metadata_hashes and file.metadata_hashes == file.hashes:
            self._fault(
                "core-metadata", file.filename, "its METADATA is listed with the wheel's hash"
            )
            return
        if found is None:
            return
        sha256 = dict(file.hashes).get("sha256", found.sha256)
        if sha256 != found.sha256:
            self._fault("file-hash", file.filename, f"has the sha256 hash {found.sha256}")
        if file.size not in (None, found.size):
            self._fault(
                "file-size", file.filename, f"has {found.size} bytes, listed are {file.size}"
            )
        if file.requires_python is not None and not _same(
            file.requires_python, found.requires_python
        ):
            message = (
                f"requires Python `{found.requires_python}`, listed is `{file.requires_python}`"
            )
            self._fault("requires-python", file.filename, message)
        if file.metadata_hashes is not None:
            self._check_sidecar(file, found)

    def _check_sidecar(self, file: RemoteFile, found: Inspection) -> None:
        sidecar = self.access.read(file._replace(url=f"{file.url}.metadata"))
        if sidecar is None:
            self._fault("core-metadata", file.filename, "its METADATA is promised and not there")
        elif found.metadata_sha256 is not None:
            wanted = dict(file.metadata_hashes or ()).get("sha256", found.metadata_sha256)
            seen = hashlib.sha256(sidecar).hexdigest()
            if not seen == wanted == found.metadata_sha256:
                self._fault("core-metadata", file.filename, "the METADATA beside it is another one")

    def _combined(
        self, release: IndexRelease, inspections: Mapping[str, Inspection]
    ) -> VariantTable | None:
        """What the index file of a release in the making would say."""
        tables = [
            (name, found.table) for name, found in inspections.items() if found.table is not None
        ]
        try:
            return combine_wheels(tables) if tables else None
        except FormatError as error:
            wheels = " and ".join(f"`{name}`" for name in error.context)
            self._fault("variants-conflict", release.title, f"{wheels}: {error.message}")
            return None

    def _check_remote_documents(self, release: IndexRelease, table: VariantTable) -> None:
        """One wheel of each label against the index file."""
        for label, wheels in release.by_label.items():
            wheel = wheels[0]
            if self.read_document is None or label not in table.variants:
                continue
            try:
                document = self.read_document(wheel.file)
            except (FormatError, IntegrityError) as error:
                self._fault("archive-entry", wheel.file.filename, error.message)
                continue
            if document is None:
                self._fault("label-without-metadata", wheel.file.filename, "has no `variant.json`")
                continue
            try:
                combine(table, parse_variant_table(document, strict=True))
            except FormatError as error:
                self._fault("index-agreement", wheel.file.filename, error.message)


def _parse(form: PageForm, name: NormalizedName) -> ProjectPage:
    if form.is_json:
        return parse_project_json(form.body, url=form.url, name=name, source=form.url)
    text = form.body.decode("utf-8", "replace")
    return parse_project_html(text, url=form.url, name=name, source=form.url)


def _essence(file: RemoteFile) -> tuple[object, ...]:
    """What both forms of a page can say."""
    return (file.url, dict(file.hashes).get("sha256"), file.requires_python, file.yanked)


def _same(listed: str, actual: str | None) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return actual is not None and SpecifierSet(listed) == SpecifierSet(actual)
    except InvalidSpecifier:
        return False
