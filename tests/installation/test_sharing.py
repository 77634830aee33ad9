"""Files that several distributions have: one copy, as long as any of them is there."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.installation.builders import World, make_environment, make_pin, target_of
from tests.support.wheels import make_wheel
from vinstall.errors import InstallationError
from vinstall.installation.plan import Plan
from vinstall.installation.sharing import compiled_from, is_bytecode


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def part(world: World, name: str, version: str = "1.0", *, common: str = "") -> Path:
    """A wheel with a part of a namespace whose `__init__.py` is in every other part too."""
    files = {"space/__init__.py": common, f"space/{name}/__init__.py": f"# {name} {version}"}
    return make_wheel(world.folder.parent / "wheels", name, version, files=files)


def space(world: World) -> list[str]:
    folder = world.site / "space"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


class TestInstalling:
    def test_two_at_once(self, world: World) -> None:
        world.install(part(world, "one"), part(world, "two"), part(world, "three"))
        assert space(world) == [
            *("__init__.py", "one/__init__.py", "three/__init__.py", "two/__init__.py")
        ]
        for name in ("one", "two", "three"):
            record = (world.site / f"{name}-1.0.dist-info" / "RECORD").read_text()
            assert "space/__init__.py,sha256=" in record

    def test_one_after_the_other(self, world: World) -> None:
        world.install(part(world, "one"))
        world.install(part(world, "two"))
        assert space(world) == ["__init__.py", "one/__init__.py", "two/__init__.py"]

    def test_another_version_of_one(self, world: World) -> None:
        world.install(part(world, "one"), part(world, "two"))
        world.install(part(world, "one", "2.0"))
        assert space(world) == ["__init__.py", "one/__init__.py", "two/__init__.py"]
        assert (world.site / "space" / "one" / "__init__.py").read_text() == "# one 2.0"

    def test_different_contents_are_a_conflict(self, world: World) -> None:
        world.install(part(world, "one", common="1"))
        with pytest.raises(InstallationError) as caught:
            world.install(part(world, "two", common="2"))
        path = world.site / "space" / "__init__.py"
        assert caught.value.message == f"`two` and `one` both have the file `{path}`"
        assert space(world) == ["__init__.py", "one/__init__.py"]

    def test_so_are_different_contents_of_two_new_ones(self, world: World) -> None:
        alike = part(world, "one", common="1"), part(world, "three", common="1")
        with pytest.raises(InstallationError, match="both have the file"):
            world.install(*alike, part(world, "two", common="2"))
        assert not (world.site / "space").exists()


class TestBytecode:
    """It holds the time of its source, so that of one wheel differs from that of another."""

    @pytest.fixture
    def wheels(self, world: World) -> list[Path]:
        wheels = [part(world, "one", common="x = 1\n"), part(world, "two", common="x = 1\n")]
        world.fetch(Plan(install=(make_pin(wheels[0]),)))
        time.sleep(1.1)  # bytecode counts in seconds
        return wheels

    @pytest.mark.parametrize("together", [True, False])
    def test_one_copy_serves_both(
        self, tmp_path: Path, world: World, wheels: list[Path], *, together: bool
    ) -> None:
        python = make_environment(tmp_path / "real")
        real = World(tmp_path / "w", target=target_of(python))
        real.store = world.store
        for some in [wheels] if together else [[wheel] for wheel in wheels]:
            real.install(*some, compile_into=real.store)
        folder = real.site / "space" / "__pycache__"
        (compiled,) = folder.iterdir()
        before = compiled.read_bytes()
        subprocess.run([python, "-c", "import space.one, space.two"], check=True)
        assert compiled.read_bytes() == before  # it fits the source that is there
        real.install(remove=["one"])
        assert compiled.exists()
        real.install(remove=["two"])
        assert not (real.site / "space").exists()

    def test_the_module_of_a_compiled_one_is_known(self) -> None:
        assert compiled_from("a/__pycache__/m.cpython-312.opt-1.pyc") == "a/m.py"
        assert compiled_from("__pycache__/m.cpython-312.pyc") == "m.py"
        assert is_bytecode("__pycache__/m.cpython-312.pyc")
        assert not is_bytecode("a/m.pyc")


class TestUninstalling:
    def test_the_file_stays_with_whoever_stays(self, world: World) -> None:
        world.install(part(world, "one"), part(world, "two"))
        world.install(remove=["one"])
        assert space(world) == ["__init__.py", "two/__init__.py"]

    def test_it_goes_with_the_last(self, world: World) -> None:
        world.install(part(world, "one"), part(world, "two"))
        world.install(remove=["one"])
        world.install(remove=["two"])
        assert not (world.site / "space").exists()

    def test_it_goes_with_all_at_once(self, world: World) -> None:
        world.install(part(world, "one"), part(world, "two"))
        world.install(remove=["one", "two"])
        assert not (world.site / "space").exists()

    def test_an_unreadable_record_of_another_is_no_obstacle(self, world: World) -> None:
        world.install(part(world, "one"), part(world, "two"))
        (world.site / "two-1.0.dist-info" / "RECORD").write_bytes(b"\xff\n")
        world.install(remove=["one"])
        assert not (world.site / "space" / "one").exists()
