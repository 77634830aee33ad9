"""Linker: files of the store into folders, linked or copied, and new files beside them.

The names of modes are those of `linking.LinkMode`.
"""

# Thousands of files, one system call each.
# ruff: noqa: PTH102, PTH108, PTH123, SIM105

from __future__ import annotations

import errno
import os
import sys

from vinstall.installation.background import Background
from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vinstall.cache.store import FileGroup

_CHUNK = 8 << 20
_FEW = 512
"""Files below which a second thread does not pay."""
_MANY = 4
"""Files of one folder from which on it pays to open the folder."""
_FOLDER = (
    getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_UNSUPPORTED = frozenset(
    (
        errno.EXDEV,  # two file systems
        errno.EPERM,  # a file system without links, or protected_hardlinks
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.ENOSYS,
        errno.EINVAL,
        errno.ENOTTY,
        errno.EACCES,
    )
)
"""Answers that will be the same for every other file of the two folders."""
_FICLONE = 0x40049409
_CREATE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)


def default_mode() -> str:
    """The mode that suits the system."""
    return "clone" if sys.platform == "darwin" else "hardlink"


class Transfer(Row):
    """The files of one folder of the store and the folder they go into."""

    source: str
    """With a `/` at the end."""
    target: str
    """With a `/` at the end."""
    names: tuple[str, ...]
    modes: tuple[int, ...]
    times: tuple[int, ...]


class NewFile(Row):
    """A file that is written."""

    target: str
    """The folder, with a `/` at the end."""
    name: str
    content: bytes
    executable: bool


class Linker:
    """Puts files in place, from as many threads as there are cores up to two.

    Two threads halve the time of hard links; more wait for each other.  Once a mode turns out
    not to work between the two file systems, the rest is copied.
    """

    def __init__(self, mode: str, *, keep_times: bool = False) -> None:
        """`keep_times`: copies get the times of the originals, which bytecode depends on."""
        self.mode = mode
        """The mode in effect; `copy` after a fallback."""
        self._keep_times = keep_times

    def run(self, tasks: Iterable[Transfer | NewFile]) -> None:
        """Put all files in place, and make the folders for them.

        Raises OSError, such as FileExistsError where a name is taken.
        """
        work = list(tasks)
        made: set[str] = set()
        half = _half(work) if (os.cpu_count() or 1) > 1 else 0
        if not half:
            self._run(work, made)
            return
        other = Background(lambda: self._run(work[:half], made))
        try:
            self._run(work[half:], made)
        finally:
            other.wait()

    def _run(self, work: Sequence[Transfer | NewFile], made: set[str]) -> None:
        for task in work:
            if task.target not in made:
                _make_folder(task.target[:-1], made)
            if isinstance(task, Transfer):
                self._transfer(task)
            else:
                _write(task)

    def _transfer(self, transfer: Transfer) -> None:
        done = 0
        if self.mode != "copy":
            done = _link_many(transfer) if self.mode == "hardlink" else 0
            link = _LINKS[self.mode]
            source, target = transfer.source, transfer.target
            try:
                for name in transfer.names[done:]:
                    link(source + name, target + name)
                    done += 1
                return
            except FileExistsError:
                raise
            except OSError as error:
                if error.errno in _UNSUPPORTED:
                    self.mode = "copy"
                elif error.errno != errno.EMLINK:  # one file with too many names
                    raise
        self._copy(transfer, done)

    def _copy(self, transfer: Transfer, begin: int) -> None:
        rows = zip(transfer.names, transfer.modes, transfer.times, strict=True)
        for index, (name, mode, time) in enumerate(rows):
            if index >= begin:
                target = transfer.target + name
                copy_file(transfer.source + name, target, mode)
                if self._keep_times:
                    os.utime(target, ns=(time, time))


def _half(work: Sequence[Transfer | NewFile]) -> int:
    """How many tasks make up half of the work; none where there is too little to share."""
    weights = [len(task.names) if isinstance(task, Transfer) else 3 for task in work]
    total = sum(weights)
    if total < _FEW:
        return 0
    half, count = 0, 0
    while count < total // 2:
        count += weights[half]
        half += 1
    return half


def _link_many(transfer: Transfer) -> int:
    """Hard links from folder to folder, which the system then need not look up for each file.

    How many there are now: up to the first that failed, none where that way would be longer.
    """
    if len(transfer.names) < _MANY or os.link not in os.supports_dir_fd:
        return 0
    done = 0
    handles: list[int] = []
    try:
        handles.append(source := os.open(transfer.source, _FOLDER))
        handles.append(target := os.open(transfer.target, _FOLDER))
        for name in transfer.names:
            os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            done += 1
    except OSError:  # met again, and told with the whole path
        pass
    finally:
        for handle in handles:
            os.close(handle)
    return done


def _make_folder(folder: str, made: set[str]) -> None:
    """The folder and its parents; `made` is shared by the threads, which may both try."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        pass
    except FileNotFoundError:
        _make_folder(folder.rpartition("/")[0], made)
        try:
            os.mkdir(folder)
        except FileExistsError:
            pass
    made.add(f"{folder}/")


def _write(task: NewFile) -> None:
    handle = os.open(task.target + task.name, _CREATE, 0o777 if task.executable else 0o666)
    try:
        _write_all(handle, task.content)
    finally:
        os.close(handle)


def _write_all(handle: int, content: bytes) -> None:
    written = os.write(handle, content)
    while written < len(content):
        written += os.write(handle, memoryview(content)[written:])


def transfer(group: FileGroup, root: str, target: str) -> Transfer:
    """The files of `group`, which lie below `root`, for the folder `target`."""
    source = f"{root}/{group.source}/" if group.source else f"{root}/"
    return Transfer._make((source, f"{target}/", group.names, group.modes, group.times))


def copy_file(source: str, target: str, mode: int) -> None:
    """The bytes of `source` in a new file.  Raises FileExistsError where `target` is taken."""
    reading = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        writing = os.open(target, _CREATE, mode & 0o777)
        try:
            while chunk := os.read(reading, _CHUNK):
                _write_all(writing, chunk)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def clone_file(source: str, target: str) -> None:
    """A copy on write of `source`.  Raises OSError where the file system has none."""
    if sys.platform == "darwin":
        _clonefile(source, target)
    else:
        _ficlone(source, target)


def _ficlone(source: str, target: str) -> None:
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    from fcntl import ioctl

    with open(source, "rb") as reading:
        mode = os.fstat(reading.fileno()).st_mode & 0o777
        writing = os.open(target, _CREATE, mode)
        try:
            ioctl(writing, _FICLONE, reading.fileno())
        except OSError:
            os.unlink(target)
            raise
        finally:
            os.close(writing)


def _clonefile(source: str, target: str) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.clonefile(os.fsencode(source), os.fsencode(target), 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), source, None, target)


_LINKS: dict[str, Callable[[str, str], None]] = {
    "hardlink": os.link,
    "clone": clone_file,
    "symlink": os.symlink,
}
