"""`vinstall uninstall|list|freeze|check|download|completion`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vinstall.cli.console import Console, ConsoleObserver
from vinstall.cli.option_groups import (
    SectionedCommand,
    SectionedOption,
    choose_format,
    network_options,
    requirement_options,
    source_options,
    talk_options,
    variant_options,
)
from vinstall.cli.request import STARTED, settings_of
from vinstall.cli.running import COMPLETION_VARIABLE
from vinstall.errors import UsageError, VinstallError

if TYPE_CHECKING:
    from vinstall.workflows.uninstall import UninstallPlan

_Command = TypeVar("_Command", bound=Callable[..., Any])
_WHERE, _WHICH, _HOW = "Which environment", "What is listed", "Uninstallation"


def _option(section: str, *names: str, **attributes: Any) -> Callable[[_Command], _Command]:
    return click.option(*names, cls=SectionedOption, section=section, **attributes)


def _all_of(*options: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_place_options = _all_of(
    _option(_WHERE, "-p", "--python", metavar="PATH|VERSION", help="Its interpreter."),
    _option(_WHERE, "-t", "--target", metavar="DIR", help="What was installed into a folder."),
    _option(_WHERE, "--prefix", metavar="DIR", help="What was installed below this prefix."),
    _option(_WHERE, "--root", metavar="DIR", help="Where everything was put below this folder."),
    _option(_WHERE, "--user", is_flag=True, help="What was installed for this user alone."),
    _option(_WHERE, "--system", is_flag=True, help="The system's Python."),
)
_path_option = _option(
    _WHERE,
    "--path",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Look in this folder instead; may be given several times.",
)
_local_options = _all_of(
    _option(
        _WHICH,
        "-l",
        "--local",
        is_flag=True,
        help="Leave out what the environment sees of another one.",
    ),
    _option(_WHICH, "--exclude-editable", is_flag=True, help="Leave editable projects out."),
    _option(_WHICH, "--exclude", multiple=True, metavar="PROJECT", help="Leave this project out."),
)
_provider_options = _all_of(
    _option("Variants", "--host", metavar="FILE", help="Judge for the host described here."),
    _option(
        "Variants",
        "--enable-provider",
        multiple=True,
        metavar="NAMESPACE",
        help="Ask a provider that is optional.",
    ),
    _option(
        "Variants",
        "--disable-provider",
        multiple=True,
        metavar="NAMESPACE",
        help="Treat the namespace as not supported.",
    ),
    _option(
        "Variants",
        "--trust-provider",
        multiple=True,
        metavar="NAME==VERSION[@sha256:…]",
        help="Allow this plugin to run.",
    ),
    _option(
        "Variants",
        "--provider-timeout",
        metavar="SECONDS",
        help="Give a plugin up after this long (20).",
    ),
)


def installed_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The installed projects whose names begin with `incomplete`, for the shell."""
    del parameter
    from vinstall.workflows.invocation import this_invocation
    from vinstall.workflows.list_installed import names_installed
    from vinstall.workflows.settings import Settings, TargetSettings

    place = TargetSettings(python=context.params.get("python"))
    try:
        names = names_installed(Settings(target=place), this_invocation())
    except VinstallError:
        return []  # a shell that completes has nowhere to show an error
    return [name for name in names if name.startswith(incomplete.lower())]


@click.command(cls=SectionedCommand)
@click.argument("requirements", nargs=-1, metavar="PROJECT...", shell_complete=installed_names)
@_option(
    _HOW,
    "-r",
    "--requirement",
    multiple=True,
    metavar="FILE",
    help="Uninstall what a requirements file lists; `-` is standard input.",
)
@_option(_HOW, "-y", "--yes", is_flag=True, help="Do not ask.")
@_option(_HOW, "--dry-run", is_flag=True, help="Say what would go; change nothing.")
@_place_options
@_option(
    _WHERE,
    "--break-system-packages",
    is_flag=True,
    help="Even where the system or conda manages it.",
)
@choose_format("text", "json")
@talk_options
@click.pass_obj
def uninstall(console: Console, /, form: str, **parameters: Any) -> None:
    """Remove projects, all of those named or none.

    Says what else would break.  On a terminal it asks before it removes anything.  With
    `--format json`: `environment`, `done`, `removed` (name, version, location, files), `absent`
    and `broken` (name, version, needs).
    """
    from vinstall.cli.environment_report import (
        render_uninstall_json,
        render_uninstall_summary,
        tell_uninstall_plan,
    )
    from vinstall.workflows.invocation import this_invocation
    from vinstall.workflows.uninstall import uninstall as run_uninstall

    asks = not parameters.pop("yes") and not parameters["dry_run"] and sys.stdin.isatty()

    def confirm(plan: UninstallPlan) -> bool:
        tell_uninstall_plan(plan, console)
        return not asks or click.confirm("Proceed?", default=True, err=True)

    settings = settings_of(console, parameters)
    observer = ConsoleObserver(console, started=STARTED)
    report = run_uninstall(settings, this_invocation(), observer, confirm=confirm)
    if form == "json":
        console.data(render_uninstall_json(report))
    console.say(render_uninstall_summary(report))


