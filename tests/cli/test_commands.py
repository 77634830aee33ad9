"""The default command, and the page that lists all."""

from __future__ import annotations

import click
import pytest

from vinstall.cli.commands import vinstall


def parsed(*words: str) -> list[str]:
    """The command and its words, after the default was put in."""
    context = click.Context(vinstall, info_name="vinstall")
    vinstall.parse_args(context, list(words))
    return [*context._protected_args, *context.args]


class TestDefaultCommand:
    """`install` is the default command: the first word that is no command name is a requirement."""

    @pytest.mark.parametrize(
        ("words", "command"),
        [
            (["torch"], ["install", "torch"]),
            (["install", "explain"], ["install", "explain"]),
            (["explain", "torch"], ["explain", "torch"]),
            (["-r", "requirements.txt"], ["install", "-r", "requirements.txt"]),
            (["-q", "explain", "torch"], ["explain", "-q", "torch"]),
            (["-q", "torch"], ["install", "-q", "torch"]),
            (["--cache-dir", "explain", "torch"], ["install", "--cache-dir", "explain", "torch"]),
            (["-v", "--isolated", "config"], ["config", "-v", "--isolated"]),
        ],
    )
    def test_words(self, words: list[str], command: list[str]) -> None:
        assert parsed(*words) == command
