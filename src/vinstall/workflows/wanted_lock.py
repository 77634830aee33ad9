"""WantedLock: the lock a run installs from, if it names one."""

from __future__ import annotations

from vinstall.errors import UsageError
from vinstall.formats.lock_name import is_lock_name
from vinstall.values import Row
from vinstall.workflows.settings import Settings


class WantedLock(Row):
    """A lock, and what of it is wanted."""

    location: str
    """A path or URL, as given."""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Empty: the lock's default groups."""


def wanted_lock(settings: Settings) -> WantedLock | None:
    """The lock among the requirements files; None where there is none.

    Raises UsageError for a lock beside other requirements: it is a whole answer (PEP 751).
    """
    files = settings.requirement_files
    locks = [location for location in files if _is_lock(location)]
    if not locks:
        return None
    if len(files) > 1 or settings.requirements or settings.editables:
        raise UsageError(
            f"`{locks[0]}` is a lock and stands alone",
            hint="install other requirements in a run of their own, or lock them together",
        )
    return WantedLock(locks[0], settings.extras, settings.groups)


def _is_lock(location: str) -> bool:
    return is_lock_name(location.replace("\\", "/").partition("?")[0].rpartition("/")[2])
