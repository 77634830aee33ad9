"""Namespace `amd`: the GPU architectures and the version of ROCm.

Spec: amd-variant-provider 0.0.2.  Other than the provider: without the kernel's ROCm driver (kfd)
nothing is supported; its list of GPUs is read before a tool of ROCm is run; and the architectures
that rocminfo calls generic, which ROCm 7 added and which spoil the provider's parsing, are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.pattern import pattern
from vinstall.providers.machine import Machine
from vinstall.providers.override import GFX_ARCH, ROCM_VERSION, malformed
from vinstall.values import frozen

_KFD = "/sys/class/kfd/kfd"
_NODES = f"{_KFD}/topology/nodes"
_ROCM = "/opt/rocm"

_ROCMINFO_SECONDS = 7.0
_ENUMERATOR_SECONDS = 5.0
_KNOWN_TO_ROCMINFO = (
    "gfx900,gfx906,gfx908,gfx90a,gfx942,gfx1030,gfx1100,gfx1101,gfx1102,gfx1200,gfx1201"
)
_NAME = pattern(r"\b(gfx\d+[0-9a-f]*)\b(?!-)")
_PROCESSOR = "gfx000"


@frozen
class AmdFacts:
    """What the kernel and ROCm say, or the user instead."""

    how: str
    architectures: tuple[str, ...] = ()
    """`gfx942`, ...: sorted, or as the user listed them."""
    rocm: str | None = None
    """Major and minor, `6.4`."""


def probe(machine: Machine) -> AmdFacts:
    """The GPUs and the ROCm of `machine`; Linux only.

    Raises UsageError for a variable that does not parse.  Without kfd it costs one failed listing.
    """
    forced_gpus = parse_architectures(machine.environ.get(GFX_ARCH, ""))
    forced_rocm = parse_forced_rocm(machine.environ.get(ROCM_VERSION, ""))
    forced = bool(forced_gpus) or forced_rocm is not None
    if not forced and not (machine.system == "Linux" and machine.entries(_KFD)):
        return AmdFacts(how="no AMD GPU driver (kfd)")
    said = []
    if forced_gpus:
        gpus, source = forced_gpus, GFX_ARCH
    else:
        gpus, source = _detected(machine)
    said.append(f"{source}: {' '.join(gpus)}" if gpus else "no GPU")
    rocm = forced_rocm
    if rocm is not None:
        said.append(f"{ROCM_VERSION}: {rocm}")
    else:
        rocm = _installed_rocm(machine)
        said.append(f"ROCm {rocm}" if rocm else "no ROCm")
    return AmdFacts(how=", ".join(said), architectures=gpus, rocm=rocm)


def parse_architectures(text: str) -> tuple[str, ...]:
    """The architectures in `text`, the value of the variable; empty where it is.  Raises UsageError."""
    if not text:
        return ()
    names = tuple(dict.fromkeys(name for name in re.split(r"[,\s;]+", text) if name))
    if not names or any(re.fullmatch(r"gfx[0-9]+[0-9a-f]*", name) is None for name in names):
        raise malformed(GFX_ARCH, text, "architectures such as `gfx942,gfx1100`")
    return names


def parse_forced_rocm(text: str) -> str | None:
    """Major and minor in `text`, the value of the variable; None where it is empty.

    Raises UsageError.
    """
    if not text:
        return None
    match = re.fullmatch(r"\s*([0-9]+)\.([0-9]+)\.[0-9]+\s*", text)
    if match is None:
        raise malformed(ROCM_VERSION, text, "three numbers such as `6.4.1`")
    return f"{match[1]}.{match[2]}"


def architecture_name(version: int) -> str:
    """The name of a GPU whose `gfx_target_version` in kfd is `version`: 90402 is `gfx942`.

    Kernel, `kfd_topology`: major * 10000 + minor * 100 + stepping; the name has the last two in hex.
    """
    major, minor, stepping = version // 10000, version // 100 % 100, version % 100
    return f"gfx{major}{minor:x}{stepping:x}"


def supported(facts: AmdFacts) -> NamespaceAnswer:
    """`gfx_arch`, then `rocm_version`, as far as known.  Pure."""
    features = []
    if facts.architectures:
        features.append(FeatureSupport("gfx_arch", facts.architectures, multi_value=True))
    if facts.rocm is not None:
        features.append(FeatureSupport("rocm_version", (facts.rocm,)))
    return NamespaceAnswer(features=tuple(features), how=facts.how)


def _detected(machine: Machine) -> tuple[tuple[str, ...], str]:
    """The architectures, sorted, and where they were found."""
    for found, source in (
        (_from_kfd(machine), "kfd"),
        (_from_rocminfo(machine), "rocminfo"),
        (_from_enumerator(machine), "rocm_agent_enumerator"),
    ):
        if found:
            return tuple(sorted(found)), source
    return (), ""


def _from_kfd(machine: Machine) -> set[str]:
    found = set()
    for node in machine.entries(_NODES):
        # A GPU this container may not use is listed, but cannot be read.
        properties = machine.text(f"{_NODES}/{node}/properties") or ""
        match = re.search(r"^gfx_target_version ([0-9]+)$", properties, re.MULTILINE)
        if match is not None and int(match[1]):
            found.add(architecture_name(int(match[1])))
    return found


def _from_rocminfo(machine: Machine) -> set[str]:
    told = machine.run(("rocminfo",), _ROCMINFO_SECONDS) or ""
    found = set(_NAME.findall(told))
    return found if found <= _preferred(machine.environ) else set()


def _preferred(environ: Mapping[str, str]) -> set[str]:
    listed = environ.get("AMD_PREFERRED_GFX_ARCHS") or _KNOWN_TO_ROCMINFO
    return {name.strip() for name in listed.split(",")}


def _from_enumerator(machine: Machine) -> set[str]:
    told = machine.run(("rocm_agent_enumerator", "-name"), _ENUMERATOR_SECONDS) or ""
    return {match[1] for line in told.splitlines() if (match := _NAME.search(line))} - {_PROCESSOR}


def _installed_rocm(machine: Machine) -> str | None:
    folder = machine.environ.get("ROCM_PATH") or _ROCM
    text = machine.text(f"{folder}/.info/version") or ""
    match = re.match(r"([0-9]+)[.-]([0-9]+)(?:[.-]|$)", text)
    return None if match is None else f"{match[1]}.{match[2]}"
