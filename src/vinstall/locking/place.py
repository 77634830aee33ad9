"""LockPlace: where a lock file lies, and what the paths and URLs in it may reach."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit
from urllib.request import url2pathname

from vinstall.errors import SourceError
from vinstall.net.redaction import redact
from vinstall.values import frozen

_WEB = ("https", "http")
_DRIVE = re.compile(r"[A-Za-z]:")


@frozen
class LockPlace:
    """The folder of a lock, and the prefixes its files may come from."""

    name: str
    """The lock as shown to the user: a path, or a URL without credentials."""
    folder: Path | None
    """Absolute; None for a lock read from the web, which may name no path at all."""
    allowed: tuple[str, ...] = ()
    """URL prefixes and folders the user named; where there are any, nothing else may be reached.

    Empty: `https`, `http`, and what lies below `folder`.
    """

    def url(self, url: str | None, path: str | None, *, where: str) -> str:
        """The absolute URL of a file of the lock.  Raises SourceError for one outside what is allowed."""
        if path is not None and self.folder is not None:
            return self._local(_below(self.folder, path), where)
        if url is None:
            raise self._refused(path or "", where, "a lock from the web may not name a path")
        scheme = urlsplit(url.removeprefix("git+")).scheme.lower()
        if scheme == "file":
            if self.folder is None:
                raise self._refused(url, where, "a lock from the web may not name a path")
            return self._local(Path(url2pathname(unquote(urlsplit(url).path))), where)
        if self.allowed:
            if not any(_is_prefix(prefix, url) for prefix in self.allowed):
                raise self._refused(url, where, "it is below none of the places allowed")
        elif scheme not in _WEB and not url.startswith("git+"):
            raise self._refused(url, where, f"`{scheme}` is not a scheme a lock may use")
        return url

    def path_of(self, url: str) -> str | None:
        """A `file` URL as the path to write: relative to the lock, with `/`; None for other URLs."""
        parts = urlsplit(url)
        if parts.scheme != "file":
            return None
        path = Path(url2pathname(unquote(parts.path)))
        if self.folder is None:
            return path.as_posix()
        try:
            return Path(os.path.relpath(path, self.folder)).as_posix()
        except ValueError:  # another drive
            return path.as_posix()

    def _local(self, path: Path, where: str) -> str:
        resolved = path.resolve()
        if self.allowed:
            folders = [Path(prefix).resolve() for prefix in self.allowed if "://" not in prefix]
        else:
            folders = [self.folder.resolve()] if self.folder is not None else []
        if not any(resolved.is_relative_to(folder) for folder in folders):
            raise self._refused(str(path), where, "it is outside the folder of the lock")
        return resolved.as_uri()

    def _refused(self, what: str, where: str, why: str) -> SourceError:
        return SourceError(
            f"`{redact(what)}` may not be read",
            context=(f"`{self.name}`, {where}", why),
            hint="name what a lock may reach with `--allow-source URL_OR_FOLDER`",
        )


def _below(folder: Path, path: str) -> Path:
    if _DRIVE.match(path):
        return Path(path)
    return folder / path.replace("\\", "/") if os.sep == "/" else folder / path


def _is_prefix(prefix: str, url: str) -> bool:
    """By whole path parts, so that `https://a.example/x` does not admit `https://a.example/xy`."""
    if "://" not in prefix:
        return False
    wanted, given = urlsplit(prefix), urlsplit(url.removeprefix("git+"))
    if (wanted.scheme, wanted.hostname, wanted.port) != (given.scheme, given.hostname, given.port):
        return False
    if ".." in unquote(given.path).split("/"):
        return False
    root = quote(unquote(wanted.path), safe="/%").rstrip("/") + "/"
    return (given.path + "/").startswith(root)
