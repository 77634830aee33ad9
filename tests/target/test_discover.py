"""Which environment is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.target.interpreters import interpreters
from vinstall.errors import TargetError, UsageError
from vinstall.target.discover import (
    Place,
    Surroundings,
    discover_target,
    environment_python,
    running_environment,
)
from vinstall.target.environment import Target
from vinstall.target.probe import probe

WAYS_OUT = (
    "make one with `python3 -m venv .venv`, activate another, name one with `--python PATH`, "
    "or use `--system`"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment to be linked to under other names."""
    folder = tmp_path_factory.mktemp("template") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


def copy(template: Path, folder: Path) -> Path:
    """An environment at `folder`."""
    shutil.copytree(template, folder, symlinks=True)
    return folder


def find(
    cwd: Path,
    environ: dict[str, str] | None = None,
    *,
    own: Path | None = None,
    **place: object,
) -> Target:
    around = Surroundings(environ=environ or {}, cwd=cwd, own=own)
    return discover_target(Place(**place), around)  # type: ignore[arg-type]


def programs(folder: Path, **commands: Path) -> str:
    """A PATH with commands that start other interpreters."""
    folder.mkdir()
    for name, python in commands.items():
        (folder / name.replace("_", ".")).symlink_to(python)
    return str(folder)


class TestOrder:
    """`--python`, the active one, `.venv`, vinstall's own, else a refusal."""

    def test_the_active_environment_comes_first(self, template: Path, tmp_path: Path) -> None:
        active, own = copy(template, tmp_path / "active"), copy(template, tmp_path / "own")
        copy(template, tmp_path / ".venv")
        target = find(tmp_path, {"VIRTUAL_ENV": str(active)}, own=own / "bin/python")
        assert target.prefix == active
        assert target.origin == "active virtual environment"

    def test_python_comes_before_the_active_one(self, template: Path, tmp_path: Path) -> None:
        active, other = copy(template, tmp_path / "active"), copy(template, tmp_path / "other")
        target = find(tmp_path, {"VIRTUAL_ENV": str(active)}, python=str(other))
        assert target.prefix == other
        assert target.origin == "`--python`"

    def test_an_active_conda_environment_counts(self, template: Path, tmp_path: Path) -> None:
        conda = copy(template, tmp_path / "conda")
        copy(template, tmp_path / ".venv")
        environ = {"CONDA_PREFIX": str(conda), "CONDA_DEFAULT_ENV": "work"}
        target = find(tmp_path, environ)
        assert target.prefix == conda
        assert target.origin == "active conda environment"

    def test_the_base_of_conda_comes_after_a_projects_own(
        self, template: Path, tmp_path: Path
    ) -> None:
        conda = copy(template, tmp_path / "conda")
        environ = {"CONDA_PREFIX": str(conda), "CONDA_DEFAULT_ENV": "base"}
        assert find(tmp_path, environ).prefix == conda
        project = copy(template, tmp_path / ".venv")
        assert find(tmp_path, environ).prefix == project

    def test_a_venv_folder_above_is_found(self, template: Path, tmp_path: Path) -> None:
        project = copy(template, tmp_path / ".venv")
        below = tmp_path / "src" / "package"
        below.mkdir(parents=True)
        target = find(below, own=Path(sys.executable))
        assert target.prefix == project
        assert target.origin == f"`.venv` in `{tmp_path}`"

    def test_a_folder_called_venv_that_is_no_environment_is_passed_over(
        self, template: Path, tmp_path: Path
    ) -> None:
        (tmp_path / ".venv").mkdir()
        own = copy(template, tmp_path / "own")
        target = find(tmp_path, own=own / "bin/python")
        assert target.prefix == own
        assert target.origin == "the environment vinstall runs in"

    def test_nothing_is_refused_with_the_ways_out(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError) as caught:
            find(tmp_path, {"PATH": "/usr/bin"})
        assert caught.value.message == "there is no environment to install into"
        assert caught.value.hint == WAYS_OUT
        assert caught.value.exit_code == 3

    def test_an_active_environment_that_is_gone_is_not_passed_over(self, tmp_path: Path) -> None:
        gone = tmp_path / "gone"
        with pytest.raises(TargetError) as caught:
            find(tmp_path, {"VIRTUAL_ENV": str(gone)}, own=Path(sys.executable))
        assert caught.value.message == f"`{gone}` has no Python interpreter"
        assert caught.value.context == ("named by `VIRTUAL_ENV`",)


class TestPython:
    """`--python`: an interpreter, an environment, a version, a command."""

    def test_a_relative_path_is_taken_from_the_working_folder(
        self, template: Path, tmp_path: Path
    ) -> None:
        copy(template, tmp_path / "env")
        assert find(tmp_path, python="env").prefix == tmp_path / "env"
        assert find(tmp_path, python="./env/bin/python").prefix == tmp_path / "env"

    def test_a_command_is_looked_up_on_path(self, template: Path, tmp_path: Path) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "mypython").symlink_to(template / "bin" / "python")
        target = find(tmp_path, {"PATH": str(folder)}, python="mypython")
        assert target.python_version.release[:2] == sys.version_info[:2]

    def test_a_path_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError) as caught:
            find(tmp_path, python="./nowhere")
        assert caught.value.message == "`--python ./nowhere` names no interpreter"

    def test_a_folder_without_an_interpreter_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError) as caught:
            find(tmp_path, python=str(tmp_path))
        assert caught.value.message == f"`{tmp_path}` has no Python interpreter"
        assert caught.value.context == ("named by `--python`",)


