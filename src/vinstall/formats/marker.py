"""Environment markers with the four variant fields.  Spec: PEP 508, PEP 825 "Environment markers".

The variant fields are evaluated here; every other comparison is lent to `packaging.markers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName

from vinstall.formats.variant_json import Property


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerContext:
    """Everything a marker can ask about."""

    environment: Mapping[str, str]
    """The target's marker environment (`python_version`, `sys_platform`, ...), without `extra`."""
    extras: frozenset[NormalizedName] = frozenset()
    """The extras of the distribution whose dependencies are read that were asked for."""
    label: str = ""
    """Label of the selected wheel; empty for a non-variant wheel (PEP 825)."""
    properties: frozenset[Property] = field(default=frozenset())
    """The selected wheel's properties, narrowed to those the target supports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A parsed marker."""

    text: str
    """As written, white space at the ends removed."""

    def evaluate(self, context: MarkerContext) -> bool:
        """Whether the marker holds.  `extra` is true for any one of `context.extras` or for none."""
        raise NotImplementedError


def parse_marker(text: str) -> Marker:
    """`text` as a marker.  Raises FormatError."""
    raise NotImplementedError
