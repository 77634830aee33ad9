"""Versions that are made when they are looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from vinstall.selection.version_list import VersionList

TEXTS = ("2.0", "1.0.post1", "1.0.0", "1.0rc1", "0.9")
VERSIONS = tuple(map(Version, TEXTS))


def test_it_is_the_sequence_of_its_versions() -> None:
    found = VersionList(TEXTS)
    assert (tuple(found), len(found), found[-1], found[1:3]) == (
        VERSIONS,
        5,
        VERSIONS[4],
        VERSIONS[1:3],
    )
    assert found[2] is found[2]
    with pytest.raises(IndexError):
        found[5]


def test_a_version_is_found_however_it_is_spelled() -> None:
    found = VersionList(TEXTS)
    assert found.place(Version("1")) == found.index(Version("1.0")) == 2
    assert Version("1.0.0.0") in found
    assert str(found[2]) == "1.0.0"


def test_what_is_not_there_is_not_found() -> None:
    found = VersionList(TEXTS)
    assert Version("1.1") not in found
    assert "2.0" not in found
    with pytest.raises(KeyError):
        found.place(Version("1.1"))
    with pytest.raises(ValueError, match=r"1\.1"):
        found.index(Version("1.1"))
    with pytest.raises(ValueError, match=r"2\.0"):
        found.index(Version("2.0"), 1)


@given(
    st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))),
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
)
def test_looking_up_is_as_in_a_tuple(
    releases: set[tuple[int, int]], wanted: tuple[int, int]
) -> None:
    texts = [f"{a}.{b}" for a, b in sorted(releases, reverse=True)]
    version = Version(f"{wanted[0]}.{wanted[1]}")
    assert (version in VersionList(texts)) is (wanted in releases)
    if wanted in releases:
        assert VersionList(texts).index(version) == [Version(t) for t in texts].index(version)
