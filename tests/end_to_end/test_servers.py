"""Indexes over HTTP, with the manners and faults of real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.end_to_end.scene import CU12, CUDA_12_8, Scene
from tests.support.command import Ran
from tests.support.server import Reply, Request, Server, serving

LABELS = {"null": {}, "cu12": CU12}


@pytest.fixture
def shop(scene: Scene) -> Scene:
    """A project with variants and one that needs it."""
    scene.variants("lib", "1.0", LABELS, files={"lib.py": "X = 1\n" * 20_000})
    scene.wheel("app", requires=["lib"])
    scene.publish()
    scene.variables.update(CUDA_12_8)
    return scene


def run(scene: Scene, server: Server, *words: str) -> Ran:
    """`vinstall app` from a server."""
    index = ("--index-url", f"{server.url}/", "--python", scene.python)
    return scene.run_alone(*(words or ("app",)), *index)


WHOLE = {"app": "1.0", "lib": "1.0 (cu12)"}


@pytest.mark.parametrize("ranges", [True, False], ids=["with ranges", "without ranges"])
def test_metadata_comes_from_the_wheels_tail_or_the_whole_of_it(shop: Scene, ranges: bool) -> None:
    with serving(shop.index, ranges=ranges) as server:
        ran = run(shop, server)
    assert ran.code == 0, ran.err
    assert shop.installed() == WHOLE


def test_a_dry_run_downloads_no_wheel_from_a_server_with_ranges(shop: Scene) -> None:
    with serving(shop.index) as server:
        assert run(shop, server, "--dry-run", "app").code == 0
        whole = [
            request.path
            for request in server.requests
            if request.path.endswith(".whl") and request.range is None
        ]
    assert whole == []


def test_a_second_run_asks_little(shop: Scene) -> None:
    with serving(shop.index, headers={"Cache-Control": "max-age=600"}) as server:
        assert run(shop, server).code == 0
        before = len(server.requests)
        assert run(shop, server, "--reinstall", "app").code == 0
        assert server.paths[before:] == []


def test_without_a_variants_file_the_wheels_are_asked(shop: Scene) -> None:
    (shop.index / "lib" / "lib-1.0-variants.json").unlink()
    shop.publish()
    with serving(shop.index) as server:
        assert run(shop, server).code == 0
    assert shop.installed() == WHOLE


def test_a_variants_file_that_is_not_what_its_hash_says_spoils_the_labels(shop: Scene) -> None:
    file = shop.index / "lib" / "lib-1.0-variants.json"
    file.write_text(file.read_text() + " ")
    with serving(shop.index) as server:
        ran = run(shop, server)
    assert ran.code == 0
    assert shop.installed() == {"app": "1.0", "lib": "1.0 (null)"}
    assert (
        "warning: `lib` 1.0: the variant metadata of `cu12` cannot be used: "
        "`lib-1.0-variants.json`: `lib-1.0-variants.json` does not match its sha256 hash"
    ) in ran.err


def test_a_wheel_that_is_not_what_its_hash_says_is_not_installed(shop: Scene) -> None:
    wheel = next((shop.index / "app").glob("*.whl"))
    content = bytearray(wheel.read_bytes())
    content[70] ^= 1  # inside the first member; the directory at the end stays sound
    wheel.write_bytes(content)
    with serving(shop.index) as server:
        ran = run(shop, server)
    assert ran.code == 1
    assert "does not match its sha256 hash" in ran.err
    assert shop.installed() == {}


def test_the_json_form_is_asked_for_and_understood(shop: Scene) -> None:
    def page(project: str) -> Iterator[dict[str, object]]:
        for path in sorted((shop.index / project).iterdir()):
            if path.name != "index.html":
                yield {"filename": path.name, "url": f"/{project}/{path.name}", "hashes": {}}

    def answer(request: Request) -> Reply:
        project = request.path.strip("/")
        assert "application/vnd.pypi.simple.v1+json" in request.headers["accept"]
        body = {"meta": {"api-version": "1.1"}, "name": project, "files": list(page(project))}
        content_type = "application/vnd.pypi.simple.v1+json"
        return Reply(body=json.dumps(body).encode(), headers={"Content-Type": content_type})

    files = {
        f"/{path.relative_to(shop.index)}": path.read_bytes()
        for path in shop.index.rglob("*")
        if path.is_file()
    }
    with serving({**files, "/app/": answer, "/lib/": answer}) as server:
        ran = run(shop, server)
    assert ran.code == 0, ran.err
    assert shop.installed() == WHOLE


def test_a_login_in_the_url_is_used_and_not_shown(shop: Scene) -> None:
    with serving(shop.index, auth=("user", "secret")) as server:
        url = server.url.replace("://", "://user:secret@")
        ran = shop.run_alone("--dry-run", "app", "--index-url", url, "--python", shop.python)
        assert ran.code == 0, ran.err
        assert "secret" not in ran.out + ran.err
        assert run(shop, server, "--refresh", "app").code == 4


def test_the_first_index_that_knows_a_project_answers(shop: Scene) -> None:
    other = shop.root / "other"
    shop.wheel("lib", "9.0", index=other)
    shop.publish(other)
    with serving(shop.index) as first, serving(other) as second:
        extra = ("--extra-index-url", f"{second.url}/")
        assert run(shop, first, *extra, "app").code == 0
        assert second.paths == []
    assert shop.installed() == WHOLE


def test_offline_with_everything_in_the_cache(shop: Scene) -> None:
    with serving(shop.index) as server:
        assert run(shop, server).code == 0
        before = len(server.requests)
        assert run(shop, server, "--offline", "--reinstall", "app").code == 0
        assert len(server.requests) == before
        shop.forget_cache()
        ran = run(shop, server, "--offline", "-U", "app")
    assert ran.code == 4
    assert "is not in the cache, and the network is not to be used" in ran.err
