"""The two protocols of this room: Source finds project pages, FileReader gets the bytes of a file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from packaging.utils import NormalizedName

from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.values import frozen


class Source(Protocol):
    """Somewhere projects are listed: an index, a folder, a find-links page."""

    @property
    def name(self) -> str:
        """As shown to the user: a URL without credentials, or a path."""
        ...

    def project(self, name: NormalizedName) -> ProjectPage | None:
        """The page of project `name`, or None where this source does not know it.

        Raises NetworkError, SourceError or FormatError.  May cost one request; memoised.
        """
        ...


class KeptFile(NamedTuple):
    """A file or folder that what a source said was read from."""

    path: Path
    until: float
    """Seconds since the epoch up to which nobody else would have to be asked; may be infinite."""


@frozen
class FetchedFile:
    """A whole file on local disk."""

    path: Path
    """Not to be changed: it may be part of the cache or of a folder of the user's."""
    sha256: str
    """Hex digest of its bytes, computed while they were read."""
    from_cache: bool = False


class FileReader(Protocol):
    """Gets the bytes of files, whatever scheme their URL has.  Thread-safe."""

    def read(self, file: RemoteFile) -> bytes:
        """All bytes of a small file, hashes checked where known.  Raises HashMismatch."""
        ...

    def core_metadata(self, file: RemoteFile) -> bytes:
        """METADATA of a wheel: sidecar, else a ranged read of the tail, else the whole file.

        Remembered for ever under the file's hash, or under its URL, size and validator.
        """
        ...

    def variant_metadata(self, file: RemoteFile) -> bytes | None:
        """`variant.json` of a wheel by the same ways; None where the wheel has none."""
        ...

    def download(self, file: RemoteFile) -> FetchedFile:
        """The whole file: hashed while it streams, resumed where a part is there."""
        ...
