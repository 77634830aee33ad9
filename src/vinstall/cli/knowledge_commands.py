"""`vinstall explain|host|config`: what vinstall knows, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vinstall.cli.console import Console, ConsoleObserver
from vinstall.cli.option_groups import (
    SectionedCommand,
    choose_format,
    export_option,
    host_options,
    network_options,
    source_options,
    talk_options,
    target_options,
    variant_options,
)
from vinstall.cli.request import STARTED, configuration_of, put, settings_of


@click.command(cls=SectionedCommand)
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


@click.group(cls=HostGroup, invoke_without_command=True)
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
        put(console, report.export(), export)


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
    put(console, merged, export or "-")


@click.command(cls=SectionedCommand)
@choose_format("text", "json")
@talk_options
@click.pass_obj
def config(console: Console, /, form: str, **parameters: Any) -> None:
    """Print every value that is configured, and where."""
    from vinstall.cli.configuration_table import render_configuration

    console.data(render_configuration(configuration_of(console, parameters), form))
