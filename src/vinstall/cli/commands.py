"""The commands: options in, one workflow called, its answer printed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vinstall import __version__
from vinstall.cli.console import Console, ConsoleObserver
from vinstall.cli.option_groups import (
    SectionedCommand,
    choose_format,
    export_option,
    flags,
    host_options,
    lock_options,
    network_options,
    plan_options,
    requirement_options,
    source_options,
    talk_options,
    target_options,
    variant_options,
)
from vinstall.errors import UsageError

if TYPE_CHECKING:
    from vinstall.workflows.configuration import Configuration
    from vinstall.workflows.invocation import Invocation
    from vinstall.workflows.report import InstallReport
    from vinstall.workflows.settings import Settings

STARTED = time.perf_counter()
"""When the command line was about to be read, in seconds of the process's own clock."""

_TALK = frozenset({"-q", "--quiet", "-v", "--verbose", "-vv", "--no-color", "--isolated"})
"""Options that may stand before the command's name; none takes a value."""


_ELSEWHERE = {
    "cache": ("vinstall.cli.cache_commands", "cache_group"),
    "check": ("vinstall.cli.environment_commands", "check"),
    "completion": ("vinstall.cli.environment_commands", "completion"),
    "download": ("vinstall.cli.environment_commands", "download"),
    "freeze": ("vinstall.cli.environment_commands", "freeze"),
    "index": ("vinstall.cli.maker_commands", "index_group"),
    "list": ("vinstall.cli.environment_commands", "list_command"),
    "lock": ("vinstall.cli.lock_commands", "lock"),
    "sync": ("vinstall.cli.lock_commands", "sync"),
    "uninstall": ("vinstall.cli.environment_commands", "uninstall"),
    "wheel": ("vinstall.cli.maker_commands", "wheel_group"),
}
"""Commands in modules that are imported when one of them is called."""


class InstallByDefault(click.Group):
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

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted((*super().list_commands(ctx), *_ELSEWHERE))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        from importlib import import_module

        module, name = _ELSEWHERE[cmd_name]
        command = getattr(import_module(module), name)
        return command if isinstance(command, click.Command) else None


