"""Who builds and who tries an import for `wheel build`: the building room and the installer itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import canonicalize_name

from vinstall.errors import BuildError, ResolutionError, TargetError, VariantError
from vinstall.formats.simple_api import RemoteFile
from vinstall.observer import Observer
from vinstall.selection.release import SourceDistribution
from vinstall.target.environment import Target
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import assemble, find_target
from vinstall.workflows.builds import open_builder
from vinstall.workflows.install import install
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.requirements import Asked
from vinstall.workflows.settings import Settings, TargetSettings
from vinstall.workshop.variant_build import BuildRequest, BuiltVariant, build_variants

_SHOWN_LINES = 20
_NOT_COPIED = frozenset({".venv", ".tox", ".nox", "__pycache__", "node_modules"})
_LEFT_BY_BUILDS = ("lib", "temp.", "bdist.")


def build_project(
    request: BuildRequest, settings: Settings, invocation: Invocation, observer: Observer
) -> tuple[BuiltVariant, ...]:
    """A wheel for each label of the project, built and tried with the interpreter of the target.

    Without a target it is the interpreter vinstall runs in.  Raises as `build_variants` does.
    """
    with assemble(settings, invocation, observer) as rooms:
        try:
            target = find_target(rooms)
        except TargetError:
            own = TargetSettings(python=str(invocation.python))
            settings = replace(settings, target=own)
            target = find_target(replace(rooms, settings=settings))
    return build_variants(
        request,
        TreeBuilder(settings=settings, invocation=invocation, target=target),
        InstalledImport(settings=settings, invocation=invocation, target=target),
        observer,
    )


@frozen
class TreeBuilder:
    """Builds a copy of a source tree, so that no label finds the objects of the one before."""

    settings: Settings
    invocation: Invocation
    target: Target

    def build(
        self,
        project: Path,
        into: Path,
        *,
        settings: Mapping[str, str | list[str]],
        environment: Mapping[str, str],
    ) -> Path:
        """The wheel of `project`, below `into`."""
        pairs = tuple(
            f"{key}={item}"
            for key, value in settings.items()
            for item in ([value] if isinstance(value, str) else value)
        )
        told = replace(
            self.settings,
            config_settings=(*self.settings.config_settings, *pairs),
            build_variables=tuple(environment.items()),
        )
        with copied_tree(project) as tree, assemble(told, self.invocation, Observer()) as rooms:
            source = SourceDistribution(
                name=canonicalize_name(""),
                version=None,
                file=RemoteFile(filename=project.name, url=tree.as_uri()),
                source=str(project),
            )
            with open_builder(rooms, self.target, Asked(), ()) as builder:
                made = builder.wheel(source).path
                return Path(shutil.copy2(made, into))


@contextmanager
def copied_tree(project: Path) -> Iterator[Path]:
    """A copy of `project` under its own name, without environments and what earlier builds left."""

    def left_out(folder: str, names: Iterable[str]) -> set[str]:
        place = Path(folder)
        return {
            name
            for name in names
            if name in _NOT_COPIED
            or (place / name / "pyvenv.cfg").is_file()
            or (place == project and name == "build" and _is_left_over(place / name))
        }

    project = project.resolve()
    with tempfile.TemporaryDirectory(prefix="vinstall-tree-") as folder:
        tree = Path(folder) / project.name
        shutil.copytree(project, tree, symlinks=True, ignore=left_out)
        yield tree


def _is_left_over(folder: Path) -> bool:
    """Whether a `build` folder is setuptools' own, which takes old objects for new ones."""
    return folder.is_dir() and any(
        path.name.startswith(_LEFT_BY_BUILDS) for path in folder.iterdir()
    )


@frozen
class InstalledImport:
    """Installs a wheel with what it needs into a folder of its own, and imports from there."""

    settings: Settings
    invocation: Invocation
    target: Target

    def run(self, wheel: Path, modules: tuple[str, ...]) -> str | None:
        """Import `modules`; why that could not be tried here, or None.  Raises BuildError."""
        with tempfile.TemporaryDirectory(prefix="vinstall-import-") as folder:
            place = TargetSettings(python=str(self.target.python), target=Path(folder) / "site")
            wanted = replace(self.settings, requirements=(str(wheel),), target=place)
            try:
                install(wanted, self.invocation, Observer())
            except (VariantError, ResolutionError) as error:
                return error.message
            return self._import(Path(folder), modules, wheel.name)

    def _import(self, folder: Path, modules: tuple[str, ...], wheel: str) -> str | None:
        program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run(
            [str(self.target.python), "-B", "-s", "-c", program, *modules],
            cwd=folder,
            env=kept | {"PYTHONPATH": str(folder / "site")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == -getattr(signal, "SIGILL", 4):
            return "this processor lacks an instruction it uses"
        if done.returncode:
            raise BuildError(
                f"`{wheel}` was built and cannot be imported",
                context=tuple((done.stdout + done.stderr).splitlines()[-_SHOWN_LINES:]),
                hint="`test-imports` beside the label says which modules to import",
            )
        return None
