"""The store of unpacked wheels."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vinstall.cache.files import Cache
from vinstall.cache.store import (
    Bytecode,
    EntryPoint,
    FileGroup,
    RecordPart,
    Store,
    StoredWheel,
    file_group,
)

SHA = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Cache(tmp_path / "cache").folder("unpacked"))


def group(folder: Path, scheme: str = "purelib", **contents: str) -> FileGroup:
    """Files in `folder / "pkg"`, described."""
    (folder / "pkg").mkdir(parents=True, exist_ok=True)
    rows = []
    for name, content in contents.items():
        path = folder / "pkg" / name
        path.write_text(content)
        status = path.stat()
        rows.append((name, status.st_size, status.st_mtime_ns, status.st_mode))
    return file_group(scheme, "pkg", "pkg", rows)


def unpacked(store: Store, sha256: str = SHA) -> StoredWheel:
    """An entry with two files."""
    folder = store.begin()
    wheel = StoredWheel(
        path=str(folder / "files"),
        sha256=sha256,
        filename="demo-1.0-py3-none-any.whl",
        dist_info="demo-1.0.dist-info",
        root="purelib",
        groups=(group(folder / "files", one="1", two="22"),),
        record=(RecordPart("purelib", "pkg/one,,\n"),),
        templates=frozenset({"demo-1.0.data/scripts/x"}),
        entry_points=(EntryPoint("demo", "demo.cli", "main", "console"),),
    )
    return store.add(folder, wheel)


class TestEntries:
    def test_what_is_added_is_found_as_it_was(self, store: Store) -> None:
        added = unpacked(store)
        assert store.find(SHA) == added
        assert added.path == str(store.root / "ab" / SHA / "files")
        assert added.read("pkg/two") == b"22"
        assert added.read("pkg/three") is None

    def test_an_unknown_hash_is_not_found(self, store: Store) -> None:
        assert store.find(SHA) is None

    def test_nothing_is_found_before_it_is_complete(self, store: Store) -> None:
        folder = store.begin()
        assert (folder / "files").is_dir()
        assert store.find(SHA) is None
        store.discard(folder)
        assert not folder.exists()

    def test_the_second_of_two_that_unpack_the_same_wheel_gets_the_firsts(
        self, store: Store
    ) -> None:
        first = unpacked(store)
        assert unpacked(store) == first
        assert [path.name for path in (store.root.parent / "tmp").iterdir()] == []

    def test_use_is_noted_for_housekeeping(self, store: Store) -> None:
        entry = unpacked(store).entry
        os.utime(entry / "manifest", (1, 1))
        store.find(SHA)
        assert (entry / "manifest").stat().st_mtime > time.time() - 60

    def test_the_cache_knows_its_arrangement(self, tmp_path: Path) -> None:
        cache = Cache(tmp_path / "cache")
        unpacked(Store(cache.folder("unpacked")))
        ((name, entries, size),) = cache.info().buckets
        assert (name, entries) == ("unpacked", 1)
        assert size > 3
        assert cache.prune(max_size=0) == size
        assert Store(cache.folder("unpacked")).find(SHA) is None


def edit(path: Path) -> None:
    path.write_text("X")


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def lengthen(path: Path) -> None:
    status = path.stat()
    path.write_text("longer")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def forbid(path: Path) -> None:
    path.chmod(0o600)


def remove(path: Path) -> None:
    path.unlink()


class TestTampering:
    """What an environment does to a file it shares with the store."""

    @pytest.mark.parametrize("change", [edit, touch, lengthen, forbid, remove])
    def test_an_entry_that_was_changed_is_dropped(
        self, store: Store, tmp_path: Path, change: Callable[[Path], None]
    ) -> None:
        wheel = unpacked(store)
        linked = tmp_path / "environment"
        os.link(Path(wheel.path, "pkg", "one"), linked)
        time.sleep(0.01)  # the clock of a file system may tick slowly
        change(Path(wheel.path, "pkg", "one") if change is remove else linked)
        assert store.find(SHA) is None
        assert not wheel.entry.exists()
        assert unpacked(store).read("pkg/one") == b"1"

    def test_removing_a_link_changes_nothing(self, store: Store, tmp_path: Path) -> None:
        wheel = unpacked(store)
        os.link(Path(wheel.path, "pkg", "one"), tmp_path / "environment")
        (tmp_path / "environment").unlink()
        assert store.find(SHA) == wheel

    @pytest.mark.parametrize("content", [b"", b"garbage", b"\xe9\x00"])
    def test_a_broken_manifest_drops_the_entry(self, store: Store, content: bytes) -> None:
        entry = unpacked(store).entry
        (entry / "manifest").write_bytes(content)
        assert store.find(SHA) is None
        assert not entry.exists()

    def test_one_bit_of_the_manifest_drops_the_entry(self, store: Store) -> None:
        good = (unpacked(store).entry / "manifest").read_bytes()
        for place in range(len(good)):
            damaged = bytearray(good)
            damaged[place] ^= 1 << place % 8
            (unpacked(store).entry / "manifest").write_bytes(damaged)
            assert store.find(SHA) is None

    def test_an_entry_of_somebody_else_can_be_used(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        wheel = unpacked(store)
        monkeypatch.setattr(os, "utime", refuse)
        assert store.find(SHA) == wheel

    def test_a_missing_manifest_drops_the_entry(self, store: Store) -> None:
        entry = unpacked(store).entry
        (entry / "manifest").unlink()
        assert store.find(SHA) is None
        assert not entry.exists()

    def test_of_several_those_that_were_changed_are_dropped(self, store: Store) -> None:
        shas = [f"{number:02x}" * 32 for number in range(3)]
        wheels = [unpacked(store, sha) for sha in shas]
        assert store.drop_damaged(wheels) == frozenset()
        edit(Path(wheels[1].path, "pkg", "two"))
        assert store.load(shas[1]) == wheels[1]
        assert store.drop_damaged(wheels) == {shas[1]}
        assert store.load(shas[1]) is None
        assert store.find(shas[2]) == wheels[2]


class TestBytecode:
    KIND = "cpython-3.12.1-cp312"

    def compiled(self, store: Store, wheel: StoredWheel) -> Bytecode:
        folder = store.begin()
        groups = (group(folder / "files", one="bytecode"),)
        return store.add_bytecode(wheel, self.KIND, folder, groups)

    def test_it_is_kept_beside_the_wheel_for_one_kind_of_interpreter(self, store: Store) -> None:
        wheel = unpacked(store)
        assert store.bytecode(wheel, self.KIND) is None
        added = self.compiled(store, wheel)
        assert store.bytecode(wheel, self.KIND) == added
        assert store.bytecode(wheel, "cpython-3.13.0-cp313") is None
        assert Path(added.path, "pkg", "one").read_text() == "bytecode"

    def test_the_second_of_two_gets_the_firsts(self, store: Store) -> None:
        wheel = unpacked(store)
        first = self.compiled(store, wheel)
        assert self.compiled(store, wheel) == first

    def test_what_was_changed_is_dropped(self, store: Store) -> None:
        wheel = unpacked(store)
        added = self.compiled(store, wheel)
        edit(Path(added.path, "pkg", "one"))
        assert store.bytecode(wheel, self.KIND) is None
        assert store.find(SHA) == wheel


def test_case_is_told_apart_here(store: Store) -> None:
    alike = Path(str(store.root).swapcase()).exists()
    assert store.folds_case() == alike
