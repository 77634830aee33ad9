"""A folder of distributions → a static index that any web server can serve.

Spec: PEP 503 and 691 (pages), 658 and 714 (METADATA beside each wheel), 700 (sizes, upload times),
PEP 825 "Index-level metadata" and "Metadata consistency".  The files stay where they are; pages and
`-variants.json` go below `simple/`.  Everything is checked before anything is written, and a page
is written after the files it names.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from packaging.utils import (
    InvalidSdistFilename,
    NormalizedName,
    parse_sdist_filename,
)
from packaging.version import Version

from vinstall.errors import FormatError, SourceError
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.simple_page import (
    render_index_html,
    render_index_json,
    render_project_html,
    render_project_json,
)
from vinstall.formats.variant_json import VariantTable, parse_variant_table
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.observer import Observer
from vinstall.values import frozen
from vinstall.workshop.archive import path_fault
from vinstall.workshop.atomic_file import write_file
from vinstall.workshop.fault import Fault, refuse
from vinstall.workshop.index_lock import index_lock
from vinstall.workshop.index_release import variants_json_name
from vinstall.workshop.index_state import (
    STATE_FILE,
    IndexedFile,
    IndexState,
    Stamp,
    WrittenRelease,
    read_state,
    render_state,
)
from vinstall.workshop.release_table import combine_wheels, render_table
from vinstall.workshop.wheel_content import VARIANT_JSON, open_wheel

PAGES = "simple"
"""The folder of the pages, below the folder of the distributions."""
_SDIST_SUFFIXES = (".tar.gz", ".zip")


@frozen
class IndexReport:
    """What one build did."""

    pages: Path
    """The root of the index."""
    projects: int
    files: int
    """Distributions listed."""
    read: int
    """Distributions that were new or had changed, and were hashed."""
    written: tuple[str, ...]
    """Paths below the folder that were written anew, sorted."""
    removed: tuple[str, ...]
    warnings: tuple[Fault, ...]


class _Release(NamedTuple):
    project: NormalizedName
    version: Version


def build_index(folder: Path, *, observer: Observer | None = None) -> IndexReport:
    """Write the index of the distributions below `folder`.

    Raises FormatError with every fault and conflict found, each with the files at fault; then
    nothing is written.  Costs one directory walk, and a read of every file that is new or changed.
    Waits for another build of the same folder, and says so.
    """
    if not folder.is_dir():
        raise SourceError(f"`{folder}` is no folder")
    observer = observer or Observer()
    with index_lock(folder, observer):
        builder = _Builder(folder, observer)
        builder.read_files()
        refuse(f"`{folder}` cannot be made into an index", builder.faults)
        builder.make_releases()
        refuse(f"`{folder}` cannot be made into an index", builder.faults)
        return builder.write()


class _Builder:
    """One build: read, check, write, in this order."""

    def __init__(self, folder: Path, observer: Observer) -> None:
        self.folder = folder
        self.observer = observer
        self.old = read_state(folder)
        self.faults: list[Fault] = []
        self.files: dict[str, IndexedFile] = {}
        """By path."""
        self.by_release: dict[_Release, list[IndexedFile]] = defaultdict(list)
        self.contents: dict[str, bytes] = {}
        """Path below the folder to what has to stand there, in the order it is written."""
        self.kept: set[str] = set()
        """Paths that hold what they have to already."""
        self.releases: dict[str, WrittenRelease] = {}
        self.read = 0

    # --- read and check -------------------------------------------------------------------------

    def read_files(self) -> None:
        """Every distribution of the folder; new ones are opened and hashed."""
        names: dict[str, IndexedFile] = {}
        for path, stamp in sorted(_walk(self.folder)):
            release = self._release(path)
            if release is None:
                continue
            file = self._known(path, stamp) or self._read(path, stamp)
            if file is None:
                continue
            other = names.setdefault(file.filename, file)
            if other is file:
                self.files[path] = file
                self.by_release[release].append(file)
            elif other.sha256 != file.sha256:
                message = f"has the name of `{other.path}` and other content"
                self.faults.append(Fault("index-duplicate", path, message))
            else:
                self.observer.detail(f"`{path}` is a copy of `{other.path}` and is left out")

    def _release(self, path: str) -> _Release | None:
        filename = path.rpartition("/")[2]
        try:
            if filename.endswith(".whl"):
                name = parse_wheel_name(filename)
                return _Release(name.name, name.version)
            return _Release(*parse_sdist_filename(filename))
        except FormatError as error:
            self.faults.append(Fault("wheel-name", path, error.message))
        except InvalidSdistFilename:
            self.observer.detail(f"`{path}` is no distribution and is left out")
        return None

    def _known(self, path: str, stamp: Stamp) -> IndexedFile | None:
        file = self.old.files.get(path)
        if file is None or file.stamp != stamp:
            return None
        if file.metadata_sha256 is not None:
            sidecar = f"{path}.metadata"
            if not (self.folder / sidecar).is_file():
                return None
            self.kept.add(sidecar)
        return file

    def _read(self, path: str, stamp: Stamp) -> IndexedFile | None:
        self.read += 1
        full = self.folder / path
        self.observer.detail(f"reading `{path}`")
        with full.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        old = self.old.files.get(path)
        when = _upload_time(stamp)
        if old is not None and old.sha256 == sha256:
            when = old.upload_time
        file = IndexedFile(path, stamp, sha256, when)
        return self._read_wheel(file, full) if path.endswith(".whl") else file

    def _read_wheel(self, file: IndexedFile, full: Path) -> IndexedFile | None:
        try:
            with open_wheel(full) as wheel:
                self.faults += (fault._replace(file=file.path) for fault in wheel.faults)
                if wheel.metadata is None or wheel.metadata_text is None:
                    return None
                python = wheel.metadata.requires_python
                document = None
                if wheel.table is not None:
                    document = wheel.archive.read(f"{wheel.info}/{VARIANT_JSON}").decode(
                        "utf-8-sig"
                    )
                self.contents[f"{file.path}.metadata"] = wheel.metadata_text
                return file._replace(
                    requires_python=None if python is None else str(python),
                    metadata_sha256=hashlib.sha256(wheel.metadata_text).hexdigest(),
                    variant_json=document,
                )
        except FormatError as error:
            self.faults.append(Fault("archive-entry", file.path, error.message))
            return None

    # --- releases -------------------------------------------------------------------------------

    def make_releases(self) -> None:
        """The `-variants.json` of every release with labelled wheels."""
        for release, files in self.by_release.items():
            labelled = [file for file in files if file.variant_json is not None]
            if not labelled:
                continue
            path = f"{PAGES}/{release.project}/{variants_json_name(*release)}"
            digest = _digest(labelled)
            old = self.old.releases.get(path)
            if old is not None and old.digest == digest and (self.folder / path).is_file():
                self.releases[path] = old
                self.kept.add(path)
            else:
                self._make_release(path, digest, labelled, old)

    def _make_release(
        self, path: str, digest: str, files: list[IndexedFile], old: WrittenRelease | None
    ) -> None:
        tables = [(file.path, _table(file)) for file in files]
        try:
            table = combine_wheels(tables)
        except FormatError as error:
            wheels = " and ".join(f"`{name}`" for name in error.context)
            self.faults.append(Fault("variants-conflict", path, f"{wheels}: {error.message}"))
            return
        text = render_table(table)
        sha256 = hashlib.sha256(text).hexdigest()
        newest = max(file.upload_time for file in files)
        when = old.upload_time if old is not None and old.sha256 == sha256 else newest
        self.contents[path] = text
        self.releases[path] = WrittenRelease(digest, sha256, len(text), when)

    # --- write ----------------------------------------------------------------------------------

    def write(self) -> IndexReport:
        """Write what is new, then the pages, then remove what nothing names any more."""
        projects: dict[NormalizedName, list[_Release]] = defaultdict(list)
        for release in self.by_release:
            projects[release.project].append(release)
        for project in sorted(projects):
            page = self._page(project, sorted(projects[project]))
            self.contents[f"{PAGES}/{project}/index.html"] = render_project_html(page).encode()
            self.contents[f"{PAGES}/{project}/index.json"] = render_project_json(page)
        names = sorted(projects)
        self.contents[f"{PAGES}/index.html"] = render_index_html(names).encode()
        self.contents[f"{PAGES}/index.json"] = render_index_json(names)
        written = [path for path, data in self.contents.items() if self._put(path, data)]
        current = frozenset(self.contents) | self.kept
        removed = sorted(path for path in self.old.written - current if self._remove(path))
        state = IndexState(files=self.files, releases=self.releases, written=current)
        self._put(STATE_FILE, render_state(state))
        return IndexReport(
            pages=self.folder / PAGES,
            projects=len(projects),
            files=len(self.files),
            read=self.read,
            written=tuple(sorted(written)),
            removed=tuple(removed),
            warnings=tuple(self.faults),
        )

    def _put(self, path: str, data: bytes) -> bool:
        return write_file(self.folder / path, data)

    def _remove(self, path: str) -> bool:
        full = self.folder / path
        if path_fault(path) is not None or not full.is_file():
            return False
        full.unlink()
        if path.startswith(f"{PAGES}/") and not any(full.parent.iterdir()):
            full.parent.rmdir()
        return True

    def _page(self, project: NormalizedName, releases: list[_Release]) -> ProjectPage:
        rows = []
        for release in releases:
            name = variants_json_name(*release)
            written = self.releases.get(f"{PAGES}/{project}/{name}")
            if written is not None:
                rows.append(_variants_json_row(name, written))
            rows += [_row(file) for file in self.by_release[release]]
        return ProjectPage(
            name=project,
            source=str(self.folder),
            files=tuple(rows),
            versions=tuple(dict.fromkeys(str(release.version) for release in releases)),
        )


def _walk(folder: Path) -> Iterator[tuple[str, Stamp]]:
    """Distribution files below `folder`; links and names that begin with a dot are passed over."""
    for parent, folders, names in os.walk(folder):
        relative = Path(parent).relative_to(folder).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        hidden = {PAGES} if not prefix else set()
        folders[:] = [name for name in folders if name not in hidden and name[:1] != "."]
        for name in names:
            if name[:1] != "." and name.endswith((".whl", *_SDIST_SUFFIXES)):
                path = Path(parent, name)
                if path.is_symlink():
                    continue
                facts = path.stat()
                yield prefix + name, Stamp(facts.st_size, facts.st_mtime_ns, facts.st_ino)


def _upload_time(stamp: Stamp) -> str:
    when = datetime.fromtimestamp(stamp.mtime_ns // 1000 / 1e6, UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _digest(files: Iterable[IndexedFile]) -> str:
    digest = hashlib.sha256()
    for document in sorted({file.variant_json or "" for file in files}):
        digest.update(hashlib.sha256(document.encode()).digest())
    return digest.hexdigest()


def _table(file: IndexedFile) -> VariantTable:
    return parse_variant_table(file.variant_json or "", strict=True)


def _row(file: IndexedFile) -> RemoteFile:
    return RemoteFile(
        filename=file.filename,
        url="../../" + quote(file.path),
        hashes=(("sha256", file.sha256),),
        size=file.stamp.size,
        requires_python=file.requires_python,
        metadata_hashes=None
        if file.metadata_sha256 is None
        else (("sha256", file.metadata_sha256),),
        upload_time=file.upload_time,
    )


def _variants_json_row(name: str, written: WrittenRelease) -> RemoteFile:
    return RemoteFile(
        filename=name,
        url=quote(name),
        hashes=(("sha256", written.sha256),),
        size=written.size,
        upload_time=written.upload_time,
    )
