"""Copies of files, clones, and folders held open for whatever is done to many files of one."""

# Thousands of files, few system calls each.
# ruff: noqa: PTH108, PTH123

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

_CHUNK = 1 << 20
_FOLDER = (
    getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
NEW_FILE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)
"""Flags of `os.open` for a file that must not be there, not even as a link."""
_FICLONE = 0x40049409
_NO_SENDFILE = frozenset((errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV))


class OpenFolder:
    """A folder held open, so that the system need not look it up again for each of its files.

    A file is told by `prefix` + name, and `handle` for `dir_fd`.  Used as a context.
    """

    def __init__(self, path: str) -> None:
        """`path`: with a `/` at the end."""
        self.path = path
        self.handle: int | None = None
        self.prefix = path
        if os.open in os.supports_dir_fd:
            self.handle = os.open(path, _FOLDER)
            self.prefix = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.handle is not None:
            os.close(self.handle)

    def create(self, name: str, mode: int) -> int:
        """A new file, open for writing.  Raises FileExistsError where the name is taken."""
        return os.open(self.prefix + name, NEW_FILE, mode & 0o777, dir_fd=self.handle)

    def open(self, name: str) -> int:
        """A file, open for reading."""
        return os.open(self.prefix + name, _READ, dir_fd=self.handle)


def copy_file(source: OpenFolder, target: OpenFolder, name: str, size: int, mode: int) -> None:
    """The bytes of a file, `size` of them, in a new one.  Raises FileExistsError."""
    reading = source.open(name)
    try:
        writing = target.create(name, mode)
        try:
            if not _send(reading, writing, size):
                while chunk := os.read(reading, min(size, _CHUNK) or 1):
                    write_all(writing, chunk)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _send(reading: int, writing: int, size: int) -> bool:
    """Let the system copy; false where it does not, and nothing has been copied."""
    if sys.platform != "linux":
        return False
    sent = 0
    while sent < size:
        try:
            count = os.sendfile(writing, reading, sent, size - sent)
        except OSError as error:
            if sent or error.errno not in _NO_SENDFILE:
                raise
            return False
        if not count:  # it has become shorter; whoever looks at the original will see that
            break
        sent += count
    return True


def write_file(path: str, content: bytes, mode: int) -> None:
    """A new file.  Raises FileExistsError where the name is taken."""
    handle = os.open(path, NEW_FILE, mode)
    try:
        write_all(handle, content)
    finally:
        os.close(handle)


def write_all(handle: int, content: bytes | memoryview) -> None:
    """All of `content` into an open file."""
    written = os.write(handle, content)
    while written < len(content):
        written += os.write(handle, memoryview(content)[written:])


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
        writing = os.open(target, NEW_FILE, mode)
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
