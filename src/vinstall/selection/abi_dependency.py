"""`abi_dependency`: labels that bind to versions of other distributions.  Spec: PEP 850, PEP 817.

The feature is a distribution name with `-` written as `_`, a value the first one to three parts of
a release: `torch :: 2.9` holds where torch `==2.9.*` is resolved.  Nothing is detected: the label
becomes a candidate that carries the constraint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice, product
from math import inf

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from vinstall.formats.requirement import Requirement
from vinstall.formats.support import FeatureSupport, NamespaceSupport
from vinstall.formats.variant_json import ABI_DEPENDENCY, Property, VariantTable
from vinstall.pattern import pattern
from vinstall.values import Row

_RELEASE = pattern(r"\d{1,9}(\.\d{1,9}){0,2}", re.ASCII)
_MOST_ALTERNATIVES = 64
"""Of one label.  Real ones have a handful; hostile metadata could ask for millions."""


class Alternative(Row):
    """One way to satisfy the `abi_dependency` properties of a label."""

    constraints: tuple[Requirement, ...]
    """One per feature, sorted by name."""
    matched: frozenset[Property]
    """The properties that hold under the constraints."""


def binds_versions(namespace: str, table: VariantTable) -> bool:
    """Whether properties of `namespace` bind to the versions of other distributions."""
    if namespace == ABI_DEPENDENCY:
        return True
    provider = table.providers.get(namespace)
    return provider is not None and provider.builtin == ABI_DEPENDENCY


def version_support(properties: Iterable[Property]) -> NamespaceSupport:
    """Every value of `properties` that is the beginning of a release, as supported values.

    Features by name; values newest first, `2` before `2.9` before `2.8`.
    """
    values: dict[str, set[str]] = {}
    for prop in properties:
        if _RELEASE.fullmatch(prop.value):
            values.setdefault(prop.feature, set()).add(prop.value)
    return tuple(
        FeatureSupport(name, tuple(sorted(values[name], key=_newest_first)), multi_value=True)
        for name in sorted(values)
    )


def alternatives(properties: Iterable[Property]) -> tuple[Alternative, ...]:
    """The ways to satisfy supported `abi_dependency` properties of one label, best first.

    No two of them admit the same version: of the values `2` and `2.9` the first stands for every
    2 but 2.9, so that markers on the properties are right whichever is resolved.
    """
    by_feature: dict[str, dict[str, Property]] = {}
    for prop in properties:
        by_feature.setdefault(prop.feature, {})[prop.value] = prop
    ways = (_ways(feature, by_feature[feature]) for feature in sorted(by_feature))
    return tuple(
        Alternative(
            tuple(requirement for requirement, _ in combination),
            frozenset(prop for _, matched in combination for prop in matched),
        )
        for combination in islice(product(*ways), _MOST_ALTERNATIVES)
    )


def _ways(feature: str, values: dict[str, Property]) -> list[tuple[Requirement, list[Property]]]:
    releases = {value: _parts(value) for value in sorted(values, key=_newest_first)}
    ways = {}
    for release in releases.values():
        narrower = {
            other for other in releases.values() if other != release and _begins(other, release)
        }
        matched = [values[value] for value, other in releases.items() if _begins(release, other)]
        ways[release] = _requirement(feature, release, narrower), matched
    return list(ways.values())


def _requirement(
    feature: str, release: tuple[int, ...], narrower: set[tuple[int, ...]]
) -> Requirement:
    clauses = [f"=={'.'.join(map(str, release))}.*"]
    clauses += [f"!={'.'.join(map(str, other))}.*" for other in sorted(narrower)]
    return Requirement(name=canonicalize_name(feature), specifier=SpecifierSet(",".join(clauses)))


def _begins(release: tuple[int, ...], beginning: tuple[int, ...]) -> bool:
    return release[: len(beginning)] == beginning


def _parts(value: str) -> tuple[int, ...]:
    return tuple(int(part) for part in value.split("."))


def _newest_first(value: str) -> tuple[float, ...]:
    """Sort key: a value that leaves a part open stands for its newest release."""
    parts = _parts(value)
    return (*(-part for part in parts), *(-inf for _ in range(3 - len(parts))))
