"""Recipe: what an installation leaves behind for the express lane."""

# Paths are compared as the express lane writes them.
# ruff: noqa: PTH100

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vinstall import __version__
from vinstall.cache.store import bucket
from vinstall.installation.origin import origin_file
from vinstall.selection.release import Wheel
from vinstall.target.environment import Target
from vinstall.target.probe import Sibling, find_sibling
from vinstall.workflows import express
from vinstall.workflows.assemble import Rooms, describe
from vinstall.workflows.grounds import wanted_files
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.kept_answer import (
    answer_path,
    cache_root,
    full_stamp,
    is_settled,
    write_answer,
)
from vinstall.workflows.report import Action, InstallReport, Item
from vinstall.workflows.settings import Settings

_ANSWERS = ("base_prefix", "stdlib", "scheme", "site")
"""What the express lane wants to know of an interpreter."""


class Beginning(NamedTuple):
    """What an environment was like before a change."""

    kind: tuple[object, ...]
    """Likeness, answers, what runs at start, stamps of the base: as `target.siblings` has them."""
    listing: list[object]
    """What was installed."""
    store: str
    """Where the wheels come from."""


def begin(rooms: Rooms, target: Target) -> Beginning | None:
    """What `target` is like now; None where the express lane could not tell whether another is like it.

    Called before the change, by whoever holds the lock.
    """
    sibling = find_sibling(target.python, rooms.cache) if target.is_virtual else None
    if sibling is None or not _is_of(sibling, target):
        return None
    try:
        folders = express.site_folders(sibling.facts)
        listing = express.listing_of(folders, sibling.startup)
    except OSError:
        return None
    if listing is None:
        return None
    answers = {name: sibling.answers[name] for name in _ANSWERS}
    kind = (sibling.likeness[0], answers, sibling.startup, sibling.base)
    return Beginning(kind, listing, os.path.abspath(rooms.store.root))


def _is_of(sibling: Sibling, target: Target) -> bool:
    """Whether what is told of the sibling is what `target` is made of."""
    facts = sibling.facts
    scheme = {key: Path(path) for key, path in facts["scheme"].items()}
    sites = map(Path, express.site_folders(facts))
    return (
        facts["markers"] == dict(target.markers)
        and list(facts["tags"]) == list(target.tags)
        and all(target.scheme.path(key) == path for key, path in scheme.items())
        and set(sites) == set(target.site_paths)
        and Path(facts["prefix"]) == target.prefix
    )


def keep_recipe(
    words: Sequence[str],
    settings: Settings,
    invocation: Invocation,
    report: InstallReport,
    *,
    started: int,
    summary: str,
) -> bool:
    """Let the next run of `words` install the same without finding it out; whether that is possible.

    It is for new distributions of a remembered resolution, in a plain environment that was found
    by its path, where nothing had to be told but what the recipe tells.  `started`: nanoseconds
    since the epoch, before anything was read.  `summary`: what was said after
    the line about the environment.
    """
    beginning, remembered = report.beginning, report.remembered
    root = cache_root(words, invocation.environ)
    if beginning is None or remembered is None or root is None or not report.items:
        return False
    moving = settings.exclude_newer is not None or bool(settings.exclude_newer_for)
    files = wanted_files(settings, invocation, report)
    asked = express.question(words, invocation.environ, __version__)
    wheels = [_row(item) for item in report.items]
    if moving or files is None or asked is None or None in wheels:
        return False
    stamps = [
        (path, full_stamp(path)) for path in dict.fromkeys((*map(str, files), *remembered.pages))
    ]
    load = _load(settings, report, beginning, wheels)
    load["follows"] = _before_closing(summary, wheels)
    known = (
        all(is_settled(seen, started) for _, seen in stamps)
        and beginning.store == os.path.abspath(f"{root}/v1/{bucket()}")
        and _would_be_said(words, invocation, report, load, summary)
    )
    answer = (asked, remembered.until, stamps, beginning.kind, beginning.listing, load)
    return known and write_answer(answer_path(root, express.BUCKET, asked), answer)


def _row(item: Item) -> tuple[object, ...] | None:
    """One distribution for the express lane; None for what is not new, or not a wheel known by its hash."""
    pin = item.pin
    if pin is None or item.action is not Action.NEW or pin.direct_url is not None:
        return None
    artifact = pin.choice.artifact
    promised = dict(artifact.file.hashes).get("sha256")
    if not isinstance(artifact, Wheel) or promised is None or promised != item.sha256:
        return None
    origin = origin_file(pin, promised, None)
    filename = artifact.file.filename
    return str(item.name), item.version, promised, filename, pin.requested, origin


def _load(
    settings: Settings, report: InstallReport, beginning: Beginning, wheels: Sequence[object]
) -> dict[str, Any]:
    target = report.target
    bytecode = None
    if settings.compile:
        from vinstall.installation.bytecode import bytecode_kind

        bytecode = bytecode_kind(target)
    python = target.markers.get("platform_python_implementation", "Python")
    return {
        "store": beginning.store,
        "wheels": list(wheels),
        "link_mode": settings.link_mode,
        "bytecode": bytecode,
        "python": f"{python} {target.python_version}",
    }


def _before_closing(summary: str, wheels: Sequence[object]) -> str | None:
    """What was said before the list of what is new; None where that is not plain text."""
    for coloured in (False, True):
        before, found, _ = summary.partition(express.closing(wheels, coloured=coloured))
        if found:
            lines = before.split("\n")
            return before if all(map(str.isprintable, lines)) and "@" not in before else None
    return None


def _would_be_said(
    words: Sequence[str],
    invocation: Invocation,
    report: InstallReport,
    load: Mapping[str, Any],
    summary: str,
) -> bool:
    """Whether the express lane would have found the same environment, and said the same of it."""
    target = report.target
    here = (str(target.python), target.origin)
    was_said = f"environment: {describe(target)}\n{summary}"
    return express.environment(words, invocation.environ) == here and any(
        was_said.startswith(express.said(str(target.prefix), target.origin, load, coloured=colour))
        for colour in (False, True)
    )
