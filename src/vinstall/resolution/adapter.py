"""Adapter: a catalog as resolvelib's provider.

(Called adapter, since "provider" means one thing here: a provider of variant properties.)
An extra does not make a project of its own: a candidate has the extras asked of it, and a
requirement with further extras replaces it by a candidate of the same file that has more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from resolvelib import AbstractProvider, BaseReporter

from vinstall.observer import Observer
from vinstall.resolution.candidate import (
    AnyCandidate,
    AnyRequirement,
    Ask,
    Binding,
    Candidate,
    Impossible,
    satisfies,
)
from vinstall.resolution.needs import Needs
from vinstall.resolution.shortlist import Rank, Shortlist

if TYPE_CHECKING:
    from resolvelib.structs import RequirementInformation

    _Information = RequirementInformation[AnyRequirement, AnyCandidate]
    _Provider = AbstractProvider[AnyRequirement, AnyCandidate, str]
    _Reporter = BaseReporter[AnyRequirement, AnyCandidate, str]
else:
    _Provider = AbstractProvider
    _Reporter = BaseReporter

_PROMOTED_AFTER = 5
"""Conflicts a project that is not pinned yet takes part in before it is decided early."""


class Adapter(_Provider):
    """Answers resolvelib's questions."""

    def __init__(
        self,
        shortlist: Shortlist,
        needs: Needs,
    ) -> None:
        self._shortlist = shortlist
        self._needs = needs
        self._ranks: dict[str, Rank] = {}
        self._bound: set[str] = set()
        """Projects that were limited without being asked for."""
        self._conflicts: defaultdict[str, int] = defaultdict(int)
        self._last_cause: _Information | None = None

    def identify(self, requirement_or_candidate: AnyRequirement | AnyCandidate) -> str:
        return requirement_or_candidate.name

    def is_satisfied_by(self, requirement: AnyRequirement, candidate: AnyCandidate) -> bool:
        return satisfies(candidate, requirement)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[AnyRequirement]],
        incompatibilities: Mapping[str, Iterator[AnyCandidate]],
    ) -> Sequence[AnyCandidate] | Callable[[], Iterator[AnyCandidate]]:
        """The candidates that meet all requirements and have not failed, most preferred first."""
        asked = list(requirements[identifier])
        if any(isinstance(requirement, Impossible) for requirement in asked):
            return ()
        asks = [requirement for requirement in asked if isinstance(requirement, Ask)]
        bindings = [requirement for requirement in asked if isinstance(requirement, Binding)]
        name = NormalizedName(identifier)
        self._ranks[identifier] = self._shortlist.rank(name, asks)
        failed = set(incompatibilities[identifier])
        if bindings:
            self._bound.add(identifier)
        if not asks:
            absent = self._shortlist.absent(name, bindings)
            return () if absent in failed else (absent,)

        def matches() -> Iterator[AnyCandidate]:
            for candidate in self._shortlist.find(name, asks, bindings):
                # What fails with some extras fails with more of them.
                if candidate not in failed and not (
                    candidate.extras and any(_is_less(other, candidate) for other in failed)
                ):
                    yield candidate

        return matches

    def get_dependencies(self, candidate: AnyCandidate) -> Sequence[AnyRequirement]:
        return self._needs.of(candidate)

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[str],
        resolutions: Mapping[str, AnyCandidate],
        candidates: Mapping[str, Iterator[AnyCandidate]],  # noqa: ARG002
        information: Mapping[str, Iterator[_Information]],
        backtrack_causes: Sequence[_Information],
    ) -> Iterable[str]:
        """What took part in the last conflict, else what keeps taking part in conflicts, else all.

        What nobody asks for comes after everything: by then it is known whether anybody does.
        """
        causes = {info.requirement.name for info in backtrack_causes}
        causes.update(info.parent.name for info in backtrack_causes if info.parent is not None)
        if causes and backtrack_causes[0] is not self._last_cause:
            self._last_cause = backtrack_causes[0]
            for name in causes:
                self._conflicts[name] += name not in resolutions
        names = list(identifiers)
        asked = [
            name
            for name in names
            if name not in self._bound
            or any(isinstance(info.requirement, Ask) for info in information[name])
        ]
        return (
            [name for name in asked if name in causes]
            or [name for name in asked if self._conflicts.get(name, 0) >= _PROMOTED_AFTER]
            or asked
            or names
        )

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, AnyCandidate],  # noqa: ARG002
        candidates: Mapping[str, Iterator[AnyCandidate]],  # noqa: ARG002
        information: Mapping[str, Iterator[_Information]],  # noqa: ARG002
        backtrack_causes: Sequence[_Information],  # noqa: ARG002
    ) -> Rank:
        return self._ranks[identifier]


def _is_less(other: AnyCandidate, candidate: Candidate) -> bool:
    """Whether `other` is the same file with fewer extras asked of it."""
    return (
        isinstance(other, Candidate)
        and other.version == candidate.version
        and other.number == candidate.number
        and other.extras <= candidate.extras
    )


class Listener(_Reporter):
    """Remembers who asked for what, and tells of conflicts."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._conflicts = 0
        self.requirers: dict[str, tuple[AnyRequirement, AnyCandidate | None]] = {}
        """Project to what asked for it: the user where he did, else who did so last."""

    def adding_requirement(self, requirement: AnyRequirement, parent: AnyCandidate | None) -> None:
        known = self.requirers.get(requirement.name)
        if known is None or known[1] is not None:
            self.requirers[requirement.name] = (requirement, parent)

    def resolving_conflicts(self, causes: Iterable[_Information]) -> None:
        self._conflicts += 1
        if self._conflicts & (self._conflicts - 1) == 0:  # 1, 2, 4, 8, ...
            names = ", ".join(sorted({f"`{cause.requirement.name}`" for cause in causes}))
            self._observer.detail(f"conflict {self._conflicts}: trying other releases for {names}")
