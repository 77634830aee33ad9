"""What the last build of an index knew of each file, so that the next one reads only what is new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vinstall.values import field, frozen

STATE_FILE = ".vinstall-index.json"
_VERSION = 1


class Stamp(NamedTuple):
    """What tells that a file is still the one that was read, without reading it."""

    size: int
    mtime_ns: int
    inode: int


class IndexedFile(NamedTuple):
    """One distribution file of the folder."""

    path: str
    """Below the folder, with forward slashes."""
    stamp: Stamp
    sha256: str
    upload_time: str
    """ISO 8601, UTC."""
    requires_python: str | None = None
    metadata_sha256: str | None = None
    """Of the wheel's METADATA, which stands beside it; None for a source distribution."""
    variant_json: str | None = None
    """The wheel's own document; None for a file without a label."""

    @property
    def filename(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


class WrittenRelease(NamedTuple):
    """One `-variants.json` that was written."""

    digest: str
    """Of the documents it was combined from."""
    sha256: str
    size: int
    upload_time: str


@frozen
class IndexState:
    """Everything the last build knew."""

    files: Mapping[str, IndexedFile] = field(default_factory=dict)
    """By path."""
    releases: Mapping[str, WrittenRelease] = field(default_factory=dict)
    """By path of the `-variants.json`."""
    written: frozenset[str] = frozenset()
    """Paths of everything it wrote, itself excepted."""


def read_state(folder: Path) -> IndexState:
    """The state below `folder`; an empty one where there is none that can be read."""
    try:
        return _parse_state(json.loads((folder / STATE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        # A lost or foreign state costs time and nothing else: every file is read again.
        return IndexState()


def _parse_state(document: Any) -> IndexState:
    if document["version"] != _VERSION:
        return IndexState()
    documents = document["documents"]
    files = {}
    for path, stamp, sha256, when, python, metadata, number in document["files"]:
        files[path] = IndexedFile(
            path,
            Stamp(*stamp),
            sha256,
            when,
            python,
            metadata,
            None if number is None else documents[number],
        )
    return IndexState(
        files=files,
        releases={path: WrittenRelease(*row) for path, row in document["releases"].items()},
        written=frozenset(document["written"]),
    )


def render_state(state: IndexState) -> bytes:
    """The state as JSON; a document that many wheels share stands in it once."""
    numbers: dict[str, int] = {}
    rows = []
    for _, file in sorted(state.files.items()):
        text = file.variant_json
        number = None if text is None else numbers.setdefault(text, len(numbers))
        rows.append([*file[:-1], number])
    document = {
        "version": _VERSION,
        "documents": list(numbers),
        "files": rows,
        "releases": dict(sorted(state.releases.items())),
        "written": sorted(state.written),
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
