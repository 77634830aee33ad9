"""The two protocols of this room: Source finds project pages, FileReader gets the bytes of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from packaging.utils import NormalizedName

from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.values import Row, frozen


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


class KeptFile(Row):
    """A file or folder that what a source said was read from."""

    path: str
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


WORTH_FOLLOWING = 40 * 1024 * 1024
"""Bytes of a file; smaller ones come among others, whole, and one process is enough for each."""


class Arriving(Protocol):
    """A large file of which the front is here, and the rest on its way.  Thread-safe."""

    @property
    def path(self) -> Path:
        """Where it is written; to be opened at once, for it is moved when it is complete.

        And without a buffer: what is read ahead may be a hole.
        """
        ...

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        ...

    @property
    def there(self) -> int:
        """How many bytes from the front on are in the file."""
        ...

    def wait(self, place: int) -> bool:
        """Return when all bytes before `place` are in the file; False if they will not be."""
        ...

    def read_early(self, start: int, length: int) -> bytes | None:
        """Some bytes that may not be there yet; None where they are not to be had.  A few requests.

        They come by themselves: only the hash of the whole file speaks for the rest of it.
        """
        ...


Follow = Callable[[Arriving], None]
"""Called once, when a file that is worth it begins to arrive.  It must return at once."""


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

    def download(self, file: RemoteFile, *, follow: Follow | None = None) -> FetchedFile:
        """The whole file: hashed while it streams, resumed where a part is there.

        `follow` may be called before the end, or not at all.
        """
        ...
