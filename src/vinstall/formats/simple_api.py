"""ProjectPage, RemoteFile ← simple repository API, HTML or JSON.

Spec: PEP 503, 592 (yanked), 629 (version), 658 and 714 (core metadata), 691 (JSON), 700 (sizes,
upload times).  A page may list thousands of files: rows are plain tuples, cheap to make and to
marshal, and nothing is parsed from a file name here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from packaging.utils import NormalizedName


class RemoteFile(NamedTuple):
    """One file an index, folder or page offers."""

    filename: str
    """Unquoted; the last part of the URL's path."""
    url: str
    """Absolute, without the fragment; `http`, `https` or `file`."""
    hashes: tuple[tuple[str, str], ...] = ()
    """(algorithm, hex digest), strongest first; empty where the source gives none."""
    size: int | None = None
    """Bytes."""
    requires_python: str | None = None
    """A specifier as written."""
    yanked: str | None = None
    """None: not yanked; else the reason, which may be empty (PEP 592)."""
    metadata_hashes: tuple[tuple[str, str], ...] | None = None
    """None: no metadata sidecar; `()`: there is one, hash unknown (PEP 658)."""
    upload_time: str | None = None
    """ISO 8601 as written (PEP 700)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPage:
    """What one source says about one project."""

    name: NormalizedName
    source: str
    """The source as shown to the user: a redacted URL or a path."""
    files: tuple[RemoteFile, ...]
    """In the order listed."""
    versions: tuple[str, ...] | None = None
    """PEP 700 `versions`; None where the page does not say."""
    status: str | None = None
    """PEP 792 project status, or None."""


def parse_project_html(text: str, *, url: str, name: NormalizedName, source: str) -> ProjectPage:
    """The page in HTML form; relative links are taken from `url` or the page's `<base>`."""
    raise NotImplementedError


def parse_project_json(text: bytes, *, url: str, name: NormalizedName, source: str) -> ProjectPage:
    """The page in JSON form.  Raises FormatError; a major API version above 1 is refused (PEP 629)."""
    raise NotImplementedError
