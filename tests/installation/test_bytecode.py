"""Bytecode: compiled once, linked afterwards, used by the interpreter."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation.builders import World, make_environment, target_of
from tests.support.wheels import make_wheel
from vinstall.errors import InstallationError
from vinstall.installation.bytecode import bytecode_kind
from vinstall.installation.linking import LinkMode

FILES = {
    "demo/__init__.py": "import demo.sub.mod\n",
    "demo/sub/mod.py": "VALUE = 6 * 7\n",
    "demo/template.py": "{% not python %}\n",
    "demo/data.txt": "x",
    "demo-1.0.data/platlib/top.py": "y = 1\n",
}
COMPILED = {
    "demo/__pycache__/__init__.{tag}.pyc",
    "demo/sub/__pycache__/mod.{tag}.pyc",
    "__pycache__/top.{tag}.pyc",
}


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return make_environment(tmp_path / "env")


def compiled(world: World) -> set[str]:
    return {path.relative_to(world.site).as_posix() for path in world.site.rglob("*.pyc")}


@pytest.mark.parametrize("mode", [LinkMode.HARDLINK, LinkMode.COPY])
def test_the_interpreter_uses_what_was_compiled(
    tmp_path: Path, python: Path, mode: LinkMode
) -> None:
    world = World(tmp_path, target=target_of(python))
    world.install(make_wheel(tmp_path, files=FILES), compile_into=world.store, link_mode=mode)
    tag = sys.implementation.cache_tag
    assert compiled(world) == {path.format(tag=tag) for path in COMPILED}
    before = {path: path.stat().st_mtime_ns for path in world.site.rglob("*.pyc")}
    code = "import demo.sub.mod as m; print(m.__cached__, m.VALUE, m.__loader__.get_code(m.__name__).co_filename)"
    out = subprocess.check_output([python, "-v", "-c", code], text=True, stderr=subprocess.PIPE)
    cached, value, filename = out.split()
    assert Path(cached) == world.site / "demo/sub/__pycache__" / f"mod.{tag}.pyc"
    assert value == "42"
    assert Path(filename) == world.site / "demo" / "sub" / "mod.py"
    after = {path: path.stat().st_mtime_ns for path in world.site.rglob("*.pyc")}
    assert after == before  # none was found stale and written anew


def test_it_is_compiled_once(tmp_path: Path, python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, target=target_of(python))
    wheel = make_wheel(tmp_path, files=FILES)
    world.install(wheel, compile_into=world.store)
    other = World(tmp_path / "other", target=target_of(make_environment(tmp_path / "env2")))
    other.store = world.store
    monkeypatch.setattr("subprocess.Popen", lambda *args, **options: pytest.fail("was started"))
    other.install(wheel, compile_into=world.store)
    assert compiled(other) == compiled(world)


def test_record_lists_it_without_a_hash(tmp_path: Path, python: Path) -> None:
    world = World(tmp_path, target=target_of(python))
    world.install(make_wheel(tmp_path, files=FILES), compile_into=world.store)
    text = (world.site / "demo-1.0.dist-info" / "RECORD").read_text()
    rows = [row for row in csv.reader(text.splitlines()) if row[0].endswith(".pyc")]
    tag = sys.implementation.cache_tag
    assert sorted(rows) == sorted([path.format(tag=tag), "", ""] for path in COMPILED)


def test_it_goes_with_the_distribution(tmp_path: Path, python: Path) -> None:
    world = World(tmp_path, target=target_of(python))
    before = set(world.site.iterdir())
    world.install(make_wheel(tmp_path, files=FILES), compile_into=world.store)
    world.install(remove=["demo"])
    assert set(world.site.iterdir()) == before


def test_interpreters_have_bytecode_of_their_own(tmp_path: Path, python: Path) -> None:
    found = sorted(Path.home().glob(".pyenv/versions/3.8.*/bin/python"))
    if not found:
        pytest.skip("no Python 3.8 here")
    wheel = make_wheel(tmp_path, files=FILES)
    world = World(tmp_path, target=target_of(python))
    world.install(wheel, compile_into=world.store)
    old = World(
        tmp_path / "old", target=target_of(make_environment(tmp_path / "e38", str(found[0])))
    )
    old.store = world.store
    old.install(wheel, compile_into=world.store)
    assert compiled(old) == {path.format(tag="cpython-38") for path in COMPILED}
    assert bytecode_kind(old.target) != bytecode_kind(world.target)
    entry = old.store.find(json.loads(_provenance(old))["archive_info"]["hashes"]["sha256"])
    assert entry is not None
    kinds = {path.name for path in entry.entry.glob("bytecode-*")}
    assert kinds == {f"bytecode-{bytecode_kind(each.target)}" for each in (old, world)}


def _provenance(world: World) -> str:
    return (world.site / "demo-1.0.dist-info" / "provenance_url.json").read_text()


def test_an_interpreter_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    world = World(tmp_path)
    broken = world.target.python
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\ncat > /dev/null\necho no luck >&2\nexit 3\n")
    broken.chmod(0o755)
    before = world.tree()
    with pytest.raises(InstallationError) as caught:
        world.install(make_wheel(tmp_path), compile_into=world.store)
    assert caught.value.message == f"`{broken}` could not compile modules"
    assert caught.value.context == ("no luck",)
    assert world.tree() == before
    assert list((world.store.root.parent / "tmp").iterdir()) == []
