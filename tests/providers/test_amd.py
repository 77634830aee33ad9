"""Namespace `amd`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.machines import fake_machine, rooted_machine, write_file
from vinstall.errors import UsageError
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers import amd
from vinstall.providers.machine import Machine

GFX = "AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH"
ROCM = "AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION"
KFD = {"/sys/class/kfd/kfd": ("topology",)}


def answer(machine: Machine) -> NamespaceAnswer:
    """The answer of `machine`."""
    return amd.supported(amd.probe(machine))


def support(*architectures: str, rocm: str | None = None) -> tuple[FeatureSupport, ...]:
    """The features as the provider publishes them."""
    features = [FeatureSupport("gfx_arch", architectures, True)] if architectures else []
    return (*features, *([FeatureSupport("rocm_version", (rocm,))] if rocm else []))


def add_node(root: Path, node: int, version: int) -> None:
    """One node of kfd's topology, as the kernel writes it."""
    write_file(
        root,
        f"/sys/class/kfd/kfd/topology/nodes/{node}/properties",
        f"cpu_cores_count 0\nsimd_count 304\ngfx_target_version {version}\nvendor_id 4098\n",
    )


class TestKfd:
    def test_the_kernel_is_asked_before_any_tool(self, tmp_path: Path) -> None:
        add_node(tmp_path, 0, 0)
        add_node(tmp_path, 1, 90402)
        add_node(tmp_path, 2, 90402)
        write_file(tmp_path, "/opt/rocm/.info/version", "7.1.0\n")
        machine = rooted_machine(tmp_path, commands={"rocminfo": "Name: gfx1100"})
        assert answer(machine) == NamespaceAnswer(
            features=support("gfx942", rocm="7.1"), how="kfd: gfx942, ROCm 7.1"
        )

    def test_different_gpus_are_sorted_as_the_provider_sorts_them(self, tmp_path: Path) -> None:
        for node, version in enumerate([110000, 90402, 100300]):
            add_node(tmp_path, node, version)
        assert answer(rooted_machine(tmp_path)).features == support("gfx1030", "gfx1100", "gfx942")

    def test_a_gpu_the_container_may_not_use_is_left_out(self, tmp_path: Path) -> None:
        add_node(tmp_path, 1, 90402)
        (tmp_path / "sys/class/kfd/kfd/topology/nodes/2/properties").mkdir(parents=True)
        assert answer(rooted_machine(tmp_path)).features == support("gfx942")

    def test_without_kfd_there_is_no_rocm(self) -> None:
        machine = fake_machine(
            files={"/opt/rocm/.info/version": "7.1.0"}, commands={"rocminfo": "Name: gfx942"}
        )
        assert answer(machine) == NamespaceAnswer(how="no AMD GPU driver (kfd)")

    @pytest.mark.parametrize(
        ("version", "name"),
        [
            (90010, "gfx90a"),
            (90402, "gfx942"),
            (90500, "gfx950"),
            (90006, "gfx906"),
            (100300, "gfx1030"),
            (110001, "gfx1101"),
            (110501, "gfx1151"),
            (120001, "gfx1201"),
        ],
    )
    def test_versions_are_named_as_the_compiler_names_them(self, version: int, name: str) -> None:
        assert amd.architecture_name(version) == name


