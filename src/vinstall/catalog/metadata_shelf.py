"""MetadataShelf: the metadata that one question needed, kept as it was parsed, in one file.

What METADATA of a wheel or a file of variant metadata says never changes, and asking the same again
needs nearly all of what was needed before.  Reading and parsing a hundred files takes a tenth of a resolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vinstall.cache.files import Cache, Key
from vinstall.formats.metadata import Metadata, pack_metadata, unpack_metadata
from vinstall.formats.simple_api import RemoteFile
from vinstall.sources.hashing import strongest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vinstall.formats.variant_json import VariantTable

SHELVES = "shelves"
"""The bucket; all in it is made of what the cache has elsewhere."""
_REVISION = 4


class MetadataShelf:
    """Metadata by file, for files whose hash is listed.  Threads may share one; save() it once."""

    def __init__(self, cache: Cache, question: Key, markers: Mapping[str, str]) -> None:
        """`question` tells who will need the same; a wrong guess costs time alone.

        `markers` are those of the target.
        """
        self._cache = cache
        self._markers = markers
        self._key = ("shelf", _REVISION, *question, tuple(sorted(markers.items())))
        kept: Any = cache.read_value(SHELVES, self._key)
        self._kept: dict[Key, Any] = kept or {}
        self._used: dict[Key, Any] = {}
        self._is_new = False

    def find(self, file: RemoteFile) -> Metadata | None:
        """What the METADATA of a wheel says, if it is known."""
        key = _key(file)
        packed = self._kept.get(key) if key is not None else None
        if key is None or packed is None:
            return None
        self._used[key] = packed
        return unpack_metadata(packed, self._markers)

    def put(self, file: RemoteFile, metadata: Metadata) -> None:
        """Keep what the METADATA of a wheel says."""
        key = _key(file)
        if key is not None:
            self._used[key] = pack_metadata(metadata, self._markers)
            self._is_new = True

    def find_table(self, file: RemoteFile) -> VariantTable | None:
        """What a file of variant metadata says, if it is known."""
        key = _key(file)
        packed = self._kept.get(("variants", *key)) if key is not None else None
        if key is None or packed is None:
            return None
        from vinstall.formats.packed_table import unpack_table

        self._used["variants", *key] = packed
        return unpack_table(packed)

    def put_table(self, file: RemoteFile, table: VariantTable) -> None:
        """Keep what a file of variant metadata says."""
        from vinstall.formats.packed_table import pack_table

        key = _key(file)
        packed = pack_table(table) if key is not None else None
        if key is not None and packed is not None:
            self._used["variants", *key] = packed
            self._is_new = True

    def save(self) -> None:
        """Write what was asked for, if anything was put."""
        if self._is_new:
            self._cache.write_value(SHELVES, self._key, self._used)


def _key(file: RemoteFile) -> Key | None:
    """The URL belongs to the hash: one source must not speak for another one's wheel."""
    mark = strongest(file)
    return None if mark is None else (file.url, *mark)
