"""VariantTable ⇄ tuples, texts and dicts, of types that `marshal` knows.

To read the JSON of a release with 200 labels takes a twentieth of a run.
"""

from __future__ import annotations

import marshal
from types import MappingProxyType
from typing import Any

from vinstall.formats.support import FeatureSupport, NamespaceSupport
from vinstall.formats.variant_json import Property, ProviderInfo, VariantTable
from vinstall.values import field_names


def pack_table(table: VariantTable) -> dict[str, Any] | None:
    """`table` by the names of its fields; None where its document has objects with repeated keys."""
    packed = {
        **_fields(table),
        "variants": {label: tuple(map(tuple, held)) for label, held in table.variants.items()},
        "providers": {namespace: _pack(info) for namespace, info in table.providers.items()},
    }
    try:
        marshal.dumps(packed)
    except ValueError:
        return None
    return packed


def unpack_table(packed: dict[str, Any]) -> VariantTable:
    """The table that was packed."""
    variants, providers = packed["variants"], packed["providers"]
    given = {
        **packed,
        "variants": MappingProxyType(
            {label: frozenset(map(Property._make, held)) for label, held in variants.items()}
        ),
        "providers": {namespace: _unpack(info) for namespace, info in providers.items()},
    }
    return VariantTable(**given)


def _pack(info: ProviderInfo) -> dict[str, Any]:
    static = None if info.static is None else tuple(map(tuple, info.static))
    return {**_fields(info), "static": static}


def _unpack(packed: dict[str, Any]) -> ProviderInfo:
    static: NamespaceSupport | None = packed["static"]
    if static is not None:
        static = tuple(map(FeatureSupport._make, static))
    return ProviderInfo(**{**packed, "static": static})


def _fields(value: VariantTable | ProviderInfo) -> dict[str, Any]:
    return {name: getattr(value, name) for name in field_names(value) or ()}