@click.command("list", cls=SectionedCommand)
@_option(_WHICH, "-o", "--outdated", is_flag=True, help="What has a newer release.")
@_option(_WHICH, "-u", "--uptodate", is_flag=True, help="What has none.")
@_option(_WHICH, "-e", "--editable", is_flag=True, help="Editable projects alone.")
@_option(_WHICH, "--not-required", is_flag=True, help="What nothing else installed requires.")
@_option(_WHICH, "--pre", is_flag=True, help="Count pre-releases as newer.")
@_local_options
@_place_options
@_path_option
@source_options
@network_options
@choose_format("columns", "freeze", "json")
@talk_options
@click.pass_obj
def list_command(console: Console, /, form: str, **parameters: Any) -> None:
    """List what is installed, and as which variant.

    The output is that of `pip list`, with a column for the variant and one for its properties
    where any is installed.  With `--format json` each entry has `name`, `version`, `location`,
    `installer`, `variant` (`label`, `properties`; or null), for editable projects
    `editable_project_location`, and with `--outdated` `latest_version`, `latest_filetype` and
    `latest_variant`.
    """
    from vinstall.cli.environment_report import render_columns, render_list_freeze, render_list_json
    from vinstall.workflows.invocation import this_invocation
    from vinstall.workflows.list_installed import ListWishes, list_installed

    wishes = ListWishes(
        **{
            name: parameters.pop(name)
            for name in (
                *("outdated", "uptodate", "editable", "not_required"),
                *("local", "exclude_editable", "exclude", "paths"),
            )
        }
    )
    if wishes.outdated and form == "freeze":
        raise UsageError("`--outdated` has no `freeze` form", hint="use `columns` or `json`")
    settings = settings_of(console, parameters)
    listed = list_installed(settings, wishes, this_invocation(), ConsoleObserver(console))
    verbose = console.verbosity > 0
    if form == "json":
        console.data(render_list_json(listed))
    elif listed:
        render = render_columns if form == "columns" else render_list_freeze
        console.data(render(listed, verbose=verbose))


@click.command(cls=SectionedCommand)
@_option(
    _WHICH,
    "-r",
    "--requirement",
    multiple=True,
    metavar="FILE",
    help="In the order of this requirements file, with its comments and options.",
)
@_option(
    _WHICH,
    "--hashes",
    is_flag=True,
    help="With the hashes of all files of each release, those of every variant among them.",
)
@_option(
    _WHICH, "--all", "everything", is_flag=True, help="With pip (before 3.12 setuptools, wheel)."
)
@_local_options
@_place_options
@_path_option
@source_options
@network_options
@choose_format("text", "json")
@talk_options
@click.pass_obj
def freeze(console: Console, /, form: str, **parameters: Any) -> None:
    """Write what is installed as requirements.

    The output is that of `pip freeze`.  With `-r` what the file does not list comes last, below a
    headline, and a warning names what it lists and is not installed.  With `--hashes` it can be
    installed on other machines, each choosing its own variant of the same releases.  With
    `--format json` each entry has `name`, `version`, `requirement`, `editable`, `hashes` and
    `variant`.
    """
    from vinstall.cli.environment_report import render_requirements, render_requirements_json
    from vinstall.workflows.freeze import FreezeWishes
    from vinstall.workflows.freeze import freeze as run_freeze
    from vinstall.workflows.invocation import this_invocation

    wishes = FreezeWishes(
        all=parameters.pop("everything"),
        **{
            name: parameters.pop(name)
            for name in ("hashes", "local", "exclude_editable", "exclude", "paths")
        },
    )
    settings = settings_of(console, parameters)
    frozen = run_freeze(settings, wishes, this_invocation(), ConsoleObserver(console))
    if form == "json":
        console.data(render_requirements_json(frozen))
    elif frozen:
        console.data(render_requirements(frozen))


