"""Files of a page by version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tests.selection.builders import SOURCE, a_file, page, spoken
from vinstall.formats.simple_api import RemoteFile
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.release import Wheel
from vinstall.selection.releases import group_releases
from vinstall.selection.tags import TagFilter
from vinstall.selection.usable import usable_wheels


def names(files: list[RemoteFile] | tuple[Wheel, ...]) -> list[str]:
    return [file.filename if isinstance(file, RemoteFile) else file.file.filename for file in files]


class TestVersions:
    def test_newest_first_each_once(self) -> None:
        index = group_releases(
            page(
                "demo-1.9-py3-none-any.whl",
                "demo-1.10-py3-none-any.whl",
                "demo-1.10.tar.gz",
                "demo-2.0rc1-py3-none-any.whl",
                "demo-1!0.1-py3-none-any.whl",
            )
        )
        expected = ("1!0.1", "2.0rc1", "1.10", "1.9")
        assert tuple(map(str, index.versions)) == expected

    def test_spellings_of_one_version_are_one_release_in_page_order(self) -> None:
        index = group_releases(
            page(
                "demo-1.0.0-py3-none-any.whl",
                "demo-1.0-2-py3-none-any.whl",
                "demo-1.0.0-1-py3-none-any.whl",
                "demo-1.0-py2-none-any.whl",
            )
        )
        assert tuple(index.versions) == (Version("1.0"),)
        assert names(index.release(Version("1")).wheels) == [
            "demo-1.0.0-py3-none-any.whl",
            "demo-1.0-2-py3-none-any.whl",
            "demo-1.0.0-1-py3-none-any.whl",
            "demo-1.0-py2-none-any.whl",
        ]

    def test_a_variants_file_alone_makes_no_release(self) -> None:
        index = group_releases(page("demo-2.0-variants.json", "demo-1.0-py3-none-any.whl"))
        assert tuple(index.versions) == (Version("1.0"),)

    def test_an_unlisted_version_is_a_key_error(self) -> None:
        with pytest.raises(KeyError):
            group_releases(page("demo-1.0.tar.gz")).release(Version("2.0"))

    def test_an_empty_page_has_no_versions(self) -> None:
        index = group_releases(page())
        assert (tuple(index.versions), index.rejected, index.has_labels) == ((), (), False)


class TestRelease:
    def test_equal_questions_get_the_identical_object(self) -> None:
        index = group_releases(page("demo-1.0-py3-none-any.whl"))
        assert index.release(Version("1.0")) is index.release(Version("1.0.0"))

    def test_every_part_is_there_in_page_order(self) -> None:
        index = group_releases(
            page(
                "demo-1.0-py3-none-any-cu13.whl",
                "demo-1.0.zip",
                "demo-1.0-variants.json",
                "demo-1.0-py3-none-any.whl",
                "demo-1.0.tar.gz",
            )
        )
        release = index.release(Version("1.0"))
        assert [wheel.name.label for wheel in release.wheels] == ["cu13", None]
        assert [sdist.file.filename for sdist in release.sdists] == [
            "demo-1.0.zip",
            "demo-1.0.tar.gz",
        ]
        assert release.variants_json == a_file("demo-1.0-variants.json")
        assert {wheel.source for wheel in release.wheels} == {SOURCE}
        assert release.has_labels

    def test_an_unreadable_wheel_name_is_a_rejection_of_its_release(self) -> None:
        index = group_releases(
            page("demo-1.0-py3-none-any-CU13.whl", "demo-1.0-py3-none.whl", "demo-1.0.tar.gz")
        )
        release = index.release(Version("1.0"))
        assert release.wheels == ()
        assert spoken(release.rejected) == [
            "demo-1.0-py3-none-any-CU13.whl has the variant label `CU13`",
            "demo-1.0-py3-none.whl has 4 parts between dashes, a wheel name has 5 to 7",
        ]

    def test_the_variants_file_is_matched_by_parsed_name_and_version(self) -> None:
        """PEP 825: name and version "normalized according to the same rules as wheel files"."""
        index = group_releases(
            page(
                "my_demo-1.0.0-py3-none-any-cu13.whl",
                "My.Demo-1.0-variants.json",
                "other-1.0-variants.json",
                name="my-demo",
            )
        )
        found = index.release(Version("1.0")).variants_json
        assert found == a_file("My.Demo-1.0-variants.json")
        assert spoken(index.rejected) == [
            "other-1.0-variants.json is no file of `my-demo`, on whose page it is listed"
        ]

    def test_a_second_variants_file_is_refused(self) -> None:
        index = group_releases(
            page("demo-1.0-variants.json", "demo-1.0.0-variants.json", "demo-1.0-py3-none-any.whl")
        )
        release = index.release(Version("1.0"))
        assert release.variants_json == a_file("demo-1.0-variants.json")
        assert spoken(release.rejected) == [
            "demo-1.0.0-variants.json is a second variants file of this release"
        ]


class TestSourceDistributions:
    @pytest.mark.parametrize(
        ("project", "filename", "version"),
        [
            ("my-demo", "my_demo-1.0.tar.gz", "1.0"),  # PEP 625
            ("my-demo", "my-demo-1.0.tar.gz", "1.0"),
            ("my-demo", "My.Demo-1.0.zip", "1.0"),
            ("my-demo", "my--demo-1.0.tar.gz", "1.0"),
            ("demo", "demo-1.0-1.tar.gz", "1.0.post1"),
            ("demo", "demo-1.0-rc1.tar.gz", "1.0rc1"),
            ("demo-2", "demo-2-1.0.tar.gz", "1.0"),
        ],
    )
    def test_the_project_name_tells_where_the_version_begins(
        self, project: str, filename: str, version: str
    ) -> None:
        index = group_releases(page(filename, name=project))
        assert tuple(index.versions) == (Version(version),)

    @pytest.mark.parametrize(
        ("filename", "sentence"),
        [
            ("demo-extra-1.0.tar.gz", "has the invalid version `extra-1.0`"),
            ("demo-1.0.linux-x86_64.tar.gz", "has the invalid version `1.0.linux-x86_64`"),
            ("other-1.0.tar.gz", "is no file of `demo`, on whose page it is listed"),
            ("demo.tar.gz", "is no file of `demo`, on whose page it is listed"),
            ("demo1.0.zip", "is no file of `demo`, on whose page it is listed"),
        ],
    )
    def test_what_is_not_of_the_project_is_refused(self, filename: str, sentence: str) -> None:
        index = group_releases(page(filename))
        assert tuple(index.versions) == ()
        assert spoken(index.rejected) == [f"{filename} {sentence}"]


class TestForeignAndOdd:
    @pytest.mark.parametrize(
        ("filename", "sentence"),
        [
            ("other-1.0-py3-none-any.whl", "is no file of `demo`, on whose page it is listed"),
            ("demo-x-py3-none-any.whl", "has the invalid version `x`"),
            ("demo.whl", "is no wheel name"),
            ("demo-.whl", "has the invalid version `.whl`"),
            ("demo-x-variants.json", "has an invalid version"),
        ],
    )
    def test_a_file_of_no_release_is_refused_with_a_reason(
        self, filename: str, sentence: str
    ) -> None:
        index = group_releases(page(filename))
        assert tuple(index.versions) == ()
        assert spoken(index.rejected) == [f"{filename} {sentence}"]

    @pytest.mark.parametrize(
        "filename",
        [
            "demo-1.0-py3.8.egg",
            "demo-1.0.win32.exe",
            "demo-1.0.msi",
            "demo-1.0.tar.gz.asc",
            "demo-1.0-py3-none-any.whl.metadata",
            "index.html",
            "",
        ],
    )
    def test_other_kinds_of_files_are_ignored(self, filename: str) -> None:
        index = group_releases(page(filename))
        assert (tuple(index.versions), index.rejected) == ((), ())


class TestYanked:
    def test_a_release_is_yanked_when_all_its_files_are(self) -> None:
        index = group_releases(
            page(
                a_file("demo-1.0-py3-none-any.whl", yanked=""),
                a_file("demo-1.0.tar.gz", yanked="broken"),
                a_file("demo-2.0-py3-none-any.whl", yanked="broken"),
                a_file("demo-2.0.tar.gz"),
                a_file("demo-3.0.tar.gz", yanked=""),
            )
        )
        told = {str(version): index.yanked(version) for version in index.versions}
        assert told == {"3.0": "", "2.0": None, "1.0": "broken"}


class TestHasLabels:
    @pytest.mark.parametrize(
        ("filename", "labels"),
        [
            ("demo-1.0-py3-none-any.whl", False),
            ("demo-1.0-1-py3-none-any.whl", False),
            ("demo-1.0-py3-none-any-null.whl", True),
            ("demo-1.0-1-py3-none-any-cu13.whl", True),
        ],
    )
    def test_dashes_tell(self, filename: str, labels: bool) -> None:
        assert group_releases(page("demo-0.9.tar.gz", filename)).has_labels is labels


class TestAnyPage:
    @given(
        st.lists(
            st.one_of(
                st.text(max_size=30),
                st.builds(
                    "{}-{}{}".format,
                    st.sampled_from(["demo", "De.mo", "demo-x", "d_emo", ""]),
                    st.sampled_from(["1", "1.0", "v1", "1-1", "", "x", "2.0+cu1"]),
                    st.sampled_from(
                        [
                            ".tar.gz",
                            ".zip",
                            "-py3-none-any.whl",
                            "-1-py3-none-any-cu13.whl",
                            "-py3-none-any-CU.whl",
                            ".whl",
                            "-variants.json",
                        ]
                    ),
                ),
            ),
            max_size=12,
            unique=True,
        )
    )
    def test_every_file_is_in_a_release_or_refused_or_of_another_kind(
        self, filenames: list[str]
    ) -> None:
        index = group_releases(page(*filenames))
        releases = [index.release(version) for version in index.versions]
        placed = [
            *(wheel.file.filename for release in releases for wheel in release.wheels),
            *(sdist.file.filename for release in releases for sdist in release.sdists),
            *(rejection.filename for release in releases for rejection in release.rejected),
            *(rejection.filename for rejection in index.rejected),
        ]
        known = (".whl", ".tar.gz", ".zip")
        assert len(placed) == len(set(placed))
        assert {name for name in filenames if name.endswith(known)} <= set(placed)
        assert set(placed) <= set(filenames)
        for release in releases:
            assert all(wheel.name.version == release.version for wheel in release.wheels)
            assert all(wheel.name.name == release.name for wheel in release.wheels)


_NAMES = [
    f"demo-{version}-{tail}"
    for version in ("1.0", "1.0.0", "2")
    for tail in (
        "py3-none-any.whl",
        "1-py2-none-any.whl",
        "cp310.cp311-cp311-linux_x86_64-v3.whl",
        "py3-none-any-V3.whl",
        "py3-none.whl",
        "variants.json",
    )
] + ["demo-2.tar.gz"]


class TestMayOffer:
    FILTER = TagFilter({"py3-none-any": 0})

    @pytest.mark.parametrize(
        ("filenames", "expected"),
        [
            (("demo-1.0-py3-none-any.whl",), True),
            (("demo-1.0-py2-none-any.whl", "demo-1.0-py3-none-any-x.whl"), True),
            (("demo-1.0-py2-none-any.whl",), False),
            (("demo-1.0-py2-none-any.whl", "demo-1.0.tar.gz"), True),
            (("demo-2.0-py3-none-any.whl",), False),
        ],
    )
    def test_a_release_for_elsewhere_is_known_by_its_names(
        self, filenames: tuple[str, ...], expected: bool
    ) -> None:
        assert group_releases(page(*filenames)).may_offer(Version("1.0"), self.FILTER) is expected

    @given(st.lists(st.sampled_from(_NAMES), unique=True))
    def test_it_holds_back_nothing_that_is_usable(self, filenames: list[str]) -> None:
        tags = {"py3-none-any": 0, "cp311-cp311-linux_x86_64": 1}
        index = group_releases(page(*filenames))
        for version in index.versions:
            release = index.release(version)
            usable, _ = usable_wheels(
                release, tags=tags, python=Version("3.11"), policy=SelectionPolicy()
            )
            expected = bool(usable or release.sdists)
            assert index.may_offer(version, TagFilter(tags)) is expected
