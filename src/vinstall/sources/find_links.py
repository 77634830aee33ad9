"""FindLinks: what `--find-links` names: a folder of files, a page of links, or one file.

Everything in it is read once and sorted by project.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import inf
from pathlib import Path

from packaging.utils import (
    InvalidSdistFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
)

from vinstall.errors import SourceError
from vinstall.formats.simple_api import (
    ARCHIVE_SUFFIXES,
    ProjectPage,
    RemoteFile,
    link_name,
    parse_links,
)
from vinstall.formats.wheel_name import parse_variants_json_name
from vinstall.net.client import HttpClient
from vinstall.net.response import Refused
from vinstall.observer import Observer
from vinstall.sources.directory import list_files
from vinstall.sources.location import Location, url_path
from vinstall.sources.once import Once
from vinstall.sources.source import KeptFile
from vinstall.sources.web_text import WebTexts

_PAGE_SUFFIXES = (".html", ".htm")


class FindLinks:
    """One place with links.  Thread-safe."""

    def __init__(
        self,
        location: Location,
        *,
        client: HttpClient,
        texts: WebTexts,
        observer: Observer | None = None,
    ) -> None:
        """A place that is not there is told once and has no links, as with pip."""
        self._url = location.url if location.is_local else client.credentials.add(location.url)
        self._shown = location.shown
        self._texts = texts
        self._observer = observer or Observer()
        self._projects: Once[None, Mapping[NormalizedName, tuple[RemoteFile, ...]]] = Once()

    @property
    def name(self) -> str:
        """The path, or the URL without user part and secrets."""
        return self._shown

    def project(self, name: NormalizedName) -> ProjectPage | None:
        """The files of `name`, or None where there are none.  The first call reads everything.

        Raises NetworkError or SourceError where the place is there and cannot be read.
        """
        files = self._projects.get(None, self._read).get(name)
        return ProjectPage(name=name, source=self.name, files=files) if files else None

    def kept(self, name: NormalizedName) -> tuple[KeptFile, ...] | None:
        """What changes when the answer of `project` does; None where that is not kept."""
        if not self._url.startswith("file:"):
            if link_name(self._url).endswith(ARCHIVE_SUFFIXES):
                return ()
            kept = self._texts.kept(self._url)
            return None if kept is None else (kept,)
        page = self.project(name)
        local = [url_path(f.url) for f in page.files if f.url.startswith("file:")] if page else []
        return (*self._frame, *(KeptFile(str(path), inf) for path in local))

    @cached_property
    def _frame(self) -> tuple[KeptFile, ...]:
        """What the answers for all projects were read from: a page, or a folder and the pages in it."""
        place = url_path(self._url)
        pages = _folder_pages(place) if place.is_dir() else ()
        return tuple(KeptFile(str(path), inf) for path in (place, *pages))

    def _read(self) -> Mapping[NormalizedName, tuple[RemoteFile, ...]]:
        sorted_files: dict[NormalizedName, list[RemoteFile]] = defaultdict(list)
        for file in self._files():
            project = project_of(file.filename)
            if project is not None:
                sorted_files[project].append(file)
        return {name: tuple(files) for name, files in sorted_files.items()}

    def _files(self) -> Iterable[RemoteFile]:
        filename = link_name(self._url)
        if filename.endswith(ARCHIVE_SUFFIXES):
            return (RemoteFile(filename=filename, url=self._url),)
        if not self._url.startswith("file:"):
            try:
                page = self._texts.read(self._url)
            except Refused as error:
                if error.status not in (403, 404, 410):
                    raise
                return self._nothing(error.message)
            return parse_links(page.text, url=page.url)
        path = url_path(self._url)
        if path.is_dir():
            return _folder_files(path)
        if path.is_file():
            return _page_links(path)
        return self._nothing("it is not there")

    def _nothing(self, reason: str) -> tuple[RemoteFile, ...]:
        self._observer.warning(
            f"the links in `{self._shown}` are not used: {reason}",
            hint="`--find-links` names a folder of wheels, a page with links, or one wheel",
        )
        return ()


def project_of(filename: str) -> NormalizedName | None:
    """The project a distribution or its variant metadata belongs to, by the file's name."""
    if filename.endswith(".whl"):
        return canonicalize_name(filename.partition("-")[0])
    metadata = parse_variants_json_name(filename)
    if metadata is not None:
        return metadata[0]
    for suffix in (suffix for suffix in ARCHIVE_SUFFIXES if filename.endswith(suffix)):
        try:
            # packaging knows the two endings that the specification has left.
            return parse_sdist_filename(filename.removesuffix(suffix) + ".tar.gz")[0]
        except InvalidSdistFilename:
            return None
    return None


def _folder_files(folder: Path) -> Iterator[RemoteFile]:
    """Files first, then what the pages in the folder link to, as pip has it."""
    yield from list_files(folder)
    for page in _folder_pages(folder):
        yield from _page_links(page)


def _folder_pages(folder: Path) -> list[Path]:
    names = (file.filename for file in list_files(folder))
    return [folder / name for name in names if name.lower().endswith(_PAGE_SUFFIXES)]


def _page_links(page: Path) -> tuple[RemoteFile, ...]:
    try:
        text = page.read_text("utf-8", "replace")
    except OSError as error:
        raise SourceError(f"`{page}` cannot be read: {error.strerror}") from error
    return parse_links(text, url=page.absolute().as_uri())
