"""Walk: from the user's requirements through the candidates to everything that belongs to the answer."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

from packaging.utils import NormalizedName

from vinstall.formats.requirement import Requirement
from vinstall.resolution.candidate import AnyCandidate, Ask, Binding, Candidate, satisfies
from vinstall.resolution.model import Edge, Kept, Pin, Resolution
from vinstall.resolution.notices import notices
from vinstall.resolution.options import Dependencies
from vinstall.resolution.problem import Problem


class Walk:
    """One walk, from beginning to end.

    A search may leave candidates with more extras than are asked for in the end, or that nobody
    asks for any more; these do not get in.
    """

    def __init__(self, mapping: Mapping[str, AnyCandidate], problem: Problem) -> None:
        self._mapping = mapping
        self._problem = problem
        self._edges: dict[tuple[NormalizedName | None, int], Edge] = {}
        self._extras: dict[NormalizedName, frozenset[NormalizedName]] = {}
        self._queue: deque[NormalizedName] = deque()
        self._bindings: defaultdict[NormalizedName, list[tuple[Candidate, Binding]]]
        self._bindings = defaultdict(list)
        """Project to the limits on its version, each with who sets it."""
        self.holds = all(self._follow(None, ask) for ask in problem.asks) and self._run()
        """Whether every requirement on the way is satisfied, and every limit kept."""

    def _run(self) -> bool:
        while self._queue:
            candidate = self._candidate(self._queue.popleft())
            for need in self._problem.needs.of(candidate):
                if isinstance(need, Binding):
                    self._bindings[need.name].append((candidate, need))
                elif not isinstance(need, Ask) or not self._follow(candidate.name, need):
                    return False
        return all(
            self._is_kept(binding) for several in self._bindings.values() for _, binding in several
        )

    def _follow(self, parent: NormalizedName | None, ask: Ask) -> bool:
        name = ask.name
        edge = Edge(parent=parent, requirement=ask.requirement, origin=ask.origin)
        self._edges.setdefault((parent, id(ask)), edge)
        known = self._extras.get(name)
        if known is None or not ask.requirement.extras <= known:
            self._extras[name] = (known or frozenset()) | ask.requirement.extras
            self._queue.append(name)
        found = self._mapping.get(name)
        return isinstance(found, Candidate) and satisfies(self._candidate(name), ask)

    def _candidate(self, name: NormalizedName) -> Candidate:
        found = self._mapping[name]
        assert isinstance(found, Candidate)
        return self._problem.shortlist.with_extras(found, self._extras[name])

    def _is_kept(self, binding: Binding) -> bool:
        """The search may have kept it by a candidate that nobody needs after all."""
        shortlist = self._problem.shortlist
        if binding.name in self._extras:
            return satisfies(self._candidate(binding.name), binding)
        return shortlist.may_stay_absent(shortlist.absent(binding.name, [binding]))

    def resolution(self) -> Resolution:
        """The candidates walked through, as pins and as what is kept."""
        problem, requested = self._problem, self._problem.requested
        only_dependencies = problem.options.dependencies is Dependencies.ONLY
        candidates = [
            self._candidate(name)
            for name in sorted(self._extras)
            if not (only_dependencies and name in requested)
        ]
        pins = [
            Pin(
                name=candidate.name,
                version=candidate.version,
                choice=candidate.choice,
                metadata=problem.needs.metadata(candidate),
                extras=candidate.extras,
                requested=candidate.name in requested,
                direct_url=candidate.url,
            )
            for candidate in candidates
            if candidate.choice is not None
        ]
        kept = [
            Kept(
                name=candidate.name,
                version=candidate.version,
                extras=candidate.extras,
                requested=candidate.name in requested,
            )
            for candidate in candidates
            if candidate.choice is None
        ]
        edges = tuple(self._edges.values())
        told = notices(
            pins,
            edges,
            extras={one.name: problem.needs.extras(one) for one in candidates},
            unusable=problem.shortlist.unusable,
            catalog=problem.catalog,
            observer=problem.observer,
        )
        more = tuple(dict.fromkeys(self._older_for_variants(pins, kept)))
        return Resolution(
            pins=tuple(pins),
            kept=tuple(kept),
            edges=edges,
            notices=(*told, *more),
            has_warned=problem.needs.has_warned,
        )

    def _older_for_variants(self, pins: Sequence[Pin], kept: Sequence[Kept]) -> Iterator[str]:
        """The notices on releases that were passed over for what variants go with."""
        catalog, shortlist = self._problem.catalog, self._problem.shortlist
        there = {pin.name: pin.version for pin in pins} | {one.name: one.version for one in kept}
        asked: defaultdict[NormalizedName, list[Requirement]] = defaultdict(list)
        for edge in self._edges.values():
            asked[edge.requirement.name].append(edge.requirement)
        for pin in pins:
            if pin.direct_url is not None:
                continue
            bindings = self._bindings.get(pin.name, ())
            offered = shortlist.offered(pin.name, above=pin.version)
            if not (bindings or offered):
                continue
            # Imported here: most answers have no such releases.
            from vinstall.resolution.bound_notices import older_for_its_own, older_for_others

            newer = shortlist.newer(pin.name, pin.version, asked[pin.name])
            yield from older_for_others(pin, newer, bindings, catalog)
            yield from older_for_its_own(
                pin,
                [version for version in newer if version in offered],
                goes_with=self._goes_with,
                there=there,
                catalog=catalog,
            )

    def _goes_with(self, limit: Requirement) -> bool:
        return self._is_kept(Binding(requirement=limit))