class TestTools:
    """On kernels that do not say which GPUs there are."""

    GENERIC = (
        "Name: gfx942\n Name: amdgcn-amd-amdhsa--gfx942:sramecc+:xnack-\n"
        " Name: amdgcn-amd-amdhsa--gfx9-4-generic:sramecc+:xnack-\n"
    )

    def test_generic_isas_are_ignored(self) -> None:
        found = answer(fake_machine(folders=KFD, commands={"rocminfo": self.GENERIC}))
        assert found == NamespaceAnswer(features=support("gfx942"), how="rocminfo: gfx942, no ROCm")

    def test_a_name_rocminfo_may_not_give_comes_from_the_enumerator(self) -> None:
        commands = {"rocminfo": "Name: gfx950", "rocm_agent_enumerator": "gfx000\ngfx950\n"}
        found = answer(fake_machine(folders=KFD, commands=commands))
        assert found.features == support("gfx950")
        assert found.how == "rocm_agent_enumerator: gfx950, no ROCm"

    def test_the_names_rocminfo_may_give_can_be_chosen(self) -> None:
        environ = {"AMD_PREFERRED_GFX_ARCHS": "gfx950, gfx942"}
        machine = fake_machine(folders=KFD, environ=environ, commands={"rocminfo": "gfx950"})
        assert answer(machine).features == support("gfx950")

    def test_with_nothing_to_ask_the_version_is_still_told(self) -> None:
        machine = fake_machine(folders=KFD, files={"/opt/rocm/.info/version": "6.4.1-83\n"})
        assert answer(machine) == NamespaceAnswer(
            features=support(rocm="6.4"), how="no GPU, ROCm 6.4"
        )


class TestRocmVersion:
    @pytest.mark.parametrize(
        ("content", "version"),
        [("6.4.1-83\n", "6.4"), ("7.1", "7.1"), ("6-3", "6.3"), ("abc", None), ("7", None)],
    )
    def test_it_is_the_first_two_numbers_of_the_file(
        self, content: str, version: str | None
    ) -> None:
        machine = fake_machine(folders=KFD, files={"/opt/rocm/.info/version": content})
        assert answer(machine).features == support(rocm=version)

    def test_rocm_path_comes_first(self) -> None:
        files = {"/opt/rocm/.info/version": "6.4.1", "/apps/rocm/.info/version": "7.0.2"}
        machine = fake_machine(folders=KFD, files=files, environ={"ROCM_PATH": "/apps/rocm"})
        assert answer(machine).features == support(rocm="7.0")


class TestOverrides:
    def test_they_speak_for_a_machine_without_a_gpu(self) -> None:
        environ = {GFX: "gfx942 gfx90a;gfx942", ROCM: "7.1.0"}
        found = answer(fake_machine(system="Windows", environ=environ))
        assert found.features == support("gfx942", "gfx90a", rocm="7.1")
        assert found.how == f"{GFX}: gfx942 gfx90a, {ROCM}: 7.1"

    @pytest.mark.parametrize("value", ["gfx9-4-generic", "mi300x", ";", "GFX942", "gfx942,nope"])
    def test_a_malformed_architecture_is_the_users_mistake(self, value: str) -> None:
        with pytest.raises(UsageError) as caught:
            amd.probe(fake_machine(environ={GFX: value}))
        assert caught.value.message == (
            f"the variable `{GFX}` has the value `{value}`, which cannot be understood"
        )
        assert caught.value.hint == (
            "it has to be architectures such as `gfx942,gfx1100`; "
            "unset it to have the machine detected"
        )

    @pytest.mark.parametrize("value", ["6.4", "6", "6.4.1.2", "6.4.x"])
    def test_a_malformed_version_is_the_users_mistake(self, value: str) -> None:
        with pytest.raises(UsageError) as caught:
            amd.probe(fake_machine(environ={ROCM: value}))
        assert caught.value.hint == (
            "it has to be three numbers such as `6.4.1`; unset it to have the machine detected"
        )

    @given(st.lists(st.from_regex(r"gfx[0-9]{3,4}[a-f]?", fullmatch=True), min_size=1, max_size=5))
    def test_any_list_keeps_its_order(self, names: list[str]) -> None:
        for separator in (",", " ", ";", ", "):
            assert amd.parse_architectures(separator.join(names)) == tuple(dict.fromkeys(names))

    @given(st.text(min_size=1, max_size=20))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        for parse in (amd.parse_architectures, amd.parse_forced_rocm):
            try:
                assert parse(text)
            except UsageError:
                continue
