"""The Python interpreters of this machine that tests can use."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from pathlib import Path


@lru_cache
def interpreters() -> tuple[Path, ...]:
    """CPython 3.8 and newer: the one that runs the tests, the system's, and those of pyenv."""
    found = [Path(sys.executable)]
    if Path("/usr/bin/python3").exists():
        found.append(Path("/usr/bin/python3"))
    for python in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")):
        if int(python.parts[-3].split(".")[1]) >= 8:
            found.append(python)
    return tuple(found)


def run_python(python: Path, code: str, *paths: Path) -> str:
    """What `code` prints in `python`, with `paths` in front of its module search path."""
    lines = [f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}", code]
    run = subprocess.run(
        [python, "-I", "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    return run.stdout
