"""Changes of an environment as a whole: what is there afterwards."""

from __future__ import annotations

import csv
import errno
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation.archives import archive, digest
from tests.installation.builders import (
    Listener,
    World,
    make_environment,
    make_pin,
    plain_target,
    target_of,
)
from tests.support.wheels import make_wheel
from vinstall.errors import InstallationError, TargetError
from vinstall.installation import transfer
from vinstall.installation.apply import apply, heal, uninstall
from vinstall.installation.linking import LinkMode, default_link_mode
from vinstall.installation.plan import Plan
from vinstall.target.installed import scan_installed
from vinstall.values import replace


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def wheel(world: World, name: str = "demo", version: str = "1.0", **options: object) -> Path:
    return make_wheel(world.folder.parent / "wheels", name, version, **options)  # type: ignore[arg-type]


def check_record(world: World, info: str) -> None:
    """RECORD lists every file of the distribution with its true size and hash, and no other."""
    text = (world.site / info / "RECORD").read_text()
    rows = {path: (hashed, size) for path, hashed, size in csv.reader(text.splitlines())}
    assert len(rows) == len(text.splitlines())
    assert rows.pop(f"{info}/RECORD") == ("", "")
    for path, (hashed, size) in rows.items():
        content = (world.site / path).read_bytes()
        assert (hashed, size) == (digest(content), str(len(content))), path
    listed = {os.path.normpath(world.site / path) for path in rows}
    below = {str(path) for path in world.folder.rglob("*") if path.is_file()}
    assert below - listed <= {str(world.site / info / "RECORD")}


