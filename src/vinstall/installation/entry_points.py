"""EntryPoint ← `entry_points.txt`: the scripts a wheel asks for.

Spec: entry points specification, "Use for scripts".
"""

from __future__ import annotations

import re

from vinstall.cache.store import EntryPoint
from vinstall.installation.wheel_file import InvalidWheel

_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:]")
_HEADING = re.compile(r"\[([\w.:-]+)\]\s*")
_LINE = re.compile(r"([\w.-]+)[ \t]*=[ \t]*([\w.]+):([\w.]+)\s*")
_SCRIPTS = {"console_scripts": "console", "gui_scripts": "gui"}
_LONGEST = 250
"""Bytes of UTF-8: what a file system takes, less the `.exe` of Windows."""


def parse_entry_points(text: str, *, filename: str) -> tuple[EntryPoint, ...]:
    """The scripts that `entry_points.txt` asks for, in order.

    Raises InvalidWheel for what is no entry point, and for a name that would not be a file of the
    scripts folder.
    """
    plain = _parse_plain(text)
    found = plain if plain is not None else _parse(text, filename)
    for point in found:
        if not _is_file_name(point.name):
            shown = point.name[:80].encode("unicode_escape").decode()
            raise InvalidWheel(filename, f"`{shown}` is no name for a script")
    return tuple(found)


def _parse_plain(text: str) -> list[EntryPoint] | None:
    """The same for a text in which each line is a heading or `name = module:callable`, else None.

    As nearly all are; `configparser` takes ten times as long, and longer to load.
    """
    found: dict[tuple[str, str], EntryPoint] = {}
    headings: set[str] = set()
    section, kind = "", None
    for line in text.split("\n"):
        if heading := _HEADING.fullmatch(line):
            section = heading[1]
            if section in headings or section == "DEFAULT":
                return None
            headings.add(section)
            kind = _SCRIPTS.get(section)
        elif point := _LINE.fullmatch(line):
            key = (section, point[1])
            if not section or key in found:
                return None
            found[key] = EntryPoint(point[1], point[2], point[3], kind or "")
        elif line.strip():
            return None
    return [point for point in found.values() if point.section]


def _parse(text: str, filename: str) -> list[EntryPoint]:
    from configparser import Error as ConfigError

    from installer.utils import parse_entrypoints

    try:
        return [
            EntryPoint(name, module, attribute, section)
            for name, module, attribute, section in parse_entrypoints(text)
        ]
    except (ConfigError, AssertionError, ValueError) as error:
        detail = str(error).partition("\n")[0] or "a script is not given as `module:callable`"
        raise InvalidWheel(filename, f"`entry_points.txt` cannot be read: {detail}") from error


def _is_file_name(name: str) -> bool:
    """Whether a script can be called `name`: one part of a path that every file system takes."""
    if not name or name in (".", "..") or _UNSAFE.search(name):
        return False
    return len(name.encode()) <= _LONGEST
