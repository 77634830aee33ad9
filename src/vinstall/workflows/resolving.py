"""From settings to a resolution: what installing and downloading have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from packaging.utils import NormalizedName

from vinstall.building.builder import Builder
from vinstall.catalog.source_catalog import SourceCatalog
from vinstall.errors import UsageError
from vinstall.observer import Observer
from vinstall.resolution.model import Request, Resolution
from vinstall.resolution.resolve import resolve
from vinstall.target.environment import Target
from vinstall.workflows.assemble import (
    RecordedAnswers,
    Rooms,
    assemble,
    build_answers,
    find_machine,
    load_text,
    open_catalog,
)
from vinstall.workflows.builds import name_of_place, open_builder
from vinstall.workflows.installed_variants import Standing
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.plugins import plugin_runner
from vinstall.workflows.policies import Hashes, resolution_options
from vinstall.workflows.requirements import (
    Asked,
    read_requirements,
    requests,
    with_file_options,
)
from vinstall.workflows.settings import Settings


@contextmanager
def opened(
    settings: Settings, invocation: Invocation, observer: Observer
) -> Iterator[tuple[Rooms, Asked]]:
    """The rooms, and what is asked for, with the options of requirements files counted in."""
    with assemble(settings, invocation, observer) as rooms:
        asked = read_requirements(
            settings,
            load=lambda location: load_text(rooms, location),
            environ=invocation.environ,
            folder=invocation.folder,
        )
    with assemble(with_file_options(settings, asked.options), invocation, observer) as rooms:
        yield rooms, asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What resolving works with, ready to be asked."""

    rooms: Rooms
    asked: Asked
    target: Target
    requests: tuple[Request, ...]
    constraints: tuple[Request, ...]
    answers: RecordedAnswers
    builder: Builder
    catalog: SourceCatalog
    hashes: Mapping[NormalizedName, Hashes]

    def resolve(self, standings: Iterable[Standing] = ()) -> Resolution:
        """The resolution; `standings` are of what is installed and may stay.  Tells its notices."""
        rooms = self.rooms
        rooms.observer.phase("resolve")
        resolution = resolve(
            self.requests,
            catalog=self.catalog,
            target=self.target,
            constraints=self.constraints,
            installed=[standing.as_project() for standing in standings],
            options=resolution_options(rooms.settings, self.asked.overrides),
            observer=rooms.observer,
        )
        for notice in resolution.notices:
            rooms.observer.notice(notice)
        return resolution


@contextmanager
def open_question(
    rooms: Rooms,
    asked: Asked,
    target: Target,
    *,
    installed: frozenset[NormalizedName] = frozenset(),
) -> Iterator[Question]:
    """Everything that answers what is `asked` for `target`; `installed` are projects there already."""
    folder = rooms.invocation.folder
    hashes = asked.hashes()
    machine = find_machine(rooms, target)
    answers = build_answers(
        rooms,
        target,
        plugin_runner(rooms, machine),
        require_hashes=rooms.settings.require_hashes or bool(hashes),
    )
    build_limits, _ = requests(asked.build_constraints, folder=folder, name_location=_unnamed)
    with open_builder(rooms, target, asked, build_limits) as builder:

        def name_location(url: str, editable: bool) -> NormalizedName:
            return name_of_place(builder, url, editable=editable)

        wanted, editables = requests(asked.requirements, folder=folder, name_location=name_location)
        limits, _ = requests(asked.constraints, folder=folder, name_location=_unnamed)
        with open_catalog(
            rooms,
            target,
            answers,
            hashes=hashes,
            builder=None if target.described else builder,
            editable=editables,
            installed=installed,
        ) as catalog:
            yield Question(
                rooms=rooms,
                asked=asked,
                target=target,
                requests=wanted,
                constraints=limits,
                answers=answers,
                builder=builder,
                catalog=catalog,
                hashes=hashes,
            )


def _unnamed(url: str, editable: bool) -> NormalizedName:  # noqa: ARG001
    raise UsageError(f"the constraint `{url}` names no project", hint="write `NAME @ URL`")
