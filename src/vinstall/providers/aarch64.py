"""Namespace `aarch64`: the version of the Arm architecture, then one feature for each extension.

Spec: provider-variant-aarch64 for the names and their order, with the two names it fuses by a
missing comma taken apart.  The version follows from the core, since no flag says it; the table of
cores and what each implies are those of archspec 0.2.7.
"""

from __future__ import annotations

from typing import NamedTuple

from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers.cpu import AARCH64, CpuFacts
from vinstall.providers.cpu import probe as probe


class Core(NamedTuple):
    """One microarchitecture."""

    name: str
    implementer: str
    part: str
    """Empty where no part number is published."""
    version: str
    features: frozenset[str]
    """What every such core has, by the kernel's names."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_A72 = _words("fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid")
_THUNDERX2 = _A72 | {"atomics", "asimdrdm"}
_A64FX = (_THUNDERX2 - {"aes", "pmull"}) | _words("fphp asimdhp fcma dcpop sve")
_N1 = _THUNDERX2 | _words("fphp asimdhp lrcpc dcpop asimddp")
_ARMV84 = _N1 | _words("jscvt fcma sha3 sha512 asimdfhm uscat ilrcpc flagm dcpodp")
_V1 = _ARMV84 | _words("sve dit svei8mm svebf16 i8mm bf16 dgh rng")
_V2 = _ARMV84 | _words("sve sve2 sb flagm2 frint svei8mm svebf16 i8mm bf16")
_V3AE = _V2 | _words(
    "afp bti dgh dit ecv paca pacg sm3 sm4 sveaes svebitperm svepmull svesha3 svesm4 wfxt"
)
_M1 = _ARMV84 | _words("dit ssbs sb paca pacg flagm2 frint")
_M2 = _M1 | _words("ecv bf16 i8mm bti")
_AMPERE1 = _M2 | {"rng"}

_CORES = (
    Core("Neoverse V3AE", "0x41", "0xd83", "9.2a", _V3AE),
    Core("Neoverse V2", "0x41", "0xd4f", "9.0a", _V2),
    Core("Neoverse N2", "0x41", "0xd49", "9.0a", _V2),
    Core("Neoverse V1", "0x41", "0xd40", "8.4a", _V1),
    Core("Neoverse N1", "0x41", "0xd0c", "8.2a", _N1),
    Core("Cortex-A72", "0x41", "0xd08", "8a", _A72),
    Core("ThunderX2", "0x43", "0x0af", "8.1a", _THUNDERX2),
    Core("A64FX", "0x46", "0x001", "8.2a", _A64FX),
    Core("AmpereOne A", "0xc0", "0xac4", "8.6a", _AMPERE1 | {"sm3", "sm4"}),
    Core("AmpereOne", "0xc0", "0xac3", "8.6a", _AMPERE1),
    Core("M4", "0x61", "", "8.6a", _M2 | {"sme", "sme2"}),
    Core("M3", "0x61", "", "8.6a", _M2),
    Core("M2", "0x61", "0x032", "8.5a", _M2),
    Core("M1", "0x61", "0x022", "8.4a", _M1),
)
"""Of each implementer the most capable core first."""

_LATEST_APPLE = 4

_ARMV8 = ("8.6a", "8.5a", "8.4a", "8.3a", "8.2a", "8.1a", "8a")
_HIGHEST = "9.0a"
"""The provider knows no later version; 8.6a is not an ancestor of it."""

_FEATURES = (
    "sve2 flagm2 frint sb bti ecv paca pacg ssbs asimdfhm bf16 dcpodp dgh dit flagm i8mm ilrcpc "
    "jscvt rng sha3 sha512 svebf16 svei8mm uscat asimddp lrcpc asimdhp dcpop fcma fphp sve "
    "asimdrdm atomics aes asimd cpuid crc32 evtstrm fp pmull sha1 sha2"
)


def supported(facts: CpuFacts) -> NamespaceAnswer:
    """The versions, latest first, then the features, each with the value `on`.  Pure."""
    if facts.family != AARCH64:
        return NamespaceAnswer(how=f"no 64-bit Arm processor ({facts.how})")
    core = core_of(facts)
    versions = ancestry(core.version if core else "8a")
    flags = facts.flags
    if flags is None:
        # sysctl says little about an Apple processor's features, but its name says all.
        flags = core.features if core else frozenset()
    name = core.name if core else "unknown core"
    return NamespaceAnswer(
        features=(
            FeatureSupport("version", versions),
            *(
                FeatureSupport(feature, ("on",))
                for feature in _FEATURES.split()
                if feature in flags
            ),
        ),
        how=f"version {versions[0]}, {name}, {facts.how}",
    )


def core_of(facts: CpuFacts) -> Core | None:
    """The core that `facts` describe, or the most capable one they have all features of.

    archspec's rule: of the cores by the same implementer whose features are all there, the one
    with the very part number, else the first.
    """
    if facts.apple is not None:
        name = f"M{min(facts.apple, _LATEST_APPLE)}"
        return next((core for core in _CORES if core.name == name), None)
    flags = facts.flags or frozenset()
    fitting = [
        core for core in _CORES if core.implementer == facts.implementer and core.features <= flags
    ]
    exact = [core for core in fitting if core.part == facts.part]
    return next(iter(exact or fitting), None)


def ancestry(version: str) -> tuple[str, ...]:
    """`version` and all it includes, latest first, from 9.0a down."""
    if version.startswith("9"):
        return (_HIGHEST, *_ARMV8[1:])
    return _ARMV8[_ARMV8.index(version) :]
