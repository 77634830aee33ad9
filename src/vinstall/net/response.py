"""Response, Part: what came back; and the ways in which nothing comes back."""

from __future__ import annotations

from collections.abc import Mapping

from vinstall.errors import NetworkError
from vinstall.values import frozen


class OfflineError(NetworkError):
    """Something is not in the cache and the network must not be used."""


class TransferInterrupted(NetworkError):
    """The connection broke or never came about; the same request may well succeed later."""


class Refused(NetworkError):
    """A server answered, with a status that is of no use."""

    def __init__(
        self, message: str, *, status: int, context: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, context=context, hint=hint)
        self.status = status


@frozen
class Response:
    """A whole answer."""

    status: int
    url: str
    """Where it came from after redirects; without a user part."""
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes


@frozen
class Part:
    """Some bytes of a file."""

    start: int
    """Place of the first byte in the file."""
    content: bytes
    total: int
    """Size of the whole file in bytes."""
    validator: str | None
    """What must stay the same between two parts."""


def file_validator(headers: Mapping[str, str]) -> str | None:
    """The strong ETag, else Last-Modified, for use in `If-Range` (RFC 9110, 13.1.5)."""
    tag = headers.get("etag")
    return tag if tag and not tag.startswith("W/") else headers.get("last-modified")
