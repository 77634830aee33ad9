"""`vinstall lock` and `vinstall sync`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vinstall.cli.console import Console, ConsoleObserver
from vinstall.cli.option_groups import (
    SectionedCommand,
    SectionedOption,
    lock_options,
    network_options,
    plan_options,
    requirement_options,
    source_options,
    talk_options,
    target_options,
    variant_options,
)
from vinstall.cli.request import STARTED, settings_of
from vinstall.values import replace

if TYPE_CHECKING:
    from vinstall.workflows.lock import LockReport

_HOSTS = "Hosts of the lock"
_SEVERAL = {
    "host": ("FILE", "Lock for the host described here too; may be given several times."),
    "python_version": ("VERSION", "Lock for this Python; may be given several times."),
    "python_platform": ("PLATFORM", "Lock for this platform; may be given several times."),
}


def _for_many_hosts(command: click.Command) -> click.Command:
    """The options that name one host elsewhere may be repeated here."""
    command.params = [one for one in command.params if one.name not in _SEVERAL]
    command.params += [
        SectionedOption(
            [f"--{name.replace('_', '-')}"],
            metavar=metavar,
            multiple=True,
            help=text,
            section=_HOSTS,
        )
        for name, (metavar, text) in _SEVERAL.items()
    ]
    return command


@_for_many_hosts
@click.command(cls=SectionedCommand)
@click.argument("requirements", nargs=-1, metavar="[REQUIREMENT|PATH|URL]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("pylock.toml"),
    show_default=True,
    cls=SectionedOption,
    section="Output",
    help="The lock: `pylock.toml` or `pylock.NAME.toml`.",
)
@click.option(
    "--resolved",
    is_flag=True,
    cls=SectionedOption,
    section="Output",
    help="Lock one wheel a package, for exactly one host.",
)
@click.option(
    "--pip-compatible",
    is_flag=True,
    cls=SectionedOption,
    section="Output",
    help="Leave variant wheels out where there is a plain one.",
)
@click.option(
    "--attestations",
    is_flag=True,
    cls=SectionedOption,
    section="Output",
    help="Record who the index says built the files.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    cls=SectionedOption,
    section="Output",
    help="Print the lock instead of writing it.",
)
@requirement_options
@click.option(
    "--extra",
    multiple=True,
    metavar="NAME",
    cls=SectionedOption,
    section="What to install",
    help="Lock this extra of a `pyproject.toml` too.",
)
@variant_options
@source_options
@target_options
@network_options
@talk_options
@click.pass_obj
def lock(console: Console, /, output: Path, **parameters: Any) -> None:
    """Write a lock that serves every host it is made for."""
    from vinstall.workflows.invocation import this_invocation
    from vinstall.workflows.lock import LockWishes
    from vinstall.workflows.lock import lock as run_lock

    wishes = LockWishes(
        output=output,
        hosts=tuple(Path(text) for text in parameters.pop("host")),
        python_versions=parameters.pop("python_version"),
        python_platforms=parameters.pop("python_platform"),
        resolved=parameters.pop("resolved"),
        pip_compatible=parameters.pop("pip_compatible"),
        attestations=parameters.pop("attestations"),
    )
    settings = settings_of(console, parameters)
    observer = ConsoleObserver(console, started=STARTED)
    report = run_lock(settings, wishes, this_invocation(), observer)
    if settings.dry_run:
        console.data(report.text)
    for line in render_lock_summary(report, dry_run=settings.dry_run):
        console.say(line)


def render_lock_summary(report: LockReport, *, dry_run: bool) -> list[str]:
    """What was locked, for whom, and who can read it."""
    packages = report.lock.packages
    wheels = sum(len(package.wheels) for package in packages)
    hosts = "" if report.hosts == ("this machine",) else f" for {', '.join(report.hosts)}"
    done = "would be" if dry_run else ("is" if not report.changed else "was")
    what = "unchanged" if not report.changed and not dry_run else "written"
    lines = [
        f"`{report.path.name}` {done} {what}: "
        f"{_counted(len(packages), 'package')}, {_counted(wheels, 'wheel')}{hosts}"
    ]
    labelled = [package.name for package in packages if package.variants is not None]
    if labelled:
        verb = "lists" if len(labelled) == 1 else "list"
        lines.append(
            f"note: {', '.join(f'`{name}`' for name in labelled)} {verb} variant wheels; "
            "installers without variants refuse such a lock (`--pip-compatible` avoids it)"
        )
    return lines


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@click.command(cls=SectionedCommand)
@click.argument("file", metavar="PYLOCK", default="pylock.toml")
@click.option(
    "--group",
    multiple=True,
    metavar="NAME",
    cls=SectionedOption,
    section="What to install",
    help="A dependency group of the lock, instead of its default groups.",
)
@lock_options
@variant_options
@target_options
@network_options
@plan_options
@talk_options
@click.pass_obj
def sync(console: Console, /, file: str, **parameters: Any) -> None:
    """Make the environment exactly what a lock says: what it does not list is removed."""
    from vinstall.cli.plan_table import render_plan, render_summary
    from vinstall.workflows.install import install as run_install
    from vinstall.workflows.invocation import this_invocation

    settings = replace(settings_of(console, {**parameters, "requirement": (file,)}), exact=True)
    observer = ConsoleObserver(console, started=STARTED)
    outcome = run_install(settings, this_invocation(), observer)
    if settings.dry_run:
        console.data(render_plan(outcome))
    else:
        console.say(render_summary(outcome, console, seconds=time.perf_counter() - STARTED))
