"""Store: unpacked wheels by the hash of the wheel file, ready to be linked into environments.

An entry is a folder `{2 hex digits}/{sha256}` that appears whole or not at all: it is filled under
a temporary name and renamed.  Its manifest (marshal behind a check sum, written last) lists every
file with size, mode and time of modification, so that linking walks nothing.

What an environment shares with the store through hard links can be edited in place there.  An
entry is therefore checked against its manifest before each use, and one that differs is dropped,
to be unpacked anew.  Files are not made read-only: in the environment they would be, too, where
pip's are not.

The store holds files, never decisions about hardware: it may be shared between unlike machines.
Files are shared with their modes, too: so there is a store for each umask they were made under.
"""

from __future__ import annotations

import marshal
import os
from binascii import crc32

from vinstall.cache.integrity import inspect, is_intact
from vinstall.values import Row

TYPE_CHECKING = False  # this module is loaded by runs that last less than `typing` costs
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

_REVISION = 3
_MARSHAL = 4
"""The newest format of `marshal` that every supported Python reads."""

_MOST = 256
"""Files in one group."""
_USUAL = 0o022
"""The umask of most."""

_MANIFEST = "manifest"
_FILES = "files"


def bucket() -> str:
    """The bucket of the cache for wheels that are unpacked, and linked, under the umask of now."""
    if os.name != "posix":
        return "wheels"
    umask = os.umask(_USUAL)
    os.umask(umask)
    return "wheels" if umask == _USUAL else f"wheels-{umask:03o}"


class FileGroup(Row):
    """The files of one folder that go into one folder, or some of them; made by `file_groups`.

    An installation handles thousands of files and asks about few, so that names and facts are kept
    as one text and one lump of bytes until somebody asks.
    """

    scheme: str
    """`purelib`, `platlib`, `scripts`, `data` or `headers`."""
    folder: str
    """Where they go, relative to the folder of the scheme; `/` between parts, empty for itself."""
    source: str
    """Where they lie, relative to the `files` of the entry; the same way."""
    number: int
    """How many there are."""
    listed: str
    """Their names with `/` between them."""
    packed: bytes
    """What `facts` tells, as `marshal` has it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.listed.split("/")) if self.number else ()

    @property
    def facts(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Their sizes in bytes, times of modification in nanoseconds since the epoch, `st_mode`s."""
        sizes, times, modes = marshal.loads(self.packed)  # noqa: S302  our own folder
        return sizes, times, modes

    def rows(self) -> Iterator[tuple[str, int, int, int]]:
        """Name, size, time and mode, file by file."""
        return zip(self.names, *self.facts, strict=True)

    def only(self, stay: Collection[int]) -> FileGroup:
        """The files at these places."""
        rows = list(self.rows())
        return file_group(*self[:3], [rows[at] for at in stay])


def file_group(
    scheme: str, folder: str, source: str, rows: Sequence[tuple[str, int, int, int]]
) -> FileGroup:
    """The files that `rows` tell of: name, size, time, mode."""
    names, *facts = zip(*rows, strict=True) if rows else ((), (), (), ())
    packed = marshal.dumps(tuple(facts), _MARSHAL)
    return FileGroup(scheme, folder, source, len(rows), "/".join(names), packed)


def file_groups(
    rows: Mapping[tuple[str, str, str], Sequence[tuple[str, int, int, int]]],
) -> tuple[FileGroup, ...]:
    """All files of a wheel: by scheme, folder and source, as `file_group` has them.

    No group is so large that two processes could not share the work.
    """
    return tuple(
        file_group(*key, several[at : at + _MOST])
        for key, several in rows.items()
        for at in range(0, len(several), _MOST)
    )


class RecordPart(Row):
    """What RECORD says of the files of one scheme."""

    scheme: str
    text: str
    """Lines of RECORD; paths are relative to the folder of the scheme."""


class EntryPoint(Row):
    """A script to be made for an environment."""

    name: str
    module: str
    attribute: str
    section: str
    """`console` or `gui`."""


