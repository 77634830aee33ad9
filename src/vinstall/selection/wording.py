"""What a label asks for and the target does not offer, in words.

The known namespaces get the words their users use; any other gets its properties as they stand.
The meaning of the features is that of the published providers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vinstall.formats.variant_json import Property

_SHOWN = 4


class Wording(Row):
    """How one feature is spoken of."""

    needs: str
    """`{}` stands for the wanted values."""
    has: str
    """`{}` stands for the best value the target offers."""
    none: str
    """Said where the target offers nothing."""


_NO_NVIDIA = "no NVIDIA GPU was found"
_NO_AMD = "no AMD GPU with ROCm was found"

_WORDINGS: Mapping[tuple[str, str], Wording] = MappingProxyType(
    {
        ("nvidia", "cuda_version_lower_bound"): Wording(
            "needs CUDA {}", "the driver offers {}", _NO_NVIDIA
        ),
        ("nvidia", "cuda_version_upper_bound"): Wording(
            "needs a driver older than CUDA {}", "the driver is newer", _NO_NVIDIA
        ),
        ("nvidia", "sm_arch"): Wording(
            "is built for compute capability {}", "the GPU has {}", _NO_NVIDIA
        ),
        ("amd", "gfx_arch"): Wording("is built for {}", "the GPU is {}", _NO_AMD),
        ("amd", "rocm_version"): Wording("needs ROCm {}", "this machine has {}", _NO_AMD),
        ("intel", "device_ip"): Wording(
            "is built for Intel GPUs {}", "the GPU is {}", "no Intel GPU was found"
        ),
        ("x86_64", "level"): Wording(
            "needs an x86-64 CPU of level {}", "this one has {}", "this is no x86-64 CPU"
        ),
        ("aarch64", "version"): Wording(
            "needs an Arm CPU of version {}", "this one has {}", "this is no 64-bit Arm CPU"
        ),
        ("tpu", "present"): Wording("needs a TPU", "none was found", "none was found"),
    }
)
_CPUS: Mapping[str, str] = MappingProxyType({"x86_64": "an x86-64 CPU", "aarch64": "an Arm CPU"})


def feature_sentence(wanted: Sequence[Property], offered: Sequence[str]) -> str:
    """The end of a sentence on one feature: "needs CUDA 13.0, the driver offers 12.4".

    `wanted` are all properties of one feature, at least one; `offered` the values the target
    supports, most preferred first.
    """
    namespace, feature, _ = wanted[0]
    values = [prop.value for prop in wanted]
    wording = _WORDINGS.get((namespace, feature))
    if wording is None:
        return _plain_sentence(namespace, feature, values, offered)
    if feature == "sm_arch":
        values = sorted(dict.fromkeys(map(_capability, values)), key=lambda text: (len(text), text))
        offered = [_capability(value) for value in offered]
    needs = wording.needs.format(either(values))
    return f"{needs}, {wording.has.format(offered[0]) if offered else wording.none}"


def _plain_sentence(
    namespace: str, feature: str, values: Sequence[str], offered: Sequence[str]
) -> str:
    if namespace in _CPUS and list(values) == ["on"]:
        return f"needs {_CPUS[namespace]} with `{feature}`"
    from vinstall.formats.variant_json import ABI_DEPENDENCY

    if namespace == ABI_DEPENDENCY:
        return f"binds to `{feature}` {either(values)}, which begins no release"
    offer = f"the target offers {either(offered)}" if offered else "the target offers none"
    return f"needs `{namespace} :: {feature}` {either(values)}, {offer}"


def _capability(value: str) -> str:
    """`90_real` and `90_virtual` as `9.0`; what does not look so stays as it is."""
    number, _, kind = value.partition("_")
    known = kind in ("real", "virtual") and number.isdecimal() and len(number) > 1
    return f"{number[:-1]}.{number[-1]}" if known else value


def either(values: Sequence[str], last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`; a long list is cut: `a, b, c, d or 5 others`."""
    if len(values) > _SHOWN + 1:
        values = [*values[:_SHOWN], f"{len(values) - _SHOWN} others"]
    return f" {last} ".join(part for part in (", ".join(values[:-1]), values[-1]) if part)
