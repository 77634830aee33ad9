"""Sweep: the search for as long as no decision has to be taken back.

Most questions have no conflict that a look at the next candidate does not settle.  For these it
goes as resolvelib does, project by project in the same order, but it keeps account of what
changed instead of looking at everything in every round: the cost grows with the number of
requirements, not with its square.  Where it cannot go on it gives up, and resolvelib begins anew
with everything that was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush

from packaging.utils import NormalizedName

from vinstall.resolution.candidate import (
    AnyCandidate,
    AnyRequirement,
    Ask,
    Binding,
    Impossible,
    satisfies,
)
from vinstall.resolution.needs import Needs
from vinstall.resolution.shortlist import Rank, Shortlist

_MOST_PINS = 20
"""Of one project; more means that it runs in circles."""


class Sweep:
    """One search; run() it once."""

    def __init__(self, shortlist: Shortlist, needs: Needs) -> None:
        self._shortlist = shortlist
        self._needs = needs
        self._requirers: defaultdict[str, dict[str | None, list[AnyRequirement]]]
        self._requirers = defaultdict(dict)
        """Project to who asks for it (None: the user) and what they ask."""
        self._pins: dict[str, AnyCandidate] = {}
        self._fitting: dict[str, AnyCandidate] = {}
        """Project to a candidate that is offered for all that is asked of it, where one is known."""
        self._queue: list[Rank] = []
        self._times: defaultdict[str, int] = defaultdict(int)

    def run(self, asks: Sequence[Ask]) -> Mapping[str, AnyCandidate] | None:
        """The candidate of every project, and perhaps of some nobody needs; None: gave up."""
        for name, requirements in _by_name(asks).items():
            if self._find(name, requirements) is None:
                return None
            self._require(name, None, requirements)
        while self._queue:
            name = heappop(self._queue)[-1]
            waits = name not in self._pins and self._requirers[name]
            if waits and not self._pin(name):
                return None
        return self._pins

    def _pin(self, name: str) -> bool:
        """Decide on the first candidate whose needs can be met one by one."""
        self._times[name] += 1
        if self._times[name] > _MOST_PINS:
            return False
        for candidate in self._candidates(name, ()):
            needed = self._needs.of(candidate)
            if any(isinstance(need, Impossible) for need in needed):
                continue
            grouped = _by_name(needed)
            fitting = self._fitting_all(grouped)
            if fitting is not None:
                self._pins[name] = candidate
                self._fitting.update(fitting)
                for other, needs in grouped.items():
                    self._require(other, name, needs)
                return True
        return False

    def _fitting_all(
        self, grouped: Mapping[str, Sequence[AnyRequirement]]
    ) -> dict[str, AnyCandidate] | None:
        """For each project a candidate that meets more than is asked so far; None: one has none."""
        found = {}
        for name, more in grouped.items():
            candidate = self._find(name, more)
            if candidate is None:
                return None
            found[name] = candidate
        return found

    def _find(self, name: str, more: Sequence[AnyRequirement]) -> AnyCandidate | None:
        for known in (self._pins.get(name), self._fitting.get(name)):
            if known is not None and all(satisfies(known, requirement) for requirement in more):
                return known
        return next(self._candidates(name, more), None)

    def _require(self, name: str, by: str | None, requirements: list[AnyRequirement]) -> None:
        """Take note of what is asked; a pin that does not satisfy it has to be decided anew."""
        self._requirers[name][by] = requirements
        pin = self._pins.get(name)
        if pin is not None and all(satisfies(pin, requirement) for requirement in requirements):
            return
        if pin is not None:
            del self._pins[name]
            for need in self._needs.of(pin):
                # What is offered because somebody asks for it may not be when he no longer does.
                self._requirers[need.name].pop(name, None)
                self._fitting.pop(need.name, None)
        asks, _ = self._asked(name, ())
        heappush(self._queue, self._shortlist.rank(NormalizedName(name), asks))

    def _candidates(self, name: str, more: Sequence[AnyRequirement]) -> Iterator[AnyCandidate]:
        asks, bindings = self._asked(name, more)
        if asks:
            yield from self._shortlist.find(NormalizedName(name), asks, bindings)
        else:
            yield self._shortlist.absent(NormalizedName(name), bindings)

    def _asked(self, name: str, more: Sequence[AnyRequirement]) -> tuple[list[Ask], list[Binding]]:
        known = (need for needs in self._requirers[name].values() for need in needs)
        everything = [*known, *more]
        return (
            [need for need in everything if isinstance(need, Ask)],
            [need for need in everything if isinstance(need, Binding)],
        )


def _by_name(requirements: Sequence[AnyRequirement]) -> dict[str, list[AnyRequirement]]:
    grouped: dict[str, list[AnyRequirement]] = {}
    for requirement in requirements:
        grouped.setdefault(requirement.name, []).append(requirement)
    return grouped
