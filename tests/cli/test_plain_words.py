"""Words that need no click, held against what click makes of them."""

from __future__ import annotations

import os
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vinstall.cli import option_rows
from vinstall.cli.commands import vinstall
from vinstall.cli.plain_words import COMMANDS, command_first, plain_parameters

_INSTALL = vinstall.get_command(click.Context(vinstall), "install")
_NAMES = [
    typed
    for _, rows in option_rows.INSTALL
    for names, _ in rows
    for name in names
    for typed in name.split("/")
]
_VALUES = [
    "",
    "-",
    "a",
    "a b",
    "a==1",
    "--",
    "-x",
    "-r",
    "install",
    "list",
    "--pre",
    "\udcff",
    "ä=é",
]
_ODD = ["--help", "-h", "-V", "--version", "-vv", "-qv", "-rfile", "--index", "--no-such", "--=a"]


def by_click(words: list[str]) -> list[tuple[str, Any]]:
    """The parameters of `install` in their order, as click has them."""
    assert _INSTALL is not None
    command, *rest = command_first(words)
    assert command == "install"
    return list(_INSTALL.make_context("install", rest).params.items())


_WORDS = st.lists(
    st.one_of(
        st.sampled_from(_NAMES),
        st.sampled_from(_VALUES),
        st.builds("{}={}".format, st.sampled_from(_NAMES), st.sampled_from(_VALUES)),
        st.sampled_from(_ODD),
        st.text(max_size=5),
    ),
    max_size=8,
)


class TestAgainstClick:
    """Where these words are plain, click says the same of them."""

    @settings(max_examples=400 * int(os.environ.get("VINSTALL_TEST_SCALE", "1")), deadline=None)
    @given(_WORDS)
    def test_words_made_at_random(self, words: list[str]) -> None:
        found = plain_parameters(words)
        if found is not None:
            assert list(found.items()) == by_click(words)

    @pytest.mark.parametrize("name", _NAMES)
    def test_every_option_is_plain(self, name: str) -> None:
        for words in ([name, "x", "y"], ["y", name, "x", name, "z"], [name + "=x"]):
            found = plain_parameters(words)
            try:
                expected = by_click(words)
            except click.UsageError:
                assert found is None
            else:
                # click takes a letter with its value in one word.
                assert found is None if name[1] != "-" and "=" in words[0] else found
                assert found is None or list(found.items()) == expected


class TestLeftToClick:
    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["-q"],
            ["--help"],
            ["install", "--help"],
            ["list"],
            ["-q", "list"],
            ["a", "--", "--pre"],
            ["a", "--no-such"],
            ["a", "--pre=yes"],
            ["a", "--index-url"],
            ["a", "-vv"],
            ["a", "-rfile"],
        ],
    )
    def test_words(self, words: list[str]) -> None:
        assert plain_parameters(words) is None


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_commands_are_where_they_are_said_to_be(command: str) -> None:
    assert isinstance(vinstall.get_command(click.Context(vinstall), command), click.Command)
