"""CpuFacts: what the processor is and can do, under the names the Linux kernel gives to features.

Linux is read from /proc/cpuinfo, macOS from sysctl.  Elsewhere py-cpuinfo decodes the cpuid
instruction in a child process, since running it by machine code can crash; its slow path, which
measures the clock, is not taken.  `python -m vinstall.providers.cpu` is that child.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from vinstall.providers.machine import Machine
from vinstall.values import frozen

X86_64 = "x86_64"
AARCH64 = "aarch64"

_FAMILIES = {"x86_64": X86_64, "amd64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}
_FIRST_PROCESSOR = 16 * 1024
_SECONDS = 10.0

_SYSCTL_KEYS = (
    "machdep.cpu.brand_string",
    "machdep.cpu.features",
    "machdep.cpu.leaf7_features",
    "machdep.cpu.extfeatures",
    "machdep.cpu.xsave.extended_state1",
)
_SYSCTL_NAMES = {
    "sse3": "pni",
    "sse4.1": "sse4_1",
    "sse4.2": "sse4_2",
    "avx1.0": "avx",
    "lzcnt": "abm",
    "lahf": "lahf_lm",
    "clfsopt": "clflushopt",
    "rdwrfsgs": "fsgsbase",
    "sha": "sha_ni",
    "avx512vbmi2": "avx512_vbmi2",
    "avx512vnni": "avx512_vnni",
    "avx512bitalg": "avx512_bitalg",
    "avx512vpopcntdq": "avx512_vpopcntdq",
}
_CPUID_NAMES = {
    "rdrnd": "rdrand",
    "sha": "sha_ni",
    "avx512vbmi2": "avx512_vbmi2",
    "avx512vnni": "avx512_vnni",
    "avx512bitalg": "avx512_bitalg",
    "avx512vpopcntdq": "avx512_vpopcntdq",
}
_AVX_STATE = 0b110
_AVX512_STATE = 0b1110_0110
_NEEDS_AVX_STATE = frozenset({"fma", "f16c", "vaes", "vpclmulqdq"})


@frozen
class CpuFacts:
    """The processor a target runs on."""

    family: str
    """`x86_64`, `aarch64`, or empty for any other."""
    how: str
    flags: frozenset[str] | None = None
    """Features the operating system lets programs use; None where they are not known."""
    implementer: str = ""
    """aarch64 on Linux: who designed the core, `0x41`."""
    part: str = ""
    """aarch64 on Linux: which core, `0xd4f`."""
    apple: int | None = None
    """Apple's own processors on macOS: the generation, 1 for an M1."""
    described: bool = False
    """True where the platform was only described: what any current machine has is assumed."""


def probe(machine: Machine) -> CpuFacts:
    """What `machine` says about its processor.  0.1 ms on Linux, a child process elsewhere."""
    family = _FAMILIES.get(machine.processor.lower(), "")
    if machine.described:
        return CpuFacts(family=family, how="the platform is only described", described=True)
    if machine.system == "Linux":
        return _from_proc(machine, family)
    if machine.system == "Darwin":
        return _from_sysctl(machine, family)
    if family == X86_64:
        return _from_cpuid(machine)
    return CpuFacts(family=family, how="the processor's architecture alone")


def _from_proc(machine: Machine, family: str) -> CpuFacts:
    first: dict[str, str] = {}
    for line in (machine.read("/proc/cpuinfo", _FIRST_PROCESSOR) or "").splitlines():
        key, colon, value = line.partition(":")
        if not colon and first:
            break
        first.setdefault(key.strip(), value.strip())
    # Hybrid and mixed machines: the kernel lists only what every core can do.
    listed = first.get("flags" if family == X86_64 else "Features")
    name = first.get("model name")
    return CpuFacts(
        family=family,
        how=f"/proc/cpuinfo: {name}" if name else "/proc/cpuinfo",
        flags=None if listed is None else frozenset(listed.split()),
        implementer=first.get("CPU implementer", ""),
        part=first.get("CPU part", ""),
    )


def _from_sysctl(machine: Machine, family: str) -> CpuFacts:
    told = machine.run(("/usr/sbin/sysctl", "-i", *_SYSCTL_KEYS), _SECONDS) or ""
    values = {key: value for key, _, value in (line.partition(": ") for line in told.splitlines())}
    brand = values.get(_SYSCTL_KEYS[0], "")
    how = f"sysctl: {brand}" if brand else "the processor's architecture alone"
    if "Apple" in brand:
        # Also for an x86-64 interpreter under Rosetta: the processor is what counts.
        generation = re.search(r"\bM(\d+)", brand)
        return CpuFacts(family=AARCH64, how=how, apple=int(generation[1]) if generation else 1)
    if family != X86_64 or not brand:
        return CpuFacts(family=family, how=how)
    return CpuFacts(family=X86_64, how=how, flags=_sysctl_flags(values))


def _sysctl_flags(values: Mapping[str, str]) -> frozenset[str]:
    words = " ".join(values.get(key, "") for key in _SYSCTL_KEYS[1:4]).lower().split()
    flags = {_SYSCTL_NAMES.get(word, word) for word in words}
    state = values.get(_SYSCTL_KEYS[4], "").split()
    bits = int(state[0]) if state and state[0].isdecimal() else 0
    # Intel, "CPUID": leaf 13, subleaf 1, register EAX.
    flags |= {name for bit, name in enumerate(("xsaveopt", "xsavec")) if bits >> bit & 1}
    return frozenset(flags)


def _from_cpuid(machine: Machine) -> CpuFacts:
    command = (sys.executable, "-I", "-m", "vinstall.providers.cpu")
    told = machine.run(command, _SECONDS)
    if not told:
        return CpuFacts(family=X86_64, how="the processor's architecture alone")
    import json  # on Linux nobody has to be told anything

    flags = usable(frozenset(json.loads(told)), _enabled_state(machine))
    return CpuFacts(family=X86_64, how="cpuid", flags=flags)


def _enabled_state(machine: Machine) -> int:
    """The register state the operating system saves for a program, as in XCR0."""
    if machine.system == "Windows":
        kernel = machine.load("kernel32")
        if kernel is not None:
            # The result is 64 bits wide; those asked about here are among the lowest 32.
            return int(kernel.GetEnabledXStateFeatures())
    # No way to ask: every system that sets OSXSAVE saves the AVX state, not so that of AVX-512.
    return _AVX_STATE


def usable(cpuid: frozenset[str], state: int) -> frozenset[str]:
    """The features of py-cpuinfo's names `cpuid` that a program may use, by the kernel's names.

    `state` is the register state the operating system saves (XCR0).  Pure.
    """
    flags = {_CPUID_NAMES.get(name, name) for name in cpuid}
    if "osxsave" not in flags:
        state = 0
        flags.discard("xsave")
    if state & _AVX_STATE != _AVX_STATE:
        flags -= {name for name in flags if name.startswith("avx") or name in _NEEDS_AVX_STATE}
    if state & _AVX512_STATE != _AVX512_STATE:
        flags -= {name for name in flags if name.startswith("avx512")}
    return frozenset(flags)


def cpuid_flags() -> list[str]:
    """The features cpuid reports, by py-cpuinfo's names.  May crash: only for a child process."""
    from cpuinfo import cpuinfo  # type: ignore[import-untyped]

    processor = cpuinfo.CPUID()
    if processor.is_selinux_enforcing:
        raise SystemExit(1)
    return list(processor.get_flags(processor.get_max_extension_support()))


if __name__ == "__main__":
    import json

    sys.stdout.write(json.dumps(cpuid_flags()))
