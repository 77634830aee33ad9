"""Variant metadata: `variant.json` and `{name}-{version}-variants.json`, every generation.

Spec: PEP 825 "Variant metadata" (schema 0.1), PEP 850 (schema 0.2), and the drafts published
before them (v0.0.2, v0.0.3).  Everything that differs between generations ends in this module:
callers see one `VariantTable`.  How a document is read follows from what it says; the version in
its `$schema` tells only whether it may be read at all and which rules a maker's tool holds it to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from vinstall.errors import FormatError
from vinstall.formats.json_object import (
    RepeatedKeys,
    as_object,
    as_string,
    as_strings,
    parse_json_object,
    united,
)
from vinstall.formats.support import FeatureSupport, NamespaceSupport
from vinstall.pattern import pattern
from vinstall.values import Row, field, frozen

ABI_DEPENDENCY = "abi_dependency"
"""The namespace whose properties bind to other distributions of the resolution (PEP 850)."""

_NULL = "null"
_NAME, _TEXT = pattern(r"[a-z0-9_]+", re.ASCII), pattern(r".+", re.DOTALL)
_VALUE = pattern(r"[a-z0-9_.]+", re.ASCII)
_PLUGIN_API = pattern(r"[\w.]+(?:\s*:\s*[\w.]+)?", re.ASCII)
_PROPERTY = pattern(r"\s*([a-z0-9_]+)\s*::\s*([a-z0-9_]+)\s*::\s*([a-z0-9_.]+)\s*", re.ASCII)
_SCHEMA_VERSION = pattern(
    r"/v(\d{1,6}(?:\.\d{1,6}){0,2})(?!\d)|(?<![\d.])(\d{1,6}(?:\.\d{1,6}){1,2})(?!\d)"
)
_NEWEST_KNOWN = (0, 2)

_TOP_KEYS = frozenset(
    {"$schema", "default-priorities", "providers", "static-properties", "variants"}
)
_PRIORITY_KEYS = frozenset({"namespace", "feature", "property"})
_PROVIDER_KEYS_0_2 = frozenset({"static-properties", "feature-order", "builtin"})
_PROVIDER_KEYS_OLD = frozenset({"enable-if", "install-time", "plugin-use"})
_PROVIDER_KEYS = _PROVIDER_KEYS_0_2 | _PROVIDER_KEYS_OLD | {"requires", "plugin-api", "optional"}

_V = TypeVar("_V")
_K = TypeVar("_K")


class Property(Row):
    """One `namespace :: feature :: value`."""

    namespace: str
    feature: str
    value: str

    def __str__(self) -> str:
        return " :: ".join(self)


@frozen
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


@frozen
class VariantTable:
    """The variants of one release, or of one wheel."""

    namespaces: tuple[str, ...]
    """Most important first.  Every namespace a label uses is listed, `abi_dependency` excepted:
    drafts before 0.2 may use it unlisted, and it then comes after all others."""
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
    ignored: tuple[str, ...] = field(default=(), compare=False)
    """Paths of keys that no known generation has; worth a line of detail."""
    schema: str = field(default="", compare=False)
    """The `$schema` URL as written."""
    document: Mapping[str, object] = field(default_factory=dict, compare=False, shown=False)
    """The JSON object this was read from, for tools that have to repeat it (PEP 751)."""


def parse_property(text: str) -> Property:
    """`text` as a property; white space around `::` is ignored (PEP 825).  Raises FormatError."""
    match = _PROPERTY.fullmatch(text)
    if match is None:
        raise FormatError(
            f"`{text}` is no variant property", hint="write `namespace :: feature :: value`"
        )
    return Property(match[1], match[2], match[3])


def parse_variant_table(text: bytes | str, *, strict: bool = False) -> VariantTable:
    """The table in a JSON document of any known generation, told by its content.

    Lenient (an installer): one bad label spoils that label only, a bad provider spoils the labels
    that use its namespace; faults of the document as a whole raise FormatError with the path
    inside it.  `strict` (a maker's tool): every fault raises.
    """
    return read_variant_table(parse_json_object(text), strict=strict)


def read_variant_table(document: Mapping[str, object], *, strict: bool = False) -> VariantTable:
    """The table in a document that is parsed already: `variants-json` of a lock (PEP 825)."""
    return _Reader(document, strict=strict).table()


class _Reader:
    """One document on its way to a table."""

    def __init__(self, document: Mapping[str, object], *, strict: bool) -> None:
        self.document = document
        self.strict = strict
        self.ignored: list[str] = []
        self.faults: dict[str, str] = {}
        """Namespace to what is wrong with its provider."""

    def table(self) -> VariantTable:
        """The whole document.  Raises FormatError with the path of what is wrong."""
        top = as_object(self.document, "")
        schema = as_string(top.get("$schema", ""), "$schema")
        self.version = _schema_version(schema)
        self._check_version(schema)
        self._known(top, "", _TOP_KEYS)
        self._read_priorities(top)
        providers = self._read_providers(top)
        variants, spoiled = self._read_variants(top)
        return VariantTable(
            namespaces=self.namespaces,
            variants=MappingProxyType(variants),
            providers=providers,
            feature_order=self.feature_order,
            value_order=self.value_order,
            spoiled=spoiled,
            ignored=tuple(self.ignored),
            schema=schema,
            document=top,
        )

    def _check_version(self, schema: str) -> None:
        """PEP 825: "Tools MUST reject metadata with a major version number that they do not support"."""
        if self.version is not None and self.version[0] > _NEWEST_KNOWN[0]:
            raise FormatError(
                f"is version {'.'.join(map(str, self.version))} of the format",
                path="$schema",
                context=("the newest known one is {}.{}".format(*_NEWEST_KNOWN),),
                hint="a newer vinstall may know it",
            )
        if self.strict and self.version is None:
            fault = f"`{schema}` does not name a version" if schema else "is missing"
            raise FormatError(fault, path="$schema")

    def _known(self, value: dict[str, Any], path: str, keys: frozenset[str]) -> None:
        """Keys outside `keys` are noted; strict: refused, unless a newer draft may have them."""
        unknown = [f"{path}.{key}" if path else key for key in value if key not in keys]
        if unknown and self.strict and (self.version or (0,))[:2] <= _NEWEST_KNOWN:
            raise FormatError("is no key of this format", path=unknown[0])
        self.ignored += unknown

    def _read_priorities(self, top: dict[str, Any]) -> None:
        path = "default-priorities"
        if path not in top:
            raise FormatError("is missing", path=path)
        priorities = as_object(top[path], path)
        self._known(priorities, path, _PRIORITY_KEYS)
        if "namespace" not in priorities:
            raise FormatError("is missing", path=f"{path}.namespace")
        self.namespaces = as_strings(priorities["namespace"], f"{path}.namespace", _NAME)
        if not self.namespaces:
            raise FormatError("is empty", path=f"{path}.namespace")
        where = f"{path}.feature"
        self.feature_order = {
            namespace: names
            for namespace, value in as_object(priorities.get("feature", {}), where).items()
            if (names := as_strings(value, f"{where}.{namespace}", _NAME))
        }
        where = f"{path}.property"
        self.value_order = {
            (namespace, feature): values
            for namespace, features in as_object(priorities.get("property", {}), where).items()
            for feature, value in as_object(features, f"{where}.{namespace}").items()
            if (values := as_strings(value, f"{where}.{namespace}.{feature}", _VALUE))
        }

    def _read_providers(self, top: dict[str, Any]) -> dict[str, ProviderInfo]:
        entries = as_object(top.get("providers", {}), "providers")
        static = as_object(top.get("static-properties", {}), "static-properties")
        newer_keys = any(
            isinstance(entry, dict) and not _PROVIDER_KEYS_0_2.isdisjoint(entry)
            for entry in entries.values()
        )
        self.since_0_2 = newer_keys or (self.version or (0,))[:2] >= (0, 2)
        providers = {}
        for namespace, value in {**{name: {} for name in static}, **entries}.items():
            path = f"providers.{namespace}"
            try:
                if _NAME.fullmatch(namespace) is None:
                    raise FormatError("is no namespace", path=path)
                providers[namespace] = self._provider(namespace, value, static, path)
            except FormatError as error:
                if self.strict:
                    raise
                self.faults[namespace] = error.message
        if self.since_0_2:
            self._check_provider_set(entries)
        return providers

    def _check_provider_set(self, entries: dict[str, Any]) -> None:
        """PEP 850: providers and listed namespaces are the same set."""
        missing = [name for name in self.namespaces if name not in entries]
        extra = [name for name in entries if name not in self.namespaces]
        if self.strict and (missing or extra):
            if missing:
                raise FormatError("is missing", path=f"providers.{missing[0]}")
            raise FormatError(
                f"does not list `{extra[0]}`, which has a provider",
                path="default-priorities.namespace",
            )
        self.faults.update({name: f"providers.{name}: is missing" for name in missing})

    def _provider(
        self, namespace: str, value: object, static: dict[str, Any], path: str
    ) -> ProviderInfo:
        entry = as_object(value, path)
        self._known(entry, path, _PROVIDER_KEYS)
        install_time = _flag(entry, "install-time", path, default=True)
        plugin_use = entry.get("plugin-use", "all")
        if plugin_use not in ("none", "build", "all"):
            raise FormatError("is not `none`, `build` or `all`", path=f"{path}.plugin-use")
        if plugin_use != "all":
            install_time = False
        plugin_api = _optional_string(entry, "plugin-api", path)
        if plugin_api is not None and _PLUGIN_API.fullmatch(plugin_api) is None:
            raise FormatError(f"`{plugin_api}` is no object reference", path=f"{path}.plugin-api")
        builtin = _optional_string(entry, "builtin", path)
        if builtin not in (None, ABI_DEPENDENCY):
            raise FormatError(f"`{builtin}` is not known", path=f"{path}.builtin")
        provider = ProviderInfo(
            requires=as_strings(entry.get("requires", []), f"{path}.requires", _TEXT),
            plugin_api=plugin_api,
            enable_if=_optional_string(entry, "enable-if", path),
            optional=_flag(entry, "optional", path, default=False),
            install_time=install_time,
            builtin=builtin,
            static=self._static(namespace, entry, static, path, plugin_use=plugin_use),
        )
        if self.strict and self.since_0_2:
            _check_provider(provider, entry, path)
        return provider

    def _static(
        self,
        namespace: str,
        entry: dict[str, Any],
        static: dict[str, Any],
        path: str,
        *,
        plugin_use: str,
    ) -> NamespaceSupport | None:
        """The static answer, wherever its generation keeps it: 0.2, v0.0.3, v0.0.2."""
        order = self.feature_order.get(namespace, ())
        if "static-properties" in entry:
            where = f"{path}.static-properties"
            values = _feature_values(entry["static-properties"], where)
            order = as_strings(entry.get("feature-order", []), f"{path}.feature-order", _NAME)
        elif namespace in static:
            values = _feature_values(static[namespace], f"static-properties.{namespace}")
        elif plugin_use != "all":
            values = {
                feature: listed
                for (owner, feature), listed in self.value_order.items()
                if owner == namespace
            }
        else:
            return None
        # The order of keys in a JSON object carries no meaning: names settle what is left open.
        names = dict.fromkeys((*(name for name in order if name in values), *sorted(values)))
        return tuple(FeatureSupport(name, values[name]) for name in names) or None

    def _read_variants(
        self, top: dict[str, Any]
    ) -> tuple[dict[str, frozenset[Property]], dict[str, str]]:
        if "variants" not in top:
            raise FormatError("is missing", path="variants")
        labels = top["variants"]
        repeated: frozenset[str] = frozenset()
        if isinstance(labels, RepeatedKeys) and not self.strict:
            repeated = frozenset(labels.repeated)
            labels = dict(labels)
        variants = {}
        spoiled = {label: f"variants.{label}: is listed more than once" for label in repeated}
        for label, value in as_object(labels, "variants").items():
            if label in repeated:
                continue
            try:
                variants[label] = self._properties(label, value)
            except FormatError as error:
                if self.strict:
                    raise
                spoiled[label] = error.message
        return variants, spoiled

    def _properties(self, label: str, value: object) -> frozenset[Property]:
        path = f"variants.{label}"
        if _VALUE.fullmatch(label) is None:
            raise FormatError("is no variant label", path=path)
        properties = []
        for namespace, features in as_object(value, path).items():
            where = f"{path}.{namespace}"
            if namespace in self.faults:
                raise FormatError(self.faults[namespace], path=where)
            unlisted = namespace == ABI_DEPENDENCY and not (self.strict and self.since_0_2)
            if namespace not in self.namespaces and not unlisted:
                raise FormatError("is not in `default-priorities.namespace`", path=where)
            for feature, values in _feature_values(features, where).items():
                properties += [Property(namespace, feature, value) for value in values]
        if label == _NULL and properties:
            raise FormatError("has properties, which the null variant must not have", path=path)
        return frozenset(properties)


def _check_provider(provider: ProviderInfo, entry: dict[str, Any], path: str) -> None:
    """What a maker's tool asks of a provider of schema 0.2 (PEP 850, `providers`)."""
    if old := sorted(_PROVIDER_KEYS_OLD.intersection(entry)):
        raise FormatError("is no key of schema 0.2", path=f"{path}.{old[0]}")
    sources = (provider.requires, provider.static, provider.builtin)
    if sum(source not in ((), None) for source in sources) != 1:
        raise FormatError(
            "needs exactly one of `requires`, `static-properties`, `builtin`", path=path
        )
    if provider.plugin_api is not None and not provider.requires:
        raise FormatError("is only allowed beside `requires`", path=f"{path}.plugin-api")
    features = {feature.name for feature in provider.static or ()}
    order = entry.get("feature-order")
    if (order is not None or len(features) > 1) and set(order or ()) != features:
        raise FormatError(
            "does not list the features of `static-properties`", path=f"{path}.feature-order"
        )


def _flag(entry: dict[str, Any], key: str, path: str, *, default: bool) -> bool:
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise FormatError("is not true or false", path=f"{path}.{key}")
    return value


def _optional_string(entry: dict[str, Any], key: str, path: str) -> str | None:
    value = entry.get(key)
    return None if value is None else as_string(value, f"{path}.{key}")


def _feature_values(value: object, path: str) -> dict[str, tuple[str, ...]]:
    """A feature → values object; no value list is empty or repeats a value."""
    features = {}
    for feature, listed in as_object(value, path).items():
        where = f"{path}.{feature}"
        if _NAME.fullmatch(feature) is None:
            raise FormatError("is no feature name", path=where)
        features[feature] = as_strings(listed, where, _VALUE)
        if not listed:
            raise FormatError("is empty", path=where)
    return features


def _schema_version(schema: str) -> tuple[int, ...] | None:
    """The version a `$schema` URL names last; None where it names none."""
    path = schema.partition("://")[2].partition("/")[2] if "://" in schema else schema
    found = _SCHEMA_VERSION.findall(f"/{path}")
    return tuple(int(part) for part in "".join(found[-1]).split(".")) if found else None


def combine(first: VariantTable, second: VariantTable) -> VariantTable:
    """Both tables as one: union of labels, the longer namespace list (PEP 825 "Metadata consistency").

    A label spoiled in one of them is spoiled in the result; the order of the two does not matter.
    Raises FormatError where labels, providers or the order of priorities contradict each other.
    """
    spoiled = {**second.spoiled, **first.spoiled}
    variants = _united(first.variants, second.variants, "variants", "other properties")
    newer, older = sorted(
        (first, second), key=lambda table: (_schema_version(table.schema) or (), table.schema)
    )[::-1]
    return VariantTable(
        namespaces=_longer(first.namespaces, second.namespaces, "default-priorities.namespace"),
        variants=MappingProxyType(
            {label: found for label, found in variants.items() if label not in spoiled}
        ),
        providers=_united(first.providers, second.providers, "providers", "another provider"),
        feature_order=_united_orders(
            first.feature_order, second.feature_order, "default-priorities.feature"
        ),
        value_order=_united_orders(
            first.value_order, second.value_order, "default-priorities.property"
        ),
        spoiled=spoiled,
        ignored=tuple(dict.fromkeys(first.ignored + second.ignored)),
        schema=newer.schema,
        document=united(newer.document, older.document),
    )


def _united(first: Mapping[_K, _V], second: Mapping[_K, _V], path: str, fault: str) -> dict[_K, _V]:
    for key in first.keys() & second.keys():
        if first[key] != second[key]:
            raise FormatError(f"two documents of one release give it {fault}", path=f"{path}.{key}")
    return {**first, **second}


def _united_orders(
    first: Mapping[_K, tuple[str, ...]], second: Mapping[_K, tuple[str, ...]], path: str
) -> dict[_K, tuple[str, ...]]:
    both = {key: _longer(first[key], second[key], path) for key in first.keys() & second.keys()}
    return {**first, **second, **both}


def _longer(first: tuple[str, ...], second: tuple[str, ...], path: str) -> tuple[str, ...]:
    short, long = sorted((first, second), key=len)
    if long[: len(short)] != short:
        raise FormatError(
            "two documents of one release disagree",
            path=path,
            context=(", ".join(first), ", ".join(second)),
        )
    return long
