"""The files of a page by version, packed and read bit by bit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.page_listing import Listing, Misfit, list_files, lists_variants
from vinstall.formats.simple_api import RemoteFile

DEMO = NormalizedName("demo")


def a_file(filename: str, **fields: Any) -> RemoteFile:
    return RemoteFile(filename, f"https://index.example/files/{filename}")._replace(**fields)


def listed(*filenames: str) -> Listing:
    return list_files(DEMO, [a_file(filename) for filename in filenames])


def names(files: tuple[RemoteFile, ...]) -> list[str]:
    return [file.filename for file in files]


class TestByVersion:
    def test_versions_are_as_first_written_and_newest_first(self) -> None:
        found = listed(
            "demo-1.9-py3-none-any.whl",
            "demo-1.10.0.tar.gz",
            "demo-1.10-py3-none-any.whl",
            "demo-2.0rc1.zip",
        )
        assert found.versions == ("2.0rc1", "1.10.0", "1.9")

    def test_each_kind_is_in_page_order(self) -> None:
        found = listed(
            "demo-1.0.zip",
            "demo-1.0.0-py3-none-any-cu13.whl",
            "demo-1.0-variants.json",
            "demo-1.0-py3-none-any.whl",
            "demo-1.0.0.tar.gz",
            "demo-1.0.0-py2-none-any.whl",
        )
        assert list(map(names, found.of(0))) == [
            [
                "demo-1.0.0-py3-none-any-cu13.whl",
                "demo-1.0-py3-none-any.whl",
                "demo-1.0.0-py2-none-any.whl",
            ],
            ["demo-1.0.zip", "demo-1.0.0.tar.gz"],
            ["demo-1.0-variants.json"],
        ]
        assert (found.has_labels, found.has_variants_json) == (True, True)

    def test_what_belongs_to_no_version_is_told_and_stays_listed(self) -> None:
        filenames = ["other-1.0.tar.gz", "demo-1.0.tar.bz2", "demo-x.zip", "demo.whl"]
        found = listed(*filenames)
        assert found.versions == ()
        assert found.misfits == (
            Misfit("other-1.0.tar.gz", None),
            Misfit("demo.whl", "is no wheel name"),
            Misfit("demo-x.zip", "has the invalid version `x`"),
        )
        assert names(tuple(found)) == filenames

    def test_every_field_of_a_file_survives(self) -> None:
        full = a_file(
            "demo-1.0-py3-none-any.whl",
            hashes=(("sha256", "ab" * 32), ("md5", "cd" * 16)),
            size=7,
            requires_python=">=3.11",
            yanked="",
            metadata_hashes=(),
            upload_time="2026-01-02T03:04:05.678901Z",
            provenance="https://index.example/p",
        )
        found = list_files(DEMO, (full,))
        assert found.of(0).wheels == (full,)
        assert type(found[0]) is RemoteFile

    def test_files_of_a_json_page_are_read_when_they_are_looked_at(self) -> None:
        element = {
            "filename": "demo-1.0.zip",
            "url": "https://x.example/demo-1.0.zip",
            "yanked": True,
        }
        found = list_files(DEMO, [element, {**element, "more": {"sizes": [1, 2.5, None]}}])
        file = RemoteFile("demo-1.0.zip", "https://x.example/demo-1.0.zip", yanked="")
        assert found.of(0).sdists == tuple(found) == (file, file)

    def test_links_of_an_html_page_are_read_when_they_are_looked_at(self) -> None:
        rows = [(f"demo-{at}.zip", f"../demo-{at}.zip#md5=AB", ' data-yanked=""') for at in (1, 2)]
        found = Listing(list_files(DEMO, rows, "https://x.example/simple/demo/").packed)
        files = [
            RemoteFile(name, f"https://x.example/simple/{name}", (("md5", "ab"),), yanked="")
            for name, *_ in rows
        ]
        assert [found.of(at).sdists for at in (0, 1)] == [(files[1],), (files[0],)]
        assert list(found) == files

    def test_links_of_a_json_page_are_taken_from_where_it_is(self) -> None:
        element = {"filename": "demo-1.0.zip", "url": "../../f/demo-1.0.zip#sha256=ab"}
        base = "https://x.example/simple/demo/"
        found = Listing(list_files(DEMO, [element, element], base).packed)
        file = RemoteFile("demo-1.0.zip", "https://x.example/f/demo-1.0.zip")
        assert found.of(0).sdists == tuple(found) == (file, file)

    def test_an_element_with_more_in_it_than_can_be_kept(self) -> None:
        deep: list[object] = []
        for _ in range(5000):
            deep = [deep]
        element = {"filename": "demo-1.0.zip", "url": "https://x.example/demo-1.0.zip", "x": deep}
        file = RemoteFile("demo-1.0.zip", "https://x.example/demo-1.0.zip")
        assert list_files(DEMO, [element]).of(0).sdists == (file,)

    @pytest.mark.parametrize("order", [range(60), reversed(range(60)), (59, 0, 30, 29, 31, 0)])
    def test_many_versions_are_read_in_any_order(self, order: Iterable[int]) -> None:
        found = listed(*(f"demo-{59 - at // 3}-py3-none-any{at % 3}.whl" for at in range(180)))
        for at in order:
            whole = [f"demo-{59 - at}-py3-none-any{place}.whl" for place in range(3)]
            assert names(found.of(at).wheels) == whole

    def test_a_place_that_is_no_version_is_an_error(self) -> None:
        with pytest.raises(IndexError):
            listed("demo-1.0.zip").of(2)


class TestAsASequence:
    def test_it_equals_the_files_it_was_made_of(self) -> None:
        files = tuple(map(a_file, ("demo-1.zip", "b.zip", "demo-2.zip")))
        found = list_files(DEMO, files)
        assert found == list_files(DEMO, files)
        assert tuple(found) == files
        assert (len(found), found[1:], found[-1]) == (3, files[1:], files[2])
        assert found != list_files(DEMO, files[:2])

    def test_an_equal_page_packs_equally(self) -> None:
        first, second = listed("demo-1.zip", "demo-2.zip"), listed("demo-1.zip", "demo-2.zip")
        assert (first.packed, first, hash(first)) == (second.packed, second, hash(second))

    @pytest.mark.parametrize("variants", [True, False])
    def test_whether_it_lists_variants_is_known_of_both_forms(self, variants: bool) -> None:
        files = (a_file("other-1-variants.json"),) * variants + (a_file("demo-1.zip"),)
        assert lists_variants(files) is lists_variants(list_files(DEMO, files)) is variants


VERSIONS = st.from_regex(r"\A[0-3](\.[0-2]){0,2}(rc1|\.dev1|\.post1)?\Z")
FILES = st.one_of(
    st.text(max_size=20),
    st.builds(
        "{}-{}{}".format,
        st.sampled_from(["demo", "De.mo", "DEMO", "other"]),
        st.one_of(VERSIONS, st.sampled_from(["v1", "1-1", "", "x", "2.0+cu1"])),
        st.sampled_from([".tar.gz", ".zip", "-py3-none-any.whl", "-variants.json", ".egg"]),
    ),
)


@given(st.lists(FILES, max_size=12))
def test_any_page_keeps_its_files_and_order_through_a_cache(filenames: list[str]) -> None:
    files = tuple(a_file(name, size=at) for at, name in enumerate(filenames))
    found = Listing(memoryview(list_files(DEMO, files).packed))
    versions = [Version(text) for text in found.versions]
    assert tuple(found) == files
    assert versions == sorted(set(versions), reverse=True)
    for at in range(len(versions)):
        for kind in found.of(at):
            places = [file.size for file in kind]
            assert places == sorted(places)  # type: ignore[type-var]
