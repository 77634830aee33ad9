"""Metadata that was parsed before, and is found again by file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.version import Version

from tests.support.catalogs import make_target
from tests.support.memory_index import MemoryIndex, variants_json
from vinstall.cache.files import Cache
from vinstall.catalog.metadata_shelf import SHELVES, MetadataShelf
from vinstall.formats.metadata import parse_metadata
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import parse_variant_table
from vinstall.selection.release import Choice

MARKERS = make_target().markers
HASHES = (("sha256", "ab" * 32),)
FILE = RemoteFile("a-1-py3-none-any.whl", "https://files.example/a-1-py3-none-any.whl", HASHES)
METADATA = parse_metadata(b"Name: a\nVersion: 1\nRequires-Dist: b>=1\n")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty one."""
    return Cache(tmp_path / "cache")


def saved(cache: Cache, *files: RemoteFile) -> None:
    """Put the same metadata there for all of these, for the question `q`."""
    shelf = MetadataShelf(cache, ("q",), MARKERS)
    for file in files:
        shelf.put(file, METADATA)
    shelf.save()


class TestShelf:
    def test_the_next_run_finds_what_was_put(self, cache: Cache) -> None:
        saved(cache, FILE)
        assert MetadataShelf(cache, ("q",), MARKERS).find(FILE) == METADATA
        assert MetadataShelf(cache, ("other",), MARKERS).find(FILE) is None
        elsewhere = {**MARKERS, "sys_platform": "win32"}
        assert MetadataShelf(cache, ("q",), elsewhere).find(FILE) is None

    @pytest.mark.parametrize(
        "other",
        [
            FILE._replace(hashes=(("sha256", "cd" * 32),)),
            FILE._replace(url="https://other.example/a-1-py3-none-any.whl"),
            FILE._replace(hashes=()),
            FILE._replace(hashes=(("md5", "ab" * 16),)),
        ],
    )
    def test_another_file_is_not_known(self, cache: Cache, other: RemoteFile) -> None:
        saved(cache, FILE, other._replace(filename="b-1-py3-none-any.whl", hashes=()))
        assert MetadataShelf(cache, ("q",), MARKERS).find(other) is None

    def test_what_is_not_needed_any_more_goes_when_something_comes(self, cache: Cache) -> None:
        more, new = (FILE._replace(url=f"https://files.example/{name}") for name in "bc")
        saved(cache, FILE, more)
        shelf = MetadataShelf(cache, ("q",), MARKERS)
        assert shelf.find(more) == METADATA
        shelf.put(new, METADATA)
        shelf.save()
        shelf = MetadataShelf(cache, ("q",), MARKERS)
        assert [shelf.find(file) is not None for file in (FILE, more, new)] == [False, True, True]

    def test_nothing_is_written_where_nothing_was_put(self, cache: Cache) -> None:
        MetadataShelf(cache, ("q",), MARKERS).save()
        assert not cache.folder(SHELVES).exists()

    def test_a_damaged_one_is_as_good_as_none(self, cache: Cache) -> None:
        saved(cache, FILE)
        for path in cache.folder(SHELVES).rglob("*"):
            if path.is_file():
                path.write_bytes(path.read_bytes()[:-1])
        assert MetadataShelf(cache, ("q",), MARKERS).find(FILE) is None


class TestTables:
    def test_the_next_run_finds_them_beside_the_metadata(self, cache: Cache) -> None:
        table = parse_variant_table(json.dumps(variants_json({"fast": ["cpu :: level :: v3"]})))
        shelf = MetadataShelf(cache, ("q",), MARKERS)
        shelf.put(FILE, METADATA)
        assert shelf.find_table(FILE) is None
        shelf.put_table(FILE, table)
        shelf.put_table(FILE._replace(url="https://files.example/b", hashes=()), table)
        shelf.save()
        shelf = MetadataShelf(cache, ("q",), MARKERS)
        assert shelf.find_table(FILE) == table
        assert shelf.find(FILE) == METADATA
        assert shelf.find_table(FILE._replace(url="https://files.example/b")) is None
        assert shelf.find_table(FILE._replace(hashes=(("sha256", "cd" * 32),))) is None


class TestInACatalog:
    def test_a_table_is_read_once_for_two_runs(self, cache: Cache) -> None:
        index = MemoryIndex()
        index.host = {"cpu": {"level": ["v3"]}}
        index.add_wheel("a", "1", label="fast", hashes=HASHES)
        document = {**variants_json({"fast": ["cpu :: level :: v3"]}), "more": 1}
        index.add_variants_json("a", "1", document, hashes=HASHES)
        chosen: list[Choice] = []
        for _ in range(2):
            shelf = MetadataShelf(cache, ("q",), MARKERS)
            catalog = index.catalog(make_target())
            catalog.use(shelf)
            chosen += catalog.choices(METADATA.name, Version("1"))
            assert catalog.is_listed
            shelf.save()
        assert [choice.label for choice in chosen] == ["fast", "fast"]
        assert index.counts["read a-1-variants.json"] == 1

    def test_what_is_wrong_is_read_again(self, cache: Cache) -> None:
        index = MemoryIndex()
        index.add_wheel("a", "1", label="fast", hashes=HASHES)
        index.add_variants_json("a", "1", b"{", hashes=HASHES)
        for _ in range(2):
            shelf = MetadataShelf(cache, ("q",), MARKERS)
            catalog = index.catalog(make_target())
            catalog.use(shelf)
            assert catalog.choices(METADATA.name, Version("1")) == ()
            assert not catalog.is_listed
            shelf.save()
        assert index.counts["read a-1-variants.json"] == 2

    def test_a_wheel_is_read_once_for_two_runs(self, cache: Cache) -> None:
        index = MemoryIndex()
        index.add_wheel("a", "1", requires=["b"], hashes=HASHES)
        found = []
        for _ in range(2):
            shelf = MetadataShelf(cache, ("q",), MARKERS)
            catalog = index.catalog(make_target())
            catalog.use(shelf)
            choice = catalog.choices(METADATA.name, Version("1"))[0]
            found.append(catalog.metadata(choice))
            shelf.save()
        assert found[0] == found[1]
        assert index.counts["metadata a-1-py3-none-any.whl"] == 1
