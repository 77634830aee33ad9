"""Namespace `nvidia`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from packaging.version import Version

from tests.providers.machines import FakeNvml, fake_machine, install_nvml
from vinstall.errors import UsageError
from vinstall.formats.support import NamespaceAnswer
from vinstall.providers import nvidia

CUDA = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"
SM = "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"
CONDA = "CONDA_OVERRIDE_CUDA"


def answer(
    monkeypatch: pytest.MonkeyPatch,
    nvml: FakeNvml | None = None,
    libcuda: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> NamespaceAnswer:
    """The answer of a machine with these libraries and variables."""
    libraries: dict[str, Any] = {}
    if nvml is not None:
        install_nvml(monkeypatch, nvml)
        libraries["libnvidia-ml.so.1"] = nvml
    if libcuda is not None:
        libraries["libcuda.so.1"] = object()
    machine = fake_machine(
        environ=environ,
        libraries=libraries,
        commands={} if not libcuda else {sys.executable: json.dumps(libcuda)},
    )
    return nvidia.supported(nvidia.probe(machine))


def values(answer: NamespaceAnswer) -> dict[str, tuple[str, ...]]:
    """Feature to values."""
    return {feature.name: feature.values for feature in answer.features}


class TestNvml:
    def test_an_h200_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nvml = FakeNvml(cuda=13000, capabilities=[(9, 0)] * 8)
        found = answer(monkeypatch, nvml)
        assert found.how == "NVML: driver 580.95.05, CUDA 13.0, 8 GPUs"
        assert values(found)["cuda_version_lower_bound"][:4] == ("13.0", "13", "12.20", "12.19")
        assert values(found)["cuda_version_upper_bound"][-1] == "13.1"
        assert values(found)["sm_arch"] == ("90_real", "90_virtual")
        assert (found.warnings, found.notices, found.unavailable) == ((), (), None)
        assert nvml.calls == ["init", "driver", "cuda_v2", "shutdown"]

    def test_without_a_driver_nothing_is_loaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert answer(monkeypatch) == NamespaceAnswer(how="no NVIDIA driver")

    def test_without_a_gpu_nothing_is_supported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(monkeypatch, FakeNvml(cuda=13000))
        assert found == NamespaceAnswer(how="NVML: driver 580.95.05, CUDA 13.0, 0 GPUs")

    def test_without_a_gpu_the_override_says_what_is_supported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = answer(monkeypatch, FakeNvml(cuda=13000), environ={CUDA: "12.8"})
        assert list(values(found)) == ["cuda_version_lower_bound", "cuda_version_upper_bound"]
        assert values(found)["cuda_version_lower_bound"][0] == "12.8"
        assert found.how == f"NVML: driver 580.95.05, CUDA 13.0, 0 GPUs, {CUDA} says 12.8"

    def test_without_a_gpu_the_architecture_alone_can_be_forced(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = answer(monkeypatch, FakeNvml(cuda=13000), environ={SM: "9.0"})
        assert values(found)["sm_arch"] == ("90_real", "90_virtual")
        assert values(found)["cuda_version_lower_bound"][0] == "13.0"

    def test_a_driver_that_is_not_loaded_is_no_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nvml = FakeNvml(init_error=9)
        found = answer(monkeypatch, nvml)
        assert found == NamespaceAnswer(how="the NVIDIA driver is not loaded")
        assert nvml.calls == ["init"]

    def test_a_driver_that_does_not_fit_its_library_is_one_warning(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = answer(monkeypatch, FakeNvml(init_error=18))
        assert found.features == ()
        assert found.warnings == (
            "the NVIDIA driver could not be asked: RM has detected an NVML/RM version mismatch.",
        )

    def test_it_is_shut_down_after_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nvml = FakeNvml(cuda=13000, capabilities=[(9, 0)], handle_error=15)
        assert answer(monkeypatch, nvml).warnings == (
            "the NVIDIA driver could not be asked: GPU is lost",
        )
        assert nvml.calls[-1] == "shutdown"

    def test_unreadable_capabilities_cost_the_architecture_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = answer(monkeypatch, FakeNvml(cuda=12040, capabilities=[None, None]))
        assert list(values(found)) == ["cuda_version_lower_bound", "cuda_version_upper_bound"]
        assert found.warnings == ("the compute capability of the NVIDIA GPU could not be read",)

    def test_an_old_gpu_has_no_architecture(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(monkeypatch, FakeNvml(cuda=11040, capabilities=[(3, 5)]))
        assert "sm_arch" not in values(found)
        assert found.warnings == ("compute capability 3.5 is below 5.0: no `sm_arch`",)

    def test_gpus_that_differ_are_said_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(monkeypatch, FakeNvml(cuda=13000, capabilities=[(7, 5), (9, 0), (7, 5)]))
        assert values(found)["sm_arch"] == ("90_real", "90_virtual")
        assert found.notices == (
            "the NVIDIA GPUs differ (compute capability 9.0, 7.5): "
            "builds are chosen for the highest",
        )

    def test_an_impossible_version_is_not_listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(monkeypatch, FakeNvml(cuda=2**31 - 1, capabilities=[(9, 0)]))
        assert found.features == ()
        assert found.warnings == (
            "the NVIDIA driver could not be asked: it claims CUDA 2147483647",
        )

    def test_cuda_visible_devices_is_not_heeded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nvml = FakeNvml(cuda=13000, capabilities=[(9, 0)])
        found = answer(monkeypatch, nvml, environ={"CUDA_VISIBLE_DEVICES": ""})
        assert values(found)["sm_arch"] == ("90_real", "90_virtual")

    def test_windows_looks_in_both_places(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nvml = FakeNvml(cuda=12080, capabilities=[(8, 9)])
        install_nvml(monkeypatch, nvml)
        machine = fake_machine(
            system="Windows",
            environ={"ProgramFiles": "D:/Programs"},
            libraries={"D:/Programs/NVIDIA Corporation/NVSMI/nvml.dll": nvml},
        )
        assert values(nvidia.supported(nvidia.probe(machine)))["sm_arch"][0] == "89_real"


class TestLibcuda:
    """Where the management library is missing."""

    def test_it_answers_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = {"version": 12040, "capabilities": [[8, 0], [8, 0]]}
        found = answer(monkeypatch, libcuda=told)
        assert found.how == "libcuda, CUDA 12.4, 2 GPUs"
        assert values(found)["cuda_version_lower_bound"][0] == "12.4"
        assert values(found)["sm_arch"] == ("80_real", "80_virtual")

    def test_without_a_gpu_nothing_is_supported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(monkeypatch, libcuda={"version": 12040, "capabilities": []})
        assert found == NamespaceAnswer(how="libcuda, CUDA 12.4, 0 GPUs")

    def test_an_error_is_one_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(monkeypatch, libcuda={"error": 803})
        assert found.warnings == ("the NVIDIA driver could not be asked: CUDA error 803",)

    def test_a_crash_is_one_warning(self) -> None:
        machine = fake_machine(libraries={"libcuda.so.1": object()})
        found = nvidia.supported(nvidia.probe(machine))
        assert found.warnings == ("the NVIDIA driver could not be asked: libcuda did not answer",)


class TestOverrides:
    def test_the_provider_outranks_conda(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(monkeypatch, environ={CUDA: "12.8", CONDA: "11.8"})
        assert values(found)["cuda_version_lower_bound"][0] == "12.8"

    def test_conda_is_understood(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(monkeypatch, environ={CUDA: "", CONDA: "12.4"})
        assert values(found)["cuda_version_lower_bound"][0] == "12.4"
        assert found.how == "no NVIDIA driver, CONDA_OVERRIDE_CUDA says 12.4"

    def test_an_empty_conda_override_is_no_cuda(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = answer(
            monkeypatch, FakeNvml(cuda=13000, capabilities=[(9, 0)]), environ={CONDA: " "}
        )
        assert found == NamespaceAnswer(how="CONDA_OVERRIDE_CUDA is empty: no CUDA")

    def test_the_gpu_is_still_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nvml = FakeNvml(cuda=13000, capabilities=[(9, 0)])
        found = answer(monkeypatch, nvml, environ={CUDA: "12.2"})
        assert values(found)["cuda_version_lower_bound"][0] == "12.2"
        assert values(found)["sm_arch"] == ("90_real", "90_virtual")

    def test_with_both_nothing_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nvml = FakeNvml(cuda=13000, capabilities=[(7, 5)])
        found = answer(monkeypatch, nvml, environ={CUDA: "12.2", SM: "9.0"})
        assert values(found)["sm_arch"] == ("90_real", "90_virtual")
        assert nvml.calls == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [(CUDA, "invalid"), (CUDA, " "), (CUDA, "12.x"), (CONDA, "none"), (CUDA, "12.100")],
    )
    def test_a_malformed_version_is_the_users_mistake(self, name: str, value: str) -> None:
        with pytest.raises(UsageError) as caught:
            nvidia.probe(fake_machine(environ={name: value}))
        assert caught.value.message == (
            f"the variable `{name}` has the value `{value}`, which cannot be understood"
        )
        assert caught.value.hint == (
            "it has to be a version such as `12.8`; unset it to have the machine detected"
        )

    @pytest.mark.parametrize("value", ["9", "8.x", "8.9.1", "sm_90", "-8.0", "9.10", "٩.٠"])
    def test_a_malformed_architecture_is_the_users_mistake(self, value: str) -> None:
        with pytest.raises(UsageError) as caught:
            nvidia.probe(fake_machine(environ={SM: value}))
        assert caught.value.message == (
            f"the variable `{SM}` has the value `{value}`, which cannot be understood"
        )
        assert caught.value.hint == (
            "it has to be a compute capability such as `9.0`; unset it to have the machine detected"
        )

    @given(st.text(max_size=12) | st.from_regex(r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}(rc1)?"))
    def test_any_version_is_read_as_packaging_reads_it_or_refused(self, text: str) -> None:
        try:
            read = nvidia.parse_cuda_version(CUDA, text)
        except UsageError:
            event("refused")
        else:
            assert read == (Version(text).major, Version(text).minor)
            assert max(read) <= 99

    @given(st.text(max_size=8) | st.from_regex(r"[0-9]{0,3}\.[0-9]{0,3}"))
    def test_any_architecture_is_two_numbers_or_refused(self, text: str) -> None:
        try:
            read = nvidia.parse_capability(text)
        except UsageError:
            assert re.fullmatch(r"[0-9]{1,2}\.[0-9]", text) is None
        else:
            assert (read is None) == (not text)
            if read is not None:
                assert list(read) == [int(part) for part in text.split(".")]


class TestBounds:
    @given(st.integers(0, 20), st.integers(0, 30))
    def test_every_known_version_is_on_exactly_one_side(self, major: int, minor: int) -> None:
        lower = nvidia.lower_bounds((major, minor))
        upper = nvidia.upper_bounds((major, minor))
        known = {f"{x}.{y}" for x in range(11, 16) for y in range(21)}
        for value in known:
            wanted = tuple(map(int, value.split(".")))
            assert (value in lower) == (wanted <= (major, minor))
            assert (value in upper) == (wanted > (major, minor))

    @given(st.integers(11, 20), st.integers(0, 30))
    def test_they_are_listed_from_the_highest_down(self, major: int, minor: int) -> None:
        def position(value: str) -> tuple[int, int]:
            x, _, y = value.partition(".")
            return -int(x), -int(y) if y else 1

        for bounds in (nvidia.lower_bounds((major, minor)), nvidia.upper_bounds((major, minor))):
            assert list(bounds) == sorted(set(bounds), key=position)
