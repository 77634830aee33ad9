"""What is known of the processor, and the namespaces `x86_64` and `aarch64` on top of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.machines import fake_machine
from vinstall.providers import aarch64, cpu, x86_64
from vinstall.providers.cpu import CpuFacts
from vinstall.providers.machine import Machine, described_machine, this_machine

V2 = frozenset({"cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"})
V3 = V2 | {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


def facts(flags: frozenset[str] | None) -> CpuFacts:
    """An x86-64 processor with these flags."""
    return CpuFacts(family="x86_64", how="test", flags=flags)


def level(flags: frozenset[str] | None) -> tuple[str, ...]:
    """The levels of such a processor."""
    return x86_64.supported(facts(flags)).features[0].values


class TestLevels:
    @pytest.mark.parametrize(
        ("flags", "levels"),
        [
            (frozenset({"sse2"}), ("v1",)),
            (None, ("v1",)),
            (V2, ("v2", "v1")),
            (V3, ("v3", "v2", "v1")),
            (V4, ("v4", "v3", "v2", "v1")),
            (V4 - {"movbe"}, ("v2", "v1")),
            (V4 - {"lahf_lm"}, ("v1",)),
        ],
    )
    def test_each_needs_all_of_the_one_before(
        self, flags: frozenset[str] | None, levels: tuple[str, ...]
    ) -> None:
        assert level(flags) == levels

    @given(st.frozensets(st.sampled_from(sorted(V4))), st.sampled_from(sorted(V4)))
    def test_a_flag_more_never_lowers_the_level(self, flags: frozenset[str], more: str) -> None:
        assert set(level(flags)) <= set(level(flags | {more}))

    @given(st.frozensets(st.sampled_from([*sorted(V4), "sse3", "sha_ni", "ospke", "amx_tile"])))
    def test_features_are_the_known_flags(self, flags: frozenset[str]) -> None:
        found = {feature.name for feature in x86_64.supported(facts(flags)).features[1:]}
        known = set(x86_64._FEATURES.split()) - {"sse3"}
        assert found == (flags & known) | ({"sse3"} if "pni" in flags else set())

    def test_another_processor_has_none(self) -> None:
        answer = x86_64.supported(CpuFacts(family="aarch64", how="sysctl: Apple M4"))
        assert (answer.features, answer.how) == ((), "no x86-64 processor (sysctl: Apple M4)")


class TestUsable:
    """What the operating system does not save, programs cannot use."""

    CPUID = frozenset(
        {"osxsave", "xsave", "avx", "avx2", "fma", "f16c", "avx512f", "avx512vbmi2", "sha", "rdrnd"}
    )

    def test_names_are_the_kernels(self) -> None:
        flags = cpu.usable(self.CPUID, 0xE7)
        assert flags == (self.CPUID - {"avx512vbmi2", "sha", "rdrnd"}) | {
            "avx512_vbmi2",
            "sha_ni",
            "rdrand",
        }

    def test_without_the_state_of_avx_512_it_is_not_there(self) -> None:
        flags = cpu.usable(self.CPUID, 0x7)
        assert {"avx2", "fma"} <= flags
        assert not [name for name in flags if name.startswith("avx512")]

    @pytest.mark.parametrize("cpuid", [CPUID, CPUID - {"osxsave"}])
    def test_without_the_state_of_avx_neither_is_what_needs_it(self, cpuid: frozenset[str]) -> None:
        state = 0x3 if "osxsave" in cpuid else 0xE7
        flags = cpu.usable(cpuid, state)
        assert not flags & {"avx", "avx2", "fma", "f16c", "avx512f"}
        assert "sha_ni" in flags


class TestAarch64:
    def version(self, **given: object) -> tuple[str, ...]:
        """The versions of a core."""
        known: Mapping[str, object] = {"family": "aarch64", "how": "test", **given}
        return aarch64.supported(CpuFacts(**known)).features[0].values  # type: ignore[arg-type]

    def test_an_unknown_implementer_has_the_first_version(self) -> None:
        assert self.version(implementer="0x99", part="0x1", flags=frozenset({"sve2"})) == ("8a",)

    def test_an_unknown_part_is_the_best_core_it_could_be(self) -> None:
        listed = (
            "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm "
            "lrcpc dcpop asimddp ssbs"
        )
        n1 = frozenset(listed.split())
        assert self.version(implementer="0x41", part="0xd0b", flags=n1)[0] == "8.2a"
        assert self.version(implementer="0x41", part="0xd0b", flags=n1 - {"aes"})[0] == "8a"

    def test_an_apple_processor_of_the_future_is_the_latest_known(self) -> None:
        assert self.version(apple=7)[0] == "8.6a"

    @pytest.mark.parametrize(
        ("version", "ancestry"),
        [
            ("9.2a", ("9.0a", "8.5a", "8.4a", "8.3a", "8.2a", "8.1a", "8a")),
            ("9.0a", ("9.0a", "8.5a", "8.4a", "8.3a", "8.2a", "8.1a", "8a")),
            ("8.6a", ("8.6a", "8.5a", "8.4a", "8.3a", "8.2a", "8.1a", "8a")),
            ("8a", ("8a",)),
        ],
    )
    def test_a_version_includes_its_ancestors(
        self, version: str, ancestry: tuple[str, ...]
    ) -> None:
        assert aarch64.ancestry(version) == ancestry

    def test_windows_knows_the_architecture_alone(self) -> None:
        answer = aarch64.supported(cpu.probe(fake_machine(system="Windows", processor="ARM64")))
        assert [(name, values) for name, values, _ in answer.features] == [("version", ("8a",))]


class TestProbe:
    @pytest.mark.parametrize(
        "text", ["", "processor\t: 0\nmodel name\t: emulated\n\nprocessor\t: 1\nflags\t: avx\n"]
    )
    def test_without_flags_in_the_first_block_nothing_is_known(self, text: str) -> None:
        found = cpu.probe(fake_machine(files={"/proc/cpuinfo": text}))
        assert (found.family, found.flags) == ("x86_64", None)

    def test_rosetta_is_an_apple_processor(self) -> None:
        machine = fake_machine(
            system="Darwin",
            commands={"/usr/sbin/sysctl": "machdep.cpu.brand_string: Apple M2 Pro\n"},
        )
        found = cpu.probe(machine)
        assert (found.family, found.apple) == ("aarch64", 2)
        assert x86_64.supported(found).features == ()

    @pytest.mark.parametrize(("processor", "family"), [("arm64", "aarch64"), ("x86_64", "x86_64")])
    def test_a_silent_sysctl_leaves_the_architecture(self, processor: str, family: str) -> None:
        found = cpu.probe(fake_machine(system="Darwin", processor=processor))
        assert found == CpuFacts(family=family, how="the processor's architecture alone")

    def test_xsave_extensions_are_read_from_their_register(self) -> None:
        def flags(state: str) -> frozenset[str]:
            text = (
                "machdep.cpu.brand_string: Intel\nmachdep.cpu.features: XSAVE\n"
                f"machdep.cpu.xsave.extended_state1: {state}\n"
            )
            machine = fake_machine(system="Darwin", commands={"/usr/sbin/sysctl": text})
            return cpu.probe(machine).flags or frozenset()

        assert flags("1 0 0 0") == {"xsave", "xsaveopt"}
        assert flags("15 832 256 0") == {"xsave", "xsaveopt", "xsavec"}
        assert flags("") == {"xsave"}

    def test_elsewhere_a_silent_child_leaves_the_architecture(self) -> None:
        found = cpu.probe(fake_machine(system="freebsd14", processor="amd64"))
        assert found == CpuFacts(family="x86_64", how="the processor's architecture alone")

    def test_elsewhere_avx_512_is_not_counted_on(self) -> None:
        told = json.dumps(["osxsave", "avx", "avx512f"])
        machine = fake_machine(
            system="freebsd14", processor="amd64", commands={sys.executable: told}
        )
        assert cpu.probe(machine).flags == frozenset({"osxsave", "avx"})

    def test_any_other_processor_has_no_family(self) -> None:
        assert cpu.probe(fake_machine(processor="riscv64")).family == ""


class TestDescribed:
    """Where the target is described without a processor."""

    def described(self, processor: str) -> Machine:
        """Such a target."""
        return described_machine(system="Linux", processor=processor, environ={})

    def test_x86_64_is_taken_to_be_v2(self) -> None:
        answer = x86_64.supported(cpu.probe(self.described("x86_64")))
        assert [(name, values) for name, values, _ in answer.features] == [("level", ("v2", "v1"))]

    @pytest.mark.parametrize("processor", ["aarch64", "arm64", "ARM64"])
    def test_aarch64_is_taken_to_be_8a(self, processor: str) -> None:
        answer = aarch64.supported(cpu.probe(self.described(processor)))
        assert [(name, values) for name, values, _ in answer.features] == [("version", ("8a",))]


class TestThisMachine:
    """The two ways to read an x86-64 processor agree on the one this runs on."""

    def test_cpuid_and_the_kernel_give_the_same_level(self) -> None:
        machine = this_machine()
        if machine.system != "Linux" or machine.processor != "x86_64":
            pytest.skip("not an x86-64 Linux")
        command = [sys.executable, "-I", "-m", "vinstall.providers.cpu"]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        if done.returncode:
            pytest.skip("cpuid may not be run here")
        kernel = cpu.probe(machine).flags or frozenset()
        state = 0xE7 if "avx512f" in kernel else 0x7 if "avx" in kernel else 0x3
        asked = cpu.usable(frozenset(json.loads(done.stdout)), state)
        assert level(asked) == level(kernel)

    def test_nothing_about_gpus_is_loaded_for_the_processor(self) -> None:
        code = (
            "import sys; from vinstall.providers import builtin, machine;"
            "builtin.ask('x86_64', machine.this_machine());"
            "print([m for m in ('pynvml', 'cpuinfo', 'ctypes') if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], capture_output=True, check=True, text=True
        )
        assert done.stdout == "[]\n"
