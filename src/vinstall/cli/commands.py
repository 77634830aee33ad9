"""The commands: options in, one workflow called, its answer printed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vinstall import __version__
from vinstall.cli.console import Console
from vinstall.cli.option_groups import OwnHelp, SectionedOption, flags

if TYPE_CHECKING:
    from vinstall.workflows.configuration import Configuration
    from vinstall.workflows.settings import Settings

STARTED = time.perf_counter()
"""When the command line was about to be read, in seconds of the process's own clock."""

_TALK = frozenset({"-q", "--quiet", "-v", "--verbose", "-vv", "--no-color", "--isolated"})
"""Options that may stand before the command's name; none takes a value."""


_COMMANDS = {
    "cache": ("vinstall.cli.cache_commands", "cache_group"),
    "check": ("vinstall.cli.environment_commands", "check"),
    "completion": ("vinstall.cli.environment_commands", "completion"),
    "config": ("vinstall.cli.knowledge_commands", "config"),
    "download": ("vinstall.cli.environment_commands", "download"),
    "explain": ("vinstall.cli.knowledge_commands", "explain"),
    "freeze": ("vinstall.cli.environment_commands", "freeze"),
    "host": ("vinstall.cli.knowledge_commands", "host"),
    "index": ("vinstall.cli.maker_commands", "index_group"),
    "install": ("vinstall.cli.install_command", "install"),
    "list": ("vinstall.cli.environment_commands", "list_command"),
    "lock": ("vinstall.cli.lock_commands", "lock"),
    "sync": ("vinstall.cli.lock_commands", "sync"),
    "uninstall": ("vinstall.cli.environment_commands", "uninstall"),
    "wheel": ("vinstall.cli.maker_commands", "wheel_group"),
}
"""Where each command is; its module is imported when it is called."""


class InstallByDefault(OwnHelp, click.Group):
    """A group whose default command is `install`: the first word that is no command is a requirement."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        talk = 0
        while talk < len(args) and args[talk] in _TALK:
            talk += 1
        word = args[talk] if talk < len(args) else None
        if word in self.list_commands(ctx):
            args = [args[talk], *args[:talk], *args[talk + 1 :]]
        elif word is not None and word not in ("--help", "-h", "--version", "-V"):
            args = ["install", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        module, name = _COMMANDS[cmd_name]
        command = getattr(import_module(module), name)
        return command if isinstance(command, click.Command) else None


def _say_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"vinstall {__version__}")
        context.exit()


@click.group(
    cls=InstallByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.option(
    "-V",
    "--version",
    cls=SectionedOption,
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Show the version and exit.",
)
@click.pass_context
def vinstall(context: click.Context) -> None:
    """Install the build made for this machine.

    `vinstall torch` installs torch: `install` is the command where no other is named.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def configuration_of(console: Console, parameters: dict[str, Any]) -> Configuration:
    """The configuration of this run; sets how much the console says."""
    from vinstall.workflows.configuration import configuration_input, read_configuration

    console.verbosity = -1 if parameters["quiet"] else parameters["verbose"]
    inputs = configuration_input(os.environ, Path.cwd(), Path(sys.prefix))
    return read_configuration(flags(parameters), inputs, isolated=parameters["isolated"])


def settings_of(console: Console, parameters: dict[str, Any]) -> Settings:
    """The settings that the options in `parameters` make; sets how much the console says."""
    from vinstall.workflows.settings_builder import build_settings

    return build_settings(
        configuration_of(console, parameters),
        requirements=parameters.get("requirements", ()),
        editables=parameters.get("editable", ()),
        requirement_files=(
            *parameters.get("requirement", ()),
            *parameters.get("requirements_from_script", ()),
        ),
        groups=parameters.get("group", ()),
        extras=parameters.get("extra", ()),
        allow_sources=parameters.get("allow_source", ()),
        dry_run=parameters.get("dry_run", False),
        report=parameters.get("report"),
    )


def put(console: Console, text: str, place: str) -> None:
    """Write `text` to the file `place`, or to standard output where that is `-`."""
    from vinstall.workflows.report import write_report

    if place == "-":
        console.data(text)
    else:
        write_report(Path(place), text)
