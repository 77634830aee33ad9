"""Variant metadata: `variant.json` and `{name}-{version}-variants.json`, every generation.

Spec: PEP 825 "Variant metadata" (schema 0.1), PEP 850 (schema 0.2), and the drafts published
before them (v0.0.2, v0.0.3).  Everything that differs between generations ends in this module:
callers see one `VariantTable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vinstall.formats.support import NamespaceSupport


class Property(NamedTuple):
    """One `namespace :: feature :: value`."""

    namespace: str
    feature: str
    value: str

    def __str__(self) -> str:
        return " :: ".join(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInfo:
    """What the metadata says about who answers for one namespace (PEP 850, `providers`)."""

    requires: tuple[str, ...] = ()
    """Requirement strings of the plugin, as written."""
    plugin_api: str | None = None
    enable_if: str | None = None
    """An environment marker as written; the namespace supports nothing where it is false."""
    optional: bool = False
    install_time: bool = True
    """False: the properties were fixed when the wheel was built; never ask a plugin."""
    builtin: str | None = None
    """`abi_dependency`, or None."""
    static: NamespaceSupport | None = None
    """The static answer; None where the metadata gives none (an empty table says nothing)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantTable:
    """The variants of one release, or of one wheel."""

    namespaces: tuple[str, ...]
    """Most important first."""
    variants: Mapping[str, frozenset[Property]]
    """Label to properties; a read-only view.  `null` may be absent and still be used."""
    providers: Mapping[str, ProviderInfo] = field(default_factory=dict)
    """By namespace; empty before schema 0.2 unless an older draft lists them."""
    feature_order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Namespace to features that come before the provider's own order."""
    value_order: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """(namespace, feature) to values that come before the provider's own order."""
    spoiled: Mapping[str, str] = field(default_factory=dict)
    """Label to the fault that makes it unusable; such labels are not in `variants`."""
    schema: str = field(default="", compare=False)
    """The `$schema` URL as written."""
    document: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    """The JSON object this was read from, for tools that have to repeat it (PEP 751)."""


def parse_property(text: str) -> Property:
    """`text` as a property; white space around `::` is ignored (PEP 825).  Raises FormatError."""
    raise NotImplementedError


def parse_variant_table(text: bytes | str, *, strict: bool = False) -> VariantTable:
    """The table in a JSON document of any known generation, told by its content.

    Lenient (an installer): one bad label spoils that label only; faults of the document as a
    whole raise FormatError with the path inside it.  `strict` (a maker's tool): every fault
    raises.
    """
    raise NotImplementedError


def combine(first: VariantTable, second: VariantTable) -> VariantTable:
    """Both tables as one: union of labels, the longer namespace list (PEP 825 "Metadata consistency").

    Raises FormatError where a label has other properties, or neither list is a prefix of the other.
    """
    raise NotImplementedError
