"""From settings to a resolution: what installing and downloading have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from vinstall.errors import UsageError
from vinstall.formats.marker import MarkerContext
from vinstall.formats.requirement import Requirement, render_requirement
from vinstall.observer import Observer
from vinstall.resolution.model import Request, Resolution
from vinstall.target.environment import Target
from vinstall.workflows.assemble import (
    RecordedAnswers,
    Rooms,
    assemble,
    build_answers,
    build_chain,
    find_machine,
    load_text,
    open_catalog,
)
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.requirements import (
    Asked,
    Hashes,
    read_requirements,
    requests,
    with_file_options,
)
from vinstall.workflows.settings import Settings

if TYPE_CHECKING:
    from vinstall.building.builder import Builder
    from vinstall.catalog.source_catalog import SourceCatalog
    from vinstall.formats.metadata import Metadata
    from vinstall.selection.release import Choice, SourceDistribution
    from vinstall.workflows.installed_variants import Standing
    from vinstall.workflows.remembered import Remembered, WatchedPages


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
            read_input=invocation.read_input,
        )
    with assemble(with_file_options(settings, asked.options), invocation, observer) as rooms:
        yield rooms, asked


class Question:
    """What resolving works with.  Each part is made when it is asked for, and only then loaded."""

    def __init__(
        self,
        rooms: Rooms,
        asked: Asked,
        target: Target,
        installed: frozenset[NormalizedName],
        stack: ExitStack,
    ) -> None:
        self.rooms = rooms
        self.asked = asked
        self.target = target
        self._installed = installed
        self._stack = stack
        self._context = MarkerContext(environment=target.markers)
        self._has_told = False
        """Whether the user knows what is asked for in vain."""
        self.watched: WatchedPages | None = None
        """Notes which pages are read, where that is of interest."""
        self.guessed: Callable[[Choice, Metadata], None] | None = None
        """Told, in any thread, of wheels that will probably be chosen."""
        self.prepare: Callable[[], None] | None = None
        """Called just before the first request, should there be one, and before there are threads."""
        self.remembered: Remembered | None = None
        """What `answer` rests on; None where it was resolved, or providers had a say."""

    @cached_property
    def hashes(self) -> Mapping[NormalizedName, Hashes]:
        """The hashes that requirements list, by project."""
        return self.asked.hashes(self._context)

    @cached_property
    def answers(self) -> RecordedAnswers:
        """Who knows what the target supports."""
        rooms = self.rooms
        runner = None
        if rooms.settings.variants.trust_providers:
            from vinstall.workflows.plugins import plugin_runner

            runner = plugin_runner(rooms, find_machine(rooms, self.target))
        required = rooms.settings.require_hashes or bool(self.hashes)
        return build_answers(rooms, self.target, runner, require_hashes=required)

    @cached_property
    def builder(self) -> Builder:
        """Who builds source distributions."""
        from vinstall.workflows.builds import open_builder

        folder = self.rooms.invocation.folder
        limits, _ = requests(self.asked.build_constraints, folder=folder, name_location=_unnamed)
        return self._stack.enter_context(open_builder(self.rooms, self.target, self.asked, limits))

    @property
    def requests(self) -> tuple[Request, ...]:
        """What is asked for; folders and archives may have to be built for their names."""
        return self._wanted[0]

    @cached_property
    def constraints(self) -> tuple[Request, ...]:
        """What limits versions.  Raises UsageError."""
        folder = self.rooms.invocation.folder
        return requests(self.asked.constraints, folder=folder, name_location=_unnamed)[0]

    @cached_property
    def catalog(self) -> SourceCatalog:
        """The window on the sources."""
        return self._stack.enter_context(
            open_catalog(
                self.rooms,
                self.target,
                self.answers,
                hashes=self.hashes,
                builder=None if self.target.described else _Building(self),
                editable=self._wanted[1],
                installed=self._installed,
                pages=self.watched,
                guessed=self.guessed,
                asleep_until=self._before_request,
            )
        )

    def rest(self) -> None:
        """Let the threads of the catalog end, if it has any: nothing is read ahead any more."""
        if "catalog" in self.__dict__:
            self.catalog.close()

    def _before_request(self, wake: Callable[[], None]) -> None:
        """Have the catalog woken before the first request; there are no threads before that."""

        def begin() -> None:
            if self.prepare is not None:
                self.prepare()
            wake()

        self.rooms.client.before_request(begin)

    @cached_property
    def _wanted(self) -> tuple[tuple[Request, ...], frozenset[str]]:
        folder = self.rooms.invocation.folder
        return requests(self.asked.requirements, folder=folder, name_location=self._name)

    def _name(self, url: str, editable: bool) -> NormalizedName:
        from vinstall.workflows.builds import name_of_place

        return name_of_place(self.builder, url, editable=editable)

    def resolve(
        self, standings: Sequence[Standing] = (), *, more: Sequence[Request] = ()
    ) -> Resolution:
        """The resolution; `standings` are of what is installed and may stay.  Tells its notices.

        `more` is asked for on top of what the user asks for.
        """
        rooms = self.rooms
        self._tell_ignored()
        rooms.observer.phase("resolve")
        resolution = self._resolve(standings, more)
        for notice in resolution.notices:
            rooms.observer.notice(notice)
        return resolution

    def answer(self, standings: Sequence[Standing] = ()) -> Resolution:
        """The resolution as `resolve` gives it, or as it is remembered: enough to install from.

        A remembered one has no edges, and its pins do not say what they require.
        """
        from vinstall.workflows import remembered

        self._tell_ignored()
        rooms = self.rooms
        cutoff = None
        if rooms.settings.exclude_newer is not None or rooms.settings.exclude_newer_for:
            from vinstall.workflows.policies import upload_cutoff

            cutoff = upload_cutoff(rooms.settings, rooms.invocation)
        key = remembered.question_key(rooms.settings, self.asked, self.target, standings, cutoff)
        if key is None:
            return self.resolve(standings)
        if not rooms.settings.refresh:
            rooms.observer.phase("resolve")
            offline = rooms.settings.sources.offline
            known = remembered.recall(rooms.cache, key, offline=offline, window=_Window(self))
            if known is not None:
                self.remembered = known if known.is_plain else None
                for notice in known.resolution.notices:
                    rooms.observer.notice(notice)
                return known.resolution
        pages = self.watch()
        resolution = self.resolve(standings)
        if self.catalog.is_listed:
            remembered.keep(
                rooms.cache,
                key,
                resolution,
                pages,
                asked=self.answers.asked,
                catalog=self.catalog,
            )
        return resolution

    def watch(self) -> WatchedPages:
        """Note which pages are read from now on."""
        from vinstall.workflows.remembered import WatchedPages

        if self.watched is None:
            self.watched = WatchedPages(build_chain(self.rooms))
        return self.watched

    def _tell_ignored(self) -> None:
        if self._has_told:
            return
        self._has_told = True
        for requirement, marker in self.asked.ignored(self._context):
            self.rooms.observer.ignored(requirement, marker)

    def _resolve(self, standings: Sequence[Standing], more: Sequence[Request]) -> Resolution:
        from vinstall.catalog.metadata_shelf import MetadataShelf
        from vinstall.resolution.resolve import resolve
        from vinstall.workflows.policies import resolution_options

        wanted = (*self.requests, *more)
        # What will need the metadata of nearly the same wheels when it is asked again.
        question = tuple(sorted(render_requirement(one.requirement) for one in wanted))
        shelf = MetadataShelf(self.rooms.cache, question, self.target.markers)
        self.catalog.use(shelf)
        resolution = resolve(
            wanted,
            catalog=self.catalog,
            target=self.target,
            constraints=self.constraints,
            installed=[standing.as_project() for standing in standings],
            options=resolution_options(self.rooms.settings, self.asked.overrides),
            observer=self.rooms.observer,
        )
        shelf.save()
        return resolution


class _Window:
    """A question for a remembered resolution that may not need it."""

    def __init__(self, question: Question) -> None:
        self._question = question

    @property
    def answers(self) -> RecordedAnswers:
        """As the question's."""
        return self._question.answers

    @property
    def catalog(self) -> SourceCatalog:
        """As the question's; what it reads is noted."""
        self._question.watch()
        return self._question.catalog


