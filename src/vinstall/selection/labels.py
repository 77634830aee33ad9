"""Labels judged: does the target support what they ask for, and does the user accept them.

Spec: PEP 825 "Variant properties", "Variant label", "Variant ordering"; PEP 850 (`abi_dependency`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from vinstall.formats.support import NamespaceAnswer, NamespaceSupport
from vinstall.formats.variant_json import Property, VariantTable
from vinstall.formats.wheel_name import NULL_LABEL
from vinstall.selection.abi_dependency import (
    Alternative,
    alternatives,
    binds_versions,
    version_support,
)
from vinstall.selection.ordering import (
    Feature,
    Preference,
    Rank,
    preference,
    rank_properties,
    unsupported_features,
)
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import (
    Excluded,
    NamespaceMissing,
    NamespaceUnavailable,
    Reason,
    UnsupportedFeature,
    VariantDataInvalid,
)
from vinstall.selection.release import Release
from vinstall.selection.usable import Usable
from vinstall.values import Row


class Verdict(Row):
    """One label, judged by its properties alone."""

    label: str
    properties: frozenset[Property] = frozenset()
    """As the table lists them; empty where it does not know the label."""
    matched: frozenset[Property] = frozenset()
    """Those the target supports."""
    preference: Preference | None = None
    """Sort key among the labels that fit; None: it does not."""
    reason: Reason | None = None
    """Why it does not fit; None: it does."""
    bindings: tuple[Alternative, ...] = ()
    """The ways to bind other distributions, best first, each with all that is then matched;
    empty: it binds nothing."""


class Judgement(Row):
    """Some labels of one release, judged."""

    verdicts: Mapping[str, Verdict]
    """By label."""
    support: Mapping[str, NamespaceSupport]
    """What the target supports in the namespaces the labels use."""


def namespaces_to_ask(
    usable: Iterable[Usable], table: VariantTable | None, policy: SelectionPolicy
) -> tuple[str, ...]:
    """The namespaces used by labels that still have a usable wheel, most important first.

    No provider has to be asked for any other: a label without a usable wheel is no choice, nor is
    any but the null variant where the user demands that.
    """
    if table is None:
        return ()
    labels = {one.wheel.name.label for one in usable}
    if policy.label == NULL_LABEL and NULL_LABEL in labels:
        return ()
    used = {
        prop.namespace
        for label in labels
        if label is not None
        for prop in table.variants.get(label, ())
    }
    unlisted = sorted(used.difference(table.namespaces))
    return (*(name for name in table.namespaces if name in used), *unlisted)


def judge_labels(
    labels: Iterable[str],
    *,
    table: VariantTable | None,
    fault: str | None,
    answers: Mapping[str, NamespaceAnswer],
    prefer: Sequence[tuple[str, ...]] = (),
) -> Judgement:
    """A verdict for each of `labels`.

    `fault` says what is wrong with the metadata; it speaks for every label `table` does not know.
    `null` needs no metadata.  A label the metadata gives no properties ranks like null.
    """
    known = table or VariantTable(namespaces=(), variants={})
    properties = {label: _properties(label, known) for label in labels}
    used: dict[str, set[Property]] = {}
    for props in properties.values():
        for prop in props or ():
            used.setdefault(prop.namespace, set()).add(prop)
    support = {
        namespace: _support(namespace, wanted, known, answers.get(namespace))
        for namespace, wanted in used.items()
    }
    every = (prop for props in used.values() for prop in props)
    ranks = rank_properties(every, table=known, support=support, prefer=prefer)
    verdicts = {}
    for label, props in properties.items():
        if props is None:
            reason: Reason = VariantDataInvalid(fault=_fault(label, table, fault))
            verdicts[label] = Verdict(label=label, reason=reason)
        elif missing := unsupported_features(props, ranks):
            reason = _refusal(props, missing, known, support, answers)
            verdicts[label] = Verdict(label=label, properties=props, reason=reason)
        else:
            verdicts[label] = _fitting(label, props, ranks, known)
    return Judgement(verdicts=verdicts, support=support)


def _properties(label: str, table: VariantTable) -> frozenset[Property] | None:
    """What the label stands for; None where that is not known."""
    if label == NULL_LABEL and label not in table.spoiled:
        return frozenset()  # PEP 825: "reserved and always corresponds to" no properties
    return table.variants.get(label)


def _fitting(
    label: str,
    properties: frozenset[Property],
    ranks: Mapping[Property, Rank],
    table: VariantTable,
) -> Verdict:
    matched = frozenset(prop for prop in properties if prop in ranks)
    return Verdict(
        label=label,
        properties=properties,
        matched=matched,
        preference=preference(label, properties, ranks),
        bindings=_bindings(matched, table),
    )


def _bindings(matched: frozenset[Property], table: VariantTable) -> tuple[Alternative, ...]:
    bound = {prop for prop in matched if binds_versions(prop.namespace, table)}
    if not bound:
        return ()
    return tuple(
        Alternative(way.constraints, way.matched | (matched - bound)) for way in alternatives(bound)
    )


def _support(
    namespace: str, wanted: set[Property], table: VariantTable, answer: NamespaceAnswer | None
) -> NamespaceSupport:
    """What the target supports.  A binding namespace supports any version, unless an answer says less."""
    told = answer.features if answer is not None else ()
    if not binds_versions(namespace, table) or (answer is not None and answer.unavailable):
        return told
    if told:
        values = {feature.name: feature.values for feature in told}
        wanted = {prop for prop in wanted if prop.value in values.get(prop.feature, ())}
    return version_support(wanted)


def _fault(label: str, table: VariantTable | None, fault: str | None) -> str:
    if table is not None and label in table.spoiled:
        return table.spoiled[label]
    if fault is not None:
        return fault
    if table is None:
        return "neither the index nor the wheels offer any"
    return f"it does not list the label `{label}`"


def _refusal(
    properties: frozenset[Property],
    missing: set[Feature],
    table: VariantTable,
    support: Mapping[str, NamespaceSupport],
    answers: Mapping[str, NamespaceAnswer],
) -> Reason:
    """The first thing that is missing, in the order of the namespaces."""
    order = {namespace: at for at, namespace in enumerate(table.namespaces)}
    first = min(missing, key=lambda feature: (order.get(feature[0], len(order)), feature))
    namespace, name = first
    answer = answers.get(namespace)
    if not support[namespace]:
        if answer is not None and answer.unavailable is not None:
            return NamespaceUnavailable(namespace=namespace, why=answer.unavailable)
        if answer is None and not binds_versions(namespace, table):
            return NamespaceUnavailable(namespace=namespace, why="no provider answers for it")
    offered = next((values for found, values, _ in support[namespace] if found == name), ())
    wanted = sorted(prop for prop in properties if prop[:2] == first)
    return UnsupportedFeature(wanted=tuple(wanted), offered=offered)


class Demands(Row):
    """What the user demands of every file of one release: `--variant` and `--require`."""

    label: str | None
    """The only acceptable label, or None."""
    namespaces: tuple[str, ...]
    """The namespaces a wheel has to use, sorted."""

    def refusal(self, label: str | None, matched: Collection[Property]) -> Reason | None:
        """Why a file with this label (None: plain, or a source distribution) is refused, or None."""
        if self.label is not None and label != self.label:
            return Excluded(option=f"--variant {self.label}")
        for namespace in self.namespaces:
            if not any(prop.namespace == namespace for prop in matched):
                return NamespaceMissing(namespace=namespace)
        return None


def demands_on(release: Release, table: VariantTable | None, policy: SelectionPolicy) -> Demands:
    """The part of the policy's demands that binds this release."""
    binding = release.has_labels or policy.label_everywhere
    return Demands(
        label=policy.label if binding else None,
        namespaces=_demanded_namespaces(release, table, policy),
    )


def _demanded_namespaces(
    release: Release, table: VariantTable | None, policy: SelectionPolicy
) -> tuple[str, ...]:
    if not policy.require:
        return ()
    if table is None:
        # Labels that cannot be read may use any namespace: a demand must not be dropped unseen.
        used = policy.require if release.has_labels else frozenset()
    else:
        used = frozenset(
            prop.namespace for properties in table.variants.values() for prop in properties
        )
    return tuple(sorted(policy.require & (used | policy.require_everywhere)))
