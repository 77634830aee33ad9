"""Namespace `ascend`: the type of the NPU, the version of its driver and of CANN.

Spec: huawei-ascend-variant-provider 0.0.2.  The first NPU counts; what cannot be found is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.pattern import pattern
from vinstall.providers.machine import Machine
from vinstall.providers.override import CANN_VERSION, NPU_DRIVER, NPU_TYPE, malformed
from vinstall.values import frozen

_SECONDS = 10.0
_NPU = pattern(r"^\|\s*\d+\s+(\d+[A-Za-z]+\d*|[A-Za-z]+\d+[A-Za-z0-9]*)\s+\|", re.MULTILINE)
_DRIVER = pattern(r"Version:\s*(\d+)\.(\d+)(?:\.(\d+))?(?:\.rc(\d+))?")
_CANN = pattern(r"version=(\d+)\.(\d+)(?:\.(\d+))?(?:\.RC(\d+))?")
_VALUE = pattern(r"[a-z0-9_.]+")


@frozen
class AscendFacts:
    """What `npu-smi` and the toolkit say, or the user instead; None where nothing says it."""

    how: str
    npu: str | None = None
    driver: str | None = None
    cann: str | None = None


def probe(machine: Machine) -> AscendFacts:
    """The NPU, driver and CANN of `machine`.

    Raises UsageError for a variable that does not parse.  Runs `npu-smi` where it is installed.
    """
    forced = {name: _forced(machine.environ, name) for name in (NPU_TYPE, NPU_DRIVER, CANN_VERSION)}
    told = None
    if not (forced[NPU_TYPE] and forced[NPU_DRIVER]):
        told = machine.run(("npu-smi", "info"), _SECONDS)
    said = [f"{name}={value}" for name, value in forced.items() if value]
    said.append("no `npu-smi`" if told is None else "npu-smi")
    npu = _NPU.search(told or "")
    return AscendFacts(
        how=", ".join(said),
        npu=forced[NPU_TYPE] or (npu_type(npu[1]) if npu else None),
        driver=forced[NPU_DRIVER] or _version(_DRIVER, told),
        cann=forced[CANN_VERSION] or _version(_CANN, _toolkit(machine)),
    )


def npu_type(name: str) -> str:
    """The `npu_type` of an NPU that `npu-smi` calls `name`: 910B3 is `910b`, Ascend910 is `a3`."""
    name = name.lower()
    name = name.removeprefix("ascend") or name
    if name == "910":
        return "a3"
    return next((known for known in ("910b", "310p") if name.startswith(known)), name)


def supported(facts: AscendFacts) -> NamespaceAnswer:
    """`npu_type`, `driver_version` and `cann_version`, one value each, as far as known.  Pure."""
    values = {
        "npu_type": facts.npu,
        "driver_version": facts.driver,
        "cann_version": facts.cann,
    }
    features = tuple(FeatureSupport(name, (value,)) for name, value in values.items() if value)
    return NamespaceAnswer(features=features, how=facts.how)


def _forced(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name, "")
    if text and _VALUE.fullmatch(text) is None:
        raise malformed(name, text, "made of the characters `a-z`, `0-9`, `_` and `.`")
    return text or None


def _toolkit(machine: Machine) -> str | None:
    home = machine.environ.get("ASCEND_TOOLKIT_HOME")
    if not home:
        return None
    return machine.text(f"{home}/{machine.processor}-linux/ascend_toolkit_install.info")


def _version(pattern: re.Pattern[str], text: str | None) -> str | None:
    match = pattern.search(text or "")
    if match is None:
        return None
    major, minor, patch, candidate = match.groups()
    numbers = (str(int(part)) for part in (major, minor, patch) if part is not None)
    return ".".join(numbers) + ("" if candidate is None else f".rc{int(candidate)}")
