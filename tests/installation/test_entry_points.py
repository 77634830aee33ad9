"""`entry_points.txt`: read here where it is plain, as `installer` reads it where it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from installer.utils import parse_entrypoints

from vinstall.cache.store import EntryPoint
from vinstall.installation.entry_points import parse_entry_points
from vinstall.installation.wheel_file import InvalidWheel

NAME = "demo-1.0-py3-none-any.whl"
LINES = st.lists(
    st.sampled_from(
        [
            "[console_scripts]",
            "[gui_scripts]",
            "[other.group]",
            "[DEFAULT]",
            "[console_scripts] ",
            " [console_scripts]",
            "a = m:f",
            "a=m.n:f.g",
            "b\t=  m:f  ",
            "b-c.d = m : f",
            "a = m:f [extra]",
            "A = m:f",
            "a = m",
            "a : m:f",
            "c = %(a)s:f",
            "  more",
            "# comment",
            "; comment",
            "",
            "\r",
            "a = m:f\r",
        ]
    ),
    max_size=8,
)


def by_installer(text: str) -> list[tuple[str, ...]] | None:
    try:
        return [tuple(found) for found in parse_entrypoints(text)]
    except Exception:  # noqa: BLE001  whatever: it does not take it
        return None


@given(LINES)
def test_it_is_what_installer_reads(lines: list[str]) -> None:
    text = "\n".join(lines)
    expected = by_installer(text)
    try:
        found = [tuple(point) for point in parse_entry_points(text, filename=NAME)]
    except InvalidWheel:
        assert expected is None
    else:
        assert found == expected


def test_scripts_come_in_order() -> None:
    text = "[gui_scripts]\nw = m:f\n\n[x]\ny = m:f\n[console_scripts]\nb = m:f.g\na = m:f\n"
    assert parse_entry_points(text, filename=NAME) == (
        EntryPoint("w", "m", "f", "gui"),
        EntryPoint("b", "m", "f.g", "console"),
        EntryPoint("a", "m", "f", "console"),
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[console_scripts]\na = m\n", "a script is not given as `module:callable`"),
        ("a = m:f\n", "File contains no section headers."),
        ("[console_scripts]\n../a = m:f\n", None),
    ],
)
def test_what_is_no_entry_point_is_refused(text: str, fault: str | None) -> None:
    with pytest.raises(InvalidWheel) as caught:
        parse_entry_points(text, filename=NAME)
    said = (
        f"`entry_points.txt` cannot be read: {fault}" if fault else "`../a` is no name for a script"
    )
    assert caught.value.context == (said,)
