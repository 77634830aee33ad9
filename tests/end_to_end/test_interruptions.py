"""Killed at any moment, the environment is as it was or can be put right by the next run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.scene import Scene
from tests.support.command import clean_environ

KILLS = 3 * int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
NAMES = tuple(f"demo-{letter}" for letter in "abcdefghij")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def publish(scene: Scene, version: str) -> None:
    """Ten projects with a handful of files each."""
    for name in NAMES:
        stem = name.replace("-", "_")
        files = {f"{stem}/part{at}.py": f"VERSION = {version!r}\n" for at in range(20)}
        scene.wheel(name, version, files={f"{stem}/__init__.py": "", **files})


def begun(scene: Scene, *words: str | Path) -> subprocess.Popen[bytes]:
    """`vinstall` with `words`, under way."""
    index = ("--index-url", scene.index, "--python", scene.python)
    command = [sys.executable, "-m", "vinstall", *map(str, (*words, *index))]
    environ = clean_environ(scene.home, **scene.variables)
    return subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def versions(scene: Scene) -> set[str]:
    """The versions of the ten, as their own modules say; every file is looked at."""
    code = (
        "import importlib\n"
        f"for name in {[name.replace('-', '_') for name in NAMES]}:\n"
        "    for at in range(20):\n"
        "        print(importlib.import_module(f'{name}.part{at}').VERSION)"
    )
    return set(scene.python_says(code).split())


def test_the_next_run_heals_what_a_kill_left_behind(scene: Scene) -> None:
    publish(scene, "1.0")
    publish(scene, "2.0")
    old = [f"{name}==1.0" for name in NAMES]
    new = [f"{name}==2.0" for name in NAMES]
    assert scene.run(*old).code == 0
    started = time.monotonic()
    assert scene.run(*new).code == 0
    lasts = time.monotonic() - started
    rng = random.Random(20)
    for _ in range(KILLS):
        assert scene.run(*old).code == 0
        with begun(scene, *new) as process:
            time.sleep(rng.uniform(0.5, 1.0) * lasts)
            process.send_signal(signal.SIGKILL)
        assert scene.run(NAMES[0]).code == 0
        assert versions(scene) in ({"1.0"}, {"2.0"})
        assert set(scene.installed()) == set(NAMES)
        assert len(set(scene.installed().values())) == 1
        assert not list(scene.env.glob("lib/python*/site-packages/.vinstall-*"))
        ran = scene.run_alone("check", "--python", scene.python)
        assert ran.code == 0, ran.out


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_told_to_end_while_files_are_made_ready_it_takes_them_away(
    scene: Scene, name: str, code: int
) -> None:
    files = {f"large/part{at}.py": f"X = {at}\n" for at in range(6000)}
    scene.wheel("large", files={"large/__init__.py": "", **files})
    site = next(scene.env.glob("lib/python*/site-packages"))
    before = sorted(site.iterdir())
    with begun(scene, "large", "--link-mode", "copy") as process:
        while not any(site.glob(".vinstall-*")) and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(getattr(signal, name))
    assert process.returncode == code
    assert sorted(site.iterdir()) == before
    assert scene.run("large").code == 0
    assert scene.python_says("import large.part5999 as one; print(one.X)") == "5999"


def test_ctrl_c_leaves_the_environment_as_it_was(scene: Scene) -> None:
    publish(scene, "1.0")
    scene.run("--dry-run", *NAMES)
    with begun(scene, *NAMES) as process:
        time.sleep(0.15)
        process.send_signal(signal.SIGINT)
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert scene.installed() in ({}, dict.fromkeys(NAMES, "1.0"))
