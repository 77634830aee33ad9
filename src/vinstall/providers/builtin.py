"""The built-in providers: which packages each stands for, and asking one.

Spec: the providers' own releases; uv 0.13.8 for the packages of 2026.  A built-in stands for a
required package of a known name, in a version it behaves like, with a published plugin API.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from packaging.utils import canonicalize_name
from packaging.version import Version

from vinstall.formats.requirement import Requirement
from vinstall.formats.support import NamespaceAnswer
from vinstall.providers.machine import Machine
from vinstall.values import frozen


@frozen
class Package:
    """One published package a built-in stands for."""

    name: str
    versions: tuple[str, ...]
    """The releases it behaves like."""
    plugin_api: str
    features: frozenset[str] | None = None
    """The features the package has; None for all that the built-in knows."""

    @property
    def resolved(self) -> str:
        """`name==version` of the latest release it behaves like."""
        return f"{self.name}=={self.versions[-1]}"


_BUILTINS: Mapping[str, tuple[Package, ...]] = {
    "nvidia": (
        Package(
            name="nvidia-variant-provider",
            versions=("0.0.1", "0.0.2"),
            plugin_api="nvidia_variant_provider.plugin:NvidiaVariantPlugin",
        ),
    ),
    "amd": (
        Package(
            name="amd-variant-provider",
            versions=("0.0.1", "0.0.2"),
            plugin_api="amd_variant_provider.plugin:AMDVariantPlugin",
        ),
    ),
    "intel": (
        Package(
            name="intel-variant-provider",
            versions=("0.0.1", "0.0.2", "0.0.3"),
            plugin_api="intel_variant_provider.plugin:IntelVariantPlugin",
        ),
    ),
    "tpu": (
        Package(
            name="tpu-variant-provider",
            versions=("0.1.0",),
            plugin_api="tpu_variant_provider.plugin:TpuVariantPlugin",
        ),
    ),
    "ascend": (
        Package(
            name="huawei-ascend-variant-provider",
            versions=("0.0.1", "0.0.2"),
            plugin_api="huawei_ascend_variant_provider.plugin:AscendVariantPlugin",
        ),
    ),
    "x86_64": (
        Package(
            name="provider-variant-x86-64",
            versions=("0.0.1", "0.0.1.post1", "0.0.1.post2", "0.0.2", "0.0.3"),
            plugin_api="provider_variant_x86_64.plugin:X8664Plugin",
        ),
        Package(
            name="x86-64-variant-provider",
            versions=("0.2.1",),
            plugin_api="x86_64_variant_provider",
            features=frozenset({"level"}),
        ),
    ),
    "aarch64": (
        Package(
            name="provider-variant-aarch64",
            versions=("0.0.1", "0.0.1.post1", "0.0.1.post2", "0.0.2", "0.0.3"),
            plugin_api="provider_variant_aarch64.plugin:AArch64Plugin",
        ),
        Package(
            name="aarch64-variant-provider",
            versions=("0.2.0",),
            plugin_api="aarch64_variant_provider",
            features=frozenset({"version"}),
        ),
    ),
}

NAMESPACES = tuple(_BUILTINS)
"""The namespaces a built-in answers for."""


def packages(namespace: str) -> tuple[Package, ...]:
    """The packages the built-in for `namespace` stands for, the first published first."""
    return _BUILTINS.get(namespace, ())


def package_for(namespace: str, requirement: Requirement, plugin_api: str | None) -> Package | None:
    """The package a built-in stands for that `requirement` asks for, or None: a foreign plugin.

    `plugin_api` is the metadata's, None where it names none.
    """
    for package in packages(namespace):
        if canonicalize_name(package.name) != requirement.name or requirement.url is not None:
            continue
        admitted = any(
            requirement.specifier.contains(Version(version), prereleases=True)
            for version in package.versions
        )
        if admitted and plugin_api in (None, package.plugin_api):
            return package
    return None


def ask(namespace: str, machine: Machine) -> NamespaceAnswer:
    """The answer of the built-in for `namespace` on `machine`.

    Raises UsageError for an override variable that does not parse, and whatever goes wrong on a
    machine no one has foreseen.  Costs what looking at the hardware costs.
    """
    # One at a time: a run that only asks about the CPU loads nothing about GPUs.
    provider = importlib.import_module(f"vinstall.providers.{namespace}")
    answer: NamespaceAnswer = provider.supported(provider.probe(machine))
    return answer
