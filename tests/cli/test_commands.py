"""The default command, and the page that lists all."""

from __future__ import annotations

import click
import pytest

from vinstall.cli.commands import vinstall
from vinstall.cli.console import Console
from vinstall.cli.request import flags
from vinstall.errors import UsageError


def parsed(*words: str) -> list[str]:
    """The command and its words, after the default was put in."""
    context = click.Context(vinstall, info_name="vinstall")
    vinstall.parse_args(context, list(words))
    return [*context._protected_args, *context.args]


def context_of(*words: str) -> click.Context:
    """A command line, ready to be carried out."""
    return vinstall.make_context("vinstall", list(words), obj=Console(environ={}))


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


class TestInstall:
    def test_asked_for_nothing_it_says_so(self) -> None:
        with pytest.raises(UsageError) as caught, context_of("install") as context:
            vinstall.invoke(context)
        assert caught.value.message == "nothing is asked for"

    @pytest.mark.parametrize(
        "words",
        [
            ["--all-releases", "a,b", "--only-final", ":all:"],
            ["--uploaded-prior-to", "2026-08-01"],
            ["--requirements-from-script", "tool.py"],
            ["-I"],
            ["--ignore-installed"],
            ["--no-compile"],
            ["--no-color"],
        ],
    )
    def test_it_takes_the_words_of_pip(self, words: list[str]) -> None:
        command = vinstall.get_command(click.Context(vinstall), "install")
        assert command is not None
        command.make_context("install", [*words, "torch"])

    def test_what_is_compiled_by_configuration_can_be_left(self) -> None:
        command = vinstall.get_command(click.Context(vinstall), "install")
        assert command is not None
        assert flags(command.make_context("install", ["--no-compile", "a"]).params) == {
            "compile": False
        }
