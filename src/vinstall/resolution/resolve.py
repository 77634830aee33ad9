"""resolve: requests and a catalog into a Resolution, or the reasons why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.errors import UsageError
from vinstall.observer import Observer
from vinstall.resolution.candidate import Ask, user_ask
from vinstall.resolution.model import InstalledProject, Request, Resolution
from vinstall.resolution.needs import Environment, Needs, Overrides
from vinstall.resolution.options import ResolutionOptions
from vinstall.resolution.problem import Problem
from vinstall.resolution.search import search
from vinstall.resolution.sentence import shown
from vinstall.resolution.shortlist import Shortlist
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
        placed=_placed(asks, limits, options),
    )
    problem = Problem(
        asks=asks,
        requested=requested,
        constraints=limits,
        catalog=catalog,
        shortlist=shortlist,
        needs=needs,
        options=options,
        observer=observer,
    )
    catalog.prefetch(shortlist.worth_fetching(asks))
    return search(problem).resolution()


def _placed(
    asks: Sequence[Ask],
    limits: Mapping[NormalizedName, Sequence[Ask]],
    options: ResolutionOptions,
) -> frozenset[NormalizedName]:
    """The projects whose URL the user gave: in a requirement, a constraint or an override."""
    given = [ask.requirement for ask in asks]
    given += [ask.requirement for several in limits.values() for ask in several]
    given += options.overrides
    return frozenset(requirement.name for requirement in given if requirement.url is not None)


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
