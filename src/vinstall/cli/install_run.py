"""One installation: its settings made, the workflow called, its answer printed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from vinstall import __version__
from vinstall.cli.console import Console, ConsoleObserver
from vinstall.cli.request import STARTED, put, settings_of
from vinstall.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vinstall.workflows.invocation import Invocation
    from vinstall.workflows.report import InstallReport
    from vinstall.workflows.settings import Settings


def install(console: Console, parameters: Mapping[str, Any]) -> None:
    """Do what the options in `parameters` ask for, and say what was done."""
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

        put(console, render_report(outcome), settings.report)
    output = summary = ""
    if settings.dry_run:
        show = console.say if settings.report == "-" else console.data
        output = render_plan(outcome) + "\n"
        show(output.removesuffix("\n"))
    else:
        summary = render_summary(outcome, console, seconds=time.perf_counter() - STARTED) + "\n"
        console.say(summary.removesuffix("\n"))
    if observer.was_quiet and console.verbosity == 0:
        follows = "".join(f"{line}\n" for line in observer.follows)
        _keep_answer(console, settings, invocation, outcome, (output, follows + summary))


def _keep_answer(
    console: Console,
    settings: Settings,
    invocation: Invocation,
    report: InstallReport,
    said: tuple[str, str],
) -> None:
    """Let the next run of the same words begin where this one ended, or go its way faster."""
    from vinstall.workflows.assemble import describe
    from vinstall.workflows.grounds import grounds
    from vinstall.workflows.shortcut import remember

    started = time.time_ns() - int((time.perf_counter() - STARTED) * 1e9)
    if report.beginning is not None:
        from vinstall.workflows.recipe import keep_recipe

        words = console.words
        keep_recipe(words, settings, invocation, report, started=started, summary=said[1])
        return
    found = grounds(settings, invocation, report)
    if found is None:
        return
    remember(
        console.words,
        os.environ,
        __version__,
        started=started,
        files=found.files,
        sites=found.sites,
        said=(said[0], f"environment: {describe(report.target)}\n{said[1]}"),
        until=found.until,
    )
