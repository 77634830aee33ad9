"""Namespace `x86_64`: the level of the x86-64 psABI, then one feature for each instruction set.

Spec: x86-64 psABI, "Micro-architecture levels"; provider-variant-x86-64 for the names and their
order.  That provider names a microarchitecture and lists its features; here the processor's own
flags are read, which gives the same level and at least the same features.
"""

from __future__ import annotations

from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers.cpu import X86_64, CpuFacts
from vinstall.providers.cpu import probe as probe

_LEVELS = (
    frozenset({"cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"}),
    frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
)
"""What v2, v3 and v4 need beyond the level before; a 64-bit system runs on nothing below v1."""

_FEATURES = (
    "avx_vnni cppc ibrs_enhanced tsc_adjust flush_l1d movdir64b movdiri avx512_bf16 avx512_bitalg "
    "avx512_vbmi2 avx512_vnni avx512_vp2intersect avx512_vpopcntdq avx512ifma avx512vbmi rdpid "
    "sha_ni vaes vpclmulqdq clwb clzero avx512bw avx512cd avx512dq avx512f avx512vl clflushopt "
    "gfni rdseed xsavec xsaveopt adx avx2 avx bmi2 bmi1 abm f16c fma movbe xsave rdrand aes "
    "pclmulqdq sse4a fsgsbase sse4_2 sse4_1 ssse3 sse3 cx16 lahf_lm popcnt sse2 sse mmx"
)
"""In the provider's order.  Each is the kernel's name of the flag, except `sse3`."""

_ASSUMED_LEVEL = 2
"""Of a machine that is only described: every x86-64 processor sold since 2010."""


def supported(facts: CpuFacts) -> NamespaceAnswer:
    """The levels, highest first, then the features, each with the value `on`.  Pure."""
    if facts.family != X86_64:
        return NamespaceAnswer(how=f"no x86-64 processor ({facts.how})")
    level = _level(facts)
    levels = tuple(f"v{number}" for number in range(level, 0, -1))
    flags = facts.flags or frozenset()
    features = (
        FeatureSupport(name, ("on",))
        for name in _FEATURES.split()
        if ("pni" if name == "sse3" else name) in flags
    )
    return NamespaceAnswer(
        features=(FeatureSupport("level", levels), *features), how=f"level v{level}, {facts.how}"
    )


def _level(facts: CpuFacts) -> int:
    if facts.described:
        return _ASSUMED_LEVEL
    level = 1
    for needed in _LEVELS:
        if facts.flags is None or not needed <= facts.flags:
            break
        level += 1
    return level
