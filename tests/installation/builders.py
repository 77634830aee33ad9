"""Pins, readers and environments for the tests of this room."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.cache.files import Cache
from vinstall.cache.store import Store, StoredWheel
from vinstall.formats.metadata import Metadata
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.installation.apply import ApplyOptions, Outcome, apply
from vinstall.installation.fetch import fetch_wheels
from vinstall.installation.plan import Plan, make_plan
from vinstall.observer import Observer
from vinstall.resolution.model import Pin, Resolution
from vinstall.selection.release import Choice, Wheel
from vinstall.sources.source import FetchedFile, Follow
from vinstall.target.discover import Place, Surroundings, discover_target
from vinstall.target.environment import Scheme, Target
from vinstall.target.installed import scan_installed
from vinstall.values import replace


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

    def download(self, file: RemoteFile, *, follow: Follow | None = None) -> FetchedFile:
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


class World:
    """An environment made of folders alone, a cache, and the way from wheels to an outcome."""

    def __init__(self, folder: Path, *, target: Target | None = None) -> None:
        """`folder` may be that of another World, of another process even."""
        self.folder = folder / "environment"
        self.target = target or plain_target(self.folder)
        self.store = Store(Cache(folder / "cache").folder("unpacked"))
        self.reader = PathReader()
        self.listener = Listener()

    @property
    def site(self) -> Path:
        return self.target.scheme.purelib

    def plan(self, *wheels: Path | Pin, remove: Sequence[str] = ()) -> Plan:
        """What has to happen for exactly these wheels to be put in, and these names taken out."""
        pins = [wheel if isinstance(wheel, Pin) else make_pin(wheel) for wheel in wheels]
        installed = scan_installed(self.target)
        plan = make_plan(
            Resolution(pins=tuple(pins)), installed, must_replace=lambda old, pin: True
        )
        gone = [installed.distributions[canonicalize_name(name)] for name in remove]
        return replace(plan, remove=(*plan.remove, *gone))

    def fetch(self, plan: Plan) -> Mapping[NormalizedName, StoredWheel]:
        return fetch_wheels(plan, self.reader, self.store, self.listener)

    def apply(self, plan: Plan, **options: object) -> Outcome:
        return apply(
            plan,
            self.fetch(plan),
            self.target,
            observer=self.listener,
            options=ApplyOptions(**options),  # type: ignore[arg-type]
        )

    def install(
        self, *wheels: Path | Pin, remove: Sequence[str] = (), **options: object
    ) -> Outcome:
        """Put wheels in, in place of what is installed of the same projects."""
        return self.apply(self.plan(*wheels, remove=remove), **options)

    def installed(self) -> dict[str, str]:
        """Name to version."""
        return {str(found.name): str(found.version) for found in scan_installed(self.target)}

    def tree(self) -> dict[str, bytes]:
        return tree(self.folder)


def plain_target(folder: Path) -> Target:
    """A target below `folder` that no interpreter has to be asked about."""
    site = folder / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True, exist_ok=True)
    return Target(
        python=folder / "bin" / "python",
        python_version=Version("3.12.1"),
        markers={"os_name": "posix", "implementation_name": "cpython"},
        tags={"cp312-cp312-linux_x86_64": 0, "py3-none-any": 1},
        scheme=Scheme(
            purelib=site,
            platlib=site,
            scripts=folder / "bin",
            data=folder,
            headers=folder / "include" / "site" / "python3.12",
        ),
        site_paths=(site,),
        prefix=folder,
        origin="tests",
        is_virtual=True,
    )


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
