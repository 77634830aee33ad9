"""The makers' commands: `wheel make|unmake|inspect|build` and `index build|check|serve`."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vinstall.cli.console import Console, ConsoleObserver
from vinstall.cli.option_groups import (
    SectionedCommand,
    SectionedOption,
    network_options,
    source_options,
    talk_options,
    target_options,
)
from vinstall.cli.request import flags
from vinstall.errors import UsageError
from vinstall.values import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vinstall.formats.variant_json import VariantTable
    from vinstall.workflows.settings import Settings
    from vinstall.workshop.repack import Repacked
    from vinstall.workshop.variant_definition import Definition

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_NEW_FOLDER = click.Path(path_type=Path, file_okay=False)

_option = partial(click.option, cls=SectionedOption)

_output = _option(
    "-o",
    "--output",
    type=_NEW_FOLDER,
    metavar="DIR",
    help="Where the wheel goes; beside the old one.",
)
_force = _option("--force", is_flag=True, help="Replace a wheel that is there already.")
_form = _option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="Form of the output.",
)
_quiet = _option("-q", "--quiet", is_flag=True, help="Say only what is wrong.")


@click.group("wheel")
def wheel_group() -> None:
    """Make variant wheels and look into wheels."""


@click.group("index")
def index_group() -> None:
    """Make, check and serve indexes."""


@wheel_group.command(cls=SectionedCommand)
@click.argument("wheels", metavar="WHEEL...", nargs=-1, required=True, type=_FILE)
@_option("--label", required=True, help="The variant label; `null` for the build for any machine.")
@_option(
    "--property",
    "properties",
    multiple=True,
    metavar="'NS :: FEATURE :: VALUE'",
    help="A property.",
)
@_option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NS",
    help="All namespaces of the release, most important first; those of the properties.",
)
@_option(
    "--pyproject", type=_FILE, metavar="FILE", help="Take all this from its `[variant]` table."
)
@_option("--rename", metavar="NAME", help="Give the distribution this name; modules keep theirs.")
@_option("--add-dependency", multiple=True, metavar="REQUIREMENT", help="Add a Requires-Dist.")
@_option(
    "--drop-dependency", multiple=True, metavar="PROJECT", help="Drop every Requires-Dist on it."
)
@_output
@_force
@_quiet
@click.pass_obj
def make(console: Console, /, wheels: tuple[Path, ...], **options: Any) -> None:
    """Make a variant wheel from a plain one, which stays as it is.

    The label's properties are typed with `--property`, or are those of `[variant.variants]` in a
    pyproject.toml.  The same wheel gives the same bytes; SOURCE_DATE_EPOCH sets all times in it.
    """
    from vinstall.workshop.repack import Edits, make_variant

    _set_verbosity(console, options)
    table = _table(console, options)
    edits = Edits(
        rename=options["rename"],
        add_requirements=options["add_dependency"],
        drop_requirements=options["drop_dependency"],
    )
    for wheel in wheels:
        made = make_variant(
            wheel,
            options["output"] or wheel.parent,
            table=table,
            edits=edits,
            epoch=_epoch(),
            overwrite=options["force"],
        )
        _report_made(console, made)


@wheel_group.command(cls=SectionedCommand)
@click.argument("wheels", metavar="WHEEL...", nargs=-1, required=True, type=_FILE)
@_output
@_force
@_quiet
@click.pass_obj
def unmake(console: Console, /, wheels: tuple[Path, ...], **options: Any) -> None:
    """Give back the plain wheel that a variant wheel was made from."""
    from vinstall.workshop.repack import unmake_variant

    _set_verbosity(console, options)
    for wheel in wheels:
        folder = options["output"] or wheel.parent
        made = unmake_variant(wheel, folder, epoch=_epoch(), overwrite=options["force"])
        _report_made(console, made)


@wheel_group.command(cls=SectionedCommand)
@click.argument("wheel", type=_FILE)
@_option(
    "--index-file", type=_FILE, metavar="FILE", help="A `-variants.json` it has to agree with."
)
@_form
@click.pass_obj
def inspect(console: Console, /, wheel: Path, index_file: Path | None, form: str) -> None:
    """Show what is in a wheel and what is wrong with it.

    Exit code 1 where it breaks a rule.
    """
    from vinstall.cli.maker_report import render_inspection, render_inspection_json
    from vinstall.formats.variant_json import parse_variant_table
    from vinstall.workshop.inspection import inspect_wheel

    index = (
        None if index_file is None else parse_variant_table(index_file.read_bytes(), strict=True)
    )
    found = inspect_wheel(wheel, index=index)
    console.data(render_inspection_json(found) if form == "json" else render_inspection(found))
    if any(fault.severity == "error" for fault in found.faults):
        raise click.exceptions.Exit(1)


@wheel_group.command("build", cls=SectionedCommand)
@click.argument("project", default=".", type=_FOLDER)
@_option("--label", "labels", multiple=True, help="Build this label; may be given several times.")
@_option("--all", "everything", is_flag=True, help="Build all labels; so it is without `--label`.")
@_option(
    "--pyproject",
    type=_FILE,
    metavar="FILE",
    help="Take the `[variant]` table from here and not from the project.",
)
@_option(
    "-o",
    "--output",
    type=_NEW_FOLDER,
    metavar="DIR",
    help="Where the wheels go; PROJECT/dist.",
)
@_force
@source_options
@target_options
@network_options
@talk_options
@click.pass_obj
def build_wheels(console: Console, /, project: Path, **options: Any) -> None:
    """Build a variant wheel for each label of a project.

    The labels are those of `[variant.variants]` in its pyproject.toml.

    Each is built by the project's backend with the label's `build-environment` and
    `config-settings`, stamped, installed into a folder and imported before it is kept.
    """
    from vinstall.workflows.invocation import this_invocation
    from vinstall.workflows.maker_build import build_project
    from vinstall.workshop.variant_build import BuildRequest

    labels: tuple[str, ...] = options.pop("labels")
    if labels and options.pop("everything"):
        raise UsageError("`--all` builds every label, `--label` some")
    request = BuildRequest(
        project=project,
        labels=labels,
        output=options.pop("output") or project / "dist",
        definition=options.pop("pyproject"),
        epoch=_epoch(),
        overwrite=options.pop("force"),
    )
    settings = _settings(console, options)
    built = build_project(request, settings, this_invocation(), ConsoleObserver(console))
    for variant in built:
        if variant.untested is not None:
            console.warning(f"`{variant.label}` was not tried: {variant.untested}")
        console.data(str(variant.wheel.path))


@index_group.command("build", cls=SectionedCommand)
@click.argument("folder", type=_NEW_FOLDER)
@click.argument("projects", metavar="[PROJECT]...", nargs=-1)
@_option("--from-index", metavar="URL", help="Fetch the files of these projects first.")
@network_options
@talk_options
@click.pass_obj
def build_index(
    console: Console, /, folder: Path, projects: tuple[str, ...], **options: Any
) -> None:
    """Make a static index of the wheels in FOLDER; any web server can serve it.

    Pages and `-variants.json` go to FOLDER/simple, METADATA beside each wheel.  A second run reads
    only what is new.  Wheels that contradict one another are refused, and nothing is written.
    `--from-index URL PROJECT...` first brings projects over from another index, all their files or
    those of the versions allowed: `torch==2.10.*`.
    """
    from vinstall.workshop.index_build import build_index as run

    url = options.pop("from_index")
    if bool(projects) is not (url is not None):
        raise UsageError("`--from-index` and the names of projects go together")
    settings = _settings(console, options, index_url=url)
    observer = ConsoleObserver(console)
    if projects:
        from vinstall.workflows.invocation import this_invocation
        from vinstall.workflows.maker import mirror_projects

        done = mirror_projects(folder, projects, settings, this_invocation(), observer)
        console.say(f"{done.fetched} files fetched, {done.present} were there")
    report = run(folder, observer=observer)
    for fault in report.warnings:
        console.warning(fault.sentence())
    console.say(
        f"{report.files} files of {report.projects} projects, {report.read} read, "
        f"{len(report.written)} written, {len(report.removed)} removed"
    )
    console.data(str(report.pages))


@index_group.command(cls=SectionedCommand)
@click.argument("place", metavar="DIR|URL")
@_option("--project", "projects", multiple=True, metavar="NAME", help="Check this project alone.")
@_option("--deep", is_flag=True, help="Of an index at a URL, open one wheel of each label.")
@_option("--strict", is_flag=True, help="Fail on warnings too.")
@_form
@network_options
@talk_options
@click.pass_obj
def check(console: Console, /, place: str, form: str, **options: Any) -> None:
    """Hold an index, or wheels to be uploaded, to every rule.

    Each breach comes with its file and its rule.  Exit code 1 for errors.
    """
    from vinstall.cli.maker_report import render_check, render_check_json
    from vinstall.workflows.invocation import this_invocation
    from vinstall.workflows.maker import CheckRequest, check_place

    request = CheckRequest(place, options.pop("projects"), options.pop("deep"))
    strict = options.pop("strict")
    settings = _settings(console, options)
    report = check_place(request, settings, this_invocation(), ConsoleObserver(console))
    console.data(render_check_json(report) if form == "json" else render_check(report))
    if report.errors or (strict and report.faults):
        raise click.exceptions.Exit(1)


@index_group.command(cls=SectionedCommand)
@click.argument("folder", type=_FOLDER)
@_option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@_option("--port", default=8000, show_default=True, help="The port; 0 takes a free one.")
@_quiet
@click.pass_obj
def serve(console: Console, /, folder: Path, host: str, port: int, **options: Any) -> None:
    """Serve an index to this machine, to try it out.  Not for production."""
    from vinstall.workshop.serve import serve_index

    _set_verbosity(console, options)
    server = serve_index(folder, host=host, port=port, log=console.say)
    with server:
        if host not in ("127.0.0.1", "::1", "localhost"):
            console.warning(
                f"`{host}` can be reached from other machines, without TLS or passwords"
            )
        console.say("a development server: try an index out with it, do not publish with it")
        console.data(server.url)
        server.serve_forever()


def _settings(
    console: Console, parameters: dict[str, Any], *, index_url: str | None = None
) -> Settings:
    """What is configured about networks and the cache; sets how much the console says."""

    from vinstall.workflows.configuration import configuration_input, read_configuration
    from vinstall.workflows.settings_builder import build_settings

    console.verbosity = -1 if parameters["quiet"] else parameters["verbose"]
    inputs = configuration_input(os.environ, Path.cwd(), Path(sys.prefix))
    configuration = read_configuration(flags(parameters), inputs, isolated=parameters["isolated"])
    settings = build_settings(configuration)
    if index_url is None:
        return settings
    sources = replace(
        settings.sources, index_url=index_url, extra_index_urls=(), find_links=(), index_for=()
    )
    return replace(settings, sources=sources)


def _set_verbosity(console: Console, options: dict[str, Any]) -> None:
    console.verbosity = -1 if options.pop("quiet") else options.pop("verbose", 0)


def _epoch() -> int | None:
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"`SOURCE_DATE_EPOCH` is `{text}`, which is no number of seconds")
    return int(text)


def _table(console: Console, options: dict[str, Any]) -> VariantTable:
    """What the wheel is to be, from the properties typed or from a pyproject.toml."""
    from vinstall.formats.variant_json import parse_property
    from vinstall.workshop.variant_definition import wheel_table

    properties = tuple(map(parse_property, options["properties"]))
    definition = _definition(console, options, properties)
    missing = [name for name in definition.namespaces if name not in definition.providers]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        console.say(
            f"note: nothing names a provider of {names}, so none is written (schema 0.1.1); "
            "`[variant.providers]` in a pyproject.toml can"
        )
    return wheel_table(definition, options["label"], properties)


def _definition(console: Console, options: dict[str, Any], properties: Sequence[Any]) -> Definition:
    from vinstall.workshop.variant_definition import define, defines_variants, read_definition

    pyproject: Path | None = options["pyproject"]
    if pyproject is not None and options["namespaces"]:
        raise UsageError("`--namespace` and `--pyproject` both say what the namespaces are")
    if pyproject is None and not properties and not options["namespaces"]:
        here = Path("pyproject.toml")
        if defines_variants(here):
            console.say(f"note: `{options['label']}` is taken from `{here}`")
            pyproject = here
    if pyproject is not None:
        return read_definition(pyproject)
    return define(options["namespaces"], properties)


def _report_made(console: Console, made: Repacked) -> None:
    for change in made.changes:
        console.say(change)
    console.data(str(made.path))
