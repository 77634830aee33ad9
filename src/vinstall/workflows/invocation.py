"""Invocation: what a run depends on beside its settings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")


class Invocation(Row):
    """What a run depends on beside its settings; read once, at the top."""

    environ: Mapping[str, str]
    folder: Path
    """The current folder."""
    python: Path
    """The interpreter that runs this."""
    is_virtual: bool
    """Whether that one belongs to a virtual environment."""
    time: float
    """When it began, in seconds since the epoch."""
    in_container: bool = False
    read_input: Callable[[], bytes] = bytes
    """All of standard input, read when first asked for."""

    @property
    def now(self) -> datetime:
        """When it began."""
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.time, UTC)


def this_invocation() -> Invocation:
    """The invocation of this process.  Called by the command line, and by nothing below it."""
    return Invocation(
        environ=dict(os.environ),
        folder=Path.cwd(),
        python=Path(sys.executable),
        is_virtual=sys.prefix != sys.base_prefix,
        time=time.time(),
        in_container=_in_container(os.environ),
        read_input=cache(lambda: sys.stdin.buffer.read()),
    )


def _in_container(environ: Mapping[str, str]) -> bool:
    """systemd and podman set `container`; docker, podman and Kubernetes leave other traces."""
    if "container" in environ:
        return bool(environ["container"])
    return "KUBERNETES_SERVICE_HOST" in environ or any(map(os.path.exists, _CONTAINER_FILES))
