"""The rules one release on an index has to keep.  Spec: PEP 825 "Index-level metadata"; PEP 850."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from vinstall.formats.variant_json import Property, VariantTable
from vinstall.formats.wheel_name import NULL_LABEL
from vinstall.workshop.fault import Fault
from vinstall.workshop.index_release import IndexRelease
from vinstall.workshop.platform_rules import platform_faults


def release_faults(release: IndexRelease) -> Iterator[Fault]:
    """Every breach that shows in the names and the index file alone; nothing is fetched."""
    yield from _index_file_faults(release)
    yield from _hash_faults(release)
    if release.by_label:
        yield from platform_faults(release)
        yield from _fallback_faults(release)
    if release.table is not None:
        yield from _label_faults(release, release.table)
        yield from _table_faults(release.index_file, release.table)


def _index_file_faults(release: IndexRelease) -> Iterator[Fault]:
    if release.by_label and not release.index_files:
        labels = ", ".join(f"`{label}`" for label in release.by_label)
        yield Fault(
            "index-file-missing", release.title, f"has no `-variants.json` for the labels {labels}"
        )
    if len(release.index_files) > 1:
        names = ", ".join(f"`{file.filename}`" for file in release.index_files)
        yield Fault("index-file-twice", release.title, f"has several index files: {names}")


def _label_faults(release: IndexRelease, table: VariantTable) -> Iterator[Fault]:
    file = release.index_file
    for label, wheels in release.by_label.items():
        if label not in table.variants:
            yield Fault(
                "label-unlisted", wheels[0].file.filename, f"`{file}` does not list `{label}`"
            )
    for label in sorted(table.variants.keys() - release.by_label.keys()):
        yield Fault("label-without-wheel", file, f"lists `{label}`, which no wheel has")


def _table_faults(file: str, table: VariantTable) -> Iterator[Fault]:
    twins: dict[frozenset[Property], list[str]] = defaultdict(list)
    for label, properties in sorted(table.variants.items()):
        twins[properties].append(label)
        if not properties and label != NULL_LABEL:
            yield Fault("label-empty", file, f"`{label}` has no properties and is not `null`")
        for namespace in sorted({prop.namespace for prop in properties}):
            if namespace not in table.namespaces:
                message = f"`{label}` uses the namespace `{namespace}`, which is not listed"
                yield Fault("namespace-unlisted", file, message)
        yield from _static_faults(file, label, properties, table)
    for properties, labels in twins.items():
        if len(labels) > 1 and properties:
            listed = ", ".join(f"`{label}`" for label in labels)
            yield Fault("label-twins", file, f"{listed} have the same properties")
    yield from _draft_faults(file, table)
    yield from _order_faults(file, table)


def _static_faults(
    file: str, label: str, properties: frozenset[Property], table: VariantTable
) -> Iterator[Fault]:
    """A feature with static values is supported by one of them or by nothing (PEP 825, PEP 850)."""
    wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for prop in properties:
        wanted[prop.namespace, prop.feature].add(prop.value)
    for (namespace, feature), values in sorted(wanted.items()):
        provider = table.providers.get(namespace)
        if provider is None or provider.static is None:
            continue
        known = next(
            (set(found.values) for found in provider.static if found.name == feature), set()
        )
        if not values & known:
            shown = " or ".join(sorted(values))
            message = f"`{label}` needs `{namespace} :: {feature} :: {shown}`, which is not among the static properties"
            yield Fault("label-unreachable", file, message)


def _draft_faults(file: str, table: VariantTable) -> Iterator[Fault]:
    """Schema v0.0.2 counts a static value only where its feature is given a priority too."""
    if not table.schema.endswith("v0.0.2.json"):
        return
    for (namespace, feature), _ in sorted(table.value_order.items()):
        provider = table.providers.get(namespace)
        if provider is None or provider.install_time:
            continue
        if feature not in table.feature_order.get(namespace, ()):
            message = f"`default-priorities.feature.{namespace}` does not list `{feature}`"
            yield Fault("feature-unlisted", file, f"{message}, so its labels count for nothing")


def _order_faults(file: str, table: VariantTable) -> Iterator[Fault]:
    """PEP 825: feature values are "converted to lists and sorted lexically"."""
    labels = table.document.get("variants")
    if "/v0.0." in table.schema or not isinstance(labels, dict):
        return
    for label, namespaces in labels.items():
        for namespace, features in namespaces.items():
            for feature, values in features.items():
                if values != sorted(values):
                    where = f"variants.{label}.{namespace}.{feature}"
                    yield Fault("values-unsorted", file, f"{where} is not sorted")


def _hash_faults(release: IndexRelease) -> Iterator[Fault]:
    bare = [file.filename for file in release.index_files if not file.hashes]
    bare += [
        wheel.file.filename
        for wheel in release.wheels
        if wheel.name.label is not None and not wheel.file.hashes
    ]
    if bare:
        more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
        yield Fault("hash-missing", release.title, f"`{bare[0]}`{more} without a hash")


def _fallback_faults(release: IndexRelease) -> Iterator[Fault]:
    labels = {wheel.name.label for wheel in release.wheels}
    if not labels & {None, NULL_LABEL} and not _has_empty_label(release) and not release.sdists:
        yield Fault(
            "no-fallback", release.title, "has neither a `null` nor a plain wheel to fall back on"
        )


def _has_empty_label(release: IndexRelease) -> bool:
    """Whether a label other than `null` stands for the wheel without properties."""
    table = release.table
    return table is not None and any(
        not table.variants.get(label, True) for label in release.by_label
    )
