"""The group of all commands."""

from __future__ import annotations

import click

from vinstall import __version__
from vinstall.cli.option_groups import OwnHelp, SectionedOption
from vinstall.cli.plain_words import COMMANDS, command_first


class InstallByDefault(OwnHelp, click.Group):
    """A group whose default command is `install`: the first word that is no command is a requirement."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, command_first(args))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module, name = COMMANDS[cmd_name]
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
