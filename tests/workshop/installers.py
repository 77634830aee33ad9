"""Installers as oracles: do they install what was made here, and which variant?"""

from __future__ import annotations

import json
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


def vinstall_install(url: str, target: Path, *arguments: str, **variables: str) -> str:
    """The same with vinstall itself, as a program."""
    command = [str(Path(sys.executable).with_name("vinstall")), "install", "--isolated"]
    command += ["--no-cache", "--python", sys.executable, "--target", str(target)]
    command += ["--index-url", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables)
    assert done.returncode == 0, done.stderr
    return done.stderr


def label_of(target: Path) -> str | None:
    """The label of the one distribution below `target`; None for a plain wheel."""
    documents = list(target.glob("*.dist-info/variant.json"))
    if not documents:
        return None
    (label,) = json.loads(documents[0].read_bytes())["variants"]
    return str(label)
