"""The published variables that stand for detection.  Spec: the providers' own documentation.

A variable that is empty counts as not set; a value that does not parse is the user's mistake and is
said so, with the form that is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping

from vinstall.errors import UsageError

CUDA_VERSION = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"
SM_ARCH = "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"
CONDA_CUDA = "CONDA_OVERRIDE_CUDA"
GFX_ARCH = "AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH"
ROCM_VERSION = "AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION"
DEVICE_IP = "INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP"
TPU_PRESENT = "TPU_VARIANT_PROVIDER_FORCE_PRESENT"
NPU_TYPE = "ASCEND_VARIANT_PROVIDER_FORCE_NPU_TYPE"
NPU_DRIVER = "ASCEND_VARIANT_PROVIDER_FORCE_DRIVER_VERSION"
CANN_VERSION = "ASCEND_VARIANT_PROVIDER_FORCE_CANN_VERSION"

OVERRIDES = (
    CUDA_VERSION,
    SM_ARCH,
    CONDA_CUDA,
    GFX_ARCH,
    ROCM_VERSION,
    DEVICE_IP,
    TPU_PRESENT,
    NPU_TYPE,
    NPU_DRIVER,
    CANN_VERSION,
)


def overrides_in_force(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The override variables that are heeded, with their values.

    `CONDA_OVERRIDE_CUDA` is heeded even when empty (it says: no CUDA), but never beside the
    provider's own variable; every other one only when it is not empty.
    """
    return tuple((name, environ[name]) for name in OVERRIDES if _in_force(name, environ))


def malformed(name: str, value: str, form: str) -> UsageError:
    """The error for a `value` of variable `name`; `form` completes "it has to be ..."."""
    return UsageError(
        f"the variable `{name}` has the value `{value}`, which cannot be understood",
        hint=f"it has to be {form}; unset it to have the machine detected",
    )


def _in_force(name: str, environ: Mapping[str, str]) -> bool:
    if name == CONDA_CUDA:
        return name in environ and not environ.get(CUDA_VERSION)
    return bool(environ.get(name))
