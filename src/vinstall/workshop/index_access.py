"""Where a checked index is read from: a folder, or a server through a function that fetches.

Spec: PEP 503 and 691.  Both forms of a page are read where there are two.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

from vinstall.errors import FormatError, SourceError
from vinstall.formats.simple_api import RemoteFile

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html, text/html;q=0.5"


class PageForm(NamedTuple):
    """One form of one page."""

    url: str
    """Where it came from in the end; links are relative to it."""
    is_json: bool
    body: bytes


Fetch = Callable[[str, str], PageForm | None]
"""(URL, Accept header) to what the server sent; None for 404.  Raises NetworkError."""


class IndexAccess(Protocol):
    """An index that can be looked at."""

    def projects(self) -> tuple[str, ...]:
        """The projects of the root page, as it writes them.  Raises SourceError without a root page."""
        ...

    def pages(self, project: str) -> tuple[PageForm, ...]:
        """The forms of a project's page; none where it has no page."""
        ...

    def read(self, file: RemoteFile) -> bytes | None:
        """The bytes of a small file; None where it is not there."""
        ...

    def local(self, file: RemoteFile) -> Path | None:
        """Where `file` should be on this machine; None for a file that is elsewhere."""
        ...


class FolderAccess:
    """An index on disk: pages in `index.html` and `index.json`, one folder for each project."""

    def __init__(self, root: Path, base: Path | None = None) -> None:
        """`root` holds the pages; what they link to has to be below `base`, its parent if None."""
        self.root = root.absolute()
        self.base = (base or root.parent).absolute()

    def projects(self) -> tuple[str, ...]:
        """Of the root page, and then the folders that have a page and are not on it."""
        forms = self._forms(self.root)
        below = sorted(path.name for path in self.root.iterdir() if _is_page_folder(path))
        return tuple(dict.fromkeys((*(project_names(forms) if forms else ()), *below)))

    def pages(self, project: str) -> tuple[PageForm, ...]:
        """Below the folder of the project, whatever way its name is written."""
        return self._forms(self.root / project)

    def read(self, file: RemoteFile) -> bytes | None:
        """Of a file that is on this machine."""
        path = self.local(file)
        return path.read_bytes() if path is not None and path.is_file() else None

    def local(self, file: RemoteFile) -> Path | None:
        """From a `file` URL below the base."""
        parts = urlsplit(file.url)
        path = Path(os.path.normpath(url2pathname(parts.path)))
        return path if parts.scheme == "file" and path.is_relative_to(self.base) else None

    def _forms(self, folder: Path) -> tuple[PageForm, ...]:
        paths = (folder / "index.html", folder / "index.json")
        return tuple(
            PageForm(path.as_uri(), path.suffix == ".json", path.read_bytes())
            for path in paths
            if path.is_file()
        )


class ServerAccess:
    """An index behind a URL."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        self.url = url if url.endswith("/") else url + "/"
        self._fetch = fetch

    def projects(self) -> tuple[str, ...]:
        """Of the root page, in whatever form it comes."""
        forms = self._forms(self.url)
        if not forms:
            raise SourceError(f"`{self.url}` has no root page")
        return project_names(forms)

    def pages(self, project: str) -> tuple[PageForm, ...]:
        """Asked for twice: as JSON and as HTML."""
        return self._forms(urljoin(self.url, f"{project}/"))

    def read(self, file: RemoteFile) -> bytes | None:
        """By a request of its own."""
        form = self._fetch(file.url, "*/*")
        return None if form is None else form.body

    def local(self, file: RemoteFile) -> Path | None:  # noqa: ARG002
        """Nothing is."""
        return None

    def _forms(self, url: str) -> tuple[PageForm, ...]:
        found = (self._fetch(url, accept) for accept in (HTML_TYPE, JSON_TYPE))
        forms = {form.is_json: form for form in found if form is not None}
        return tuple(forms.values())


def project_names(forms: tuple[PageForm, ...]) -> tuple[str, ...]:
    """The projects of a root page, in order; of several forms, the union.  Raises FormatError."""
    names: dict[str, None] = {}
    for form in forms:
        names |= dict.fromkeys(_json_names(form) if form.is_json else _html_names(form))
    return tuple(names)


def _json_names(form: PageForm) -> list[str]:
    try:
        document = json.loads(form.body)
        return [str(project["name"]) for project in document["projects"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"`{form.url}` is no root page", context=(repr(error),)) from error


def _html_names(form: PageForm) -> list[str]:
    """Links to folders directly below the root; other links are decoration."""
    collector = _Links()
    collector.feed(form.body.decode("utf-8", "replace"))
    base = form.url.rpartition("/")[0] + "/"
    names = []
    for link in collector.links:
        rest = urljoin(form.url, link).removeprefix(base)
        name = unquote(rest.removesuffix("/"))
        if rest.endswith("/") and name and not set(name) & set("/:?#") and name.strip(".") == name:
            names.append(name)
    return names


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for key, value in attrs if key == "href" and value]


def find_indexes(folder: Path) -> tuple[Path, ...]:
    """The roots of all indexes in `folder`, itself included: what has pages of projects below it."""
    roots = set()
    for parent, folders, _ in os.walk(folder):
        folders[:] = [name for name in folders if name[:1] != "."]
        below = [Path(parent, name) for name in folders]
        if any(_is_page_folder(path) and not _has_page_folders(path) for path in below):
            roots.add(Path(parent))
    return tuple(sorted(roots))


def _is_page_folder(path: Path) -> bool:
    return (path / "index.html").is_file() or (path / "index.json").is_file()


def _has_page_folders(path: Path) -> bool:
    return any(_is_page_folder(below) for below in path.iterdir() if below.is_dir())


def loose_files(folder: Path) -> tuple[RemoteFile, ...]:
    """Wheels and index files below a folder that has no pages, with their hashes."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[:1] != ".")
        found += [
            _loose_file(Path(parent, name))
            for name in sorted(names)
            if name[:1] != "." and name.endswith((".whl", "-variants.json", ".tar.gz"))
        ]
    return tuple(found)


def _loose_file(path: Path) -> RemoteFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return RemoteFile(
        filename=path.name,
        url=path.absolute().as_uri(),
        hashes=(("sha256", sha256),),
        size=path.stat().st_size,
    )
