"""Definition: what a project says about its variants, from `[variant]` in pyproject.toml or typed.

Spec: PEP 825 "Variant metadata", PEP 850.  The table has the shape of the JSON documents; a label's
entry may also say how it is built, under keys that no namespace can have.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vinstall.errors import FormatError, SourceError, UsageError
from vinstall.formats.support import FeatureSupport, NamespaceSupport
from vinstall.formats.variant_json import (
    ABI_DEPENDENCY,
    Property,
    ProviderInfo,
    VariantTable,
    parse_variant_table,
)
from vinstall.formats.wheel_name import NULL_LABEL
from vinstall.values import field, frozen


def _static(**features: tuple[str, ...]) -> NamespaceSupport:
    return tuple(FeatureSupport(name, values) for name, values in features.items())


KNOWN_PROVIDERS: Mapping[str, ProviderInfo] = MappingProxyType(
    {
        "nvidia": ProviderInfo(
            requires=("nvidia-variant-provider>=0.0.1,<1.0.0",),
            plugin_api="nvidia_variant_provider.plugin:NvidiaVariantPlugin",
        ),
        "amd": ProviderInfo(
            requires=("amd-variant-provider>=0.0.2,<1.0.0",),
            plugin_api="amd_variant_provider.plugin:AMDVariantPlugin",
        ),
        "intel": ProviderInfo(
            requires=("intel-variant-provider>=0.0.3,<1.0.0",),
            plugin_api="intel_variant_provider.plugin:IntelVariantPlugin",
        ),
        "ascend": ProviderInfo(
            requires=("huawei-ascend-variant-provider>=0.0.1,<1.0.0",),
            plugin_api="huawei_ascend_variant_provider.plugin:AscendVariantPlugin",
        ),
        "x86_64": ProviderInfo(requires=("x86-64-variant-provider>=0.2,<1",)),
        "aarch64": ProviderInfo(requires=("aarch64-variant-provider>=0.2,<1",)),
        "tpu": ProviderInfo(
            requires=("tpu-variant-provider>=0.1,<1",),
            plugin_api="tpu_variant_provider.plugin:TpuVariantPlugin",
        ),
        "blas_lapack": ProviderInfo(
            static=_static(provider=("accelerate", "openblas", "mkl")),
        ),
        "openmp": ProviderInfo(static=_static(provider=("gnu", "intel", "llvm"))),
        ABI_DEPENDENCY: ProviderInfo(builtin=ABI_DEPENDENCY),
    }
)
"""Who answers for the namespaces in use, written so that every released installer knows them."""


@frozen
class BuildRecipe:
    """How one label is built."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables set for the build backend."""
    config_settings: Mapping[str, str | list[str]] = field(default_factory=dict)
    """PEP 517 config settings."""
    imports: tuple[str, ...] | None = None
    """Modules to import as a test; None: those the wheel's own files suggest."""


@frozen
class Definition:
    """The variants of one project."""

    namespaces: tuple[str, ...]
    """Most important first, the same for every wheel of a release."""
    providers: Mapping[str, ProviderInfo] = field(default_factory=dict)
    """By namespace; where one is missing, documents are written without any (schema 0.1.1)."""
    variants: Mapping[str, frozenset[Property]] = field(default_factory=dict)
    """Label to properties, in the order written."""
    recipes: Mapping[str, BuildRecipe] = field(default_factory=dict)
    """Label to how it is built."""


def define(namespaces: Iterable[str], properties: Iterable[Property]) -> Definition:
    """A definition from what was typed: `namespaces` first, then those of `properties` as they come."""
    names = tuple(dict.fromkeys((*namespaces, *(prop.namespace for prop in properties))))
    if not names:
        raise UsageError(
            "a variant wheel needs the namespaces of its release, and there is none",
            hint="name them with `--namespace`, most important first, or use `--pyproject`",
        )
    return Definition(
        namespaces=names,
        providers={name: KNOWN_PROVIDERS[name] for name in names if name in KNOWN_PROVIDERS},
    )


def defines_variants(pyproject: Path) -> bool:
    """Whether there is a pyproject.toml that can be read and has a `[variant]` table."""
    try:
        return "variant" in tomllib.loads(pyproject.read_text("utf-8"))
    except (OSError, ValueError):
        return False


def read_definition(pyproject: Path) -> Definition:
    """The `[variant]` table of a pyproject.toml.  Raises SourceError or FormatError with the path in it."""
    try:
        document = tomllib.loads(pyproject.read_text("utf-8"))
    except OSError as error:
        raise SourceError(f"`{pyproject}` cannot be read", context=(str(error),)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"`{pyproject}` is not TOML", context=(str(error),)) from error
    table = document.get("variant")
    if not isinstance(table, dict):
        raise FormatError(f"`{pyproject}` has no `[variant]` table")
    try:
        return parse_definition(table)
    except FormatError as error:
        raise FormatError(
            f"`{pyproject}`: variant.{error.message}", context=error.context, hint=error.hint
        ) from error


