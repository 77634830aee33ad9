"""An installation made again in the express lane is the one the full way makes, to the byte."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.scene import CU12, CUDA_12_8, NO_GPU, Scene
from tests.support.command import Ran, clean_environ
from vinstall.cache.store import bucket

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="siblings are known on Linux")

_SCRIPT = """\
import sys
from vinstall.cli.entry import main
try:
    main()
finally:
    with open({path!r}, "w") as out:
        out.write("full" if "vinstall.workflows.install" in sys.modules else "express")
"""
Tree = dict[str, tuple[object, ...]]


class Road(Scene):
    """A scene whose runs tell which way they took."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.way = ""
        """Of the last run: `express` or `full`."""
        self._said = root / "way"
        self._script = root / "script.py"
        self._script.write_text(_SCRIPT.format(path=str(self._said)))
        self.variables.update(NO_GPU)
        self._fill()
        self.publish()
        command = [sys.executable, "-m", "venv", "--without-pip", str(root / "model")]
        subprocess.run(command, check=True, capture_output=True)
        self.fresh()

    def _fill(self) -> None:
        """Wheels with everything that goes somewhere else than modules do."""
        scripts = "[console_scripts]\napp = app:main\n[gui_scripts]\napp-gui = app.gui:main\n"
        data = "app-1.0.data"
        self.wheel(
            "app",
            requires=["lib>=1", 'extra-lib; extra == "more"'],
            extras=["more"],
            entry_points=scripts,
            files={
                "app/__init__.py": "def main(): print('app runs')\n",
                "app/with, comma.txt": "x",
                "app/deep/er/data.bin": bytes(range(256)),
                f"{data}/scripts/tool.py": "#!python\nprint('tool runs')\n",
                f"{data}/scripts/plain.sh": "#!/bin/sh\necho plain\n",
                f"{data}/data/share/app/app.desktop": "[Desktop Entry]\n",
                f"{data}/headers/app.h": "#define APP 1\n",
                f"{data}/platlib/app_plat.py": "PLAT = 1\n",
            },
        )
        self.wheel("lib", files={"space/lib.py": "X = 1\n", "lib/__init__.py": ""})
        self.wheel("extra-lib", files={"space/extra.py": "X = 2\n", "e.py": ""})
        self.wheel("later", files={"later.py": "", "app/__init__.py": "taken = True\n"})

    def fresh(self) -> None:
        """The environment is empty once more."""
        shutil.rmtree(self.env, ignore_errors=True)
        shutil.copytree(self.root / "model", self.env, symlinks=True)

    def go(self, *words: str, variables: Mapping[str, str] | None = None) -> Ran:
        """`vinstall` with `words`; `way` tells how it went."""
        self._said.write_text("")
        done = subprocess.run(
            [sys.executable, str(self._script), *words],
            cwd=self.root,
            env=self._environ(variables or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.way = self._said.read_text()
        return Ran(done.returncode, done.stdout, done.stderr)

    def _environ(self, variables: Mapping[str, str]) -> dict[str, str]:
        path = os.pathsep.join(sys.path)
        return clean_environ(self.home, PYTHONPATH=path, **{**self.variables, **variables})

    def start(self, *words: str) -> subprocess.Popen[str]:
        """`vinstall` with `words`, not waited for."""
        return subprocess.Popen(
            [sys.executable, str(self._script), *words],
            cwd=self.root,
            env=self._environ({}),
            stderr=subprocess.PIPE,
            text=True,
        )

    def words(self, *words: str) -> tuple[str, ...]:
        """The words that install from the index of the scene."""
        return (*words, "--index-url", str(self.index))

    def in_env(self, *words: str) -> tuple[str, ...]:
        """The same, into the environment of the scene."""
        return self.words(*words, "--python", str(self.python))

    def learn(self, *words: str, variables: Mapping[str, str] | None = None) -> Ran:
        """Run `words` until there is a recipe; the last run, which took the full way, comes back."""
        self.age()
        assert self.go(*words, variables=variables).code == 0
        self.fresh()
        ran = self.go(*words, variables=variables)
        assert (ran.code, self.way) == (0, "full"), ran.err
        return ran

    def age(self) -> None:
        """All that is asked or read was changed an hour ago."""
        then = time.time() - 3600
        for path in (*self.index.rglob("*"), *self.root.glob("*.txt")):
            os.utime(path, (then, then))

    @property
    def store(self) -> Path:
        return self.home / ".cache/vinstall/v1" / bucket()

    @property
    def site(self) -> Path:
        return next((self.env / "lib").glob("python*/site-packages"))


@pytest.fixture
def road(tmp_path: Path) -> Road:
    return Road(tmp_path)


def tree(folder: Path) -> Tree:
    """Everything below `folder`: kind, mode and content; of what is linked, also which file it is."""
    found: Tree = {}
    for path in sorted(folder.rglob("*")):
        name, status = str(path.relative_to(folder)), path.lstat()
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder", status.st_mode)
        else:
            shared = status.st_ino if status.st_nlink > 1 else None
            found[name] = (status.st_mode, path.read_bytes(), shared)
    return found


def timeless(ran: Ran) -> Ran:
    """`ran` without the seconds it took."""
    return ran._replace(err=re.sub(r" in \d+\.\d s\n", " in T s\n", ran.err))


REQUIREMENTS = "app[more]\nlater ; python_version < '3'\n"
ASKED = {
    "plain": ("app",),
    "an extra": ("app[more]",),
    "two": ("install", "app", "extra-lib"),
    "compiled": ("app", "--compile"),
    "copied": ("app", "--link-mode", "copy"),
    "linked": ("app", "--link-mode=symlink"),
    "linked from a relative folder": ("app", "--link-mode=symlink", "--cache-dir", "kept"),
    "without dependencies": ("app", "--no-deps"),
    "from a file": ("-r", "requirements.txt"),
}


@pytest.mark.parametrize("words", ASKED.values(), ids=ASKED)
def test_the_express_lane_installs_what_the_full_way_does(
    road: Road, words: tuple[str, ...]
) -> None:
    (road.root / "requirements.txt").write_text(REQUIREMENTS)
    asked = road.in_env(*words)
    full = road.learn(*asked)
    by_full = tree(road.env)
    road.fresh()
    express = road.go(*asked)
    assert road.way == "express"
    assert timeless(express) == timeless(full)
    assert tree(road.env) == by_full
    script = road.env / "bin/app"
    assert subprocess.check_output([script], text=True) == "app runs\n"


def test_another_environment_is_served(road: Road) -> None:
    asked = road.words("app")
    road.learn(*asked, "--python", str(road.python))
    road.env = road.root / "another environment"
    road.python = road.env / "bin/python"
    road.fresh()
    ran = road.go(*asked, "--python", str(road.python))
    assert ran.code == 0
    assert ran.err.startswith(f"environment: `{road.env}` (CPython ")
    assert subprocess.check_output([road.env / "bin/app"], text=True) == "app runs\n"
    assert road.installed() == {"app": "1.0", "lib": "1.0"}


def test_the_active_environment_is_served(road: Road) -> None:
    active = {"VIRTUAL_ENV": str(road.env)}
    full = road.learn(*road.words("app"), variables=active)
    road.fresh()
    express = road.go(*road.words("app"), variables=active)
    assert road.way == "express"
    assert timeless(express) == timeless(full)
    assert "active virtual environment" in express.err


def test_the_environment_of_the_folder_is_served(road: Road) -> None:
    road.env = road.root / ".venv"
    road.fresh()
    full = road.learn(*road.words("app"))
    road.fresh()
    express = road.go(*road.words("app"))
    assert road.way == "express"
    assert timeless(express) == timeless(full)


def test_a_file_with_hashes_is_served(road: Road) -> None:
    from hashlib import sha256

    (wheel,) = (road.index / "lib").glob("*.whl")
    digest = sha256(wheel.read_bytes()).hexdigest()
    (road.root / "requirements.txt").write_text(f"lib==1.0 --hash=sha256:{digest}\n")
    asked = road.in_env("-r", "requirements.txt", "--require-hashes")
    road.learn(*asked)
    road.fresh()
    assert road.go(*asked).code == 0
    assert road.way == "express"
    (road.root / "requirements.txt").write_text(f"lib==1.0 --hash=sha256:{'0' * 64}\n")
    road.fresh()
    ran = road.go(*asked)
    assert (ran.code, road.way) == (1, "full")
    assert not list(road.site.glob("*.dist-info"))


class TestFallingThrough:
    """Whatever is not as it was is the full way's."""

    def test_what_is_installed_already(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        ran = road.go(*asked)
        assert (ran.code, road.way) == (0, "full")
        assert ran.err.endswith("nothing to do: 2 projects as asked already\n")

    def test_a_part_of_it_is_installed_already(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        assert road.go(*road.in_env("lib")).code == 0
        ran = road.go(*asked)
        assert (ran.code, road.way) == (0, "full")
        assert "+ lib" not in ran.err

    def test_a_stored_file_that_was_edited(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        (stored,) = road.store.glob("*/*/files/app/__init__.py")
        stored.write_text("def main(): print('evil')\n")
        ran = road.go(*asked)
        assert (ran.code, road.way) == (0, "full")
        assert subprocess.check_output([road.env / "bin/app"], text=True) == "app runs\n"

    def test_a_stored_wheel_that_is_gone(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        (manifest, *_) = road.store.glob("*/*/manifest")
        shutil.rmtree(manifest.parent)
        ran = road.go(*asked)
        assert (ran.code, road.way) == (0, "full")
        assert road.installed() == {"app": "1.0", "lib": "1.0"}
        road.fresh()
        assert road.go(*asked).code == 0
        assert road.way == "express"

    def test_another_umask(self, road: Road) -> None:
        asked = road.in_env("app")
        before = os.umask(0o077)
        try:
            road.learn(*asked)
        finally:
            os.umask(before)
        for umask, mode in ((0o002, 0o664), (0o022, 0o644), (0o077, 0o600)):
            road.fresh()
            os.umask(umask)
            try:
                ran = road.go(*asked)
            finally:
                os.umask(before)
            assert (ran.code, road.way) == (0, "express" if umask == 0o077 else "full")
            assert (road.site / "app/__init__.py").stat().st_mode & 0o777 == mode
            assert (road.env / "bin/app").stat().st_mode & 0o777 == mode | (0o111 & ~umask)

    def test_a_newer_release_on_the_index(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        road.wheel("lib", "2.0")
        road.publish()
        ran = road.go(*asked)
        assert (ran.code, road.way) == (0, "full")
        assert "+ lib 2.0\n" in ran.err

    def test_a_file_in_the_way(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        (road.site / "app").mkdir()
        (road.site / "app/__init__.py").write_text("mine\n")
        ran = road.go(*asked)
        assert (ran.code, road.way) == (0, "full")
        assert "warning: replaced a file that belongs to no installed project" in ran.err

    def test_a_folder_in_the_way_of_a_file(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        (road.env / "bin/app").mkdir()
        before = tree(road.env)
        ran = road.go(*asked)
        assert (ran.code, road.way) == (1, "full")
        assert "has a file where the environment has a folder" in ran.err
        assert tree(road.env) == before

    def test_an_interrupted_installation(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        (road.site / ".vinstall-0123456789ab").mkdir()
        ran = road.go(*asked)
        assert (ran.code, road.way) == (0, "full")
        assert list(road.site.glob(".vinstall-*")) == []

    def test_another_installation_is_waited_for(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        with locked(road.site):
            running = road.start(*asked)
            assert running.stderr is not None
            running.stderr.readline()
            line = running.stderr.readline()
            assert line == f"note: waiting for another installation into `{road.env}`\n"
        assert running.wait(30) == 0
        running.stderr.close()
        assert road.installed() == {"app": "1.0", "lib": "1.0"}

    def test_a_wish_to_be_told_more(self, road: Road) -> None:
        asked = road.in_env("app")
        road.learn(*asked)
        for word in ("-v", "-q", "--report=-"):
            road.fresh()
            assert road.go(*asked, word).code == 0
            assert road.way == "full"

    def test_an_environment_with_a_configuration_of_its_own(self, road: Road) -> None:
        active = {"VIRTUAL_ENV": str(road.env), "PIP_CONFIG_FILE": ""}
        asked = road.words("app")
        road.learn(*asked, variables=active)
        road.fresh()
        (road.env / "pip.conf").write_text("[install]\nno-deps = true\n")
        ran = road.go(*asked, variables=active)
        assert (ran.code, road.way) == (0, "full")
        assert road.installed() == {"app": "1.0"}

    def test_a_warning_that_has_to_be_told_each_time(self, road: Road) -> None:
        road.wheel("app", "3.0", metadata_lines=["Requires-Dist: ???"])
        road.publish()
        asked = road.in_env("app")
        first = road.learn(*asked)
        road.fresh()
        assert timeless(road.go(*asked)) == timeless(first)
        assert road.way == "full"
        assert "\nwarning: `app` 3.0 is passed over: " in first.err

    def test_a_hash_given_by_a_variable(self, road: Road) -> None:
        from hashlib import sha256

        (wheel,) = (road.index / "lib").glob("*.whl")
        digest = sha256(wheel.read_bytes()).hexdigest()
        (road.root / "requirements.txt").write_text("lib==1.0 --hash=sha256:${DIGEST}\n")
        asked = road.in_env("-r", "requirements.txt")
        road.learn(*asked, variables={"DIGEST": digest})
        road.fresh()
        assert road.go(*asked, variables={"DIGEST": "0" * 64}).code == 1
        assert road.installed() == {}

    def test_an_installed_variant_that_nobody_asks_for(self, road: Road) -> None:
        """What fits no more is replaced in passing, so nothing to do is no answer for ever."""
        road.variants("var", "1.0", {"null": {}, "cu12": CU12})
        road.publish()
        road.age()
        assert road.go(*road.in_env("var", "app"), variables=CUDA_12_8).code == 0
        for _ in range(2):
            time.sleep(0.2)
            ran = road.go(*road.in_env("app"), variables=CUDA_12_8)
            assert ran.err.endswith("nothing to do: 2 projects as asked already\n")
        assert "\n~ var 1.0 (cu12) -> 1.0 (null)\n" in road.go(*road.in_env("app")).err

    def test_variants(self, road: Road) -> None:
        road.variants("lib", "3.0", {"null": {}, "mkl": {"blas": {"library": ["mkl"]}}})
        road.publish()
        asked = road.in_env("app")
        road.learn(*asked)
        road.fresh()
        assert road.go(*asked).code == 0
        assert road.way == "full"


@contextmanager
def locked(site: Path) -> Iterator[None]:
    """Another process changes the environment, as far as anybody can tell."""
    handle = os.open(site, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def test_ctrl_c_leaves_the_environment_as_it_was(road: Road) -> None:
    """At whatever moment it comes: nothing was installed, or all of it."""
    asked = road.in_env("app")
    road.learn(*asked)
    whole = {"app": "1.0", "lib": "1.0"}
    for milliseconds in range(10, 60, 5):
        road.fresh()
        before = tree(road.env)
        running = road.start(*asked)
        time.sleep(milliseconds / 1000)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
        if road.installed() != whole:
            assert tree(road.env) == before
            assert running.returncode != 0
            assert "installed" not in err
