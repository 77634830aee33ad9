"""FolderLock: a folder that one process at a time may change.  Leaves nothing behind."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class NoFolderLocks(Exception):
    """Neither the system nor the file system locks folders."""


class FolderLock:
    """The lock of a folder, held."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def release(self) -> None:
        """Let others have it."""
        os.close(self._handle)


def try_lock(folder: str) -> FolderLock | None:
    """The lock of `folder`; None where another process has it, or it cannot be locked like this."""
    try:
        return lock_folder(folder, _refuse)
    except (NoFolderLocks, OSError):
        return None


def lock_folder(folder: str, wait: Callable[[], None]) -> FolderLock | None:
    """The lock of `folder`; None where that is another folder by now.

    `wait` is called before waiting for another process.  Raises NoFolderLocks, or OSError where
    the folder cannot be opened.
    """
    try:
        import fcntl
    except ImportError:
        raise NoFolderLocks from None
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:  # network file systems want a file that is open for writing
            raise NoFolderLocks from error
        if _is_at(handle, folder):
            kept, handle = handle, -1
            return FolderLock(kept)
    finally:
        if handle >= 0:
            os.close(handle)
    return None


def _is_at(handle: int, folder: str) -> bool:
    """Whether the open folder is still the one with this name."""
    try:
        there = os.stat(folder)  # noqa: PTH116
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(handle), there)


def _refuse() -> None:
    """Do not wait."""
    raise BlockingIOError
