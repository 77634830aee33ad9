"""Namespace `nvidia`: bounds on the CUDA version of the driver, and the architecture of the GPU.

Spec: nvidia-variant-provider 0.0.2.  NVML is asked (through nvidia-ml-py), and libcuda where only
that is there.  CUDA_VISIBLE_DEVICES is not heeded: what a shell hides is still in the machine.
Other than the provider: without a GPU nothing is supported, a driver newer than the provider knows
is taken at its word, and a GPU whose capability cannot be read costs `sm_arch`, not everything.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from packaging.version import InvalidVersion, Version

from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers.machine import Machine
from vinstall.providers.override import CONDA_CUDA, CUDA_VERSION, SM_ARCH, malformed
from vinstall.values import frozen

_FIRST_MAJOR = 11
_LAST_MAJOR = 15
_LAST_MINOR = 20
_FIRST_CAPABILITY = (5, 0)
_LIMIT = 99
"""No CUDA version or capability has a part above this; keeps the lists short."""

_SECONDS = 20.0
_DRIVER_NOT_LOADED = 9
_LIBCUDA = {"Windows": "nvcuda.dll"}

Pair: TypeAlias = tuple[int, int]
"""Major and minor."""


@frozen
class Forced:
    """What the user says instead of the driver."""

    cuda: Pair | None = None
    source: str = ""
    """The variable that gave `cuda`."""
    capability: Pair | None = None
    no_cuda: bool = False
    """`CONDA_OVERRIDE_CUDA` is set and empty."""


@frozen
class NvidiaFacts:
    """What the driver says, and what the user says instead."""

    how: str
    forced: Forced
    cuda: Pair | None = None
    """The CUDA version of the user-mode driver; None where there is no driver."""
    gpus: int = 0
    capabilities: tuple[Pair, ...] = ()
    """Of the GPUs whose capability could be read, in the driver's order."""
    fault: str | None = None
    """What went wrong while the driver was asked."""


def probe(machine: Machine) -> NvidiaFacts:
    """What the driver of `machine` says, and the variables that stand for it.

    Raises UsageError for a variable that does not parse.  Under a millisecond without a driver;
    starting NVML can take seconds where no other program keeps the driver awake.
    """
    forced = parse_forced(machine.environ)
    if forced.no_cuda or (forced.cuda and forced.capability):
        return NvidiaFacts(how="not asked", forced=forced)
    if any(machine.load(name) is not None for name in _nvml_names(machine)):
        return _from_nvml(forced)
    libcuda = _LIBCUDA.get(machine.system, "libcuda.so.1")
    if machine.load(libcuda) is not None:
        return _from_libcuda(machine, libcuda, forced)
    return NvidiaFacts(how="no NVIDIA driver", forced=forced)


def parse_forced(environ: Mapping[str, str]) -> Forced:
    """What the override variables say; the provider's own outrank conda's.  Raises UsageError."""
    name = CUDA_VERSION if environ.get(CUDA_VERSION) else CONDA_CUDA
    text = environ.get(name, "")
    # conda: nothing but white space means that there is no CUDA.
    no_cuda = name == CONDA_CUDA and name in environ and not text.strip()
    forced = bool(text) and not no_cuda
    return Forced(
        cuda=parse_cuda_version(name, text) if forced else None,
        source=name if forced else "",
        capability=parse_capability(environ.get(SM_ARCH, "")),
        no_cuda=no_cuda,
    )


def parse_cuda_version(name: str, text: str) -> Pair:
    """Major and minor of `text`, the value of variable `name`.  Raises UsageError."""
    form = "a version such as `12.8`"
    try:
        version = Version(text)
    except InvalidVersion as error:
        raise malformed(name, text, form) from error
    if version.major > _LIMIT or version.minor > _LIMIT:
        raise malformed(name, text, form)
    return version.major, version.minor


