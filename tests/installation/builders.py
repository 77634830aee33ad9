"""Pins, readers and environments for the tests of this room."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from vinstall.formats.metadata import Metadata
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.observer import Observer
from vinstall.resolution.model import Pin
from vinstall.selection.release import Choice, Wheel
from vinstall.sources.source import FetchedFile
from vinstall.target.discover import Place, Surroundings, discover_target
from vinstall.target.environment import Target


def make_pin(
    path: Path,
    *,
    requested: bool = False,
    direct_url: str | None = None,
    table: VariantTable | None = None,
    hashed: bool = True,
) -> Pin:
    """A pin on the wheel file at `path`, as a resolution would give it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = parse_wheel_name(path.name)
    file = RemoteFile(
        filename=path.name,
        url=path.as_uri(),
        hashes=(("sha256", digest),) if hashed else (),
        size=path.stat().st_size,
    )
    return Pin(
        name=name.name,
        version=name.version,
        choice=Choice(artifact=Wheel(name=name, file=file, source="tests"), table=table),
        metadata=Metadata(name=name.name, version=name.version),
        requested=requested,
        direct_url=direct_url,
    )


class PathReader:
    """A FileReader for `file:` URLs; counts downloads."""

    def __init__(self) -> None:
        self.downloaded: list[str] = []

    def read(self, file: RemoteFile) -> bytes:
        return self._path(file).read_bytes()

    def core_metadata(self, file: RemoteFile) -> bytes:
        raise NotImplementedError

    def variant_metadata(self, file: RemoteFile) -> bytes | None:
        raise NotImplementedError

    def download(self, file: RemoteFile) -> FetchedFile:
        self.downloaded.append(file.filename)
        path = self._path(file)
        return FetchedFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    @staticmethod
    def _path(file: RemoteFile) -> Path:
        return Path(file.url.removeprefix("file://"))


class Listener(Observer):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.warnings: list[str] = []
        self.details: list[str] = []
        self.names: list[str] = []

    def notice(self, message: str) -> None:
        self.notices.append(message)

    def warning(self, message: str, *, hint: str | None = None) -> None:
        self.warnings.append(message)

    def detail(self, message: str) -> None:
        self.details.append(message)

    def installed(self, name: str, version: str) -> None:
        self.names.append(f"{name} {version}")


def make_environment(folder: Path, python: str = sys.executable) -> Path:
    """A virtual environment without pip; its interpreter."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin" / "python"


def target_of(python: Path, **place: object) -> Target:
    """The environment of `python`, or another layout made with it."""
    return discover_target(
        Place(python=str(python), **place),  # type: ignore[arg-type]
        Surroundings(environ={}, cwd=python.parent, own=None),
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` by relative path, and its contents; empty folders end in `/`."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                found[f"{name}/"] = b""
        elif path.is_symlink():
            found[name] = f"link to {path.readlink()}".encode()
        else:
            found[name] = path.read_bytes()
    return found
