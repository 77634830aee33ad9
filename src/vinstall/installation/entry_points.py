"""EntryPoint ← `entry_points.txt`: the scripts a wheel asks for.

Spec: entry points specification, "Use for scripts".
"""

from __future__ import annotations

import re
from configparser import Error as ConfigError

from installer.utils import parse_entrypoints

from vinstall.cache.store import EntryPoint
from vinstall.installation.wheel_file import InvalidWheel

_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:]")
_LONGEST = 250
"""Bytes of UTF-8: what a file system takes, less the `.exe` of Windows."""


def parse_entry_points(text: str, *, filename: str) -> tuple[EntryPoint, ...]:
    """The scripts that `entry_points.txt` asks for, in order.

    Raises InvalidWheel for what is no entry point, and for a name that would not be a file of the
    scripts folder.
    """
    try:
        found = [
            EntryPoint(name, module, attribute, section)
            for name, module, attribute, section in parse_entrypoints(text)
        ]
    except (ConfigError, AssertionError, ValueError) as error:
        detail = str(error).partition("\n")[0] or "a script is not given as `module:callable`"
        raise InvalidWheel(filename, f"`entry_points.txt` cannot be read: {detail}") from error
    for point in found:
        if not _is_file_name(point.name):
            shown = point.name[:80].encode("unicode_escape").decode()
            raise InvalidWheel(filename, f"`{shown}` is no name for a script")
    return tuple(found)


def _is_file_name(name: str) -> bool:
    """Whether a script can be called `name`: one part of a path that every file system takes."""
    if not name or name in (".", "..") or _UNSAFE.search(name):
        return False
    return len(name.encode()) <= _LONGEST
