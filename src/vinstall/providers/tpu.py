"""Namespace `tpu`: whether a TPU is present.

Spec: tpu-variant-provider 0.1.0, as uv 0.13.8 answers for it.  A TPU is a PCI device; Google's
vendor number alone is not enough, since virtual network cards and disks carry it too.
"""

from __future__ import annotations

from collections.abc import Mapping

from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers.machine import Machine
from vinstall.providers.override import TPU_PRESENT, malformed
from vinstall.values import frozen

_DEVICES = "/sys/bus/pci/devices"
_GOOGLE = "0x1ae0"
_TPUS = frozenset(
    {
        "0x0027",  # v2, v3
        "0x0056",
        "0x005e",  # v4
        "0x0062",  # v5p
        "0x0063",  # v5e
        "0x006f",  # v6e
        "0x0076",  # 7x
        "0x007c",
        "0x0083",
    }
)
_VALUES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@frozen
class TpuFacts:
    """Whether there is a TPU, and how that is known."""

    present: bool
    how: str


def probe(machine: Machine) -> TpuFacts:
    """Whether `machine` has a TPU; Linux only.

    Raises UsageError for a variable that does not parse.  Reads a small file for each PCI device.
    """
    forced = parse_present(machine.environ)
    if forced is not None:
        return TpuFacts(present=forced, how=f"{TPU_PRESENT}={machine.environ[TPU_PRESENT]}")
    if machine.system != "Linux":
        return TpuFacts(present=False, how="TPUs are looked for on Linux only")
    for device in machine.entries(_DEVICES):
        if machine.text(f"{_DEVICES}/{device}/vendor") == _GOOGLE:
            model = machine.text(f"{_DEVICES}/{device}/device")
            if model in _TPUS:
                return TpuFacts(present=True, how=f"PCI device {device}")
    return TpuFacts(present=False, how="no TPU among the PCI devices")


def parse_present(environ: Mapping[str, str]) -> bool | None:
    """What the override variable says; None where it is empty.  Raises UsageError."""
    text = environ.get(TPU_PRESENT, "")
    if not text:
        return None
    present = _VALUES.get(text.strip().lower())
    if present is None:
        raise malformed(TPU_PRESENT, text, "`true` or `false`")
    return present


def supported(facts: TpuFacts) -> NamespaceAnswer:
    """`present`, with the value `true` or `false`.  Pure."""
    value = "true" if facts.present else "false"
    return NamespaceAnswer(features=(FeatureSupport("present", (value,)),), how=facts.how)
