"""What a target supports, in order.  Spec: PEP 825 "Variant ordering", steps 2 and 3; PEP 850."""

from __future__ import annotations

from typing import TypeAlias

from vinstall.values import Row, frozen


class FeatureSupport(Row):
    """The values of one feature that the target supports, most preferred first."""

    name: str
    values: tuple[str, ...]
    multi_value: bool = False
    """What the provider publishes; selection does not depend on it (PEP 825: any one value)."""


NamespaceSupport: TypeAlias = tuple[FeatureSupport, ...]
"""The features of one namespace that the target supports, most preferred first."""


@frozen
class NamespaceAnswer:
    """What the target supports in one namespace, and how that is known."""

    features: NamespaceSupport = ()
    how: str = ""
    """For the user: "NVML: driver 580.95.05, CUDA 13.0, 8 GPUs", "static properties", "host file"."""
    unavailable: str | None = None
    """Why nothing is supported although labels ask for it; None where the provider was asked."""
    unanswered: bool = False
    """Nobody could tell: nothing is chosen for it, and what was chosen before is not ruled out."""
    warnings: tuple[str, ...] = ()
    """What went wrong while asking; one line each, for `Observer.warning`."""
    notices: tuple[str, ...] = ()
    """What the user should know although nothing went wrong; one line each."""
