"""variantlib 0.2.2, the reference implementation, as an oracle."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from vinstall.formats.variant_json import Property


@contextmanager
def _nothing_installed() -> Iterator[None]:
    """It lists what is installed for `abi_dependency` on every call: slow, and not wanted here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.metadata, "distributions", lambda: iter(()))
        yield


def rank_document(document: Mapping[str, Any]) -> dict[str, set[str]]:
    """The labels of a 0.2.0 document that fit, most preferred first, with what each matches."""
    api = pytest.importorskip("variantlib.api")
    with _nothing_installed():
        ranked = api.get_variants_by_priority(variants_json=document)
    return {found.label: {prop.to_str() for prop in found.properties} for found in ranked}


def rank_variants(
    variants: Mapping[str, Iterable[Property]],
    supported: Iterable[Property],
    *,
    namespaces: Sequence[str],
    feature_order: Mapping[str, Sequence[str]],
    value_order: Mapping[tuple[str, str], Sequence[str]],
) -> list[str]:
    """The labels that fit, most preferred first, `null` always among them.

    `supported` is in the providers' order; the two orders come before it, as older schemas allow.
    """
    models = pytest.importorskip("variantlib.models.variant")
    resolver = pytest.importorskip("variantlib.resolver.lib")
    values: dict[str, dict[str, list[str]]] = {}
    for (namespace, feature), listed in value_order.items():
        values.setdefault(namespace, {})[feature] = list(listed)
    with _nothing_installed():
        ranked = resolver.sort_and_filter_supported_variants(
            [
                models.VariantDescription(
                    label=label, properties=[models.VariantProperty(*prop) for prop in properties]
                )
                for label, properties in variants.items()
                if properties
            ],
            [models.VariantProperty(*prop) for prop in supported],
            namespace_priorities=list(namespaces),
            feature_priorities={name: list(order) for name, order in feature_order.items()},
            property_priorities=values,
        )
    return [found.label for found in ranked]
