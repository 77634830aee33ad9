"""Needs: which installed distribution requires which other, for the variants that are installed.

Spec: core metadata; PEP 685 (extras), PEP 825 (markers on the installed label and properties).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError
from vinstall.formats.marker import MarkerContext
from vinstall.formats.metadata import Metadata, dependencies, parse_metadata
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.pattern import pattern
from vinstall.target.installed import InstalledDistribution
from vinstall.values import Row, replace
from vinstall.workflows.installed_variants import Standing

_SECTION = pattern(r"\[([^:\]]*)(?::(.*))?\]")


class Need(Row):
    """One requirement of an installed distribution that holds here."""

    dependent: InstalledDistribution
    requirement: Requirement


class Needs(Row):
    """All of them."""

    found: tuple[Need, ...]
    """In the order of the distributions, then of their metadata."""
    faults: tuple[tuple[InstalledDistribution, str], ...]
    """Distributions whose metadata cannot be used, and why."""


def find_needs(standings: Iterable[Standing], environment: Mapping[str, str]) -> Needs:
    """What the distributions of `standings` require where the marker environment is `environment`.

    The requirements of an extra count where another installed distribution asks for that extra;
    what the user asked for is not recorded anywhere.  Reads each METADATA once.
    """
    metadata: dict[NormalizedName, Metadata] = {}
    contexts: dict[NormalizedName, MarkerContext] = {}
    order: dict[NormalizedName, InstalledDistribution] = {}
    faults = []
    for standing in standings:
        one = standing.distribution
        try:
            metadata[one.name] = _metadata(one)
        except FormatError as error:
            faults.append((one, error.message))
            continue
        order[one.name] = one
        contexts[one.name] = MarkerContext(
            environment=environment,
            label=standing.label or "",
            properties=standing.verdict.matched if standing.verdict else frozenset(),
        )
    found: dict[NormalizedName, dict[Requirement, None]] = {name: {} for name in order}
    extras: dict[NormalizedName, set[NormalizedName]] = {name: set() for name in order}
    waiting = deque(order)
    while waiting:
        name = waiting.popleft()
        try:
            context = replace(contexts[name], extras=frozenset(extras[name]))
            requirements = dependencies(metadata[name], context)
        except FormatError as error:
            faults.append((order[name], error.message))
            continue
        for requirement in requirements:
            found[name][requirement] = None
            asked = extras.get(requirement.name)
            if asked is not None and not requirement.extras <= asked:
                asked |= requirement.extras
                waiting.append(requirement.name)
    return Needs(
        found=tuple(
            Need(order[name], requirement) for name in order for requirement in found[name]
        ),
        faults=tuple(dict.fromkeys(faults)),
    )


def _metadata(distribution: InstalledDistribution) -> Metadata:
    metadata = parse_metadata(distribution.metadata())
    legacy = distribution.read("requires.txt") if distribution.kind == "egg-info" else None
    if legacy is None or metadata.requires_dist:
        return metadata
    lines = _legacy_requirements(legacy.decode("utf-8", "replace"))
    return replace(metadata, requires_dist=tuple(lines))


def _legacy_requirements(text: str) -> Iterator[Requirement]:
    """The lines of setuptools' `requires.txt`, whose sections are `[extra:marker]`."""
    conditions: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        section = _SECTION.fullmatch(line)
        if section is None:
            condition = " and ".join(conditions)
            yield parse_requirement(f"{line} ; {condition}" if condition else line)
            continue
        conditions = [f"({section[2]})"] if section[2] else []
        if section[1]:
            conditions.append(f'extra == "{canonicalize_name(section[1])}"')
