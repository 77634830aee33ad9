"""The shortcut repeats an answer only where everything it rests on is as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from vinstall.resolution.model import Resolution
from vinstall.target.environment import Scheme, Target
from vinstall.values import replace
from vinstall.workflows.grounds import grounds
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.kept_answer import cache_root, is_settled
from vinstall.workflows.remembered import Remembered
from vinstall.workflows.report import Action, InstallReport, Item
from vinstall.workflows.settings import Settings, SourceSettings, TargetSettings, VariantSettings
from vinstall.workflows.shortcut import recall, remember

SAID = ("a plan\n", "environment: `env`\nnothing to do: 1 project as asked already\n")
LONG_AGO = 1_700_000_000_123_456_789
LATER = 1_000_000_000
"""Nanoseconds after which what was made for a test is long there."""


@dataclass
class World:
    """A cache, a requirements file, and an environment with one distribution."""

    root: Path
    words: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    version: str = "1.0"
    until: float = 1e18
    said: tuple[str, str] = SAID

    def __post_init__(self) -> None:
        self.words = ["install", "-r", "requirements.txt"]
        self.environ = {"XDG_CACHE_HOME": str(self.root / "cache"), "PIP_INDEX_URL": "u"}
        self.requirements.write_text("demo\n")
        info = self.site / "demo-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Name: demo\nVersion: 1.0\n")
        for path in (self.requirements, info / "METADATA", info):
            os.utime(path, ns=(LONG_AGO, LONG_AGO))

    @property
    def requirements(self) -> Path:
        return self.root / "requirements.txt"

    @property
    def absent(self) -> Path:
        return self.root / "vinstall.toml"

    @property
    def site(self) -> Path:
        return self.root / "env" / "site-packages"

    def remember(self, started: int | None = None) -> bool:
        return remember(
            self.words,
            self.environ,
            self.version,
            started=started or time.time_ns() + LATER,
            files=[str(self.requirements), str(self.absent)],
            sites=[str(self.site)],
            said=self.said,
            until=self.until,
        )

    def recall(self) -> tuple[str, str] | None:
        return recall(self.words, self.environ, self.version)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


def test_the_same_question_gets_the_same_lines(world: World) -> None:
    assert world.remember()
    assert world.recall() == SAID


@pytest.mark.parametrize("said", [("\x1b[2J", ""), ("", "environment: `\u202e`\n"), ("\udcff", "")])
def test_what_a_terminal_would_obey_is_not_repeated(world: World, said: tuple[str, str]) -> None:
    world.said = said
    assert not world.remember()
    assert world.recall() is None


def test_nothing_is_known_at_first(world: World) -> None:
    assert world.recall() is None


def _edit_same_size(world: World) -> None:
    world.requirements.write_text("demo\r")


def _replace_keeping_time(world: World) -> None:
    other = world.root / "other"
    other.write_text("deno\n")
    os.utime(other, ns=(LONG_AGO, LONG_AGO))
    other.replace(world.requirements)


def _remove(world: World) -> None:
    world.requirements.unlink()


def _configure(world: World) -> None:
    world.absent.write_text("")


def _install_another(world: World) -> None:
    (world.site / "other-1.0.dist-info").mkdir()


def _uninstall(world: World) -> None:
    (world.site / "demo-1.0.dist-info").rename(world.site / "~emo-1.0.dist-info-gone")


def _upgrade(world: World) -> None:
    (world.site / "demo-1.0.dist-info").rename(world.site / "demo-2.0.dist-info")


def _edit_metadata(world: World) -> None:
    path = world.site / "demo-1.0.dist-info" / "METADATA"
    path.write_text(path.read_text().replace("1.0", "1.1"))


def _make_it_a_variant(world: World) -> None:
    (world.site / "demo-1.0.dist-info" / "variant.json").write_text("{}")


def _begin_a_change(world: World) -> None:
    (world.site / ".vinstall-0123").mkdir()


def _leave_a_legacy_one(world: World) -> None:
    (world.site / "old.egg-info").touch()


def _remove_environment(world: World) -> None:
    (world.root / "env").rename(world.root / "moved")


CHANGES = [
    _edit_same_size, _replace_keeping_time, _remove, _configure, _install_another, _uninstall,
    _upgrade, _edit_metadata, _make_it_a_variant, _begin_a_change, _leave_a_legacy_one,
    _remove_environment,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_on_disk_is_seen(world: World, change: Callable[[World], None]) -> None:
    assert world.remember()
    change(world)
    assert world.recall() is None


def test_it_holds_while_the_pages_are_fresh(world: World) -> None:
    world.until = time.time() + 60
    assert world.remember()
    assert world.recall() == SAID
    world.until = time.time() - 1
    assert world.remember()
    assert world.recall() is None


def test_another_command_line_is_another_question(world: World) -> None:
    assert world.remember()
    world.words = [*world.words, "demo>1"]
    assert world.recall() is None


def test_another_release_of_vinstall_decides_anew(world: World) -> None:
    assert world.remember()
    world.version = "1.1"
    assert world.recall() is None


@pytest.mark.parametrize(
    "variable", ["VINSTALL_PRE", "PIP_INDEX_URL", "UV_OFFLINE", "VIRTUAL_ENV", "PATH", "HOME"]
)
def test_a_variable_that_counts_is_part_of_the_question(world: World, variable: str) -> None:
    assert world.remember()
    world.environ[variable] = "other"
    assert world.recall() is None


def test_a_variable_that_does_not_count_is_none(world: World) -> None:
    assert world.remember()
    world.environ["OLDPWD"] = "/somewhere"
    assert world.recall() == SAID


def test_another_folder_is_another_question(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.remember()
    (world.root / "below").mkdir()
    monkeypatch.chdir(world.root / "below")
    assert world.recall() is None


def test_another_interpreter_or_kernel_decides_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.remember()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/elsewhere/python")
        assert world.recall() is None
    other = (*os.uname()[:2], "99.0", *os.uname()[3:])
    monkeypatch.setattr(os, "uname", lambda: other)
    assert world.recall() is None


def test_two_questions_in_one_place_take_turns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vinstall.workflows.kept_answer.crc32", lambda _: 7)
    assert world.remember()
    first, world.words = world.words, ["demo"]
    assert world.recall() is None
    assert world.remember()
    assert world.recall() == SAID
    world.words = first
    assert world.recall() is None


@pytest.mark.parametrize("damage", [b"", b"\xe3", b"no marshal", b"i\x01\x00\x00\x00"])
def test_a_damaged_token_counts_as_none(world: World, damage: bytes) -> None:
    assert world.remember()
    (token,) = (world.root / "cache" / "vinstall" / "v1" / "shortcuts").glob("*/*")
    token.write_bytes(damage)
    assert world.recall() is None


def test_an_edit_shows_though_its_times_are_put_back(world: World) -> None:
    assert world.remember()
    before = world.requirements.stat()
    time.sleep(0.02)  # the clock of a file system may tick slowly
    with world.requirements.open("r+") as file:
        file.write("dxmo")
    os.utime(world.requirements, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert world.requirements.stat().st_size == before.st_size
    assert world.recall() is None


def test_one_damaged_bit_of_a_token_makes_it_count_as_none(world: World) -> None:
    assert world.remember()
    (token,) = (world.root / "cache" / "vinstall" / "v1" / "shortcuts").glob("*/*")
    good = token.read_bytes()
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 1 << place % 8
        token.write_bytes(damaged)
        assert world.recall() is None


class TestTime:
    """A file that may change once more without showing it makes no token."""

    def test_a_file_written_during_the_run_makes_none(self, world: World) -> None:
        started = time.time_ns() + LATER
        os.utime(world.requirements, ns=(started, started + 1))
        assert not world.remember(started)
        assert world.recall() is None

    def test_a_file_written_just_before_makes_none(self, world: World) -> None:
        written = time.time_ns() // 1_000_000_000 * 1_000_000_000 + 500_000_000
        for path in (world.requirements, world.site / "demo-1.0.dist-info"):
            os.utime(path, ns=(written, written))
            assert not world.remember(written + 50_000_000)
            os.utime(path, ns=(LONG_AGO, LONG_AGO))

    def test_an_old_file_moved_in_during_the_run_makes_none(self, world: World) -> None:
        """The answer was made from the one that was there before."""
        time.sleep(0.15)
        started = time.time_ns()
        assert world.remember(started)
        _replace_keeping_time(world)
        assert not world.remember(started)
        assert world.recall() is None

    @pytest.mark.parametrize("column", [4, 5])
    def test_whole_seconds_are_given_two(self, column: int) -> None:
        whole = LONG_AGO // 1_000_000_000 * 1_000_000_000
        seen = (1, 2, 3, 4, 5, 6)[:column] + (whole,) + (LONG_AGO - LATER,) * (5 - column)
        assert not is_settled(seen, whole + 1_900_000_000)
        assert is_settled(seen, whole + 2_100_000_000)


class TestCacheRoot:
    def test_the_command_line_comes_first(self) -> None:
        environ = {"VINSTALL_CACHE_DIR": "/b", "XDG_CACHE_HOME": "/c", "HOME": "/d"}
        assert cache_root(["--cache-dir", "/a"], environ) == "/a"
        assert cache_root(["--cache-dir=/a"], environ) == "/a"
        assert cache_root([], environ) == "/b"
        del environ["VINSTALL_CACHE_DIR"]
        assert cache_root([], environ) == "/c/vinstall"

    @pytest.mark.parametrize("folder", ["~/cache", "~", ""])
    def test_a_home_that_no_shell_filled_in_is_no_place(self, folder: str) -> None:
        environ = {"XDG_CACHE_HOME": "/c"}
        assert cache_root(["--cache-dir", folder], environ) is None
        assert cache_root([f"--cache-dir={folder}"], environ) is None
        assert not folder or cache_root([], environ | {"VINSTALL_CACHE_DIR": folder}) is None

    def test_without_any_there_is_none(self, world: World) -> None:
        assert cache_root(["demo"], {}) is None
        world.environ = {}
        assert not world.remember()
        assert world.recall() is None


# --- grounds ------------------------------------------------------------------------------------


def target(root: Path) -> Target:
    folder = root / "env"
    scheme = Scheme(purelib=folder, platlib=folder, scripts=folder, data=folder, headers=folder)
    return Target(
        python=folder / "bin" / "python",
        python_version=Version("3.11.7"),
        markers={},
        tags={},
        scheme=scheme,
        site_paths=(folder / "site-packages",),
        prefix=folder,
        origin="`--python`",
        is_virtual=True,
    )


KEPT = Item(name="demo", version="1.0", action=Action.KEPT)


def invocation(root: Path) -> Invocation:
    return Invocation(
        environ={"HOME": str(root), "XDG_CONFIG_DIRS": str(root / "xdg")},
        folder=root / "work",
        python=root / "own" / "bin" / "python",
        is_virtual=True,
        time=datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
    )


def report(root: Path, *items: Item) -> InstallReport:
    return InstallReport(target=target(root), items=items or (KEPT,))


def test_the_grounds_of_a_plain_run(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "r.txt").write_text("# all\ndemo>=1 ; python_version > '3' # why\n")
    settings = Settings(requirements=("demo[x]==1.0",), requirement_files=("r.txt",))
    found = grounds(settings, invocation(tmp_path), report(tmp_path))
    assert found is not None
    assert found.sites == (str(tmp_path / "env" / "site-packages"),)
    expected = (
        "work/r.txt", "work/vinstall.toml", "vinstall.toml", "work/pyproject.toml",
        "work/.venv/pyvenv.cfg", "xdg/pip/pip.conf", ".pip/pip.conf", ".config/pip/pip.conf",
        ".config/vinstall/vinstall.toml", "own/pip.conf", "env/bin/python", "env/pyvenv.cfg",
    )  # fmt: skip
    assert {str(tmp_path / path) for path in expected} <= set(found.files)


UNCLEAR = [
    Settings(requirements=("demo @ file:///demo.whl",)),
    Settings(requirements=("./demo",)),
    Settings(requirements=("demo-1.0-py3-none-any.whl",)),
    Settings(editables=("demo",)),
    Settings(groups=("test",)),
    Settings(upgrade=True),
    Settings(upgrade_packages=frozenset(["demo"])),
    Settings(reinstall=True),
    Settings(no_deps=True),
    Settings(exact=True),
    Settings(refresh=True),
    Settings(no_cache=True),
    Settings(report="-"),
    Settings(sources=SourceSettings(find_links=("wheels",))),
    Settings(variants=VariantSettings(host=Path("host.json"))),
    Settings(target=TargetSettings(python="3.12")),
    Settings(target=TargetSettings(target=Path("x"))),
    Settings(target=TargetSettings(user=True)),
    Settings(target=TargetSettings(system=True)),
    Settings(target=TargetSettings(python_platform="linux")),
    Settings(requirement_files=("absent.txt",)),
    Settings(build_constraint_files=("absent.txt",)),
]


@pytest.mark.parametrize("settings", UNCLEAR, ids=str)
def test_what_is_unclear_has_no_grounds(settings: Settings, tmp_path: Path) -> None:
    assert grounds(settings, invocation(tmp_path), report(tmp_path)) is None


@pytest.mark.parametrize(
    "line",
    [
        "-r more.txt",
        "-e .",
        "-c limits.txt",
        "demo @ https://h/demo.whl",
        "${NAME}",
        "./demo.whl",
        "demo==1.0 --hash=sha256:${SUM}",
    ],
)
def test_a_file_that_leads_further_has_no_grounds(line: str, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "r.txt").write_text(f"demo\n{line}\n")
    settings = Settings(requirement_files=("r.txt",))
    assert grounds(settings, invocation(tmp_path), report(tmp_path)) is None


def test_hashes_and_indexes_in_a_file_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "r.txt").write_text(
        "--index-url https://index.example/simple/\ndemo==1.0 \\\n    --hash=sha256:00\n"
    )
    settings = Settings(requirement_files=("r.txt",))
    assert grounds(settings, invocation(tmp_path), report(tmp_path)) is not None


def test_changes_and_variants_have_no_grounds(tmp_path: Path) -> None:
    for item in (replace(KEPT, action=Action.NEW), replace(KEPT, label="cu13")):
        found = grounds(Settings(), invocation(tmp_path), report(tmp_path, KEPT, item))
        assert found is None


def test_a_variant_that_is_installed_leaves_no_grounds(tmp_path: Path) -> None:
    """It is none of what is asked for, and yet it is replaced where it does not fit any more."""
    found = report(tmp_path)
    info = found.target.site_paths[0] / "other-1.0.dist-info"
    info.mkdir(parents=True)
    assert grounds(Settings(), invocation(tmp_path), found) is not None
    (info / "variant.json").write_text("{}")
    assert grounds(Settings(), invocation(tmp_path), found) is None


NEW = replace(KEPT, action=Action.NEW, size=10)
REMEMBERED = Remembered(Resolution(pins=()), ("/cache/page",), 99.0)


def test_a_dry_run_rests_on_the_pages_of_a_remembered_resolution(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    planned = replace(report(tmp_path, NEW), remembered=REMEMBERED)
    found = grounds(Settings(dry_run=True), invocation(tmp_path), planned)
    assert found is not None
    assert "/cache/page" in found.files
    assert found.until == 99.0
    assert grounds(Settings(), invocation(tmp_path), planned) is None
    resolved = replace(planned, remembered=None)
    assert grounds(Settings(dry_run=True), invocation(tmp_path), resolved) is None


@pytest.mark.parametrize("changed", [{"exclude_newer": "3 days"}, {"exclude_newer_for": ("a=b",)}])
def test_a_dry_run_with_a_time_has_no_grounds(changed: dict[str, Any], tmp_path: Path) -> None:
    planned = replace(report(tmp_path, NEW), remembered=REMEMBERED)
    assert grounds(Settings(dry_run=True, **changed), invocation(tmp_path), planned) is None


def test_a_size_that_had_to_be_asked_for_has_no_grounds(tmp_path: Path) -> None:
    planned = replace(report(tmp_path, replace(NEW, size=None)), remembered=REMEMBERED)
    assert grounds(Settings(dry_run=True), invocation(tmp_path), planned) is None


def test_an_environment_that_is_not_virtual_has_no_grounds(tmp_path: Path) -> None:
    shared = replace(target(tmp_path), is_virtual=False)
    found = grounds(Settings(), invocation(tmp_path), InstallReport(target=shared, items=(KEPT,)))
    assert found is None


@pytest.mark.parametrize("module", ["shortcut", "express"])
def test_looking_for_an_answer_loads_nothing(module: str) -> None:
    code = (
        "import os, sys; before = set(sys.modules);"
        f"import vinstall.workflows.{module};"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({_source()!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {"vinstall", "vinstall.workflows", "vinstall.workflows.kept_answer"}
    own = f"vinstall.workflows.{module}"
    assert set(run.stdout.split()) <= {*expected, own, "binascii", "time"}


def _source() -> str:
    import vinstall

    return str(Path(vinstall.__file__).parents[1])
