"""Namespace `ascend`."""

from __future__ import annotations

import pytest

from tests.providers.machines import fake_machine
from vinstall.errors import UsageError
from vinstall.formats.support import NamespaceAnswer
from vinstall.providers import ascend
from vinstall.providers.machine import Machine

TYPE = "ASCEND_VARIANT_PROVIDER_FORCE_NPU_TYPE"
DRIVER = "ASCEND_VARIANT_PROVIDER_FORCE_DRIVER_VERSION"
CANN = "ASCEND_VARIANT_PROVIDER_FORCE_CANN_VERSION"
SMI = (
    "| npu-smi 24.1.rc2      Version: 24.1.rc2      |\n"
    "| 0     910B3     | OK   | 96.5  44   0  / 0     |\n"
    "| 1     310P3     | OK   | 96.5  44   0  / 0     |\n"
)


def answer(machine: Machine) -> NamespaceAnswer:
    """The answer of `machine`."""
    return ascend.supported(ascend.probe(machine))


def values(answer: NamespaceAnswer) -> dict[str, tuple[str, ...]]:
    """Feature to values."""
    return {feature.name: feature.values for feature in answer.features}


def test_the_first_npu_counts() -> None:
    found = answer(fake_machine(processor="aarch64", commands={"npu-smi": SMI}))
    assert values(found) == {"npu_type": ("910b",), "driver_version": ("24.1.rc2",)}
    assert found.how == "npu-smi"


@pytest.mark.parametrize(
    ("name", "npu"),
    [("910B3", "910b"), ("Ascend910", "a3"), ("910", "a3"), ("310P3", "310p"), ("910C", "910c")],
)
def test_types_are_normalised(name: str, npu: str) -> None:
    assert ascend.npu_type(name) == npu


@pytest.mark.parametrize(
    ("content", "version"),
    [
        ("version=8.2.RC1\n", "8.2.rc1"),
        ("path=/x\nversion=8.0.1\n", "8.0.1"),
        ("version=8.1.RC1.alpha001", "8.1.rc1"),
    ],
)
def test_the_toolkit_says_its_version(content: str, version: str) -> None:
    machine = fake_machine(
        processor="aarch64",
        environ={"ASCEND_TOOLKIT_HOME": "/apps/cann"},
        files={"/apps/cann/aarch64-linux/ascend_toolkit_install.info": content},
    )
    assert values(answer(machine)) == {"cann_version": (version,)}


def test_without_anything_nothing_is_supported() -> None:
    assert answer(fake_machine()) == NamespaceAnswer(how="no `npu-smi`")


def test_the_overrides_come_first() -> None:
    machine = fake_machine(
        environ={TYPE: "a3", DRIVER: "25.0.rc1", CANN: "8.3.rc1"}, commands={"npu-smi": SMI}
    )
    assert values(answer(machine)) == {
        "npu_type": ("a3",),
        "driver_version": ("25.0.rc1",),
        "cann_version": ("8.3.rc1",),
    }


@pytest.mark.parametrize("name", [TYPE, DRIVER, CANN])
def test_a_malformed_override_is_the_users_mistake(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        answer(fake_machine(environ={name: "910B"}))
    assert caught.value.message == (
        f"the variable `{name}` has the value `910B`, which cannot be understood"
    )
    assert caught.value.hint == (
        "it has to be made of the characters `a-z`, `0-9`, `_` and `.`; "
        "unset it to have the machine detected"
    )
