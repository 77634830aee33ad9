"""Requirements: one line each way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PackagingRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.formats.strategies import requirements
from vinstall.errors import FormatError
from vinstall.formats.marker import Marker
from vinstall.formats.requirement import Requirement, parse_requirement, render_requirement

NT = Marker(text="os_name=='nt'")
A, B, C = (canonicalize_name(name) for name in "abc")


class TestRoundTrip:
    @given(requirements())
    def test_a_rendered_requirement_parses_to_an_equal_one(self, requirement: Requirement) -> None:
        assert parse_requirement(render_requirement(requirement)) == requirement

    @pytest.mark.parametrize(
        ("text", "rendered"),
        [
            ("A_b.C", "a-b-c"),
            ("a[C,b] (>=1, <2)", "a[b,c]<2,>=1"),
            ("a@file:///x", "a @ file:///x"),
            ("a;os_name=='nt'", "a ; os_name=='nt'"),
            ("a @ https://h.example/a.whl ;os_name=='nt'", "a @ https://h.example/a.whl ; os_name=='nt'"),
        ],
    )  # fmt: skip
    def test_the_rendered_line_is_normal(self, text: str, rendered: str) -> None:
        assert render_requirement(parse_requirement(text)) == rendered


class TestGrammar:
    """PEP 508 "Grammar"."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a", Requirement(name=A)),
            ("a[]", Requirement(name=A)),
            (" a [ b , c ] ", Requirement(name=A, extras=frozenset({B, C}))),
            ("a>=1,<2", Requirement(name=A, specifier=SpecifierSet(">=1,<2"))),
            ("a (>=1)", Requirement(name=A, specifier=SpecifierSet(">=1"))),
            ("a(>=1);os_name=='nt'", Requirement(name=A, specifier=SpecifierSet(">=1"), marker=NT)),
            ("a===1.0-odd", Requirement(name=A, specifier=SpecifierSet("===1.0-odd"))),
            ("a @ https://h.example/x;y", Requirement(name=A, url="https://h.example/x;y")),
            ("a[b]@ git+ssh://git@h.example/r.git@v1#egg=a", Requirement(name=A, extras=frozenset({B}), url="git+ssh://git@h.example/r.git@v1#egg=a")),
            ("a ; 'x' in variant_namespaces", Requirement(name=A, marker=Marker(text="'x' in variant_namespaces"))),
            ("a ; os_name == 'x;y'", Requirement(name=A, marker=Marker(text="os_name == 'x;y'"))),
        ],
    )  # fmt: skip
    def test_accepts(self, text: str, expected: Requirement) -> None:
        assert parse_requirement(text) == expected

    @pytest.mark.parametrize(
        ("text", "context"),
        [
            ("", ("it does not start with the name of a project",)),
            ("==1", ("it does not start with the name of a project",)),
            ("a[b", ("`[b` are no versions such as `>=1,<2`",)),
            ("a[b,]", ("`[b,]` is no list of extras",)),
            ("a b", ("`b` are no versions such as `>=1,<2`",)),
            ("a=1", ("`=1` are no versions such as `>=1,<2`",)),
            ("a>=1,,<2", ("`>=1,,<2` are no versions such as `>=1,<2`",)),
            ("a>=1)", ("after the name stand versions, then at most `;` and a marker",)),
            ("a @", ("after `@` stands a URL, then at most ` ; ` and a marker",)),
            ("a @ x y", ("after `@` stands a URL, then at most ` ; ` and a marker",)),
            ("a ; x", ("`x` is no environment marker", "expected a field that exists at `x`")),
        ],
    )
    def test_refuses_and_says_why(self, text: str, context: tuple[str, ...]) -> None:
        with pytest.raises(FormatError) as caught:
            parse_requirement(text)
        assert caught.value.message == f"`{text}` is no requirement"
        assert caught.value.context == context

    def test_credentials_do_not_get_into_messages(self) -> None:
        with pytest.raises(FormatError) as caught:
            parse_requirement("a @ https://user:secret@h.example/a b")
        assert caught.value.message == "`a @ https://****@h.example/a b` is no requirement"

    @given(
        st.from_regex(
            r"\A\s?[ab_.-]{1,3}\s?(\[[ab, ]{0,4}\])?\s?(\(?[<>=!~]{1,3}[0-9.*ab]{1,4},? ?\)?){0,2}"
            r"(@ ?\S{1,3})?( ?; ?os_name == 'a')?\s?\Z"
        )
    )
    def test_takes_and_refuses_what_packaging_does(self, text: str) -> None:
        if not text.isascii():
            return
        try:
            theirs = PackagingRequirement(text)
        except InvalidRequirement:
            with pytest.raises(FormatError):
                parse_requirement(text)
            return
        if theirs.url is not None and any(map(str.isspace, theirs.url)):
            with pytest.raises(FormatError):  # no URL holds a control character
                parse_requirement(text)
            return
        ours = parse_requirement(text)
        assert ours.name == canonicalize_name(theirs.name)
        assert ours.extras == {canonicalize_name(extra) for extra in theirs.extras}
        assert ours.specifier == theirs.specifier
        assert ours.url == theirs.url
        assert (ours.marker is None) == (theirs.marker is None)

    @pytest.mark.parametrize(
        "gap", [" ", "\t", "\n", "\r", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0"]
    )
    @pytest.mark.parametrize(
        "form",
        [
            "{}a",
            "a{}",
            "a{}>=1",
            "a>=1{}",
            "a[{}b]",
            "a[b]{}",
            "a{}; os_name=='a'",
            "a;{}os_name=='a'",
            "a; os_name{}=='a'",
            "a; os_name=='a'{}",
            "a @ x:y{}",
        ],
    )
    def test_white_space_is_spaces_and_tabs(self, form: str, gap: str) -> None:
        text = form.format(gap)
        if gap in " \t":
            assert parse_requirement(text).name == "a"
            assert PackagingRequirement(text).name == "a"
            return
        with pytest.raises(FormatError):
            parse_requirement(text)

    @pytest.mark.parametrize("text", ["a\x1f", "a >=1\x1c", "a >=" + "9" * 5000])
    def test_control_characters_and_endless_numbers_are_no_versions(self, text: str) -> None:
        with pytest.raises(FormatError, match="is no requirement"):
            parse_requirement(text)

    def test_equal_strings_share_one_result(self) -> None:
        assert parse_requirement("shared>=1") is parse_requirement("shared>=1")
