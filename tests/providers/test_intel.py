"""Namespace `intel`, and Level Zero behind it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.machines import FakeLevelZero, OldLevelZero, fake_machine, ip_version
from vinstall.errors import UsageError
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers import intel
from vinstall.providers.level_zero import LevelZeroError, device_ips

FORCE = "INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP"
INTEL = 0x8086


def answer(library: Any = None, system: str = "Linux", **environ: str) -> NamespaceAnswer:
    """The answer of a machine with this Level Zero loader."""
    libraries = {"libze_loader.so.1": library, "C:/Windows/System32/ze_loader.dll": library}
    machine = fake_machine(system=system, libraries=libraries, environ=environ)
    return intel.supported(intel.probe(machine))


def devices(*ips: str) -> list[tuple[int, int]]:
    """Intel GPUs with these IPs."""
    return [(ip_version(ip), INTEL) for ip in ips]


def support(*ips: str) -> tuple[FeatureSupport, ...]:
    """The feature as the provider publishes it."""
    return (FeatureSupport("device_ip", ips, True),)


class TestDevices:
    def test_each_is_followed_by_the_base_of_its_family(self) -> None:
        found = answer(FakeLevelZero([devices("12.71.4"), devices("12.57.0", "12.56.5")]))
        assert found.features == support("12.71.4", "12.70.4", "12.57.0", "12.55.8", "12.56.5")
        assert found.how == "Level Zero: 12.71.4, 12.57.0, 12.56.5"

    @pytest.mark.parametrize("system", ["Linux", "Windows"])
    def test_old_loaders_answer_too(self, system: str) -> None:
        assert answer(OldLevelZero([devices("20.1.0")]), system).features == support("20.1.0")

    def test_gpus_of_others_do_not_count(self) -> None:
        library = FakeLevelZero([[(ip_version("12.55.8"), 0x10DE)]])
        assert answer(library) == NamespaceAnswer(how="Level Zero: no Intel GPU")

    def test_an_unknown_one_is_one_warning(self) -> None:
        found = answer(FakeLevelZero([devices("20.1.4", "12.55.8")]))
        assert found.features == support("12.55.8")
        assert found.warnings == (
            "the Intel device IP `20.1.4` is not known: no build is chosen for it",
        )

    def test_without_a_loader_nothing_is_said(self) -> None:
        assert answer() == NamespaceAnswer(how="no Level Zero loader")

    def test_a_loader_without_a_driver_is_no_fault(self) -> None:
        library = FakeLevelZero([], result=0x78000001)
        assert answer(library) == NamespaceAnswer(how="Level Zero: no driver")

    def test_any_other_error_is_one_warning(self) -> None:
        found = answer(OldLevelZero([], result=0x70000001))
        assert found.features == ()
        assert found.warnings == (
            "the Intel GPU driver could not be asked: `zeInit` failed with 0x70000001",
        )

    def test_other_systems_support_nothing(self) -> None:
        found = answer(FakeLevelZero([devices("12.55.8")]), "Darwin")
        assert found == NamespaceAnswer(how="Intel GPUs are looked for on Linux and Windows only")

    @given(st.integers(0, 1023), st.integers(0, 255), st.integers(0, 63))
    def test_the_version_is_taken_apart_into_its_fields(
        self, architecture: int, release: int, revision: int
    ) -> None:
        version = architecture << 22 | release << 14 | 0b10101010 << 6 | revision
        assert intel.render_ip(version) == f"{architecture}.{release}.{revision}"


class TestOverride:
    def test_it_is_exactly_what_is_supported(self) -> None:
        found = answer(FakeLevelZero([devices("20.1.0")]), **{FORCE: "12.71.4"})
        assert found == NamespaceAnswer(features=support("12.71.4"), how=f"{FORCE}=12.71.4")

    def test_an_unknown_one_is_one_warning(self) -> None:
        found = answer(**{FORCE: "99.9.9"})
        assert found.features == ()
        assert found.warnings == (
            "the Intel device IP `99.9.9` is not known: no build is chosen for it",
        )

    @pytest.mark.parametrize("value", ["12.55", "acm-g10", "12.55.8.0", " 12.55.8", "١٢.٥٥.٨"])
    def test_a_malformed_one_is_the_users_mistake(self, value: str) -> None:
        with pytest.raises(UsageError) as caught:
            answer(**{FORCE: value})
        assert caught.value.message == (
            f"the variable `{FORCE}` has the value `{value}`, which cannot be understood"
        )
        assert caught.value.hint == (
            "it has to be a device IP such as `12.55.8`; unset it to have the machine detected"
        )


LOADER = r"""
#include <stdint.h>
#include <string.h>
typedef struct { uint32_t stype; void *next; uint32_t flags; } driver_type;
typedef struct { uint32_t stype; void *next; uint32_t ip; } ip_version;
typedef struct {
    uint32_t stype; void *next; uint32_t type, vendor, device, flags, subdevice, core_clock;
    uint64_t max_allocation; uint32_t max_contexts, max_priority, threads, simd, units, subslices,
    slices; uint64_t timer_resolution; uint32_t timestamp_bits, kernel_timestamp_bits;
    uint8_t uuid[16]; char name[256];
} properties;
int zeInitDrivers(uint32_t *count, void **drivers, driver_type *wanted) {
    if (wanted->stype != 0x20021 || wanted->flags != 1) return 0x78000004;
    *count = 1; if (drivers) drivers[0] = (void *)0x7f1122334455; return 0;
}
int zeDeviceGet(void *driver, uint32_t *count, void **devices) {
    if (driver != (void *)0x7f1122334455) return 0x78000003;
    *count = 2;
    if (devices) { devices[0] = (void *)0x7faabbccdd00; devices[1] = (void *)0x7faabbccdd01; }
    return 0;
}
int zeDeviceGetProperties(void *device, properties *out) {
    ip_version *ip = out->next;
    if (out->stype != 3 || ip->stype != 0x1000f) return 0x78000004;
    memset(out->name, 'x', 255); out->slices = 7; out->kernel_timestamp_bits = 64;
    out->vendor = 0x8086;
    ip->ip = device == (void *)0x7faabbccdd00 ? 12u << 22 | 55u << 14 | 8 : 20u << 22 | 1u << 14;
    return 0;
}
int zeInit(uint32_t flags) { return FAILING; }
"""


class TestRealCalls:
    """The C side as a compiler lays it out."""

    @pytest.fixture
    def loader(self, tmp_path: Path) -> Any:
        """A shared library with two GPUs."""
        import ctypes

        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("no C compiler")
        (tmp_path / "ze.c").write_text(LOADER)
        command = [compiler, "-shared", "-fPIC", "-DFAILING=0x78000001", "-o", "ze.so", "ze.c"]
        subprocess.run(command, cwd=tmp_path, check=True)
        return ctypes.CDLL(str(tmp_path / "ze.so"))

    def test_handles_and_structures_are_passed_whole(self, loader: Any) -> None:
        assert [intel.render_ip(ip) for ip in device_ips(loader)] == ["12.55.8", "20.1.0"]

    def test_a_result_is_read_unsigned(self, loader: Any) -> None:
        class WithoutInitDrivers:
            zeInit = loader.zeInit  # noqa: N815

        with pytest.raises(LevelZeroError) as caught:
            device_ips(WithoutInitDrivers())
        assert caught.value.result == 0x78000001
