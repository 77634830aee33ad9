"""Hosts of the published rankings as host files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vinstall.formats.host_file import HostFacts, HostFile, HostProvider, render_host_file
from vinstall.formats.support import FeatureSupport

H200 = "h200-driver580"
MI300X = "mi300x-rocm71-noenum"
ARC_A770 = "intel-arc-a770"
CPU = "nogpu-x86_64-v3"
AARCH64 = "gb300-driver580-aarch64"


def published_hosts(shared_data: Path) -> dict[str, dict[str, Any]]:
    """The hosts by their published names.

    What the published provider misses on the MI300X without `rocm_agent_enumerator`, ours finds.
    """
    known = json.loads((shared_data / "rankings.json").read_text())["hosts"]
    assert isinstance(known, dict)
    known[MI300X]["properties"]["amd"] = [
        ["gfx_arch", ["gfx942"], True],
        ["rocm_version", ["7.1"], False],
    ]
    return known


def host_file(host: dict[str, Any], only: str | None = None) -> str:
    """`host` as a host file, perhaps with one namespace alone."""
    providers = {
        namespace: HostProvider(
            features=tuple(FeatureSupport(name, tuple(values)) for name, values, _ in features)
        )
        for namespace, features in host["properties"].items()
        if only in (None, namespace)
    }
    markers = host["marker_environment"]
    machine, system = markers["platform_machine"], markers["platform_system"]
    facts = HostFacts(machine=machine, system=system, libc="glibc 2.39")
    return render_host_file(HostFile(providers=providers, facts=facts))
