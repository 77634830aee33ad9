"""Calls of a build backend's hooks, with everything they print kept.  Spec: PEP 517, PEP 660."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from vinstall.building.build_system import BuildSystem
from vinstall.errors import BuildError
from vinstall.values import field, frozen

_SHOWN_LINES = 20
"""Lines of a failed build's output that are shown; the file holds all."""


class BuildEnvironment(Protocol):
    """An environment a backend runs in."""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        ...

    @property
    def scripts(self) -> Path:
        """The folder of its commands, put first on the PATH."""
        ...

    def install(self, requirements: Sequence[str]) -> None:
        """Make `requirements` available.  Raises ResolutionError and its like."""
        ...


@frozen
class Backend:
    """The hooks of one source tree's backend."""

    project: str
    """As shown to the user: a file name, a URL without credentials, a path."""
    tree: Path
    system: BuildSystem
    environment: BuildEnvironment
    log: Path
    """Everything the hooks print is appended here."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Set for the hooks, on top of the environment of this process."""

    def requires(self, *, editable: bool, settings: Mapping[str, object]) -> tuple[str, ...]:
        """What the backend needs beyond `build-system.requires`; a backend without the hook: nothing."""
        kind = "editable" if editable else "wheel"
        found = self._call(f"get_requires_for_build_{kind}", config_settings=dict(settings))
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise BuildError(f"the backend of `{self.project}` gave no list of requirements")
        return tuple(found)

    def metadata(self, into: Path, *, editable: bool, settings: Mapping[str, object]) -> bytes:
        """The METADATA the wheel will have; builds the wheel where the backend has no hook for it."""
        kind = "editable" if editable else "wheel"
        name = self._call(
            f"prepare_metadata_for_build_{kind}",
            metadata_directory=str(into),
            config_settings=dict(settings),
        )
        return (self._inside(into, name) / "METADATA").read_bytes()

    def wheel(self, into: Path, *, editable: bool, settings: Mapping[str, object]) -> Path:
        """Build; the path of the wheel below `into`."""
        hook = "build_editable" if editable else "build_wheel"
        name = self._call(hook, wheel_directory=str(into), config_settings=dict(settings))
        wheel = self._inside(into, name)
        if not wheel.is_file():
            raise BuildError(
                f"the backend of `{self.project}` names a wheel it did not write: `{name}`"
            )
        return wheel

    def _inside(self, folder: Path, name: object) -> Path:
        if not isinstance(name, str) or not name or Path(name).name != name:
            raise BuildError(
                f"the backend of `{self.project}` answered with the file name `{name}`"
            )
        return folder / name

    def _call(self, hook: str, **arguments: object) -> object:
        import pyproject_hooks

        try:
            caller = pyproject_hooks.BuildBackendHookCaller(
                str(self.tree),
                self.system.backend,
                self.system.backend_path,
                runner=self._run,
                python_executable=str(self.environment.python),
            )
            return getattr(caller, hook)(**arguments)
        except subprocess.CalledProcessError as error:
            raise self._failed(hook, f"exit code {error.returncode}") from error
        except pyproject_hooks.BackendUnavailable as error:
            raise self._failed(hook, f"`{self.system.backend}` cannot be imported") from error
        except pyproject_hooks.HookMissing as error:
            raise self._failed(hook, "the backend does not have this hook") from error
        except pyproject_hooks.UnsupportedOperation as error:
            raise self._failed(hook, "the backend does not support it here") from error
        except ValueError as error:
            raise self._failed(hook, str(error)) from error

    def _failed(self, hook: str, why: str) -> BuildError:
        return build_failed(f"`{self.project}` did not build: `{hook}` failed, {why}", self.log)

    def _run(
        self,
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        removed = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")
        environment = {key: value for key, value in os.environ.items() if key not in removed}
        environment |= self.variables
        path = os.pathsep.join((str(self.environment.scripts), environment.get("PATH", os.defpath)))
        environment |= {
            "PATH": path,
            "VIRTUAL_ENV": str(self.environment.scripts.parent),
            "PYTHONNOUSERSITE": "1",
            **(extra_environ or {}),
        }
        with self.log.open("ab") as log:
            subprocess.run(
                list(cmd),
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=True,
            )


def build_failed(message: str, log: Path) -> BuildError:
    """The error of a failed build: the end of the output first, then where the whole of it is."""
    lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
    shown = [line for line in lines if line.strip()][-_SHOWN_LINES:]
    return BuildError(
        message,
        context=tuple(shown),
        hint=f"the whole output is in `{log}`" if lines else None,
    )