@click.group(
    cls=InstallByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
@click.pass_context
def vinstall(context: click.Context) -> None:
    """Install the build made for this machine.

    `vinstall torch` installs torch: `install` is the command where no other is named.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _configuration(console: Console, parameters: dict[str, Any]) -> Configuration:
    """The configuration of this run; sets how much the console says."""
    from vinstall.workflows.configuration import configuration_input, read_configuration

    console.verbosity = -1 if parameters["quiet"] else parameters["verbose"]
    inputs = configuration_input(os.environ, Path.cwd(), Path(sys.prefix))
    return read_configuration(flags(parameters), inputs, isolated=parameters["isolated"])


def settings_of(console: Console, parameters: dict[str, Any]) -> Settings:
    """The settings that the options in `parameters` make; sets how much the console says."""
    from vinstall.workflows.settings_builder import build_settings

    return build_settings(
        _configuration(console, parameters),
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


@vinstall.command(cls=SectionedCommand)
@click.argument("requirements", nargs=-1, metavar="[REQUIREMENT|PATH|URL]...")
@requirement_options
@lock_options
@variant_options
@source_options
@target_options
@network_options
@plan_options
@talk_options
@click.pass_obj
def install(console: Console, /, **parameters: Any) -> None:
    """Install projects, each in the build made for this machine."""
    from vinstall.cli.plan_table import render_plan, render_summary
    from vinstall.workflows.install import install as run_install
    from vinstall.workflows.invocation import this_invocation

    settings = settings_of(console, parameters)
    if not (
        settings.requirements or settings.editables or settings.requirement_files or settings.groups
    ):
        raise UsageError(
            "nothing is asked for", hint="name a project, or a requirements file with `-r`"
        )
    if settings.report not in (None, "-") and not Path(settings.report).parent.is_dir():
        raise UsageError(f"there is no folder for the report `{settings.report}`")
    observer = ConsoleObserver(console, started=STARTED)
    invocation = this_invocation()
    outcome = run_install(settings, invocation, observer)
    if settings.report is not None:
        from vinstall.workflows.report import render_report

        _put(console, render_report(outcome), settings.report)
    output = summary = ""
    if settings.dry_run:
        show = console.say if settings.report == "-" else console.data
        output = render_plan(outcome) + "\n"
        show(output.removesuffix("\n"))
    else:
        summary = render_summary(outcome, console, seconds=time.perf_counter() - STARTED) + "\n"
        console.say(summary.removesuffix("\n"))
    if observer.was_quiet and console.verbosity == 0:
        _keep_answer(console, settings, invocation, outcome, (output, summary))


def _keep_answer(
    console: Console,
    settings: Settings,
    invocation: Invocation,
    report: InstallReport,
    said: tuple[str, str],
) -> None:
    """Let the next run of the same words begin where this one ended, if nothing was changed."""
    from vinstall.workflows.assemble import describe
    from vinstall.workflows.grounds import grounds
    from vinstall.workflows.shortcut import remember

    found = grounds(settings, invocation, report)
    if found is None:
        return
    ago = int((time.perf_counter() - STARTED) * 1e9)
    remember(
        console.words,
        os.environ,
        __version__,
        started=time.time_ns() - ago,
        files=found.files,
        sites=found.sites,
        said=(said[0], f"environment: {describe(report.target)}\n{said[1]}"),
        until=found.until,
    )


@vinstall.command(cls=SectionedCommand)
@click.argument("project", metavar="PROJECT[==VERSION]")
@choose_format("text", "json")
@variant_options
@source_options
@target_options
@network_options
@talk_options
@click.pass_obj
def explain(console: Console, /, project: str, form: str, **parameters: Any) -> None:
    """Show every label of a project: its rank here, or why it cannot run here."""
    from vinstall.cli.explanation import render_explanation_json, render_explanation_text
    from vinstall.workflows.explain_release import explain as run_explain
    from vinstall.workflows.invocation import this_invocation

    settings = settings_of(console, parameters)
    observer = ConsoleObserver(console, started=STARTED)
    explanation = run_explain(project, settings, this_invocation(), observer)
    render = render_explanation_json if form == "json" else render_explanation_text
    console.data(render(explanation))


class HostGroup(click.Group, SectionedCommand):
    """`vinstall host`, alone or with `merge`."""


@vinstall.group(cls=HostGroup, invoke_without_command=True)
@choose_format("text", "json")
@host_options
@talk_options
@click.pass_context
def host(context: click.Context, /, form: str, export: str | None, **parameters: Any) -> None:
    """Show what each provider found on this machine, and how."""
    if context.invoked_subcommand is not None:
        return
    from vinstall.cli.host_table import render_host_json, render_host_text
    from vinstall.workflows.host import detect_host
    from vinstall.workflows.invocation import this_invocation

    console: Console = context.obj
    settings = settings_of(console, parameters)
    report = detect_host(settings, this_invocation(), ConsoleObserver(console, started=STARTED))
    if export is None:
        console.data((render_host_json if form == "json" else render_host_text)(report))
    else:
        _put(console, report.export(), export)


@host.command(cls=SectionedCommand)
@click.argument("files", nargs=-1, metavar="FILE FILE...", type=click.Path(path_type=Path))
@export_option
@talk_options
@click.pass_obj
def merge(
    console: Console, /, files: tuple[Path, ...], export: str | None, **parameters: Any
) -> None:
    """Print the host file of what all of several hosts support."""
    from vinstall.workflows.host import merge_hosts
    from vinstall.workflows.invocation import this_invocation

    settings = settings_of(console, parameters)
    observer = ConsoleObserver(console, started=STARTED)
    merged = merge_hosts(files, settings, this_invocation(), observer)
    _put(console, merged, export or "-")


def _put(console: Console, text: str, place: str) -> None:
    """Write `text` to the file `place`, or to standard output where that is `-`."""
    from vinstall.workflows.report import write_report

    if place == "-":
        console.data(text)
    else:
        write_report(Path(place), text)


@vinstall.command(cls=SectionedCommand)
@choose_format("text", "json")
@talk_options
@click.pass_obj
def config(console: Console, /, form: str, **parameters: Any) -> None:
    """Print every value that is configured, and where."""
    from vinstall.cli.configuration_table import render_configuration

    console.data(render_configuration(_configuration(console, parameters), form))
