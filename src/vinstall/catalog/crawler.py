"""Crawler: reads ahead what a resolution will probably ask for, in threads.

A resolution asks one question at a time; over a network each costs a round trip.  Most of what
it will ask can be guessed: the newest release that fits a requirement, and the pages of what
that depends on.  A guess changes no answer, it only fills the catalog's memo.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.errors import VinstallError
from vinstall.formats.marker import MarkerContext
from vinstall.formats.metadata import Metadata, dependencies
from vinstall.formats.requirement import Requirement
from vinstall.selection.release import Choice, Wheel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queue import SimpleQueue

_THREADS = 24
"""Enough to hide a round trip of 20 ms; 48 gained nothing."""
_ALWAYS = 6
"""Of these, how many do not hinder each other where there is next to nothing to wait for."""
_BUSY = 0.6
"""Processor time by time above which more threads would take turns, not wait together."""
_MOST_TRIES = 3
"""Versions looked at for one guess."""


class Crawler:
    """Follows requirements through a catalog.  Starts no thread before the first one."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        markers: Mapping[str, str],
        leave_out: frozenset[NormalizedName] = frozenset(),
        threads: int = _THREADS,
        guessed: Callable[[Choice, Metadata], None] | None = None,
    ) -> None:
        """`leave_out` are projects that are not worth a guess: what is installed and stays.

        `guessed` is told, in any thread, of each wheel that will probably be chosen.
        """
        self._guessed = guessed
        self._catalog = catalog
        self._markers = markers
        self._leave_out = leave_out
        self._threads = threads
        self._workers = 0
        self._since = 0.0, 0.0
        """When the first task began: time, and processor time so far."""
        self._seen: set[tuple[NormalizedName, frozenset[NormalizedName]]] = set()
        self._lock = threading.Lock()
        self._settled = False
        self._stopped = False

    def follow(self, requirements: Sequence[Requirement]) -> None:
        """Begin to read what these will need; returns at once."""
        if self._threads == 0 or self._stopped:
            return
        with self._lock:
            fresh = [
                requirement
                for requirement in requirements
                if requirement.url is None
                and (requirement.name, requirement.extras) not in self._seen
            ]
            self._seen.update((requirement.name, requirement.extras) for requirement in fresh)
            for requirement in fresh:
                self._begin(partial(self._visit, requirement))

    def read_ahead(self, name: NormalizedName, versions: Sequence[Version]) -> None:
        """Begin to read the metadata of these releases; returns at once."""
        if self._threads == 0 or self._stopped:
            return
        with self._lock:
            for version in versions:
                self._begin(partial(self._read_release, name, version))

    @cached_property
    def _queue(self) -> SimpleQueue[Callable[[], None] | None]:
        from queue import SimpleQueue

        return SimpleQueue()

    def _begin(self, task: Callable[[], None]) -> None:
        self._queue.put(task)
        if self._workers == 0:
            self._since = time.monotonic(), time.process_time()
        if self._workers < self._threads and (self._workers < _ALWAYS or self._mostly_waits()):
            # Not of a pool: the end of the program would wait for it, and with it for a server that
            # no answer is expected from any more.
            try:
                threading.Thread(target=self._work, name="crawler", daemon=True).start()
            except RuntimeError:  # the system allows no more
                self._threads = self._workers
                return
            self._workers += 1

    def _mostly_waits(self) -> bool:
        """Whether this process has waited a good part of the time since the first task."""
        since, worked = self._since
        return time.process_time() - worked < _BUSY * (time.monotonic() - since)

    def settle(self) -> None:
        """Guess on no guess any more, only on what the resolution itself says it needs."""
        self._settled = True

    def stop(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        with self._lock:
            self._stopped = True
            for _ in range(self._workers):
                self._queue.put(None)

    def _work(self) -> None:
        while (task := self._queue.get()) is not None and not self._stopped:
            try:
                task()
            except VinstallError:
                # Whoever asks for it in earnest gets to see it.
                continue
            except Exception:
                # The rooms may be closed already while this still reads.
                if not self._stopped:
                    raise

    def _visit(self, requirement: Requirement) -> None:
        choice = self._guess(requirement)
        # A source distribution might have to be built: not on a guess.
        if self._stopped or choice is None or not isinstance(choice.artifact, Wheel):
            return
        metadata = self._catalog.metadata(choice)
        if self._settled:
            return
        if self._guessed is not None:
            self._guessed(choice, metadata)
        context = MarkerContext(
            environment=self._markers,
            extras=requirement.extras,
            label=choice.label or "",
            properties=choice.matched,
        )
        found = dependencies(metadata, context)
        self.follow([need for need in found if need.name not in self._leave_out])

    def _read_release(self, name: NormalizedName, version: Version) -> None:
        choices = self._catalog.choices(name, version)
        if choices and isinstance(choices[0].artifact, Wheel):
            self._catalog.metadata(choices[0])

    def _guess(self, requirement: Requirement) -> Choice | None:
        """The choice that most probably will be taken."""
        specifier = requirement.specifier
        tries = 0
        for version in self._catalog.versions(requirement.name):
            if version.is_prerelease and not specifier.prereleases:
                continue
            if not specifier.contains(version, prereleases=True):
                continue
            choices = self._catalog.choices(requirement.name, version)
            if choices and choices[0].artifact.file.yanked is None:
                return choices[0]
            tries += 1
            if tries == _MOST_TRIES or self._stopped:
                break
        return None
