"""The cache: values and files below one folder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vinstall.cache.files import Cache, Key
from vinstall.errors import UsageError
from vinstall.observer import Observer

KEY: Key = ("https://index.example/", "demo", 1, None, ("a", 2))


class Heard(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str, *, hint: str | None = None) -> None:
        self.warnings.append(message)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


class TestValues:
    def test_what_was_written_is_read(self, cache: Cache) -> None:
        assert cache.read("pages", KEY) is None
        cache.write("pages", KEY, b"content")
        assert cache.read("pages", KEY) == b"content"
        assert Cache(cache.root).read("pages", KEY) == b"content"

    def test_each_part_of_the_key_counts(self, cache: Cache) -> None:
        cache.write("pages", KEY, b"content")
        others: list[Key] = [
            ("https://index.example/", "demo", 1, None, ("a", 3)),
            ("https://index.example/", "demo", 1, "None", ("a", 2)),
            ("https://index.example/", "demo", "1", None, ("a", 2)),
            ("https://index.example/demo", "", 1, None, ("a", 2)),
            KEY[:-1],
        ]
        for other in others:
            assert cache.read("pages", other) is None
        assert cache.read("other", KEY) is None

    @settings(max_examples=50)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
            lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
        )
    )
    def test_any_plain_value_survives(self, value: object) -> None:
        cache = Cache(None)
        cache.write_value("values", KEY, value)
        assert cache.read_value("values", KEY) == value

    @pytest.mark.parametrize("damage", [b"", b"abc", b"\0" * 20])
    def test_a_damaged_value_counts_as_absent(self, cache: Cache, damage: bytes) -> None:
        cache.write_value("values", KEY, ("a", 1))
        (path,) = [path for path in files_below(cache.root) if path.name != "CACHEDIR.TAG"]
        path.write_bytes(damage)
        assert cache.read_value("values", KEY) is None

    def test_a_value_that_is_no_marshal_counts_as_absent(self, cache: Cache) -> None:
        cache.write("values", KEY, b"\xff\xff")
        assert cache.read_value("values", KEY) is None

    def test_readers_never_see_half_a_value(self, cache: Cache) -> None:
        values = [bytes([number]) * 200_000 for number in range(4)]
        seen: set[bytes | None] = set()

        def write(content: bytes) -> None:
            for _ in range(20):
                cache.write("pages", KEY, content)
                seen.add(cache.read("pages", KEY))

        threads = [threading.Thread(target=write, args=(content,)) for content in values]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen <= set(values)
        assert list((cache.root / "v1/tmp").iterdir()) == []


class TestBigFiles:
    def test_a_complete_file_is_adopted(self, cache: Cache) -> None:
        assert cache.find_file("files", "ab12", "demo.whl") is None
        temporary = cache.temporary()
        temporary.write_bytes(b"wheel")
        path = cache.adopt_file("files", "ab12", "demo.whl", temporary)
        assert path == cache.root / "v1/files/ab/ab12/demo.whl"
        assert path.read_bytes() == b"wheel"
        assert cache.find_file("files", "ab12", "demo.whl") == path
        assert not temporary.exists()

    def test_a_file_to_go_on_with_keeps_its_name(self, cache: Cache) -> None:
        with cache.unfinished("part-1") as path:
            path.write_bytes(b"half")
        with cache.unfinished("part-1") as path:
            assert path.read_bytes() == b"half"
        assert cache.temporary() != cache.temporary()

    def test_nobody_goes_on_with_what_another_one_is_at(self, cache: Cache) -> None:
        with cache.unfinished("part-1") as first, cache.unfinished("part-1") as second:
            assert first != second

    def test_a_file_whose_place_is_taken_stays_where_it_is(self, cache: Cache) -> None:
        heard = Heard()
        cache = Cache(cache.root, observer=heard)
        place = cache.folder("files")
        place.write_bytes(b"in the way")
        temporary = cache.temporary()
        temporary.write_bytes(b"wheel")
        assert cache.adopt_file("files", "ab12", "demo.whl", temporary) == temporary
        assert len(heard.warnings) == 1
        assert heard.warnings[0].startswith(f"the cache in `{cache.root}` cannot be written: ")


class TestTheFolder:
    def test_nothing_is_made_before_the_first_use(self, tmp_path: Path) -> None:
        cache = Cache(tmp_path / "cache")
        assert cache.info().buckets == ()
        assert cache.clean() == 0
        assert cache.prune(0) == 0
        assert not (tmp_path / "cache").exists()

    def test_backup_programs_are_told_to_leave_it_out(self, cache: Cache) -> None:
        cache.write("pages", KEY, b"")
        tag = (cache.root / "CACHEDIR.TAG").read_text()
        assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")

    def test_no_root_means_a_folder_that_goes_with_the_process(self) -> None:
        program = (
            "from vinstall.cache.files import Cache; cache = Cache(None);"
            "cache.write('pages', (1,), b'x'); print(cache.root, cache.read('pages', (1,)))"
        )
        result = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        folder, content = result.stdout.split()
        assert content == "b'x'"
        assert not Path(folder).exists()

    @pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_is_not_writable_is_replaced(self, tmp_path: Path) -> None:
        Cache(tmp_path).write("pages", KEY, b"content")
        (tmp_path / "v1/tmp").chmod(stat.S_IRUSR | stat.S_IXUSR)
        self.is_replaced(tmp_path)

    def test_a_file_in_place_of_the_folder_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        self.is_replaced(tmp_path / "file")

    def is_replaced(self, root: Path) -> None:
        heard = Heard()
        cache = Cache(root, observer=heard)
        cache.write("pages", KEY, b"content")
        assert cache.read("pages", KEY) == b"content"
        assert cache.root != root
        assert len(heard.warnings) == 1
        assert heard.warnings[0].startswith(f"the cache in `{root}` cannot be used: ")


class TestHousekeeping:
    @pytest.fixture
    def filled(self, cache: Cache) -> Cache:
        for number in range(4):
            temporary = cache.temporary()
            temporary.write_bytes(b"x" * 1000)
            path = cache.adopt_file("files", f"0{number}", "demo.whl", temporary)
            os.utime(path, (1000 + number, 1000 + number))
            os.utime(path.parent, (1000, 1000))
        cache.write("pages", KEY, b"y" * 96)
        return cache

    def test_info_counts_entries_and_bytes(self, filled: Cache) -> None:
        info = filled.info()
        assert [tuple(bucket) for bucket in info.buckets] == [("files", 4, 4000), ("pages", 1, 100)]
        assert (info.root, info.size) == (filled.root, 4100)

    def test_clean_removes_everything_or_some_buckets(self, filled: Cache) -> None:
        assert filled.clean(["pages"]) == 100
        assert [bucket.name for bucket in filled.info().buckets] == ["files"]
        assert filled.clean() == 4000
        assert filled.info().buckets == ()

    def test_a_cleaned_cache_can_be_used_again(self, filled: Cache) -> None:
        filled.clean()
        filled.write("pages", KEY, b"again")
        assert filled.read("pages", KEY) == b"again"

    def test_prune_removes_what_was_not_used_for_longest(self, filled: Cache) -> None:
        assert filled.find_file("files", "00", "demo.whl") is not None  # used just now
        assert filled.prune(2200) == 2000
        left = [
            number for number in range(4) if filled.find_file("files", f"0{number}", "demo.whl")
        ]
        assert left == [0, 3]

    def test_prune_removes_what_was_abandoned(self, filled: Cache) -> None:
        old, new = filled.temporary(), filled.temporary()
        for path in (old, new):
            path.write_bytes(b"z" * 10)
        os.utime(old, (1000, 1000))
        assert filled.prune() == 10
        assert new.exists()
        assert not old.exists()

    @pytest.mark.parametrize("action", ["clean", "prune", "info"])
    def test_a_folder_that_is_no_cache_is_left_alone(self, tmp_path: Path, action: str) -> None:
        (tmp_path / "v1").mkdir()
        (tmp_path / "v1/thesis.txt").write_text("precious")
        with pytest.raises(UsageError) as caught:
            getattr(Cache(tmp_path), action)()
        assert caught.value.message == f"`{tmp_path}` is not a cache of vinstall"
        assert (tmp_path / "v1/thesis.txt").exists()
