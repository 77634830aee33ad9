"""resolve: requests and a catalog into a Resolution, or the reasons why there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.errors import UsageError
from vinstall.observer import Observer
from vinstall.resolution.candidate import AnyCandidate, Ask, Candidate, user_ask
from vinstall.resolution.model import Edge, InstalledProject, Kept, Pin, Request, Resolution
from vinstall.resolution.needs import Environment, Needs, Overrides
from vinstall.resolution.notices import notices
from vinstall.resolution.options import Dependencies, ResolutionOptions
from vinstall.resolution.sentence import shown
from vinstall.resolution.shortlist import Shortlist
from vinstall.resolution.sweep import Sweep
from vinstall.target.environment import Target

_DEFAULTS = ResolutionOptions()
_SILENT = Observer()


def resolve(
    requests: Sequence[Request],
    *,
    catalog: Catalog,
    target: Target,
    constraints: Sequence[Request] = (),
    installed: Iterable[InstalledProject] = (),
    preferences: Mapping[NormalizedName, Version] | None = None,
    options: ResolutionOptions = _DEFAULTS,
    observer: Observer = _SILENT,
) -> Resolution:
    """A set of distributions that satisfies `requests`, everything it depends on included.

    `constraints` limit versions, or name the URL to take a project from, and ask for nothing.
    `installed` is what may stay as it is; `preferences` are versions to take first where they fit
    (a lock's).  Equal questions get equal answers.  Raises ResolutionFailed where there is no
    answer, UsageError for a constraint with extras, and what the catalog raises.
    """
    environment = Environment(markers=target.markers, python=target.python_version)
    overrides = Overrides(options.overrides, environment)
    asks = _user_asks(requests, environment, overrides)
    limits = _constraints(constraints, environment)
    requested = {name: at for at, name in enumerate(dict.fromkeys(ask.name for ask in asks))}
    shortlist = Shortlist(
        catalog,
        constraints=limits,
        installed={found.name: found for found in installed},
        preferences=preferences or {},
        requested=requested,
        options=options,
    )
    needs = Needs(
        catalog,
        shortlist=shortlist,
        environment=environment,
        overrides=overrides,
        options=options,
        observer=observer,
    )
    catalog.prefetch(shortlist.worth_fetching(asks))
    mapping = Sweep(shortlist, needs).run(asks)
    if mapping is None:
        catalog.settle()
        mapping = _search(asks, catalog, shortlist, needs, limits, options, observer)
    walk = _Walk(mapping, shortlist, needs)
    walk.run(asks)
    return walk.resolution(requested, catalog, options, observer)


def _user_asks(
    requests: Iterable[Request], environment: Environment, overrides: Overrides
) -> list[Ask]:
    context = environment.context()
    asks = []
    for request in requests:
        marker = request.requirement.marker
        if marker is None or marker.evaluate(context):
            asks += [
                user_ask(Request(requirement=requirement, origin=request.origin))
                for requirement in overrides.applied([request.requirement])
            ]
    return asks


def _constraints(
    constraints: Iterable[Request], environment: Environment
) -> dict[NormalizedName, list[Ask]]:
    context = environment.context()
    found: dict[NormalizedName, list[Ask]] = {}
    for request in constraints:
        requirement = request.requirement
        if requirement.extras:
            raise UsageError(
                f"the constraint {shown(requirement)} has extras",
                context=() if request.origin is None else (request.origin,),
                hint="a constraint limits versions; ask for extras in a requirement",
            )
        if requirement.marker is None or requirement.marker.evaluate(context):
            ask = user_ask(request, is_constraint=True)
            found.setdefault(requirement.name, []).append(ask)
    return found


def _search(
    asks: Sequence[Ask],
    catalog: Catalog,
    shortlist: Shortlist,
    needs: Needs,
    limits: Mapping[NormalizedName, Sequence[Ask]],
    options: ResolutionOptions,
    observer: Observer,
) -> Mapping[str, AnyCandidate]:
    """The candidate of every project, as resolvelib finds them."""
    # Imported here: it takes 10 ms, and most runs do without.
    from resolvelib.resolvers import Resolution as Search
    from resolvelib.resolvers import ResolutionImpossible, ResolutionTooDeep

    from vinstall.resolution.adapter import Adapter, Listener
    from vinstall.resolution.explain import Explanation, ResolutionFailed

    adapter = Adapter(shortlist, needs)
    listener = Listener(observer)
    try:
        # Not `Resolver`, which adds a graph: to draw it, it runs in circles where projects that
        # were tried and dropped depend on one another.
        return Search(adapter, listener).resolve(asks, max_rounds=options.max_rounds).mapping
    except ResolutionImpossible as error:
        explanation = Explanation(
            catalog, constraints=limits, requirers=listener.requirers, options=options
        )
        raise explanation.failure(error.causes) from None
    except ResolutionTooDeep:
        raise ResolutionFailed(
            f"no answer was found in {options.max_rounds} rounds",
            hint="narrow the versions of some requirements, or give a file of constraints",
        ) from None


class _Walk:
    """From the user's requirements through the candidates to everything that belongs to the answer.

    resolvelib may leave candidates with more extras than are asked for in the end, or that nobody
    asks for any more; these do not get in.
    """

    def __init__(
        self, mapping: Mapping[str, AnyCandidate], shortlist: Shortlist, needs: Needs
    ) -> None:
        self._mapping = mapping
        self._shortlist = shortlist
        self._needs = needs
        self._edges: dict[tuple[NormalizedName | None, int], Edge] = {}
        self._extras: dict[NormalizedName, frozenset[NormalizedName]] = {}
        self._queue: deque[NormalizedName] = deque()

    def run(self, asks: Iterable[Ask]) -> None:
        for ask in asks:
            self._follow(None, ask)
        while self._queue:
            candidate = self._candidate(self._queue.popleft())
            for need in self._needs.of(candidate):
                if isinstance(need, Ask):
                    self._follow(candidate.name, need)

    def _candidate(self, name: NormalizedName) -> Candidate:
        found = self._mapping[name]
        assert isinstance(found, Candidate)
        return self._shortlist.with_extras(found, self._extras[name])

    def _follow(self, parent: NormalizedName | None, ask: Ask) -> None:
        name = ask.name
        edge = Edge(parent=parent, requirement=ask.requirement, origin=ask.origin)
        self._edges.setdefault((parent, id(ask)), edge)
        extras = self._extras.get(name)
        if extras is None or not ask.requirement.extras <= extras:
            self._extras[name] = (extras or frozenset()) | ask.requirement.extras
            self._queue.append(name)

    def resolution(
        self,
        requested: Mapping[NormalizedName, int],
        catalog: Catalog,
        options: ResolutionOptions,
        observer: Observer,
    ) -> Resolution:
        """The candidates walked through, as pins and as what is kept."""
        pins, kept = [], []
        for name in sorted(self._extras):
            candidate = self._candidate(name)
            is_requested = name in requested
            if is_requested and options.dependencies is Dependencies.ONLY:
                continue
            if candidate.choice is None:
                kept.append(
                    Kept(
                        name=name,
                        version=candidate.version,
                        extras=candidate.extras,
                        requested=is_requested,
                    )
                )
                continue
            pins.append(
                Pin(
                    name=name,
                    version=candidate.version,
                    choice=candidate.choice,
                    metadata=self._needs.metadata(candidate),
                    extras=candidate.extras,
                    requested=is_requested,
                    direct_url=candidate.url,
                )
            )
        edges = tuple(self._edges.values())
        unusable = self._shortlist.unusable
        return Resolution(
            pins=tuple(pins),
            kept=tuple(kept),
            edges=edges,
            notices=notices(pins, edges, unusable=unusable, catalog=catalog, observer=observer),
        )
