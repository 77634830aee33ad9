"""A requirement whose marker does not hold is told, in pip's words."""

from __future__ import annotations

import subprocess
import sys

from tests.end_to_end.scene import Scene
from tests.support.command import clean_environ

PIP = (sys.executable, "-m", "pip")
LOOK = ("--dry-run", "--no-index", "--find-links")
WORDS = (
    'app ; python_version >= "3"',
    'only-once[x] >= 1 ; sys_platform == "nowhere" and python_version >= "3"',
    "never @ https://index.example/never-1.0-py3-none-any.whl ; os_name == 'none'",
)
TOLD = [
    'Ignoring only-once: markers \'sys_platform == "nowhere" and python_version >= "3"\''
    " don't match your environment",
    "Ignoring never: markers 'os_name == \"none\"' don't match your environment",
]


def ignoring(text: str) -> list[str]:
    return [line for line in text.splitlines() if "Ignoring" in line]


def test_as_pip_does(scene: Scene) -> None:
    wheel = scene.wheel("app")
    done = subprocess.run(
        [*PIP, "--python", str(scene.python), "install", *LOOK, str(wheel.parent), *WORDS],
        capture_output=True,
        text=True,
        env=clean_environ(scene.home, PIP_DISABLE_PIP_VERSION_CHECK="1"),
        check=True,
    )
    assert ignoring(done.stdout) == TOLD
    ran = scene.run(*WORDS)
    assert (ran.code, ignoring(ran.out), ignoring(ran.err)) == (0, [], TOLD)
    assert scene.installed() == {"app": "1.0"}


def test_each_run_tells_it(scene: Scene) -> None:
    scene.wheel("app", requires=["of-a-dependency ; os_name == 'none'"])
    (scene.root / "r.txt").write_text("app\nnever ; os_name == 'none'\n")
    told = TOLD[1:]
    assert ignoring(scene.run("-r", "r.txt").err) == told
    second, third = scene.run("-r", "r.txt"), scene.run("-r", "r.txt")
    assert ignoring(second.err) == told
    assert third.err.splitlines()[:2] == second.err.splitlines()[:2]
    assert third.err.splitlines()[1:] == [*told, "nothing to do: 1 project as asked already"]


def test_a_download_tells_it(scene: Scene) -> None:
    scene.wheel("app")
    ran = scene.run("download", *WORDS, "-d", scene.root / "here")
    assert (ran.code, ignoring(ran.err)) == (0, TOLD)


def test_it_can_be_had_without(scene: Scene) -> None:
    scene.wheel("app")
    assert scene.run("-q", *WORDS).err == ""
