"""Where the user points to: indexes, folders, files; paths and `file:` URLs into one another."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vinstall.errors import SourceError, UsageError
from vinstall.net.address import split_user
from vinstall.net.redaction import redact
from vinstall.pattern import pattern
from vinstall.values import Row

_SCHEME = pattern(r"[A-Za-z][A-Za-z0-9+.-]+:(?=//|/)")  # one letter is a drive of Windows
_NAMED = pattern(r"([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)", re.DOTALL)


class Location(Row):
    """An index or a place with links."""

    url: str
    """Absolute: `http`, `https` or `file`; a user part is still in it."""
    name: str | None = None
    """What the user calls it (`NAME=URL`), or None."""

    @property
    def shown(self) -> str:
        """For the user: a path, or a URL without secrets."""
        return shown(self.url)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine's file systems."""
        return self.url.startswith("file:")


def parse_location(text: str, *, base: Path) -> Location:
    """What `--index-url` or `--find-links` names: `URL`, `NAME=URL`, a path, `~`-paths included.

    Relative paths start from `base`.  Raises UsageError for other schemes.
    """
    text = text.strip()
    named = _NAMED.fullmatch(text)
    name = None
    if named is not None and not _SCHEME.match(text):
        name, text = named.groups()
    return Location(absolute_url(text, base=base), name)


def absolute_url(text: str, *, base: Path) -> str:
    """A path or URL as an absolute URL.  Raises UsageError for a scheme that is not followed."""
    scheme = _SCHEME.match(text)
    if scheme is None:
        path = Path(text).expanduser() if text.startswith("~") else Path(text)
        return path_url(base / path)
    kind = scheme[0].lower()
    if kind not in ("http:", "https:", "file:"):
        raise UsageError(
            f"`{redact(text)}` is no address that is followed",
            hint="addresses begin with `https://`, `http://` or `file://`, or are paths",
        )
    rest = text[len(kind) :]
    if kind == "file:" and not rest.startswith("//"):
        rest = f"//{rest}"
    return kind + rest


def path_url(path: Path) -> str:
    """An absolute `file:` URL; `..` is resolved by name, links are left alone."""
    return Path(os.path.abspath(path)).as_uri()  # noqa: PTH100 - resolve() would follow links


def url_path(url: str) -> Path:
    """The path of a `file:` URL.  Raises SourceError for another machine's."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    if os.name == "nt":
        if parts.netloc not in ("", "localhost"):
            return Path(f"//{parts.netloc}{path}")
        return Path(path.removeprefix("/") if re.match(r"/[A-Za-z]:", path) else path)
    if parts.netloc not in ("", "localhost"):
        raise SourceError(
            f"`{redact(url)}` is on another machine",
            hint="a URL of a local file begins with three slashes: `file:///`",
        )
    return Path(path)


def shown(url: str) -> str:
    """For the user: a path where it is one, else the URL without user part and secrets."""
    if url.startswith("file:"):
        return redact(unquote(urlsplit(url).path))
    return redact(split_user(url)[0])
