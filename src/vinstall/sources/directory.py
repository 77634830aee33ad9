"""Directory: an index that is a folder on this machine, with a page or the files of each project.

simple/demo/index.html      links, as PEP 503 has them
simple/demo/index.json      the same as PEP 691 has it, if it is not older
simple/demo/*.whl           the files themselves, where there is no page
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import inf
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError, SourceError
from vinstall.formats.simple_api import (
    LISTED_SUFFIXES,
    ProjectPage,
    RemoteFile,
    link_name,
    parse_project_html,
    parse_project_json,
)
from vinstall.observer import Observer
from vinstall.sources.location import shown, url_path
from vinstall.sources.once import Once
from vinstall.sources.source import KeptFile


class Directory:
    """One folder of projects.  Thread-safe; each project is looked for once."""

    def __init__(self, url: str, *, observer: Observer | None = None) -> None:
        """`url` is a `file:` URL; a folder that is not there is told once and knows nothing."""
        self.url = url
        self._root = url_path(url)
        self._observer = observer or Observer()
        self._pages: Once[NormalizedName, ProjectPage | None] = Once()
        self._names: Once[None, dict[NormalizedName, Path]] = Once()

    @property
    def name(self) -> str:
        """The path."""
        return shown(self.url)

    def project(self, name: NormalizedName) -> ProjectPage | None:
        """The page of `name`; None where there is no folder for it.

        Raises SourceError for what cannot be read, FormatError for a page that says nonsense.
        """
        return self._pages.get(name, lambda: self._project(name))

    def ask_again(self, name: NormalizedName) -> None:  # noqa: ARG002
        """The page of a project that is there since `project` was asked: never, nothing is kept."""
        return

    def kept(self, name: NormalizedName) -> tuple[KeptFile, ...]:
        """What changes when the answer of `project` does: the folder and its pages or files.

        Where the project is not known, the folder of all projects.
        """
        folder = self._folder(name)
        if folder is None:
            return (KeptFile(str(self._root), inf),)
        page = self.project(name)
        local = [url_path(f.url) for f in page.files if f.url.startswith("file:")] if page else []
        pages = [path for path in _page_files(folder) if path.is_file()]
        return tuple(KeptFile(str(path), inf) for path in (folder, *pages, *local))

    def _project(self, name: NormalizedName) -> ProjectPage | None:
        folder = self._folder(name)
        if folder is None:
            return None
        page = _newest_page(folder)
        if page is None:
            files = (f for f in list_files(folder) if f.filename.endswith(LISTED_SUFFIXES))
            return ProjectPage(name=name, source=self.name, files=tuple(files))
        self._observer.page_read(name, self.name, from_cache=False)
        try:
            content = page.read_bytes()
        except OSError as error:
            raise SourceError(f"`{page}` cannot be read: {error.strerror}") from error
        url = folder.as_uri() + "/"
        if page.suffix == ".json":
            try:
                return parse_project_json(content, url=url, name=name, source=self.name)
            except FormatError:
                if not (folder / "index.html").is_file():
                    raise
                content = (folder / "index.html").read_bytes()
        text = content.decode("utf-8", "replace")
        return parse_project_html(text, url=url, name=name, source=self.name)

    def _folder(self, name: NormalizedName) -> Path | None:
        """The folder of a project; its name need not be normalised as on a web server."""
        exact = self._root / name
        if os.path.isdir(exact):  # noqa: PTH112  takes names of any length
            return exact
        return self._names.get(None, self._list_names).get(name)

    def _list_names(self) -> dict[NormalizedName, Path]:
        try:
            with os.scandir(self._root) as found:
                folders = sorted(item.name for item in found if item.is_dir())
        except OSError as error:
            self._observer.warning(f"the index `{self.name}` is not used: {error.strerror}")
            return {}
        return {canonicalize_name(name): self._root / name for name in folders}


def list_files(folder: Path) -> Iterator[RemoteFile]:
    """The files directly in `folder` whose names are safe, by name, with sizes; of any kind.

    Raises SourceError where the folder cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            items = sorted((item.name, item.stat().st_size) for item in found if item.is_file())
    except OSError as error:
        raise SourceError(f"`{folder}` cannot be read: {error.strerror}") from error
    root = folder.absolute()
    for filename, size in items:
        url = (root / filename).as_uri()
        if link_name(url) == filename:
            yield RemoteFile(filename=filename, url=url, size=size)


def _page_files(folder: Path) -> tuple[Path, Path]:
    return folder / "index.html", folder / "index.json"


def _newest_page(folder: Path) -> Path | None:
    """The page to read: JSON says more, but only if it was not written before the HTML."""
    html, as_json = _page_files(folder)
    if not as_json.is_file():
        return html if html.is_file() else None
    if html.is_file() and as_json.stat().st_mtime_ns < html.stat().st_mtime_ns:
        return html
    return as_json
