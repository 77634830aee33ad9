"""PEP 518's table."""

from __future__ import annotations

from pathlib import Path

import pytest

from vinstall.building.build_system import LEGACY, BuildSystem, read_build_system
from vinstall.errors import BuildError


def _tree(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_the_table_is_read(tmp_path: Path) -> None:
    text = '[build-system]\nrequires = ["a>=1"]\nbuild-backend = "b"\nbackend-path = ["."]\n'
    assert read_build_system(_tree(tmp_path, text)) == BuildSystem(
        requires=("a>=1",), backend="b", backend_path=(".",)
    )


def test_without_a_table_setuptools_builds(tmp_path: Path) -> None:
    """PEP 517: "tools should ... default to setuptools"."""
    assert read_build_system(_tree(tmp_path, "[tool.x]\n")) == LEGACY


def test_a_table_without_backend_keeps_its_requirements(tmp_path: Path) -> None:
    found = read_build_system(_tree(tmp_path, '[build-system]\nrequires = ["cython"]\n'))
    assert found == BuildSystem(requires=("cython",), backend="setuptools.build_meta:__legacy__")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[build-system]\n", "has a `[build-system]` without `requires`"),
        ("[build-system]\nrequires = 1\n", "`build-system.requires` is not a list of strings"),
        ("[build-system]\nrequires = []\nbuild-backend = 3\n", "`build-backend` is not a string"),
        ("[build-system\n", "is not TOML"),
    ],
)
def test_a_bad_table_is_an_error_that_names_the_file(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(BuildError) as caught:
        read_build_system(_tree(tmp_path, text))
    assert message in caught.value.message
    assert "pyproject.toml" in caught.value.message


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        read_build_system(tmp_path)
    assert caught.value.message == f"`{tmp_path}` is not a Python project"
