"""The Builder of one run, and the environments its backends run in.  Spec: PEP 517, PEP 518."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.building.builder import Builder, BuildFolders, BuildOptions
from vinstall.errors import BuildError, FormatError
from vinstall.formats.pyproject import parse_pyproject
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.simple_api import RemoteFile, link_name
from vinstall.resolution.model import Request
from vinstall.selection.release import SourceDistribution
from vinstall.sources.location import shown, url_path
from vinstall.target.discover import Place, Surroundings, discover_target, environment_python
from vinstall.target.environment import Target
from vinstall.values import frozen
from vinstall.workflows.assemble import Rooms
from vinstall.workflows.requirements import Asked, collect_settings
from vinstall.workflows.side_installation import Side, install_beside

_UNNAMED = canonicalize_name("")


@frozen
class IsolatedEnvironment:
    """A virtual environment made for one build."""

    python: Path
    scripts: Path
    rooms: Rooms
    target: Target
    builder: Builder
    constraints: tuple[Request, ...]

    def install(self, requirements: Sequence[str]) -> None:
        """Install `requirements`, resolved as everything else is, into the environment."""
        install_beside(
            self.rooms,
            [
                Request(requirement=parse_requirement(text), origin="what the build needs")
                for text in requirements
            ],
            self.target,
            Side(builder=self.builder),
            constraints=self.constraints,
        )


@frozen
class SharedEnvironment:
    """The target itself: `--no-build-isolation`."""

    python: Path
    scripts: Path

    def install(self, requirements: Sequence[str]) -> None:
        """Nothing: the user has seen to it."""


@contextmanager
def open_builder(
    rooms: Rooms, target: Target, asked: Asked, constraints: tuple[Request, ...]
) -> Iterator[Builder]:
    """The builder for `target`; its temporary folders go at the end.  `constraints` hold in builds."""
    with tempfile.TemporaryDirectory(prefix="vinstall-build-") as folder:
        workshop = _Workshop(rooms, target, asked, constraints, Path(folder))
        try:
            yield workshop.builder(())
        finally:
            workshop.close()


class _Workshop:
    """Makes builders and their environments; builds may need builds."""

    def __init__(
        self,
        rooms: Rooms,
        target: Target,
        asked: Asked,
        constraints: tuple[Request, ...],
        folder: Path,
    ) -> None:
        self._rooms = rooms
        self._target = target
        self._constraints = constraints
        self._folder = folder
        settings = rooms.settings
        self._options = BuildOptions(
            isolated=settings.build_isolation,
            settings={
                "": collect_settings(_pair(text) for text in settings.config_settings),
                **asked.config_settings(),
            },
            variables=dict(settings.build_variables),
            interpreter=f"{target.python_version} {next(iter(target.tags), '')}",
        )
        self._builders: list[Builder] = []

    def close(self) -> None:
        """Remove the trees of all builders."""
        for builder in self._builders:
            builder.close()

    def builder(self, inside: tuple[str, ...]) -> Builder:
        """A builder; `inside`: the projects whose builds are waiting for it."""
        cache = self._rooms.cache
        made = Builder(
            reader=self._rooms.reader,
            folders=BuildFolders(
                wheels=cache.folder("built"),
                mirrors=cache.folder("mirrors"),
                logs=cache.folder("logs"),
            ),
            options=self._options,
            make_environment=lambda project: self._environment(project, inside),
            observer=self._rooms.observer,
        )
        self._builders.append(made)
        return made

    def _environment(
        self, project: str, inside: tuple[str, ...]
    ) -> IsolatedEnvironment | SharedEnvironment:
        if not self._options.isolated:
            return SharedEnvironment(
                python=self._target.python, scripts=self._target.scheme.scripts
            )
        if project and project in inside:
            raise BuildError(
                f"`{project}` cannot be built",
                context=(f"its build needs it already: {' -> '.join((*inside, project))}",),
                hint="a wheel of any of them, by `--only-binary`, ends the circle",
            )
        target = self._make_environment()
        return IsolatedEnvironment(
            python=target.python,
            scripts=target.scheme.scripts,
            rooms=self._rooms,
            target=target,
            builder=self.builder((*inside, project)),
            constraints=self._constraints,
        )

    def _make_environment(self) -> Target:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        python = str(self._target.python)
        command = [python, "-I", "-m", "venv", "--without-pip", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        inside = environment_python(folder)
        if done.returncode or inside is None:
            shutil.rmtree(folder, ignore_errors=True)
            raise BuildError(
                "an environment to build in could not be made",
                context=tuple((done.stdout + done.stderr).splitlines()[-5:]),
                hint="`--no-build-isolation` builds in the environment itself",
            )
        invocation = self._rooms.invocation
        return discover_target(
            Place(python=str(inside)),
            Surroundings(environ=invocation.environ, cwd=invocation.folder, own=None),
        )


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    return (key, value) if separator else (key, "")


def name_of_place(builder: Builder, url: str, *, editable: bool) -> NormalizedName:
    """The project that a folder or an archive is of; reads `pyproject.toml`, else asks its backend."""
    address, _, fragment = url.partition("#")
    if address.startswith("file:") and "subdirectory=" not in fragment:
        declared = url_path(address) / "pyproject.toml"
        if declared.is_file():
            try:
                found = parse_pyproject(declared.read_bytes()).name
            except FormatError as error:
                raise BuildError(
                    f"`{declared}` cannot be read", context=(error.message,)
                ) from error
            if found is not None:
                return found
    source = SourceDistribution(
        name=_UNNAMED,
        version=None,
        file=RemoteFile(filename=link_name(url), url=url),
        source=shown(url),
        editable=editable,
    )
    return builder.metadata(source).name
