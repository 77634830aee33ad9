"""vinstall, uv and pip: where they are, and what is said to each to make them do the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[2]
UV, PIP = "0.13.8", "26.3"


class Contender(NamedTuple):
    """One of those that run side by side."""

    name: str
    tool: str
    """`vinstall`, `uv` or `pip`."""
    flags: tuple[str, ...] = ()


VINSTALL = Contender("vinstall", "vinstall")
UV_PIP = Contender("uv", "uv")
PIP_PLAIN = Contender("pip", "pip", ("--no-compile",))


class Tools:
    """The three programs, installed into one environment made for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bin = folder / "bin"

    def prepare(self, say: Callable[[str], None], *, fast: bool) -> None:
        """Install the three; vinstall anew, as it stands in this checkout."""
        say("installing the tools")
        if not (self._bin / "python").exists():
            subprocess.run([sys.executable, "-m", "venv", str(self._folder)], check=True)
        pip = [str(self._bin / "python"), "-m", "pip", "install", "--quiet", "--quiet"]
        extra = "[fast]" if fast else ""
        subprocess.run([*pip, f"pip=={PIP}", f"uv=={UV}", "hatchling"], check=True)
        subprocess.run([*pip, "--upgrade", f"{REPOSITORY}{extra}"], check=True)
        if not fast:
            uninstall = [*pip[:3], "uninstall", "--quiet", "--yes", "isal"]
            subprocess.run(uninstall, check=True)
        again = ["--force-reinstall", "--no-deps", "--no-build-isolation", str(REPOSITORY)]
        subprocess.run([*pip, *again], check=True)

    def version(self, tool: str) -> list[str]:
        """The command that prints the version."""
        return [str(self._bin / tool), "--version"]

    def environment(self, path: Path, tool: str) -> None:
        """A new, empty virtual environment; one for pip has pip."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        uv = [str(self._bin / "uv"), "venv", "--no-config", "--python", str(self._bin / "python")]
        subprocess.run([*uv, str(path)], check=True, **quiet)  # type: ignore[call-overload]
        if tool == "pip":
            ours = next((self._folder / "lib").glob("python*/site-packages/pip"))
            site = next((path / "lib").glob("python*/site-packages"))
            (site / "pip").symlink_to(ours)

    def install(
        self, who: Contender, *, environment: Path, index: str, cache: Path, words: Sequence[str]
    ) -> list[str]:
        """The command that installs `words`."""
        place = ["--index-url", index, "--cache-dir", str(cache), *who.flags, *words]
        python = str(environment / "bin" / "python")
        if who.tool == "vinstall":
            return [str(self._bin / "vinstall"), "install", "--python", python, *place]
        if who.tool == "uv":
            return [str(self._bin / "uv"), "pip", "install", "--python", python, *place]
        return [python, "-m", "pip", "install", *place]

    def environ(self, home: Path, authority: Path) -> Mapping[str, str]:
        """Variables that keep everything out which is configured on this machine."""
        home.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.pathsep.join((str(self._bin), "/usr/bin", "/bin")),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_CERT": str(authority),
            "SSL_CERT_FILE": str(authority),
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }


def installed(environment: Path) -> set[str]:
    """The distributions in an environment, by the names of their folders."""
    site = next((environment / "lib").glob("python*/site-packages"))
    return {path.name.lower() for path in site.glob("*.dist-info")}


def remove(path: Path) -> None:
    """Remove a folder."""
    shutil.rmtree(path, ignore_errors=True)
