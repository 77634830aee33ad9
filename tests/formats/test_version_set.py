"""Sets of versions, parsed and made again from what they were written as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, Specifier

from tests.formats.strategies import versions
from vinstall.formats.version_set import parse_version_set, restore_version_set

SETS = st.lists(
    st.builds(
        lambda operator, version: f"{operator}{version}",
        st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "===", "~="]),
        st.sampled_from(["1.0", "1.0rc1", "2.4.post1", "0.5.dev3", "1!3.2"]),
    )
    | st.sampled_from(["==1.*", "!= 3.1.*", "===by-hand", "==1.0+local"]),
    max_size=4,
).map(",".join)


@given(SETS, st.lists(versions, max_size=5))
def test_what_was_written_is_made_again(text: str, some: list[object]) -> None:
    parsed = parse_version_set(text)
    restored = restore_version_set(str(parsed))
    assert (restored, str(restored), hash(restored)) == (parsed, str(parsed), hash(parsed))
    assert len(restored) == len(parsed)
    assert restored.prereleases == parsed.prereleases
    for version in map(str, some):
        assert restored.contains(version) == parsed.contains(version)
        assert restored.contains(version, prereleases=True) == parsed.contains(
            version, prereleases=True
        )


def test_an_older_packaging_parses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Specifier, "__setstate__")
    assert restore_version_set("<2,>=1") == parse_version_set(">=1,<2")


@pytest.mark.parametrize("text", ["\x1c>1", "==" + "1" * 1000, "what"])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpecifier):
        parse_version_set(text)
