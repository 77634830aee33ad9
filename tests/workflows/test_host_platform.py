"""The platform a host file stands for."""

from __future__ import annotations

import pytest

from vinstall.formats.host_file import HostFacts
from vinstall.workflows.host_platform import foreign_platform, platform_of

HERE = {"platform_machine": "x86_64", "platform_system": "Linux"}


@pytest.mark.parametrize(
    ("system", "machine", "libc", "expected"),
    [
        ("Linux", "aarch64", "glibc 2.39", "aarch64-manylinux_2_39"),
        ("Linux", "x86_64", "musl 1.2", "x86_64-musllinux_1_2"),
        ("Linux", "x86_64", "", None),
        ("Darwin", "arm64", "", "aarch64-apple-darwin"),
        ("Windows", "AMD64", "", "x86_64-pc-windows-msvc"),
        ("", "", "", None),
    ],
)
def test_facts_name_a_platform(system: str, machine: str, libc: str, expected: str | None) -> None:
    assert platform_of(HostFacts(system=system, machine=machine, libc=libc)) == expected


def test_a_host_of_the_same_kind_leaves_the_platform_to_the_target() -> None:
    facts = HostFacts(system="Linux", machine="x86_64", libc="glibc 2.28")
    assert foreign_platform(facts, HERE) is None


def test_a_host_of_another_kind_describes_the_platform() -> None:
    facts = HostFacts(system="Linux", machine="aarch64", libc="glibc 2.28")
    assert foreign_platform(facts, HERE) == "aarch64-manylinux_2_28"