class StoredWheel(Row):
    """One unpacked wheel.  Every part is a type that `marshal` knows, `path` apart."""

    path: str
    """The folder that `FileGroup.source` is relative to."""
    sha256: str
    """Of the wheel file, in hex."""
    filename: str
    """Of the wheel."""
    dist_info: str
    """Name of its `.dist-info` folder."""
    root: str
    """The scheme of files outside `.data`: `purelib` or `platlib`."""
    groups: tuple[FileGroup, ...]
    record: tuple[RecordPart, ...]
    templates: frozenset[str]
    """Sources of scripts whose first line has to name an interpreter; not to be linked."""
    entry_points: tuple[EntryPoint, ...]

    @property
    def entry(self) -> Path:
        """The folder of the entry in its store."""
        return _path(self.path).parent

    def read(self, source: str) -> bytes | None:
        """The bytes of one file, by its path in the wheel; None where there is none such."""
        return _read(f"{self.path}/{source}")


class Bytecode(Row):
    """The compiled modules of one stored wheel for one kind of interpreter."""

    path: str
    """The folder that `FileGroup.source` is relative to."""
    groups: tuple[FileGroup, ...]


class Store:
    """Unpacked wheels below one folder.  Safe for several threads and processes at once."""

    def __init__(self, root: Path | str) -> None:
        """`root`: a bucket of `cache.files.Cache`, whose housekeeping knows this arrangement."""
        self._root = os.fspath(root)

    @property
    def root(self) -> Path:
        """The folder of all entries."""
        return _path(self._root)

    def find(self, sha256: str) -> StoredWheel | None:
        """The entry for a wheel file, or None where there is none that can be trusted.

        Costs a look at each file (2 microseconds apiece).  An entry that was tampered with is
        dropped.
        """
        wheel = self.load(sha256)
        if wheel is None or is_intact(wheel.path, wheel.groups):
            return wheel
        self.remove(sha256)
        return None

    def drop_damaged(self, wheels: Collection[StoredWheel]) -> frozenset[str]:
        """Look at the files of wheels that were loaded; the hashes of those that were changed.

        These are dropped.  Costs half of as many calls of `find`.
        """
        if inspect([(wheel.path, wheel.groups) for wheel in wheels]):
            return frozenset()
        return frozenset(one.sha256 for one in wheels if self.find(one.sha256) is None)

    def load(self, sha256: str) -> StoredWheel | None:
        """The entry for a wheel file as it was made, or None where there is none.

        Nothing may be built on its files before they were looked at: see `drop_damaged`.
        """
        entry = self._entry(sha256)
        parts = _load(f"{entry}/{_MANIFEST}")
        if parts is None:
            if os.path.exists(entry):  # noqa: PTH110
                self.remove(sha256)
            return None
        try:  # noqa: SIM105  `contextlib` would have to be loaded
            os.utime(f"{entry}/{_MANIFEST}")  # when it was used last, for housekeeping
        except OSError:  # somebody else's, or on a disk that is only read
            pass
        return _wheel(f"{entry}/{_FILES}", sha256, parts)

    def weight(self, sha256: str) -> int:
        """What is known of an entry in bytes, some 160 for each file; 0 where there is none."""
        try:
            return os.stat(f"{self._entry(sha256)}/{_MANIFEST}").st_size  # noqa: PTH116
        except OSError:
            return 0

    def begin(self) -> Path:
        """A new folder to unpack into, on the file system of the store; `files` is in it."""
        folder = self._aside()
        (folder / _FILES).mkdir(parents=True)
        return folder

    def add(self, folder: Path, wheel: StoredWheel) -> StoredWheel:
        """Turn a folder from `begin` into the entry of `wheel`, and return the entry's.

        Where another process was faster, its entry is returned and the folder removed.
        """
        _dump(folder / _MANIFEST, _parts(wheel))
        entry = _path(self._entry(wheel.sha256))
        entry.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(entry)
        except OSError:
            if not entry.exists():
                raise
            self.discard(folder)
            return self.find(wheel.sha256) or wheel
        return wheel._replace(path=str(entry / _FILES))

    def discard(self, folder: Path) -> None:
        """Remove a folder from `begin`; failures are left to housekeeping."""
        import shutil  # 5 ms, and rarely needed

        shutil.rmtree(folder, ignore_errors=True)

    def remove(self, sha256: str) -> None:
        """Remove an entry, if there is one: out of sight first, then from the disk."""
        aside = self._aside()
        aside.parent.mkdir(parents=True, exist_ok=True)
        try:
            _path(self._entry(sha256)).rename(aside)
        except FileNotFoundError:
            return
        self.discard(aside)

    def folds_case(self) -> bool:
        """Whether names that differ in case only are one on the file system of the store."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root.with_name(self.root.name.swapcase()).exists()

    # --- bytecode -----------------------------------------------------------------------------

    def bytecode(self, wheel: StoredWheel, kind: str) -> Bytecode | None:
        """The compiled modules of `wheel` for interpreters of `kind`, or None.

        `kind` names everything bytecode depends on, such as `cpython-311.opt-1`.
        """
        compiled = self.load_bytecode(wheel, kind)
        if compiled is None or is_intact(compiled.path, compiled.groups):
            return compiled
        self.discard(_path(compiled.path).parent)
        return None

    def load_bytecode(self, wheel: StoredWheel, kind: str) -> Bytecode | None:
        """The compiled modules as they were made: not looked at, as `load` says of wheels."""
        folder = f"{self._entry(wheel.sha256)}/bytecode-{kind}"
        parts = _load(f"{folder}/{_MANIFEST}")
        if parts is None:
            return None
        groups = tuple(map(FileGroup._make, parts[0]))
        return Bytecode(path=f"{folder}/{_FILES}", groups=groups)

    def add_bytecode(
        self, wheel: StoredWheel, kind: str, folder: Path, groups: tuple[FileGroup, ...]
    ) -> Bytecode:
        """Turn a folder from `begin` into the compiled modules of `wheel`."""
        _dump(folder / _MANIFEST, (tuple(tuple(group) for group in groups),))
        final = wheel.entry / f"bytecode-{kind}"
        try:
            folder.rename(final)
        except OSError:
            if not final.exists():
                raise
            self.discard(folder)
            return self.bytecode(wheel, kind) or Bytecode(path="", groups=())
        return Bytecode(path=str(final / _FILES), groups=groups)

    def _entry(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def _aside(self) -> Path:
        """A name on the file system of the store, of its housekeeping's business."""
        return self.root.parent / "tmp" / f"wheel-{os.urandom(8).hex()}"


