"""The project's own environment, made from nothing but python3.  Runs on Python 3.8 and later."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
_OLDEST = (3, 11)
_NEWEST_MINOR = 14
_PIP = "pip>=25.1"
"""The first pip that installs dependency groups."""


def run(*command: object) -> None:
    """Show a command and run it from the root of the checkout; its failure is ours."""
    words = [str(word) for word in command]
    shown = [os.path.relpath(word, ROOT) if word.startswith(str(ROOT)) else word for word in words]
    _show(*shown)
    code = subprocess.call(words, cwd=ROOT)
    if code:
        raise SystemExit(code)


def _show(*words: str) -> None:
    sys.stdout.write("$ " + " ".join(words) + "\n")
    sys.stdout.flush()


def make_environment() -> None:
    """`.venv` with a Python of 3.11 or later and a recent pip; kept where it is there already."""
    if not (PYTHON.exists() and _works(PYTHON, "-m", "pip", "--version")):
        _create(_suitable_python())
    if not _works(
        PYTHON,
        "-c",
        "import pip; assert tuple(map(int, pip.__version__.split('.')[:2])) >= (25, 1)",
    ):
        run(PYTHON, "-m", "pip", "install", "--quiet", "--upgrade", _PIP)


def _suitable_python() -> str:
    if sys.version_info >= _OLDEST:
        return sys.executable
    for minor in range(_NEWEST_MINOR, _OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    version = sys.version.split()[0]
    raise SystemExit(f"vinstall needs Python 3.11 or later; {sys.executable} is {version}")


def _create(python: str) -> None:
    """An environment with pip, whatever the distribution has left out of Python."""
    _show(python, "-m", "venv", ".venv")
    if _works(python, "-m", "venv", "--clear", ENVIRONMENT):
        return
    # Debian keeps ensurepip in a package of its own; a pip from elsewhere serves as well.
    run(python, "-m", "venv", "--clear", "--without-pip", ENVIRONMENT)
    for pip in _other_pips(python):
        if _works(*pip, "--python", PYTHON, "install", "--quiet", _PIP):
            return
    if shutil.which("apt-get") and os.geteuid() == 0:
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-qq", "-y", "--no-install-recommends", "python3-venv")
        run(python, "-m", "venv", "--clear", ENVIRONMENT)
        return
    raise SystemExit(
        "this Python has neither ensurepip nor pip; on Debian: apt install python3-venv"
    )


def _other_pips(python: str):
    """Ways to run a pip that is not in the environment."""
    yield (python, "-m", "pip")
    for wheel in sorted(Path("/usr/share/python-wheels").glob("pip-*.whl")):
        yield (python, wheel / "pip")
    if shutil.which("pip"):
        yield ("pip",)


def _works(*command: object) -> bool:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0
