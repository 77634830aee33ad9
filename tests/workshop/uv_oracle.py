"""uv as an oracle: does it install what was made here, and which variant?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def uv_install(url: str, target: Path, *arguments: str, **variables: str) -> str:
    """Install from the index at `url` into the folder `target`; what uv said.  Skips without uv."""
    beside = Path(sys.executable).with_name("uv")
    program = str(beside) if beside.exists() else shutil.which("uv")
    if program is None:
        pytest.skip("uv is not here")
    command = [program, "pip", "install", "--no-config", "--no-cache", "--verbose"]
    command += ["--preview-features", "wheel-variants", "--index-url", url]
    command += ["--python", sys.executable, "--target", str(target), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    done = subprocess.run(command, capture_output=True, text=True, env=clean | variables)
    assert done.returncode == 0, done.stderr
    return done.stderr
