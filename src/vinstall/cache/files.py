"""Cache: what was read or downloaded before, below one folder.

    {root}/CACHEDIR.TAG
    {root}/v1/{bucket}/{2 hex digits}/{key}      a small value, or the folder of a big file
    {root}/v1/{bucket}/{longer name}             the same, in buckets with few entries
    {root}/v1/tmp/                               what is not complete yet

Everything appears whole or not at all: it is written under `tmp` and renamed.  A value carries a
check sum; one that does not fit counts as absent.  A cache that cannot be written is said once
and replaced by a temporary one.  It may be shared between unlike machines, so it never holds a
decision about hardware.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from vinstall.digest import sha256
from vinstall.errors import UsageError
from vinstall.observer import Observer
from vinstall.values import Row, frozen

Key = tuple["str | int | Key | None", ...]
"""What a value depends on, all of it."""

_LAYOUT = "v1"
_TEMPORARY = "tmp"
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is the cache of vinstall; see https://bford.info/cachedir/\n"
)
_MARSHAL = 4
"""The newest format of `marshal` that every supported Python reads."""
_SHARD = 2
"""How long the names of folders are that only spread entries out."""
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
"""How files are opened without a file object: that takes as long as to read one of a few kilobytes."""
_ABANDONED = 24 * 60 * 60.0
"""Seconds after which an incomplete file belongs to nobody."""


class BucketInfo(NamedTuple):
    """How much one bucket holds."""

    name: str
    entries: int
    size: int
    """Bytes."""


@frozen
class CacheInfo:
    """How much a cache holds."""

    root: Path
    buckets: tuple[BucketInfo, ...]
    """By name."""

    @property
    def size(self) -> int:
        """Bytes in all buckets together."""
        return sum(bucket.size for bucket in self.buckets)


class _Entry(Row):
    used: float
    size: int
    path: Path


class Cache:
    """Files below one folder.  Safe for several threads and processes; touches no disk before use."""

    def __init__(self, root: Path | None, *, observer: Observer | None = None) -> None:
        """`root` None: a temporary folder, removed when the process ends."""
        self._wanted = root
        self._observer = observer or Observer()
        self._lock = threading.Lock()
        self._opened: Path | None = None

    @property
    def root(self) -> Path:
        """The folder; made by the first use.  A temporary one where the wanted one cannot be used."""
        return self._folder().parent

    def folder(self, bucket: str) -> Path:
        """The folder of a bucket whose files are arranged by somebody else; not yet made."""
        return self._folder() / bucket

    # --- small values ---------------------------------------------------------------------------

    def view(self, bucket: str, key: Key) -> memoryview | None:
        """The bytes kept for `key`, or None; parts of it can be taken without copying them."""
        return view_value(self.value_file(bucket, key))

    def read(self, bucket: str, key: Key) -> bytes | None:
        """The bytes kept for `key`, or None."""
        found = self.view(bucket, key)
        return None if found is None else bytes(found)

    def write(self, bucket: str, key: Key, content: bytes) -> None:
        """Keep `content` for `key`; a disk that does not take it is no error."""
        whole = zlib.crc32(content).to_bytes(4, "little") + content
        try:
            path = Path(self.value_file(bucket, key))
            temporary = self.temporary()
            temporary.write_bytes(whole)
            _move(temporary, path)
        except OSError as error:
            self._warn(error)

    def read_value(self, bucket: str, key: Key) -> object | None:
        """The value kept for `key`, of the types `marshal` knows, or None."""
        content = self.view(bucket, key)
        if content is None:
            return None
        try:
            value: object = marshal.loads(content)  # noqa: S302 - our own file, check sum seen
        except (ValueError, EOFError, TypeError):
            return None
        return value

    def write_value(self, bucket: str, key: Key, value: object) -> None:
        """Keep `value`, made of the types `marshal` knows and no subclass of them."""
        self.write(bucket, key, marshal.dumps(value, _MARSHAL))  # type: ignore[arg-type]

    def values(self, bucket: str) -> Iterator[tuple[Path, memoryview]]:
        """Every small value of a bucket, with the file it is in; damaged ones are left out."""
        folder = self._existing()
        for entry in _entries(folder / bucket) if folder is not None else ():
            content = view_value(str(entry.path))
            if content is not None:
                yield entry.path, content

    def value_file(self, bucket: str, key: Key) -> str:
        """The file in which the value for `key` is kept, if there is one.

        As text: a run reads hundreds of values, and to make a Path takes longer than to read one.
        """
        digest = sha256(repr(key).encode()).hexdigest()
        return f"{self._folder()}/{bucket}/{digest[:2]}/{digest}"

    # --- big files ------------------------------------------------------------------------------

    def find_file(self, bucket: str, digest: str, filename: str) -> Path | None:
        """The file kept under `digest`, or None; its time of modification says when it was used."""
        path = self._entry(bucket, digest) / filename
        try:
            os.utime(path)
        except OSError:
            return path if path.is_file() else None
        return path

    def adopt_file(self, bucket: str, digest: str, filename: str, temporary: Path) -> Path:
        """Move a complete file from `temporary` to its place and return that.

        Where the place cannot be written the file stays, and its path is returned.
        """
        path = self._entry(bucket, digest) / filename
        try:
            _move(temporary, path)
        except OSError as error:
            if path.is_file():  # another process was faster and has it open (Windows)
                return path
            self._warn(error)
            return temporary
        return path

    def temporary(self) -> Path:
        """A new path on the same file system for something that is not complete yet."""
        return self._temporary(f"{os.getpid()}-{os.urandom(8).hex()}")

    @contextlib.contextmanager
    def unfinished(self, name: str) -> Iterator[Path]:
        """A path for something that another run may go on with; what it left is there.

        While another process holds that path, a new one that nobody goes on with.
        """
        from vinstall.cache.file_lock import try_lock  # few runs leave anything unfinished

        path = self._temporary(name)
        with try_lock(path.with_name(f"{name}.lock")) as mine:
            yield path if mine else self.temporary()

    def _temporary(self, name: str) -> Path:
        folder = self._folder() / _TEMPORARY
        folder.mkdir(parents=True, exist_ok=True)  # `clean` of another process may have come by
        return folder / name

    # --- housekeeping ---------------------------------------------------------------------------

    def info(self) -> CacheInfo:
        """What is there.  Costs a look at every file."""
        buckets = []
        for folder in _subfolders(self._existing()):
            if folder.name != _TEMPORARY:
                entries = list(_entries(folder))
                size = sum(entry.size for entry in entries)
                buckets.append(BucketInfo(folder.name, len(entries), size))
        return CacheInfo(root=self._root(), buckets=tuple(sorted(buckets)))

    def clean(self, buckets: Iterable[str] | None = None) -> int:
        """Remove these buckets, or everything; how many bytes that were."""
        folder = self._existing()
        names = None if buckets is None else {*buckets, _TEMPORARY}
        freed = 0
        for bucket in _subfolders(folder):
            if names is None or bucket.name in names:
                freed += sum(entry.size for entry in _entries(bucket))
                _remove_folder(bucket)
        if names is None and folder is not None:
            for other in folder.parent.glob("v[0-9]*"):  # other layouts, newer or older
                _remove_folder(other)
        return freed

    def discard(self, wanted: Callable[[Path], bool]) -> int:
        """Remove the entries that `wanted`, asked with their path, picks; how many bytes that were."""
        freed = 0
        for bucket in _subfolders(self._existing()):
            if bucket.name != _TEMPORARY:
                entries = [one for one in _entries(bucket) if wanted(one.path)]
                freed += sum(_remove(entry) for entry in entries)
        return freed

    def prune(self, max_size: int | None = None) -> int:
        """Remove what no run will use any more, then what was not used for longest.

        `max_size` is how many bytes may stay; None: only what was abandoned is removed.  How
        many bytes were removed comes back.
        """
        folder = self._existing()
        limit = time.time() - _ABANDONED
        freed = 0
        entries: list[_Entry] = []
        for bucket in _subfolders(folder):
            if bucket.name == _TEMPORARY:
                freed += sum(_remove(entry) for entry in _contents(bucket) if entry.used < limit)
            else:
                entries += _entries(bucket)
        excess = sum(entry.size for entry in entries) - max_size if max_size is not None else 0
        for entry in sorted(entries):
            if excess <= 0:
                break
            removed = _remove(entry)
            freed += removed
            excess -= removed
        return freed

    # --- where things are -----------------------------------------------------------------------

    def _entry(self, bucket: str, digest: str) -> Path:
        return self._folder() / bucket / digest[:2] / digest

    def _folder(self) -> Path:
        """The folder of this layout, ready to be written to."""
        opened = self._opened
        if opened is None:
            with self._lock:
                if self._opened is None:
                    self._opened = self._open()
                opened = self._opened
        return opened

    def _open(self) -> Path:
        wanted = self._wanted
        if wanted is not None:
            try:
                return _prepare(wanted)
            except OSError as error:
                self._observer.warning(
                    f"the cache in `{wanted}` cannot be used: {error.strerror or error}",
                    hint="choose another folder with `--cache-dir`",
                )
        import atexit
        import shutil
        import tempfile

        folder = Path(tempfile.mkdtemp(prefix="vinstall-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return _prepare(folder)

    def _root(self) -> Path:
        return self._wanted if self._wanted is not None else self.root

    def _existing(self) -> Path | None:
        """The folder of this layout if there is one, for work that should not make one.

        Raises UsageError for a folder that is there and is not a cache of ours.
        """
        root = self._root()
        if not root.exists():
            return None
        if not (root / _TAG).is_file() and any(root.iterdir()):
            raise UsageError(
                f"`{root}` is not a cache of vinstall",
                context=(f"it has no `{_TAG}`",),
                hint="nothing was removed; look at `--cache-dir`",
            )
        return root / _LAYOUT

    def _warn(self, error: OSError) -> None:
        self._observer.warning(
            f"the cache in `{self.root}` cannot be written: {error.strerror or error}"
        )


def _prepare(root: Path) -> Path:
    """Make the folders and the tag, if they are missing.  Raises OSError."""
    folder = root / _LAYOUT
    temporary = folder / _TEMPORARY
    if not temporary.is_dir():
        temporary.mkdir(parents=True, exist_ok=True)
    tag = root / _TAG
    if not tag.exists():
        tag.write_text(_TAG_TEXT)
    if not os.access(temporary, os.W_OK):
        raise PermissionError(13, "it is not writable")
    return folder


def view_value(path: str) -> memoryview | None:
    """The bytes of a small value in a file that `value_file` named.

    None where there are none, or they are damaged.
    """
    try:
        number = os.open(path, _READ)
        try:
            content = memoryview(os.read(number, os.fstat(number).st_size))
        finally:
            os.close(number)
    except OSError:
        return None
    body = content[4:]
    return body if content[:4] == zlib.crc32(body).to_bytes(4, "little") else None


def _move(temporary: Path, path: Path) -> None:
    """Put a complete file in its place, over what is there."""
    try:
        temporary.replace(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)


def _subfolders(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    try:
        with os.scandir(folder) as found:
            return [Path(item.path) for item in found if item.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _entries(bucket: Path) -> Iterator[_Entry]:
    """What can be removed on its own: a checkout, say, is no use without one of its folders."""
    with contextlib.suppress(OSError), os.scandir(bucket) as found:
        for item in found:
            if len(item.name) == _SHARD and item.is_dir(follow_symlinks=False):
                yield from _contents(Path(item.path))
            else:
                yield _Entry(*_measure(item), Path(item.path))


def _contents(folder: Path) -> Iterator[_Entry]:
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for item in found:
            yield _Entry(*_measure(item), Path(item.path))


def _measure(item: os.DirEntry[str]) -> tuple[float, int]:
    """When it was used last (the newest of it and what lies directly in it), and its bytes."""
    stat = item.stat(follow_symlinks=False)
    if not item.is_dir(follow_symlinks=False):
        return stat.st_mtime, stat.st_size
    used, size = stat.st_mtime, 0
    for folder, _, names in os.walk(item.path):
        for name in names:
            with contextlib.suppress(OSError):
                found = os.lstat(os.path.join(folder, name))  # noqa: PTH118
                size += found.st_size
                if folder == item.path:
                    used = max(used, found.st_mtime)
    return used, size


def _remove(entry: _Entry) -> int:
    if entry.path.is_dir():
        _remove_folder(entry.path)
    else:
        entry.path.unlink(missing_ok=True)
    return entry.size


def _remove_folder(folder: Path) -> None:
    import shutil  # 5 ms, and housekeeping is rare

    shutil.rmtree(folder, ignore_errors=True)
