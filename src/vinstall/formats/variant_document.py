"""VariantTable → the JSON document that says it.  Spec: PEP 825 "Variant metadata", PEP 850."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from vinstall.errors import FormatError
from vinstall.formats.variant_json import Property, ProviderInfo, VariantTable

Schema: TypeAlias = Literal["0.1.1", "0.2.0"]
"""The schema versions that can be written."""

_URLS: Mapping[Schema, str] = {
    "0.1.1": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
    "0.2.0": "https://variants-schema.wheelnext.dev/v0.2.0.json",
}


def variant_document(table: VariantTable, *, schema: Schema = "0.1.1") -> dict[str, Any]:
    """`table` as the JSON object of one schema; sets become sorted lists.

    0.1.1 has no providers: who answers for a namespace is not part of it, and `table.providers`
    is left out.  Raises FormatError for a spoiled label and for what the schema cannot say.
    """
    _check_sayable(table, schema)
    document: dict[str, Any] = {
        "$schema": _URLS[schema],
        "default-priorities": {"namespace": list(table.namespaces)},
        "variants": {
            label: _properties_object(table.variants[label]) for label in sorted(table.variants)
        },
    }
    if schema == "0.2.0":
        document["providers"] = {
            namespace: _provider_object(table.providers.get(namespace), namespace)
            for namespace in sorted(table.namespaces)
        }
    return document


def render_variant_table(table: VariantTable, *, schema: Schema = "0.1.1") -> str:
    """`table` as canonical text: keys sorted, two spaces, a newline at the end.

    Raises FormatError as `variant_document` does.
    """
    return render_variant_document(variant_document(table, schema=schema))


def render_variant_document(document: Mapping[str, object]) -> str:
    """A document as canonical text, its schema as it is: `table.document` of any generation."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _check_sayable(table: VariantTable, schema: Schema) -> None:
    if table.spoiled:
        raise FormatError(next(iter(table.spoiled.values())))
    if not table.namespaces:
        raise FormatError("is empty", path="default-priorities.namespace")
    listed = {*table.namespaces}
    for label, properties in table.variants.items():
        if missing := {prop.namespace for prop in properties} - listed:
            raise FormatError(
                "is not in `default-priorities.namespace`",
                path=f"variants.{label}.{min(missing)}",
            )
    if schema == "0.2.0" and (extra := table.providers.keys() - listed):
        raise FormatError(
            "is not in `default-priorities.namespace`", path=f"providers.{min(extra)}"
        )
    for key, order in (("feature", table.feature_order), ("property", table.value_order)):
        if order:
            raise FormatError(
                f"cannot be said in schema {schema}", path=f"default-priorities.{key}"
            )


def _properties_object(properties: frozenset[Property]) -> dict[str, dict[str, list[str]]]:
    """PEP 825 "Variants": sets of feature values, "converted to lists and sorted lexically"."""
    found: dict[str, dict[str, list[str]]] = {}
    for namespace, feature, value in sorted(properties):
        found.setdefault(namespace, {}).setdefault(feature, []).append(value)
    return found


def _provider_object(provider: ProviderInfo | None, namespace: str) -> dict[str, Any]:
    path = f"providers.{namespace}"
    if provider is None:
        raise FormatError("is missing", path=path)
    if provider.enable_if is not None:
        raise FormatError("cannot be said in schema 0.2.0", path=f"{path}.enable-if")
    found: dict[str, Any] = {"optional": True} if provider.optional else {}
    if provider.builtin is not None:
        found["builtin"] = provider.builtin
    elif provider.static is not None:
        found["static-properties"] = {name: list(values) for name, values, _ in provider.static}
        if len(provider.static) > 1:
            found["feature-order"] = [feature.name for feature in provider.static]
    elif provider.requires:
        found["requires"] = list(provider.requires)
        if provider.plugin_api is not None:
            found["plugin-api"] = provider.plugin_api
    else:
        raise FormatError("needs one of `requires`, `static-properties`, `builtin`", path=path)
    return found
