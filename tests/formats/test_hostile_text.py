"""No text makes a reader of this room slow: cost grows with the length, not with its square."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from vinstall.errors import FormatError
from vinstall.formats.marker import parse_marker
from vinstall.formats.metadata import parse_metadata
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.requirement_line import parse_requirement_line
from vinstall.formats.requirements_file import logical_lines
from vinstall.formats.script_metadata import parse_script_metadata
from vinstall.formats.variant_json import parse_property, parse_variant_table
from vinstall.formats.wheel_name import parse_wheel_name

LENGTH = 200_000
SPACES = " " * LENGTH


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (parse_requirement, f"a{SPACES})"),
        (parse_requirement, f"a[{SPACES}x{SPACES}y]"),
        (parse_requirement, f"a @{SPACES}x{SPACES}y"),
        (parse_requirement, "a" + "-" * LENGTH),
        (parse_requirement, "a>=1" + "," * LENGTH),
        (parse_requirement_line, f"a{SPACES}x"),
        (parse_requirement_line, f"./a{SPACES}x"),
        (parse_requirement_line, "./" + "[" * LENGTH),
        (parse_requirement_line, f"https://h.example/{SPACES}x"),
        (parse_requirement_line, f"-e .{SPACES}x --pre"),
        (parse_marker, f"os_name{SPACES}x"),
        (parse_marker, "os_name == 'a' and " * (LENGTH // 20)),
        (parse_property, f"a{SPACES}::{SPACES}b"),
        (parse_wheel_name, "a-1-py3-none-any-" + "A" * LENGTH + ".whl"),
        (parse_variant_table, '{"a":' * LENGTH),
        (parse_variant_table, "[" * LENGTH),
        (lambda text: list(logical_lines(text)), f"a{SPACES}x"),
        (lambda text: list(logical_lines(text)), "a\\\n" * LENGTH),
        (lambda text: parse_metadata(text.encode()), "Name: a\nVersion: 1\nName" + SPACES),
        (lambda text: parse_metadata(text.encode()), "Name: a\nVersion: 1" + "\n " * LENGTH),
        (parse_script_metadata, "# /// script\n" * LENGTH),
    ],
)
def test_a_long_text_takes_no_longer_than_its_length(
    read: Callable[[str], object], text: str
) -> None:
    start = time.perf_counter()
    with contextlib.suppress(FormatError):
        read(text)
    assert time.perf_counter() - start < 2
