"""Edits of METADATA that leave every other byte as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.errors import FormatError
from vinstall.workshop.metadata_text import (
    add_requirements,
    drop_requirements,
    rename_project,
)

TEXT = (
    b"Metadata-Version: 2.1\r\nname : Foo_CPU\r\nSummary: Name: decoy\r\n"
    b"Requires-Dist: numpy (>=1)\r\nrequires-dist: foo.cpu[x]\r\nRequires-Dist: numpy-quaternion\r\n"
    b"License: a\r\n        Name: decoy\r\n\r\nName: body\r\nRequires-Dist: body\r\n"
)


class TestRename:
    def test_only_name_and_dependencies_on_itself_change(self) -> None:
        text, changes = rename_project(TEXT, "bar")
        assert text == TEXT.replace(b"name : Foo_CPU", b"name : bar").replace(
            b"foo.cpu[x]", b"bar[x]"
        )
        assert changes == (
            "METADATA: Name `Foo_CPU` is now `bar`",
            "METADATA: Requires-Dist `foo.cpu[x]` is now `bar[x]`",
        )

    def test_metadata_without_a_name_is_refused(self) -> None:
        with pytest.raises(FormatError, match=r"^METADATA has no Name$"):
            rename_project(b"Version: 1\n\nName: x\n", "bar")


class TestDrop:
    def test_lines_on_the_project_alone_go(self) -> None:
        text, changes = drop_requirements(TEXT, ("NumPy",))
        assert text == TEXT.replace(b"Requires-Dist: numpy (>=1)\r\n", b"")
        assert changes == ("METADATA: Requires-Dist `numpy (>=1)` is gone",)


class TestAdd:
    def test_lines_are_added_at_the_end_of_the_header(self) -> None:
        text, changes = add_requirements(TEXT, ("a>=1", "b; python_version > '3'"))
        added = b"Requires-Dist: a>=1\r\nRequires-Dist: b; python_version > '3'\r\n"
        assert text == TEXT.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n")
        assert changes == (
            "METADATA: Requires-Dist: a>=1 is new",
            "METADATA: Requires-Dist: b; python_version > '3' is new",
        )

    def test_a_header_without_a_line_end_gets_one(self) -> None:
        text, _ = add_requirements(b"Name: x", ("a",))
        assert text == b"Name: x\nRequires-Dist: a\n"

    @given(st.binary(max_size=300), st.sampled_from([b"\n", b"\r\n"]))
    def test_whatever_is_added_can_be_dropped_again(self, body: bytes, newline: bytes) -> None:
        text = b"Name: x" + newline + b"Version: 1" + newline + newline + body
        added, _ = add_requirements(text, ("zzz>=1",))
        assert drop_requirements(added, ("zzz",))[0] == text