def parse_capability(text: str) -> Pair | None:
    """Major and minor of `text`, the value of the variable for `sm_arch`; None where it is empty.

    Raises UsageError.
    """
    if not text:
        return None
    match = re.fullmatch(r"\s*([0-9]{1,2})\.([0-9])\s*", text)
    if match is None:
        raise malformed(SM_ARCH, text, "a compute capability such as `9.0`")
    return int(match[1]), int(match[2])


def _nvml_names(machine: Machine) -> tuple[str, ...]:
    if machine.system != "Windows":
        return ("libnvidia-ml.so.1",)
    windows = machine.environ.get("WINDIR", "C:/Windows")
    programs = machine.environ.get("ProgramFiles", "C:/Program Files")
    return (f"{windows}/System32/nvml.dll", f"{programs}/NVIDIA Corporation/NVSMI/nvml.dll")


def _from_nvml(forced: Forced) -> NvidiaFacts:
    import pynvml  # type: ignore[import-untyped]

    try:
        pynvml.nvmlInitWithFlags(0)
    except pynvml.NVMLError as error:
        if error.value == _DRIVER_NOT_LOADED:
            return NvidiaFacts(how="the NVIDIA driver is not loaded", forced=forced)
        return NvidiaFacts(how="NVML", fault=str(error), forced=forced)
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        cuda = _nvml_cuda(pynvml)
        capabilities = _nvml_capabilities(pynvml, pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError as error:
        return NvidiaFacts(how="NVML", fault=str(error), forced=forced)
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()
    return _facts(f"NVML: driver {driver}", cuda, capabilities, forced)


def _nvml_cuda(pynvml: Any) -> int | None:
    for ask in (pynvml.nvmlSystemGetCudaDriverVersion_v2, pynvml.nvmlSystemGetCudaDriverVersion):
        with suppress(pynvml.NVMLError):
            return int(ask())
    return None


def _nvml_capabilities(pynvml: Any, count: int) -> list[Pair | None]:
    capabilities: list[Pair | None] = []
    for index in range(count):
        # A GPU that is lost spoils all, as in the provider; one that only keeps quiet does not.
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        try:
            capabilities.append(pynvml.nvmlDeviceGetCudaComputeCapability(handle))
        except pynvml.NVMLError:
            capabilities.append(None)
    return capabilities


def _from_libcuda(machine: Machine, name: str, forced: Forced) -> NvidiaFacts:
    command = (sys.executable, "-I", "-m", "vinstall.providers.cuda_driver", name)
    told = machine.run(command, _SECONDS)
    if told is None:
        return NvidiaFacts(how="libcuda", fault="libcuda did not answer", forced=forced)
    import json

    answer = json.loads(told)
    if "error" in answer:
        return NvidiaFacts(how="libcuda", fault=f"CUDA error {answer['error']}", forced=forced)
    capabilities = [(major, minor) if major else None for major, minor in answer["capabilities"]]
    return _facts("libcuda", answer["version"], capabilities, forced)


def _facts(
    how: str, cuda: int | None, capabilities: Sequence[Pair | None], forced: Forced
) -> NvidiaFacts:
    version = None if cuda is None else (cuda // 1000, cuda % 1000 // 10)
    if version is not None and not 0 <= version[0] <= _LIMIT:
        return NvidiaFacts(how=how, fault=f"it claims CUDA {cuda}", forced=forced)
    return NvidiaFacts(
        how=how,
        forced=forced,
        cuda=version,
        gpus=len(capabilities),
        capabilities=tuple(each for each in capabilities if each is not None),
    )


def supported(facts: NvidiaFacts) -> NamespaceAnswer:
    """`cuda_version_lower_bound`, `cuda_version_upper_bound` and `sm_arch`, as far as known.  Pure."""
    how = _how(facts)
    if facts.forced.no_cuda:
        return NamespaceAnswer(how=f"{CONDA_CUDA} is empty: no CUDA")
    if facts.forced.cuda is None:
        if facts.fault is not None:
            fault = f"the NVIDIA driver could not be asked: {facts.fault}"
            return NamespaceAnswer(how=how, warnings=(fault,))
        if facts.gpus == 0 and (facts.cuda is None or facts.forced.capability is None):
            return NamespaceAnswer(how=how)
    cuda = facts.forced.cuda or facts.cuda
    if cuda is None:
        return NamespaceAnswer(
            how=how, warnings=("the NVIDIA driver does not say which CUDA version it supports",)
        )
    if facts.forced.cuda is None and cuda[0] < _FIRST_MAJOR:
        return NamespaceAnswer(
            how=how,
            warnings=(f"the NVIDIA driver supports CUDA {_dotted(cuda)}; 11.0 is the first known",),
        )
    return _answer(facts, cuda, how)


def _answer(facts: NvidiaFacts, cuda: Pair, how: str) -> NamespaceAnswer:
    capability = facts.forced.capability or max(facts.capabilities, default=None)
    features = (
        FeatureSupport("cuda_version_lower_bound", lower_bounds(cuda)),
        FeatureSupport("cuda_version_upper_bound", upper_bounds(cuda)),
        FeatureSupport("sm_arch", architectures(capability), multi_value=True),
    )
    warnings = []
    if capability is None and facts.gpus:
        warnings.append("the compute capability of the NVIDIA GPU could not be read")
    elif capability is not None and capability < _FIRST_CAPABILITY:
        warnings.append(f"compute capability {_dotted(capability)} is below 5.0: no `sm_arch`")
    return NamespaceAnswer(
        features=tuple(feature for feature in features if feature.values),
        how=how,
        warnings=tuple(warnings),
        notices=() if facts.forced.capability else _mixed(facts.capabilities),
    )


def lower_bounds(cuda: Pair) -> tuple[str, ...]:
    """The bounds "at least" that a driver of version `cuda` meets, highest first.

    The bare major comes after its `.0`, as the provider has it.
    """
    major, minor = cuda
    return tuple(
        value
        for each in range(major, _FIRST_MAJOR - 1, -1)
        for value in _minors(each, minor if each == major else _LAST_MINOR)
    )


def upper_bounds(cuda: Pair) -> tuple[str, ...]:
    """The bounds "below" that a driver of version `cuda` meets, highest first."""
    major, minor = cuda
    above = [
        value for each in range(_LAST_MAJOR, major, -1) for value in _minors(each, _LAST_MINOR)
    ]
    own = range(_LAST_MINOR, minor, -1) if major <= _LAST_MAJOR else ()
    return (*above, *(f"{major}.{each}" for each in own))


def _minors(major: int, highest: int) -> list[str]:
    return [*(f"{major}.{minor}" for minor in range(highest, -1, -1)), str(major)]


def architectures(capability: Pair | None) -> tuple[str, ...]:
    """The `sm_arch` values a GPU of this compute capability runs, best first.

    Machine code runs on the same major and any minor up to its own; intermediate code of the
    major's first architecture does too.
    """
    if capability is None or capability < _FIRST_CAPABILITY:
        return ()
    major, minor = capability
    real = (f"{major}{each}_real" for each in range(minor, -1, -1))
    return (*real, f"{major}0_virtual")


def _how(facts: NvidiaFacts) -> str:
    said = [facts.how]
    if facts.cuda is not None:
        said.append(f"CUDA {_dotted(facts.cuda)}")
        said.append(f"{facts.gpus} GPU" if facts.gpus == 1 else f"{facts.gpus} GPUs")
    if facts.forced.cuda is not None:
        said.append(f"{facts.forced.source} says {_dotted(facts.forced.cuda)}")
    if facts.forced.capability is not None:
        said.append(f"{SM_ARCH} says {_dotted(facts.forced.capability)}")
    return ", ".join(said)


def _mixed(capabilities: Sequence[Pair]) -> tuple[str, ...]:
    distinct = sorted(set(capabilities), reverse=True)
    if len(distinct) < 2:
        return ()
    listed = ", ".join(map(_dotted, distinct))
    return (
        f"the NVIDIA GPUs differ (compute capability {listed}): builds are chosen for the highest",
    )


def _dotted(pair: Pair) -> str:
    return f"{pair[0]}.{pair[1]}"
