"""Origin: which server a URL belongs to; and the user part of a URL, taken off.  Pure."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

from vinstall.errors import NetworkError
from vinstall.values import Row

_PORTS = {"http": 80, "https": 443}


class Origin(Row):
    """Scheme, host and port: what may see the same secrets."""

    scheme: str
    host: str
    """In lower case; empty for `file`."""
    port: int | None

    def trusts(self, other: Origin) -> bool:
        """Whether secrets meant for this origin may go to `other`.

        The same server, or the same host over TLS instead of plain HTTP on the usual ports.
        """
        upgraded = Origin("https", self.host, 443)
        return other == self or (self.scheme == "http" and self.port == 80 and other == upgraded)


def parse_origin(url: str) -> Origin:
    """The origin of `url`.  Raises NetworkError where it is no URL with a valid host and port."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NetworkError(f"`{without_user(url)}` is not a valid URL") from error
    scheme = parts.scheme.lower()
    return Origin(scheme, (parts.hostname or "").lower(), port or _PORTS.get(scheme))


def without_user(url: str) -> str:
    """`url` without a `user:password@` part."""
    return split_user(url)[0]


def split_user(url: str) -> tuple[str, str | None, str | None]:
    """`url` without its user part, the user, the password; both unquoted, None where absent."""
    start = url.find("://")
    if start < 0:
        return url, None, None
    end = min((place for mark in "/?#" if (place := url.find(mark, start + 3)) >= 0), default=None)
    authority = url[start + 3 : end]
    user, at, host = authority.rpartition("@")
    if not at:
        return url, None, None
    name, colon, password = user.partition(":")
    rest = url[end:] if end is not None else ""
    bare = f"{url[: start + 3]}{host}{rest}"
    return bare, unquote(name) or None, unquote(password) if colon else None


def with_slash(url: str) -> str:
    """`url` with a slash at the end of its path, so that relative links lead below it."""
    parts = urlsplit(url)
    path = parts.path if parts.path.endswith("/") else parts.path + "/"
    return urlunsplit(parts._replace(path=path))
