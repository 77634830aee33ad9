"""The tutorial's project, built and installed with the commands the page shows."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "docs" / "tutorial" / "simd" / "project"

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(
        "VINSTALL_TEST_SCALE" not in os.environ, reason="compiles; set VINSTALL_TEST_SCALE"
    ),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not here"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the levels are those of x86-64"),
]


def vinstall(folder: Path, *words: str) -> str:
    """Run vinstall in `folder`; what it printed on standard output."""
    program = Path(sys.executable).with_name("vinstall")
    cache = {"XDG_CACHE_HOME": str(folder.parent / "cache"), "SOURCE_DATE_EPOCH": "1763632800"}
    done = subprocess.run(
        [str(program), *words], cwd=folder, env=os.environ | cache, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_four_builds_of_one_project_the_same_twice_and_installed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(PROJECT, project)
    wheels = [project / name for name in vinstall(project, "wheel", "build", "--all").split()]
    assert [wheel.stem.rpartition("-")[2] for wheel in wheels] == ["v1", "v2", "v3", "v4"]
    first = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
    assert len(set(first)) == 4
    vinstall(project, "wheel", "build", "-o", "again")
    again = [project / "again" / wheel.name for wheel in wheels]
    assert [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in again] == first
    vinstall(project, "wheel", "unmake", str(wheels[0]))
    vinstall(project, "index", "build", "dist")
    assert "0 errors, 1 warnings" in vinstall(project, "index", "check", "dist")
    index = (project / "dist" / "simple").as_uri()
    for label, built_for in (
        ("--variant=v1", "v1"),
        ("--variant=v2", "v2"),
        ("--no-variants", "v1"),
    ):
        target = tmp_path / built_for
        words = ["--python", sys.executable, "--target", str(target), "--index-url", index]
        vinstall(project, "install", *words, label, "--reinstall", "lanes")
        done = subprocess.run(
            [sys.executable, "-c", "import lanes; print(lanes.BUILT_FOR)"],
            env=os.environ | {"PYTHONPATH": str(target)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{built_for}\n"
