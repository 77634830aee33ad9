"""`vinstall install`, the command where no other is named."""

from __future__ import annotations

from typing import Any

import click

from vinstall.cli.console import Console
from vinstall.cli.option_groups import SectionedCommand, install_options


@click.command(cls=SectionedCommand)
@click.argument("requirements", nargs=-1, metavar="[REQUIREMENT|PATH|URL]...")
@install_options
@click.pass_obj
def install(console: Console, /, **parameters: Any) -> None:
    """Install projects, each in the build made for this machine."""
    from vinstall.cli.install_run import install as run_install

    run_install(console, parameters)
