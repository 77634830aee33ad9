"""A resolution in which variants had a say is used again on the same machine, and on no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.end_to_end.scene import CU12, CU13, CUDA_12_8, CUDA_13_0, NO_GPU, Scene
from tests.support.command import clean_environ

_SCRIPT = """\
import sys
from vinstall.cli.entry import main
try:
    main()
finally:
    print("resolved" if "vinstall.resolution.resolve" in sys.modules else "remembered", file=sys.stderr)
"""


class World(Scene):
    """An index with one variant project that needs two others, one with variants; nothing changes it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.variables.update(NO_GPU)
        self.make_environment()
        need = ["lib>=1"]
        self.variants("app", "2.0", {"cu13": CU13}, requires=[*need, "plain"])
        self.variants("app", "1.0", {"cu12": CU12, "cu13": CU13}, plain=True, requires=need)
        self.variants("lib", "1.0", {"null": {}, "cu12": CU12, "cu13": CU13}, plain=True)
        self.wheel("plain")
        self.publish()

    def plan(self, *words: str, machine: Mapping[str, str] = NO_GPU) -> tuple[dict[str, str], bool]:
        """(project to version and label of a dry run of `app`, whether it was remembered)."""
        place = ("--index-url", str(self.index), "--python", str(self.python))
        words = ("install", "--dry-run", "app", *place, *words)
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, *words],
            env={**clean_environ(self.home), **self.variables, **machine},
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        rows = [line.split() for line in done.stdout.partition("\n\n")[0].splitlines()[1:]]
        found = {name: f"{version} {label}" for name, version, label, *_ in rows}
        return found, done.stderr.splitlines()[-1] == "remembered"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


PLANS: dict[str, tuple[Mapping[str, str], dict[str, str]]] = {
    "cuda 13": (CUDA_13_0, {"app": "2.0 cu13", "lib": "1.0 cu13", "plain": "1.0 -"}),
    "cuda 12": (CUDA_12_8, {"app": "1.0 cu12", "lib": "1.0 cu12"}),
    "none": (NO_GPU, {"app": "1.0 -", "lib": "1.0 null"}),
}


@pytest.mark.parametrize("name", PLANS)
def test_the_same_machine_gets_the_same_again(world: World, name: str) -> None:
    machine, expected = PLANS[name]
    assert world.plan(machine=machine) == (expected, False)
    assert world.plan(machine=machine) == (expected, True)


@pytest.mark.parametrize("first", PLANS)
@pytest.mark.parametrize("second", PLANS)
def test_another_machine_gets_its_own(world: World, first: str, second: str) -> None:
    world.plan(machine=PLANS[first][0])
    assert world.plan(machine=PLANS[second][0]) == (PLANS[second][1], first == second)


def test_a_variants_file_that_changes_is_read_anew(world: World) -> None:
    world.plan(machine=CUDA_13_0)
    world.variants_file("app", "2.0", "{}")
    world.publish()
    found, remembered = world.plan(machine=CUDA_13_0)
    assert (found["app"], remembered) == ("1.0 cu13", False)


def test_a_variants_file_without_a_hash_is_not_rested_on(world: World) -> None:
    page = world.index / "lib" / "index.html"
    lines = page.read_text().splitlines()
    bare = [line.partition("#")[0] + '">lib-1.0-variants.json</a><br>' for line in lines]
    page.write_text(
        "\n".join(
            one if "variants.json" in line else line for line, one in zip(lines, bare, strict=True)
        )
    )
    machine, expected = PLANS["cuda 13"]
    assert world.plan(machine=machine) == (expected, False)
    assert world.plan(machine=machine) == (expected, False)


def test_what_the_user_says_of_variants_counts(world: World) -> None:
    world.plan(machine=CUDA_13_0)
    found, remembered = world.plan("--no-variants", machine=CUDA_13_0)
    assert (found["app"], remembered) == ("1.0 -", False)
    found, remembered = world.plan("--disable-provider", "nvidia", machine=CUDA_13_0)
    assert (found["app"], remembered) == ("1.0 -", False)


def test_a_remembered_variant_is_installed_and_checked(world: World) -> None:
    world.plan(machine=CUDA_13_0)
    place = ("--index-url", world.index, "--python", world.python)
    ran = world.run_alone("install", "app", *place, variables=CUDA_13_0)
    assert ran.code == 0, ran.err
    listed = world.run_alone("list", "--python", world.python, "--format", "json")
    labels = {one["name"]: (one["variant"] or {}).get("label") for one in json.loads(listed.out)}
    assert labels == {"app": "cu13", "lib": "cu13", "plain": None}
