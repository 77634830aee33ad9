"""run_vinstall(): the command line as a user meets it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_INHERITED = ("PATH", "SYSTEMROOT", "TMPDIR", "LANG", "LC_ALL", "COVERAGE_PROCESS_START")


class Ran(NamedTuple):
    """What a run of a command left behind."""

    code: int
    out: str
    err: str


def clean_environ(home: Path, **variables: str) -> dict[str, str]:
    """Variables for a child: nothing of the developer's own configuration, plus `variables`."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        **variables,
    }


def run_vinstall(
    *words: str | Path,
    home: Path,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    timeout: float = 120,
    typed: str | None = None,
) -> Ran:
    """Run `vinstall` with `words`; `home` stands for the user's home and holds the cache.

    `typed` is what it finds on standard input.
    """
    done = subprocess.run(
        [sys.executable, "-m", "vinstall", *map(str, words)],
        cwd=cwd or home,
        env=clean_environ(home, **(variables or {})),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        input=typed or "",
    )
    return Ran(done.returncode, done.stdout, done.stderr)
