"""Platform compatibility tags of a target, from facts about it.  Pure.

Spec: platform compatibility tags; PEP 425, 600 (manylinux), 656 (musllinux), 703 (free threading).
`packaging.tags` knows how interpreter, ABI and platform combine; what it asks of the running
process comes from the target here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vinstall.values import frozen

_LEGACY_MANYLINUX = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_MANYLINUX_MACHINES = frozenset(
    ("x86_64", "i686", "aarch64", "armv7l", "ppc64", "ppc64le", "s390x", "loongarch64", "riscv64")
)


@frozen
class LinuxFacts:
    """What decides the platform tags of a Linux target."""

    machine: str
    """As in `linux_{machine}`."""
    glibc: tuple[int, int] | None = None
    musl: tuple[int, int] | None = None
    hard_float: bool = False
    """32-bit ARM: the interpreter uses the hard-float ABI."""
    refused_glibc: frozenset[tuple[int, int]] = frozenset()
    """glibc versions that the distributor's `_manylinux` module refuses (PEP 600)."""


def linux_platforms(facts: LinuxFacts) -> Iterator[str]:
    """Platform tags, most preferred first: the native one, then manylinux, then musllinux."""
    machines = ("armv8l", "armv7l") if facts.machine == "armv8l" else (facts.machine,)
    for machine in machines:
        yield f"linux_{machine}"
    if facts.glibc is not None:
        for machine in machines:
            yield from _manylinux(machine, facts.glibc, facts)
    if facts.musl is not None:
        major, newest = facts.musl
        for machine in machines:
            for minor in range(newest, -1, -1):
                yield f"musllinux_{major}_{minor}_{machine}"


def _manylinux(machine: str, glibc: tuple[int, int], facts: LinuxFacts) -> Iterator[str]:
    if machine not in _MANYLINUX_MACHINES or (machine == "armv7l" and not facts.hard_float):
        return
    # PEP 600 knows no older profile than 2.17, on x86 than 2.5.
    oldest = 5 if machine in ("x86_64", "i686") else 17
    major, newest = glibc
    for minor in range(newest, oldest - 1, -1):
        if (major, minor) in facts.refused_glibc:
            continue
        yield f"manylinux_{major}_{minor}_{machine}"
        if legacy := _LEGACY_MANYLINUX.get((major, minor)):
            yield f"{legacy}_{machine}"


def probed_platforms(platform: Mapping[str, Any]) -> list[str]:
    """Platform tags from the `platform` part of what `probe_script` reports, best first."""
    from packaging import tags

    name = str(platform["name"]).replace(".", "_").replace("-", "_").replace(" ", "_")
    if mac := platform.get("mac"):
        version, machine = mac
        if platform["bits"] == 32:
            machine = "ppc" if machine.startswith("ppc") else "i386"
        major, minor = (*map(int, version.split(".")[:2]), 0)[:2]
        return list(tags.mac_platforms((major, minor), machine))
    if ios := platform.get("ios"):
        major, minor = (*map(int, ios[0].split(".")[:2]), 0)[:2]
        return list(tags.ios_platforms((major, minor), ios[1]))
    if level := platform.get("android"):
        return android_platforms(int(level), name.removeprefix("android_").partition("_")[2])
    if not name.startswith("linux_"):
        return [name]
    machine = name.removeprefix("linux_")
    if platform["bits"] == 32:
        machine = {"x86_64": "i686", "aarch64": "armv8l"}.get(machine, machine)
    facts = LinuxFacts(
        machine=machine,
        glibc=_pair(platform.get("glibc")),
        musl=_pair(platform.get("musl")),
        hard_float=bool(platform.get("hard_float")),
        refused_glibc=frozenset((int(a), int(b)) for a, b in platform.get("refused_glibc", ())),
    )
    return list(linux_platforms(facts))


def android_platforms(level: int, abi: str) -> list[str]:
    """Platform tags of an Android target at API level `level`, newest level first (PEP 738)."""
    return [f"android_{number}_{abi}" for number in range(level, 15, -1)]


def _pair(value: Sequence[int] | None) -> tuple[int, int] | None:
    return None if value is None else (int(value[0]), int(value[1]))


def cpython_abis(version: tuple[int, int], *, free_threaded: bool, debug: bool) -> list[str]:
    """ABI tags of a CPython from 3.8 on, most preferred first (PEP 425, 703).

    A debug build loads ordinary extension modules, too.
    """
    abi = f"cp{version[0]}{version[1]}{'t' if free_threaded else ''}"
    return [f"{abi}d", abi] if debug else [abi]


def cpython_tags(
    version: tuple[int, int], abis: Sequence[str], platforms: Sequence[str]
) -> tuple[str, ...]:
    """Every `python-abi-platform` a CPython accepts, most preferred first.  Some milliseconds."""
    from packaging import tags

    interpreter = f"cp{version[0]}{version[1]}"
    found = [
        *tags.cpython_tags(version, abis, platforms),
        *tags.compatible_tags(version, interpreter, platforms),
    ]
    return tuple(dict.fromkeys(map(str, found)))


def generic_tags(
    implementation: str, version: tuple[int, int], abis: Sequence[str], platforms: Sequence[str]
) -> tuple[str, ...]:
    """Every tag of another implementation with these ABIs, most preferred first."""
    from packaging import tags

    interpreter = f"{implementation}{version[0]}{version[1]}"
    found = [
        *tags.generic_tags(interpreter, abis, platforms),
        *tags.compatible_tags(version, interpreter, platforms),
    ]
    return tuple(dict.fromkeys(map(str, found)))


def other_tags(
    implementation: str, version: tuple[int, int], ext_suffix: str, platforms: Sequence[str]
) -> tuple[str, ...]:
    """The same for PyPy, GraalPy and others; the ABI is read from the suffix of extension modules."""
    from packaging import tags

    short = tags.INTERPRETER_SHORT_NAMES.get(implementation, implementation)
    # `.pypy310-pp73-x86_64-linux-gnu.so`, `.graalpy-38-native-x86_64-darwin.dylib`
    parts = ext_suffix.split(".")[1:2]
    keep = {"pypy": 2, "graalpy": 3}.get(implementation, 1)
    abis = ["_".join(part.split("-")[:keep]) for part in parts if part]
    found = [
        *tags.generic_tags(f"{short}{version[0]}{version[1]}", abis, platforms),
        *tags.compatible_tags(version, "pp3" if short == "pp" else None, platforms),
    ]
    return tuple(dict.fromkeys(map(str, found)))
