"""Namespace `intel`: the device IP of the GPUs.

Spec: intel-variant-provider 0.0.3, with the device table of April 2026.  A GPU also runs what was
built for the base of its family.  Outside Linux and Windows nothing is supported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers.level_zero import UNINITIALIZED, LevelZeroError, device_ips
from vinstall.providers.machine import Machine
from vinstall.providers.override import DEVICE_IP, malformed
from vinstall.values import frozen

_BASES: Mapping[str, str] = {
    "35.11.0": "",
    "35.10.4": "",
    "30.5.4": "30.0.4",
    "30.4.4": "30.0.4",
    "30.3.1": "30.0.4",
    "30.1.0": "30.0.4",
    "30.0.4": "",
    "20.4.4": "20.1.0",
    "20.2.0": "20.1.0",
    "20.1.0": "",
    "12.74.4": "",
    "12.71.4": "12.70.4",
    "12.70.4": "",
    "12.60.7": "",
    "12.57.0": "12.55.8",
    "12.56.5": "12.55.8",
    "12.55.8": "",
    "12.10.0": "",
    "12.4.0": "",
    "12.3.0": "",
    "12.2.0": "",
    "12.1.0": "",
    "12.0.0": "",
}
"""Every known device IP, with the base of its family where that is another one."""


@frozen
class IntelFacts:
    """What Level Zero says, or the user instead."""

    how: str
    devices: tuple[str, ...] = ()
    """Device IPs `architecture.release.revision`, in the order of the drivers."""
    forced: str | None = None
    fault: str | None = None
    """What went wrong while Level Zero was asked."""


def probe(machine: Machine) -> IntelFacts:
    """The Intel GPUs of `machine`.

    Raises UsageError for a variable that does not parse.  Without the loader it costs one failed
    load; with it, the start of the driver.
    """
    forced = parse_device_ip(machine.environ.get(DEVICE_IP, ""))
    if forced is not None:
        return IntelFacts(how=f"{DEVICE_IP}={forced}", forced=forced)
    if machine.system == "Linux":
        library = machine.load("libze_loader.so.1")
    elif machine.system == "Windows":
        windows = machine.environ.get("WINDIR", "C:/Windows")
        library = machine.load(f"{windows}/System32/ze_loader.dll")
    else:
        return IntelFacts(how="Intel GPUs are looked for on Linux and Windows only")
    if library is None:
        return IntelFacts(how="no Level Zero loader")
    try:
        devices = tuple(map(render_ip, device_ips(library)))
    except LevelZeroError as error:
        if error.result == UNINITIALIZED:
            return IntelFacts(how="Level Zero: no driver")
        return IntelFacts(how="Level Zero", fault=str(error))
    return IntelFacts(how=f"Level Zero: {', '.join(devices) or 'no Intel GPU'}", devices=devices)


def parse_device_ip(text: str) -> str | None:
    """The device IP in `text`, the value of the variable; None where it is empty.

    Raises UsageError.
    """
    if not text:
        return None
    if re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", text) is None:
        raise malformed(DEVICE_IP, text, "a device IP such as `12.55.8`")
    return text


def render_ip(version: int) -> str:
    """`architecture.release.revision` of the 32 bits Level Zero reports."""
    return f"{version >> 22}.{version >> 14 & 0xFF}.{version & 0x3F}"


def supported(facts: IntelFacts) -> NamespaceAnswer:
    """`device_ip`: each GPU and then the base of its family, as far as they are known.  Pure."""
    if facts.forced is not None:
        # The variable says exactly what is supported, without the base.
        ips = [facts.forced]
    else:
        ips = [ip for device in facts.devices for ip in (device, _BASES.get(device)) if ip]
    known = tuple(dict.fromkeys(ip for ip in ips if ip in _BASES))
    unknown = dict.fromkeys(ip for ip in ips if ip not in _BASES)
    warnings = [
        f"the Intel device IP `{ip}` is not known: no build is chosen for it" for ip in unknown
    ]
    if facts.fault is not None:
        warnings.append(f"the Intel GPU driver could not be asked: {facts.fault}")
    return NamespaceAnswer(
        features=(FeatureSupport("device_ip", known, multi_value=True),) if known else (),
        how=facts.how,
        warnings=tuple(warnings),
    )
