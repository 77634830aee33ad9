"""The options of the commands, made for click."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vinstall.cli import option_rows

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from vinstall.cli.option_rows import Section

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Decorator = Callable[[_Command], _Command]


class SectionedOption(click.Option):
    """An option that knows its section of the help page."""

    def __init__(
        self,
        *args: Any,
        section: str = "Options",
        help: str | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.help = help  # what click is given it lays out anew, with a module of many others

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Paths, where the value is one; the shell knows them."""
        wanted = {*(self.metavar or "").split("|")}
        kind = "file" if wanted & {"FILE", "PATH"} else "dir" if "DIR" in wanted else None
        if kind is None:
            return super().shell_complete(ctx, incomplete)
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=kind)]


def _show_help(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(context.get_help(), color=context.color)
        context.exit()


_HELP = SectionedOption(
    ["-h", "--help"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_help,
    help="Show this message and exit.",
    section="Help",
)


class OwnHelp(click.Command):
    """A command with a `--help` made once; click's is made for each, and looks for translations."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:  # noqa: ARG002
        return _HELP


class SectionedCommand(OwnHelp):
    """A command whose help page lists its options by section."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # the parser does not always say whose words they were
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", "Help"), []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


def _section(section: Section) -> _Decorator[_Command]:
    title, options = section

    def decorate(command: _Command) -> _Command:
        for names, attributes in reversed(options):
            command = click.option(*names, cls=SectionedOption, section=title, **attributes)(
                command
            )
        return command

    return decorate


def choose_format(*formats: str) -> _Decorator[_Command]:
    """`--format`, the first of `formats` being the default."""
    attributes = {
        "type": click.Choice(formats),
        "default": formats[0],
        "help": "Form of the output.",
    }
    return _section(("Output", ((("--format", "form"), attributes),)))


def install_options(command: _Command) -> _Command:
    """All options of `install`."""
    for section in reversed(option_rows.INSTALL):
        decorate: _Decorator[_Command] = _section(section)
        command = decorate(command)
    return command


requirement_options: _Decorator[Any] = _section(option_rows.REQUIREMENT)
lock_options: _Decorator[Any] = _section(option_rows.LOCK)
variant_options: _Decorator[Any] = _section(option_rows.VARIANT)
source_options: _Decorator[Any] = _section(option_rows.SOURCE)
network_options: _Decorator[Any] = _section(option_rows.NETWORK)
target_options: _Decorator[Any] = _section(option_rows.TARGET)
plan_options: _Decorator[Any] = _section(option_rows.PLAN)
talk_options: _Decorator[Any] = _section(option_rows.TALK)
export_option: _Decorator[Any] = _section(option_rows.EXPORT)
host_options: _Decorator[Any] = _section(option_rows.DESCRIBED)
