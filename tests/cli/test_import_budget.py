"""What a run loads: lists kept in `imports/`, so that nothing new comes in unseen.

Third-party libraries and vinstall's own modules are listed; the standard library differs between
versions of Python, so of it only the heavy parts are.  `VINSTALL_TEST_UPDATE=1` writes the lists
anew: every line that is added costs every user something on every run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.scene import Scene
from tests.support.command import clean_environ

LISTS = Path(__file__).with_name("imports")
HEAVY = frozenset(
    {
        "asyncio",
        "configparser",
        "email",
        "html",
        "http",
        "importlib.metadata",
        "json",
        "logging",
        "multiprocessing",
        "platform",
        "socket",
        "ssl",
        "subprocess",
        "sysconfig",
        "tempfile",
        "tomllib",
        "urllib.request",
        "xml",
        "zipfile",
    }
)
_SCRIPT = """\
import sys
before = set(sys.modules)
from vinstall.cli.entry import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
finally:
    with open(sys.argv.pop(0) + ".loaded", "w") as out:
        loaded = {name for name, module in sys.modules.items() if type(module).__name__ != "Deferred"}
        out.write("\\n".join(sorted(loaded - before)))
"""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Two projects, one of them with variants."""
    made = Scene(tmp_path)
    made.make_environment()
    made.variants("lib", "1.0", {"null": {}, "mkl": {"blas": {"library": ["mkl"]}}})
    made.wheel("app", requires=["lib>=1"])
    made.wheel("plain")
    made.publish()
    return made


def loaded(scene: Scene, *words: str) -> list[str]:
    """What a run with `words` loads, of what is listed."""
    script = scene.root / "script.py"
    script.write_text(_SCRIPT)
    index = ("--index-url", str(scene.index), "--python", str(scene.python))
    given = words if words == ("--version",) else (*words, *index)
    subprocess.run(
        [sys.executable, str(script), *given],
        env=clean_environ(scene.home, PYTHONPATH=os.pathsep.join(sys.path)),
        cwd=scene.root,
        check=True,
        capture_output=True,
    )
    names = (scene.root / "script.py.loaded").read_text().split()
    return sorted({shown for name in names if (shown := _shown(name)) is not None})


def _shown(module: str) -> str | None:
    """The name under which a module is listed; None for one that is not."""
    top = module.partition(".")[0]
    if top == "vinstall":
        return module
    if top not in sys.stdlib_module_names:
        return top
    return module if module in HEAVY else None


def age(folder: Path) -> None:
    """Everything below `folder` was changed an hour ago, or at least a while ago."""
    then = time.time() - 3600
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (then, then), follow_symlinks=False)
    time.sleep(0.2)  # that a file's time was set leaves a time, too


def check(name: str, seen: list[str]) -> None:
    """Nothing may be loaded that the list does not name."""
    path = LISTS / f"{name}.txt"
    if os.environ.get("VINSTALL_TEST_UPDATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(seen) + "\n")
    allowed = path.read_text().split()
    assert sorted(set(seen) - set(allowed)) == []


class TestBudget:
    def test_version(self, scene: Scene) -> None:
        check("version", loaded(scene, "--version"))

    def test_nothing_to_do(self, scene: Scene) -> None:
        """The third run finds what the second has left for it."""
        loaded(scene, "plain")
        age(scene.root)  # what changed a moment ago might change again unseen
        loaded(scene, "plain")
        check("nothing_to_do", loaded(scene, "plain"))

    def test_warm_install(self, scene: Scene) -> None:
        """Everything is in the cache; the environment is empty."""
        assert scene.run("app").code == 0
        assert scene.run("app", "--reinstall").code == 0
        check("warm_install", loaded(scene, "app", "--reinstall"))

    def test_express_install(self, scene: Scene) -> None:
        """The third run finds the recipe that the second has left."""
        model = scene.root / "model"
        shutil.copytree(scene.env, model, symlinks=True)
        age(scene.index)
        for _ in range(2):
            loaded(scene, "plain")
            shutil.rmtree(scene.env)
            shutil.copytree(model, scene.env, symlinks=True)
        check("express_install", loaded(scene, "plain"))

    def test_warm_dry_run(self, scene: Scene) -> None:
        assert scene.run("app", "--dry-run").code == 0
        check("warm_dry_run", loaded(scene, "app", "--dry-run"))


@pytest.mark.parametrize(
    "name", ["version", "nothing_to_do", "express_install", "warm_install", "warm_dry_run"]
)
def test_the_network_and_the_drawing_are_in_no_list(name: str) -> None:
    listed = set((LISTS / f"{name}.txt").read_text().split())
    assert listed.isdisjoint(
        {"httpx", "httpcore", "rich", "ssl", "truststore", "cpuinfo", "pynvml"}
    )
