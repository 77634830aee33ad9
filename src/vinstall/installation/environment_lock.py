"""EnvironmentLock: two changes of one environment wait for each other.

The site folder itself is locked where the system allows it, which leaves nothing behind; else a
file in it, through `filelock`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vinstall.cache.folder_lock import NoFolderLocks, lock_folder
from vinstall.errors import InstallationError
from vinstall.installation.placement import missing_folders
from vinstall.observer import Observer
from vinstall.target.environment import Target


class EnvironmentLock:
    """Proof that this process may change the environment of `site`."""

    def __init__(self, site: Path) -> None:
        self.site = site
        """Real path of the locked site folder."""


@contextmanager
def lock_environment(target: Target, observer: Observer) -> Iterator[EnvironmentLock]:
    """Hold the lock of `target`; waits, and says so, while another process holds it.

    Whoever plans from what is installed holds it from before the scan until the change is done.
    A site folder that does not exist is made, and removed again where nothing came into it.
    Raises InstallationError where the folder cannot be made or opened.
    """
    site = Path(home_folder(target))
    created = missing_folders([str(site)])
    announced = False

    def announce() -> None:
        nonlocal announced
        if not announced:
            observer.notice(f"waiting for another installation into `{target.prefix}`")
        announced = True

    try:
        lock = _lock_folder(site, announce)
        while lock is None:  # whoever was waited for has removed the folder
            lock = _lock_folder(site, announce)
    except OSError as error:
        raise InstallationError(
            f"`{site}` cannot be written: {error.strerror or error}",
            hint="use a virtual environment, or `--user`",
        ) from error
    try:
        with lock:
            yield EnvironmentLock(site)
    finally:
        for folder in created:
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _lock_folder(site: Path, announce: Callable[[], None]) -> contextlib.ExitStack | None:
    """The lock, held, to be released by closing; None where it is of a folder that is gone."""
    site.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            lock = lock_folder(str(site), announce)
        except NoFolderLocks:
            stack.enter_context(_lock_file(site, announce))
        else:
            if lock is None:
                return None
            stack.callback(lock.release)
        return stack.pop_all()


@contextmanager
def _lock_file(site: Path, announce: Callable[[], None]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(site / ".vinstall.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        announce()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def home_folder(target: Target) -> str:
    """The real path of the site folder that holds journals and the lock."""
    return os.path.realpath(target.scheme.purelib)
