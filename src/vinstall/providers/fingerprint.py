"""A fingerprint of the machine, under which answers about it may be remembered.

Equal while nothing that a provider could notice has changed: the boot, the container, the
processor, drivers, devices, and the variables that speak for them.  Cheap: a dozen small files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from vinstall.providers.machine import Machine

_REVISION = 1

_FILES = (
    "/proc/sys/kernel/random/boot_id",
    "/proc/driver/nvidia/version",
    "/sys/module/nvidia/version",
    "/sys/module/amdgpu/version",
    "/sys/class/kfd/kfd/topology/generation_id",
    "/opt/rocm/.info/version",
)
_FOLDERS = ("/sys/bus/pci/devices", "/sys/class/drm", "/sys/class/kfd/kfd", "/dev/dri")
_DEVICES = ("nvidia", "kfd", "davinci", "accel", "dxg")
"""How the names of the device files of accelerators start; containers differ in them."""
_CPU_LINES = ("vendor_id", "model name", "flags", "CPU implementer", "CPU part", "Features")
_VARIABLES = ("ASCEND", "CONDA_OVERRIDE_", "CUDA", "HIP_", "NVIDIA", "ONEAPI_", "ROC", "ZE_")
"""How the names of the vendors' variables start."""
_NAMES = frozenset({"PATH", "LD_LIBRARY_PATH"})


def host_fingerprint(machine: Machine) -> str | None:
    """64 hex digits, or None where nothing tells one boot of the machine from another.

    None on Windows, and for a machine that is only described.  A container started anew is another
    machine.  About a millisecond; on macOS one child process.
    """
    boot = _boot(machine)
    if machine.described or not boot:
        return None
    inputs = (
        _REVISION,
        machine.system,
        machine.processor,
        boot,
        machine.identity("/"),
        machine.identity("/etc/ld.so.cache"),
        [machine.text(path) for path in _FILES],
        [list(machine.entries(path)) for path in _FOLDERS],
        [name for name in machine.entries("/dev") if name.startswith(_DEVICES)],
        _processor(machine),
        _variables(machine.environ),
    )
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def _boot(machine: Machine) -> str | None:
    if machine.system == "Darwin":
        return machine.run(("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"), 10.0)
    return machine.text(_FILES[0])


def _processor(machine: Machine) -> list[str]:
    # A virtual machine can wake up on another host with the same boot behind it.
    first, _, _ = (machine.text("/proc/cpuinfo", 16 * 1024) or "").partition("\n\n")
    return [line for line in first.splitlines() if line.startswith(_CPU_LINES)]


def _variables(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(
        (name, value)
        for name, value in environ.items()
        if name in _NAMES or name.startswith(_VARIABLES) or "_VARIANT_PROVIDER_" in name
    )
