"""Change: one transaction, from what is to be put in place to a journal to its end."""

from __future__ import annotations

import os

from vinstall.errors import InstallationError
from vinstall.installation.assembly import Assembler, Incoming, used_schemes
from vinstall.installation.interruption import held_back
from vinstall.installation.journal import STAGE_PREFIX, Journal, Step
from vinstall.installation.placement import (
    Ground,
    Placement,
    joined,
    missing_folders,
    plan_placement,
    scheme_folders,
)
from vinstall.installation.sharing import brought_once
from vinstall.installation.transfer import Linker, NewFile, Transfer, transfer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from vinstall.installation.assembly import Arrival
    from vinstall.installation.destination import Destination


class Obstructed(Exception):
    """Something is in the way of a new file, and nobody is there to say what becomes of it."""


class Change:
    """Distributions put into an environment beside what is there; `Upgrade` also makes way."""

    def __init__(
        self, incoming: Sequence[Incoming], destination: Destination, linker: Linker
    ) -> None:
        self._incoming = incoming
        self._destination = destination
        self._linker = linker
        self._ground = Ground(stage_name=f"{STAGE_PREFIX}{os.urandom(6).hex()}")
        self._arrivals: list[Arrival] = []

    # --- reading -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Everything that can fail without a trace.  Raises Obstructed."""
        wheels = [one.wheel for one in self._incoming]
        destination = self._destination
        folders = scheme_folders(destination.folders, used_schemes(wheels))
        home = os.path.realpath(destination.folders["purelib"])
        self._ground.add(folders.values(), home=home)
        assembler = Assembler(destination, self._ground, folders)
        self._arrivals = brought_once(map(assembler.arrival, self._incoming))
        self._journal = self._plan_journal()

    def _plan_journal(self) -> Journal:
        placement = self._place(())
        if placement.taken:
            raise Obstructed
        return self._journal_of(placement)

    def _place(self, leaving: Collection[str]) -> Placement:
        claims = (claim for arrival in self._arrivals for claim in arrival.claims())
        return plan_placement(self._ground.areas, claims, leaving)

    def _journal_of(
        self, placement: Placement, aside: Sequence[Step] = (), emptied: Sequence[str] = ()
    ) -> Journal:
        return Journal(
            areas=tuple(self._ground.areas),
            aside=tuple(aside),
            inward=placement.inward,
            emptied=tuple(emptied),
            created=missing_folders(area.base for area in self._ground.areas),
        )

    def _clash(self) -> InstallationError | None:
        """The conflict between two arrivals, if there is one; looked for once staging failed."""
        holders: dict[tuple[int, str], str] = {}
        folders: dict[tuple[int, str], str] = {}
        for arrival in self._arrivals:
            for claim in arrival.claims():
                folders.setdefault((claim.area, claim.folder), claim.owner)
                for name in claim.names:
                    key = (claim.area, joined(claim.folder, name))
                    other = holders.setdefault(key, claim.owner)
                    if other != claim.owner:
                        return conflict(claim.owner, other, self._absolute(*key))
        for key in sorted(holders.keys() & folders.keys()):
            return conflict(holders[key], folders[key], self._absolute(*key))
        return None

    def _absolute(self, area: int, path: str) -> str:
        return f"{self._ground.areas[area].base}/{path}"

    # --- writing -----------------------------------------------------------------------------

    def carry_out(self, confirm: Callable[[], None] | None = None) -> None:
        """Stage, move, commit.  Raises InstallationError, with the environment as it was.

        `confirm` is called when everything is staged and nothing visible has happened yet; what
        it raises ends the change.
        """
        journal = self._journal
        try:
            journal.begin()
            self._stage()
            if confirm is not None:
                confirm()
        except BaseException as error:
            with held_back():
                journal.discard()
            if isinstance(error, OSError):
                raise self._clash() or _failure(error) from error
            raise
        with held_back():
            try:
                journal.carry_out()
            except OSError as error:
                _undo(journal)
                raise _failure(error) from error
            except BaseException:
                _undo(journal)
                raise
            journal.finish()

    def _stage(self) -> None:
        """Every new file, below the stage folders; meanwhile the draft reaches the disk."""
        tasks = (task for arrival in self._arrivals for task in self._tasks(arrival))
        self._linker.run(tasks, meanwhile=self._journal.sync)

    def _tasks(self, arrival: Arrival) -> Iterator[Transfer | NewFile]:
        for link in arrival.links:
            yield transfer(link.group, link.root, self._staged(link.area, link.folder))
        for text in arrival.texts:
            folder = self._staged(text.area, text.folder)
            yield NewFile(f"{folder}/", text.name, text.content, text.executable, text.more)

    def _staged(self, area: int, folder: str) -> str:
        return joined(self._journal.areas[area].new, folder)


def _undo(journal: Journal) -> None:
    try:
        journal.undo()
    except OSError as error:
        raise InstallationError(
            f"the installation failed and could not be undone: {error.strerror or error}",
            context=(f"its journal is in `{journal.home}`",),
            hint="the next run of vinstall takes it up again",
        ) from error


def _failure(error: OSError) -> InstallationError:
    return InstallationError(
        f"the environment could not be changed: {error.strerror or error}",
        context=tuple(f"`{name}`" for name in (error.filename, error.filename2) if name),
        hint="nothing has changed; see that the environment is writable and the disk not full",
    )


def conflict(new: str, old: str, path: str) -> InstallationError:
    """What to say of two distributions that bring one file."""
    if new == old:
        return InstallationError(f"`{new}` has two files for one place", context=(f"`{path}`",))
    return InstallationError(
        f"`{new}` and `{old}` both have the file `{path}`",
        hint=f"one environment can hold only one of them: leave out `{new}`, or uninstall `{old}`",
    )
