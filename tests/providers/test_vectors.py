"""The built-in providers against what the published ones answer, differences named one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.providers.machines import (
    FakeLevelZero,
    FakeNvml,
    cpu_machine,
    fake_machine,
    install_nvml,
    ip_version,
)
from vinstall.errors import UsageError
from vinstall.formats.support import NamespaceAnswer
from vinstall.providers import aarch64, amd, ascend, cpu, intel, nvidia, x86_64
from vinstall.providers.machine import Machine

OVERRIDE = "says so instead of failing with an error of Python"
DRIVER = "one warning line where the provider is silent"

FAILS = {
    "override cuda='12.8' sm='8.9.1'": OVERRIDE,
    "override cuda='12.8' sm='8.x'": OVERRIDE,
    "force-version-two-parts": OVERRIDE,
}
"""Cases in which the provider ends with an exception, and so do we, with one for the user."""

WARNS = {
    "init-lib-rm-version-mismatch": DRIVER,
    "count-error": DRIVER,
    "handle-error (one lost GPU disables everything)": DRIVER,
}
"""Cases with a warning where the provider has none."""

SILENT = {
    "non-intel-vendor": "a machine without an Intel GPU is no fault",
    "cuda16.0-above-range": "the driver is taken at its word",
}
"""Cases without a warning where the provider has one."""

OTHER: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    # A driver newer than CUDA 15.20: what it says is listed all the same.
    "cuda16.0-above-range": {
        "cuda_version_lower_bound": nvidia.lower_bounds((16, 0)),
        "sm_arch": ("90_real", "90_virtual"),
    },
}
"""Cases with another answer than the provider's."""


def _listed(answer: NamespaceAnswer) -> list[tuple[str, list[str], bool]]:
    return [(name, list(values), multi) for name, values, multi in answer.features]


def _vectors(shared_data: Path) -> Any:
    return json.loads((shared_data / "provider-vectors.json").read_text("utf-8"))


def gpu_machine(
    given: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch, base: Machine | None = None
) -> Machine:
    """The machine of one vector's `input`; asks for NVML by the real nvidia-ml-py."""
    libraries: dict[str, Any] = {}
    commands: dict[str, str | None] = dict(given.get("tools", {}))
    files: dict[str, str] = {}
    nvml = given.get("nvml", "absent")
    if nvml != "absent":
        settings = {"capabilities": nvml["cc"], **nvml}
        del settings["cc"]
        libraries["libnvidia-ml.so.1"] = FakeNvml(**settings)
        install_nvml(monkeypatch, libraries["libnvidia-ml.so.1"])
    if "devices" in given:
        libraries["libze_loader.so.1"] = FakeLevelZero(
            [
                [(ip_version(device["ip"]), device.get("vendor", 0x8086)) for device in driver]
                for driver in given["devices"]
            ]
        )
    if "npu_smi" in given:
        commands["npu-smi"] = given["npu_smi"]
    if "version_file" in given:
        files["/opt/rocm/.info/version"] = given["version_file"]
    return fake_machine(
        environ=given.get("env", {}),
        libraries=libraries,
        commands=commands,
        files=files,
        # A kernel with the ROCm driver, too old to say which GPUs there are.
        folders={"/sys/class/kfd/kfd": ("topology",)} if "tools" in given else {},
    )


def _ask(provider: str, machine: Machine) -> NamespaceAnswer:
    modules: Mapping[str, Any] = {"nvidia": nvidia, "amd": amd, "intel": intel, "ascend": ascend}
    module = modules[provider]
    answer = module.supported(module.probe(machine))
    assert isinstance(answer, NamespaceAnswer)
    return answer


