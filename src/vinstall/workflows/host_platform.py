"""The platform a host file stands for."""

from __future__ import annotations

from collections.abc import Mapping

from vinstall.formats.host_file import HostFacts

_WINDOWS = {"AMD64": "x86_64", "ARM64": "aarch64", "x86": "i686"}


def foreign_platform(facts: HostFacts, markers: Mapping[str, str]) -> str | None:
    """The `--python-platform` of a host of another kind than `markers` tell of; None where it is not.

    A host of the same kind leaves the platform to the target: in a container the C library is the
    container's own.
    """
    same_machine = facts.machine in ("", markers.get("platform_machine"))
    same_system = facts.system in ("", markers.get("platform_system"))
    return None if same_machine and same_system else platform_of(facts)


def platform_of(facts: HostFacts) -> str | None:
    """The `--python-platform` that fits the facts of a host file; None where they do not say."""
    kind, _, version = facts.libc.partition(" ")
    if facts.system == "Linux" and facts.machine and version:
        major, minor = [*version.split("."), "0"][:2]
        family = "musllinux" if kind == "musl" else "manylinux"
        return f"{facts.machine}-{family}_{major}_{minor}"
    if facts.system == "Darwin" and facts.machine:
        return f"{'aarch64' if facts.machine == 'arm64' else facts.machine}-apple-darwin"
    if facts.system == "Windows" and facts.machine in _WINDOWS:
        return f"{_WINDOWS[facts.machine]}-pc-windows-msvc"
    return None
