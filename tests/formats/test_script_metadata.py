"""Inline script metadata."""

from __future__ import annotations

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from vinstall.errors import FormatError
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.script_metadata import ScriptMetadata, parse_script_metadata

SCRIPT = """#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "requests<3",
#   "rich",
# ]
#
# [tool.x]
# y = 1
# ///

import requests
"""


class TestBlocks:
    """PEP 723, "Specification"."""

    def test_the_example(self) -> None:
        assert parse_script_metadata(SCRIPT.encode()) == ScriptMetadata(
            requires_python=SpecifierSet(">=3.11"),
            dependencies=(parse_requirement("requests<3"), parse_requirement("rich")),
            tool={"x": {"y": 1}},
        )

    def test_line_ends_of_windows_are_read_the_same(self) -> None:
        text = SCRIPT.replace("\n", "\r\n")
        assert parse_script_metadata(text) == parse_script_metadata(SCRIPT)

    def test_other_blocks_are_passed_over(self) -> None:
        text = "# /// other\n# /// script\n# dependencies = ['no']\n# ///\n\n# /// script\n# ///\n"
        assert parse_script_metadata(text) == ScriptMetadata()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "the script has no `# /// script` block"),
            ("# /// script\n# dependencies = []\n", "the script has no `# /// script` block"),
            ("# /// script\n#dependencies = []\n# ///\n", "the script has no `# /// script` block"),
            ("x = '''\n # /// script\n # ///\n'''", "the script has no `# /// script` block"),
            ("# /// script\n# ///\n\n# /// script\n# ///\n", "the script has more than one `# /// script` block"),
            ("# /// script\n# x =\n# ///\n", "the text is not valid TOML"),
            ("# /// script\n# dependencies = ['a b']\n# ///\n", "dependencies: `a b` is no requirement"),
            ("# /// script\n# requires-python = '3'\n# ///\n", "requires-python: `3` is no set of versions"),
            (b"\xff", "the script is not valid UTF-8"),
        ],
    )  # fmt: skip
    def test_faults_are_named(self, text: str | bytes, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            parse_script_metadata(text)
        assert caught.value.message == message

    _LINES = (
        "# /// script",
        "# /// other",
        "# ///",
        "#",
        "# dependencies = ['a']",
        "code",
        "",
        "#x",
    )

    @given(st.lists(st.sampled_from(_LINES), max_size=9).map("\n".join))
    def test_finds_what_the_pattern_of_the_pep_finds(self, text: str) -> None:
        text += "\n"
        pattern = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
        found = [m for m in re.finditer(pattern, text) if m["type"] == "script"]
        expected: tuple[str, ...] | None = None
        if len(found) == 1:
            content = "".join(
                line[2:] if line.startswith("# ") else line[1:]
                for line in found[0]["content"].splitlines(keepends=True)
            )
            try:
                expected = tuple(tomllib.loads(content).get("dependencies", []))
            except tomllib.TOMLDecodeError:
                expected = None
        if expected is None:
            # The pattern wants at least one line of content, the text of the PEP does not.
            if re.search(r"(?m)^# /// script\n# ///$", text) is None:
                with pytest.raises(FormatError):
                    parse_script_metadata(text)
            return
        if re.search(r"(?m)^# /// script\n# ///$", text) is None:
            names = tuple(r.name for r in parse_script_metadata(text).dependencies)
            assert names == expected