class TestInstall:
    def test_a_wheel_is_installed_with_its_record(self, world: World) -> None:
        outcome = world.install(wheel(world))
        assert world.installed() == {"demo": "1.0"}
        assert [pin.name for pin in outcome.installed] == ["demo"]
        assert outcome.replaced == ()
        assert outcome.removed == ()
        assert (world.site / "demo" / "__init__.py").read_text().startswith("__version__ = '1.0'")
        assert (world.site / "demo-1.0.dist-info" / "INSTALLER").read_text() == "vinstall\n"
        check_record(world, "demo-1.0.dist-info")
        assert world.listener.names == ["demo 1.0"]
        assert world.listener.warnings == []

    def test_nothing_but_the_distribution_is_left_behind(self, world: World) -> None:
        world.install(wheel(world))
        assert sorted(path.name for path in world.site.iterdir()) == ["demo", "demo-1.0.dist-info"]
        assert sorted(path.name for path in world.folder.iterdir()) == ["lib"]

    def test_every_scheme_gets_its_files(self, world: World, tmp_path: Path) -> None:
        path = archive(
            tmp_path,
            ("pkg/a.py", "a"),
            ("demo-1.0.data/purelib/p.py", "p"),
            ("demo-1.0.data/platlib/q.so", "q"),
            ("demo-1.0.data/headers/sub/demo.h", "h"),
            ("demo-1.0.data/scripts/run", "#!python -E\nprint(1)\n"),
            ("demo-1.0.data/scripts/tool", "#!/bin/sh\n"),
            ("demo-1.0.data/data/share/man/demo.1", "man"),
            ("demo-1.0.data/data/lib/python3.12/site-packages/via_data.py", "d"),
        )
        world.install(path)
        found = {name for name in world.tree() if ".dist-info" not in name}
        site = "lib/python3.12/site-packages"
        assert found == {
            f"{site}/pkg/a.py",
            f"{site}/p.py",
            f"{site}/q.so",
            f"{site}/via_data.py",
            "include/site/python3.12/demo/sub/demo.h",
            "bin/run",
            "bin/tool",
            "share/man/demo.1",
        }
        assert (world.folder / "bin" / "run").read_text() == (
            f"#!{world.target.python}\nprint(1)\n"
        )
        assert os.access(world.folder / "bin" / "run", os.X_OK)
        assert os.access(world.folder / "bin" / "tool", os.X_OK)
        check_record(world, "demo-1.0.dist-info")

    def test_separate_library_folders_are_kept_apart(self, tmp_path: Path) -> None:
        target = plain_target(tmp_path / "environment")
        platlib = tmp_path / "environment" / "lib64" / "python3.12" / "site-packages"
        scheme = replace(target.scheme, platlib=platlib)
        world = World(tmp_path, target=replace(target, scheme=scheme))
        world.install(archive(tmp_path, ("p.py", "p"), ("demo-1.0.data/platlib/q.so", "q")))
        assert (platlib / "q.so").read_text() == "q"
        check_record(world, "demo-1.0.dist-info")

    def test_one_library_folder_under_two_names_is_one(self, tmp_path: Path) -> None:
        target = plain_target(tmp_path / "environment")
        (tmp_path / "environment" / "lib64").symlink_to("lib")
        platlib = tmp_path / "environment" / "lib64" / "python3.12" / "site-packages"
        scheme = replace(target.scheme, platlib=platlib)
        world = World(tmp_path, target=replace(target, scheme=scheme))
        texts = {"WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"}
        world.install(archive(tmp_path, ("q.so", "q"), texts=texts))
        text = (world.site / "demo-1.0.dist-info" / "RECORD").read_text()
        assert f"q.so,{digest(b'q')},1" in text.splitlines()

    def test_entry_points_become_scripts_that_run(self, tmp_path: Path) -> None:
        python = make_environment(tmp_path / "real environment with spaces")
        world = World(tmp_path, target=target_of(python))
        points = (
            "[console_scripts]\ndemo-run = demo.cli:Tool.main\n[gui_scripts]\nw = demo.cli:gui\n"
        )
        code = (
            "import sys\nclass Tool:\n  @staticmethod\n  def main():\n"
            "    print(sys.argv[1:], sys.prefix)\n    return 7\n"
            "def gui(): print('gui')\n"
        )
        world.install(wheel(world, files={"demo/cli.py": code}, entry_points=points))
        run = subprocess.run(
            [python.parent / "demo-run", "a b"], capture_output=True, text=True, check=False
        )
        assert run.stdout == f"['a b'] {python.parent.parent}\n"
        assert run.returncode == 7
        assert subprocess.check_output([python.parent / "w"], text=True) == "gui\n"

    def test_an_entry_point_wins_over_a_file_of_the_same_name(
        self, world: World, tmp_path: Path
    ) -> None:
        points = "[console_scripts]\nrun = demo:main\n"
        path = archive(
            tmp_path,
            ("demo.py", "def main(): ..."),
            ("demo-1.0.data/scripts/run", "#!/bin/sh\necho old\n"),
            texts={"entry_points.txt": points},
        )
        world.install(path)
        assert "from demo import main" in (world.folder / "bin" / "run").read_text()
        check_record(world, "demo-1.0.dist-info")

    def test_requested_is_marked(self, world: World) -> None:
        world.install(make_pin(wheel(world), requested=True), wheel(world, "other"))
        assert (world.site / "demo-1.0.dist-info" / "REQUESTED").read_bytes() == b""
        assert not (world.site / "other-1.0.dist-info" / "REQUESTED").exists()

    def test_the_origin_is_written_down(self, world: World) -> None:
        path = wheel(world)
        pin = make_pin(path)
        world.install(pin, make_pin(wheel(world, "direct"), direct_url="https://x.example/d.whl"))
        by_index = json.loads((world.site / "demo-1.0.dist-info/provenance_url.json").read_text())
        assert by_index == {
            "url": path.as_uri(),
            "archive_info": {"hashes": dict(pin.choice.artifact.file.hashes)},
        }
        direct = json.loads((world.site / "direct-1.0.dist-info/direct_url.json").read_text())
        assert direct["url"] == "https://x.example/d.whl"
        assert not (world.site / "demo-1.0.dist-info/direct_url.json").exists()
        assert not (world.site / "direct-1.0.dist-info/provenance_url.json").exists()

    def test_packages_that_share_a_namespace_live_together(self, world: World) -> None:
        first = wheel(world, "first", files={"space/one/__init__.py": "1", "space/one/x.py": "x"})
        second = wheel(world, "second", files={"space/two.py": "2"})
        world.install(first)
        world.install(second)
        third = wheel(world, "third", files={"space/three/__init__.py": "3"})
        fourth = wheel(world, "fourth", files={"space/three/sub/four.py": "4"})
        world.install(third, fourth)
        found = {name.partition("space/")[2] for name in world.tree() if "space/" in name}
        assert found == {
            "one/__init__.py",
            "one/x.py",
            "two.py",
            "three/__init__.py",
            "three/sub/four.py",
        }

    def test_a_hundred_of_them_are_one_transaction(self, world: World) -> None:
        wheels = [wheel(world, f"p{number}") for number in range(100)]
        world.install(*wheels)
        assert len(world.installed()) == 100