class TestGpuVectors:
    def test_every_case_is_answered_as_published_or_as_listed_here(
        self, shared_data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vectors = _vectors(shared_data)["gpu_vectors"]
        wrong = [
            problem
            for vector in vectors
            if (problem := self._compare(vector, gpu_machine(vector["input"], monkeypatch)))
        ]
        assert wrong == []
        assert len(vectors) == 41

    def _compare(self, vector: Mapping[str, Any], machine: Machine) -> str | None:
        case = vector["case"]
        try:
            answer = _ask(vector["provider"], machine)
        except UsageError as error:
            return None if case in FAILS and vector["error"] else f"{case}: {error.message}"
        if case in FAILS or vector["error"]:
            return f"{case}: no error"
        expected = [(f["name"], f["values"], f["multi_value"]) for f in vector["supported"]]
        if case in OTHER:
            expected = [(n, list(v), n == "sm_arch") for n, v in OTHER[case].items()]
        if _listed(answer) != expected:
            return f"{case}: {_listed(answer)}"
        warns = (bool(vector["warnings"]) or case in WARNS) and case not in SILENT
        return None if bool(answer.warnings) == warns else f"{case}: {answer.warnings}"

    def test_every_listed_difference_is_a_case(self, shared_data: Path) -> None:
        cases = {vector["case"] for vector in _vectors(shared_data)["gpu_vectors"]}
        assert {*FAILS, *WARNS, *SILENT, *OTHER} <= cases


LATEST = "archspec_0.2.7"
"""The version whose answer for the Arm version is ours; levels are the same in all three."""

WITHOUT_LEVEL = {"linux-scientific7-k10"}
"""A processor of level v1: the provider answers nothing, we answer v1."""


class TestCpuVectors:
    def test_x86_64_levels_equal_those_of_every_archspec(self, shared_data: Path) -> None:
        for target, generations, answer in self._cases(shared_data, x86_64):
            ours = {name: list(values) for name, values, _ in answer.features}
            for generation in generations.values():
                published = dict(generation["x86_64"])
                if target in WITHOUT_LEVEL:
                    assert (ours["level"], published) == (["v1"], {})
                else:
                    assert ours.get("level") == published.get("level"), target

    def test_x86_64_features_are_the_published_ones_and_more_in_the_same_order(
        self, shared_data: Path
    ) -> None:
        for target, generations, answer in self._cases(shared_data, x86_64):
            ours = [name for name, _, _ in answer.features]
            assert all(values == ("on",) for _, values, _ in answer.features[1:])
            for generation in generations.values():
                published = [name for name, _ in generation["x86_64"]]
                assert [name for name in ours if name in published] == published, target

    def test_aarch64_versions_equal_those_of_the_latest_archspec(self, shared_data: Path) -> None:
        for target, generations, answer in self._cases(shared_data, aarch64):
            published = dict(generations[LATEST]["aarch64"])
            ours = {name: list(values) for name, values, _ in answer.features}
            assert ours.get("version") == published.get("version"), target

    def test_aarch64_features_are_the_published_ones_and_more_in_the_same_order(
        self, shared_data: Path
    ) -> None:
        for target, generations, answer in self._cases(shared_data, aarch64):
            published = [name for name, _ in generations[LATEST]["aarch64"]]
            ours = [name for name, _, _ in answer.features]
            assert [name for name in ours if name in published] == published, target
            if target.startswith("darwin"):
                # The two fused names, taken apart, are all that is added.
                assert set(ours) - set(published) <= {"bti", "ecv", "asimdrdm", "atomics"}

    def test_older_archspecs_differ_only_where_they_know_less(self, shared_data: Path) -> None:
        differing = {
            target
            for target, generations, _ in self._cases(shared_data, aarch64)
            if generations["archspec_0.2.5"]["aarch64"][:1] != generations[LATEST]["aarch64"][:1]
        }
        assert differing == {"linux-ubuntu22.04-ampere1", "linux-ubuntu22.04-ampere1a"}

    def _cases(
        self, shared_data: Path, module: Any
    ) -> Sequence[tuple[str, Mapping[str, Any], NamespaceAnswer]]:
        vectors = _vectors(shared_data)["cpu_vectors"]
        assert len(vectors) == 22
        return [
            (
                vector["target"],
                {key: value for key, value in vector.items() if key.startswith("archspec")},
                module.supported(
                    cpu.probe(cpu_machine(shared_data / "cpu-targets" / vector["target"]))
                ),
            )
            for vector in vectors
        ]


class TestDumps:
    """Every raw dump, those without a vector too."""

    LEVELS: Mapping[str, str] = {
        "darwin-mojave-haswell": "v3",
        "darwin-mojave-ivybridge": "v2",
        "darwin-mojave-skylake": "v3",
        "linux-centos7-cascadelake": "v4",
        "linux-rhel6-piledriver": "v2",
        "linux-rhel7-broadwell": "v3",
        "linux-rhel7-haswell": "v3",
        "linux-rhel7-ivybridge": "v2",
        "linux-rhel7-skylake_avx512": "v4",
        "linux-rhel7-x86_64_v3": "v3",
        "linux-rhel7-zen": "v3",
        "linux-rocky8.5-zen4": "v4",
        "linux-rocky9-zen5": "v4",
        "linux-scientific7-k10": "v1",
        "linux-scientific7-piledriver": "v2",
        "linux-scientificfermi6-bulldozer": "v2",
        "linux-scientificfermi6-piledriver": "v2",
        "linux-ubuntu18.04-broadwell": "v3",
        "linux-ubuntu20.04-zen3": "v3",
        "linux-ubuntu24.04-alderlake": "v3",
        "linux-ubuntu26.04-arrowlake_s": "v3",
        "linux-unknown-sapphirerapids": "v4",
        "windows-cpuid-broadwell": "v3",
        "windows-cpuid-icelake": "v4",
    }
    VERSIONS: Mapping[str, str] = {
        "darwin-bigsur-m1": "8.4a",
        "darwin-monterey-m1": "8.4a",
        "darwin-monterey-m2": "8.5a",
        "darwin-sequoia-m3": "8.6a",
        "darwin-sequoia-m4": "8.6a",
        "linux-amazon-cortex_a72": "8a",
        "linux-amazon-neoverse_n1": "8.2a",
        "linux-amazon-neoverse_v1": "8.4a",
        "linux-asahi-m1": "8.4a",
        "linux-asahi-m2": "8.5a",
        "linux-centos7-thunderx2": "8.1a",
        "linux-rhel8-neoverse_v1": "8.4a",
        "linux-rhel9-neoverse_n2": "9.0a",
        "linux-rhel9-neoverse_v2": "9.0a",
        "linux-rocky8-a64fx": "8.2a",
        "linux-ubuntu22.04-ampere1": "8.6a",
        "linux-ubuntu22.04-ampere1a": "8.6a",
        "linux-ubuntu22.04-neoverse_n2": "9.0a",
        "linux-ubuntu22.04-neoverse_v2": "9.0a",
        "linux-ubuntu24.04-neoverse_v3ae": "9.0a",
        "linux-unknown-neoverse_v2": "9.0a",
    }

    def test_the_level_or_version_of_each_is_known(self, shared_data: Path) -> None:
        levels: dict[str, str] = {}
        versions: dict[str, str] = {}
        for dump in sorted((shared_data / "cpu-targets").iterdir()):
            if dump.name in self.LEVELS or dump.name in self.VERSIONS:
                facts = cpu.probe(cpu_machine(dump))
                for answers, module in ((levels, x86_64), (versions, aarch64)):
                    features = module.supported(facts).features
                    if features:
                        answers[dump.name] = features[0].values[0]
        assert (levels, versions) == (self.LEVELS, self.VERSIONS)

    def test_other_processors_support_neither(self, shared_data: Path) -> None:
        others = {
            dump
            for dump in (shared_data / "cpu-targets").iterdir()
            if dump.name not in self.LEVELS and dump.name not in self.VERSIONS
        }
        assert len(others) == 7
        for dump in others:
            facts = cpu.probe(cpu_machine(dump, processor="ppc64le"))
            assert x86_64.supported(facts).features == aarch64.supported(facts).features == ()


class TestRankingHosts:
    """The machines of the published rankings, put together from their dumps and inputs."""

    DIFFERENT: Mapping[tuple[str, str], Mapping[str, list[str]]] = {
        # The ISAs called generic are ignored, so the GPU is not lost.
        ("mi300x-rocm71-noenum", "amd"): {"gfx_arch": ["gfx942"], "rocm_version": ["7.1"]},
        # A 64-bit system runs on nothing below v1, whatever else is unknown.
        ("nogpu-unknown-cpu", "x86_64"): {"level": ["v1"]},
    }

    def test_their_properties_are_reproduced(
        self, shared_data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hosts = json.loads((shared_data / "rankings.json").read_text("utf-8"))["hosts"]
        assert len(hosts) == 13
        for host, description in hosts.items():
            published: dict[str, dict[str, list[str]]] = {
                namespace: {feature[0]: feature[1] for feature in features}
                for namespace, features in description["properties"].items()
            }
            for (name, namespace), features in self.DIFFERENT.items():
                if name == host:
                    published[namespace] = dict(features)
            ours = self._answers(description, shared_data, monkeypatch)
            assert ours.keys() == published.keys(), host
            for namespace, features in published.items():
                found = {name: values for name, values in ours[namespace] if name in features}
                assert list(found.items()) == list(features.items()), (host, namespace)
                if namespace not in ("x86_64", "aarch64"):
                    assert len(ours[namespace]) == len(features), (host, namespace)

    def _answers(
        self, description: Mapping[str, Any], shared_data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> dict[str, list[tuple[str, list[str]]]]:
        dump = shared_data / "cpu-targets" / description["cpu_source"].split()[2]
        machine = cpu_machine(dump) if dump.is_file() else fake_machine()
        facts = cpu.probe(machine)
        found = {"x86_64": x86_64.supported(facts), "aarch64": aarch64.supported(facts)}
        for provider, given in (description["gpu_input"] or {}).items():
            found[provider] = _ask(provider, gpu_machine(given, monkeypatch))
        return {
            namespace: [(name, list(values)) for name, values, _ in answer.features]
            for namespace, answer in found.items()
            if answer.features
        }