class _Building:
    """The builder of a question, for a catalog that may never need one."""

    def __init__(self, question: Question) -> None:
        self._question = question

    def metadata(self, source: SourceDistribution) -> Metadata:
        """As the builder's."""
        return self._question.builder.metadata(source)


@contextmanager
def open_question(
    rooms: Rooms,
    asked: Asked,
    target: Target,
    *,
    installed: frozenset[NormalizedName] = frozenset(),
) -> Iterator[Question]:
    """Everything that answers what is `asked` for `target`; `installed` are projects there already.

    Raises UsageError for a script that needs another Python.
    """
    for script, required in asked.pythons:
        if not required.contains(target.python_version, prereleases=True):
            raise UsageError(
                f"`{script}` needs Python {required}, the environment has {target.python_version}",
                hint="name another environment with `--python`",
            )
    _learn_logins(rooms, asked)
    with ExitStack() as stack:
        yield Question(rooms, asked, target, installed, stack)


def _learn_logins(rooms: Rooms, asked: Asked) -> None:
    """Remember who the user is to the servers of URLs that are asked for.

    Those that metadata names are none of the user's words, and are not heard.
    """
    given = [line.requirement or line for line in (*asked.requirements, *asked.constraints)]
    for one in (*given, *asked.overrides):
        url = one.url if isinstance(one, Requirement) else one.location
        if url is not None and "@" in url and url.lower().startswith(("http://", "https://")):
            rooms.client.credentials.add(url)


def _unnamed(url: str, editable: bool) -> NormalizedName:  # noqa: ARG001
    raise UsageError(f"the constraint `{url}` names no project", hint="write `NAME @ URL`")
