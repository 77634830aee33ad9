"""HostFile ⇄ the TOML file that describes a machine: what it supports, in order.

The shape is the one uv reads from `UV_VARIANT_LOCK`: `[metadata]`, then a `[[provider]]` for each
namespace with `resolved`, `plugin-api` and `[provider.properties]`, features and values the most
preferred first.  A provider without properties supports nothing.  `[host]` is an addition of
vinstall: facts for people, which other tools pass over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from vinstall.errors import FormatError
from vinstall.formats.support import FeatureSupport, NamespaceSupport
from vinstall.formats.toml_document import parse_toml, string_at, strings_at, table_at
from vinstall.pattern import pattern
from vinstall.values import field, frozen, replace

_VERSION = "0.1"
_NAME = pattern(r"[a-z0-9_]+", re.ASCII)
_VALUE = pattern(r"[a-z0-9_.]+", re.ASCII)
_LIBC = pattern(r"(\w+) (\d{1,4})\.(\d{1,4})(?:\.\d+)*", re.ASCII)


@frozen
class HostProvider:
    """What the machine supports in one namespace, and who said so."""

    features: NamespaceSupport = ()
    """Most preferred first; empty: nothing is supported."""
    resolved: tuple[str, ...] = ()
    """The distributions that answered, as `name==version`."""
    plugin_api: str | None = None


@frozen
class HostFacts:
    """The machine, for people; an empty string is a fact that is not known or not shared."""

    machine: str = ""
    """As `platform_machine`."""
    system: str = ""
    """As `platform_system`."""
    libc: str = ""
    """Kind and version: `glibc 2.36`."""
    python: str = ""
    """As `python_full_version`."""
    detected: str = ""
    """When: ISO 8601."""
    markers: Mapping[str, str] = field(default_factory=dict)
    """The marker environment (PEP 508), without `extra`."""
    how: Mapping[str, str] = field(default_factory=dict)
    """Namespace to how its answer was found."""


@frozen
class HostFile:
    """One machine, or what several have in common."""

    providers: Mapping[str, HostProvider]
    """By namespace; what is not listed is not known."""
    facts: HostFacts = field(default_factory=HostFacts)
    created_by: str = "vinstall"


def parse_host_file(text: bytes | str) -> HostFile:
    """The machine described in the text of a host file.

    Raises FormatError with the path inside the file.  Unknown keys are passed over.
    """
    document = parse_toml(text)
    metadata = table_at(document, "metadata", "metadata")
    version = string_at(metadata, "version", "metadata.version") or ""
    if version.partition(".")[0] != _VERSION.partition(".")[0]:
        fault = f"`{version}` is not known" if version else "is missing"
        raise FormatError(fault, path="metadata.version", context=(f"known is {_VERSION}",))
    entries = document.get("provider", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FormatError("is not a list of tables", path="provider")
    providers: dict[str, HostProvider] = {}
    for number, entry in enumerate(entries, start=1):
        path = f"provider {number}"
        namespace = string_at(entry, "namespace", f"{path}.namespace")
        if namespace is None or _NAME.fullmatch(namespace) is None:
            raise FormatError("is missing or no namespace", path=f"{path}.namespace")
        if namespace in providers:
            raise FormatError(f"describes `{namespace}` again", path=path)
        providers[namespace] = _provider(entry, path)
    return HostFile(
        providers=providers,
        facts=_facts(table_at(document, "host", "host")),
        created_by=string_at(metadata, "created-by", "metadata.created-by") or "",
    )


def render_host_file(host: HostFile) -> str:
    """TOML that parses to an equal value; namespaces in the order of their names."""
    from tomli_w import dumps

    metadata = dumps({"metadata": {"created-by": host.created_by, "version": _VERSION}})
    # uv asks for the key even where there is nothing to say.
    parts = [metadata if host.providers else f"provider = []\n\n{metadata}"]
    for namespace, provider in sorted(host.providers.items()):
        entry: dict[str, object] = {"namespace": namespace, "resolved": list(provider.resolved)}
        if provider.plugin_api is not None:
            entry["plugin-api"] = provider.plugin_api
        properties = {name: list(values) for name, values, _ in provider.features}
        parts.append(f"[[provider]]\n{dumps(entry)}\n[provider.properties]\n{dumps(properties)}")
    if facts := _facts_table(host.facts):
        parts.append(dumps({"host": facts}))
    return "\n".join(parts)


def merge_host_files(first: HostFile, *others: HostFile) -> HostFile:
    """What every one of the machines supports, in the order of the first.

    A namespace that any of them lists is listed, with nothing supported where another does not
    list it: what is not known of one machine must not be assumed of all.  A value is supported
    where all support it, so a wheel that needs one of several values is left out even where each
    machine has another of them.  Facts are kept where they are the same, of the C library the
    oldest version of one kind.
    """
    merged = first
    for other in others:
        namespaces = [*merged.providers, *(n for n in other.providers if n not in merged.providers)]
        merged = replace(
            merged,
            providers={
                namespace: _common(merged.providers.get(namespace), other.providers.get(namespace))
                for namespace in namespaces
            },
            facts=_common_facts(merged.facts, other.facts),
        )
    return merged


def lost_features(hosts: Iterable[HostFile], merged: HostFile) -> tuple[tuple[str, str], ...]:
    """The (namespace, feature) that some of `hosts` support and `merged` does not, sorted."""
    kept = set(_features(merged))
    return tuple(sorted({pair for host in hosts for pair in _features(host)} - kept))


def _features(host: HostFile) -> Iterable[tuple[str, str]]:
    for namespace, provider in host.providers.items():
        for feature in provider.features:
            yield namespace, feature.name


def _provider(entry: Mapping[str, Any], path: str) -> HostProvider:
    properties = table_at(entry, "properties", f"{path}.properties")
    features = []
    for name in properties:
        where = f"{path}.properties.{name}"
        values = strings_at(properties, name, where)
        if _NAME.fullmatch(name) is None:
            raise FormatError("is no feature name", path=where)
        for value in values:
            if _VALUE.fullmatch(value) is None:
                raise FormatError(f"has the invalid item `{value}`", path=where)
        if len(set(values)) != len(values):
            raise FormatError("lists an item more than once", path=where)
        if values:
            features.append(FeatureSupport(name, values))
    return HostProvider(
        features=tuple(features),
        resolved=strings_at(entry, "resolved", f"{path}.resolved"),
        plugin_api=string_at(entry, "plugin-api", f"{path}.plugin-api"),
    )


def _facts(table: Mapping[str, Any]) -> HostFacts:
    return HostFacts(
        machine=_text(table, "machine"),
        system=_text(table, "system"),
        libc=_text(table, "libc"),
        python=_text(table, "python"),
        detected=_text(table, "detected"),
        markers=_texts(table, "markers"),
        how=_texts(table, "how"),
    )


def _text(table: Mapping[str, Any], key: str) -> str:
    return string_at(table, key, f"host.{key}") or ""


def _texts(table: Mapping[str, Any], key: str) -> dict[str, str]:
    entries = table_at(table, key, f"host.{key}")
    return {name: string_at(entries, name, f"host.{key}.{name}") or "" for name in entries}


def _facts_table(facts: HostFacts) -> dict[str, object]:
    """The facts that are known."""
    table: dict[str, object] = {
        "machine": facts.machine,
        "system": facts.system,
        "libc": facts.libc,
        "python": facts.python,
        "detected": facts.detected,
        "markers": dict(sorted(facts.markers.items())),
        "how": dict(sorted(facts.how.items())),
    }
    return {name: value for name, value in table.items() if value}


def _common(first: HostProvider | None, second: HostProvider | None) -> HostProvider:
    if first is None or second is None:
        return HostProvider()
    others = {name: frozenset(values) for name, values, _ in second.features}
    features = []
    for name, values, multi_value in first.features:
        shared = tuple(value for value in values if value in others.get(name, ()))
        if shared:
            features.append(FeatureSupport(name, shared, multi_value))
    return HostProvider(
        features=tuple(features),
        resolved=tuple(text for text in first.resolved if text in second.resolved),
        plugin_api=first.plugin_api if first.plugin_api == second.plugin_api else None,
    )


def _common_facts(first: HostFacts, second: HostFacts) -> HostFacts:
    return HostFacts(
        machine=_same(first.machine, second.machine),
        system=_same(first.system, second.system),
        libc=_older_libc(first.libc, second.libc),
        python=_same(first.python, second.python),
        detected=_same(first.detected, second.detected),
        markers=dict(first.markers.items() & second.markers.items()),
        how=dict(first.how.items() & second.how.items()),
    )


def _same(first: str, second: str) -> str:
    return first if first == second else ""


def _older_libc(first: str, second: str) -> str:
    one, other = _LIBC.fullmatch(first), _LIBC.fullmatch(second)
    if one is None or other is None or one[1] != other[1]:
        return _same(first, second)
    return min((one, other), key=lambda match: (int(match[2]), int(match[3]), match[0]))[0]
