"""A run that knows much from earlier ones ends as one with a new cache does, whatever has changed."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.scene import CU12, CUDA_12_8
from tests.end_to_end.test_express import Road, Tree, timeless, tree
from tests.support.command import Ran

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "0"))
_SETTLED = 0.12
"""Seconds after which a change is no longer one of just now."""


class World(Road):
    """A scene in which runs are made twice: with what is known, and with a new cache."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.wheel("base", "1.0")
        self.wheel("base", "2.0", requires=["lib"])
        self.variants("var", "1.0", {"null": {}, "cu12": CU12}, requires=["lib"])
        self.publish()
        self.write("requirements.txt", "app\n")
        self.write("constraints.txt", "base<2\n")
        self.ways: list[str] = []

    def write(self, name: str, text: str) -> None:
        """A file of an hour ago."""
        path = self.root / name
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        os.utime(fresh, (time.time() - 3600,) * 2)
        fresh.replace(path)

    def settle(self) -> None:
        """Let what was changed be long there."""
        self.age()
        time.sleep(_SETTLED)

    def compare(self, *words: str) -> None:
        """Run `words` with the cache there is and with none; how and where they end is the same."""
        before, after, kept = (self.root / name for name in ("before", "after", "kept"))
        cache = self.home / ".cache"
        shutil.copytree(self.env, before, symlinks=True)
        warm = self._ended(*words)
        self.ways.append(self.way)
        self.env.rename(after)
        before.rename(self.env)
        cache.rename(kept)
        cold = self._ended(*words)
        shutil.rmtree(self.env)
        shutil.rmtree(cache, ignore_errors=True)
        after.rename(self.env)
        kept.rename(cache)
        assert warm == cold

    def _ended(self, *words: str) -> tuple[Ran, Tree]:
        ran = timeless(self.go(*words))
        # Which file of a store it is, is no matter.
        return ran, {name: facts[:2] for name, facts in tree(self.env).items()}

    def some_file(self, pattern: str) -> Path | None:
        """One file of the environment, always the same; None where there is none."""
        return next(iter(sorted(self.site.glob(pattern))), None)


def _edit_in_place(world: World) -> None:
    path = world.some_file("*/*.py")
    if path is not None:
        with path.open("a") as file:
            file.write("# edited\n")


def _edit_the_store(world: World) -> None:
    for path in world.store.glob("*/*/files/**/*.py"):
        path.write_text("evil = True\n")


def _remove_from_the_store(world: World) -> None:
    for path in sorted(world.store.glob("*/*/files/**/METADATA"))[:1]:
        path.unlink()


def _damage_the_cache(world: World) -> None:
    for path in world.store.parent.rglob("*"):
        if path.is_file() and "wheels" not in path.parts:
            os.truncate(path, path.stat().st_size // 2)


def _remove_a_file(world: World) -> None:
    path = world.some_file("*.dist-info/METADATA")
    if path is not None:
        path.unlink()


def _publish(world: World) -> None:
    world.wheel("lib", "2.0", files={"lib/__init__.py": "new = True\n"})
    world.wheel("base", "3.0", requires=["nowhere"])
    world.publish()


def _withdraw(world: World) -> None:
    shutil.rmtree(world.index / "lib")
    world.wheel("lib", "0.5")
    world.publish()


def _upload_anew(world: World) -> None:
    world.wheel("lib", files={"lib/__init__.py": "another = True\n"})
    world.publish()


def _take_away(world: World) -> None:
    shutil.rmtree(world.index / "lib")
    world.publish()


def _get_a_gpu(world: World) -> None:
    world.variables.update(CUDA_12_8)


def _get_a_startup_file(world: World) -> None:
    (world.site / "zz.pth").write_text("/nowhere\n")


def _get_something_in_the_way(world: World) -> None:
    (world.site / "app").mkdir(exist_ok=True)
    (world.site / "app/__init__.py").unlink(missing_ok=True)
    (world.site / "app/__init__.py").write_text("mine = True\n")


def _get_another_project(world: World) -> None:
    info = world.site / "needy-1.0.dist-info"
    info.mkdir(exist_ok=True)
    text = "Metadata-Version: 2.1\nName: needy\nVersion: 1.0\nRequires-Dist: lib>5\n"
    (info / "METADATA").write_text(text)


def _open_to_the_base(world: World) -> None:
    path = world.env / "pyvenv.cfg"
    path.write_text(path.read_text().replace("= false", "= true"))


Change = Callable[[World], object]
CHANGES: dict[str, Change] = {
    "nothing": lambda _: None,
    "an empty environment": World.fresh,
    "another requirement": lambda world: world.write("requirements.txt", "base\n"),
    "another constraint": lambda world: world.write("constraints.txt", "base<1.5\nlib<0.7\n"),
    "a configuration": lambda world: world.write("vinstall.toml", "no-deps = true\n"),
    "a variable": lambda world: world.variables.update(VINSTALL_NO_DEPS="1"),
    "a file edited in place": _edit_in_place,
    "files of the store edited": _edit_the_store,
    "a file of the store removed": _remove_from_the_store,
    "a damaged cache": _damage_the_cache,
    "a file removed": _remove_a_file,
    "newer releases": _publish,
    "a release withdrawn": _withdraw,
    "a release uploaded anew": _upload_anew,
    "a project taken away": _take_away,
    "a GPU": _get_a_gpu,
    "a file that runs at start": _get_a_startup_file,
    "something in the way": _get_something_in_the_way,
    "another project": _get_another_project,
    "an environment open to its base": _open_to_the_base,
}
WORDS = (
    ("app[more]",),
    ("-r", "requirements.txt"),
    ("var", "base"),
    ("-r", "requirements.txt", "-c", "constraints.txt", "--dry-run"),
    ("base", "-c", "constraints.txt"),
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(("at", "change"), list(enumerate(CHANGES)), ids=CHANGES)
def test_one_change(world: World, at: int, change: str) -> None:
    """Before it, the words were learned; after it, in a used or in an empty environment."""
    words = world.in_env(*WORDS[at % len(WORDS)])
    world.settle()
    for _ in range(2):
        world.fresh()
        assert world.go(*words).code == 0
        time.sleep(_SETTLED)
    if at % 2:
        world.fresh()
    CHANGES[change](world)
    world.settle()
    world.compare(*words)


def test_what_is_compared_is_the_express_lane(world: World) -> None:
    words = world.in_env("app")
    world.settle()
    for _ in range(3):
        world.fresh()
        world.compare(*words)
    assert world.ways == ["full", "full", "express"]


@pytest.mark.parametrize("seed", range(5 * SCALE or 1))
def test_many_changes(world: World, seed: int) -> None:
    chance = random.Random(seed)
    words = [world.in_env(*one) for one in chance.sample(WORDS, 2)]
    for _ in range(12 if SCALE else 4):
        world.settle()
        if chance.random() < 0.5:
            world.fresh()
        if chance.random() < 0.5:
            CHANGES[chance.choice(list(CHANGES))](world)
            world.settle()
        world.compare(*chance.choice(words))
