"""BuildSystem ← the `[build-system]` table of a source tree.  Spec: PEP 518, PEP 517."""

from __future__ import annotations

import tomllib
from pathlib import Path

from vinstall.errors import BuildError
from vinstall.values import frozen


@frozen
class BuildSystem:
    """Who builds a source tree."""

    requires: tuple[str, ...]
    """Requirement strings, as written."""
    backend: str
    backend_path: tuple[str, ...] = ()
    """Folders inside the tree that come first on the backend's path (PEP 517)."""


LEGACY = BuildSystem(requires=("setuptools>=40.8.0",), backend="setuptools.build_meta:__legacy__")
"""PEP 517: what a tree without the table is built with."""


def read_build_system(tree: Path) -> BuildSystem:
    """The build system of `tree`.  Raises BuildError for a table that breaks PEP 518, or no project."""
    project = tree / "pyproject.toml"
    if not project.is_file():
        if not (tree / "setup.py").is_file():
            raise BuildError(
                f"`{tree}` is not a Python project",
                context=("it has neither `pyproject.toml` nor `setup.py`",),
            )
        return LEGACY
    try:
        document = tomllib.loads(project.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"`{project}` is not TOML", context=(str(error),)) from error
    table = document.get("build-system")
    if table is None:
        return LEGACY
    return _build_system(table, project)


def _build_system(table: object, project: Path) -> BuildSystem:
    if not isinstance(table, dict) or "requires" not in table:
        raise BuildError(
            f"`{project}` has a `[build-system]` without `requires`",
            hint="PEP 518 makes `requires` mandatory; the project has to add it",
        )
    requires = _strings(table["requires"], "requires", project)
    backend = table.get("build-backend")
    if backend is None:
        return BuildSystem(requires=requires, backend=LEGACY.backend)
    if not isinstance(backend, str):
        raise BuildError(f"`{project}`: `build-backend` is not a string")
    path = _strings(table.get("backend-path", []), "backend-path", project)
    return BuildSystem(requires=requires, backend=backend, backend_path=path)


def _strings(value: object, key: str, project: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BuildError(f"`{project}`: `build-system.{key}` is not a list of strings")
    return tuple(value)
