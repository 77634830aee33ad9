"""The express lane installs only where everything its recipe rests on is as it was."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vinstall.errors import InstallationError
from vinstall.installation import newcomers as direct
from vinstall.target.siblings import base_stamps, likeness
from vinstall.workflows.express import (
    BUCKET,
    environment,
    listing_of,
    question,
    site_folders,
    travel,
)
from vinstall.workflows.kept_answer import answer_path, full_stamp, write_answer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="siblings are known on Linux")

LONG_AGO = 1_700_000_000_123_456_789
WHEEL = (
    "demo",
    "1.0",
    "12" * 32,
    "demo-1.0-py3-none-any.whl",
    True,
    ("provenance_url.json", b"{}"),
)
OTHER = ("tool", "2.0", "34" * 32, "tool-2.0-py3-none-any.whl", False, None)


@dataclass
class World:
    """A cache with a recipe, a requirements file, and environments of one base."""

    root: Path
    words: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    version: str = "1.0"
    until: float = 1e18
    done: list[tuple[Any, ...]] = field(default_factory=list)
    """What the transaction was asked for."""
    works: bool = True

    def __post_init__(self) -> None:
        self.environ = {"XDG_CACHE_HOME": str(self.root / "cache"), "HOME": str(self.root)}
        self.requirements.write_text("demo\n")
        os.utime(self.requirements, ns=(LONG_AGO, LONG_AGO))
        python = self.base / "bin/python3"
        python.parent.mkdir(parents=True)
        python.write_text("")
        python.chmod(0o755)
        (self.base / "lib").mkdir()
        self.words = self.asking(self.make("env"))

    @property
    def requirements(self) -> Path:
        return self.root / "requirements.txt"

    @property
    def absent(self) -> Path:
        return self.root / "vinstall.toml"

    @property
    def base(self) -> Path:
        return self.root / "base"

    @property
    def env(self) -> Path:
        return self.root / "env"

    @property
    def site(self) -> Path:
        return self.env / "lib/site-packages"

    def make(self, name: str) -> Path:
        """An environment; its interpreter comes back."""
        folder = self.root / name
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").symlink_to(self.base / "bin/python3")
        text = f"home = {self.base}/bin\ninclude-system-site-packages = false\nversion = 3.12.1\n"
        (folder / "pyvenv.cfg").write_text(text)
        (folder / "lib/site-packages").mkdir(parents=True)
        return folder / "bin/python"

    def asking(self, python: Path) -> list[str]:
        return ["install", "--python", str(python), "-r", "requirements.txt"]

    @property
    def answers(self) -> dict[str, Any]:
        """Without a prefix."""
        keys = ("purelib", "platlib", "scripts", "data", "headers")
        below = ("/lib/site-packages", "/lib/site-packages", "/bin", "", "/include")
        return {
            "base_prefix": str(self.base),
            "stdlib": str(self.base / "lib"),
            "scheme": dict(zip(keys, below, strict=True)),
            "site": ["/lib/site-packages", "/lib/absent"],
        }

    def leave(self, **changes: Any) -> None:
        """Leave a recipe for `words` as they are, made in the environment that they name."""
        found = environment(self.words, self.environ)
        asked = question(self.words, self.environ, self.version)
        assert found is not None
        assert asked is not None
        alike = likeness(found[0], self.environ)
        assert alike is not None
        scheme = {key: f"{alike[1]}{path}" for key, path in self.answers["scheme"].items()}
        sites = [f"{alike[1]}{path}" for path in self.answers["site"]]
        listing = listing_of(site_folders({"scheme": scheme, "site": sites}), [])
        assert listing is not None
        load = {
            "store": str(self.root / "store"), "wheels": [WHEEL, OTHER], "link_mode": "copy",
            "bytecode": "cpython-3.12.1", "python": "CPython 3.12.1", "follows": "",
        }  # fmt: skip
        kind: tuple[Any, ...] = (alike[0], self.answers, [], base_stamps(self.answers))
        stamps = [(str(path), full_stamp(str(path))) for path in (self.requirements, self.absent)]
        recipe = (asked, self.until, stamps, kind, listing, {**load, **changes})
        path = answer_path(str(self.root / "cache/vinstall"), BUCKET, asked)
        assert write_answer(path, recipe)

    def travel(self, *, terminal: bool = False) -> str | None:
        return travel(self.words, self.environ, self.version, terminal=terminal)

    @property
    def recipe(self) -> Path:
        (found,) = (self.root / "cache/vinstall/v1" / BUCKET).glob("*/*")
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)

    def install(*given: Any, **options: Any) -> bool:
        made.done.append((*given, options))
        return made.works

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(direct, "install_directly", install)
    return made


def expected(python: Path, origin: str = "`--python`") -> str:
    prefix = python.parent.parent
    lines = ("+ demo 1.0", "+ tool 2.0", "installed 2 projects in 0.0 s")
    return "\n".join((f"environment: `{prefix}` (CPython 3.12.1, {origin})", *lines, ""))


class TestTheWay:
    def test_the_same_words_install_the_same(self, world: World) -> None:
        world.leave()
        python = world.env / "bin/python"
        assert world.travel() == expected(python)
        ((store, newcomers, destination, options),) = world.done
        assert store == str(world.root / "store")
        assert newcomers == [direct.Newcomer(*WHEEL), direct.Newcomer(*OTHER)]
        folders = {key: f"{world.env}{path}" for key, path in world.answers["scheme"].items()}
        assert destination == direct.Destination(str(python), folders)
        assert options == {"link_mode": "copy", "bytecode_kind": "cpython-3.12.1"}

    def test_another_environment_made_alike_is_served(self, world: World) -> None:
        world.leave()
        other = world.make("another")
        world.words = world.asking(other)
        assert world.travel() == expected(other)
        assert world.done[0][2].folders["purelib"] == f"{world.root}/another/lib/site-packages"

    def test_without_a_recipe_nothing_is_done(self, world: World) -> None:
        assert world.travel() is None
        assert world.done == []

    def test_what_was_ignored_is_told_again(self, world: World) -> None:
        world.leave(follows="Ignoring x: markers 'y' don't match your environment\n")
        told = world.travel()
        assert told is not None
        assert told.splitlines()[1] == "Ignoring x: markers 'y' don't match your environment"

    def test_one_project_is_one(self, world: World) -> None:
        world.leave(wheels=[WHEEL])
        told = world.travel()
        assert told is not None
        assert told.endswith("+ demo 1.0\ninstalled 1 project in 0.0 s\n")

    def test_a_transaction_that_does_not_happen_says_nothing(self, world: World) -> None:
        world.leave()
        world.works = False
        assert world.travel() is None

    @pytest.mark.parametrize("error", [PermissionError(13, "no"), InstallationError("no")])
    def test_a_disk_that_refuses_says_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def refuse(*_: Any, **__: Any) -> bool:
            raise error

        world.leave()
        monkeypatch.setattr(direct, "install_directly", refuse)
        assert world.travel() is None

    def test_ctrl_c_ends_the_run_and_frees_the_environment(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: Any, **__: Any) -> bool:
            raise KeyboardInterrupt

        world.leave()
        with monkeypatch.context() as patch:
            patch.setattr(direct, "install_directly", interrupt)
            with pytest.raises(KeyboardInterrupt):
                world.travel()
        assert world.travel() is not None

    @pytest.mark.parametrize(
        ("environ", "words", "colour"),
        [({}, [], True), ({"NO_COLOR": "1"}, [], False), ({"TERM": "dumb"}, [], False),
         ({"NO_COLOR": ""}, [], True), ({}, ["--no-color"], False)],
    )  # fmt: skip
    def test_colours_are_those_of_a_terminal(
        self, world: World, environ: dict[str, str], words: list[str], colour: bool
    ) -> None:
        world.environ |= environ
        world.words += words
        world.leave()
        told = world.travel(terminal=True)
        assert told is not None
        assert ("\x1b[32m+\x1b[0m demo 1.0\n" in told) is colour


class TestWhichEnvironment:
    def test_a_folder_is_one(self, world: World) -> None:
        world.leave()
        world.words = world.asking(world.env)
        assert world.travel() == expected(world.env / "bin/python")

    def test_a_relative_path_is_one(self, world: World) -> None:
        world.leave()
        world.words = world.asking(Path("base/../env/bin/python"))
        assert world.travel() == expected(world.env / "bin/python")

    def test_the_short_option_is_another_question(self, world: World) -> None:
        world.leave()
        world.words[1] = "-p"
        assert world.travel() is None
        world.leave()
        assert world.travel() == expected(world.env / "bin/python")

    def test_the_option_with_an_equals_sign(self, world: World) -> None:
        world.words = ["install", f"--python={world.env}", "-r", "requirements.txt"]
        world.leave()
        other = world.make("another")
        world.words[1] = f"--python={other}"
        assert world.travel() == expected(other)

    def test_the_active_one(self, world: World) -> None:
        world.words = ["install", "demo"]
        world.environ["VIRTUAL_ENV"] = str(world.env)
        world.leave()
        other = world.make("another")
        world.environ["VIRTUAL_ENV"] = str(other.parent.parent)
        assert world.travel() == expected(other, "active virtual environment")
        del world.environ["VIRTUAL_ENV"]
        assert world.travel() is None

    def test_the_one_of_the_folder(self, world: World) -> None:
        world.make(".venv")
        world.words = ["install", "demo"]
        world.leave()
        origin = f"`.venv` in `{world.root}`"
        assert world.travel() == expected(world.root / ".venv/bin/python", origin)
        world.environ["CONDA_PREFIX"] = "/conda"
        assert world.travel() is None

    def test_the_one_of_a_folder_above(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.make(".venv")
        (world.root / "below").mkdir()
        monkeypatch.chdir(world.root / "below")
        found = environment(["install", "demo"], {})
        assert found == (f"{world.root}/.venv/bin/python", f"`.venv` in `{world.root}`")

    @pytest.mark.parametrize("word", ["3.12", "~/env/bin/python", ""])
    def test_what_has_to_be_searched_for_is_not_found(self, world: World, word: str) -> None:
        world.leave()
        world.words[2] = word
        assert world.travel() is None

    def test_two_names_are_none(self, world: World) -> None:
        world.leave()
        world.words += ["--python", str(world.env)]
        assert question(world.words, world.environ, world.version) is None
        assert world.travel() is None

    def test_a_path_that_stands_for_something_else_is_another_question(self, world: World) -> None:
        """After `-r` it is a file, whatever it looks like."""
        world.leave()
        world.words = ["install", "-r", "--python", str(world.env / "bin/python")]
        assert world.travel() is None


def _edit_requirements(world: World) -> None:
    world.requirements.write_text("dem0\n")


def _remove_requirements(world: World) -> None:
    world.requirements.unlink()


def _configure(world: World) -> None:
    world.absent.write_text("")


def _install_another(world: World) -> None:
    (world.site / "other-1.0.dist-info").mkdir()
    (world.site / "other-1.0.dist-info/METADATA").write_text("Name: other\n")


def _install_it(world: World) -> None:
    (world.site / "demo-1.0.dist-info").mkdir()
    (world.site / "demo-1.0.dist-info/METADATA").write_text("Name: demo\n")


def _begin_a_change(world: World) -> None:
    (world.site / ".vinstall-0123").mkdir()


def _leave_a_legacy_one(world: World) -> None:
    (world.site / "old.egg-info").touch()


def _link_a_legacy_one(world: World) -> None:
    (world.site / "old.egg-link").touch()


def _run_something_at_start(world: World) -> None:
    (world.site / "mine.pth").write_text("import mine\n")


def _open_it_to_the_base(world: World) -> None:
    config = world.env / "pyvenv.cfg"
    config.write_text(config.read_text().replace("= false", "= true"))


def _remove_its_configuration(world: World) -> None:
    (world.env / "pyvenv.cfg").unlink()


def _update_the_base(world: World) -> None:
    (world.base / "bin/python3").write_text("newer")


def _customize_the_base(world: World) -> None:
    (world.base / "lib/sitecustomize.py").write_text("")


def _remove_environment(world: World) -> None:
    world.env.rename(world.root / "moved")


def _remove_site_folder(world: World) -> None:
    world.site.rename(world.root / "moved")


def _damage_recipe(world: World) -> None:
    content = bytearray(world.recipe.read_bytes())
    content[len(content) // 2] ^= 1
    world.recipe.write_bytes(content)


def _cut_recipe(world: World) -> None:
    world.recipe.write_bytes(world.recipe.read_bytes()[:3])


def _ask_more(world: World) -> None:
    world.words.append("--pre")


def _ask_verbosely(world: World) -> None:
    world.words.append("-v")


def _set(name: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.environ[name] = "other"

    return change


def _be_newer(world: World) -> None:
    world.version = "1.1"


CHANGES = [
    _edit_requirements, _remove_requirements, _configure, _install_another, _install_it,
    _begin_a_change, _leave_a_legacy_one, _link_a_legacy_one, _run_something_at_start,
    _open_it_to_the_base, _remove_its_configuration, _update_the_base, _customize_the_base,
    _remove_environment, _remove_site_folder, _damage_recipe, _cut_recipe, _ask_more,
    _ask_verbosely, _be_newer, _set("VINSTALL_PRE"), _set("PIP_INDEX_URL"), _set("UV_OFFLINE"),
    _set("HOME"), _set("XDG_CONFIG_HOME"), _set("PYTHONUSERBASE"), _set("LC_ALL"),
    _set("_PYTHON_SYSCONFIGDATA_NAME"), _set("CONDA_PREFIX"), _set("VINSTALL_CACHE_DIR"),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(world: World, change: Callable[[World], None]) -> None:
    world.leave()
    change(world)
    assert world.travel() is None
    assert world.done == []


def test_it_holds_while_the_pages_are_fresh(world: World) -> None:
    world.until = time.time() - 1
    world.leave()
    assert world.travel() is None
    world.until = time.time() + 60
    world.leave()
    assert world.travel() is not None


@pytest.mark.parametrize("variable", ["PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "OLDPWD"])
def test_what_activating_sets_is_no_part_of_a_question_with_a_path(
    world: World, variable: str
) -> None:
    world.environ[variable] = "/one"
    world.leave()
    world.environ[variable] = "/other"
    assert world.travel() is not None


def test_the_configuration_of_the_active_environment_counts(world: World) -> None:
    """pip reads the `pip.conf` in it, and that of its own environment where none is active."""
    world.environ["VIRTUAL_ENV"] = str(world.root / "active")
    world.leave()
    (world.root / "active").mkdir()
    assert world.travel() is not None
    (world.root / "active/pip.conf").write_text("[global]\npre = true\n")
    assert world.travel() is None
    assert question(world.words, world.environ, world.version) is None
    del world.environ["VIRTUAL_ENV"]
    assert world.travel() is None


def test_another_folder_is_another_question(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.leave()
    (world.root / "below").mkdir()
    monkeypatch.chdir(world.root / "below")
    assert world.travel() is None


def test_a_folder_that_is_gone_asks_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.leave()
    (world.root / "gone").mkdir()
    monkeypatch.chdir(world.root / "gone")
    (world.root / "gone").rmdir()
    assert world.travel() is None


def test_another_python_of_ours_or_kernel_decides_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.leave()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/elsewhere/python")
        assert world.travel() is None
    other = (*os.uname()[:2], "99.0", *os.uname()[3:])
    monkeypatch.setattr(os, "uname", lambda: other)
    assert world.travel() is None


def test_a_lock_that_is_held_is_not_waited_for(world: World) -> None:
    world.leave()
    handle = os.open(world.site, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert world.travel() is None
    finally:
        os.close(handle)
    assert world.travel() is not None


class TestInstalled:
    """What is there already is compared as a whole."""

    def install(self, env: Path, text: str = "Name: pip\n") -> Path:
        info = env / "lib/site-packages/pip-24.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(text)
        return info

    def test_the_same_may_be_there(self, world: World) -> None:
        self.install(world.env)
        world.leave()
        other = world.make("another")
        world.words = world.asking(other)
        assert world.travel() is None
        self.install(world.root / "another")
        assert world.travel() == expected(other)

    @pytest.mark.parametrize("name", ["variant.json", "direct_url.json", "REQUESTED"])
    def test_one_more_file_of_it_is_seen(self, world: World, name: str) -> None:
        info = self.install(world.env)
        world.leave()
        (info / name).write_text("{}")
        assert world.travel() is None

    def test_other_metadata_is_seen(self, world: World) -> None:
        info = self.install(world.env)
        world.leave()
        (info / "METADATA").write_text("Name: pup\n")
        assert world.travel() is None

    def test_many_are_not_compared(self, world: World) -> None:
        for number in range(9):
            (world.site / f"p{number}-1.dist-info").mkdir()
            (world.site / f"p{number}-1.dist-info/METADATA").write_text("")
        assert listing_of([str(world.site)], []) is None