@click.command(cls=SectionedCommand)
@_option(
    "What is checked",
    "--files",
    is_flag=True,
    help="Compare the content of every file with its hash too.",
)
@_place_options
@_provider_options
@choose_format("text", "json")
@talk_options
@click.pass_obj
def check(console: Console, /, form: str, files: bool, **parameters: Any) -> None:
    """Say what is broken in an environment; exit code 1 where something is.

    Requirements that are not met, variants that this host does not support or that were built for
    another version of what they bind to, wheels for another platform, builds for several majors
    of CUDA, files that are missing or that two projects own with different contents.  With
    `--format json`: `ok`, `checked`, `findings` (`kind`, `projects`, `sentence`, `files`,
    `fault`) and `variants` (`name`, `version`, `label`, `properties`, `supported`, `reason`).
    """
    from vinstall.cli.environment_report import render_check, render_check_json
    from vinstall.workflows.check import check as run_check
    from vinstall.workflows.invocation import this_invocation

    settings = settings_of(console, parameters)
    checked = run_check(settings, this_invocation(), ConsoleObserver(console), contents=files)
    if form == "json":
        console.data(render_check_json(checked))
    else:
        console.data(render_check(checked, verbose=console.verbosity > 0))
    if checked.faults:
        raise click.exceptions.Exit(1)


@click.command(cls=SectionedCommand)
@click.argument("requirements", nargs=-1, metavar="[REQUIREMENT|PATH|URL]...")
@_option(
    "Where it goes",
    "-d",
    "--dest",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The folder for the files; the current one.",
)
@_option(
    "Where it goes", "-p", "--python", metavar="PATH|VERSION", help="Choose for this interpreter."
)
@_option(
    "Where it goes",
    "--python-version",
    metavar="VERSION",
    help="Choose for this Python (wheels only).",
)
@_option(
    "Where it goes",
    "--python-platform",
    metavar="PLATFORM",
    help="Choose for this platform (wheels only).",
)
@_option(
    "Where it goes",
    "--platform",
    multiple=True,
    metavar="TAG",
    help="As pip: wheels with this platform tag; may be given several times.",
)
@_option(
    "Where it goes",
    "--abi",
    multiple=True,
    metavar="TAG",
    help="As pip: wheels with this ABI; may be given several times.",
)
@_option(
    "Where it goes",
    "--implementation",
    metavar="WHICH",
    help="As pip: wheels for this implementation, `cp` or `pp`; `py` for none.",
)
@requirement_options
@variant_options
@source_options
@network_options
@choose_format("text", "json")
@talk_options
@click.pass_obj
def download(console: Console, /, form: str, folder: Path, **parameters: Any) -> None:
    """Put the files of an installation into a folder instead of installing them.

    Nothing that is installed counts.  With `--host`, `--python-platform` and `--python-version`
    the files are those another machine would choose.  Prints the path of each file; with
    `--format json` `name`, `version`, `filename`, `path`, `sha256`, `size` and `variant`.
    """
    from vinstall.cli.environment_report import (
        render_download_summary,
        render_downloaded,
        render_downloaded_json,
    )
    from vinstall.workflows.download_files import download as run_download
    from vinstall.workflows.invocation import this_invocation

    settings = settings_of(console, parameters)
    observer = ConsoleObserver(console, started=STARTED)
    files = run_download(settings, folder, this_invocation(), observer)
    if form == "json":
        console.data(render_downloaded_json(files))
    elif files:
        console.data(render_downloaded(files))
    console.say(render_download_summary(files))


@click.command(cls=SectionedCommand)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the script that makes a shell complete vinstall's words.

    For bash, `eval "$(vinstall completion bash)"` in `~/.bashrc`; for zsh, with `zsh`, in `~/.zshrc`
    below `compinit`; for fish,
    `vinstall completion fish > ~/.config/fish/completions/vinstall.fish`.
    """
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root()
    script = get_completion_class(shell)
    if script is not None:
        click.echo(script(root.command, {}, "vinstall", COMPLETION_VARIABLE).source())
