"""Side by side with pip: the same wheels, the same files, and each removes the other's work."""

from __future__ import annotations

import csv
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.installation.archives import archive, entry
from tests.installation.builders import World, make_environment, make_pin, target_of, tree
from tests.support.wheels import make_wheel
from vinstall.installation.apply import uninstall
from vinstall.target.installed import scan_installed

OURS = ("provenance_url.json",)
"""Files of `.dist-info` that pip does not write."""


def pip(python: Path, *arguments: str | Path) -> str:
    """What pip says, working on the environment of `python`."""
    command = [sys.executable, "-m", "pip", "--python", str(python), *map(str, arguments)]
    quiet = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | quiet
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def normal(python: Path) -> dict[str, object]:
    """Mode and contents of every file, without what may differ between the two."""
    prefix = python.parent.parent
    found: dict[str, object] = {}
    for name, content in tree(prefix).items():
        base = name.rpartition("/")[2]
        if name.endswith((".pyc", "/")) or base in OURS or base == "INSTALLER":
            continue
        mode = stat.S_IMODE((prefix / name).lstat().st_mode)
        text = content.replace(str(prefix).encode(), b"PREFIX")
        if base == "RECORD":
            rows = csv.reader(content.decode().splitlines())
            found[name] = sorted(path for path, _, _ in rows if ok(path))
        elif b"import main" in text:
            # The bodies of scripts differ in a line; the interpreter and the entry point agree.
            lines = text.splitlines()
            found[name] = (mode, lines[0], [line for line in lines if line.startswith(b"from")])
        else:
            found[name] = (mode, text)
    return found


def ok(path: str) -> bool:
    return not path.endswith((".pyc", *OURS))


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Wheels with everything a wheel can have."""
    folder = tmp_path / "wheels"
    points = "[console_scripts]\ndemo-run = pkg.cli:main\n[gui_scripts]\ndemo-win = pkg.cli:main\n"
    return [
        archive(
            folder,
            ("pkg/__init__.py", "x = 1\n"),
            ("pkg/cli.py", "def main(): print('hello')\n"),
            (entry("pkg/tool", 0o100755), "#!/bin/sh\n"),
            ("pkg/données/é.txt", "é"),
            ("demo-1.0.data/purelib/more.py", "y = 2\n"),
            ("demo-1.0.data/platlib/native.so", b"\x7fELF"),
            ("demo-1.0.data/headers/demo.h", "int x;\n"),
            (entry("demo-1.0.data/scripts/plain", 0o100755), "#!/bin/sh\necho plain\n"),
            (entry("demo-1.0.data/scripts/script.py", 0o100755), "#!python\nprint('script')\n"),
            ("demo-1.0.data/data/share/demo/a, b.txt", "data"),
            texts={"entry_points.txt": points, "LICENSE": "none"},
        ),
        make_wheel(folder, "space-one", files={"space/one.py": "1"}),
        make_wheel(folder, "space-two", files={"space/two.py": "2"}, requires=["demo"]),
    ]


def environments(tmp_path: Path) -> tuple[Path, Path]:
    return make_environment(tmp_path / "pip" / "env"), make_environment(tmp_path / "us" / "env")


class TestSameFiles:
    def test_an_installation_is_pips(self, tmp_path: Path, wheels: list[Path]) -> None:
        theirs, ours = environments(tmp_path)
        names = [path.name.split("-")[0] for path in wheels]
        pip(theirs, "install", "--no-deps", "--find-links", wheels[0].parent, *names)
        world = World(tmp_path, target=target_of(ours))
        world.install(*(make_pin(path, requested=True) for path in wheels))
        assert normal(ours) == normal(theirs)
        assert pip(ours, "check") == "No broken requirements found.\n"
        assert pip(ours, "list", "--format", "freeze") == pip(theirs, "list", "--format", "freeze")

    def test_a_target_folder_is_pips(self, tmp_path: Path, wheels: list[Path]) -> None:
        theirs, ours = tmp_path / "theirs", tmp_path / "ours"
        python = Path(sys.executable)
        links = ["--find-links", str(wheels[0].parent)]
        pip(python, "install", "--no-deps", "--target", theirs, *links, "demo")
        World(tmp_path, target=target_of(python, target=ours)).install(wheels[0])

        def names(folder: Path) -> set[str]:
            found = {name for name in tree(folder) if not name.endswith((".pyc", "/"))}
            return {name for name in found if name.rpartition("/")[2] not in (*OURS, "REQUESTED")}

        assert names(ours) == names(theirs)


class TestEachOther:
    def test_pip_uninstalls_what_we_installed(self, tmp_path: Path, wheels: list[Path]) -> None:
        ours = make_environment(tmp_path / "env")
        before = tree(ours.parent.parent)
        World(tmp_path, target=target_of(ours)).install(*wheels)
        pip(ours, "uninstall", "-y", "demo", "space-one", "space-two")
        left = {name for name in tree(ours.parent.parent) if not name.endswith("/")}
        assert left == {name for name in before if not name.endswith("/")}

    def test_we_uninstall_what_pip_installed(self, tmp_path: Path, wheels: list[Path]) -> None:
        theirs = make_environment(tmp_path / "env")
        before = tree(theirs.parent.parent)
        pip(theirs, "install", "--no-deps", "--compile", *wheels)
        target = target_of(theirs)
        names = [canonicalize_name(name) for name in ("demo", "space-one", "space-two")]
        listener = World(tmp_path / "w").listener
        uninstall(names, target, observer=listener)
        assert listener.warnings == []
        left = {name for name in tree(theirs.parent.parent) if not name.endswith("/")}
        assert left == {name for name in before if not name.endswith("/")}

    def test_each_upgrades_the_others(self, tmp_path: Path) -> None:
        folder = tmp_path / "wheels"
        old, new, newest = (make_wheel(folder, version=version) for version in ("1", "2", "3"))
        python = make_environment(tmp_path / "env")
        world = World(tmp_path, target=target_of(python))
        pip(python, "install", old)
        world.install(new)
        assert pip(python, "list", "--format", "freeze") == "demo==2\n"
        pip(python, "install", newest)
        assert [str(found.version) for found in scan_installed(world.target)] == ["3"]
        assert scan_installed(world.target).duplicates == ()


@pytest.mark.network
def test_real_wheels_are_installed_as_pip_does(tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    names = ["six", "click", "pyyaml", "markupsafe", "pybind11"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:"]
    command += ["-d", str(folder), "--no-deps", *names]
    downloaded = subprocess.run(command, check=False)
    if downloaded.returncode:
        pytest.skip("the default index cannot be reached")
    theirs, ours = environments(tmp_path)
    pip(theirs, "install", "--no-deps", "--no-compile", "--find-links", folder, *names)
    world = World(tmp_path, target=target_of(ours))
    world.install(*(make_pin(path, requested=True) for path in sorted(folder.iterdir())))
    assert normal(ours) == normal(theirs)
    subprocess.run([ours, "-c", "import yaml, markupsafe._speedups; yaml.CLoader"], check=True)
