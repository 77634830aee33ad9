"""What the cache keeps of some projects beside their files: pages, metadata, variants files."""

from __future__ import annotations

import marshal
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.cache.files import Cache
from vinstall.sources.file_reader import METADATA, memory_keys
from vinstall.sources.index import PAGES, listed_files
from vinstall.sources.web_text import TEXTS

_NAME = re.compile(rb"(?:^|[\n\0])Name:[ \t]*([A-Za-z0-9._-]+)", re.IGNORECASE)
"""In METADATA, whatever it is packed in."""
_UNREADABLE = (ValueError, EOFError, TypeError, IndexError)
"""What comes of reading a value that another vinstall kept in another way."""


def kept_values(
    cache: Cache, names: frozenset[NormalizedName], *, is_theirs: Callable[[str], bool]
) -> Iterator[Path]:
    """The files of the cache that hold what was read of `names`; some may not exist.

    `is_theirs` knows the names of their files.  That an index does not know a project is kept
    without its name, so every such note is among them.  Costs a read of every page kept.
    """
    for path, content in cache.values(PAGES):
        try:
            files = listed_files(content)
            theirs = [file for file in files or () if is_theirs(file.filename)]
        except _UNREADABLE:
            continue
        if files is None or theirs:
            yield path
        for file in theirs:
            yield from (Path(cache.value_file(METADATA, key)) for key in memory_keys(file))
    for path, content in cache.values(METADATA):
        found = _NAME.search(content)
        if found is not None and canonicalize_name(found[1].decode("ascii")) in names:
            yield path
    for path, content in cache.values(TEXTS):
        if is_theirs(_filename(content)):
            yield path


def _filename(content: memoryview) -> str:
    """The end of the URL of a small file, or nothing."""
    try:
        _, (url, _) = marshal.loads(content)  # noqa: S302 - our own file, check sum seen
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except _UNREADABLE:
        return ""
