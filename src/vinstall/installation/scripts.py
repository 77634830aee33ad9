"""Console and GUI scripts: the files made from entry points for a target.

Spec: entry points specification, "Use for scripts"; PEP 427 (`#!python` in `.data/scripts`).
`installer` knows the format and the launchers; on POSIX the body is pip's, which starts faster
than `installer`'s because it does not import `re`, and the usual first line needs no library.
"""

from __future__ import annotations

import os

from vinstall.cache.store import EntryPoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from vinstall.installation.destination import LauncherKind
    from vinstall.target.environment import Target

_MARK = b"#!python"
_SHEBANG_LIMIT = 127
"""Bytes of a first line that every POSIX kernel reads."""

_BODY = """\
import sys
from {module} import {first}
if __name__ == '__main__':
    if sys.argv[0].endswith('.exe'):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({attribute}())
"""


def is_template(content: bytes) -> bool:
    """Whether a script's first line asks for the target's interpreter (PEP 427)."""
    return content.startswith(_MARK)


def launcher_kind(target: Target) -> LauncherKind:
    """Which scripts a target starts: POSIX files, or a launcher of Windows for its machine."""
    if target.markers.get("os_name") != "nt":
        return "posix"
    platforms = {tag.rpartition("-")[2] for tag in target.tags}
    if "win_arm64" in platforms:
        return "win-arm64"
    return "win-amd64" if "win_amd64" in platforms else "win-ia32"


def script_filename(point: EntryPoint, kind: LauncherKind) -> str:
    """The name of the file that `render_script` is about."""
    return point.name if kind == "posix" else f"{point.name}.exe"


def render_script(point: EntryPoint, python: str | Path, kind: LauncherKind) -> bytes:
    """The file for one entry point."""
    if kind != "posix":
        return _installer_script(point, python, kind)
    first = point.attribute.partition(".")[0]
    body = _BODY.format(module=point.module, first=first, attribute=point.attribute)
    return shebang(python) + b"\n" + body.encode()


def render_template(content: bytes, python: str | Path) -> bytes:
    """A script of `.data/scripts` with its first line naming `python`."""
    return shebang(python) + b"\n" + content.partition(b"\n")[2]


def shebang(python: str | Path) -> bytes:
    """The first line, or lines, of a script that `python` runs; without a line end."""
    line = b"#!" + os.fsencode(python)
    if b" " not in line and len(line) < _SHEBANG_LIMIT:
        return line
    # `installer` has the way around spaces and long paths: `/bin/sh` and a string of Python.
    point = EntryPoint("x", "x", "x", "console")
    return _installer_script(point, python, "posix").partition(b"\n# -*- coding")[0]


def _installer_script(point: EntryPoint, python: str | Path, kind: LauncherKind) -> bytes:
    from typing import cast

    from installer.scripts import Script

    section = cast("Literal['console', 'gui']", point.section)
    script = Script(point.name, point.module, point.attribute, section)
    return script.generate(os.fspath(python), kind)[1]
