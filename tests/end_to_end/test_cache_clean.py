"""`cache clean PROJECT`: what there is of a project goes, and what there is of others stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.end_to_end.scene import CU12, CUDA_12_8, Scene
from tests.support.server import Server, serving
from vinstall.cache.store import bucket

_OF_PROJECTS = ("files", "metadata", "pages", "texts", bucket())
"""The parts of the cache that hold what is one project's."""


@pytest.fixture(params=["with hashes", "without hashes"])
def shop(scene: Scene, request: pytest.FixtureRequest) -> Iterator[tuple[Scene, Server]]:
    """A project with variants, one that needs it, and a server of both that lets them be kept."""
    scene.variants("lib", "1.0", {"null": {}, "cu12": CU12})
    scene.wheel("app", requires=["lib"])
    scene.publish()
    if request.param == "without hashes":
        for page in scene.index.glob("*/index.html"):
            page.write_text(re.sub("#sha256=[0-9a-f]+", "", page.read_text()))
    scene.variables.update(CUDA_12_8)
    with serving(scene.index, headers={"Cache-Control": "max-age=600"}) as server:
        yield scene, server


def install(scene: Scene, server: Server) -> set[str]:
    """The pages that were asked for while both were installed once more."""
    before = len(server.requests)
    index = ("--index-url", f"{server.url}/", "--python", scene.python)
    ran = scene.run_alone("app", "--reinstall", *index)
    assert ran.code == 0, ran.err
    return {path for path in server.paths[before:] if path.endswith("/")}


def entries(scene: Scene) -> dict[str, int]:
    """How many there are in each part of the cache."""
    info = json.loads(scene.run_alone("cache", "info", "--format", "json").out)
    found = {bucket["name"]: bucket["entries"] for bucket in info["buckets"]}
    return {name: found.get(name, 0) for name in _OF_PROJECTS}


def test_it_is_asked_for_anew_and_nothing_else_is(shop: tuple[Scene, Server]) -> None:
    assert install(*shop) == {"/app/", "/lib/"}
    assert install(*shop) == set()
    full = entries(shop[0])
    assert shop[0].run_alone("cache", "clean", "lib").code == 0
    left = entries(shop[0])
    assert all(left[name] < count for name, count in full.items() if count)
    assert sum(left.values()) > 0
    assert install(*shop) == {"/lib/"}
    assert entries(shop[0]) == full


def test_nothing_is_left_of_what_is_named(shop: tuple[Scene, Server]) -> None:
    install(*shop)
    assert shop[0].run_alone("cache", "clean", "app", "Lib").code == 0
    assert entries(shop[0]) == dict.fromkeys(_OF_PROJECTS, 0)
