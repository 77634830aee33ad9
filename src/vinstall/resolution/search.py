"""search: a walk through an answer, or the error that says why there is none."""

from __future__ import annotations

from collections.abc import Mapping

from vinstall.errors import ResolutionError
from vinstall.resolution.candidate import AnyCandidate
from vinstall.resolution.problem import Problem
from vinstall.resolution.sweep import Sweep
from vinstall.resolution.walk import Walk

_LAST_TRIES = 5_000
"""What is tried before resolvelib is believed that there is no answer."""


def search(problem: Problem) -> Walk:
    """The walk through an answer.  Raises ResolutionFailed.

    The first search is the fastest, the second gives the best answers where decisions have to be
    taken back, the third misses none.
    """
    shortlist, needs = problem.shortlist, problem.needs
    walk = _holding(problem, Sweep(shortlist, needs).run(problem.asks))
    if walk is not None:
        return walk
    problem.catalog.settle()
    found = _search_back_and_forth(problem)
    if not isinstance(found, ResolutionError):
        walk = _holding(problem, found)
    if walk is None:
        from vinstall.resolution.exhaustive import Exhaustive

        last = Exhaustive(shortlist, needs, tries=_LAST_TRIES)
        walk = _holding(problem, last.run(problem.asks))
    if walk is not None:
        return walk
    if isinstance(found, ResolutionError):
        raise found
    raise _without_answer("no set of releases was found that meets the requirements")


def _holding(problem: Problem, mapping: Mapping[str, AnyCandidate] | None) -> Walk | None:
    if mapping is None:
        return None
    walk = Walk(mapping, problem)
    return walk if walk.holds else None


def _search_back_and_forth(problem: Problem) -> Mapping[str, AnyCandidate] | ResolutionError:
    # Imported here: it takes 10 ms, and most runs do without.
    from resolvelib.resolvers import Resolution as Search
    from resolvelib.resolvers import ResolutionImpossible, ResolutionTooDeep

    from vinstall.resolution.adapter import Adapter, Listener
    from vinstall.resolution.explain import Explanation

    listener = Listener(problem.observer)
    # Not `Resolver`, which adds a graph: to draw it, it runs in circles where projects that were
    # tried and dropped depend on one another.
    searching = Search(Adapter(problem.shortlist, problem.needs), listener)
    rounds = problem.options.max_rounds
    try:
        return searching.resolve(problem.asks, max_rounds=rounds).mapping
    except ResolutionImpossible as error:
        return Explanation(problem, listener.requirers).failure(error.causes)
    except ResolutionTooDeep:
        return _without_answer(f"no answer was found in {rounds} rounds")


def _without_answer(message: str) -> ResolutionError:
    from vinstall.resolution.explain import ResolutionFailed

    return ResolutionFailed(
        message, hint="narrow the versions of some requirements, or give a file of constraints"
    )
