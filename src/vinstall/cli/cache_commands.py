"""`vinstall cache dir|info|clean|prune`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from vinstall.cli.console import Console, ConsoleObserver, render_size, render_table
from vinstall.cli.option_groups import (
    SectionedCommand,
    SectionedOption,
    choose_format,
    talk_options,
)
from vinstall.cli.request import settings_of

if TYPE_CHECKING:
    from vinstall.cache.files import CacheInfo
    from vinstall.workflows.cache_care import Cleaned

_folder = click.option(
    "--cache-dir",
    cls=SectionedOption,
    section="Which cache",
    metavar="DIR",
    help="The cache folder.",
)


@click.group("cache")
def cache_group() -> None:
    """See what the cache holds, and remove from it.

    Everything in the cache can be had again: removing it costs time, never anything installed.
    """


@cache_group.command("dir", cls=SectionedCommand)
@_folder
@choose_format("text", "json")
@talk_options
@click.pass_obj
def show_folder(console: Console, /, form: str, **parameters: Any) -> None:
    """Print the folder of the cache; with `--format json` as `dir`."""
    from vinstall.workflows.cache_care import cache_folder
    from vinstall.workflows.invocation import this_invocation

    folder = str(cache_folder(settings_of(console, parameters), this_invocation()))
    console.data(json.dumps({"dir": folder}) if form == "json" else folder)


@cache_group.command(cls=SectionedCommand)
@_folder
@choose_format("text", "json")
@talk_options
@click.pass_obj
def info(console: Console, /, form: str, **parameters: Any) -> None:
    """Show how much each part of the cache holds.

    With `--format json`: `dir`, `size` in bytes, and `buckets` (`name`, `entries`, `size`).
    """
    from vinstall.workflows.cache_care import cache_info
    from vinstall.workflows.invocation import this_invocation

    settings = settings_of(console, parameters)
    found = cache_info(settings, this_invocation(), ConsoleObserver(console))
    console.data(_info_json(found) if form == "json" else _info_text(found))


def _info_json(found: CacheInfo) -> str:
    document = {
        "dir": str(found.root),
        "size": found.size,
        "buckets": [bucket._asdict() for bucket in found.buckets],
    }
    return json.dumps(document, indent=2)


def _info_text(found: CacheInfo) -> str:
    rows = [(one.name, str(one.entries), render_size(one.size)) for one in found.buckets]
    rows.append(
        ("together", str(sum(one.entries for one in found.buckets)), render_size(found.size))
    )
    return f"{found.root}\n\n{render_table(('part', 'entries', 'size'), rows, right=(1, 2))}"


@cache_group.command(cls=SectionedCommand)
@click.argument("projects", nargs=-1, metavar="[PROJECT]...")
@_folder
@choose_format("text", "json")
@talk_options
@click.pass_obj
def clean(console: Console, /, projects: tuple[str, ...], form: str, **parameters: Any) -> None:
    """Empty the cache, or remove from it what there is of some projects.

    Of a project these are its files and builds, and what was read of it: the pages of indexes,
    metadata, variants files.  The next run asks for them anew.
    With `--format json`: `dir` and `freed`, in bytes.
    """
    from vinstall.workflows.cache_care import clean_cache
    from vinstall.workflows.invocation import this_invocation

    settings = settings_of(console, parameters)
    done = clean_cache(settings, projects, this_invocation(), ConsoleObserver(console))
    _tell(console, done, form)


@cache_group.command(cls=SectionedCommand)
@click.option(
    "--max-size",
    cls=SectionedOption,
    section="How much",
    metavar="SIZE",
    help="Remove what was not used for longest until this much is left: `500MB`, `2GiB`.",
)
@_folder
@choose_format("text", "json")
@talk_options
@click.pass_obj
def prune(console: Console, /, max_size: str | None, form: str, **parameters: Any) -> None:
    """Remove what no run will use any more.

    With `--format json`: `dir` and `freed`, in bytes.
    """
    from vinstall.workflows.cache_care import parse_size, prune_cache
    from vinstall.workflows.invocation import this_invocation

    limit = parse_size(max_size) if max_size is not None else None
    settings = settings_of(console, parameters)
    done = prune_cache(settings, limit, this_invocation(), ConsoleObserver(console))
    _tell(console, done, form)


def _tell(console: Console, done: Cleaned, form: str) -> None:
    if form == "json":
        console.data(json.dumps({"dir": str(done.root), "freed": done.freed}))
    console.say(f"removed {render_size(done.freed)} from `{done.root}`")