def parse_definition(table: Mapping[str, Any]) -> Definition:
    """The definition in a `[variant]` table.  Raises FormatError with the path inside the table."""
    variants, recipes = _split_variants(table.get("variants", {}))
    priorities = table.get("default-priorities", {})
    listed = priorities.get("namespace", []) if isinstance(priorities, dict) else []
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    providers = table.get("providers", {})
    if isinstance(providers, dict):
        providers = _completed(providers, names)
    document: dict[str, Any] = {**table, "$schema": "pyproject.toml/v0.1.1", "variants": variants}
    document.pop("providers", None)
    if not isinstance(providers, dict) or set(names) <= set(providers):
        document |= {"$schema": "pyproject.toml/v0.2.0", "providers": providers}
    found = parse_variant_table(json.dumps(document, default=str), strict=True)
    for key, order in (("feature", found.feature_order), ("property", found.value_order)):
        if order:
            raise FormatError(
                "has no place in the documents of today", path=f"default-priorities.{key}"
            )
    return Definition(
        namespaces=found.namespaces,
        providers=found.providers,
        variants={label: found.variants[label] for label in variants},
        recipes=recipes,
    )


def _completed(providers: dict[str, Any], namespaces: list[str]) -> dict[str, Any]:
    """The providers as written, and the known ones of namespaces that have none."""
    found = dict(providers)
    for name in namespaces:
        entry = found.get(name)
        known = KNOWN_PROVIDERS.get(name)
        if isinstance(entry, dict) and "build-requires" in entry:
            if known is None or known.static is None:
                raise FormatError(
                    "would need a plugin to run, which vinstall never does for a build",
                    path=f"providers.{name}.build-requires",
                    hint="list what the plugin answers as `static-properties`",
                )
            rest = {key: value for key, value in entry.items() if key != "build-requires"}
            found[name] = rest | _provider_entry(known)
        elif entry is None and known is not None:
            found[name] = _provider_entry(known)
    return found


def _provider_entry(provider: ProviderInfo) -> dict[str, Any]:
    if provider.builtin is not None:
        return {"builtin": provider.builtin}
    if provider.static is not None:
        return {"static-properties": {name: values for name, values, _ in provider.static}}
    entry: dict[str, Any] = {"requires": provider.requires}
    return entry if provider.plugin_api is None else entry | {"plugin-api": provider.plugin_api}


def _split_variants(value: object) -> tuple[dict[str, Any], dict[str, BuildRecipe]]:
    """Each label's properties, and how it is built."""
    if not isinstance(value, dict):
        raise FormatError("is not a table", path="variants")
    variants: dict[str, Any] = {}
    recipes = {}
    for label, entry in value.items():
        path = f"variants.{label}"
        if not isinstance(entry, dict):
            raise FormatError("is not a table", path=path)
        variants[label] = {key: item for key, item in entry.items() if key not in _RECIPE_KEYS}
        recipes[label] = _recipe(entry, path)
    return variants, recipes


_RECIPE_KEYS = ("build-environment", "config-settings", "test-imports")


def _recipe(entry: Mapping[str, Any], path: str) -> BuildRecipe:
    environment = entry.get("build-environment", {})
    if not isinstance(environment, dict) or not all(
        isinstance(item, str) for item in environment.values()
    ):
        raise FormatError("is not a table of strings", path=f"{path}.build-environment")
    settings = entry.get("config-settings", {})
    if not isinstance(settings, dict) or not all(map(_is_setting, settings.values())):
        raise FormatError(
            "is not a table of strings and lists of strings", path=f"{path}.config-settings"
        )
    imports = entry.get("test-imports")
    if imports is not None and not _is_list(imports):
        raise FormatError("is not a list of strings", path=f"{path}.test-imports")
    return BuildRecipe(
        environment=environment,
        config_settings=settings,
        imports=None if imports is None else tuple(imports),
    )


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_setting(value: object) -> bool:
    return isinstance(value, str) or _is_list(value)


def wheel_table(
    definition: Definition, label: str, properties: Iterable[Property] = ()
) -> VariantTable:
    """The table of one wheel: `label` with `properties`, or with those the definition gives it.

    Raises UsageError where label and properties do not go together.
    """
    given = frozenset(properties)
    defined = definition.variants.get(label)
    if given and defined is not None and given != defined:
        raise UsageError(
            f"the label `{label}` has other properties in `[variant.variants]`",
            context=tuple(map(str, sorted(defined))),
        )
    found = given or defined or frozenset()
    if (label == NULL_LABEL) is bool(found):
        raise UsageError(
            f"the label `{label}` has "
            + ("properties, which `null` must not have" if found else "no properties"),
            hint="PEP 825 keeps the label `null` for the wheel without properties",
        )
    if missing := sorted({prop.namespace for prop in found} - set(definition.namespaces)):
        raise UsageError(f"the namespace `{missing[0]}` is not in `default-priorities.namespace`")
    # Schema 0.2 wants all providers or is not for this release; 0.1.1 has none.
    whole = set(definition.providers) == set(definition.namespaces)
    return VariantTable(
        namespaces=definition.namespaces,
        variants={label: found},
        providers=definition.providers if whole else {},
    )
