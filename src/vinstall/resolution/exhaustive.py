"""Exhaustive: the search that misses nothing, for where resolvelib finds no answer that holds.

resolvelib decides anew on a project when a later requirement excludes its decision.  That gives
good answers and nearly always finds one, but projects that need one another in versions that
exclude each other make it run in circles, give up too early, or lose a requirement on the way.
Here a decision stands until it is taken back: candidates are tried in order, and where all of a
project's fail it goes back to the last decision that had a part in it (conflict-directed
backjumping, Prosser 1993).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.utils import NormalizedName

from vinstall.resolution.candidate import (
    Absent,
    AnyCandidate,
    AnyRequirement,
    Ask,
    Binding,
    Candidate,
    Impossible,
    satisfies,
)
from vinstall.resolution.needs import Needs
from vinstall.resolution.shortlist import Shortlist
from vinstall.selection.release import SourceDistribution

_Names = frozenset[str]
_NOBODY: _Names = frozenset()


@dataclass(slots=True)
class _Decision:
    """One project, what is left to try, and what was changed for the candidate in place."""

    name: str
    candidates: Iterator[AnyCandidate]
    blamed: set[str] = field(default_factory=set)
    """Earlier decisions that had a part in the failure of a candidate."""
    asked: list[str] = field(default_factory=list)
    """Projects that got a requirement, one entry for each, in order."""
    before: dict[str, AnyCandidate] = field(default_factory=dict)
    """Candidates that got more extras, as they were."""


class Exhaustive:
    """One search; run() it once."""

    def __init__(self, shortlist: Shortlist, needs: Needs, *, tries: int) -> None:
        """`tries` is how many candidates to look at before giving up; a new one counts for ten.

        Nothing is built that was not built before: a source distribution whose metadata is not
        known yet is passed over.
        """
        self._shortlist = shortlist
        self._needs = needs
        self._tries = tries
        self._asked: defaultdict[str, list[tuple[AnyRequirement, _Names]]] = defaultdict(list)
        """Project to requirements, each with the decisions it follows from."""
        self._pins: dict[str, AnyCandidate] = {}
        self._decisions: list[_Decision] = []

    def run(self, asks: Sequence[Ask]) -> Mapping[str, AnyCandidate] | None:
        """The candidate of every project; None where there is no answer, or it gave up."""
        for ask in asks:
            self._asked[ask.name].append((ask, _NOBODY))
        if any(next(self._candidates(name), None) is None for name in list(self._asked)):
            return None
        while (name := self._undecided()) is not None:
            blamed = {who for _, why in self._asked[name] for who in why}
            self._decisions.append(_Decision(name, self._candidates(name), blamed))
            while not self._advance():
                if not self._go_back() or self._tries <= 0:
                    return None
        return self._pins

    def _undecided(self) -> str | None:
        """The project to decide on next: see `Shortlist.rank`."""
        waiting = [name for name, asked in self._asked.items() if asked and name not in self._pins]
        ranks = [
            self._shortlist.rank(NormalizedName(name), self._split(name)[0]) for name in waiting
        ]
        return min(ranks)[-1] if ranks else None

    def _advance(self) -> bool:
        """Put the next candidate of the last decision in place; False where there is none."""
        decision = self._decisions[-1]
        self._undo(decision)
        for candidate in decision.candidates:
            is_known = self._needs.is_known(candidate)
            if not is_known and _is_source(candidate):
                continue
            self._tries -= 1 if is_known else 10
            clash = self._place(decision, candidate)
            if clash is None:
                return True
            self._undo(decision)
            decision.blamed |= clash - {decision.name}
        return False

    def _go_back(self) -> bool:
        """Drop decisions down to one that had a part in the failure of the last; False: none had."""
        failed = self._decisions.pop()
        while self._decisions:
            last = self._decisions[-1]
            if last.name in failed.blamed:
                last.blamed |= failed.blamed - {last.name}
                return True
            self._undo(last)
            self._decisions.pop()
        return False

    def _place(self, decision: _Decision, candidate: AnyCandidate) -> _Names | None:
        """Pin a candidate and everything it needs; the decisions in its way, or None."""
        if isinstance(candidate, Absent) and not self._shortlist.may_stay_absent(candidate):
            # Any other decision might have asked for it.
            return frozenset(self._pins)
        self._pins[decision.name] = candidate
        own = frozenset({decision.name})
        queue = deque((need, own) for need in self._needs.of(candidate))
        while queue:
            need, why = queue.popleft()
            if isinstance(need, Impossible):
                return why
            self._asked[need.name].append((need, why))
            decision.asked.append(need.name)
            pin = self._pins.get(need.name)
            if pin is None:
                if next(self._candidates(need.name), None) is None:
                    return why.union(*(others for _, others in self._asked[need.name]))
            elif not satisfies(pin, need):
                extended = self._extended(pin, need)
                if extended is None:
                    return why | {need.name}
                decision.before.setdefault(need.name, pin)
                self._pins[need.name] = extended
                known = set(self._needs.of(pin))
                more = [other for other in self._needs.of(extended) if other not in known]
                queue.extend((other, why | {need.name}) for other in more)
        return None

    def _extended(self, pin: AnyCandidate, need: AnyRequirement) -> Candidate | None:
        """The pinned candidate with the extras of `need` too, where only these are missing."""
        if not isinstance(pin, Candidate) or not isinstance(need, Ask):
            return None
        extended = self._shortlist.with_extras(pin, pin.extras | need.requirement.extras)
        return extended if satisfies(extended, need) else None

    def _undo(self, decision: _Decision) -> None:
        for name in reversed(decision.asked):
            self._asked[name].pop()
        self._pins.update(decision.before)
        self._pins.pop(decision.name, None)
        decision.asked.clear()
        decision.before.clear()

    def _candidates(self, name: str) -> Iterator[AnyCandidate]:
        asks, bindings = self._split(name)
        if asks:
            yield from self._shortlist.find(NormalizedName(name), asks, bindings)
        else:
            yield self._shortlist.absent(NormalizedName(name), bindings)

    def _split(self, name: str) -> tuple[list[Ask], list[Binding]]:
        requirements = [requirement for requirement, _ in self._asked[name]]
        return (
            [need for need in requirements if isinstance(need, Ask)],
            [need for need in requirements if isinstance(need, Binding)],
        )


def _is_source(candidate: AnyCandidate) -> bool:
    choice = candidate.choice if isinstance(candidate, Candidate) else None
    return choice is not None and isinstance(choice.artifact, SourceDistribution)