def by_version() -> dict[str, Path]:
    """One interpreter of pyenv for each minor version."""
    return {
        ".".join(map(str, probe(python).version[:2])): python
        for python in interpreters()
        if ".pyenv" in str(python)
    }


class TestVersion:
    @pytest.fixture
    def known(self) -> dict[str, Path]:
        found = by_version()
        if len(found) < 3:
            pytest.skip("pyenv has too few interpreters here")
        return found

    def test_it_is_searched_on_path(self, known: dict[str, Path], tmp_path: Path) -> None:
        path = programs(tmp_path / "bin", python3_8=known["3.8"], python3=known["3.12"])
        target = find(tmp_path, {"PATH": path, "HOME": "/nowhere"}, python="3.8")
        assert target.python == tmp_path / "bin" / "python3.8"
        target = find(tmp_path, {"PATH": path, "HOME": "/nowhere"}, python="3.12")
        assert target.python == tmp_path / "bin" / "python3"

    def test_then_in_pyenv(self, known: dict[str, Path], tmp_path: Path) -> None:
        path = programs(tmp_path / "bin", python3=known["3.12"])
        environ = {"PATH": path, "PYENV_ROOT": str(Path.home() / ".pyenv")}
        assert find(tmp_path, environ, python="3.9").python == known["3.9"]
        full = ".".join(map(str, probe(known["3.10"]).version))
        assert find(tmp_path, environ, python=full).python == known["3.10"]

    def test_a_name_that_lies_about_its_version_is_passed_over(
        self, known: dict[str, Path], tmp_path: Path
    ) -> None:
        path = programs(tmp_path / "bin", python3_8=known["3.9"], python=known["3.8"])
        found = find(tmp_path, {"PATH": path, "HOME": "/nowhere"}, python="python3.8")
        assert found.python == tmp_path / "bin" / "python"

    def test_one_that_is_not_there_is_named_with_what_is(
        self, known: dict[str, Path], tmp_path: Path
    ) -> None:
        path = programs(tmp_path / "bin", python3=known["3.12"])
        with pytest.raises(TargetError) as caught:
            find(tmp_path, {"PATH": path, "HOME": "/nowhere"}, python="3.13t")
        assert caught.value.message == "there is no Python 3.13t on PATH or in pyenv"
        version = ".".join(map(str, probe(known["3.12"]).version))
        assert caught.value.context == (f"found Python {version} in `{path}/python3`",)


class TestSystem:
    def test_environments_on_path_are_passed_over(self, template: Path, tmp_path: Path) -> None:
        base = Path(sys.base_prefix) / "bin"
        environ = {"PATH": f"{template / 'bin'}:{base}", "VIRTUAL_ENV": str(template)}
        target = find(tmp_path, environ, system=True, break_system_packages=True)
        assert target.python.parent == base
        assert target.origin == "`--system`"
        assert not target.is_virtual

    def test_without_any_it_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError) as caught:
            find(tmp_path, {"PATH": str(tmp_path)}, system=True)
        assert caught.value.message == "there is no Python on PATH"

    def test_user_without_an_environment_means_the_system(self, tmp_path: Path) -> None:
        environ = {"PATH": str(Path(sys.base_prefix) / "bin")}
        target = find(tmp_path, environ, user=True)
        assert target.origin == "`--user`"
        assert target.scheme.purelib.is_relative_to(Path.home())


class TestOtherLayouts:
    def test_a_target_is_content_with_any_interpreter(self, tmp_path: Path) -> None:
        environ = {"PATH": str(Path(sys.base_prefix) / "bin")}
        target = find(tmp_path, environ, target=Path("lib"))
        assert target.origin == "first on PATH"
        assert target.scheme.purelib == tmp_path / "lib"

    @pytest.mark.parametrize(
        ("place", "message"),
        [
            ({"user": True, "target": Path("x")}, "`--user` and `--target` cannot be combined"),
            ({"user": True, "prefix": Path("x")}, "`--user` and `--prefix` cannot be combined"),
            (
                {"target": Path("x"), "prefix": Path("y")},
                "`--target` and `--prefix` cannot be combined",
            ),
        ],
    )
    def test_two_layouts_contradict_each_other(
        self, tmp_path: Path, place: dict[str, object], message: str
    ) -> None:
        around = Surroundings(environ={}, cwd=tmp_path, own=Path(sys.executable))
        with pytest.raises(UsageError) as caught:
            discover_target(Place(**place), around)  # type: ignore[arg-type]
        assert caught.value.message == message


class TestTargetValues:
    def test_a_target_knows_its_tags_markers_and_folders(self, template: Path) -> None:
        target = find(template, python=str(template))
        interpreter = probe(template / "bin/python")
        assert list(target.tags) == list(interpreter.tags)
        assert list(target.tags.values()) == list(range(len(interpreter.tags)))
        assert target.markers == interpreter.markers
        assert str(target.python_version) == interpreter.markers["python_full_version"]
        # Debian's Python names further folders, which are not there.
        there = [folder for folder in target.site_paths if folder.is_dir()]
        assert there == [target.scheme.purelib]
        assert target.is_virtual
        assert target.externally_managed is None
        assert not target.described


def test_the_running_environment_is_told_from_a_base() -> None:
    expected = Path(sys.executable) if sys.prefix != sys.base_prefix else None
    assert running_environment() == expected


def test_an_interpreter_is_found_in_the_layouts_there_are(tmp_path: Path) -> None:
    assert environment_python(tmp_path) is None
    (tmp_path / "Scripts").mkdir()
    (tmp_path / "Scripts" / "python.exe").touch()
    assert environment_python(tmp_path) == tmp_path / "Scripts" / "python.exe"
