"""Inventory: what is installed in the environment of a run, and what each of it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vinstall.errors import FormatError
from vinstall.observer import Observer
from vinstall.sources.location import url_path
from vinstall.target.environment import Target
from vinstall.target.installed import InstalledDistribution, InstalledSet, scan_installed
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import (
    RecordedAnswers,
    Rooms,
    assemble,
    build_answers,
    find_machine,
    find_target,
)
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings

if TYPE_CHECKING:
    from vinstall.workflows.installed_variants import Standing

_PART_OF_PYTHON = frozenset({"python", "wsgiref", "argparse"})
"""What pip leaves out of its lists: modules that came with Python since."""


@frozen
class Inventory:
    """An environment and what is in it."""

    rooms: Rooms
    target: Target
    installed: InstalledSet

    def distributions(self) -> tuple[InstalledDistribution, ...]:
        """What is installed, sorted by name; what is part of Python is left out, as pip does."""
        found = (one for one in self.installed if one.name not in _PART_OF_PYTHON)
        return tuple(sorted(found, key=lambda one: one.name))

    def again(self) -> Inventory:
        """The same environment as it is now."""
        return replace(self, installed=scan_installed(self.target))

    def answers(self) -> RecordedAnswers:
        """Who knows what this host supports; nothing is asked yet."""
        rooms, runner = self.rooms, None
        if rooms.settings.variants.trust_providers:
            from vinstall.workflows.plugins import plugin_runner

            runner = plugin_runner(rooms, find_machine(rooms, self.target))
        return build_answers(
            rooms, self.target, runner, require_hashes=rooms.settings.require_hashes
        )

    def standings(self) -> tuple[Standing, ...]:
        """What is installed, sorted by name, judged against this host.  Asks providers of variants."""
        from vinstall.workflows.installed_variants import judge_installed
        from vinstall.workflows.policies import selection_policies

        policy = selection_policies(self.rooms.settings, {})
        return tuple(judge_installed(self.distributions(), self.answers(), policy))


@contextmanager
def open_inventory(
    settings: Settings, invocation: Invocation, observer: Observer, *, paths: Sequence[Path] = ()
) -> Iterator[Inventory]:
    """The environment that `settings` name and what is installed there, or in the folders `paths`.

    Raises TargetError where there is no environment.
    """
    with assemble(settings, invocation, observer) as rooms:
        target = find_target(rooms)
        if paths:
            folders = tuple(invocation.folder / path for path in paths)
            target = replace(target, site_paths=tuple(one for one in folders if one.is_dir()))
        yield Inventory(rooms=rooms, target=target, installed=scan_installed(target))


@frozen
class Spelling:
    """Name and version as the distribution's own metadata spells them."""

    name: str
    version: str


def spelling(distribution: InstalledDistribution) -> Spelling:
    """As METADATA spells them, else as the name of the folder does.  Reads one file."""
    found: dict[bytes, str] = {}
    for line in distribution.metadata().split(b"\n"):
        if not line.strip():
            break
        field, colon, value = line.partition(b":")
        if colon:
            found.setdefault(field.strip().lower(), value.strip().decode("utf-8", "replace"))
    return Spelling(
        name=found.get(b"name") or distribution.name,
        version=found.get(b"version") or str(distribution.version),
    )


def editable_location(distribution: InstalledDistribution) -> str | None:
    """The folder an editable distribution is imported from; None for one that is no editable."""
    if not distribution.is_editable():
        return None
    if distribution.kind == "egg-link":
        return distribution.location.read_text("utf-8", "surrogateescape").splitlines()[0].strip()
    url = (distribution.direct_url() or {}).get("url")
    return str(url_path(url)) if isinstance(url, str) and url.startswith("file:") else None


@frozen
class ShownVariant:
    """The variant a distribution was installed as, for the user."""

    label: str
    properties: tuple[str, ...] = ()
    """Sorted, each `namespace :: feature :: value`."""
    fault: str | None = None
    """Why its `variant.json` cannot be used; None where it can."""

    def as_json(self) -> dict[str, object]:
        """`label`, `properties`, and `fault` where there is one."""
        shown: dict[str, object] = {"label": self.label, "properties": list(self.properties)}
        return shown if self.fault is None else shown | {"fault": self.fault}


def shown_variant(distribution: InstalledDistribution) -> ShownVariant | None:
    """The variant of `distribution`; None for one that is no variant.  Reads one file."""
    try:
        variant = distribution.variant()
    except FormatError as error:
        return ShownVariant(label="unreadable", fault=error.message)
    if variant is None:
        return None
    return ShownVariant(
        label=variant.label, properties=tuple(str(one) for one in sorted(variant.properties))
    )