class TestLinkModes:
    def test_files_are_shared_with_the_store(self, world: World) -> None:
        path = wheel(world)
        outcome = world.install(path)
        stored = world.fetch(Plan(install=(make_pin(path),)))[make_pin(path).name]
        inode = (world.site / "demo" / "__init__.py").stat().st_ino
        assert Path(stored.path, "demo", "__init__.py").stat().st_ino == inode
        assert outcome.link_mode is default_link_mode()

    def test_another_file_system_gets_copies_and_says_so_in_detail(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(source: str, target: str) -> None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setitem(transfer._LINKS, LinkMode.HARDLINK, refuse)
        outcome = world.install(wheel(world), link_mode=LinkMode.HARDLINK)
        assert outcome.link_mode is LinkMode.COPY
        assert world.listener.details == [
            "files were copied: `hardlink` does not work from the cache to here"
        ]
        check_record(world, "demo-1.0.dist-info")


class TestReplace:
    def old_and_new(self, world: World) -> tuple[Path, Path]:
        old = {"demo/__init__.py": "old", "demo/gone/mod.py": "gone", "top.py": "old"}
        new = {"demo/__init__.py": "new", "demo/fresh/mod.py": "fresh", "top.py": "new"}
        points = "[console_scripts]\nold-tool = demo:main\n"
        return (
            wheel(world, files=old, entry_points=points),
            wheel(world, version="2.0", files=new),
        )

    def test_the_old_version_goes_as_the_new_one_comes(self, world: World) -> None:
        old, new = self.old_and_new(world)
        world.install(old)
        outcome = world.install(new)
        assert [(str(was.version), str(pin.version)) for was, pin in outcome.replaced] == [
            ("1.0", "2.0")
        ]
        fresh = World(world.folder.parent / "fresh")
        fresh.install(new)
        assert world.tree() == fresh.tree() | {"bin/": b""}
        check_record(world, "demo-2.0.dist-info")

    def test_bytecode_of_any_interpreter_goes_too(self, world: World) -> None:
        old, new = self.old_and_new(world)
        world.install(old)
        cache = world.site / "demo" / "gone" / "__pycache__"
        cache.mkdir()
        for name in ("mod.cpython-312.pyc", "mod.cpython-38.opt-1.pyc", "mod.pypy310.pyc"):
            (cache / name).touch()
        world.install(new)
        assert not (world.site / "demo" / "gone").exists()

    def test_what_is_not_ours_stays(self, world: World) -> None:
        old, new = self.old_and_new(world)
        world.install(old)
        (world.site / "demo" / "gone" / "notes.txt").write_text("mine")
        (world.site / "demo" / "__pycache__").mkdir()
        (world.site / "demo" / "__pycache__" / "other.cpython-312.pyc").touch()
        world.install(new)
        assert (world.site / "demo" / "gone" / "notes.txt").read_text() == "mine"
        assert not (world.site / "demo" / "gone" / "mod.py").exists()
        assert (world.site / "demo" / "__pycache__" / "other.cpython-312.pyc").exists()

    def test_the_same_version_can_be_put_in_again(self, world: World) -> None:
        old, _ = self.old_and_new(world)
        world.install(old)
        before = world.tree()
        (world.site / "top.py").write_text("damaged")
        (world.site / "demo" / "__init__.py").unlink()
        world.install(old)
        assert world.tree() == before

    def test_an_edit_in_place_is_healed_from_the_wheel(self, world: World) -> None:
        """What a hard link shares with the store is noticed and unpacked again."""
        old, _ = self.old_and_new(world)
        world.install(old)
        with (world.site / "top.py").open("a") as file:
            file.write("edited")
        other = World(world.folder.parent / "other")
        other.store, other.reader = world.store, world.reader
        other.install(old)
        assert (other.site / "top.py").read_text() == "old"
        assert world.reader.downloaded == [old.name, old.name]

    def test_a_file_may_become_a_folder(self, world: World) -> None:
        world.install(wheel(world, files={"thing": "file"}))
        world.install(wheel(world, version="2.0", files={"thing/sub/x": "folder"}))
        assert (world.site / "thing" / "sub" / "x").read_text() == "folder"
        assert world.installed() == {"demo": "2.0"}

    def test_duplicates_of_a_replaced_project_go(self, world: World) -> None:
        world.install(wheel(world))
        ghost = world.site / "demo-0.5.dist-info"
        ghost.mkdir()
        (ghost / "RECORD").write_text("ghost.py,,\ndemo-0.5.dist-info/RECORD,,\n")
        (world.site / "ghost.py").touch()
        world.install(wheel(world, version="2.0"))
        assert world.installed() == {"demo": "2.0"}
        assert not ghost.exists()
        assert not (world.site / "ghost.py").exists()

    def test_one_of_the_base_is_shadowed_and_not_touched(self, tmp_path: Path) -> None:
        base = World(tmp_path / "base")
        base.install(wheel(base))
        target = plain_target(tmp_path / "own" / "environment")
        sites = (*target.site_paths, base.site)
        world = World(tmp_path / "own", target=replace(target, site_paths=sites))
        before = base.tree()
        outcome = world.install(wheel(base, version="2.0"))
        assert [str(pin.version) for pin in outcome.installed] == ["2.0"]
        assert base.tree() == before
        assert world.installed() == {"demo": "2.0"}


class TestConflicts:
    """Two distributions that own the same file are refused, and both are named."""

    def refused(self, world: World, attempt: Callable[[], object]) -> InstallationError:
        before = world.tree()
        with pytest.raises(InstallationError) as caught:
            attempt()
        assert world.tree() == before
        return caught.value

    def test_two_new_ones(self, world: World) -> None:
        first = wheel(world, "first", files={"a.py": "1", "shared/x.py": "1"})
        second = wheel(world, "second", files={"shared/x.py": "2"})
        error = self.refused(world, lambda: world.install(first, second))
        path = world.site / "shared" / "x.py"
        assert error.message == f"`second` and `first` both have the file `{path}`"
        assert error.hint == (
            "one environment can hold only one of them: leave out `second`, or uninstall `first`"
        )

    def test_a_new_one_and_one_that_is_installed(self, world: World) -> None:
        world.install(wheel(world, "first", files={"shared/x.py": "1"}))
        second = wheel(world, "second", files={"shared/x.py": "2", "b.py": "b"})
        error = self.refused(world, lambda: world.install(second))
        path = world.site / "shared" / "x.py"
        assert error.message == f"`second` and `first` both have the file `{path}`"

    def test_two_with_one_script(self, world: World) -> None:
        points = "[console_scripts]\ntool = x:main\n"
        world.install(wheel(world, "first", entry_points=points))
        second = wheel(world, "second", entry_points=points)
        error = self.refused(world, lambda: world.install(second))
        assert error.message == (
            f"`second` and `first` both have the file `{world.folder / 'bin' / 'tool'}`"
        )

    def test_a_file_where_another_has_a_folder(self, world: World) -> None:
        first = wheel(world, "first", files={"thing": "file"})
        second = wheel(world, "second", files={"thing/x.py": "folder"})
        error = self.refused(world, lambda: world.install(first, second))
        path = world.site / "thing"
        assert error.message == f"`first` and `second` both have the file `{path}`"

    def test_one_that_leaves_makes_room(self, world: World) -> None:
        world.install(wheel(world, "first", files={"shared/x.py": "1"}))
        second = wheel(world, "second", files={"shared/x.py": "2"})
        world.install(second, remove=["first"])
        assert (world.site / "shared" / "x.py").read_text() == "2"
        assert world.installed() == {"second": "1.0"}

    def test_a_file_may_move_from_one_to_another(self, world: World) -> None:
        world.install(
            wheel(world, "first", files={"x.py": "1"}), wheel(world, "second", files={"y.py": "1"})
        )
        world.install(
            wheel(world, "first", "2.0", files={"z.py": "2"}),
            wheel(world, "second", "2.0", files={"x.py": "2", "y.py": "2"}),
        )
        assert (world.site / "x.py").read_text() == "2"

    def test_a_file_of_nobody_is_replaced_and_told(self, world: World) -> None:
        (world.site / "demo").mkdir()
        (world.site / "demo" / "__init__.py").write_text("left over")
        world.install(wheel(world))
        path = world.site / "demo" / "__init__.py"
        assert path.read_text() != "left over"
        assert world.listener.warnings == [
            f"replaced a file that belongs to no installed project: `{path}`"
        ]

    def test_a_folder_of_nobody_is_not_replaced_by_a_file(self, world: World) -> None:
        (world.site / "thing").mkdir()
        (world.site / "thing" / "mine.txt").touch()
        path = wheel(world, files={"thing": "file"})
        error = self.refused(world, lambda: world.install(path))
        assert error.message == "`demo` has a file where the environment has a folder"
        assert error.context == (f"`{world.site / 'thing'}`",)

    @pytest.mark.parametrize(
        ("name", "place"),
        [
            ("demo-1.0.data/scripts/python", "bin/python"),
            ("demo-1.0.data/data/bin/python3.12", "bin/python3.12"),
            ("demo-1.0.data/scripts/activate.fish", "bin/activate.fish"),
            ("demo-1.0.data/data/pyvenv.cfg", "pyvenv.cfg"),
        ],
    )
    def test_the_environment_itself_is_not_replaced(
        self, world: World, tmp_path: Path, name: str, place: str
    ) -> None:
        (world.folder / "bin").mkdir()
        (world.folder / place).write_text("precious")
        path = archive(tmp_path, (name, "evil"))
        error = self.refused(world, lambda: world.install(path))
        assert error.message == "`demo` would replace a part of the environment itself"
        assert error.context == (f"`{world.folder / place}`",)

    def test_a_broken_record_of_another_project_is_no_obstacle(self, world: World) -> None:
        world.install(wheel(world, "other"))
        (world.site / "other-1.0.dist-info" / "RECORD").write_bytes(b"\xff")
        (world.site / "demo").mkdir()
        (world.site / "demo" / "__init__.py").touch()
        world.install(wheel(world))
        assert world.installed() == {"demo": "1.0", "other": "1.0"}

    def test_a_link_out_of_the_environment_is_not_followed(
        self, world: World, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (world.site / "demo").symlink_to(outside)
        world.install(wheel(world))
        assert list(outside.iterdir()) == []
        assert not (world.site / "demo").is_symlink()


class TestUninstall:
    def uninstall(self, world: World, *names: str) -> object:
        from packaging.utils import canonicalize_name

        chosen = [canonicalize_name(name) for name in names]
        return uninstall(chosen, world.target, observer=world.listener)

    def test_everything_goes_and_empty_folders_with_it(self, world: World, tmp_path: Path) -> None:
        before = world.tree()
        path = archive(
            tmp_path,
            ("pkg/deep/er/a.py", "a"),
            ("demo-1.0.data/headers/demo.h", "h"),
            ("demo-1.0.data/data/share/man/demo.1", "man"),
            texts={"entry_points.txt": "[console_scripts]\ntool = pkg:main\n"},
        )
        world.install(path)
        (world.site / "pkg" / "deep" / "er" / "__pycache__").mkdir()
        (world.site / "pkg" / "deep" / "er" / "__pycache__" / "a.cpython-312.pyc").touch()
        self.uninstall(world, "demo")
        left = world.tree()
        for folder in ("bin/", "include/site/python3.12/"):  # folders of the environment itself
            left.pop(folder, None)
        assert left == before

    def test_one_that_is_not_installed_is_a_warning(self, world: World) -> None:
        self.uninstall(world, "Demo_X")
        assert world.listener.warnings == ["`demo-x` is not installed"]

    def test_what_a_record_lists_elsewhere_is_left_alone(
        self, world: World, tmp_path: Path
    ) -> None:
        outside = tmp_path / "precious.txt"
        outside.touch()
        world.install(wheel(world))
        record = world.site / "demo-1.0.dist-info" / "RECORD"
        away = os.path.relpath(outside, world.site)
        record.write_text(record.read_text() + f"{away},,\n{outside},,\n../,,\n\0/x,,\na\0b,,\n")
        self.uninstall(world, "demo")
        assert outside.exists()
        assert world.installed() == {}
        assert world.listener.warnings == [
            "`demo` lists files outside of the environment; they are left alone: "
            f"{away}, {outside}, \\x00/x"
        ]

    def test_a_folder_in_a_record_is_not_removed_with_its_contents(self, world: World) -> None:
        world.install(wheel(world))
        (world.site / "precious").mkdir()
        (world.site / "precious" / "x").touch()
        record = world.site / "demo-1.0.dist-info" / "RECORD"
        record.write_text(record.read_text() + "precious,,\n")
        self.uninstall(world, "demo")
        assert (world.site / "precious" / "x").exists()

    def test_a_link_is_removed_and_not_what_it_leads_to(self, world: World, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("precious")
        world.install(wheel(world))
        (world.site / "demo" / "__init__.py").unlink()
        (world.site / "demo" / "__init__.py").symlink_to(tmp_path / "file")
        self.uninstall(world, "demo")
        assert (tmp_path / "file").read_text() == "precious"
        assert world.tree() == {"lib/python3.12/site-packages/": b""}

    def test_one_without_a_record_is_refused(self, world: World) -> None:
        world.install(wheel(world))
        (world.site / "demo-1.0.dist-info" / "RECORD").unlink()
        with pytest.raises(InstallationError) as caught:
            self.uninstall(world, "demo")
        assert caught.value.message == "`demo` 1.0 cannot be uninstalled"
        assert caught.value.context == ("it has no RECORD; it was installed by vinstall",)
        assert world.installed() == {"demo": "1.0"}

    def test_one_of_distutils_is_refused(self, world: World) -> None:
        (world.site / "old-1.0.egg-info").write_text("Name: old\nVersion: 1.0\n")
        with pytest.raises(InstallationError) as caught:
            self.uninstall(world, "old")
        assert caught.value.message == "`old` 1.0 cannot be uninstalled"
        assert caught.value.context == (
            "it was installed by distutils, which does not list the files",
        )

    def test_one_of_setuptools_goes_by_its_list(self, world: World) -> None:
        info = world.site / "old-1.0-py3.12.egg-info"
        info.mkdir()
        (info / "PKG-INFO").write_text("Name: old\nVersion: 1.0\n")
        (info / "installed-files.txt").write_text("../old/__init__.py\nPKG-INFO\n")
        (world.site / "old").mkdir()
        (world.site / "old" / "__init__.py").touch()
        self.uninstall(world, "old")
        assert world.tree() == {"lib/python3.12/site-packages/": b""}

    def test_one_of_setuptools_without_a_list_is_refused(self, world: World) -> None:
        (world.site / "old-1.0-py3.12.egg-info").mkdir()
        with pytest.raises(InstallationError) as caught:
            self.uninstall(world, "old")
        assert caught.value.context == ("its `.egg-info` folder does not list its files",)

    def test_an_egg_link_goes_and_the_source_stays(self, world: World, tmp_path: Path) -> None:
        source = tmp_path / "source"
        info = source / "old.egg-info"
        info.mkdir(parents=True)
        (info / "PKG-INFO").write_text("Name: old\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[console_scripts]\nold-tool = old:main\n")
        (world.site / "old.egg-link").write_text(f"{source}\n.")
        (world.site / "easy-install.pth").write_text(f"/other\n{source}\n")
        (world.folder / "bin").mkdir()
        (world.folder / "bin" / "old-tool").touch()
        self.uninstall(world, "old")
        assert (world.site / "easy-install.pth").read_text() == "/other\n"
        assert not (world.site / "old.egg-link").exists()
        assert not (world.folder / "bin" / "old-tool").exists()
        assert (info / "PKG-INFO").exists()

    def test_one_of_the_base_is_not_ours(self, tmp_path: Path) -> None:
        base = World(tmp_path / "base")
        base.install(wheel(base))
        target = plain_target(tmp_path / "own" / "environment")
        sites = (*target.site_paths, base.site)
        world = World(tmp_path / "own", target=replace(target, site_paths=sites))
        with pytest.raises(InstallationError) as caught:
            self.uninstall(world, "demo")
        assert caught.value.message == "`demo` 1.0 is not part of the environment"
        assert base.installed() == {"demo": "1.0"}


class TestRefusals:
    def test_a_managed_environment_is_not_touched(self, world: World) -> None:
        managed = replace(world.target, externally_managed="Use apt.")
        plan = world.plan(wheel(world))
        with pytest.raises(TargetError) as caught:
            apply(plan, world.fetch(plan), managed, observer=Listener())
        assert caught.value.context == ("Use apt.",)
        assert world.tree() == {"lib/python3.12/site-packages/": b""}
        with pytest.raises(TargetError):
            uninstall([], managed, observer=Listener())

    def test_a_plan_that_somebody_overtook_is_refused(self, world: World) -> None:
        late = world.plan(wheel(world))
        world.install(wheel(world))
        with pytest.raises(InstallationError) as caught:
            world.apply(late)
        assert caught.value.message == (
            "the environment changed while this installation was prepared"
        )
        assert caught.value.context == ("`demo`",)

    def test_so_is_one_whose_old_version_is_gone(self, world: World) -> None:
        world.install(wheel(world))
        late = world.plan(wheel(world, version="2.0"))
        world.install(remove=["demo"])
        with pytest.raises(InstallationError) as caught:
            world.apply(late)
        assert caught.value.context == ("`demo`",)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
    def test_a_folder_that_cannot_be_written_is_named(self, world: World) -> None:
        world.site.chmod(0o555)
        with pytest.raises(InstallationError) as caught:
            world.install(wheel(world))
        assert "Permission denied" in caught.value.message

    def test_an_empty_plan_changes_nothing(self, world: World) -> None:
        before = world.tree()
        outcome = world.apply(Plan())
        assert outcome.installed == ()
        assert world.tree() == before
        assert not heal(world.target, world.listener)


def test_a_folder_that_is_not_there_is_made_and_kept(tmp_path: Path) -> None:
    target = plain_target(tmp_path / "environment")
    folder = tmp_path / "not" / "yet"
    scheme = replace(
        target.scheme, purelib=folder, platlib=folder, scripts=folder / "bin", data=folder
    )
    elsewhere = replace(target, scheme=scheme, site_paths=(folder,))
    world = World(tmp_path, target=elsewhere)
    world.install(make_wheel(tmp_path, entry_points="[console_scripts]\nt = demo:main\n"))
    assert sorted(path.name for path in folder.iterdir()) == ["bin", "demo", "demo-1.0.dist-info"]
    record = (folder / "demo-1.0.dist-info" / "RECORD").read_text()
    assert "\nbin/t,sha256=" in record
    assert [str(found.version) for found in scan_installed(elsewhere)] == ["1.0"]
