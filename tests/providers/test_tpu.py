"""Namespace `tpu`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.providers.machines import fake_machine, rooted_machine, write_file
from vinstall.errors import UsageError
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers import tpu
from vinstall.providers.machine import Machine

FORCE = "TPU_VARIANT_PROVIDER_FORCE_PRESENT"


def answer(machine: Machine) -> NamespaceAnswer:
    """The answer of `machine`."""
    return tpu.supported(tpu.probe(machine))


def present(value: str, how: str) -> NamespaceAnswer:
    """The answer as the provider publishes it."""
    return NamespaceAnswer(features=(FeatureSupport("present", (value,)),), how=how)


def add_device(root: Path, slot: str, vendor: str, device: str) -> None:
    """A PCI device as the kernel lists it."""
    write_file(root, f"/sys/bus/pci/devices/{slot}/vendor", f"{vendor}\n")
    write_file(root, f"/sys/bus/pci/devices/{slot}/device", f"{device}\n")


def test_a_tpu_is_found_among_the_pci_devices(tmp_path: Path) -> None:
    add_device(tmp_path, "0000:00:04.0", "0x8086", "0x0063")
    add_device(tmp_path, "0000:00:05.0", "0x1ae0", "0x0063")
    assert answer(rooted_machine(tmp_path)) == present("true", "PCI device 0000:00:05.0")


def test_other_devices_of_the_same_vendor_are_no_tpu(tmp_path: Path) -> None:
    add_device(tmp_path, "0000:00:04.0", "0x1ae0", "0x0042")
    assert answer(rooted_machine(tmp_path)) == present("false", "no TPU among the PCI devices")


def test_other_systems_have_none() -> None:
    machine = fake_machine(system="Darwin")
    assert answer(machine) == present("false", "TPUs are looked for on Linux only")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", "true"),
        ("True", "true"),
        ("1", "true"),
        ("yes", "true"),
        ("false", "false"),
        ("0", "false"),
        ("No", "false"),
    ],
)
def test_the_override_decides(tmp_path: Path, value: str, expected: str) -> None:
    add_device(tmp_path, "0000:00:05.0", "0x1ae0", "0x0063")
    machine = rooted_machine(tmp_path, environ={FORCE: value})
    assert answer(machine) == present(expected, f"{FORCE}={value}")


@pytest.mark.parametrize("value", ["maybe", "on", "2"])
def test_a_malformed_override_is_the_users_mistake(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        answer(fake_machine(environ={FORCE: value}))
    assert caught.value.message == (
        f"the variable `{FORCE}` has the value `{value}`, which cannot be understood"
    )
    assert caught.value.hint == (
        "it has to be `true` or `false`; unset it to have the machine detected"
    )
