"""index_lock(): two builds of one index wait for each other."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vinstall.cache.file_lock import try_lock
from vinstall.cache.folder_lock import FolderLock, NoFolderLocks, lock_folder
from vinstall.observer import Observer

LOCK_FILE = ".vinstall-index.lock"
"""Where folders cannot be locked themselves."""
_PAUSE = 0.1
"""Seconds between two looks at the file."""


@contextmanager
def index_lock(folder: Path, observer: Observer) -> Iterator[None]:
    """Nobody else builds the index of `folder` for the length of the block.

    Waits, and says so, while another process does.  Leaves nothing behind where the system locks
    folders; a file system that locks nothing is built on as it is.
    """

    def announce() -> None:
        observer.notice(f"waiting for another build of the index in `{folder}`")

    lock = _file_locked if sys.platform == "win32" else _folder_locked
    with lock(folder, announce):
        yield


@contextmanager
def _file_locked(folder: Path, announce: Callable[[], None]) -> Iterator[None]:
    announced = False
    while True:
        with try_lock(folder / LOCK_FILE) as mine:
            if mine:
                yield
                return
        if not announced:
            announce()
        announced = True
        time.sleep(_PAUSE)


@contextmanager
def _folder_locked(folder: Path, announce: Callable[[], None]) -> Iterator[None]:
    lock: FolderLock | None = None
    with suppress(NoFolderLocks):  # as on some network file systems
        while lock is None:  # again where whoever was waited for has put another folder there
            lock = lock_folder(str(folder), announce)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()
