"""Words for requirements and refused files."""

from __future__ import annotations

import pytest
from packaging.version import Version

from vinstall.formats.requirement import parse_requirement
from vinstall.formats.variant_json import Property
from vinstall.resolution.candidate import user_ask
from vinstall.resolution.model import Request
from vinstall.resolution.sentence import (
    rejection_texts,
    shown,
    user_asked,
    versions_text,
    yanked_text,
)
from vinstall.selection.reason import (
    PythonMismatch,
    Reason,
    Rejection,
    TagMismatch,
    UnsupportedFeature,
)


def rejection(filename: str, reason: Reason, label: str | None = None) -> Rejection:
    return Rejection(filename=filename, label=label, reason=reason)


PYTHON = PythonMismatch(required=">=3.13", python="3.12.0")
WINDOWS = TagMismatch(tags=("py3-none-win_amd64",))
LEVEL = UnsupportedFeature(wanted=(Property("x86_64", "level", "v4"),), offered=("v3",))


class TestRequirements:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Lib", "`lib`"),
            ("lib[b,a]>=1,<2", "`lib[a,b]<2,>=1`"),
            ("lib>=1 ; os_name == 'posix'", "`lib>=1`"),
            (
                "lib[x] @ https://me:pw@files.example/lib.zip?token=abc",
                "`lib[x] @ https://****@files.example/lib.zip?token=****`",
            ),
        ],
    )
    def test_without_marker_and_without_secrets(self, text: str, words: str) -> None:
        assert shown(parse_requirement(text)) == words

    def test_who_asked_and_where(self) -> None:
        request = Request(requirement=parse_requirement("lib<2"), origin="`-r x.txt` line 3")
        assert user_asked(user_ask(request)) == "you asked for `lib<2` (`-r x.txt` line 3)"
        limit = user_ask(request, is_constraint=True)
        assert user_asked(limit) == "a constraint allows only `lib<2` (`-r x.txt` line 3)"

    def test_a_long_list_of_versions_is_cut(self) -> None:
        assert versions_text([Version(str(at)) for at in range(9)]) == "0, 1, 2, 3 and 5 others"

    def test_the_reason_of_a_maker_stays_on_one_line(self) -> None:
        why = "broken\n\x1b[31msee\thttps://me:pw@files.example/"
        assert yanked_text("lib", Version("1"), why) == (
            "`lib` 1 is yanked: broken \\x1b[31msee https://****@files.example/"
        )


class TestRefusedFiles:
    def test_a_label_stands_for_its_files(self) -> None:
        refused = [rejection(f"lib-1-{tag}-none-any-v4.whl", LEVEL, "v4") for tag in ("py3", "py2")]
        assert rejection_texts(refused) == (
            "`v4` needs an x86-64 CPU of level v4, this one has v3",
        )

    def test_files_that_share_a_reason_share_a_text(self) -> None:
        refused = [rejection(name, PYTHON) for name in ("a.whl", "b.whl", "c.tar.gz")]
        assert rejection_texts(refused) == (
            "`a.whl` needs Python >=3.13, the environment has 3.12.0 (as 2 other files)",
        )
        assert rejection_texts(refused[:2]) == (
            "`a.whl` needs Python >=3.13, the environment has 3.12.0 (as 1 other file)",
        )

    def test_files_made_for_elsewhere_come_last_and_together(self) -> None:
        refused = [
            rejection("a.whl", WINDOWS),
            rejection("b.whl", WINDOWS, "v4"),
            rejection("c.tar.gz", PYTHON),
        ]
        assert rejection_texts(refused) == (
            "`c.tar.gz` needs Python >=3.13, the environment has 3.12.0",
            "2 wheels are for other platforms or versions of Python",
        )
        assert rejection_texts(refused[:1]) == ("`a.whl` is made for `py3-none-win_amd64`",)