def _path(text: str) -> Path:
    from pathlib import Path  # not needed where everything is in the store already

    return Path(text)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()
    except FileNotFoundError:
        return None


def _load(manifest: str) -> tuple[Any, ...] | None:
    """What follows the revision in a manifest; None where it is missing, damaged or of another."""
    try:
        content = _read(manifest) or b""
        body = memoryview(content)[4:]
        # `marshal` may take any amount of memory for damaged bytes, so they do not get that far.
        if content[:4] != crc32(body).to_bytes(4, "little"):
            return None
        revision, *parts = marshal.loads(body)  # noqa: S302  our own folder
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return tuple(parts) if revision == _REVISION else None


def _dump(manifest: Path, parts: tuple[Any, ...]) -> None:
    body = marshal.dumps((_REVISION, *parts), _MARSHAL)
    manifest.write_bytes(crc32(body).to_bytes(4, "little") + body)


def _parts(wheel: StoredWheel) -> tuple[Any, ...]:
    return (
        wheel.filename,
        wheel.dist_info,
        wheel.root,
        tuple(tuple(group) for group in wheel.groups),
        tuple(tuple(part) for part in wheel.record),
        wheel.templates,
        tuple(tuple(point) for point in wheel.entry_points),
    )


def _wheel(path: str, sha256: str, parts: tuple[Any, ...]) -> StoredWheel:
    filename, dist_info, root, groups, record, templates, points = parts
    return StoredWheel(
        path=path,
        sha256=sha256,
        filename=filename,
        dist_info=dist_info,
        root=root,
        groups=tuple(map(FileGroup._make, groups)),
        record=tuple(map(RecordPart._make, record)),
        templates=templates,
        entry_points=tuple(map(EntryPoint._make, points)),
    )
