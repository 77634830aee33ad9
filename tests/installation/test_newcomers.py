"""Wheels of the store straight into an environment."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import vinstall
from tests.installation.builders import World, make_environment, make_pin, target_of
from tests.support.wheels import make_wheel
from vinstall.errors import InstallationError
from vinstall.installation import transfer
from vinstall.installation.apply import destination_of
from vinstall.installation.bytecode import bytecode_kind
from vinstall.installation.environment_lock import lock_environment
from vinstall.installation.newcomers import Newcomer, install_directly, try_lock
from vinstall.installation.origin import origin_file
from vinstall.resolution.model import Pin

LIGHT = """
import os
import sys
sys.path.insert(0, {path!r})
before = set(sys.modules)
import vinstall.installation.newcomers
print(*sorted(set(sys.modules) - before))
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def pins(tmp_path: Path) -> list[Pin]:
    """Two wheels with everything that a wheel can bring."""
    one = make_wheel(
        tmp_path / "wheels",
        "one",
        files={
            "one/__init__.py": "",
            'one/a "quoted", name.py': "",
            "one-1.0.data/scripts/plain": "#!python\nprint()\n",
            "one-1.0.data/data/share/one/file": "1",
            "one-1.0.data/headers/one.h": "",
            "space/__init__.py": "",
        },
        entry_points="[console_scripts]\none = one:main\n",
    )
    two = make_wheel(
        tmp_path / "wheels", "two", files={"two.py": "x = 1\n", "space/__init__.py": ""}
    )
    return [make_pin(one, requested=True), make_pin(two)]


def newcomers(pins: Sequence[Pin]) -> list[Newcomer]:
    rows = []
    for pin in pins:
        file = pin.choice.artifact.file
        sha256 = dict(file.hashes)["sha256"]
        origin = origin_file(pin, sha256, None)
        rows.append(
            Newcomer(pin.name, str(pin.version), sha256, file.filename, pin.requested, origin)
        )
    return rows


def put(world: World, pins: Sequence[Pin], **options: str) -> bool:
    return install_directly(
        str(world.store.root), newcomers(pins), destination_of(world.target), **options
    )


class TestAnEmptyPlace:
    def test_ends_up_as_by_the_long_way(self, world: World, pins: list[Pin]) -> None:
        world.install(*pins)
        expected = world.tree()
        world.install(remove=["one", "two"])
        assert put(world, pins)
        assert world.tree() == expected
        assert sorted(world.installed()) == ["one", "two"]

    def test_copies_are_apart(self, world: World, pins: list[Pin]) -> None:
        stored = world.fetch(world.plan(*pins))
        assert put(world, pins, link_mode="copy")
        source = Path(stored[pins[1].name].path, "two.py")
        assert not source.samefile(world.site / "two.py")

    def test_bytecode_comes_along_once_it_is_there(self, tmp_path: Path, pins: list[Pin]) -> None:
        world = World(tmp_path, target=target_of(make_environment(tmp_path / "real")))
        kind = bytecode_kind(world.target)
        world.fetch(world.plan(*pins))
        assert not put(world, pins, bytecode_kind=kind)
        assert world.installed() == {}
        world.install(*pins, compile_into=world.store)
        compiled = sorted(world.site.rglob("*.pyc"))
        world.install(remove=["one", "two"])
        assert put(world, pins, bytecode_kind=kind)
        assert sorted(world.site.rglob("*.pyc")) == compiled != []


class TestTheLongWayHasToDecide:
    """Nothing has changed then."""

    @pytest.fixture(autouse=True)
    def _fetched(self, world: World, pins: list[Pin]) -> None:
        world.fetch(world.plan(*pins))

    def test_where_a_wheel_is_not_in_the_store(self, world: World, pins: list[Pin]) -> None:
        world.store.remove(newcomers(pins)[1].sha256)
        self.refused(world, pins)

    def test_where_it_has_another_name_there(self, world: World, pins: list[Pin]) -> None:
        first, second = newcomers(pins)
        renamed = second._replace(filename="two-1.0-py2.py3-none-any.whl")
        root = str(world.store.root)
        assert not install_directly(root, [first, renamed], destination_of(world.target))
        assert world.installed() == {}

    @pytest.mark.parametrize("many", [False, True])
    def test_where_a_file_of_the_store_was_changed(
        self, world: World, pins: list[Pin], monkeypatch: pytest.MonkeyPatch, *, many: bool
    ) -> None:
        if many:
            monkeypatch.setattr("vinstall.installation.newcomers._HEAVY", 1)
        stored = world.store.find(newcomers(pins)[1].sha256)
        assert stored is not None
        Path(stored.path, "two.py").write_text("x = 2\n")
        self.refused(world, pins)
        assert not stored.entry.exists()
        world.install(*pins)
        assert (world.site / "two.py").read_text() == "x = 1\n"

    @pytest.mark.parametrize("name", ["two.py", "two.py/within"])
    def test_where_something_is_in_the_way(self, world: World, pins: list[Pin], name: str) -> None:
        (world.site / name).parent.mkdir(exist_ok=True)
        (world.site / name).write_text("mine")
        self.refused(world, pins)

    def test_where_two_bring_different_files_for_one_place(
        self, world: World, pins: list[Pin], tmp_path: Path
    ) -> None:
        other = make_pin(make_wheel(tmp_path / "wheels", "other", files={"two.py": "x = 3\n"}))
        world.fetch(world.plan(other))
        before = world.tree()
        with pytest.raises(InstallationError, match="`other` and `two` both have the file"):
            put(world, [*pins, other])
        assert world.tree() == before

    def test_where_the_disk_is_full(
        self, world: World, pins: list[Pin], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: str) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        before = world.tree()
        monkeypatch.setitem(transfer._LINKS, "hardlink", refuse)
        with pytest.raises(InstallationError, match="No space left on device"):
            put(world, pins, link_mode="hardlink")
        assert world.tree() == before

    def refused(self, world: World, pins: list[Pin]) -> None:
        before = world.tree()
        assert not put(world, pins)
        assert world.tree() == before


class TestLock:
    def test_it_is_not_waited_for(self, world: World) -> None:
        site = str(world.site)
        with lock_environment(world.target, world.listener):
            assert try_lock(site) is None
        lock = try_lock(site)
        assert lock is not None
        assert try_lock(site) is None
        lock.release()
        with lock_environment(world.target, world.listener):
            assert world.listener.notices == []

    def test_a_folder_that_is_not_there_has_none(self, tmp_path: Path) -> None:
        assert try_lock(str(tmp_path / "gone")) is None


def test_little_is_loaded_for_it() -> None:
    code = LIGHT.format(path=str(Path(vinstall.__file__).parents[1]))
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name for name in ran.stdout.split() if not name.startswith("vinstall")}
    assert loaded <= {
        *("__future__", "_collections", "_operator", "_sha2", "_sha256", "_signal", "_thread"),
        *("binascii", "errno", "marshal"),
    }
