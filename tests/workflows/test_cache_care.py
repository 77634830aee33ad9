"""The cache: sizes, what belongs to a project, what goes first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.environments import Site
from vinstall.cache.files import Cache
from vinstall.errors import UsageError
from vinstall.observer import Observer
from vinstall.workflows.cache_care import (
    cache_folder,
    cache_info,
    clean_cache,
    parse_size,
    prune_cache,
)
from vinstall.workflows.settings import Settings

OBSERVER = Observer()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def put(site: Site, bucket: str, *path: str, size: int = 10) -> Path:
    """One file of `size` bytes in a bucket."""
    file = Cache(site.root / "cache").folder(bucket).joinpath(*path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    return file


class TestFolder:
    def test_the_one_that_is_named(self, site: Site) -> None:
        folder = cache_folder(Settings(cache_dir=Path("here")), site.invocation)
        assert folder == site.root / "here"
        assert not folder.exists()

    def test_the_platforms(self, site: Site) -> None:
        site.environ["XDG_CACHE_HOME"] = "/somewhere"
        assert cache_folder(Settings(), site.invocation) == Path("/somewhere/vinstall")

    def test_none_at_all(self, site: Site) -> None:
        with pytest.raises(UsageError, match="there is no cache: it is switched off"):
            cache_folder(Settings(no_cache=True), site.invocation)


class TestInfo:
    def test_each_part_with_its_bytes(self, site: Site) -> None:
        put(site, "files", "ab", "abcd", "app-1.0-py3-none-any.whl", size=100)
        put(site, "metadata", "00", "00ff", size=7)
        put(site, "mirrors", "0123abcd", "objects", "pack", size=50)
        put(site, "mirrors", "0123abcd", "HEAD", size=5)
        info = cache_info(site.settings(), site.invocation, OBSERVER)
        assert info.size == 162
        assert [tuple(bucket) for bucket in info.buckets] == [
            ("files", 1, 100),
            ("metadata", 1, 7),
            ("mirrors", 1, 55),
        ]

    def test_a_folder_that_is_no_cache(self, site: Site) -> None:
        (site.root / "cache").mkdir()
        (site.root / "cache" / "thesis.tex").touch()
        with pytest.raises(UsageError, match="is not a cache of vinstall"):
            clean_cache(site.settings(), (), site.invocation, OBSERVER)
        assert (site.root / "cache" / "thesis.tex").exists()


class TestClean:
    def test_everything(self, site: Site) -> None:
        put(site, "files", "ab", "abcd", "app-1.0.tar.gz", size=100)
        done = clean_cache(site.settings(), (), site.invocation, OBSERVER)
        assert (done.root, done.freed) == (site.root / "cache", 100)
        assert cache_info(site.settings(), site.invocation, OBSERVER).size == 0

    def test_the_files_of_some_projects(self, site: Site) -> None:
        gone = [
            put(site, "files", "aa", "aa01", "My_App-1.0-py3-none-any.whl"),
            put(site, "files", "aa", "aa02", "my.app-1.0-py3-none-any-cu12.whl"),
            put(site, "files", "aa", "aa03", "my-app-2.0.tar.gz"),
            put(site, "built", "0123456789", "my_app-3.0-py3-none-any.whl"),
            put(site, "wheels", "bb", "bb01", "files", "my_app-1.0.dist-info", "METADATA"),
            put(site, "shelves", "dd", "dd01"),  # of several projects, and soon made again
        ]
        stay = [
            put(site, "files", "aa", "aa04", "my-1.0.tar.gz"),
            put(site, "files", "aa", "aa05", "my_app_more-1.0-py3-none-any.whl"),
            put(site, "wheels", "bb", "bb02", "files", "other-1.0.dist-info", "METADATA"),
            put(site, "pages", "cc", "cc01"),
        ]
        done = clean_cache(site.settings(), ("My-App", "absent"), site.invocation, OBSERVER)
        assert done.freed == 60
        assert not any(path.exists() for path in gone)
        assert all(path.exists() for path in stay)


class TestPrune:
    def test_what_was_not_used_for_longest_goes_first(self, site: Site) -> None:
        old = put(site, "files", "aa", "aa01", "app-1.0.tar.gz", size=100)
        new = put(site, "files", "aa", "aa02", "app-2.0.tar.gz", size=100)
        for path in (old, old.parent):
            os.utime(path, (1, 1))
        done = prune_cache(site.settings(), 150, site.invocation, OBSERVER)
        assert done.freed == 100
        assert (old.exists(), new.exists()) == (False, True)

    def test_a_checkout_goes_as_a_whole(self, site: Site) -> None:
        """A repository without its objects would be broken for ever."""
        head = put(site, "mirrors", "0123abcd", "HEAD", size=5)
        put(site, "mirrors", "0123abcd", "objects", "pack", size=50)
        prune_cache(site.settings(), 20, site.invocation, OBSERVER)
        assert not head.parent.exists()

    def test_without_a_size_what_is_in_use_stays(self, site: Site) -> None:
        kept = put(site, "files", "aa", "aa01", "app-1.0.tar.gz")
        assert prune_cache(site.settings(), None, site.invocation, OBSERVER).freed == 0
        assert kept.exists()


class TestSizes:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("0", 0),
            ("1500", 1500),
            ("500MB", 500_000_000),
            ("500 mb", 500_000_000),
            ("1.5k", 1500),
            ("2GiB", 2 * 1024**3),
            ("2gi", 2 * 1024**3),
            ("1T", 10**12),
            ("10 B", 10),
        ],
    )
    def test_sizes(self, text: str, size: int) -> None:
        assert parse_size(text) == size

    @pytest.mark.parametrize("text", ["", "much", "-1", "5 i", "iB", "1e3", "1.2.3M", "٣MB", "5PB"])
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            parse_size(text)
        assert caught.value.message == f"`{text}` is no size"

    @given(st.integers(0, 10**6), st.sampled_from("kMGT"))
    def test_binary_units_are_larger(self, number: int, unit: str) -> None:
        assert parse_size(f"{number}{unit}i") >= parse_size(f"{number}{unit}")
