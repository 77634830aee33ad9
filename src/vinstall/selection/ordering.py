"""Order the variants of one release.  Spec: PEP 825, "Variant ordering", steps 1 to 7.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import TypeAlias

from vinstall.formats.support import NamespaceSupport
from vinstall.formats.variant_json import Property, VariantTable

Rank: TypeAlias = tuple[float, float, float, float]
"""Positions of (the user's preference, namespace, feature, value); lower is preferred."""
Preference: TypeAlias = tuple[tuple[Rank, ...], str]
"""Sort key of a label; the smallest is the most preferred."""
Feature: TypeAlias = tuple[str, str]
"""(namespace, feature name)."""

_END: Rank = (inf, inf, inf, inf)


def rank_properties(
    wanted: Iterable[Property],
    *,
    table: VariantTable,
    support: Mapping[str, NamespaceSupport],
    prefer: Sequence[tuple[str, ...]] = (),
) -> dict[Property, Rank]:
    """The rank of each of the `wanted` properties that the target supports; the others are left out.

    `prefer` holds the user's namespaces, features and properties, first wins: what they name comes
    before all else, in the order the metadata and the providers give.  A namespace the table does
    not list (`abi_dependency` in old drafts) comes after those it lists.
    """
    listed = {namespace: at for at, namespace in enumerate(table.namespaces)}
    positions = {namespace: _positions(namespace, table, support) for namespace in support}
    ranks: dict[Property, Rank] = {}
    for prop in wanted:
        feature_at, value_at = positions.get(prop.namespace, {}).get(prop.feature, (0, {}))
        if prop.value in value_at:
            namespace_at = listed.get(prop.namespace, len(listed))
            ranks[prop] = (_lift(prop, prefer), namespace_at, feature_at, value_at[prop.value])
    return ranks


def _positions(
    namespace: str, table: VariantTable, support: Mapping[str, NamespaceSupport]
) -> dict[str, tuple[int, dict[str, int]]]:
    """Feature to its position and those of its supported values (steps 2 and 3).

    Drafts before PEP 825 of August 2026 name features and values that come first, in that order;
    the provider's own order follows.
    """
    features = {feature.name: feature.values for feature in reversed(support[namespace])}
    own_order = (feature.name for feature in support[namespace])
    first = table.feature_order.get(namespace, ())
    places = {name: at for at, name in enumerate(dict.fromkeys((*first, *own_order)))}
    found = {}
    for name, values in features.items():
        order = dict.fromkeys((*table.value_order.get((namespace, name), ()), *values))
        supported = frozenset(values)
        value_at = {value: at for at, value in enumerate(order) if value in supported}
        found[name] = (places[name], value_at)
    return found


def _lift(prop: Property, prefer: Sequence[tuple[str, ...]]) -> int:
    """Position of the first preference that names `prop`; after all of them where none does."""
    return next((at for at, named in enumerate(prefer) if prop[: len(named)] == named), len(prefer))


def unsupported_features(
    properties: frozenset[Property], ranks: Mapping[Property, Rank]
) -> set[Feature]:
    """The features of a label none of whose values the target supports; empty: it is compatible.

    PEP 825, "Variant properties": all features, and of each at least one value.
    """
    features = {prop[:2] for prop in properties}
    return features.difference(prop[:2] for prop in properties if prop in ranks)


def preference(
    label: str, properties: frozenset[Property], ranks: Mapping[Property, Rank]
) -> Preference:
    """Sort key of a label; the smallest key is the most preferred.

    The label is compatible: every feature of `properties` has a value in `ranks`.
    """
    best: dict[Feature, Rank] = {}
    for prop in properties:
        if prop in ranks:
            feature = prop[:2]
            best[feature] = min(best.get(feature, _END), ranks[prop])  # step 4
    # Step 7: the shorter of two lists that agree so far ends in a rank that loses to any other.
    return (*sorted(best.values()), _END), label
