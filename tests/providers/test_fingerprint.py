"""When answers about a machine may be remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.providers.machines import fake_machine
from vinstall.providers.fingerprint import host_fingerprint
from vinstall.providers.machine import described_machine, this_machine
from vinstall.values import replace

BOOT = {"/proc/sys/kernel/random/boot_id": "8f2c9c1e-0000-4000-8000-000000000000\n"}
CPU = {"/proc/cpuinfo": "processor : 0\nflags : avx\ncpu MHz : 800.0\n\nprocessor : 1\n"}


def fingerprint(**given: Any) -> str | None:
    """Of a machine that has booted, and what is given."""
    files = {**BOOT, **CPU, **given.pop("files", {})}
    return host_fingerprint(fake_machine(files=files, **given))


def test_it_is_64_hex_digits_and_the_same_each_time() -> None:
    first = fingerprint()
    assert first is not None
    assert len(bytes.fromhex(first)) == 32
    assert fingerprint() == first


@pytest.mark.parametrize(
    "change",
    [
        {"processor": "aarch64"},
        {"files": {"/proc/sys/kernel/random/boot_id": "other"}},
        {"files": {"/proc/driver/nvidia/version": "NVRM version: 580.95.05"}},
        {"files": {"/opt/rocm/.info/version": "7.1.0"}},
        {"files": {"/proc/cpuinfo": "processor : 0\nflags : avx avx2\n"}},
        {"folders": {"/sys/bus/pci/devices": ["0000:00:05.0"]}},
        {"folders": {"/dev": ["nvidia0"]}},
        {"environ": {"ROCM_PATH": "/apps/rocm"}},
        {"environ": {"CUDA_VISIBLE_DEVICES": ""}},
        {"environ": {"NV_VARIANT_PROVIDER_FORCE_SM_ARCH": "9.0"}},
        {"environ": {"LD_LIBRARY_PATH": "/usr/local/cuda/compat"}},
    ],
)
def test_whatever_a_provider_could_notice_changes_it(change: Mapping[str, Any]) -> None:
    assert fingerprint(**change) not in (None, fingerprint())


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"/proc/cpuinfo": CPU["/proc/cpuinfo"].replace("800", "3600")}},
        {"folders": {"/dev": ["tty", "null"]}},
        {"environ": {"EDITOR": "vi", "PAGE_SIZE_HINT": "1"}},
    ],
)
def test_nothing_else_does(change: Mapping[str, Any]) -> None:
    assert fingerprint(**change) == fingerprint()


def test_another_container_is_another_machine() -> None:
    machine = fake_machine(files=BOOT)
    prints = {
        host_fingerprint(replace(machine, identity=identity))
        for identity in (lambda _path: (1, 2), lambda _path: (1, 3))
    }
    assert len(prints) == 2


def test_macos_tells_its_boots_apart() -> None:
    def mac(session: str) -> str | None:
        commands = {"/usr/sbin/sysctl": session}
        return host_fingerprint(fake_machine(system="Darwin", commands=commands))

    assert mac("1111\n") not in (None, mac("2222\n"))


def test_without_a_boot_to_tell_nothing_is_remembered() -> None:
    assert host_fingerprint(fake_machine()) is None
    assert host_fingerprint(fake_machine(system="Windows")) is None
    described = described_machine(system="Linux", processor="x86_64", environ={})
    assert host_fingerprint(described) is None


def test_this_machine_has_one() -> None:
    machine = this_machine()
    if machine.system != "Linux":
        pytest.skip("not a Linux")
    assert host_fingerprint(machine) == host_fingerprint(machine) is not None
