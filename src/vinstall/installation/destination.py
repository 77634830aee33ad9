"""Destination: the environment as putting files in place sees it, in plain text.

This, and whatever changes an environment without asking what is installed there, is loaded by runs
that last less than `typing`, `pathlib` or `packaging` take to import; hence none of them is.
"""

from __future__ import annotations

from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    LauncherKind = Literal["posix", "win-ia32", "win-amd64", "win-arm64"]


class Destination(Row):
    """Where the parts of wheels go."""

    python: str
    """The interpreter that scripts start."""
    folders: Mapping[str, str]
    """`purelib`, `platlib`, `scripts`, `data` and `headers` to their folders."""
    launcher: LauncherKind = "posix"
    """Which scripts it starts: POSIX files, or a launcher of Windows for its machine."""
